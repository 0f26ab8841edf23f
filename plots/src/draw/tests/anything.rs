//! Charts of anything, well-formed only for the compiler.

use proptest::prelude::*;

use super::{chart_of, tree};
use crate::chart::{
    Axis, Band, Bar, Bars, Body, Dash, Ink, Limit, Mark, Panel, Panels, Part, Phase, Scale, Series, Shape,
};
use crate::draw::{Theme, svg};
use crate::unit::Unit;

/// Numbers that break arithmetic, among harmless ones.
fn number() -> impl Strategy<Value = f64> {
    let odd = [
        0.0,
        -0.0,
        1.0,
        f64::NAN,
        f64::INFINITY,
        f64::NEG_INFINITY,
        f64::MAX,
        f64::MIN_POSITIVE,
        1e18,
        1e-12,
        -5.0,
    ];
    prop_oneof![prop::sample::select(odd.to_vec()), -1e3..1e6_f64, any::<f64>()]
}

fn words() -> impl Strategy<Value = String> {
    prop_oneof![".{0,12}", "[a-z ]{0,200}", Just("x".repeat(5000)), Just(String::new())]
}

fn axis() -> impl Strategy<Value = Axis> {
    use Unit::{Bytes, BytesPerSecond, Cores, Count, PerSecond, Ratio, Seconds};
    let unit = prop::sample::select(vec![Count, Bytes, Seconds, PerSecond, BytesPerSecond, Ratio, Cores]);
    let scale = prop::sample::select(vec![Scale::Linear, Scale::Log, Scale::Percentile]);
    let range = prop::option::weighted(0.3, (number(), number()));
    let ticks = prop::collection::vec((number(), words()), 0..3);
    (words(), unit, scale, range, ticks).prop_map(|(label, unit, scale, range, ticks)| Axis {
        label,
        unit,
        scale,
        range,
        ticks,
    })
}

fn series() -> impl Strategy<Value = Series> {
    let shape = prop::sample::select(vec![Shape::Line, Shape::Steps, Shape::Points, Shape::LinePoints]);
    let dash = prop::sample::select(vec![Dash::Solid, Dash::Dashed, Dash::Dotted, Dash::DashDot]);
    let points = prop::collection::vec((number(), number()), 0..30);
    let hints = prop::collection::vec(words(), 0..3);
    (words(), any::<usize>(), dash, any::<bool>(), shape, points, hints).prop_map(
        |(name, hue, dash, faint, shape, points, hints)| Series {
            name,
            ink: Ink { hue, dash, faint },
            shape,
            points,
            hints,
        },
    )
}

fn panel() -> impl Strategy<Value = Panel> {
    let band = (words(), prop::collection::vec((number(), number(), number()), 0..6))
        .prop_map(|(name, points)| Band { name, ink: Ink::default(), points });
    let limit = (words(), number()).prop_map(|(label, y)| Limit { label, y });
    let lists = (
        prop::collection::vec(series(), 0..4),
        prop::collection::vec(band, 0..2),
        prop::collection::vec(limit, 0..4),
    );
    (axis(), number(), lists).prop_map(|(y, height, (series, bands, limits))| Panel {
        y,
        height,
        series,
        bands,
        limits,
    })
}

fn body() -> impl Strategy<Value = Body> {
    let phase = (words(), number(), number()).prop_map(|(name, from, to)| Phase { name, from, to });
    let mark = (number(), words(), any::<bool>()).prop_map(|(at, name, bad)| Mark { at, name, bad });
    let times = (prop::collection::vec(phase, 0..4), prop::collection::vec(mark, 0..6));
    let panels = (axis(), prop::collection::vec(panel(), 0..4), times)
        .prop_map(|(x, panels, (phases, marks))| Body::Panels(Panels { x, panels, phases, marks }));
    let part = (words(), number(), prop::option::of(any::<usize>())).prop_map(|(label, value, hue)| Part {
        label,
        value,
        hue,
    });
    let bar = (words(), number(), prop::collection::vec(part, 0..6)).prop_map(|(title, total, parts)| Bar {
        title,
        total,
        parts,
    });
    let bars = (axis(), prop::collection::vec(bar, 0..5)).prop_map(|(y, bars)| Body::Bars(Bars { y, bars }));
    prop_oneof![3 => panels, 1 => bars]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever it is given: no panic, SVG that parses, and no number that is none.
    #[test]
    fn anything_can_be_drawn(body in body(), name in words(), width in 0..3000_u32) {
        let mut chart = chart_of(body);
        (chart.name, chart.question, chart.answer) = (name.clone(), name.clone(), name);
        for theme in [Theme::File, Theme::Page] {
            let svg = svg(&chart, width, theme);
            // Words may say anything; numbers stand in attributes.
            for attribute in svg.split('<').filter_map(|tag| tag.split('>').next()) {
                let numbers = attribute.split('"').skip(1).step_by(2).filter(|value| !value.contains("data-chart"));
                for value in numbers {
                    prop_assert!(!value.contains("NaN") && value != "inf" && value != "-inf", "{}", attribute);
                }
            }
            tree(&svg);
        }
    }
}

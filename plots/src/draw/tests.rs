//! Whole charts: what every width, every input and both themes must hold to.

use std::collections::HashSet;

use resvg::usvg::{Group, Node, Rect, Tree};

use super::*;
use crate::chart::{
    Axis, Band, Bar, Bars, Ink, Limit, Mark, Panel, Panels, Part, Phase, Scale, Series, Shape,
};

mod anything;
#[path = "../../examples/gallery/charts.rs"]
mod charts;

const WIDTHS_TRIED: [u32; 6] = [320, 560, 600, 960, 1120, 1400];

/// Every text with the box that its ink takes, in px.
fn texts(group: &Group, out: &mut Vec<(String, Rect)>) {
    for node in group.children() {
        match node {
            Node::Group(group) => texts(group, out),
            Node::Text(text) => {
                let words: String = text.chunks().iter().map(resvg::usvg::TextChunk::text).collect();
                out.push((words, text.abs_bounding_box()));
            }
            _ => {}
        }
    }
}

fn tree(svg: &str) -> Tree {
    Tree::from_str(svg, &png::options()).unwrap_or_else(|error| panic!("{error}: {svg}"))
}

/// No text is cut by the picture's edge or stands on another.
fn assert_legible(svg: &str, width: u32, what: &str) {
    let tree = tree(svg);
    assert_eq!(tree.size().width(), width as f32);
    let mut list = Vec::new();
    texts(tree.root(), &mut list);
    assert!(!list.is_empty(), "{what}: no text");
    for (place, (words, area)) in list.iter().enumerate() {
        let inside = area.left() >= 0.0 && area.right() <= tree.size().width();
        assert!(
            inside && area.top() >= 0.0 && area.bottom() <= tree.size().height(),
            "{what}: '{words}' is cut: {area:?}"
        );
        for (other, taken) in &list[place + 1..] {
            let apart = area.right() <= taken.left() + 1.0
                || taken.right() <= area.left() + 1.0
                || area.bottom() <= taken.top() + 1.0
                || taken.bottom() <= area.top() + 1.0;
            assert!(apart, "{what}: '{words}' stands on '{other}': {area:?} {taken:?}");
        }
    }
}

#[test]
fn no_text_is_cut_or_stands_on_another_at_any_width() {
    for chart in charts::gallery() {
        for width in WIDTHS_TRIED {
            let svg = svg(&chart, width, Theme::File);
            assert!(!svg.contains("var("), "a file names colours: {}", chart.name);
            assert_legible(&svg, width, &format!("{} at {width}", chart.name));
        }
    }
}

/// The value of an attribute wherever it stands.
fn values<'a>(svg: &'a str, attribute: &str) -> Vec<&'a str> {
    let open = format!(" {attribute}=\"");
    svg.split(&open).skip(1).filter_map(|rest| rest.split('"').next()).collect()
}

#[test]
fn a_page_has_what_its_script_was_promised() {
    let mut ids = HashSet::new();
    for chart in charts::gallery() {
        for width in [560, 1120] {
            let svg = svg(&chart, width, Theme::Page);
            assert!(
                !svg.contains('#') || values(&svg, "fill").iter().all(|fill| fill.starts_with("url(")),
                "no colours"
            );
            for id in values(&svg, "id") {
                assert!(ids.insert(id.to_owned()), "the id {id} twice");
            }
            if matches!(chart.body, Body::Bars(_)) {
                continue;
            }
            let number = |name: &str| -> f64 { values(&svg, name)[0].parse().unwrap() };
            let (left, right) = (number("data-left"), number("data-right"));
            assert!(0.0 < left && left < right && right <= f64::from(width));
            assert!(number("data-from") < number("data-to"));
            assert!(["linear", "log", "percentile"].contains(&values(&svg, "data-x")[0]));
            let panels = values(&svg, "data-panel").len();
            for name in ["data-top", "data-bottom", "data-low", "data-high", "data-scale", "data-unit"] {
                assert_eq!(values(&svg, name).len(), panels, "{name}");
            }
        }
    }
}

/// Where a script computes a point from the attributes is where it was drawn.
#[test]
fn the_attributes_say_where_points_are() {
    let points = vec![(0.0, 1.0), (50.0, 30.0), (100.0, 20.0)];
    let series =
        Series { name: "s".into(), ink: Ink::default(), shape: Shape::Line, points, hints: Vec::new() };
    for scale in [Scale::Linear, Scale::Log] {
        let y = Axis { scale, ..Axis::default() };
        let panel = Panel { y, height: 1.0, series: vec![series.clone()], ..Panel::default() };
        let body = Body::Panels(Panels { panels: vec![panel], ..Panels::default() });
        let svg = svg(&chart_of(body), 800, Theme::Page);
        let number = |name: &str| -> f64 { values(&svg, name)[0].parse().unwrap() };
        let even = |value: f64| if scale == Scale::Log { value.log10() } else { value };
        let (low, high) = (even(number("data-low")), even(number("data-high")));
        let share = (even(1.0) - low) / (high - low);
        let y = number("data-bottom") + share * (number("data-top") - number("data-bottom"));
        let d = values(&svg, "d").into_iter().find(|d| d.contains('l')).unwrap();
        let (x, rest) = d[1..].split_once(' ').unwrap();
        let start: String = rest.chars().take_while(|c| c.is_ascii_digit() || *c == '.').collect();
        assert!((x.parse::<f64>().unwrap() - number("data-left")).abs() < 0.2, "{d}");
        assert!((start.parse::<f64>().unwrap() - y).abs() < 0.2, "{d}: {y}");
    }
}

fn chart_of(body: Body) -> Chart {
    let (name, question) = ("name".to_owned(), "what?".to_owned());
    Chart { name, question, answer: String::new(), body, footer: Vec::new(), notes: Vec::new() }
}

#[test]
fn what_users_named_is_no_markup() {
    let hostile = "\"/><script>alert(1)</script>&\u{0}\u{202E}".to_owned();
    let mark = Mark { at: 1.0, name: hostile.clone(), bad: true };
    let ink = Ink::default();
    let series = |shape, hints| Series {
        name: hostile.clone(),
        ink,
        shape,
        points: vec![(0.0, 1.0), (2.0, 2.0)],
        hints,
    };
    let panel = Panel {
        y: Axis { label: hostile.clone(), ..Axis::default() },
        series: vec![series(Shape::Line, Vec::new()), series(Shape::Points, vec![hostile.clone(); 2])],
        bands: vec![Band { name: hostile.clone(), ink, points: vec![(0.0, 1.0, 2.0), (2.0, 1.0, 3.0)] }],
        limits: vec![Limit { label: hostile.clone(), y: 1.5 }],
        height: 1.0,
    };
    let x = Axis { label: hostile.clone(), ticks: vec![(1.0, hostile.clone())], ..Axis::default() };
    let phases = vec![Phase { name: hostile.clone(), from: 0.0, to: 2.0 }];
    let part = Part { label: hostile.clone(), value: 1.0, hue: None };
    let bar = Bar { title: hostile.clone(), total: 1.0, parts: vec![part] };
    for body in [
        Body::Panels(Panels { x, panels: vec![panel], phases, marks: vec![mark] }),
        Body::Bars(Bars { y: Axis::default(), bars: vec![bar] }),
    ] {
        let (notes, footer) = (vec![hostile.clone()], vec![hostile.clone()]);
        let chart = Chart {
            name: hostile.clone(),
            question: hostile.clone(),
            answer: hostile.clone(),
            body,
            footer,
            notes,
        };
        for theme in [Theme::File, Theme::Page] {
            let svg = svg(&chart, 600, theme);
            assert!(!svg.contains("<script"), "{svg}");
            tree(&svg);
        }
    }
}

#[test]
fn an_hour_is_thinned_to_the_pixels_it_has() {
    let points: Vec<(f64, f64)> = (0..360_000).map(|i| (f64::from(i) / 100.0, f64::from(i % 997))).collect();
    let series =
        Series { name: "s".into(), ink: Ink::default(), shape: Shape::Line, points, hints: Vec::new() };
    let panel = Panel { height: 1.0, series: vec![series], ..Panel::default() };
    let svg =
        svg(&chart_of(Body::Panels(Panels { panels: vec![panel], ..Panels::default() })), 960, Theme::Page);
    assert!(svg.len() < 40_000, "{}", svg.len());
}

#[test]
fn a_limit_far_away_does_not_flatten_the_data() {
    let points = vec![(0.0, 1.0), (1.0, 2.0)];
    let series =
        Series { name: "s".into(), ink: Ink::default(), shape: Shape::Line, points, hints: Vec::new() };
    let limits = vec![Limit { label: "s < 3".into(), y: 3.0 }, Limit { label: "s < 1000".into(), y: 1000.0 }];
    let panel = Panel { height: 1.0, series: vec![series], limits, ..Panel::default() };
    let svg =
        svg(&chart_of(Body::Panels(Panels { panels: vec![panel], ..Panels::default() })), 600, Theme::Page);
    let high: f64 = values(&svg, "data-high")[0].parse().unwrap();
    assert!((3.0..5.0).contains(&high), "{high}");
    assert!(svg.contains("↑ s &lt; 1000") && svg.contains(">s &lt; 3<"));
}

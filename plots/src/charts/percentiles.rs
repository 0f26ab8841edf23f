//! Latencies by percentile, as HdrHistogram's own plot has them: the axis opens up what is rare.

use telemetry::Histogram;

use super::limits::limits;
use super::{Parts, answers, axis, has_series, latency, left_out};
use crate::chart::{Axis, Body, Dash, Ink, Panel, Panels, Scale, Series, Shape};
use crate::run::grouped;
use crate::{Run, Unit};

/// Points for each halving of what is left.
const TICKS_PER_HALF: u32 = 8;

/// Histogram, name, colour, dash, faint; whether several runs are compared by it.
const LINES: [(&str, &str, usize, Dash, bool, bool); 4] = [
    ("connect.latency_ns", "connected", 1, Dash::Dotted, false, false),
    ("connect.login_ns", "logged in", 1, Dash::Solid, false, false),
    ("delivery.raw_latency_ns", "delivered, raw", 0, Dash::Dashed, true, false),
    ("delivery.latency_ns", "delivered", 0, Dash::Solid, false, true),
];

/// Percentiles that may have thresholds, and the summary's words for them.
const BOUND: [(f64, &str); 4] = [(0.5, "p50"), (0.9, "p90"), (0.99, "p99"), (0.999, "p999")];

/// A threshold is drawn from where so many times as many are slower to where so many times fewer are.
const BOUND_REACH: f64 = 2.0;

/// Slate, as no line of a histogram is.
const BOUND_HUE: usize = 6;

pub(super) fn draw(runs: &[Run]) -> Result<Parts, String> {
    let several = runs.len() > 1;
    let known = |run: &Run, name: &str| run.latency(name).is_some_and(|(_, whole)| !whole.is_empty());
    // Of several runs: deliveries if there are any, else logins.
    let delivered = runs.iter().any(|run| known(run, "delivery.latency_ns"));
    let leads = |name: &str, leads: bool| leads || (!delivered && name == "connect.login_ns");
    let (mut series, mut most) = (Vec::new(), 0);
    for (place, run) in runs.iter().enumerate() {
        for (name, label, hue, dash, faint, lead) in LINES {
            if several && !leads(name, lead) {
                continue;
            }
            let Some((_, whole)) = run.latency(name).filter(|(_, whole)| !whole.is_empty()) else { continue };
            most = most.max(whole.len());
            let (name, ink) = match several {
                true => (format!("{}: {label}", run.label()), Ink { hue: place, ..Ink::default() }),
                false => (label.to_owned(), Ink { hue, dash, faint }),
            };
            series.push(Series { name, ink, shape: Shape::Line, points: points(whole), hints: Vec::new() });
        }
    }
    if series.is_empty() {
        return Err("no latency was measured in this run".to_owned());
    }
    let x = Axis {
        label: "percentile".to_owned(),
        unit: Unit::Ratio,
        scale: Scale::Percentile,
        // The slowest of all stands at the right edge.
        range: Some((0.0, 1.0 - 1.0 / most.max(10) as f64)),
        ..Axis::default()
    };
    let y = Axis { scale: Scale::Log, ..axis("latency", Unit::Seconds) };
    let shown = LINES.iter().filter(|(name, .., lead)| !several || leads(name, *lead));
    for (name, label, ..) in shown.filter(|(name, ..)| runs.iter().any(|run| known(run, name))) {
        series.extend(thresholds(runs, name, label, 1.0 - 1.0 / most.max(10) as f64));
    }
    let limits = limits(runs, &["delivery.latency_ms.max"]);
    let panels = vec![Panel { y, height: 1.0, series, bands: Vec::new(), limits }];
    let is_shown = |place| has_series(&panels, runs, place);
    let answer = answers(runs, is_shown, answer);
    let mut notes = left_out(runs, is_shown);
    let body = Body::Panels(Panels { x, panels, ..Panels::default() });
    if runs.iter().any(|run| run.warm_until_s().is_some()) && delivered {
        notes.push("deliveries of the warm-up are left out".to_owned());
    }
    Ok(Parts { question: None, answer, body, notes })
}

/// Thresholds of a histogram's percentiles: short, since each binds its own percentile and no other.
fn thresholds(runs: &[Run], name: &str, what: &str, last: f64) -> Vec<Series> {
    let figures = format!("{}_ms", name.trim_end_matches("_ns"));
    let mut out = Vec::new();
    for (quantile, word) in BOUND {
        let limits = limits(runs, &[&format!("{figures}.{word}")]);
        // Of fewer than a hundred, the slowest is the 99th percentile.
        let quantile = quantile.min(last);
        let (from, to) = (1.0 - (1.0 - quantile) * BOUND_REACH, 1.0 - (1.0 - quantile) / BOUND_REACH);
        out.extend(limits.into_iter().map(|limit| Series {
            name: format!("{what} {}", limit.label),
            ink: Ink { hue: BOUND_HUE, dash: Dash::Dashed, faint: false },
            shape: Shape::Line,
            points: vec![(from.max(0.0), limit.y), (to.min(last), limit.y)],
            hints: Vec::new(),
        }));
    }
    out
}

/// The percentiles of a histogram in nanoseconds, in seconds. The slowest of all stands where it is one of so many.
fn points(whole: &Histogram<u64>) -> Vec<(f64, f64)> {
    let steps = whole.iter_quantiles(TICKS_PER_HALF);
    let point = |quantile: f64, ns: u64| (quantile, ns as f64 / 1e9);
    let last = 1.0 - 1.0 / whole.len() as f64;
    let steps = steps.map(|step| point(step.quantile_iterated_to(), step.value_iterated_to()));
    let mut points: Vec<(f64, f64)> = steps.take_while(|(quantile, _)| *quantile < last).collect();
    points.push(point(last, whole.max()));
    points
}

fn answer(run: &Run, brief: bool) -> Option<String> {
    let delivered = run.latency("delivery.latency_ns").filter(|(_, whole)| !whole.is_empty());
    let (what, (_, whole)) = match delivered {
        Some(latency) => ("messages", latency),
        None => ("logins", run.latency("connect.login_ns")?),
    };
    // The same figure as in the chart over time, to the last digit.
    let at = |place: usize| latency::value(run, place).map(|seconds| Unit::Seconds.write(seconds));
    if brief {
        return Some(format!("p99 {}", at(2)?));
    }
    let longest = at(4)?;
    let count = grouped(whole.len() as f64);
    // Of fewer, one in so many would be none.
    let told = [(100, "100", 2), (1_000, "1,000", 3)].into_iter().filter(|(least, ..)| whole.len() >= *least);
    let told: Vec<String> = told
        .filter_map(|(_, words, place)| Some(format!("one in {words} took over {}, ", at(place)?)))
        .collect();
    Some(format!("of {count} {what}, {}the longest {longest}", told.concat()))
}

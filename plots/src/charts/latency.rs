//! Latencies over time. Corrected ones count from when a message should have been sent; raw ones, which forget how late the
//! sender was, are pale.

use super::limits::limits;
use super::over_time::{Quantity, over_time, panel, with_limits};
use super::{Parts, answers};
use crate::chart::{Axis, Dash, Limit, Mark, Scale};
use crate::run::{Bin, QUANTILES};
use crate::{Run, Unit};

/// Name, colour, place in [`QUANTILES`], whether several runs are compared by it, and the summary's word for it. The slower
/// ones stand out.
const PERCENTILES: [(&str, usize, usize, bool, &str); 5] = [
    ("p50", 0, 0, true, "p50"),
    ("p90", 2, 1, false, "p90"),
    ("p99", 1, 2, true, "p99"),
    ("p99.9", 3, 3, false, "p999"),
    ("longest", 4, 4, false, "max"),
];

/// The raw ones that are shown beside the corrected.
const RAW: [usize; 2] = [0, 2];

/// Without a bin for so many times its width, there is a gap.
const GAP_WIDTHS: f64 = 3.0;

pub(super) fn draw(runs: &[Run]) -> Result<Parts, String> {
    let has = |name: &str| runs.iter().any(|run| run.latency(name).is_some_and(|(bins, _)| !bins.is_empty()));
    let y = |label: &str| Axis { scale: Scale::Log, ..super::axis(label, Unit::Seconds) };
    if has("delivery.latency_ns") {
        let lines = [percentiles("delivery.latency_ns"), raw()].into_iter().flatten().collect::<Vec<_>>();
        let delivery =
            with_limits(panel(runs, y("delivery"), 1.0, &lines), bounds(runs, "delivery.latency_ms"));
        let mut parts = over_time(runs, [delivery], answers(runs, answer), "")?;
        if let ([run], crate::chart::Body::Panels(panels)) = (runs, &mut parts.body)
            && let Some(at) = run.warm_until_s().filter(|at| *at > run.span_s().0)
        {
            panels.marks.push(Mark { at, name: "warm-up over".to_owned(), bad: false });
            panels.marks.sort_by(|a, b| a.at.total_cmp(&b.at));
        }
        return Ok(parts);
    }
    let connect = percentiles("connect.latency_ns");
    let login = percentiles("connect.login_ns");
    let panels = [
        with_limits(panel(runs, y("until connected"), 1.0, &connect), bounds(runs, "connect.latency_ms")),
        with_limits(panel(runs, y("until logged in"), 1.0, &login), bounds(runs, "connect.login_ms")),
    ];
    let parts = over_time(runs, panels, answers(runs, answer), "no latency was measured in this run")?;
    Ok(Parts { question: Some("How long did connecting take, over time?"), ..parts })
}

fn percentiles(name: &'static str) -> Vec<Quantity<'static>> {
    let line = |(label, hue, place, leads, _)| {
        let quantity = Quantity::new(label, hue, move |run: &Run| over_bins(run, name, place));
        if leads { quantity } else { quantity.aside() }
    };
    PERCENTILES.into_iter().map(line).collect()
}

fn raw() -> Vec<Quantity<'static>> {
    let line = |place: usize| {
        let (label, hue, place, ..) = PERCENTILES[place];
        let points = move |run: &Run| over_bins(run, "delivery.raw_latency_ns", place);
        Quantity::new(&format!("{label} raw"), hue, points).dashed(Dash::Dashed).faint().aside()
    };
    RAW.into_iter().map(line).collect()
}

/// A percentile of each bin, in the middle of its time.
fn over_bins(run: &Run, name: &str, place: usize) -> Vec<(f64, f64)> {
    let Some((bins, _)) = run.latency(name) else { return Vec::new() };
    let width_s = bins.iter().map(|bin| bin.to_s - bin.from_s).fold(0.0, f64::max);
    let mut out = Vec::with_capacity(bins.len());
    let mut before: Option<&Bin> = None;
    for bin in bins {
        if let Some(before) = before.filter(|before| bin.from_s - before.to_s > width_s * GAP_WIDTHS) {
            out.push(((before.to_s + bin.from_s) / 2.0, f64::NAN));
        }
        out.push(((bin.from_s + bin.to_s) / 2.0, bin.values_s[place]));
        before = Some(bin);
    }
    out
}

/// Thresholds of a histogram's percentiles.
fn bounds(runs: &[Run], histogram: &str) -> Vec<Limit> {
    let figures = PERCENTILES.map(|(.., word)| format!("{histogram}.{word}"));
    limits(runs, &figures.each_ref().map(String::as_str))
}

fn answer(run: &Run, brief: bool) -> Option<String> {
    let (name, key) = match run.latency("delivery.latency_ns") {
        Some(_) => ("delivery.latency_ns", "delivery.latency_ms"),
        None => ("connect.login_ns", "connect.login_ms"),
    };
    let whole = run.latency(name).map(|(_, whole)| whole).filter(|whole| !whole.is_empty());
    let value = |place: usize| {
        let (.., word) = PERCENTILES[place];
        let seen = whole.map(|whole| whole.value_at_quantile(QUANTILES[place]) as f64 / 1e9);
        run.figure(&format!("{key}.{word}")).map(|ms| ms / 1e3).or(seen)
    };
    let say = |place: usize| Some(format!("{} {}", PERCENTILES[place].0, Unit::Seconds.write(value(place)?)));
    let places: &[usize] = if brief { &[0, 2] } else { &[0, 1, 2, 3, 4] };
    let said: Vec<String> = places.iter().filter_map(|place| say(*place)).collect();
    (!said.is_empty()).then(|| said.join(", "))
}

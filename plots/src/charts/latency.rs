//! Latencies over time. Corrected ones count from when a message should have been sent; raw ones, in a panel of their own,
//! forget how late the sender was.

use super::Parts;
use super::limits::limits;
use super::over_time::{Quantity, over_time, panel, with_limits};
use crate::chart::{Axis, Dash, Limit, Mark, Panel, Scale};
use crate::run::{Bin, QUANTILES};
use crate::{Run, Unit};

/// Name, colour, dash, whether several runs are compared by it, and the summary's word for it; as [`QUANTILES`]. In grey the
/// dashes tell neighbours apart.
const PERCENTILES: [(&str, usize, Dash, bool, &str); QUANTILES.len()] = [
    ("p50", 0, Dash::Solid, true, "p50"),
    ("p90", 2, Dash::Dotted, false, "p90"),
    ("p99", 1, Dash::Dashed, true, "p99"),
    ("p99.9", 3, Dash::DashDot, false, "p999"),
    ("longest", 4, Dash::Solid, false, "max"),
];

/// How much room there is above and below the lines, as a factor.
const ROOM: f64 = 1.15;

/// Without a bin for so many times its width, there is a gap.
const GAP_WIDTHS: f64 = 3.0;

pub(super) fn draw(runs: &[Run]) -> Result<Parts, String> {
    let has = |name: &str| runs.iter().any(|run| run.latency(name).is_some_and(|(bins, _)| !bins.is_empty()));
    let y = |label: &str| Axis { scale: Scale::Log, ..super::axis(label, Unit::Seconds) };
    if has("delivery.latency_ns") {
        let corrected = panel(runs, y("delivery"), 1.0, &percentiles("delivery.latency_ns"));
        let raw: Vec<_> = percentiles("delivery.raw_latency_ns").into_iter().map(Quantity::aside).collect();
        let raw = panel(runs, y("delivery, raw"), 1.0, &raw);
        let mut panels = [
            with_limits(corrected, bounds(runs, "delivery.latency_ms")),
            with_limits(raw, bounds(runs, "delivery.raw_latency_ms")),
        ];
        // One range for both: the difference is what is to be seen.
        if let (range, [Some(corrected), Some(raw)]) = (range(&panels), &mut panels) {
            (corrected.y.range, raw.y.range) = (range, range);
        }
        let mut parts = over_time(runs, panels, answer, "all deliveries are from before the ramp began")?;
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
    let parts = over_time(runs, panels, answer, "no latency was measured in this run")?;
    Ok(Parts { question: Some("How long did connecting take, over time?"), ..parts })
}

fn percentiles(name: &'static str) -> Vec<Quantity<'static>> {
    let line = |(place, (label, hue, dash, leads, _))| {
        let quantity = Quantity::new(label, hue, move |run: &Run| over_bins(run, name, place)).dashed(dash);
        if leads { quantity } else { quantity.aside() }
    };
    PERCENTILES.into_iter().enumerate().map(line).collect()
}

/// From the shortest to the longest of panels that are to be compared.
fn range(panels: &[Option<Panel>]) -> Option<(f64, f64)> {
    let series = panels.iter().flatten().flat_map(|panel| &panel.series);
    let values = series.flat_map(|series| &series.points).map(|point| point.1).filter(|y| *y > 0.0);
    let ends = values.map(|y| (y, y)).reduce(|all, one| (all.0.min(one.0), all.1.max(one.1)));
    ends.filter(|(low, high)| low < high).map(|(low, high)| (low / ROOM, high * ROOM))
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

/// What the whole run's percentile is, in seconds: as the summary has it, else as recorded. Of deliveries if there are any,
/// else of logins.
pub(super) fn value(run: &Run, place: usize) -> Option<f64> {
    let whole = |name: &str| run.latency(name).map(|(_, whole)| whole).filter(|whole| !whole.is_empty());
    let (whole, key) = match whole("delivery.latency_ns") {
        Some(whole) => (Some(whole), "delivery.latency_ms"),
        None => (whole("connect.login_ns"), "connect.login_ms"),
    };
    let (.., word) = PERCENTILES[place];
    let seen = whole.map(|whole| whole.value_at_quantile(QUANTILES[place]) as f64 / 1e9);
    run.figure(&format!("{key}.{word}")).map(|ms| ms / 1e3).or(seen)
}

fn answer(run: &Run, brief: bool) -> Option<String> {
    let say =
        |place: usize| Some(format!("{} {}", PERCENTILES[place].0, Unit::Seconds.write(value(run, place)?)));
    let places: &[usize] = if brief { &[0, 2] } else { &[0, 1, 2, 3, 4] };
    let said: Vec<String> = places.iter().filter_map(|place| say(*place)).collect();
    (!said.is_empty()).then(|| said.join(", "))
}

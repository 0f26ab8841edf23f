//! The server's memory against connections over the ramp, and the line whose slope is the bytes of one connection.
//!
//! The points and the fit are those of the run's own summary; see [`telemetry::fit`] for how the interval comes about.

use telemetry::fit::{self, Slope};

use super::{Parts, answers, axis};
use crate::chart::{Axis, Band, Body, Ink, Panel, Panels, Series, Shape};
use crate::run::grouped;
use crate::{Run, Unit};

/// From how many places the band is drawn: its edges are hyperbolas.
const BAND_PLACES: u32 = 40;

/// How much room there is above and below the points, as a share of what they take.
const ROOM: f64 = 0.06;

/// How much of the readings' height the band may add above and below.
const BAND_ROOM_MAX: f64 = 0.5;

pub(super) fn draw(runs: &[Run]) -> Result<Parts, String> {
    let fitted: Vec<(usize, &Run, Slope)> = runs
        .iter()
        .enumerate()
        .filter_map(|(place, run)| Some((place, run, fit::slope(run.ramp_points())?)))
        .collect();
    if fitted.is_empty() {
        return Err(format!(
            "there are too few readings of the server's memory in the ramp: a fit wants {} or more",
            fit::POINTS_MIN
        ));
    }
    let several = runs.len() > 1;
    let mut memory = Panel { y: axis("server RSS", Unit::Bytes), height: 3.0, ..Panel::default() };
    let mut rest = Panel { y: axis("off the line", Unit::Bytes), height: 1.0, ..Panel::default() };
    for (place, run, slope) in &fitted {
        let said = |what: &str| if several { format!("{}: {what}", run.label()) } else { what.to_owned() };
        let line = Ink { hue: if several { *place } else { 1 }, ..Ink::default() };
        let dots = Ink { hue: if several { *place } else { 0 }, ..Ink::default() };
        let points = run.ramp_points();
        let (from, to) = ends(points.iter().map(|point| point.0));
        let places: Vec<f64> =
            (0..=BAND_PLACES).map(|n| from + (to - from) * f64::from(n) / f64::from(BAND_PLACES)).collect();
        let edge = |x: &f64| {
            let (low, high) = slope.band(*x);
            (*x, low, high)
        };
        // Bands of several runs would hide each other.
        if !several {
            let band = places.iter().map(edge).collect();
            memory.bands.push(Band { name: "95 % of the line".to_owned(), ink: line, points: band });
        }
        let series =
            |name: String, ink, shape, points| Series { name, ink, shape, points, hints: Vec::new() };
        memory.series.push(series(said("readings"), dots, Shape::Points, points.to_vec()));
        let fitted = vec![(from, slope.at(from)), (to, slope.at(to))];
        memory.series.push(series(said("fitted line"), line, Shape::Line, fitted));
        let off = points.iter().map(|(x, y)| (*x, y - slope.at(*x))).collect();
        rest.series.push(series(said("readings"), dots, Shape::Points, off));
    }
    for panel in [&mut memory, &mut rest] {
        let (low, high) = ends(panel.series.iter().flat_map(|series| &series.points).map(|point| point.1));
        let height = (high - low).max(1.0);
        let edges = panel.bands.iter().flat_map(|band| &band.points);
        let (least, most) = ends(edges.flat_map(|(_, least, most)| [*least, *most]));
        // A band as wide as the readings are high is shown in full; one that dwarfs them is not.
        let most_room = height * BAND_ROOM_MAX;
        let below = (low - least).clamp(height * ROOM, most_room);
        let above = (most - high).clamp(height * ROOM, most_room);
        panel.y.range = Some((low - below, high + above));
    }
    let x = Axis { label: "connections".to_owned(), unit: Unit::Count, ..Axis::default() };
    let panels = vec![memory, rest];
    let mut notes: Vec<String> =
        fitted.iter().filter_map(|(_, run, slope)| disagreement(run, slope)).collect();
    let left_out = runs.iter().filter(|run| fit::slope(run.ramp_points()).is_none());
    notes.extend(left_out.map(|run| format!("{}: too few readings in the ramp for a fit", run.label())));
    let answer = answers(runs, |_| true, answer);
    let body = Body::Panels(Panels { x, panels, ..Panels::default() });
    Ok(Parts { question: None, answer, body, notes })
}

fn ends(values: impl Iterator<Item = f64>) -> (f64, f64) {
    values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)))
}

/// To a tenth of a byte, as the summary has it.
fn tenths(bytes: f64) -> f64 {
    (bytes * 10.0).round() / 10.0
}

/// Bytes of one connection and the bounds of 95 %: as the summary has them, or as the summary would.
pub(super) fn each(run: &Run) -> Option<(f64, Option<(f64, f64)>)> {
    let told = run.summary().and_then(|summary| {
        let bounds = &summary["memory"]["server_bytes_per_connection_ci95"];
        Some((run.figure("memory.server_bytes_per_connection")?, bounds[0].as_f64().zip(bounds[1].as_f64())))
    });
    let fitted = || {
        let slope = fit::slope(run.ramp_points())?;
        Some((tenths(slope.slope), Some((tenths(slope.ci95.0), tenths(slope.ci95.1)))))
    };
    told.or_else(fitted)
}

fn answer(run: &Run, brief: bool) -> Option<String> {
    let slope = fit::slope(run.ramp_points())?;
    let (each, bounds) = each(run)?;
    let bounds = bounds.map(|(low, high)| (grouped(low), grouped(high)));
    if brief {
        let bounds = bounds.map(|(low, high)| format!(" ({low} to {high})"));
        return Some(format!("{} B{}", grouped(each), bounds.unwrap_or_default()));
    }
    let bounds = bounds.map(|(low, high)| format!(" (95 %: {low} to {high} B)"));
    Some(format!(
        "{} B{}; {} readings, worth {:.0} independent ones",
        grouped(each),
        bounds.unwrap_or_default(),
        grouped(slope.points as f64),
        slope.points_effective
    ))
}

/// Points that were not recorded, or a summary of another run, are seen here.
fn disagreement(run: &Run, slope: &Slope) -> Option<String> {
    let told = run.figure("memory.server_bytes_per_connection")?;
    let half = (slope.ci95.1 - slope.ci95.0) / 2.0;
    let apart = (told - slope.slope).abs() > (half / 10.0).max(0.15);
    apart.then(|| {
        format!(
            "the summary of {} says {} B a connection, and the recording's own readings {} B",
            run.label(),
            grouped(told),
            grouped(tenths(slope.slope))
        )
    })
}

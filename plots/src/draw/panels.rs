//! Panels one above the other, on one x axis.

use super::legend::{self, Entry};
use super::place::{Place, Range};
use super::series;
use super::sheet::Sheet;
use super::ticks::{Ticks, ticks};
use super::{LABEL, MARGIN, SMALL, spread};
use super::{axis, marks};
use crate::chart::{Panel, Panels, Scale, Shape};

/// Panels beyond these are not drawn.
const PANELS_MAX: usize = 12;
/// Between two ticks of a y axis, at least.
const TICK_STEP: f64 = 40.0;
/// About as many as a y axis has, however high: more say no more.
const TICKS_MAX: usize = 6;
/// Between a panel and the next one's label.
const PANEL_GAP: f64 = 16.0;
/// Left and right of points, which would else stand on the edge.
const POINT_ROOM: f64 = 10.0;
/// How much of a point on the edge lies beyond it.
const POINT_EDGE: f64 = 4.0;
/// Above the data: always, for names of phases, for the label of a limit at the top.
const HEADROOM: (f64, f64, f64) = (8.0, 18.0, 12.0);
/// A limit further out than this many times what is drawn does not stretch the axis; an arrow says where it is.
const LIMIT_STRETCH: f64 = 3.0;

/// A panel with its places.
struct Laid<'a> {
    panel: &'a Panel,
    place: usize,
    y: Place,
    ticks: Ticks,
    /// The phases' names stand in it.
    named: bool,
}

/// Draws them from `top` on: the root's attributes for the page's script, and where they end.
pub(super) fn draw(sheet: &mut Sheet, panels: &Panels, top: f64) -> (String, f64) {
    let shown = &panels.panels[..panels.panels.len().min(PANELS_MAX)];
    let heights = heights(shown, sheet.width);
    let mut laid: Vec<Laid<'_>> = Vec::new();
    for (place, panel) in shown.iter().enumerate() {
        laid.push(lay(panel, place, heights[place], place == 0 && !panels.phases.is_empty()));
    }
    // Places from left to right: the y axes' ticks, the plot, what the last x tick needs.
    let widest =
        laid.iter().flat_map(|laid| &laid.ticks.list).map(|(_, text)| LABEL.width(text)).fold(0.0, f64::max);
    let left = MARGIN + widest.min(sheet.width * 0.3) + 8.0;
    let x = x_place(panels, shown, left, sheet.width - MARGIN - 4.0);

    let entries: Vec<Vec<Entry>> = shown.iter().map(legend::entries).collect();
    let shared =
        entries.len() > 1 && !entries[0].is_empty() && entries.iter().all(|list| *list == entries[0]);
    let mut y = top;
    if shared {
        y = legend::draw(sheet, "", &entries[0], y) + 4.0;
    }
    // Heads are drawn as the panels are laid out, the shades before what stands on them.
    let lanes = marks::lanes(&panels.marks, x, sheet.width);
    for laid in &mut laid {
        let own: &[Entry] = if shared { &[] } else { &entries[laid.place] };
        y = legend::draw(sheet, &laid.ticks.label, own, y + if laid.place > 0 { PANEL_GAP } else { 0.0 });
        y += if laid.place == 0 { lanes.height() } else { 0.0 } + 4.0;
        let height = heights[laid.place];
        laid.y = Place { from: y + height, to: y, ..laid.y };
        y += height;
    }
    clips(sheet, &laid, x);
    let (first, last) = (laid.first().map_or(y, |laid| laid.y.to), y);
    marks::phases(sheet, &panels.phases, x, (first, last));
    // Marks before the data, which they must not hide, nor cross a limit's label.
    lanes.draw(sheet, (first, last));
    for laid in &laid {
        one(sheet, laid, x);
    }
    let bottoms: Vec<f64> = laid.iter().map(|laid| laid.y.from).collect();
    let below = axis::draw(sheet, &panels.x, x, &bottoms);
    (axis::frame(&panels.x, x), below)
}

/// The plot areas' heights. One alone is as high as suits the width; several share somewhat more.
fn heights(panels: &[Panel], width: f64) -> Vec<f64> {
    let one = (width * 0.38).clamp(220.0, 400.0);
    let room = one * (1.0 + 0.5 * panels.len().saturating_sub(1) as f64);
    let share = |panel: &Panel| if panel.height.is_finite() { panel.height.clamp(0.1, 10.0) } else { 1.0 };
    let sum: f64 = panels.iter().map(share).sum();
    panels.iter().map(|panel| (room * share(panel) / sum).round().max(90.0)).collect()
}

fn lay(panel: &Panel, place: usize, height: f64, named: bool) -> Laid<'_> {
    let range = y_range(panel);
    let high = panel.limits.iter().any(|limit| range.share(limit.y).is_some_and(|share| share > 0.95));
    let head = HEADROOM.0 + if named { HEADROOM.1 } else { 0.0 } + if high { HEADROOM.2 } else { 0.0 };
    let (low, _) = range.ends();
    let foot = if low < 0.0 || panel.y.scale == Scale::Log { 0.05 } else { 0.0 };
    let own = panel.y.range.is_some() && !named;
    let range = if own { range } else { range.widened(foot, head / (height - head)) };
    let ticks = ticks(&panel.y, range, ((height / TICK_STEP) as usize).min(TICKS_MAX), false);
    Laid { panel, place, y: Place { range, from: 0.0, to: 0.0 }, ticks, named }
}

fn y_range(panel: &Panel) -> Range {
    let series = panel.series.iter().flat_map(|series| series.points.iter().map(|point| point.1));
    let bands = panel.bands.iter().flat_map(|band| band.points.iter().flat_map(|point| [point.1, point.2]));
    let drawn = Range::of(&panel.y, series.clone().chain(bands.clone()), true);
    let (low, high) = drawn.ends();
    let near = |limit: &f64| match panel.y.scale {
        Scale::Linear => limit.abs() <= LIMIT_STRETCH * low.abs().max(high.abs()),
        _ => (low / 10.0..=high * 10.0).contains(limit),
    };
    let limits = panel.limits.iter().map(|limit| limit.y).filter(near);
    Range::of(&panel.y, series.chain(bands).chain(limits), true)
}

fn x_place(panels: &Panels, shown: &[Panel], left: f64, right: f64) -> Place {
    let series = shown
        .iter()
        .flat_map(|panel| panel.series.iter().flat_map(|series| series.points.iter().map(|point| point.0)));
    let bands = shown
        .iter()
        .flat_map(|panel| panel.bands.iter().flat_map(|band| band.points.iter().map(|point| point.0)));
    let phases = panels.phases.iter().flat_map(|phase| [phase.from, phase.to]);
    let range = Range::of(&panels.x, series.chain(bands).chain(phases), false);
    let dotted = |panel: &Panel| {
        panel.series.iter().any(|series| matches!(series.shape, Shape::Points | Shape::LinePoints))
    };
    let room =
        if panels.x.range.is_none() && shown.iter().any(dotted) { POINT_ROOM / (right - left) } else { 0.0 };
    Place { range: range.widened(room, room), from: left, to: right }
}

/// What keeps lines and bands within their panels, and shades out of the gaps between them.
fn clips(sheet: &mut Sheet, laid: &[Laid<'_>], x: Place) {
    let rect = |laid: &Laid<'_>, more: f64| {
        let (left, top) = (x.from - more, laid.y.to - more);
        let (width, height) = (x.length() + 2.0 * more, laid.y.length() + 2.0 * more);
        format!(r#"<rect x="{left:.1}" y="{top:.1}" width="{width:.1}" height="{height:.1}"/>"#)
    };
    sheet.open("defs", "", format_args!(""));
    for laid in laid {
        // A line on the edge is drawn with all its width, and a point whole; an area ends there.
        for (name, more) in [("lines", POINT_EDGE), ("bands", 0.0)] {
            let (id, rect) = (sheet.id(&format!("{name}{}", laid.place)), rect(laid, more));
            sheet.raw(format_args!(r#"<clipPath id="{id}">{rect}</clipPath>"#));
        }
    }
    let (id, all) = (sheet.id("all"), laid.iter().map(|laid| rect(laid, 0.0)).collect::<String>());
    sheet.raw(format_args!(r#"<clipPath id="{id}">{all}</clipPath>"#));
    sheet.close("defs");
}

fn one(sheet: &mut Sheet, laid: &Laid<'_>, x: Place) {
    let (panel, y) = (laid.panel, laid.y);
    let (low, high) = y.range.ends();
    let (top, bottom, unit) = (y.to, y.from, panel.y.unit.key());
    let scale = axis::scale_name(panel.y.scale);
    let place = laid.place;
    sheet.open(
        "g",
        "panel",
        format_args!(
            r#" data-panel="{place}" data-top="{top:.1}" data-bottom="{bottom:.1}" data-low="{low}" data-high="{high}" data-scale="{scale}" data-unit="{unit}""#
        ),
    );
    sheet.open("g", "y-axis", format_args!(""));
    for (value, text) in &laid.ticks.list {
        let Some(at) = y.at(*value) else { continue };
        let (left, right) = (x.from, x.to);
        let look = if *value == 0.0 && low < 0.0 { "axis" } else { "grid" };
        // Not through the names of phases.
        if !laid.named || at > y.to + HEADROOM.1 + 2.0 {
            sheet.element("path", look, format_args!(r#" d="M{left:.1} {at:.1}H{right:.1}""#));
        }
        let text = LABEL.shortened(text, sheet.width * 0.3);
        sheet.text("tick", (left - 8.0, at + 4.0), "end", &text);
    }
    sheet.close("g");
    let (lines, bands) = (sheet.id(&format!("lines{place}")), sheet.id(&format!("bands{place}")));
    sheet.open("g", "lines", format_args!(r#" clip-path="url(#{lines})""#));
    if !panel.bands.is_empty() {
        sheet.open("g", "bands", format_args!(r#" clip-path="url(#{bands})""#));
        for (place, band) in panel.bands.iter().enumerate() {
            series::band(sheet, band, place, x, y);
        }
        sheet.close("g");
    }
    for (place, series) in panel.series.iter().enumerate() {
        series::draw(sheet, series, place, x, y);
    }
    sheet.close("g");
    limits(sheet, panel, x, y);
    if panel.series.iter().all(|series| series.points.iter().all(|point| y.at(point.1).is_none())) {
        sheet.text("said", (x.from + x.length() / 2.0, y.to + y.length() / 2.0), "middle", "no values");
    }
    sheet.close("g");
}

/// Dashed lines, each with its label above it at the right, or below it where the next one is close above; an arrow for
/// those beyond the panel.
fn limits(sheet: &mut Sheet, panel: &Panel, x: Place, y: Place) {
    let mut lines: Vec<(f64, f64, String)> = Vec::new();
    for limit in &panel.limits {
        let Some(at) = y.at(limit.y) else { continue };
        let (value, left, right) = (limit.y, x.from, x.to);
        let arrow = match y.range.holds(value) {
            true => "",
            false if at < y.to => "↑ ",
            false => "↓ ",
        };
        if arrow.is_empty() {
            sheet.element(
                "path",
                "limit",
                format_args!(r#" data-at="{value}" d="M{left:.1} {at:.1}H{right:.1}""#),
            );
        }
        let label = SMALL.shortened(&format!("{arrow}{}", limit.label), x.length() - 12.0);
        lines.push((at.clamp(y.to + 14.0, y.from), value, label));
    }
    lines.sort_by(|a, b| b.0.total_cmp(&a.0));
    let close = |place: usize, other: usize| {
        lines.get(other).is_some_and(|line| (line.0 - lines[place].0).abs() < 26.0)
    };
    let under = |place: usize| close(place, place + 1) && !(place > 0 && close(place, place - 1));
    let wanted: Vec<f64> =
        (0..lines.len()).map(|place| lines[place].0 + if under(place) { 12.0 } else { -5.0 }).collect();
    let heights = spread(&wanted, 13.0, y.to + 10.0, y.from - 4.0);
    for ((_, _, label), height) in lines.iter().zip(heights) {
        sheet.text("limit-name halo", (x.to - 6.0, height), "end", label);
    }
}

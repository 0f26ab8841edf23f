//! Stacked bars, each part with its label beside it, pushed away from the next one's where parts are thin. Where the
//! width does not allow that, the labels stand below as a table.

mod table;

use super::place::{Place, Range};
use super::sheet::Sheet;
use super::text::Face;
use super::ticks::ticks;
use super::{LABEL, MARGIN, spread};
use crate::chart::{Bar, Bars, Part};
use crate::draw::look::HUES;
use crate::unit::{Prefixed, Unit, grouped};

/// Bars beyond these are not drawn.
const BARS_MAX: usize = 24;
const FIGURE: Face = Face::bold(15.0);
/// Between two labels' base lines.
const LABEL_STEP: f64 = 18.0;
const SWATCH: f64 = 11.0;
/// From a bar's edge to the swatch of its labels.
const LEAD: f64 = 20.0;
/// A bar's width, in px.
const BAR_WIDTHS: (f64, f64) = (28.0, 120.0);

/// A bar with its place.
struct Laid<'a> {
    bar: &'a Bar,
    left: f64,
    width: f64,
    /// The room it has, from where.
    room: (f64, f64),
}

/// Draws them from `top` on; where they end.
pub(super) fn draw(sheet: &mut Sheet, bars: &Bars, top: f64) -> f64 {
    let shown = &bars.bars[..bars.bars.len().min(BARS_MAX)];
    let sum = |bar: &Bar| bar.parts.iter().map(value).sum::<f64>();
    let range = Range::of(&bars.y, shown.iter().map(sum), true).widened(0.0, 0.04);
    let most = range.ends().1;
    let prefix = bars.y.unit.for_axis(most);
    let labelled = shown.iter().map(|bar| widest(bar, bars.y.unit, prefix)).fold(0.0, f64::max);
    let parts = shown.iter().map(|bar| bar.parts.len()).max().unwrap_or(0);
    let height = (sheet.width * 0.4).clamp(240.0, 380.0).max(parts as f64 * LABEL_STEP + 10.0);
    let ticks = ticks(&bars.y, range, ((height / 40.0) as usize).min(6), false);

    let top = super::legend::draw(sheet, &ticks.label, &[], top) + 4.0;
    let y = Place { range, from: top + height, to: top };
    let gutter =
        ticks.list.iter().map(|(_, text)| LABEL.width(text)).fold(0.0, f64::max).min(sheet.width * 0.3);
    let (left, right) = (MARGIN + gutter + 8.0, sheet.width - MARGIN);
    for (at, text) in &ticks.list {
        let Some(height) = y.at(*at) else { continue };
        let look = if *at == 0.0 { "axis" } else { "grid" };
        sheet.element("path", look, format_args!(r#" d="M{left:.1} {height:.1}H{right:.1}""#));
        sheet.text("tick", (left - 8.0, height + 4.0), "end", text);
    }
    if shown.is_empty() {
        sheet.text("said", ((left + right) / 2.0, top + height / 2.0), "middle", "no values");
    }
    let room = (right - left) / shown.len().max(1) as f64;
    let beside = room >= labelled + LEAD + BAR_WIDTHS.0 * 1.5 + 16.0;
    hatching(sheet);
    let mut below = y.from;
    for (place, bar) in shown.iter().enumerate() {
        let start = left + room * place as f64;
        let width = if beside {
            (room - labelled - LEAD - 24.0).min(BAR_WIDTHS.1)
        } else {
            (room * 0.6).clamp(4.0, BAR_WIDTHS.1)
        };
        let taken = if beside { width + LEAD + labelled } else { width };
        let laid = Laid { bar, left: start + (room - taken) / 2.0, width, room: (start, room) };
        let middles = stack(sheet, &laid, y);
        if beside {
            labels(sheet, &laid, &middles, y, bars.y.unit, prefix);
        }
        below = below.max(title(sheet, &laid, y.from, bars.y.unit, prefix));
    }
    if beside { below } else { table::draw(sheet, shown, below + 12.0, bars.y.unit, prefix) }
}

fn value(part: &Part) -> f64 {
    if part.value.is_finite() { part.value.clamp(0.0, 1e30) } else { 0.0 }
}

/// A value as the axis counts: in full where the axis has no prefix.
fn written(value: f64, unit: Unit, prefix: Prefixed) -> String {
    match unit {
        Unit::Bytes if prefix.factor == 1.0 && value.is_finite() && value.abs() < 1e9 => {
            format!("{} B", grouped(value, 0))
        }
        _ => unit.write(value),
    }
}

fn widest(bar: &Bar, unit: Unit, prefix: Prefixed) -> f64 {
    let width = |part: &Part| {
        SWATCH + 6.0 + LABEL.width(&part.label) + 8.0 + LABEL.width(&written(part.value, unit, prefix))
    };
    bar.parts.iter().map(width).fold(0.0, f64::max)
}

fn hatching(sheet: &mut Sheet) {
    let id = sheet.id("hatch");
    sheet.raw(format_args!(
        r#"<defs><pattern id="{id}" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">"#
    ));
    sheet.element("path", "hatch", format_args!(r#" d="M1 0V6""#));
    sheet.raw(format_args!("</pattern></defs>"));
}

/// A rectangle in a part's colour.
fn filled(sheet: &mut Sheet, part: &Part, place: std::fmt::Arguments<'_>) {
    match part.hue {
        Some(hue) => {
            // The palette's second round is paler, on paper so that no line of the grid shows through.
            let pale = if hue / HUES % 2 == 1 { " pale" } else { "" };
            sheet.element("rect", "paper", place);
            sheet.element("rect", &format!("part h{}{pale}", hue % HUES), place);
        }
        None => {
            let id = sheet.id("hatch");
            sheet.element("rect", "paper", place);
            sheet.element("rect", "", format_args!(r#"{place} fill="url(#{id})""#));
        }
    }
}

/// Draws the parts; their middles, from the bottom up.
fn stack(sheet: &mut Sheet, laid: &Laid<'_>, y: Place) -> Vec<f64> {
    let (left, width) = (laid.left, laid.width);
    let (mut sum, mut below) = (0.0, y.from);
    let mut middles = Vec::new();
    sheet.open("g", "bar", format_args!(""));
    for part in &laid.bar.parts {
        sum += value(part);
        let top = y.at(sum).unwrap_or(below);
        let height = below - top;
        filled(
            sheet,
            part,
            format_args!(r#" x="{left:.1}" y="{top:.1}" width="{width:.1}" height="{height:.1}""#),
        );
        // A seam between neighbours; not on a part that it would swallow.
        if height > 4.0 {
            sheet.element("path", "seam", format_args!(r#" d="M{left:.1} {top:.1}h{width:.1}""#));
        }
        middles.push(f64::midpoint(top, below));
        below = top;
    }
    let height = y.from - below;
    sheet.element(
        "rect",
        "outline",
        format_args!(r#" x="{left:.1}" y="{below:.1}" width="{width:.1}" height="{height:.1}""#),
    );
    sheet.close("g");
    middles
}

fn labels(sheet: &mut Sheet, laid: &Laid<'_>, middles: &[f64], y: Place, unit: Unit, prefix: Prefixed) {
    let edge = laid.left + laid.width;
    let beside = edge + LEAD;
    let heights = spread(middles, LABEL_STEP, y.to + 4.0, y.from - 8.0);
    for ((part, middle), height) in laid.bar.parts.iter().zip(middles).zip(heights) {
        let (bend, end) = (edge + LEAD - 6.0, beside - 3.0);
        sheet.element(
            "path",
            "lead",
            format_args!(r#" d="M{edge:.1} {middle:.1}L{bend:.1} {height:.1}H{end:.1}""#),
        );
        row(sheet, part, (beside, height), None, unit, prefix);
    }
}

/// A swatch, a label, a figure: after the label, or at the right edge of a column.
fn row(sheet: &mut Sheet, part: &Part, (x, y): (f64, f64), right: Option<f64>, unit: Unit, prefix: Prefixed) {
    filled(
        sheet,
        part,
        format_args!(r#" x="{x:.1}" y="{:.1}" width="{SWATCH}" height="{SWATCH}""#, y - SWATCH / 2.0),
    );
    let (start, figure) = (x + SWATCH + 6.0, written(part.value, unit, prefix));
    match right {
        Some(right) => {
            let label = LABEL.shortened(&part.label, right - LABEL.width(&figure) - 8.0 - start);
            sheet.text("", (start, y + 4.0), "start", &label);
            sheet.text("", (right, y + 4.0), "end", &figure);
        }
        None => sheet.text("halo", (start, y + 4.0), "start", &format!("{} {figure}", part.label)),
    }
}

/// The total in bold and the title under a bar; where they end.
fn title(sheet: &mut Sheet, laid: &Laid<'_>, base: f64, unit: Unit, prefix: Prefixed) -> f64 {
    let (start, room) = laid.room;
    let total = FIGURE.shortened(&written(laid.bar.total, unit, prefix), room - 4.0);
    let half = FIGURE.width(&total).max(LABEL.width(&laid.bar.title).min(room - 4.0)) / 2.0;
    // Under the bar, but within its room.
    let centre = (laid.left + laid.width / 2.0).clamp(start + half, (start + room - half).max(start + half));
    sheet.text("figure", (centre, base + 20.0), "middle", &total);
    let mut bottom = base + 25.0;
    for line in LABEL.balanced(&laid.bar.title, room - 4.0, 3, 0.5) {
        sheet.text("said", (centre, bottom + 12.0), "middle", &line);
        bottom += 16.0;
    }
    bottom + 4.0
}

//! The x axis that the panels share.

use super::place::Place;
use super::sheet::Sheet;
use super::ticks::{Ticks, ticks};
use super::{LABEL, MARGIN};
use crate::chart::{Axis, Scale};
use crate::unit::Unit;

/// Between the texts of two ticks.
const GAP: f64 = 16.0;

/// The x axis under the last panel, with its lines under all of them; where it ends.
pub(super) fn draw(sheet: &mut Sheet, axis: &Axis, x: Place, bottoms: &[f64]) -> f64 {
    let bottom = bottoms.last().copied().unwrap_or(0.0);
    let ticks = fitting(axis, x);
    let edge = sheet.width - 4.0;
    sheet.open("g", "x-axis", format_args!(""));
    for bottom in bottoms {
        let (left, right) = (x.from, x.to);
        sheet.element("path", "axis", format_args!(r#" d="M{left:.1} {bottom:.1}H{right:.1}""#));
    }
    let lines: String = bottoms.iter().map(|bottom| format!("M0 {bottom:.1}v4")).collect();
    let (mut free, every) = (2.0, stride(&ticks, x));
    for (place, (value, text)) in ticks.list.iter().enumerate() {
        let Some(at) = x.at(*value) else { continue };
        sheet.open("g", "tick", format_args!(r#" data-at="{value}" transform="translate({at:.1} 0)""#));
        sheet.element("path", "tick-line", format_args!(r#" d="{lines}""#));
        // Within the picture, and clear of the one before it.
        let text = LABEL.shortened(text, x.length() / 2.0);
        let width = LABEL.width(&text);
        let middle = at.clamp(width / 2.0 + 2.0, (edge - width / 2.0).max(width / 2.0 + 2.0));
        if place % every == 0 && middle - width / 2.0 >= free {
            sheet.text("", (middle - at, bottom + 18.5), "middle", &text);
            free = middle + width / 2.0 + GAP / 2.0;
        }
        sheet.close("g");
    }
    sheet.close("g");
    let mut below = bottom + 24.0;
    if !ticks.label.is_empty() {
        let label = LABEL.shortened(&ticks.label, sheet.width - 2.0 * MARGIN);
        let half = LABEL.width(&label) / 2.0;
        let middle = (x.from + x.length() / 2.0)
            .clamp(MARGIN + half, (sheet.width - MARGIN - half).max(MARGIN + half));
        sheet.text("x-label", (middle, bottom + 37.0), "middle", &label);
        below += 18.0;
    }
    below
}

/// Which of the ticks have a text: all, every second … so that none run together.
fn stride(ticks: &Ticks, x: Place) -> usize {
    let spans = ticks.list.iter().map(|(at, text)| (x.at(*at).unwrap_or(x.from), LABEL.width(text)));
    let spans: Vec<(f64, f64)> = spans.collect();
    let apart = |every: &usize| {
        let shown: Vec<(f64, f64)> = spans.iter().copied().step_by(*every).collect();
        shown.windows(2).all(|pair| pair[1].0 - pair[0].0 >= (pair[0].1 + pair[1].1) / 2.0 + GAP / 2.0)
    };
    (1..=spans.len()).find(apart).unwrap_or(1)
}

/// As many ticks as there is room for between their texts.
fn fitting(axis: &Axis, x: Place) -> Ticks {
    let most = if axis.unit == Unit::Seconds { 12 } else { 10 };
    let mut count = ((x.length() / 55.0) as usize).clamp(2, most);
    loop {
        let ticks = ticks(axis, x.range, count, true);
        let fits = ticks.list.windows(2).all(|pair| {
            let (Some(a), Some(b)) = (x.at(pair[0].0), x.at(pair[1].0)) else { return true };
            (b - a).abs() >= (LABEL.width(&pair[0].1) + LABEL.width(&pair[1].1)) / 2.0 + GAP
        });
        if fits || count <= 2 || !axis.ticks.is_empty() {
            return ticks;
        }
        count -= 1;
    }
}

/// What the page's script wants to know of the axis: attributes of the root.
pub(super) fn frame(axis: &Axis, x: Place) -> String {
    let (from, to) = x.range.ends();
    let (scale, unit, left, right) = (scale_name(axis.scale), axis.unit.key(), x.from, x.to);
    format!(
        r#" data-x="{scale}" data-x-unit="{unit}" data-left="{left:.1}" data-right="{right:.1}" data-from="{from}" data-to="{to}""#
    )
}

/// A scale's name in the page's attributes.
pub(super) fn scale_name(scale: Scale) -> &'static str {
    match scale {
        Scale::Linear => "linear",
        Scale::Log => "log",
        Scale::Percentile => "percentile",
    }
}

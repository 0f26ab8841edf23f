//! The labels of bars that stand too near together to have them beside: one table with a column for each bar, or, where
//! even that is too wide or the bars have little in common, a table for each.

use super::{LABEL_STEP, SWATCH, filled, row, widest, written};
use crate::chart::{Bar, Part};
use crate::draw::sheet::Sheet;
use crate::draw::text::Face;
use crate::draw::{LABEL, MARGIN};
use crate::unit::{Prefixed, Unit};

const HEAD: Face = Face::bold(12.0);
const HEAD_STEP: f64 = 16.0;
/// Between two columns.
const GAP: f64 = 20.0;
/// A column is as wide as its figures, and wider for its title up to here.
const COLUMN: f64 = 110.0;

/// Draws them from `top` on; where they end.
pub(super) fn draw(sheet: &mut Sheet, bars: &[Bar], top: f64, unit: Unit, prefix: Prefixed) -> f64 {
    let mut rows: Vec<&Part> = Vec::new();
    for part in bars.iter().flat_map(|bar| bar.parts.iter().rev()) {
        if !rows.iter().any(|row| row.label == part.label && row.hue == part.hue) {
            rows.push(part);
        }
    }
    let most = bars.iter().map(|bar| bar.parts.len()).max().unwrap_or(0);
    let figure = |part: &Part| LABEL.width(&written(part.value, unit, prefix));
    let figures = bars.iter().flat_map(|bar| bar.parts.iter().map(figure)).fold(0.0, f64::max);
    let titles = bars.iter().map(|bar| HEAD.width(&bar.title)).fold(0.0, f64::max);
    let column = figures.max(titles.min(COLUMN)) + GAP;
    let labels = rows.iter().map(|part| LABEL.width(&part.label)).fold(0.0, f64::max) + SWATCH + 6.0;
    let wide = labels + column * bars.len() as f64;
    if wide <= sheet.width - 2.0 * MARGIN && rows.len() * 2 <= most * 3 {
        together(sheet, bars, &rows, (top, labels, column), unit, prefix)
    } else {
        apart(sheet, bars, top, unit, prefix)
    }
}

fn together(
    sheet: &mut Sheet,
    bars: &[Bar],
    rows: &[&Part],
    (top, labels, column): (f64, f64, f64),
    unit: Unit,
    prefix: Prefixed,
) -> f64 {
    let right = |place: usize| MARGIN + labels + column * (place as f64 + 1.0);
    let heads: Vec<Vec<String>> =
        bars.iter().map(|bar| HEAD.balanced(&bar.title, column - GAP, 3, 0.5)).collect();
    let lines = heads.iter().map(Vec::len).max().unwrap_or(0);
    for (place, head) in heads.iter().enumerate() {
        // Titles of fewer lines stand on the same last line.
        for (line, words) in head.iter().enumerate() {
            let y = top + 12.0 + HEAD_STEP * (lines - head.len() + line) as f64;
            sheet.text("head", (right(place), y), "end", words);
        }
    }
    let mut y = top + HEAD_STEP * lines as f64 + 12.0;
    for part in rows {
        let height = y - SWATCH / 2.0;
        filled(
            sheet,
            part,
            format_args!(r#" x="{MARGIN}" y="{height:.1}" width="{SWATCH}" height="{SWATCH}""#),
        );
        sheet.text("", (MARGIN + SWATCH + 6.0, y + 4.0), "start", &part.label);
        for (place, bar) in bars.iter().enumerate() {
            let same = bar.parts.iter().find(|other| other.label == part.label && other.hue == part.hue);
            if let Some(same) = same {
                sheet.text("", (right(place), y + 4.0), "end", &written(same.value, unit, prefix));
            }
        }
        y += LABEL_STEP;
    }
    y + 2.0
}

/// As many side by side as there is room for.
fn apart(sheet: &mut Sheet, bars: &[Bar], top: f64, unit: Unit, prefix: Prefixed) -> f64 {
    let room = sheet.width - 2.0 * MARGIN;
    let wanted = bars.iter().map(|bar| widest(bar, unit, prefix)).fold(150.0, f64::max) + GAP;
    let columns = ((room / wanted) as usize).clamp(1, bars.len().max(1));
    let width = room / columns as f64;
    let mut top = top;
    for line in bars.chunks(columns) {
        let mut below = top;
        for (place, bar) in line.iter().enumerate() {
            let (x, right) = (MARGIN + width * place as f64, MARGIN + width * (place as f64 + 1.0) - GAP);
            sheet.text("head", (x, top + 12.0), "start", &HEAD.shortened(&bar.title, right - x));
            let mut y = top + 28.0;
            // From the top of the bar down, as it stands.
            for part in bar.parts.iter().rev() {
                row(sheet, part, (x, y), Some(right), unit, prefix);
                y += LABEL_STEP;
            }
            below = below.max(y);
        }
        top = below + 6.0;
    }
    top
}

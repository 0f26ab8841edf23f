//! From a [`Chart`] to an SVG, and from there to pixels.
//!
//! ```text
//!   question, bold                                   heading     wraps
//!   answer
//!   server RSS (MiB)  ─ a  ┄ b                       legend      flows, wraps, each panel's own
//!        restarted│                                  marks       in lanes, so that names do not meet
//!   60 ┤  ramp    │  hold                            panels      phases shaded behind all of them
//!    0 ┼──────────┴────────
//!      0    1    2    3   minutes elapsed
//!   notes, footer                                    wrap
//! ```
//!
//! A page's script may rely on this. The root has `data-chart`, `data-x` (linear, log, percentile), `data-x-unit`,
//! `data-left`, `data-right` (px) and `data-from`, `data-to` (the x axis's values there). Each `g.panel` has
//! `data-panel`, `data-top`, `data-bottom` (px), `data-low`, `data-high` (values), `data-scale` and `data-unit`; in it,
//! `path.series` has `data-series` and `data-shape` (line, steps, points), `path.band` has `data-band`, and `path.limit`
//! has `data-at`. `g.tick` and `g.mark` have `data-at` and are moved by their `transform`; `g.phase` has `data-from`
//! and `data-to`. What the script adds is styled by the same classes.
//!
//! Sizes of text are in px and do not grow with the width; the height follows from the content. Everything is placed
//! by the widths of the embedded font ([`text`]). Looks are classes ([`look`]): a page styles them, a file carries
//! them as attributes. What users named is escaped where it is written ([`sheet`]), and nowhere else.

mod axis;
mod bars;
mod legend;
mod look;
mod marks;
mod panels;
mod place;
mod png;
mod series;
mod sheet;
#[cfg(test)]
mod tests;
mod text;
mod thin;
mod ticks;

pub use look::{light_css, page_css};
pub use png::{PNG_SIDE_PX_MAX, PngError, png};
pub use thin::thinned;

use sheet::Sheet;
use text::Face;

use crate::Chart;
use crate::chart::Body;

/// Where an SVG's colours come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Theme {
    /// Its own: dark on white, complete in itself.
    File,
    /// The page's, as CSS variables, on its background; see [`page_css`].
    Page,
}

/// Narrower and wider charts than these are drawn at these widths, in px.
const WIDTHS: (u32, u32) = (320, 4000);
/// Around everything.
const MARGIN: f64 = 16.0;

const QUESTION: Face = Face::bold(17.0);
const ANSWER: Face = Face::regular(13.0);
const LABEL: Face = Face::regular(12.0);
const SMALL: Face = Face::regular(11.0);
/// Lines that a text may take before it ends in an ellipsis.
const LINES_MAX: usize = 4;

/// The chart as SVG, `width` CSS px wide and as high as its content wants.
pub fn svg(chart: &Chart, width: u32, theme: Theme) -> String {
    let width = width.clamp(WIDTHS.0, WIDTHS.1);
    let mut sheet = Sheet::new(theme, &chart.name, width);
    let mut bottom = MARGIN - 4.0;
    bottom = paragraph(&mut sheet, "question", QUESTION, &chart.question, bottom);
    bottom = paragraph(&mut sheet, "answer", ANSWER, &chart.answer, bottom + 2.0);
    let (frame, below) = match &chart.body {
        Body::Panels(panels) => panels::draw(&mut sheet, panels, bottom + 8.0),
        Body::Bars(bars) => (String::new(), bars::draw(&mut sheet, bars, bottom + 8.0)),
    };
    bottom = below + 6.0;
    for note in &chart.notes {
        bottom = paragraph(&mut sheet, "note", LABEL, note, bottom) + 2.0;
    }
    for line in &chart.footer {
        bottom = paragraph(&mut sheet, "footer", SMALL, line, bottom);
    }
    sheet.finish(chart, &frame, bottom + MARGIN - 6.0)
}

/// Lines of text from `top` on, about equally long in a title; where they end.
fn paragraph(sheet: &mut Sheet, class: &str, face: Face, words: &str, top: f64) -> f64 {
    let (mut bottom, least) = (top, if face.bold { 0.5 } else { 0.85 });
    for line in face.balanced(words, sheet.width - 2.0 * MARGIN, LINES_MAX, least) {
        sheet.text(class, (MARGIN, bottom + face.px), "start", &line);
        bottom += (face.px * 1.35).round();
    }
    bottom
}

/// Heights as near to the ones wanted as leaves them `step` apart between `top` and `bottom`, in the same order.
/// Wanted from the lowest on paper (the largest y) up.
fn spread(wanted: &[f64], step: f64, top: f64, bottom: f64) -> Vec<f64> {
    let mut heights = wanted.to_vec();
    let mut least = bottom;
    for height in &mut heights {
        *height = height.min(least);
        least = *height - step;
    }
    let mut most = top;
    for height in heights.iter_mut().rev() {
        *height = height.max(most);
        most = *height + step;
    }
    heights
}

//! `ledger.svg`: where a connection's bytes go, as stacked bars, drawn from `summary.json` in the bundle.
//!
//! ```text
//!   B ┤            ▨▨▨── unexplained 42 B
//!     ┤            ▓▓▓── epoll 425 B          Colours are Okabe and Ito's, which colour-blind eyes tell apart;
//!     ┤  ▓▓▓─ …    ███                        neighbours differ in lightness as well. Each part has its label beside
//!     ┤  ███─ TCP  ███── TCP 5,041 B          it, pushed away from the next one's where the part is thin.
//! ```

mod bar;

use std::fmt::Write;
use std::path::Path;

use serde_json::Value;
use telemetry::{BundleError, BundleReader};

use bar::{Bar, PART_BYTES_MIN, bar};

/// The chart's name in the bundle.
pub const LEDGER_FILE: &str = "ledger.svg";

const SIZE: (f64, f64) = (960.0, 560.0);
/// Where bars may stand: the top, and the line they stand on.
const TOP: f64 = 64.0;
const BASE: f64 = 440.0;
const AXIS_X: f64 = 92.0;
const BAR_WIDTH: f64 = 130.0;
/// Between two labels' base lines.
const LABEL_STEP: f64 = 20.0;
/// Parts below zero that the footer has room for; the summary has all.
const NEGATIVE_MAX: usize = 4;

/// Draws the chart; `None` when the run has no ledger.
///
/// # Errors
/// When the bundle cannot be read.
pub fn ledger(bundle: &Path) -> Result<Option<String>, BundleError> {
    let text = BundleReader::open(bundle)?.read_file("summary.json")?.unwrap_or_default();
    Ok(draw(&serde_json::from_slice(&text).unwrap_or_default()))
}

fn draw(summary: &Value) -> Option<String> {
    let ledger = &summary["memory"]["ledger"];
    let sides = [
        ("server", "the server's end"),
        ("pair", "a pair, both ends here"),
        ("generator", "the generator's end"),
    ];
    let bars: Vec<Bar> = sides.into_iter().filter_map(|(side, title)| bar(&ledger[side], title)).collect();
    let height = |bar: &Bar| bar.parts.iter().map(|part| part.bytes).sum::<f64>();
    let tallest = bars.iter().map(height).reduce(f64::max)?;
    let step = tick_step(tallest);
    let scale = (BASE - TOP) / (tallest / step).ceil() / step;
    let mut svg = String::new();
    open(&mut svg);
    axis(&mut svg, step, scale);
    let room = (SIZE.0 - AXIS_X) / bars.len() as f64;
    for (place, bar) in bars.iter().enumerate() {
        // Bar and labels together in the middle of their room.
        let left = AXIS_X + room * place as f64 + (room - BAR_WIDTH - 200.0).max(40.0) / 2.0;
        stack(&mut svg, bar, left, scale);
    }
    footer(&mut svg, summary, &bars);
    svg.push_str("</svg>\n");
    Some(svg)
}

fn open(svg: &mut String) {
    let (width, height) = SIZE;
    line(
        svg,
        format_args!(
            r##"<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="16" fill="#333333">"##
        ),
    );
    line(
        svg,
        format_args!(
            r##"<defs><pattern id="unexplained" width="8" height="8" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><rect width="8" height="8" fill="#FFFFFF"/><rect width="2" height="8" fill="#A8A8A8"/></pattern></defs>"##
        ),
    );
    line(svg, format_args!(r##"<rect width="{width}" height="{height}" fill="#FFFFFF"/>"##));
    text(svg, (width / 2.0, 34.0), "middle", r#" font-size="21""#, "Where do a connection's bytes go?");
}

fn axis(svg: &mut String, step: f64, scale: f64) {
    let mut bytes = 0.0;
    while BASE - bytes * scale > TOP - 1.0 {
        let y = BASE - bytes * scale;
        let (right, colour) = (SIZE.0 - 20.0, if bytes > 0.0 { "#E4E4E4" } else { "#8A8A8A" });
        line(svg, format_args!(r#"<path d="M{AXIS_X} {y:.1}H{right}" stroke="{colour}"/>"#));
        text(svg, (AXIS_X - 10.0, y + 5.0), "end", r#" font-size="15""#, &grouped(bytes));
        bytes += step;
    }
    let middle = (TOP + BASE) / 2.0;
    let turned = format!(r#" font-size="15" transform="rotate(-90 18 {middle})""#);
    text(svg, (18.0, middle), "middle", &turned, "bytes a connection");
}

fn stack(svg: &mut String, bar: &Bar, left: f64, scale: f64) {
    let mut top = BASE;
    let mut middles = Vec::new();
    for part in &bar.parts {
        let height = part.bytes * scale;
        top -= height;
        middles.push(top + height / 2.0);
        // A white seam between neighbours; not on a part that it would swallow.
        let seam = if height > 4.0 { 1.0 } else { 0.0 };
        let fill = part.fill;
        line(
            svg,
            format_args!(
                r#"<rect x="{left:.1}" y="{top:.1}" width="{BAR_WIDTH}" height="{:.1}" fill="{fill}"/>"#,
                (height - seam).max(0.4)
            ),
        );
    }
    line(
        svg,
        format_args!(
            r##"<rect x="{left:.1}" y="{top:.1}" width="{BAR_WIDTH}" height="{:.1}" fill="none" stroke="#666666"/>"##,
            BASE - top
        ),
    );
    let (edge, beside) = (left + BAR_WIDTH, left + BAR_WIDTH + 24.0);
    for ((part, middle), y) in bar.parts.iter().zip(&middles).zip(spread(&middles)) {
        line(
            svg,
            format_args!(
                r##"<path d="M{edge:.1} {middle:.1}L{:.1} {y:.1}H{:.1}" stroke="#8A8A8A" fill="none"/>"##,
                edge + 16.0,
                beside - 3.0
            ),
        );
        let label = format!("{} {} B", part.label, grouped(part.bytes));
        // A swatch, since a thin part shows little of its colour; a halo, since lines of the grid pass behind.
        line(
            svg,
            format_args!(
                r##"<rect x="{beside:.1}" y="{:.1}" width="11" height="11" fill="{}" stroke="#8A8A8A" stroke-width="0.5"/>"##,
                y - 5.5,
                part.fill
            ),
        );
        let halo = r##" stroke="#FFFFFF" stroke-width="4" paint-order="stroke""##;
        text(svg, (beside + 17.0, y + 5.5), "start", halo, &label);
    }
    let centre = left + BAR_WIDTH / 2.0;
    let total = format!("{} B", grouped(bar.total));
    text(svg, (centre, BASE + 24.0), "middle", r#" font-size="18" font-weight="bold""#, &total);
    text(svg, (centre, BASE + 45.0), "middle", "", bar.title);
}

/// Heights for labels, given from the bottom up, as near to where they belong as leaves them apart.
fn spread(middles: &[f64]) -> Vec<f64> {
    let mut heights = middles.to_vec();
    // None above the one before it by less than a step, then none below the line that the bars stand on or above the top.
    let mut least = BASE - 6.0;
    for height in &mut heights {
        *height = height.min(least);
        least = *height - LABEL_STEP;
    }
    let mut most = TOP - 4.0;
    for height in heights.iter_mut().rev() {
        *height = height.max(most);
        most = *height + LABEL_STEP;
    }
    heights
}

fn footer(svg: &mut String, summary: &Value, bars: &[Bar]) {
    let ledger = &summary["memory"]["ledger"];
    let style = r##" font-size="14" fill="#555555""##;
    let peak = grouped(summary["connections"]["peak"].as_f64().unwrap_or(0.0));
    let points = ledger["points"].as_u64().unwrap_or(0);
    let mut first = format!("{peak} connections; slopes over the ramp, {points} readings");
    // What is measured comes last; the server's end is made of its halves.
    if let Some((total, (low, high))) = bars.last().and_then(|bar| Some((bar.total, bar.interval?))) {
        let (total, low, high) = (grouped(total), grouped(low), grouped(high));
        // Writing to a string cannot fail.
        let _ = write!(first, "; {total} B in all (95 %: {low} to {high} B)");
    }
    text(svg, (SIZE.0 / 2.0, 516.0), "middle", style, &first);
    text(svg, (SIZE.0 / 2.0, 538.0), "middle", style, &remark(ledger, bars));
}

/// What keeps the picture from being the whole truth, in a line.
fn remark(ledger: &Value, bars: &[Bar]) -> String {
    if ledger["slab_read"] == false {
        return "the kernel's objects are not told apart: only root may read slabinfo".to_owned();
    }
    if let Some(note) = ledger["note"].as_str() {
        return note.to_owned();
    }
    let negative = bars.last().into_iter().flat_map(|bar| bar.negative.iter().take(NEGATIVE_MAX));
    let notes: Vec<String> =
        negative.map(|part| format!("{} {} B", part.label, grouped(part.bytes))).collect();
    let said = if notes.is_empty() { "" } else { "below zero by noise and not drawn: " };
    format!("{said}{}", notes.join(", "))
}

fn line(svg: &mut String, what: std::fmt::Arguments<'_>) {
    // Writing to a string cannot fail.
    let _ = writeln!(svg, "{what}");
}

fn text(svg: &mut String, (x, y): (f64, f64), anchor: &str, style: &str, words: &str) {
    let words = words.replace('&', "&amp;").replace('<', "&lt;");
    line(svg, format_args!(r#"<text x="{x:.1}" y="{y:.1}" text-anchor="{anchor}"{style}>{words}</text>"#));
}

/// 1, 2 or 5 times a power of ten, for four to nine ticks.
fn tick_step(most: f64) -> f64 {
    let power = 10_f64.powf((most / 10.0).max(0.1).log10().floor());
    [1.0, 2.0, 5.0]
        .map(|digit| digit * power)
        .into_iter()
        .find(|step| most / step < 10.0)
        .unwrap_or(power * 10.0)
}

/// `-1234.5` as `−1,235`.
fn grouped(bytes: f64) -> String {
    let digits = format!("{:.0}", bytes.abs());
    let mut out = String::from(if bytes <= -PART_BYTES_MIN { "−" } else { "" });
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests;

//! What the lines are called: a panel's label, then a sample and a name for each series, flowing and wrapping.

use super::look::HUES;
use super::sheet::Sheet;
use super::text::Face;
use super::{LABEL, MARGIN};
use crate::chart::{Dash, Ink, Panel, Shape};

const HEAD: Face = Face::bold(12.0);
const ROW: f64 = 19.0;
const SAMPLE: f64 = 24.0;
/// Between a sample and its name, and between a name and the next sample.
const GAPS: (f64, f64) = (6.0, 18.0);

/// A name with what it is the name of.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Entry {
    name: String,
    ink: Ink,
    /// `None`: a band.
    shape: Option<Shape>,
}

/// The names in a panel, once each. None for a single series that says no more than the panel's label.
pub(super) fn entries(panel: &Panel) -> Vec<Entry> {
    let series = panel.series.iter().map(|series| (&series.name, series.ink, Some(series.shape)));
    let bands = panel.bands.iter().map(|band| (&band.name, band.ink, None));
    let mut list: Vec<Entry> = Vec::new();
    for (name, ink, shape) in series.chain(bands) {
        let entry = Entry { name: name.clone(), ink, shape };
        if !name.trim().is_empty() && !list.contains(&entry) {
            list.push(entry);
        }
    }
    if list.len() == 1 && list[0].name.trim() == panel.y.label.trim() {
        list.clear();
    }
    list
}

/// Draws a label and entries from `top` on; where they end.
pub(super) fn draw(sheet: &mut Sheet, head: &str, entries: &[Entry], top: f64) -> f64 {
    let right = sheet.width - MARGIN;
    let head = HEAD.shortened(head.trim(), right - MARGIN);
    if head.is_empty() && entries.is_empty() {
        return top;
    }
    let (mut x, mut y) = (MARGIN, top + 13.0);
    if !head.is_empty() {
        sheet.text("head", (x, y), "start", &head);
        x += HEAD.width(&head) + GAPS.1;
    }
    sheet.open("g", "legend", format_args!(""));
    for entry in entries {
        let before = SAMPLE + GAPS.0;
        let name = LABEL.shortened(&entry.name, right - MARGIN - before);
        let width = before + LABEL.width(&name);
        if x > MARGIN && x + width > right {
            (x, y) = (MARGIN, y + ROW);
        }
        sample(sheet, entry, (x, y - 4.0));
        sheet.text("", (x + before, y), "start", &name);
        x += width + GAPS.1;
    }
    sheet.close("g");
    y + 6.0
}

fn sample(sheet: &mut Sheet, entry: &Entry, (x, y): (f64, f64)) {
    let ink = classes(entry.ink);
    let line = |sheet: &mut Sheet, classes: &str| {
        sheet.element("path", classes, format_args!(r#" d="M{x:.1} {y:.1}h{SAMPLE}""#));
    };
    let dot = |sheet: &mut Sheet| {
        let (x, hue) = (x + SAMPLE / 2.0, hue(entry.ink));
        sheet.element("circle", &format!("dot {hue}"), format_args!(r#" cx="{x:.1}" cy="{y:.1}" r="3.5""#));
    };
    match entry.shape {
        None => {
            let y = y - 5.0;
            let place = format!(r#" x="{x:.1}" y="{y:.1}" width="{SAMPLE}" height="10""#);
            sheet.element("rect", &format!("band {}", hue(entry.ink)), format_args!("{place}"));
        }
        Some(Shape::Line | Shape::Steps) => line(sheet, &format!("series {ink}")),
        Some(Shape::Points) => dot(sheet),
        Some(Shape::LinePoints) => {
            line(sheet, &format!("series {ink} join"));
            dot(sheet);
        }
    }
}

/// `h0`.
pub(super) fn hue(ink: Ink) -> String {
    format!("h{}", ink.hue % HUES)
}

/// The classes of an ink.
pub(super) fn classes(ink: Ink) -> String {
    let dash = match ink.dash {
        Dash::Solid => "",
        Dash::Dashed => " dashed",
        Dash::Dotted => " dotted",
        Dash::DashDot => " dashdot",
    };
    format!("{}{dash}{}", hue(ink), if ink.faint { " faint" } else { "" })
}

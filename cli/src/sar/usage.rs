//! `--use`: utilisation, saturation, errors, a row for each resource, and which is nearest its limit.

use sar::resources::{Figure, Figures, Limits, Resource, nearest, resources, sentence};
use serde_json::json;

use crate::sar::plain::plain;
use crate::sar::units::Format;

/// Appends the rows as a table, or as one JSON object.
pub(crate) fn write(figures: &Figures, limits: &Limits, json: bool, out: &mut Vec<u8>) {
    let rows = resources(figures, limits);
    if json {
        let object = json!({
            "resources": rows,
            "nearest": nearest(&rows).map(|row| row.name.as_str()),
            "sentence": sentence(&rows),
        });
        out.extend_from_slice(format!("{object:#}\n").as_bytes());
        return;
    }
    let widest = rows.iter().map(|row| row.name.chars().count()).max().unwrap_or(0);
    let mut line = |name: &str, used: &str, waits: &str, errors: &str, note: &str| {
        let line = format!("{name:<widest$}  {used:>7}  {waits:>13}  {errors:>8}  {note}");
        out.extend_from_slice(plain(line.trim_end()).as_bytes());
        out.push(b'\n');
    };
    line("resource", "used", "waiting", "errors/s", "");
    for row in &rows {
        line(&row.name, &used(row), &waiting(row.saturation), &errors(row.errors), &row.note);
    }
    out.extend_from_slice(format!("\n{}\n", plain(&sentence(&rows))).as_bytes());
}

fn used(row: &Resource) -> String {
    let Some(ratio) = row.utilisation_ratio else { return "-".into() };
    let bound = if row.is_bound { "<" } else { "" };
    format!("{bound}{} %", Format::Percent.text(ratio))
}

fn waiting(saturation: Option<Figure>) -> String {
    match saturation {
        None => "-".into(),
        Some(Figure { value, unit: "ratio" }) => format!("{} % stall", Format::Percent.text(value)),
        Some(Figure { value, unit: "per_s" }) => format!("{}/s", Format::Number.text(value)),
        Some(Figure { value, unit }) => format!("{} {unit}", Format::Number.text(value)),
    }
}

fn errors(errors: Option<Figure>) -> String {
    errors.map_or_else(|| "-".into(), |errors| Format::Number.text(errors.value))
}

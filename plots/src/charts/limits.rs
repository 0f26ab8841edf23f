//! Thresholds, drawn where their figure is.

use serde_json::Value;

use crate::Run;
use crate::chart::Limit;
use crate::run::clipped;

/// A condition as the plan has it, such as `delivery.latency_ms.p99 < 50ms`.
struct Threshold<'a> {
    figure: &'a str,
    operator: &'a str,
    limit: f64,
}

/// Factors to a figure's own unit, by the suffix of the limit and that of the figure's name.
const SUFFIXES: [(&str, f64); 20] = [
    ("", 1.0),
    ("B", 1.0),
    ("kB", 1e3),
    ("KB", 1e3),
    ("MB", 1e6),
    ("GB", 1e9),
    ("KiB", 1024.0),
    ("MiB", 1_048_576.0),
    ("GiB", 1_073_741_824.0),
    ("%", 0.01),
    ("/s", 1.0),
    ("/m", 1.0 / 60.0),
    ("/h", 1.0 / 3600.0),
    // Times, in seconds.
    ("ns", 1e-9),
    ("us", 1e-6),
    ("µs", 1e-6),
    ("ms", 1e-3),
    ("s", 1.0),
    ("m", 60.0),
    ("h", 3600.0),
];

impl Threshold<'_> {
    /// `None` for what is not a bound: an equality, or something else altogether.
    fn parse(text: &str) -> Option<Threshold<'_>> {
        let (figure, rest) = text.split_at(text.find(['<', '>', '=', '!'])?);
        let (figure, end) = (figure.trim(), rest.find(|c| !"<>=!".contains(c))?);
        let (operator, limit) = rest.split_at(end);
        if !matches!(operator, "<" | "<=" | ">" | ">=") {
            return None;
        }
        let limit = limit.trim().replace('_', "");
        let digits = limit.find(|c: char| !c.is_ascii_digit() && c != '.' && c != '-').unwrap_or(limit.len());
        let (number, suffix) = (limit[..digits].parse::<f64>().ok()?, limit[digits..].trim());
        let factor = SUFFIXES.iter().find(|(known, _)| *known == suffix)?.1;
        // A figure in milliseconds takes a bare number as such; its suffixes are of seconds.
        let is_time = matches!(suffix, "ns" | "us" | "µs" | "ms" | "s" | "m" | "h");
        let factor = if is_time && in_milliseconds(figure) { factor * 1e3 } else { factor };
        Some(Threshold { figure, operator, limit: number * factor })
    }
}

fn in_milliseconds(figure: &str) -> bool {
    figure.split('.').any(|part| part.ends_with("_ms"))
}

/// The bounds that the plans of all the runs set to these figures; times in seconds, whatever the figure is in.
pub(super) fn limits(runs: &[Run], figures: &[&str]) -> Vec<Limit> {
    let Some((first, others)) = runs.split_first() else { return Vec::new() };
    let mut limits = of_run(first, figures);
    for run in others {
        let theirs = of_run(run, figures);
        limits.retain(|limit| theirs.contains(limit));
    }
    limits
}

fn of_run(run: &Run, figures: &[&str]) -> Vec<Limit> {
    let thresholds = run.plan().get("thresholds").and_then(Value::as_array);
    let texts = thresholds.into_iter().flatten().filter_map(Value::as_str);
    let limit = |text| {
        let threshold = Threshold::parse(text)?;
        let figure = figures.iter().find(|figure| **figure == threshold.figure)?;
        let y = if in_milliseconds(figure) { threshold.limit / 1e3 } else { threshold.limit };
        let limit = tail(text, threshold.operator);
        // A bare number is in the figure's unit, which the axis may not be in.
        let bare = in_milliseconds(figure) && limit.ends_with(|c: char| c.is_ascii_digit());
        let unit = if bare { " ms" } else { "" };
        let label = format!("{} {} {limit}{unit}", name(figure), threshold.operator);
        Some(Limit { label: clipped(&label), y })
    };
    texts.filter_map(limit).collect()
}

/// The limit as it was written.
fn tail<'a>(text: &'a str, operator: &str) -> &'a str {
    text.split_once(operator).map_or("", |(_, limit)| limit.trim())
}

/// The words of a figure's name that the panel does not say already: `p99` of a latency, else the last word.
fn name(figure: &str) -> &str {
    figure.rsplit('.').next().unwrap_or(figure)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_read_with_their_units() {
        let limit = |text| Threshold::parse(text).map(|threshold| threshold.limit);
        for (text, expected) in [
            ("memory.server_bytes_per_connection < 128B", Some(128.0)),
            ("memory.server_bytes_per_connection<1KiB", Some(1024.0)),
            ("delivery.latency_ms.p99 < 1", Some(1.0)),
            ("delivery.latency_ms.p99 <= 50ms", Some(50.0)),
            ("delivery.latency_ms.p99 < 250us", Some(0.25)),
            ("run.duration_s < 2m", Some(120.0)),
            ("connections.connect_rate_per_s >= 1_000/s", Some(1000.0)),
            ("cpu.softirq_ratio < 30%", Some(0.3)),
            ("audit.lost == 0", None),
            ("audit.lost != 0", None),
            ("nonsense", None),
            ("a < ", None),
            ("a < 3 parsecs", None),
        ] {
            let found = limit(text);
            let same = match (found, expected) {
                (Some(a), Some(b)) => (a - b).abs() < 1e-9,
                (None, None) => true,
                _ => false,
            };
            assert!(same, "{text}: {found:?}");
        }
    }
}

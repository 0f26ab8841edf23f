//! The run's figures beside the machine's own ceiling.

use serde_json::Value;

use super::{at, byte_count};
use crate::output::grouped;

type Show = fn(f64) -> String;

/// What is compared: its name, where the run's own figure stands, the ceiling's, the ratio's, and how to write them.
const COMPARED: [(&str, &str, &str, &str, Show); 4] = [
    ("connects", "connections.connect_rate_per_s", "connects_per_s", "connects", per_second),
    ("deliveries", "delivery.rate_per_s", "deliveries_per_s", "deliveries", per_second),
    ("connections", "connections.peak", "pairs_max", "connections", count),
    ("a pair", "memory.ledger.pair.total_bytes", "pair_bytes", "pair_bytes", byte_count),
];

/// A line for each figure that was measured both ways; none when no ceiling was.
pub(super) fn lines(summary: &Value) -> Vec<String> {
    let limit = at(summary, "limit");
    let mut lines: Vec<String> = COMPARED
        .iter()
        .filter_map(|(name, ours, theirs, ratio, show)| {
            let ours = show(at(summary, ours).as_f64()?);
            let theirs = show(limit.get(theirs)?.as_f64()?);
            let ratio = at(limit, "ratio").get(ratio)?.as_f64()?;
            Some(format!("{name:<11} {ours:>13} of {theirs:>13}   ratio {ratio:.2}"))
        })
        .collect();
    if let Some(note) = limit.get("note").and_then(Value::as_str) {
        lines.push(format!("no ratios: {}", note.lines().next().unwrap_or_default()));
    }
    let wakeup = |quantile: &str| limit.get(format!("wakeup_{quantile}_us"))?.as_f64();
    if let (Some(p50), Some(p99)) = (wakeup("p50"), wakeup("p99")) {
        lines.push(format!("a sleeper wakes up in {p50:.0} µs (p99 {p99:.0} µs)"));
    }
    lines
}

fn per_second(rate: f64) -> String {
    format!("{}/s", grouped(rate as u64))
}

fn count(number: f64) -> String {
    grouped(number as u64)
}

//! The run's figures beside the machine's own ceiling, measured in the same run.
//!
//! A worker of its own measures the ceiling before anything else runs, with as many connections as the run has. Each
//! ratio is floodmark's figure over the ceiling's: of rates, more is better, and of bytes, less.

use std::collections::BTreeMap;

use serde_json::{Value, json};

/// The key of the summary, the prefix of the worker's values, and the name of its phase.
pub(crate) const NAME: &str = "limit";

/// Connections that the ceiling is measured with, at most: its worker takes no more in a step.
pub(crate) const CONNECTIONS_MAX: u64 = 1_000_000;

/// A value that the worker says of every measurement, however short.
pub(crate) const MEASURED: &str = "limit.connects_per_s";

/// Figures of the ceiling, as the worker and the summary name them.
const FIGURES: [&str; 6] =
    ["pair_bytes", "pairs_max", "connects_per_s", "deliveries_per_s", "wakeup_p50_us", "wakeup_p99_us"];

/// For each ratio, the figure of the summary and the figure of the ceiling.
const RATIOS: [(&str, &str, &str); 4] = [
    ("connects", "/connections/connect_rate_per_s", "connects_per_s"),
    ("deliveries", "/delivery/rate_per_s", "deliveries_per_s"),
    ("connections", "/connections/peak", "pairs_max"),
    ("pair_bytes", "/memory/ledger/pair/total_bytes", "pair_bytes"),
];

/// What a ratio must not be drawn from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Compare {
    /// Both ends are on this machine, as the ceiling's are.
    pub(crate) both_ends: bool,
    /// Connections were opened as fast as it went. A rate that the plan asked for says nothing of what was possible.
    pub(crate) connects: bool,
    /// Messages were sent as fast as it went.
    pub(crate) deliveries: bool,
}

/// The summary's `limit`: null when no ceiling was to be measured. `note`: why there is none, or not a whole one.
pub(crate) fn ceiling(
    values: &BTreeMap<String, f64>,
    note: Option<&str>,
    compare: Compare,
    summary: &Value,
) -> Value {
    let figure = |name: &str| values.get(&format!("{NAME}.{name}")).copied();
    if FIGURES.iter().all(|name| figure(name).is_none()) && note.is_none() {
        return Value::Null;
    }
    // The ceiling of fewer connections than the run's would be too high, or too low.
    let may = |name: &str| {
        note.is_none()
            && compare.both_ends
            && match name {
                "connects" => compare.connects,
                "deliveries" => compare.deliveries,
                _ => true,
            }
    };
    let mut ceiling: serde_json::Map<String, Value> =
        FIGURES.iter().map(|name| ((*name).to_owned(), json!(figure(name).map(tenths)))).collect();
    let ratios = RATIOS.iter().map(|(name, ours, theirs)| {
        let ours = summary.pointer(ours).and_then(Value::as_f64);
        let both = ours.zip(figure(theirs)).filter(|(_, theirs)| *theirs > 0.0 && may(name));
        let ratio = both.map(|(ours, theirs)| ours / theirs);
        ((*name).to_owned(), json!(ratio.map(|ratio| (ratio * 1e4).round() / 1e4)))
    });
    ceiling.insert("ratio".into(), Value::Object(ratios.collect()));
    ceiling.insert("note".into(), json!(note));
    Value::Object(ceiling)
}

fn tenths(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ratio_needs_both_figures() {
        let summary = json!({
            "connections": { "connect_rate_per_s": 8000.0, "peak": 100 },
            "delivery": { "rate_per_s": null },
            "memory": { "ledger": { "pair": { "total_bytes": 8300.0 } } },
        });
        let all = Compare { both_ends: true, connects: true, deliveries: true };
        assert_eq!(ceiling(&BTreeMap::new(), None, all, &summary), Value::Null);
        assert_eq!(ceiling(&BTreeMap::new(), Some("why"), all, &summary)["note"], "why");
        let values = [("connects_per_s", 10_000.0), ("deliveries_per_s", 5000.04), ("pair_bytes", 8300.0)];
        let values = values.map(|(name, value)| (format!("limit.{name}"), value)).into();
        let paced = Compare { connects: false, ..all };
        let ratio = |note, compare| ceiling(&values, note, compare, &summary)["ratio"]["connects"].clone();
        assert_eq!((ratio(None, all), ratio(None, paced)), (json!(0.8), Value::Null));
        assert_eq!(ratio(Some("cut short"), all), Value::Null);
        let ceiling = ceiling(&values, None, all, &summary);
        assert_eq!(
            ceiling["ratio"],
            json!({ "connects": 0.8, "deliveries": null, "connections": null, "pair_bytes": 1.0 })
        );
        assert_eq!((&ceiling["deliveries_per_s"], &ceiling["pairs_max"]), (&json!(5000.0), &Value::Null));
    }
}

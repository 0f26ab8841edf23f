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

/// The summary's `limit`: null when no ceiling was measured.
pub(crate) fn ceiling(values: &BTreeMap<String, f64>, summary: &Value) -> Value {
    let figure = |name: &str| values.get(&format!("{NAME}.{name}")).copied();
    if FIGURES.iter().all(|name| figure(name).is_none()) {
        return Value::Null;
    }
    let mut ceiling: serde_json::Map<String, Value> =
        FIGURES.iter().map(|name| ((*name).to_owned(), json!(figure(name).map(tenths)))).collect();
    let ratios = RATIOS.iter().map(|(name, ours, theirs)| {
        let ours = summary.pointer(ours).and_then(Value::as_f64);
        let ratio = ours.zip(figure(theirs)).filter(|(_, theirs)| *theirs > 0.0).map(|(a, b)| a / b);
        ((*name).to_owned(), json!(ratio.map(|ratio| (ratio * 1e4).round() / 1e4)))
    });
    ceiling.insert("ratio".into(), Value::Object(ratios.collect()));
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
        assert_eq!(ceiling(&BTreeMap::new(), &summary), Value::Null);
        let values = [("connects_per_s", 10_000.0), ("deliveries_per_s", 5000.04), ("pair_bytes", 8300.0)];
        let values = values.map(|(name, value)| (format!("limit.{name}"), value)).into();
        let ceiling = ceiling(&values, &summary);
        assert_eq!(
            ceiling["ratio"],
            json!({ "connects": 0.8, "deliveries": null, "connections": null, "pair_bytes": 1.0 })
        );
        assert_eq!((&ceiling["deliveries_per_s"], &ceiling["pairs_max"]), (&json!(5000.0), &Value::Null));
    }
}

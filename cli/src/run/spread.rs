//! How far the figures of the same scenario spread from run to run: what to expect of the next, and of a comparison.

use std::path::PathBuf;

use history::rules::{DEFAULTS, unit};
use history::{BundleRun, median};
use serde_json::{Value, json};

use crate::exit::{Code, Ended, Exit};
use crate::output::print;

/// A figure over several runs.
struct Spread {
    metric: &'static str,
    median: f64,
    /// From the least to the most.
    values: Vec<f64>,
}

/// Prints the default metrics of history over these runs.
pub(crate) fn tell(bundles: &[PathBuf], as_json: bool) -> Ended {
    let open = |path: &PathBuf| BundleRun::open(path).map_err(Exit::broke);
    let runs: Vec<BundleRun> = bundles.iter().map(open).collect::<Result<_, _>>()?;
    let spreads: Vec<Spread> = DEFAULTS.iter().filter_map(|metric| Spread::of(metric, &runs)).collect();
    if as_json {
        let metrics: serde_json::Map<String, Value> =
            spreads.iter().map(|spread| (spread.metric.to_owned(), spread.to_json())).collect();
        print(&format!("{:#}", json!({ "runs": bundles, "metrics": metrics })))?;
        return Ok(Code::Fine);
    }
    print(&format!(
        "{:<38} {:>11} {:>11} {:>11}",
        format!("{} runs", runs.len()),
        "median",
        "least",
        "most"
    ))?;
    for spread in &spreads {
        let [median, least, most] = spread.written();
        print(&format!("{:<38} {median:>11} {least:>11} {most:>11}", spread.metric))?;
    }
    Ok(Code::Fine)
}

impl Spread {
    /// `None` when no run has measured it.
    fn of(metric: &'static str, runs: &[BundleRun]) -> Option<Spread> {
        let mut values: Vec<f64> = runs.iter().filter_map(|run| run.figure(metric)).collect();
        values.sort_by(f64::total_cmp);
        Some(Spread { metric, median: median(&values)?, values })
    }

    fn written(&self) -> [String; 3] {
        let (unit, factor) = unit(self.metric);
        [self.median, self.values[0], self.values[self.values.len() - 1]]
            .map(|value| unit.write(value * factor))
    }

    fn to_json(&self) -> Value {
        json!({
            "median": self.median,
            "least": self.values[0],
            "most": self.values[self.values.len() - 1],
            "runs": self.values.len(),
        })
    }
}

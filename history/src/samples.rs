//! Lines for tests.

use crate::{Commit, Figures, Machine, RunLine};

/// A run of `smoke` on a machine of its own kind.
pub(crate) fn run(commit: &str, committed_at: &str, metrics: &[(&str, f64)]) -> RunLine {
    run_on("AMD EPYC", commit, committed_at, metrics)
}

/// A run of `smoke` on a machine with that processor. It ran when it was committed.
pub(crate) fn run_on(cpu: &str, commit: &str, committed_at: &str, metrics: &[(&str, f64)]) -> RunLine {
    let host = serde_json::json!({ "cpu_model": cpu, "cores_usable": 2, "kernel_release": "6.18.1" });
    let committed_at = committed_at.parse().expect("a time");
    RunLine {
        commit: Commit { id: commit.into(), branch: Some("main".into()), committed_at, dirty: false },
        date: committed_at,
        scenario: "smoke".into(),
        machine: Machine::from_host(&host).expect("a machine"),
        limit: None,
        verdict: "pass".into(),
        metrics: Figures(metrics.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect()),
    }
}

//! Results across commits, and the gate.
//!
//! ```text
//!   RUN: summary.json, host.json ── add ──► bench-history.jsonl ──► series of a metric, comparable runs only
//!                                                                        ├── check: change points ──► judgements
//!   RUNs A -- RUNs B ────────────────────────────────────────────────────┴── compare: a ratio, an interval
//! ```
//! The gate is data in, data out: [`check()`] and [`compare::compare`] judge, [`show`] has the words and the drawings.
//! Nothing here prints, asks git, or exits.

mod bundle;
pub mod check;
mod commit;
pub mod compare;
pub mod detect;
pub mod file;
pub mod line;
mod machine;
mod median;
pub mod metrics;
pub mod pair;
mod pending;
pub mod rules;
pub mod series;
pub mod show;

#[cfg(test)]
mod samples;

pub use bundle::{BundleRun, RunError};
pub use check::{Base, Checked, Finding, Judgement, Outcome, State, Verdict, Wanted, check};
pub use commit::{Commit, Moment, Written, short};
pub use compare::{Compared, Pair};
pub use file::{FILE_DEFAULT, FileError, History, append};
pub use line::{Acceptance, AcceptedRange, Figures, Line, RunLine};
pub use machine::Machine;
pub use median::median;
pub use metrics::MetricError;
pub use pending::Pending;
pub use rules::{Direction, Rule};
pub use series::{Choice, Footing, Runs, Series};

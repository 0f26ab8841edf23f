//! A scenario: the YAML a user writes, the plan it resolves to, the run that carries it out, the verdict.
//!
//! [`load()`] takes a path to a [`Plan`](plan::Plan): the file is read strictly, with every error at once (`yaml`), into the
//! types of [`scenario`], in the units of [`units`] and [`network`], and resolved by [`plan`]. [`threshold`] judges the
//! summary by the figures of [`summary_keys`]; [`fit`](telemetry::fit) finds the bytes per connection, and the `ledger` says where they go.
//! [`demand()`] is what a plan needs of this machine, for `doctor` to judge; `ceiling` is what the machine can do at most.
//!
//! [`run()`] carries a plan out: it starts every worker as a child process of its own (`worker`), records what they say
//! (`facts`), shows [`progress`], and draws up the [`summary`], and has the report and the charts drawn. `wall` says what kept a run from its plan.

mod arguments;
mod ceiling;
mod commit;
mod demand;
mod facts;
mod ledger;
mod load;
pub mod network;
pub mod plan;
pub mod progress;
mod ramp;
mod reserve;
pub mod run;
pub mod scenario;
mod schema;
mod seen;
pub mod summary;
pub mod summary_keys;
mod text;
pub mod threshold;
pub mod units;
mod wall;
mod words;
mod worker;
mod yaml;

pub use commit::{COMMIT_VARIABLES, Commit};
pub use demand::demand;
pub use load::{SCENARIO_BYTES_MAX, load};
pub use progress::{Phase, Progress, Status};
pub use run::{Conclusion, RunError, Settings, run, this_program};
pub use schema::scenario_schema;
pub use summary::Verdict;
pub use text::TextError;
pub use yaml::ScenarioErrors;

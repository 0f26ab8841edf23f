//! The publisher: sends messages into a router port, on a schedule that does not wait for answers.
//!
//! ```text
//!   schedule (when, which generator) ─► ids (uniform, zipf, in turn) ─► mark + payload ─► links (router port)
//!                                                                                          └─ acknowledgements
//! ```
//! Many generators share one thread: a generator is a phase on the schedule and a random sequence, not a task. An
//! open loop: a message has an *intended* time, computed from the start; when the program or the server is late, the
//! message goes out late and its mark says by how much. Nothing is skipped.

mod ids;
mod link;
mod options;
mod publisher;
mod schedule;
mod worker;

pub use ids::Distribution;
pub use link::{LINKS_MAX, LinkError};
pub use options::{IDS_MAX, Options, Pace};
pub use worker::{MsggenError, Outcome, run};

//! What a plan needs and what this machine gives: the first wall, and the command that mends it.
//!
//! ```text
//!   Demand (what is wanted) ─┐
//!                            ├─► examine ─► Report: a row for each limit ─► first_wall, sentence ─► apply
//!   Machine (what there is) ─┘
//! ```
//!
//! [`Machine`] is plain facts, read from `/proc` and `/sys`, or from a folder that looks like them; what cannot be
//! read is absent, and its row says so. [`examine`] touches nothing and is a function of its two arguments. Only
//! [`apply`] changes anything: kernel settings, never the limits of a shell or of a cgroup, and nothing that outlives a
//! restart.
//!
//! What this crate leaves out: reading scenarios (`runner`), printing (`cli`), and what only trying can tell, such as
//! whether a firewall lets connections through.

mod apply;
mod cgroup;
mod demand;
mod examine;
mod files;
mod level;
mod machine;
mod report;
mod row;
mod rows;
pub mod words;

pub use apply::{Applied, Change, Failure, apply, to_apply};
pub use cgroup::{Cgroup, CgroupCpu, CgroupMemory, CgroupPids};
pub use demand::{
    Demand, GENERATOR_BYTES_PER_CONNECTION, KERNEL_BYTES_PER_END, SERVER_BYTES_PER_CONNECTION, reserve_bytes,
};
pub use examine::{CONNECTIONS_MAX, examine};
pub use machine::Machine;
pub use report::Report;
pub use row::{Mend, Row, Setting, State, Unit};

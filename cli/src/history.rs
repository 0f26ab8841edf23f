//! `floodmark history`: results across commits in one file, and a gate that names the commits to suspect.
//!
//! ```text
//!   add ──► FILE ──► check ──┐                ┌─► table, --markdown, --junit, --json
//!            └─────► page    ├─► Checked, ────┤
//!   RUNs ──────────► compare ┘   Compared     └─► exit code: 0 fine, 1 worse, 5 not enough data
//! ```

mod accept;
mod add;
mod check;
pub(crate) mod compare;
pub(crate) mod flags;
mod git;
mod json;
mod list;
mod outputs;
mod page;
mod refs;

pub(crate) use compare::tell as compare;
pub(crate) use flags::{HistoryFlags, Metrics, Telling};

use crate::exit::Ended;
use crate::history::flags::Verb;

pub(crate) fn main(flags: &HistoryFlags) -> Ended {
    match &flags.verb {
        Verb::Add(flags) => add::main(flags),
        Verb::Check(flags) => check::main(flags),
        Verb::Compare(flags) => compare::main(flags),
        Verb::Accept(flags) => accept::main(flags),
        Verb::List(flags) => list::main(flags),
        Verb::Page(flags) => page::main(flags),
    }
}

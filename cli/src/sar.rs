//! `floodmark sar`: what the machine, its processes and the servers on it are doing, each second, for almost nothing.
//!
//! ```text
//!   live ── sampler ─┬─► recording (-o) ──► replay (-f)
//!                    └─► picture ◄─────────────┘
//!                           ├─► table, --json, --csv, --use ──► console, which no sample waits for
//!                           └─► --openmetrics, --listen
//! ```
//!
//! One sample feeds the live view, the replay and the dump: everything that is shown is read from one [`picture`].

mod alarms;
mod choice;
mod columns;
mod console;
mod cost;
mod csv;
mod exposition;
mod flags;
mod json;
mod listen;
mod listener;
mod live;
mod machine;
mod names;
mod picture;
mod plain;
mod replay;
mod show;
mod sources;
mod table;
mod times;
mod units;
mod usage;

pub(crate) use flags::SarFlags;

use crate::exit::Ended;

pub(crate) fn main(flags: &SarFlags) -> Ended {
    match &flags.file {
        Some(path) => replay::main(flags, path),
        None => live::main(flags),
    }
}

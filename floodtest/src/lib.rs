//! The flood: opens many connections, logs each in as a user of its own, holds them, and audits what arrives.
//!
//! ```text
//!   schedule ─► client (connecting ─► waiting for its login ─► member) ─► audit: the mark in each message
//!      ▲                 │ source address and port
//!   commands          failures by cause, latencies ─► report ─► frames
//! ```
//! It runs on [shards](shard), as the server does, and shares no code with the server but that and `wire`: any
//! server that speaks one of the protocols can stand at the other end.

pub mod audit;
mod client;
mod failure;
mod interfaces;
mod options;
mod report;
mod schedule;
mod service;
pub mod sources;
mod worker;

pub use failure::Cause;
pub use options::{Identity, Options, Protocol, TargetPath};
pub use worker::{FloodError, Outcome, run};

/// An idle connection is 32 bytes of slab, its audit included. (Debug builds keep bookkeeping in every socket.)
#[cfg(not(debug_assertions))]
const _: () = assert!(shard::Shard::<service::Flood>::CONNECTION_BYTES == 32);

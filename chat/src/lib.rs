//! The target server: long-lived connections in, messages through a router, out to whoever is logged in.
//!
//! ```text
//!   comet front ─┐                     ┌─► delivery: one write per connection per turn
//!   line front  ─┼─ login / logout ─► router ◄─ send ─┬─ router port (publishers, pipelined)
//!                │   (directory: id → places)          └─ admin address: POST /send/{id}
//! ```
//! Everything on this picture runs in [shards](shard); what one shard has for a connection of another goes by mail.
//! The admin address runs on a thread of its own, on tokio, and reads counters only.
//!
//! Left out: TLS, authentication, anything stored. It is a target to measure, and small enough to reason about.

mod admin;
mod busiest;
mod connections;
mod counters;
mod delivery;
mod directory;
#[cfg(feature = "faults")]
pub mod faults;
mod figures;
mod frames;
mod heavy;
mod inspect;
mod metrics;
mod options;
mod profile;
mod publisher;
mod ranking;
mod router;
mod service;
mod session;
mod tickets;
mod worker;

pub use options::Options;
pub use worker::{ChatError, run};

/// An idle connection is 24 bytes of slab; its login adds an entry of the directory. (Debug builds keep bookkeeping
/// in every socket.)
#[cfg(not(debug_assertions))]
const _: () = assert!(shard::Shard::<service::Chat>::CONNECTION_BYTES == 24);

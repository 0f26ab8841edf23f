//! The engine against real sockets on loopback.
//!
//! Every test runs in a thread with a descriptor table of its own ([`stage::isolated`]): a pool's tables are copies
//! of the table of the thread that starts it, so that tests in parallel would otherwise keep each other's sockets
//! open. What shards do is dictated from the test by closures ([`stage::Stage`]); nothing waits by sleeping.

#![expect(
    clippy::print_stderr,
    reason = "a randomised test prints its seed; libtest shows it when the test fails"
)]

mod connecting;
mod connections;
mod limits;
mod listening;
mod mail;
mod outboxes;
mod stage;
mod stock;
mod stopping;
mod storm;
mod tables;
mod timers;

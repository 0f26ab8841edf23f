//! What a publisher is started with: plain values, everything decided.

use std::net::SocketAddr;
use std::time::Duration;

use crate::ids::Distribution;

/// How fast messages are sent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Pace {
    /// This many messages per second over all generators, whatever the server does.
    Rate(f64),
    /// As fast as the server takes them: its back-pressure is the pace.
    Max,
}

/// See each field.
#[derive(Debug, Clone)]
pub struct Options {
    /// The server's router port.
    pub router: SocketAddr,
    /// How fast.
    pub pace: Pace,
    /// Stop after this many messages.
    pub count: Option<u64>,
    /// Stop after this time.
    pub duration: Option<Duration>,
    /// Independent senders, each with its own phase and random sequence.
    pub generators: u16,
    /// Messages go to ids from here …
    pub id_min: u32,
    /// … to here, both included.
    pub id_max: u32,
    /// How often each id is chosen.
    pub ids: Distribution,
    /// Bytes in a message, its mark included.
    pub payload_bytes: usize,
    /// Where the random sequences begin; the same seed chooses the same ids.
    pub seed: u64,
    /// Tells publishers apart that send to the same ids.
    pub publisher: u16,
    /// Connections to the router port. All messages for one id take the same one, which keeps them in order.
    pub links: usize,
    /// How long to wait at the end for the server to account for everything.
    pub patience: Duration,
    /// Whether to wait for a start command.
    pub wait_for_start: bool,
}

/// The most ids one publisher sends to: it keeps a sequence number of four bytes for each.
pub const IDS_MAX: u64 = 100_000_000;

/// How many ids there are from `min` to `max`.
///
/// # Panics
/// When there are more than [`IDS_MAX`], which whoever builds [`Options`] has to refuse.
pub(crate) fn id_count(min: u32, max: u32) -> u32 {
    let count = u64::from(max - min) + 1;
    assert!(count <= IDS_MAX, "{count} ids are more than {IDS_MAX}");
    count as u32
}

//! What a server is started with: plain values, everything decided.

use std::net::SocketAddr;
use std::time::Duration;

/// See each field. Port 0 anywhere lets the kernel choose; the ready mark tells which it chose.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where comet clients connect (`GET /test/{id}`).
    pub listen: SocketAddr,
    /// Where MatchStream's line protocol is spoken, if it is.
    pub line: Option<SocketAddr>,
    /// Where publishers connect, if they may.
    pub router: Option<SocketAddr>,
    /// The admin address, if there is one. It has no authentication: loopback unless you know better.
    pub admin: Option<SocketAddr>,
    /// Threads, each with its own descriptor table.
    pub shards: usize,
    /// Connections that may wait to be accepted, on each address.
    pub backlog: u32,
    /// How long a client may take for its request head or login line.
    pub head_timeout: Duration,
    /// Descriptors per shard, if less than the process may have.
    pub descriptors_max: Option<usize>,
    /// The match that a viewer watches who names none (`V:2:name`).
    pub current_match: u32,
}

impl Default for Options {
    fn default() -> Self {
        let loopback = |port| SocketAddr::from(([127, 0, 0, 1], port));
        Self {
            listen: loopback(8000),
            line: None,
            router: None,
            admin: None,
            shards: std::thread::available_parallelism().map_or(1, usize::from),
            backlog: 65_536,
            head_timeout: Duration::from_secs(10),
            descriptors_max: None,
            current_match: 1,
        }
    }
}

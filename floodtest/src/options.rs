//! What a flood is started with: plain values, everything decided.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::sources::Sources;

/// The language spoken with the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// `GET /test/{id}`, a chunked response that never ends.
    Comet,
    /// MatchStream's lines.
    Line,
}

/// Whom each connection is, by its number from 0.
#[derive(Debug, Clone)]
pub enum Identity {
    /// Distinct users: connection `k` is user `first + k`.
    Users {
        /// The id of connection 0.
        first: u32,
    },
    /// Viewers spread evenly over matches: connection `k` watches match `k mod matches + 1`.
    Matches {
        /// How many matches there are.
        matches: u32,
    },
    /// Each connection requests a path of its own; ids are read from the paths' last digits.
    Paths(Arc<Vec<TargetPath>>),
}

/// One line of a URL file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetPath {
    /// Where to connect.
    pub target: SocketAddr,
    /// What to request.
    pub path: String,
    /// The number that the path ends in; messages marked for another id are misrouted.
    pub id: Option<u32>,
}

impl Identity {
    /// The id that connection `number` logs in under, when it is known.
    pub fn id(&self, number: u32) -> Option<u32> {
        match self {
            Self::Users { first } => Some(first.wrapping_add(number)),
            Self::Matches { matches } => Some(number % matches + 1),
            Self::Paths(paths) => paths[number as usize].id,
        }
    }
}

/// See each field.
#[derive(Debug, Clone)]
pub struct Options {
    /// The server; with [`Identity::Paths`] each path has its own.
    pub target: SocketAddr,
    /// What the request's `Host` says.
    pub host: String,
    /// The language.
    pub protocol: Protocol,
    /// Whom each connection is.
    pub identity: Identity,
    /// How many connections to open.
    pub connections: u32,
    /// Room for as many, when the knob `connections` is turned up while they are held; at least `connections`.
    pub connections_max: u32,
    /// Connections begun per second; `None`: as fast as `concurrency` allows.
    pub rate: Option<f64>,
    /// The most connections that are begun and not yet logged in.
    pub concurrency: u32,
    /// How long to hold once all are open; `None`: until told to stop.
    pub hold: Option<Duration>,
    /// How long one may take to connect and log in; then it has timed out.
    pub timeout: Duration,
    /// Whether a connection that fails or is lost is opened again, a second later.
    pub reconnect: bool,
    /// Where connections come from.
    pub sources: Sources,
    /// Threads, each with its own descriptor table.
    pub shards: usize,
    /// Descriptors per shard, if less than the process may have.
    pub descriptors_max: Option<usize>,
    /// Whether to wait for a start command.
    pub wait_for_start: bool,
}

/// How long a lost connection stays away before it comes back.
pub(crate) const RECONNECT_DELAY: Duration = Duration::from_secs(1);

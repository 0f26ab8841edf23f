//! What is told of one connection: a row of the connections' table.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::time::Duration;

use shard::{Key, Shard};
use telemetry::Cell;

use crate::router::Router;
use crate::service::Chat;
use crate::session::{Front, STEP, Session};

/// Ids that are told; an ellipsis stands for more.
const IDS_TOLD: usize = 8;

/// The columns, in the order of [`Profile::row`].
pub(crate) const COLUMNS: [&str; 11] = [
    "connection",
    "ids",
    "id",
    "peer",
    "protocol",
    "messages",
    "bytes",
    "bytes_error",
    "outbox_bytes",
    "age_s",
    "shard",
];

/// Bytes written to a connection, as a [`Heavy`](crate::heavy::Heavy) counts them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bytes {
    pub(crate) count: u64,
    /// How much of `count` may be another connection's.
    pub(crate) error: u64,
}

/// See the module's documentation. Asking for the peer is a system call, so that a profile is drawn up once and kept.
#[derive(Debug, Clone)]
pub(crate) struct Profile {
    pub(crate) key: Key,
    front: Front,
    /// In which [`STEP`] of the server's life it came.
    pub(crate) start: u32,
    pub(crate) messages: u32,
    pub(crate) outbox_bytes: u32,
    first: Option<u32>,
    further: Box<[u32]>,
    peer: Option<SocketAddr>,
}

impl Profile {
    /// `None` for a connection that has not said what it wants, or has had its answer. `now`: the server's age in
    /// [`STEP`]s.
    pub(crate) fn of(shard: &mut Shard<Chat>, router: &Router, key: Key, now: u32) -> Option<Self> {
        let (front, since) = match *shard.connection(key)? {
            Session::Member { front, since, .. } => (front, since),
            Session::Publisher { since, .. } => (Front::Router, since),
            _ => return None,
        };
        let mut profile = Self {
            key,
            front,
            start: since.start(now),
            messages: 0,
            outbox_bytes: 0,
            first: None,
            further: Box::default(),
            peer: shard.peer(key),
        };
        profile.refresh(shard, router);
        Some(profile)
    }

    /// A profile to rank by, for tests.
    #[cfg(test)]
    pub(crate) fn nobody(key: Key) -> Self {
        Self {
            key,
            front: Front::Comet,
            start: 0,
            messages: 0,
            outbox_bytes: 0,
            first: None,
            further: Box::default(),
            peer: None,
        }
    }

    /// Looks again at what changes.
    pub(crate) fn refresh(&mut self, shard: &mut Shard<Chat>, router: &Router) {
        if let Some(&mut Session::Member { id, count, .. }) = shard.connection(self.key) {
            self.first = Some(id);
            self.messages = count;
            let further = router.further(self.key);
            if further.len() != self.further.len() && self.further.len() < IDS_TOLD {
                self.further = further.iter().take(IDS_TOLD).copied().collect();
            }
        }
        self.outbox_bytes = shard.outbox_bytes(self.key) as u32;
    }

    /// The cells under [`COLUMNS`].
    pub(crate) fn row(&self, shard: usize, now: u32, bytes: Option<Bytes>, has_outboxes: bool) -> Vec<Cell> {
        let number = |value: f64| Cell::Number(value);
        let absent = |cell: Option<Cell>| cell.unwrap_or_default();
        let Key { index, generation } = self.key;
        let mut ids = self.first.map(|id| id.to_string()).unwrap_or_default();
        for (told, id) in self.further.iter().enumerate() {
            // Writing to a string cannot fail.
            let _ = if told + 1 < IDS_TOLD { write!(ids, ",{id}") } else { write!(ids, ",…") };
        }
        let protocol = match self.front {
            Front::Comet => "comet",
            Front::Line => "line",
            Front::Router => "router",
        };
        let age: Duration = STEP * now.saturating_sub(self.start);
        vec![
            Cell::Text(format!("{shard}:{index}.{generation}")),
            Cell::Text(ids),
            absent(self.first.map(|id| number(f64::from(id)))),
            absent(self.peer.map(|peer| Cell::Text(peer.to_string()))),
            Cell::Text(protocol.into()),
            absent(self.first.map(|_| number(f64::from(self.messages)))),
            absent(bytes.map(|bytes| number(bytes.count as f64))),
            absent(bytes.map(|bytes| number(bytes.error as f64))),
            // What has gone out since the shard last looked is known to be gone when none of its connections has any.
            number(if has_outboxes { f64::from(self.outbox_bytes) } else { 0.0 }),
            number(age.as_secs_f64()),
            number(shard as f64),
        ]
    }
}

//! A connection on the router port: what it has sent, what became of it, and when to stop listening to it.

use shard::Key;
use wire::router::Totals;

/// Letters that may be under way for one publisher. Beyond it nothing is read from it, so that it feels the
/// back-pressure, until half of them have arrived. So many that at full speed a connection has several waiting and
/// gets them in one write: at 10,000 connections that is worth more than half of all system calls.
pub(crate) const LETTERS_MAX: u64 = 16_384;

/// Bytes in letters under way for one publisher, with the same consequence.
pub(crate) const LETTERS_BYTES_MAX: u64 = 4 << 20;

/// The most publishers a shard takes; more are told so and closed.
pub(crate) const PUBLISHERS_MAX: usize = 1024;

/// Whom to tell what became of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// A publisher of a shard.
    Publisher { shard: u16, number: u32 },
    /// The admin address, which counts under this ticket.
    Admin { ticket: u32 },
}

/// What became of some letters.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Receipt {
    /// Letters accounted for, and the bytes in them.
    pub(crate) letters: u32,
    pub(crate) bytes: u32,
    pub(crate) delivered: u32,
    pub(crate) gone: u32,
    pub(crate) dropped: u32,
}

impl Receipt {
    pub(crate) fn add(&mut self, other: Self) {
        self.letters += other.letters;
        self.bytes += other.bytes;
        self.delivered += other.delivered;
        self.gone += other.gone;
        self.dropped += other.dropped;
    }
}

/// The state of one publisher.
#[derive(Debug)]
pub(crate) struct Publisher {
    pub(crate) key: Key,
    pub(crate) decoder: wire::router::server::Decoder,
    pub(crate) totals: Totals,
    /// Letters posted and not accounted for, and the bytes in them.
    pub(crate) letters: u64,
    pub(crate) bytes: u64,
    /// The token of a sync that waits for them.
    pub(crate) sync: Option<u32>,
    pub(crate) paused: bool,
    /// The totals have changed since the last acknowledgement.
    pub(crate) unacknowledged: bool,
}

impl Publisher {
    pub(crate) fn new(key: Key) -> Self {
        Self {
            key,
            decoder: Default::default(),
            totals: Totals::default(),
            letters: 0,
            bytes: 0,
            sync: None,
            paused: false,
            unacknowledged: false,
        }
    }

    /// Whether it must wait before it may send more.
    pub(crate) fn is_full(&self) -> bool {
        self.letters >= LETTERS_MAX || self.bytes >= LETTERS_BYTES_MAX || self.sync.is_some()
    }

    /// Whether a paused one may go on.
    pub(crate) fn has_room(&self) -> bool {
        self.letters <= LETTERS_MAX / 2 && self.bytes <= LETTERS_BYTES_MAX / 2 && self.sync.is_none()
    }

    pub(crate) fn account(&mut self, receipt: Receipt) {
        self.letters -= u64::from(receipt.letters);
        self.bytes -= u64::from(receipt.bytes);
        self.totals.copies += u64::from(receipt.delivered + receipt.gone + receipt.dropped);
        self.totals.delivered += u64::from(receipt.delivered);
        self.totals.gone += u64::from(receipt.gone);
        self.totals.dropped += u64::from(receipt.dropped);
        self.unacknowledged = true;
    }
}

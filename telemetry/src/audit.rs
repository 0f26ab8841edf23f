//! What became of the messages of a run: an exact account in a dozen numbers.

use serde::{Deserialize, Serialize};

use crate::Stamp;

/// The delivery account, cumulative since the run began. All figures count messages or deliveries, exactly, unless
/// [`saturated`](Audit::saturated) says that the account was overrun.
///
/// A field that an older recording lacks reads as zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Audit {
    /// Messages handed to the server.
    pub sent: u64,
    /// Deliveries that those messages should have caused: one for each connection that held the id.
    pub expected: u64,
    /// Deliveries seen, each expected one counted once.
    pub delivered: u64,
    /// Messages for an id that no connection held.
    pub nobody_there: u64,
    /// Deliveries excused because the connection had gone before they could arrive.
    pub gone: u64,
    /// Messages that the server itself reported dropping (a reader too slow, a queue full).
    pub dropped: u64,
    /// Deliveries that never came and that nothing excuses.
    pub lost: u64,
    /// Deliveries seen more than once; each repetition counts.
    pub duplicated: u64,
    /// Deliveries that came after a later message of the same sender.
    pub reordered: u64,
    /// Deliveries that came to a connection which did not hold the id.
    pub misrouted: u64,
    /// Deliveries whose mark did not match its checksum.
    pub corrupt: u64,
    /// Payloads that carry no mark: someone else's traffic.
    pub unmarked: u64,
    /// True when the account's constant memory was overrun, so that the figures are lower bounds.
    pub saturated: bool,
}

/// An [`Audit`] at a moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditFrame {
    /// When the account was drawn up.
    #[serde(flatten)]
    pub at: Stamp,
    /// Who drew it up.
    pub source: String,
    /// The account.
    pub audit: Audit,
}

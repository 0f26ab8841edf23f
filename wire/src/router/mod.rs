//! The router port: how messages enter the server, and how their fate comes back.
//!
//! Both sides open with eight bytes, the client first, and then speak in frames. Numbers are little endian.
//!
//! ```text
//! hello      46 4d 52 4f 55 54 45 01                            "FMROUTE", version 1
//!
//!            0           2    3
//! frame      | body_bytes|kind| body ...
//!
//!            publisher to server                                body
//! Send  01   | id u32        | payload, 0 to MESSAGE_BYTES_MAX |
//! Sync  02   | token u32     |                                  asks for an Ack with this token
//!
//!            server to publisher
//! Ack   81   | token u32     | accepted u64 | nobody_there u64 | copies u64 |
//!            | delivered u64 | gone u64     | dropped u64      |
//! Error 82   | code u8       | text, UTF-8, 0 to ERROR_TEXT_BYTES_MAX |     the server closes after it
//! ```
//!
//! An Ack with token 0 is unasked. An Ack with a Sync's token comes once everything sent before that Sync has been
//! fully accounted for, so a publisher that waits for it knows its [`Totals`] to be final.
//!
//! Leaves out who may publish, and any answer to a single message: at hundreds of thousands a second, totals are
//! what both ends can afford.

pub mod client;
pub mod server;
#[cfg(test)]
mod tests;

/// What both sides say first: the protocol's name and version.
pub const HELLO: &[u8; 8] = b"FMROUTE\x01";

/// How long the text of an error may be, in bytes; a longer one is cut.
pub const ERROR_TEXT_BYTES_MAX: usize = 512;

/// Body length and kind.
const FRAME_HEAD_BYTES: usize = 3;

/// An id or a token.
const NUMBER_BYTES: usize = size_of::<u32>();

/// A token and six totals.
const ACK_BODY_BYTES: usize = NUMBER_BYTES + 6 * size_of::<u64>();

/// Kinds from a publisher have the high bit clear, kinds from a server have it set.
mod kind {
    pub(super) const SEND: u8 = 0x01;
    pub(super) const SYNC: u8 = 0x02;
    pub(super) const ACK: u8 = 0x81;
    pub(super) const ERROR: u8 = 0x82;
}

/// What became of the messages of one connection, cumulative since it began.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Totals {
    /// Messages parsed.
    pub accepted: u64,
    /// Messages to an id under which no connection was logged in.
    pub nobody_there: u64,
    /// Deliveries that the other messages fan out to: one for each connection of their id.
    pub copies: u64,
    /// Copies handed to a socket or its outbox.
    pub delivered: u64,
    /// Copies whose connection left while the message was under way.
    pub gone: u64,
    /// Copies that a reader was too slow for.
    pub dropped: u64,
}

impl Totals {
    /// Whether every copy has met its fate.
    pub fn settled(&self) -> bool {
        // Wrapping, because totals that a peer sent can be anything.
        self.copies == self.delivered.wrapping_add(self.gone).wrapping_add(self.dropped)
    }
}

/// Why the server closes a publisher's connection.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[repr(u8)]
pub enum ErrorCode {
    /// The first bytes were not [`HELLO`]: another protocol, or another version of this one.
    BadHello = 1,
    /// A frame of an unknown kind, or whose length does not fit its kind.
    BadFrame = 2,
    /// A payload over [`MESSAGE_BYTES_MAX`](crate::MESSAGE_BYTES_MAX).
    TooLong = 3,
    /// The server has no room for another publisher.
    Busy = 4,
    /// The server is going down.
    Closing = 5,
}

impl ErrorCode {
    /// The code that stands in the frame as `byte`.
    pub fn from_byte(byte: u8) -> Option<Self> {
        [Self::BadHello, Self::BadFrame, Self::TooLong, Self::Busy, Self::Closing]
            .into_iter()
            .find(|code| *code as u8 == byte)
    }
}

impl std::fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::BadHello => "bad hello",
            Self::BadFrame => "bad frame",
            Self::TooLong => "payload too long",
            Self::Busy => "server busy",
            Self::Closing => "server closing",
        })
    }
}

/// Whether the hello has arrived whole; `None` when it can no longer come.
fn hello_arrived(bytes: &[u8]) -> Option<bool> {
    if bytes.starts_with(HELLO) {
        Some(true)
    } else if HELLO.starts_with(bytes) {
        Some(false)
    } else {
        None
    }
}

/// Appends body length and kind.
#[inline]
fn encode_frame_head(out: &mut Vec<u8>, kind: u8, body_bytes: usize) {
    let length = u16::try_from(body_bytes).expect("every body has a bound below 64 KiB").to_le_bytes();
    out.extend_from_slice(&[length[0], length[1], kind]);
}

/// Splits off body length, kind, and whatever of the rest has arrived.
#[inline]
fn split_frame_head(bytes: &[u8]) -> Option<(usize, u8, &[u8])> {
    let (&[low, high, kind], rest) = bytes.split_first_chunk::<FRAME_HEAD_BYTES>()?;
    Some((usize::from(u16::from_le_bytes([low, high])), kind, rest))
}

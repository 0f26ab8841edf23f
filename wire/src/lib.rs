//! Protocols as pure state machines, both sides of each, and the mark inside a payload.
//!
//! **What it is for.** The chat server and the tools that load it speak the same protocols from opposite ends, and
//! must agree to the byte. Here each protocol is a folder with a `server` and a `client` half, and nothing else:
//!
//! | module       | protocol                                                    | ended by                   |
//! |--------------|-------------------------------------------------------------|----------------------------|
//! | [`comet`]    | HTTP/1.1, one endless chunked answer, one chunk per message | the last chunk, or a close |
//! | [`mod@line`] | MatchStream's text lines and event blocks                   | a close                    |
//! | [`router`]   | the binary port through which messages enter the server     | a close                    |
//!
//! **How it works.** Bytes in, events out: a [`Decode`] sees the unconsumed bytes of a connection and answers one
//! event that borrows from them, or asks for more. Encoders append to a `Vec<u8>` that the caller owns. A decoder
//! owns no memory and its state is at most one byte, because it sits in every slot of a million connections; how
//! many bytes it may ask its caller to keep is a constant, [`Decode::PENDING_MAX`]. [`Feed`] keeps them for callers
//! without a buffer of their own. [`mark`] is what the audit and the latency figures read out of a payload,
//! whichever protocol carried it.
//!
//! **What it leaves out.** Sockets, clocks, threads, timeouts, and any policy: who may log in, what is counted, when
//! to close. A decoder that answered an error is spent: close its connection.

mod decimal;
mod decode;
mod feed;

pub mod comet;
pub mod line;
pub mod mark;
pub mod router;

pub use decode::{Decode, Step};
pub use feed::Feed;
pub use mark::{Found, MARK_BYTES, Mark};

/// The longest payload anyone may send, in bytes. A longer one is refused where it enters, and counted.
pub const MESSAGE_BYTES_MAX: usize = 16 * 1024;

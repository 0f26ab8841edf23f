//! MatchStream's protocol: lines of text in, event blocks out.
//!
//! ```text
//! server  Welcome to Match Stream. LF
//!         To watch the current game use: V:2:<your-name> LF
//! client  V:2:ana LF                              the current match, or
//!         VERSION:1:CONNECT:ana:MATCH:7 LF        a match by number
//! server  2026-11-21 10:46:00: status: LF         a block: when and what,
//!         TAB user: ana LF                        details, one a line,
//!         TAB match: 7 LF
//!         CR LF                                   and its end
//!         2026-11-21 10:47:12: goal: LF
//!         TAB comment: 1-0 LF
//!         CR LF
//! ```
//!
//! The first block acknowledges the login. A refusal is a block that starts with `ERROR`, and the server closes
//! after it. No CR or LF from a message gets into a block, so the first CR LF is always its end. The client's line
//! may end in LF or CR LF.

pub mod client;
pub mod server;
#[cfg(test)]
mod tests;

/// What the server says first, byte for byte as the original does.
pub const GREETING: &[u8] = b"Welcome to Match Stream.\nTo watch the current game use: V:2:<your-name>\n";

/// What a full server says instead of the greeting, before it closes.
pub const BUSY: &[u8] = b"ERROR: server is full, try again later\r\n";

/// How every refusal starts, and no event: events start with a timestamp.
const REFUSAL: &[u8] = b"ERROR";

/// Ends a block.
const BLOCK_END: &[u8] = b"\r\n";

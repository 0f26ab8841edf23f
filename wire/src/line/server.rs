//! The server's half: reads the login line, writes blocks.

use memchr::{memchr, memchr2};

use super::BLOCK_END;
pub use super::{BUSY, GREETING};
use crate::decimal::{self, Decimal};
use crate::{Decode, Step};

/// How long a client's line may be, in bytes, with its line end; longer is an error.
pub const LINE_BYTES_MAX: usize = 512;

/// How long a user's name may be, in bytes.
pub const USER_BYTES_MAX: usize = 64;

/// Reads login lines. It keeps no state: what a second line on the same connection means is the server's to say.
#[derive(Default, Clone, Copy, Debug)]
pub struct Login;

const _: () = assert!(size_of::<Login>() == 0);

/// A client wants to watch a match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Watch<'a> {
    /// Who: 1 to [`USER_BYTES_MAX`] bytes, printable, without a colon.
    pub user: &'a str,
    /// What; `None` for the current match.
    pub match_id: Option<u32>,
}

/// Why a line is not a login.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LoginError {
    /// No line end within [`LINE_BYTES_MAX`] bytes.
    #[error("login line is over {LINE_BYTES_MAX} bytes")]
    TooLong,
    /// Neither of the two commands.
    #[error("login line is not 'V:2:<name>' or 'VERSION:1:CONNECT:<name>:MATCH:<number>'")]
    UnknownCommand,
    /// The user's name is empty, too long, or not printable UTF-8.
    #[error("user name is not 1 to {USER_BYTES_MAX} bytes of printable UTF-8 without ':'")]
    BadUser,
    /// The match is not a `u32`.
    #[error("match is not a number below 4294967296")]
    BadMatch,
}

impl LoginError {
    /// What to tell the client before closing.
    pub fn reply(&self) -> &'static [u8] {
        match self {
            Self::TooLong => b"ERROR: the line is too long, send at most 512 bytes\r\n",
            Self::UnknownCommand => b"ERROR: unknown command, send V:2:<your-name>\r\n",
            Self::BadUser => b"ERROR: bad name, use 1 to 64 printable bytes without a colon\r\n",
            Self::BadMatch => b"ERROR: bad match, use its number\r\n",
        }
    }
}

impl Decode for Login {
    type Event<'a> = Watch<'a>;
    type Error = LoginError;
    const PENDING_MAX: usize = LINE_BYTES_MAX;

    fn decode<'a>(&mut self, bytes: &'a [u8]) -> Result<Step<Watch<'a>>, LoginError> {
        let window = &bytes[..bytes.len().min(LINE_BYTES_MAX)];
        match memchr(b'\n', window) {
            Some(end) => {
                let line = &window[..end];
                let event = watch(line.strip_suffix(b"\r").unwrap_or(line))?;
                Ok(Step::Event { event, used: end + 1 })
            }
            None if window.len() < LINE_BYTES_MAX => Ok(Step::More),
            None => Err(LoginError::TooLong),
        }
    }
}

fn watch(line: &[u8]) -> Result<Watch<'_>, LoginError> {
    if let Some(rest) = line.strip_prefix(b"VERSION:1:CONNECT:") {
        let (name, rest) = split_at_colon(rest).ok_or(LoginError::UnknownCommand)?;
        let digits = rest.strip_prefix(b"MATCH:").ok_or(LoginError::UnknownCommand)?;
        let match_id = decimal::parse(digits).ok_or(LoginError::BadMatch)?;
        return Ok(Watch { user: user(name)?, match_id: Some(match_id) });
    }
    let rest = line.strip_prefix(b"V:").ok_or(LoginError::UnknownCommand)?;
    let (version, name) = split_at_colon(rest).ok_or(LoginError::UnknownCommand)?;
    // The original takes 2 alone; every number means the same here, so that later clients are not turned away.
    decimal::parse(version).ok_or(LoginError::UnknownCommand)?;
    Ok(Watch { user: user(name)?, match_id: None })
}

fn split_at_colon(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let colon = memchr(b':', bytes)?;
    Some((&bytes[..colon], &bytes[colon + 1..]))
}

fn user(name: &[u8]) -> Result<&str, LoginError> {
    let name = str::from_utf8(name).map_err(|_| LoginError::BadUser)?;
    let fits = (1..=USER_BYTES_MAX).contains(&name.len());
    if fits && !name.contains(|char: char| char == ':' || char.is_control()) {
        Ok(name)
    } else {
        Err(LoginError::BadUser)
    }
}

/// Appends the block that acknowledges a login.
///
/// `user` comes from a [`Watch`] and `timestamp` from the server's clock: neither holds a CR or LF.
pub fn encode_watching(out: &mut Vec<u8>, timestamp: &str, user: &str, match_id: u32) {
    out.extend_from_slice(timestamp.as_bytes());
    out.extend_from_slice(b": status:\n\tuser: ");
    out.extend_from_slice(user.as_bytes());
    out.extend_from_slice(b"\n\tmatch: ");
    out.extend_from_slice(Decimal::new(match_id).as_bytes());
    out.push(b'\n');
    out.extend_from_slice(BLOCK_END);
}

/// Appends one event as one block: `{timestamp}: {kind}:`, then `comment: {text}` on a line of its own.
///
/// A text that starts with one of the kinds and a colon, such as `goal: 1-0`, is an event of that kind, and the
/// comment is what follows the colon. Any other text is a `status`, and the whole of it is the comment.
/// A CR or LF inside the text becomes a space, so that it cannot break the frame.
#[inline]
pub fn encode_event(out: &mut Vec<u8>, timestamp: &str, text: &[u8]) {
    let (kind, comment) = kind(text);
    let start = out.len();
    out.reserve(timestamp.len() + comment.len() + 32);
    for piece in [timestamp.as_bytes(), b": ", kind, b":\n\tcomment: "] {
        out.extend_from_slice(piece);
    }
    let comment_start = out.len();
    out.extend_from_slice(comment);
    if memchr2(b'\r', b'\n', comment).is_some() {
        replace_line_ends(&mut out[comment_start..]);
    }
    out.push(b'\n');
    out.extend_from_slice(BLOCK_END);
    debug_assert!(memchr(b'\r', &out[start..]) == Some(out.len() - start - BLOCK_END.len()));
}

#[inline]
fn kind(text: &[u8]) -> (&'static [u8], &[u8]) {
    const KINDS: [&[u8]; 5] = [b"goal", b"penalty", b"card", b"substitution", b"status"];
    for kind in KINDS {
        if let Some(comment) = text.strip_prefix(kind).and_then(|rest| rest.strip_prefix(b":")) {
            return (kind, comment.strip_prefix(b" ").unwrap_or(comment));
        }
    }
    (b"status", text)
}

#[cold]
fn replace_line_ends(text: &mut [u8]) {
    for byte in text {
        if matches!(byte, b'\r' | b'\n') {
            *byte = b' ';
        }
    }
}

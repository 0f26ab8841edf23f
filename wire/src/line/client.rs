//! The client's half: writes the login line, reads the greeting and blocks.

use memchr::memchr_iter;

use super::{BLOCK_END, GREETING, REFUSAL};
use crate::decimal::Decimal;
use crate::{Decode, MESSAGE_BYTES_MAX, Step};

/// How long a block may be, in bytes, with its end: a message, and what the server writes around it. Longer is an
/// error.
pub const BLOCK_BYTES_MAX: usize = MESSAGE_BYTES_MAX + 512;

/// Appends the login of user `u{user}`, who watches a match by number.
pub fn encode_login(out: &mut Vec<u8>, user: u32, match_id: u32) {
    let (user, match_id) = (Decimal::new(user), Decimal::new(match_id));
    for piece in [b"VERSION:1:CONNECT:u".as_slice(), user.as_bytes(), b":MATCH:", match_id.as_bytes(), b"\n"]
    {
        out.extend_from_slice(piece);
    }
}

/// Reads what the server says. The place in the dialogue is all it remembers.
#[derive(Clone, Copy, Default, Debug)]
pub struct Decoder {
    place: Place,
}

const _: () = assert!(size_of::<Decoder>() == 1);

#[derive(Clone, Copy, Default, Debug)]
enum Place {
    #[default]
    Greeting,
    Answer,
    Match,
    /// Refused: nothing that follows matters.
    Over,
}

/// What the server said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// The server is ready for the login.
    Greeting,
    /// Logged in: events follow.
    Watching,
    /// Not logged in: the refusal, without its line end.
    Refused(&'a [u8]),
    /// One block, without the CR LF that ends it.
    Message(&'a [u8]),
    /// Bytes after a refusal, to be dropped. How many of these there are depends on how the bytes were cut into
    /// reads.
    Ignored,
}

/// Why the bytes are not MatchStream's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The server said something else first.
    #[error("the server does not greet as MatchStream does (is this its line port?)")]
    NotGreeting,
    /// A block without an end within [`BLOCK_BYTES_MAX`] bytes.
    #[error("a block is over {BLOCK_BYTES_MAX} bytes")]
    BlockTooLong,
}

impl Decode for Decoder {
    type Event<'a> = Event<'a>;
    type Error = Error;
    const PENDING_MAX: usize = BLOCK_BYTES_MAX;

    #[inline]
    fn decode<'a>(&mut self, bytes: &'a [u8]) -> Result<Step<Event<'a>>, Error> {
        match self.place {
            Place::Match => block(bytes, Event::Message),
            Place::Greeting => self.greeting(bytes),
            Place::Answer => self.answer(bytes),
            Place::Over if bytes.is_empty() => Ok(Step::More),
            Place::Over => Ok(Step::Event { event: Event::Ignored, used: bytes.len() }),
        }
    }
}

const _: () = assert!(GREETING.len() <= Decoder::PENDING_MAX);

impl Decoder {
    fn greeting<'a>(&mut self, bytes: &'a [u8]) -> Result<Step<Event<'a>>, Error> {
        if bytes.starts_with(GREETING) {
            self.place = Place::Answer;
            Ok(Step::Event { event: Event::Greeting, used: GREETING.len() })
        } else if GREETING.starts_with(bytes) {
            Ok(Step::More)
        } else if may_start_with(REFUSAL, bytes) {
            // A full server does not greet.
            self.answer(bytes)
        } else {
            Err(Error::NotGreeting)
        }
    }

    fn answer<'a>(&mut self, bytes: &'a [u8]) -> Result<Step<Event<'a>>, Error> {
        let refused = bytes.starts_with(REFUSAL);
        let step = block(bytes, |block| if refused { Event::Refused(block) } else { Event::Watching })?;
        if let Step::Event { .. } = step {
            self.place = if refused { Place::Over } else { Place::Match };
        }
        Ok(step)
    }
}

fn may_start_with(prefix: &[u8], bytes: &[u8]) -> bool {
    let known = bytes.len().min(prefix.len());
    bytes[..known] == prefix[..known]
}

/// Reads up to the first CR LF.
#[inline]
fn block<'a>(bytes: &'a [u8], event: impl FnOnce(&'a [u8]) -> Event<'a>) -> Result<Step<Event<'a>>, Error> {
    let window = &bytes[..bytes.len().min(BLOCK_BYTES_MAX)];
    // A CR is rarer than an LF, which ends every line of a block: the first one nearly always is the end.
    match memchr_iter(b'\r', window).find(|end| window[*end..].starts_with(BLOCK_END)) {
        Some(end) => Ok(Step::Event { event: event(&window[..end]), used: end + BLOCK_END.len() }),
        None if window.len() < BLOCK_BYTES_MAX => Ok(Step::More),
        None => Err(Error::BlockTooLong),
    }
}

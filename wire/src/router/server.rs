//! The server's half: reads messages, writes their fate.

pub use super::HELLO;
use super::{ACK_BODY_BYTES, ERROR_TEXT_BYTES_MAX, ErrorCode, FRAME_HEAD_BYTES, NUMBER_BYTES, Totals};
use super::{encode_frame_head, hello_arrived, kind, split_frame_head};
use crate::{Decode, MESSAGE_BYTES_MAX, Step};

/// Reads what a publisher sends.
#[derive(Clone, Copy, Default, Debug)]
pub struct Decoder {
    greeted: bool,
}

const _: () = assert!(size_of::<Decoder>() == 1);

/// What a publisher said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// It speaks this protocol: answer [`HELLO`].
    Hello,
    /// A message.
    Send {
        /// For whom.
        id: u32,
        /// What; 0 to [`MESSAGE_BYTES_MAX`] bytes.
        payload: &'a [u8],
    },
    /// A wish for an Ack, once everything before it is accounted for.
    Sync {
        /// To be echoed.
        token: u32,
    },
}

/// Why the bytes are not a publisher's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The first bytes are not [`HELLO`].
    #[error("the publisher does not open with FMROUTE version 1 (is it as new as this server?)")]
    BadHello,
    /// A kind that no publisher sends.
    #[error("frame kind '{kind:#04x}' is unknown")]
    UnknownKind {
        /// The kind.
        kind: u8,
    },
    /// A body shorter than its kind needs, or longer than it allows.
    #[error("a frame of kind '{kind:#04x}' cannot have a body of '{body_bytes}' bytes")]
    BadLength {
        /// The kind.
        kind: u8,
        /// The length that the frame announced.
        body_bytes: usize,
    },
    /// A payload over [`MESSAGE_BYTES_MAX`].
    #[error("a payload of '{payload_bytes}' bytes is over {MESSAGE_BYTES_MAX}")]
    TooLong {
        /// The length that the frame announced.
        payload_bytes: usize,
    },
}

impl Error {
    /// What to tell the publisher before closing.
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::BadHello => ErrorCode::BadHello,
            Self::UnknownKind { .. } | Self::BadLength { .. } => ErrorCode::BadFrame,
            Self::TooLong { .. } => ErrorCode::TooLong,
        }
    }
}

impl Decode for Decoder {
    type Event<'a> = Event<'a>;
    type Error = Error;
    const PENDING_MAX: usize = FRAME_HEAD_BYTES + NUMBER_BYTES + MESSAGE_BYTES_MAX;

    /// The hottest path of the project: every message passes here, so nothing is copied and a Send meets four
    /// branches.
    #[inline]
    fn decode<'a>(&mut self, bytes: &'a [u8]) -> Result<Step<Event<'a>>, Error> {
        if !self.greeted {
            return self.hello(bytes);
        }
        let Some((body_bytes, kind, rest)) = split_frame_head(bytes) else { return Ok(Step::More) };
        // The length is judged before its bytes arrive, which is what bounds how many can be pending.
        if kind != kind::SEND || !(NUMBER_BYTES..=NUMBER_BYTES + MESSAGE_BYTES_MAX).contains(&body_bytes) {
            return rare(body_bytes, kind, rest);
        }
        match rest.get(..body_bytes).and_then(<[u8]>::split_first_chunk) {
            Some((id, payload)) => Ok(Step::Event {
                event: Event::Send { id: u32::from_le_bytes(*id), payload },
                used: FRAME_HEAD_BYTES + body_bytes,
            }),
            None => Ok(Step::More),
        }
    }
}

impl Decoder {
    #[cold]
    fn hello(&mut self, bytes: &[u8]) -> Result<Step<Event<'static>>, Error> {
        if !hello_arrived(bytes).ok_or(Error::BadHello)? {
            return Ok(Step::More);
        }
        self.greeted = true;
        Ok(Step::Event { event: Event::Hello, used: HELLO.len() })
    }
}

/// Whatever is not a Send within bounds.
#[cold]
fn rare(body_bytes: usize, kind: u8, rest: &[u8]) -> Result<Step<Event<'static>>, Error> {
    match kind {
        kind::SYNC if body_bytes == NUMBER_BYTES => Ok(match rest.first_chunk() {
            Some(token) => Step::Event {
                event: Event::Sync { token: u32::from_le_bytes(*token) },
                used: FRAME_HEAD_BYTES + NUMBER_BYTES,
            },
            None => Step::More,
        }),
        kind::SEND if body_bytes > NUMBER_BYTES => {
            Err(Error::TooLong { payload_bytes: body_bytes - NUMBER_BYTES })
        }
        kind::SEND | kind::SYNC => Err(Error::BadLength { kind, body_bytes }),
        _ => Err(Error::UnknownKind { kind }),
    }
}

/// Appends an Ack; `token` is a Sync's, or 0 when nobody asked.
pub fn encode_ack(out: &mut Vec<u8>, token: u32, totals: &Totals) {
    let Totals { accepted, nobody_there, copies, delivered, gone, dropped } = *totals;
    encode_frame_head(out, kind::ACK, ACK_BODY_BYTES);
    out.extend_from_slice(&token.to_le_bytes());
    for total in [accepted, nobody_there, copies, delivered, gone, dropped] {
        out.extend_from_slice(&total.to_le_bytes());
    }
}

/// Appends an Error, the last thing the server says. A text over [`ERROR_TEXT_BYTES_MAX`] is cut between characters.
pub fn encode_error(out: &mut Vec<u8>, code: ErrorCode, text: &str) {
    let mut end = text.len().min(ERROR_TEXT_BYTES_MAX);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    encode_frame_head(out, kind::ERROR, 1 + end);
    out.push(code as u8);
    out.extend_from_slice(&text.as_bytes()[..end]);
}

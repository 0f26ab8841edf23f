//! The publisher's half: writes messages, reads their fate.

pub use super::HELLO;
use super::{ACK_BODY_BYTES, ERROR_TEXT_BYTES_MAX, ErrorCode, FRAME_HEAD_BYTES, NUMBER_BYTES, Totals};
use super::{encode_frame_head, hello_arrived, kind, split_frame_head};
use crate::{Decode, MESSAGE_BYTES_MAX, Step};

/// Appends a message for whoever is logged in as `id`.
///
/// # Panics
/// When the payload is over [`MESSAGE_BYTES_MAX`], which the plan checks once.
#[inline]
pub fn encode_send(out: &mut Vec<u8>, id: u32, payload: &[u8]) {
    assert!(payload.len() <= MESSAGE_BYTES_MAX, "a payload of {} bytes is over the bound", payload.len());
    out.reserve(FRAME_HEAD_BYTES + NUMBER_BYTES + payload.len());
    encode_frame_head(out, kind::SEND, NUMBER_BYTES + payload.len());
    out.extend_from_slice(&id.to_le_bytes());
    out.extend_from_slice(payload);
}

/// Appends a Sync: the server answers an Ack with this token once everything before it is accounted for.
///
/// Token 0 marks an Ack that nobody asked for, so use others.
pub fn encode_sync(out: &mut Vec<u8>, token: u32) {
    encode_frame_head(out, kind::SYNC, NUMBER_BYTES);
    out.extend_from_slice(&token.to_le_bytes());
}

/// Reads what the server answers.
#[derive(Clone, Copy, Default, Debug)]
pub struct Decoder {
    greeted: bool,
}

const _: () = assert!(size_of::<Decoder>() == 1);

/// What the server said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// It speaks this protocol.
    Hello,
    /// What became of the messages so far.
    Ack {
        /// A Sync's, or 0 when nobody asked.
        token: u32,
        /// Since the connection began.
        totals: Totals,
    },
    /// The server closes the connection.
    Error {
        /// Why.
        code: ErrorCode,
        /// Why, for people.
        text: &'a str,
    },
}

/// Why the bytes are not a router's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The first bytes are neither [`HELLO`] nor an Error frame.
    #[error("the server does not open with FMROUTE version 1 (is this its router port?)")]
    BadHello,
    /// A kind that no server sends.
    #[error("frame kind '{kind:#04x}' is unknown")]
    UnknownKind {
        /// The kind.
        kind: u8,
    },
    /// A body whose length does not fit its kind.
    #[error("a frame of kind '{kind:#04x}' cannot have a body of '{body_bytes}' bytes")]
    BadLength {
        /// The kind.
        kind: u8,
        /// The length that the frame announced.
        body_bytes: usize,
    },
    /// An error code that this version does not know, or a text that is not UTF-8.
    #[error("an error frame holds code '{code}', which is unknown, or a text that is not UTF-8")]
    BadError {
        /// The code.
        code: u8,
    },
}

impl Decode for Decoder {
    type Event<'a> = Event<'a>;
    type Error = Error;
    const PENDING_MAX: usize = FRAME_HEAD_BYTES + 1 + ERROR_TEXT_BYTES_MAX;

    fn decode<'a>(&mut self, bytes: &'a [u8]) -> Result<Step<Event<'a>>, Error> {
        if !self.greeted {
            return self.hello(bytes);
        }
        let Some((body_bytes, kind, rest)) = split_frame_head(bytes) else { return Ok(Step::More) };
        match kind {
            kind::ACK if body_bytes == ACK_BODY_BYTES => {}
            kind::ERROR if (1..=1 + ERROR_TEXT_BYTES_MAX).contains(&body_bytes) => {}
            kind::ACK | kind::ERROR => return Err(Error::BadLength { kind, body_bytes }),
            _ => return Err(Error::UnknownKind { kind }),
        }
        let Some(body) = rest.get(..body_bytes) else { return Ok(Step::More) };
        let event = if kind == kind::ACK { ack(body) } else { error(body)? };
        Ok(Step::Event { event, used: FRAME_HEAD_BYTES + body_bytes })
    }
}

const _: () = assert!(FRAME_HEAD_BYTES + ACK_BODY_BYTES <= Decoder::PENDING_MAX);

impl Decoder {
    fn hello(&mut self, bytes: &[u8]) -> Result<Step<Event<'static>>, Error> {
        if !hello_arrived(bytes).ok_or(Error::BadHello)? {
            return Ok(Step::More);
        }
        self.greeted = true;
        Ok(Step::Event { event: Event::Hello, used: HELLO.len() })
    }
}

fn ack(body: &[u8]) -> Event<'static> {
    let (token, totals) = body.split_first_chunk().expect("an Ack's length has been checked");
    let mut totals = totals.as_chunks().0.iter().map(|total| u64::from_le_bytes(*total));
    let mut next = || totals.next().expect("an Ack's length has been checked");
    Event::Ack {
        token: u32::from_le_bytes(*token),
        // Fields are evaluated in the order written, which is that of the frame.
        totals: Totals {
            accepted: next(),
            nobody_there: next(),
            copies: next(),
            delivered: next(),
            gone: next(),
            dropped: next(),
        },
    }
}

fn error(body: &[u8]) -> Result<Event<'_>, Error> {
    let (&code, text) = body.split_first().expect("an Error's length has been checked");
    match (ErrorCode::from_byte(code), str::from_utf8(text)) {
        (Some(code), Ok(text)) => Ok(Event::Error { code, text }),
        _ => Err(Error::BadError { code }),
    }
}

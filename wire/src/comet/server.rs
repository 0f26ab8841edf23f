//! The server's half: reads the one request, writes the endless answer.

use std::mem::MaybeUninit;

pub use super::HEADERS_MAX;
pub use super::refusal::Status;
use crate::decimal::{self, Decimal};
use crate::{Decode, Step};

/// How long a request head may be, in bytes, from its first byte to the empty line; longer gets a 431.
pub const HEAD_BYTES_MAX: usize = 8192;

/// Reads request heads.
///
/// It keeps no state. A server that has answered a [`Request::Login`] need not decode again: whatever the client
/// sends on a stream that never ends has no meaning.
#[derive(Default, Clone, Copy, Debug)]
pub struct Head;

const _: () = assert!(size_of::<Head>() == 0);

/// What a request asks for, and what to answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request {
    /// `GET /test/{id}`, with or without a query: answer [`STREAM_HEAD`], then chunks.
    Login {
        /// Whose messages the connection wants.
        id: u32,
    },
    /// Another path, or an id that is not a `u32`: answer 404.
    NotFound,
    /// Another method than GET: answer 501.
    MethodNotImplemented,
    /// HTTP/1.0, which has no chunks: answer 505.
    VersionNotSupported,
}

impl Request {
    /// The answer to a request that is not a login.
    pub fn refusal(self) -> Option<Status> {
        match self {
            Self::Login { .. } => None,
            Self::NotFound => Some(Status::NotFound),
            Self::MethodNotImplemented => Some(Status::NotImplemented),
            Self::VersionNotSupported => Some(Status::VersionNotSupported),
        }
    }
}

/// Why the bytes are not a request head.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeadError {
    /// More than [`HEAD_BYTES_MAX`] bytes or [`HEADERS_MAX`] fields.
    #[error("request head is over {HEAD_BYTES_MAX} bytes or {HEADERS_MAX} fields (send less)")]
    TooLarge,
    /// Not HTTP/1.0 or HTTP/1.1.
    #[error("request head is not HTTP/1.1 (does the client speak TLS, HTTP/2 or another protocol?)")]
    Malformed,
}

impl HeadError {
    /// The answer to send before closing.
    pub fn status(self) -> Status {
        match self {
            Self::TooLarge => Status::HeadTooLarge,
            Self::Malformed => Status::BadRequest,
        }
    }
}

impl Decode for Head {
    type Event<'a> = Request;
    type Error = HeadError;
    const PENDING_MAX: usize = HEAD_BYTES_MAX;

    fn decode(&mut self, bytes: &[u8]) -> Result<Step<Request>, HeadError> {
        // A head must fit however the bytes were cut into reads, so nothing past the bound is looked at.
        let window = &bytes[..bytes.len().min(HEAD_BYTES_MAX)];
        // Uninitialised: clearing the fields would cost more than parsing a usual head.
        let mut fields = [const { MaybeUninit::uninit() }; HEADERS_MAX];
        let mut request = httparse::Request::new(&mut []);
        match request.parse_with_uninit_headers(window, &mut fields) {
            Ok(httparse::Status::Complete(used)) => Ok(Step::Event { event: route(&request), used }),
            Ok(httparse::Status::Partial) if window.len() < HEAD_BYTES_MAX => Ok(Step::More),
            Ok(httparse::Status::Partial) | Err(httparse::Error::TooManyHeaders) => Err(HeadError::TooLarge),
            Err(_) => Err(HeadError::Malformed),
        }
    }
}

fn route(request: &httparse::Request<'_, '_>) -> Request {
    if request.version != Some(1) {
        return Request::VersionNotSupported;
    }
    if request.method != Some("GET") {
        return Request::MethodNotImplemented;
    }
    let target = request.path.unwrap_or_default();
    let path = target.split_once('?').map_or(target, |(path, _query)| path);
    match path.strip_prefix("/test/").and_then(|id| decimal::parse(id.as_bytes())) {
        Some(id) => Request::Login { id },
        None => Request::NotFound,
    }
}

/// The head of the answer that never ends.
pub const STREAM_HEAD: &[u8] = b"HTTP/1.1 200 OK\r\n\
    Content-Type: text/html; charset=utf-8\r\n\
    Transfer-Encoding: chunked\r\n\
    Cache-Control: no-store\r\n\r\n";

/// Ends the answer: the server has no more to say.
pub const LAST_CHUNK: &[u8] = b"0\r\n\r\n";

/// Appends one message as one chunk: `Recvd msg #{number}: '{text}'<br/>`.
///
/// The text goes out as it came in, as the original has it: no HTML escapes.
#[inline]
pub fn encode_message(out: &mut Vec<u8>, number: u32, text: &[u8]) {
    let number = Decimal::new(number);
    let number = number.as_bytes();
    let data_bytes = BEFORE_NUMBER.len() + number.len() + BEFORE_TEXT.len() + text.len() + AFTER_TEXT.len();
    let mut size = [0; 16];
    let size = hexadecimal(&mut size, data_bytes);
    out.reserve(size.len() + data_bytes + 2 * CRLF.len());
    for piece in [size, CRLF, BEFORE_NUMBER, number, BEFORE_TEXT, text, AFTER_TEXT, CRLF] {
        out.extend_from_slice(piece);
    }
}

const CRLF: &[u8] = b"\r\n";
const BEFORE_NUMBER: &[u8] = b"Recvd msg #";
const BEFORE_TEXT: &[u8] = b": '";
const AFTER_TEXT: &[u8] = b"'<br/>";

#[inline]
fn hexadecimal(digits: &mut [u8; 16], mut number: usize) -> &[u8] {
    let mut start = digits.len();
    loop {
        start -= 1;
        digits[start] = b"0123456789abcdef"[number & 15];
        number >>= 4;
        if number == 0 {
            return &digits[start..];
        }
    }
}

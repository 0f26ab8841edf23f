//! The client's half: writes the one request, reads the endless answer.

use std::mem::MaybeUninit;

use super::HEADERS_MAX;
use crate::decimal::Decimal;
use crate::{Decode, MESSAGE_BYTES_MAX, Step};

/// How long an answer's head may be, in bytes; longer is an error.
pub const HEAD_BYTES_MAX: usize = 8192;

/// How long one chunk's data may be: a message, and what the server writes around it. Longer is an error.
pub const CHUNK_BYTES_MAX: usize = MESSAGE_BYTES_MAX + 64;

/// How long a chunk's size line may be with its extensions and line end; longer is an error.
pub const SIZE_LINE_BYTES_MAX: usize = 256;

/// How long the trailers after the last chunk may be, with the empty line; longer is an error.
pub const TRAILERS_BYTES_MAX: usize = 4096;

/// Appends the request that logs `id` in: `GET /test/{id}`.
pub fn encode_request(out: &mut Vec<u8>, id: u32, host: &str) {
    let id = Decimal::new(id);
    append(out, &[b"GET /test/", id.as_bytes(), b" HTTP/1.1\r\nHost: ", host.as_bytes(), b"\r\n\r\n"]);
}

/// Appends a request for any path, for servers that keep their stream elsewhere.
///
/// `path` begins with a slash; neither it nor `host` may hold spaces or line ends, which the plan checks once.
pub fn encode_request_path(out: &mut Vec<u8>, path: &str, host: &str) {
    append(out, &[b"GET ", path.as_bytes(), b" HTTP/1.1\r\nHost: ", host.as_bytes(), b"\r\n\r\n"]);
}

fn append(out: &mut Vec<u8>, pieces: &[&[u8]]) {
    for piece in pieces {
        out.extend_from_slice(piece);
    }
}

/// Reads the answer. Every event is decoded from the bytes alone, so the place in the answer is all it remembers.
#[derive(Clone, Copy, Default, Debug)]
pub struct Decoder {
    place: Place,
}

const _: () = assert!(size_of::<Decoder>() == 1);

#[derive(Clone, Copy, Default, Debug)]
enum Place {
    #[default]
    Head,
    Chunks,
    /// Refused or ended: nothing that follows matters.
    Over,
}

/// What the server said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// Logged in: messages follow.
    Accepted,
    /// Not logged in; the body that follows is ignored.
    Refused {
        /// The HTTP status.
        status: u16,
    },
    /// One chunk's data.
    Message(&'a [u8]),
    /// The last chunk: the server is done.
    End,
    /// Bytes without a meaning, to be dropped: an interim answer (1xx), a refusal's body, whatever follows the end.
    /// How many of these there are depends on how the bytes were cut into reads.
    Ignored,
}

/// Why the bytes are not the answer that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The head is not HTTP.
    #[error("the answer is not HTTP/1.1 (is this the server's comet port?)")]
    MalformedHead,
    /// More than [`HEAD_BYTES_MAX`] bytes or [`HEADERS_MAX`] fields.
    #[error("the answer's head is over {HEAD_BYTES_MAX} bytes or {HEADERS_MAX} fields")]
    HeadTooLarge,
    /// A success whose body does not come in chunks, so it holds no messages.
    #[error("the answer is '{status}' but not chunked (does this path stream?)")]
    NotChunked {
        /// The HTTP status.
        status: u16,
    },
    /// A chunk's size line, or the line end after its data, is not as it should be.
    #[error("a chunk is malformed")]
    MalformedChunk,
    /// A size line of more than [`SIZE_LINE_BYTES_MAX`] bytes.
    #[error("a chunk's size line is over {SIZE_LINE_BYTES_MAX} bytes")]
    SizeLineTooLong,
    /// Data of more than [`CHUNK_BYTES_MAX`] bytes.
    #[error("a chunk of '{bytes}' bytes is over {CHUNK_BYTES_MAX}")]
    ChunkTooLong {
        /// The size that the chunk announced.
        bytes: u64,
    },
    /// The trailers are not header fields.
    #[error("the trailers after the last chunk are malformed")]
    MalformedTrailers,
    /// More than [`TRAILERS_BYTES_MAX`] bytes or [`HEADERS_MAX`] fields.
    #[error("the trailers are over {TRAILERS_BYTES_MAX} bytes or {HEADERS_MAX} fields")]
    TrailersTooLarge,
}

impl Decode for Decoder {
    type Event<'a> = Event<'a>;
    type Error = Error;
    const PENDING_MAX: usize = SIZE_LINE_BYTES_MAX + CHUNK_BYTES_MAX + 2;

    #[inline]
    fn decode<'a>(&mut self, bytes: &'a [u8]) -> Result<Step<Event<'a>>, Error> {
        match self.place {
            Place::Chunks => self.chunk(bytes),
            Place::Head => self.head(bytes),
            Place::Over if bytes.is_empty() => Ok(Step::More),
            Place::Over => Ok(Step::Event { event: Event::Ignored, used: bytes.len() }),
        }
    }
}

// One chunk is the longest thing that is ever pending, so its bound is the decoder's.
const _: () = assert!(HEAD_BYTES_MAX <= Decoder::PENDING_MAX);
const _: () = assert!(SIZE_LINE_BYTES_MAX + TRAILERS_BYTES_MAX <= Decoder::PENDING_MAX);

impl Decoder {
    fn head<'a>(&mut self, bytes: &'a [u8]) -> Result<Step<Event<'a>>, Error> {
        let window = &bytes[..bytes.len().min(HEAD_BYTES_MAX)];
        let mut fields = [const { MaybeUninit::uninit() }; HEADERS_MAX];
        let mut response = httparse::Response::new(&mut []);
        let config = httparse::ParserConfig::default();
        let used = match config.parse_response_with_uninit_headers(&mut response, window, &mut fields) {
            Ok(httparse::Status::Complete(used)) => used,
            Ok(httparse::Status::Partial) if window.len() < HEAD_BYTES_MAX => return Ok(Step::More),
            Ok(httparse::Status::Partial) | Err(httparse::Error::TooManyHeaders) => {
                return Err(Error::HeadTooLarge);
            }
            Err(_) => return Err(Error::MalformedHead),
        };
        let status = response.code.unwrap_or_default();
        let event = match status {
            // Switching protocols is the one 1xx that is final, and it was not asked for.
            100 | 102..=199 => Event::Ignored,
            200..=299 if is_chunked(response.headers) => {
                self.place = Place::Chunks;
                Event::Accepted
            }
            200..=299 => return Err(Error::NotChunked { status }),
            _ => {
                self.place = Place::Over;
                Event::Refused { status }
            }
        };
        Ok(Step::Event { event, used })
    }

    #[inline]
    fn chunk<'a>(&mut self, bytes: &'a [u8]) -> Result<Step<Event<'a>>, Error> {
        let Some((line_bytes, data_bytes)) = size_line(bytes)? else { return Ok(Step::More) };
        if data_bytes == 0 {
            return self.trailers(bytes, line_bytes);
        }
        let Some((data, rest)) = bytes[line_bytes..].split_at_checked(data_bytes) else {
            return Ok(Step::More);
        };
        match rest {
            [b'\r', b'\n', ..] => {
                Ok(Step::Event { event: Event::Message(data), used: line_bytes + data_bytes + 2 })
            }
            [] | [b'\r'] => Ok(Step::More),
            _ => Err(Error::MalformedChunk),
        }
    }

    /// Reads the trailers together with the last chunk's size line, so that there is no place between the two.
    fn trailers<'a>(&mut self, bytes: &'a [u8], line_bytes: usize) -> Result<Step<Event<'a>>, Error> {
        let trailers = &bytes[line_bytes..];
        let window = &trailers[..trailers.len().min(TRAILERS_BYTES_MAX)];
        match httparse::parse_headers(window, &mut [httparse::EMPTY_HEADER; HEADERS_MAX]) {
            Ok(httparse::Status::Complete((used, _))) => {
                self.place = Place::Over;
                Ok(Step::Event { event: Event::End, used: line_bytes + used })
            }
            Ok(httparse::Status::Partial) if window.len() < TRAILERS_BYTES_MAX => Ok(Step::More),
            Ok(httparse::Status::Partial) | Err(httparse::Error::TooManyHeaders) => {
                Err(Error::TrailersTooLarge)
            }
            Err(_) => Err(Error::MalformedTrailers),
        }
    }
}

/// The length of the size line, and the size it announces.
#[inline]
fn size_line(bytes: &[u8]) -> Result<Option<(usize, usize)>, Error> {
    let window = &bytes[..bytes.len().min(SIZE_LINE_BYTES_MAX)];
    match window.first() {
        None => return Ok(None),
        // httparse would take a line without digits for a zero, and so an empty line for the end of the answer.
        Some(first) if !first.is_ascii_hexdigit() => return Err(Error::MalformedChunk),
        Some(_) => {}
    }
    match httparse::parse_chunk_size(window) {
        Ok(httparse::Status::Complete((line_bytes, size))) => match usize::try_from(size) {
            Ok(size) if size <= CHUNK_BYTES_MAX => Ok(Some((line_bytes, size))),
            _ => Err(Error::ChunkTooLong { bytes: size }),
        },
        Ok(httparse::Status::Partial) if window.len() < SIZE_LINE_BYTES_MAX => Ok(None),
        Ok(httparse::Status::Partial) => Err(Error::SizeLineTooLong),
        Err(_) => Err(Error::MalformedChunk),
    }
}

/// Whether chunks are the last coding applied, which is what frames the body.
fn is_chunked(fields: &[httparse::Header<'_>]) -> bool {
    let codings = fields.iter().rfind(|field| field.name.eq_ignore_ascii_case("transfer-encoding"));
    codings
        .and_then(|field| field.value.rsplit(|byte| *byte == b',').next())
        .is_some_and(|coding| coding.trim_ascii().eq_ignore_ascii_case(b"chunked"))
}

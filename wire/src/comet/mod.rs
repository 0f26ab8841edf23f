//! Comet on Mochiweb: one GET, one answer that never ends, one chunk per message.
//!
//! ```text
//! client                          server
//! GET /test/42 HTTP/1.1           HTTP/1.1 200 OK
//! Host: 127.0.0.1:8000            Transfer-Encoding: chunked
//!                                 ...
//!                                 1a CRLF                          size of the chunk's data, hexadecimal
//!                                 Recvd msg #1: 'hello'<br/> CRLF  the data: one message
//!                                 ...
//!                                 0 CRLF CRLF                      the last chunk: the server is done
//! ```
//!
//! Leaves out what the workload never uses: request bodies, pipelining, keep-alive after a refusal, compression, and
//! the check that an HTTP/1.1 request names its host.

pub mod client;
mod refusal;
pub mod server;
#[cfg(test)]
mod tests;

/// How many header fields a head or the trailers may have; with one more they are too large.
pub const HEADERS_MAX: usize = 64;

//! Every event and every error of both halves, from concrete bytes.

use super::client::{self, Decoder, Error, Event};
use super::server::{self, Head, HeadError, Request, Status};
use crate::decode::decode_all;
use crate::{Decode, MESSAGE_BYTES_MAX, Step};

const HOST: &str = "\r\nHost: a\r\n\r\n";
const OK: &str = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

fn request(bytes: &[u8]) -> Result<Step<Request>, HeadError> {
    Head.decode(bytes)
}

#[test]
fn requests() {
    let login = |id| Request::Login { id };
    for (line, event) in [
        ("GET /test/42 HTTP/1.1", login(42)),
        ("GET /test/0?tab=2 HTTP/1.1", login(0)),
        ("GET /test/4294967295 HTTP/1.1", login(u32::MAX)),
        ("GET /test/4294967296 HTTP/1.1", Request::NotFound),
        ("GET /test/-1 HTTP/1.1", Request::NotFound),
        ("GET /test/+1 HTTP/1.1", Request::NotFound),
        ("GET /test/ HTTP/1.1", Request::NotFound),
        ("GET /test/7/ HTTP/1.1", Request::NotFound),
        ("GET /tests/7 HTTP/1.1", Request::NotFound),
        ("GET / HTTP/1.1", Request::NotFound),
        ("POST /test/7 HTTP/1.1", Request::MethodNotImplemented),
        ("get /test/7 HTTP/1.1", Request::MethodNotImplemented),
        ("GET /test/7 HTTP/1.0", Request::VersionNotSupported),
    ] {
        let mut bytes = format!("{line}{HOST}").into_bytes();
        let used = bytes.len();
        bytes.extend_from_slice(b"GET /next");
        assert_eq!(request(&bytes), Ok(Step::Event { event, used }), "{line}");
        assert_eq!(request(&bytes[..used - 1]), Ok(Step::More), "{line}");
        assert_eq!(event.refusal().is_none(), matches!(event, Request::Login { .. }));
    }
    assert_eq!(request(b""), Ok(Step::More));
    assert_eq!(request(b"GET /test/1 HTTP/1.1\n\n"), Ok(Step::Event { event: login(1), used: 22 }));
}

#[test]
fn request_errors() {
    for malformed in
        ["\x16\x03\x01\x02\0\x01", "GET\r\n\r\n", "GET /test/1 HTTP/2.0\r\n\r\n", "GET / HTTP/1.1\r\n: x\r\n"]
    {
        assert_eq!(request(malformed.as_bytes()), Err(HeadError::Malformed), "{malformed:?}");
    }
    assert_eq!(HeadError::Malformed.status(), Status::BadRequest);
    assert_eq!(HeadError::TooLarge.status(), Status::HeadTooLarge);

    let fields = |count| format!("GET /test/1 HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(count));
    assert!(matches!(request(fields(server::HEADERS_MAX).as_bytes()), Ok(Step::Event { .. })));
    assert_eq!(request(fields(server::HEADERS_MAX + 1).as_bytes()), Err(HeadError::TooLarge));

    // The longest head that fits, and one byte more.
    let head = |bytes: usize| format!("GET /test/1 HTTP/1.1\r\na: {}\r\n\r\n", "x".repeat(bytes - 29));
    let longest = head(server::HEAD_BYTES_MAX);
    assert_eq!(longest.len(), server::HEAD_BYTES_MAX);
    assert!(matches!(request(longest.as_bytes()), Ok(Step::Event { used: server::HEAD_BYTES_MAX, .. })));
    assert_eq!(request(head(server::HEAD_BYTES_MAX + 1).as_bytes()), Err(HeadError::TooLarge));
}

#[test]
fn requests_of_this_client() {
    let mut out = Vec::new();
    client::encode_request(&mut out, 42, "127.0.0.1:8000");
    assert_eq!(out, b"GET /test/42 HTTP/1.1\r\nHost: 127.0.0.1:8000\r\n\r\n");
    out.clear();
    client::encode_request_path(&mut out, "/sub/x?y", "h");
    assert_eq!(out, b"GET /sub/x?y HTTP/1.1\r\nHost: h\r\n\r\n");
}

#[test]
fn messages_count_and_carry_their_size() {
    let mut out = Vec::new();
    server::encode_message(&mut out, 1, b"hello");
    server::encode_message(&mut out, u32::MAX, b"");
    assert_eq!(out, b"1a\r\nRecvd msg #1: 'hello'<br/>\r\n1e\r\nRecvd msg #4294967295: ''<br/>\r\n");
    out.clear();
    server::encode_message(&mut out, u32::MAX, &[b'x'; MESSAGE_BYTES_MAX]);
    assert!(matches!(chunks().decode(&out), Ok(Step::Event { event: Event::Message(_), .. })));
}

/// A decoder that has read the head.
fn chunks() -> Decoder {
    let mut decoder = Decoder::default();
    let (events, rest) = decode_all(&mut decoder, server::STREAM_HEAD).unwrap();
    assert_eq!((events, rest), (vec![Event::Accepted], b"".as_slice()));
    decoder
}

#[test]
fn an_answer_from_head_to_end() {
    let mut bytes = b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n".to_vec();
    bytes.extend_from_slice(server::STREAM_HEAD);
    server::encode_message(&mut bytes, 1, b"hello");
    bytes.extend_from_slice(b"0A ; name=\"v\"\r\n0123456789\r\n000\r\nTrailer: x\r\n\r\nrubbish");
    let (events, rest) = decode_all(&mut Decoder::default(), &bytes).unwrap();
    let hello = Event::Message(b"Recvd msg #1: 'hello'<br/>");
    let ten = Event::Message(b"0123456789");
    assert_eq!(events, [Event::Ignored, Event::Accepted, hello, ten, Event::End, Event::Ignored]);
    assert!(rest.is_empty());
    assert_eq!(decode_all(&mut chunks(), server::LAST_CHUNK), Ok((vec![Event::End], b"".as_slice())));
}

#[test]
fn refusals_end_the_answer() {
    for status in [Status::NotFound, Status::Unavailable, Status::VersionNotSupported] {
        let (events, rest) = decode_all(&mut Decoder::default(), status.response()).unwrap();
        assert_eq!(events, [Event::Refused { status: status.code() }, Event::Ignored]);
        assert!(rest.is_empty());
    }
    for (code, head) in
        [(101, "HTTP/1.1 101 Switching Protocols\r\n\r\n"), (302, "HTTP/1.1 302 Found\r\n\r\n")]
    {
        let (events, _) = decode_all(&mut Decoder::default(), head.as_bytes()).unwrap();
        assert_eq!(events, [Event::Refused { status: code }]);
    }
}

#[test]
fn head_errors() {
    let decode =
        |head: &str| decode_all(&mut Decoder::default(), head.as_bytes()).map(|(events, _)| events.len());
    assert_eq!(decode("SSH-2.0-OpenSSH"), Err(Error::MalformedHead));
    assert_eq!(
        decode(&"HTTP/1.1 200 OK\r\na: b\r\n".replace("a: b\r\n", &"a: b\r\n".repeat(65))),
        Err(Error::HeadTooLarge)
    );
    assert_eq!(
        decode(&format!("HTTP/1.1 200 {}", "x".repeat(client::HEAD_BYTES_MAX))),
        Err(Error::HeadTooLarge)
    );
    assert_eq!(decode("HTTP/1.1 204 No Content\r\n\r\n"), Err(Error::NotChunked { status: 204 }));
    assert_eq!(
        decode("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n"),
        Err(Error::NotChunked { status: 200 })
    );
    for coding in ["CHUNKED", "gzip, chunked ", "gzip\r\ntransfer-encoding: chunked"] {
        assert_eq!(
            decode(&format!("HTTP/1.1 200 OK\r\nTRANSFER-ENCODING: {coding}\r\n\r\n")),
            Ok(1),
            "{coding}"
        );
    }
    assert_eq!(decode(OK), Ok(1));
}

#[test]
fn chunk_errors() {
    let decode = |bytes: &str| chunks().decode(bytes.as_bytes()).map(|step| step == Step::More);
    for malformed in
        ["\r\n", "x", " 5\r\n", ";a\r\n", "5\rx", "5 5\r\n", "11111111111111111", "1\r\nab", "1\r\na\rb"]
    {
        assert_eq!(decode(malformed), Err(Error::MalformedChunk), "{malformed:?}");
    }
    for unfinished in
        ["", "5", "5\r", "5\r\n", "5\r\nhello", "5\r\nhello\r", "0\r\n", "0\r\n\r", "0\r\na: b\r\n"]
    {
        assert_eq!(decode(unfinished), Ok(true), "{unfinished:?}");
    }
    assert_eq!(decode(&format!("1;{}", "x".repeat(254))), Err(Error::SizeLineTooLong));
    assert_eq!(decode(&format!("{:x}\r\n", client::CHUNK_BYTES_MAX)), Ok(true));
    let bytes = client::CHUNK_BYTES_MAX as u64 + 1;
    assert_eq!(decode(&format!("{bytes:x}\r\n")), Err(Error::ChunkTooLong { bytes }));
    assert_eq!(decode("ffffffffffffffff\r\n"), Err(Error::ChunkTooLong { bytes: u64::MAX }));
    assert_eq!(decode("0\r\n: x\r\n\r\n"), Err(Error::MalformedTrailers));
    assert_eq!(decode(&format!("0\r\n{}\r\n", "a: b\r\n".repeat(65))), Err(Error::TrailersTooLarge));
    assert_eq!(decode(&format!("0\r\na: {}", "x".repeat(4093))), Err(Error::TrailersTooLarge));
}

//! `--listen`: `GET /metrics`, on a few threads that were there from the start.
//!
//! One request a connection, and every connection has a deadline, so that the most that a stranger can do is to keep
//! others waiting for [`REQUEST_TIME`]. A scrape computes the text; a sample computes nothing for it.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::sar::exposition::{self, Dialect};
use crate::sar::picture::Picture;

/// Threads that answer: as many requests are under way at a time; more wait in the backlog.
const ANSWERERS: usize = 3;

/// How long a request and its answer may take together; then the connection is closed.
const REQUEST_TIME: Duration = Duration::from_secs(2);

/// The longest head that is read; a longer one is answered with 431.
const HEAD_BYTES_MAX: usize = 8 << 10;

/// Header fields that are looked at; more are answered with 431.
const FIELDS_MAX: usize = 64;

/// What follows an answer is read and forgotten up to this, so that closing does not reset what was sent.
const REST_BYTES_MAX: usize = 64 << 10;

/// How long no connection is taken after one could not be: out of descriptors, or reset before it was taken.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What the stack of an answering thread may take. Untouched, it is only address space.
const STACK_BYTES: usize = 256 << 10;

/// Binds the address and answers there until the process ends.
pub(crate) fn start(address: SocketAddr, picture: &Arc<Mutex<Picture>>) -> io::Result<SocketAddr> {
    let listener = Arc::new(TcpListener::bind(address)?);
    let bound = listener.local_addr()?;
    for _ in 0..ANSWERERS {
        let (listener, picture) = (Arc::clone(&listener), Arc::clone(picture));
        std::thread::Builder::new().name("sar-listen".into()).stack_size(STACK_BYTES).spawn(move || {
            loop {
                match listener.accept() {
                    Ok((stream, _)) => {
                        // A stranger who leaves early is nothing to tell.
                        let _ = serve(stream, &picture);
                    }
                    Err(_) => std::thread::sleep(ACCEPT_PAUSE),
                }
            }
        })?;
    }
    Ok(bound)
}

fn serve(mut stream: TcpStream, picture: &Mutex<Picture>) -> io::Result<()> {
    let deadline = Instant::now() + REQUEST_TIME;
    let head = read_head(&mut stream, deadline)?;
    let answer = match request(&head) {
        Ok(Some(request)) => answer(&request, picture),
        Ok(None) => Answer::sentence(Status::BadRequest, "the request has no end\n"),
        Err(status) => Answer::sentence(status, "this is no request for /metrics\n"),
    };
    stream.set_write_timeout(Some(left(deadline)?))?;
    stream.write_all(&answer.bytes())?;
    stream.shutdown(Shutdown::Write)?;
    let mut rest = [0; 4096];
    let mut length = 0;
    while length < REST_BYTES_MAX {
        stream.set_read_timeout(Some(left(deadline)?))?;
        match stream.read(&mut rest)? {
            0 => break,
            read => length += read,
        }
    }
    Ok(())
}

/// What is left until then; nothing is an error.
fn left(deadline: Instant) -> io::Result<Duration> {
    let left = deadline.saturating_duration_since(Instant::now());
    if left.is_zero() { Err(ErrorKind::TimedOut.into()) } else { Ok(left) }
}

/// Reads until the head is whole, too long, nothing that can become a request, or its time is up.
fn read_head(stream: &mut TcpStream, deadline: Instant) -> io::Result<Vec<u8>> {
    let mut head = Vec::with_capacity(1024);
    let mut part = [0; 1024];
    while matches!(request(&head), Ok(None)) {
        stream.set_read_timeout(Some(left(deadline)?))?;
        match stream.read(&mut part) {
            Ok(0) => break,
            Ok(length) => head.extend_from_slice(&part[..length]),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(head)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Status {
    Ok,
    BadRequest,
    NotFound,
    MethodNotAllowed,
    TooLarge,
}

impl Status {
    fn line(self) -> &'static str {
        match self {
            Status::Ok => "200 OK",
            Status::BadRequest => "400 Bad Request",
            Status::NotFound => "404 Not Found",
            Status::MethodNotAllowed => "405 Method Not Allowed",
            Status::TooLarge => "431 Request Header Fields Too Large",
        }
    }
}

/// What matters of a request.
#[derive(Debug, PartialEq, Eq)]
struct Request {
    method: String,
    path: String,
    accept: String,
}

/// `None` while its end has not come.
fn request(head: &[u8]) -> Result<Option<Request>, Status> {
    let mut fields = [httparse::EMPTY_HEADER; FIELDS_MAX];
    let mut parsed = httparse::Request::new(&mut fields);
    match parsed.parse(head) {
        Ok(httparse::Status::Complete(_)) => {}
        Ok(httparse::Status::Partial) if head.len() >= HEAD_BYTES_MAX => return Err(Status::TooLarge),
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(httparse::Error::TooManyHeaders) => return Err(Status::TooLarge),
        Err(_) => return Err(Status::BadRequest),
    }
    let accept = parsed.headers.iter().filter(|field| field.name.eq_ignore_ascii_case("accept"));
    let accept: Vec<_> = accept.map(|field| String::from_utf8_lossy(field.value)).collect();
    let path = parsed.path.unwrap_or_default();
    Ok(Some(Request {
        method: parsed.method.unwrap_or_default().to_owned(),
        path: path.split('?').next().unwrap_or_default().to_owned(),
        accept: accept.join(","),
    }))
}

struct Answer {
    status: Status,
    kind: &'static str,
    body: String,
    head_only: bool,
}

impl Answer {
    fn sentence(status: Status, body: &str) -> Answer {
        Answer { status, kind: "text/plain; charset=utf-8", body: body.to_owned(), head_only: false }
    }

    fn bytes(&self) -> Vec<u8> {
        let allow = if self.status == Status::MethodNotAllowed { "Allow: GET, HEAD\r\n" } else { "" };
        let mut bytes = format!(
            "HTTP/1.1 {}\r\nContent-Type: {}\r\nContent-Length: {}\r\n{allow}Connection: close\r\n\r\n",
            self.status.line(),
            self.kind,
            self.body.len()
        )
        .into_bytes();
        if !self.head_only {
            bytes.extend_from_slice(self.body.as_bytes());
        }
        bytes
    }
}

fn answer(request: &Request, picture: &Mutex<Picture>) -> Answer {
    if request.path != "/metrics" {
        return Answer::sentence(Status::NotFound, "try GET /metrics\n");
    }
    if !matches!(request.method.as_str(), "GET" | "HEAD") {
        return Answer::sentence(Status::MethodNotAllowed, "/metrics takes GET\n");
    }
    let dialect = if request.accept.contains("application/openmetrics-text") {
        Dialect::OpenMetrics
    } else {
        Dialect::Prometheus
    };
    let picture = picture.lock().unwrap_or_else(PoisonError::into_inner);
    let body = exposition::text(&picture, dialect);
    Answer { status: Status::Ok, kind: dialect.content_type(), body, head_only: request.method == "HEAD" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_told_from_noise() {
        let seen = request(b"GET /metrics?x=1 HTTP/1.1\r\naccept: a\r\nAccept: b\r\n\r\n")
            .expect("no noise")
            .expect("whole");
        assert_eq!(
            (seen.method.as_str(), seen.path.as_str(), seen.accept.as_str()),
            ("GET", "/metrics", "a,b")
        );
        let many = format!("GET / HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(FIELDS_MAX + 1));
        let long = format!("GET /{} HTTP/1.1\r\n", "x".repeat(HEAD_BYTES_MAX));
        for (head, status) in [
            (&b"\x16\x03\x01\x00\xff\xff"[..], Status::BadRequest),
            (b"GET /metrics HTTP/1.1\r\nno colon\r\n\r\n", Status::BadRequest),
            (many.as_bytes(), Status::TooLarge),
            (long.as_bytes(), Status::TooLarge),
        ] {
            assert_eq!(request(head), Err(status), "{}", String::from_utf8_lossy(head));
        }
        for head in [&b""[..], b"GET /metrics HTTP/1.1\r\n"] {
            assert_eq!(request(head), Ok(None), "{}", String::from_utf8_lossy(head));
        }
    }
}

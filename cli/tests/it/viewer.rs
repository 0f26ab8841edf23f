//! A comet client, byte by byte.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};

use crate::chat::{Answer, connect, parse_answer};

/// What `GET /test/{id}` is answered with, before the first message.
pub(crate) const STREAM_HEAD: &str = "HTTP/1.1 200 OK\r\n\
    Content-Type: text/html; charset=utf-8\r\n\
    Transfer-Encoding: chunked\r\n\
    Cache-Control: no-store\r\n\r\n";

/// A connection to the comet port.
#[derive(Debug)]
pub(crate) struct Viewer {
    pub(crate) stream: TcpStream,
}

impl Viewer {
    /// Connects and says nothing.
    pub(crate) fn connect(address: SocketAddr) -> Self {
        Self { stream: connect(address) }
    }

    /// Connects, logs in, and has seen the head of the answer.
    pub(crate) fn login(address: SocketAddr, id: u32) -> Self {
        let mut viewer = Self::connect(address);
        viewer.say(&Self::request(id));
        viewer.expect(STREAM_HEAD);
        viewer
    }

    pub(crate) fn request(id: u32) -> String {
        format!("GET /test/{id} HTTP/1.1\r\nHost: localhost\r\n\r\n")
    }

    pub(crate) fn say(&mut self, text: &str) {
        self.stream.write_all(text.as_bytes()).expect("the server takes it");
    }

    /// Reads exactly these bytes.
    #[track_caller]
    pub(crate) fn expect(&mut self, text: &str) {
        let mut seen = vec![0; text.len()];
        let mut length = 0;
        while length < seen.len() {
            match self.stream.read(&mut seen[length..]) {
                Ok(read @ 1..) => length += read,
                end => panic!(
                    "{end:?} after {:?}, instead of {text:?}",
                    String::from_utf8_lossy(&seen[..length])
                ),
            }
        }
        assert_eq!(String::from_utf8_lossy(&seen), text);
    }

    /// Reads exactly this message, as the number `number` of the connection.
    #[track_caller]
    pub(crate) fn expect_message(&mut self, number: u32, text: &str) {
        let data = format!("Recvd msg #{number}: '{text}'<br/>");
        self.expect(&format!("{:x}\r\n{data}\r\n", data.len()));
    }

    /// Reads to the end. A reset counts as one, for what comes before it.
    pub(crate) fn rest(&mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        let mut buffer = [0; 4096];
        loop {
            match self.stream.read(&mut buffer) {
                Ok(0) => return rest,
                Ok(length) => rest.extend_from_slice(&buffer[..length]),
                Err(error) if error.kind() == ErrorKind::ConnectionReset => return rest,
                Err(error) => panic!("{error} after {:?}", String::from_utf8_lossy(&rest)),
            }
        }
    }

    /// The whole answer of a server that closes after it.
    pub(crate) fn answer(&mut self) -> Answer {
        parse_answer(&self.rest())
    }
}

//! A tiny HTTP server for tests: it answers what it is told to, right or wrong.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// What to do with a request.
pub(crate) enum Reply {
    /// A proper answer; the connection is kept.
    Ok(&'static str, String),
    /// These bytes, whatever they are, and then the end.
    Raw(Vec<u8>),
}

/// A server on a port of its own. Its thread ends with the test's process.
pub(crate) struct TestServer {
    pub(crate) address: SocketAddr,
    connections: Arc<AtomicUsize>,
}

impl TestServer {
    /// `answer` is given the path asked for.
    pub(crate) fn start(answer: impl Fn(&str) -> Reply + Send + Sync + 'static) -> TestServer {
        TestServer::start_at("127.0.0.1:0", answer)
    }

    pub(crate) fn start_at(
        address: &str,
        answer: impl Fn(&str) -> Reply + Send + Sync + 'static,
    ) -> TestServer {
        let listener = TcpListener::bind(address).expect("a port");
        let address = listener.local_addr().expect("bound");
        let connections = Arc::new(AtomicUsize::new(0));
        let (count, answer) = (Arc::clone(&connections), Arc::new(answer));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                count.fetch_add(1, Ordering::Relaxed);
                let answer = Arc::clone(&answer);
                thread::spawn(move || serve(&stream, &*answer));
            }
        });
        TestServer { address, connections }
    }

    /// How many connections were opened to it.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }
}

fn serve(mut stream: &TcpStream, answer: &dyn Fn(&str) -> Reply) {
    let mut lines = BufReader::new(stream).lines();
    while let Some(Ok(first)) = lines.next() {
        while lines.next().is_some_and(|line| line.is_ok_and(|line| !line.is_empty())) {}
        let path = first.split(' ').nth(1).unwrap_or_default();
        match answer(path) {
            Reply::Ok(status, body) => {
                let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n", body.len());
                if stream.write_all(&[head.as_bytes(), body.as_bytes()].concat()).is_err() {
                    return;
                }
            }
            Reply::Raw(bytes) => {
                // The other side may have had enough before the end.
                let _ = stream.write_all(&bytes);
                return;
            }
        }
    }
}

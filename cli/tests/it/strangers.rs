//! Servers that are not ours: what may stand behind a port, and a router port that remembers.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use wire::Feed;
use wire::router::server::{Decoder, Event, encode_ack};
use wire::router::{HELLO, Totals};

use crate::tool::PATIENCE;
use crate::viewer::STREAM_HEAD;

/// What a stranger does with each connection.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Manner {
    /// Takes it and says nothing.
    Mute,
    /// Waits for the request, then closes.
    Hasty,
    /// Speaks another protocol.
    Foreign,
    /// Answers as a comet server does, and sends nothing.
    Comet,
}

/// A server that notes who connects. Ends when dropped.
#[derive(Debug)]
pub(crate) struct Stranger {
    pub(crate) address: SocketAddr,
    peers: Arc<Mutex<Vec<SocketAddr>>>,
    heads: Arc<Mutex<Vec<String>>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Stranger {
    pub(crate) fn start(manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        listener.set_nonblocking(true).expect("non-blocking");
        let address = listener.local_addr().expect("an address");
        let (peers, heads) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Mutex::new(Vec::new())));
        let stop = Arc::new(AtomicBool::new(false));
        let thread = std::thread::spawn({
            let (peers, heads, stop) = (Arc::clone(&peers), Arc::clone(&heads), Arc::clone(&stop));
            move || {
                let mut open = Vec::new();
                while !stop.load(Ordering::Relaxed) {
                    let Ok((stream, peer)) = listener.accept() else {
                        std::thread::sleep(Duration::from_millis(1));
                        continue;
                    };
                    lock(&peers).push(peer);
                    let (head, kept) = greet(stream, manner);
                    lock(&heads).push(head);
                    open.extend(kept);
                }
            }
        });
        Self { address, peers, heads, stop, thread: Some(thread) }
    }

    /// Where connections came from, in order.
    pub(crate) fn peers(&self) -> Vec<SocketAddr> {
        lock(&self.peers).clone()
    }

    /// What the first read of each connection gave.
    pub(crate) fn heads(&self) -> Vec<String> {
        lock(&self.heads).clone()
    }
}

impl Drop for Stranger {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn greet(mut stream: TcpStream, manner: Manner) -> (String, Option<TcpStream>) {
    match manner {
        Manner::Mute => (String::new(), Some(stream)),
        // All has been read, so that the end is a FIN and no reset.
        Manner::Hasty => (request(&mut stream), None),
        Manner::Foreign => {
            let _ = stream.write_all(b"SSH-2.0-OpenSSH_9.2p1\r\n");
            (request(&mut stream), Some(stream))
        }
        Manner::Comet => {
            let head = request(&mut stream);
            let _ = stream.write_all(STREAM_HEAD.as_bytes());
            (head, Some(stream))
        }
    }
}

/// What the first read gives.
fn request(stream: &mut TcpStream) -> String {
    let mut head = [0; 4096];
    stream.set_nonblocking(false).expect("blocking");
    stream.set_read_timeout(Some(Duration::from_secs(5))).expect("a timeout");
    let length = stream.read(&mut head).unwrap_or(0);
    String::from_utf8_lossy(&head[..length]).into_owned()
}

/// An address where nobody listens.
pub(crate) fn nobody() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address")
}

/// A port that no outgoing connection of another test is given: below the kernel's own range.
pub(crate) fn quiet_port() -> u16 {
    let range = std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").expect("the range");
    let first: u16 = range.split_whitespace().next().and_then(|first| first.parse().ok()).expect("a port");
    let start = first / 2 + (std::process::id() % 5000) as u16;
    let free = |port: &u16| TcpListener::bind(("127.0.0.1", *port)).is_ok();
    (start..first).find(free).expect("a free port below the kernel's range")
}

/// One publisher's messages, as a router port hears them.
#[derive(Debug)]
pub(crate) struct FakeRouter {
    pub(crate) address: SocketAddr,
    thread: JoinHandle<Vec<(u32, Vec<u8>)>>,
}

impl FakeRouter {
    /// Takes one publisher and answers it as a server would that has one connection for each id.
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        listener.set_nonblocking(true).expect("non-blocking");
        let address = listener.local_addr().expect("an address");
        let thread = std::thread::spawn(move || {
            let deadline = Instant::now() + PATIENCE;
            loop {
                match listener.accept() {
                    Ok((stream, _)) => return listen(stream),
                    Err(error) if error.kind() == ErrorKind::WouldBlock && Instant::now() < deadline => {
                        std::thread::sleep(Duration::from_millis(1));
                    }
                    Err(error) => panic!("no publisher came: {error}"),
                }
            }
        });
        Self { address, thread }
    }

    /// Every message, in order, once the publisher has left.
    pub(crate) fn messages(self) -> Vec<(u32, Vec<u8>)> {
        self.thread.join().expect("the publisher kept to the protocol")
    }
}

fn listen(mut stream: TcpStream) -> Vec<(u32, Vec<u8>)> {
    stream.set_nonblocking(false).expect("blocking");
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    let mut feed = Feed::new(Decoder::default());
    let (mut messages, mut buffer) = (Vec::new(), [0; 64 << 10]);
    loop {
        let length = match stream.read(&mut buffer) {
            Ok(0) | Err(_) => return messages,
            Ok(length) => length,
        };
        let mut answer = Vec::new();
        let heard = |event: Event<'_>| match event {
            Event::Hello => answer.extend_from_slice(HELLO),
            Event::Send { id, payload } => messages.push((id, payload.to_vec())),
            Event::Sync { token } => {
                let count = messages.len() as u64;
                let totals = Totals { accepted: count, copies: count, delivered: count, ..Totals::default() };
                encode_ack(&mut answer, token, &totals);
            }
        };
        feed.feed(&buffer[..length], heard).expect("the publisher speaks the protocol");
        let _ = stream.write_all(&answer);
    }
}

//! A connection to the router port: bytes out without waiting, acknowledgements in.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use thiserror::Error;
use wire::Feed;
use wire::router::Totals;
use wire::router::client::{Decoder, Event};

/// The most connections one publisher opens.
pub const LINKS_MAX: usize = 64;

/// Bytes encoded ahead of what the kernel takes. While there are more, no message is encoded, so that its mark tells
/// the time at which it really left.
const AHEAD_BYTES_MAX: usize = 32 << 10;

/// How long connecting may take.
const CONNECT_TIME: Duration = Duration::from_secs(5);

/// What went wrong with the router port.
#[derive(Debug, Error)]
pub enum LinkError {
    /// No connection.
    #[error("could not connect to the router port {address}: {error}{}", connect_hint(.error))]
    Connect {
        /// Where.
        address: SocketAddr,
        /// What the system said.
        error: io::Error,
    },
    /// The connection broke.
    #[error("the router port {address} closed the connection: {error}")]
    Broke {
        /// Where.
        address: SocketAddr,
        /// What the system said.
        error: io::Error,
    },
    /// The other side does not speak the protocol.
    #[error(
        "{address} does not answer as a router port does: {message} (is it the server's --router address?)"
    )]
    Protocol {
        /// Where.
        address: SocketAddr,
        /// What it said instead.
        message: String,
    },
}

fn connect_hint(error: &io::Error) -> &'static str {
    match error.kind() {
        ErrorKind::ConnectionRefused => " (start the server with 'floodmark chat --router ADDRESS')",
        _ => "",
    }
}

/// One connection.
pub(crate) struct Link {
    address: SocketAddr,
    stream: TcpStream,
    feed: Feed<Decoder>,
    unsent: Vec<u8>,
    sent: usize,
    pub(crate) totals: Totals,
    /// The token of the last sync that was answered.
    pub(crate) synced: u32,
}

impl Link {
    pub(crate) fn connect(address: SocketAddr) -> Result<Self, LinkError> {
        let open = || -> io::Result<TcpStream> {
            let stream = TcpStream::connect_timeout(&address, CONNECT_TIME)?;
            stream.set_nodelay(true)?;
            stream.set_nonblocking(true)?;
            Ok(stream)
        };
        let stream = open().map_err(|error| LinkError::Connect { address, error })?;
        let mut link = Self {
            address,
            stream,
            feed: Feed::default(),
            unsent: wire::router::client::HELLO.to_vec(),
            sent: 0,
            totals: Totals::default(),
            synced: 0,
        };
        // At once: a publisher may wait for its start longer than the server waits for a hello.
        link.flush()?;
        Ok(link)
    }

    pub(crate) fn fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }

    /// Whether another message may be encoded.
    pub(crate) fn has_room(&self) -> bool {
        self.unsent.len() - self.sent < AHEAD_BYTES_MAX
    }

    /// Whether everything is with the kernel.
    pub(crate) fn is_flushed(&self) -> bool {
        self.sent == self.unsent.len()
    }

    /// Where messages are encoded to.
    pub(crate) fn buffer(&mut self) -> &mut Vec<u8> {
        &mut self.unsent
    }

    /// Hands the kernel what it takes.
    pub(crate) fn flush(&mut self) -> Result<(), LinkError> {
        while self.sent < self.unsent.len() {
            match self.stream.write(&self.unsent[self.sent..]) {
                Ok(sent) => self.sent += sent,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(self.broke(error)),
            }
        }
        if self.is_flushed() {
            self.unsent.clear();
            self.sent = 0;
        } else if self.sent >= AHEAD_BYTES_MAX {
            self.unsent.drain(..self.sent);
            self.sent = 0;
        }
        Ok(())
    }

    /// Reads what the server has said.
    pub(crate) fn read(&mut self) -> Result<(), LinkError> {
        let mut buffer = [0; 4096];
        loop {
            let length = match self.stream.read(&mut buffer) {
                Ok(0) => return Err(self.broke(ErrorKind::UnexpectedEof.into())),
                Ok(length) => length,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(self.broke(error)),
            };
            let mut refusal = None;
            let Self { feed, totals, synced, .. } = self;
            let fed = feed.feed(&buffer[..length], |event| match event {
                Event::Hello => {}
                Event::Ack { token, totals: new } => {
                    *totals = new;
                    if token != 0 {
                        *synced = token;
                    }
                }
                Event::Error { text, .. } => refusal = Some(text.to_string()),
            });
            let message = match fed {
                Err(error) => error.to_string(),
                Ok(()) => match refusal {
                    Some(text) => text,
                    None => continue,
                },
            };
            return Err(LinkError::Protocol { address: self.address, message });
        }
    }

    fn broke(&self, error: io::Error) -> LinkError {
        LinkError::Broke { address: self.address, error }
    }
}

//! The bare server: accept, read, answer; then write to connections at random.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::sync::atomic::Ordering;
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use nix::unistd::{read, write};
use socket2::{Domain, Protocol, Socket, Type};

use crate::bare::{Board, IN_FLIGHT_MAX};

/// The listener's own mark among the connections' indices.
const LISTENER: u64 = u64::MAX;

const BACKLOG: i32 = 65_535;

/// As long as the head of a chunked response.
const ANSWER: [u8; 160] = [b'a'; 160];

/// As long as a chunk with a message of 64 bytes.
pub(crate) const DELIVERY: [u8; 100] = [b'd'; 100];

/// Deliveries between two looks at the shared counters.
const BATCH: u64 = 64;

/// How long a server rests when enough is under way: the clients need the cores more.
const REST: Duration = Duration::from_micros(100);

/// Holds a port of the kernel's choice for the listeners to come.
pub(crate) fn claim() -> io::Result<(SocketAddr, Socket)> {
    let socket = reusable(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
    let address = socket.local_addr()?.as_socket().expect("an IP socket has an IP address");
    Ok((address, socket))
}

fn reusable(address: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM.nonblocking().cloexec(), Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(true)?;
    socket.bind(&address.into())?;
    Ok(socket)
}

pub(crate) struct Server {
    epoll: Epoll,
    listeners: Vec<Socket>,
    connections: Vec<OwnedFd>,
}

impl Server {
    pub(crate) fn listen(board: &Board) -> io::Result<Self> {
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
        let mut listeners = Vec::new();
        // Several, since the kernel cuts each one's backlog down to somaxconn.
        for _ in 0..4 {
            let listener = reusable(board.address)?;
            listener.set_tcp_nodelay(true)?;
            listener.listen(BACKLOG)?;
            epoll.add(&listener, EpollEvent::new(EpollFlags::EPOLLIN, LISTENER))?;
            listeners.push(listener);
        }
        Ok(Self { epoll, listeners, connections: Vec::new() })
    }

    pub(crate) fn run(mut self, board: &Board, servers: usize) -> io::Result<()> {
        let mut events = vec![EpollEvent::empty(); 1024];
        let mut buffer = [0; 4096];
        let mut random = self.listeners[0].as_raw_fd() as u64 | 1;
        while !board.stopped() {
            if board.delivering.load(Ordering::Acquire) {
                self.deliver(board, servers, &mut random);
                continue;
            }
            let ready = match self.epoll.wait(&mut events, EpollTimeout::from(5u8)) {
                Ok(ready) => ready,
                Err(Errno::EINTR) => continue,
                Err(error) => return Err(error.into()),
            };
            for event in &events[..ready] {
                if event.data() == LISTENER {
                    self.accept()?;
                } else {
                    let connection = &self.connections[event.data() as usize];
                    if matches!(read(connection, &mut buffer), Ok(1..)) {
                        let _ = write(connection, &ANSWER);
                    }
                }
            }
        }
        Ok(())
    }

    fn accept(&mut self) -> io::Result<()> {
        for listener in &self.listeners {
            // Blocking sockets save a system call each, and nothing here ever has to wait for one.
            while let Ok((socket, _)) = listener.accept() {
                let connection = OwnedFd::from(socket);
                let index = self.connections.len() as u64;
                self.epoll
                    .add(&connection, EpollEvent::new(EpollFlags::EPOLLIN | EpollFlags::EPOLLET, index))?;
                self.connections.push(connection);
            }
        }
        Ok(())
    }

    /// Writes to connections at random, as long as not too much is under way.
    fn deliver(&self, board: &Board, servers: usize, random: &mut u64) {
        if self.connections.is_empty() {
            std::thread::yield_now();
            return;
        }
        let in_flight =
            board.sent.load(Ordering::Relaxed).saturating_sub(board.received.load(Ordering::Relaxed));
        if in_flight + BATCH * servers as u64 > IN_FLIGHT_MAX {
            std::thread::sleep(REST);
            return;
        }
        let mut sent = 0;
        for _ in 0..BATCH {
            // xorshift64: any generator will do that costs next to nothing.
            *random ^= *random << 13;
            *random ^= *random >> 7;
            *random ^= *random << 17;
            let connection = &self.connections[(*random % self.connections.len() as u64) as usize];
            sent += u64::from(write(connection.as_fd(), &DELIVERY).is_ok());
        }
        board.sent.fetch_add(sent, Ordering::Relaxed);
    }
}

//! The bare client: connect, write, read the answer; then read whatever comes.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::Ordering;

use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use nix::sys::socket::{setsockopt, sockopt::IpBindAddressNoPort};
use nix::unistd::{read, write};
use socket2::{Domain, Protocol, Socket, Type};

use crate::bare::Board;
use crate::server::DELIVERY;

/// As long as a GET request's head.
const REQUEST: [u8; 60] = [b'r'; 60];

/// Connections begun before the client looks at what has come.
const OPENS_PER_TURN: usize = 64;

struct Connection {
    socket: Socket,
    answered: bool,
}

pub(crate) struct Client {
    epoll: Epoll,
    connections: Vec<Connection>,
    /// The next connection's number, of those that are this thread's.
    next: usize,
    step: usize,
    count: usize,
}

impl Client {
    pub(crate) fn new(index: usize, clients: usize, count: usize) -> io::Result<Self> {
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
        Ok(Self { epoll, connections: Vec::new(), next: index, step: clients, count })
    }

    pub(crate) fn run(mut self, board: &Board) -> io::Result<()> {
        let mut events = vec![EpollEvent::empty(); 1024];
        let mut buffer = vec![0; 64 << 10];
        while !board.stopped() {
            let opening = self.open_some(board)?;
            let timeout = if opening { EpollTimeout::ZERO } else { EpollTimeout::from(5u8) };
            let ready = match self.epoll.wait(&mut events, timeout) {
                Ok(ready) => ready,
                Err(Errno::EINTR) => continue,
                Err(error) => return Err(error.into()),
            };
            let (mut answered, mut bytes) = (0, 0);
            for event in &events[..ready] {
                let connection = &mut self.connections[event.data() as usize];
                let Ok(length) = read(&connection.socket, &mut buffer) else { continue };
                if connection.answered {
                    bytes += length;
                } else {
                    connection.answered = true;
                    answered += 1;
                }
            }
            if answered > 0 {
                board.opening.fetch_sub(answered, Ordering::Relaxed);
                board.opened.fetch_add(answered, Ordering::Relaxed);
            }
            if bytes > 0 {
                board.received.fetch_add((bytes / DELIVERY.len()) as u64, Ordering::Relaxed);
            }
        }
        Ok(())
    }

    /// Begins some connections; `false` when there is none to begin now.
    fn open_some(&mut self, board: &Board) -> io::Result<bool> {
        for _ in 0..OPENS_PER_TURN {
            if self.next >= self.count || board.opening.load(Ordering::Relaxed) >= board.concurrency {
                return Ok(false);
            }
            board.opening.fetch_add(1, Ordering::Relaxed);
            self.open(board)?;
            self.next += self.step;
        }
        Ok(true)
    }

    fn open(&mut self, board: &Board) -> io::Result<()> {
        let socket = Socket::new(Domain::IPV4, Type::STREAM.nonblocking().cloexec(), Some(Protocol::TCP))?;
        if let Some(source) = board.source(self.next) {
            setsockopt(&socket, IpBindAddressNoPort, &true)?;
            socket.bind(&SocketAddr::from((source, 0)).into())?;
        }
        match socket.connect(&board.address.into()) {
            Err(error) if error.raw_os_error() != Some(Errno::EINPROGRESS as i32) => return Err(error),
            _ => {}
        }
        // On loopback the connection stands when connect returns.
        write(&socket, &REQUEST)?;
        let index = self.connections.len() as u64;
        self.epoll.add(&socket, EpollEvent::new(EpollFlags::EPOLLIN | EpollFlags::EPOLLET, index))?;
        self.connections.push(Connection { socket, answered: false });
        Ok(())
    }
}

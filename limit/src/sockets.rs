//! The system calls that any client and any server make, and the bytes that they exchange.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::fd::{AsFd, AsRawFd};
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use nix::sys::socket::{MsgFlags, recv, send, setsockopt, sockopt::IpBindAddressNoPort};
use socket2::{Domain, Protocol, Socket, Type};

/// As long as a GET request's head.
const REQUEST: [u8; 60] = [b'r'; 60];

/// As long as the head of a chunked response.
const ANSWER: [u8; 160] = [b'a'; 160];

/// As long as a chunk with a message of 64 bytes.
const DELIVERY: [u8; 100] = [b'd'; 100];

/// Read at once; more than was ever written to one connection unread.
const READ_BYTES: usize = 1024;

/// Connections that may wait to be accepted, before the kernel cuts it down to somaxconn.
const BACKLOG: i32 = 65_535;

/// Connections per source address; an eighth of the default port range, within which the kernel finds free ports fast.
const PER_ADDRESS: usize = 3500;

/// Events taken from the kernel at once.
const EVENTS: usize = 1024;

/// Source addresses of 127/8 for so many connections to one port.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sources(u32);

impl Sources {
    pub(crate) fn for_connections(connections: usize) -> Self {
        Self(u32::try_from(connections.div_ceil(PER_ADDRESS)).unwrap_or(u32::MAX))
    }

    /// The address of connection `number`, if the kernel's own choice will not do.
    fn of(self, number: usize) -> Option<Ipv4Addr> {
        let turn = u32::try_from(number % self.0.max(1) as usize).unwrap_or(0);
        (self.0 > 1).then(|| Ipv4Addr::from_bits(Ipv4Addr::new(127, 0, 0, 2).to_bits() + turn))
    }
}

/// A socket bound to `address`, which others may bind as well.
pub(crate) fn bound(address: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM.nonblocking().cloexec(), Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(true)?;
    socket.bind(&address.into())?;
    Ok(socket)
}

/// A listener whose connections send at once what is written to them.
pub(crate) fn listen(address: SocketAddr) -> io::Result<Socket> {
    let listener = bound(address)?;
    listener.set_tcp_nodelay(true)?;
    listener.listen(BACKLOG)?;
    Ok(listener)
}

/// The address that a socket has.
pub(crate) fn address_of(socket: &Socket) -> io::Result<SocketAddr> {
    socket.local_addr()?.as_socket().ok_or_else(|| io::Error::other("a socket without an IP address"))
}

/// The client's part of opening connection `number`: socket, bind, connect, write.
pub(crate) fn connect(to: SocketAddr, sources: Sources, number: usize) -> io::Result<Socket> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM.nonblocking().cloexec(), Some(Protocol::TCP))?;
    if let Some(source) = sources.of(number) {
        setsockopt(&socket, IpBindAddressNoPort, &true)?;
        socket.bind(&SocketAddr::from((source, 0)).into())?;
    }
    match socket.connect(&to.into()) {
        Err(error) if error.raw_os_error() != Some(Errno::EINPROGRESS as i32) => return Err(error),
        _ => {}
    }
    // On loopback the connection stands when connect returns.
    send(socket.as_raw_fd(), &REQUEST, MsgFlags::empty())?;
    Ok(socket)
}

/// Reads what was asked and answers it; `false` when there was nothing.
pub(crate) fn answer(socket: &Socket) -> bool {
    read(socket) > 0 && write(socket, &ANSWER)
}

/// Reads an answer; `false` when there was none.
pub(crate) fn is_answered(socket: &Socket) -> bool {
    read(socket) > 0
}

/// Writes one delivery; `false` when the socket would not take it.
pub(crate) fn deliver(socket: &Socket) -> bool {
    write(socket, &DELIVERY)
}

/// Reads once; how many deliveries' worth of bytes that was.
pub(crate) fn receive(socket: &Socket) -> usize {
    read(socket) / DELIVERY.len()
}

/// `recv` is a little cheaper than `read`: it goes by fewer of the file system's hooks.
fn read(socket: &Socket) -> usize {
    recv(socket.as_raw_fd(), &mut [0; READ_BYTES], MsgFlags::empty()).unwrap_or(0)
}

fn write(socket: &Socket, bytes: &[u8]) -> bool {
    send(socket.as_raw_fd(), bytes, MsgFlags::MSG_NOSIGNAL).is_ok()
}

/// Closes with a reset: an orderly end would leave half of each pair in TIME_WAIT for a minute, and the next
/// measurement among them.
pub(crate) fn reset(socket: Socket) {
    let _ = socket.set_linger(Some(Duration::ZERO));
    drop(socket);
}

/// Readiness, edge-triggered, as every event loop asks for it.
#[derive(Debug)]
pub(crate) struct Events {
    epoll: Epoll,
    events: Vec<EpollEvent>,
}

impl Events {
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self {
            epoll: Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?,
            events: vec![EpollEvent::empty(); EVENTS],
        })
    }

    pub(crate) fn add(&self, socket: impl AsFd, token: u64) -> io::Result<()> {
        Ok(self.epoll.add(socket, EpollEvent::new(EpollFlags::EPOLLIN | EpollFlags::EPOLLET, token))?)
    }

    /// Waits, at most for `milliseconds`, and returns what is ready.
    pub(crate) fn wait(&mut self, milliseconds: u8) -> io::Result<impl Iterator<Item = u64> + '_> {
        let ready = match self.epoll.wait(&mut self.events, EpollTimeout::from(milliseconds)) {
            Ok(ready) => ready,
            Err(Errno::EINTR) => 0,
            Err(error) => return Err(error.into()),
        };
        Ok(self.events[..ready].iter().map(EpollEvent::data))
    }
}

/// Numbers for choosing connections: xorshift64, which costs next to nothing.
#[derive(Debug)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: usize) -> Self {
        Self((seed as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    /// A number below `end`.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        // The high half of a product is uniform enough, and no division.
        ((u128::from(self.0) * end as u128) >> 64) as usize
    }
}

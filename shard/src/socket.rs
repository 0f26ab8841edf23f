//! How sockets are opened: listeners that share a port, and connections from chosen source addresses.

use std::io;
use std::net::{IpAddr, SocketAddr};

use mio::net::{TcpListener, TcpStream};
use nix::sys::socket::{setsockopt, sockopt::IpBindAddressNoPort};
use socket2::{Domain, Protocol, SockAddr, Socket, Type};

use crate::descriptors::PrivateTable;

/// Where a connection comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Source {
    /// An address of this machine.
    pub address: IpAddr,
    /// A port of the user's choice. `None` leaves it to the kernel, which then picks when the connection is made
    /// (`IP_BIND_ADDRESS_NO_PORT`), so that one port serves as many targets as there are.
    pub port: Option<u16>,
}

/// Addresses that are ours: bound, so that nobody else takes them, but not listening.
#[derive(Debug)]
pub struct BoundListeners {
    /// Held until every shard has its own listener on the address.
    _held: Vec<Socket>,
    /// The addresses, with the port that the kernel chose where 0 was asked for.
    pub addresses: Vec<SocketAddr>,
}

/// Claims each address for the pool's shards, which then share it by `SO_REUSEPORT`.
///
/// # Errors
/// With the address it failed on: in use, not on this machine, or not permitted.
pub fn bind_listeners(wanted: &[SocketAddr]) -> Result<BoundListeners, (SocketAddr, io::Error)> {
    let mut held = Vec::with_capacity(wanted.len());
    let mut addresses = Vec::with_capacity(wanted.len());
    for &address in wanted {
        let (socket, bound) = claim(address).map_err(|error| (address, error))?;
        held.push(socket);
        addresses.push(bound);
    }
    Ok(BoundListeners { _held: held, addresses })
}

fn claim(address: SocketAddr) -> io::Result<(Socket, SocketAddr)> {
    // SO_REUSEPORT alone would let two servers of one user share a port without noticing: first ask without it.
    if address.port() != 0 {
        let probe = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
        probe.set_reuse_address(true)?;
        probe.bind(&address.into())?;
        probe.listen(1)?;
    }
    let socket = reusable(address)?;
    let bound = socket.local_addr()?.as_socket().expect("an IP socket has an IP address");
    Ok((socket, bound))
}

fn reusable(address: SocketAddr) -> io::Result<Socket> {
    let kind = Type::STREAM.nonblocking().cloexec();
    let socket = Socket::new(Domain::for_address(address), kind, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(true)?;
    socket.bind(&address.into())?;
    Ok(socket)
}

/// Opens a shard's own listener on an address that the pool has claimed.
pub(crate) fn listen(_table: &PrivateTable, address: SocketAddr, backlog: u32) -> io::Result<TcpListener> {
    let socket = reusable(address)?;
    // Accepted sockets inherit it: a message goes out in the turn it came in, not when the last one is acknowledged.
    socket.set_tcp_nodelay(true)?;
    socket.listen(i32::try_from(backlog).unwrap_or(i32::MAX))?;
    Ok(TcpListener::from_std(socket.into()))
}

/// Begins to connect. The socket may or may not be established when this returns.
pub(crate) fn connect(
    _table: &PrivateTable,
    target: SocketAddr,
    source: Option<Source>,
) -> io::Result<TcpStream> {
    let kind = Type::STREAM.nonblocking().cloexec();
    let socket = Socket::new(Domain::for_address(target), kind, Some(Protocol::TCP))?;
    if let Some(Source { address, port }) = source {
        match port {
            None => setsockopt(&socket, IpBindAddressNoPort, &true)?,
            // A chosen port may still have a connection in TIME_WAIT.
            Some(_) => socket.set_reuse_address(true)?,
        }
        socket.bind(&SockAddr::from(SocketAddr::new(address, port.unwrap_or(0))))?;
    }
    // As for accepted sockets: a second message must not wait for the first to be acknowledged.
    socket.set_tcp_nodelay(true)?;
    match socket.connect(&target.into()) {
        Ok(()) => {}
        Err(error) if error.raw_os_error() == Some(nix::errno::Errno::EINPROGRESS as i32) => {}
        Err(error) => return Err(error),
    }
    Ok(TcpStream::from_std(socket.into()))
}

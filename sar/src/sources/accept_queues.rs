//! Connections that wait to be accepted, in each listening socket: what the kernel says over a netlink socket
//! (`NETLINK_SOCK_DIAG`), as `ss -lt` asks it.
//!
//! | name | what |
//! |---|---|
//! | `host.accept_queue` | connections that wait in all listening sockets together |
//! | `host.accept_queue_ratio` | the fullest one: waiting ÷ its limit; at 1 the kernel turns connections away |
//! | `host.listen.PORT.accept_queue` | connections that wait in all sockets listening at this port |
//! | `host.listen.PORT.accept_queue_limit` | how many these may hold: the smaller of `listen`'s argument and `somaxconn`, summed |
//!
//! A request names the state LISTEN alone, and the kernel then walks its table of listening sockets only, never that of
//! connections: the cost is the same however many there are. One request for IPv4, one for IPv6 (where nobody listens over
//! IPv6, only every tenth sample):
//!
//! ```text
//!   nlmsghdr (16)          length u32 | type u16 = 20 | flags u16 = REQUEST|DUMP | sequence u32 | port id u32 = 0
//!   inet_diag_req_v2 (56)  family u8 | protocol u8 = TCP | extensions u8 | pad u8 | states u32 = 1<<LISTEN | socket id (48)
//!
//!   nlmsghdr (16)
//!   inet_diag_msg (72)     family u8 | state u8 | timer u8 | retrans u8 | socket id (48): port u16 big-endian, …
//!                          | expires u32 | waiting u32 | limit u32 | uid u32 | inode u32
//! ```
//!
//! Those of this process's network namespace. No privilege is needed.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::Arc;

use nix::errno::Errno;
use nix::sys::socket::{AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, recv, send, socket};
use telemetry::{Kind, Meaning};

use crate::meanings::{Row, explain, explain_behind};
use crate::{SarError, Source, Values};

/// The most ports that are shown by themselves. The sockets of the others count in the sum.
pub const PORTS_MAX: usize = 32;

/// Answers to one request are read in at most so many parts. A part holds some hundred sockets.
const PARTS_MAX: usize = 4_096;

/// The kernel makes the parts of a dump as long as the longest buffer it was given, and allocates as much for each.
const PART_BYTES: usize = 8 << 10;

/// Where nobody listened over IPv6, it is looked at again only after so many samples: each family costs a walk.
const V6_REST: u32 = 10;

const HEADER_BYTES: usize = 16;
const REQUEST_BYTES: usize = HEADER_BYTES + 56;

const TYPE_ERROR: u16 = 2;
const TYPE_DONE: u16 = 3;
const TYPE_SOCK_DIAG_BY_FAMILY: u16 = 20;
const FLAGS_REQUEST_DUMP: u16 = 0x1 | 0x300;
const PROTOCOL_TCP: u8 = 6;
const STATES_LISTEN: u32 = 1 << 10;

const SUMS: [Row; 2] = [
    ("host.accept_queue", Kind::Gauge, "Connections that wait in all listening sockets to be accepted."),
    ("host.accept_queue_ratio", Kind::Gauge, "The fullest accept queue of all, as a share of its limit."),
];

const PORT_ROWS: [Row; 2] = [
    ("accept_queue", Kind::Gauge, "Connections that wait at this port to be accepted."),
    ("accept_queue_limit", Kind::Gauge, "Connections that may wait at this port to be accepted."),
];

/// The accept queues of this network namespace.
#[derive(Debug)]
pub struct AcceptQueues {
    socket: OwnedFd,
    sequence: u32,
    buffer: Vec<u8>,
    ports: Vec<Port>,
    /// Samples for which IPv6 is left alone.
    v6_rest: u32,
}

#[derive(Debug)]
struct Port {
    number: u16,
    names: [Arc<str>; PORT_ROWS.len()],
    waiting: u64,
    limit: u64,
    sockets: u64,
}

/// One listening socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Listener {
    address: SocketAddr,
    waiting: u32,
    limit: u32,
    inode: u32,
}

/// Where the listening sockets with these inodes listen; nowhere if the kernel does not say.
pub(crate) fn addresses(inodes: &BTreeSet<u32>) -> Vec<SocketAddr> {
    let mut found = Vec::new();
    if let Ok(mut queues) = AcceptQueues::open() {
        for family in [AddressFamily::Inet, AddressFamily::Inet6] {
            // Those that were told before an error are found all the same.
            let _ = queues.ask(family, |listener| {
                if inodes.contains(&listener.inode) {
                    found.push(listener.address);
                }
            });
        }
    }
    found
}

/// All listening sockets together.
#[derive(Debug, Default, PartialEq)]
struct Sum {
    waiting: u64,
    ratio: Option<f64>,
}

impl AcceptQueues {
    /// Opens a socket to the kernel.
    ///
    /// # Errors
    /// [`SarError::Kernel`] where the kernel has no `inet_diag`, or does not let this process ask.
    pub fn open() -> Result<AcceptQueues, SarError> {
        let socket = socket(
            AddressFamily::Netlink,
            SockType::Raw,
            SockFlag::SOCK_CLOEXEC,
            SockProtocol::NetlinkSockDiag,
        );
        let socket = socket.map_err(kernel)?;
        let buffer = vec![0; PART_BYTES];
        let mut queues = AcceptQueues { socket, sequence: 0, buffer, ports: Vec::new(), v6_rest: 0 };
        queues.ask(AddressFamily::Inet, |_| {}).map_err(kernel)?;
        Ok(queues)
    }

    /// Tells each listening socket of a family.
    fn ask(&mut self, family: AddressFamily, mut tell: impl FnMut(Listener)) -> Result<(), Errno> {
        self.sequence = self.sequence.wrapping_add(1);
        send(self.socket.as_raw_fd(), &request(family as u8, self.sequence), MsgFlags::empty())?;
        for _ in 0..PARTS_MAX {
            // The kernel makes each part while it is asked for: there is nothing to wait for.
            let bytes = match recv(self.socket.as_raw_fd(), &mut self.buffer, MsgFlags::MSG_DONTWAIT) {
                Err(Errno::EINTR) => continue,
                result => result?,
            };
            if read_part(&self.buffer[..bytes], self.sequence, &mut tell)? {
                return Ok(());
            }
        }
        Err(Errno::EOVERFLOW)
    }
}

impl Source for AcceptQueues {
    fn sample(&mut self, out: &mut Values) -> Result<(), SarError> {
        let mut ports = std::mem::take(&mut self.ports);
        for port in &mut ports {
            (port.waiting, port.limit, port.sockets) = (0, 0, 0);
        }
        let mut sum = Sum::default();
        let v4 = self.ask(AddressFamily::Inet, |listener| count(listener, &mut ports, &mut sum));
        // A kernel without IPv6 has no listeners there.
        let mut v6 = Ok(());
        self.v6_rest = self.v6_rest.saturating_sub(1);
        if self.v6_rest == 0 {
            let mut seen = false;
            v6 = self.ask(AddressFamily::Inet6, |listener| {
                seen = true;
                count(listener, &mut ports, &mut sum);
            });
            v6 = v6.or_else(|errno| if errno == Errno::ENOENT { Ok(()) } else { Err(errno) });
            self.v6_rest = if seen { 0 } else { V6_REST };
        }
        self.ports = ports;
        v4.and(v6).map_err(kernel)?;
        out.push(SUMS[0].0, sum.waiting as f64);
        out.push_some(SUMS[1].0, sum.ratio);
        for port in self.ports.iter().filter(|port| port.sockets > 0) {
            out.push(&port.names[0], port.waiting as f64);
            out.push(&port.names[1], port.limit as f64);
        }
        Ok(())
    }

    fn meanings(&self, out: &mut BTreeMap<String, Meaning>) {
        explain(out, &SUMS);
        for port in &self.ports {
            explain_behind(out, &format!("host.listen.{}", port.number), &PORT_ROWS);
        }
    }
}

fn kernel(errno: Errno) -> SarError {
    SarError::Kernel { what: "its listening sockets", source: errno.into() }
}

/// Counts a socket in the sums and at its port. Where there is no room for one more port, one that nobody has listened at
/// for this whole sample makes room.
fn count(listener: Listener, ports: &mut Vec<Port>, sum: &mut Sum) {
    let Listener { address, waiting, limit, .. } = listener;
    let number = address.port();
    sum.waiting += u64::from(waiting);
    if limit > 0 {
        let ratio = f64::from(waiting) / f64::from(limit);
        sum.ratio = Some(sum.ratio.map_or(ratio, |fullest| fullest.max(ratio)));
    }
    let known = ports.iter().position(|port| port.number == number);
    let index = known.or_else(|| {
        if ports.len() >= PORTS_MAX {
            ports.swap_remove(ports.iter().position(|port| port.sockets == 0)?);
        }
        let names = PORT_ROWS.map(|(name, ..)| format!("host.listen.{number}.{name}").into());
        ports.push(Port { number, names, waiting: 0, limit: 0, sockets: 0 });
        Some(ports.len() - 1)
    });
    if let Some(port) = index.map(|index| &mut ports[index]) {
        port.waiting += u64::from(waiting);
        port.limit += u64::from(limit);
        port.sockets += 1;
    }
}

/// Numbers are in the machine's own byte order, but for ports.
fn request(family: u8, sequence: u32) -> [u8; REQUEST_BYTES] {
    let mut bytes = [0; REQUEST_BYTES];
    bytes[0..4].copy_from_slice(&(REQUEST_BYTES as u32).to_ne_bytes());
    bytes[4..6].copy_from_slice(&TYPE_SOCK_DIAG_BY_FAMILY.to_ne_bytes());
    bytes[6..8].copy_from_slice(&FLAGS_REQUEST_DUMP.to_ne_bytes());
    bytes[8..12].copy_from_slice(&sequence.to_ne_bytes());
    bytes[16] = family;
    bytes[17] = PROTOCOL_TCP;
    bytes[20..24].copy_from_slice(&STATES_LISTEN.to_ne_bytes());
    bytes
}

/// Reads the messages of one part; true behind the last of all. Messages of an earlier request that was given up are
/// skipped.
fn read_part(mut part: &[u8], sequence: u32, tell: &mut impl FnMut(Listener)) -> Result<bool, Errno> {
    while part.len() >= HEADER_BYTES {
        let length = number(part, 0) as usize;
        if !(HEADER_BYTES..=part.len()).contains(&length) {
            return Err(Errno::EBADMSG);
        }
        let (message, body) = (&part[..length], &part[HEADER_BYTES..length]);
        // Messages begin at multiples of four.
        part = &part[length.next_multiple_of(4).min(part.len())..];
        if number(message, 8) != sequence {
            continue;
        }
        match u16::from_ne_bytes([message[4], message[5]]) {
            TYPE_DONE => return Ok(true),
            TYPE_ERROR if body.len() >= 4 => {
                let code = number(body, 0).cast_signed();
                return Err(Errno::from_raw(code.wrapping_neg()));
            }
            TYPE_SOCK_DIAG_BY_FAMILY => tell(Listener::parse(body).ok_or(Errno::EBADMSG)?),
            _ => {}
        }
    }
    Ok(false)
}

impl Listener {
    fn parse(body: &[u8]) -> Option<Listener> {
        let v4: [u8; 4] = body.get(8..12)?.try_into().ok()?;
        let v6: [u8; 16] = body.get(8..24)?.try_into().ok()?;
        let ip = if i32::from(body[0]) == AddressFamily::Inet6 as i32 {
            Ipv6Addr::from(v6).into()
        } else {
            IpAddr::from(v4)
        };
        (body.len() >= 72).then(|| Listener {
            address: SocketAddr::new(ip, u16::from_be_bytes([body[4], body[5]])),
            waiting: number(body, 56),
            limit: number(body, 60),
            inode: number(body, 68),
        })
    }
}

fn number(bytes: &[u8], at: usize) -> u32 {
    u32::from_ne_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use super::*;

    fn at(port: u16) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], port))
    }

    fn at_port(port: u16, waiting: u32, limit: u32) -> Listener {
        Listener { address: at(port), waiting, limit, inode: 0 }
    }

    fn message(kind: u16, sequence: u32, body: &[u8]) -> Vec<u8> {
        let mut bytes = ((HEADER_BYTES + body.len()) as u32).to_ne_bytes().to_vec();
        bytes.extend(kind.to_ne_bytes());
        bytes.extend([0; 2]);
        bytes.extend(sequence.to_ne_bytes());
        bytes.extend([0; 4]);
        bytes.extend(body);
        bytes
    }

    fn read(part: &[u8]) -> Result<(bool, Vec<Listener>), Errno> {
        let mut seen = Vec::new();
        let done = read_part(part, 7, &mut |listener| seen.push(listener))?;
        Ok((done, seen))
    }

    #[test]
    fn parts_are_read_message_by_message() {
        let mut body = [0; 72];
        body[4..6].copy_from_slice(&[0x1f, 0x90]);
        body[56..60].copy_from_slice(&3_u32.to_ne_bytes());
        body[60..64].copy_from_slice(&128_u32.to_ne_bytes());
        body[0] = AddressFamily::Inet as u8;
        body[8..12].copy_from_slice(&[127, 0, 0, 1]);
        body[68..72].copy_from_slice(&77_u32.to_ne_bytes());
        let ours = message(TYPE_SOCK_DIAG_BY_FAMILY, 7, &body);
        let stale = message(TYPE_SOCK_DIAG_BY_FAMILY, 6, &body);
        let done = message(TYPE_DONE, 7, &[0; 4]);
        let listener = Listener { address: at(8_080), waiting: 3, limit: 128, inode: 77 };
        assert_eq!(read(&ours), Ok((false, vec![listener])));
        assert_eq!(read(&[&stale[..], &ours, &done, &ours].concat()), Ok((true, vec![listener])));
        assert_eq!(read(&[]), Ok((false, vec![])));
        let refused = message(TYPE_ERROR, 7, &(-(Errno::EPERM as i32)).to_ne_bytes());
        assert_eq!(read(&refused), Err(Errno::EPERM));
        assert_eq!(read(&message(TYPE_SOCK_DIAG_BY_FAMILY, 7, &body[..71])), Err(Errno::EBADMSG));
        for length in [0_u32, 15, 89, u32::MAX] {
            let mut wrong = ours.clone();
            wrong[0..4].copy_from_slice(&length.to_ne_bytes());
            assert_eq!(read(&wrong), Err(Errno::EBADMSG), "{length}");
        }
    }

    #[test]
    fn ports_are_summed_and_bounded() {
        let (mut ports, mut sum) = (Vec::new(), Sum::default());
        count(at_port(80, 5, 10), &mut ports, &mut sum);
        count(at_port(80, 1, 10), &mut ports, &mut sum);
        count(at_port(81, 0, 0), &mut ports, &mut sum);
        assert_eq!(sum, Sum { waiting: 6, ratio: Some(0.5) });
        assert_eq!((ports[0].waiting, ports[0].limit, ports[0].sockets), (6, 20, 2));
        for port in 1_000..2_000 {
            count(at_port(port, 1, 1), &mut ports, &mut sum);
        }
        assert_eq!((ports.len(), sum.waiting), (PORTS_MAX, 1_006));
        ports[5].sockets = 0;
        count(at_port(7, 1, 1), &mut ports, &mut sum);
        assert!(ports.len() == PORTS_MAX && ports.iter().any(|port| port.number == 7));
    }

    #[test]
    fn a_connection_that_nobody_accepts_waits() {
        for address in ["127.0.0.1:0", "[::1]:0"] {
            // A machine may lack IPv6.
            let Ok(listener) = TcpListener::bind(address) else { continue };
            let address = listener.local_addr().expect("bound");
            let name = format!("host.listen.{}.accept_queue", address.port());
            let mut queues = AcceptQueues::open().expect("a netlink socket");
            let mut waiting = || {
                let mut values = Values::new();
                queues.sample(&mut values).expect("answered");
                assert!(values.get("host.accept_queue") >= values.get(&name), "{values:?}");
                assert!(values.get("host.accept_queue_ratio").is_some());
                // More than PORTS_MAX ports may be listened at here; then the sum says it, with whatever else waits.
                values.get(&name).or(values.get("host.accept_queue")).expect("a sum")
            };
            let before = waiting();
            let _connections = [(); 2].map(|()| TcpStream::connect(address).expect("connected"));
            assert!(waiting() >= before + 2.0);
            listener.accept().expect("accepted");
            assert!(waiting() >= before + 1.0);
        }
    }
}

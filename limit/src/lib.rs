//! The machine's own ceiling: bare loops that do nothing but the kernel's share of the work.
//!
//! A figure means something beside what the same machine could do at most, in the same minute. So this crate opens
//! connections and delivers bytes with the system calls that any server and any client must make, and without
//! anything else: no parsing, no router, no audit, no slab, no mail. It shares no code with the rest of the house,
//! so that a mistake there cannot flatter itself here.
//!
//! Both ends run in threads with descriptor tables of their own, as many as the connections take, at least one per
//! core at each end. For each connection the client makes a socket, binds it if one source address has too few
//! ports, connects, writes a request of 60 bytes, and reads an answer of 160; the server accepts, reads and writes.
//! For each delivery the server writes 100 bytes to a random connection, and the client waits for it with epoll and
//! reads it.

mod bare;
mod client;
mod server;

pub use bare::{Bare, BareError, IN_FLIGHT_MAX};

//! The machine's own ceiling: bare loops that do nothing but the kernel's share of the work.
//!
//! A figure means something beside what the same machine could do at most, in the same minute. So this crate opens
//! connections and delivers bytes with the system calls that any server and any client must make, and without
//! anything else: no parsing, no router, no audit, no slab, no mail. It shares no code with the rest of the house,
//! so that a mistake there cannot flatter itself here.
//!
//! [`measure`] takes, for each number of connections, what a [`Bare`] program reaches in each [`Arrangement`] of the
//! ends, and the larger figure is the ceiling:
//!
//! - [`Arrangement::Together`]: each thread has both ends of its connections and a listener of its own. It connects,
//!   accepts at once, answers; it writes to some connections, then waits with epoll and reads. What it leaves out is
//!   what two processes pay for being two: moving each delivery from core to core and waking who sleeps.
//! - [`Arrangement::Apart`]: threads that serve share a port, other threads connect to it. It leaves out nothing of
//!   what the kernel does, and reaches less.
//!
//! In both, each thread has a descriptor table of its own, and there are as many as the connections take. For each
//! connection the client makes a socket, binds it when one source address has too few ports for all connections,
//! connects, registers with epoll, writes a request of 60 bytes, and reads an answer of 160; the server accepts,
//! registers, reads and writes. For each delivery the server writes 100 bytes to a connection chosen at random, and
//! the client is told by epoll and reads once. A read that finds two deliveries counts as one. The server could leave
//! out nothing of that but by writing several messages at once to one connection: so a server that does may deliver
//! more over few connections than the ceiling says.
//!
//! `measure` has the order of things and `watch` the bounds they stay in; `memory` says what the machine has to give
//! and what a pair takes, `wakeup` how fast a sleeper reads. `bare` starts threads and `board` is what they share;
//! `together` and `apart` are their lives, and `sockets` the calls they make.

mod apart;
mod bare;
mod board;
mod ceiling;
mod error;
mod measure;
mod memory;
mod options;
mod sockets;
mod together;
mod wakeup;
mod watch;

pub use bare::Bare;
pub use ceiling::{Arrangement, Ceiling, Rates, Step, Wakeup};
pub use error::LimitError;
pub use measure::{Progress, measure};
pub use options::{CONCURRENCY_MAX, CONNECTIONS_MAX, Options, STEPS_MAX, TIME_MAX, TIME_MIN};

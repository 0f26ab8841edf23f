//! One measurement: connections opened between bare ends, then bytes delivered over them.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use nix::sched::{CloneFlags, unshare};
use nix::sys::resource::{Resource, getrlimit, setrlimit};

use crate::{client, server};

/// Deliveries written and not yet read, over all connections: as many as a server with bounded queues would allow.
pub const IN_FLIGHT_MAX: u64 = 8192;

/// Descriptors of a table that are not connections.
const DESCRIPTORS_KEPT: usize = 64;

/// Connections per source address; half of the default port range, within which the kernel finds free ports fast.
const PER_ADDRESS: usize = 14_000;

/// Stack of a thread; virtual, like all stacks.
const STACK_BYTES: usize = 256 << 10;

/// How long opening all connections may take.
const OPEN_PATIENCE: Duration = Duration::from_secs(120);

/// Why there is no ceiling to show.
#[derive(Debug)]
pub struct BareError(pub String);

impl std::fmt::Display for BareError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "could not measure the machine's ceiling: {}", self.0)
    }
}

impl std::error::Error for BareError {}

impl From<io::Error> for BareError {
    fn from(error: io::Error) -> Self {
        Self(error.to_string())
    }
}

/// What the threads share.
#[derive(Debug)]
pub(crate) struct Board {
    pub(crate) address: SocketAddr,
    pub(crate) concurrency: usize,
    pub(crate) sources: usize,
    pub(crate) opening: AtomicUsize,
    pub(crate) opened: AtomicUsize,
    pub(crate) delivering: AtomicBool,
    pub(crate) sent: AtomicU64,
    pub(crate) received: AtomicU64,
    pub(crate) stop: AtomicBool,
}

impl Board {
    pub(crate) fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// The source address of connection `number`, if the kernel's own choice will not do.
    pub(crate) fn source(&self, number: usize) -> Option<Ipv4Addr> {
        let turn = u32::try_from(number % self.sources).unwrap_or(0);
        (self.sources > 1).then(|| Ipv4Addr::from_bits(Ipv4Addr::new(127, 0, 0, 2).to_bits() + turn))
    }
}

/// Open connections between bare ends.
#[derive(Debug)]
pub struct Bare {
    board: Arc<Board>,
    threads: Vec<JoinHandle<io::Result<()>>>,
    /// Connections opened per second, request and answer included.
    pub connects_per_s: f64,
}

impl Bare {
    /// Opens `connections`, at most `concurrency` of them under way, and measures how fast that went.
    ///
    /// # Errors
    /// When threads or sockets cannot be had, or not all connections are open after two minutes.
    pub fn open(connections: usize, concurrency: usize) -> Result<Self, BareError> {
        let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).map_err(io::Error::from)?;
        if soft < hard {
            setrlimit(Resource::RLIMIT_NOFILE, hard, hard).map_err(io::Error::from)?;
        }
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let room = usize::try_from(hard).unwrap_or(usize::MAX) - DESCRIPTORS_KEPT;
        let clients = connections.div_ceil(room).max(cores);
        // The kernel spreads connections over listeners at random; a tenth is more than it strays.
        let servers = (connections + connections / 10).div_ceil(room).max(cores);
        let (address, held) = server::claim()?;
        let board = Arc::new(Board {
            address,
            concurrency,
            sources: connections.div_ceil(PER_ADDRESS),
            opening: AtomicUsize::new(0),
            opened: AtomicUsize::new(0),
            delivering: AtomicBool::new(false),
            sent: AtomicU64::new(0),
            received: AtomicU64::new(0),
            stop: AtomicBool::new(false),
        });
        // Split tables, then listeners, then connections.
        let split = Arc::new(Barrier::new(servers + clients + 1));
        let listening = Arc::new(Barrier::new(servers + clients + 1));
        let mut threads = Vec::new();
        for number in 0..servers + clients {
            let (board, split, listening) = (Arc::clone(&board), Arc::clone(&split), Arc::clone(&listening));
            let life = move || -> io::Result<()> {
                let own_table = unshare(CloneFlags::CLONE_FILES).map_err(io::Error::from);
                split.wait();
                if number < servers {
                    let server = own_table.and_then(|()| server::Server::listen(&board));
                    listening.wait();
                    server?.run(&board, servers)
                } else {
                    listening.wait();
                    own_table?;
                    client::Client::new(number - servers, clients, connections)?.run(&board)
                }
            };
            threads.push(std::thread::Builder::new().stack_size(STACK_BYTES).spawn(life)?);
        }
        split.wait();
        let began = Instant::now();
        listening.wait();
        drop(held);
        let mut bare = Self { board, threads, connects_per_s: 0.0 };
        while bare.board.opened.load(Ordering::Relaxed) < connections {
            if bare.threads.iter().any(JoinHandle::is_finished) {
                return Err(bare.close().err().unwrap_or_else(|| BareError("a thread ended early".into())));
            }
            if began.elapsed() > OPEN_PATIENCE {
                return Err(BareError(format!(
                    "{connections} connections were not open after {OPEN_PATIENCE:?}"
                )));
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        bare.connects_per_s = connections as f64 / began.elapsed().as_secs_f64();
        Ok(bare)
    }

    /// Delivers for about `time` and returns the deliveries per second.
    pub fn deliveries_per_s(&self, time: Duration) -> f64 {
        self.board.delivering.store(true, Ordering::Release);
        // The first moments, in which queues fill, do not count.
        std::thread::sleep(time / 5);
        let (before, began) = (self.board.received.load(Ordering::Relaxed), Instant::now());
        std::thread::sleep(time);
        let after = self.board.received.load(Ordering::Relaxed);
        let rate = (after - before) as f64 / began.elapsed().as_secs_f64();
        self.board.delivering.store(false, Ordering::Release);
        rate
    }

    /// Ends all threads, which closes all connections.
    ///
    /// # Errors
    /// The first that a thread had.
    pub fn close(mut self) -> Result<(), BareError> {
        self.board.stop.store(true, Ordering::Release);
        let mut result = Ok(());
        for thread in self.threads.drain(..) {
            let ended = thread.join().unwrap_or_else(|_| Err(io::Error::other("a thread panicked")));
            result = result.and(ended);
        }
        Ok(result?)
    }
}

impl Drop for Bare {
    fn drop(&mut self) {
        self.board.stop.store(true, Ordering::Release);
    }
}

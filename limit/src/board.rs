//! What the threads of a measurement share: where they are, and how far they have come.

use std::net::SocketAddr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use crate::sockets::Sources;

/// How often a waiting thread looks.
const LOOK: Duration = Duration::from_micros(200);

/// The threads' phases, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(crate) enum Phase {
    /// Threads get their descriptor tables.
    Splitting,
    /// Servers begin to listen.
    Listening,
    /// Clients connect.
    Opening,
}

/// What the threads share.
#[derive(Debug)]
pub(crate) struct Board {
    phase: AtomicU8,
    arrived: AtomicUsize,
    enough: AtomicBool,
    delivering: AtomicBool,
    stop: AtomicBool,
    /// Where all servers listen, when they share a port.
    pub(crate) address: OnceLock<SocketAddr>,
    /// Read from connections, in deliveries: what bounds how many are under way between threads.
    pub(crate) drained: AtomicU64,
    /// Written to connections by threads that do not read them.
    pub(crate) sent: AtomicU64,
}

/// One thread's part of the work.
#[derive(Debug)]
pub(crate) struct Share {
    /// The thread's first connection, counted over all threads.
    pub(crate) first: usize,
    /// Connections that are this thread's.
    pub(crate) connections: usize,
    /// Connections that this thread may have under way.
    pub(crate) concurrency: usize,
    pub(crate) sources: Sources,
    pub(crate) counters: Counters,
}

/// What one thread has done, on a cache line of its own so that counting costs nothing.
#[derive(Debug, Default, Clone)]
pub(crate) struct Counters(std::sync::Arc<Line>);

#[derive(Debug, Default)]
#[repr(align(128))]
struct Line {
    opened: AtomicUsize,
    received: AtomicU64,
}

impl Counters {
    pub(crate) fn opened(&self, count: usize) {
        self.0.opened.store(count, Ordering::Relaxed);
    }

    pub(crate) fn received(&self, count: u64) {
        self.0.received.store(count, Ordering::Relaxed);
    }

    pub(crate) fn read(&self) -> (usize, u64) {
        (self.0.opened.load(Ordering::Relaxed), self.0.received.load(Ordering::Relaxed))
    }
}

impl Board {
    pub(crate) fn new() -> Self {
        Self {
            phase: AtomicU8::new(Phase::Splitting as u8),
            arrived: AtomicUsize::new(0),
            enough: AtomicBool::new(false),
            delivering: AtomicBool::new(false),
            stop: AtomicBool::new(false),
            address: OnceLock::new(),
            drained: AtomicU64::new(0),
            sent: AtomicU64::new(0),
        }
    }

    /// A thread is ready for `phase`, and waits until everyone is, or it is over.
    pub(crate) fn arrive_and_wait_for(&self, phase: Phase) {
        self.arrived.fetch_add(1, Ordering::AcqRel);
        while self.phase.load(Ordering::Acquire) < phase as u8 && !self.is_stopped() {
            std::thread::sleep(LOOK);
        }
    }

    /// How often threads have arrived, over all phases.
    pub(crate) fn arrived(&self) -> usize {
        self.arrived.load(Ordering::Acquire)
    }

    pub(crate) fn begin(&self, phase: Phase) {
        self.phase.store(phase as u8, Ordering::Release);
    }

    /// No more connections.
    pub(crate) fn set_enough(&self) {
        self.enough.store(true, Ordering::Release);
    }

    pub(crate) fn is_enough(&self) -> bool {
        self.enough.load(Ordering::Relaxed) || self.is_stopped()
    }

    pub(crate) fn set_delivering(&self, delivering: bool) {
        self.delivering.store(delivering, Ordering::Release);
    }

    pub(crate) fn is_delivering(&self) -> bool {
        self.delivering.load(Ordering::Relaxed)
    }

    pub(crate) fn stop(&self) {
        self.stop.store(true, Ordering::Release);
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// A little sleep, for who has nothing to do.
    pub(crate) fn rest(&self) {
        std::thread::sleep(LOOK);
    }
}

//! Starting shards, in an order that keeps the rule on descriptor numbers, and stopping them.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Barrier, mpsc};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use mio::{Poll, Waker};
use thiserror::Error;

use crate::accept::REFUSALS_MAX;
use crate::descriptors::{self, PrivateTable};
use crate::engine::{Engine, Seat, WAKE};
use crate::mail::Mailboxes;
use crate::scheduling::as_batch;
use crate::service::Service;
use crate::slab::ENTRIES_MAX;
use crate::socket::bind_listeners;
use crate::stats::{Snapshot, Stats};

/// Stack of a shard's thread. Virtual: only the pages that calls reach become memory.
const STACK_BYTES: usize = 256 << 10;

/// The most shards a pool may have: their wakers take two descriptors each out of every table.
pub const SHARDS_MAX: usize = 1024;

/// Descriptors of a table that are not for connections: standard streams, wakers of other shards, listeners.
const DESCRIPTORS_KEPT: usize = 64 + REFUSALS_MAX;

/// How long a start that is called off waits for the threads it had begun.
const CALL_OFF_PATIENCE: Duration = Duration::from_secs(5);

static POOLS: AtomicU64 = AtomicU64::new(1);

/// How a pool is to be made.
#[derive(Debug, Clone)]
pub struct PoolOptions {
    /// The threads' names begin with it.
    pub name: &'static str,
    /// How many shards; [`shards_for`] tells how many a number of connections takes.
    pub shards: usize,
    /// Addresses that every shard listens on; [`crate::ListenerId`] counts in this order.
    pub listen: Vec<SocketAddr>,
    /// Connections that may wait to be accepted on each address, over all shards. The kernel caps each listener
    /// at `somaxconn`, so each shard opens as many listeners as that takes.
    pub backlog: u32,
    /// Descriptors that one shard's table may hold, if less than the limit of the process.
    pub descriptors_max: Option<usize>,
}

/// How many shards `connections` take when a table holds `descriptors_max`, at least one per core; `None` when not
/// even [`SHARDS_MAX`] have room for them.
///
/// `spread`: the kernel spreads accepted connections over listeners at random; a shard then gets more than its
/// share by a few standard deviations of the binomial distribution, and room is left for five.
pub fn shards_for(connections: usize, descriptors_max: usize, spread: bool) -> Option<usize> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    (cores..=SHARDS_MAX).find(|&shards| shards_hold(connections, shards, descriptors_max, spread))
}

/// Whether this many `shards` have room for `connections`; see [`shards_for`].
pub fn shards_hold(connections: usize, shards: usize, descriptors_max: usize, spread: bool) -> bool {
    let share = connections.div_ceil(shards) as f64;
    let margin = if spread { 5.0 * share.sqrt() } else { 0.0 };
    let kept = DESCRIPTORS_KEPT + 3 * shards;
    share + margin <= descriptors_max.saturating_sub(kept).min(ENTRIES_MAX - REFUSALS_MAX) as f64
}

/// Why a pool did not start or did not end well.
#[derive(Debug, Error)]
pub enum PoolError {
    /// A listening address could not be had.
    #[error("could not listen on {address}: {error}{}", listen_hint(.error))]
    Listen {
        /// The address asked for.
        address: SocketAddr,
        /// What the system said.
        error: io::Error,
    },
    /// A shard could not be set up.
    #[error("could not start shard {shard}: {error}")]
    Start {
        /// Its number.
        shard: usize,
        /// What the system said.
        error: io::Error,
    },
    /// A shard's event loop failed or panicked.
    #[error("shard {shard} broke: {message}")]
    Broke {
        /// Its number.
        shard: usize,
        /// The error or the panic's message.
        message: String,
    },
    /// A shard did not end in time.
    #[error("shard {shard} did not stop within {waited:?}")]
    Stuck {
        /// Its number.
        shard: usize,
        /// How long it was waited for.
        waited: Duration,
    },
}

fn listen_hint(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::AddrInUse => {
            " (another program has the port: stop it, or choose another port, or port 0)"
        }
        io::ErrorKind::AddrNotAvailable => {
            " (no interface of this machine has the address; see 'ip address')"
        }
        io::ErrorKind::PermissionDenied => " (ports below 1024 need root; choose a higher one)",
        _ => "",
    }
}

type Thread = JoinHandle<Result<(), String>>;

/// Running shards.
#[derive(Debug)]
pub struct Pool<L> {
    threads: Vec<Option<Thread>>,
    stop: Arc<AtomicBool>,
    mailboxes: Arc<Mailboxes<L>>,
    stats: Arc<Vec<Stats>>,
    addresses: Vec<SocketAddr>,
    /// Turns that each shard had taken at the last [`look_after`](Self::look_after).
    turns: Vec<u64>,
}

impl<L: Copy + Send + 'static> Pool<L> {
    /// Starts the shards; `make` builds the service of each, in its thread. Returns when all of them listen.
    ///
    /// Descriptors that the caller has open now stay open in every shard's table until the pool ends: start the
    /// pool before anything else is opened.
    ///
    /// # Errors
    /// When an address cannot be had or a thread cannot be set up; nothing is left running.
    pub fn start<S, F>(options: &PoolOptions, make: F) -> Result<Self, PoolError>
    where
        S: Service<Letter = L>,
        F: Fn(usize) -> S + Send + Sync + 'static,
    {
        let shards = options.shards.clamp(1, SHARDS_MAX);
        let start_error = |shard| move |error| PoolError::Start { shard, error };
        let limit = descriptors::raise_limit().map_err(start_error(0))?;
        let descriptors_max = options.descriptors_max.map_or(limit, |wanted| wanted.min(limit));
        let pool_id = POOLS.fetch_add(1, Ordering::Relaxed);

        // Wakers first, all of them, in the table that the others will be copies of.
        let loops = (0..shards)
            .map(|_| {
                let poll = Poll::new()?;
                let waker = Waker::new(poll.registry(), WAKE)?;
                Ok((poll, waker))
            })
            .collect::<io::Result<Vec<_>>>();
        let mailboxes = Arc::new(Mailboxes::new(pool_id, loops.map_err(start_error(0))?));
        let stats: Arc<Vec<Stats>> = Arc::new((0..shards).map(|_| Stats::default()).collect());
        let stop = Arc::new(AtomicBool::new(false));

        let split = Arc::new(Barrier::new(shards + 1));
        let make = Arc::new(make);
        let (ready, readiness) = mpsc::channel();
        let mut threads = Vec::with_capacity(shards);
        let mut starts = Vec::with_capacity(shards);
        for index in 0..shards {
            let seat = Seat {
                index,
                mailboxes: Arc::clone(&mailboxes),
                stats: Arc::clone(&stats),
                stop: Arc::clone(&stop),
            };
            let (go, gone) = mpsc::channel::<Vec<(SocketAddr, usize, u32)>>();
            let (split, make, ready) = (Arc::clone(&split), Arc::clone(&make), ready.clone());
            let thread = std::thread::Builder::new()
                .name(format!("{}-{index}", options.name))
                .stack_size(STACK_BYTES)
                .spawn(move || {
                    as_batch();
                    let table = PrivateTable::split(pool_id);
                    split.wait();
                    // The sender is dropped without a word when the start is called off.
                    let Ok(listen) = gone.recv() else { return Ok(()) };
                    let engine = table
                        .and_then(|table| Engine::new(seat, table, make(index), &listen, descriptors_max));
                    match engine {
                        Ok(engine) => {
                            let _ = ready.send((index, Ok(())));
                            drop(ready);
                            engine.run().map_err(|error| error.to_string())
                        }
                        Err(error) => {
                            let _ = ready.send((index, Err(error)));
                            Ok(())
                        }
                    }
                });
            match thread {
                Ok(thread) => threads.push(Some(thread)),
                // The threads before this one wait at the barrier; the process is about to end with this error.
                Err(error) => return Err(PoolError::Start { shard: index, error }),
            }
            starts.push(go);
        }
        drop(ready);
        split.wait();

        // From here on what this thread opens is in no shard's table.
        let mut pool = Self { threads, stop, mailboxes, stats, addresses: Vec::new(), turns: Vec::new() };
        let held = match bind_listeners(&options.listen) {
            Ok(held) => held,
            Err((address, error)) => {
                drop(starts);
                let _ = pool.stop(CALL_OFF_PATIENCE);
                return Err(PoolError::Listen { address, error });
            }
        };
        pool.addresses.clone_from(&held.addresses);
        let sockets = options.backlog.div_ceil(backlog_max() * shards as u32).max(1) as usize;
        let each = options.backlog.div_ceil(sockets as u32 * shards as u32).max(128);
        let listen: Vec<_> = held.addresses.iter().map(|&address| (address, sockets, each)).collect();
        for go in starts {
            let _ = go.send(listen.clone());
        }
        for _ in 0..shards {
            match readiness.recv() {
                Ok((_, Ok(()))) => {}
                Ok((shard, Err(error))) => {
                    let _ = pool.stop(CALL_OFF_PATIENCE);
                    return Err(PoolError::Start { shard, error });
                }
                // One panicked before it could say anything; how, its thread tells.
                Err(mpsc::RecvError) => {
                    pool.stop(CALL_OFF_PATIENCE)?;
                    let message = "a shard ended while starting".into();
                    return Err(PoolError::Broke { shard: 0, message });
                }
            }
        }
        Ok(pool)
    }

    /// The addresses listened on, in the order of the options, with the ports that the kernel chose.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Where threads of the main table post mail to the shards.
    pub fn mailboxes(&self) -> &Arc<Mailboxes<L>> {
        &self.mailboxes
    }

    /// The counters of each shard.
    pub fn stats(&self) -> &Arc<Vec<Stats>> {
        &self.stats
    }

    /// The sum of all shards' counters.
    pub fn totals(&self) -> Snapshot {
        let mut sum = Snapshot::default();
        self.stats.iter().for_each(|stats| sum += stats.snapshot());
        sum
    }

    /// Wakes shards that have taken no turn since the last call and have not taken stock since they did, so that what an
    /// idle shard says of itself is true. For the caller's once-a-second; it costs an idle pool nothing.
    pub fn look_after(&mut self) {
        self.turns.resize(self.stats.len(), 0);
        for (shard, (stats, last)) in self.stats.iter().zip(&mut self.turns).enumerate() {
            let turns = stats.turns.get();
            if turns == *last && turns != stats.stock_turn.get() {
                self.mailboxes.wake(shard);
            }
            *last = turns;
        }
    }

    /// Whether a shard has ended though nobody stopped the pool; [`stop`](Self::stop) says why.
    pub fn is_broken(&self) -> bool {
        self.threads.iter().flatten().any(JoinHandle::is_finished)
    }

    /// Stops all shards: what outboxes hold is offered to the kernel once more, connections are closed, threads end.
    ///
    /// # Errors
    /// The first shard that had broken, or that did not end within `patience`.
    pub fn stop(mut self, patience: Duration) -> Result<(), PoolError> {
        self.stop.store(true, Ordering::Release);
        (0..self.threads.len()).for_each(|shard| self.mailboxes.wake(shard));
        let deadline = Instant::now() + patience;
        let mut first_error = None;
        for (shard, thread) in self.threads.iter_mut().enumerate() {
            let Some(handle) = thread.take() else { continue };
            while !handle.is_finished() && Instant::now() < deadline {
                std::thread::sleep(Duration::from_millis(1));
            }
            let error = if !handle.is_finished() {
                Some(PoolError::Stuck { shard, waited: patience })
            } else {
                match handle.join() {
                    Ok(Ok(())) => None,
                    Ok(Err(message)) => Some(PoolError::Broke { shard, message }),
                    Err(panic) => Some(PoolError::Broke { shard, message: panic_message(&*panic) }),
                }
            };
            first_error = first_error.or(error);
        }
        first_error.map_or(Ok(()), Err)
    }
}

fn panic_message(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(ToString::to_string);
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "a panic without words".into())
}

/// What the kernel cuts a listener's backlog down to.
fn backlog_max() -> u32 {
    let text = std::fs::read_to_string("/proc/sys/net/core/somaxconn").unwrap_or_default();
    text.trim().parse().unwrap_or(128).max(1)
}

//! Connections open between bare ends: how fast they opened, and how fast bytes go over them.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use nix::sched::{CloneFlags, unshare};
use nix::sys::resource::{Resource, getrlimit, setrlimit};

use crate::board::{Board, Counters, Phase, Share};
use crate::sockets::{self, Sources};
use crate::{Arrangement, LimitError, apart, together};

/// Parts of the time in which deliveries are counted: one of them disturbed does not spoil the figure.
const SLICES: u32 = 5;

/// The most threads, for all ends together.
const THREADS_MAX: usize = 1024;

/// Descriptors of a table that are not connections.
const DESCRIPTORS_KEPT: usize = 64;

/// Stack of a thread; virtual, like all stacks.
const STACK_BYTES: usize = 256 << 10;

/// How often progress is looked at.
const LOOK: Duration = Duration::from_millis(1);

/// How long opening may go on without a connection more.
const STALL: Duration = Duration::from_secs(10);

/// Open connections between bare ends.
#[derive(Debug)]
pub struct Bare {
    board: Arc<Board>,
    threads: Vec<JoinHandle<io::Result<()>>>,
    counters: Vec<Counters>,
    /// Connections that are open.
    pub opened: usize,
    /// Connections opened per second, request and answer included.
    pub connects_per_s: f64,
}

impl Bare {
    /// Opens `connections`, at most `concurrency` of them under way, and measures how fast that went.
    ///
    /// `go_on` is asked every few milliseconds, with the connections that are open; `false` leaves it at those.
    ///
    /// # Errors
    /// When threads or sockets cannot be had, or opening comes to a halt.
    pub fn open(
        arrangement: Arrangement,
        connections: usize,
        concurrency: usize,
        go_on: &mut dyn FnMut(usize) -> bool,
    ) -> Result<Self, LimitError> {
        let mut bare = Self {
            board: Arc::new(Board::new()),
            threads: vec![],
            counters: vec![],
            opened: 0,
            connects_per_s: 0.0,
        };
        let room = room()?;
        match arrangement {
            Arrangement::Together => bare.start_together(connections, concurrency, room)?,
            Arrangement::Apart => bare.start_apart(connections, concurrency, room)?,
        }
        let began = Instant::now();
        bare.board.begin(Phase::Opening);
        let mut progress = (0, Instant::now());
        loop {
            let opened = bare.count().0;
            if opened >= connections || !go_on(opened) {
                break;
            }
            if bare.threads.iter().any(JoinHandle::is_finished) {
                return Err(bare.close().err().unwrap_or_else(|| LimitError::broke("a thread ended early")));
            }
            if opened > progress.0 {
                progress = (opened, Instant::now());
            } else if progress.1.elapsed() > STALL {
                return Err(LimitError::broke(format!(
                    "no connection more than {opened} opened for {STALL:?}"
                )));
            }
            std::thread::sleep(LOOK);
        }
        bare.board.set_enough();
        bare.opened = bare.count().0;
        bare.connects_per_s = bare.opened as f64 / began.elapsed().as_secs_f64();
        Ok(bare)
    }

    fn start_together(
        &mut self,
        connections: usize,
        concurrency: usize,
        room: usize,
    ) -> Result<(), LimitError> {
        let threads = (connections * 2).div_ceil(room).max(cores()).min(connections.max(1));
        for index in 0..threads {
            let share = self.share(index, threads, connections, concurrency);
            self.spawn(move |board| together::run(board, &share))?;
        }
        self.meet(threads)
    }

    fn start_apart(&mut self, connections: usize, concurrency: usize, room: usize) -> Result<(), LimitError> {
        // The kernel spreads connections over listeners at random; a tenth is more than it strays.
        let servers = (connections + connections / 10).div_ceil(room).max(cores());
        let clients = connections.div_ceil(room).max(cores()).min(connections.max(1));
        for index in 0..servers {
            self.spawn(move |board| apart::serve(board, servers, index, connections))?;
        }
        for index in 0..clients {
            let share = self.share(index, clients, connections, concurrency);
            self.spawn(move |board| apart::connect(board, &share))?;
        }
        self.meet(servers + clients)?;
        // Every thread has its own table: what is opened now stays in this one.
        let claim = sockets::bound(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
        let _ = self.board.address.set(sockets::address_of(&claim)?);
        self.board.begin(Phase::Listening);
        self.meet((servers + clients) * 2)
    }

    fn share(&mut self, index: usize, threads: usize, connections: usize, concurrency: usize) -> Share {
        let first = connections * index / threads;
        let counters = Counters::default();
        self.counters.push(counters.clone());
        Share {
            first,
            connections: connections * (index + 1) / threads - first,
            concurrency: (concurrency / threads).max(1),
            sources: Sources::for_connections(connections),
            counters,
        }
    }

    fn spawn(
        &mut self,
        life: impl FnOnce(&Board) -> io::Result<()> + Send + 'static,
    ) -> Result<(), LimitError> {
        let board = Arc::clone(&self.board);
        let life = move || {
            unshare(CloneFlags::CLONE_FILES)?;
            life(&board)
        };
        self.threads.push(std::thread::Builder::new().stack_size(STACK_BYTES).spawn(life)?);
        Ok(())
    }

    /// Waits until all threads have arrived, or one cannot.
    fn meet(&mut self, arrivals: usize) -> Result<(), LimitError> {
        while self.board.arrived() < arrivals {
            if self.threads.iter().any(JoinHandle::is_finished) {
                return Err(self.end().err().unwrap_or_else(|| LimitError::broke("a thread ended early")));
            }
            std::thread::sleep(LOOK);
        }
        Ok(())
    }

    fn count(&self) -> (usize, u64) {
        self.counters.iter().map(Counters::read).fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1))
    }

    /// Delivers for about `time` and returns the deliveries per second: the median of five parts of it.
    ///
    /// `go_on` is asked before each; `None` when it said no before there was one.
    pub fn deliveries_per_s(&self, time: Duration, go_on: &mut dyn FnMut() -> bool) -> Option<f64> {
        let slice = time / SLICES;
        self.board.set_delivering(true);
        // The first moments, in which queues fill, do not count.
        std::thread::sleep(slice);
        let mut rates = Vec::new();
        while rates.len() < SLICES as usize && go_on() {
            let (before, began) = (self.count().1, Instant::now());
            std::thread::sleep(slice);
            rates.push((self.count().1 - before) as f64 / began.elapsed().as_secs_f64());
        }
        self.board.set_delivering(false);
        rates.sort_by(f64::total_cmp);
        rates.get(rates.len() / 2).copied()
    }

    /// Ends all threads, which closes all connections.
    ///
    /// # Errors
    /// The first that a thread had.
    pub fn close(mut self) -> Result<(), LimitError> {
        self.end()
    }

    fn end(&mut self) -> Result<(), LimitError> {
        self.board.stop();
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
        let _ = self.end();
    }
}

/// The most connections that there are descriptors and threads for, in either arrangement.
pub(crate) fn connections_max() -> io::Result<usize> {
    // Apart takes a little more than twice as many descriptors as connections.
    Ok(room()?.saturating_mul(THREADS_MAX) / 3)
}

/// Connections' ends that a table has room for.
fn room() -> io::Result<usize> {
    Ok(descriptors()?.saturating_sub(DESCRIPTORS_KEPT).max(2))
}

/// Descriptors that a table may have, once the soft limit is raised to the hard one.
fn descriptors() -> io::Result<usize> {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).map_err(io::Error::from)?;
    if soft < hard {
        setrlimit(Resource::RLIMIT_NOFILE, hard, hard).map_err(io::Error::from)?;
    }
    Ok(usize::try_from(hard).unwrap_or(usize::MAX))
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

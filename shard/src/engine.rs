//! The event loop of one shard: what happens in a turn, and in which order.

use std::io::{self, ErrorKind, Read};
use std::marker::PhantomData;
use std::mem;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use mio::event::Event;
use mio::{Events, Interest, Token};

use crate::accept::{Listener, REFUSALS_MAX};
use crate::buffers::{BufferPool, Flag};
use crate::descriptors::PrivateTable;
use crate::handle::Shard;
use crate::mail::{Letters, Mailboxes};
use crate::service::{ListenerId, Service, Why};
use crate::slab::{Key, Slab};
use crate::socket;
use crate::stats::{Stage, Stats};
use crate::wheel::Wheel;

/// One read buffer serves a whole shard; only the pages that reads reach are ever touched.
const READ_BUFFER_BYTES: usize = 64 << 10;

/// The most bytes of an unfinished message that are kept. A service that leaves more has a bug; the peer is cut.
const INBOX_BYTES_MAX: usize = 128 << 10;

/// Events fetched from the kernel at a time.
const EVENTS_PER_TURN: usize = 1024;
/// Reads from one connection in a turn, before the others get theirs.
const READS_PER_TURN: usize = 4;

/// Bytes read in a turn. What more there is waits, in order, for the turns to come, so that timers and mail are not
/// kept waiting by peers that never pause.
const TURN_BYTES_MAX: usize = 4 << 20;

/// How often a shard that works takes stock of itself: its memory, and whatever its service looks after.
const STOCK_INTERVAL: Duration = Duration::from_secs(1);

/// How long mail that did not fit its mailbox waits for the next try.
const MAIL_RETRY: Duration = Duration::from_millis(1);

/// The waker's token. Connections' tokens have a generation from 1 up, listeners' generation 0.
pub(crate) const WAKE: Token = Token(usize::MAX);

/// What a shard's thread is started with.
pub(crate) struct Seat<L> {
    pub(crate) index: usize,
    pub(crate) mailboxes: Arc<Mailboxes<L>>,
    pub(crate) stats: Arc<Vec<Stats>>,
    pub(crate) stop: Arc<AtomicBool>,
}

/// A shard and its service: the thread's whole life.
pub(crate) struct Engine<S: Service> {
    pub(crate) shard: Shard<S>,
    pub(crate) service: S,
    pub(crate) stop: Arc<AtomicBool>,
    pub(crate) listeners: Vec<Listener>,
    /// Given up for a moment to turn a peer away when the table or the system is full.
    pub(crate) spare: Option<std::fs::File>,
    pub(crate) read_buffer: Vec<u8>,
    pub(crate) collected: Letters<S::Letter>,
    pub(crate) fired: Vec<S::Timer>,
    pub(crate) rereading: Vec<Key>,
    /// Bytes read in this turn.
    pub(crate) turn_bytes: usize,
    /// When it last took stock, and the chunks that the slab had then.
    pub(crate) stock: (Instant, usize),
}

impl<S: Service> Engine<S> {
    /// Opens the shard's listeners in its private table.
    pub(crate) fn new(
        seat: Seat<S::Letter>,
        table: PrivateTable,
        service: S,
        listen: &[(SocketAddr, usize, u32)],
        descriptors_max: usize,
    ) -> io::Result<Self> {
        let Seat { index, mailboxes, stats, stop } = seat;
        let registry = mailboxes.poll(index).registry().try_clone()?;
        let mut listeners = Vec::new();
        for (id, &(address, sockets, backlog)) in listen.iter().enumerate() {
            for _ in 0..sockets {
                let mut socket = socket::listen(&table, address, backlog)?;
                registry.register(&mut socket, Token(listeners.len()), Interest::READABLE)?;
                listeners.push(Listener { id: ListenerId(id), socket, again: None });
            }
        }
        let spare = Some(std::fs::File::open("/dev/null")?);
        // Only who listens has peers to turn away.
        let refusals = if listeners.is_empty() { 0 } else { REFUSALS_MAX };
        let taken = table.open_count()? + refusals + 8;
        if descriptors_max <= taken {
            return Err(io::Error::other(format!(
                "a table of {descriptors_max} descriptors has no room for a connection, since {taken} are needed besides \
                 (raise the limit, or take fewer shards)"
            )));
        }
        let now = Instant::now();
        let shards = mailboxes.shards();
        let shard = Shard {
            index,
            table,
            registry,
            slab: Slab::default(),
            connections_max: descriptors_max
                .saturating_sub(taken)
                .min(crate::slab::ENTRIES_MAX - REFUSALS_MAX),
            buffers: BufferPool::default(),
            wheel: Wheel::new(now),
            outgoing: (0..shards).map(|_| Letters::default()).collect(),
            addressed: Vec::new(),
            undelivered: 0,
            mailboxes,
            stats,
            now,
            wake_at: None,
            closing: Vec::new(),
            again: Vec::new(),
            not_send: PhantomData,
        };
        let read_buffer = vec![0; READ_BUFFER_BYTES];
        let (collected, fired, rereading) = (Letters::default(), Vec::new(), Vec::new());
        Ok(Self {
            shard,
            service,
            stop,
            listeners,
            spare,
            read_buffer,
            collected,
            fired,
            rereading,
            turn_bytes: 0,
            stock: (now, 0),
        })
    }

    /// Turns until the pool is stopped.
    pub(crate) fn run(mut self) -> io::Result<()> {
        let mut events = Events::with_capacity(EVENTS_PER_TURN);
        let mailboxes = Arc::clone(&self.shard.mailboxes);
        let mut poll = mailboxes.poll(self.shard.index);
        self.service.started(&mut self.shard);
        self.settle();
        while !self.stop.load(Ordering::Acquire) {
            let timeout = self.sleep();
            self.enter(Stage::Waiting);
            match poll.poll(&mut events, timeout) {
                // A turn without events: what was to wake it is forgotten, and the service may ask again.
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                result => result?,
            }
            self.turn(&events);
        }
        self.shard.stats().stopping.set(1);
        self.close_all();
        Ok(())
    }

    fn enter(&self, stage: Stage) {
        self.shard.stats().stage.enter(stage);
    }

    fn sleep(&mut self) -> Option<Duration> {
        let now = Instant::now();
        let shard = &mut self.shard;
        shard.stats[shard.index].busy_ns.add((now - shard.now).as_nanos() as u64);
        if !shard.again.is_empty() {
            return Some(Duration::ZERO);
        }
        let wake = shard.wake_at.take().map(|at| at.saturating_duration_since(now));
        let retry = (!shard.addressed.is_empty()).then_some(MAIL_RETRY);
        let listener =
            self.listeners.iter().filter_map(|l| l.again).min().map(|at| at.saturating_duration_since(now));
        [wake, retry, listener, shard.wheel.sleep(now)].into_iter().flatten().min()
    }

    fn turn(&mut self, events: &Events) {
        self.shard.now = Instant::now();
        self.shard.stats().turns.add(1);
        self.turn_bytes = 0;
        self.enter(Stage::Mail);
        self.collect_mail();
        self.enter(Stage::Reading);
        self.read_again();
        for event in events {
            self.dispatch(event);
        }
        self.accept_again();
        self.enter(Stage::Timers);
        self.fire_timers();
        self.enter(Stage::Delivering);
        self.service.turn_ended(&mut self.shard);
        self.settle();
        self.shard.flush_mail();
        self.take_stock();
    }

    /// Once a second while it works; at once when the slab has grown, which is most of the memory. It sets no timer for
    /// it: a timeout in every wait costs microseconds each time. [`Pool::look_after`](crate::Pool::look_after) wakes a
    /// shard that fell asleep before it was due.
    fn take_stock(&mut self) {
        let (last, chunks) = self.stock;
        if self.shard.now < last + STOCK_INTERVAL && self.shard.slab.chunks() == chunks {
            return;
        }
        self.stock = (self.shard.now, self.shard.slab.chunks());
        let service = self.service.take_stock(&mut self.shard);
        let own = self.shard.memory_bytes() + self.collected.memory_bytes();
        self.shard.stats().memory_bytes.set((own + service) as u64);
        self.shard.stats().stock_turn.set(self.shard.stats().turns.get());
    }

    fn dispatch(&mut self, event: &Event) {
        let Token(token) = event.token();
        if event.token() == WAKE {
            return;
        }
        self.shard.stats().events.add(1);
        let key = Key { index: token as u32, generation: (token >> 32) as u32 };
        if key.generation == 0 {
            self.enter(Stage::Accepting);
            self.accept(token);
            return self.enter(Stage::Reading);
        }
        if event.is_writable() {
            self.writable(key);
        }
        if event.is_readable() || event.is_error() {
            self.read(key, event.is_read_closed() || event.is_error());
        }
    }

    fn writable(&mut self, key: Key) {
        let Some(slot) = self.shard.slab.get_mut(key) else { return };
        if slot.link.is(Flag::Connecting) {
            match slot.stream.take_error() {
                Ok(None) if slot.stream.peer_addr().is_ok() => {}
                // A spurious event: not connected yet and no error either.
                Ok(None) => return,
                Ok(Some(error)) | Err(error) => {
                    self.shard.close_because(key, Why::Failed(error.kind()));
                    return self.settle();
                }
            }
            slot.link.set(Flag::Connecting, false);
            self.service.connected(&mut self.shard, key);
        }
        self.shard.flush(key);
        self.settle();
    }

    /// Reads what there is. `to_the_end`: the kernel has announced the end of the stream or an error, so a short
    /// read is not the last one.
    fn read(&mut self, key: Key, to_the_end: bool) {
        for _ in 0..READS_PER_TURN {
            if self.turn_bytes >= TURN_BYTES_MAX {
                break;
            }
            let Some(slot) = self.shard.slab.get_mut(key) else { return };
            // With `Again` set it has had its reads for this turn, or is to be offered its inbox first.
            if [Flag::Paused, Flag::Connecting, Flag::Again].iter().any(|&flag| slot.link.is(flag)) {
                return;
            }
            match slot.stream.read(&mut self.read_buffer) {
                Ok(0) => {
                    self.shard.close_because(key, Why::PeerClosed);
                    return self.settle();
                }
                Ok(length) => {
                    self.shard.stats().reads.add(1);
                    self.shard.stats().bytes_in.add(length as u64);
                    self.turn_bytes += length;
                    self.take_in(key, length);
                    self.settle();
                    // Edge-triggered, and yet a short read needs no second one: whatever comes later, the end of
                    // the stream included, raises a new edge.
                    if length < self.read_buffer.len() && !to_the_end {
                        return;
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => {
                    self.shard.close_because(key, Why::Failed(error.kind()));
                    return self.settle();
                }
            }
        }
        self.shard.come_back(key);
    }

    /// Offers the service what the read buffer holds, behind what it has not used before, and keeps the rest.
    fn take_in(&mut self, key: Key, length: usize) {
        let Some(slot) = self.shard.slab.get_mut(key) else { return };
        if slot.link.is(Flag::Finishing) {
            return;
        }
        let arrived = &self.read_buffer[..length];
        let kept = self
            .shard
            .buffers
            .get(slot.link)
            .map(|buffers| mem::take(&mut buffers.inbox))
            .unwrap_or_default();
        if arrived.is_empty() && kept.is_empty() {
            return;
        }
        let rest = if kept.is_empty() {
            let used = self.service.received(&mut self.shard, key, arrived);
            arrived[used..].to_vec()
        } else {
            let mut whole = kept;
            whole.extend_from_slice(arrived);
            let used = self.service.received(&mut self.shard, key, &whole);
            whole.drain(..used);
            whole
        };
        let Some(slot) = self.shard.slab.get_mut(key) else { return };
        if rest.len() > INBOX_BYTES_MAX {
            tracing::error!(bytes = rest.len(), "a service left too much unread; the connection is closed");
            self.shard.close_because(key, Why::Local);
        } else if !rest.is_empty() {
            self.shard.buffers.borrow(&mut slot.link).inbox = rest;
        } else {
            self.shard.buffers.tidy(&mut slot.link);
        }
    }

    /// Comes back to connections that had more to give, or were resumed with something left in their inbox.
    fn read_again(&mut self) {
        mem::swap(&mut self.shard.again, &mut self.rereading);
        let mut rereading = mem::take(&mut self.rereading);
        for key in rereading.drain(..) {
            let Some(slot) = self.shard.slab.get_mut(key) else { continue };
            slot.link.set(Flag::Again, false);
            if slot.link.is(Flag::Paused) {
                continue;
            }
            self.take_in(key, 0);
            self.settle();
            self.read(key, true);
        }
        self.rereading = rereading;
    }

    fn fire_timers(&mut self) {
        let mut fired = mem::take(&mut self.fired);
        self.shard.wheel.advance(self.shard.now, &mut fired);
        self.shard.stats().timers.subtract(fired.len() as u64);
        for timer in fired.drain(..) {
            self.service.timer(&mut self.shard, timer);
            self.settle();
        }
        self.fired = fired;
    }

    fn collect_mail(&mut self) {
        let shard = &mut self.shard;
        shard.mailboxes.collect(shard.index, &mut self.collected);
        if self.collected.is_empty() {
            return;
        }
        shard.stats().mail_in.add(self.collected.len() as u64);
        self.service.mail(shard, &mut self.collected);
        self.collected.clear();
        self.settle();
    }

    /// Carries out the closings that the service's last call asked for.
    pub(crate) fn settle(&mut self) {
        while let Some((key, why)) = self.shard.closing.pop() {
            let Some(mut slot) = self.shard.slab.remove(key) else { continue };
            let shard = &mut self.shard;
            let stats = &shard.stats[shard.index];
            stats.connections.subtract(1);
            stats.closed.add(1);
            if let Some(unsent) =
                shard.buffers.get(slot.link).map(|buffers| buffers.outbox.len()).filter(|&n| n > 0)
            {
                stats.outboxes.subtract(1);
                stats.outbox_bytes.subtract(unsent as u64);
                stats.outboxed_bytes.add(unsent as u64);
            }
            shard.buffers.give_back(&mut slot.link);
            // Closing the descriptor takes it out of the event loop: no other table holds a copy.
            drop(slot.stream);
            self.service.closed(shard, key, slot.connection, why);
        }
    }

    fn close_all(&mut self) {
        for key in self.shard.keys() {
            self.shard.flush(key);
            self.shard.close_because(key, Why::Stopping);
        }
        self.settle();
        self.shard.flush_mail();
    }
}

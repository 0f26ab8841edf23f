//! The event loop of one shard, and what a service may do in it.

use std::io::{self, ErrorKind, Read, Write};
use std::marker::PhantomData;
use std::mem;
use std::net::{Shutdown, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use mio::event::Event;
use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Registry, Token};

use crate::buffers::{BufferPool, Flag, Link, OUTBOX_BYTES_MAX};
use crate::descriptors::PrivateTable;
use crate::mail::{Letters, Mailboxes};
use crate::service::{Connected, ListenerId, Room, Service, Why, Written};
use crate::slab::{Key, Slab};
use crate::socket::{self, Source};
use crate::stats::Stats;
use crate::wheel::{TimerKey, Wheel};

/// One read buffer serves a whole shard; only the pages that reads reach are ever touched.
const READ_BUFFER_BYTES: usize = 64 << 10;

/// The most bytes of an unfinished message that are kept. A service that leaves more has a bug; the peer is cut.
const INBOX_BYTES_MAX: usize = 128 << 10;

/// Events fetched from the kernel at a time.
const EVENTS_PER_TURN: usize = 1024;

/// Connections accepted from one listener in a turn, before the others get theirs.
const ACCEPTS_PER_TURN: usize = 128;

/// Reads from one connection in a turn, before the others get theirs.
const READS_PER_TURN: usize = 4;

/// Bytes read in a turn. What more there is waits, in order, for the turns to come, so that timers and mail are not
/// kept waiting by peers that never pause.
const TURN_BYTES_MAX: usize = 4 << 20;

/// Connections beyond the limit that may stay for the moment it takes to tell them; more are closed at once.
pub(crate) const REFUSALS_MAX: usize = 64;

/// How long a listener rests when the system as a whole has run out of descriptors or memory.
const ACCEPT_REST: Duration = Duration::from_millis(50);

/// How long mail that did not fit its mailbox waits for the next try.
const MAIL_RETRY: Duration = Duration::from_millis(1);

/// The waker's token. Connections' tokens have a generation from 1 up, listeners' generation 0.
pub(crate) const WAKE: Token = Token(usize::MAX);

struct Slot<C> {
    stream: TcpStream,
    link: Link,
    connection: C,
}

struct Listener {
    id: ListenerId,
    socket: TcpListener,
    /// It stopped before the backlog was empty and wants another turn, at this time.
    again: Option<Instant>,
}

/// A shard as its service sees it: connections by key, timers, mail; never a descriptor.
///
/// `!Send`: what it owns means something only in its thread's descriptor table.
pub struct Shard<S: Service> {
    index: usize,
    table: PrivateTable,
    registry: Registry,
    slab: Slab<Slot<S::Connection>>,
    connections_max: usize,
    buffers: BufferPool,
    wheel: Wheel<S::Timer>,
    mailboxes: Arc<Mailboxes<S::Letter>>,
    outgoing: Vec<Letters<S::Letter>>,
    /// Destinations with letters in `outgoing`.
    addressed: Vec<usize>,
    /// Letters that the last turn's end could not deliver.
    undelivered: usize,
    stats: Arc<Vec<Stats>>,
    now: Instant,
    wake_at: Option<Instant>,
    /// Connections to close when the service's present call is over.
    closing: Vec<(Key, Why)>,
    /// Connections to read in the next turn without an event.
    again: Vec<Key>,
    not_send: PhantomData<*const ()>,
}

impl<S: Service> Shard<S> {
    /// Bytes a connection takes in the slab, idle.
    pub const CONNECTION_BYTES: usize = Slab::<Slot<S::Connection>>::ENTRY_BYTES;

    /// This shard's number, from 0.
    pub fn index(&self) -> usize {
        self.index
    }

    /// How many shards the pool has.
    pub fn shards(&self) -> usize {
        self.mailboxes.shards()
    }

    /// The time at which this turn's events were fetched.
    pub fn now(&self) -> Instant {
        self.now
    }

    /// This shard's counters.
    pub fn stats(&self) -> &Stats {
        &self.stats[self.index]
    }

    /// Connections in the slab, those being opened or closed included.
    pub fn connections(&self) -> usize {
        self.slab.len()
    }

    /// The most connections that this shard's table takes.
    pub fn connections_max(&self) -> usize {
        self.connections_max
    }

    /// What the service keeps for a connection; `None` once it is gone or going.
    pub fn connection(&mut self, key: Key) -> Option<&mut S::Connection> {
        self.slab.get_mut(key).filter(|slot| !slot.link.is(Flag::Closing)).map(|slot| &mut slot.connection)
    }

    /// The connection that occupies `index` now.
    pub fn connection_at(&mut self, index: u32) -> Option<(Key, &mut S::Connection)> {
        let key = self.slab.key_at(index)?;
        self.connection(key).map(|connection| (key, connection))
    }

    /// The keys of all connections; for stopping and for tests, since it visits each.
    pub fn keys(&self) -> Vec<Key> {
        self.slab.keys().collect()
    }

    /// Sends bytes, or queues what the kernel does not take. Never waits.
    pub fn write(&mut self, key: Key, bytes: &[u8]) -> Written {
        let stats = &self.stats[self.index];
        let Some(slot) = self.slab.get_mut(key) else { return Written::Gone };
        if slot.link.is(Flag::Closing) || slot.link.is(Flag::Finishing) {
            return Written::Gone;
        }
        let queued = self.buffers.get(slot.link).map_or(0, |buffers| buffers.outbox.len());
        let sent = if queued > 0 || slot.link.is(Flag::Connecting) {
            0
        } else {
            match send(&mut slot.stream, bytes) {
                Ok(sent) => sent,
                Err(error) => {
                    self.close_because(key, Why::Failed(error.kind()));
                    return Written::Gone;
                }
            }
        };
        if sent > 0 {
            stats.writes.add(1);
            stats.bytes_out.add(sent as u64);
        }
        let rest = &bytes[sent..];
        if rest.is_empty() {
            return Written::Sent;
        }
        if queued + rest.len() > OUTBOX_BYTES_MAX {
            stats.too_slow.add(1);
            self.close_because(key, Why::TooSlow);
            return Written::TooSlow;
        }
        if queued == 0 {
            stats.outboxes.add(1);
        }
        stats.outbox_bytes.add(rest.len() as u64);
        self.buffers.borrow(&mut slot.link).outbox.extend(rest);
        if !slot.link.is(Flag::WriteInterest) {
            self.want_writes(key, true);
        }
        Written::Queued
    }

    /// Closes a connection at once; what its outbox holds is lost.
    pub fn close(&mut self, key: Key) {
        self.close_because(key, Why::Local);
    }

    /// Ends our side once the outbox is empty. What the peer still sends is thrown away until it ends its side;
    /// how long that may take is for the service's timer to say.
    pub fn finish(&mut self, key: Key) {
        let Some(slot) = self.slab.get_mut(key) else { return };
        slot.link.set(Flag::Finishing, true);
        // An attempt to connect would be called off by ending it: the flush that follows its success does it.
        if !slot.link.is(Flag::Connecting)
            && self.buffers.get(slot.link).is_none_or(|buffers| buffers.outbox.is_empty())
        {
            end_our_side(slot);
        }
        // Only who reads sees the peer's end.
        self.resume(key);
    }

    /// Stops reading from a connection, so that its peer feels the back-pressure. One that is being finished is
    /// read all the same.
    pub fn pause(&mut self, key: Key) {
        if let Some(slot) = self.slab.get_mut(key).filter(|slot| !slot.link.is(Flag::Finishing)) {
            slot.link.set(Flag::Paused, true);
        }
    }

    /// Reads from a paused connection again, from the next turn on.
    pub fn resume(&mut self, key: Key) {
        if let Some(slot) = self.slab.get_mut(key).filter(|slot| slot.link.is(Flag::Paused)) {
            slot.link.set(Flag::Paused, false);
            self.come_back(key);
        }
    }

    /// Has the next turn read a connection without waiting for an event.
    fn come_back(&mut self, key: Key) {
        if let Some(slot) = self.slab.get_mut(key).filter(|slot| !slot.link.is(Flag::Again)) {
            slot.link.set(Flag::Again, true);
            self.again.push(key);
        }
    }

    /// Opens a connection, and sends `first` with it if it stands at once, as on loopback it does.
    ///
    /// # Errors
    /// What the system said to the socket, the bind or the connect; nothing is left behind.
    /// [`io::ErrorKind::QuotaExceeded`] when the shard has no descriptor to spare.
    pub fn connect(
        &mut self,
        target: SocketAddr,
        source: Option<Source>,
        first: &[u8],
        connection: S::Connection,
    ) -> io::Result<(Key, Connected)> {
        if self.slab.len() >= self.connections_max {
            return Err(ErrorKind::QuotaExceeded.into());
        }
        let mut stream = socket::connect(&self.table, target, source)?;
        // Trying to write tells for the price of the write itself whether the connection stands already.
        let sent = if first.is_empty() { 0 } else { send(&mut stream, first)? };
        let stands = sent > 0;
        let mut link = Link::default();
        link.set(Flag::Connecting, !stands);
        link.set(Flag::WriteInterest, !stands);
        let interest = if stands { Interest::READABLE } else { Interest::READABLE | Interest::WRITABLE };
        let key = self.adopt(Slot { stream, link, connection }, interest)?;
        if stands {
            self.stats().writes.add(1);
            self.stats().bytes_out.add(sent as u64);
            if sent < first.len() {
                self.write(key, &first[sent..]);
            }
        }
        Ok((key, if stands { Connected::Now } else { Connected::Later }))
    }

    /// Sets a timer.
    pub fn after(&mut self, delay: Duration, timer: S::Timer) -> TimerKey {
        self.stats[self.index].timers.add(1);
        self.wheel.set(self.now + delay, timer)
    }

    /// Takes a timer back; `false` when it has fired or was cancelled.
    pub fn cancel(&mut self, key: TimerKey) -> bool {
        let cancelled = self.wheel.cancel(key);
        if cancelled {
            self.stats[self.index].timers.subtract(1);
        }
        cancelled
    }

    /// Makes the loop take a turn at `at` at the latest (the kernel rounds up to a millisecond). Good for one turn:
    /// whoever still waits asks again in [`Service::turn_ended`].
    pub fn wake_at(&mut self, at: Instant) {
        self.wake_at = Some(self.wake_at.map_or(at, |earlier| earlier.min(at)));
    }

    /// Writes a letter to another shard, or to this one; it leaves at the end of the turn.
    pub fn post(&mut self, shard: usize, letter: S::Letter, body: &[u8]) {
        let batch = &mut self.outgoing[shard];
        if batch.is_empty() {
            self.addressed.push(shard);
        }
        batch.push(letter, body);
    }

    /// Letters that did not fit into their mailboxes at the end of the last turn. While there are any, a service
    /// should not take in what makes more.
    pub fn mail_waiting(&self) -> usize {
        self.undelivered
    }

    fn close_because(&mut self, key: Key, why: Why) {
        if let Some(slot) = self.slab.get_mut(key).filter(|slot| !slot.link.is(Flag::Closing)) {
            slot.link.set(Flag::Closing, true);
            self.closing.push((key, why));
        }
    }

    /// Puts a connection into the slab and tells the event loop about it.
    fn adopt(&mut self, slot: Slot<S::Connection>, interest: Interest) -> io::Result<Key> {
        let Ok(key) = self.slab.insert(slot) else { return Err(ErrorKind::QuotaExceeded.into()) };
        let slot = self.slab.get_mut(key).expect("inserted above");
        if let Err(error) = self.registry.register(&mut slot.stream, token(key), interest) {
            self.slab.remove(key);
            return Err(error);
        }
        self.stats().connections.add(1);
        Ok(key)
    }

    fn want_writes(&mut self, key: Key, want: bool) {
        let Some(slot) = self.slab.get_mut(key) else { return };
        let interest = if want { Interest::READABLE | Interest::WRITABLE } else { Interest::READABLE };
        slot.link.set(Flag::WriteInterest, want);
        if let Err(error) = self.registry.reregister(&mut slot.stream, token(key), interest) {
            self.close_because(key, Why::Failed(error.kind()));
        }
    }

    /// Sends what the outbox holds.
    fn flush(&mut self, key: Key) {
        let stats = &self.stats[self.index];
        let Some(slot) = self.slab.get_mut(key) else { return };
        if let Some(buffers) = self.buffers.get(slot.link).filter(|buffers| !buffers.outbox.is_empty()) {
            let outbox = &mut buffers.outbox;
            while !outbox.is_empty() {
                match send(&mut slot.stream, outbox.as_slices().0) {
                    Ok(0) => return,
                    Ok(sent) => {
                        outbox.drain(..sent);
                        stats.writes.add(1);
                        stats.bytes_out.add(sent as u64);
                        stats.outbox_bytes.subtract(sent as u64);
                    }
                    Err(error) => return self.close_because(key, Why::Failed(error.kind())),
                }
            }
            stats.outboxes.subtract(1);
            self.buffers.tidy(&mut slot.link);
        }
        if slot.link.is(Flag::Finishing) {
            end_our_side(slot);
        }
        if slot.link.is(Flag::WriteInterest) {
            self.want_writes(key, false);
        }
    }

    /// Hands each batch of letters to its mailbox; those that do not fit stay for the next turn.
    fn flush_mail(&mut self) {
        if self.addressed.is_empty() {
            return;
        }
        let mut addressed = mem::take(&mut self.addressed);
        addressed.retain(|&shard| {
            let batch = &mut self.outgoing[shard];
            let letters = batch.len() as u64;
            let delivered = self.mailboxes.deliver(shard, batch).is_ok();
            self.stats[self.index].mail_out.add(if delivered { letters } else { 0 });
            self.stats[self.index].mail_full.add(u64::from(!delivered));
            !delivered
        });
        let waited = self.undelivered > 0;
        self.undelivered = addressed.iter().map(|&shard| self.outgoing[shard].len()).sum();
        self.addressed = addressed;
        if waited && self.undelivered == 0 {
            // A service that held back does not know yet that it may go on.
            self.wake_at(self.now);
        }
    }
}

/// The number of bytes the kernel took; 0 when it would not take any now.
fn send(stream: &mut TcpStream, bytes: &[u8]) -> io::Result<usize> {
    loop {
        match stream.write(bytes) {
            Ok(sent) => return Ok(sent),
            // Still connecting: NotConnected on some kernels, WouldBlock on others.
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::NotConnected) => {
                return Ok(0);
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

fn end_our_side<C>(slot: &mut Slot<C>) {
    if !slot.link.is(Flag::Finished) {
        slot.link.set(Flag::Finished, true);
        // It fails when the peer is gone, which the next read tells.
        let _ = slot.stream.shutdown(Shutdown::Write);
    }
}

fn token(key: Key) -> Token {
    Token((key.generation as usize) << 32 | key.index as usize)
}

/// What a shard's thread is started with.
pub(crate) struct Seat<L> {
    pub(crate) index: usize,
    pub(crate) mailboxes: Arc<Mailboxes<L>>,
    pub(crate) stats: Arc<Vec<Stats>>,
    pub(crate) stop: Arc<AtomicBool>,
}

/// A shard and its service: the thread's whole life.
pub(crate) struct Engine<S: Service> {
    shard: Shard<S>,
    service: S,
    stop: Arc<AtomicBool>,
    listeners: Vec<Listener>,
    /// Given up for a moment to turn a peer away when the table or the system is full.
    spare: Option<std::fs::File>,
    read_buffer: Vec<u8>,
    collected: Letters<S::Letter>,
    fired: Vec<S::Timer>,
    rereading: Vec<Key>,
    /// Bytes read in this turn.
    turn_bytes: usize,
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
            match poll.poll(&mut events, timeout) {
                // A turn without events: what was to wake it is forgotten, and the service may ask again.
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                result => result?,
            }
            self.turn(&events);
        }
        self.close_all();
        Ok(())
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
        self.collect_mail();
        self.read_again();
        for event in events {
            self.dispatch(event);
        }
        self.accept_again();
        self.fire_timers();
        self.service.turn_ended(&mut self.shard);
        self.settle();
        self.shard.flush_mail();
    }

    fn dispatch(&mut self, event: &Event) {
        let Token(token) = event.token();
        if event.token() == WAKE {
            return;
        }
        self.shard.stats().events.add(1);
        let key = Key { index: token as u32, generation: (token >> 32) as u32 };
        if key.generation == 0 {
            return self.accept(token);
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

    fn accept_again(&mut self) {
        for index in 0..self.listeners.len() {
            if self.listeners[index].again.is_some_and(|at| at <= self.shard.now) {
                self.accept(index);
            }
        }
    }

    fn accept(&mut self, index: usize) {
        let mut again = Some(self.shard.now);
        for _ in 0..ACCEPTS_PER_TURN {
            match self.listeners[index].socket.accept() {
                Ok((stream, _)) => self.admit(index, stream),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    again = None;
                    break;
                }
                // The peer was gone before we came to it.
                Err(error)
                    if matches!(error.kind(), ErrorKind::Interrupted | ErrorKind::ConnectionAborted) => {}
                Err(error) => match self.turn_away(index) {
                    Ok(()) => {}
                    // The kernel looks for a descriptor before it looks for a peer: nobody was there.
                    Err(none) if none.kind() == ErrorKind::WouldBlock => {
                        again = None;
                        break;
                    }
                    Err(_) => {
                        tracing::warn!(%error, "cannot accept; trying again soon");
                        again = Some(self.shard.now + ACCEPT_REST);
                        break;
                    }
                },
            }
        }
        self.listeners[index].again = again;
        if let Some(at) = again {
            self.shard.wake_at(at);
        }
    }

    fn admit(&mut self, index: usize, stream: TcpStream) {
        let shard = &mut self.shard;
        shard.stats().accepted.add(1);
        let occupied = shard.slab.len();
        let room = if occupied < shard.connections_max { Room::Free } else { Room::Refuse };
        if room == Room::Refuse {
            shard.stats().refused.add(1);
            if occupied >= shard.connections_max + REFUSALS_MAX {
                return;
            }
        }
        let connection = self.service.accepted(self.listeners[index].id, room);
        match self.shard.adopt(Slot { stream, link: Link::default(), connection }, Interest::READABLE) {
            Ok(key) => {
                self.service.opened(&mut self.shard, key);
                self.settle();
            }
            Err(error) => tracing::warn!(%error, "could not register an accepted connection"),
        }
    }

    /// Out of descriptors in spite of our own count (the system's table is full, or the limit was lowered): gives
    /// up the spare descriptor to accept one peer and close it, so that it knows. An error when even that fails.
    fn turn_away(&mut self, index: usize) -> io::Result<()> {
        let accepted = match self.spare.take() {
            Some(spare) => {
                drop(spare);
                self.listeners[index].socket.accept().map(drop)
            }
            None => Err(ErrorKind::QuotaExceeded.into()),
        };
        self.spare = std::fs::File::open("/dev/null").ok();
        if accepted.is_ok() {
            self.shard.stats().accepted.add(1);
            self.shard.stats().refused.add(1);
        }
        accepted
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
    fn settle(&mut self) {
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

//! A shard as its service sees it: what may be done to connections, timers and mail in a turn.

use std::io::{self, ErrorKind, Write};
use std::marker::PhantomData;
use std::mem;
use std::net::{Shutdown, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use mio::net::TcpStream;
use mio::{Interest, Registry, Token};

use crate::buffers::{BufferPool, Flag, Link, OUTBOX_BYTES_MAX};
use crate::descriptors::PrivateTable;
use crate::mail::{Letters, Mailboxes};
use crate::service::{Connected, Service, Why, Written};
use crate::slab::{Key, Slab};
use crate::socket::{self, Source};
use crate::stats::Stats;
use crate::wheel::{TimerKey, Wheel};

/// A connection: its socket, what it is going through, and what the service keeps.
pub(crate) struct Slot<C> {
    pub(crate) stream: TcpStream,
    pub(crate) link: Link,
    pub(crate) connection: C,
}

/// A shard as its service sees it: connections by key, timers, mail; never a descriptor.
///
/// `!Send`: what it owns means something only in its thread's descriptor table.
pub struct Shard<S: Service> {
    pub(crate) index: usize,
    pub(crate) table: PrivateTable,
    pub(crate) registry: Registry,
    pub(crate) slab: Slab<Slot<S::Connection>>,
    pub(crate) connections_max: usize,
    pub(crate) buffers: BufferPool,
    pub(crate) wheel: Wheel<S::Timer>,
    pub(crate) mailboxes: Arc<Mailboxes<S::Letter>>,
    pub(crate) outgoing: Vec<Letters<S::Letter>>,
    /// Destinations with letters in `outgoing`.
    pub(crate) addressed: Vec<usize>,
    /// Letters that the last turn's end could not deliver.
    pub(crate) undelivered: usize,
    pub(crate) stats: Arc<Vec<Stats>>,
    pub(crate) now: Instant,
    pub(crate) wake_at: Option<Instant>,
    /// Connections to close when the service's present call is over.
    pub(crate) closing: Vec<(Key, Why)>,
    /// Connections to read in the next turn without an event.
    pub(crate) again: Vec<Key>,
    pub(crate) not_send: PhantomData<*const ()>,
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

    /// Slab indices below which all connections are.
    pub fn indices(&self) -> u32 {
        self.slab.indices()
    }

    /// Who is at the other end; a system call. `None` when the connection is gone.
    pub fn peer(&self, key: Key) -> Option<SocketAddr> {
        self.slab.get(key)?.stream.peer_addr().ok()
    }

    /// Bytes that wait for a connection's peer to read.
    pub fn outbox_bytes(&mut self, key: Key) -> usize {
        let Some(slot) = self.slab.get(key) else { return 0 };
        self.buffers.get(slot.link).map_or(0, |buffers| buffers.outbox.len())
    }

    /// Bytes of memory for connections, timers and letters to others, by capacity.
    pub(crate) fn memory_bytes(&self) -> usize {
        let outgoing: usize = self.outgoing.iter().map(Letters::memory_bytes).sum();
        let letters = outgoing + self.mailboxes.memory_bytes(self.index);
        self.slab.memory_bytes() + self.buffers.memory_bytes() + self.wheel.memory_bytes() + letters
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
    pub(crate) fn come_back(&mut self, key: Key) {
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

    pub(crate) fn close_because(&mut self, key: Key, why: Why) {
        if let Some(slot) = self.slab.get_mut(key).filter(|slot| !slot.link.is(Flag::Closing)) {
            slot.link.set(Flag::Closing, true);
            self.closing.push((key, why));
        }
    }

    /// Puts a connection into the slab and tells the event loop about it.
    pub(crate) fn adopt(&mut self, slot: Slot<S::Connection>, interest: Interest) -> io::Result<Key> {
        let Ok(key) = self.slab.insert(slot) else { return Err(ErrorKind::QuotaExceeded.into()) };
        let slot = self.slab.get_mut(key).expect("inserted above");
        if let Err(error) = self.registry.register(&mut slot.stream, token(key), interest) {
            self.slab.remove(key);
            return Err(error);
        }
        self.stats().connections.add(1);
        Ok(key)
    }

    pub(crate) fn want_writes(&mut self, key: Key, want: bool) {
        let Some(slot) = self.slab.get_mut(key) else { return };
        let interest = if want { Interest::READABLE | Interest::WRITABLE } else { Interest::READABLE };
        slot.link.set(Flag::WriteInterest, want);
        if let Err(error) = self.registry.reregister(&mut slot.stream, token(key), interest) {
            self.close_because(key, Why::Failed(error.kind()));
        }
    }

    /// Sends what the outbox holds.
    pub(crate) fn flush(&mut self, key: Key) {
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
                        stats.outboxed_bytes.add(sent as u64);
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
    pub(crate) fn flush_mail(&mut self) {
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
        self.stats().undelivered.set(self.undelivered as u64);
        if waited && self.undelivered == 0 {
            // A service that held back does not know yet that it may go on.
            self.wake_at(self.now);
        }
    }
}

/// The number of bytes the kernel took; 0 when it would not take any now.
pub(crate) fn send(stream: &mut TcpStream, bytes: &[u8]) -> io::Result<usize> {
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

pub(crate) fn end_our_side<C>(slot: &mut Slot<C>) {
    if !slot.link.is(Flag::Finished) {
        slot.link.set(Flag::Finished, true);
        // It fails when the peer is gone, which the next read tells.
        let _ = slot.stream.shutdown(Shutdown::Write);
    }
}

pub(crate) fn token(key: Key) -> Token {
    Token((key.generation as usize) << 32 | key.index as usize)
}

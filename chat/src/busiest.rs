//! Which connections of a shard stand out, without ever looking at all of them at once.
//!
//! The shard notes what it writes while it delivers ([`Lookout::wrote`], a comparison for nearly every connection), and
//! enters the notes at the end of the delivery into its [`Busiest`], under a lock that nobody else holds but for the
//! moments in which the admin address or the worker reads. Readers wake no shard and wait for none.
//!
//! - **Messages**: exact, from the count that each session keeps.
//! - **Age**: exact in steps of [`STEP`](crate::session::STEP); the first to come are the oldest.
//! - **Outbox**: whoever's outbox grows is noted; lengths are looked up again when the shard takes stock.
//! - **Bytes**: sessions have no room to count them. A [`Heavy`] counts, from the first question on, until nobody has
//!   asked for [`ASKED_TIME`].
//!
//! When too many candidates have been closed, the shard takes up a sweep: [`SWEEP_SLOTS`] slots of the slab each second,
//! until all connections have been offered again.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use shard::{Key, Shard, Written};

use crate::heavy::Heavy;
use crate::profile::{Bytes, Profile};
use crate::ranking::Ranking;
use crate::router::Router;
use crate::service::{Chat, Common};
use crate::session::{STEP, Session};

/// How long bytes are counted after somebody has asked for the connections with the most.
pub(crate) const ASKED_TIME: Duration = Duration::from_secs(60);

/// Slots that a sweep looks at in a second, about 20 µs of it: a shard of 18,000 connections takes five seconds.
const SWEEP_SLOTS: u32 = 4096;

/// When a sweep goes on that nothing else wakes the shard for.
const SWEEP_INTERVAL: Duration = Duration::from_secs(1);

/// Which connections stand out, of one shard.
#[derive(Debug, Default)]
pub(crate) struct Busiest {
    /// By one more than the messages they got, so that those count who got none.
    pub(crate) messages: Ranking,
    /// By how long before the last of all steps they came.
    pub(crate) age: Ranking,
    pub(crate) outbox: Ranking,
    /// While somebody wants to know.
    pub(crate) bytes: Option<Box<Heavy>>,
}

impl Busiest {
    /// Whatever is known of a connection's bytes.
    pub(crate) fn bytes_of(&self, index: u32) -> Option<Bytes> {
        self.bytes.as_ref()?.bytes(index)
    }

    fn remove(&mut self, index: u32) {
        self.messages.remove(index);
        self.age.remove(index);
        self.outbox.remove(index);
        if let Some(bytes) = &mut self.bytes {
            bytes.remove(index);
        }
    }

    /// Says what a connection is like as a whole.
    fn offer(&mut self, shard: &mut Shard<Chat>, router: &Router, key: Key, now: u32) {
        let (count, since) = match shard.connection(key) {
            Some(&mut Session::Member { count, since, .. }) => (count, since),
            Some(&mut Session::Publisher { since, .. }) => (0, since),
            _ => return,
        };
        self.messages.offer(key, by_messages(count), || Profile::of(shard, router, key, now));
        self.age.offer(key, by_age(since.start(now)), || Profile::of(shard, router, key, now));
        if shard.stats().outboxes.get() > 0 {
            let waiting = shard.outbox_bytes(key) as u32;
            self.outbox.offer(key, waiting, || Profile::of(shard, router, key, now));
        }
    }

    fn memory_bytes(&self) -> usize {
        let rankings = [&self.messages, &self.age, &self.outbox];
        let bytes = self.bytes.as_ref().map_or(0, |bytes| bytes.memory_bytes());
        rankings.into_iter().map(Ranking::memory_bytes).sum::<usize>() + bytes
    }
}

/// A session's count wraps, the rank need not.
fn by_messages(count: u32) -> u32 {
    count.saturating_add(1)
}

/// The earlier, the larger; it does not change while time passes.
fn by_age(start: u32) -> u32 {
    u32::MAX - start
}

/// When somebody last asked for the connections with most bytes.
#[derive(Debug, Default)]
pub(crate) struct Asked {
    /// In milliseconds of the server's life, one more; 0 is never.
    at_ms: AtomicU64,
}

impl Asked {
    pub(crate) fn now(&self, started: Instant) {
        self.at_ms.store(started.elapsed().as_millis() as u64 + 1, Ordering::Relaxed);
    }

    fn is_recent(&self, started: Instant, now: Instant) -> bool {
        let at_ms = self.at_ms.load(Ordering::Relaxed);
        at_ms > 0 && now.saturating_duration_since(started) < Duration::from_millis(at_ms) + ASKED_TIME
    }
}

/// Something that was written to a connection.
#[derive(Debug, Clone, Copy)]
struct Note {
    key: Key,
    messages: u32,
    bytes: u32,
    queued: bool,
}

/// The shard's side.
#[derive(Debug)]
pub(crate) struct Lookout {
    index: usize,
    common: Arc<Common>,
    /// Of the ranking by messages: what passes it is noted.
    floor: u32,
    /// Of the ranking by age.
    age_floor: u32,
    counting: bool,
    notes: Vec<Note>,
    /// Where the sweep goes on, if there is one.
    sweep: Option<u32>,
}

impl Lookout {
    pub(crate) fn new(index: usize, common: Arc<Common>) -> Self {
        Self { index, common, floor: 0, age_floor: 0, counting: false, notes: Vec::new(), sweep: None }
    }

    /// A panic while the lock is held can leave nothing worse than a row that is out of date.
    fn busiest(common: &Common, index: usize) -> MutexGuard<'_, Busiest> {
        common.busiest[index].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The server's age in [`STEP`]s.
    pub(crate) fn step(&self, now: Instant) -> u32 {
        step(self.common.started, now)
    }

    /// Before a delivery: whether bytes are to be noted.
    pub(crate) fn look_up(&mut self, now: Instant) {
        self.counting = self.common.asked.is_recent(self.common.started, now);
    }

    /// A connection, which has had `messages` now, has been written to.
    pub(crate) fn wrote(&mut self, key: Key, messages: u32, bytes: usize, written: Written) {
        let queued = match written {
            Written::Sent => false,
            Written::Queued => true,
            Written::TooSlow | Written::Gone => return,
        };
        if self.counting || queued || by_messages(messages) > self.floor {
            self.notes.push(Note { key, messages, bytes: bytes as u32, queued });
        }
    }

    /// Enters what has been noted.
    pub(crate) fn enter(&mut self, shard: &mut Shard<Chat>, router: &Router) {
        if self.notes.is_empty() {
            return;
        }
        let now = self.step(shard.now());
        let mut busiest = Self::busiest(&self.common, self.index);
        let Busiest { messages: by_count, outbox, bytes: heavy, .. } = &mut *busiest;
        if self.counting && heavy.is_none() {
            *heavy = Some(Box::default());
        }
        for Note { key, messages, bytes, queued } in self.notes.drain(..) {
            if by_messages(messages) > by_count.floor() {
                by_count.offer(key, by_messages(messages), || Profile::of(shard, router, key, now));
                if let Some(profile) = by_count.get_mut(key.index) {
                    profile.messages = messages;
                }
            }
            if queued {
                let waiting = shard.outbox_bytes(key) as u32;
                outbox.offer(key, waiting, || Profile::of(shard, router, key, now));
                if let Some(profile) = outbox.get_mut(key.index) {
                    profile.outbox_bytes = waiting;
                }
            }
            if let (true, Some(heavy)) = (self.counting, heavy.as_mut()) {
                heavy.add(key, bytes.into(), messages, || Profile::of(shard, router, key, now));
            }
        }
        self.floor = by_count.floor();
    }

    /// A connection has logged in, or become a publisher.
    pub(crate) fn opened(&mut self, shard: &mut Shard<Chat>, router: &Router, key: Key) {
        let now = self.step(shard.now());
        let since = match shard.connection(key) {
            Some(Session::Member { since, .. } | Session::Publisher { since, .. }) => *since,
            _ => return,
        };
        // Once there are many, somebody new is neither old nor has had messages.
        if by_messages(0) > self.floor || by_age(since.start(now)) > self.age_floor {
            let mut busiest = Self::busiest(&self.common, self.index);
            busiest.offer(shard, router, key, now);
            (self.floor, self.age_floor) = (busiest.messages.floor(), busiest.age.floor());
        }
    }

    /// What is known of a connection's bytes.
    pub(crate) fn bytes_of(&self, key: Key) -> Option<Bytes> {
        Self::busiest(&self.common, self.index).bytes_of(key.index)
    }

    /// A connection is not what it was any more.
    pub(crate) fn left(&mut self, key: Key) {
        Self::busiest(&self.common, self.index).remove(key.index);
    }

    /// Brings everything up to date that is not exact at all times, and goes on with a sweep. Returns the memory held.
    pub(crate) fn take_stock(&mut self, shard: &mut Shard<Chat>, router: &Router) -> usize {
        self.look_up(shard.now());
        let now = self.step(shard.now());
        let mut busiest = Self::busiest(&self.common, self.index);
        if !self.counting {
            busiest.bytes = None;
        }
        busiest.messages.refresh(|profile| {
            profile.refresh(shard, router);
            by_messages(profile.messages)
        });
        busiest.age.refresh(|profile| {
            profile.refresh(shard, router);
            by_age(profile.start)
        });
        busiest.outbox.refresh(|profile| {
            profile.refresh(shard, router);
            profile.outbox_bytes
        });
        if let Some(bytes) = &mut busiest.bytes {
            bytes.refresh(|key, profile| match profile {
                Some(profile) => profile.refresh(shard, router),
                None => *profile = Profile::of(shard, router, key, now).map(Box::new),
            });
        }
        sweep(&mut self.sweep, shard, router, &mut busiest, now);
        (self.floor, self.age_floor) = (busiest.messages.floor(), busiest.age.floor());
        busiest.memory_bytes() + self.notes.capacity() * size_of::<Note>()
    }
}

/// Takes a sweep one piece further, or begins one if it must be.
fn sweep(at: &mut Option<u32>, shard: &mut Shard<Chat>, router: &Router, busiest: &mut Busiest, now: u32) {
    if at.is_none() {
        for ranking in [&mut busiest.messages, &mut busiest.age, &mut busiest.outbox] {
            if ranking.has_lost_sight() {
                ranking.start_over();
                *at = Some(0);
            }
        }
    }
    let Some(from) = *at else { return };
    let to = shard.indices().min(from + SWEEP_SLOTS);
    for index in from..to {
        if let Some((key, _)) = shard.connection_at(index) {
            busiest.offer(shard, router, key, now);
        }
    }
    *at = (to < shard.indices()).then_some(to);
    if at.is_some() {
        shard.wake_at(shard.now() + SWEEP_INTERVAL);
    }
}

/// The server's age in [`STEP`]s.
pub(crate) fn step(started: Instant, now: Instant) -> u32 {
    (now.saturating_duration_since(started).as_secs() / STEP.as_secs()) as u32
}

#[cfg(test)]
#[path = "busiest_tests.rs"]
mod tests;

//! A timer wheel: many timers, most of them cancelled, each at the cost of a list insertion.
//!
//! A hashed wheel with rounds (Varghese and Lauck 1987, scheme 6): a timer hangs in the bucket of its deadline's
//! tick, modulo the number of buckets, and is passed over until its round has come. Timers never fire early, and
//! late by at most two [`TICK`]s plus the turn of the loop. Entries are re-used, so memory follows the most timers
//! that were ever set at once.

use std::time::{Duration, Instant};

/// The resolution: head limits and connect timeouts, in seconds, need no finer.
pub const TICK: Duration = Duration::from_millis(TICK_MS);
const TICK_MS: u64 = 4;

/// Buckets; with [`TICK`], one round is about 4 s, and a longer timer is looked at once a round.
const BUCKETS: usize = 1024;

/// End of a list.
const NONE: u32 = u32::MAX;

/// The name of a set timer. A stale one cancels nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimerKey {
    index: u32,
    generation: u32,
}

impl TimerKey {
    /// A timer that was never set: cancelling it does nothing. Four bytes less than an `Option`.
    pub const NONE: Self = Self { index: u32::MAX, generation: 0 };
}

#[derive(Debug)]
struct Entry<T> {
    deadline: u64,
    next: u32,
    previous: u32,
    generation: u32,
    payload: Option<T>,
}

/// See the module's documentation.
#[derive(Debug)]
pub struct Wheel<T> {
    origin: Instant,
    /// The tick up to which timers have fired.
    tick: u64,
    heads: Box<[u32; BUCKETS]>,
    entries: Vec<Entry<T>>,
    free: u32,
    set: usize,
}

impl<T: Copy> Wheel<T> {
    /// An empty wheel whose tick 0 is `origin`.
    pub fn new(origin: Instant) -> Self {
        Self { origin, tick: 0, heads: Box::new([NONE; BUCKETS]), entries: Vec::new(), free: NONE, set: 0 }
    }

    /// How many timers are set.
    pub fn len(&self) -> usize {
        self.set
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.set == 0
    }

    /// Bytes of memory it takes, by capacity.
    pub fn memory_bytes(&self) -> usize {
        size_of_val(&*self.heads) + self.entries.capacity() * size_of::<Entry<T>>()
    }

    /// Sets a timer that yields `payload` once `at` has passed.
    pub fn set(&mut self, at: Instant, payload: T) -> TimerKey {
        // Rounded up twice, to a whole millisecond and to a whole tick: never early.
        let since_ms = at.saturating_duration_since(self.origin).as_millis() as u64 + 1;
        let deadline = since_ms.div_ceil(TICK_MS).max(self.tick + 1);
        let index = self.free;
        let (index, generation) = if index == NONE {
            let index = self.entries.len() as u32;
            self.entries.push(Entry {
                deadline,
                next: NONE,
                previous: NONE,
                generation: 0,
                payload: Some(payload),
            });
            (index, 0)
        } else {
            let entry = &mut self.entries[index as usize];
            self.free = entry.next;
            (entry.deadline, entry.payload) = (deadline, Some(payload));
            (index, entry.generation)
        };
        self.link(index, deadline);
        self.set += 1;
        TimerKey { index, generation }
    }

    /// Takes a timer back; `false` when it has fired or was cancelled before.
    pub fn cancel(&mut self, key: TimerKey) -> bool {
        match self.entries.get(key.index as usize) {
            Some(entry) if entry.generation == key.generation && entry.payload.is_some() => {
                self.release(key.index);
                true
            }
            _ => false,
        }
    }

    /// Appends the payloads of all timers due by `now` to `fired`.
    pub fn advance(&mut self, now: Instant, fired: &mut Vec<T>) {
        let target = now.saturating_duration_since(self.origin).as_millis() as u64 / TICK_MS;
        if self.set == 0 {
            self.tick = self.tick.max(target);
            return;
        }
        // After a long sleep one look at every bucket is enough, whatever the number of ticks.
        let first = (self.tick + 1).max((target + 1).saturating_sub(BUCKETS as u64));
        for tick in first..=target {
            let mut index = self.heads[tick as usize % BUCKETS];
            while index != NONE {
                let entry = &self.entries[index as usize];
                let next = entry.next;
                if entry.deadline <= target {
                    fired.extend(entry.payload);
                    self.release(index);
                }
                index = next;
            }
        }
        self.tick = self.tick.max(target);
    }

    /// How long the loop may sleep: until the next bucket that holds a timer, which may turn out to be one of a
    /// later round; `None` when no timer is set.
    pub fn sleep(&self, now: Instant) -> Option<Duration> {
        if self.set == 0 {
            return None;
        }
        let distance =
            (1..=BUCKETS as u64).find(|ahead| self.heads[(self.tick + ahead) as usize % BUCKETS] != NONE)?;
        let due = self.origin + TICK * u32::try_from(self.tick + distance).unwrap_or(u32::MAX);
        Some(due.saturating_duration_since(now))
    }

    fn link(&mut self, index: u32, deadline: u64) {
        let head = &mut self.heads[deadline as usize % BUCKETS];
        let next = std::mem::replace(head, index);
        if next != NONE {
            self.entries[next as usize].previous = index;
        }
        let entry = &mut self.entries[index as usize];
        (entry.next, entry.previous) = (next, NONE);
    }

    /// Unlinks an entry from its bucket and puts it on the free list.
    fn release(&mut self, index: u32) {
        let Entry { deadline, next, previous, .. } = self.entries[index as usize];
        if previous == NONE {
            self.heads[deadline as usize % BUCKETS] = next;
        } else {
            self.entries[previous as usize].next = next;
        }
        if next != NONE {
            self.entries[next as usize].previous = previous;
        }
        let entry = &mut self.entries[index as usize];
        entry.generation = entry.generation.wrapping_add(1);
        entry.payload = None;
        entry.next = self.free;
        self.free = index;
        self.set -= 1;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_cancelled_timer_is_silent_and_its_key_stale() {
        let start = Instant::now();
        let mut wheel = Wheel::new(start);
        let key = wheel.set(start + TICK, 1);
        assert!(wheel.cancel(key));
        assert!(!wheel.cancel(key));
        let other = wheel.set(start + TICK, 2);
        assert!(!wheel.cancel(key), "the entry is used again, under another generation");
        let mut fired = Vec::new();
        wheel.advance(start + TICK * 3, &mut fired);
        assert_eq!(fired, [2]);
        assert!(!wheel.cancel(other));
        assert!(wheel.is_empty() && wheel.sleep(start).is_none());
    }

    proptest! {
        /// Against a plain list: each timer fires exactly once, never early, at most a tick late.
        #[test]
        fn fires_as_a_sorted_list_would(
            delays in prop::collection::vec(0u64..20_000, 1..300),
            steps in prop::collection::vec(1u64..9_000, 1..60),
        ) {
            let start = Instant::now();
            let mut wheel = Wheel::new(start);
            let mut waiting: Vec<(Instant, usize)> = Vec::new();
            for (number, delay) in delays.iter().enumerate() {
                let at = start + Duration::from_millis(*delay);
                wheel.set(at, number);
                waiting.push((at, number));
            }
            let mut now = start;
            for step in steps {
                now += Duration::from_millis(step);
                let mut fired = Vec::new();
                wheel.advance(now, &mut fired);
                for number in fired {
                    let position = waiting.iter().position(|(_, n)| *n == number);
                    prop_assert!(position.is_some(), "timer {} fired twice", number);
                    let (at, _) = waiting.swap_remove(position.unwrap());
                    prop_assert!(at <= now, "timer {} fired early", number);
                }
                for (at, number) in &waiting {
                    prop_assert!(*at + TICK * 2 > now, "timer {} is late", number);
                    prop_assert!(wheel.sleep(now).is_some_and(|s| now + s <= *at + TICK * 2));
                }
            }
            prop_assert_eq!(wheel.len(), waiting.len());
        }
    }
}

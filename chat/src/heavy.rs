//! The connections that most bytes go to, without a counter for each: Space-Saving.
//!
//! A bounded number of counters. Bytes for a connection that has one are added to it; bytes for another take over the
//! smallest counter, and what it had counted becomes the newcomer's possible error. Then (Metwally, Agrawal and El
//! Abbadi, *Efficient computation of frequent and top-k elements in data streams*, 2005):
//! - a count is never too small, and too large by at most its error;
//! - an error is at most the sum of all bytes over the number of counters;
//! - whoever got more than that has a counter.
//!
//! Here connections are closed, which the paper does not know. Their counters become free, and who takes a free one might
//! have lost one before, so its error is the most that anybody has lost ([`floor`](Heavy::floor)).

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use shard::Key;

use crate::profile::{Bytes, Profile};

/// Counters of a shard: errors are at most a 256th of the shard's bytes.
pub(crate) const COUNTERS_MAX: usize = 256;

#[derive(Debug)]
struct Counter {
    key: Key,
    count: u64,
    error: u64,
    /// Where it stands in the heap.
    place: u32,
    /// Drawn up when bytes come a second time, or the shard takes stock: most that come by are gone before.
    profile: Option<Box<Profile>>,
}

/// See the module's documentation.
#[derive(Debug, Default)]
pub(crate) struct Heavy {
    counters: Vec<Counter>,
    /// Numbers of counters, the smallest first.
    heap: Vec<u32>,
    by_index: HashMap<u32, u32, BuildHasherDefault<Spread>>,
    floor: u64,
}

impl Heavy {
    /// Adds bytes written to a connection that has had `messages` in all.
    pub(crate) fn add(
        &mut self,
        key: Key,
        bytes: u64,
        messages: u32,
        profile: impl FnOnce() -> Option<Profile>,
    ) {
        if let Some(&number) = self.by_index.get(&key.index) {
            let counter = &mut self.counters[number as usize];
            counter.count += bytes;
            match &mut counter.profile {
                Some(profile) => profile.messages = messages,
                none => *none = profile().map(Box::new),
            }
            let place = counter.place as usize;
            return self.sink(place);
        }
        let number = if self.counters.len() < COUNTERS_MAX {
            let number = self.counters.len() as u32;
            let place = self.heap.len() as u32;
            self.counters.push(Counter { key, count: self.floor, error: self.floor, place, profile: None });
            self.heap.push(number);
            number
        } else {
            let number = self.heap[0];
            let counter = &mut self.counters[number as usize];
            self.by_index.remove(&counter.key.index);
            self.floor = counter.count;
            (counter.key, counter.error, counter.profile) = (key, counter.count, None);
            number
        };
        self.by_index.insert(key.index, number);
        let counter = &mut self.counters[number as usize];
        counter.count += bytes;
        let place = counter.place as usize;
        self.rise(place);
        self.sink(self.counters[number as usize].place as usize);
    }

    /// The connection is closed.
    pub(crate) fn remove(&mut self, index: u32) {
        let Some(number) = self.by_index.remove(&index) else { return };
        let place = self.counters[number as usize].place as usize;
        // The last of the heap takes its place in the heap, and the last counter its number.
        let last = self.heap.len() - 1;
        self.swap(place, last);
        self.heap.pop();
        if place < self.heap.len() {
            self.rise(place);
            let moved = self.heap[place];
            self.sink(self.counters[moved as usize].place as usize);
        }
        self.counters.swap_remove(number as usize);
        if let Some(moved) = self.counters.get(number as usize) {
            self.heap[moved.place as usize] = number;
            self.by_index.insert(moved.key.index, number);
        }
    }

    /// What is counted for a connection.
    pub(crate) fn bytes(&self, index: u32) -> Option<Bytes> {
        let Counter { count, error, .. } = self.counters[*self.by_index.get(&index)? as usize];
        Some(Bytes { count, error })
    }

    pub(crate) fn get(&self, index: u32) -> Option<&Profile> {
        self.counters[*self.by_index.get(&index)? as usize].profile.as_deref()
    }

    /// Counts and slab indices of those that there is something to tell of, in no order.
    pub(crate) fn candidates(&self) -> impl Iterator<Item = (u64, u32)> {
        let known = self.counters.iter().filter(|counter| counter.profile.is_some());
        known.map(|counter| (counter.count, counter.key.index))
    }

    /// Brings what is told of each up to date, or draws it up.
    pub(crate) fn refresh(&mut self, mut refresh: impl FnMut(Key, &mut Option<Box<Profile>>)) {
        self.counters.iter_mut().for_each(|counter| refresh(counter.key, &mut counter.profile));
    }

    pub(crate) fn memory_bytes(&self) -> usize {
        let profiles = self.counters.iter().filter(|counter| counter.profile.is_some()).count();
        self.counters.capacity() * size_of::<Counter>()
            + self.heap.capacity() * size_of::<u32>()
            + self.by_index.capacity() * 2 * size_of::<u64>()
            + profiles * size_of::<Profile>()
    }

    fn count_at(&self, place: usize) -> u64 {
        self.counters[self.heap[place] as usize].count
    }

    fn swap(&mut self, a: usize, b: usize) {
        self.heap.swap(a, b);
        self.counters[self.heap[a] as usize].place = a as u32;
        self.counters[self.heap[b] as usize].place = b as u32;
    }

    fn rise(&mut self, mut place: usize) {
        while place > 0 && self.count_at(place) < self.count_at((place - 1) / 2) {
            self.swap(place, (place - 1) / 2);
            place = (place - 1) / 2;
        }
    }

    fn sink(&mut self, mut place: usize) {
        loop {
            let mut least = place;
            for child in [2 * place + 1, 2 * place + 2] {
                if child < self.heap.len() && self.count_at(child) < self.count_at(least) {
                    least = child;
                }
            }
            if least == place {
                return;
            }
            self.swap(place, least);
            place = least;
        }
    }
}

/// Fibonacci hashing of slab indices, which the server chooses and nobody else.
#[derive(Debug, Default)]
struct Spread(u64);

impl Hasher for Spread {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|&byte| self.write_u32(u32::from(byte)));
    }

    fn write_u32(&mut self, number: u32) {
        self.0 = (self.0 ^ u64::from(number)).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(32);
    }
}

//! Who is where: from an id to the places that hold connections logged in under it.
//!
//! The one structure that all shards share. An entry is eight bytes: the id, the shard, and what that shard has
//! for the id: either the slab index of its only connection, or the number of a group of them. There is at most
//! one entry for each pair of id and shard, and only that shard writes it; any thread may look it up.
//!
//! ```text
//!   63            32 31        21  20   19             0
//!   [      id       |   shard    | G |      local       ]     G = 1: local is a group's number
//! ```
//! Entries lie in open-addressed tables with linear probing, split into [`STRIPES`] by hash so that a lookup locks
//! one of 256. A table grows by a quarter when it is four fifths full, and shrinks when it is under a third, so an
//! entry takes between 10 and 12.5 bytes while connections are being added.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Independent tables, each with a lock.
const STRIPES: usize = 256;

/// The smallest table, so that a few logins do not grow it again and again.
const CAPACITY_MIN: usize = 16;

/// No entry. Its shard would be 2047, which no pool has.
const EMPTY: u64 = u64::MAX;

/// What a shard has for an id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Local {
    /// One connection, at this index of the shard's slab.
    One(u32),
    /// Several, in the shard's group of this number.
    Group(u32),
}

impl Local {
    const GROUP: u32 = 1 << shard::slab::INDEX_BITS;

    fn pack(self) -> u32 {
        match self {
            Self::One(index) => index,
            Self::Group(number) => number | Self::GROUP,
        }
    }

    fn unpack(bits: u32) -> Self {
        let number = bits & (Self::GROUP - 1);
        if bits & Self::GROUP == 0 { Self::One(number) } else { Self::Group(number) }
    }
}

/// A shard, and what it has for the id asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    /// The shard's number.
    pub shard: u16,
    /// What to look for there.
    pub local: Local,
}

fn pack(id: u32, place: Place) -> u64 {
    u64::from(id) << 32 | u64::from(place.shard) << 21 | u64::from(place.local.pack())
}

fn id_of(entry: u64) -> u32 {
    (entry >> 32) as u32
}

fn place_of(entry: u64) -> Place {
    Place { shard: (entry >> 21 & 0x7FF) as u16, local: Local::unpack(entry as u32 & 0x1F_FFFF) }
}

/// Fibonacci hashing: consecutive ids, the usual case, spread evenly.
fn hash(id: u32) -> u64 {
    u64::from(id).wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15)
}

#[derive(Debug, Default)]
struct Table {
    entries: Vec<u64>,
    occupied: usize,
}

impl Table {
    /// Where a probe for `id` begins: the hash scaled to the capacity, which need not be a power of two.
    fn home(&self, id: u32) -> usize {
        let fraction = hash(id) << 8 >> 32;
        ((fraction * self.entries.len() as u64) >> 32) as usize
    }

    fn next(&self, position: usize) -> usize {
        if position + 1 == self.entries.len() { 0 } else { position + 1 }
    }

    /// Positions of the entries of `id`.
    fn positions(&self, id: u32) -> impl Iterator<Item = usize> {
        let mut position = if self.entries.is_empty() { None } else { Some(self.home(id)) };
        std::iter::from_fn(move || {
            loop {
                let here = position?;
                let entry = self.entries[here];
                if entry == EMPTY {
                    position = None;
                    return None;
                }
                position = Some(self.next(here));
                if id_of(entry) == id {
                    return Some(here);
                }
            }
        })
    }

    fn position(&self, id: u32, shard: u16) -> Option<usize> {
        self.positions(id).find(|&position| place_of(self.entries[position]).shard == shard)
    }

    fn insert(&mut self, entry: u64) {
        // Never full, so that every probe ends.
        if (self.occupied + 1) * 5 > self.entries.len() * 4 {
            self.resize((self.entries.len() * 5 / 4).max(CAPACITY_MIN));
        }
        let mut position = self.home(id_of(entry));
        while self.entries[position] != EMPTY {
            position = self.next(position);
        }
        self.entries[position] = entry;
        self.occupied += 1;
    }

    fn remove(&mut self, mut hole: usize) {
        self.occupied -= 1;
        // Moves back what would no longer be found across the hole.
        let mut position = hole;
        loop {
            position = self.next(position);
            let entry = self.entries[position];
            if entry == EMPTY {
                break;
            }
            let home = self.home(id_of(entry));
            let reachable = if hole <= position {
                hole < home && home <= position
            } else {
                hole < home || home <= position
            };
            if !reachable {
                self.entries[hole] = entry;
                hole = position;
            }
        }
        self.entries[hole] = EMPTY;
        if self.entries.len() > CAPACITY_MIN && self.occupied * 3 < self.entries.len() {
            self.resize((self.entries.len() / 2).max(CAPACITY_MIN));
        }
    }

    fn resize(&mut self, capacity: usize) {
        let old = std::mem::replace(&mut self.entries, vec![EMPTY; capacity]);
        self.occupied = 0;
        old.into_iter().filter(|&entry| entry != EMPTY).for_each(|entry| self.insert(entry));
    }
}

/// See the module's documentation.
#[derive(Debug)]
pub(crate) struct Directory {
    stripes: Vec<Mutex<Table>>,
}

impl Default for Directory {
    fn default() -> Self {
        Self { stripes: (0..STRIPES).map(|_| Mutex::default()).collect() }
    }
}

impl Directory {
    fn table(&self, id: u32) -> MutexGuard<'_, Table> {
        let stripe = (hash(id) >> 56) as usize;
        // A table is whole between its operations, and none of them panics half-way.
        self.stripes[stripe].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Calls `found` for each place where `id` is logged in.
    pub(crate) fn places(&self, id: u32, mut found: impl FnMut(Place)) {
        let table = self.table(id);
        table.positions(id).for_each(|position| found(place_of(table.entries[position])));
    }

    /// What `shard` has for `id`.
    pub(crate) fn local(&self, id: u32, shard: u16) -> Option<Local> {
        let table = self.table(id);
        table.position(id, shard).map(|position| place_of(table.entries[position]).local)
    }

    /// Says what `shard` has for `id` from now on; `None` takes the entry out. Only that shard may.
    pub(crate) fn set(&self, id: u32, shard: u16, local: Option<Local>) {
        let mut table = self.table(id);
        match (table.position(id, shard), local) {
            (Some(position), Some(local)) => table.entries[position] = pack(id, Place { shard, local }),
            (None, Some(local)) => table.insert(pack(id, Place { shard, local })),
            (Some(position), None) => table.remove(position),
            (None, None) => {}
        }
    }

    /// Pairs of id and shard. Takes all locks in turn.
    pub(crate) fn len(&self) -> usize {
        self.stripes.iter().map(|s| s.lock().unwrap_or_else(PoisonError::into_inner).occupied).sum()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Few ids and shards, so that probes run into each other.
        #[test]
        fn behaves_as_a_map(
            steps in prop::collection::vec((0u32..400, 0u16..4, prop::option::of((any::<bool>(), 0u32..1 << 20))), 1..3000),
        ) {
            let directory = Directory::default();
            let mut model = HashMap::new();
            for (id, shard, local) in steps {
                // Ids far apart, as a hostile client would choose them.
                let id = id * 256;
                let local = local.map(|(group, number)| if group { Local::Group(number) } else { Local::One(number) });
                directory.set(id, shard, local);
                match local {
                    Some(local) => { model.insert((id, shard), local); }
                    None => { model.remove(&(id, shard)); }
                }
            }
            prop_assert_eq!(directory.len(), model.len());
            for id in (0..400).map(|id| id * 256) {
                let mut found = Vec::new();
                directory.places(id, |place| found.push((place.shard, place.local)));
                found.sort_by_key(|(shard, _)| *shard);
                let expected: Vec<_> = (0..4).filter_map(|s| model.get(&(id, s)).map(|l| (s, *l))).collect();
                prop_assert_eq!(found, expected);
            }
        }
    }

    #[test]
    fn an_entry_takes_no_more_than_promised() {
        let directory = Directory::default();
        (0..200_000).for_each(|id| directory.set(id, 0, Some(Local::One(id))));
        let bytes: usize = directory.stripes.iter().map(|s| s.lock().unwrap().entries.capacity() * 8).sum();
        assert!(bytes <= 200_000 * 13, "{bytes} bytes for 200,000 entries");
        (0..200_000).for_each(|id| directory.set(id, 0, None));
        assert_eq!(directory.len(), 0);
        let left: usize = directory.stripes.iter().map(|s| s.lock().unwrap().entries.len()).sum();
        assert_eq!(left, STRIPES * CAPACITY_MIN, "tables shrink when people leave");
    }
}

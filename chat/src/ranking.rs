//! The connections of one shard with the largest value: messages, age, bytes that wait.
//!
//! A ranking holds a bounded number of candidates and a floor, and keeps to one promise: whoever is not a candidate has at
//! most the floor. So the largest are among the candidates, exactly, as long as enough of them are above it. A value that
//! grows is offered; one that does not pass the floor, which is nearly all of them, costs a comparison.
//!
//! Candidates that leave make room, and those next in line have been forgotten. There are more candidates than anybody is
//! told of ([`CANDIDATES_MAX`] against [`TOLD_MAX`]), and when the rest is too small the owner offers every connection
//! again, a piece at a time, from [`start_over`](Ranking::start_over) on.

use shard::Key;

use crate::profile::Profile;

/// The most connections that anybody is told of.
pub(crate) const TOLD_MAX: usize = 64;

/// Candidates of a shard; one more, and the smallest is forgotten. About 100 bytes each, and only once they are there.
pub(crate) const CANDIDATES_MAX: usize = TOLD_MAX + 16;

/// Room that is made for candidates at a time.
const GROWTH: usize = 16;

/// See the module's documentation.
#[derive(Debug, Default)]
pub(crate) struct Ranking {
    /// Slab indices, apart from the rest, so that looking for one reads little memory.
    indices: Vec<u32>,
    values: Vec<u32>,
    profiles: Vec<Profile>,
    floor: u32,
}

impl Ranking {
    /// What a value has to pass to be worth offering.
    pub(crate) fn floor(&self) -> u32 {
        self.floor
    }

    fn position(&self, index: u32) -> Option<usize> {
        self.indices.iter().position(|&known| known == index)
    }

    /// Says a connection's value. `profile` draws up who it is when it becomes a candidate.
    pub(crate) fn offer(&mut self, key: Key, value: u32, profile: impl FnOnce() -> Option<Profile>) {
        if let Some(at) = self.position(key.index) {
            self.values[at] = value;
            return;
        }
        if value <= self.floor {
            return;
        }
        let least = (self.indices.len() == CANDIDATES_MAX).then(|| self.least());
        if let Some((_, least)) = least {
            self.floor = self.floor.max(least);
            if value <= least {
                return;
            }
        }
        let Some(profile) = profile() else { return };
        if let Some((at, _)) = least {
            self.remove_at(at);
        }
        if self.indices.len() == self.indices.capacity() {
            // In small steps: doubling would take room for candidates that there may never be.
            self.indices.reserve_exact(GROWTH);
            self.values.reserve_exact(GROWTH);
            self.profiles.reserve_exact(GROWTH);
        }
        self.indices.push(key.index);
        self.values.push(value);
        self.profiles.push(profile);
    }

    /// The smallest candidate's place and value.
    fn least(&self) -> (usize, u32) {
        let least = self.values.iter().copied().min().unwrap_or(0);
        (self.values.iter().position(|&value| value == least).unwrap_or(0), least)
    }

    /// The connection that is a candidate, to bring up to date what is told of it.
    pub(crate) fn get_mut(&mut self, index: u32) -> Option<&mut Profile> {
        let at = self.position(index)?;
        Some(&mut self.profiles[at])
    }

    pub(crate) fn get(&self, index: u32) -> Option<&Profile> {
        Some(&self.profiles[self.position(index)?])
    }

    /// It is closed, or has nothing to be ranked by any more.
    pub(crate) fn remove(&mut self, index: u32) {
        if let Some(at) = self.position(index) {
            self.remove_at(at);
        }
    }

    fn remove_at(&mut self, at: usize) {
        self.indices.swap_remove(at);
        self.values.swap_remove(at);
        self.profiles.swap_remove(at);
    }

    /// Brings every candidate up to date; `refresh` returns its value now, 0 takes it out.
    pub(crate) fn refresh(&mut self, mut refresh: impl FnMut(&mut Profile) -> u32) {
        for at in (0..self.indices.len()).rev() {
            self.values[at] = refresh(&mut self.profiles[at]);
            if self.values[at] == 0 {
                self.remove_at(at);
            }
        }
    }

    /// Whether connections that are not candidates may belong among those told of.
    pub(crate) fn has_lost_sight(&self) -> bool {
        self.floor > 0 && self.values.iter().filter(|&&value| value >= self.floor).count() < TOLD_MAX
    }

    /// Forgets the floor: the promise holds again when every connection has been offered.
    pub(crate) fn start_over(&mut self) {
        self.floor = 0;
    }

    /// Values and slab indices of the candidates, in no order.
    pub(crate) fn candidates(&self) -> impl Iterator<Item = (u32, u32)> {
        self.values.iter().copied().zip(self.indices.iter().copied())
    }

    pub(crate) fn memory_bytes(&self) -> usize {
        self.indices.capacity() * 2 * size_of::<u32>() + self.profiles.capacity() * size_of::<Profile>()
    }
}

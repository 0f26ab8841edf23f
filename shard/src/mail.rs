//! Mail between shards: batches of plain data, a bounded mailbox each, one wake-up per batch.
//!
//! During a turn a shard writes letters into one outgoing batch per destination; at the turn's end each batch is
//! appended to the destination's mailbox under its lock, and the destination is woken if its mailbox was empty.
//! The receiver swaps the whole mailbox for an empty batch. Both sides keep their capacity, so that steady traffic
//! allocates nothing.
//!
//! A letter is `Copy` data plus bytes: no descriptor, box or handle can travel in it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use mio::{Poll, Waker};
use thiserror::Error;

use crate::descriptors::{assert_may_wake, may_wake};

/// The most letters a mailbox holds. A batch that does not fit stays with its sender, which is told (
/// [`Shard::mail_waiting`](crate::Shard::mail_waiting)) so that it stops reading what fills it, and tries again.
pub const MAILBOX_LETTERS_MAX: usize = 65_536;

/// The most bytes a mailbox holds, with the same consequence.
pub const MAILBOX_BYTES_MAX: usize = 16 << 20;

/// Capacity that a drained batch may keep after a burst. A pool has shards² batches, so this is little.
const KEPT_BYTES_MAX: usize = 8 << 10;

#[derive(Debug, Clone, Copy)]
struct Envelope<L> {
    letter: L,
    start: u32,
    length: u32,
}

/// A batch of letters in the order they were written.
#[derive(Debug)]
pub struct Letters<L> {
    envelopes: Vec<Envelope<L>>,
    bytes: Vec<u8>,
}

impl<L> Default for Letters<L> {
    fn default() -> Self {
        Self { envelopes: Vec::new(), bytes: Vec::new() }
    }
}

impl<L: Copy> Letters<L> {
    /// Adds a letter with `body` enclosed.
    pub fn push(&mut self, letter: L, body: &[u8]) {
        let envelope = Envelope { letter, start: self.bytes.len() as u32, length: body.len() as u32 };
        self.envelopes.push(envelope);
        self.bytes.extend_from_slice(body);
    }

    /// How many letters there are.
    pub fn len(&self) -> usize {
        self.envelopes.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.envelopes.is_empty()
    }

    /// The letters with what they enclose, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = (L, &[u8])> {
        self.envelopes.iter().map(|e| (e.letter, &self.bytes[e.start as usize..][..e.length as usize]))
    }

    /// The letter at `index`, with what it encloses.
    ///
    /// # Panics
    /// When there are no more than `index`.
    pub fn get(&self, index: usize) -> (L, &[u8]) {
        let e = &self.envelopes[index];
        (e.letter, &self.bytes[e.start as usize..][..e.length as usize])
    }

    /// Bytes of memory it takes, by capacity.
    pub fn memory_bytes(&self) -> usize {
        self.envelopes.capacity() * size_of::<Envelope<L>>() + self.bytes.capacity()
    }

    /// Forgets all letters and keeps the room they took, within reason.
    pub fn clear(&mut self) {
        // A batch that used its room will need it again; one that came after a burst gives it back.
        let (letters, bytes) = (self.envelopes.len(), self.bytes.len());
        self.envelopes.clear();
        self.bytes.clear();
        if letters < self.envelopes.capacity() / 8 {
            self.envelopes.shrink_to(KEPT_BYTES_MAX / size_of::<Envelope<L>>());
        }
        if bytes < self.bytes.capacity() / 8 {
            self.bytes.shrink_to(KEPT_BYTES_MAX);
        }
    }

    /// Forgets the first `count` letters. It moves the others, so let as many come together first as there are others.
    pub fn forget(&mut self, count: usize) {
        if count >= self.len() {
            return self.clear();
        }
        let bytes = self.envelopes[count].start;
        self.envelopes.drain(..count);
        self.bytes.drain(..bytes as usize);
        self.envelopes.iter_mut().for_each(|envelope| envelope.start -= bytes);
    }

    /// Moves the letters of `other` behind these.
    pub fn append(&mut self, other: &mut Self) {
        if self.is_empty() {
            std::mem::swap(self, other);
            return;
        }
        let base = self.bytes.len() as u32;
        self.bytes.extend_from_slice(&other.bytes);
        self.envelopes.extend(other.envelopes.iter().map(|e| Envelope { start: base + e.start, ..*e }));
        other.clear();
    }

    fn fits_behind(&self, other: &Self) -> bool {
        other.is_empty()
            || (other.envelopes.len() + self.envelopes.len() <= MAILBOX_LETTERS_MAX
                && other.bytes.len() + self.bytes.len() <= MAILBOX_BYTES_MAX)
    }
}

/// The mailbox had no room; nothing was taken.
#[derive(Debug, Error, Clone, Copy, PartialEq, Eq)]
#[error("the shard's mailbox is full")]
pub struct MailboxFull;

#[derive(Debug)]
struct Mailbox<L> {
    letters: Mutex<Letters<L>>,
    length: AtomicUsize,
    waker: Waker,
    /// Locked by its shard for as long as it lives. Here, and not in the shard, because it is open in the main table
    /// too: whoever drops it closes it in one table only, and that must be the main one.
    poll: Mutex<Poll>,
}

/// The mailboxes of all shards of a pool: the one thing that threads share.
#[derive(Debug)]
pub struct Mailboxes<L> {
    pool: u64,
    boxes: Vec<Mailbox<L>>,
}

impl<L: Copy + Send> Mailboxes<L> {
    /// Built before the tables split, from event loops and wakers that stay open until the last thread is done with
    /// them.
    pub(crate) fn new(pool: u64, loops: Vec<(Poll, Waker)>) -> Self {
        let boxes = loops
            .into_iter()
            .map(|(poll, waker)| Mailbox {
                letters: Mutex::default(),
                length: AtomicUsize::new(0),
                waker,
                poll: Mutex::new(poll),
            })
            .collect();
        Self { pool, boxes }
    }

    /// The event loop that a shard's waker wakes; for that shard alone.
    pub(crate) fn poll(&self, shard: usize) -> MutexGuard<'_, Poll> {
        self.boxes[shard].poll.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many shards there are.
    pub fn shards(&self) -> usize {
        self.boxes.len()
    }

    /// Letters waiting for `shard`.
    pub fn waiting(&self, shard: usize) -> usize {
        self.boxes[shard].length.load(Ordering::Relaxed)
    }

    /// Bytes of memory that a shard's mailbox takes, by capacity.
    pub(crate) fn memory_bytes(&self, shard: usize) -> usize {
        self.boxes[shard].letters.lock().unwrap_or_else(PoisonError::into_inner).memory_bytes()
    }

    /// Posts one letter, from a thread of this pool or one that keeps the main table.
    ///
    /// # Errors
    /// [`MailboxFull`]; the caller decides whether to drop and count, or to try later.
    pub fn post(&self, shard: usize, letter: L, body: &[u8]) -> Result<(), MailboxFull> {
        let mut one = Letters::default();
        one.push(letter, body);
        self.deliver(shard, &mut one)
    }

    /// Moves a whole batch into a shard's mailbox; `batch` is empty afterwards, or untouched when it is refused.
    pub(crate) fn deliver(&self, shard: usize, batch: &mut Letters<L>) -> Result<(), MailboxFull> {
        // Before anything is in the mailbox: letters that nobody was woken for would keep others from waking.
        assert_may_wake(self.pool);
        let mailbox = &self.boxes[shard];
        // A panic while the lock is held can leave nothing worse than letters that are there or not.
        let mut letters = mailbox.letters.lock().unwrap_or_else(PoisonError::into_inner);
        if !batch.fits_behind(&letters) {
            return Err(MailboxFull);
        }
        let was_empty = letters.is_empty();
        letters.append(batch);
        mailbox.length.store(letters.len(), Ordering::Relaxed);
        drop(letters);
        if was_empty {
            self.wake(shard);
        }
        Ok(())
    }

    /// Swaps what waits for `shard` into `empty`.
    pub(crate) fn collect(&self, shard: usize, empty: &mut Letters<L>) {
        let mailbox = &self.boxes[shard];
        if mailbox.length.load(Ordering::Relaxed) == 0 {
            // A letter posted since then comes with a wake-up of its own.
            return;
        }
        let mut letters = mailbox.letters.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::swap(&mut *letters, empty);
        mailbox.length.store(0, Ordering::Relaxed);
    }

    /// Makes the shard take a turn.
    pub(crate) fn wake(&self, shard: usize) {
        assert_may_wake(self.pool);
        // The only error an eventfd write has is "would block", which mio turns into a successful wake-up.
        if let Err(error) = self.boxes[shard].waker.wake() {
            tracing::error!(shard, %error, "could not wake a shard");
        }
    }
}

impl<L> Drop for Mailboxes<L> {
    /// In a foreign table the numbers of these descriptors are a stranger's, and closing them would be too. Left open
    /// they cost the main table three numbers a shard.
    fn drop(&mut self) {
        if !may_wake(self.pool) {
            tracing::error!(pool = self.pool, "mailboxes were dropped by another pool's shard");
            std::mem::forget(std::mem::take(&mut self.boxes));
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn all(letters: &Letters<u32>) -> Vec<(u32, Vec<u8>)> {
        letters.iter().map(|(letter, body)| (letter, body.to_vec())).collect()
    }

    proptest! {
        /// What is forgotten goes with its bytes, and the rest stays as it was; or a queue that is never empty would grow
        /// for ever.
        #[test]
        fn forgetting_keeps_the_rest(bodies in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..9), 0..40),
                                     count in 0usize..50) {
            let mut letters = Letters::default();
            for (number, body) in bodies.iter().enumerate() {
                letters.push(number as u32, body);
            }
            let rest = all(&letters).split_off(count.min(bodies.len()));
            letters.forget(count);
            prop_assert_eq!(all(&letters), rest.clone());
            prop_assert_eq!(letters.bytes.len(), rest.iter().map(|(_, body)| body.len()).sum::<usize>());
            letters.push(99, b"later");
            prop_assert_eq!(all(&letters).last().cloned(), Some((99, b"later".to_vec())));
        }
    }
}

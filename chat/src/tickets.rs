//! Questions from the admin address to shards, and what has been answered so far.
//!
//! Shards never wake the admin address (see [`admin`](crate::admin)): an answer is added to what belongs to its ticket,
//! and whoever holds the ticket looks again.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Answers under way, each kind of `A` in a book of its own.
#[derive(Debug, Default)]
pub(crate) struct Tickets<A> {
    open: Mutex<Open<A>>,
}

#[derive(Debug, Default)]
struct Open<A> {
    next: u32,
    answers: HashMap<u32, A>,
}

impl<A: Default> Tickets<A> {
    fn open(&self) -> MutexGuard<'_, Open<A>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A new ticket, open until it is dropped: also when the client leaves and with it the future that holds it.
    pub(crate) fn issue(&self) -> Ticket<'_, A> {
        let mut open = self.open();
        open.next = open.next.wrapping_add(1);
        let number = open.next;
        open.answers.insert(number, A::default());
        Ticket { tickets: self, number }
    }

    /// Adds a shard's answer; one that nobody waits for any more is forgotten.
    pub(crate) fn answer(&self, number: u32, add: impl FnOnce(&mut A)) {
        if let Some(answer) = self.open().answers.get_mut(&number) {
            add(answer);
        }
    }
}

/// An open question.
pub(crate) struct Ticket<'a, A: Default> {
    tickets: &'a Tickets<A>,
    /// What shards answer under.
    pub(crate) number: u32,
}

impl<A: Default> Ticket<'_, A> {
    /// Looks at what has been answered so far.
    pub(crate) fn so_far<R>(&self, look: impl FnOnce(&mut A) -> R) -> R {
        let mut open = self.tickets.open();
        look(open.answers.get_mut(&self.number).expect("a ticket is open until it is dropped"))
    }
}

impl<A: Default> Drop for Ticket<'_, A> {
    fn drop(&mut self) {
        self.tickets.open().answers.remove(&self.number);
    }
}

//! Inboxes and outboxes: memory that only a busy connection has.
//!
//! An idle connection holds a [`Link`] of four bytes and no buffer. When part of a message has arrived, or a write
//! would block, it borrows a [`Buffers`] from the shard's pool and gives it back when both sides are empty.

use std::collections::VecDeque;

/// The most bytes that wait for one slow reader. One more and it is closed, and counted in `too_slow`.
pub const OUTBOX_BYTES_MAX: usize = 64 << 10;

/// Capacity a returned buffer may keep for the next borrower.
const KEPT_BYTES_MAX: usize = 4 << 10;

/// Buffers the pool keeps in stock; beyond it they go back to the allocator.
const STOCK_MAX: usize = 64;

/// Places whose buffers are measured; those beyond are taken to be like them.
const MEASURED_MAX: usize = 512;

/// What a connection that is not idle holds.
#[derive(Debug, Default)]
pub(crate) struct Buffers {
    /// The beginning of something whose end has not arrived.
    pub(crate) inbox: Vec<u8>,
    /// What the socket did not take yet.
    pub(crate) outbox: VecDeque<u8>,
}

impl Buffers {
    fn memory_bytes(&self) -> usize {
        size_of::<Self>() + self.inbox.capacity() + self.outbox.capacity()
    }
}

/// A connection's flags and the number of its buffers, in four bytes.
///
/// ```text
///   bit 31     24 23                       0
///       [ flags  | buffers' number + 1, or 0 ]
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Link(u32);

/// What a connection is going through.
#[derive(Debug, Clone, Copy)]
#[repr(u32)]
pub(crate) enum Flag {
    /// The connection is not established yet.
    Connecting = 1 << 24,
    /// Nothing is read from it until it is resumed.
    Paused = 1 << 25,
    /// It waits for this turn's closing; for everyone else it is gone.
    Closing = 1 << 26,
    /// Our side ends once the outbox is empty; what still arrives is thrown away.
    Finishing = 1 << 27,
    /// Our side has ended (`shutdown`).
    Finished = 1 << 28,
    /// The event loop reports when it may be written.
    WriteInterest = 1 << 29,
    /// The next turn comes back to it, whether or not there is an event; until then it is not read.
    Again = 1 << 30,
}

impl Link {
    const NUMBER: u32 = (1 << 24) - 1;

    pub(crate) fn is(self, flag: Flag) -> bool {
        self.0 & flag as u32 != 0
    }

    pub(crate) fn set(&mut self, flag: Flag, on: bool) {
        if on {
            self.0 |= flag as u32;
        } else {
            self.0 &= !(flag as u32);
        }
    }

    fn number(self) -> Option<usize> {
        (self.0 & Self::NUMBER).checked_sub(1).map(|n| n as usize)
    }

    fn set_number(&mut self, number: Option<usize>) {
        let stored = number.map_or(0, |n| n as u32 + 1);
        assert!(stored <= Self::NUMBER, "a shard has at most 2^20 connections, and each at most one Buffers");
        self.0 = self.0 & !Self::NUMBER | stored;
    }
}

/// The buffers of one shard's busy connections.
#[derive(Debug, Default)]
pub(crate) struct BufferPool {
    lent: Vec<Option<Box<Buffers>>>,
    vacant: Vec<u32>,
    #[expect(
        clippy::vec_box,
        reason = "they move between here and `lent`, where a vacant place must be small"
    )]
    stock: Vec<Box<Buffers>>,
}

impl BufferPool {
    /// Bytes of memory that all buffers take, by capacity.
    pub(crate) fn memory_bytes(&self) -> usize {
        let places = self.lent.capacity() * size_of::<Option<Box<Buffers>>>()
            + self.vacant.capacity() * size_of::<u32>()
            + self.stock.capacity() * size_of::<Box<Buffers>>();
        let stock: usize = self.stock.iter().map(|buffers| buffers.memory_bytes()).sum();
        let (mut measured, mut bytes) = (0, 0);
        for buffers in self.lent.iter().take(MEASURED_MAX).flatten() {
            measured += 1;
            bytes += buffers.memory_bytes();
        }
        let lent = self.lent.len() - self.vacant.len();
        let each = bytes.checked_div(measured).unwrap_or(size_of::<Buffers>());
        places + stock + each * lent
    }

    /// The connection's buffers, if it has any.
    pub(crate) fn get(&mut self, link: Link) -> Option<&mut Buffers> {
        self.lent[link.number()?].as_deref_mut()
    }

    /// The connection's buffers, borrowed now if it had none.
    pub(crate) fn borrow(&mut self, link: &mut Link) -> &mut Buffers {
        let number = link.number().unwrap_or_else(|| {
            let buffers = Some(self.stock.pop().unwrap_or_default());
            let number = match self.vacant.pop() {
                Some(number) => {
                    self.lent[number as usize] = buffers;
                    number as usize
                }
                None => {
                    self.lent.push(buffers);
                    self.lent.len() - 1
                }
            };
            link.set_number(Some(number));
            number
        });
        self.lent[number].as_deref_mut().expect("a link's buffers are lent")
    }

    /// Takes the buffers back if nothing is in them.
    pub(crate) fn tidy(&mut self, link: &mut Link) {
        if self.get(*link).is_some_and(|b| b.inbox.is_empty() && b.outbox.is_empty()) {
            self.give_back(link);
        }
    }

    /// Takes the buffers back with whatever is in them.
    pub(crate) fn give_back(&mut self, link: &mut Link) {
        let Some(number) = link.number() else { return };
        link.set_number(None);
        let mut buffers = self.lent[number].take().expect("a link's buffers are lent");
        self.vacant.push(number as u32);
        if self.stock.len() < STOCK_MAX {
            buffers.inbox.clear();
            buffers.inbox.shrink_to(KEPT_BYTES_MAX);
            buffers.outbox.clear();
            buffers.outbox.shrink_to(KEPT_BYTES_MAX);
            self.stock.push(buffers);
        }
    }
}

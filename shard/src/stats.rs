//! What each shard counts about itself, readable from any thread at any time.

use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

/// A number that one thread writes and any thread reads: a plain load and store, no locked instruction.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Adds `amount`. Only the shard that owns the counter may.
    pub fn add(&self, amount: u64) {
        self.0.store(self.0.load(Ordering::Relaxed).wrapping_add(amount), Ordering::Relaxed);
    }

    /// Takes `amount` off. Only the shard that owns the counter may.
    pub fn subtract(&self, amount: u64) {
        self.0.store(self.0.load(Ordering::Relaxed).wrapping_sub(amount), Ordering::Relaxed);
    }

    /// Replaces the value. Only the shard that owns the counter may.
    pub fn set(&self, value: u64) {
        self.0.store(value, Ordering::Relaxed);
    }

    /// The value now.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// The stages of a turn, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Stage {
    /// In the kernel, for an event, a letter or a timer.
    Waiting,
    /// The service sees the letters that have come.
    Mail,
    /// Connections that may be read or written.
    Reading,
    /// Taking peers in.
    Accepting,
    /// Timers that are due.
    Timers,
    /// The service's end of the turn, and outgoing mail.
    Delivering,
}

impl Stage {
    /// All of them, each at its own number.
    const ALL: [Self; 6] =
        [Self::Waiting, Self::Mail, Self::Reading, Self::Accepting, Self::Timers, Self::Delivering];

    /// One lower-case word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Mail => "mail",
            Self::Reading => "reading",
            Self::Accepting => "accepting",
            Self::Timers => "timers",
            Self::Delivering => "delivering",
        }
    }
}

/// The stage that a shard is at: one store as it enters it.
#[derive(Debug, Default)]
pub struct CurrentStage(AtomicU8);

impl CurrentStage {
    pub(crate) fn enter(&self, stage: Stage) {
        self.0.store(stage as u8, Ordering::Relaxed);
    }

    /// The stage now.
    pub fn get(&self) -> Stage {
        Stage::ALL[usize::from(self.0.load(Ordering::Relaxed))]
    }
}

macro_rules! stats {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// A shard's counters. Alone on its cache lines, so that shards do not slow each other by counting.
        #[derive(Debug, Default)]
        #[repr(align(128))]
        pub struct Stats {
            /// What the shard is doing.
            pub stage: CurrentStage,
            $($(#[$doc])* pub $name: Counter,)*
        }

        /// The counters of one shard, or the sum over several, at one time.
        #[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
        pub struct Snapshot {
            $($(#[$doc])* pub $name: u64,)*
        }

        impl Stats {
            /// Reads all counters. Each is exact; together they may straddle a turn.
            pub fn snapshot(&self) -> Snapshot {
                Snapshot { $($name: self.$name.get(),)* }
            }
        }

        impl std::ops::AddAssign for Snapshot {
            fn add_assign(&mut self, other: Self) {
                $(self.$name += other.$name;)*
            }
        }
    };
}

stats! {
    /// Connections in the slab now, those still connecting included.
    connections,
    /// Connections accepted since the start, refused ones included.
    accepted,
    /// Connections turned away because the shard had no descriptor to spare.
    refused,
    /// Connections closed since the start, by either side.
    closed,
    /// Connections closed because their outbox was full.
    too_slow,
    /// Reads that returned bytes.
    reads,
    /// Bytes read.
    bytes_in,
    /// Writes that took bytes.
    writes,
    /// Bytes written to sockets.
    bytes_out,
    /// Turns of the event loop.
    turns,
    /// Events that the kernel reported.
    events,
    /// Nanoseconds spent outside the kernel's wait.
    busy_ns,
    /// Letters received.
    mail_in,
    /// Letters received and not dealt with yet, where the service keeps such.
    backlog,
    /// Letters that the service has dealt with, those included that never left their shard.
    served,
    /// Letters posted to other shards.
    mail_out,
    /// Times a batch of letters did not fit a mailbox and had to wait.
    mail_full,
    /// Letters for other shards that wait because they did not fit a mailbox.
    undelivered,
    /// Connections with bytes that a write would not take.
    outboxes,
    /// Bytes in outboxes.
    outbox_bytes,
    /// Bytes that have left outboxes, to the kernel or with a connection that was closed.
    outboxed_bytes,
    /// Timers set.
    timers,
    /// Bytes of memory that grow and shrink with the work: slab, buffers, wheel, letters, and what the service holds. By
    /// capacity, and at most a second old; the thread's stack and the read buffer are not in it.
    memory_bytes,
    /// The turn in which it last took stock.
    stock_turn,
    /// 1 once the shard closes its connections to end.
    stopping,
}

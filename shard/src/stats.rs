//! What each shard counts about itself, readable from any thread at any time.

use std::sync::atomic::{AtomicU64, Ordering};

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

macro_rules! stats {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// A shard's counters. Alone on its cache lines, so that shards do not slow each other by counting.
        #[derive(Debug, Default)]
        #[repr(align(128))]
        pub struct Stats {
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
    /// Letters posted to other shards.
    mail_out,
    /// Times a batch of letters did not fit a mailbox and had to wait.
    mail_full,
    /// Connections with bytes that a write would not take.
    outboxes,
    /// Bytes in outboxes.
    outbox_bytes,
    /// Timers set.
    timers,
}

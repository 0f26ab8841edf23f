//! The engine under both ends of a flood: threads with private descriptor tables, event loops, timers, mail.
//!
//! One shard is one thread, one event loop ([mio]), one private descriptor table and one [slab](slab::Slab) of
//! connections. A [`Pool`] starts the shards; a [`Service`] says what happens in them; the [`Shard`] handed to
//! every call of a service is how it writes, closes, connects, sets timers and posts mail.
//!
//! ```text
//!   Pool ── start ──► thread 0: Engine { Shard, Service } ◄── mail ──► thread 1: Engine { … } …
//!                      └ one turn: poll → read, accept → mail → timers → service's turn end → flush mail
//! ```
//!
//! # The rule on descriptor numbers
//! After the pool's wakers exist, each thread calls `unshare(CLONE_FILES)`; from then on RLIMIT_NOFILE bounds
//! each shard and not the process. **A descriptor number means something only in the table that opened it.** So:
//! - a service never sees a descriptor: connections are named by [`Key`], which carries a generation;
//! - what opens descriptors asks for a [`PrivateTable`](descriptors::PrivateTable), a `!Send` proof that the
//!   calling thread has split off, and [`Shard`], which owns them, is `!Send` too;
//! - mail is `Copy` data and bytes, so that no owned descriptor can travel;
//! - the only thing one thread touches for another is a waker's eventfd, opened before the split and therefore
//!   the same file under the same number in every table of the pool; a wake-up from a foreign table panics.
//!
//! What this crate leaves out: protocols (`wire`), what a server or a client does (`chat`, `floodtest`), TLS.

mod accept;
mod buffers;
mod busiest;
pub mod descriptors;
mod engine;
mod handle;
mod mail;
mod pool;
mod scheduling;
mod service;
pub mod slab;
mod socket;
mod stats;
pub mod wheel;

pub use buffers::OUTBOX_BYTES_MAX;
pub use busiest::Busiest;
pub use handle::Shard;
pub use mail::{Letters, MAILBOX_BYTES_MAX, MAILBOX_LETTERS_MAX, MailboxFull, Mailboxes};
pub use pool::{Pool, PoolError, PoolOptions, SHARDS_MAX, shards_for, shards_hold};
pub use service::{Connected, ListenerId, Room, Service, Why, Written};
pub use slab::Key;
pub use socket::{BoundListeners, Source, bind_listeners};
pub use stats::{Counter, CurrentStage, Snapshot, Stage, Stats};
pub use wheel::TimerKey;

//! What happens in a shard: the trait that `chat` and `floodtest` implement.

use std::io;

use crate::handle::Shard;
use crate::mail::Letters;
use crate::slab::Key;

/// What runs in each shard. All calls come from the shard's own thread, and none may block.
pub trait Service: Sized + 'static {
    /// What the service keeps for each connection. Its size is the price of an idle connection.
    type Connection: 'static;
    /// What shards tell each other. `Copy`, so that nothing that owns a descriptor can be sent.
    type Letter: Copy + Send + 'static;
    /// What a timer brings back.
    type Timer: Copy + 'static;

    /// Once, when the shard's listeners are open.
    fn started(&mut self, shard: &mut Shard<Self>) {
        let _ = shard;
    }

    /// A peer has been accepted; what comes back is stored with the connection, then [`opened`](Self::opened) is
    /// called. With [`Room::Refuse`] the shard is at its limit: the connection is only to be told so, and ended.
    fn accepted(&mut self, listener: ListenerId, room: Room) -> Self::Connection;

    /// The accepted connection has a key now.
    fn opened(&mut self, shard: &mut Shard<Self>, key: Key) {
        let _ = (shard, key);
    }

    /// A connection begun with [`Shard::connect`] is established.
    fn connected(&mut self, shard: &mut Shard<Self>, key: Key) {
        let _ = (shard, key);
    }

    /// Bytes have arrived; they begin with those that earlier calls did not use. Returns how many are used; the
    /// rest, which must be the beginning of something bounded, is kept and offered again with more behind it.
    fn received(&mut self, shard: &mut Shard<Self>, key: Key, bytes: &[u8]) -> usize;

    /// The connection is closed and its key stale. Called exactly once for each connection.
    fn closed(&mut self, shard: &mut Shard<Self>, key: Key, connection: Self::Connection, why: Why);

    /// Mail has come. Called at most once a turn, before anything else in it, with everything that waited. The
    /// service may swap the batch for an empty one of its own to keep the letters until the turn's end.
    fn mail(&mut self, shard: &mut Shard<Self>, letters: &mut Letters<Self::Letter>) {
        let _ = (shard, letters);
    }

    /// A timer is due.
    fn timer(&mut self, shard: &mut Shard<Self>, timer: Self::Timer) {
        let _ = (shard, timer);
    }

    /// The last call of each turn: the place to write once per connection what the turn has brought.
    fn turn_ended(&mut self, shard: &mut Shard<Self>) {
        let _ = shard;
    }

    /// About once a second while the shard works, and once more when it has fallen asleep and
    /// [`Pool::look_after`](crate::Pool::look_after) is called: the place to bring up to date what is too dear to keep
    /// exact. Returns the bytes of memory that the service holds besides connections.
    fn take_stock(&mut self, shard: &mut Shard<Self>) -> usize {
        let _ = shard;
        0
    }
}

/// Which of the pool's listening addresses a connection came in by: its place in `PoolOptions::listen`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListenerId(pub usize);

/// Whether an accepted connection may stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Room {
    /// It may.
    Free,
    /// The shard has no descriptor to spare: say so politely and end it.
    Refuse,
}

/// Why a connection is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// The service closed it.
    Local,
    /// The peer ended the stream in good order.
    PeerClosed,
    /// The outbox was full: the peer reads too slowly.
    TooSlow,
    /// The system said so: connection reset, refused, timed out.
    Failed(io::ErrorKind),
    /// The shard is stopping.
    Stopping,
}

/// What became of bytes handed to [`Shard::write`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Written {
    /// The kernel has them all.
    Sent,
    /// Some wait in the outbox for the peer to read.
    Queued,
    /// The outbox was full; the connection is being closed.
    TooSlow,
    /// There is no such connection (any more).
    Gone,
}

/// How far [`Shard::connect`] got at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Connected {
    /// The connection stands and took the first bytes, if not all then the rest into its outbox;
    /// [`Service::connected`] will not be called.
    Now,
    /// [`Service::connected`] or [`Service::closed`] will be called; the first bytes were not sent.
    Later,
}

//! Taking peers in, and turning them away when there is no room.

use std::io::{self, ErrorKind};
use std::time::{Duration, Instant};

use mio::Interest;
use mio::net::{TcpListener, TcpStream};

use crate::buffers::Link;
use crate::engine::Engine;
use crate::handle::Slot;
use crate::service::{ListenerId, Room, Service};

/// Connections accepted from one listener in a turn, before the others get theirs.
const ACCEPTS_PER_TURN: usize = 128;

/// Connections beyond the limit that may stay for the moment it takes to tell them; more are closed at once.
pub(crate) const REFUSALS_MAX: usize = 64;

/// How long a listener rests when the system as a whole has run out of descriptors or memory.
const ACCEPT_REST: Duration = Duration::from_millis(50);

/// A listening socket.
pub(crate) struct Listener {
    pub(crate) id: ListenerId,
    pub(crate) socket: TcpListener,
    /// It stopped before the backlog was empty and wants another turn, at this time.
    pub(crate) again: Option<Instant>,
}

impl<S: Service> Engine<S> {
    pub(crate) fn accept_again(&mut self) {
        for index in 0..self.listeners.len() {
            if self.listeners[index].again.is_some_and(|at| at <= self.shard.now) {
                self.accept(index);
            }
        }
    }

    pub(crate) fn accept(&mut self, index: usize) {
        let mut again = Some(self.shard.now);
        for _ in 0..ACCEPTS_PER_TURN {
            match self.listeners[index].socket.accept() {
                Ok((stream, _)) => self.admit(index, stream),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    again = None;
                    break;
                }
                // The peer was gone before we came to it.
                Err(error)
                    if matches!(error.kind(), ErrorKind::Interrupted | ErrorKind::ConnectionAborted) => {}
                Err(error) => match self.turn_away(index) {
                    Ok(()) => {}
                    // The kernel looks for a descriptor before it looks for a peer: nobody was there.
                    Err(none) if none.kind() == ErrorKind::WouldBlock => {
                        again = None;
                        break;
                    }
                    Err(_) => {
                        tracing::warn!(%error, "cannot accept; trying again soon");
                        again = Some(self.shard.now + ACCEPT_REST);
                        break;
                    }
                },
            }
        }
        self.listeners[index].again = again;
        if let Some(at) = again {
            self.shard.wake_at(at);
        }
    }

    fn admit(&mut self, index: usize, stream: TcpStream) {
        let shard = &mut self.shard;
        shard.stats().accepted.add(1);
        let occupied = shard.slab.len();
        let room = if occupied < shard.connections_max { Room::Free } else { Room::Refuse };
        if room == Room::Refuse {
            shard.stats().refused.add(1);
            if occupied >= shard.connections_max + REFUSALS_MAX {
                return;
            }
        }
        let connection = self.service.accepted(self.listeners[index].id, room);
        match self.shard.adopt(Slot { stream, link: Link::default(), connection }, Interest::READABLE) {
            Ok(key) => {
                self.service.opened(&mut self.shard, key);
                self.settle();
            }
            Err(error) => tracing::warn!(%error, "could not register an accepted connection"),
        }
    }

    /// Out of descriptors in spite of our own count (the system's table is full, or the limit was lowered): gives
    /// up the spare descriptor to accept one peer and close it, so that it knows. An error when even that fails.
    fn turn_away(&mut self, index: usize) -> io::Result<()> {
        let accepted = match self.spare.take() {
            Some(spare) => {
                drop(spare);
                self.listeners[index].socket.accept().map(drop)
            }
            None => Err(ErrorKind::QuotaExceeded.into()),
        };
        self.spare = std::fs::File::open("/dev/null").ok();
        if accepted.is_ok() {
            self.shard.stats().accepted.add(1);
            self.shard.stats().refused.add(1);
        }
        accepted
    }
}

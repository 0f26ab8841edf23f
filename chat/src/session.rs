//! What a connection is to the server, in twelve bytes.

use shard::TimerKey;

/// Which protocol a member is spoken to in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Front {
    /// `GET /test/{id}` over HTTP/1.1.
    Comet,
    /// MatchStream's lines.
    Line,
    /// The router port.
    Router,
}

impl Front {
    /// The fronts in the order of their listeners.
    pub(crate) const ALL: [Self; 3] = [Self::Comet, Self::Line, Self::Router];
}

/// A connection's state.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Session {
    /// It has been accepted and has its time to say what it wants.
    Arriving { front: Front, deadline: TimerKey },
    /// There is no room for it; whatever it says, that is the answer.
    Refused { front: Front },
    /// It is logged in and gets messages. `count`: how many it has had (it wraps after 2³²).
    Member { front: Front, id: u32, count: u32 },
    /// It sends messages; the number leads to its `Publisher`.
    Publisher { number: u32 },
    /// It has had its answer and is given a moment to read it.
    Leaving,
}

/// A session is what an idle connection costs beyond its socket: twelve bytes and not one more unnoticed.
const _: () = assert!(size_of::<Session>() <= 12);

/// What a timer is set for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Deadline {
    /// The request head or login line must be there.
    Arrival(shard::Key),
    /// The answered connection must be gone.
    Departure(shard::Key),
}

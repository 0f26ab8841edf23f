//! What a connection is to the server, in twelve bytes.

use std::time::Duration;

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

/// The resolution of a connection's age.
pub(crate) const STEP: Duration = Duration::from_secs(10);

/// In which [`STEP`] of the server's life a connection came, modulo 2¹⁶: a connection's age comes round to 0 after 7.6
/// days.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Since(u16);

impl Since {
    /// The step `now`, of the server's life.
    pub(crate) fn step(now: u32) -> Self {
        Self(now as u16)
    }

    /// The step that it is, seen from the step `now`.
    pub(crate) fn start(self, now: u32) -> u32 {
        now.saturating_sub(u32::from((now as u16).wrapping_sub(self.0)))
    }
}

/// A connection's state.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Session {
    /// It has been accepted and has its time to say what it wants.
    Arriving { front: Front, since: Since, deadline: TimerKey },
    /// There is no room for it; whatever it says, that is the answer.
    Refused { front: Front },
    /// It is logged in and gets messages. `count`: how many it has had (it wraps after 2³²).
    Member { front: Front, since: Since, id: u32, count: u32 },
    /// It sends messages; the number leads to its `Publisher`.
    Publisher { since: Since, number: u32 },
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn since_is_good_for_a_week() {
        for start in [0, 1, 65_535, 65_536, 1_000_000] {
            for age in [0, 1, 60_000, 65_535] {
                assert_eq!(Since::step(start).start(start + age), start, "{start} {age}");
            }
        }
        assert_eq!(
            Since::step(5).start(5 + 65_536),
            5 + 65_536,
            "after 7.6 days it seems to have come just now"
        );
    }
}

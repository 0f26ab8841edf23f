//! How need and have stand for some number of connections, and for which number they no longer do.

use crate::examine::CONNECTIONS_MAX;
use crate::row::State;

/// How need and have stand for some number of connections.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Level {
    pub(crate) need: u64,
    pub(crate) have: u64,
    pub(crate) state: State,
}

impl Level {
    /// A wall when more is needed than there is.
    pub(crate) fn hard(need: u64, have: u64) -> Self {
        Self { need, have, state: if need > have { State::Wall } else { State::Ok } }
    }

    /// Merely tight when more is needed than there is.
    pub(crate) fn soft(need: u64, have: u64) -> Self {
        Self { need, have, state: State::Ok }.tight_above(have)
    }

    /// Tight when more than this is needed, unless it is a wall.
    pub(crate) fn tight_above(self, comfortable: u64) -> Self {
        let tight = self.state == State::Ok && self.need > comfortable;
        Self { state: if tight { State::Tight } else { self.state }, ..self }
    }

    /// Tight when more than 95 % is needed, unless it is a wall.
    pub(crate) fn with_slack(self) -> Self {
        self.tight_above(self.have - self.have / 20)
    }
}

/// The most connections that `fit`, which holds up to some number and not above it; `None`: any number fits.
///
/// The search begins on the right side of `asked`, so that its answer agrees with `fit(asked)` come what may.
pub(crate) fn most(asked: u64, fit: impl Fn(u64) -> bool) -> Option<u64> {
    if fit(asked) && fit(CONNECTIONS_MAX) {
        return None;
    }
    let (mut fits, mut too_many) = if fit(asked) { (asked, CONNECTIONS_MAX.max(asked)) } else { (0, asked) };
    while too_many - fits > 1 {
        let middle = fits + (too_many - fits) / 2;
        *(if fit(middle) { &mut fits } else { &mut too_many }) = middle;
    }
    Some(fits)
}

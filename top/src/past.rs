//! Everything that was said, and the state at any moment of it.
//!
//! [`history`] keeps frames on disk, in a [`spool`] or in the recording that they came from, and reads them by [`tape`].
//! Of all of them it keeps in memory what happened ([`events`]) and the whole run in few points ([`chronicle`]). A
//! [`moment`] follows from the frames before it.

pub(crate) mod chronicle;
pub(crate) mod events;
pub(crate) mod health;
pub(crate) mod history;
pub(crate) mod moment;
pub(crate) mod names;
pub(crate) mod spool;
pub(crate) mod tape;

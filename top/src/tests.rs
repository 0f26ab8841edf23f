//! What a user sees, over a recording that is the same each time.

mod cost;
mod fixture;
mod live;
mod session;
mod snapshots;

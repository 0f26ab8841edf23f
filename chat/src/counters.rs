//! What the server counts beyond what each shard counts of itself.

use shard::Counter;

/// See [`Counters::TOTALS`].
pub(crate) type Total = (&'static str, &'static str, fn(&[Counters]) -> u64);

macro_rules! counters {
    ($($(#[doc = $doc:literal])* $name:ident,)*) => {
        /// One shard's counters.
        #[derive(Debug, Default)]
        #[repr(align(128))]
        pub(crate) struct Counters {
            $($(#[doc = $doc])* pub(crate) $name: Counter,)*
        }

        impl Counters {
            /// Each counter's name, what it counts, and its sum over all shards.
            pub(crate) const TOTALS: &[Total] = &[$((
                stringify!($name),
                concat!($($doc),*).trim_ascii(),
                |shards| shards.iter().map(|counters| counters.$name.get()).sum(),
            ),)*];
        }
    };
}

counters! {
    /// Logins under an id since the start.
    logins,
    /// Logouts since the start; logins minus logouts are logged in now.
    logouts,
    /// Messages taken from publishers and the admin address.
    messages,
    /// Messages to ids where nobody was logged in.
    nobody_there,
    /// Copies of messages handed to a connection.
    delivered,
    /// Copies whose connection left while they were under way.
    gone,
    /// Copies for connections that read too slowly.
    dropped,
    /// Requests and lines that could not be understood (400, 505, ERROR).
    malformed,
    /// Requests for what is not there (404).
    not_found,
    /// Requests with another method than GET (501).
    not_implemented,
    /// Request heads and lines past their bound (431, ERROR).
    too_large,
    /// Clients that did not say what they want in time (408, ERROR).
    timed_out,
    /// Connections told that the server is full (503, ERROR).
    turned_away,
    /// Publishers connected since the start.
    publishers,
}

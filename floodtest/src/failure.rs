//! Why a connection failed, in words.

use std::io;

macro_rules! causes {
    ($($(#[doc = $doc:literal])* $variant:ident = $key:literal, $words:literal;)*) => {
        /// Why a connection could not be opened, or was lost before its login.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Cause { $($(#[doc = $doc])* $variant,)* }

        impl Cause {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The key in summaries and frames.
            pub fn key(self) -> &'static str {
                match self { $(Self::$variant => $key,)* }
            }

            /// What happened and what to do, for a person.
            pub fn words(self) -> &'static str {
                match self { $(Self::$variant => $words,)* }
            }
        }
    };
}

causes! {
    /// Nobody listens at the target.
    Refused = "refused", "the target refused: nothing listens there (is the server up, and the port right?)";
    /// No answer in time.
    TimedOut = "timed_out", "no login within the timeout: the server is too slow, or its accept queue overflows";
    /// The peer reset the connection.
    Reset = "reset", "the server reset the connection";
    /// The peer ended it before the login was answered.
    ClosedEarly = "closed_early", "the server closed the connection before answering the login";
    /// The answer was a refusal.
    TurnedAway = "turned_away", "the server answered, and said no (for example 503: it is full)";
    /// The answer made no sense.
    Protocol = "protocol", "the server's answer is not the protocol's (another program behind the port?)";
    /// All ports of the source addresses are taken.
    NoFreePort = "no_free_port", "no free source port: add source addresses with --source, or wait for TIME_WAIT to pass";
    /// The descriptor table is full.
    NoDescriptor = "no_descriptor", "the generator is out of descriptors: give it more shards";
    /// No route, or a network error on the way.
    Unreachable = "unreachable", "the target cannot be reached from here";
    /// Anything else the system said.
    Other = "other", "the system reported another error";
}

impl Cause {
    /// The cause behind what the system said.
    pub(crate) fn of(kind: io::ErrorKind) -> Self {
        match kind {
            io::ErrorKind::ConnectionRefused => Self::Refused,
            io::ErrorKind::TimedOut => Self::TimedOut,
            io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionAborted => {
                Self::Reset
            }
            io::ErrorKind::AddrNotAvailable | io::ErrorKind::AddrInUse => Self::NoFreePort,
            io::ErrorKind::QuotaExceeded => Self::NoDescriptor,
            io::ErrorKind::HostUnreachable
            | io::ErrorKind::NetworkUnreachable
            | io::ErrorKind::NetworkDown => Self::Unreachable,
            _ => Self::Other,
        }
    }

    /// As [`of`](Self::of), with the numbers that have no kind of their own.
    pub(crate) fn of_error(error: &io::Error) -> Self {
        const EMFILE: i32 = 24;
        const ENFILE: i32 = 23;
        match error.raw_os_error() {
            Some(EMFILE | ENFILE) => Self::NoDescriptor,
            _ => Self::of(error.kind()),
        }
    }
}

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
    /// The whole system's table of open files is full.
    SystemTableFull = "system_table_full", "the system's table of open files is full: raise fs.file-max";
    /// The user has as many epoll watches as the kernel allows.
    NoWatch = "no_watch", "the kernel allows no more epoll watches: raise fs.epoll.max_user_watches";
    /// The kernel had no memory for the socket.
    NoMemory = "no_memory", "the kernel had no memory for another socket";
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
            io::ErrorKind::StorageFull => Self::NoWatch,
            io::ErrorKind::OutOfMemory => Self::NoMemory,
            io::ErrorKind::HostUnreachable
            | io::ErrorKind::NetworkUnreachable
            | io::ErrorKind::NetworkDown => Self::Unreachable,
            _ => Self::Other,
        }
    }

    /// As [`of`](Self::of), with the numbers that have no kind of their own.
    pub(crate) fn of_error(error: &io::Error) -> Self {
        const ENFILE: i32 = 23;
        const EMFILE: i32 = 24;
        const ENOBUFS: i32 = 105;
        match error.raw_os_error() {
            Some(EMFILE) => Self::NoDescriptor,
            Some(ENFILE) => Self::SystemTableFull,
            Some(ENOBUFS) => Self::NoMemory,
            _ => Self::of(error.kind()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One full table is the generator's own, the other the system's: the remedies differ.
    #[test]
    fn errors_that_share_a_meaning_are_told_apart() {
        let of = |number| Cause::of_error(&io::Error::from_raw_os_error(number));
        assert_eq!((of(24), of(23)), (Cause::NoDescriptor, Cause::SystemTableFull));
        assert_eq!((of(28), of(12), of(105)), (Cause::NoWatch, Cause::NoMemory, Cause::NoMemory));
        assert_eq!((of(99), of(98)), (Cause::NoFreePort, Cause::NoFreePort));
        assert_eq!((of(111), of(110), of(113)), (Cause::Refused, Cause::TimedOut, Cause::Unreachable));
    }
}

//! The contract between a decoder and whoever reads the socket.

/// What a decoder made of the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step<E> {
    /// One event, and how many bytes it used: at least one. The caller drops those and calls again with the rest.
    Event {
        /// The event; it may borrow from the bytes.
        event: E,
        /// How many bytes, from the first, the event used.
        used: usize,
    },
    /// The bytes do not hold a whole event yet, and none of them has been used.
    More,
}

/// A protocol seen from one side: turns the bytes of a connection into events.
///
/// The caller passes all unconsumed bytes, contiguous. After [`Step::More`] it keeps them and calls again with the
/// same bytes and more behind them. How the bytes were cut into reads never changes the events, except how often an
/// `Ignored` appears. After an error the decoder is spent, and the connection is to be closed.
///
/// A decoder owns no heap memory, and its state is `Copy` and at most one byte.
pub trait Decode {
    /// What the bytes mean; may borrow from them.
    type Event<'a>;

    /// How the bytes break the protocol.
    type Error: std::error::Error;

    /// A decoder given this many bytes answers an event or an error, never [`Step::More`]. So no caller needs to
    /// keep more than this for a connection.
    const PENDING_MAX: usize;

    /// Reads one event from the front of `bytes`.
    ///
    /// # Errors
    /// When the bytes can no longer become a legal event, or one within the protocol's bounds.
    fn decode<'a>(&mut self, bytes: &'a [u8]) -> Result<Step<Self::Event<'a>>, Self::Error>;
}

/// The events read, and the bytes left over; or what is wrong.
#[cfg(test)]
pub(crate) type Decoded<'a, D> = Result<(Vec<<D as Decode>::Event<'a>>, &'a [u8]), <D as Decode>::Error>;

/// Reads every event in `bytes`; for unit tests.
#[cfg(test)]
pub(crate) fn decode_all<'a, D: Decode>(decoder: &mut D, mut bytes: &'a [u8]) -> Decoded<'a, D> {
    let mut events = Vec::new();
    while let Step::Event { event, used } = decoder.decode(bytes)? {
        events.push(event);
        bytes = &bytes[used..];
    }
    Ok((events, bytes))
}

//! A bounded carry-over buffer around a decoder, for callers without a buffer of their own.
//!
//! Bytes are decoded where they lie. Only what is left of an unfinished event is copied, and only from then until
//! that event is complete does decoding read from the copy.
//!
//! ```text
//! reads      |== event ==|== ev|ent ==|== event ==|
//! pending                |== ev|ent ==|             then straight from the read again
//! ```

use crate::{Decode, Step};

/// A decoder, and the bytes of an event that has not wholly arrived.
#[derive(Debug, Default)]
pub struct Feed<D> {
    decoder: D,
    /// Empty between whole events. Allocated once, at the first carry-over, with [`Decode::PENDING_MAX`] bytes;
    /// never grown.
    pending: Vec<u8>,
}

impl<D: Decode> Feed<D> {
    /// A feed for a decoder at the start of its connection.
    pub fn new(decoder: D) -> Self {
        Self { decoder, pending: Vec::new() }
    }

    /// How many bytes wait for the rest of their event; less than [`Decode::PENDING_MAX`].
    pub fn pending_bytes(&self) -> usize {
        self.pending.len()
    }

    /// Takes the next bytes of the connection, and calls `on_event` for each event that they complete.
    ///
    /// # Errors
    /// The decoder's. What was pending is forgotten: the connection is to be closed.
    ///
    /// # Panics
    /// When the decoder breaks the contract of [`Decode`].
    pub fn feed(&mut self, mut bytes: &[u8], mut on_event: impl FnMut(D::Event<'_>)) -> Result<(), D::Error> {
        while !self.pending.is_empty() {
            let carried = self.pending.len();
            let copied = bytes.len().min(D::PENDING_MAX - carried);
            self.pending.extend_from_slice(&bytes[..copied]);
            let used = match drain(&mut self.decoder, &self.pending, carried, &mut on_event) {
                Ok(used) => used,
                Err(error) => {
                    self.pending.clear();
                    return Err(error);
                }
            };
            if used >= carried {
                self.pending.clear();
                bytes = &bytes[used - carried..];
            } else {
                self.pending.drain(..used);
                bytes = &bytes[copied..];
                if bytes.is_empty() {
                    return Ok(());
                }
            }
        }
        let used = drain(&mut self.decoder, bytes, usize::MAX, &mut on_event)?;
        let rest = &bytes[used..];
        if !rest.is_empty() {
            self.pending.reserve_exact(D::PENDING_MAX);
            self.pending.extend_from_slice(rest);
        }
        Ok(())
    }
}

/// Decodes `bytes` until `enough` of them are used or more are needed, and answers how many were used.
fn drain<D: Decode>(
    decoder: &mut D,
    bytes: &[u8],
    enough: usize,
    on_event: &mut impl FnMut(D::Event<'_>),
) -> Result<usize, D::Error> {
    let mut start = 0;
    while start < enough {
        match decoder.decode(&bytes[start..])? {
            Step::Event { event, used } => {
                assert!(used > 0, "an event uses at least one byte");
                start += used;
                on_event(event);
            }
            Step::More => {
                assert!(
                    bytes.len() - start < D::PENDING_MAX,
                    "a decoder answers once it has PENDING_MAX bytes"
                );
                break;
            }
        }
    }
    Ok(start)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::line::server::{LINE_BYTES_MAX, Login, LoginError};

    #[test]
    fn carries_over_only_what_is_unfinished() {
        let mut feed = Feed::new(Login);
        let mut users = Vec::new();
        for (read, pending_bytes) in
            [("V:2:ana\nV:2:b", 5), ("", 5), ("e", 6), ("n\r\nV:2:cy\n", 0), ("V:2:di\n", 0), ("V", 1)]
        {
            feed.feed(read.as_bytes(), |watch| users.push(watch.user.to_owned())).unwrap();
            assert_eq!(feed.pending_bytes(), pending_bytes, "after {read:?}");
        }
        assert_eq!(users, ["ana", "ben", "cy", "di"]);
    }

    #[test]
    fn takes_no_memory_before_the_first_carry_over_and_never_more_than_the_bound() {
        let mut feed = Feed::new(Login);
        feed.feed(b"V:2:ana\n", |_| ()).unwrap();
        assert_eq!(feed.pending.capacity(), 0);
        for _ in 1..LINE_BYTES_MAX {
            feed.feed(b"x", |_| ()).unwrap();
        }
        assert_eq!((feed.pending.len(), feed.pending.capacity()), (LINE_BYTES_MAX - 1, LINE_BYTES_MAX));
        assert_eq!(feed.feed(b"x", |_| ()), Err(LoginError::TooLong));
        assert_eq!(feed.pending_bytes(), 0);
    }

    #[test]
    #[should_panic(expected = "answers once it has PENDING_MAX bytes")]
    fn catches_a_decoder_that_never_answers() {
        struct Silent;
        impl Decode for Silent {
            type Event<'a> = ();
            type Error = std::fmt::Error;
            const PENDING_MAX: usize = 4;
            fn decode(&mut self, _: &[u8]) -> Result<Step<()>, Self::Error> {
                Ok(Step::More)
            }
        }
        let _ = Feed::new(Silent).feed(b"1234", |()| ());
    }
}

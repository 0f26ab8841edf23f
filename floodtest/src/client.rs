//! One connection of the flood: its state, in twenty bytes, and what it makes of arriving bytes.

use shard::{Key, TimerKey};
use wire::{Decode, Step, comet, line};

use crate::audit::Track;
use crate::failure::Cause;
use crate::options::Protocol;

/// The client's side of a protocol.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Decoder {
    Comet(comet::client::Decoder),
    Line(line::client::Decoder),
}

/// What the server said.
pub(crate) enum Said<'a> {
    /// Now it is the client's turn to log in.
    Greeted,
    /// The client is logged in.
    LoggedIn,
    Message(&'a [u8]),
    /// It will not have this client.
    Refused,
    /// It has ended the stream in good order.
    Ended,
    /// Bytes without meaning, behind a refusal.
    Nothing,
}

impl Decoder {
    pub(crate) fn new(protocol: Protocol) -> Self {
        match protocol {
            Protocol::Comet => Self::Comet(Default::default()),
            Protocol::Line => Self::Line(Default::default()),
        }
    }

    /// The next thing said in `bytes` and how many of them it took; `None` when it is not all there.
    pub(crate) fn next<'a>(&mut self, bytes: &'a [u8]) -> Result<Option<(Said<'a>, usize)>, Cause> {
        match self {
            Self::Comet(decoder) => {
                use comet::client::Event;
                Ok(match decoder.decode(bytes).map_err(|_| Cause::Protocol)? {
                    Step::More => None,
                    Step::Event { event, used } => Some((
                        match event {
                            Event::Accepted => Said::LoggedIn,
                            Event::Message(text) => Said::Message(text),
                            Event::Refused { .. } => Said::Refused,
                            Event::End => Said::Ended,
                            Event::Ignored => Said::Nothing,
                        },
                        used,
                    )),
                })
            }
            Self::Line(decoder) => {
                use line::client::Event;
                Ok(match decoder.decode(bytes).map_err(|_| Cause::Protocol)? {
                    Step::More => None,
                    Step::Event { event, used } => Some((
                        match event {
                            Event::Greeting => Said::Greeted,
                            Event::Watching => Said::LoggedIn,
                            Event::Message(text) => Said::Message(text),
                            Event::Refused(_) => Said::Refused,
                            Event::Ignored => Said::Nothing,
                        },
                        used,
                    )),
                })
            }
        }
    }
}

/// See the module's documentation.
#[derive(Debug)]
pub(crate) struct Client {
    /// Its place in the flood, from 0; whom it is follows from it.
    pub(crate) number: u32,
    pub(crate) state: State,
}

#[derive(Debug)]
pub(crate) enum State {
    /// Connecting, or waiting for the answer to its login.
    Opening { decoder: Decoder, since_us: u32, deadline: TimerKey },
    /// Logged in.
    Member { decoder: Decoder, track: Track },
    /// We have ended our side, and wait for the server to end its own.
    Departing { deadline: TimerKey },
    /// Its failure is counted; it only has to go.
    Over,
}

/// A client is the price of a connection at this end.
const _: () = assert!(size_of::<Client>() <= 20);

/// What a timer is set for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Timer {
    /// The connection must be logged in.
    Deadline(Key),
    /// The connection that we have ended must be gone.
    Departure(Key),
    /// The connection of this number is to be opened again.
    Reconnect(u32),
}

//! Where frames come from. `top` itself touches no network and no `/proc`: frames come to it.

use std::path::PathBuf;
use std::sync::mpsc::{Receiver, Sender};
use std::time::Duration;

use telemetry::{By, Frame};

/// Where frames come from.
#[derive(Debug)]
pub enum Feed {
    /// A recording: a run's directory or a file of frames, finished or still growing.
    Recording(PathBuf),
    /// A live server.
    Live {
        /// What is heard of it.
        events: Receiver<LiveEvent>,
        /// What is asked of whoever listens to it.
        control: Sender<Control>,
    },
}

/// What is heard of a live server.
#[derive(Debug, Clone, PartialEq)]
pub enum LiveEvent {
    /// The server, or whoever samples it, said something.
    Frame(Frame),
    /// The server answered, for the first time or again.
    Attached {
        /// Its address.
        server: String,
        /// How long attaching took.
        latency: Duration,
    },
    /// The server does not answer any more. It will be tried again.
    Lost {
        /// Why, in a phrase.
        reason: String,
    },
    /// An id could not be looked for.
    NotLooked {
        /// Which.
        id: u32,
        /// Why, in a phrase.
        reason: String,
    },
    /// One round of questions was answered.
    Retrieved {
        /// How long it took.
        took: Duration,
    },
}

/// What is asked of whoever listens to a live server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Control {
    /// Ask this often.
    Interval(Duration),
    /// Ask for the top connections in this order.
    Connections {
        /// The order.
        by: By,
        /// How many.
        count: u16,
    },
    /// Look for the connections that hold this id, now.
    Find(u32),
    /// No more is needed.
    Stop,
}

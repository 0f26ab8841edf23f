//! Frames in their order, from wherever they are kept, with a place for each to come back to.

use std::cell::RefCell;
use std::rc::Rc;

use telemetry::{Frame, Recording};

use crate::TopError;

use crate::past::spool::Spool;

/// A reader of frames that can be put anywhere.
#[derive(Debug)]
pub(crate) enum Tape {
    /// A recording, finished or still growing.
    Recording(Recording),
    /// The spool of a live run.
    Spool {
        /// Shared with who appends to it.
        spool: Rc<RefCell<Spool>>,
        /// Where to read next.
        offset: u64,
        /// Read into.
        line: Vec<u8>,
    },
}

impl Tape {
    /// A reader from a spool's oldest frame.
    pub(crate) fn of_spool(spool: &Rc<RefCell<Spool>>) -> Tape {
        Tape::Spool { spool: Rc::clone(spool), offset: 0, line: Vec::new() }
    }

    /// The next frame and its place; `None` at the present end, which may move.
    pub(crate) fn next(&mut self) -> Result<Option<(u64, Frame)>, TopError> {
        match self {
            Tape::Recording(recording) => match recording.next() {
                Some(placed) => {
                    placed.map(|placed| Some((placed.offset, placed.frame))).map_err(TopError::Frame)
                }
                None => Ok(None),
            },
            Tape::Spool { spool, offset, line } => loop {
                let Some((at, next)) = spool.borrow().read(*offset, line).map_err(TopError::Spool)? else {
                    return Ok(None);
                };
                *offset = next;
                if let Ok(Some(frame)) = Frame::parse(line) {
                    return Ok(Some((at, frame)));
                }
            },
        }
    }

    /// Goes on from the frame at `offset`.
    pub(crate) fn seek(&mut self, to: u64) -> Result<(), TopError> {
        match self {
            Tape::Recording(recording) => recording.seek(to).map_err(TopError::Recording),
            Tape::Spool { offset, .. } => {
                *offset = to;
                Ok(())
            }
        }
    }
}

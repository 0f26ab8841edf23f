//! the TUI: a live or recorded run, a screen at a time.
//!
//! Frames come to it through a [`Feed`]: from a recording, or from whoever samples a live server. All of them go into a
//! history on disk; a moment is what follows from the frames before it; a view is what a person wants to know of a
//! moment. So looking at now, at an hour ago and at a run of last week are one thing.
//!
//! ```text
//!   Feed ─► History (spool or recording; index, events, chronicle) ─► Player ─► Moment ─► View ─► Page ─► screen, export, JSON
//! ```
//!
//! - [`feed`]: where frames come from. `past`: where they are kept, and the state at any moment of them.
//! - `views`: what each view shows of a moment, as a `grid` that knows of no screen, in the figures of `words`.
//! - `session`: what is looked at and when, what keys do, the terminal, exports. `screen`: how it is drawn.
//!
//! It asks nothing of the network or of `/proc`.

pub mod feed;
mod grid;
mod past;
mod screen;
mod session;
mod views;
mod words;

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ratatui::crossterm::event;
use telemetry::{BundleError, FrameError};

pub use feed::{Control, Feed, LiveEvent};
pub use screen::{HEIGHT_MIN, WIDTH_MIN};
pub use session::act::CONNECTIONS_COUNT;
pub use session::once::{Print, once};
pub use session::terminal::give_back;
pub use views::View;

use past::history::History;
use session::App;
use session::terminal::Screen;

/// How long the keys are waited for before the feed is looked at again.
const KEY_WAIT: Duration = Duration::from_millis(50);

/// What a session is to begin with.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// The view.
    pub view: View,
    /// How often a live server is asked.
    pub interval: Duration,
    /// Whether colours are wanted; without, attributes say what they would.
    pub colours: bool,
    /// Where in a recording, counted from its beginning; `None`: at its end, or before it was taken down.
    pub at: Option<Duration>,
}

impl Options {
    fn at_us(&self, history: &History) -> u64 {
        match self.at {
            Some(at) => history.start_us().saturating_add(at.as_micros() as u64),
            None => history.opening_us(),
        }
    }
}

/// What other threads may ask of a session: whoever waits for signals.
#[derive(Debug, Default)]
pub struct Signals {
    /// To end.
    pub stop: AtomicBool,
    /// To give the terminal back and be suspended.
    pub suspend: AtomicBool,
}

/// Why a session could not begin, or go on.
#[derive(Debug, thiserror::Error)]
pub enum TopError {
    /// The recording cannot be opened or read.
    #[error("{0}")]
    Recording(BundleError),
    /// The recording cannot be read on.
    #[error("could not read on in the recording: {0}")]
    Frame(FrameError),
    /// There is nothing in the recording to show.
    #[error("no frames in '{}' (record some with 'floodmark sar -o FILE')", path.display())]
    NoFrames {
        /// The recording.
        path: PathBuf,
    },
    /// What a live server says cannot be kept.
    #[error("could not keep what the server says: {0} (TMPDIR chooses another place)")]
    Spool(std::io::Error),
    /// The terminal refuses.
    #[error("could not use the terminal: {0} ('--once' needs none)")]
    Terminal(std::io::Error),
    /// The server was lost.
    #[error("the server was lost: {reason}")]
    Lost {
        /// Why.
        reason: String,
    },
    /// The server said too little.
    #[error("the server told too few samples in {} s", patience.as_secs_f64())]
    Silent {
        /// How long was waited.
        patience: Duration,
    },
}

/// Shows a feed on the terminal until the user quits or `signals` says to. `suspend` must stop the process and return
/// when it is continued.
///
/// # Errors
/// [`TopError`]; the terminal is given back before.
pub fn run(feed: Feed, options: Options, signals: &Signals, suspend: fn()) -> Result<(), TopError> {
    let mut app = App::new(feed, options)?;
    let mut screen = Screen::take().map_err(TopError::Terminal)?;
    while !app.quit && !signals.stop.load(Ordering::Relaxed) {
        app.look()?;
        if app.suspend || signals.suspend.swap(false, Ordering::Relaxed) {
            app.suspend = false;
            give_back();
            suspend();
            screen.take_again().map_err(TopError::Terminal)?;
            app.dirty = true;
        }
        if app.clear {
            app.clear = false;
            screen.clear().map_err(TopError::Terminal)?;
        }
        if app.dirty {
            app.dirty = false;
            let draw =
                |frame: &mut ratatui::Frame<'_>| screen::draw(&mut app, frame.area(), frame.buffer_mut());
            screen.draw(draw).map_err(TopError::Terminal)?;
        }
        // A recording that is still being read does not wait for keys.
        let mut wait = if app.opened { KEY_WAIT } else { Duration::ZERO };
        while event::poll(wait).map_err(TopError::Terminal)? {
            app.handle(&event::read().map_err(TopError::Terminal)?)?;
            wait = Duration::ZERO;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;

//! The state of a session: what is looked at, when, and what was heard meanwhile.

pub(crate) mod act;
pub(crate) mod export;
pub(crate) mod keys;
pub(crate) mod once;
pub(crate) mod terminal;

use std::sync::mpsc::{Receiver, Sender, TryRecvError};
use std::time::{Duration, Instant};

use telemetry::{By, Frame, Stamp, Table};

use crate::feed::{Control, Feed, LiveEvent};
use crate::grid::Page;
use crate::past::history::History;
use crate::past::moment::Player;
use crate::screen::Areas;
use crate::screen::header::Link;
use crate::screen::table::TableState;
use crate::screen::theme::Theme;
use crate::views::{self, Scene, View};
use crate::{Options, TopError};

/// How long reading a recording may keep the keys waiting.
const READ_BUDGET: Duration = Duration::from_millis(30);

/// Things heard that are taken in before the keys are looked at again; the rest waits in the channel, which its sender
/// bounds.
const EVENTS_PER_LOOK: usize = 256;

/// How long a notice stands.
const NOTICE_TIME: Duration = Duration::from_secs(6);

/// How recent a recording's last frame must be for the recording to count as being written.
const GROWING_TIME: Duration = Duration::from_secs(10);

/// How often a live server may be asked.
pub(crate) const INTERVALS_MS: [u64; 8] = [250, 500, 1_000, 2_000, 5_000, 10_000, 30_000, 60_000];

/// How fast a replay may go.
pub(crate) const SPEEDS: [u32; 6] = [1, 2, 5, 10, 60, 600];

/// Where in time one is.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Clock {
    /// At the end, wherever that goes.
    Follow,
    /// At rest.
    Paused,
    /// Going on from a moment.
    Playing {
        /// Since when.
        since: Instant,
        /// From where.
        from_us: u64,
    },
}

/// What has the keys.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Mode {
    /// The table.
    Table,
    /// Typing a filter.
    Filter,
    /// Typing an id to look for.
    Find(String),
    /// Choosing the form of an export.
    Export,
    /// Reading the help, from a line on.
    Help(usize),
    /// Reading all there is to a row, from a line on.
    Detail(usize),
    /// Reading what was found, from a line on.
    Found(usize),
}

/// The state of a session.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) history: History,
    pub(crate) player: Player,
    live: Option<(Receiver<LiveEvent>, Sender<Control>)>,
    pub(crate) link: Link,
    pub(crate) view: View,
    pub(crate) tables: [TableState; View::ALL.len()],
    pub(crate) mode: Mode,
    pub(crate) clock: Clock,
    /// Where one is, in monotonic microseconds, when not following.
    pub(crate) cursor_us: u64,
    pub(crate) interval: Duration,
    pub(crate) speed: u32,
    pub(crate) by: By,
    /// The id that was asked for, and since when nobody answers.
    pub(crate) finding: Option<u32>,
    pub(crate) found: Option<(u32, Table)>,
    notice: Option<(String, Instant)>,
    /// Whether a frame could not be kept, and that was said.
    has_no_room: bool,
    /// Whether a recording has been read to its end once.
    pub(crate) opened: bool,
    pub(crate) theme: Theme,
    pub(crate) areas: Areas,
    /// Whether what is on the screen is not what it should be.
    pub(crate) dirty: bool,
    pub(crate) quit: bool,
    pub(crate) suspend: bool,
    pub(crate) clear: bool,
    options: Options,
}

impl App {
    /// A session at the beginning of a feed.
    pub(crate) fn new(feed: Feed, options: Options) -> Result<App, TopError> {
        let (history, live) = match feed {
            Feed::Recording(path) => (History::of_recording(&path)?, None),
            Feed::Live { events, control } => (History::of_live()?, Some((events, control))),
        };
        let player = Player::new(&history)?;
        Ok(App {
            opened: live.is_some(),
            history,
            player,
            live,
            link: Link::default(),
            view: options.view,
            tables: View::ALL.map(|view| TableState::new(view.sort())),
            mode: Mode::Table,
            clock: Clock::Follow,
            cursor_us: 0,
            interval: options.interval,
            speed: 1,
            by: By::default(),
            finding: None,
            found: None,
            notice: None,
            has_no_room: false,
            theme: Theme::new(options.colours),
            areas: Areas::default(),
            dirty: true,
            quit: false,
            suspend: false,
            clear: false,
            options,
        })
    }

    /// Whether the feed is a live server.
    pub(crate) fn is_live(&self) -> bool {
        self.live.is_some()
    }

    /// Whether frames still come: from a server, or into a recording.
    pub(crate) fn grows(&self) -> bool {
        let age_us = Stamp::now().wall_us.saturating_sub(self.history.wall_us(self.history.last_us()));
        self.is_live() || (self.history.may_grow() && u128::from(age_us) < GROWING_TIME.as_micros())
    }

    /// Where one is, in monotonic microseconds.
    pub(crate) fn at_us(&self) -> u64 {
        match self.clock {
            Clock::Follow => self.player.moment().at().mono_us,
            Clock::Paused | Clock::Playing { .. } => self.cursor_us,
        }
    }

    /// What the views draw on.
    pub(crate) fn scene(&self) -> Scene<'_> {
        Scene {
            history: &self.history,
            moment: self.player.moment(),
            at_us: self.at_us(),
            live: self.is_live(),
            latest: matches!(self.clock, Clock::Follow),
            by: self.by,
            interval: self.interval,
        }
    }

    /// What the view shows now.
    pub(crate) fn page(&self) -> Page {
        views::page(self.view, &self.scene())
    }

    /// How one looks at the view's table.
    pub(crate) fn table(&mut self) -> &mut TableState {
        &mut self.tables[self.view.index()]
    }

    /// Takes in what was said since the last time, and moves on.
    pub(crate) fn look(&mut self) -> Result<(), TopError> {
        if self.live.is_some() {
            self.listen();
        } else {
            self.read()?;
        }
        if self.opened {
            self.move_on()?;
        }
        if self.notice.as_ref().is_some_and(|(_, since)| since.elapsed() > NOTICE_TIME) {
            self.notice = None;
            self.dirty = true;
        }
        Ok(())
    }

    fn listen(&mut self) {
        for _ in 0..EVENTS_PER_LOOK {
            let Some((events, _)) = &self.live else { return };
            match events.try_recv() {
                Ok(event) => self.hear(event),
                Err(TryRecvError::Empty) => return,
                Err(TryRecvError::Disconnected) => {
                    if self.link.lost.is_none() {
                        self.hear(LiveEvent::Lost { reason: "the sampler has ended".into() });
                    }
                    return;
                }
            }
        }
    }

    fn hear(&mut self, event: LiveEvent) {
        self.dirty = true;
        match event {
            LiveEvent::Attached { server, latency } => {
                self.link.server = Some(server);
                self.link.latency = Some(latency);
                if self.link.lost.take().is_some() {
                    self.say("attached again");
                }
            }
            LiveEvent::Lost { reason } => self.link.lost = Some(reason),
            LiveEvent::NotLooked { id, reason } => {
                self.finding = None;
                self.say(&format!("could not look for id {id}: {reason}"));
            }
            LiveEvent::Retrieved { took } => self.link.retrieved = Some(took),
            LiveEvent::Frame(frame) => {
                if let (Frame::Table(table), Some(id)) = (&frame, self.finding)
                    && table.name == "connection"
                {
                    self.finding = None;
                    self.found = Some((id, table.clone()));
                    self.mode = Mode::Found(0);
                    return;
                }
                self.keep(frame);
            }
        }
    }

    /// Keeps a frame; where there is no room, it goes on without.
    fn keep(&mut self, frame: Frame) {
        let Err(error) = self.history.append(&frame) else { return };
        if !std::mem::replace(&mut self.has_no_room, true) {
            self.say(&format!("{error}: looking back will miss what comes now"));
        }
        if matches!(self.clock, Clock::Follow) {
            // After what was kept before it. What cannot be read is as lost as what cannot be written.
            let _ = self.player.advance(&self.history, u64::MAX);
            self.player.skip(frame, &self.history);
        }
    }

    fn read(&mut self) -> Result<(), TopError> {
        let began = Instant::now();
        let whole = self.history.scan(READ_BUDGET)?;
        if self.opened {
            return Ok(());
        }
        self.dirty = true;
        if whole {
            self.opened = true;
            let opening_us = self.options.at_us(&self.history);
            self.go(opening_us)?;
            if opening_us >= self.history.last_us() {
                self.clock = Clock::Follow;
            }
            self.link.retrieved.get_or_insert(began.elapsed());
        }
        Ok(())
    }

    fn move_on(&mut self) -> Result<(), TopError> {
        match self.clock {
            Clock::Paused => {}
            Clock::Follow => self.dirty |= self.player.advance(&self.history, u64::MAX)?,
            Clock::Playing { since, from_us } => {
                let passed_us = since.elapsed().as_micros() as u64 * u64::from(self.speed);
                self.cursor_us = from_us + passed_us;
                self.dirty |= self.player.advance(&self.history, self.cursor_us)?;
                if self.cursor_us >= self.history.last_us() {
                    self.cursor_us = self.history.last_us();
                    self.clock = if self.grows() { Clock::Follow } else { Clock::Paused };
                    self.dirty = true;
                }
            }
        }
        Ok(())
    }

    /// Goes to a time and stays there.
    pub(crate) fn go(&mut self, to_us: u64) -> Result<(), TopError> {
        let to_us = to_us.clamp(self.history.first_us(), self.history.last_us());
        let began = Instant::now();
        self.player.seek(&self.history, to_us)?;
        if !self.is_live() {
            self.link.retrieved = Some(began.elapsed());
        }
        self.stay(to_us);
        Ok(())
    }

    /// Goes to the end, and on with it.
    pub(crate) fn go_to_end(&mut self) -> Result<(), TopError> {
        self.go(self.history.last_us())?;
        self.clock = Clock::Follow;
        Ok(())
    }

    /// Goes forward, reading only what lies between.
    pub(crate) fn go_forward(&mut self, to_us: u64) -> Result<(), TopError> {
        let began = Instant::now();
        let mut to_us = to_us;
        let mut moved = self.player.advance(&self.history, to_us)?;
        if !moved && let Some(next_us) = self.player.next_us()? {
            // Nothing was said meanwhile: on to when something was.
            to_us = next_us;
            moved = self.player.advance(&self.history, to_us)?;
        }
        if !self.is_live() {
            self.link.retrieved = Some(began.elapsed());
        }
        self.stay(to_us.min(self.history.last_us()));
        if !moved && self.grows() {
            self.clock = Clock::Follow;
        }
        Ok(())
    }

    fn stay(&mut self, at_us: u64) {
        self.cursor_us = at_us;
        self.clock = Clock::Paused;
        self.dirty = true;
    }

    /// Pauses, or goes on.
    pub(crate) fn pause(&mut self) -> Result<(), TopError> {
        self.dirty = true;
        match self.clock {
            Clock::Follow | Clock::Playing { .. } if !self.at_the_end_of_a_recording() => {
                self.stay(self.at_us());
            }
            Clock::Follow | Clock::Playing { .. } => {
                // There is nothing more to come: from the beginning, then.
                self.go(self.history.beginning_us())?;
                self.play();
            }
            Clock::Paused if self.cursor_us >= self.history.last_us() && !self.grows() => {
                self.go(self.history.beginning_us())?;
                self.play();
            }
            Clock::Paused => self.play(),
        }
        Ok(())
    }

    fn at_the_end_of_a_recording(&self) -> bool {
        matches!(self.clock, Clock::Follow) && !self.grows()
    }

    /// Goes on from where one is.
    pub(crate) fn play(&mut self) {
        self.clock = Clock::Playing { since: Instant::now(), from_us: self.cursor_us };
        self.dirty = true;
    }

    /// Asks something of whoever listens to the server.
    pub(crate) fn ask(&mut self, control: Control) {
        if let Some((_, asks)) = &self.live
            && asks.send(control).is_err()
        {
            self.link.lost = Some("the sampler has ended".into());
        }
    }

    /// Says something, for a while.
    pub(crate) fn say(&mut self, notice: &str) {
        self.notice = Some((notice.to_owned(), Instant::now()));
        self.dirty = true;
    }

    /// What is being said.
    pub(crate) fn notice(&self) -> Option<&str> {
        self.notice.as_ref().map(|(notice, _)| notice.as_str())
    }
}

impl Drop for App {
    fn drop(&mut self) {
        self.ask(Control::Stop);
    }
}

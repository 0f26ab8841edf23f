//! Everything that was said, where it can be found again: on disk, never in memory.
//!
//! Frames of a live server are appended to the [`Spool`]; a recording is read where it is. In memory there is an index
//! (a time and an offset now and then), the [`Events`], the [`Chronicle`], and what was said once and holds for good:
//! who speaks, what names mean, the plan. So a live run can be paused, rewound and resumed, and no frame is lost.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::{Duration, Instant};

use telemetry::{Frame, Hello, Kind, Mark, Queues, Recording, Stamp};

use crate::TopError;
use crate::past::chronicle::Chronicle;
use crate::past::events::Events;
use crate::past::health::Described;
use crate::past::names;
use crate::past::spool::{SPOOL_BYTES_MAX, Spool};
use crate::past::tape::Tape;

/// Places that are remembered. When there are as many, every other is forgotten, and half as many come from then on:
/// seeking reads a little more.
const PLACES_MAX: usize = 16_384;

/// Names that catalogs explain. Later ones are gauges.
const NAMES_MAX: usize = 65_536;

/// Speakers that are remembered. Later ones are not shown.
const SPEAKERS_MAX: usize = 64;

/// Everything that was said.
#[derive(Debug)]
pub(crate) struct History {
    store: Store,
    /// Where there is a frame of when, in order.
    places: Vec<(u64, u64)>,
    /// Frames from one place to the next.
    stride: u64,
    frames: u64,
    first: Option<Stamp>,
    first_sample_us: Option<u64>,
    last: Stamp,
    /// What was said once and holds for good.
    pub(crate) known: Known,
    /// What happened.
    pub(crate) events: Events,
    /// The whole run in few points.
    pub(crate) chronicle: Chronicle,
    queues: Queues,
}

#[derive(Debug)]
enum Store {
    Recording { path: PathBuf, scan: Tape },
    Spool(Rc<RefCell<Spool>>),
}

/// What was said once and holds for good.
#[derive(Debug, Default)]
pub(crate) struct Known {
    kinds: HashMap<String, Kind>,
    /// Who speaks, by source; the latest of each.
    pub(crate) hellos: BTreeMap<String, Hello>,
    /// What the runner set out to do, if it said so.
    pub(crate) plan: Option<Mark>,
    /// Where the server listens, if it said so.
    pub(crate) ready: Option<Mark>,
    /// Which queues are followed.
    pub(crate) described: Described,
    /// How fast connections were opened over the ramp, as the generator said at its end, and when.
    reached_rate: Option<(u64, f64)>,
}

impl Known {
    /// How a name's values follow each other.
    pub(crate) fn kind(&self, name: &str) -> Kind {
        self.kinds.get(name).copied().unwrap_or_else(|| names::kind(name))
    }

    /// How fast connections were opened over the ramp, once that was said.
    pub(crate) fn reached_rate_per_s(&self, at_us: u64) -> Option<f64> {
        self.reached_rate.filter(|&(said_us, _)| said_us <= at_us).map(|(_, rate)| rate)
    }
}

impl History {
    /// The history of a recording, of which nothing has been read yet: see [`scan`](Self::scan).
    pub(crate) fn of_recording(path: &Path) -> Result<History, TopError> {
        let scan = Tape::Recording(Recording::open(path).map_err(TopError::Recording)?);
        Ok(History::new(Store::Recording { path: path.to_owned(), scan }))
    }

    /// The history of a live server, empty.
    pub(crate) fn of_live() -> Result<History, TopError> {
        History::of_live_within(SPOOL_BYTES_MAX)
    }

    /// The same, keeping at most so much on disk.
    pub(crate) fn of_live_within(bytes_max: u64) -> Result<History, TopError> {
        let spool = Spool::new(bytes_max).map_err(TopError::Spool)?;
        Ok(History::new(Store::Spool(Rc::new(RefCell::new(spool)))))
    }

    fn new(store: Store) -> History {
        History {
            store,
            places: Vec::new(),
            stride: 1,
            frames: 0,
            first: None,
            first_sample_us: None,
            last: Stamp::default(),
            known: Known::default(),
            events: Events::default(),
            chronicle: Chronicle::default(),
            queues: Described::default().queues(),
        }
    }

    /// Reads on in the recording for at most `budget`. Says whether its present end was reached.
    pub(crate) fn scan(&mut self, budget: Duration) -> Result<bool, TopError> {
        let began = Instant::now();
        for count in 1_u32.. {
            let Store::Recording { scan, .. } = &mut self.store else { return Ok(true) };
            let Some((offset, frame)) = scan.next()? else { return Ok(true) };
            self.learn(Some(offset), &frame);
            // The clock is not free.
            if count.is_multiple_of(16) && began.elapsed() >= budget {
                return Ok(false);
            }
        }
        Ok(false)
    }

    /// Keeps a frame of a live server.
    ///
    /// # Errors
    /// [`TopError::Spool`] when there is no room: the frame is learnt from, but cannot be read again.
    pub(crate) fn append(&mut self, frame: &Frame) -> Result<(), TopError> {
        let Store::Spool(spool) = &self.store else { return Ok(()) };
        let appended = spool.borrow_mut().append(frame);
        let offset = match appended {
            Ok(offset) => offset,
            Err(error) => {
                self.learn(None, frame);
                return Err(TopError::Spool(error));
            }
        };
        let first = spool.borrow().first();
        let forgotten = self.places.partition_point(|&(_, offset)| offset < first);
        self.places.drain(..forgotten);
        self.learn(Some(offset), frame);
        Ok(())
    }

    /// Lets the disk be full from now on.
    #[cfg(test)]
    pub(crate) fn fill_disk(&self) {
        if let Store::Spool(spool) = &self.store {
            spool.borrow_mut().fill_disk();
        }
    }

    /// A reader of its own, from the beginning.
    pub(crate) fn tape(&self) -> Result<Tape, TopError> {
        match &self.store {
            Store::Recording { path, .. } => {
                Recording::open(path).map(Tape::Recording).map_err(TopError::Recording)
            }
            Store::Spool(spool) => Ok(Tape::of_spool(spool)),
        }
    }

    /// The place of a frame that was said at `at_us` or earlier: the latest such that is remembered.
    pub(crate) fn offset_before(&self, at_us: u64) -> u64 {
        let after = self.places.partition_point(|&(place_us, _)| place_us <= at_us);
        self.places.get(after.saturating_sub(1)).map_or(0, |&(_, offset)| offset)
    }

    /// When the first frame that is still kept was said.
    pub(crate) fn first_us(&self) -> u64 {
        self.places.first().map_or(0, |&(at_us, _)| at_us)
    }

    /// When the first sample was taken that is still kept: before it there is nothing to see.
    pub(crate) fn beginning_us(&self) -> u64 {
        self.first_sample_us.unwrap_or(0).max(self.first_us())
    }

    /// When the last frame was said.
    pub(crate) fn last_us(&self) -> u64 {
        self.last.mono_us
    }

    /// The wall time of a monotonic one.
    pub(crate) fn wall_us(&self, at_us: u64) -> u64 {
        self.last.wall_us.saturating_sub(self.last.mono_us.saturating_sub(at_us))
    }

    /// When the very first frame was said, kept or not: what times are counted from.
    pub(crate) fn start_us(&self) -> u64 {
        self.first.map_or(0, |first| first.mono_us)
    }

    /// Whether more may be said: a packed recording and a run that has ended are complete.
    pub(crate) fn may_grow(&self) -> bool {
        let packed =
            matches!(&self.store, Store::Recording { scan: Tape::Recording(tape), .. } if tape.is_packed());
        !packed && self.events.run_ended_us().is_none()
    }

    /// Whether anything was said at all.
    pub(crate) fn is_empty(&self) -> bool {
        self.frames == 0
    }

    /// Where to begin looking: the end, or of a run that is over, the moment before it was taken down, because there is
    /// nothing to see after that.
    pub(crate) fn opening_us(&self) -> u64 {
        if self.events.run_ended_us().is_none() {
            return self.last_us();
        }
        let drain = self.events.phases().filter(|phase| phase.name == "drain").last();
        drain.map_or(self.last_us(), |drain| drain.began_us.saturating_sub(1))
    }

    fn learn(&mut self, offset: Option<u64>, frame: &Frame) {
        let at = frame.at();
        self.first.get_or_insert(at);
        if at.mono_us >= self.last.mono_us {
            self.last = at;
        }
        if let Some(offset) = offset
            && self.frames.is_multiple_of(self.stride)
        {
            self.remember(offset);
        }
        self.frames += 1;
        match frame {
            Frame::Hello(hello) => {
                if self.known.hellos.len() < SPEAKERS_MAX || self.known.hellos.contains_key(&hello.source) {
                    self.known.hellos.insert(hello.source.clone(), hello.clone());
                }
            }
            Frame::Catalog(catalog) => {
                for (name, meaning) in &catalog.names {
                    if self.known.kinds.len() < NAMES_MAX {
                        self.known.kinds.insert(name.clone(), meaning.kind);
                    }
                }
            }
            Frame::Mark(mark) => self.learn_mark(mark),
            Frame::Log(log) => self.events.take_log(log),
            Frame::Latency(latency) => self.chronicle.take_latency(latency),
            Frame::Sample(sample) => {
                self.first_sample_us.get_or_insert(at.mono_us);
                let known = &self.known;
                self.chronicle.take_sample(sample, |name| known.kind(name));
                self.queues.update(at.mono_us, &|name| sample.values.get(name).copied());
                self.derive_alerts();
            }
            Frame::Table(table) => {
                self.queues.update_table(table);
                self.derive_alerts();
            }
            Frame::Audit(_) => {}
        }
    }

    fn learn_mark(&mut self, mark: &Mark) {
        self.events.take_mark(mark);
        if let Some(rate) = mark.attributes.get("reached_rate_per_s").and_then(serde_json::Value::as_f64) {
            self.known.reached_rate = Some((mark.at.mono_us, rate));
        }
        if let Some(described) = Described::by(mark).filter(|described| *described != self.known.described) {
            self.queues = described.queues();
            self.known.described = described;
        }
        match (mark.source.as_str(), mark.name.as_str()) {
            ("runner", "plan") => self.known.plan = Some(mark.clone()),
            ("server", "worker.ready") => self.known.ready = Some(mark.clone()),
            _ => {}
        }
    }

    fn derive_alerts(&mut self) {
        for mark in self.queues.take_marks() {
            self.events.take_derived(&mark);
        }
    }

    fn remember(&mut self, offset: u64) {
        if self.places.len() == PLACES_MAX {
            let mut index = 0;
            self.places.retain(|_| {
                index += 1;
                index % 2 == 1
            });
            self.stride *= 2;
        }
        self.places.push((self.last.mono_us, offset));
    }
}

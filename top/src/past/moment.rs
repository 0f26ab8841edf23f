//! The state at a moment: what follows from the frames of the [`WINDOW`] before it.
//!
//! Stepping forward folds the next frames in. Stepping back begins anew, a window earlier, and folds up to there.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::Duration;

use telemetry::{Audit, Cell, Decayed, Decays, Frame, Kind, Latency, Queues, Sample, Stamp, Table};

use crate::TopError;
use crate::past::chronicle::Percentiles;
use crate::past::health::Described;
use crate::past::history::{History, Known};
use crate::past::tape::Tape;

/// How much of the past a moment follows from. What decays over 100 s has forgotten 95 % of what was before.
pub(crate) const WINDOW: Duration = Duration::from_secs(300);

/// A name that nothing was told of for so long is of something that is gone. Longer than the longest interval.
const STALE: Duration = Duration::from_secs(65);

/// How many of its own intervals something may keep silent before what it said last is no longer how it is now.
const SILENT_INTERVALS: u64 = 3;

/// And so long at least: a busy machine is late.
const SILENCE_MIN: Duration = Duration::from_secs(3);

/// Values of the last seconds that are kept for each name.
const RECENT_MAX: usize = 60;

/// Names that are followed; later ones are not shown.
const NAMES_MAX: usize = 4_096;

/// Tables, histograms and audits that are followed, of each kind; later ones are not shown.
const KINDS_MAX: usize = 64;

/// A table, and the one before it.
#[derive(Debug)]
pub(crate) struct Tables {
    pub(crate) now: Table,
    pub(crate) before: Option<Table>,
    pace: Pace,
}

/// When something was said last, and how often it is said.
#[derive(Debug, Clone, Copy, Default)]
struct Pace {
    at_us: u64,
    /// From one time to the next, the last three; 0 where there was none.
    gaps_us: [u64; 3],
}

impl Pace {
    fn said(&mut self, at_us: u64) {
        let gap_us = if self.at_us == 0 { 0 } else { at_us.saturating_sub(self.at_us) };
        // Said twice at once, it was said once.
        if gap_us > 0 {
            self.gaps_us = [self.gaps_us[1], self.gaps_us[2], gap_us];
        }
        self.at_us = self.at_us.max(at_us);
    }

    /// The middle one of the gaps: one may have been a silence, and one something said besides.
    fn interval_us(&self) -> Option<u64> {
        let mut gaps_us = self.gaps_us;
        gaps_us.sort_unstable();
        match gaps_us {
            [0, 0, 0] => None,
            [0, _, longest] => Some(longest),
            [_, middle, _] => Some(middle),
        }
    }

    /// For how long it has been silent, if that is longer than it should be.
    fn silence(&self, now_us: u64) -> Option<Duration> {
        let bound_us = match self.interval_us() {
            None => STALE.as_micros() as u64,
            Some(us) => us.saturating_mul(SILENT_INTERVALS).max(SILENCE_MIN.as_micros() as u64),
        };
        let silent_us = now_us.saturating_sub(self.at_us);
        (silent_us > bound_us).then(|| Duration::from_micros(silent_us))
    }
}

impl Tables {
    /// The seconds between the two.
    pub(crate) fn elapsed_s(&self) -> Option<f64> {
        let before_us = self.before.as_ref()?.at.mono_us;
        let elapsed_us = self.now.at.mono_us.checked_sub(before_us).filter(|&us| us > 0)?;
        Some(elapsed_us as f64 / 1e6)
    }
}

/// The state at a moment.
#[derive(Debug)]
pub(crate) struct Moment {
    at: Stamp,
    /// Up to when was looked for frames; later than the last of them when there was silence.
    looked_us: u64,
    latest: BTreeMap<String, (Pace, f64)>,
    decays: Decays,
    recent: HashMap<String, Recent>,
    tables: BTreeMap<String, Tables>,
    latencies: BTreeMap<String, Latency>,
    audits: BTreeMap<String, Audit>,
    queues: Queues,
    described: Described,
    samples: u64,
}

/// A name's values of the last seconds, one a second.
#[derive(Debug, Default)]
struct Recent {
    second: u64,
    values: VecDeque<f32>,
}

impl Moment {
    /// Before anything was said, but for which queues are followed.
    fn new(known: &Known) -> Moment {
        Moment {
            at: Stamp::default(),
            looked_us: 0,
            latest: BTreeMap::new(),
            decays: Decays::new(),
            recent: HashMap::new(),
            tables: BTreeMap::new(),
            latencies: BTreeMap::new(),
            audits: BTreeMap::new(),
            queues: known.described.queues(),
            described: known.described.clone(),
            samples: 0,
        }
    }

    /// When the last frame was said that this follows from.
    pub(crate) fn at(&self) -> Stamp {
        self.at
    }

    fn now_us(&self) -> u64 {
        self.at.mono_us.max(self.looked_us)
    }

    /// A name's value now, as it was sampled; `None` when it has been silent for too long.
    pub(crate) fn value(&self, name: &str) -> Option<f64> {
        let (pace, value) = self.latest.get(name)?;
        pace.silence(self.now_us()).is_none().then_some(*value)
    }

    /// A name's last value, however long ago it was said: what a total has reached.
    pub(crate) fn reached(&self, name: &str) -> Option<f64> {
        self.latest.get(name).map(|&(_, value)| value)
    }

    /// A gauge's value or a counter's rate now, and what they were lately.
    pub(crate) fn decayed(&self, name: &str) -> Option<Decayed> {
        self.value(name)?;
        self.decays.get(name)
    }

    /// A counter's rate now, per second.
    pub(crate) fn rate(&self, name: &str) -> Option<f64> {
        self.decayed(name).filter(|decayed| decayed.kind == Kind::Counter).map(|decayed| decayed.value)
    }

    /// For how long a name has been silent, if that is longer than it should be.
    pub(crate) fn silence(&self, name: &str) -> Option<Duration> {
        self.latest.get(name)?.0.silence(self.now_us())
    }

    /// All names that were told of lately, in order.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        let since_us = self.now_us().saturating_sub(STALE.as_micros() as u64);
        self.latest.iter().filter(move |(_, (pace, _))| pace.at_us >= since_us).map(|(name, _)| name.as_str())
    }

    /// All names that were ever told of and begin so, in order.
    pub(crate) fn names_behind<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = &'a str> {
        self.latest.keys().map(String::as_str).filter(move |name| name.starts_with(prefix))
    }

    /// A name's values of the last seconds, one a second.
    pub(crate) fn recent(&self, name: &str) -> impl Iterator<Item = f32> + '_ {
        self.recent.get(name).into_iter().flat_map(|recent| recent.values.iter().copied())
    }

    /// For how long a table has not been told, if that is longer than it should be.
    pub(crate) fn table_silence(&self, name: &str) -> Option<Duration> {
        self.tables.get(name)?.pace.silence(self.now_us())
    }

    /// A table and the one before it, however old.
    pub(crate) fn table(&self, name: &str) -> Option<&Tables> {
        self.tables.get(name)
    }

    /// The percentiles of a histogram's latest interval.
    pub(crate) fn percentiles(&self, name: &str) -> Option<Percentiles> {
        self.latencies.get(name).and_then(Percentiles::of)
    }

    /// The account of one source.
    pub(crate) fn audit(&self, source: &str) -> Option<&Audit> {
        self.audits.get(source)
    }

    /// How the queues are.
    pub(crate) fn queues(&self) -> &Queues {
        &self.queues
    }

    /// How many samples of the server this follows from.
    pub(crate) fn samples(&self) -> u64 {
        self.samples
    }

    fn fold(&mut self, frame: Frame, known: &Known) {
        let at = frame.at();
        if at.mono_us >= self.at.mono_us {
            self.at = at;
        }
        match frame {
            Frame::Sample(sample) => self.fold_sample(&sample, known),
            Frame::Table(table) => self.fold_table(table),
            Frame::Latency(latency) => {
                if self.latencies.len() < KINDS_MAX || self.latencies.contains_key(&latency.name) {
                    self.latencies.insert(latency.name.clone(), latency);
                }
            }
            Frame::Audit(audit) => {
                if self.audits.len() < KINDS_MAX || self.audits.contains_key(&audit.source) {
                    self.audits.insert(audit.source, audit.audit);
                }
            }
            Frame::Mark(mark) => {
                if let Some(described) = Described::by(&mark).filter(|described| *described != self.described)
                {
                    self.queues = described.queues();
                    self.described = described;
                }
            }
            Frame::Hello(_) | Frame::Catalog(_) | Frame::Log(_) => {}
        }
    }

    fn fold_sample(&mut self, sample: &Sample, known: &Known) {
        let at_us = sample.at.mono_us;
        self.samples += u64::from(sample.values.contains_key("server.connections"));
        for (name, &value) in &sample.values {
            if let Some(latest) = self.latest.get_mut(name) {
                latest.0.said(at_us);
                latest.1 = value;
            } else if self.latest.len() < NAMES_MAX {
                let mut pace = Pace::default();
                pace.said(at_us);
                self.latest.insert(name.clone(), (pace, value));
            }
        }
        let values = sample.values.iter().map(|(name, &value)| (name.as_str(), value));
        self.decays.update(at_us, values, |name| known.kind(name));
        for name in sample.values.keys() {
            let Some(decayed) = self.decays.get(name) else { continue };
            if let Some(recent) = self.recent.get_mut(name) {
                recent.take(at_us, decayed.value);
            } else if self.recent.len() < NAMES_MAX {
                self.recent.entry(name.clone()).or_default().take(at_us, decayed.value);
            }
        }
        self.queues.update(at_us, &|name| sample.values.get(name).copied());
    }

    fn fold_table(&mut self, table: Table) {
        self.queues.update_table(&table);
        if let Some(tables) = self.tables.get_mut(&table.name) {
            tables.pace.said(table.at.mono_us);
            tables.before = Some(std::mem::replace(&mut tables.now, table));
        } else if self.tables.len() < KINDS_MAX {
            let mut pace = Pace::default();
            pace.said(table.at.mono_us);
            self.tables.insert(table.name.clone(), Tables { now: table, before: None, pace });
        }
    }
}

impl Recent {
    fn take(&mut self, at_us: u64, value: f64) {
        let second = at_us / 1_000_000;
        if second == self.second {
            self.values.pop_back();
        } else if self.values.len() == RECENT_MAX {
            self.values.pop_front();
        }
        self.second = second;
        self.values.push_back(value as f32);
    }
}

/// Plays a history: a moment that can be put anywhere and moved on.
#[derive(Debug)]
pub(crate) struct Player {
    tape: Tape,
    /// The next frame, read already: it was said after the moment.
    ahead: Option<Frame>,
    moment: Moment,
}

impl Player {
    /// At the beginning of a history.
    pub(crate) fn new(history: &History) -> Result<Player, TopError> {
        Ok(Player { tape: history.tape()?, ahead: None, moment: Moment::new(&history.known) })
    }

    /// The state where it stands.
    pub(crate) fn moment(&self) -> &Moment {
        &self.moment
    }

    /// Moves on to `until_us`. Says whether anything was said meanwhile.
    pub(crate) fn advance(&mut self, history: &History, until_us: u64) -> Result<bool, TopError> {
        let mut moved = false;
        if until_us != u64::MAX {
            self.moment.looked_us = until_us.min(history.last_us());
        }
        loop {
            let next = match self.ahead.take() {
                Some(frame) => Some(frame),
                None => self.tape.next()?.map(|(_, frame)| frame),
            };
            match next {
                // These say nothing of a time, and must not hold up what was said before them and told after.
                Some(Frame::Hello(_) | Frame::Catalog(_)) => continue,
                Some(frame) if frame.at().mono_us > until_us => {
                    self.ahead = Some(frame);
                    return Ok(moved);
                }
                Some(frame) => self.moment.fold(frame, &history.known),
                None => return Ok(moved),
            }
            moved = true;
        }
    }

    /// Takes in a frame that is on no tape.
    pub(crate) fn skip(&mut self, frame: Frame, history: &History) {
        self.moment.fold(frame, &history.known);
    }

    /// Goes to any time.
    pub(crate) fn seek(&mut self, history: &History, to_us: u64) -> Result<(), TopError> {
        let window_us = WINDOW.as_micros() as u64;
        self.tape.seek(history.offset_before(to_us.saturating_sub(window_us)))?;
        self.ahead = None;
        self.moment = Moment::new(&history.known);
        self.advance(history, to_us.max(history.first_us()))?;
        Ok(())
    }

    /// When the next frame was said, if there is one.
    pub(crate) fn next_us(&mut self) -> Result<Option<u64>, TopError> {
        if self.ahead.is_none() {
            self.ahead = self.tape.next()?.map(|(_, frame)| frame);
        }
        Ok(self.ahead.as_ref().map(|frame| frame.at().mono_us))
    }
}

/// A cell's figure.
pub(crate) fn number(cell: Option<&Cell>) -> Option<f64> {
    match cell {
        Some(Cell::Number(number)) => Some(*number),
        _ => None,
    }
}

/// A cell's words.
pub(crate) fn text(cell: Option<&Cell>) -> Option<String> {
    match cell {
        Some(Cell::Number(number)) => Some(crate::words::plain(*number)),
        Some(Cell::Text(text)) => Some(text.clone()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_is_counted_in_intervals_of_one_s_own() {
        let silent_after_s = |said_s: &[f64]| {
            let mut pace = Pace::default();
            said_s.iter().for_each(|second| pace.said((1e9 + second * 1e6) as u64));
            let last_us = pace.at_us;
            (1..1_000).find(|second| pace.silence(last_us + second * 1_000_000).is_some())
        };
        assert_eq!(silent_after_s(&[0.0, 1.0, 2.0, 3.0]), Some(4), "three seconds at least");
        assert_eq!(silent_after_s(&[0.0, 10.0, 20.0, 30.0]), Some(31));
        assert_eq!(silent_after_s(&[0.0, 10.0, 20.0, 20.1]), Some(31), "said once more, besides");
        assert_eq!(silent_after_s(&[0.0, 1.0, 2.0, 200.0]), Some(4), "back after a silence");
        assert_eq!(silent_after_s(&[0.0, 10.0]), Some(31));
        assert_eq!(silent_after_s(&[0.0]), Some(66), "nobody knows how often");
    }
}

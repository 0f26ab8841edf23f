//! Frames whose time cannot be right are left out, so that one damaged number does not bend every chart.
//!
//! A few frames are held back, and each is judged by those before and after it. A pause, which all frames after it agree on,
//! is none of this; what lies an hour ahead and is followed by frames of now is.

use std::collections::{HashMap, VecDeque};

use telemetry::Frame;

/// How many frames are held back, and so seen ahead of the one that is judged.
const AHEAD: usize = 8;

/// How many of the last ones taken it is compared with.
const BEHIND: usize = 4;

/// Sources are heard late by some seconds when the machine is busy; by more than this, the time is wrong.
const LATE_US_MAX: u64 = 60_000_000;

/// A frame farther than this from all others is alone, unless those are as far from each other.
const ALONE_US: u64 = 3_600_000_000;

/// No frame is so far from the first one: ten years.
const APART_US_MAX: u64 = 10 * 366 * 86_400 * 1_000_000;

/// The most sources whose clocks are followed; of further ones, only what is far off is noticed.
const SOURCES_MAX: usize = 64;

/// Lets frames through one after the other, but for those whose time is wrong.
#[derive(Debug, Default)]
pub(super) struct Clock {
    held: VecDeque<Frame>,
    /// The times of the last ones that were let through.
    behind: VecDeque<u64>,
    first_us: Option<u64>,
    /// By source, when it was heard last.
    sources: HashMap<String, u64>,
    /// Frames far from those around them.
    pub(super) apart: u64,
    /// Frames earlier than the one before them of the same source.
    pub(super) back: u64,
}

impl Clock {
    /// Takes in a frame, and gives one that came before it.
    pub(super) fn pass(&mut self, frame: Frame) -> Option<Frame> {
        self.held.push_back(frame);
        if self.held.len() > AHEAD { self.judged() } else { None }
    }

    /// What is still held back when no more comes.
    pub(super) fn rest(&mut self) -> Option<Frame> {
        while !self.held.is_empty() {
            if let Some(frame) = self.judged() {
                return Some(frame);
            }
        }
        None
    }

    fn judged(&mut self) -> Option<Frame> {
        let frame = self.held.pop_front()?;
        let (at_us, source) = (frame.at().mono_us, frame.source());
        if self.is_apart(at_us, source) {
            self.apart += 1;
            return None;
        }
        let room = self.sources.len() < SOURCES_MAX;
        match self.sources.get_mut(source) {
            Some(last_us) if *last_us > at_us => {
                self.back += 1;
                return None;
            }
            Some(last_us) => *last_us = at_us,
            None if room => {
                self.sources.insert(source.to_owned(), at_us);
            }
            None => {}
        }
        self.first_us.get_or_insert(at_us);
        if self.behind.len() >= BEHIND {
            self.behind.pop_front();
        }
        self.behind.push_back(at_us);
        Some(frame)
    }

    fn is_apart(&self, at_us: u64, source: &str) -> bool {
        let ahead = || self.held.iter().map(|frame| frame.at().mono_us);
        let behind = || self.behind.iter().copied();
        let of_source = self.held.iter().filter(|frame| frame.source() == source);
        most(ahead(), |other_us| at_us > other_us.saturating_add(LATE_US_MAX))
            || most(behind(), |other_us| other_us > at_us.saturating_add(LATE_US_MAX))
            || most(of_source.map(|frame| frame.at().mono_us), |later_us| at_us > later_us)
            || is_alone(at_us, ahead().chain(behind()))
            || self.first_us.is_some_and(|first_us| first_us.abs_diff(at_us) > APART_US_MAX)
    }
}

/// Whether it is so of more than half, and there are enough to tell.
fn most(times: impl Iterator<Item = u64>, so: impl Fn(u64) -> bool) -> bool {
    let (mut count, mut all) = (0, 0);
    for time in times {
        all += 1;
        count += usize::from(so(time));
    }
    all >= 2 && count * 2 > all
}

/// Whether a frame is farther from all others than those are from each other.
fn is_alone(at_us: u64, others: impl Iterator<Item = u64> + Clone) -> bool {
    let (Some(low), Some(high)) = (others.clone().min(), others.clone().max()) else { return false };
    let nearest = others.clone().map(|other| other.abs_diff(at_us)).min().unwrap_or(0);
    others.count() >= 2 && nearest > ALONE_US && nearest > high - low
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use telemetry::{Sample, Stamp};

    use super::*;

    /// What is let through of samples of three sources, in seconds, and how many were apart or back.
    fn passed(seconds: &[(&str, f64)]) -> (Vec<f64>, u64, u64) {
        let mut clock = Clock::default();
        let mut out = Vec::new();
        for (source, at_s) in seconds {
            let at = Stamp { mono_us: (at_s * 1e6) as u64, wall_us: 0 };
            let frame = Frame::Sample(Sample { at, source: (*source).to_owned(), values: BTreeMap::new() });
            out.extend(clock.pass(frame));
        }
        out.extend(std::iter::from_fn(|| clock.rest()));
        (out.iter().map(|frame| frame.at().mono_us as f64 / 1e6).collect(), clock.apart, clock.back)
    }

    fn ticks() -> Vec<(&'static str, f64)> {
        let tick = |second| ["runner", "host", "generator"].map(|source| (source, f64::from(second)));
        (1_000_000..1_000_030).flat_map(tick).collect()
    }

    #[test]
    fn one_wrong_time_is_left_out_wherever_it_stands() {
        for place in [0, 1, 2, 40, 87, 88, 89] {
            for off_s in [30.0 * 86_400.0, 3_700.0, -3_700.0, -900_000.0] {
                let mut frames = ticks();
                frames[place].1 += off_s;
                let (kept, apart, back) = passed(&frames);
                assert_eq!((kept.len(), apart + back), (89, 1), "{place} by {off_s} s");
                assert!(kept.is_sorted());
            }
        }
        let mut frames = ticks();
        frames[40].1 -= 1.5;
        assert_eq!(passed(&frames).2, 1, "a step back is seen within a source");
        frames[50].1 += 20.0;
        let (kept, apart, back) = passed(&frames);
        assert_eq!(
            (kept.len(), apart, back),
            (88, 1, 1),
            "a small step ahead does not cost all that follows"
        );
    }

    #[test]
    fn pauses_slow_samplers_and_late_sources_are_kept() {
        let mut paused = ticks();
        paused[45..].iter_mut().for_each(|frame| frame.1 += 90_000.0);
        assert_eq!(passed(&paused).0.len(), 90);
        let slow: Vec<_> = (0..12).map(|hour| ("host", f64::from(hour) * 7_200.0)).collect();
        assert_eq!(passed(&slow).0.len(), 12);
        // A worker that stood still is heard all at once.
        let mut rest = ticks();
        rest.sort_by_key(|(source, _)| *source == "generator");
        assert_eq!(passed(&rest).0.len(), 90);
        assert_eq!(passed(&[("host", 5.0), ("host", 1e6)]).0.len(), 2, "two cannot tell which is wrong");
    }
}

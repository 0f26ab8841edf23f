//! The audit: what became of each message, from what a connection received.
//!
//! A publisher numbers the messages for each id from 1 up and writes the number into the [mark](wire::mark::Mark).
//! For each connection a [`Track`] of twelve bytes remembers the first number it has seen and the next it expects.
//! As long as numbers come in order that is all. A gap puts a range of missing numbers aside; a number from such a
//! range is late (*reordered*), any other old number is a *duplicate*, a mark for somebody else's id is *misrouted*.
//! What is still missing at the end lies in between messages that did arrive on the same connection, so it is
//! certainly lost. Messages lost before the first or after the last one seen leave no gap; they show in the sum,
//! `expected − delivered`, which the runner draws from the publisher's totals.
//!
//! Gaps are kept exactly, up to [`ANOMALIES_MAX`] ranges in each shard; past that the audit says that it is
//! saturated, and its figures are lower bounds.

use std::collections::HashMap;
use std::ops::Range;

use wire::mark::{Found, find};

/// Ranges of missing numbers, and publishers beyond a connection's first, that one shard keeps track of.
pub const ANOMALIES_MAX: usize = 100_000;

/// What one connection has seen of its first publisher: twelve bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Track {
    /// The next number expected; 0: none seen yet.
    next: u32,
    /// The lowest number seen.
    base: u32,
    publisher: u16,
    /// There are missing ranges kept aside for it.
    gaps: bool,
}

const _: () = assert!(size_of::<Track>() <= 16, "the audit takes at most 16 bytes per connection");

/// What a received message turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finding {
    /// The one expected, or a late one: delivered. With the times in its mark.
    Delivered {
        /// When it was meant to be sent, CLOCK_MONOTONIC in nanoseconds.
        intended_ns: u64,
        /// How much later it really was sent, in microseconds.
        lag_us: u32,
    },
    /// Seen before.
    Duplicated,
    /// Meant for another id.
    Misrouted,
    /// It carries a mark whose check does not fit.
    Corrupt,
    /// It carries no mark.
    Unmarked,
}

/// What a shard has found so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Messages delivered, each counted once.
    pub delivered: u64,
    /// Repetitions.
    pub duplicated: u64,
    /// Deliveries that came after a later message for the same id.
    pub reordered: u64,
    /// Messages that came to a connection which does not hold their id.
    pub misrouted: u64,
    /// Messages with a damaged mark.
    pub corrupt: u64,
    /// Messages without a mark.
    pub unmarked: u64,
    /// Messages missing between ones that arrived.
    pub missing: u64,
    /// The account was overrun; all figures are lower bounds.
    pub saturated: bool,
}

/// A connection and a publisher.
type Pair = (u32, u16);

#[derive(Debug, Clone)]
struct Gap {
    numbers: Range<u32>,
    /// It lies before the first number seen at the time, so nothing says that its messages were for this connection.
    excused: bool,
}

/// One shard's audit.
#[derive(Debug, Default)]
pub struct Auditor {
    counts: Counts,
    gaps: HashMap<Pair, Vec<Gap>>,
    further: HashMap<Pair, Track>,
    ranges: usize,
}

impl Auditor {
    /// What has been found so far.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// Looks at a message that connection `number`, which holds `id`, has received. Without an `id` nothing counts
    /// as misrouted.
    pub fn message(&mut self, number: u32, id: Option<u32>, track: &mut Track, bytes: &[u8]) -> Finding {
        let mark = match find(bytes) {
            Found::Mark(mark) => mark,
            Found::Absent => {
                self.counts.unmarked += 1;
                return Finding::Unmarked;
            }
            Found::Corrupt => {
                self.counts.corrupt += 1;
                return Finding::Corrupt;
            }
        };
        if id.is_some_and(|id| id != mark.id) {
            self.counts.misrouted += 1;
            return Finding::Misrouted;
        }
        let delivered = Finding::Delivered { intended_ns: mark.intended_ns, lag_us: mark.lag_us };
        if self.is_new(number, track, mark.publisher, mark.sequence) {
            self.counts.delivered += 1;
            delivered
        } else {
            self.counts.duplicated += 1;
            Finding::Duplicated
        }
    }

    /// Forgets a connection that has closed: what was missing stays counted, its track starts anew.
    pub fn closed(&mut self, number: u32, track: &Track) {
        if track.gaps {
            self.ranges -= self.gaps.remove(&(number, track.publisher)).map_or(0, |gaps| gaps.len());
        }
        if !self.further.is_empty() {
            self.further.retain(|pair, _| pair.0 != number);
            self.gaps.retain(|pair, _| pair.0 != number);
            self.ranges = self.gaps.values().map(Vec::len).sum();
        }
    }

    fn is_new(&mut self, number: u32, track: &mut Track, publisher: u16, sequence: u32) -> bool {
        if track.next == 0 {
            *track = Track { next: 0, base: sequence, publisher, gaps: false };
        }
        if track.publisher == publisher {
            return self.follow(number, track, sequence);
        }
        // A second publisher for the same connection: rare, so its track is kept aside.
        let known = self.further.get(&(number, publisher)).copied();
        if known.is_none() && self.further.len() >= ANOMALIES_MAX {
            self.counts.saturated = true;
            return true;
        }
        let mut track = known.unwrap_or(Track { next: 0, base: sequence, publisher, gaps: false });
        let new = self.follow(number, &mut track, sequence);
        self.further.insert((number, publisher), track);
        new
    }

    fn follow(&mut self, number: u32, track: &mut Track, sequence: u32) -> bool {
        let pair = (number, track.publisher);
        if sequence == track.next || track.next == 0 {
            track.next = sequence.wrapping_add(1);
            return true;
        }
        if sequence > track.next {
            self.put_aside(pair, track, track.next..sequence, false);
            track.next = sequence.wrapping_add(1);
            return true;
        }
        if sequence < track.base {
            self.put_aside(pair, track, sequence + 1..track.base, true);
            track.base = sequence;
            self.counts.reordered += 1;
            return true;
        }
        let late = track.gaps && self.take_from_gap(pair, track, sequence);
        self.counts.reordered += u64::from(late);
        late
    }

    fn put_aside(&mut self, pair: Pair, track: &mut Track, numbers: Range<u32>, excused: bool) {
        if numbers.is_empty() {
            return;
        }
        if !excused {
            self.counts.missing += u64::from(numbers.end - numbers.start);
        }
        if self.ranges >= ANOMALIES_MAX {
            self.counts.saturated = true;
            return;
        }
        self.ranges += 1;
        track.gaps = true;
        self.gaps.entry(pair).or_default().push(Gap { numbers, excused });
    }

    /// Takes a number out of the gap it lies in, if it lies in one.
    fn take_from_gap(&mut self, pair: Pair, track: &mut Track, sequence: u32) -> bool {
        let Some(gaps) = self.gaps.get_mut(&pair) else { return false };
        let Some(position) = gaps.iter().position(|gap| gap.numbers.contains(&sequence)) else {
            return false;
        };
        let Gap { numbers, excused } = gaps.swap_remove(position);
        self.ranges -= 1;
        if !excused {
            self.counts.missing -= 1;
        }
        for rest in [numbers.start..sequence, sequence + 1..numbers.end] {
            if !rest.is_empty() {
                gaps.push(Gap { numbers: rest, excused });
                self.ranges += 1;
            }
        }
        if gaps.is_empty() {
            self.gaps.remove(&pair);
            track.gaps = false;
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;
    use wire::mark::Mark;

    use super::*;

    fn message(publisher: u16, id: u32, sequence: u32) -> Vec<u8> {
        let mark = Mark { publisher, generator: 0, id, sequence, intended_ns: 7, lag_us: 1 };
        let mut payload = b"Recvd msg #1: '".to_vec();
        wire::mark::payload(&mut payload, &mark, 64);
        payload.extend_from_slice(b"'<br/>");
        payload
    }

    fn counts_of(sequences: &[u32]) -> Counts {
        let (mut auditor, mut track) = (Auditor::default(), Track::default());
        for &sequence in sequences {
            auditor.message(3, Some(9), &mut track, &message(1, 9, sequence));
        }
        auditor.counts()
    }

    #[test]
    fn names_what_went_wrong() {
        let clean = Counts { delivered: 3, ..Counts::default() };
        assert_eq!(counts_of(&[1, 2, 3]), clean);
        assert_eq!(counts_of(&[5, 6, 7]), clean, "a connection that logs in late has missed nothing");
        assert_eq!(counts_of(&[1, 2, 2, 3]), Counts { duplicated: 1, ..clean });
        assert_eq!(counts_of(&[1, 3, 2]), Counts { reordered: 1, ..clean });
        assert_eq!(counts_of(&[2, 1, 3]), Counts { reordered: 1, ..clean }, "the very first two, too");
        assert_eq!(counts_of(&[1, 4, 5]), Counts { missing: 2, ..clean });
        assert_eq!(counts_of(&[5, 2, 2, 6]), Counts { reordered: 1, duplicated: 1, ..clean });
    }

    #[test]
    fn knows_strangers() {
        let (mut auditor, mut track) = (Auditor::default(), Track::default());
        assert_eq!(auditor.message(0, Some(9), &mut track, &message(1, 8, 1)), Finding::Misrouted);
        assert_eq!(auditor.message(0, Some(9), &mut track, b"hello"), Finding::Unmarked);
        let mut damaged = message(1, 9, 1);
        damaged[30] ^= 1;
        assert_eq!(auditor.message(0, Some(9), &mut track, &damaged), Finding::Corrupt);
        assert_eq!(track, Track::default());
    }

    proptest! {
        /// Against a set of all numbers seen, with two publishers that count independently.
        #[test]
        fn is_exact(events in prop::collection::vec((1u16..3, 1u32..60), 1..300)) {
            let (mut auditor, mut track) = (Auditor::default(), Track::default());
            let mut seen: HashSet<(u16, u32)> = HashSet::new();
            let (mut duplicated, mut reordered) = (0, 0);
            for &(publisher, sequence) in &events {
                let highest = seen.iter().filter(|(p, _)| *p == publisher).map(|(_, s)| *s).max().unwrap_or(0);
                if seen.insert((publisher, sequence)) {
                    reordered += u64::from(sequence < highest);
                } else {
                    duplicated += 1;
                }
                auditor.message(0, Some(9), &mut track, &message(publisher, 9, sequence));
            }
            let counts = auditor.counts();
            prop_assert_eq!(counts.delivered, seen.len() as u64);
            prop_assert_eq!(counts.duplicated, duplicated);
            prop_assert_eq!(counts.reordered, reordered);
            prop_assert!(!counts.saturated);
            // Missing: what lies above each publisher's first number, below its highest, and never came.
            let missing: u64 = (1..3u16).map(|publisher| {
                let first = events.iter().find(|(p, _)| *p == publisher).map_or(0, |(_, s)| *s);
                let highest = events.iter().filter(|(p, _)| *p == publisher).map(|(_, s)| *s).max().unwrap_or(0);
                (first..highest).filter(|s| !seen.contains(&(publisher, *s)) ).count() as u64
            }).sum();
            prop_assert_eq!(counts.missing, missing);
        }
    }
}

//! Histograms read sparsely: only the counts that are not zero, without unfolding 190 KB for each.
//!
//! A recording of an hour holds ten thousand histograms and more, each with some hundred counts. Whoever wants them added
//! up by time bins, and their percentiles, is done here in a hundredth of the time and the memory. Adding is exact.
//!
//! What is inside an [`EncodedHistogram`], after base64:
//!
//! ```text
//!   1c 84 93 14 | bytes that follow | zlib:
//!     1c 84 93 13 | payload bytes | normalizing offset, 0 | digits | lowest, u64 | highest, u64 | ratio, f64, 1.0
//!     payload: zig-zag LEB128 numbers (a ninth byte is taken whole); n > 0: the next count, n < 0: −n counts of zero
//! ```
//!
//! HdrHistogram's own encoding, "V2"; its authority is `AbstractHistogram.java`, `encodeIntoByteBuffer`. The numbering of
//! counts is HdrHistogram's, too: 1,024 to each doubling of the value.

use std::ops::Range;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::{Decompress, FlushDecompress, Status};
use hdrhistogram::Histogram;

use crate::latency::{ENCODED_BYTES_MAX, LATENCY_MIN_NS};
use crate::{EncodedHistogram, FrameError, LATENCY_SIGNIFICANT_DIGITS, Latency, latency_histogram};

/// The most bytes in an inflated histogram; ours have under 64 KiB.
const INFLATED_BYTES_MAX: usize = 1 << 20;

/// Counts to a doubling, as a power of two: half of what three digits want.
const HALF_BITS: u32 = 10;

/// The finest difference between values, as a power of two: 512 ns, the largest that is not above the shortest latency.
const UNIT_BITS: u32 = LATENCY_MIN_NS.ilog2();

const V2_COOKIE: u32 = 0x1c84_9313;
const V2_DEFLATED_COOKIE: u32 = 0x1c84_9314;
const HEADER_BYTES: usize = 40;

/// The counts of a latency histogram that are not zero, in the order of the values.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Counts {
    /// Index and count. A count that would pass 2^32 stays there: so many latencies within a thousandth of each other, in
    /// one bin of a chart, are not told from more.
    pairs: Vec<(u32, u32)>,
}

impl Counts {
    /// How many latencies there are.
    pub fn total(&self) -> u64 {
        self.pairs.iter().map(|(_, count)| u64::from(*count)).sum()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.pairs.is_empty()
    }

    /// How many counts are not zero: 8 bytes of memory each.
    pub fn places(&self) -> usize {
        self.pairs.len()
    }

    /// Adds others.
    pub fn add(&mut self, others: &Counts) {
        let mut sum = Vec::with_capacity(self.pairs.len() + others.pairs.len() / 4);
        let (mut ours, mut theirs) = (self.pairs.iter().peekable(), others.pairs.iter().peekable());
        loop {
            let next = match (ours.peek(), theirs.peek()) {
                (Some(&&(a, count)), Some(&&(b, more))) if a == b => {
                    ours.next();
                    theirs.next();
                    (a, count.saturating_add(more))
                }
                (Some(&&a), Some(&&b)) if b.0 < a.0 => {
                    theirs.next();
                    b
                }
                (Some(&&a), _) => {
                    ours.next();
                    a
                }
                (None, Some(&&b)) => {
                    theirs.next();
                    b
                }
                (None, None) => break,
            };
            sum.push(next);
        }
        self.pairs = sum;
    }

    /// The values in nanoseconds at these quantiles, in ascending order: what a [`Histogram`] of these counts would say.
    /// Zeros when there is none.
    pub fn values_at<const N: usize>(&self, quantiles: [f64; N]) -> [u64; N] {
        let total = self.total();
        let mut pairs = self.pairs.iter();
        let (mut passed, mut index) = (0, 0);
        quantiles.map(|quantile| {
            let wanted = ((quantile * total as f64).ceil() as u64).clamp(1, total.max(1));
            while passed < wanted {
                let Some((at, count)) = pairs.next() else { return 0 };
                passed += u64::from(*count);
                index = *at;
            }
            highest(index)
        })
    }
}

/// Where many histograms are added up: as fast as each has counts, for the memory of a whole one.
#[derive(Debug, Clone)]
pub struct CountsSum {
    counts: Vec<u64>,
    /// What is not zero stands within.
    within: Range<usize>,
}

impl Default for CountsSum {
    fn default() -> Self {
        CountsSum { counts: vec![0; latency_histogram().distinct_values()], within: 0..0 }
    }
}

impl CountsSum {
    /// Whether nothing has been added.
    pub fn is_empty(&self) -> bool {
        self.within.is_empty()
    }

    /// Adds some.
    pub fn add(&mut self, counts: &Counts) {
        let (Some((first, _)), Some((last, _))) = (counts.pairs.first(), counts.pairs.last()) else { return };
        let theirs = *first as usize..*last as usize + 1;
        self.within = match self.within.is_empty() {
            true => theirs,
            false => self.within.start.min(theirs.start)..self.within.end.max(theirs.end),
        };
        for (index, count) in &counts.pairs {
            let sum = &mut self.counts[*index as usize];
            *sum = sum.saturating_add(u64::from(*count));
        }
    }

    /// The sum, after which there is nothing.
    pub fn take(&mut self) -> Counts {
        let within = std::mem::take(&mut self.within);
        let counts = self.counts[within.clone()].iter_mut().enumerate().filter(|(_, count)| **count > 0);
        let pair = |(place, count): (usize, &mut u64)| {
            let count = u32::try_from(std::mem::take(count)).unwrap_or(u32::MAX);
            (u32::try_from(within.start + place).unwrap_or(u32::MAX), count)
        };
        Counts { pairs: counts.map(pair).collect() }
    }

    /// The sum as a histogram with the bounds that all latencies share.
    pub fn to_histogram(&self) -> Histogram<u64> {
        let mut histogram = latency_histogram();
        for index in self.within.clone().filter(|index| self.counts[*index] > 0) {
            let value = lowest(u32::try_from(index).unwrap_or(u32::MAX));
            histogram.saturating_record_n(value, self.counts[index]);
        }
        histogram
    }
}

fn lowest(index: u32) -> u64 {
    let (doubling, place) = place(index);
    place << (doubling + UNIT_BITS).min(63 - HALF_BITS)
}

fn highest(index: u32) -> u64 {
    let (doubling, place) = place(index);
    ((place + 1) << (doubling + UNIT_BITS).min(62 - HALF_BITS)) - 1
}

/// How often the unit is doubled for this index, and how many of them it is.
fn place(index: u32) -> (u32, u64) {
    let half = 1 << HALF_BITS;
    match (index >> HALF_BITS).checked_sub(1) {
        None => (0, u64::from(index)),
        Some(doubling) => (doubling, u64::from(index % half + half)),
    }
}

fn index_of(value: u64) -> u32 {
    let units = value >> UNIT_BITS;
    let doubling = (64 - units.leading_zeros()).saturating_sub(HALF_BITS + 1);
    // Not more than 55 doublings, and a place of 11 bits.
    u32::try_from((u64::from(doubling) << HALF_BITS) + (units >> doubling)).unwrap_or(u32::MAX)
}

/// Reads histograms one after the other, without taking memory for each.
#[derive(Debug)]
pub struct CountsReader {
    inflate: Decompress,
    deflated: Vec<u8>,
    inflated: Vec<u8>,
    /// How many indices there are.
    indices: usize,
}

impl Default for CountsReader {
    fn default() -> Self {
        CountsReader {
            inflate: Decompress::new(true),
            deflated: Vec::new(),
            inflated: Vec::new(),
            indices: latency_histogram().distinct_values(),
        }
    }
}

impl CountsReader {
    /// Reads the histogram of a frame into `counts`, in the place of what is there. One with other bounds than ours is
    /// counted at the values that it has.
    ///
    /// # Errors
    /// [`FrameError::Histogram`] as for [`Latency::decode`]; `counts` is empty then.
    pub fn read(&mut self, latency: &Latency, counts: &mut Counts) -> Result<(), FrameError> {
        counts.pairs.clear();
        let read = match self.read_ours(&latency.histogram, counts) {
            Some(()) => Ok(()),
            // Rare, or rubbish: the reference says what it is.
            None => latency.decode().map(|histogram| counts.take_all(&histogram)),
        };
        if read.is_err() {
            counts.pairs.clear();
        }
        read
    }

    /// `None` for whatever is not written as our histograms are.
    fn read_ours(&mut self, encoded: &EncodedHistogram, counts: &mut Counts) -> Option<()> {
        if encoded.0.len() > ENCODED_BYTES_MAX {
            return None;
        }
        self.deflated.clear();
        STANDARD.decode_vec(&encoded.0, &mut self.deflated).ok()?;
        let (cookie, rest) = self.deflated.split_at_checked(4)?;
        let (length, rest) = rest.split_at_checked(4)?;
        let deflated = rest.get(..number(length) as usize)?;
        if number(cookie) != u64::from(V2_DEFLATED_COOKIE) {
            return None;
        }
        self.inflate.reset(true);
        self.inflated.clear();
        loop {
            if self.inflated.len() == self.inflated.capacity() {
                if self.inflated.len() >= INFLATED_BYTES_MAX {
                    return None;
                }
                self.inflated.reserve(16 * 1024);
            }
            let unread = &deflated[self.inflate.total_in() as usize..];
            let before = (self.inflate.total_in(), self.inflated.len());
            match self.inflate.decompress_vec(unread, &mut self.inflated, FlushDecompress::None).ok()? {
                Status::StreamEnd => break,
                Status::Ok | Status::BufError => {}
            }
            let stuck = before == (self.inflate.total_in(), self.inflated.len());
            if stuck && self.inflated.len() < self.inflated.capacity() {
                return None;
            }
        }
        let (header, payload) = self.inflated.split_at_checked(HEADER_BYTES)?;
        let field = |from: usize, bytes: usize| number(&header[from..from + bytes]);
        let ours = field(0, 4) == u64::from(V2_COOKIE)
            && field(8, 4) == 0
            && field(12, 4) == u64::from(LATENCY_SIGNIFICANT_DIGITS)
            && field(16, 8) == LATENCY_MIN_NS
            && field(32, 8) == 1.0_f64.to_bits();
        let payload = payload.get(..field(4, 4) as usize).filter(|_| ours)?;
        counts.take_payload(payload, self.indices)
    }
}

impl Counts {
    /// `None` when the payload is not one.
    fn take_payload(&mut self, payload: &[u8], indices: usize) -> Option<()> {
        let (mut at, mut index) = (0, 0_usize);
        while at < payload.len() {
            let (mut zigzag, mut shift) = (0_u64, 0);
            loop {
                let byte = *payload.get(at)?;
                at += 1;
                if shift == 56 {
                    zigzag |= u64::from(byte) << shift;
                    break;
                }
                zigzag |= u64::from(byte & 0x7f) << shift;
                shift += 7;
                if byte < 0x80 {
                    break;
                }
            }
            let half = zigzag >> 1;
            if zigzag & 1 == 1 {
                index = index.checked_add(usize::try_from(half.checked_add(1)?).ok()?)?;
            } else {
                if half > 0 {
                    let place = u32::try_from(index).ok().filter(|_| index < indices)?;
                    self.pairs.push((place, u32::try_from(half).unwrap_or(u32::MAX)));
                }
                index += 1;
            }
        }
        Some(())
    }

    fn take_all(&mut self, histogram: &Histogram<u64>) {
        for step in histogram.iter_recorded() {
            let index = index_of(step.value_iterated_to().min(crate::LATENCY_MAX_NS));
            let count = u32::try_from(step.count_since_last_iteration()).unwrap_or(u32::MAX);
            match self.pairs.last_mut() {
                Some((last, sum)) if *last == index => *sum = sum.saturating_add(count),
                _ => self.pairs.push((index, count)),
            }
        }
    }
}

/// Big-endian.
fn number(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{LATENCY_MAX_NS, Stamp};

    fn latency(histogram: &Histogram<u64>) -> Latency {
        Latency {
            at: Stamp::default(),
            source: "generator".into(),
            name: "connect.latency_ns".into(),
            interval_us: 1_000_000,
            histogram: Latency::encode(histogram),
        }
    }

    fn read(latency: &Latency) -> Result<Counts, FrameError> {
        let mut counts = Counts::default();
        CountsReader::default().read(latency, &mut counts).map(|()| counts)
    }

    fn histogram(values: &[u64]) -> Histogram<u64> {
        let mut histogram = latency_histogram();
        values.iter().for_each(|value| histogram.saturating_record(*value));
        histogram
    }

    proptest! {
        #[test]
        fn counts_say_what_the_histograms_would(
            a in proptest::collection::vec(prop_oneof![0_u64..3_000, 0_u64..5_000_000, any::<u64>()], 0..300),
            b in proptest::collection::vec(prop_oneof![0_u64..3_000, 0_u64..5_000_000, any::<u64>()], 0..300),
        ) {
            let (mut a, b) = (histogram(&a), histogram(&b));
            let mut counts = read(&latency(&a)).expect("just written");
            counts.add(&read(&latency(&b)).expect("just written"));
            a.add(&b).expect("the same bounds");
            prop_assert_eq!(counts.total(), a.len());
            let quantiles = [0.001, 0.5, 0.9, 0.99, 0.999, 1.0];
            // An empty histogram says 0.
            let expected = quantiles.map(|quantile| if a.is_empty() { 0 } else { a.value_at_quantile(quantile) });
            prop_assert_eq!(counts.values_at(quantiles), expected);
            let mut sum = CountsSum::default();
            prop_assert!(sum.is_empty() && sum.take().is_empty());
            sum.add(&counts);
            let again = sum.to_histogram();
            prop_assert_eq!(&again, &a);
            prop_assert_eq!(again.max(), a.max());
            prop_assert_eq!(sum.take(), counts);
            prop_assert!(sum.is_empty() && sum.to_histogram().is_empty());
        }

        #[test]
        fn no_text_panics(text in "[A-Za-z0-9+/]{0,200}") {
            let mut latency = latency(&histogram(&[1_000]));
            latency.histogram = EncodedHistogram(text);
            prop_assert!(read(&latency).is_err());
        }

        #[test]
        fn no_damage_panics(place in 0_usize..60, byte in any::<u8>()) {
            let mut latency = latency(&histogram(&[1_000, 2_000_000, 3_000_000_000]));
            let mut bytes = STANDARD.decode(&latency.histogram.0).expect("ours");
            let place = place % bytes.len();
            bytes[place] = byte;
            latency.histogram = EncodedHistogram(STANDARD.encode(bytes));
            let _ = read(&latency);
        }
    }

    #[test]
    fn every_index_has_its_value_and_every_value_its_index() {
        let reference = latency_histogram();
        for index in 0..u32::try_from(reference.distinct_values()).expect("few") {
            assert_eq!((index_of(lowest(index)), index_of(highest(index))), (index, index));
            assert_eq!(reference.highest_equivalent(lowest(index)), highest(index));
        }
        assert!((index_of(LATENCY_MAX_NS) as usize) < reference.distinct_values());
    }

    #[test]
    fn one_reader_reads_many_and_other_bounds_too() {
        let mut reader = CountsReader::default();
        let mut counts = Counts::default();
        let mut strange = Histogram::<u64>::new_with_bounds(1, 10_000_000_000, 2).expect("bounds");
        strange.record_n(5_000_000, 3).expect("within them");
        for (histogram, total) in
            [(histogram(&[5; 10]), 10), (strange, 3), (latency_histogram(), 0), (histogram(&[7_000_000]), 1)]
        {
            reader.read(&latency(&histogram), &mut counts).expect("a histogram");
            assert_eq!((counts.total(), counts.is_empty()), (total, total == 0));
        }
        let value_ms = counts.values_at([0.5])[0] as f64 / 1e6;
        assert!((value_ms - 7.0).abs() < 0.01, "{value_ms}");
        let mut rubbish = latency(&latency_histogram());
        rubbish.histogram.0.truncate(20);
        assert!(reader.read(&rubbish, &mut counts).is_err() && counts.is_empty());
    }
}

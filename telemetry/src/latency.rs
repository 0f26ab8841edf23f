//! Latencies inside frames: a whole HdrHistogram for each interval, so that merging stays exact.
//!
//! Percentiles cannot be averaged, so workers never send them. They send histograms: recorded in **nanoseconds**,
//! whatever unit the figure's name ends in, with the bounds of [`latency_histogram`], encoded as HdrHistogram's
//! "V2 + deflate" in standard base64, the form that every HdrHistogram port reads.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::{Deserializer, Serializer, V2DeflateSerializer};
use serde::{Deserialize, Serialize};

use crate::{FrameError, Stamp};

/// The longest latency that is told apart from longer ones: one hour.
pub const LATENCY_MAX_NS: u64 = 3_600_000_000_000;

/// The shortest latency that is told apart from shorter ones: one microsecond.
pub const LATENCY_MIN_NS: u64 = 1_000;

/// Decimal digits that a recorded value keeps: three, an error of at most one part in a thousand.
pub const LATENCY_SIGNIFICANT_DIGITS: u8 = 3;

/// The longest encoded histogram that is decoded. Ours stay under 64 KiB; beyond this the frame is an error.
pub const ENCODED_BYTES_MAX: usize = 1 << 20;

/// A histogram in HdrHistogram's V2 encoding, deflated, in base64.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EncodedHistogram(pub String);

/// The latencies of one interval. The interval ended at [`at`](Latency::at).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Latency {
    /// When the interval ended.
    #[serde(flatten)]
    pub at: Stamp,
    /// Who measured.
    pub source: String,
    /// What was measured: `connect.latency_us`, `message.latency_us`.
    pub name: String,
    /// How long the interval lasted.
    pub interval_us: u64,
    /// The values recorded in it, in nanoseconds.
    pub histogram: EncodedHistogram,
}

/// An empty histogram with the bounds that all latencies share: 1 µs to 1 h in nanoseconds, three digits, 190 KB.
///
/// Record with [`Histogram::saturating_record`]: a latency of more than an hour then counts as an hour, and none is
/// refused. A latency under a microsecond counts as less than one, and nothing finer than 512 ns is told apart.
pub fn latency_histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(LATENCY_MIN_NS, LATENCY_MAX_NS, LATENCY_SIGNIFICANT_DIGITS)
        .expect("1 µs to 1 h in three digits are valid bounds")
}

impl Latency {
    /// Encodes a histogram for [`Latency::histogram`].
    pub fn encode(histogram: &Histogram<u64>) -> EncodedHistogram {
        let mut bytes = Vec::new();
        V2DeflateSerializer::new()
            .serialize(histogram, &mut bytes)
            .expect("only a count past 2^63 or a failing writer is refused, and a Vec does not fail");
        EncodedHistogram(STANDARD.encode(bytes))
    }

    /// Decodes [`Latency::histogram`].
    ///
    /// # Errors
    /// [`FrameError::Histogram`] when it is not base64, not a histogram, or longer than [`ENCODED_BYTES_MAX`].
    pub fn decode(&self) -> Result<Histogram<u64>, FrameError> {
        self.histogram.decode().map_err(|reason| FrameError::Histogram { name: self.name.clone(), reason })
    }
}

impl EncodedHistogram {
    /// Decodes, or says in a phrase why not.
    pub(crate) fn decode(&self) -> Result<Histogram<u64>, String> {
        if self.0.len() > ENCODED_BYTES_MAX {
            return Err(format!("{} bytes are more than {ENCODED_BYTES_MAX}", self.0.len()));
        }
        let bytes = STANDARD.decode(&self.0).map_err(|error| error.to_string())?;
        Deserializer::new().deserialize(&mut bytes.as_slice()).map_err(|error| error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn latency(histogram: EncodedHistogram) -> Latency {
        Latency {
            at: Stamp::default(),
            source: "generator".into(),
            name: "connect.latency_us".into(),
            interval_us: 1_000_000,
            histogram,
        }
    }

    #[test]
    fn a_histogram_survives_the_frame() {
        let mut histogram = latency_histogram();
        for value_ns in [0, 1, 999, 1_000, 1_500_000, 2_000_000_000, LATENCY_MAX_NS, u64::MAX] {
            histogram.saturating_record(value_ns);
        }
        let decoded = latency(Latency::encode(&histogram)).decode().expect("just encoded");
        assert_eq!(decoded, histogram);
        assert_eq!(decoded.len(), 8);
        // One part in a thousand, at the top too: an hour is not cut short.
        assert!(decoded.max() >= LATENCY_MAX_NS);
        let median_ns = decoded.value_at_quantile(0.6);
        assert!(median_ns.abs_diff(1_500_000) <= 1_500, "{median_ns}");
    }

    #[test]
    fn an_empty_histogram_is_a_fine_histogram() {
        let decoded = latency(Latency::encode(&latency_histogram())).decode().expect("just encoded");
        assert!(decoded.is_empty());
    }

    #[test]
    fn one_histogram_stays_small() {
        assert!(latency_histogram().distinct_values() * size_of::<u64>() < 200_000);
        let mut full = latency_histogram();
        let mut value_ns = 1_000;
        while value_ns < LATENCY_MAX_NS {
            full.saturating_record(value_ns);
            value_ns += value_ns / 900 + 1;
        }
        assert!(Latency::encode(&full).0.len() < 64 * 1024);
    }

    #[test]
    fn rubbish_is_refused_with_its_name() {
        let whole = Latency::encode(&latency_histogram()).0;
        let cut = whole[..whole.len() / 2 / 4 * 4].to_owned();
        for text in
            [String::new(), "not base64!".into(), "AAAAAAAA".into(), cut, "A".repeat(ENCODED_BYTES_MAX + 1)]
        {
            let error = latency(EncodedHistogram(text)).decode().expect_err("rubbish");
            assert!(error.to_string().contains("'connect.latency_us'"), "{error}");
        }
    }
}

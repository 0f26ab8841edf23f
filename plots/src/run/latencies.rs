//! Latencies over time: percentiles are never averaged, so the counts themselves are kept, by bins of time.

use std::collections::BTreeMap;

use telemetry::{Counts, CountsSum, Histogram};

/// The most bins of one kind of latency. When they are reached, neighbours become one, exactly, and bins are twice as wide
/// from then on.
const BINS_MAX: usize = 512;

/// The most counts in the bins of all kinds together, of 8 bytes each. When they are reached, the kind with the most has its
/// bins made twice as wide, until they are fewer. A bin of a run has some hundred or thousand.
pub(crate) const COUNTS_MAX: usize = 4 << 20;

/// How wide bins are at first.
const WIDTH_S: f64 = 1.0;

/// A bin may be so much wider, so that frames that come a moment late are not left over.
const SLACK: f64 = 1.25;

/// Which percentiles there are of a bin, as quantiles; the last is the longest latency.
pub const QUANTILES: [f64; 5] = [0.5, 0.9, 0.99, 0.999, 1.0];

/// One kind of latency over a run.
#[derive(Debug, Clone)]
pub(crate) struct Latencies {
    bins: Vec<Gathered>,
    /// The counts in the bins.
    counts: usize,
    width_s: f64,
    /// The bin that is being filled, and its time.
    filling: CountsSum,
    filling_s: (f64, f64),
    whole: CountsSum,
}

#[derive(Debug, Clone)]
struct Gathered {
    from_s: f64,
    to_s: f64,
    counts: Counts,
}

/// Percentiles of the latencies of a stretch of time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bin {
    /// When it began, in seconds.
    pub from_s: f64,
    /// When it ended.
    pub to_s: f64,
    /// In seconds, at [`QUANTILES`].
    pub values_s: [f64; QUANTILES.len()],
}

impl Default for Latencies {
    fn default() -> Self {
        Latencies {
            bins: Vec::new(),
            counts: 0,
            width_s: WIDTH_S,
            filling: CountsSum::default(),
            filling_s: (0.0, 0.0),
            whole: CountsSum::default(),
        }
    }
}

impl Latencies {
    /// Takes in those of an interval; whether they belong to the whole run's, which warm-up does not.
    pub(crate) fn take(&mut self, (from_s, to_s): (f64, f64), counts: &Counts, whole: bool) {
        if counts.is_empty() {
            return;
        }
        if whole {
            self.whole.add(counts);
        }
        if to_s - self.filling_s.0 > self.width_s * SLACK {
            self.end_bin();
        }
        self.filling_s = match self.filling.is_empty() {
            true => (from_s, to_s),
            false => (self.filling_s.0, self.filling_s.1.max(to_s)),
        };
        self.filling.add(counts);
    }

    fn end_bin(&mut self) {
        if self.filling.is_empty() {
            return;
        }
        let (from_s, to_s) = self.filling_s;
        let counts = self.filling.take();
        self.counts += counts.places();
        self.bins.push(Gathered { from_s, to_s, counts });
        while self.bins.len() >= BINS_MAX {
            self.widen();
        }
    }

    fn widen(&mut self) {
        self.width_s *= 2.0;
        let mut wider: Vec<Gathered> = Vec::with_capacity(BINS_MAX);
        for bin in self.bins.drain(..) {
            match wider.last_mut() {
                Some(last) if bin.to_s - last.from_s <= self.width_s * SLACK => {
                    last.counts.add(&bin.counts);
                    last.to_s = last.to_s.max(bin.to_s);
                }
                _ => wider.push(bin),
            }
        }
        self.counts = wider.iter().map(|bin| bin.counts.places()).sum();
        self.bins = wider;
    }

    /// Makes bins wider until there are not more counts than that in all kinds together.
    pub(crate) fn bound(all: &mut BTreeMap<String, Latencies>, counts_max: usize) {
        while all.values().map(|latencies| latencies.counts).sum::<usize>() > counts_max {
            let wide = all.values_mut().filter(|latencies| latencies.bins.len() > 1);
            match wide.max_by_key(|latencies| latencies.counts) {
                Some(most) => most.widen(),
                None => return,
            }
        }
    }

    /// The bins' percentiles, and the histogram of the whole run.
    pub(crate) fn finish(mut self) -> (Vec<Bin>, Histogram<u64>) {
        self.end_bin();
        let bin = |bin: &Gathered| Bin {
            from_s: bin.from_s,
            to_s: bin.to_s,
            values_s: bin.counts.values_at(QUANTILES).map(|ns| ns as f64 / 1e9),
        };
        (self.bins.iter().map(bin).collect(), self.whole.to_histogram())
    }
}

#[cfg(test)]
mod tests {
    use telemetry::{CountsReader, Latency, Stamp, latency_histogram};

    use super::*;

    fn counts(values: &[u64]) -> (Counts, Histogram<u64>) {
        let mut histogram = latency_histogram();
        values.iter().for_each(|value| histogram.saturating_record(*value));
        let latency = Latency {
            at: Stamp::default(),
            source: "generator".into(),
            name: "delivery.latency_ns".into(),
            interval_us: 1_000_000,
            histogram: Latency::encode(&histogram),
        };
        let mut counts = Counts::default();
        CountsReader::default().read(&latency, &mut counts).expect("just written");
        (counts, histogram)
    }

    #[test]
    fn bins_stay_few_and_their_percentiles_exact() {
        let mut latencies = Latencies::default();
        let mut all = latency_histogram();
        for second in 0..1_100_u64 {
            let (counts, histogram) = counts(&[second * 1_000 + 5_000, 2_000_000]);
            let from_s = second as f64;
            latencies.take((from_s, from_s + 1.0), &counts, second >= 10);
            if second >= 10 {
                all.add(&histogram).expect("the same bounds");
            }
        }
        let (bins, whole) = latencies.finish();
        assert!((BINS_MAX / 4..BINS_MAX).contains(&bins.len()), "{}", bins.len());
        assert_eq!((&whole, whole.max()), (&all, all.max()), "the first ten were warm-up");
        // The first bin holds 4 seconds: of 8 values, four are 2 ms, and the 4th is the longest of the others.
        let first = bins[0];
        assert_eq!((first.from_s, first.to_s), (0.0, 4.0));
        assert!(
            (first.values_s[0] - 8e-6).abs() < 1e-6 && (first.values_s[4] - 2e-3).abs() < 2e-6,
            "{first:?}"
        );
        assert!(bins.windows(2).all(|pair| pair[0].to_s <= pair[1].from_s));
    }

    #[test]
    fn many_frames_a_second_share_a_bin_and_a_pause_ends_it() {
        let mut latencies = Latencies::default();
        let (counts, _) = counts(&[1_000_000]);
        for tick in (0..40).chain(200..240) {
            let to_s = f64::from(tick) * 0.05;
            latencies.take((to_s - 0.05, to_s), &counts, true);
        }
        let (bins, whole) = latencies.finish();
        assert_eq!(whole.len(), 80);
        assert!((4..=6).contains(&bins.len()), "{bins:?}");
        assert!(bins.windows(2).any(|pair| pair[1].from_s - pair[0].to_s > 7.0), "{bins:?}");
    }

    /// Sixteen kinds with full histograms took more than a gigabyte.
    #[test]
    fn many_kinds_with_many_counts_share_one_bound() {
        let full: Vec<u64> = (0..2_000).map(|n| 1_000 + n * 4_000).collect();
        let (full, _) = counts(&full);
        let mut all = BTreeMap::new();
        for second in 0..60 {
            for name in ["a", "b", "c"] {
                let latencies: &mut Latencies = all.entry(name.to_owned()).or_default();
                latencies.take((f64::from(second), f64::from(second + 1)), &full, true);
                Latencies::bound(&mut all, 30_000);
            }
        }
        let kept: usize = all.values().map(|latencies| latencies.counts).sum();
        assert!((10_000..=30_000).contains(&kept), "{kept}");
        for latencies in all.into_values() {
            let (bins, whole) = latencies.finish();
            assert!(bins.len() > 1 && bins[bins.len() - 1].to_s == 60.0, "{bins:?}");
            assert_eq!(whole.len(), 60 * 2_000);
        }
    }
}

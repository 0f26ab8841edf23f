//! Values over time in bounded memory: what is highest and lowest survives, whatever the length.

/// The most points of a series. When they are reached, of each four in a row the lowest and the highest are kept, and new
/// ones are gathered so from then on: the resolution halves, evenly from beginning to end.
pub(crate) const POINTS_MAX: usize = 8_192;

/// A larger value, or one that is no number, is no measurement. Sums and products of what is left are finite.
pub(crate) const VALUE_MAX: f64 = 1e150;

/// A rate is taken over at least this: twenty readings a second would show their own jitter.
const RATE_S_MIN: f64 = 0.25;

/// Without a value for so long, and for so many times as long as is usual in the series, there is a gap.
const GAP_S: f64 = 10.0;
const GAP_SPACINGS: f64 = 8.0;

/// Values over seconds.
#[derive(Debug, Clone, Default)]
pub(crate) struct Series {
    points: Vec<(f64, f64)>,
    /// How often the resolution was halved.
    halved: u32,
    /// Those that make the next two points, once there are enough.
    gathered: Option<Gathered>,
}

#[derive(Debug, Clone)]
struct Gathered {
    count: u64,
    low: (f64, f64),
    high: (f64, f64),
}

impl Gathered {
    fn new(point: (f64, f64)) -> Gathered {
        Gathered { count: 1, low: point, high: point }
    }

    fn take(&mut self, point: (f64, f64)) {
        self.count += 1;
        if point.1 < self.low.1 {
            self.low = point;
        }
        if point.1 > self.high.1 {
            self.high = point;
        }
    }

    /// In the order of time; one when all are alike.
    fn points(&self) -> impl Iterator<Item = (f64, f64)> {
        let (first, second) =
            if self.low.0 <= self.high.0 { (self.low, self.high) } else { (self.high, self.low) };
        [Some(first), (first != second).then_some(second)].into_iter().flatten()
    }
}

impl Series {
    /// Adds a value at a time in seconds. One that is not finite is left out.
    pub(crate) fn push(&mut self, point: (f64, f64)) {
        if !point.0.is_finite() || !point.1.is_finite() {
            return;
        }
        if self.halved == 0 {
            self.points.push(point);
        } else {
            match &mut self.gathered {
                Some(gathered) => gathered.take(point),
                none => *none = Some(Gathered::new(point)),
            }
            let full = 2_u64 << self.halved;
            if let Some(gathered) = self.gathered.take_if(|gathered| gathered.count >= full) {
                self.points.extend(gathered.points());
            }
        }
        if self.points.len() >= POINTS_MAX {
            self.halve();
        }
    }

    fn halve(&mut self) {
        self.halved += 1;
        let mut kept = Vec::with_capacity(POINTS_MAX);
        for four in self.points.chunks(4) {
            let mut gathered = Gathered::new(four[0]);
            four[1..].iter().for_each(|point| gathered.take(*point));
            kept.extend(gathered.points());
        }
        self.points = kept;
    }

    /// The points in the order of time, with a point that is no number where nothing was heard for long.
    pub(crate) fn finish(mut self) -> Vec<(f64, f64)> {
        self.points.extend(self.gathered.iter().flat_map(Gathered::points));
        // Several say the same, each at its own pace, and are heard a moment apart.
        self.points.sort_by(|a, b| a.0.total_cmp(&b.0));
        with_gaps(&self.points)
    }
}

fn with_gaps(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let mut spacings: Vec<f64> = points.windows(2).map(|pair| pair[1].0 - pair[0].0).collect();
    let middle = spacings.len() / 2;
    let usual = match spacings.is_empty() {
        true => 0.0,
        false => *spacings.select_nth_unstable_by(middle, f64::total_cmp).1,
    };
    let gap_s = GAP_S.max(usual * GAP_SPACINGS);
    let mut out = Vec::with_capacity(points.len() + 1);
    for (place, point) in points.iter().enumerate() {
        if let Some(before) = place.checked_sub(1).map(|before| points[before])
            && point.0 - before.0 > gap_s
        {
            out.push(((point.0 + before.0) / 2.0, f64::NAN));
        }
        out.push(*point);
    }
    out
}

/// A counter: how fast it grows, and by how much in all.
#[derive(Debug, Clone, Default)]
pub(crate) struct Counter {
    rates: Series,
    /// Where the rate that comes next begins.
    since: Option<(f64, f64)>,
    last: Option<(f64, f64)>,
    grown: f64,
}

impl Counter {
    /// Takes in what the counter stands at. Where it has gone back, it began anew from nothing: that interval has no rate.
    pub(crate) fn take(&mut self, (at_s, value): (f64, f64)) {
        let (Some(last), Some(since)) = (self.last, self.since) else {
            (self.last, self.since) = (Some((at_s, value)), Some((at_s, value)));
            return;
        };
        if at_s <= last.0 || !value.is_finite() {
            return;
        }
        self.last = Some((at_s, value));
        if value < last.1 {
            self.grown += value;
            self.since = self.last;
            return;
        }
        self.grown += value - last.1;
        let seconds = at_s - since.0;
        if seconds >= RATE_S_MIN {
            // In the middle of the time that it holds for.
            self.rates.push((since.0 + seconds / 2.0, (value - since.1) / seconds));
            self.since = self.last;
        }
    }

    /// What has been counted so far is not of what is looked at.
    pub(crate) fn forget_total(&mut self) {
        self.grown = 0.0;
    }

    /// How much it has grown.
    pub(crate) fn grown(&self) -> f64 {
        self.grown
    }

    /// Its rates over time.
    pub(crate) fn finish(self) -> Vec<(f64, f64)> {
        self.rates.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_series_keeps_its_extremes_and_spans_everything_evenly() {
        let mut series = Series::default();
        for n in 0..1_000_000_u32 {
            let y = match n {
                3 => 1e9,
                777_777 => -1e9,
                _ => f64::from(n % 1_000),
            };
            series.push((f64::from(n), y));
        }
        let points = series.finish();
        assert!(points.len() <= POINTS_MAX + 2, "{}", points.len());
        assert!(points.contains(&(3.0, 1e9)) && points.contains(&(777_777.0, -1e9)));
        assert!(points.is_sorted_by(|a, b| a.0 <= b.0));
        let widest = points.windows(2).map(|pair| pair[1].0 - pair[0].0).fold(0.0, f64::max);
        assert!(
            points[0].0 < 300.0 && points[points.len() - 1].0 > 999_000.0 && widest < 1_100.0,
            "{widest}"
        );
    }

    #[test]
    fn a_short_series_stays_as_it_is_but_in_order() {
        let mut series = Series::default();
        for point in [(0.0, 1.0), (2.0, f64::NAN), (2.0, 3.0), (1.0, 2.0)] {
            series.push(point);
        }
        assert_eq!(series.finish(), [(0.0, 1.0), (1.0, 2.0), (2.0, 3.0)]);
        assert!(Series::default().finish().is_empty());
    }

    #[test]
    fn a_long_silence_is_a_gap_and_a_slow_sampler_is_not() {
        let gaps = |times: &[f64]| {
            let mut series = Series::default();
            times.iter().for_each(|at| series.push((*at, 1.0)));
            series.finish().iter().filter(|(_, y)| y.is_nan()).count()
        };
        assert_eq!(gaps(&[0.0, 1.0, 2.0, 60.0, 61.0]), 1);
        assert_eq!(gaps(&[0.0, 60.0, 120.0, 180.0]), 0);
    }

    #[test]
    fn counters_become_rates_and_begin_anew() {
        let mut counter = Counter::default();
        for point in [
            (0.0, 100.0),
            (0.1, 110.0),
            (1.0, 200.0),
            (1.0, 500.0),
            (2.0, 30.0),
            (3.0, 50.0),
            (4.0, f64::NAN),
        ] {
            counter.take(point);
        }
        assert_eq!(counter.grown(), 100.0 + 30.0 + 20.0);
        assert_eq!(counter.finish(), [(0.5, 100.0), (2.5, 20.0)]);
    }
}

//! What follows from samples: every rate and gauge as it was over about 1, 10 and 100 seconds.
//!
//! A gauge's value holds for the time since the sample before; a counter's growth over that time, divided by it, is its
//! rate. Either is a value x for an interval of Δt seconds, and goes into an exponentially decaying average for each
//! τ (the load average's formula, with the Δt that really was):
//!
//! ```text
//!   E ← E·e^(−Δt/τ) + x·(1 − e^(−Δt/τ))        shown: E ÷ (1 − e^(−elapsed/τ))
//! ```
//!
//! The division corrects for the warm-up: an average that began at zero says too little for its first few τ. Beside
//! it stands the maximum over the last τ, because an average hides a spike.
//!
//! A counter that went back has begun anew: that interval has no rate, and the next is measured from there.

use std::collections::HashMap;

use crate::Kind;

/// The decay times, in seconds.
pub const TAUS_S: [f64; 3] = [1.0, 10.0, 100.0];

/// The most names that are followed. Later ones are not.
pub const SERIES_MAX: usize = 65_536;

/// A maximum is kept for each of so many parts of τ, so that it is of the last τ to this precision.
const MAX_PARTS: usize = 10;

/// One name's value now, and what it was lately.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Decayed {
    /// When the latest value was sampled, in monotonic microseconds.
    pub at_us: u64,
    /// Whether `value` is a rate.
    pub kind: Kind,
    /// A gauge's latest value, or a counter's rate per second over the latest interval.
    pub value: f64,
    /// The decayed averages, by [`TAUS_S`].
    pub averages: [f64; 3],
    /// The largest values in the last τ, to a tenth of τ, by [`TAUS_S`].
    pub maxima: [f64; 3],
}

/// Follows all names of a stream of samples.
#[derive(Debug, Default)]
pub struct Decays {
    series: Vec<Series>,
    places: HashMap<String, usize>,
}

impl Decays {
    /// Follows nothing yet.
    pub fn new() -> Decays {
        Decays::default()
    }

    /// Takes in the values of a sample taken at `at_us` (monotonic). Values that come in the same order each time are
    /// found without searching. Nothing is allocated once each name has been there.
    pub fn update<'a>(
        &mut self,
        at_us: u64,
        values: impl IntoIterator<Item = (&'a str, f64)>,
        kind: impl Fn(&str) -> Kind,
    ) {
        let mut next = 0;
        for (name, value) in values {
            let place = match self.series.get(next) {
                Some(series) if series.name == name => next,
                _ => match self.places.get(name) {
                    Some(&place) => place,
                    None if self.series.len() < SERIES_MAX => {
                        self.places.insert(name.to_owned(), self.series.len());
                        self.series.push(Series::new(name, kind(name)));
                        self.series.len() - 1
                    }
                    None => continue,
                },
            };
            self.series[place].take(at_us, value);
            next = place + 1;
        }
    }

    /// What is known of one name: nothing before its first value, or a counter's second.
    pub fn get(&self, name: &str) -> Option<Decayed> {
        self.series[*self.places.get(name)?].decayed()
    }

    /// All names of which something is known, in the order in which they came.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Decayed)> {
        self.series.iter().filter_map(|series| Some((series.name.as_str(), series.decayed()?)))
    }
}

/// One name's history.
#[derive(Debug)]
struct Series {
    name: String,
    kind: Kind,
    /// The last reading, as it was sampled, and when.
    last: Option<(u64, f64)>,
    /// The latest gauge or rate, and when.
    value: Option<(u64, f64)>,
    averages: [Average; 3],
    maxima: [Maximum; 3],
}

impl Series {
    fn new(name: &str, kind: Kind) -> Series {
        Series {
            name: name.to_owned(),
            kind,
            last: None,
            value: None,
            averages: Default::default(),
            maxima: Default::default(),
        }
    }

    fn take(&mut self, at_us: u64, reading: f64) {
        if !reading.is_finite() {
            return;
        }
        let before = self.last;
        // Samples of one stream are in order; one that is not has nothing to add.
        if before.is_some_and(|(last_us, _)| at_us <= last_us) {
            return;
        }
        self.last = Some((at_us, reading));
        let elapsed_s = before.map_or(0.0, |(last_us, _)| (at_us - last_us) as f64 / 1e6);
        let value = match (self.kind, before) {
            (Kind::Gauge, _) => reading,
            (Kind::Counter, Some((_, last))) if reading >= last => (reading - last) / elapsed_s,
            // A first reading, or a counter that has begun anew.
            (Kind::Counter, _) => return,
        };
        self.value = Some((at_us, value));
        for ((average, maximum), tau_s) in self.averages.iter_mut().zip(&mut self.maxima).zip(TAUS_S) {
            average.take(elapsed_s, value, tau_s);
            maximum.take(at_us, value, tau_s);
        }
    }

    fn decayed(&self) -> Option<Decayed> {
        let (at_us, value) = self.value?;
        let averages = self.averages.each_ref().map(|average| average.corrected().unwrap_or(value));
        let maxima = self.maxima.each_ref().map(|maximum| maximum.largest);
        Some(Decayed { at_us, kind: self.kind, value, averages, maxima })
    }
}

/// A decaying average and its weight. The weight is what the average of a steady 1 would be, 1 − e^(−elapsed/τ), so
/// that dividing by it is the correction for the warm-up.
#[derive(Debug, Clone, Copy, Default)]
struct Average {
    sum: f64,
    weight: f64,
}

impl Average {
    fn take(&mut self, elapsed_s: f64, value: f64, tau_s: f64) {
        // 1 − e^(−Δt/τ), exact for a Δt far below τ, too.
        let fresh = -(-elapsed_s / tau_s).exp_m1();
        self.sum += (value - self.sum) * fresh;
        self.weight += (1.0 - self.weight) * fresh;
    }

    /// Nothing before any time has passed.
    fn corrected(self) -> Option<f64> {
        (self.weight > 0.0).then(|| self.sum / self.weight)
    }
}

/// The largest value of the last τ: the largest of each of the last [`MAX_PARTS`] parts, and of the part that began.
#[derive(Debug, Clone, Copy)]
struct Maximum {
    parts: [f64; MAX_PARTS],
    /// The number of the latest part since the beginning of time.
    part: u64,
    largest: f64,
}

impl Default for Maximum {
    fn default() -> Maximum {
        Maximum { parts: [f64::NEG_INFINITY; MAX_PARTS], part: 0, largest: f64::NEG_INFINITY }
    }
}

impl Maximum {
    fn take(&mut self, at_us: u64, value: f64, tau_s: f64) {
        let part_us = (tau_s * 1e6) as u64 / MAX_PARTS as u64;
        let part = at_us / part_us;
        // Parts in which nothing was sampled have no maximum.
        for gone in 1..=(part - self.part).min(MAX_PARTS as u64) {
            self.parts[((self.part + gone) % MAX_PARTS as u64) as usize] = f64::NEG_INFINITY;
        }
        self.part = part;
        let now = &mut self.parts[(part % MAX_PARTS as u64) as usize];
        *now = now.max(value);
        self.largest = self.parts.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn one(at_us: u64, value: f64, kind: Kind, decays: &mut Decays) {
        decays.update(at_us, [("x", value)], |_| kind);
    }

    /// The average straight from its definition: each value weighs what is left of its interval.
    fn directly(intervals: &[(f64, f64)], tau_s: f64) -> f64 {
        let total: f64 = intervals.iter().map(|(elapsed_s, _)| elapsed_s).sum();
        let (mut until, mut sum, mut weights) = (0.0, 0.0, 0.0);
        for (elapsed_s, value) in intervals {
            let (begin, end) = (until, until + elapsed_s);
            let weight = ((end - total) / tau_s).exp() - ((begin - total) / tau_s).exp();
            (until, sum, weights) = (end, sum + weight * value, weights + weight);
        }
        sum / weights
    }

    proptest! {
        #[test]
        fn averages_are_what_their_definition_says(
            first in -1e6..1e6f64,
            intervals in prop::collection::vec((1u64..30_000_000, -1e6..1e6f64), 1..200),
        ) {
            let mut gauge = Decays::new();
            let mut at_us = 5;
            one(at_us, first, Kind::Gauge, &mut gauge);
            for (elapsed_us, value) in &intervals {
                at_us += elapsed_us;
                one(at_us, *value, Kind::Gauge, &mut gauge);
            }
            let decayed = gauge.get("x").expect("values");
            let intervals: Vec<_> = intervals.iter().map(|(us, value)| (*us as f64 / 1e6, *value)).collect();
            for (average, tau_s) in decayed.averages.into_iter().zip(TAUS_S) {
                let expected = directly(&intervals, tau_s);
                prop_assert!((average - expected).abs() <= 1e-6 * 1e6, "{average} is not {expected} at {tau_s} s");
            }
        }

        #[test]
        fn a_counter_s_rates_are_a_gauge_of_its_growth(
            intervals in prop::collection::vec((1_000u64..30_000_000, 0u64..1 << 30), 2..100),
        ) {
            let (mut counter, mut gauge) = (Decays::new(), Decays::new());
            let (mut at_us, mut total) = (0, 0);
            for (index, (elapsed_us, growth)) in intervals.iter().enumerate() {
                at_us += elapsed_us;
                total += growth;
                one(at_us, total as f64, Kind::Counter, &mut counter);
                let rate = if index == 0 { 0.0 } else { *growth as f64 / (*elapsed_us as f64 / 1e6) };
                one(at_us, rate, Kind::Gauge, &mut gauge);
            }
            let (counter, gauge) = (counter.get("x").expect("rates"), gauge.get("x").expect("values"));
            for (rate, value) in counter.averages.into_iter().zip(gauge.averages) {
                prop_assert!((rate - value).abs() <= 1e-9 * value.abs().max(1.0), "{rate} is not {value}");
            }
        }

        #[test]
        fn maxima_are_of_the_last_tau(
            intervals in prop::collection::vec((1u64..20_000_000, -1e3..1e3f64), 1..100),
        ) {
            let mut decays = Decays::new();
            let mut seen = Vec::new();
            let mut at_us = 0;
            for (elapsed_us, value) in intervals {
                at_us += elapsed_us;
                one(at_us, value, Kind::Gauge, &mut decays);
                seen.push((at_us, value));
                let maxima = decays.get("x").expect("values").maxima;
                for (maximum, tau_s) in maxima.into_iter().zip(TAUS_S) {
                    let largest_since = |ago_s: f64| {
                        let lately = seen.iter().filter(|(then_us, _)| (at_us - then_us) as f64 <= ago_s * 1e6);
                        lately.map(|(_, value)| *value).fold(f64::NEG_INFINITY, f64::max)
                    };
                    prop_assert!(maximum >= largest_since(tau_s * 0.9) && maximum <= largest_since(tau_s));
                }
            }
        }
    }

    #[test]
    fn warm_up_is_corrected_and_the_first_value_stands_for_itself() {
        let mut decays = Decays::new();
        for second in 0..3 {
            one(1_000_000 * (second + 1), 8.0, Kind::Gauge, &mut decays);
            assert_eq!(decays.get("x").expect("a value").averages, [8.0; 3], "after {second} s");
        }
    }

    #[test]
    fn a_counter_that_begins_anew_has_no_rate_for_that_interval() {
        let mut decays = Decays::new();
        one(1_000_000, 100.0, Kind::Counter, &mut decays);
        assert_eq!(decays.get("x"), None);
        one(2_000_000, 110.0, Kind::Counter, &mut decays);
        one(3_000_000, 3.0, Kind::Counter, &mut decays);
        assert_eq!(decays.get("x").map(|decayed| (decayed.at_us, decayed.value)), Some((2_000_000, 10.0)));
        one(5_000_000, 7.0, Kind::Counter, &mut decays);
        assert_eq!(decays.get("x").map(|decayed| decayed.value), Some(2.0));
    }

    #[test]
    fn what_is_not_a_number_or_not_later_changes_nothing() {
        let mut decays = Decays::new();
        one(1_000_000, 1.0, Kind::Gauge, &mut decays);
        let before = decays.get("x");
        one(2_000_000, f64::NAN, Kind::Gauge, &mut decays);
        one(1_000_000, 9.0, Kind::Gauge, &mut decays);
        one(10, 9.0, Kind::Gauge, &mut decays);
        assert_eq!(decays.get("x"), before);
    }

    #[test]
    fn names_may_come_in_any_order_and_stay_away() {
        let mut decays = Decays::new();
        let orders: [&[&str]; 4] = [&["a", "b", "c"], &["c", "a"], &["b", "d"], &["a", "b", "c", "d"]];
        for (second, names) in orders.iter().enumerate() {
            let at_us = (second as u64 + 1) * 1_000_000;
            decays.update(at_us, names.iter().map(|name| (*name, second as f64)), |_| Kind::Gauge);
        }
        let seen: Vec<_> = decays.iter().map(|(name, decayed)| (name.to_owned(), decayed.value)).collect();
        assert_eq!(seen, ["a", "b", "c", "d"].map(|name| (name.to_owned(), 3.0)));
    }
}

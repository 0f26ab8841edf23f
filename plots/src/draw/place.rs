//! From values to places: the range an axis shows, and where in it a value stands.

use crate::chart::{Axis, Scale};

/// Values further from zero are taken for infinite, and nearer on a log axis for zero: sums and differences of what is
/// left cannot overflow.
const VALUE_MAX: f64 = 1e30;
/// How near to 1 a quantile on a percentile axis may come; nearer ones stand here.
const QUANTILE_MAX: f64 = 1.0 - 1e-9;
/// How far outside the panel a point may lie before it is moved nearer, in px: renderers count in 32 bits.
const OUTSIDE_MAX: f64 = 20_000.0;
/// A range narrower than this share of its own values is widened: its ticks could not be told apart.
const NARROWEST: f64 = 1e-9;

/// What a log axis shows at least, in decades.
const DECADES_MIN: f64 = 0.3;

/// A range of an axis's values in its scale: even on paper.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Range {
    pub(super) scale: Scale,
    low: f64,
    high: f64,
}

/// Where values of a range stand between two places on paper.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Place {
    pub(super) range: Range,
    /// Where the range's low end is, in px.
    pub(super) from: f64,
    /// Where its high end is.
    pub(super) to: f64,
}

impl Range {
    /// The axis's own range, or one that takes in all values; linear ones from zero when `zero`.
    pub(super) fn of(axis: &Axis, values: impl Iterator<Item = f64>, zero: bool) -> Range {
        let scale = axis.scale;
        let even = |value| even(scale, value);
        if let Some((Some(low), Some(high))) = axis.range.map(|(low, high)| (even(low), even(high)))
            && high - low > NARROWEST * low.abs().max(high.abs())
        {
            return Range { scale, low, high };
        }
        let mut ends: Option<(f64, f64)> = None;
        for value in values.filter_map(even) {
            let (low, high) = ends.unwrap_or((value, value));
            ends = Some((low.min(value), high.max(value)));
        }
        match scale {
            Scale::Percentile => Range { scale, low: 0.0, high: ends.map_or(2.0, |(_, high)| high.max(1.0)) },
            Scale::Log => {
                let (low, high) = ends.unwrap_or((0.0, 1.0));
                if high - low > DECADES_MIN {
                    return Range { scale, low, high };
                }
                // Too near together for two ticks: to the next round ones.
                let (low, high) = (rounded(low, f64::floor), rounded(high, f64::ceil));
                Range { scale, low, high: if high - low < DECADES_MIN { low + 1.0 } else { high } }
            }
            Scale::Linear => {
                let (low, high) = ends.unwrap_or((0.0, 1.0));
                let (low, high) = if zero { (low.min(0.0), high.max(0.0)) } else { (low, high) };
                let size = low.abs().max(high.abs());
                if high - low > NARROWEST * size && high > low {
                    Range { scale, low, high }
                } else if zero || size == 0.0 {
                    Range { scale, low, high: low + 1.0 }
                } else {
                    let half = (size * 0.05).min(0.5).max(size * NARROWEST * 10.0);
                    Range { scale, low: low - half, high: high + half }
                }
            }
        }
    }

    /// Wider by these shares of itself, at its low and at its high end.
    pub(super) fn widened(self, low: f64, high: f64) -> Range {
        let size = self.high - self.low;
        Range { low: self.low - size * low, high: self.high + size * high, ..self }
    }

    /// Its ends in the axis's values.
    pub(super) fn ends(self) -> (f64, f64) {
        (value(self.scale, self.low), value(self.scale, self.high))
    }

    /// Where in it a value stands: 0 at its low end, 1 at the high one, beyond them outside. `None`: not a number, or
    /// nothing this scale has a place for.
    pub(super) fn share(self, value: f64) -> Option<f64> {
        Some((even(self.scale, value)? - self.low) / (self.high - self.low))
    }

    /// Whether a value lies in it, give or take a rounding error.
    pub(super) fn holds(self, value: f64) -> bool {
        self.share(value).is_some_and(|share| (-1e-6..=1.000_001).contains(&share))
    }
}

impl Place {
    /// Where a value stands, in px.
    pub(super) fn at(self, value: f64) -> Option<f64> {
        let px = self.from + self.range.share(value)? * (self.to - self.from);
        Some(px.clamp(-OUTSIDE_MAX, OUTSIDE_MAX))
    }

    /// How long it is, in px.
    pub(super) fn length(self) -> f64 {
        (self.to - self.from).abs()
    }
}

/// What stands evenly on the scale.
fn even(scale: Scale, value: f64) -> Option<f64> {
    match scale {
        _ if !value.is_finite() || value.abs() > VALUE_MAX => None,
        Scale::Linear => Some(value),
        Scale::Log => (value >= 1.0 / VALUE_MAX).then(|| value.log10()),
        Scale::Percentile => {
            (0.0..=1.0).contains(&value).then(|| 0.0 - (1.0 - value.min(QUANTILE_MAX)).log10())
        }
    }
}

fn value(scale: Scale, even: f64) -> f64 {
    match scale {
        Scale::Linear => even,
        Scale::Log => 10_f64.powf(even),
        Scale::Percentile => 1.0 - 10_f64.powf(-even),
    }
}

/// A logarithm to the next 1, 2 or 5 times a power of ten.
fn rounded(log: f64, towards: impl Fn(f64) -> f64) -> f64 {
    let steps = [0.0, 2_f64.log10(), 5_f64.log10(), 1.0];
    let (whole, part) = (log.floor(), log - log.floor());
    let up = towards(0.5) > 0.5;
    let near = steps.iter().copied().find(|step| (step - part).abs() < 1e-9);
    let below = steps.iter().copied().rfind(|step| *step < part).unwrap_or(0.0);
    let above = steps.iter().copied().find(|step| *step > part).unwrap_or(1.0);
    whole + near.unwrap_or(if up { above } else { below })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn axis(scale: Scale, range: Option<(f64, f64)>) -> Axis {
        Axis { scale, range, ..Axis::default() }
    }

    #[test]
    fn ranges_take_in_what_there_is() {
        let linear =
            |values: &[f64], zero| Range::of(&axis(Scale::Linear, None), values.iter().copied(), zero).ends();
        assert_eq!(linear(&[3.0, 7.0, f64::NAN, f64::INFINITY], true), (0.0, 7.0));
        assert_eq!(linear(&[3.0, 7.0], false), (3.0, 7.0));
        assert_eq!(linear(&[-2.0, -1.0], true), (-2.0, 0.0));
        assert_eq!(linear(&[], true), (0.0, 1.0));
        assert_eq!(linear(&[0.0, 0.0], true), (0.0, 1.0));
        for one in [5.0, 1e18, -1e-12, 0.0] {
            let (low, high) = linear(&[one], false);
            assert!(low <= one && one <= high && low < high, "{one}: {low} {high}");
        }
        let (low, high) =
            Range::of(&axis(Scale::Log, None), [0.0, -1.0, 0.003, 0.004].into_iter(), true).ends();
        assert!((low - 0.002).abs() < 1e-9 && (high - 0.005).abs() < 1e-9, "{low} {high}");
        let (low, high) = Range::of(&axis(Scale::Log, None), [0.0, 0.003, 0.4].into_iter(), true).ends();
        assert!((low - 0.003).abs() < 1e-9 && (high - 0.4).abs() < 1e-9, "{low} {high}");
        let given = Range::of(&axis(Scale::Linear, Some((1.0, 2.0))), [9.0].into_iter(), true);
        assert_eq!(given.ends(), (1.0, 2.0));
        for nonsense in [(2.0, 1.0), (1.0, 1.0), (f64::NAN, 1.0), (0.0, f64::INFINITY)] {
            assert_eq!(
                Range::of(&axis(Scale::Linear, Some(nonsense)), [9.0].into_iter(), true).ends(),
                (0.0, 9.0)
            );
        }
    }

    #[test]
    fn places_on_each_scale() {
        let place = |scale, range| Place {
            range: Range::of(&axis(scale, Some(range)), [].into_iter(), false),
            from: 100.0,
            to: 400.0,
        };
        assert_eq!(place(Scale::Linear, (0.0, 3.0)).at(1.0), Some(200.0));
        assert_eq!(place(Scale::Log, (1.0, 1000.0)).at(10.0), Some(200.0));
        assert_eq!(place(Scale::Log, (1.0, 1000.0)).at(0.0), None);
        let nines = place(Scale::Percentile, (0.0, 0.999));
        assert!((nines.at(0.99).unwrap() - 300.0).abs() < 1e-6);
        assert!(nines.at(1.0).unwrap().is_finite(), "the largest value of all has a place");
        assert_eq!(nines.at(f64::NAN), None);
        assert!(place(Scale::Linear, (0.0, 1e-12)).at(1e18).unwrap() <= OUTSIDE_MAX);
    }
}

//! How unlike the two sides of a cut are: the energy statistic.
//!
//! For a cut with `m` values to its left and `k` to its right (Matteson & James 2014, with exponent 1):
//!
//! ```text
//!   Q = m k / (m + k) · ( 2/(m k) Σ|x - y|  -  1/C(m,2) Σ|x - x'|  -  1/C(k,2) Σ|y - y'| )
//!                             across                 left                   right
//! ```
//!
//! A hump is hard to see where both of its feet are on one side. Matteson and James therefore let the right side end
//! anywhere, at a cost of O(n²) cuts. Here a cut is tried in windows: the whole, and stretches of 16 to 128 that
//! overlap by half (the seeded intervals of Kovács et al. 2023, thinned). Shuffled values go through the same windows.
//!
//! Values are whole numbers: sums are exact, so that equal arrangements are equal on every machine.

use std::ops::Range;

/// A value, in steps so small that rounding says nothing.
pub(super) type Step = i16;

/// The largest distance from zero: twice as much still fits a `Step`.
pub(super) const STEP_MAX: Step = Step::MAX / 2;

/// A cut, and its statistic.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Cut {
    /// How many values are to the left.
    pub(super) left: usize,
    pub(super) energy: f64,
    /// The first and the end of the window it was found in.
    pub(super) window: (usize, usize),
}

/// Where cuts are sought.
pub(super) struct Windows {
    windows: Vec<Range<usize>>,
    side_min: usize,
    /// For each cut of a window: the sum of distances on its left.
    left: Vec<i64>,
}

/// The lengths of windows, besides the whole.
const LENGTHS: [usize; 4] = [16, 32, 64, 128];

impl Windows {
    /// Of `n` values, with at least `side_min` on each side of a cut.
    pub(super) fn new(n: usize, side_min: usize) -> Windows {
        let side_min = side_min.max(1);
        let mut windows = Vec::new();
        if n >= 2 * side_min {
            windows.push(0..n);
        }
        for length in LENGTHS.into_iter().filter(|length| length * 4 <= n * 3) {
            // From the end, which is what a new value is judged by.
            windows.extend((length..=n).rev().step_by(length / 2).map(|to| to - length..to));
        }
        Windows { windows, side_min, left: Vec::with_capacity(n) }
    }

    /// The cut with the most energy; none where there is no room for one.
    pub(super) fn best(&mut self, values: &[Step]) -> Option<Cut> {
        let mut best: Option<Cut> = None;
        for index in 0..self.windows.len() {
            let window = self.windows[index].clone();
            let cut = self.best_of(&values[window.clone()]);
            if best.is_none_or(|best| cut.energy > best.energy) {
                best = Some(Cut { left: window.start + cut.left, window: (window.start, window.end), ..cut });
            }
        }
        best
    }

    fn best_of(&mut self, values: &[Step]) -> Cut {
        let n = values.len();
        let mut within = 0;
        self.left.clear();
        for (index, value) in values.iter().enumerate() {
            self.left.push(within);
            within += distances(&values[..index], *value);
        }
        let total = within;
        let mut best = Cut { left: 0, energy: f64::NEG_INFINITY, window: (0, n) };
        let mut right = 0;
        for left in (self.side_min..n).rev() {
            right += distances(&values[left + 1..], values[left]);
            if n - left < self.side_min {
                continue;
            }
            let across = total - self.left[left] - right;
            let (m, k) = (left as f64, (n - left) as f64);
            let energy = m * k / (m + k)
                * (2.0 * across as f64 / (m * k)
                    - mean_of_pairs(self.left[left], m)
                    - mean_of_pairs(right, k));
            if energy > best.energy {
                best = Cut { left, energy, ..best };
            }
        }
        best
    }
}

/// The sum of the distances of `others` to `value`.
fn distances(others: &[Step], value: Step) -> i64 {
    others.iter().map(|other| i32::from((other - value).abs())).sum::<i32>().into()
}

/// The mean distance of two of `count` values whose distances add up to `sum`.
fn mean_of_pairs(sum: i64, count: f64) -> f64 {
    if count < 2.0 { 0.0 } else { 2.0 * sum as f64 / (count * (count - 1.0)) }
}

#[cfg(test)]
mod tests {
    use rand::{RngExt as _, SeedableRng as _};
    use rand_pcg::Pcg64Mcg;

    use super::*;

    /// The definition, pair by pair.
    fn slow(values: &[Step], left: usize) -> f64 {
        let pairs = |side: &[Step]| -> f64 {
            let sum: i32 = side
                .iter()
                .enumerate()
                .flat_map(|(i, a)| side[i + 1..].iter().map(move |b| i32::from((a - b).abs())))
                .sum();
            let n = side.len() as f64;
            if n < 2.0 { 0.0 } else { f64::from(sum) / (n * (n - 1.0) / 2.0) }
        };
        let (a, b) = values.split_at(left);
        let across: i32 = a.iter().flat_map(|x| b.iter().map(move |y| i32::from((x - y).abs()))).sum();
        let (m, k) = (a.len() as f64, b.len() as f64);
        m * k / (m + k) * (2.0 * f64::from(across) / (m * k) - pairs(a) - pairs(b))
    }

    #[test]
    fn the_best_cut_is_the_one_that_all_pairs_say() {
        let mut rng = Pcg64Mcg::seed_from_u64(7);
        for case in 0..200 {
            // So few that there is no window but the whole.
            let n: usize = rng.random_range(2..22);
            let high = if case % 2 == 0 { 9 } else { STEP_MAX };
            let values: Vec<Step> = (0..n).map(|_| rng.random_range(-high..=high)).collect();
            for side_min in 1..=3 {
                let best = Windows::new(n, side_min).best(&values);
                let expected = (side_min..=n.saturating_sub(side_min))
                    .map(|left| slow(&values, left))
                    .fold(f64::NEG_INFINITY, f64::max);
                match best {
                    None => assert!(n < 2 * side_min, "{n} values, {side_min} to a side"),
                    Some(best) => {
                        assert!(
                            (best.energy - expected).abs() < 1e-6,
                            "{best:?}, expected {expected}: {values:?}"
                        );
                        assert!((slow(&values, best.left) - expected).abs() < 1e-6, "{best:?}: {values:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn windows_overlap_by_half_and_reach_the_end() {
        let windows = Windows::new(100, 4).windows;
        let short = windows.iter().filter(|window| window.len() == 16);
        assert_eq!(short.clone().count(), 11);
        assert!(short.zip((4..=84).rev().step_by(8)).all(|(window, from)| window.start == from));
        assert_eq!(windows[12..], [68..100, 52..84, 36..68, 20..52, 4..36, 36..100, 4..68]);
        assert_eq!(Windows::new(1_000, 4).windows.len(), 1 + 124 + 61 + 30 + 14);
        assert_eq!(Windows::new(7, 4).windows.len(), 0);
    }

    #[test]
    fn the_largest_distances_fit() {
        let values: Vec<Step> =
            (0..1_000).map(|index| if index < 500 { -STEP_MAX } else { STEP_MAX }).collect();
        let cut = Windows::new(1_000, 4).best(&values).expect("room");
        assert_eq!(cut.left, 500);
        assert!((cut.energy - 250.0 * 4.0 * f64::from(STEP_MAX)).abs() < 1.0, "{cut:?}");
    }
}

//! How unlike the two sides of a cut are: the energy statistic.
//!
//! For a cut after the first `m` of `n = m + k` values (Matteson & James 2014, with exponent 1 and the cut's right side
//! reaching to the end):
//!
//! ```text
//!   Q = m k / (m + k) · ( 2/(m k) Σ|x - y|  -  1/C(m,2) Σ|x - x'|  -  1/C(k,2) Σ|y - y'| )
//!                             across                 left                   right
//! ```
//!
//! Distances within the left side are summed as the cut moves right, with a tree over the sorted values, so that all
//! cuts together take O(n log n). The other two sums follow from it and from each value's distance to all the others,
//! which does not depend on the order.

/// A cut, and its statistic.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Cut {
    /// How many values are to the left.
    pub(super) left: usize,
    pub(super) energy: f64,
}

/// A set of values, whose orders can be tried one after the other.
pub(super) struct Energy {
    /// Each value's place in `levels`.
    ranks: Vec<usize>,
    /// The values that occur, sorted, once each.
    levels: Vec<f64>,
    /// For each of `levels`: the sum of its distances to all values.
    far: Vec<f64>,
    total: f64,
    /// A Fenwick tree over `levels`: how many values to the left, and their sum.
    tree: Vec<(f64, f64)>,
}

impl Energy {
    /// `values`: finite, at most a thousand or so.
    pub(super) fn new(values: &[f64]) -> Energy {
        let mut levels = values.to_vec();
        levels.sort_by(f64::total_cmp);
        levels.dedup();
        let ranks: Vec<usize> =
            values.iter().map(|value| levels.partition_point(|level| level < value)).collect();
        let mut counts = vec![0.0; levels.len()];
        for &rank in &ranks {
            counts[rank] += 1.0;
        }
        let far: Vec<f64> = levels
            .iter()
            .map(|level| levels.iter().zip(&counts).map(|(other, count)| (level - other).abs() * count).sum())
            .collect();
        let total = far.iter().zip(&counts).map(|(far, count)| far * count).sum::<f64>() / 2.0;
        let tree = vec![(0.0, 0.0); levels.len() + 1];
        Energy { ranks, levels, far, total, tree }
    }

    /// The values' own order, to shuffle.
    pub(super) fn order(&self) -> Vec<usize> {
        self.ranks.clone()
    }

    /// The best cut of `order`, which is a permutation of [`Energy::order`], with at least `side_min` values to each
    /// side; none where there is no room for one.
    pub(super) fn best(&mut self, order: &[usize], side_min: usize) -> Option<Cut> {
        let n = order.len();
        if side_min == 0 || n < 2 * side_min {
            return None;
        }
        self.tree.fill((0.0, 0.0));
        let (mut within, mut reach, mut sum) = (0.0, 0.0, 0.0);
        let mut best: Option<Cut> = None;
        for (index, &rank) in order.iter().enumerate() {
            let level = self.levels[rank];
            let (below, below_sum) = self.below(rank);
            within += level * (2.0 * below - index as f64) + sum - 2.0 * below_sum;
            reach += self.far[rank];
            sum += level;
            self.add(rank, level);
            let (left, right) = (index + 1, n - index - 1);
            if right < side_min {
                break;
            }
            if left < side_min {
                continue;
            }
            let across = reach - 2.0 * within;
            let beyond = self.total - within - across;
            let (m, k) = (left as f64, right as f64);
            let energy = m * k / (m + k)
                * (2.0 * across / (m * k) - mean_of_pairs(within, m) - mean_of_pairs(beyond, k));
            if best.is_none_or(|best| energy > best.energy) {
                best = Some(Cut { left, energy });
            }
        }
        best
    }

    /// How many values of at most this rank are to the left, and their sum.
    fn below(&self, rank: usize) -> (f64, f64) {
        let (mut count, mut sum) = (0.0, 0.0);
        let mut at = rank + 1;
        while at > 0 {
            count += self.tree[at].0;
            sum += self.tree[at].1;
            at &= at - 1;
        }
        (count, sum)
    }

    fn add(&mut self, rank: usize, level: f64) {
        let mut at = rank + 1;
        while at < self.tree.len() {
            self.tree[at].0 += 1.0;
            self.tree[at].1 += level;
            at += at & at.wrapping_neg();
        }
    }
}

/// The mean distance of two of `count` values whose distances add up to `sum`.
fn mean_of_pairs(sum: f64, count: f64) -> f64 {
    if count < 2.0 { 0.0 } else { 2.0 * sum / (count * (count - 1.0)) }
}

#[cfg(test)]
mod tests {
    use rand::{RngExt as _, SeedableRng as _};
    use rand_pcg::Pcg64Mcg;

    use super::*;

    /// The definition, pair by pair.
    fn slow(values: &[f64], left: usize) -> f64 {
        let pairs = |side: &[f64]| -> f64 {
            let sum: f64 = side
                .iter()
                .enumerate()
                .flat_map(|(i, a)| side[i + 1..].iter().map(move |b| (a - b).abs()))
                .sum();
            let n = side.len() as f64;
            if n < 2.0 { 0.0 } else { sum / (n * (n - 1.0) / 2.0) }
        };
        let (a, b) = values.split_at(left);
        let across: f64 = a.iter().flat_map(|x| b.iter().map(move |y| (x - y).abs())).sum();
        let (m, k) = (a.len() as f64, b.len() as f64);
        m * k / (m + k) * (2.0 * across / (m * k) - pairs(a) - pairs(b))
    }

    #[test]
    fn the_best_cut_is_the_one_that_all_pairs_say() {
        let seed = 7;
        println!("seed {seed}");
        let mut rng = Pcg64Mcg::seed_from_u64(seed);
        for case in 0..200 {
            let n: usize = rng.random_range(2..40);
            let quantum = if case % 2 == 0 { 1.0 } else { 1e-6 };
            let values: Vec<f64> =
                (0..n).map(|_| (rng.random_range(0.0..9.0) / quantum as f64).round() * quantum).collect();
            let mut energy = Energy::new(&values);
            let order = energy.order();
            for side_min in 1..=3 {
                let best = energy.best(&order, side_min);
                let expected = (side_min..=n.saturating_sub(side_min))
                    .map(|left| slow(&values, left))
                    .fold(f64::NEG_INFINITY, f64::max);
                match best {
                    None => assert!(n < 2 * side_min, "{n} values, {side_min} to a side"),
                    Some(best) => {
                        assert!(
                            (best.energy - expected).abs() < 1e-9,
                            "{best:?}, expected {expected}: {values:?}"
                        );
                        assert!((slow(&values, best.left) - expected).abs() < 1e-9, "{best:?}: {values:?}");
                    }
                }
            }
        }
    }
}

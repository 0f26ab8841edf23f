//! How often chance alone does as much: the permutation test.

use rand::SeedableRng as _;
use rand::seq::SliceRandom as _;
use rand_pcg::Pcg64Mcg;

use super::energy::{Cut, Step, Windows};

/// How many shuffles decide. With one more, for the order as it came, the level is a whole number of them. Fewer are as
/// strict, and a little less keen: a short series needs many, for its few orders make a p close to the level, and a long
/// one takes fewer for time's sake.
fn shuffles(values: usize) -> usize {
    match values {
        0..=32 => 9_999,
        33..=256 => 1_999,
        _ => 999,
    }
}

/// The shuffles are the same each time: the same series gives the same answer.
const SEED: u64 = 0x5ca1_ab1e;

/// The best cut of `values`, and how likely chance is to make one whose energy is at least `shrink` of its own; none
/// where that is likelier than `level`. Stops as soon as too many shuffles have done as much.
pub(super) fn unlikely_cut(values: &[Step], side_min: usize, shrink: f64, level: f64) -> Option<(Cut, f64)> {
    let mut windows = Windows::new(values.len(), side_min);
    let cut = windows.best(values)?;
    // A side of the least length may have values of the other: the place is made exact later.
    let near = cut.left.saturating_sub(side_min - 1)..(cut.left + side_min).min(values.len());
    let (from, to) = cut.window;
    let lone = near.into_iter().any(|left| {
        apart(values, left)
            || shrink >= SHRINK_NEAR && (from..to).contains(&left) && apart(&values[from..to], left - from)
    });
    let bar = if lone { cut.energy } else { cut.energy * shrink };
    if bar <= 0.0 {
        return None;
    }
    let shuffles = shuffles(values.len());
    let allowed = (level * (shuffles + 1) as f64).floor() as usize;
    let mut rng = Pcg64Mcg::seed_from_u64(SEED);
    let mut shuffled = values.to_vec();
    let mut as_much = 1;
    for _ in 0..shuffles {
        shuffled.shuffle(&mut rng);
        if windows.best(&shuffled)?.energy >= bar * (1.0 - 1e-9) {
            as_much += 1;
            if as_much > allowed {
                return None;
            }
        }
    }
    Some((cut, as_much as f64 / (shuffles + 1) as f64))
}

/// The levels are farther apart than this, in widths of the noise: twice the distance of the farthest value from its
/// own level.
const APART: i32 = 2;

/// Where the noise is hardly persistent, that part of its energy being left, it is enough that the sides have nothing in
/// common in the cut's own window: a hump has another level on both sides.
const SHRINK_NEAR: f64 = 0.4;

/// Whether the two sides have nothing in common: noise that lasts would have to have lasted all along, without one
/// value of the other side's kind.
fn apart(values: &[Step], left: usize) -> bool {
    let (before, after) = values.split_at(left);
    if before.is_empty() || after.is_empty() {
        return false;
    }
    let level = |side: &[Step]| {
        let mut sorted = side.to_vec();
        sorted.sort_unstable();
        i32::from(sorted[sorted.len() / 2])
    };
    let widest = |side: &[Step], level: i32| side.iter().map(|value| (i32::from(*value) - level).abs()).max();
    let (low, high) = (level(before), level(after));
    let width = widest(before, low).max(widest(after, high)).unwrap_or(0);
    (high - low).abs() > APART * width
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_is_unlikely_and_its_reverse_too() {
        let step: Vec<Step> =
            (0..40).map(|index| if index < 25 { index % 3 } else { 10 + index % 3 }).collect();
        let (cut, p) = unlikely_cut(&step, 4, 1.0, 0.001).expect("a step");
        assert_eq!((cut.left, p), (25, 1.0 / 2_000.0));
        let back: Vec<Step> = step.iter().rev().copied().collect();
        assert_eq!(unlikely_cut(&back, 4, 1.0, 0.001).expect("a step").0.left, 15);
    }

    #[test]
    fn equal_values_and_too_few_have_no_cut() {
        assert!(unlikely_cut(&[7; 50], 4, 1.0, 0.001).is_none());
        assert!(unlikely_cut(&[0, 0, 0, 9, 9, 9, 9], 4, 1.0, 0.001).is_none());
        assert!(unlikely_cut(&[], 4, 1.0, 0.001).is_none());
        // Ten values in two halves: 2 of 252 orders are as good.
        assert!(unlikely_cut(&[0, 0, 0, 0, 0, 9, 9, 9, 9, 9], 4, 1.0, 0.001).is_none());
    }

    #[test]
    fn the_level_is_kept_over_independent_noise() {
        use rand::RngExt as _;
        let mut rng = Pcg64Mcg::seed_from_u64(3);
        let found = (0..400)
            .filter(|_| {
                let values: Vec<Step> = (0..20).map(|_| rng.random_range(-900..900)).collect();
                unlikely_cut(&values, 4, 1.0, 0.05).is_some()
            })
            .count();
        // 20 of 400 expected.
        assert!((8..=34).contains(&found), "{found} of 400");
    }
}

//! The newest commits, when they lie far from those before: too few to be told from outliers, and too far to be passed
//! over without a word.

use crate::detect::robust::{median, noise};
use crate::detect::{CLIP, Effect, SIDE_MIN};

/// The last few values lie far from those before them, all on one side. More of them, and it is a change.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pending {
    /// How many.
    pub commits: usize,
    /// The level before them.
    pub before: f64,
    /// Theirs.
    pub after: f64,
}

impl Pending {
    /// After over before; `None` when that was zero.
    pub fn ratio(&self) -> Option<f64> {
        Some(self.after / self.before).filter(|ratio| ratio.is_finite())
    }
}

/// What the last values say that a change could not be made of yet: as many as possible of them that are farther from the
/// median before than a value may be without counting as an outlier, and no more than half of all. `values` begin at the last change.
pub(crate) fn pending(values: &[f64], effect: &Effect) -> Option<Pending> {
    let noise = noise(values);
    (1..=values.len() / 2).rev().find_map(|commits| {
        let (earlier, last) = values.split_at(values.len() - commits);
        if earlier.len() < SIDE_MIN {
            return None;
        }
        let (before, after) = (median(earlier), median(last));
        let reach = (CLIP * noise).max(2.0 * effect.distance(before));
        let far = |value: &f64| (value - before).abs() >= reach && (*value > before) == (after > before);
        (after != before && last.iter().all(far)).then_some(Pending { commits, before, after })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const EFFECT: Effect = Effect { ratio_min: 0.03, absolute_min: 4.0 };

    fn of(tail: &[f64]) -> Option<(usize, f64)> {
        let values: Vec<f64> =
            (0..30).map(|i| 60.0 + f64::from(i % 3) * 0.1).chain(tail.iter().copied()).collect();
        pending(&values, &EFFECT).map(|pending| (pending.commits, pending.after))
    }

    #[test]
    fn the_last_few_that_are_far_off_are_said() {
        assert_eq!(of(&[60.1, 60.0]), None);
        assert_eq!(of(&[4000.0]), Some((1, 4000.0)));
        assert_eq!(of(&[4000.0, 4100.0]), Some((2, 4050.0)));
        assert_eq!(of(&[4000.0, 20.0]), Some((1, 20.0)), "on one side");
        assert_eq!(of(&[4000.0, 60.0]), None, "an outlier, and back");
        assert_eq!(of(&[63.0]), None, "not far");
        assert_eq!(of(&[90.0; 3]), Some((3, 90.0)));
        let zeros: Vec<f64> = [[0.0; 20].as_slice(), &[5000.0]].concat();
        let effect = Effect { ratio_min: 0.0, absolute_min: 1.0 };
        assert_eq!(
            pending(&zeros, &effect).map(|pending| (pending.before, pending.ratio())),
            Some((0.0, None))
        );
        assert_eq!(pending(&[1.0, 1.0, 1.0, 90.0], &effect), None, "too few before");
        assert_eq!(pending(&[], &effect), None);
    }
}

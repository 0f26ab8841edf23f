//! How often chance alone does as much: the permutation test.

use rand::SeedableRng as _;
use rand::seq::SliceRandom as _;
use rand_pcg::Pcg64Mcg;

use super::energy::{Cut, Energy};

/// How many shuffles decide. With one more, for the order as it came, the level below is a whole number of them.
const SHUFFLES: usize = 3_999;

/// The shuffles are the same each time: the same series gives the same answer.
const SEED: u64 = 0x5ca1_ab1e;

/// The best cut of `values`, and how likely chance is to make one whose energy is at least `shrink` of its own; none
/// where that is likelier than `level`. Stops as soon as too many shuffles have done as much.
pub(super) fn unlikely_cut(values: &[f64], side_min: usize, shrink: f64, level: f64) -> Option<(Cut, f64)> {
    let mut energy = Energy::new(values);
    let mut order = energy.order();
    let cut = energy.best(&order, side_min)?;
    let bar = cut.energy * shrink;
    // Values that differ by less than the arithmetic does are equal.
    if bar <= 0.0 {
        return None;
    }
    let allowed = (level * (SHUFFLES + 1) as f64).floor() as usize;
    let mut rng = Pcg64Mcg::seed_from_u64(SEED);
    let mut as_much = 1;
    for _ in 0..SHUFFLES {
        order.shuffle(&mut rng);
        let shuffled = energy.best(&order, side_min)?;
        if shuffled.energy >= bar * (1.0 - 1e-9) {
            as_much += 1;
            if as_much > allowed {
                return None;
            }
        }
    }
    Some((cut, as_much as f64 / (SHUFFLES + 1) as f64))
}

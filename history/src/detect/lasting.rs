//! A change that was found is still found when more commits come, as long as it is there.
//!
//! Once, what was found vanished after some twenty commits: the noise was taken for persistent because of the steps.

use super::*;

use rand::{RngExt as _, SeedableRng as _};
use rand_pcg::Pcg64Mcg;

const BYTES: Effect = Effect { ratio_min: 0.03, absolute_min: 4.0 };

/// What a reader of the report sees at each commit: is the level now another than at first?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Seen {
    Nothing,
    Worse,
    /// A change, and one back.
    Back,
}

fn seen(values: &[f64]) -> Seen {
    let found = changes(values, &BYTES);
    match (found.first(), found.last()) {
        (Some(first), Some(last)) if last.after - first.before >= BYTES.distance(first.before) => Seen::Worse,
        (Some(_), Some(_)) => Seen::Back,
        _ => Seen::Nothing,
    }
}

fn walked(values: &[f64]) -> String {
    (POINTS_MIN..=values.len())
        .map(|commits| match seen(&values[..commits]) {
            Seen::Nothing => '.',
            Seen::Worse => 'W',
            Seen::Back => 'b',
        })
        .collect()
}

/// `level` of each commit, with noise of `spread`, evenly about it.
fn noisy(levels: &[f64], spread: f64, seed: u64) -> Vec<f64> {
    let mut rng = Pcg64Mcg::seed_from_u64(seed);
    levels.iter().map(|level| level * (1.0 + spread * rng.random_range(-1.0..1.0))).collect()
}

fn stairs(parts: &[(f64, usize)]) -> Vec<f64> {
    parts.iter().flat_map(|(level, count)| std::iter::repeat_n(*level, *count)).collect()
}

fn ramp(flat: usize, per_commit: f64, rising: usize, after: usize) -> Vec<f64> {
    (0..flat + rising + after)
        .map(|index| 61.0 * (1.0 + per_commit * (index + 1).saturating_sub(flat).min(rising) as f64))
        .collect()
}

#[test]
fn explore() {
    let cases: Vec<(&str, Vec<f64>, f64)> = vec![
        ("stair", stairs(&[(60.0, 15), (90.0, 10), (120.0, 40)]), 0.003),
        ("humps", stairs(&[(60.0, 15), (90.0, 10), (60.0, 15), (90.0, 40)]), 0.003),
        ("small stair", stairs(&[(60.0, 20), (66.0, 10), (72.0, 40)]), 0.0173),
        ("ramp20", ramp(30, 0.01, 20, 0), 0.0173),
        ("ramp20+", ramp(15, 0.01, 20, 30), 0.0173),
        ("growth", ramp(15, 0.01, 64, 0), 0.003),
        ("growth1", ramp(20, 0.01, 64, 0), 0.0173),
        ("15-10-10", stairs(&[(60.0, 15), (66.0, 10), (60.0, 10)]), 0.003),
        ("15-10-10s", stairs(&[(60.0, 15), (66.0, 10), (72.0, 10)]), 0.003),
        ("4 stairs", stairs(&[(60.0, 15), (70.0, 8), (80.0, 8), (90.0, 8), (100.0, 20)]), 0.005),
        ("updown", stairs(&[(60.0, 20), (80.0, 10), (70.0, 30), (61.0, 10)]), 0.01),
        ("hump long", stairs(&[(60.0, 40), (80.0, 15), (60.0, 40)]), 0.01),
    ];
    for (name, levels, spread) in cases {
        for seed in 0..2 {
            eprintln!("{name:12} {}", walked(&noisy(&levels, spread, seed)));
        }
    }
}

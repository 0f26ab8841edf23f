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

/// The longest stretch of commits without a finding, after the first that had one.
fn gap(walk: &str) -> usize {
    let after = walk.trim_start_matches('.');
    after.split(['W', 'b']).map(str::len).max().unwrap_or(0)
}

#[test]
fn what_was_found_is_still_found() {
    let cases = [
        ("a stair", stairs(&[(60.0, 15), (90.0, 10), (120.0, 25)]), 0.003, 0),
        ("a small stair", stairs(&[(60.0, 20), (66.0, 10), (72.0, 20)]), 0.017, 0),
        ("growth", ramp(15, 0.01, 40, 0), 0.003, 0),
        // A weak beginning may flicker, at a few commits.
        ("a noisy ramp", ramp(15, 0.01, 20, 15), 0.017, 3),
        ("a second hump", stairs(&[(60.0, 15), (90.0, 10), (60.0, 15), (90.0, 20)]), 0.003, 2),
    ];
    for (name, levels, spread, gap_max) in cases {
        let walk = walked(&noisy(&levels, spread, 0));
        assert!(walk.ends_with("WWWWWWWWWW") && gap(&walk) <= gap_max, "{name}: {walk}");
    }
}

#[test]
fn the_end_of_a_hump_is_found_too() {
    let walk = walked(&noisy(&stairs(&[(60.0, 15), (90.0, 10), (60.0, 12)]), 0.003, 0));
    assert!(walk.contains("WWWWW") && walk.ends_with("bbbbb") && gap(&walk) <= 2, "{walk}");
}

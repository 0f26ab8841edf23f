//! Coverage and power, measured; the tables in docs/history.md come from more comparisons of the same kinds.

use rand::{RngExt as _, SeedableRng as _};
use rand_distr::{Distribution as _, StandardNormal, StudentT};
use rand_pcg::Pcg64Mcg;

use super::*;

const SEED: u64 = 20_261_121;
const TRIALS: usize = 600;

type Noise = fn(&mut Pcg64Mcg) -> f64;

fn normal(rng: &mut Pcg64Mcg) -> f64 {
    StandardNormal.sample(rng)
}

const KINDS: [(&str, Noise); 3] = [
    ("normal", normal),
    ("heavy tails", |rng| StudentT::new(2.0).expect("above zero").sample(rng)),
    ("two machines", |rng| if rng.random_range(0.0..1.0) < 0.5 { 2.5 } else { 0.0 } + 0.2 * normal(rng)),
];

/// All comparisons of `k` runs with `k` others that take `factor` times as much, with 2 % noise.
fn compared(
    noise: Noise,
    k: usize,
    factor: f64,
    judge: fn(&[f64], &[f64]) -> Option<Comparison>,
) -> Vec<Comparison> {
    let mut rng = Pcg64Mcg::seed_from_u64(SEED + k as u64);
    (0..TRIALS)
        .map(|_| {
            let mut runs = |factor: f64| -> Vec<f64> {
                (0..k).map(|_| 100.0 * factor * (0.02 * noise(&mut rng)).exp()).collect()
            };
            let (a, b) = (runs(1.0), runs(factor));
            judge(&a, &b).expect("enough runs")
        })
        .collect()
}

#[test]
fn the_interval_holds_the_truth_as_often_as_it_says() {
    for (name, noise) in KINDS {
        for k in [3, 5, 10] {
            for judge in [compare as fn(&[f64], &[f64]) -> Option<Comparison>, compare_pairs] {
                let found = compared(noise, k, 1.3, judge);
                let held = found.iter().filter(|found| found.ci95.0 <= 1.3 && 1.3 <= found.ci95.1).count();
                // 95 % of 600, less three standard errors.
                assert!(held >= 554, "seed {SEED}, {name}, {k} runs: {held} of {TRIALS}");
                assert!(found.iter().all(|found| found.ci95.0 <= found.ratio && found.ratio <= found.ci95.1));
            }
        }
    }
}

#[test]
fn what_is_detectable_is_detected_four_times_in_five() {
    for (name, noise) in &KINDS[..2] {
        for k in [3, 5, 10] {
            let mut detectable: Vec<f64> =
                compared(*noise, k, 1.0, compare).iter().map(|found| found.detectable).collect();
            detectable.sort_by(f64::total_cmp);
            let usual = detectable[TRIALS / 2];
            let count = |factor: f64| {
                let found = compared(*noise, k, factor, compare);
                found.iter().filter(|found| found.ci95.0 > 1.0).count() * 100 / TRIALS
            };
            let (seen, half_of_it) = (count(1.0 + usual), count(1.0 + usual / 2.0));
            assert!((70..=90).contains(&seen), "seed {SEED}, {name}, {k} runs: {usual} is seen in {seen} %");
            assert!(
                half_of_it < 50,
                "seed {SEED}, {name}, {k} runs: half of {usual} is seen in {half_of_it} %"
            );
        }
    }
}

/// The machine's speed wanders four times as much as the runs themselves.
#[test]
fn pairs_see_through_the_weather() {
    let mut rng = Pcg64Mcg::seed_from_u64(SEED);
    let (mut as_groups, mut as_pairs, mut held) = (0, 0, 0);
    for _ in 0..TRIALS {
        let mut weather = normal(&mut rng);
        let mut next = |factor: f64| {
            weather = 0.8 * weather + 0.6 * normal(&mut rng);
            100.0 * factor * (0.01 * (normal(&mut rng) + 4.0 * weather)).exp()
        };
        let (a, b): (Vec<f64>, Vec<f64>) = (0..8).map(|_| (next(1.0), next(1.05))).unzip();
        as_groups += usize::from(compare(&a, &b).expect("enough").ci95.0 > 1.0);
        let pairs = compare_pairs(&a, &b).expect("enough");
        as_pairs += usize::from(pairs.ci95.0 > 1.0);
        held += usize::from(pairs.ci95.0 <= 1.05 && 1.05 <= pairs.ci95.1);
    }
    assert!(held >= 554, "seed {SEED}: {held} of {TRIALS}");
    assert!(as_pairs * 10 >= as_groups * 11, "seed {SEED}: {as_pairs} as pairs, {as_groups} as groups");
}

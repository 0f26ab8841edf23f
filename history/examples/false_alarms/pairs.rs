//! Two groups of runs: coverage of the intervals, and the power at what is said to be detectable.

use history::pair::{Comparison, compare, compare_pairs};
use rand::RngExt as _;
use rand_distr::{Distribution as _, StandardNormal, StudentT};
use rand_pcg::Pcg64Mcg;

use crate::noise::rng;

const TRIALS: usize = 4_000;

/// Resamples of the bootstrap that the ranks' interval is compared with.
const RESAMPLES: usize = 400;

/// The noise of a run, as a factor: normal, heavy-tailed, skewed, of two machines.
type Run = fn(&mut Pcg64Mcg) -> f64;

const KINDS: [(&str, Run); 5] = [
    ("normal, 2 %", |rng| (0.02 * normal(rng)).exp()),
    ("Student's t, 2 degrees, 2 %", |rng| (0.02 * student(rng)).exp()),
    ("log-normal tail to the right", |rng| (0.02 * normal(rng).exp()).exp()),
    ("two machines, half and half", |rng| two(rng, 0.5)),
    ("two machines, one in five", |rng| two(rng, 0.2)),
];

fn normal(rng: &mut Pcg64Mcg) -> f64 {
    StandardNormal.sample(rng)
}

fn student(rng: &mut Pcg64Mcg) -> f64 {
    StudentT::new(2.0).expect("above zero").sample(rng)
}

/// Machines 5 % apart, with 0.5 % noise.
fn two(rng: &mut Pcg64Mcg, share: f64) -> f64 {
    let machine = if rng.random_range(0.0..1.0) < share { 1.05 } else { 1.0 };
    machine * (1.0 + 0.005 * normal(rng))
}

fn runs(run: Run, k: usize, factor: f64, rng: &mut Pcg64Mcg) -> Vec<f64> {
    (0..k).map(|_| 100.0 * factor * run(rng)).collect()
}

fn holds_one((low, high): (f64, f64)) -> bool {
    low <= 1.0 + 1e-12 && high >= 1.0 - 1e-12
}

fn percent(count: usize) -> f64 {
    count as f64 * 100.0 / TRIALS as f64
}

pub(crate) fn coverage(seed: u64) {
    println!(
        "| runs each | noise | `compare` holds the truth | `compare_pairs` | percentile bootstrap of the medians | detectable, median | seen at that size |"
    );
    println!("|---|---|---|---|---|---|---|");
    for k in [3, 4, 5, 7, 10, 20] {
        for (name, run) in KINDS {
            let with = |factor: f64,
                        seed: u64,
                        judge: fn(&[f64], &[f64]) -> Option<Comparison>|
             -> Vec<Comparison> {
                (0..TRIALS)
                    .filter_map(|number| {
                        let mut rng = rng(seed, number);
                        judge(&runs(run, k, 1.0, &mut rng), &runs(run, k, factor, &mut rng))
                    })
                    .collect()
            };
            let groups = with(1.0, seed, compare);
            let held = groups.iter().filter(|found| holds_one(found.ci95)).count();
            let held_pairs =
                with(1.0, seed, compare_pairs).iter().filter(|found| holds_one(found.ci95)).count();
            let boot = (0..TRIALS)
                .filter(|number| {
                    let mut rng = rng(seed, *number);
                    let (a, b) = (runs(run, k, 1.0, &mut rng), runs(run, k, 1.0, &mut rng));
                    holds_one(bootstrap(&a, &b, &mut rng))
                })
                .count();
            let mut detectable: Vec<f64> = groups.iter().map(|found| found.detectable).collect();
            detectable.sort_by(f64::total_cmp);
            let detectable = detectable[TRIALS / 2];
            let seen =
                with(1.0 + detectable, seed + 1, compare).iter().filter(|found| found.ci95.0 > 1.0).count();
            println!(
                "| {k} | {name} | {:.1} % | {:.1} % | {:.1} % | {:.1} % | {:.0} % |",
                percent(held),
                percent(held_pairs),
                percent(boot),
                detectable * 100.0,
                percent(seen)
            );
        }
    }
    println!();
}

fn bootstrap(a: &[f64], b: &[f64], rng: &mut Pcg64Mcg) -> (f64, f64) {
    let mut ratios: Vec<f64> = (0..RESAMPLES)
        .map(|_| {
            let mut again = |runs: &[f64]| -> f64 {
                let mut runs: Vec<f64> =
                    (0..runs.len()).map(|_| runs[rng.random_range(0..runs.len())]).collect();
                runs.sort_by(f64::total_cmp);
                f64::midpoint(runs[runs.len() / 2], runs[(runs.len() - 1) / 2])
            };
            let a = again(a);
            again(b) / a
        })
        .collect();
    ratios.sort_by(f64::total_cmp);
    (ratios[RESAMPLES / 40], ratios[RESAMPLES - 1 - RESAMPLES / 40])
}

/// Runs that take turns on one machine, whose speed wanders: each run has 1 % noise of its own, and the wandering is so
/// many times as large, with a correlation of 0.8 from run to run. B is 4 % slower.
pub(crate) fn weather(seed: u64) {
    println!(
        "| runs each | the machine wanders | `compare` holds the truth | sees 4 % | `compare_pairs` holds the truth | sees 4 % |"
    );
    println!("|---|---|---|---|---|---|");
    for k in [3, 5, 8, 10] {
        for part in [0.0, 1.0, 2.0, 4.0] {
            let mut counts = [0; 4];
            for number in 0..TRIALS {
                let mut rng = rng(seed, number);
                let mut weather = normal(&mut rng);
                let mut next = |factor: f64| {
                    weather = 0.8 * weather + 0.6 * normal(&mut rng);
                    100.0 * factor * (0.01 * (normal(&mut rng) + part * weather)).exp()
                };
                let (a, b): (Vec<f64>, Vec<f64>) = (0..k).map(|_| (next(1.0), next(1.0))).unzip();
                let slower: Vec<f64> = b.iter().map(|value| value * 1.04).collect();
                for (judge, at) in [(compare as fn(&[f64], &[f64]) -> _, 0), (compare_pairs, 2)] {
                    let interval =
                        |b: &[f64]| judge(&a, b).map_or((0.0, 0.0), |found: Comparison| found.ci95);
                    counts[at] += usize::from(holds_one(interval(&b)));
                    counts[at + 1] += usize::from(interval(&slower).0 > 1.0);
                }
            }
            let [held, seen, held_pairs, seen_pairs] = counts.map(percent);
            println!(
                "| {k} | {part:.0} | {held:.1} % | {seen:.0} % | {held_pairs:.1} % | {seen_pairs:.0} % |"
            );
        }
    }
}

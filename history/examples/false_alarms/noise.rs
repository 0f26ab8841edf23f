//! Series in which nothing changes: noise of each kind that results across commits are known to have.

use rand::{RngExt as _, SeedableRng as _};
use rand_distr::{Distribution as _, LogNormal, StandardNormal, StudentT};
use rand_pcg::Pcg64Mcg;

/// A kind of noise. The level is 1,000 where it is made up, and the metric's own where it is recorded.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    /// A column of the recording, resampled in blocks of neighbours.
    Recorded(&'static str, &'static str),
    /// Independent and normal, with this relative standard deviation.
    Normal(f64),
    /// Student's t with so many degrees of freedom, times this scale: outliers now and then.
    Student(f64, f64),
    /// exp of a normal with this standard deviation: skewed to the right.
    LogNormal(f64),
    /// Normal, in tenths, and few of them: bytes per connection.
    Tenths,
    /// Normal, and one value in twenty is up to ten times as large.
    Outliers(f64),
    /// Rises by this share from first to last, with normal noise of 1 %.
    Drift(f64),
    /// A random walk that ends a distance away with this standard deviation, with normal noise of 1 %.
    Walk(f64),
    /// Two machines a tenth apart, with 1 % noise: the chance of the faster one, each run for itself.
    Modes(f64),
    /// Two machines a tenth apart, with 1 % noise: the chance that the next run is on the same one.
    Staying(f64),
    /// Normal, 3 %, each value correlated with the one before by this much.
    Correlated(f64),
}

/// The recording's columns are found by the scenario (first column) and the metric (header).
pub const RECORDING: &str = include_str!("../../data/noise.csv");

/// A column of the recording, without what was not measured.
pub fn recorded(scenario: &str, metric: &str) -> Vec<f64> {
    let mut lines = RECORDING.lines().filter(|line| !line.starts_with('#'));
    let header: Vec<&str> = lines.next().unwrap_or_default().split(',').collect();
    let column = header.iter().position(|name| *name == metric).expect("a metric of the recording");
    let cells = lines.map(|line| line.split(',').collect::<Vec<_>>()).filter(|cells| cells[0] == scenario);
    cells.filter_map(|cells| cells[column].parse().ok()).collect()
}

/// How many neighbours stay together when a recording is resampled.
const BLOCK: usize = 10;

impl Kind {
    /// `n` values.
    pub fn series(&self, n: usize, rng: &mut Pcg64Mcg) -> Vec<f64> {
        let level = 1_000.0;
        let normal = |rng: &mut Pcg64Mcg| -> f64 { StandardNormal.sample(rng) };
        match *self {
            Kind::Recorded(scenario, metric) => {
                let all = recorded(scenario, metric);
                let mut series = Vec::with_capacity(n + BLOCK);
                while series.len() < n {
                    let from = rng.random_range(0..=all.len() - BLOCK);
                    series.extend_from_slice(&all[from..from + BLOCK]);
                }
                series.truncate(n);
                series
            }
            Kind::Normal(sd) => (0..n).map(|_| level * (1.0 + sd * normal(rng))).collect(),
            Kind::Student(freedom, sd) => {
                let student = StudentT::new(freedom).expect("freedom above zero");
                (0..n).map(|_| level * (1.0 + sd * student.sample(rng))).collect()
            }
            Kind::LogNormal(sd) => {
                let lognormal = LogNormal::new(0.0, sd).expect("a spread above zero");
                (0..n).map(|_| level * lognormal.sample(rng)).collect()
            }
            Kind::Tenths => (0..n).map(|_| (61.0 + 0.08 * normal(rng)).mul_add(10.0, 0.0).round() / 10.0).collect(),
            Kind::Outliers(sd) => (0..n)
                .map(|_| {
                    let times = if rng.random_range(0.0..1.0) < 0.05 { rng.random_range(1.0..10.0) } else { 1.0 };
                    level * times * (1.0 + sd * normal(rng))
                })
                .collect(),
            Kind::Drift(share) => (0..n)
                .map(|index| level * (1.0 + share * index as f64 / n as f64) * (1.0 + 0.01 * normal(rng)))
                .collect(),
            Kind::Walk(share) => {
                let step = share / (n as f64).sqrt();
                let mut walked = 0.0;
                (0..n)
                    .map(|_| {
                        walked += step * normal(rng);
                        level * (1.0 + walked) * (1.0 + 0.01 * normal(rng))
                    })
                    .collect()
            }
            Kind::Modes(chance) => (0..n)
                .map(|_| {
                    let mode = if rng.random_range(0.0..1.0) < chance { 1.0 } else { 1.1 };
                    level * mode * (1.0 + 0.01 * normal(rng))
                })
                .collect(),
            Kind::Staying(stay) => {
                let mut slow = rng.random_range(0.0..1.0) < 0.5;
                (0..n)
                    .map(|_| {
                        slow ^= rng.random_range(0.0..1.0) >= stay;
                        level * if slow { 1.1 } else { 1.0 } * (1.0 + 0.01 * normal(rng))
                    })
                    .collect()
            }
            Kind::Correlated(rho) => {
                let mut last = normal(rng);
                (0..n)
                    .map(|_| {
                        last = rho * last + (1.0 - rho * rho).sqrt() * normal(rng);
                        level * (1.0 + 0.03 * last)
                    })
                    .collect()
            }
        }
    }
}

/// A generator for one series, so that each can be replayed by itself.
pub fn rng(seed: u64, number: usize) -> Pcg64Mcg {
    Pcg64Mcg::seed_from_u64(seed.wrapping_mul(1_000_003).wrapping_add(number as u64))
}

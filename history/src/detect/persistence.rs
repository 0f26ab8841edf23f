//! Noise that stays: how alike neighbours are once the levels have been taken out.
//!
//! A permutation test takes any order of the values for as likely as any other. Where a run on the slow machine of a
//! fleet is followed by another more often than not, that is wrong, and such noise looks like steps. Sums of values with
//! a correlation of ρ between neighbours swing (1 + ρ) / (1 - ρ) times as much as those of independent values
//! (squared), and so does the energy of a cut.
//!
//! The limit of it: noise that stays for ten values at a time, in a series of thirty, is a step to anybody who sees it.

use super::energy::{Step, Windows};

/// One level for so many values is taken out first: real steps are rarer than that, and would look like persistence.
const VALUES_PER_LEVEL: usize = 25;

/// The least number of values in a level.
const LEVEL_MIN: usize = 4;

/// So many standard errors are added to what was measured. Of few values a correlation says little, and without this
/// persistent noise raises twice as many false alarms. It costs a step of twice the noise some three values of delay, and
/// one of five times the noise hardly any.
const DOUBT: f64 = 1.0;

/// No correlation is taken for higher than that: an energy is never made less than a nineteenth.
const CORRELATION_MAX: f64 = 0.9;

/// What part of a cut's energy is left when the noise's persistence has been allowed for: 1 for independent noise.
pub(super) fn shrink(values: &[Step]) -> f64 {
    // By ranks too: a few outliers hide the correlation of the others.
    let rho = correlation(values).max(correlation(&ranks(values)));
    let error = ((1.0 - rho * rho).max(0.0) / values.len() as f64).sqrt();
    let rho = (rho + DOUBT * error).clamp(0.0, CORRELATION_MAX);
    (1.0 - rho) / (1.0 + rho)
}

/// The correlation of neighbours, less what chance and the levels' removal do to it.
fn correlation(values: &[Step]) -> f64 {
    let bounds = levels(values);
    let mut rest = Vec::with_capacity(values.len());
    for pair in bounds.windows(2) {
        let level = &values[pair[0]..pair[1]];
        let mean = level.iter().map(|value| f64::from(*value)).sum::<f64>() / level.len() as f64;
        rest.extend(level.iter().map(|value| f64::from(*value) - mean));
    }
    let square: f64 = rest.iter().map(|value| value * value).sum();
    if square <= 0.0 {
        return 0.0;
    }
    let product: f64 = rest.windows(2).map(|pair| pair[0] * pair[1]).sum();
    let rho = product / square;
    // Kendall (1954) for one mean; each further level, whose bounds were sought, costs about as much again.
    rho + (bounds.len() - 1) as f64 * (1.0 + 3.0 * rho) / values.len() as f64
}

/// Each value's place among all, equal values sharing theirs; doubled, to be whole.
fn ranks(values: &[Step]) -> Vec<Step> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable();
    let place = |value: &Step| {
        let (below, up_to) =
            (sorted.partition_point(|other| other < value), sorted.partition_point(|other| other <= value));
        Step::try_from(below + up_to).unwrap_or(Step::MAX)
    };
    values.iter().map(place).collect()
}

/// The bounds of the levels, first and last included: the best cuts one after the other, proven or not.
fn levels(values: &[Step]) -> Vec<usize> {
    let cuts_max = (values.len() / VALUES_PER_LEVEL).max(1);
    let mut bounds = vec![0, values.len()];
    for _ in 0..cuts_max {
        let best = bounds
            .windows(2)
            .filter_map(|pair| {
                let level = &values[pair[0]..pair[1]];
                let cut = Windows::new(level.len(), LEVEL_MIN).best(level)?;
                Some((cut.energy, pair[0] + cut.left))
            })
            .max_by(|a, b| a.0.total_cmp(&b.0));
        let Some((_, at)) = best else { break };
        let place = bounds.partition_point(|bound| *bound < at);
        bounds.insert(place, at);
    }
    bounds
}

#[cfg(test)]
mod tests {
    use rand::{RngExt as _, SeedableRng as _};
    use rand_pcg::Pcg64Mcg;

    use super::*;

    /// Two modes; the next value is in the same one with this chance.
    fn modes(stay: f64, n: usize) -> Vec<Step> {
        let mut rng = Pcg64Mcg::seed_from_u64(11);
        let mut high = false;
        (0..n)
            .map(|_| {
                high ^= rng.random_range(0.0..1.0) >= stay;
                if high { 1_000 } else { 0 }
            })
            .collect()
    }

    #[test]
    fn persistent_noise_shrinks_the_energy_as_much_as_it_should() {
        // The correlation of two modes is 2 stay - 1, and a level for every 25 values takes a part of it away.
        let independent = shrink(&modes(0.5, 1_000));
        assert!((0.9..=1.0).contains(&independent), "{independent}");
        let staying = shrink(&modes(0.75, 1_000));
        assert!((0.3..0.6).contains(&staying), "{staying}");
        let more = shrink(&modes(0.9, 1_000));
        assert!((0.05..0.3).contains(&more), "{more}");
    }

    #[test]
    fn steps_are_not_taken_for_persistence() {
        let mut values = modes(0.5, 100);
        for (index, value) in values.iter_mut().enumerate() {
            *value += 3_000 * (index / 34) as Step;
        }
        let stepped = shrink(&values);
        assert!(stepped > 0.6, "{stepped}");
    }

    #[test]
    fn an_outlier_hides_nothing() {
        let mut values = modes(0.85, 200);
        for index in (0..200).step_by(40) {
            values[index] = Step::MAX / 2;
        }
        assert!(shrink(&values) < 0.4, "{}", shrink(&values));
        assert!(shrink(&[5; 30]) > 0.6, "equal values");
    }
}

//! Noise that stays: how alike neighbours are once the levels have been taken out.
//!
//! A permutation test takes any order of the values for as likely as any other. Where a run on the slow machine of a
//! fleet is followed by another more often than not, that is wrong, and such noise looks like steps. Sums of values with
//! a correlation of ρ between neighbours swing (1 + ρ) / (1 - ρ) times as much as those of independent values
//! (squared), and so does the energy of a cut.
//!
//! A regression makes neighbours alike too, and must not be explained away by itself. What tells it from noise is that
//! few levels, or slopes, say nearly everything of it: each of them takes most of what the others have left.
//!
//! The limit of it: noise that stays for ten values at a time, in a series of thirty, is a step to anybody who sees it.

mod pieces;

use super::robust;

/// One level for so many values is taken out in any case, however little it takes away.
const VALUES_PER_LEVEL: usize = 25;

/// So many standard errors are added to what was measured. Of few values a correlation says little, and without this
/// persistent noise raises twice as many false alarms. It costs a step of twice the noise some three values of delay, and
/// one of five times the noise hardly any.
const DOUBT: f64 = 1.0;

/// No correlation is taken for higher than that: an energy is never made less than a nineteenth.
const CORRELATION_MAX: f64 = 0.9;

/// What part of a cut's energy is left when the noise's persistence has been allowed for: 1 for independent noise.
/// Values farther than `reach` from their neighbours count as that far.
pub(super) fn shrink(series: &[f64], reach: f64) -> f64 {
    let values = tamed(series, reach);
    let (rest, terms) = pieces::taken_out(&values, (values.len() / VALUES_PER_LEVEL).max(1) + 1);
    // By ranks too: a few outliers hide the correlation of the others.
    let rho = correlation(&rest, terms).max(correlation(&ranks(&rest), terms));
    let error = ((1.0 - rho * rho).max(0.0) / values.len() as f64).sqrt();
    let rho = (rho + DOUBT * error).clamp(0.0, CORRELATION_MAX);
    (1.0 - rho) / (1.0 + rho)
}

/// The values, the largest about 1, with lone outliers brought back to the nearer of their neighbours: not to the median
/// of all, so that a step stays as large as it is against the noise.
fn tamed(series: &[f64], reach: f64) -> Vec<f64> {
    let centre = robust::median(series);
    let near = |index: usize| {
        let value = series[index];
        let before = index.checked_sub(1).map(|index| series[index]);
        let after = series.get(index + 1).copied();
        let nearest =
            before.into_iter().chain(after).min_by(|a, b| (a - value).abs().total_cmp(&(b - value).abs()));
        nearest.map_or(value, |nearest| value.clamp(nearest - reach, nearest + reach)) - centre
    };
    let values: Vec<f64> = (0..series.len()).map(near).collect();
    let largest = values.iter().map(|value| value.abs()).fold(0.0, f64::max);
    if largest > 0.0 && largest.is_finite() {
        values.iter().map(|value| value / largest).collect()
    } else {
        vec![0.0; series.len()]
    }
}

/// The correlation of neighbours, less what chance and the removal of so many terms do to it.
fn correlation(rest: &[f64], terms: usize) -> f64 {
    let square: f64 = rest.iter().map(|value| value * value).sum();
    if square <= 0.0 {
        return 0.0;
    }
    let product: f64 = rest.windows(2).map(|pair| pair[0] * pair[1]).sum();
    let rho = product / square;
    // Kendall (1954) for one mean; each further level, whose bounds were sought, costs about as much again.
    rho + terms as f64 * (1.0 + 3.0 * rho) / rest.len() as f64
}

/// Each value's place among all, from the middle; equal values share theirs.
fn ranks(values: &[f64]) -> Vec<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let place = |value: &f64| {
        let below = sorted.partition_point(|other| other < value);
        let up_to = sorted.partition_point(|other| other <= value);
        (below + up_to) as f64 - sorted.len() as f64
    };
    values.iter().map(place).collect()
}

#[cfg(test)]
mod tests {
    use rand::{RngExt as _, SeedableRng as _};
    use rand_pcg::Pcg64Mcg;

    use super::*;

    /// Farther than any value is.
    const FAR: f64 = 1e6;

    /// Two modes; the next value is in the same one with this chance.
    fn modes(stay: f64, n: usize) -> Vec<f64> {
        let mut rng = Pcg64Mcg::seed_from_u64(11);
        let mut high = false;
        (0..n)
            .map(|_| {
                high ^= rng.random_range(0.0..1.0) >= stay;
                if high { 1_000.0 } else { 0.0 }
            })
            .collect()
    }

    #[test]
    fn persistent_noise_shrinks_the_energy_as_much_as_it_should() {
        // The correlation of two modes is 2 stay - 1, and a level for every 25 values takes a part of it away.
        let independent = shrink(&modes(0.5, 1_000), FAR);
        assert!((0.9..=1.0).contains(&independent), "{independent}");
        let staying = shrink(&modes(0.75, 1_000), FAR);
        assert!((0.3..0.6).contains(&staying), "{staying}");
        let more = shrink(&modes(0.9, 1_000), FAR);
        assert!((0.05..0.3).contains(&more), "{more}");
    }

    #[test]
    fn steps_are_not_taken_for_persistence() {
        let mut values = modes(0.5, 100);
        for (index, value) in values.iter_mut().enumerate() {
            *value += 3_000.0 * (index / 34) as f64;
        }
        let stepped = shrink(&values, FAR);
        assert!(stepped > 0.6, "{stepped}");
    }

    #[test]
    fn an_outlier_hides_nothing() {
        let mut values = modes(0.85, 200);
        for index in (0..200).step_by(40) {
            values[index] = 1e5;
        }
        assert!(shrink(&values, 6_000.0) < 0.4, "{}", shrink(&values, 6_000.0));
        assert!(shrink(&[5.0; 30], FAR) > 0.6, "equal values");
    }
}

//! Noise that stays: how alike neighbours are once the levels have been taken out.
//!
//! A permutation test takes any order of the values for as likely as any other. Where a run on the slow machine of a
//! fleet is followed by another more often than not, that is wrong, and such noise looks like steps. Sums of values with
//! a correlation of ρ between neighbours swing (1 + ρ) / (1 - ρ) times as much as those of independent values
//! (squared), and so does the energy of a cut.

use super::energy::Energy;

/// One level for so many values is taken out first: real steps are rarer than that, and would look like persistence.
const VALUES_PER_LEVEL: usize = 25;

/// The least number of values in a level.
const LEVEL_MIN: usize = 4;

/// No correlation is taken for higher than that: an energy is never made less than a nineteenth.
const CORRELATION_MAX: f64 = 0.9;

/// What part of a cut's energy is left when the noise's persistence has been allowed for: 1 for independent noise.
pub(super) fn shrink(values: &[f64]) -> f64 {
    let rho = correlation(values).clamp(0.0, CORRELATION_MAX);
    (1.0 - rho) / (1.0 + rho)
}

/// The correlation of neighbours, less what chance and the levels' removal do to it.
pub(super) fn correlation(values: &[f64]) -> f64 {
    let bounds = levels(values);
    let mut rest = Vec::with_capacity(values.len());
    for pair in bounds.windows(2) {
        let level = &values[pair[0]..pair[1]];
        let mean = level.iter().sum::<f64>() / level.len() as f64;
        rest.extend(level.iter().map(|value| value - mean));
    }
    let square: f64 = rest.iter().map(|value| value * value).sum();
    if square <= 0.0 {
        return 0.0;
    }
    let product: f64 = rest.windows(2).map(|pair| pair[0] * pair[1]).sum();
    let rho = product / square;
    let n = values.len() as f64;
    // Kendall (1954) for one mean; each further level, whose bounds were sought, costs about as much again.
    rho + (bounds.len() - 1) as f64 * (1.0 + 3.0 * rho) / n
}

/// The bounds of the levels, first and last included: the best cuts one after the other, proven or not.
fn levels(values: &[f64]) -> Vec<usize> {
    let cuts_max = (values.len() / VALUES_PER_LEVEL).max(1);
    let mut bounds = vec![0, values.len()];
    for _ in 0..cuts_max {
        let best = bounds
            .windows(2)
            .filter_map(|pair| {
                let mut energy = Energy::new(&values[pair[0]..pair[1]]);
                let order = energy.order();
                energy.best(&order, LEVEL_MIN).map(|cut| (cut.energy, pair[0] + cut.left))
            })
            .max_by(|a, b| a.0.total_cmp(&b.0));
        let Some((_, at)) = best else { break };
        let place = bounds.partition_point(|bound| *bound < at);
        bounds.insert(place, at);
    }
    bounds
}

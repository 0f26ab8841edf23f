//! Where exactly: the indices at which a change may have come.

/// Residuals beyond so many standard deviations count in proportion, not squared (Huber 1964): an outlier does not say
/// where a step is.
const HUBER: f64 = 1.345;

/// How much worse a cut may fit than the best (twice the log-likelihood) and still be possible: so much that more than
/// nine in ten ranges hold the place, measured.
const WORSE_MAX: f64 = 10.0;

/// Where the cut fits best, and the first and last place where it fits about as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) at: usize,
    pub(super) first: usize,
    pub(super) last: usize,
}

/// `values` go from one level to the other at an index between `side_min` and `len - side_min`. `shrink` as for the
/// energy: persistent noise says less.
pub(super) fn place(
    values: &[f64],
    before: f64,
    after: f64,
    guess: usize,
    side_min: usize,
    shrink: f64,
) -> Place {
    let n = values.len();
    let scale = spread(values, before, after, guess);
    let gain = |value: f64| {
        let cost = |level: f64| {
            let off = ((value - level) / scale).abs();
            if off <= HUBER { off * off } else { 2.0 * HUBER * off - HUBER * HUBER }
        };
        cost(before) - cost(after)
    };
    // The fit of a cut at `index`, against one at 0: values to its left gain nothing from the level after.
    let mut fits = Vec::with_capacity(n + 1);
    let mut fit = 0.0;
    fits.push(fit);
    for value in values {
        fit -= if scale > 0.0 {
            gain(*value)
        } else {
            ((value - before).abs() - (value - after).abs()).signum() * 1e9
        };
        fits.push(fit);
    }
    let possible = side_min..=n - side_min;
    let best = possible.clone().map(|index| fits[index]).fold(f64::NEG_INFINITY, f64::max);
    let near = |index: &usize| (best - fits[*index]) * shrink <= WORSE_MAX;
    let at = possible.clone().find(|index| fits[*index] >= best).unwrap_or(guess);
    let first = possible.clone().find(near).unwrap_or(at);
    let last = possible.rev().find(near).unwrap_or(at);
    Place { at, first, last }
}

/// The standard deviation of the noise about the two levels, by the median of what is off them.
fn spread(values: &[f64], before: f64, after: f64, guess: usize) -> f64 {
    let off: Vec<f64> = values
        .iter()
        .enumerate()
        .map(|(index, value)| (value - if index < guess { before } else { after }).abs())
        .collect();
    let n = off.len() as f64;
    let mad = super::robust::median(&off) * 1.4826 * (1.0 + 1.0 / n);
    if mad > 0.0 { mad } else { off.iter().sum::<f64>() / n * 1.2533 }
}

//! Two groups of runs: the ratio of B to A, and how sure that is.
//!
//! Hodges and Lehmann's estimate with the interval that belongs to it: of all ratios b/a, the middle one, and the
//! outermost ones that the rank test of Mann and Whitney does not refuse. That holds for noise of any shape, as long as
//! both groups have the same, and for as few as four runs each. The bootstrap's intervals do not: their coverage at five
//! runs, measured, is in docs/history.md beside this one's. With three runs each no order of them is unlikely enough, so
//! the interval is widened by a measured factor.
//!
//! Runs that were interleaved, A B A B, share what drifts: [`compare_pairs`] looks at each pair's own ratio.

#[cfg(test)]
mod measured;
mod ranks;

use crate::detect::robust::median;

/// Fewer runs of either than this cannot be compared.
pub const RUNS_MIN: usize = 3;

/// Of more runs than this, the last are left out.
pub const RUNS_MAX: usize = 100;

/// Fewer pairs than this say less as pairs than as two groups.
const PAIRS_MIN: usize = 5;

/// What is known of B against A.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Comparison {
    /// The middle one of all ratios b/a, or of all pairs' ratios and their means (Hodges & Lehmann 1963).
    pub ratio: f64,
    /// The bounds that hold the true ratio in at least 95 of 100 comparisons.
    pub ci95: (f64, f64),
    /// The smallest change, as a share (0.03 is 3 %), that so many runs with so much noise would have shown four times in five.
    pub detectable: f64,
}

/// B against A. None: fewer than [`RUNS_MIN`] values of either that are above zero and finite, or others among them
/// (of zero and of negative values there is no ratio).
pub fn compare(a: &[f64], b: &[f64]) -> Option<Comparison> {
    let (a, b) = (logs(a)?, logs(b)?);
    let (a, b) = (&a[..a.len().min(RUNS_MAX)], &b[..b.len().min(RUNS_MAX)]);
    let mut steps: Vec<f64> = b.iter().flat_map(|b| a.iter().map(move |a| b - a)).collect();
    steps.sort_by(f64::total_cmp);
    let bounds = match ranks::mann_whitney(a.len(), b.len()) {
        Some(outside) => (steps[outside], steps[steps.len() - 1 - outside]),
        None => widened((steps[0], steps[steps.len() - 1]), WIDER_OF_THREE),
    };
    Some(comparison(median(&steps), bounds, a.len() + b.len() - 2))
}

/// B against A, where `b[i]` was measured right before or after `a[i]`. The two share the weather then, and the interval
/// is narrower the more the weather does: with five runs each and drift of four times the runs' own noise, twice as many
/// changes are seen. Without any drift nothing is lost. Fewer than five pairs are compared as groups. None: as
/// [`compare`], or not as many of one as of the other.
pub fn compare_pairs(a: &[f64], b: &[f64]) -> Option<Comparison> {
    if a.len() != b.len() {
        return None;
    }
    if a.len() < PAIRS_MIN {
        return compare(a, b);
    }
    let (a, b) = (logs(a)?, logs(b)?);
    let steps: Vec<f64> = a.iter().zip(&b).map(|(a, b)| b - a).take(RUNS_MAX).collect();
    let mut means: Vec<f64> = steps
        .iter()
        .enumerate()
        .flat_map(|(i, x)| steps[i..].iter().map(move |y| f64::midpoint(*x, *y)))
        .collect();
    means.sort_by(f64::total_cmp);
    let bounds = match ranks::signed_rank(steps.len()) {
        Some(outside) if steps.len() >= PAIRS_OF_RANKS => (means[outside], means[means.len() - 1 - outside]),
        _ => students(&steps),
    };
    Some(comparison(median(&means), bounds, steps.len() - 1))
}

/// From so many pairs on, ranks give the narrower interval; before, nothing but the outermost means is refused.
const PAIRS_OF_RANKS: usize = 7;

/// By how much of its own width the range of all ratios is widened at each end for three runs against three: the range
/// alone holds the true ratio in 90 of 100 comparisons.
const WIDER_OF_THREE: f64 = 0.15;

fn widened((low, high): (f64, f64), share: f64) -> (f64, f64) {
    let wider = (high - low) * share;
    (low - wider, high + wider)
}

/// Student's interval of the mean: differences of like noise are symmetric, which is what it needs.
fn students(steps: &[f64]) -> (f64, f64) {
    let n = steps.len() as f64;
    let mean = steps.iter().sum::<f64>() / n;
    let variance = steps.iter().map(|step| (step - mean).powi(2)).sum::<f64>() / (n - 1.0);
    let half = student(steps.len() - 1) * (variance / n).sqrt();
    (mean - half, mean + half)
}

/// From logarithms to ratios. `freedom`: how many runs say something of the noise.
fn comparison(middle: f64, (low, high): (f64, f64), freedom: usize) -> Comparison {
    let half = (high - low) / 2.0;
    let shown = half * (1.0 + POWER_80 / student(freedom)) * (1.0 + FEW / freedom as f64);
    Comparison { ratio: middle.exp(), ci95: (low.exp(), high.exp()), detectable: shown.exp_m1() }
}

/// So many standard errors beyond the interval's half width, and four in five estimates are outside it.
const POWER_80: f64 = 0.88;

/// Few runs show less of their noise than there is, and their intervals vary; measured, in docs/history.md.
const FEW: f64 = 0.6;

/// The 97.5 % point of Student's t.
fn student(freedom: usize) -> f64 {
    const TABLE: [f64; 10] = [12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228];
    match freedom {
        0 => f64::INFINITY,
        1..=10 => TABLE[freedom - 1],
        // Within 0.002 from 11 on (Cornish & Fisher's first terms).
        _ => {
            let (z, n) = (1.959_964_f64, freedom as f64);
            z + (z.powi(3) + z) / (4.0 * n) + (5.0 * z.powi(5) + 16.0 * z.powi(3) + 3.0 * z) / (96.0 * n * n)
        }
    }
}

fn logs(values: &[f64]) -> Option<Vec<f64>> {
    let fine = values.len() >= RUNS_MIN && values.iter().all(|value| value.is_finite() && *value > 0.0);
    fine.then(|| values.iter().map(|value| value.ln()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_runs_have_an_exact_ratio() {
        let same = compare(&[50.0; 4], &[60.0; 4]).expect("positive");
        assert!((same.ratio - 1.2).abs() < 1e-12, "{same:?}");
        assert_eq!(same.ci95, (same.ratio, same.ratio));
        assert_eq!(same.detectable, 0.0);
        let pairs = compare_pairs(&[50.0; 6], &[60.0; 6]).expect("positive");
        assert!((pairs.ratio - 1.2).abs() < 1e-12 && pairs.ci95.0 == pairs.ci95.1, "{pairs:?}");
        let few = compare_pairs(&[50.0; 5], &[50.0; 5]).expect("positive");
        assert_eq!((few.ratio, few.ci95, few.detectable), (1.0, (1.0, 1.0), 0.0));
    }

    #[test]
    fn what_has_no_ratio_is_not_compared() {
        let fine = [1.0, 2.0, 3.0];
        assert!(compare(&fine, &fine).is_some());
        assert!(compare(&fine[..2], &fine).is_none());
        assert!(compare(&[], &fine).is_none());
        for odd in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert!(compare(&fine, &[1.0, 2.0, odd]).is_none(), "{odd}");
            assert!(compare_pairs(&[1.0, odd, 2.0], &fine).is_none(), "{odd}");
        }
        assert!(compare_pairs(&fine, &[1.0; 4]).is_none());
    }

    #[test]
    fn the_other_way_round_is_the_inverse() {
        let (a, b) = ([61.0, 61.3, 60.8, 64.0, 61.1], [66.0, 65.8, 71.0, 66.3, 66.1]);
        let (there, back) = (compare(&a, &b).expect("positive"), compare(&b, &a).expect("positive"));
        assert!((there.ratio * back.ratio - 1.0).abs() < 1e-12);
        assert!((there.ci95.0 * back.ci95.1 - 1.0).abs() < 1e-12);
        assert!(there.ci95.0 > 1.0, "{there:?}");
        assert!((there.ratio - 66.1 / 61.1).abs() < 0.005, "{there:?}");
    }
}

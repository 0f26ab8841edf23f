//! How many of the outermost ratios a rank test lets go: exact, by counting orders.

/// The chance to be outside, at each end.
const TAIL: f64 = 0.025;

/// Of the sorted `m` times `n` differences between two groups, how many at each end lie outside the 95 % interval. None:
/// the groups are so small that all of them are inside, and not enough even so.
pub(super) fn mann_whitney(m: usize, n: usize) -> Option<usize> {
    // How many of the C(m + n, m) orders have a given number of pairs the wrong way round: the coefficients of Gauss's
    // binomial, Π (1 - q^(n+i)) / (1 - q^i) for i from 1 to m.
    let mut orders = vec![0.0; m * n + 1];
    orders[0] = 1.0;
    for i in 1..=m {
        for at in (n + i..orders.len()).rev() {
            orders[at] -= orders[at - n - i];
        }
        for at in i..orders.len() {
            orders[at] += orders[at - i];
        }
    }
    let all: f64 = (1..=m).map(|i| (n + i) as f64 / i as f64).product();
    outside(&orders, all)
}

/// The same for the `n (n + 1) / 2` means of two (or one) of `n` differences (Wilcoxon's signed ranks).
pub(super) fn signed_rank(n: usize) -> Option<usize> {
    // How many of the 2^n choices of signs give a sum of ranks: the coefficients of Π (1 + q^i).
    let mut sums = vec![0.0; n * (n + 1) / 2 + 1];
    sums[0] = 1.0;
    for i in 1..=n {
        for at in (i..sums.len()).rev() {
            sums[at] += sums[at - i];
        }
    }
    outside(&sums, 2f64.powi(n as i32))
}

/// The largest k with a chance of at most [`TAIL`] that the statistic is k or less.
fn outside(counts: &[f64], all: f64) -> Option<usize> {
    let mut sum = 0.0;
    let likely = counts.iter().position(|count| {
        sum += count;
        sum / all > TAIL
    });
    likely.unwrap_or(counts.len()).checked_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Against the tables in the textbooks (two sides, 5 %).
    #[test]
    fn critical_values_are_the_textbooks() {
        assert_eq!(mann_whitney(3, 3), None);
        assert_eq!(mann_whitney(4, 4), Some(0));
        assert_eq!(mann_whitney(5, 5), Some(2));
        assert_eq!(mann_whitney(3, 5), Some(0));
        assert_eq!(mann_whitney(10, 10), Some(23));
        assert_eq!(mann_whitney(10, 7), Some(14));
        assert_eq!(mann_whitney(20, 20), Some(127));
        assert_eq!(signed_rank(5), None);
        assert_eq!(signed_rank(6), Some(0));
        assert_eq!(signed_rank(10), Some(8));
        assert_eq!(signed_rank(20), Some(52));
    }

    #[test]
    fn many_runs_do_not_lose_count() {
        // Normal approximation: n²/2 - 1.96 √(n² (2n + 1) / 12).
        let expected = 5_000.0 - 1.96 * (10_000.0 * 201.0 / 12.0_f64).sqrt();
        let exact = mann_whitney(100, 100).expect("plenty") as f64;
        assert!((exact - expected).abs() < 3.0, "{exact}, about {expected}");
        assert!(signed_rank(100).is_some());
    }
}

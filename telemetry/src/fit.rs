//! The slope of one series over another with its 95 % confidence interval: bytes per connection, from samples of a ramp.
//!
//! Ordinary least squares. Samples taken in a row are not independent (memory grows in steps, and each step is seen by
//! several samples), which would make the interval too narrow. So the number of samples is replaced by an effective one,
//! from the lag-1 autocorrelation `r` of the residuals, in the spread as well as in the degrees of freedom:
//!
//! ```text
//! n' = n (1 - r) / (1 + r)        s² = Σe² / (n' - 2)        b ± t(0.975, n' - 2) · s / √Σ(x - x̄)²
//! ```
//!
//! B. D. Santer et al., "Statistical significance of trends and trend differences in layer-average atmospheric temperature
//! time series", J. Geophys. Res. 105 (2000), equations 3 to 6. A negative `r` is taken as 0, which never narrows the
//! interval. `n'` is kept at 3 or above: below that no interval exists, and at 3 it is already very wide.
//!
//! What it is worth, by simulation: the interval holds the true slope in 95 of 100 runs for independent samples, however
//! few; with residuals that keep half of themselves (`r` = 0.5), in 94 for 100 samples, 92 for 50, 88 for 20 and 86 for
//! 10, because so few cannot show how much they remember. Without the correction it would be 75.

use std::f64::consts::{LN_2, PI};

/// Fewer points than this say nothing about their own spread.
pub const POINTS_MIN: usize = 5;

/// Points of a series that [`push_bounded`] keeps; then every other one is dropped, so that the series still spans the
/// ramp.
pub const POINTS_MAX: usize = 20_000;

/// A fitted slope.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Slope {
    /// Growth of y for one more x.
    pub slope: f64,
    /// The bounds that hold the true slope in 95 of 100 runs.
    pub ci95: (f64, f64),
    /// The y at which the line crosses x = 0.
    pub intercept: f64,
    /// The x about which the line turns: the mean of all.
    pub x_mean: f64,
    /// Half the width of the interval that holds the line's own y at `x_mean`.
    pub half_at_mean: f64,
    /// How many points were fitted.
    pub points: usize,
    /// How many independent points they are worth.
    pub points_effective: f64,
}

/// Fits `(x, y)` points, given in the order they were taken.
///
/// `None` for fewer than [`POINTS_MIN`] points, for any that is not finite, and when every x is the same.
pub fn slope(points: &[(f64, f64)]) -> Option<Slope> {
    if points.len() < POINTS_MIN || points.iter().any(|(x, y)| !x.is_finite() || !y.is_finite()) {
        return None;
    }
    let n = count(points.len());
    let x_mean = points.iter().map(|(x, _)| x).sum::<f64>() / n;
    let y_mean = points.iter().map(|(_, y)| y).sum::<f64>() / n;
    // About the means: sums of raw squares would lose the digits that matter.
    let s_xx: f64 = points.iter().map(|(x, _)| (x - x_mean).powi(2)).sum();
    let s_xy: f64 = points.iter().map(|(x, y)| (x - x_mean) * (y - y_mean)).sum();
    let slope = s_xy / s_xx;
    if s_xx <= 0.0 || !slope.is_finite() {
        return None;
    }
    let residuals: Vec<f64> = points.iter().map(|(x, y)| y - y_mean - slope * (x - x_mean)).collect();
    let squares: f64 = residuals.iter().map(|e| e * e).sum();
    let points_effective = (n * effective_share(&residuals, squares)).max(3.0);
    let freedom = points_effective - 2.0;
    let spread = t_quantile_975(freedom) * (squares / freedom).sqrt();
    let half = spread / s_xx.sqrt();
    // The spread has been widened for the points' memory already, here as in the slope.
    let half_at_mean = spread / n.sqrt();
    let intercept = y_mean - slope * x_mean;
    Some(Slope {
        slope,
        ci95: (slope - half, slope + half),
        intercept,
        x_mean,
        half_at_mean,
        points: points.len(),
        points_effective,
    })
}

impl Slope {
    /// The line's y at `x`.
    pub fn at(&self, x: f64) -> f64 {
        self.intercept + self.slope * x
    }

    /// The bounds that hold the true line at `x` in 95 of 100 runs: the spread of its height at the mean and of its
    /// slope, which are independent of each other there.
    pub fn band(&self, x: f64) -> (f64, f64) {
        let of_slope = (self.ci95.1 - self.ci95.0) / 2.0 * (x - self.x_mean);
        let half = self.half_at_mean.hypot(of_slope);
        (self.at(x) - half, self.at(x) + half)
    }
}

/// The value of a series, of times and values in the order of time, between the reports before and after `at_us`; `None`
/// outside of all reports.
pub fn interpolated(series: &[(u64, f64)], at_us: u64) -> Option<f64> {
    let after = series.partition_point(|(at, _)| *at < at_us);
    let (later_at, later) = *series.get(after)?;
    // Before the first report there was none.
    let (earlier_at, earlier) = *series[..after].last()?;
    let share = (at_us - earlier_at) as f64 / (later_at - earlier_at).max(1) as f64;
    Some(earlier + (later - earlier) * share)
}

/// Adds a point to a series of at most [`POINTS_MAX`]. Whoever draws a fit from a recording so has the very points from
/// which the run made it.
pub fn push_bounded<T>(points: &mut Vec<T>, point: T) {
    if points.len() >= POINTS_MAX {
        let mut keep = false;
        points.retain(|_| {
            keep = !keep;
            keep
        });
    }
    points.push(point);
}

#[expect(clippy::cast_precision_loss, reason = "there are never 2^53 points")]
fn count(points: usize) -> f64 {
    points as f64
}

/// n' / n for these residuals.
fn effective_share(residuals: &[f64], squares: f64) -> f64 {
    if squares <= 0.0 {
        return 1.0;
    }
    let products: f64 = residuals.windows(2).map(|pair| pair[0] * pair[1]).sum();
    let r = (products / squares).clamp(0.0, 1.0);
    (1.0 - r) / (1.0 + r)
}

/// The t below which lies 97.5 % of Student's distribution with `freedom` degrees of freedom (a fraction is allowed, at
/// least 1), by bisection of its distribution function. Within 1e-9 of the tables.
fn t_quantile_975(freedom: f64) -> f64 {
    // 12.706 at one degree of freedom, 1.960 at infinitely many.
    let (mut low, mut high) = (1.9, 13.0);
    // 40 halvings take 11 down to 1e-11.
    for _ in 0..40 {
        let middle = f64::midpoint(low, high);
        // P(|T| > t) = I(f / (f + t²); f/2, 1/2). Abramowitz and Stegun, 26.7.1 and 26.5.27.
        let outside = beta_regularized(freedom / (freedom + middle * middle), freedom / 2.0, 0.5);
        if outside > 0.05 { low = middle } else { high = middle }
    }
    f64::midpoint(low, high)
}

/// The regularized incomplete beta function I(x; a, b), for 0 < x < 1.
fn beta_regularized(x: f64, a: f64, b: f64) -> f64 {
    // The fraction converges fast below this x only; above it, use the mirror image.
    if x > (a + 1.0) / (a + b + 2.0) {
        return 1.0 - beta_regularized(1.0 - x, b, a);
    }
    let ln_front = ln_gamma(a + b) - ln_gamma(a) - ln_gamma(b) + a * x.ln() + b * (-x).ln_1p();
    ln_front.exp() * beta_fraction(x, a, b) / a
}

/// The continued fraction of the incomplete beta function, evaluated by Lentz's method.
/// Press et al., Numerical Recipes, 3rd edition, section 6.4.
fn beta_fraction(x: f64, a: f64, b: f64) -> f64 {
    /// Stands in for zero in a denominator.
    const TINY: f64 = 1e-300;
    /// √max(a, b) steps are enough; this allows for a billion points.
    const STEPS_MAX: u32 = 100_000;
    let away_from_zero = |value: f64| if value.abs() < TINY { TINY } else { value };
    let mut c = 1.0;
    let mut d = 1.0 / away_from_zero(1.0 - (a + b) * x / (a + 1.0));
    let mut fraction = d;
    for step in 1..=STEPS_MAX {
        let m = f64::from(step);
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        let mut factor = 1.0;
        for term in [even, odd] {
            d = 1.0 / away_from_zero(1.0 + term * d);
            c = away_from_zero(1.0 + term / c);
            factor = c * d;
            fraction *= factor;
        }
        if (factor - 1.0).abs() < 1e-15 {
            break;
        }
    }
    fraction
}

/// ln Γ(z) for z > 0: Stirling's series, after raising z by recurrence to where it is exact.
/// Abramowitz and Stegun, 6.1.41.
fn ln_gamma(z: f64) -> f64 {
    if z < 10.0 {
        return ln_gamma(z + 1.0) - z.ln();
    }
    let series = 1.0 / (12.0 * z) - 1.0 / (360.0 * z.powi(3)) + 1.0 / (1260.0 * z.powi(5))
        - 1.0 / (1680.0 * z.powi(7));
    (z - 0.5) * z.ln() - z + 0.5 * (LN_2 + PI.ln()) + series
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn quantiles_agree_with_the_tables() {
        for (freedom, expected) in [
            (1.0, 12.706_205),
            (2.0, 4.302_653),
            (3.0, 3.182_446),
            (5.0, 2.570_582),
            (10.0, 2.228_139),
            (30.0, 2.042_272),
            (120.0, 1.979_930),
            (1e6, 1.959_966),
        ] {
            let t = t_quantile_975(freedom);
            assert!((t - expected).abs() < 1e-6, "{freedom}: {t} is not {expected}");
        }
        // A fraction lies between its neighbours: t falls as freedom grows.
        assert!(t_quantile_975(1.0) > t_quantile_975(1.3) && t_quantile_975(1.3) > t_quantile_975(2.0));
    }

    #[test]
    fn ln_gamma_agrees_with_factorials() {
        assert!((ln_gamma(0.5) - PI.sqrt().ln()).abs() < 1e-10);
        let mut factorial = 1.0_f64;
        for n in 1..30 {
            assert!((ln_gamma(f64::from(n)) - factorial.ln()).abs() < 1e-9, "{n}");
            factorial *= f64::from(n);
        }
    }

    #[test]
    fn too_little_to_judge_gives_nothing() {
        let line: Vec<(f64, f64)> = (0..10).map(|i| (f64::from(i), 3.0 * f64::from(i))).collect();
        assert!(slope(&[]).is_none());
        assert!(slope(&line[..POINTS_MIN - 1]).is_none());
        assert!(slope(&[(1.0, 2.0); 10]).is_none());
        let mut broken = line.clone();
        broken[3].1 = f64::NAN;
        assert!(slope(&broken).is_none());
        broken[3] = (f64::INFINITY, 0.0);
        assert!(slope(&broken).is_none());
        let fit = slope(&line).unwrap();
        assert!((fit.slope - 3.0).abs() < 1e-12 && fit.ci95.1 - fit.ci95.0 < 1e-9, "{fit:?}");
    }

    #[test]
    fn a_staircase_gets_a_wider_interval_than_independent_points_would() {
        // RSS as it is seen: 57 bytes a connection, in steps of 64 KiB.
        let points: Vec<(f64, f64)> = (0..100)
            .map(|i| f64::from(i) * 100.0)
            .map(|x| (x, (x * 57.0 / 65536.0).ceil() * 65536.0))
            .collect();
        let fit = slope(&points).unwrap();
        assert!(fit.points_effective < 50.0, "{fit:?}");
        assert!(fit.ci95.0 < 57.0 && fit.ci95.1 > 57.0, "{fit:?}");
    }

    #[test]
    fn a_long_series_is_thinned_out_and_still_spans_everything() {
        let mut points = Vec::new();
        (0..100_000u64).for_each(|n| push_bounded(&mut points, n));
        assert!(points.len() <= POINTS_MAX && points[0] == 0 && *points.last().unwrap() == 99_999);
        assert!(points.is_sorted());
    }

    proptest! {
        /// The slope is that of the normal equations, and moving or scaling the data moves and scales the answer.
        #[test]
        fn agrees_with_the_direct_formula(ys in proptest::collection::vec(-1e3_f64..1e3, 5..60), step in 0.1_f64..10.0) {
            let points: Vec<(f64, f64)> = (0_u32..).zip(&ys).map(|(i, y)| (f64::from(i) * step, *y)).collect();
            let fit = slope(&points).unwrap();
            let n = count(points.len());
            let (mut sx, mut sy, mut sxx, mut sxy) = (0.0, 0.0, 0.0, 0.0);
            for (x, y) in &points {
                sx += x;
                sy += y;
                sxx += x * x;
                sxy += x * y;
            }
            let direct = (n * sxy - sx * sy) / (n * sxx - sx * sx);
            prop_assert!((fit.slope - direct).abs() < 1e-6 * (1.0 + direct.abs()), "{} {direct}", fit.slope);
            prop_assert!((fit.intercept - (sy - direct * sx) / n).abs() < 1e-5, "{fit:?}");
            prop_assert!(fit.ci95.0 <= fit.slope && fit.slope <= fit.ci95.1);
            prop_assert!(fit.points_effective <= n && fit.points_effective >= 3.0);

            let moved: Vec<(f64, f64)> = points.iter().map(|(x, y)| (x + 1e4, y * 2.0 + 1e5)).collect();
            let moved = slope(&moved).unwrap();
            prop_assert!((moved.slope - 2.0 * fit.slope).abs() < 1e-5 * (1.0 + fit.slope.abs()));
        }

        /// Never a panic or a number that is not one, whatever comes in.
        #[test]
        fn any_points_give_nothing_or_finite_figures(points in proptest::collection::vec((any::<f64>(), any::<f64>()), 0..20)) {
            if let Some(fit) = slope(&points) {
                prop_assert!(fit.slope.is_finite());
            }
        }
    }

    /// SplitMix64, and Box-Muller over it.
    struct Noise(u64);

    impl Noise {
        fn uniform(&mut self) -> f64 {
            self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut z = self.0;
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            let bits = u32::try_from((z ^ (z >> 31)) >> 32).unwrap();
            (f64::from(bits) + 0.5) / 4_294_967_296.0
        }

        fn normal(&mut self) -> f64 {
            (-2.0 * self.uniform().ln()).sqrt() * (2.0 * PI * self.uniform()).cos()
        }
    }

    /// How many intervals of 2,000 hold the true slope, and how many bands the true line in the middle and at its end, with noise that remembers `memory` of itself.
    #[expect(clippy::print_stdout, reason = "a randomised test prints its seed")]
    fn coverage(memory: f64, points: u32) -> [f64; 3] {
        let seed =
            std::env::var("FLOODMARK_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(20_261_121);
        println!("FLOODMARK_SEED={seed}");
        let mut noise = Noise(seed);
        let mut held = [0_u32; 3];
        for _ in 0..2_000 {
            let mut e = noise.normal() / (1.0 - memory * memory).sqrt();
            let ramp: Vec<(f64, f64)> = (0..points)
                .map(|i| {
                    e = memory * e + noise.normal();
                    (f64::from(i), 57.0 * f64::from(i) + 1e6 + 30.0 * e)
                })
                .collect();
            let fit = slope(&ramp).unwrap();
            held[0] += u32::from(fit.ci95.0 <= 57.0 && 57.0 <= fit.ci95.1);
            for (held, x) in held[1..].iter_mut().zip([fit.x_mean, f64::from(points)]) {
                let (low, high) = fit.band(x);
                *held += u32::from((low..=high).contains(&(57.0 * x + 1e6)));
            }
        }
        held.map(|held| f64::from(held) / 2_000.0)
    }

    #[test]
    fn the_interval_holds_the_truth_as_often_as_it_says() {
        for independent in coverage(0.0, 40) {
            assert!((0.93..0.99).contains(&independent), "{independent}");
        }
        // Without the correction this would be 0.75.
        for remembering in coverage(0.5, 100) {
            assert!((0.91..0.99).contains(&remembering), "{remembering}");
        }
    }
}

//! Medians, a scale that no step and no outlier moves, and what is left of an outlier.

use super::energy::{STEP_MAX, Step};

/// The middle value, or the mean of the two in the middle; NaN of none.
pub(crate) fn median(values: &[f64]) -> f64 {
    crate::median(values).unwrap_or(f64::NAN)
}

/// The standard deviation of normal noise that gives these differences between neighbours. A step is in one difference
/// only and a lone outlier in two, so a median does not see them. Zero where more than half of the neighbours are equal.
pub(crate) fn noise(values: &[f64]) -> f64 {
    /// The median of |x - y| for two standard normal values.
    const MEDIAN_OF_DIFFERENCE: f64 = 0.953_873;
    if values.len() < 2 {
        return 0.0;
    }
    let differences: Vec<f64> = values.windows(2).map(|pair| (pair[1] - pair[0]).abs()).collect();
    median(&differences) / MEDIAN_OF_DIFFERENCE
}

/// The values as steps from their median, with those farther than `reach` brought back to that distance.
pub(super) fn clipped(values: &[f64], reach: f64) -> Vec<Step> {
    let centre = median(values);
    let farthest = values.iter().map(|value| (value - centre).abs()).fold(0.0, f64::max);
    let full = if reach > 0.0 { farthest.min(reach) } else { farthest };
    if full <= 0.0 {
        return vec![0; values.len()];
    }
    let step = |value: &f64| ((value - centre) / full).clamp(-1.0, 1.0) * f64::from(STEP_MAX);
    values.iter().map(|value| step(value).round() as Step).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_median_is_in_the_middle() {
        assert!(median(&[]).is_nan());
    }

    #[test]
    fn noise_sees_neither_steps_nor_outliers() {
        let flat: Vec<f64> = (0..40).map(|i| 60.0 + f64::from(i % 3) * 0.1).collect();
        let mut stepped = flat.clone();
        for value in &mut stepped[20..] {
            *value += 500.0;
        }
        stepped[7] = 600.0;
        assert!((noise(&stepped) / noise(&flat) - 1.0).abs() < 0.01, "{} {}", noise(&stepped), noise(&flat));
        assert_eq!(noise(&[5.0]), 0.0);
    }

    #[test]
    fn an_outlier_comes_back_to_the_others() {
        let fifth = STEP_MAX / 5;
        let near = |steps: Vec<Step>, times: [Step; 5]| {
            assert!(
                steps.iter().zip(times).all(|(step, times)| (step - times * fifth).abs() <= 5),
                "{steps:?}"
            );
        };
        near(clipped(&[1.0, 2.0, 3.0, 400.0, 2.0], 5.0), [-1, 0, 1, 5, 0]);
        near(clipped(&[1.0, 1.0, 1.0, 1.0, 1.0], 5.0), [0; 5]);
        near(clipped(&[-f64::MAX, 1.0, 2.0, f64::MAX, 1.5], 2.5), [-5, -1, 1, 5, 0]);
    }
}

//! A figure over time in one line of text, an eighth of a cell high at least.

const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// The last `width` values, from nothing to the largest of them. A value that was not measured is a blank.
pub(crate) fn line(values: &[f32], width: usize) -> String {
    let values = &values[values.len().saturating_sub(width)..];
    let finite = values.iter().copied().filter(|value| value.is_finite());
    let largest = finite.fold(0.0, f32::max);
    let bar = |value: f32| {
        if !value.is_finite() {
            return ' ';
        }
        let share = if largest > 0.0 { value.max(0.0) / largest } else { 0.0 };
        // Between 0 and 7, because the share is between 0 and 1.
        BARS[(share * 7.0).round() as usize]
    };
    let blanks = std::iter::repeat_n(' ', width - values.len());
    blanks.chain(values.iter().map(|&value| bar(value))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_as_high_as_values() {
        assert_eq!(line(&[0.0, 3.5, 7.0], 3), "▁▅█");
        assert_eq!(line(&[1.0, f32::NAN, 1.0], 5), "  █ █");
        assert_eq!(line(&[0.0, 0.0], 2), "▁▁");
        assert_eq!(line(&[9.0, 1.0, 1.0], 2), "██");
        assert_eq!(line(&[], 2), "  ");
    }
}

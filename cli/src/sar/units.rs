//! Numbers in at most six characters, so that columns stay narrow: `99.3`, `12.3k`, `21.4Gi`.

/// How a column writes its numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// A ratio, as a percentage.
    Percent,
    /// A number of things, or of things a second: k, M, G are powers of 1000.
    Number,
    /// Bytes, or bytes a second: Ki, Mi, Gi are powers of 1024.
    Bytes,
}

impl Format {
    pub(crate) fn text(self, value: f64) -> String {
        match self {
            Format::Percent => percent(value * 100.0),
            Format::Number => scaled(value, 1000.0, &["", "k", "M", "G", "T", "P"]),
            Format::Bytes => scaled(value, 1024.0, &["", "Ki", "Mi", "Gi", "Ti", "Pi"]),
        }
    }
}

fn percent(value: f64) -> String {
    if value.abs() < 99.95 { format!("{value:.1}") } else { format!("{value:.0}") }
}

fn scaled(value: f64, base: f64, suffixes: &[&str]) -> String {
    let (mut value, mut step) = (value, 0);
    // What rounds to the base belongs to the next suffix.
    while value.abs() >= base - 0.5 && step + 1 < suffixes.len() {
        value /= base;
        step += 1;
    }
    let whole = value.fract() == 0.0 && step == 0;
    let decimals = match value.abs() {
        _ if whole => 0,
        // 9.95 would be written 10.0 with one decimal, and 9.9 is three characters as well.
        size if size < 9.95 => 1 + usize::from(step > 0 && base == 1000.0),
        size if size < 99.95 => 1,
        _ => 0,
    };
    // Small rates: 0.04 is not nothing.
    let decimals = if step == 0 && value != 0.0 && value.abs() < 0.95 { 2 } else { decimals };
    format!("{value:.decimals$}{}", suffixes[step])
}

/// Bytes in a sentence: `6.2 MiB`, `184 B`.
pub(crate) fn bytes(value: f64) -> String {
    let text = Format::Bytes.text(value);
    match text.find(|letter: char| letter.is_ascii_alphabetic()) {
        Some(end) => format!("{} {}B", &text[..end], &text[end..]),
        None => format!("{value:.0} B"),
    }
}

/// Microseconds in a sentence: `68 µs`, `1.2 ms`.
pub(crate) fn microseconds(value: f64) -> String {
    crate::output::time((value.max(0.0) * 1000.0) as u64)
}

/// Seconds in a sentence: `41 s`, `0.15 s`.
pub(crate) fn seconds(value: f64) -> String {
    if value < 1.0 {
        format!("{value:.2} s")
    } else if value < 10.0 {
        format!("{value:.1} s")
    } else {
        format!("{value:.0} s")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_say_their_unit() {
        for (value, text) in [
            (0.0, "0"),
            (0.04, "0.04"),
            (3.0, "3"),
            (3.5, "3.5"),
            (99.96, "100"),
            (999.4, "999"),
            (999.7, "1.00k"),
            (12_345.0, "12.3k"),
            (123_456.0, "123k"),
            (1_020_000.0, "1.02M"),
            (2.8e9, "2.80G"),
            (-1500.0, "-1.50k"),
        ] {
            assert_eq!(Format::Number.text(value), text, "{value}");
        }
        for (value, text) in [
            (17.0, "17"),
            (1023.0, "1023"),
            (1024.0, "1.0Ki"),
            (1_048_000.0, "1023Ki"),
            (1_048_576.0, "1.0Mi"),
            (22_978_496_102.0, "21.4Gi"),
        ] {
            assert_eq!(Format::Bytes.text(value), text, "{value}");
        }
        for (value, text) in [(0.0, "0.0"), (0.123, "12.3"), (0.9996, "100"), (1.0, "100"), (2.5, "250")] {
            assert_eq!(Format::Percent.text(value), text, "{value}");
        }
        assert_eq!((bytes(184.2), bytes(6_501_171.0)), ("184 B".into(), "6.2 MiB".into()));
    }

    #[test]
    fn no_value_is_wider_than_six_characters() {
        for exponent in -40..180 {
            for mantissa in [1.0, 1.049, 4.95, 9.94, 9.95, 9.99, 9.996] {
                let value = mantissa * 10_f64.powf(f64::from(exponent) / 10.0);
                if value < 9e17 {
                    let (number, bytes) = (Format::Number.text(value), Format::Bytes.text(value));
                    assert!(number.len() <= 5 && bytes.len() <= 6, "{value}: {number} {bytes}");
                }
            }
        }
    }
}

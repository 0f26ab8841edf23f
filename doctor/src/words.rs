//! Numbers for people.

/// `10000` as `10,000`.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Bytes in the decimal unit that reads best: `29.6 GB`.
pub(crate) fn bytes(bytes: u64) -> String {
    match bytes {
        0..100_000 => format!("{} B", grouped(bytes)),
        100_000..1_000_000 => format!("{:.1} kB", bytes as f64 / 1e3),
        1_000_000..100_000_000 => format!("{:.1} MB", bytes as f64 / 1e6),
        _ => format!("{:.1} GB", bytes as f64 / 1e9),
    }
}

/// Rounded down to three digits: an estimate does not pretend to know more.
pub(crate) fn about(number: u64) -> u64 {
    let step = 10_u64.pow(number.max(1).ilog10().saturating_sub(2));
    number / step * step
}

/// Rounded up to two digits, with a sixteenth to spare: what a setting is raised to.
pub(crate) fn roomy(number: u64) -> u64 {
    let number = number.saturating_add(number / 16);
    let step = 10_u64.pow(number.max(1).ilog10().saturating_sub(1));
    number.div_ceil(step).saturating_mul(step)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!([0, 999, 1_000, 2_466_170].map(grouped), ["0", "999", "1,000", "2,466,170"]);
        assert_eq!([16_384, 131_072].map(bytes), ["16,384 B", "131.1 kB"]);
        assert_eq!([16_777_216, 29_600_000_000].map(bytes), ["16.8 MB", "29.6 GB"]);
        assert_eq!([0, 7, 999, 1_239, 2_698_765, u64::MAX].map(about)[..5], [0, 7, 999, 1_230, 2_690_000]);
        assert_eq!([0, 9, 100, 5_600_000].map(roomy), [0, 9, 110, 6_000_000]);
        assert!(roomy(u64::MAX) > u64::MAX / 2);
    }
}

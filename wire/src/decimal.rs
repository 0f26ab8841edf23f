//! Decimal numbers in text, without the formatting machinery: they stand in every message sent.

/// The digits of a `u32`, on the stack.
pub(crate) struct Decimal {
    /// Right-aligned.
    digits: [u8; 10],
    start: usize,
}

impl Decimal {
    #[inline]
    pub(crate) fn new(mut number: u32) -> Self {
        let mut digits = [b'0'; 10];
        let mut start = digits.len();
        loop {
            start -= 1;
            digits[start] = b'0' + (number % 10) as u8;
            number /= 10;
            if number == 0 {
                return Self { digits, start };
            }
        }
    }

    #[inline]
    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.digits[self.start..]
    }
}

/// Reads a `u32` made of digits alone: no sign, no space, which `str::parse` would let pass or call another name.
pub(crate) fn parse(digits: &[u8]) -> Option<u32> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0u32, |number, digit| {
        let digit = digit.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        number.checked_mul(10)?.checked_add(u32::from(digit))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_what_display_writes() {
        for number in [0, 7, 10, 99, 100, 65_536, 999_999_999, 1_000_000_000, u32::MAX] {
            assert_eq!(Decimal::new(number).as_bytes(), number.to_string().as_bytes());
        }
    }

    #[test]
    fn reads_digits_and_nothing_else() {
        assert_eq!(parse(b"0"), Some(0));
        assert_eq!(parse(b"007"), Some(7));
        assert_eq!(parse(b"4294967295"), Some(u32::MAX));
        for wrong in ["", "4294967296", "99999999999999999999", "+5", "-5", " 5", "5 ", "0x5", "٥", "5:", "/"]
        {
            assert_eq!(parse(wrong.as_bytes()), None, "{wrong:?}");
        }
    }
}

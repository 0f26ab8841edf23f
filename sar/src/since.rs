//! Counters of the kernel, which count since boot, counted since the first reading.

/// A counter that is zero at its first reading.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Since(Option<u64>);

impl Since {
    /// How much was counted since the first reading. A count that went back has begun anew, as when a device was taken
    /// away and came again: from then on it stands for itself.
    pub(crate) fn count(&mut self, now: u64) -> f64 {
        let first = self.0.get_or_insert(now);
        if now < *first {
            *first = 0;
        }
        (now - *first) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_reading_is_zero_and_a_step_back_is_a_beginning() {
        let mut since = Since::default();
        assert_eq!([100, 100, 130].map(|now| since.count(now)), [0.0, 0.0, 30.0]);
        assert_eq!([7, 9, 200].map(|now| since.count(now)), [7.0, 9.0, 200.0]);
    }
}

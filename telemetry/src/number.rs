//! How a figure is written: a whole number without the `.0`, anything else as the shortest decimal that reads back as
//! the same `f64`.

use serde::{Serialize, Serializer};

/// Below this, every whole number is an `f64` and reads back as the same one.
const WHOLE_MAX: f64 = 9_007_199_254_740_992.0;

/// A finite figure.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Number(pub(crate) f64);

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Number(value) = *self;
        // Minus zero is a figure of its own, which a whole number could not say.
        if value.trunc() == value && value.abs() < WHOLE_MAX && !(value == 0.0 && value.is_sign_negative()) {
            serializer.serialize_i64(value as i64)
        } else {
            serializer.serialize_f64(value)
        }
    }
}

/// For `serialize_with`.
pub(crate) fn number<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    Number(*value).serialize(serializer)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(value: f64) -> String {
        serde_json::to_string(&Number(value)).expect("a finite number")
    }

    #[test]
    fn whole_numbers_are_written_as_such() {
        let cases = [
            (0.0, "0"),
            (-0.0, "-0.0"),
            (-3.0, "-3"),
            (0.5, "0.5"),
            (41_943_040.0, "41943040"),
            (9_007_199_254_740_991.0, "9007199254740991"),
        ];
        for (value, text) in cases {
            assert_eq!(written(value), text);
        }
    }

    proptest! {
        #[test]
        fn every_number_reads_back_as_itself(bits in any::<u64>(), whole in any::<i64>(), down in 0u32..63) {
            for value in [f64::from_bits(bits), (whole >> down) as f64] {
                if value.is_finite() {
                    let read: f64 = serde_json::from_str(&written(value)).expect("a number");
                    prop_assert_eq!(read.to_bits(), value.to_bits());
                }
            }
        }
    }
}

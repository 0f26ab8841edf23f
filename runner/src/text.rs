//! Values that a user writes as one word: `45s`, `64KiB`, `zipf(1.1)`, `10.0.0.1-10.0.0.9`.
//!
//! Such a type needs only `FromStr`, `Display` and a line of help; `text_scalar!` derives the rest from them: serde both
//! ways and a JSON Schema whose pattern lets an editor check the word. A bare number reaches the same `FromStr`, so the
//! type itself says which unit is missing.

use thiserror::Error;

/// A word that could not be read: what is wrong with it, and what to write instead.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{what}; {instead}")]
pub struct TextError {
    /// What is wrong, with the value in quotes.
    pub what: String,
    /// What to write instead.
    pub instead: String,
}

impl TextError {
    /// An error from its two halves.
    pub fn new(what: impl Into<String>, instead: impl Into<String>) -> Self {
        Self { what: what.into(), instead: instead.into() }
    }
}

/// Implements serde and `JsonSchema` for a type by its `FromStr` and `Display`.
macro_rules! text_scalar {
    ($type:ty, $title:literal, expecting $expecting:literal, pattern $pattern:expr, examples [$($example:expr),+], $help:literal) => {
        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Word;
                impl serde::de::Visitor<'_> for Word {
                    type Value = $type;
                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        f.write_str($expecting)
                    }
                    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<$type, E> {
                        text.parse().map_err(E::custom)
                    }
                    fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<$type, E> {
                        self.visit_str(&number.to_string())
                    }
                    fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<$type, E> {
                        self.visit_str(&number.to_string())
                    }
                    fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<$type, E> {
                        self.visit_str(&number.to_string())
                    }
                }
                deserializer.deserialize_any(Word)
            }
        }

        impl schemars::JsonSchema for $type {
            fn inline_schema() -> bool {
                true
            }
            fn schema_name() -> std::borrow::Cow<'static, str> {
                $title.into()
            }
            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({
                    "type": "string", "pattern": $pattern, "description": $help, "examples": [$($example),+]
                })
            }
        }
    };
}
pub(crate) use text_scalar;

/// A decimal number as written: `digits` × 10^-`places`. Exact, so that `1.5ms` is 1,500,000 ns and not nearly so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Decimal {
    digits: u128,
    places: u32,
}

impl Decimal {
    /// Longer numbers are refused; 20 digits hold any `u64`, and leave room to multiply within `u128`.
    const DIGITS_MAX: usize = 20;

    /// Splits `text` into the number it begins with and what follows. Underscores between digits are allowed.
    pub(crate) fn split(text: &str) -> Option<(Self, &str)> {
        let end = text.find(|c: char| !(c.is_ascii_digit() || c == '.' || c == '_')).unwrap_or(text.len());
        let (number, rest) = text.split_at(end);
        let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
        if [whole, fraction]
            .iter()
            .any(|part| part.is_empty() || part.starts_with('_') || part.ends_with('_'))
        {
            return None;
        }
        let (whole, fraction) = (whole.replace('_', ""), fraction.replace('_', ""));
        let fraction = if fraction == "0" { "" } else { fraction.as_str() };
        let fits = whole.len() + fraction.len() <= Self::DIGITS_MAX;
        let digits = if fits { format!("{whole}{fraction}").parse().ok()? } else { return None };
        Some((Self { digits, places: u32::try_from(fraction.len()).ok()? }, rest))
    }

    /// The number times `factor`, if that is a whole number that fits.
    pub(crate) fn times(self, factor: u64) -> Option<u64> {
        let product = self.digits.checked_mul(u128::from(factor))?;
        let divisor = 10_u128.pow(self.places);
        if product % divisor == 0 { u64::try_from(product / divisor).ok() } else { None }
    }

    /// The nearest floating-point number.
    pub(crate) fn to_f64(self) -> f64 {
        // Dividing by a power of ten would round twice; reading the number rounds once.
        format!("{}e-{}", self.digits, self.places).parse().expect("digits and an exponent are a number")
    }
}

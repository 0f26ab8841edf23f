//! Quantities with their unit, as a user writes them: `90s`, `1000/s`, `64KiB`, and plain counts.
//!
//! A quantity without a unit is an error that says which units there are. What is read is exact: `1.5ms` is 1,500,000 ns.
//! `Display` writes the shortest form that reads back as the same value.

use std::{borrow::Cow, fmt, str::FromStr, time::Duration};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::text::{Decimal, TextError, text_scalar};

/// A span of time: `45s`, `500ms`, `10us`, `1h30m`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span(pub Duration);

/// The longest span that is read: ten years. A longer one is a slip of the keyboard, and is refused.
pub const SPAN_MAX: Duration = Duration::from_secs(3_653 * 86_400);

/// Largest first, the order in which a compound span is written.
const SPAN_UNITS: [(&str, u64); 8] = [
    ("d", 86_400_000_000_000),
    ("h", 3_600_000_000_000),
    ("m", 60_000_000_000),
    ("s", 1_000_000_000),
    ("ms", 1_000_000),
    ("us", 1_000),
    ("µs", 1_000),
    ("ns", 1),
];

impl FromStr for Span {
    type Err = TextError;

    fn from_str(text: &str) -> Result<Self, TextError> {
        let instead = "write a number and a unit (ns, us, ms, s, m, h, d), e.g. 45s";
        let wrong = || TextError::new(format!("'{text}' is not a span of time"), instead);
        let (mut rest, mut nanos, mut smallest) = (text, 0_u64, u64::MAX);
        while !rest.is_empty() || smallest == u64::MAX {
            let (number, after) = Decimal::split(rest).ok_or_else(wrong)?;
            let end = after.find(|c: char| !c.is_alphabetic()).unwrap_or(after.len());
            let (word, after) = after.split_at(end);
            if word.is_empty() && after.is_empty() {
                let example = if smallest == u64::MAX { format!("{rest}s") } else { "1h30m".to_owned() };
                let what = format!("'{text}' has no unit");
                return Err(TextError::new(what, format!("write a unit, e.g. {example}")));
            }
            let unit =
                SPAN_UNITS.iter().find(|(name, _)| *name == word).map(|unit| unit.1).ok_or_else(wrong)?;
            if unit >= smallest {
                return Err(TextError::new(
                    format!("'{text}' has its units out of order"),
                    "write the largest first, each once, e.g. 1h30m",
                ));
            }
            let too_long = || TextError::new(format!("'{text}' is longer than ten years"), instead);
            #[expect(clippy::cast_precision_loss, reason = "decides between two messages")]
            let part = number.times(unit).ok_or_else(|| {
                if number.to_f64() * unit as f64 > SPAN_MAX.as_nanos() as f64 {
                    return too_long();
                }
                TextError::new(format!("'{text}' is not a span of whole nanoseconds"), instead)
            })?;
            nanos = nanos.checked_add(part).ok_or_else(too_long)?;
            if Duration::from_nanos(nanos) > SPAN_MAX {
                return Err(too_long());
            }
            (rest, smallest) = (after, unit);
        }
        Ok(Self(Duration::from_nanos(nanos)))
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut nanos = self.0.as_nanos();
        if nanos == 0 {
            return f.write_str("0s");
        }
        for (name, unit) in SPAN_UNITS.iter().filter(|(name, _)| *name != "µs") {
            let unit = u128::from(*unit);
            if nanos >= unit {
                write!(f, "{}{name}", nanos / unit)?;
                nanos %= unit;
            }
        }
        Ok(())
    }
}

text_scalar!(Span, "Span", expecting "a span of time such as 45s",
    pattern r"^([0-9][0-9_]*(\.[0-9]+)?(d|h|m|s|ms|us|µs|ns))+$", examples ["45s", "500ms", "1h30m"],
    "A span of time: a number and a unit (ns, us, ms, s, m, h, d), e.g. 45s.");

/// Events per second, always finite and never negative: `1000/s`, `60/m`, `550/h`.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Rate(f64);

/// The highest rate that is read, per second. Nothing here goes faster; a schedule counts in nanoseconds.
pub const RATE_PER_S_MAX: f64 = 1e9;

const RATE_UNITS: [(&str, f64); 3] = [("/s", 1.0), ("/m", 60.0), ("/h", 3_600.0)];

impl Rate {
    /// Events per second.
    pub fn per_second(self) -> f64 {
        self.0
    }
}

impl FromStr for Rate {
    type Err = TextError;

    fn from_str(text: &str) -> Result<Self, TextError> {
        let instead = "write a number and /s, /m or /h, e.g. 1000/s";
        let wrong = || TextError::new(format!("'{text}' is not a rate"), instead);
        let (number, unit) = Decimal::split(text).ok_or_else(wrong)?;
        if unit.is_empty() {
            let what = format!("'{text}' has no unit");
            return Err(TextError::new(what, format!("write a unit, e.g. {text}/s")));
        }
        let seconds = RATE_UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(wrong)?.1;
        let per_second = number.to_f64() / seconds;
        if per_second > RATE_PER_S_MAX {
            return Err(TextError::new(format!("'{text}' is too fast"), "write at most 1000000000/s"));
        }
        Ok(Self(per_second))
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, seconds) in RATE_UNITS {
            let whole = (self.0 * seconds).round();
            #[expect(clippy::float_cmp, reason = "only a form that reads back exactly may be written")]
            if whole / seconds == self.0 {
                return write!(f, "{whole}{name}");
            }
        }
        write!(f, "{}/s", self.0)
    }
}

text_scalar!(Rate, "Rate", expecting "a rate such as 1000/s", pattern r"^[0-9][0-9_]*(\.[0-9]+)?/[smh]$",
    examples ["1000/s", "60/m", "550/h"],
    "A rate: a number per second (/s), minute (/m) or hour (/h), e.g. 1000/s.");

/// A size in bytes: `64B`, `64KiB`, `1MB`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Size(pub u64);

/// Largest first, so that `Display` finds the shortest form.
const SIZE_UNITS: [(&str, u64); 9] = [
    ("TiB", 1 << 40),
    ("TB", 1_000_000_000_000),
    ("GiB", 1 << 30),
    ("GB", 1_000_000_000),
    ("MiB", 1 << 20),
    ("MB", 1_000_000),
    ("KiB", 1 << 10),
    ("KB", 1_000),
    ("B", 1),
];

impl FromStr for Size {
    type Err = TextError;

    fn from_str(text: &str) -> Result<Self, TextError> {
        let instead = "write a number and a unit (B, KiB, MiB, GiB, or KB, MB, GB by thousands), e.g. 64B";
        let wrong = || TextError::new(format!("'{text}' is not a size"), instead);
        let (number, unit) = Decimal::split(text).ok_or_else(wrong)?;
        if unit.is_empty() {
            return Err(TextError::new(
                format!("'{text}' has no unit"),
                format!("write a unit, e.g. {text}B or {text}KiB"),
            ));
        }
        let Some((_, bytes)) = SIZE_UNITS.iter().find(|(name, _)| *name == unit) else {
            let meant = SIZE_UNITS.iter().find(|(name, _)| name.eq_ignore_ascii_case(unit));
            return Err(meant.map_or_else(wrong, |(name, _)| {
                let number = text.trim_end_matches(unit);
                TextError::new(format!("'{text}' is not a size"), format!("did you mean '{number}{name}'?"))
            }));
        };
        number.times(*bytes).map(Self).ok_or_else(|| {
            TextError::new(format!("'{text}' is not a whole number of bytes below 16 EiB"), instead)
        })
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fits = |unit: &&(&str, u64)| self.0 >= unit.1 && self.0.is_multiple_of(unit.1);
        let (name, unit) = SIZE_UNITS.iter().find(fits).unwrap_or(&("B", 1));
        write!(f, "{}{name}", self.0 / unit)
    }
}

text_scalar!(Size, "Size", expecting "a size such as 64B",
    pattern r"^[0-9][0-9_]*(\.[0-9]+)?([KMGT]i?)?B$", examples ["64B", "64KiB", "1MB"],
    "A size: a number and a unit, KiB, MiB, GiB, TiB by 1,024 or KB, MB, GB, TB by 1,000, or B, e.g. 64B.");

/// A whole number, written plainly or with underscores: `10000`, `86_400_000`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Count(pub u64);

impl FromStr for Count {
    type Err = TextError;

    fn from_str(text: &str) -> Result<Self, TextError> {
        let number = Decimal::split(text).or_else(|| Decimal::split(text.strip_prefix('-')?));
        let whole = |factor| number.and_then(|(number, _)| number.times(factor));
        match number.map(|(_, rest)| rest) {
            Some("") if text.starts_with('-') => {
                Err(TextError::new(format!("'{text}' is negative"), "write a whole number from 0 up"))
            }
            Some("") => whole(1).map(Self).ok_or_else(|| {
                TextError::new(format!("'{text}' is not a whole number below 2^64"), "write e.g. 10000")
            }),
            rest => {
                let factor = match rest {
                    Some("k" | "K") => Some(1_000),
                    Some("M") => Some(1_000_000),
                    _ => None,
                };
                let example = factor.and_then(whole).unwrap_or(10_000);
                Err(TextError::new(
                    format!("'{text}' is not a whole number"),
                    format!("write it out, e.g. {example} (underscores are allowed)"),
                ))
            }
        }
    }
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Serialize for Count {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(self.0)
    }
}

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Number;
        impl de::Visitor<'_> for Number {
            type Value = Count;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a whole number")
            }
            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Count, E> {
                Ok(Count(number))
            }
            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Count, E> {
                self.visit_str(&number.to_string())
            }
            fn visit_f64<E: de::Error>(self, number: f64) -> Result<Count, E> {
                let example =
                    if number.fract() == 0.0 && (0.0..1e15).contains(&number) { number } else { 10_000.0 };
                Err(E::custom(TextError::new(
                    format!("'{number}' is written with a point or an exponent"),
                    format!("write a whole number, e.g. {example}"),
                )))
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Count, E> {
                text.parse().map_err(E::custom)
            }
        }
        deserializer.deserialize_any(Number)
    }
}

impl JsonSchema for Count {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "Count".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "anyOf": [{ "type": "integer", "minimum": 0 }, { "type": "string", "pattern": "^[0-9]+(_[0-9]+)*$" }],
            "description": "A whole number; underscores are allowed, e.g. 10000 or 86_400_000.",
            "examples": [10000, "86_400_000"]
        })
    }
}

#[cfg(test)]
mod tests;

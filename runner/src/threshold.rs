//! Thresholds, in k6's spirit: `audit.lost == 0`, `delivery.latency_ms.p99 < 50`, `memory.server_bytes_per_connection < 1KiB`.
//!
//! Key, operator and unit are checked when the scenario is loaded, so that a misspelt threshold is found before the run and
//! not after it. A figure that was not measured fails: nothing can be said in its favour.

use std::{fmt, str::FromStr};

use serde::Serialize;
use serde_json::Value;

use crate::{
    summary_keys::{SUMMARY_KEYS, SummaryKey, Unit, summary_key},
    text::{Decimal, TextError, text_scalar},
    units::{Rate, Size, Span},
    yaml::nearest,
};

/// A condition on one figure of the summary.
#[derive(Clone, Debug)]
pub struct Threshold {
    expr: String,
    key: &'static SummaryKey,
    operator: Operator,
    /// In the key's unit.
    limit: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Equal,
    NotEqual,
}

/// Longer ones first, so that `<=` is not taken for `<`.
const OPERATORS: [(&str, Operator); 6] = [
    ("<=", Operator::LessOrEqual),
    (">=", Operator::GreaterOrEqual),
    ("==", Operator::Equal),
    ("!=", Operator::NotEqual),
    ("<", Operator::Less),
    (">", Operator::Greater),
];

/// What became of a threshold. Serializes as the entry of `summary.json`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Outcome {
    /// The threshold, as written.
    pub expr: String,
    /// The figure, in its key's unit; `None` when it was not measured.
    pub value: Option<f64>,
    /// Whether it holds.
    pub ok: bool,
    /// What the figure is counted in.
    #[serde(skip)]
    pub unit: Unit,
}

impl Threshold {
    /// Reads `KEY OPERATOR LIMIT`.
    ///
    /// # Errors
    /// Says what is wrong (form, key, operator, unit) and what to write instead.
    pub fn parse(text: &str) -> Result<Self, TextError> {
        let expr = text.trim();
        let Some(at) = expr.find(['<', '>', '=', '!']) else {
            return Err(TextError::new(format!("'{expr}' has no operator"), "write e.g. audit.lost == 0"));
        };
        let (name, rest) = expr.split_at(at);
        let Some((sign, operator)) = OPERATORS.iter().find(|(sign, _)| rest.starts_with(sign)) else {
            let sign: String = rest.chars().take_while(|c| "<>=!".contains(*c)).collect();
            return Err(TextError::new(
                format!("'{sign}' is not an operator"),
                "write <, <=, >, >=, == or !=",
            ));
        };
        let key = find_key(name.trim())?;
        let limit = parse_limit(rest[sign.len()..].trim(), key)?;
        Ok(Self { expr: expr.to_owned(), key, operator: *operator, limit })
    }

    /// As it was written.
    pub fn expr(&self) -> &str {
        &self.expr
    }

    /// The figure it judges.
    pub fn key(&self) -> &'static SummaryKey {
        self.key
    }

    /// Judges `summary`, the contents of `summary.json`.
    pub fn evaluate(&self, summary: &Value) -> Outcome {
        let mut figure = Some(summary);
        for part in self.key.name.split('.') {
            figure = figure.and_then(|group| group.get(part));
        }
        let value = figure.and_then(Value::as_f64);
        Outcome {
            expr: self.expr.clone(),
            value,
            ok: value.is_some_and(|value| self.holds(value)),
            unit: self.key.unit,
        }
    }

    #[expect(clippy::float_cmp, reason = "== and != are for counts, which are exact")]
    fn holds(&self, value: f64) -> bool {
        match self.operator {
            Operator::Less => value < self.limit,
            Operator::LessOrEqual => value <= self.limit,
            Operator::Greater => value > self.limit,
            Operator::GreaterOrEqual => value >= self.limit,
            Operator::Equal => value == self.limit,
            Operator::NotEqual => value != self.limit,
        }
    }
}

impl Outcome {
    /// The figure in words, for the verdict table: `0.31 ms`, `57 B`, `not measured`.
    pub fn value_text(&self) -> String {
        let Some(value) = self.value else { return "not measured".to_owned() };
        let number = if value.fract() == 0.0 && value.abs() < 1e15 {
            format!("{value}")
        } else if value.abs() >= 100.0 {
            format!("{value:.1}")
        } else {
            format!("{value:.3}")
        };
        match self.unit {
            Unit::Count => number,
            Unit::Milliseconds => format!("{number} ms"),
            Unit::Seconds => format!("{number} s"),
            Unit::Bytes => format!("{number} B"),
            Unit::PerSecond => format!("{number}/s"),
            Unit::Cores => format!("{number} cores"),
            Unit::Ratio => format!("{:.2} %", value * 100.0),
        }
    }
}

fn find_key(name: &str) -> Result<&'static SummaryKey, TextError> {
    if let Some(key) = summary_key(name) {
        return Ok(key);
    }
    if name.is_empty() {
        return Err(TextError::new("a threshold begins with a key", "write e.g. audit.lost == 0"));
    }
    let group = format!("{name}.");
    let members: Vec<&str> = SUMMARY_KEYS.iter().filter_map(|key| key.name.strip_prefix(&group)).collect();
    if !members.is_empty() {
        let what = format!("'{name}' is a group of figures");
        return Err(TextError::new(what, format!("write one of them: {name}.{{{}}}", members.join(", "))));
    }
    let instead = match nearest(name, SUMMARY_KEYS.iter().map(|key| key.name)) {
        Some(meant) => format!("did you mean '{meant}'?"),
        None => {
            let mut groups: Vec<&str> =
                SUMMARY_KEYS.iter().filter_map(|key| key.name.split('.').next()).collect();
            groups.dedup();
            groups.sort_unstable();
            groups.dedup();
            format!("figures begin with {}", groups.join(", "))
        }
    };
    Err(TextError::new(format!("unknown figure '{name}'"), instead))
}

/// The limit in the key's unit: a bare number is taken to be in it, a suffix is converted.
fn parse_limit(text: &str, key: &SummaryKey) -> Result<f64, TextError> {
    let name = key.name;
    let wrong = |example: &str, is: &str| {
        TextError::new(
            format!("'{text}' does not fit '{name}', which is {is}"),
            format!("write e.g. {example}"),
        )
    };
    if text.is_empty() {
        return Err(TextError::new(
            format!("'{name}' is compared with nothing"),
            "write a number after the operator",
        ));
    }
    let (sign, digits) = text.strip_prefix('-').map_or((1.0, text), |digits| (-1.0, digits));
    let plain =
        Decimal::split(digits).filter(|(_, rest)| rest.is_empty()).map(|(number, _)| sign * number.to_f64());
    if let Some(number) = plain {
        return Ok(number);
    }
    #[expect(clippy::cast_precision_loss, reason = "a limit above 2^53 bytes is not one")]
    let bytes = |size: Size| size.0 as f64;
    match key.unit {
        Unit::Milliseconds => {
            let span = text.parse::<Span>().map_err(|_| wrong("50 or 50ms", "a time in milliseconds"))?;
            Ok(span.0.as_secs_f64() * 1e3)
        }
        Unit::Seconds => {
            Ok(text.parse::<Span>().map_err(|_| wrong("90 or 90s", "a time in seconds"))?.0.as_secs_f64())
        }
        Unit::Bytes => {
            let size = digits.parse::<Size>().map_err(|_| wrong("128B or 1KiB", "a size in bytes"))?;
            Ok(sign * bytes(size))
        }
        Unit::PerSecond => {
            Ok(text.parse::<Rate>().map_err(|_| wrong("1000 or 1000/s", "a rate per second"))?.per_second())
        }
        Unit::Ratio => {
            let share = text.strip_suffix('%').and_then(|number| Decimal::split(number.trim_end()));
            let number = share.filter(|(_, rest)| rest.is_empty()).map(|(number, _)| number.to_f64());
            Ok(number.ok_or_else(|| wrong("0.1 or 10%", "a share from 0 to 1"))? / 100.0)
        }
        Unit::Count => Err(wrong("0", "a count")),
        Unit::Cores => Err(wrong("0.5", "a number of cores")),
    }
}

impl FromStr for Threshold {
    type Err = TextError;

    fn from_str(text: &str) -> Result<Self, TextError> {
        Self::parse(text)
    }
}

impl fmt::Display for Threshold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.expr)
    }
}

impl PartialEq for Threshold {
    fn eq(&self, other: &Self) -> bool {
        self.expr == other.expr
    }
}

text_scalar!(Threshold, "Threshold", expecting "a threshold such as \"audit.lost == 0\"",
    pattern pattern(),
    examples ["audit.lost == 0", "delivery.latency_ms.p99 < 50", "memory.server_bytes_per_connection < 1KiB"],
    "A condition on a figure of summary.json: key, operator (<, <=, >, >=, ==, !=), limit. The limit is in the key's unit, or carries its own, e.g. delivery.latency_ms.p99 < 50ms. A figure that was not measured fails.");

/// The keys by name, so that an editor marks a misspelt one.
fn pattern() -> String {
    let names: Vec<String> = SUMMARY_KEYS.iter().map(|key| key.name.replace('.', "\\.")).collect();
    let limit = r"-?[0-9][0-9_]*(\.[0-9]+)?\s*([A-Za-zµ]+|/[smh]|%)?";
    format!(r"^\s*({})\s*(<|<=|>|>=|==|!=)\s*{limit}\s*$", names.join("|"))
}

#[cfg(test)]
mod tests;

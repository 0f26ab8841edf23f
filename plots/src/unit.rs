//! Units: how a value is written, on an axis and by itself.

/// What a value is counted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Unit {
    /// Things.
    #[default]
    Count,
    /// Bytes: B, KiB, MiB, GiB.
    Bytes,
    /// Seconds: µs, ms, s, and minutes and hours on a time axis.
    Seconds,
    /// Events per second.
    PerSecond,
    /// Bytes per second.
    BytesPerSecond,
    /// A share from 0 to 1, written in per cent.
    Ratio,
    /// CPU cores.
    Cores,
}

/// A unit with its prefix, for a whole axis.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Prefixed {
    /// What one of it is, in the unit's own values: 1,048,576 for MiB.
    pub factor: f64,
    /// What stands in the axis's label: `MiB`, `k/s`, `thousands`; empty for plain counts.
    pub name: &'static str,
}

/// Counts and rates up to here are written in full: `5,041` rather than `5.04 k`.
const PLAIN_MAX: f64 = 10_000.0;
/// Bytes up to here are written in full on an axis, so that bytes per connection keep their digits.
const PLAIN_BYTES_MAX: f64 = 16_384.0;

const KIB: f64 = 1024.0;
const BYTES: [(f64, &str); 6] = [
    (1.0, "B"),
    (KIB, "KiB"),
    (KIB * KIB, "MiB"),
    (KIB * KIB * KIB, "GiB"),
    (KIB * KIB * KIB * KIB, "TiB"),
    (KIB * KIB * KIB * KIB * KIB, "PiB"),
];
const BYTES_PER_SECOND: [&str; 6] = ["B/s", "KiB/s", "MiB/s", "GiB/s", "TiB/s", "PiB/s"];
const SI: [(f64, &str); 5] = [(1.0, ""), (1e3, "k"), (1e6, "M"), (1e9, "G"), (1e12, "T")];
const DURATIONS: [(f64, &str); 4] = [(1e-9, "ns"), (1e-6, "µs"), (1e-3, "ms"), (1.0, "s")];
const MINUTE: f64 = 60.0;
const HOUR: f64 = 3600.0;

impl Unit {
    /// The unit of a figure of `summary.json`, by its dotted name, and the factor from the figure's own unit to this
    /// one: `delivery.latency_ms.p99` is in seconds, 0.001 of them each.
    pub fn of_figure(name: &str) -> (Unit, f64) {
        let has = |suffix: &str| name.split('.').any(|part| part.ends_with(suffix));
        // How many there were, and how many times as much, are in no unit, whatever they are counts and ratios of.
        if name.rsplit('.').next() == Some("count") {
            (Unit::Count, 1.0)
        } else if name.starts_with("limit.ratio.") || has("_ratio") {
            (Unit::Ratio, 1.0)
        } else if has("_ms") {
            (Unit::Seconds, 1e-3)
        } else if has("_us") {
            (Unit::Seconds, 1e-6)
        } else if has("_per_s") {
            (Unit::PerSecond, 1.0)
        } else if has("_s") {
            (Unit::Seconds, 1.0)
        } else if has("_cores") {
            (Unit::Cores, 1.0)
        } else if name.contains("bytes") {
            (Unit::Bytes, 1.0)
        } else {
            (Unit::Count, 1.0)
        }
    }

    /// The value in the prefix that reads best, three significant digits: `1.02 M`, `54.1 MiB`, `288 µs`, `17.0 k/s`,
    /// `3.2 %`. What is not a finite number is a dash.
    pub fn write(self, value: f64) -> String {
        if !value.is_finite() {
            return "–".to_owned();
        }
        match self {
            Unit::Count => si(value, " ", ""),
            Unit::PerSecond => si(value, " ", "/s"),
            Unit::Bytes => prefixed(value, &BYTES, BYTES[0]),
            Unit::BytesPerSecond => format!("{}/s", prefixed(value, &BYTES, BYTES[0])),
            Unit::Seconds => match value.abs() {
                size if size >= 2.0 * HOUR => format!("{} h", digits(value / HOUR)),
                size if size >= 10.0 * MINUTE => format!("{} min", digits(value / MINUTE)),
                _ => prefixed(value, &DURATIONS, DURATIONS[3]),
            },
            Unit::Ratio => format!("{} %", trimmed(&digits(value * 100.0))),
            Unit::Cores => format!("{} cores", trimmed(&digits(value))),
        }
    }

    /// As [`write`](Unit::write), without the zeros that end a fraction, and never in minutes: a tick of a log axis.
    pub(crate) fn tick(self, value: f64) -> String {
        let text = match self {
            Unit::Seconds => prefixed(value, &DURATIONS, DURATIONS[3]),
            _ => self.write(value),
        };
        match text.split_once(' ') {
            Some((number, name)) => format!("{} {name}", trimmed(number)),
            None => text,
        }
    }

    /// The unit's name in JSON and in the page's attributes.
    pub fn key(self) -> &'static str {
        match self {
            Unit::Count => "count",
            Unit::Bytes => "bytes",
            Unit::Seconds => "seconds",
            Unit::PerSecond => "per_second",
            Unit::BytesPerSecond => "bytes_per_second",
            Unit::Ratio => "ratio",
            Unit::Cores => "cores",
        }
    }

    /// The prefix for an axis whose largest value (by size) is `most`.
    pub fn for_axis(self, most: f64) -> Prefixed {
        let most = most.abs();
        let plain = |name| Prefixed { factor: 1.0, name };
        let si = |names: [&'static str; 5]| {
            // Two of a prefix are wanted before it is used, so that an axis to one million counts in thousands.
            let fits =
                |&&(factor, _): &&(f64, &str)| most >= if factor < 1e6 { PLAIN_MAX } else { 2.0 * factor };
            let place = SI.iter().skip(1).take_while(fits).count();
            Prefixed { factor: SI[place].0, name: names[place] }
        };
        let bytes = |names: [&'static str; 6]| {
            let fits = |&&(factor, _): &&(f64, &str)| {
                most >= if factor > KIB { 2.0 * factor } else { PLAIN_BYTES_MAX }
            };
            let place = BYTES.iter().skip(1).take_while(fits).count();
            Prefixed { factor: BYTES[place].0, name: names[place] }
        };
        match self {
            Unit::Count => si(["", "thousands", "millions", "billions", "trillions"]),
            Unit::PerSecond => si(["per second", "k/s", "M/s", "G/s", "T/s"]),
            Unit::Bytes => bytes(BYTES.map(|(_, name)| name)),
            Unit::BytesPerSecond => bytes(BYTES_PER_SECOND),
            Unit::Ratio => Prefixed { factor: 0.01, name: "%" },
            Unit::Cores => plain("cores"),
            Unit::Seconds if most >= 2.0 * HOUR => Prefixed { factor: HOUR, name: "h" },
            Unit::Seconds if most >= 10.0 * MINUTE => Prefixed { factor: MINUTE, name: "min" },
            Unit::Seconds => {
                let place = DURATIONS.iter().skip(1).take_while(|(factor, _)| most >= *factor).count();
                let (factor, name) = if most > 0.0 { DURATIONS[place] } else { DURATIONS[3] };
                Prefixed { factor, name }
            }
        }
    }

    /// The prefix for a time axis that is `length` seconds long: written out, since its label is `minutes elapsed`.
    pub fn for_time(length: f64) -> Prefixed {
        match length {
            _ if length > 3.0 * HOUR => Prefixed { factor: HOUR, name: "hours" },
            _ if length > 3.0 * MINUTE => Prefixed { factor: MINUTE, name: "minutes" },
            _ if length >= 1.0 || length <= 0.0 => Prefixed { factor: 1.0, name: "seconds" },
            _ => Prefixed { factor: 1e-3, name: "milliseconds" },
        }
    }
}

fn si(value: f64, gap: &str, unit: &str) -> String {
    if value.abs() < PLAIN_MAX {
        let whole = value.fract() == 0.0 || value.abs() >= 1000.0;
        return format!("{}{unit}", if whole { grouped(value, 0) } else { digits(value) });
    }
    let (number, name) = scaled(value, &SI);
    format!("{number}{gap}{name}{unit}")
}

fn prefixed(value: f64, prefixes: &[(f64, &'static str)], zero: (f64, &'static str)) -> String {
    if value == 0.0 {
        return format!("0 {}", zero.1);
    }
    let (number, name) = scaled(value, prefixes);
    let number = if name == "B" && value.fract() == 0.0 { grouped(value, 0) } else { number };
    format!("{number} {name}")
}

/// The largest prefix that leaves at least one, after rounding: 999.9 k is 1.00 M.
fn scaled(value: f64, prefixes: &[(f64, &'static str)]) -> (String, &'static str) {
    let fits = |(factor, _): &&(f64, &str)| value.abs() / factor >= 0.9995;
    let (factor, name) = prefixes.iter().rev().find(fits).unwrap_or(&prefixes[0]);
    (digits(value / factor), name)
}

/// Three significant digits, thousands grouped; very large and very small values with an exponent.
fn digits(value: f64) -> String {
    match value.abs() {
        0.0 => "0".to_owned(),
        size if !(1e-4..1e7).contains(&size) => exponent(value),
        size => {
            let decimals = (2 - (size * 1.0005).log10().floor() as i32).clamp(0, 6);
            grouped(value, decimals as usize)
        }
    }
}

/// `1.5e-12`; a minus sign, not a hyphen, in front.
pub(crate) fn exponent(value: f64) -> String {
    let text = format!("{value:.2e}");
    let (mantissa, power) = text.split_once('e').unwrap_or((&text, "0"));
    format!("{}e{power}", trimmed(mantissa)).replace('-', "−")
}

/// `-1234.5` with no decimals as `−1,235`.
pub(crate) fn grouped(value: f64, decimals: usize) -> String {
    let text = format!("{:.decimals$}", value.abs());
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let negative = value < 0.0 && text.bytes().any(|byte| matches!(byte, b'1'..=b'9'));
    let mut out = String::from(if negative { "−" } else { "" });
    for (place, digit) in whole.chars().enumerate() {
        if place > 0 && (whole.len() - place).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    if !fraction.is_empty() {
        out.push('.');
        out.push_str(fraction);
    }
    out
}

/// Without the zeros that end a fraction.
fn trimmed(number: &str) -> &str {
    if number.contains('.') { number.trim_end_matches('0').trim_end_matches('.') } else { number }
}

#[cfg(test)]
mod tests;

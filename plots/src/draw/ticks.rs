//! Where ticks stand and what they say: round numbers with one prefix for the whole axis.

use super::place::Range;
use super::text::clean;
use crate::Unit;
use crate::chart::{Axis, Scale};
use crate::unit::{Prefixed, exponent, grouped};

/// Ticks, and what the axis's label has to add.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Ticks {
    /// In the axis's values.
    pub(super) list: Vec<(f64, String)>,
    /// The axis's label, with the unit and its prefix.
    pub(super) label: String,
}

/// More than this are never made, whatever the arithmetic says.
const TICKS_MAX: i64 = 60;

/// By how much the number of ticks may pass the one asked for, as a share of it, before the step is a coarser one.
const MORE: f64 = 0.15;

/// Steps in minutes or seconds, and in hours.
const SIXTIETHS: [f64; 11] = [0.5, 1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0];
const HOURS: [f64; 9] = [0.25, 0.5, 1.0, 2.0, 3.0, 6.0, 12.0, 24.0, 48.0];

/// At most about `count` ticks on an axis. On an x axis, seconds are time that has passed.
pub(super) fn ticks(axis: &Axis, range: Range, count: usize, is_x: bool) -> Ticks {
    let count = count.max(2) as f64;
    if !axis.ticks.is_empty() {
        let list = axis.ticks.iter().filter(|(at, _)| range.holds(*at)).cloned().collect();
        return Ticks { list, label: clean(&axis.label) };
    }
    match axis.scale {
        Scale::Linear => linear(axis, range, count, is_x),
        Scale::Log => Ticks { list: log(axis.unit, range, count), label: clean(&axis.label) },
        Scale::Percentile => Ticks { list: nines(range, count), label: clean(&axis.label) },
    }
}

fn linear(axis: &Axis, range: Range, count: f64, is_x: bool) -> Ticks {
    let (low, high) = range.ends();
    let elapsed = is_x && axis.unit == Unit::Seconds;
    let prefix =
        if elapsed { Unit::for_time(high - low) } else { axis.unit.for_axis(low.abs().max(high.abs())) };
    let (low, high) = (low / prefix.factor, high / prefix.factor);
    let mut raw = (high - low) / count * (1.0 - MORE);
    let (mut step, mut first, mut last);
    // One tick says nothing of the scale: finer until there are three, if that helps.
    let mut tries = 0;
    loop {
        step = rounded(axis.unit, prefix, raw, high);
        (first, last) = ((low / step - 1e-6).ceil() as i64, (high / step + 1e-6).floor() as i64);
        tries += 1;
        if last.saturating_sub(first) >= 2 || tries == 4 {
            break;
        }
        raw /= 2.0;
    }
    let text = |value: f64| {
        let exact = |decimals: &i32| {
            let scaled = step * 10_f64.powi(*decimals);
            (scaled - scaled.round()).abs() < 1e-6 * scaled
        };
        match (0..=6).find(exact) {
            _ if value == 0.0 => "0".to_owned(),
            Some(decimals) if value.abs() < 1e15 => grouped(value, decimals as usize),
            _ => exponent(value),
        }
    };
    let list = (first..=last.min(first.saturating_add(TICKS_MAX)))
        .map(|place| (place as f64 * step * prefix.factor, text(place as f64 * step)))
        .collect();
    Ticks { list, label: labelled(&axis.label, prefix.name, elapsed) }
}

/// A round step, not below `raw`, as suits the unit.
fn rounded(unit: Unit, prefix: Prefixed, raw: f64, high: f64) -> f64 {
    let step = match (unit, prefix.name) {
        (Unit::Seconds, "hours" | "h") => among(&HOURS, raw),
        (Unit::Seconds, "minutes" | "min" | "seconds") => among(&SIXTIETHS, raw),
        (Unit::Bytes | Unit::BytesPerSecond, _) if prefix.factor > 1.0 && raw > 0.5 => {
            2_f64.powf(raw.log2().ceil())
        }
        _ => decimal(raw),
    };
    // Things come whole.
    let whole = matches!(unit, Unit::Count | Unit::Bytes) && prefix.factor == 1.0 && high >= 1.0;
    if whole { step.max(1.0) } else { step }
}

/// `server RSS (MiB)`, `minutes elapsed`.
fn labelled(label: &str, unit: &str, elapsed: bool) -> String {
    let label = clean(label);
    match (label.trim(), unit) {
        (label, "") => label.to_owned(),
        ("", unit) => unit.to_owned(),
        ("elapsed", unit) if elapsed => format!("{unit} elapsed"),
        (label, unit) if label == unit => label.to_owned(),
        (label, unit) => format!("{label} ({unit})"),
    }
}

/// The smallest of the steps that is not below `raw`; round numbers where they end.
fn among(steps: &[f64], raw: f64) -> f64 {
    if raw < steps[0] / 2.0 {
        return decimal(raw);
    }
    steps.iter().copied().find(|step| *step >= raw).unwrap_or_else(|| decimal(raw))
}

/// 1, 2 or 5 times a power of ten, not below `raw`.
fn decimal(raw: f64) -> f64 {
    let power = 10_f64.powf(raw.max(1e-300).log10().floor());
    [1.0, 2.0, 5.0, 10.0]
        .map(|digit| digit * power)
        .into_iter()
        .find(|step| *step >= raw * 0.999_999)
        .unwrap_or(10.0 * power)
}

/// Powers, each with its own prefix: decades hold too much for one.
fn log(unit: Unit, range: Range, count: f64) -> Vec<(f64, String)> {
    let (low, high) = range.ends();
    let is_bytes = matches!(unit, Unit::Bytes | Unit::BytesPerSecond);
    let list: Vec<f64> = if is_bytes {
        let doublings = (high / low).log2();
        let stride = [1, 2, 4, 10, 20, 40]
            .into_iter()
            .find(|stride| doublings / f64::from(*stride) <= count)
            .unwrap_or(100);
        powers(2.0, stride, low, high).collect()
    } else {
        let decades = (high / low).log10();
        if decades * 3.0 <= count {
            powers(10.0, 1, low / 10.0, high).flat_map(|power| [power, 2.0 * power, 5.0 * power]).collect()
        } else {
            let stride = [1, 2, 3, 6, 12, 24]
                .into_iter()
                .find(|stride| decades / f64::from(*stride) <= count * (1.0 + MORE))
                .unwrap_or(60);
            powers(10.0, stride, low, high).collect()
        }
    };
    let inside: Vec<f64> = list.into_iter().filter(|value| range.holds(*value)).collect();
    inside.into_iter().map(|value| (value, unit.tick(value))).collect()
}

/// The powers of a base whose exponents are multiples of `stride`, from `low` to `high`.
fn powers(base: f64, stride: i32, low: f64, high: f64) -> impl Iterator<Item = f64> {
    let place = |value: f64| value.log(base) / f64::from(stride);
    let (first, last) = ((place(low) - 1e-6).ceil() as i32, (place(high) + 1e-6).floor() as i32);
    (first..=last.min(first.saturating_add(TICKS_MAX as i32))).map(move |power| base.powi(power * stride))
}

/// 0, 50 % where there is room, 90 %, 99 %, 99.9 % …
fn nines(range: Range, count: f64) -> Vec<(f64, String)> {
    let mut list = vec![(0.0, "0".to_owned())];
    let decades = -(1.0 - range.ends().1).max(1e-9).log10();
    if decades * 2.5 <= count {
        list.push((0.5, "50 %".to_owned()));
    }
    for nines in 1..=9_usize {
        let text = match nines {
            1 => "90 %".to_owned(),
            2 => "99 %".to_owned(),
            _ => format!("99.{} %", "9".repeat(nines - 2)),
        };
        list.push((1.0 - 10_f64.powi(-(nines as i32)), text));
    }
    list.retain(|(at, _)| range.holds(*at));
    list
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(unit: Unit, scale: Scale, ends: (f64, f64), count: usize, is_x: bool) -> (Vec<String>, String) {
        let axis = Axis { label: "elapsed".into(), unit, scale, range: Some(ends), ticks: Vec::new() };
        let ticks = ticks(&axis, Range::of(&axis, [].into_iter(), false), count, is_x);
        (ticks.list.into_iter().map(|(_, text)| text).collect(), ticks.label)
    }

    #[test]
    fn round_numbers_with_one_prefix() {
        const MIB: f64 = 1024.0 * 1024.0;
        let bytes = texts(Unit::Bytes, Scale::Linear, (0.0, 70.0 * MIB), 5, false);
        assert_eq!(bytes, (["0", "16", "32", "48", "64"].map(String::from).to_vec(), "elapsed (MiB)".into()));
        let bytes = texts(Unit::Bytes, Scale::Linear, (0.0, 9000.0), 5, false).0;
        assert_eq!(bytes, ["0", "2,000", "4,000", "6,000", "8,000"]);
        let counts = texts(Unit::Count, Scale::Linear, (0.0, 1_060_000.0), 6, false);
        assert_eq!(
            counts,
            (
                ["0", "200", "400", "600", "800", "1,000"].map(String::from).to_vec(),
                "elapsed (thousands)".into()
            )
        );
        assert_eq!(texts(Unit::Count, Scale::Linear, (0.0, 1.0), 6, false).0, ["0", "1"]);
        assert_eq!(texts(Unit::Ratio, Scale::Linear, (0.0, 0.04), 5, false).0, ["0", "1", "2", "3", "4"]);
        assert_eq!(
            texts(Unit::Cores, Scale::Linear, (0.0, 0.2), 5, false).0,
            ["0", "0.05", "0.10", "0.15", "0.20"]
        );
    }

    #[test]
    fn a_low_panel_has_more_than_one_tick() {
        const KIB: f64 = 1024.0;
        let residual = texts(Unit::Bytes, Scale::Linear, (-1900.0 * KIB, 1900.0 * KIB), 2, false).0;
        assert_eq!(residual, ["−1,024", "0", "1,024"]);
        assert_eq!(texts(Unit::PerSecond, Scale::Linear, (0.0, 17.0), 1, false).0, ["0", "5", "10", "15"]);
        assert_eq!(texts(Unit::Count, Scale::Linear, (0.0, 530.0), 2, false).0.len(), 3);
    }

    #[test]
    fn time_in_sixtieths() {
        let time = |length, count| texts(Unit::Seconds, Scale::Linear, (0.0, length), count, true);
        assert_eq!(
            time(136.0, 10),
            (
                ["0", "15", "30", "45", "60", "75", "90", "105", "120", "135"].map(String::from).to_vec(),
                "seconds elapsed".into()
            )
        );
        assert_eq!(
            time(600.0, 6),
            (["0", "2", "4", "6", "8", "10"].map(String::from).to_vec(), "minutes elapsed".into())
        );
        assert_eq!(time(3600.0, 5).0, ["0", "15", "30", "45", "60"]);
        assert_eq!(
            time(86_400.0, 5),
            (["0", "6", "12", "18", "24"].map(String::from).to_vec(), "hours elapsed".into())
        );
    }

    #[test]
    fn decades_and_nines() {
        let seconds = texts(Unit::Seconds, Scale::Log, (1e-5, 10.0), 8, false);
        assert_eq!(
            seconds,
            (
                ["10 µs", "100 µs", "1 ms", "10 ms", "100 ms", "1 s", "10 s"].map(String::from).to_vec(),
                "elapsed".into()
            )
        );
        assert_eq!(
            texts(Unit::Seconds, Scale::Log, (1e-3, 1e-2), 5, false).0,
            ["1 ms", "2 ms", "5 ms", "10 ms"]
        );
        assert_eq!(
            texts(Unit::Bytes, Scale::Log, (1024.0, 1024.0 * 1024.0), 5, false).0,
            ["1 KiB", "4 KiB", "16 KiB", "64 KiB", "256 KiB", "1 MiB"]
        );
        assert_eq!(
            texts(Unit::Ratio, Scale::Percentile, (0.0, 0.99995), 6, true).0,
            ["0", "90 %", "99 %", "99.9 %", "99.99 %"]
        );
        assert_eq!(
            texts(Unit::Ratio, Scale::Percentile, (0.0, 0.999), 8, true).0,
            ["0", "50 %", "90 %", "99 %", "99.9 %"]
        );
    }

    #[test]
    fn any_range_has_few_ticks_inside_it() {
        for scale in [Scale::Linear, Scale::Log] {
            for unit in [Unit::Count, Unit::Bytes, Unit::Seconds, Unit::PerSecond, Unit::Ratio, Unit::Cores] {
                for ends in [
                    (0.0, 1e-12),
                    (1e-12, 1e18),
                    (1e18, 1e18 + 1e12),
                    (-1e18, 1e18),
                    (0.999, 1.001),
                    (3.0, 1e5),
                ] {
                    for is_x in [false, true] {
                        let axis = Axis { unit, scale, range: Some(ends), ..Axis::default() };
                        let range = Range::of(&axis, [ends.0, ends.1].into_iter(), false);
                        let ticks = ticks(&axis, range, 8, is_x);
                        assert!(ticks.list.len() <= 24, "{unit:?} {ends:?} {}", ticks.list.len());
                        for (at, text) in &ticks.list {
                            assert!(
                                range.holds(*at) && !text.contains("NaN"),
                                "{unit:?} {ends:?}: {at} {text}"
                            );
                        }
                        if scale == Scale::Linear {
                            assert!(!ticks.list.is_empty(), "{unit:?} {ends:?}");
                        }
                    }
                }
            }
        }
    }
}

//! Figures as people read them, in few columns: `1,234`, `12.3k`, `65.1 MiB`, `4.2 ms`, `1:02:03`.

/// What a figure counts, and so how it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    /// Things: whole up to five digits, then `12.3k`, `1.23M`.
    Count,
    /// Things, to the last one, with commas.
    Exact,
    /// Bytes, in binary multiples.
    Bytes,
    /// A share of one, as per cent.
    Ratio,
    /// Things a second.
    PerSecond,
    /// Bytes a second.
    BytesPerSecond,
    /// Seconds, in the unit that reads best.
    Seconds,
    /// Seconds since the start, as on a clock.
    Since,
    /// A number as it is: loads, cores.
    Plain,
}

impl Unit {
    /// The unit that the last word of a value's name says, and what to multiply with to get there.
    pub(crate) fn of(name: &str) -> (Unit, f64) {
        let last = name.rsplit(['_', '.']).next().unwrap_or(name);
        match last {
            "bytes" => (Unit::Bytes, 1.0),
            "ratio" => (Unit::Ratio, 1.0),
            "ns" => (Unit::Seconds, 1e-9),
            "us" => (Unit::Seconds, 1e-6),
            "ms" => (Unit::Seconds, 1e-3),
            "s" if !name.ends_with("_per_s") => (Unit::Seconds, 1.0),
            "cores" | "1m" | "5m" | "15m" => (Unit::Plain, 1.0),
            _ => (Unit::Count, 1.0),
        }
    }

    /// The unit of how fast a counter in this unit grows, per second. Time per second is a share.
    pub(crate) fn per_second(self) -> Unit {
        match self {
            Unit::Bytes | Unit::BytesPerSecond => Unit::BytesPerSecond,
            Unit::Seconds | Unit::Ratio => Unit::Ratio,
            _ => Unit::PerSecond,
        }
    }

    /// The figure in words.
    pub(crate) fn say(self, value: f64) -> String {
        match self {
            Unit::Count => short(value),
            Unit::Exact => grouped(value),
            Unit::Bytes => bytes(value),
            Unit::Ratio => percent(value),
            Unit::PerSecond => format!("{}/s", short(value)),
            Unit::BytesPerSecond => format!("{}/s", bytes(value)),
            Unit::Seconds => seconds(value),
            Unit::Since => format!("+{}", span(value)),
            Unit::Plain => plain(value),
        }
    }
}

/// Few digits: `0`, `0.25`, `12345`, `123k`, `1.23M`.
pub(crate) fn short(value: f64) -> String {
    let size = value.abs();
    if size < 10.0 && value.fract() != 0.0 {
        return plain(value);
    }
    match size {
        0.0..99_999.5 => format!("{value:.0}"),
        ..999_500.0 => format!("{:.0}k", value / 1e3),
        ..999.5e6 => three(value / 1e6, "M"),
        ..999.5e9 => three(value / 1e9, "G"),
        _ => three(value / 1e12, "T"),
    }
}

/// To the last one, with commas.
pub(crate) fn grouped(value: f64) -> String {
    let digits = format!("{:.0}", value.abs());
    let mut out = String::new();
    if value <= -0.5 {
        out.push('-');
    }
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `512 B`, `1.5 KiB`, `65.1 MiB`.
pub(crate) fn bytes(value: f64) -> String {
    const STEPS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    if value.abs() < 1023.5 {
        return if value.fract() == 0.0 || value.abs() >= 100.0 {
            format!("{value:.0} B")
        } else {
            format!("{value:.1} B")
        };
    }
    let mut value = value / 1024.0;
    let mut step = 0;
    while value.abs() >= 1023.5 && step + 1 < STEPS.len() {
        value /= 1024.0;
        step += 1;
    }
    format!("{} {}", three(value, ""), STEPS[step])
}

/// The same without what is understood: `65.1M`.
pub(crate) fn compact_bytes(value: f64) -> String {
    bytes(value).replace("iB", "").replace(' ', "")
}

/// `3.1%`, `45%`.
pub(crate) fn percent(ratio: f64) -> String {
    let percent = ratio * 100.0;
    if percent.abs() < 9.95 && percent != 0.0 { format!("{percent:.1}%") } else { format!("{percent:.0}%") }
}

/// A length of time in the unit that reads best.
pub(crate) fn seconds(value: f64) -> String {
    let size = value.abs();
    match size {
        0.0 => "0 s".into(),
        ..999.5e-6 => format!("{} µs", three(value * 1e6, "")),
        ..0.9995 => format!("{} ms", three(value * 1e3, "")),
        ..99.95 => format!("{} s", three(value, "")),
        _ => span(value),
    }
}

/// A length of time as on a clock: `0:05`, `12:34`, `1:02:03`, `3d 04:05`.
pub(crate) fn span(seconds: f64) -> String {
    let whole = seconds.max(0.0) as u64;
    let (days, hours, minutes, seconds) = (whole / 86_400, whole / 3_600 % 24, whole / 60 % 60, whole % 60);
    match (days, hours) {
        (0, 0) => format!("{minutes}:{seconds:02}"),
        (0, _) => format!("{hours}:{minutes:02}:{seconds:02}"),
        _ => format!("{days}d {hours:02}:{minutes:02}"),
    }
}

/// The time of day of a wall time, in UTC.
pub(crate) fn time_of_day(wall_us: u64) -> String {
    let second = wall_us / 1_000_000 % 86_400;
    format!("{:02}:{:02}:{:02}", second / 3_600, second / 60 % 60, second % 60)
}

/// A number with no more digits than it needs.
pub(crate) fn plain(value: f64) -> String {
    if value.fract() == 0.0 || value.abs() >= 100.0 { format!("{value:.0}") } else { format!("{value:.2}") }
}

/// Three digits.
fn three(value: f64, suffix: &str) -> String {
    match value.abs() {
        ..9.995 => format!("{value:.2}{suffix}"),
        ..99.95 => format!("{value:.1}{suffix}"),
        _ => format!("{value:.0}{suffix}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_read_well_at_their_edges() {
        for (said, expected) in [
            (short(0.0), "0"),
            (short(0.25), "0.25"),
            (short(99_999.0), "99999"),
            (short(100_000.0), "100k"),
            (short(999_600.0), "1.00M"),
            (grouped(1_000_000.0), "1,000,000"),
            (grouped(-1234.0), "-1,234"),
            (bytes(0.0), "0 B"),
            (bytes(68.25), "68.2 B"),
            (bytes(1024.0), "1.00 KiB"),
            (bytes(1_048_575.0), "1.00 MiB"),
            (percent(0.0005), "0.1%"),
            (percent(0.4534), "45%"),
            (seconds(0.0), "0 s"),
            (seconds(0.000_042), "42.0 µs"),
            (seconds(0.0042), "4.20 ms"),
            (seconds(41.0), "41.0 s"),
            (seconds(3723.0), "1:02:03"),
            (span(5.9), "0:05"),
            (span(270_300.0), "3d 03:05"),
            (time_of_day(1_795_279_910_000_000), "16:51:50"),
        ] {
            assert_eq!(said, expected);
        }
    }

    #[test]
    fn units_are_the_last_words_of_names() {
        assert_eq!(Unit::of("server.rss_bytes"), (Unit::Bytes, 1.0));
        assert_eq!(Unit::of("kernel.bytes"), (Unit::Bytes, 1.0));
        assert_eq!(Unit::of("connect.latency_ns"), (Unit::Seconds, 1e-9));
        assert_eq!(Unit::of("server.cpu_user_s").0.per_second(), Unit::Ratio);
        assert_eq!(Unit::of("connect_rate_per_s").0, Unit::Count);
        assert_eq!(Unit::of("server.connections").0, Unit::Count);
    }
}

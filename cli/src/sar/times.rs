//! Times as people write and read them: local clock times, RFC 3339, and offsets from a recording's beginning.

use std::str::FromStr;

use jiff::civil::Time;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use runner::units::Span;
use telemetry::Stamp;

/// Wall microseconds as a moment; those beyond the calendar are its end.
fn moment(wall_us: u64) -> Timestamp {
    i64::try_from(wall_us).ok().and_then(|us| Timestamp::from_microsecond(us).ok()).unwrap_or(Timestamp::MAX)
}

/// `16:51:14`, local.
pub(crate) fn clock(wall_us: u64) -> String {
    moment(wall_us).to_zoned(TimeZone::system()).strftime("%H:%M:%S").to_string()
}

/// `2026-11-21`, local.
pub(crate) fn date(wall_us: u64) -> String {
    moment(wall_us).to_zoned(TimeZone::system()).strftime("%Y-%m-%d").to_string()
}

/// `2026-11-21T16:51:14.123456Z`.
pub(crate) fn rfc3339(wall_us: u64) -> String {
    format!("{:.6}", moment(wall_us))
}

/// `--from` and `--to`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum When {
    /// `+90s`: after the recording's first frame.
    After(Span),
    /// `2026-11-21T16:51:14Z`.
    At(Timestamp),
    /// `16:51`, `16:51:14`: local, the first such time in the recording or before it on its first day.
    Clock(Time),
}

impl FromStr for When {
    type Err = String;

    fn from_str(text: &str) -> Result<When, String> {
        if let Some(span) = text.strip_prefix('+') {
            return span.parse().map(When::After).map_err(|error| format!("{error}"));
        }
        if let Ok(at) = text.parse() {
            return Ok(When::At(at));
        }
        let is_clock = text.len() >= 4 && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b':');
        let clock = ["%H:%M:%S", "%H:%M"].into_iter().find_map(|form| Time::strptime(form, text).ok());
        match clock.filter(|_| is_clock) {
            Some(clock) => Ok(When::Clock(clock)),
            None => Err("write 16:51, 16:51:14, 2026-11-21T16:51:14Z, or +90s from the beginning".into()),
        }
    }
}

/// A moment of a recording, by the clock that it was asked for by: the two do not agree to the microsecond.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moment {
    /// Monotonic microseconds.
    Mono(u64),
    /// Microseconds since the Unix epoch.
    Wall(u64),
}

impl Moment {
    /// Whether this comes after `at`.
    pub(crate) fn is_after(self, at: Stamp) -> bool {
        match self {
            Moment::Mono(mono_us) => mono_us > at.mono_us,
            Moment::Wall(wall_us) => wall_us > at.wall_us,
        }
    }

    /// Whether this comes before `at`.
    pub(crate) fn is_before(self, at: Stamp) -> bool {
        match self {
            Moment::Mono(mono_us) => mono_us < at.mono_us,
            Moment::Wall(wall_us) => wall_us < at.wall_us,
        }
    }
}

impl When {
    /// In a recording that began at `begin`.
    pub(crate) fn moment(self, begin: Stamp) -> Moment {
        let wall = |at: Timestamp| Moment::Wall(u64::try_from(at.as_microsecond()).unwrap_or(0));
        match self {
            When::After(span) => {
                let after_us = u64::try_from(span.0.as_micros()).unwrap_or(u64::MAX);
                Moment::Mono(begin.mono_us.saturating_add(after_us))
            }
            When::At(at) => wall(at),
            When::Clock(time) => {
                let first = moment(begin.wall_us).to_zoned(TimeZone::system());
                let on = |day: jiff::civil::Date| day.to_datetime(time).to_zoned(TimeZone::system()).ok();
                let same_day = on(first.date());
                // A recording that goes over midnight: half a day before it began is rather half a day after.
                let far = |at: &jiff::Zoned| at.timestamp() + 12.hours() < first.timestamp();
                let at = match same_day {
                    Some(at) if far(&at) => first.date().tomorrow().ok().and_then(on).or(Some(at)),
                    at => at,
                };
                at.map_or(Moment::Wall(begin.wall_us), |at| wall(at.timestamp()))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEGIN: Stamp = Stamp { mono_us: 5_000_000, wall_us: 1_764_000_000_000_000 };

    #[test]
    fn offsets_and_dates_are_moments_of_the_recording() {
        let at = |text: &str| text.parse::<When>().expect(text).moment(BEGIN);
        assert_eq!(at("+0s"), Moment::Mono(5_000_000));
        assert_eq!(at("+90s"), Moment::Mono(95_000_000));
        for wall_us in [BEGIN.wall_us + 7_000_001, BEGIN.wall_us - 2_000_000] {
            assert_eq!(at(&rfc3339(wall_us)), Moment::Wall(wall_us));
        }
        assert_eq!(at("1960-01-01T00:00:00Z"), Moment::Wall(0));
        assert!(!at("+0s").is_after(BEGIN) && !at("+0s").is_before(BEGIN) && at("+1us").is_after(BEGIN));
    }

    #[test]
    fn clock_times_are_those_that_the_table_shows() {
        for after_s in [0_u64, 60, 3_600, 11 * 3_600] {
            let at = Stamp { mono_us: BEGIN.mono_us, wall_us: BEGIN.wall_us + after_s * 1_000_000 };
            let when = clock(at.wall_us).parse::<When>().expect("a time that was shown");
            assert_eq!(when.moment(BEGIN), Moment::Wall(at.wall_us), "{when:?}");
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for text in ["", "+", "+90", "25:00", "16", "16:5x", "yesterday", "-90s", "16:51:99", "1651"] {
            assert!(text.parse::<When>().is_err(), "{text}");
        }
    }
}

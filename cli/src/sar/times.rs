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

impl When {
    /// In monotonic microseconds, of a recording that began at `begin`.
    pub(crate) fn mono_us(self, begin: Stamp) -> u64 {
        let wall_us = |at: Timestamp| u64::try_from(at.as_microsecond()).unwrap_or(0);
        let from_wall = |wall_us: u64| match wall_us.checked_sub(begin.wall_us) {
            Some(after) => begin.mono_us.saturating_add(after),
            None => begin.mono_us.saturating_sub(begin.wall_us - wall_us),
        };
        match self {
            When::After(span) => {
                begin.mono_us.saturating_add(u64::try_from(span.0.as_micros()).unwrap_or(u64::MAX))
            }
            When::At(at) => from_wall(wall_us(at)),
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
                at.map_or(begin.mono_us, |at| from_wall(wall_us(at.timestamp())))
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
        let at = |text: &str| text.parse::<When>().expect(text).mono_us(BEGIN);
        assert_eq!(at("+0s"), 5_000_000);
        assert_eq!(at("+90s"), 95_000_000);
        assert_eq!(at(&rfc3339(BEGIN.wall_us + 7_000_001)), 12_000_001);
        // Before it began.
        assert_eq!(at(&rfc3339(BEGIN.wall_us - 2_000_000)), 3_000_000);
        assert_eq!(at("1971-01-01T00:00:00Z"), 0);
    }

    #[test]
    fn clock_times_are_those_that_the_table_shows() {
        for after_s in [0_u64, 60, 3_600, 11 * 3_600] {
            let at = Stamp { mono_us: BEGIN.mono_us, wall_us: BEGIN.wall_us + after_s * 1_000_000 };
            let when = clock(at.wall_us).parse::<When>().expect("a time that was shown");
            assert_eq!(when.mono_us(BEGIN), BEGIN.mono_us + after_s * 1_000_000, "{when:?}");
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for text in ["", "+", "+90", "25:00", "16", "16:5x", "yesterday", "-90s", "16:51:99", "1651"] {
            assert!(text.parse::<When>().is_err(), "{text}");
        }
    }
}

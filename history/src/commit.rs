//! A commit, as far as history has to know it: which one, and when.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The longest name of a commit; git's longest are 64.
const ID_BYTES_MAX: usize = 64;

/// How much of a commit's name stands in tables and on axes.
const SHORT_CHARS: usize = 7;

/// A moment, in RFC 3339 wherever it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment(Timestamp);

impl Moment {
    /// So many microseconds after 1970; `None` beyond the year 9999.
    pub fn from_us(us: u64) -> Option<Moment> {
        Timestamp::from_microsecond(i64::try_from(us).ok()?).ok().map(Moment)
    }

    /// Now.
    pub fn now() -> Moment {
        Moment(Timestamp::now())
    }

    /// `2026-11-21`, in UTC.
    pub fn day(self) -> String {
        self.0.strftime("%Y-%m-%d").to_string()
    }
}

/// To the second, in UTC: `2026-11-21T17:31:58Z`.
impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.0}", self.0)
    }
}

impl FromStr for Moment {
    type Err = String;

    fn from_str(text: &str) -> Result<Moment, String> {
        let wrong = |_| format!("'{text}' is no time in RFC 3339; write e.g. 2026-11-21T17:31:58Z");
        text.trim().parse().map(Moment).map_err(wrong)
    }
}

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // To the microsecond, which is what frames have: two runs of one second are two runs.
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Moment, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// A commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Commit {
    /// Its name: git's object id, or whatever tells commits apart elsewhere.
    pub id: String,
    /// The branch it was measured on.
    #[serde(default)]
    pub branch: Option<String>,
    /// What orders commits.
    pub committed_at: Moment,
    /// The tree had changes that the commit does not have.
    #[serde(default, deserialize_with = "unknown_is_false", skip_serializing_if = "std::ops::Not::not")]
    pub dirty: bool,
}

/// Where nobody could say, a run writes null.
fn unknown_is_false<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// A commit as a run writes it down: what it could not find out is absent or null.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Written {
    /// Its name.
    pub id: String,
    /// The branch.
    #[serde(default)]
    pub branch: Option<String>,
    /// When it was made; without it, it has no place among others.
    #[serde(default)]
    pub committed_at: Option<Moment>,
    /// The tree had changes that the commit does not have.
    #[serde(default, deserialize_with = "unknown_is_false")]
    pub dirty: bool,
}

impl Written {
    /// The commit, when its time is known; or else this is.
    pub fn at(&self, otherwise: Option<Moment>) -> Option<Commit> {
        let Written { id, branch, committed_at, dirty } = self.clone();
        Some(Commit { id, branch, committed_at: committed_at.or(otherwise)?, dirty })
    }
}

impl Commit {
    /// The beginning of its name, with a `+` when the tree had changes that it does not have.
    pub fn short(&self) -> String {
        let short = short(&self.id);
        if self.dirty { format!("{short}+") } else { short }
    }

    /// What is wrong with the name, if something is.
    pub fn fault(&self) -> Option<String> {
        let odd = |c: char| c.is_control() || c.is_whitespace();
        let id = &self.id;
        (id.is_empty() || id.len() > ID_BYTES_MAX || id.contains(odd))
            .then(|| format!("'{}' is no name of a commit", id.escape_debug()))
    }
}

/// The beginning of a commit's name.
pub fn short(id: &str) -> String {
    // A name that is no hash is short enough, or it is cut as well.
    id.chars().take(if id.bytes().all(|b| b.is_ascii_hexdigit()) { SHORT_CHARS } else { 16 }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_read_with_any_offset_and_written_in_utc() {
        let moment: Moment = "2026-11-21T19:31:58+02:00".parse().expect("RFC 3339");
        assert_eq!(moment.to_string(), "2026-11-21T17:31:58Z");
        assert_eq!(serde_json::to_string(&moment).expect("JSON"), "\"2026-11-21T17:31:58Z\"");
        for wrong in ["", "yesterday", "2026-11-21", "2026-13-21T19:31:58Z", "1795282318"] {
            assert!(wrong.parse::<Moment>().is_err_and(|e| e.contains("RFC 3339")), "{wrong}");
        }
        let exact = Moment::from_us(1_795_282_318_166_346).expect("in range");
        let json = serde_json::to_string(&exact).expect("JSON");
        assert_eq!(serde_json::from_str::<Moment>(&json).expect("itself"), exact);
        assert_eq!(Moment::from_us(u64::MAX), None);
    }

    #[test]
    fn a_short_name_is_no_less_than_it_must_be() {
        assert_eq!(short("3f2a1b9cd0"), "3f2a1b9");
        assert_eq!(short("v1.2.0-rc1"), "v1.2.0-rc1");
    }
}

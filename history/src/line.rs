//! A line of the history: a run's figures, or the acceptance of a change.
//!
//! ```json
//! {"history":1,"commit":{"id":"3f2a…","branch":"main","committed_at":"2026-11-21T17:00:00Z"},"date":"…",
//!  "scenario":"smoke","machine":{"cpu_model":"AMD EPYC","cores":2,…,"fingerprint":"8f3a…"},
//!  "limit":null,"verdict":"pass","metrics":{"audit.lost":0,"memory.server_bytes_per_connection":61.2,…}}
//! {"history":1,"accepted":{"commit":"3f2a…","committed_at":"…","metric":"…","scenario":null,"reason":"…","date":"…"}}
//! ```
//! `metrics` has every figure of `summary.json`, dotted, but for those that were not measured; `limit` those below its
//! `limit`. Within a version, members are added and never taken away, and a reader passes over those it does not know.

use std::collections::BTreeMap;

use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use crate::{Commit, Machine, Moment};

/// The version of the lines that are written, and the latest that is read.
pub const VERSION: u64 = 1;

/// What every line of ours begins with, by which a torn one is told from a stranger's.
const BEGINNING: &[u8] = b"{\"history\":";

/// What a line says.
#[derive(Debug, Clone, PartialEq)]
pub enum Line {
    /// What a run measured.
    Run(Box<RunLine>),
    /// A change that is known and wanted.
    Accepted(Acceptance),
}

/// What a run measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunLine {
    /// Of what.
    pub commit: Commit,
    /// When it ran.
    pub date: Moment,
    /// The scenario's name.
    pub scenario: String,
    /// On what.
    pub machine: Machine,
    /// The machine's own ceiling, if it was measured.
    #[serde(default)]
    pub limit: Option<Figures>,
    /// `pass` or `fail`.
    pub verdict: String,
    /// Every figure.
    pub metrics: Figures,
}

impl RunLine {
    /// A figure by its name in the summary; those of the ceiling begin with `limit.`.
    pub fn figure(&self, name: &str) -> Option<f64> {
        figure(&self.metrics, self.limit.as_ref(), name)
    }

    /// The names of all its figures.
    pub fn names(&self) -> impl Iterator<Item = String> {
        names(&self.metrics, self.limit.as_ref())
    }

    /// Whether two lines of one run agree in all that is judged.
    pub(crate) fn says_the_same(&self, other: &RunLine) -> bool {
        let of = |run: &RunLine| (run.commit.committed_at, run.limit.clone(), run.verdict.clone());
        of(self) == of(other) && self.metrics == other.metrics
    }

    /// What makes two lines the same run.
    pub(crate) fn identity(&self) -> (&str, &str, Moment, &str) {
        (&self.commit.id, &self.scenario, self.date, &self.machine.fingerprint)
    }
}

/// Figures by their dotted names. One that was not measured is absent; null is read as absent.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Figures(pub BTreeMap<String, f64>);

/// A figure by its name in the summary; those of the ceiling begin with `limit.`.
pub(crate) fn figure(metrics: &Figures, limit: Option<&Figures>, name: &str) -> Option<f64> {
    let value = match name.strip_prefix("limit.") {
        Some(name) => limit?.0.get(name),
        None => metrics.0.get(name),
    };
    value.copied().filter(|value| value.is_finite())
}

/// The names of all figures, as [`figure`] takes them.
pub(crate) fn names(metrics: &Figures, limit: Option<&Figures>) -> impl Iterator<Item = String> {
    let limit = limit.into_iter().flat_map(|limit| limit.0.keys().map(|name| format!("limit.{name}")));
    metrics.0.keys().cloned().chain(limit)
}

impl Serialize for Figures {
    /// Whole numbers without a fraction, as the summary writes counts.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        /// Above, not every whole number is its own double.
        const EXACT: f64 = 9_007_199_254_740_992.0;
        serializer.collect_map(self.0.iter().map(|(name, value)| {
            let whole = value.fract() == 0.0 && value.abs() < EXACT;
            (name, if whole { Value::from(*value as i64) } else { Value::from(*value) })
        }))
    }
}

impl<'de> Deserialize<'de> for Figures {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Figures, D::Error> {
        let figures = BTreeMap::<String, Option<f64>>::deserialize(deserializer)?;
        Ok(Figures(figures.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()))
    }
}

/// A change that is known and wanted: it no longer fails a check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acceptance {
    /// The commit that brought it, or any in the range of commits that may have.
    pub commit: String,
    /// When that was made.
    pub committed_at: Moment,
    /// Of which figure.
    pub metric: String,
    /// In which scenario; `None`: in all.
    #[serde(default)]
    pub scenario: Option<String>,
    /// Between which commits the change was when it was accepted. With more data that becomes narrower, and may leave the
    /// commit out that was named. Absent in older lines, and where there was no change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub range: Option<AcceptedRange>,
    /// Why.
    pub reason: String,
    /// When it was accepted.
    pub date: Moment,
}

/// After which commit and until which a change was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AcceptedRange {
    /// The last commit that was surely before it.
    pub last_good: String,
    /// When that was made.
    pub last_good_at: Moment,
    /// The first that was surely after it.
    pub first_bad: String,
    /// When that was made.
    pub first_bad_at: Moment,
}

/// Why a line is not one of ours.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LineError {
    /// A merge that was not finished.
    #[error("a merge conflict: keep both sides and remove the markers; the order of lines does not matter")]
    Conflict,
    /// It breaks off: what wrote it was killed.
    #[error("breaks off in the middle")]
    CutShort,
    /// A mark that editors put before a file's first byte.
    #[error("begins with a byte order mark: save the file as UTF-8 without one")]
    ByteOrderMark,
    /// Not JSON.
    #[error("not a line of a history: {0}")]
    NotJson(String),
    /// JSON of something else.
    #[error("not a line of a history: no member 'history' (lines are written by 'floodmark history add')")]
    NotOurs,
    /// Of a later version.
    #[error("written by a later version (history {version}; this floodmark reads up to {VERSION})")]
    Later {
        /// Which.
        version: u64,
    },
    /// Ours, and not as it should be.
    #[error("{0}")]
    Wrong(String),
}

/// By what a run's line is told from others.
#[derive(Deserialize)]
struct Head {
    history: u64,
    #[serde(default)]
    accepted: Option<IgnoredAny>,
}

impl Line {
    /// Reads a line, without its newline.
    ///
    /// # Errors
    /// [`LineError`]: what is wrong with it.
    pub fn parse(line: &[u8]) -> Result<Line, LineError> {
        if [b"<<<<<<<", b"=======", b">>>>>>>", b"|||||||"].iter().any(|marker| line.starts_with(*marker)) {
            return Err(LineError::Conflict);
        }
        if [&b"\xef\xbb\xbf"[..], b"\xff\xfe", b"\xfe\xff"].iter().any(|mark| line.starts_with(mark)) {
            return Err(LineError::ByteOrderMark);
        }
        // Nearly every line is a run's and whole; what is wrong with another is found out slowly.
        if let Ok(Head { history: VERSION, accepted: None }) = serde_json::from_slice(line)
            && let Ok(run) = serde_json::from_slice::<RunLine>(line)
            && run.commit.fault().is_none()
        {
            return Ok(Line::Run(Box::new(run)));
        }
        let value: Value = serde_json::from_slice(line).map_err(|error| {
            if error.is_eof() && (line.starts_with(BEGINNING) || BEGINNING.starts_with(line)) {
                return LineError::CutShort;
            }
            // Lines are told by the file's numbers; the position inside one is of use, "line 1" is not.
            LineError::NotJson(error.to_string().replace("at line 1 column", "at character"))
        })?;
        let version = value.get("history").ok_or(LineError::NotOurs)?;
        match version.as_u64() {
            Some(version) if version > VERSION => return Err(LineError::Later { version }),
            Some(VERSION) => {}
            _ => return Err(LineError::Wrong(format!("{version} is no version of a history"))),
        }
        let wrong = |error: serde_json::Error| LineError::Wrong(error.to_string());
        if let Some(accepted) = value.get("accepted") {
            return Acceptance::deserialize(accepted).map(Line::Accepted).map_err(wrong);
        }
        let run = RunLine::deserialize(&value).map_err(wrong)?;
        if let Some(fault) = run.commit.fault() {
            return Err(LineError::Wrong(fault));
        }
        Ok(Line::Run(Box::new(run)))
    }

    /// The line as it is written, without its newline.
    pub fn to_json(&self) -> String {
        #[derive(Serialize)]
        struct Run<'a> {
            history: u64,
            #[serde(flatten)]
            run: &'a RunLine,
        }
        #[derive(Serialize)]
        struct Accepted<'a> {
            history: u64,
            accepted: &'a Acceptance,
        }
        let written = match self {
            Line::Run(run) => serde_json::to_string(&Run { history: VERSION, run }),
            Line::Accepted(accepted) => serde_json::to_string(&Accepted { history: VERSION, accepted }),
        };
        written.expect("strings and numbers are JSON")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::run;

    fn wrong(line: &str) -> String {
        Line::parse(line.as_bytes()).expect_err("not ours").to_string()
    }

    #[test]
    fn a_line_is_read_as_it_was_written() {
        let mut line = run("3f2a1b9c", "2026-11-21T17:00:00Z", &[("audit.lost", 0.0), ("a.b_ms.p99", 1.25)]);
        line.limit = Some(Figures([("ratio.connects".to_owned(), 0.8)].into()));
        let line = Line::Run(Box::new(line));
        let json = line.to_json();
        assert!(json.starts_with("{\"history\":1,\"commit\":{\"id\":\"3f2a1b9c\""), "{json}");
        assert!(json.contains("\"audit.lost\":0}") && !json.contains('\n'), "{json}");
        assert_eq!(Line::parse(json.as_bytes()), Ok(line));
    }

    #[test]
    fn what_was_not_measured_is_absent() {
        let json = Line::Run(Box::new(run("a", "2026-11-21T17:00:00Z", &[("x", 1.0)]))).to_json();
        let json = json.replace("\"metrics\":{", "\"metrics\":{\"y\":null,");
        let Ok(Line::Run(run)) = Line::parse(json.as_bytes()) else { panic!("{json}") };
        assert_eq!((run.figure("x"), run.figure("y"), run.figure("limit.z")), (Some(1.0), None, None));
    }

    #[test]
    fn each_fault_has_its_own_words() {
        let good = Line::Run(Box::new(run("a", "2026-11-21T17:00:00Z", &[("x", 1.5)]))).to_json();
        assert!(wrong("<<<<<<< HEAD").contains("merge conflict: keep both sides"));
        assert!(wrong("=======").contains("merge conflict"));
        assert!(wrong(&good[..good.len() / 2]).contains("breaks off"));
        assert!(wrong("{\"frame\":\"hello\"}").contains("no member 'history'"));
        assert!(wrong("[]").contains("no member 'history'"));
        assert!(wrong("hello").contains("not a line of a history"));
        assert!(wrong("\u{0}").contains("not a line of a history"));
        assert!(
            wrong(&good.replace("\"history\":1", "\"history\":2")).contains("later version (history 2; this")
        );
        assert!(wrong(&good.replace("\"history\":1", "\"history\":\"1\"")).contains("no version"));
        assert!(wrong(&good.replace("\"date\"", "\"dated\"")).contains("missing field `date`"));
        assert!(wrong(&good.replace("1.5", "NaN")).contains("at character"));
        assert!(wrong(&good.replace("1.5", "1e999")).contains("out of range"));
        assert!(wrong(&good.replace("1.5", "\"1.5\"")).contains("expected f64"));
        assert!(wrong(&good.replace("2026-11-21T17:00:00Z", "today")).contains("RFC 3339"));
        assert!(wrong(&good.replace("\"id\":\"a\"", "\"id\":\"a b\"")).contains("no name of a commit"));
        assert!(wrong("{\"history\":1,\"accepted\":{}}").contains("missing field `commit`"));
    }
}

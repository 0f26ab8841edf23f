//! From a run's bundle to its line: the figures of `summary.json`, the machine of `host.json`, the commit that the
//! runner wrote down.
//!
//! A run that did not come to its end has no line: its figures are of another experiment than the scenario's.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;
use telemetry::{BundleError, BundleReader, Frame, Mark, Recording};

use crate::commit::Written;
use crate::line::{figure, names};
use crate::{Commit, Figures, Machine, Moment, RunLine};

/// The version of `summary.json` that is understood.
const SUMMARY_VERSION: u64 = 1;

/// The mark of the plan is among the first frames. It is not looked for behind so many.
const FRAMES_LOOKED_AT_MAX: usize = 256;

/// What a bundle has for history. The commit may be missing: not every run is made in a repository.
#[derive(Debug, Clone, PartialEq)]
pub struct BundleRun {
    /// Where it is.
    pub path: PathBuf,
    /// Of what, if the run wrote it down, and its time.
    pub commit: Option<Commit>,
    /// The same as it was written, which may be without a time.
    pub written: Option<Written>,
    /// When it ran.
    pub date: Moment,
    /// The scenario's name.
    pub scenario: String,
    /// On what.
    pub machine: Machine,
    /// The machine's own ceiling.
    pub limit: Option<Figures>,
    /// `pass` or `fail`.
    pub verdict: String,
    /// Every figure.
    pub metrics: Figures,
}

/// Why a bundle has no line.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// There is no bundle, or it cannot be read.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// It is not finished, or not whole.
    #[error("could not take run '{}': {why}", run.display())]
    Unfit {
        /// The directory.
        run: PathBuf,
        /// Why, and what to do.
        why: String,
    },
}

impl BundleRun {
    /// Reads the bundle in `run`.
    ///
    /// # Errors
    /// [`RunError::Bundle`] when there is none or the file system refuses; [`RunError::Unfit`] when the run is not
    /// finished, or does not say on which machine it was.
    pub fn open(run: &Path) -> Result<BundleRun, RunError> {
        let unfit = |why: String| RunError::Unfit { run: run.to_owned(), why };
        let bundle = BundleReader::open(run)?;
        let json = |name: &str, absent: &str| -> Result<Value, RunError> {
            let bytes = bundle.read_file(name)?.ok_or_else(|| unfit(format!("no {name} ({absent})")))?;
            serde_json::from_slice(&bytes).map_err(|error| unfit(format!("{name} is no JSON: {error}")))
        };
        let summary =
            json("summary.json", "the run did not come to its end, or goes on still; run it again")?;
        match summary.get("version").and_then(Value::as_u64) {
            Some(SUMMARY_VERSION) => {}
            Some(later) if later > SUMMARY_VERSION => {
                let known = format!("this floodmark reads up to {SUMMARY_VERSION}");
                return Err(unfit(format!(
                    "summary.json was written by a later version (version {later}; {known})"
                )));
            }
            _ => return Err(unfit("summary.json has no version: it is not a run's".into())),
        }
        let text = |name: &str| summary.get(name).and_then(Value::as_str).map(str::to_owned);
        let verdict = text("verdict").ok_or_else(|| unfit("summary.json has no verdict".into()))?;
        if verdict == "incomplete" {
            let reason = text("reason").map_or(String::new(), |reason| format!(", {reason}"));
            return Err(unfit(format!("the run is incomplete{reason}; run it again")));
        }
        let scenario = text("scenario").ok_or_else(|| unfit("summary.json names no scenario".into()))?;
        let host = json("host.json", "on which machine it ran is not known")?;
        let machine = Machine::from_host(&host)
            .ok_or_else(|| unfit("host.json says nothing of processor, memory or kernel".into()))?;
        let (began_us, plan) = beginning(run)?;
        let date = began_us
            .and_then(Moment::from_us)
            .ok_or_else(|| unfit("frames.jsonl has no frame that says when it ran".into()))?;
        let written = summary.get("commit").filter(|commit| !commit.is_null());
        let marked = plan.as_ref().and_then(|mark| mark.attributes.get("commit"));
        let written = written.or(marked).and_then(|commit| Written::deserialize(commit).ok());
        let commit = written.as_ref().and_then(|written| written.at(None));
        let limit = summary.get("limit").filter(|limit| limit.is_object()).map(|limit| figures(limit, &[]));
        let metrics = figures(&summary, &["version", "limit", "thresholds", "wall", "commit"]);
        Ok(BundleRun {
            path: run.to_owned(),
            commit,
            written,
            date,
            scenario,
            machine,
            limit,
            verdict,
            metrics,
        })
    }

    /// A figure by its name in the summary; those of the ceiling begin with `limit.`.
    pub fn figure(&self, name: &str) -> Option<f64> {
        figure(&self.metrics, self.limit.as_ref(), name)
    }

    /// The names of all its figures.
    pub fn names(&self) -> impl Iterator<Item = String> {
        names(&self.metrics, self.limit.as_ref())
    }

    /// Whether it is the same run: the same directory by another name, or a copy of it.
    pub(crate) fn is(&self, other: &BundleRun) -> bool {
        let whole = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
        whole(&self.path) == whole(&other.path)
            || (self.date, &self.machine, &self.metrics) == (other.date, &other.machine, &other.metrics)
    }

    /// The line, given the commit.
    pub fn line(self, commit: Commit) -> RunLine {
        let BundleRun { date, scenario, machine, limit, verdict, metrics, .. } = self;
        RunLine { commit, date, scenario, machine, limit, verdict, metrics }
    }
}

/// When the first frame was said, in microseconds after 1970, and the mark of the plan.
fn beginning(run: &Path) -> Result<(Option<u64>, Option<Mark>), BundleError> {
    let mut began_us = None;
    let mut recording = Recording::open(run)?;
    for _ in 0..FRAMES_LOOKED_AT_MAX {
        let Some(Ok(placed)) = recording.next() else { break };
        began_us = began_us.or(Some(placed.frame.at().wall_us));
        if let Frame::Mark(mark) = placed.frame
            && mark.name == "plan"
        {
            return Ok((began_us, Some(mark)));
        }
    }
    Ok((began_us, None))
}

/// Every number below `value`, by its dotted name. Arrays are intervals, and no figures.
fn figures(value: &Value, but: &[&str]) -> Figures {
    fn collect(value: &Value, name: &str, into: &mut Figures) {
        match value {
            Value::Object(members) => {
                for (member, value) in members {
                    let name = if name.is_empty() { member.clone() } else { format!("{name}.{member}") };
                    collect(value, &name, into);
                }
            }
            Value::Number(number) => {
                if let Some(number) = number.as_f64().filter(|number| number.is_finite()) {
                    into.0.insert(name.to_owned(), number);
                }
            }
            _ => {}
        }
    }
    let mut into = Figures::default();
    for (name, value) in
        value.as_object().into_iter().flatten().filter(|(name, _)| !but.contains(&name.as_str()))
    {
        collect(value, name, &mut into);
    }
    into
}

#[cfg(test)]
mod tests {
    use std::fs;

    use serde_json::json;
    use telemetry::{Bundle, Stamp};

    use super::*;

    fn bundle(summary: &str, host: &str, attributes: &Value) -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a directory");
        let mut bundle = Bundle::create(folder.path()).expect("a run");
        let attributes = attributes.as_object().cloned().unwrap_or_default().into_iter().collect();
        let at = Stamp { mono_us: 1, wall_us: 1_795_282_318_166_346 };
        let mark = Mark { at, source: "runner".into(), name: "plan".into(), attributes };
        bundle.append(&Frame::Mark(mark)).expect("recorded");
        fs::write(folder.path().join("summary.json"), summary).expect("written");
        fs::write(folder.path().join("host.json"), host).expect("written");
        folder
    }

    const HOST: &str = r#"{"cpu_model":"AMD EPYC","cores_usable":2}"#;

    fn good() -> Value {
        json!({ "version": 1, "scenario": "smoke", "verdict": "fail", "thresholds": [{ "value": 3.0 }],
                "audit": { "lost": 0, "saturated": false }, "wall": { "nearest": { "ratio": 1.0 } },
                "memory": { "x_bytes": 61.5, "x_bytes_ci95": [1.0, 2.0], "y_bytes": null, "ledger": { "z_bytes": 1 } },
                "limit": { "pair_bytes": 8000.5, "ratio": { "connects": 0.5, "deliveries": null }, "note": null } })
    }

    #[test]
    fn a_run_becomes_a_line_of_its_figures() {
        let commit =
            json!({ "id": "3f2a", "branch": "main", "committed_at": "2026-11-21T17:00:00Z", "dirty": false });
        let folder = bundle(&good().to_string(), HOST, &json!({ "commit": commit }));
        let run = BundleRun::open(folder.path()).expect("fit");
        assert_eq!(run.date.to_string(), "2026-11-21T17:31:58Z");
        assert_eq!(run.commit.as_ref().map(|commit| commit.id.as_str()), Some("3f2a"));
        let names: Vec<&str> = run.metrics.0.keys().map(String::as_str).collect();
        assert_eq!(names, ["audit.lost", "memory.ledger.z_bytes", "memory.x_bytes"]);
        let limit = run.limit.as_ref().expect("measured");
        assert_eq!(limit.0.keys().collect::<Vec<_>>(), ["pair_bytes", "ratio.connects"]);
        assert_eq!((run.scenario.as_str(), run.verdict.as_str()), ("smoke", "fail"));

        let mut summary = good();
        summary["commit"] = json!({ "id": "beef", "branch": null, "committed_at": "2026-11-21T17:00:00Z" });
        let folder = bundle(&summary.to_string(), HOST, &json!({ "commit": null }));
        let run = BundleRun::open(folder.path()).expect("fit");
        assert_eq!(run.commit.map(|commit| commit.id).as_deref(), Some("beef"));
        let folder = bundle(&good().to_string(), HOST, &json!({}));
        assert_eq!(BundleRun::open(folder.path()).expect("fit").commit, None);
    }

    #[test]
    fn what_is_not_whole_is_refused() {
        let refused = |summary: &str, host: &str| {
            let folder = bundle(summary, host, &json!({}));
            BundleRun::open(folder.path()).expect_err("unfit").to_string()
        };
        let with = |name: &str, value: Value| {
            let mut summary = good();
            summary[name] = value;
            summary.to_string()
        };
        let good = good().to_string();
        assert!(refused(&good[..good.len() / 2], HOST).contains("summary.json is no JSON: EOF"));
        assert!(
            refused(&with("version", json!(2)), HOST).contains("later version (version 2; this floodmark")
        );
        assert!(refused(&with("version", Value::Null), HOST).contains("no version"));
        assert!(refused("[1]", HOST).contains("no version"));
        assert!(refused(&with("verdict", json!("incomplete")), HOST).contains("incomplete; run it again"));
        assert!(refused(&with("scenario", json!(7)), HOST).contains("names no scenario"));
        assert!(refused(&good, "{}").contains("host.json says nothing"));
        let folder = bundle(&good, HOST, &json!({}));
        fs::remove_file(folder.path().join("summary.json")).expect("removed");
        let error = BundleRun::open(folder.path()).expect_err("unfit").to_string();
        assert!(error.contains("no summary.json (the run did not come to its end"), "{error}");
        assert!(
            BundleRun::open(Path::new("/nowhere")).is_err_and(|e| e.to_string().contains("floodmark run"))
        );
    }
}

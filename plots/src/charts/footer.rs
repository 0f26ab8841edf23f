//! Under each chart: which scenario, which commit, which machine, when.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::Value;

use crate::run::{Commit, clipped};
use crate::{Run, Unit};

/// As many digits of a commit as tell it from others.
const COMMIT_DIGITS: usize = 8;

/// A line; what is not known is left out of it.
pub(super) fn footer(run: &Run) -> String {
    let scenario = run.plan().get("scenario").or_else(|| run.summary()?.get("scenario"));
    let scenario = scenario.and_then(Value::as_str).map(clipped);
    let commit = run.commit().map(|commit| commit_words(&commit));
    let parts = [scenario, commit, run.host().and_then(machine), date(run.began_wall_us())];
    parts.into_iter().flatten().collect::<Vec<_>>().join(" · ")
}

fn commit_words(commit: &Commit) -> String {
    let id: String = commit.id.chars().take(COMMIT_DIGITS).collect();
    let dirty = commit.dirty.then(|| "with uncommitted changes".to_owned());
    let more: Vec<String> = commit.branch.iter().cloned().chain(dirty).collect();
    if more.is_empty() { format!("commit {id}") } else { format!("commit {id} ({})", more.join(", ")) }
}

fn machine(host: &Value) -> Option<String> {
    let cpu = host["cpu_model"].as_str().filter(|model| !model.is_empty()).map(clipped);
    let cores = host["cores_usable"].as_u64().or(host["cores_online"].as_u64());
    let cores = cores.map(|cores| if cores == 1 { "1 core".to_owned() } else { format!("{cores} cores") });
    let memory = host["memory_total_bytes"].as_f64().map(|bytes| Unit::Bytes.write(bytes));
    let kernel = host["kernel_release"].as_str().map(|release| {
        let numbers: Vec<&str> = release.split(['.', '-']).take(2).collect();
        format!("Linux {}", numbers.join("."))
    });
    let parts: Vec<String> = [cpu, cores, memory, kernel].into_iter().flatten().collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

fn date(wall_us: u64) -> Option<String> {
    let at = Timestamp::from_microsecond(i64::try_from(wall_us).ok().filter(|us| *us > 0)?).ok()?;
    Some(at.to_zoned(TimeZone::UTC).strftime("%Y-%m-%d %H:%M UTC").to_string())
}

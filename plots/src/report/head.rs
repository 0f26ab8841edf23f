//! The top of the page: which runs these are, and how they ended.

use std::fmt::Write as _;

use jiff::Timestamp;
use serde_json::Value;

use crate::{Run, Unit};

use super::text::{escaped, grouped, row, theirs};

/// As many digits of a commit as tell it from others.
const COMMIT_DIGITS: usize = 8;

/// How a run ended, as the summary says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Pass,
    Fail,
    Incomplete,
    /// A recording, or a run that was torn off.
    None,
}

impl Verdict {
    pub(super) fn of(run: &Run) -> Self {
        match run.summary().and_then(|summary| summary.get("verdict")).and_then(Value::as_str) {
            Some("pass") => Self::Pass,
            Some("fail") => Self::Fail,
            Some("incomplete") => Self::Incomplete,
            _ => Self::None,
        }
    }

    /// A badge: a word, and a colour that says it again.
    fn badge(self) -> &'static str {
        match self {
            Self::Pass => "<span class=\"badge pass\">PASS</span>",
            Self::Fail => "<span class=\"badge fail\">FAIL</span>",
            Self::Incomplete => "<span class=\"badge incomplete\">INCOMPLETE</span>",
            Self::None => "<span class=\"badge none\">no verdict</span>",
        }
    }
}

/// The scenario's name, or what the run is called without one.
pub(super) fn scenario(run: &Run) -> &str {
    let named = run.summary().and_then(|summary| summary.get("scenario")).and_then(Value::as_str);
    named.filter(|name| !name.is_empty()).unwrap_or_else(|| run.label())
}

/// The page's title.
pub(super) fn title(runs: &[Run]) -> String {
    match runs {
        [] => "No run".to_owned(),
        [run] => scenario(run).to_owned(),
        [first, rest @ ..] if rest.iter().all(|run| scenario(run) == scenario(first)) => {
            format!("{}: {} runs", scenario(first), runs.len())
        }
        _ => format!("{} runs", runs.len()),
    }
}

/// Verdict and circumstances: a line for one run, a table for several.
pub(super) fn head(runs: &[Run]) -> String {
    match runs {
        [run] => single(run),
        _ => several(runs),
    }
}

fn single(run: &Run) -> String {
    let mut out = format!(
        "<p class=\"verdict\">{} {}</p>\n<ul class=\"facts\">",
        Verdict::of(run).badge(),
        reason(run)
    );
    for (name, fact) in facts(run) {
        let _ = write!(out, "<li><span>{name}</span> {fact}</li>");
    }
    out + "</ul>\n"
}

fn several(runs: &[Run]) -> String {
    let mut out = "<div class=\"scroll\"><table class=\"runs\"><thead><tr><th scope=\"col\">Run</th>\
        <th scope=\"col\">Verdict</th><th scope=\"col\">Circumstances</th></tr></thead><tbody>\n"
        .to_owned();
    for run in runs {
        let facts: Vec<String> = facts(run).into_iter().map(|(_, fact)| fact).collect();
        let heading =
            format!("{}<br><span class=\"quiet\">{}</span>", theirs(run.label()), theirs(scenario(run)));
        let verdict = format!("{}<br><span class=\"quiet\">{}</span>", Verdict::of(run).badge(), reason(run));
        out += &row("", &heading, &[verdict, facts.join("<br>")]);
    }
    out + "</tbody></table></div>\n"
}

/// Why the verdict is what it is.
fn reason(run: &Run) -> String {
    let Some(summary) = run.summary() else {
        return "Nothing was judged.".to_owned();
    };
    if let Some(reason) = summary.get("reason").and_then(Value::as_str) {
        return escaped(reason);
    }
    let outcomes = summary.get("thresholds").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let broken =
        outcomes.iter().filter(|outcome| outcome.get("ok").and_then(Value::as_bool) != Some(true)).count();
    match (outcomes.len(), broken) {
        (0, _) => "No thresholds were set.".to_owned(),
        (1, 0) => "The one threshold holds.".to_owned(),
        (all, 0) => format!("All {all} thresholds hold."),
        (1, _) => "The one threshold does not hold.".to_owned(),
        (all, 1) => format!("1 of {all} thresholds does not hold."),
        (all, broken) => format!("{broken} of {all} thresholds do not hold."),
    }
}

/// Date, duration, commit, machine: what is known of them. A recording without a frame has neither date nor length.
fn facts(run: &Run) -> Vec<(&'static str, String)> {
    let mut facts = Vec::new();
    if let Some(date) = date(run.began_wall_us()) {
        facts.push(("Began", date));
        facts.push(("Length", Unit::Seconds.write(run.length_s())));
    }
    if let Some(commit) = run.commit() {
        let mut words = format!("<code>{}</code>", escaped(short(&commit.id)));
        if let Some(branch) = &commit.branch {
            let _ = write!(words, " on {}", theirs(branch));
        }
        if commit.dirty {
            words += ", with uncommitted changes";
        }
        facts.push(("Commit", words));
    }
    if let Some(machine) = run.host().and_then(machine) {
        facts.push(("Machine", machine));
    }
    facts
}

/// As many digits as under the charts.
fn short(id: &str) -> &str {
    id.char_indices().nth(COMMIT_DIGITS).map_or(id, |(end, _)| &id[..end])
}

/// In UTC, so that a page says the same wherever it was made; `None` where no frame has said it.
fn date(wall_us: u64) -> Option<String> {
    let us = i64::try_from(wall_us).ok().filter(|us| *us > 0)?;
    let time = Timestamp::from_microsecond(us).ok()?;
    Some(time.strftime("%-d %B %Y, %H:%M UTC").to_string())
}

/// `AMD EPYC, 2 cores, 23.5 GiB, Linux 6.18.44`.
fn machine(host: &Value) -> Option<String> {
    let text = |key: &str| host.get(key).and_then(Value::as_str).map(theirs);
    let number = |key: &str| host.get(key).and_then(Value::as_f64);
    let cores = |cores: f64| format!("{} {}", grouped(cores), if cores == 1.0 { "core" } else { "cores" });
    let parts: Vec<String> = [
        text("cpu_model"),
        // What a container may not use is not the run's.
        number("cores_usable").or(number("cores_online")).map(cores),
        number("memory_total_bytes").map(|bytes| Unit::Bytes.write(bytes)),
        text("kernel_release").map(|release| format!("Linux {release}")),
    ]
    .into_iter()
    .flatten()
    .collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn circumstances_are_told_in_words() {
        assert_eq!(date(1_795_284_000_000_000).as_deref(), Some("21 November 2026, 18:00 UTC"));
        assert_eq!([date(0), date(u64::MAX)], [None, None], "it was 1 January 1970 once");
        assert_eq!((short("0123456789abcdef"), short("ä")), ("01234567", "ä"));
        let host =
            json!({ "cpu_model": "<AMD>", "cores_online": 1, "memory_total_bytes": 1_073_741_824_u64 });
        assert_eq!(machine(&host).as_deref(), Some("<bdi>&lt;AMD&gt;</bdi>, 1 core, 1.00 GiB"));
        let within = json!({ "cores_usable": 2, "cores_online": 64 });
        assert_eq!(machine(&within).as_deref(), Some("2 cores"), "as under the charts");
        assert_eq!(machine(&json!({ "cores_online": "two" })), None);
    }
}

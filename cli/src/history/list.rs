//! `floodmark history list`: what is in the file.

use std::io::{self, Write};

use history::show::words;
use history::{History, Line, Rule, RunLine};

use crate::exit::{Code, Ended};
use crate::history::flags::ListFlags;
use crate::history::outputs::{print, say};
use crate::history::refs;

pub(crate) fn main(flags: &ListFlags) -> Ended {
    let history = refs::read(&flags.whence.file)?;
    if flags.json {
        return lines(history);
    }
    if flags.metrics {
        return metrics(&history);
    }
    let width = |of: fn(&RunLine) -> usize| history.runs.iter().map(of).max().unwrap_or(0);
    let branch = |run: &RunLine| run.commit.branch.clone().unwrap_or_else(|| "–".into());
    let names = width(|run| run.commit.short().chars().count()).max(6);
    let branches = history.runs.iter().map(|run| branch(run).chars().count()).max().unwrap_or(0).max(6);
    let scenarios = width(|run| run.scenario.chars().count()).max(8);
    if !history.runs.is_empty() {
        print(&format!(
            "{:<20}  {:<names$}  {:<branches$}  {:<scenarios$}  {:<8}  verdict",
            "committed", "commit", "branch", "scenario", "machine"
        ))?;
    }
    for run in &history.runs {
        print(&format!(
            "{:<20}  {:<names$}  {:<branches$}  {:<scenarios$}  {:<8}  {}",
            run.commit.committed_at.to_string(),
            run.commit.short(),
            branch(run),
            run.scenario,
            run.machine.short(),
            run.verdict
        ))?;
    }
    for accepted in &history.accepted {
        let commit = history::short(&accepted.commit);
        print(&format!("accepted: {} at {commit}: {}", accepted.metric, accepted.reason))?;
    }
    for machine in history.machines() {
        print(&format!("machine {}", machine.words()))?;
    }
    if history.repeated > 0 {
        let (lines, are) = match history.repeated {
            1 => ("line", "is"),
            _ => ("lines", "are"),
        };
        say(&format!("{} {lines} {are} in the file more than once, and count once", history.repeated));
    }
    Ok(Code::Fine)
}

/// Every line once, in order: two files after another become one.
fn lines(history: History) -> Ended {
    let mut out = io::BufWriter::new(io::stdout().lock());
    let runs = history.runs.into_iter().map(|run| Line::Run(Box::new(run)));
    for line in runs.chain(history.accepted.into_iter().map(Line::Accepted)) {
        writeln!(out, "{}", line.to_json())?;
    }
    out.flush()?;
    Ok(Code::Fine)
}

fn metrics(history: &History) -> Ended {
    let names = history.metrics();
    let width = names.iter().map(|name| name.chars().count()).max().unwrap_or(0);
    for name in &names {
        let runs = history.runs.iter().filter(|run| run.figure(name).is_some()).count();
        let rule = Rule::of(name, false);
        let ceiling = rule
            .ceiling
            .map_or(String::new(), |ceiling| format!(", across machines by {}", ceiling.figure()));
        let better = match rule.direction {
            history::Direction::Neither => "never fails".to_owned(),
            direction => {
                format!(
                    "{} is better; a change of {} is told",
                    direction.name(),
                    words::least(&rule.effect, &rule)
                )
            }
        };
        print(&format!("{name:<width$}  {runs:>5} runs  {better}{ceiling}"))?;
    }
    Ok(Code::Fine)
}

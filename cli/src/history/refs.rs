//! From names that a user writes to what is in the file: commits, scenarios, machines, metrics.

use std::path::Path;

use history::metrics::{self, nearest};
use history::{Base, Choice, Commit, History, Rule};
use runner::summary_keys::SUMMARY_KEYS;

use crate::exit::Exit;
use crate::history::flags::Metrics;
use crate::history::git;
use crate::history::outputs::say;

/// A shorter beginning of a commit's name could be anything.
const PREFIX_CHARS_MIN: usize = 4;

/// Reads the file, and says what in it is not whole.
pub(crate) fn read(path: &Path) -> Result<History, Exit> {
    let history = History::read(path).map_err(Exit::wrong_input)?;
    for number in &history.torn {
        say(&format!(
            "warning: {}:{number}: breaks off in the middle and is passed over (add its run again)",
            path.display()
        ));
    }
    Ok(history)
}

/// The commit of that name: in the file, by its beginning, or else in git.
pub(crate) fn commit(history: &History, path: &Path, name: &str) -> Result<Commit, Exit> {
    let commits = history.commits();
    if let Some(same) = commits.iter().find(|commit| commit.id == name) {
        return Ok((*same).clone());
    }
    // Other names than hashes are not abbreviated: v1.3.0 is no v1.3.0-rc1.
    let begins = |commit: &&&Commit| {
        let hash = name.bytes().all(|b| b.is_ascii_hexdigit());
        hash && name.len() >= PREFIX_CHARS_MIN && commit.id.starts_with(name)
    };
    match commits.iter().filter(begins).collect::<Vec<_>>()[..] {
        [only] => return Ok((*only).clone()),
        [] => {}
        ref several => {
            let names: Vec<&str> = several.iter().map(|commit| commit.id.as_str()).collect();
            let names = names.join(", ");
            return Err(Exit::wrong_input(format!("'{name}' could be several commits: {names}")));
        }
    }
    let known = git::commit(name);
    // What the file says of a commit's time is what orders its lines.
    let in_file = known.as_ref().and_then(|known| commits.iter().find(|commit| commit.id == known.id));
    in_file.map(|commit| (*commit).clone()).or(known).ok_or_else(|| {
        Exit::wrong_input(format!(
            "no commit '{name}' in '{}', and git does not know it here ('floodmark history list' shows the commits)",
            path.display()
        ))
    })
}

/// The base of that name.
pub(crate) fn base(history: &History, path: &Path, name: Option<&str>) -> Result<Option<Base>, Exit> {
    let Some(name) = name else { return Ok(None) };
    let Commit { id, committed_at, .. } = commit(history, path, name)?;
    Ok(Some(Base { name: name.to_owned(), id, committed_at }))
}

/// Fails unless the scenario has runs.
pub(crate) fn scenario(history: &History, name: Option<&str>) -> Result<(), Exit> {
    let Some(name) = name else { return Ok(()) };
    let known: Vec<String> = history.scenarios().into_iter().map(str::to_owned).collect();
    if known.is_empty() || known.iter().any(|known| known == name) {
        return Ok(());
    }
    let near = nearest(name, &known);
    let names = if near.is_empty() { &known } else { &near };
    Err(Exit::wrong_input(format!("no runs of scenario '{name}'; there are runs of {}", names.join(", "))))
}

/// Whose runs: `any`, or the beginning of a fingerprint.
pub(crate) fn machine(history: &History, name: Option<&str>) -> Result<Choice, Exit> {
    let Some(name) = name else { return Ok(Choice::Newest) };
    if name == "any" {
        return Ok(Choice::Any);
    }
    let machines = history.machines();
    let of: Vec<_> = machines.iter().filter(|machine| machine.fingerprint.starts_with(name)).collect();
    match of[..] {
        [only] if !name.is_empty() => Ok(Choice::Fingerprint(only.fingerprint.clone())),
        _ => {
            let all: Vec<String> =
                machines.iter().map(|machine| format!("\n  {}", machine.words())).collect();
            let what = if of.len() > 1 { "several machines are" } else { "no machine is" };
            Err(Exit::wrong_input(format!("{what} '{name}'; there are runs on{}", all.concat())))
        }
    }
}

/// The rules of the metrics that were asked for, or else of `defaults`. `measured` are those that there are besides the documented ones.
pub(crate) fn rules(flags: &Metrics, measured: Vec<String>, defaults: &[&str]) -> Result<Vec<Rule>, Exit> {
    let mut known = measured;
    known.extend(SUMMARY_KEYS.iter().map(|key| key.name.to_owned()));
    known.sort();
    known.dedup();
    let mut rules = metrics::rules(&flags.metric, &known, defaults).map_err(Exit::wrong_input)?;
    let least: Vec<_> = flags.min_effect.iter().map(|effect| effect.0.clone()).collect();
    metrics::set_effects(&mut rules, &least).map_err(Exit::wrong_input)?;
    Ok(rules)
}

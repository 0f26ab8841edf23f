//! `floodmark history add`: a line for each run. All runs are looked at before the first line is written.

use std::io::IsTerminal;

use history::file::{FileError, LINES_MAX};
use history::{BundleRun, Commit, History, Line, RunLine, append};

use crate::exit::{Code, Ended, Exit};
use crate::history::flags::AddFlags;
use crate::history::outputs::{print, say};
use crate::history::{git, refs};

pub(crate) fn main(flags: &AddFlags) -> Ended {
    let path = &flags.whence.file;
    let history = match History::read(path) {
        Err(FileError::Missing { .. }) => History::default(),
        // What cannot be read is not written to.
        Err(error) => return Err(Exit::wrong_input(error)),
        Ok(_) => refs::read(path)?,
    };
    let given = flags.commit.as_deref().map(|name| given(name, flags)).transpose()?;
    let mut lines: Vec<(String, RunLine)> = Vec::new();
    for run in &flags.runs {
        let run = BundleRun::open(run).map_err(Exit::wrong_input)?;
        let name = run.path.display().to_string();
        let commit = commit(&run, given.as_ref(), flags)?;
        lines.push((name, run.line(commit)));
    }
    if history.lines() + lines.len() > LINES_MAX {
        let most = FileError::TooManyLines { path: path.clone() };
        return Err(Exit::wrong_input(most));
    }
    let mut seen = history;
    for (name, line) in lines {
        let what = format!("{} {} of {}", line.scenario, line.commit.short(), line.date);
        if seen.has(&line) {
            print(&format!("in the history already: {name} ({what})"))?;
            continue;
        }
        if line.commit.dirty {
            say(&format!(
                "warning: '{name}' was built from a tree with changes that commit {} does not have",
                line.commit.short()
            ));
        }
        append(path, &Line::Run(Box::new(line.clone()))).map_err(broke)?;
        print(&format!("added {name} ({what}, {} figures) to {}", line.metrics.0.len(), path.display()))?;
        seen.runs.push(line);
    }
    if seen.runs.len() == 1 && std::io::stderr().is_terminal() {
        say(
            "hint: 'bench-history.jsonl merge=union' in .gitattributes lets branches merge without conflicts",
        );
    }
    Ok(Code::Fine)
}

fn broke(error: FileError) -> Exit {
    match error {
        FileError::Io { action: "open", .. } => Exit::wrong_input(error),
        _ => Exit::broke(error),
    }
}

/// The commit that the flags name.
fn given(name: &str, flags: &AddFlags) -> Result<Commit, Exit> {
    let known = git::commit(name);
    if known.is_none() && (name == "@" || name.starts_with("HEAD")) {
        // Taken for a name, it would make one commit of all that were ever at the head.
        return Err(Exit::wrong_input(format!(
            "there is no repository here that knows '{name}': give the commit's own name, and its time (--date)"
        )));
    }
    let id = known.as_ref().map_or(name, |known| known.id.as_str()).to_owned();
    let committed_at = flags.date.or(known.map(|known| known.committed_at)).ok_or_else(|| {
        Exit::wrong_input(format!(
            "git does not know commit '{name}' here: give its time as well (--date 2026-11-21T16:51:14Z)"
        ))
    })?;
    let commit = Commit { id, branch: flags.branch.clone(), committed_at, dirty: false };
    commit.fault().map_or(Ok(commit), |fault| Err(Exit::wrong_input(fault)))
}

/// The run's commit: as the flags say, or else as the run does.
fn commit(run: &BundleRun, given: Option<&Commit>, flags: &AddFlags) -> Result<Commit, Exit> {
    let path = run.path.display();
    let own = run.written.as_ref();
    let mut commit = match (given, own) {
        (Some(given), _) => given.clone(),
        (None, Some(own)) => {
            // Its time is what the run says, or the flag, or git.
            let time = || flags.date.or_else(|| git::commit(&own.id).map(|known| known.committed_at));
            own.at(None).or_else(|| own.at(time())).ok_or_else(|| {
                Exit::wrong_input(format!(
                    "run '{path}' is of commit '{}' and does not say when that was made: give its time (--date)",
                    own.id
                ))
            })?
        }
        (None, None) => {
            return Err(Exit::wrong_input(format!(
                "run '{path}' does not say of which commit it is: give --commit (such as HEAD, or any name with --date)"
            )));
        }
    };
    if let Some(own) = own.filter(|own| own.id == commit.id) {
        commit.dirty = own.dirty;
        commit.branch = commit.branch.or_else(|| own.branch.clone());
    }
    commit.branch = flags.branch.clone().or(commit.branch);
    commit.committed_at = flags.date.unwrap_or(commit.committed_at);
    commit.fault().map_or(Ok(commit), |fault| Err(Exit::wrong_input(fault)))
}

//! Writing the settings that mend a report's walls, and saying how to take them back.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::Serialize;
use thiserror::Error;

use crate::files::Files;
use crate::report::Report;
use crate::row::{Mend, Row, Setting, State, sysctl};

/// What was done.
#[derive(Debug, Default, Serialize)]
pub struct Applied {
    /// Settings that were changed, in this order.
    pub changes: Vec<Change>,
    /// Settings that could not be changed.
    #[serde(skip)]
    pub failures: Vec<Failure>,
}

/// A setting that was changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    /// Its file, as the kernel names it.
    pub path: PathBuf,
    /// What stood in it.
    pub before: String,
    /// What stands in it.
    pub after: String,
    /// The command that takes it back.
    pub undo: String,
}

/// Why a setting was not changed.
#[derive(Debug, Error)]
#[error("could not write '{value}' to {}: {why}", path.display())]
pub struct Failure {
    /// Its file, as the kernel names it.
    pub path: PathBuf,
    /// What should stand in it.
    pub value: String,
    /// What the system said.
    pub why: io::Error,
}

/// What [`apply`] would write: the settings of rows that are walls. Each file once. What is merely tight may be so for a
/// minute only (ports in TIME_WAIT), and a setting is for the whole machine.
pub fn to_apply(report: &Report) -> Vec<&Mend> {
    let mut seen = BTreeSet::new();
    let rows = report.rows.iter().filter(|row| row.state == State::Wall);
    let mends = rows.filter_map(|Row { mend, .. }| mend.as_ref());
    mends.filter(|mend| mend.setting.as_ref().is_some_and(|setting| seen.insert(&setting.path))).collect()
}

/// Writes them under `root`, reads each back, and goes on when one fails.
pub fn apply(report: &Report, root: &Path) -> Applied {
    let mut applied = Applied::default();
    for setting in to_apply(report).into_iter().filter_map(|mend| mend.setting.as_ref()) {
        match write(setting, Files { root }) {
            Ok(change) => applied.changes.push(change),
            Err(why) => {
                let Setting { path, value } = setting.clone();
                applied.failures.push(Failure { path, value, why });
            }
        }
    }
    applied
}

fn write(setting: &Setting, files: Files) -> io::Result<Change> {
    let file = files.path(&setting.path);
    let before = words(&fs::read_to_string(&file)?);
    fs::write(&file, format!("{}\n", setting.value))?;
    let after = words(&fs::read_to_string(&file)?);
    if after != setting.value {
        // A value that nobody asked for does not stay.
        fs::write(&file, format!("{before}\n"))?;
        return Err(io::Error::other(format!("the kernel made it '{after}'")));
    }
    let undo = sysctl(&name(&setting.path), &before);
    Ok(Change { path: setting.path.clone(), before, after, undo })
}

/// The kernel writes tabs between numbers.
fn words(text: &str) -> String {
    text.split_ascii_whitespace().collect::<Vec<_>>().join(" ")
}

/// `/proc/sys/fs/file-max` as `fs.file-max`
fn name(path: &Path) -> String {
    let name = path.strip_prefix("/proc/sys").unwrap_or(path).to_string_lossy();
    name.trim_matches('/').replace('/', ".")
}

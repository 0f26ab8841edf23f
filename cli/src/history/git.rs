//! What git knows of a commit, where there is a git and a repository. History does without both.

use std::process::{Command, Stdio};

use history::{Commit, Moment};

/// The commit of that name (`HEAD`, `v1.4.0`, `3f2a1b9`) in the repository around the current directory; `None` where there is no
/// git, no repository or no such commit.
pub(crate) fn commit(name: &str) -> Option<Commit> {
    // Behind this, a name that begins with a dash is no option.
    let id = said(&["rev-parse", "--verify", "--quiet", "--end-of-options", &format!("{name}^{{commit}}")])?;
    let committed_at: Moment = said(&["show", "--no-patch", "--format=%cI", &id])?.parse().ok()?;
    Some(Commit { id, branch: None, committed_at, dirty: false })
}

/// The first line that git says.
fn said(arguments: &[&str]) -> Option<String> {
    let output =
        Command::new("git").args(arguments).stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    let text = String::from_utf8(output.stdout).ok().filter(|_| output.status.success())?;
    text.lines().next().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned)
}

//! Which commit a run stands for: that of the repository in which it was started, so that results can be told apart later
//! and put in order. Whether the server was built from it, nobody can tell from here: start a run where its server was
//! built, or say the commit with `run --commit`.
//!
//! Git is asked first. What it cannot say is taken from the variables that GitHub Actions and GitLab CI set: there, the
//! commit is often checked out without a branch. Where neither knows, a run has no commit, and that is no error.

use std::io::Read;
use std::process::{Command, Stdio};
use std::sync::mpsc::channel;
use std::time::Duration;

use serde::Serialize;

/// How long git may take; then the run has no commit. A repository on a dead network drive should not hold up a run.
const GIT_PATIENCE: Duration = Duration::from_secs(5);

/// The most that is read of git's answer. Ours are a line.
const ANSWER_BYTES_MAX: u64 = 4_096;

/// The variables by which a CI says which commit is checked out.
pub const COMMIT_VARIABLES: [&str; 2] = ["GITHUB_SHA", "CI_COMMIT_SHA"];

/// A commit.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Commit {
    /// Its hash, in full.
    pub id: String,
    /// The branch it was built from, where that is known.
    pub branch: Option<String>,
    /// When it was committed: RFC 3339.
    pub committed_at: Option<String>,
    /// Whether tracked files differed from it.
    pub dirty: Option<bool>,
}

impl Commit {
    /// The commit of the directory in which this process runs.
    pub fn here() -> Option<Commit> {
        let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.trim().is_empty());
        Self::found(&git, &variable)
    }

    /// What git takes `reference` for: a branch, a tag, the beginning of a hash.
    pub fn named(reference: &str) -> Option<Commit> {
        // A reference that begins with a dash would be an option; `--end-of-options` is newer than some gits.
        if reference.starts_with('-') {
            return None;
        }
        shown(&git, &format!("{reference}^{{commit}}"))
    }

    fn found(
        git: &dyn Fn(&[&str]) -> Option<String>,
        variable: &dyn Fn(&str) -> Option<String>,
    ) -> Option<Commit> {
        let first = |names: &[&str]| names.iter().find_map(|name| variable(name));
        let mut commit = match shown(git, "HEAD") {
            Some(commit) => Commit {
                dirty: git(&["status", "--porcelain", "--untracked-files=no"]).map(|files| !files.is_empty()),
                branch: git(&["symbolic-ref", "--short", "--quiet", "HEAD"]),
                ..commit
            },
            None => Commit {
                id: first(&COMMIT_VARIABLES)?,
                committed_at: first(&["CI_COMMIT_TIMESTAMP"]),
                ..Commit::default()
            },
        };
        if commit.branch.is_none() {
            commit.branch = first(&[
                "GITHUB_HEAD_REF",
                "GITHUB_REF_NAME",
                "CI_MERGE_REQUEST_SOURCE_BRANCH_NAME",
                "CI_COMMIT_REF_NAME",
            ]);
        }
        Some(commit)
    }
}

fn shown(git: &dyn Fn(&[&str]) -> Option<String>, reference: &str) -> Option<Commit> {
    // A configuration may want signatures shown, which come before the format.
    let answer = git(&["show", "--no-patch", "--no-show-signature", "--format=%H %cI", reference])?;
    let (id, committed_at) = answer.lines().last()?.split_once(' ')?;
    let is_hash = id.len() >= 40 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_hash.then(|| Commit { id: id.into(), committed_at: Some(committed_at.into()), ..Commit::default() })
}

/// Git's answer, without the newline behind it; `None` when there is no git, no repository, or no answer in time.
fn git(arguments: &[&str]) -> Option<String> {
    let mut child = Command::new("git")
        // Looking must not lock the index under the user's own git.
        .env("GIT_OPTIONAL_LOCKS", "0")
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    let stdout = child.stdout.take()?;
    let (tell, told) = channel();
    std::thread::spawn(move || {
        let mut answer = String::new();
        let read = stdout.take(ANSWER_BYTES_MAX).read_to_string(&mut answer);
        let _ = tell.send(read.ok().map(|_| answer));
    });
    let answer = told.recv_timeout(GIT_PATIENCE);
    if answer.is_err() {
        let _ = child.kill();
    }
    let ended = child.wait().ok()?;
    // A long list of changed files is cut off, and git ends by a broken pipe: it has said enough.
    let answer = answer.ok()??;
    (ended.success() || answer.len() as u64 == ANSWER_BYTES_MAX).then(|| answer.trim_end().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASH: &str = "0a1b2c3d4e5f60718293a4b5c6d7e8f901234567";

    fn repository(arguments: &[&str]) -> Option<String> {
        match arguments[0] {
            "show" => Some(format!("No signature\n{HASH} 2026-11-21T18:17:00+01:00")),
            "status" => Some(String::new()),
            _ => None,
        }
    }

    #[test]
    fn git_says_what_it_knows_and_the_ci_the_branch_of_what_is_checked_out_without_one() {
        let variable = |name: &str| (name == "CI_COMMIT_REF_NAME").then(|| "feature".to_owned());
        let commit = Commit::found(&repository, &variable).expect("a commit");
        assert_eq!(
            commit,
            Commit {
                id: HASH.into(),
                branch: Some("feature".into()),
                committed_at: Some("2026-11-21T18:17:00+01:00".into()),
                dirty: Some(false)
            }
        );
    }

    #[test]
    fn without_git_the_ci_knows_the_commit_and_without_both_nobody() {
        let variable = |name: &str| (name == "GITHUB_SHA").then(|| "ff00".to_owned());
        let commit = Commit::found(&|_| None, &variable).expect("a commit");
        assert_eq!((commit.id.as_str(), commit.dirty), ("ff00", None), "whether it was changed nobody knows");
        assert_eq!(Commit::found(&|_| None, &|_| None), None);
    }

    #[test]
    fn what_is_no_hash_is_no_commit() {
        let talk = |_: &[&str]| Some("Good signature".to_owned());
        assert_eq!(Commit::found(&talk, &|_| None), None);
    }

    #[test]
    fn an_option_is_no_reference() {
        assert_eq!(Commit::named("--help"), None);
    }
}

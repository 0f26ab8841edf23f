//! What git knows of a commit, where there is a git and a repository. History does without both.

use history::Commit;

/// The commit of that name (`HEAD`, `v1.4.0`, `3f2a1b9`) in the repository around the current directory; `None` where there is no
/// git, no repository or no such commit.
pub(crate) fn commit(name: &str) -> Option<Commit> {
    let known = runner::Commit::named(name)?;
    let committed_at = known.committed_at?.parse().ok()?;
    Some(Commit { id: known.id, branch: None, committed_at, dirty: false })
}

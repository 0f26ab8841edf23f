//! The file: lines that are only appended, read whole.
//!
//! Each line is exactly one `write` to a file opened with O_APPEND, so that a kill tears at most the line being written,
//! and two that append at once do not mix. Whoever appends to a torn file ends the torn line first, in the same write; the
//! torn line stays, and readers count it. Nothing else is ever passed over: a line that is not ours is an error that
//! names it, because a gate that silently judged half a file would be no gate.
//!
//! Order in the file means nothing: two branches' files are merged by keeping all lines of both, a line that is in
//! both counts once, and runs are ordered by their commits' time, then by when they ran.

use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::fs::File;
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

use telemetry::lines::{Line as Bytes, LineReader, whole_bytes};

use crate::line::{Acceptance, Line, LineError, RunLine};
use crate::{Commit, Machine};

/// The file's name unless another is given.
pub const FILE_DEFAULT: &str = "bench-history.jsonl";

/// The longest line, newline not counted; a run's has some 5 KB. A longer one is an error: it is not ours.
pub const LINE_BYTES_MAX: usize = 256 * 1024;

/// The most lines of a file: 20,000 are 100 MB, ten runs a day for five years. A longer file is neither read nor
/// appended to; the error says to move its older half away.
pub const LINES_MAX: usize = 20_000;

/// Everything that a file says.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct History {
    /// Runs, in the order of their commits' time, then of their own; each once.
    pub runs: Vec<RunLine>,
    /// Changes that are known and wanted.
    pub accepted: Vec<Acceptance>,
    /// Lines that were in the file more than once.
    pub repeated: usize,
    /// The numbers of lines that break off: their writer was killed.
    pub torn: Vec<usize>,
}

/// Why a file could not be read or appended to.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// There is none.
    #[error("could not open '{}': no such file (begin one with 'floodmark history add RUN --file {}')", path.display(), path.display())]
    Missing {
        /// Where.
        path: PathBuf,
    },
    /// A line is not ours.
    #[error("{}:{number}: {source}", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// Counted from 1.
        number: usize,
        /// What is wrong.
        source: LineError,
    },
    /// Two lines say different things of one run.
    #[error("{}:{number}: the same run as in line {first}, with other figures (keep the line that is right)", path.display())]
    Contradiction {
        /// The file.
        path: PathBuf,
        /// Counted from 1.
        number: usize,
        /// The line before.
        first: usize,
    },
    /// It is a folder or a device.
    #[error("could not open '{}': not a regular file (choose another with --file)", path.display())]
    NotAFile {
        /// What.
        path: PathBuf,
    },
    /// A line is longer than ours are.
    #[error("{}:{number}: {bytes} bytes long; lines of a history have {LINE_BYTES_MAX} at most", path.display())]
    LineTooLong {
        /// The file.
        path: PathBuf,
        /// Counted from 1.
        number: usize,
        /// How long.
        bytes: u64,
    },
    /// There are too many of them.
    #[error("{}: more than {LINES_MAX} lines (move the older half to another file)", path.display())]
    TooManyLines {
        /// The file.
        path: PathBuf,
    },
    /// The system took only a part of a line.
    #[error("could not write a line whole to '{}': {written} of {bytes} bytes went in (is the disk full?)", path.display())]
    ShortWrite {
        /// The file.
        path: PathBuf,
        /// What went in.
        written: usize,
        /// What should have gone in.
        bytes: usize,
    },
    /// The file system refused.
    #[error("could not {action} '{}': {source}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// What it said.
        source: io::Error,
    },
}

impl History {
    /// Reads the file.
    ///
    /// # Errors
    /// [`FileError`]: there is none, or a line of it is not ours.
    pub fn read(path: &Path) -> Result<History, FileError> {
        // A device may have no end.
        if let Ok(metadata) = path.metadata()
            && !metadata.is_file()
            && !metadata.file_type().is_fifo()
        {
            return Err(FileError::NotAFile { path: path.to_owned() });
        }
        match File::open(path) {
            Ok(file) => History::parse(file, path),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                Err(FileError::Missing { path: path.to_owned() })
            }
            Err(source) => Err(FileError::Io { action: "open", path: path.to_owned(), source }),
        }
    }

    /// Reads lines from anywhere; `path` is what errors call it.
    ///
    /// # Errors
    /// As for [`read`](Self::read).
    pub fn parse(input: impl Read, path: &Path) -> Result<History, FileError> {
        let mut history = History::default();
        let mut reader = LineReader::new(input, LINE_BYTES_MAX);
        let (mut number, mut lines) = (0, 0);
        let mut runs: HashMap<_, (usize, usize)> = HashMap::new();
        loop {
            let path = || path.to_owned();
            let line = reader.next_line().map_err(|source| FileError::Io {
                action: "read",
                path: path(),
                source,
            })?;
            number += 1;
            let bytes = match line {
                None => break,
                Some(Bytes::Whole(bytes) | Bytes::Torn(bytes)) => bytes.trim_ascii(),
                Some(Bytes::TooLong { bytes, .. }) => {
                    return Err(FileError::LineTooLong { path: path(), number, bytes });
                }
            };
            if bytes.is_empty() {
                continue;
            }
            lines += 1;
            if lines > LINES_MAX {
                return Err(FileError::TooManyLines { path: path() });
            }
            match Line::parse(bytes) {
                Ok(Line::Run(run)) => {
                    let (commit, scenario, date, machine) = run.identity();
                    let identity = (commit.to_owned(), scenario.to_owned(), date, machine.to_owned());
                    match runs.entry(identity) {
                        Entry::Vacant(vacant) => {
                            vacant.insert((history.runs.len(), number));
                            history.runs.push(*run);
                        }
                        Entry::Occupied(known) => {
                            let (place, first) = *known.get();
                            let known = &mut history.runs[place];
                            if !known.says_the_same(&run) {
                                return Err(FileError::Contradiction { path: path(), number, first });
                            }
                            // A run that two branches added is of either; of which must not depend on the order.
                            if (&run.commit.branch, run.commit.dirty)
                                < (&known.commit.branch, known.commit.dirty)
                            {
                                known.commit = run.commit;
                            }
                            history.repeated += 1;
                        }
                    }
                }
                Ok(Line::Accepted(accepted)) if history.accepted.contains(&accepted) => history.repeated += 1,
                Ok(Line::Accepted(accepted)) => history.accepted.push(accepted),
                Err(LineError::CutShort) => history.torn.push(number),
                Err(source) => return Err(FileError::Line { path: path(), number, source }),
            }
        }
        history.runs.sort_by(|a, b| order(a).cmp(&order(b)));
        history.accepted.sort_by(|a, b| (a.date, &a.commit, &a.reason).cmp(&(b.date, &b.commit, &b.reason)));
        Ok(history)
    }

    /// Whether that run is in it already.
    pub fn has(&self, run: &RunLine) -> bool {
        self.runs.iter().any(|other| other.identity() == run.identity())
    }

    /// How many lines it was read from.
    pub fn lines(&self) -> usize {
        self.runs.len() + self.accepted.len() + self.repeated + self.torn.len()
    }

    /// The commits that have runs, in the order of their time.
    pub fn commits(&self) -> Vec<&Commit> {
        let mut seen = HashSet::new();
        self.runs.iter().map(|run| &run.commit).filter(|commit| seen.insert(commit.id.as_str())).collect()
    }

    /// The machines that have runs, in the order of their first.
    pub fn machines(&self) -> Vec<&Machine> {
        let mut seen = HashSet::new();
        self.runs.iter().map(|run| &run.machine).filter(|it| seen.insert(it.fingerprint.as_str())).collect()
    }

    /// The names of all figures of all runs, in their order.
    pub fn metrics(&self) -> Vec<String> {
        // Runs of one scenario have the same names: each is looked up before it is made.
        let (mut plain, mut limit): (BTreeSet<&str>, BTreeSet<&str>) = Default::default();
        for run in &self.runs {
            plain.extend(run.metrics.0.keys().map(String::as_str));
            limit.extend(run.limit.iter().flat_map(|limit| limit.0.keys()).map(String::as_str));
        }
        let names = plain.into_iter().map(str::to_owned);
        names
            .chain(limit.into_iter().map(|name| format!("limit.{name}")))
            .collect::<BTreeSet<_>>()
            .into_iter()
            .collect()
    }

    /// The scenarios that have runs, in the order of their names.
    pub fn scenarios(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.runs.iter().map(|run| run.scenario.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        names
    }
}

/// Appends a line, in one write. The file is made if it is not there.
///
/// # Errors
/// [`FileError`] when the file system refuses. What was in the file is never touched.
pub fn append(path: &Path, line: &Line) -> Result<(), FileError> {
    let io = |action: &'static str| move |source| FileError::Io { action, path: path.to_owned(), source };
    // What is written to a device is gone, and a pipe has nothing to go on from.
    if path.metadata().is_ok_and(|metadata| !metadata.is_file()) {
        return Err(FileError::NotAFile { path: path.to_owned() });
    }
    let mut file = File::options().read(true).append(true).create(true).open(path).map_err(io("open"))?;
    let mut bytes = Vec::new();
    let torn = whole_bytes(&file).map_err(io("read"))? < file.metadata().map_err(io("read"))?.len();
    if torn {
        bytes.push(b'\n');
    }
    bytes.extend_from_slice(line.to_json().as_bytes());
    bytes.push(b'\n');
    let written = loop {
        match file.write(&bytes) {
            Ok(written) => break written,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(source) => return Err(io("write")(source)),
        }
    };
    if written < bytes.len() {
        return Err(FileError::ShortWrite { path: path.to_owned(), written, bytes: bytes.len() });
    }
    Ok(())
}

/// What orders runs, whatever order their lines are in.
fn order(run: &RunLine) -> impl Ord + '_ {
    (run.commit.committed_at, run.date, &run.commit.id, &run.scenario, &run.machine.fingerprint)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::samples::run;

    fn line(commit: &str, committed_at: &str) -> Line {
        Line::Run(Box::new(run(commit, committed_at, &[("x", 1.0)])))
    }

    fn parse(text: &str) -> Result<History, String> {
        History::parse(text.as_bytes(), Path::new("h.jsonl")).map_err(|error| error.to_string())
    }

    fn commits(history: &History) -> Vec<&str> {
        history.runs.iter().map(|run| run.commit.id.as_str()).collect()
    }

    #[test]
    fn the_union_of_two_branches_is_ordered_by_commit_time() {
        let at = |hour: u32| format!("2026-11-21T{hour:02}:00:00Z");
        let [a, b, c, d] =
            [("a", 10), ("b", 12), ("c", 11), ("d", 13)].map(|(id, hour)| line(id, &at(hour)).to_json());
        let ours = format!("{a}\n{b}\n{d}\n");
        let theirs = format!("{a}\n{c}\n");
        for merged in
            [format!("{ours}{theirs}"), format!("{theirs}{ours}"), format!("{d}\r\n\n{c}\n{b}\n{a}")]
        {
            let history = parse(&merged).expect("ours");
            assert_eq!(commits(&history), ["a", "c", "b", "d"], "{merged}");
        }
        assert_eq!(parse(&format!("{ours}{theirs}")).expect("ours").repeated, 1);
    }

    /// Of two lines of one run, the first was taken: the order of lines mattered.
    #[test]
    fn one_run_has_one_line_or_two_that_say_the_same() {
        let good = line("a", "2026-11-21T10:00:00Z").to_json();
        let other = good.replace("\"x\":1", "\"x\":2");
        assert_ne!(good, other);
        let error = parse(&format!("{good}\n\n{other}\n")).expect_err("two truths");
        assert!(error.starts_with("h.jsonl:3: the same run as in line 1, with other figures"), "{error}");
        let branch = good.replace("\"branch\":\"main\"", "\"branch\":\"b\"");
        assert_ne!(good, branch);
        let [there, back] = [[&good, &branch], [&branch, &good]].map(|[a, b]| parse(&format!("{a}\n{b}\n")));
        assert_eq!(there, back);
        assert_eq!(there.expect("one run").runs[0].commit.branch.as_deref(), Some("b"));
    }

    #[test]
    fn a_line_that_is_not_ours_is_named() {
        let good = line("a", "2026-11-21T10:00:00Z").to_json();
        let error = parse(&format!("{good}\n{{\"a\":1}}\n{good}\n")).expect_err("not ours");
        assert!(error.starts_with("h.jsonl:2: not a line of a history"), "{error}");
        let error = parse(&format!("{good}\n<<<<<<< HEAD\n{good}\n")).expect_err("a conflict");
        assert!(error.starts_with("h.jsonl:2: a merge conflict: keep both sides"), "{error}");
        let error = parse(&format!("{good}\n{}\n", "x".repeat(LINE_BYTES_MAX + 1))).expect_err("too long");
        assert!(error.starts_with("h.jsonl:2: 262145 bytes long"), "{error}");
        let error = parse(&format!("\u{feff}{good}\n")).expect_err("not ours");
        assert!(error.starts_with("h.jsonl:1: begins with a byte order mark"), "{error}");
        let many = format!("{good}\n").repeat(LINES_MAX + 1);
        assert!(parse(&many).expect_err("too many").contains("more than 20000 lines (move"));
        assert_eq!(parse(""), Ok(History::default()));
    }

    #[test]
    fn a_cut_at_any_byte_loses_at_most_that_line() {
        let folder = tempfile::tempdir().expect("a directory");
        let path = folder.path().join("h.jsonl");
        append(&path, &line("a", "2026-11-21T10:00:00Z")).expect("written");
        let first = fs::read(&path).expect("bytes").len();
        append(&path, &line("b", "2026-11-21T11:00:00Z")).expect("written");
        let whole = fs::read(&path).expect("bytes");
        for cut in first..=whole.len() {
            fs::write(&path, &whole[..cut]).expect("cut");
            append(&path, &line("c", "2026-11-21T12:00:00Z")).expect("goes on");
            let after = fs::read(&path).expect("bytes");
            assert_eq!(after[..cut], whole[..cut], "append-only");
            let history = History::read(&path).unwrap_or_else(|error| panic!("cut at {cut}: {error}"));
            let torn = cut > first && cut < whole.len() - 1;
            assert_eq!(history.torn, if torn { vec![2] } else { vec![] }, "cut at {cut}");
            let expected: &[&str] = if cut >= whole.len() - 1 { &["a", "b", "c"] } else { &["a", "c"] };
            assert_eq!(commits(&history), expected, "cut at {cut}");
        }
    }

    #[test]
    fn a_file_that_cannot_be_had_says_what_to_do() {
        let folder = tempfile::tempdir().expect("a directory");
        let error = History::read(&folder.path().join("none")).expect_err("missing").to_string();
        assert!(error.contains("no such file (begin one with 'floodmark history add RUN --file "), "{error}");
        assert!(History::read(folder.path()).is_err());
        // Zeros without an end were read for as long as one waited.
        for device in ["/dev/full", "/dev/zero"] {
            let error = History::read(Path::new(device)).expect_err("no file").to_string();
            assert!(error.contains("not a regular file"), "{error}");
        }
        assert!(append(folder.path(), &line("a", "2026-11-21T10:00:00Z")).is_err());
        let error =
            append(Path::new("/dev/full"), &line("a", "2026-11-21T10:00:00Z")).expect_err("full").to_string();
        assert!(error.starts_with("could not") && error.contains("/dev/full"), "{error}");
    }
}

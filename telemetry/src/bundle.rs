//! The bundle: the directory that a run leaves behind.
//!
//! ```text
//! RUN/frames.jsonl    every frame, in the order heard, append-only: the one source of truth
//! RUN/latency.hlog    the latency frames again, as the standard interval log
//! RUN/scenario.yaml   RUN/plan.yaml   RUN/host.json   RUN/summary.json   RUN/*.svg   written whole, atomically
//! ```
//!
//! **A kill at any byte loses at most the last frame.** Each frame is exactly one `write` to a file opened with O_APPEND,
//! so a kill may tear the frame being written and no other. A reader drops a torn tail and says so. Whoever appends
//! to a torn file first ends the torn line, in the same write as the next frame, so that nothing is glued onto it;
//! the torn line stays, and readers count it. Power loss is another matter: [`Bundle::sync`] is for that.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use crate::line_file::LineFile;
use crate::lines::whole_bytes;
use crate::{Frame, FrameError, FrameReader, IntervalLog, IntervalLogReader, LINE_BYTES_MAX, Stamp};

/// The file that makes a directory a run.
pub const FRAMES_FILE: &str = "frames.jsonl";

/// The standard latency log beside it.
pub const LATENCY_FILE: &str = "latency.hlog";

/// Why a bundle could not be written or read.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// There is no recording here.
    #[error("could not open run '{}': no {FRAMES_FILE} (record one with 'floodmark run')", run.display())]
    Missing {
        /// The directory.
        run: PathBuf,
    },
    /// There is a recording here already.
    #[error("could not create run '{}': it holds {FRAMES_FILE} already (choose another directory)", run.display())]
    Occupied {
        /// The directory.
        run: PathBuf,
    },
    /// There is nothing at all where a recording was looked for.
    #[error("could not open '{}': neither a run nor a recording is there (record one with 'floodmark sar -o FILE')", path.display())]
    Nowhere {
        /// Where.
        path: PathBuf,
    },
    /// There is a file, and it holds something else.
    #[error("could not open '{}': not a recording (it holds no frame; record one with 'floodmark sar -o FILE')", path.display())]
    NotARecording {
        /// The file.
        path: PathBuf,
    },
    /// A recording is not made in the place of another file.
    #[error("could not record to '{}': it is there already and not empty (choose another name)", path.display())]
    Taken {
        /// The file.
        path: PathBuf,
    },
    /// The recording was made by a later version, or its first frames could not be read.
    #[error("could not open run '{}': {source}", run.display())]
    Unreadable {
        /// The directory.
        run: PathBuf,
        /// What is wrong.
        source: FrameError,
    },
    /// A frame too long to be read again; it was not written.
    #[error("could not record a frame of {bytes} bytes: the longest line is {LINE_BYTES_MAX}")]
    FrameTooLong {
        /// How long it is.
        bytes: usize,
    },
    /// The system took only a part of a frame. The part is harmless; the frame is lost.
    #[error("could not record a frame whole in '{}': {written} of {bytes} bytes went in (is the disk full?)", path.display())]
    ShortWrite {
        /// The file.
        path: PathBuf,
        /// What went in.
        written: usize,
        /// What should have gone in.
        bytes: usize,
    },
    /// Not the name of a file that may be written whole into a bundle.
    #[error("could not write '{name}' into a run: not a plain file name, or one that is only appended to")]
    FileName {
        /// The name given.
        name: String,
    },
    /// The file system refused.
    #[error("could not {action} '{}': {source}", path.display())]
    Io {
        /// What was tried: `create`, `open`, `write`.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// What it said.
        source: io::Error,
    },
}

/// Wraps an error of the file system in what was tried, on what.
pub(crate) fn io_error(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> BundleError {
    let path = path.to_owned();
    move |source| BundleError::Io { action, path, source }
}

/// A run being recorded. One process records a run at a time.
#[derive(Debug)]
pub struct Bundle {
    dir: PathBuf,
    frames: LineFile,
    started: Stamp,
    latency: Option<IntervalLog>,
}

impl Bundle {
    /// Begins a recording in `dir`, which is made if it is not there.
    ///
    /// # Errors
    /// [`BundleError::Occupied`] when a recording is there already, [`BundleError::Io`] when the file system refuses.
    pub fn create(dir: &Path) -> Result<Bundle, BundleError> {
        fs::create_dir_all(dir).map_err(io_error("create", dir))?;
        let path = dir.join(FRAMES_FILE);
        let frames = match File::options().append(true).create_new(true).open(&path) {
            Ok(frames) => frames,
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                return Err(BundleError::Occupied { run: dir.to_owned() });
            }
            Err(error) => return Err(io_error("create", &path)(error)),
        };
        Ok(Bundle::new(dir, LineFile::new(path, frames, false), Stamp::now()))
    }

    /// Goes on with the recording in `dir`, torn or not.
    ///
    /// # Errors
    /// As for [`BundleReader::open`].
    pub fn reopen(dir: &Path) -> Result<Bundle, BundleError> {
        let recorded = BundleReader::open(dir)?;
        let first = recorded.frames()?.find_map(Result::ok);
        let path = dir.join(FRAMES_FILE);
        let frames = File::options().append(true).open(&path).map_err(io_error("open", &path))?;
        let started = first.map_or_else(Stamp::now, |frame| frame.at());
        Ok(Bundle::new(dir, LineFile::new(path, frames, recorded.torn()), started))
    }

    fn new(dir: &Path, frames: LineFile, started: Stamp) -> Bundle {
        Bundle { dir: dir.to_owned(), frames, started, latency: None }
    }

    /// Where the run is.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// When the recording began: what times in the latency log are relative to.
    pub fn started(&self) -> Stamp {
        self.started
    }

    /// Records one frame with exactly one `write`. Once this returns, a kill of this process cannot lose the frame.
    ///
    /// # Errors
    /// [`BundleError::FrameTooLong`] and nothing is written; [`BundleError::ShortWrite`] and the frame is lost, but the
    /// next may be appended all the same; [`BundleError::Io`] otherwise.
    pub fn append(&mut self, frame: &Frame) -> Result<(), BundleError> {
        frame.to_line(self.frames.begin());
        self.frames.write()
    }

    /// Writes a whole file of the run atomically: a reader sees the old one or the new one, never a part.
    ///
    /// # Errors
    /// [`BundleError::FileName`] for a path, a hidden file or a file that is only appended to; [`BundleError::Io`].
    pub fn write_file(&self, name: &str, bytes: impl AsRef<[u8]>) -> Result<(), BundleError> {
        let plain = !name.is_empty() && !name.starts_with('.') && !name.contains(['/', '\0']);
        if !plain || name == FRAMES_FILE || name == LATENCY_FILE {
            return Err(BundleError::FileName { name: name.to_owned() });
        }
        let path = self.dir.join(name);
        let temporary = self.dir.join(format!(".{name}.part"));
        let written = File::create(&temporary).and_then(|mut file| {
            file.write_all(bytes.as_ref())?;
            file.sync_data()?;
            fs::rename(&temporary, &path)
        });
        if written.is_err() {
            // Best effort: the error that matters is the first one.
            let _ = fs::remove_file(&temporary);
        }
        written.map_err(io_error("write", &path))
    }

    /// The latency log, begun when it is first asked for.
    ///
    /// # Errors
    /// [`BundleError::Io`] when it cannot be created or read on.
    pub fn latency_log(&mut self) -> Result<&mut IntervalLog, BundleError> {
        let log = match self.latency.take() {
            Some(log) => log,
            None => {
                let path = self.dir.join(LATENCY_FILE);
                IntervalLog::open(&path, self.started).map_err(io_error("open", &path))?
            }
        };
        Ok(self.latency.insert(log))
    }

    /// Waits until the recording would survive a loss of power.
    ///
    /// # Errors
    /// [`BundleError::Io`].
    pub fn sync(&self) -> Result<(), BundleError> {
        self.frames.sync()
    }
}

/// A run that was recorded, or is being recorded.
#[derive(Debug)]
pub struct BundleReader {
    dir: PathBuf,
    torn: bool,
}

impl BundleReader {
    /// Opens the recording in `dir`. One that ends in the middle of a line opens too; see [`torn`](Self::torn).
    ///
    /// # Errors
    /// [`BundleError::Missing`] when there is none, [`BundleError::Unreadable`] when a later version made it,
    /// [`BundleError::Io`] when the file system refuses.
    pub fn open(dir: &Path) -> Result<BundleReader, BundleError> {
        let path = dir.join(FRAMES_FILE);
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
                return Err(BundleError::Missing { run: dir.to_owned() });
            }
            Err(error) => return Err(io_error("open", &path)(error)),
        };
        let whole = whole_bytes(&file).map_err(io_error("read", &path))?;
        let torn = whole < file.metadata().map_err(io_error("read", &path))?.len();
        if let Some(Err(source)) = FrameReader::new(file).next() {
            return Err(BundleError::Unreadable { run: dir.to_owned(), source });
        }
        Ok(BundleReader { dir: dir.to_owned(), torn })
    }

    /// Where the run is.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Whether the recording ended in the middle of a frame when it was opened: its writer died, or is still writing.
    pub fn torn(&self) -> bool {
        self.torn
    }

    /// The frames, from the first.
    ///
    /// # Errors
    /// [`BundleError::Io`] when the file cannot be opened again.
    pub fn frames(&self) -> Result<FrameReader<File>, BundleError> {
        let path = self.dir.join(FRAMES_FILE);
        File::open(&path).map(FrameReader::new).map_err(io_error("open", &path))
    }

    /// The intervals of the latency log; `None` when the run has none.
    ///
    /// # Errors
    /// [`BundleError::Io`] when it is there and cannot be opened.
    pub fn latency_log(&self) -> Result<Option<IntervalLogReader<File>>, BundleError> {
        let path = self.dir.join(LATENCY_FILE);
        match File::open(&path) {
            Ok(file) => Ok(Some(IntervalLogReader::new(file))),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(io_error("open", &path)(error)),
        }
    }

    /// A whole file of the run, such as `summary.json`; `None` when the run has none.
    ///
    /// # Errors
    /// [`BundleError::Io`] when it is there and cannot be read.
    pub fn read_file(&self, name: &str) -> Result<Option<Vec<u8>>, BundleError> {
        let path = self.dir.join(name);
        match fs::read(&path) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(io_error("read", &path)(error)),
        }
    }
}

#[cfg(test)]
#[path = "bundle_tests.rs"]
mod tests;

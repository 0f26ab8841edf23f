//! A recording, wherever it is and however it is kept: what every viewer reads.
//!
//! A run's directory, a file of frames that `sar -o` wrote or is still writing, and a packed one are read alike, frame
//! by frame, each with an offset to come back to. What a file is, its first bytes say and not its name.
//!
//! Nothing of a recording is kept in memory but the line, or the packed block, that is being read.

use std::fs::File;
use std::io::{ErrorKind, Seek, SeekFrom};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use crate::bundle::io_error;
use crate::lines::{Line, LineReader, whole_bytes};
use crate::packed::{MAGIC, PackedReader};
use crate::{BundleError, FRAMES_FILE, Frame, FrameError, LINE_BYTES_MAX};

/// A file whose first so many bytes hold no frame is taken for something else.
const LOOK_BYTES_MAX: u64 = 4 * LINE_BYTES_MAX as u64;

/// What every line of ours begins with.
const BEGINNING: &[u8] = b"{\"frame\":\"";

/// A recording: a run's directory, a file of frames, or a packed one.
///
/// Lines that cannot be read are skipped and counted, as are damaged blocks and kinds of frames that this version does
/// not know. After an error there is nothing more, but for a [`seek`](Self::seek).
#[derive(Debug)]
pub struct Recording {
    path: PathBuf,
    reader: Reader,
    failed: bool,
}

/// Kinds of frames that nobody wants, as lines name them.
pub(crate) type LeftOut = &'static [&'static str];

/// A frame, and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Placed {
    /// What [`Recording::seek`] takes. Grows from frame to frame, and says nothing else.
    pub offset: u64,
    /// The frame.
    pub frame: Frame,
}

#[derive(Debug)]
enum Reader {
    Plain(PlainReader),
    Packed(PackedReader),
}

impl Recording {
    /// Opens a recording, to read it from its first frame. One that ends in the middle of a frame opens, too, and so
    /// does one without any.
    ///
    /// # Errors
    /// [`BundleError::Missing`] for a directory without a recording, [`BundleError::Nowhere`] when nothing is there,
    /// [`BundleError::NotARecording`] for a file of something else, [`BundleError::Unreadable`] when a later version
    /// made it, [`BundleError::Io`] when the file system refuses.
    pub fn open(path: &Path) -> Result<Recording, BundleError> {
        let directory = path.is_dir();
        let path = if directory { path.join(FRAMES_FILE) } else { path.to_owned() };
        let refused = |error: std::io::Error| match (error.kind(), path.parent()) {
            (ErrorKind::NotFound, Some(run)) if directory => BundleError::Missing { run: run.to_owned() },
            (ErrorKind::NotFound | ErrorKind::NotADirectory, _) => {
                BundleError::Nowhere { path: path.clone() }
            }
            _ => io_error("open", &path)(error),
        };
        // Looked at before it is opened: opening a pipe would wait for somebody to write into it.
        if !std::fs::metadata(&path).map_err(refused)?.is_file() {
            return Err(BundleError::NotARecording { path });
        }
        let file = File::open(&path).map_err(refused)?;
        let mut first = [0; MAGIC.len()];
        let read = file.read_at(&mut first, 0).map_err(io_error("read", &path))?;
        // A packed recording that was cut within these bytes is one, too.
        let reader = if read > 0 && MAGIC.starts_with(&first[..read]) {
            Reader::Packed(PackedReader::new(file))
        } else {
            Reader::Plain(PlainReader::new(file).map_err(io_error("read", &path))?)
        };
        let mut recording = Recording { path, reader, failed: false };
        recording.look()?;
        Ok(recording)
    }

    /// Leaves out the frames of `kinds`, as lines name them (`table`, `log`), unread: a table that is damaged is then not
    /// counted as skipped, either. Most bytes of a run are its tables, and few readers want them.
    #[must_use]
    pub fn leaving_out(mut self, kinds: &'static [&'static str]) -> Recording {
        match &mut self.reader {
            Reader::Plain(plain) => plain.left_out = kinds,
            Reader::Packed(packed) => packed.leave_out(kinds),
        }
        self
    }

    /// Makes sure that this is a recording that can be read, and goes back to its beginning.
    fn look(&mut self) -> Result<(), BundleError> {
        let found = match &mut self.reader {
            Reader::Plain(plain) => plain.look(),
            Reader::Packed(packed) => packed.look(),
        };
        match found {
            Ok(true) => self.seek(0),
            Ok(false) => Err(BundleError::NotARecording { path: self.path.clone() }),
            Err(source) => Err(BundleError::Unreadable { run: self.path.clone(), source }),
        }
    }

    /// The next frame and where it stands; `None` at the present end. A file that is still being written may be asked
    /// again later: a half-written line is kept until its end has come.
    #[expect(
        clippy::should_implement_trait,
        reason = "an iterator that ended is not asked again, and this may be"
    )]
    pub fn next(&mut self) -> Option<Result<Placed, FrameError>> {
        if self.failed {
            return None;
        }
        let next = match &mut self.reader {
            Reader::Plain(plain) => plain.next(),
            Reader::Packed(packed) => packed.next(),
        };
        self.failed = next.is_err();
        next.map(|placed| placed.map(|(offset, frame)| Placed { offset, frame })).transpose()
    }

    /// Goes to the frame that was [`Placed`] at `offset`, so that [`next`](Self::next) gives it and then goes on from
    /// there. 0 is the beginning.
    ///
    /// # Errors
    /// [`BundleError::Io`] when the file system refuses, [`BundleError::Unreadable`] when a packed block cannot be read.
    pub fn seek(&mut self, offset: u64) -> Result<(), BundleError> {
        self.failed = false;
        match &mut self.reader {
            Reader::Plain(plain) => plain.seek(offset).map_err(io_error("read", &self.path)),
            Reader::Packed(packed) => packed
                .seek(offset)
                .map_err(|source| BundleError::Unreadable { run: self.path.clone(), source }),
        }
    }

    /// Whether the recording ends in the middle of a frame, as of opening it or of the last time its end was reached:
    /// its writer died, or is still writing. A packed one ends so only when it was [`cut`](Self::cut).
    pub fn torn(&self) -> bool {
        match &self.reader {
            Reader::Plain(plain) => plain.torn,
            Reader::Packed(packed) => packed.torn(),
        }
    }

    /// Whether this is a packed recording without its end, as of the last time that the end was reached. A packed file
    /// appears whole, so that no writer died: it was copied in part, or the disk was full. A cut between two blocks leaves
    /// no trace.
    pub fn cut(&self) -> bool {
        self.is_packed() && self.torn()
    }

    /// How often something was skipped, each time that it was come by.
    pub fn skipped(&self) -> u64 {
        match &self.reader {
            Reader::Plain(plain) => plain.skipped,
            Reader::Packed(packed) => packed.skipped(),
        }
    }

    /// Whether the recording is packed, and so will not grow.
    pub fn is_packed(&self) -> bool {
        matches!(self.reader, Reader::Packed(_))
    }
}

/// Reads a file of frames, a line each, which may still grow.
#[derive(Debug)]
struct PlainReader {
    lines: LineReader<File>,
    /// Where in the file the lines began.
    start: u64,
    torn: bool,
    skipped: u64,
    left_out: LeftOut,
}

/// Whether a line is of one of the kinds. One that is not written as ours are is not looked into.
pub(crate) fn is_left_out(line: &[u8], kinds: LeftOut) -> bool {
    let Some(rest) = line.strip_prefix(BEGINNING) else { return false };
    kinds
        .iter()
        .any(|kind| rest.strip_prefix(kind.as_bytes()).is_some_and(|rest| rest.first() == Some(&b'"')))
}

impl PlainReader {
    fn new(file: File) -> std::io::Result<PlainReader> {
        let torn = whole_bytes(&file)? < file.metadata()?.len();
        Ok(PlainReader {
            lines: LineReader::new(file, LINE_BYTES_MAX),
            start: 0,
            torn,
            skipped: 0,
            left_out: &[],
        })
    }

    /// Whether there is a frame, or nothing at all but the beginning of one.
    fn look(&mut self) -> Result<bool, FrameError> {
        let mut lines = 0;
        while self.lines.taken() < LOOK_BYTES_MAX {
            match self.lines.next_whole_line()? {
                Some(Line::Whole(line)) if line.trim_ascii().is_empty() => {}
                Some(Line::Whole(line)) => match Frame::parse(line) {
                    Ok(_) => return Ok(true),
                    Err(error @ FrameError::LaterSchema { .. }) => return Err(error),
                    Err(_) => lines += 1,
                },
                Some(_) => lines += 1,
                None => {
                    let begun = self.lines.unread();
                    // Too long for a frame when it has begun and nothing of it was kept.
                    let empty = begun.is_empty() && !self.lines.has_begun();
                    let frame =
                        begun.first().is_some_and(|_| begun.iter().zip(BEGINNING).all(|(a, b)| a == b));
                    return Ok(lines == 0 && (empty || frame));
                }
            }
        }
        Ok(false)
    }

    fn next(&mut self) -> Result<Option<(u64, Frame)>, FrameError> {
        loop {
            let offset = self.start + self.lines.taken();
            match self.lines.next_whole_line()? {
                Some(Line::Whole(line))
                    if line.trim_ascii().is_empty() || is_left_out(line, self.left_out) => {}
                Some(Line::Whole(line)) => match Frame::parse(line) {
                    Ok(Some(frame)) => return Ok(Some((offset, frame))),
                    Err(error @ FrameError::LaterSchema { .. }) => return Err(error),
                    Ok(None) | Err(_) => self.skipped += 1,
                },
                Some(Line::TooLong { .. } | Line::Torn(_)) => self.skipped += 1,
                None => {
                    self.torn = self.lines.has_begun();
                    return Ok(None);
                }
            }
        }
    }

    fn seek(&mut self, offset: u64) -> std::io::Result<()> {
        self.lines.input().seek(SeekFrom::Start(offset))?;
        self.lines.clear();
        self.start = offset;
        Ok(())
    }
}

#[cfg(test)]
#[path = "recording_tests.rs"]
mod tests;

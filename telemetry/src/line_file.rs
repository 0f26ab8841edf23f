//! A file that lines are appended to, each with exactly one `write`: what a run and a recording have in common.
//!
//! A write that went in only in part (a full disk) leaves a torn line. The next line is then written behind a newline,
//! in the same write, so that nothing is glued onto the torn one, which readers skip and count.

use std::fs::File;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use crate::bundle::io_error;
use crate::{BundleError, LINE_BYTES_MAX};

/// A file opened with O_APPEND, and the line that is about to be written.
#[derive(Debug)]
pub(crate) struct LineFile {
    path: PathBuf,
    file: File,
    /// Whether the file ends in the middle of a line.
    torn: bool,
    line: Vec<u8>,
    bytes: u64,
}

impl LineFile {
    /// Appends to `file`, which is torn if it ends in the middle of a line.
    pub(crate) fn new(path: PathBuf, file: File, torn: bool) -> LineFile {
        LineFile { path, file, torn, line: Vec::new(), bytes: 0 }
    }

    /// Where the file is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// How many bytes were written.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Where to put the next line, its newline included, before [`write`](Self::write).
    pub(crate) fn begin(&mut self) -> &mut Vec<u8> {
        self.line.clear();
        if self.torn {
            self.line.push(b'\n');
        }
        &mut self.line
    }

    /// Writes the line that was begun. Once this returns, a kill of this process cannot lose it.
    pub(crate) fn write(&mut self) -> Result<(), BundleError> {
        let bytes = self.line.len();
        if bytes > LINE_BYTES_MAX {
            return Err(BundleError::FrameTooLong { bytes });
        }
        let written = loop {
            match self.file.write(&self.line) {
                Ok(written) => break written,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(io_error("write", &self.path)(error)),
            }
        };
        self.bytes += written as u64;
        if written < bytes {
            self.torn |= written > 0;
            return Err(BundleError::ShortWrite { path: self.path.clone(), written, bytes });
        }
        self.torn = false;
        Ok(())
    }

    /// Waits until what was written would survive a loss of power.
    pub(crate) fn sync(&self) -> Result<(), BundleError> {
        self.file.sync_data().map_err(io_error("write", &self.path))
    }

    /// Writes to another file from now on, and gives back the one so far.
    #[cfg(test)]
    pub(crate) fn replace(&mut self, file: File) -> File {
        std::mem::replace(&mut self.file, file)
    }
}

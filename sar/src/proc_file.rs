//! A file under `/proc`, held open and read again from its beginning.
//!
//! The kernel writes such a file anew for each reading that begins at offset 0. Holding it open saves the path walk, and
//! for a process it is also a hold on *that* process: once it has ended, reading fails, whoever has its number.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use crate::SarError;

/// The first size of the buffer: most of these files are shorter.
const BUFFER_BYTES: usize = 4_096;

/// The longest file that is read. `/proc/stat` with a thousand cores has about 300 KB; beyond this the rest is cut off,
/// and what stands in it is absent.
pub const PROC_BYTES_MAX: usize = 4 << 20;

/// A first part shorter than this is all there is, and the question for more is saved. The kernel prepares such a file a page at
/// a time and ends a part early only before a record that does not fit the page; no record here is half a page long.
const WHOLE_BYTES_MAX: usize = 2_048;

/// A file held open, and the buffer it is read into.
#[derive(Debug)]
pub struct ProcFile {
    path: PathBuf,
    file: File,
    buffer: Vec<u8>,
}

impl ProcFile {
    /// Opens the file.
    ///
    /// # Errors
    /// [`SarError::Read`].
    pub fn open(path: impl AsRef<Path>) -> Result<ProcFile, SarError> {
        let path = path.as_ref();
        let file = File::open(path).map_err(|source| SarError::Read { path: path.to_owned(), source })?;
        Ok(ProcFile { path: path.to_owned(), file, buffer: vec![0; BUFFER_BYTES] })
    }

    /// Its text as it is now. Bytes that are not UTF-8 end it.
    ///
    /// # Errors
    /// [`SarError::Read`].
    pub fn text(&mut self) -> Result<&str, SarError> {
        let bytes = self.fill().map_err(|source| SarError::Read { path: self.path.clone(), source })?;
        let bytes = &self.buffer[..bytes];
        Ok(match std::str::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => std::str::from_utf8(&bytes[..error.valid_up_to()]).expect("valid up to there"),
        })
    }

    /// Its bytes as they are now, with the plain error of the system.
    ///
    /// # Errors
    /// What the system reports.
    pub fn bytes(&mut self) -> io::Result<&[u8]> {
        let bytes = self.fill()?;
        Ok(&self.buffer[..bytes])
    }

    /// What was looked for and not found.
    pub fn format_error(&self, missing: &'static str) -> SarError {
        SarError::Format { path: self.path.clone(), missing }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A reading may come in parts, and only an empty part, or a first one that is short, is the end of it.
    fn fill(&mut self) -> io::Result<usize> {
        let mut filled = 0;
        loop {
            if filled == self.buffer.len() {
                if filled >= PROC_BYTES_MAX {
                    return Ok(filled);
                }
                self.buffer.resize(filled * 2, 0);
            }
            match self.file.read_at(&mut self.buffer[filled..], filled as u64) {
                Ok(0) => return Ok(filled),
                Ok(bytes) if filled == 0 && bytes < WHOLE_BYTES_MAX => return Ok(bytes),
                Ok(bytes) => filled += bytes,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

/// The number after `key` in a text of `Key:   123 kB` lines.
pub(crate) fn field(text: &str, key: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'))?;
    line.split_ascii_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn a_file_is_read_whole_and_anew() {
        let mut file = tempfile::NamedTempFile::new().expect("a file");
        let mut proc_file = ProcFile::open(file.path()).expect("opened");
        assert_eq!(proc_file.text().expect("read"), "");
        let long = "0123456789".repeat(5_000);
        file.write_all(long.as_bytes()).expect("written");
        assert_eq!(proc_file.text().expect("read"), long);
        file.write_all(b"\xff and more").expect("written");
        assert_eq!(proc_file.text().expect("read").len(), long.len());
    }

    #[test]
    fn what_is_not_there_is_named() {
        let error = ProcFile::open("/proc/no/such").expect_err("not there").to_string();
        assert!(error.starts_with("could not read '/proc/no/such': "), "{error}");
    }

    #[test]
    fn fields_are_whole_words() {
        let text = "Slab:   7 kB\nSReclaimable: 5 kB\nOdd: x kB\nNothing:\nActive(anon): 9 kB\n";
        assert_eq!(field(text, "SReclaimable"), Some(5));
        assert_eq!(field(text, "Active(anon)"), Some(9));
        assert_eq!((field(text, "Sla"), field(text, "Odd"), field(text, "Nothing")), (None, None, None));
    }
}

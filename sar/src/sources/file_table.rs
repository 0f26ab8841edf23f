//! The system's table of open files, from `/proc/sys/fs/file-nr`: the sum over all processes, against `fs.file-max`.
//!
//! | name | what |
//! |---|---|
//! | `host.file_handles` | open files of all processes together |
//! | `host.file_handles_max` | how many there may be; then `open`, `socket` and `accept` fail with ENFILE |
//!
//! A file counts once, however many descriptors name it.

use std::collections::BTreeMap;

use telemetry::{Kind, Meaning};

use crate::meanings::{Row, explain};
use crate::{ProcFile, SarError, Source, Values};

const MEANINGS: [Row; 2] = [
    ("host.file_handles", Kind::Gauge, "Open files of all processes together."),
    ("host.file_handles_max", Kind::Gauge, "How many files may be open in all."),
];

/// The system's table of open files.
#[derive(Debug)]
pub struct FileTable {
    file_nr: ProcFile,
}

impl FileTable {
    /// Opens `/proc/sys/fs/file-nr`.
    ///
    /// # Errors
    /// [`SarError::Read`].
    pub fn open() -> Result<FileTable, SarError> {
        Ok(FileTable { file_nr: ProcFile::open("/proc/sys/fs/file-nr")? })
    }
}

impl Source for FileTable {
    fn sample(&mut self, out: &mut Values) -> Result<(), SarError> {
        let Some((open, max)) = parse(self.file_nr.text()?) else {
            return Err(self.file_nr.format_error("three numbers"));
        };
        out.push("host.file_handles", open);
        out.push("host.file_handles_max", max);
        Ok(())
    }

    fn meanings(&self, out: &mut BTreeMap<String, Meaning>) {
        explain(out, &MEANINGS);
    }
}

/// Allocated, allocated and unused (0 since Linux 2.6), and the most there may be.
fn parse(text: &str) -> Option<(f64, f64)> {
    let mut numbers = text.split_ascii_whitespace().map(|word| word.parse::<f64>().ok());
    let (allocated, unused, max) = (numbers.next()??, numbers.next()??, numbers.next()??);
    Some((allocated - unused, max))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_open_leaves_out_what_is_only_allocated() {
        assert_eq!(parse("843\t3\t2466170\n"), Some((840.0, 2_466_170.0)));
        assert_eq!((parse("843\t0\n"), parse(""), parse("a b c\n")), (None, None, None));
        let mut values = Values::new();
        FileTable::open().expect("file-nr").sample(&mut values).expect("readable");
        assert!(values.get("host.file_handles") < values.get("host.file_handles_max"), "{values:?}");
    }
}

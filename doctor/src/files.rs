//! Files of `/proc` and `/sys` under a root of choice. What cannot be read or understood is absent.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// The longest file that is read: `/proc/zoneinfo` of a machine with a thousand cores. What comes after is cut off.
const FILE_BYTES_MAX: u64 = 4 << 20;

/// A folder that has `proc` and `sys` in it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Files<'a> {
    pub(crate) root: &'a Path,
}

impl Files<'_> {
    /// Where the file of this absolute path is.
    pub(crate) fn path(&self, path: impl AsRef<Path>) -> PathBuf {
        let path = path.as_ref();
        self.root.join(path.strip_prefix("/").unwrap_or(path))
    }

    /// The text of a file. Bytes that are not UTF-8 become �, which no parser here accepts.
    pub(crate) fn text(&self, path: impl AsRef<Path>) -> Option<String> {
        let mut bytes = Vec::new();
        File::open(self.path(path)).ok()?.take(FILE_BYTES_MAX).read_to_end(&mut bytes).ok()?;
        Some(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// The numbers that a file consists of, exactly as many as asked for.
    pub(crate) fn numbers<const N: usize>(&self, path: impl AsRef<Path>) -> Option<[u64; N]> {
        let text = self.text(path)?;
        let numbers: Option<Vec<u64>> = text.split_ascii_whitespace().map(|word| word.parse().ok()).collect();
        numbers?.try_into().ok()
    }

    /// The one number that a file consists of.
    pub(crate) fn number(&self, path: impl AsRef<Path>) -> Option<u64> {
        self.numbers(path).map(|[number]| number)
    }
}

/// The number after `key` in lines such as `MemTotal:  123 kB` or `inactive_file 123`.
pub(crate) fn field(text: &str, key: &str) -> Option<u64> {
    let rest = text.lines().find_map(|line| {
        let rest = line.trim_ascii_start().strip_prefix(key)?;
        rest.strip_prefix(':').or_else(|| rest.starts_with([' ', '\t']).then_some(rest))
    })?;
    rest.split_ascii_whitespace().next()?.parse().ok()
}

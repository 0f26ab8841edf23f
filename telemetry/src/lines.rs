//! Bounded lines: the one thing that a stream of frames and a stream of commands have in common.
//!
//! A line ends in `\n`. One that grows past the bound is thrown away as it arrives, so that memory stays bounded
//! whatever comes in. What stands after the last `\n` is torn: its writer died, or is still writing.

use std::fmt;
use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::FileExt;

/// How much is asked of the input at once.
const READ_BYTES: usize = 64 * 1024;

/// One line, without its newline.
#[derive(Debug, PartialEq, Eq)]
pub enum Line<'a> {
    /// A line that was ended.
    Whole(&'a [u8]),
    /// What was left when the input ended in the middle of a line.
    Torn(&'a [u8]),
    /// A line longer than the bound, skipped.
    TooLong {
        /// How many bytes it had.
        bytes: u64,
        /// Whether the input ended in the middle of it.
        torn: bool,
    },
}

/// Cuts an input into lines of at most a given length.
pub struct LineReader<R> {
    input: R,
    line_bytes_max: usize,
    buffer: Vec<u8>,
    /// The unread part of the buffer is `start..filled`, and begins where a line begins or goes on.
    start: usize,
    filled: usize,
    /// Bytes of the current line that were thrown away already.
    thrown: u64,
    /// Bytes of the input that have been taken out as lines.
    taken: u64,
}

impl<R: fmt::Debug> fmt::Debug for LineReader<R> {
    /// Without the buffer, which may be megabytes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LineReader")
            .field("input", &self.input)
            .field("taken", &self.taken)
            .finish_non_exhaustive()
    }
}

impl<R: Read> LineReader<R> {
    /// Cuts `input` into lines of at most `line_bytes_max` bytes, newline not counted.
    pub fn new(input: R, line_bytes_max: usize) -> LineReader<R> {
        LineReader { input, line_bytes_max, buffer: Vec::new(), start: 0, filled: 0, thrown: 0, taken: 0 }
    }

    /// The next line; `None` at the end of the input.
    ///
    /// # Errors
    /// What the input reports, but for an interruption, which is retried.
    pub fn next_line(&mut self) -> io::Result<Option<Line<'_>>> {
        self.next(true)
    }

    /// The next line that was ended; `None` at the present end of the input. What stands there without a newline is kept,
    /// so that a later call gives the whole line if the input has grown. Never [`Line::Torn`].
    ///
    /// # Errors
    /// As for [`next_line`](Self::next_line).
    pub fn next_whole_line(&mut self) -> io::Result<Option<Line<'_>>> {
        self.next(false)
    }

    /// Where in the input the next line begins, in bytes since this reader began.
    pub fn taken(&self) -> u64 {
        self.taken
    }

    /// What of the next line is here already. A line longer than the bound leaves only its latest part.
    pub fn unread(&self) -> &[u8] {
        &self.buffer[self.start..self.filled]
    }

    /// Whether some of the next line is here already, or was thrown away for its length.
    pub fn has_begun(&self) -> bool {
        self.start < self.filled || self.thrown > 0
    }

    /// The input, to go elsewhere in it; [`clear`](Self::clear) comes next.
    pub fn input(&mut self) -> &mut R {
        &mut self.input
    }

    /// Begins anew with what the input gives next.
    pub fn clear(&mut self) {
        (self.start, self.filled, self.thrown, self.taken) = (0, 0, 0, 0);
    }

    fn next(&mut self, tail: bool) -> io::Result<Option<Line<'_>>> {
        let mut searched = 0;
        loop {
            let unread = &self.buffer[self.start..self.filled];
            if let Some(found) = unread[searched..].iter().position(|&byte| byte == b'\n') {
                return Ok(Some(self.take(searched + found, false)));
            }
            searched = unread.len();
            if searched > self.line_bytes_max || self.thrown > 0 {
                self.thrown += searched as u64;
                self.start = self.filled;
                searched = 0;
            }
            if self.fill()? == 0 {
                let nothing = searched == 0 && self.thrown == 0;
                return Ok(if nothing || !tail { None } else { Some(self.take(searched, true)) });
            }
        }
    }

    /// Takes a line of `length` more bytes, and its newline if it has one, out of the unread part.
    fn take(&mut self, length: usize, torn: bool) -> Line<'_> {
        let bytes = std::mem::take(&mut self.thrown) + length as u64;
        let line = self.start..self.start + length;
        self.start = line.end + usize::from(!torn);
        self.taken += bytes + u64::from(!torn);
        if bytes > self.line_bytes_max as u64 {
            Line::TooLong { bytes, torn }
        } else if torn {
            Line::Torn(&self.buffer[line])
        } else {
            Line::Whole(&self.buffer[line])
        }
    }

    /// Reads more behind the unread part, and makes room for it first.
    fn fill(&mut self) -> io::Result<usize> {
        self.buffer.copy_within(self.start..self.filled, 0);
        self.filled -= self.start;
        self.start = 0;
        if self.buffer.len() < self.filled + READ_BYTES {
            let doubled = (self.buffer.len() * 2).min(self.line_bytes_max + READ_BYTES);
            self.buffer.resize(doubled.max(self.filled + READ_BYTES), 0);
        }
        loop {
            match self.input.read(&mut self.buffer[self.filled..]) {
                Ok(bytes) => {
                    self.filled += bytes;
                    return Ok(bytes);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

/// How many bytes of a file stand in whole lines: everything up to its last newline. The rest is a torn tail.
///
/// # Errors
/// What the file reports.
pub fn whole_bytes(file: &File) -> io::Result<u64> {
    let mut end = file.metadata()?.len();
    let mut block = vec![0; READ_BYTES];
    while end > 0 {
        let start = end.saturating_sub(READ_BYTES as u64);
        let block = &mut block[..(end - start) as usize];
        file.read_exact_at(block, start)?;
        if let Some(found) = block.iter().rposition(|&byte| byte == b'\n') {
            return Ok(start + found as u64 + 1);
        }
        end = start;
    }
    Ok(0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Gives out its bytes a few at a time, with interruptions, as a pipe may.
    struct Trickle<'a>(&'a [u8], usize);

    impl Read for Trickle<'_> {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            self.1 += 1;
            if self.1.is_multiple_of(3) {
                return Err(ErrorKind::Interrupted.into());
            }
            let bytes = self.0.len().min(self.1 % 5 + 1).min(out.len());
            out[..bytes].copy_from_slice(&self.0[..bytes]);
            self.0 = &self.0[bytes..];
            Ok(bytes)
        }
    }

    fn cut(input: &[u8], line_bytes_max: usize) -> Vec<String> {
        let mut reader = LineReader::new(Trickle(input, 0), line_bytes_max);
        let mut lines = Vec::new();
        while let Some(line) = reader.next_line().expect("a trickle only interrupts") {
            lines.push(match line {
                Line::Whole(line) => format!("whole {}", line.escape_ascii()),
                Line::Torn(line) => format!("torn {}", line.escape_ascii()),
                Line::TooLong { bytes, torn } => format!("long {bytes} {torn}"),
            });
        }
        lines
    }

    #[test]
    fn lines_are_cut_at_newlines_only() {
        assert!(cut(b"", 8).is_empty());
        assert_eq!(cut(b"\n", 8), ["whole "]);
        assert_eq!(cut(b"ab\n\ncd\n", 8), ["whole ab", "whole ", "whole cd"]);
        assert_eq!(cut(b"ab\ncd", 8), ["whole ab", "torn cd"]);
        assert_eq!(cut(b"ab\r\n", 8), ["whole ab\\r"]);
    }

    #[test]
    fn the_bound_is_exact_and_skipping_finds_the_next_line() {
        assert_eq!(cut(b"12345678\nab\n", 8), ["whole 12345678", "whole ab"]);
        assert_eq!(cut(b"123456789\nab\n", 8), ["long 9 false", "whole ab"]);
        assert_eq!(cut(b"12345678", 8), ["torn 12345678"]);
        assert_eq!(cut(b"ab\n123456789", 8), ["whole ab", "long 9 true"]);
        let long = vec![b'x'; 300_000];
        assert_eq!(cut(&long, 8), ["long 300000 true"]);
    }

    #[test]
    fn memory_stays_bounded_on_an_endless_line() {
        let mut reader = LineReader::new(io::repeat(b'x').take(50_000_000), 1_000);
        assert_eq!(
            reader.next_line().expect("no errors"),
            Some(Line::TooLong { bytes: 50_000_000, torn: true })
        );
        assert!(reader.buffer.capacity() < 4 * READ_BYTES, "{}", reader.buffer.capacity());
    }

    #[test]
    fn whole_bytes_end_at_the_last_newline() {
        let long = "x".repeat(READ_BYTES);
        let just_before = format!("{}\n{long}", "x".repeat(READ_BYTES - 1));
        for (text, whole) in [
            ("", 0),
            ("ab", 0),
            ("\n", 1),
            ("ab\ncd", 3),
            ("ab\ncd\n", 6),
            (long.as_str(), 0),
            (just_before.as_str(), READ_BYTES as u64),
        ] {
            let mut file = tempfile::tempfile().expect("a temporary file");
            io::Write::write_all(&mut file, text.as_bytes()).expect("written");
            assert_eq!(whole_bytes(&file).expect("readable"), whole);
        }
    }

    proptest! {
        #[test]
        fn nothing_is_lost_or_invented(lines in proptest::collection::vec("[a-z]{0,12}", 0..20), bound in 4usize..12) {
            let text = lines.join("\n") + "\n";
            let expected: Vec<String> = lines
                .iter()
                .map(|line| if line.len() > bound { format!("long {} false", line.len()) } else { format!("whole {line}") })
                .collect();
            if !lines.is_empty() {
                prop_assert_eq!(cut(text.as_bytes(), bound), expected);
            }
        }
    }
}

//! Frames over anything that reads or writes: a pipe, a file, later a bus.
//!
//! Reading forgives what a crash leaves behind, and counts what it forgave. Writing gives each frame to the writer
//! whole, so that two frames never interleave and a reader at the other end of a pipe wakes once for each.

use std::io::{self, ErrorKind, Read, Write};

use crate::lines::{Line, LineReader};
use crate::{Frame, FrameError};

/// The longest line that is written or read. Writing a longer one is an error; reading one skips and counts it.
pub const LINE_BYTES_MAX: usize = 4 << 20;

/// The frames of a stream, in order.
///
/// Skipped and counted, never an error: lines that do not parse ([`unparsable`](Self::unparsable)), that are too long
/// ([`oversized`](Self::oversized)), kinds of frame from a later minor version ([`unknown`](Self::unknown)), and a torn
/// tail ([`torn`](Self::torn)). The stream ends after an error: a later schema, or a failed read.
#[derive(Debug)]
pub struct FrameReader<R> {
    lines: LineReader<R>,
    unparsable: u64,
    oversized: u64,
    unknown: u64,
    torn: bool,
    ended: bool,
}

impl<R: Read> FrameReader<R> {
    /// Reads frames from `input`, which need not be buffered.
    pub fn new(input: R) -> FrameReader<R> {
        FrameReader {
            lines: LineReader::new(input, LINE_BYTES_MAX),
            unparsable: 0,
            oversized: 0,
            unknown: 0,
            torn: false,
            ended: false,
        }
    }
}

impl<R> FrameReader<R> {
    /// Whether the stream ended in the middle of a line, which was dropped. Known at the end of the stream.
    pub fn torn(&self) -> bool {
        self.torn
    }

    /// Lines so far that were no frames.
    pub fn unparsable(&self) -> u64 {
        self.unparsable
    }

    /// Lines so far that were longer than [`LINE_BYTES_MAX`].
    pub fn oversized(&self) -> u64 {
        self.oversized
    }

    /// Frames so far of kinds that this version does not know.
    pub fn unknown(&self) -> u64 {
        self.unknown
    }

    fn end<T>(&mut self, value: T) -> T {
        self.ended = true;
        value
    }
}

impl<R: Read> Iterator for FrameReader<R> {
    type Item = Result<Frame, FrameError>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.ended {
            match self.lines.next_line() {
                Ok(Some(Line::Whole(line))) if line.trim_ascii().is_empty() => {}
                Ok(Some(Line::Whole(line))) => match Frame::parse(line) {
                    Ok(Some(frame)) => return Some(Ok(frame)),
                    Ok(None) => self.unknown += 1,
                    Err(error @ FrameError::LaterSchema { .. }) => return self.end(Some(Err(error))),
                    Err(_) => self.unparsable += 1,
                },
                Ok(Some(Line::TooLong { torn, .. })) => {
                    self.oversized += 1;
                    self.torn |= torn;
                }
                Ok(Some(Line::Torn(_))) => self.torn = true,
                Ok(None) => self.ended = true,
                Err(error) => return self.end(Some(Err(error.into()))),
            }
        }
        None
    }
}

/// Writes frames, each with one `write_all` and a flush.
#[derive(Debug)]
pub struct FrameWriter<W> {
    output: W,
    line: Vec<u8>,
}

impl<W: Write> FrameWriter<W> {
    /// Writes frames to `output`.
    pub fn new(output: W) -> FrameWriter<W> {
        FrameWriter { output, line: Vec::new() }
    }

    /// Writes one frame.
    ///
    /// # Errors
    /// What the output reports; [`ErrorKind::InvalidInput`] for a frame longer than [`LINE_BYTES_MAX`], of which nothing
    /// is written.
    pub fn write(&mut self, frame: &Frame) -> io::Result<()> {
        self.line.clear();
        frame.to_line(&mut self.line);
        if self.line.len() > LINE_BYTES_MAX {
            let message = format!("a frame of {} bytes is longer than {LINE_BYTES_MAX}", self.line.len());
            return Err(io::Error::new(ErrorKind::InvalidInput, message));
        }
        self.output.write_all(&self.line)?;
        self.output.flush()
    }

    /// The output again.
    pub fn into_inner(self) -> W {
        self.output
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Log, Stamp};

    fn log(message: &str) -> Frame {
        Frame::Log(Log { at: Stamp::now(), message: message.into(), ..Log::default() })
    }

    /// Takes everything, and remembers how it was handed over.
    #[derive(Default)]
    struct Calls(Vec<Vec<u8>>);

    impl Write for Calls {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.push(bytes.to_vec());
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn each_frame_is_one_write_of_one_line() {
        let mut writer = FrameWriter::new(Calls::default());
        for message in ["one", "two\nlines", "three"] {
            writer.write(&log(message)).expect("calls take everything");
        }
        let calls = writer.into_inner().0;
        assert_eq!(calls.len(), 3);
        assert!(calls.iter().all(|call| call.iter().filter(|&&byte| byte == b'\n').count() == 1));
        let text = calls.concat();
        let frames: Vec<_> = FrameReader::new(text.as_slice()).map(|frame| frame.expect("ours")).collect();
        assert_eq!(frames.len(), 3);
        assert!(matches!(&frames[1], Frame::Log(log) if log.message == "two\nlines"));
    }

    #[test]
    fn what_cannot_be_read_is_skipped_and_counted() {
        let mut text = Vec::new();
        log("first").to_line(&mut text);
        text.extend_from_slice(b"rubbish\n\n{\"frame\":\"hologram\",\"depth\":3}\n");
        text.extend(std::iter::repeat_n(b'x', LINE_BYTES_MAX + 1));
        text.push(b'\n');
        log("last").to_line(&mut text);
        text.extend_from_slice(b"{\"frame\":\"log\",\"mono");
        let mut reader = FrameReader::new(text.as_slice());
        let messages: Vec<_> = reader
            .by_ref()
            .map(|frame| match frame.expect("only skippable lines") {
                Frame::Log(log) => log.message,
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(messages, ["first", "last"]);
        assert_eq!(
            (reader.unparsable(), reader.oversized(), reader.unknown(), reader.torn()),
            (1, 1, 1, true)
        );
    }

    #[test]
    fn a_later_schema_ends_the_stream() {
        let text = b"{\"frame\":\"hello\",\"schema\":2,\"novelty\":true}\n{\"frame\":\"hologram\"}\n";
        let mut reader = FrameReader::new(&text[..]);
        let error = reader.next().expect("one error").expect_err("a later schema");
        assert_eq!(error.to_string(), "recorded by a later version (schema 2; this floodmark reads up to 1)");
        assert!(reader.next().is_none());
    }

    #[test]
    fn a_frame_too_long_is_refused_before_a_byte_is_written() {
        let mut writer = FrameWriter::new(Calls::default());
        let error = writer.write(&log(&"x".repeat(LINE_BYTES_MAX))).expect_err("too long");
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(writer.into_inner().0.is_empty());
    }
}

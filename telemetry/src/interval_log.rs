//! `latency.hlog`: the standard HdrHistogram interval log, so that every tool of that family reads a run.
//!
//! ```text
//! #[Histogram log format version 1.3]
//! #[StartTime: 1764000000.000 (seconds since epoch)]
//! #[BaseTime: 1764000000.000 (seconds since epoch)]
//! #[MaxValueDivisor: 1000000.000]
//! "StartTimestamp","Interval_Length","Interval_Max","Interval_Compressed_Histogram"
//! Tag=generator.connect.latency_us,3.000,1.000,12.345,HISTFAAAA...
//! ```
//!
//! One tag for each source and name. Times are seconds since BaseTime, by the wall clock, which is what the format
//! knows; the monotonic times of the same intervals are in `frames.jsonl`. Values are nanoseconds, the maximum column
//! is in milliseconds, as the Java tools have it. Each line is one write, so a crash tears at most the last one.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use hdrhistogram::Histogram;
use hdrhistogram::serialization::V2DeflateSerializer;
use hdrhistogram::serialization::interval_log::{
    IntervalLogIterator, IntervalLogWriterBuilder, LogEntry, Tag,
};

use crate::lines::{Line, LineReader, whole_bytes};
use crate::{EncodedHistogram, FrameError, LINE_BYTES_MAX, Latency, Stamp};

/// Java's HistogramLogWriter divides the maximum by this: nanoseconds become milliseconds.
const MAX_VALUE_DIVISOR: f64 = 1_000_000.0;

/// The headers stand within the first bytes of a log.
const HEADER_BYTES_MAX: usize = 4_096;

const LEGEND: &[u8] =
    b"\"StartTimestamp\",\"Interval_Length\",\"Interval_Max\",\"Interval_Compressed_Histogram\"\n";

/// Appends to an interval log.
#[derive(Debug)]
pub struct IntervalLog {
    file: File,
    /// BaseTime, whole milliseconds, as the header gives it.
    base_us: u64,
    line: Vec<u8>,
}

impl IntervalLog {
    /// Begins the log at `path`, with times relative to `started`; or goes on with the log that is there, with its own
    /// times, after cutting off a torn last line.
    ///
    /// # Errors
    /// What the file system reports.
    pub fn open(path: &Path, started: Stamp) -> io::Result<IntervalLog> {
        let mut file = OpenOptions::new().read(true).append(true).create(true).open(path)?;
        let whole = whole_bytes(&file)?;
        file.set_len(whole)?;
        let base_us = if let Some(base_us) = recorded_base_us(&file)? {
            base_us
        } else {
            // A header torn by a crash holds no interval, so nothing is lost with it.
            file.set_len(0)?;
            let base_us = started.wall_us / 1_000 * 1_000;
            file.write_all(&header(base_us)?)?;
            base_us
        };
        Ok(IntervalLog { file, base_us, line: Vec::new() })
    }

    /// Appends one interval with one write.
    ///
    /// # Errors
    /// [`FrameError::Histogram`] when the frame's histogram cannot be decoded, [`FrameError::Read`] when the file
    /// cannot be written.
    pub fn append(&mut self, latency: &Latency) -> Result<(), FrameError> {
        let histogram = latency.decode()?;
        let began_us = latency.at.wall_us.saturating_sub(latency.interval_us).saturating_sub(self.base_us);
        let tag = tag_text(&latency.source, &latency.name);
        self.line.clear();
        let mut serializer = V2DeflateSerializer::new();
        IntervalLogWriterBuilder::new()
            .with_max_value_divisor(MAX_VALUE_DIVISOR)
            .begin_log_with(&mut self.line, &mut serializer)?
            .write_histogram(
                &histogram,
                Duration::from_micros(began_us),
                Duration::from_micros(latency.interval_us),
                Tag::new(&tag),
            )
            .map_err(|error| FrameError::Histogram {
                name: latency.name.clone(),
                reason: error.to_string(),
            })?;
        // The builder repeats the divisor's header before each interval; ours stands in the log already.
        let interval = self.line.iter().position(|&byte| byte == b'\n').map_or(0, |end| end + 1);
        self.file.write_all(&self.line[interval..])?;
        Ok(())
    }
}

/// A tag may not hold a comma, a space or a newline.
fn tag_text(source: &str, name: &str) -> String {
    let text = if source.is_empty() { name.to_owned() } else { format!("{source}.{name}") };
    text.replace([',', ' ', '\r', '\n'], "_")
}

fn header(base_us: u64) -> io::Result<Vec<u8>> {
    let base = UNIX_EPOCH + Duration::from_micros(base_us);
    let mut bytes = Vec::new();
    IntervalLogWriterBuilder::new()
        .add_comment("[Histogram log format version 1.3]")
        .with_start_time(base)
        .with_base_time(base)
        .with_max_value_divisor(MAX_VALUE_DIVISOR)
        .begin_log_with(&mut bytes, &mut V2DeflateSerializer::new())?;
    bytes.extend_from_slice(LEGEND);
    Ok(bytes)
}

/// The times of a log that is there already: its BaseTime; zero when it has intervals without one; `None` when it has
/// neither.
fn recorded_base_us(file: &File) -> io::Result<Option<u64>> {
    let mut head = vec![0; HEADER_BYTES_MAX];
    let bytes = file.read_at(&mut head, 0)?;
    for entry in IntervalLogIterator::new(&head[..bytes]) {
        match entry {
            Ok(LogEntry::BaseTime(base)) => return Ok(Some(microseconds(base))),
            Ok(LogEntry::Interval(_)) | Err(_) => return Ok(Some(0)),
            Ok(LogEntry::StartTime(_)) => {}
        }
    }
    Ok(None)
}

fn microseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

/// One interval of a log.
#[derive(Debug, Clone, PartialEq)]
pub struct IntervalEntry {
    /// Whose latencies of what: the source and the name of the frame, joined by a dot. Empty when untagged.
    pub tag: String,
    /// When the interval began, in microseconds of Unix time.
    pub began_wall_us: u64,
    /// How long it lasted.
    pub interval_us: u64,
    /// The values recorded in it, in nanoseconds.
    pub histogram: Histogram<u64>,
}

/// The intervals of a log, in order. What cannot be read is skipped and counted; a torn last line is dropped.
#[derive(Debug)]
pub struct IntervalLogReader<R> {
    lines: LineReader<R>,
    line: Vec<u8>,
    base: Duration,
    unreadable: u64,
    torn: bool,
}

impl<R: Read> IntervalLogReader<R> {
    /// Reads intervals from `input`, which need not be buffered.
    pub fn new(input: R) -> IntervalLogReader<R> {
        IntervalLogReader {
            lines: LineReader::new(input, LINE_BYTES_MAX),
            line: Vec::new(),
            base: Duration::ZERO,
            unreadable: 0,
            torn: false,
        }
    }
}

impl<R> IntervalLogReader<R> {
    /// Lines so far that are neither interval, header nor comment, or whose histogram cannot be decoded.
    pub fn unreadable(&self) -> u64 {
        self.unreadable
    }

    /// Whether the log ended in the middle of a line. Known at the end of the log.
    pub fn torn(&self) -> bool {
        self.torn
    }

    fn entry(&mut self) -> Option<IntervalEntry> {
        match IntervalLogIterator::new(&self.line).next()? {
            Ok(LogEntry::BaseTime(base)) => self.base = base,
            Ok(LogEntry::StartTime(_)) => {}
            Ok(LogEntry::Interval(interval)) => {
                if let Ok(histogram) = EncodedHistogram(interval.encoded_histogram().to_owned()).decode() {
                    return Some(IntervalEntry {
                        tag: interval.tag().map(|tag| tag.as_str().to_owned()).unwrap_or_default(),
                        began_wall_us: microseconds(self.base.saturating_add(interval.start_timestamp())),
                        interval_us: microseconds(interval.duration()),
                        histogram,
                    });
                }
                self.unreadable += 1;
            }
            Err(_) => self.unreadable += 1,
        }
        None
    }
}

impl<R: Read> Iterator for IntervalLogReader<R> {
    type Item = io::Result<IntervalEntry>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            self.line.clear();
            match self.lines.next_line() {
                Ok(Some(Line::Whole(line))) => self.line.extend_from_slice(line),
                Ok(Some(Line::Torn(_))) => self.torn = true,
                Ok(Some(Line::TooLong { torn, .. })) => {
                    self.unreadable += 1;
                    self.torn |= torn;
                }
                Ok(None) => return None,
                Err(error) => return Some(Err(error)),
            }
            if self.line.trim_ascii().is_empty() {
                continue;
            }
            self.line.push(b'\n');
            if let Some(entry) = self.entry() {
                return Some(Ok(entry));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::latency_histogram;

    const START: Stamp = Stamp { mono_us: 5, wall_us: 1_764_000_000_000_750 };

    fn latency(name: &str, second: u64, value_ns: u64) -> Latency {
        let mut histogram = latency_histogram();
        histogram.saturating_record(value_ns);
        Latency {
            at: Stamp { mono_us: 9, wall_us: 1_764_000_000_000_000 + (second + 1) * 1_000_000 },
            source: "generator".into(),
            name: name.into(),
            interval_us: 1_000_000,
            histogram: Latency::encode(&histogram),
        }
    }

    fn read(path: &Path) -> (Vec<IntervalEntry>, u64, bool) {
        let mut reader = IntervalLogReader::new(File::open(path).expect("a log"));
        let entries = reader.by_ref().collect::<io::Result<Vec<_>>>().expect("readable");
        (entries, reader.unreadable(), reader.torn())
    }

    #[test]
    fn the_log_is_the_standard_one() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("latency.hlog");
        let mut log = IntervalLog::open(&path, START).expect("begun");
        log.append(&latency("connect.latency_us", 0, 2_000_000)).expect("appended");
        log.append(&latency("a name, with spaces", 1, 3_000_000)).expect("appended");
        let text = std::fs::read_to_string(&path).expect("text");
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines[0], "#[Histogram log format version 1.3]");
        assert_eq!(lines[1], "#[StartTime: 1764000000.000 (seconds since epoch)]");
        assert_eq!(lines[2], "#[BaseTime: 1764000000.000 (seconds since epoch)]");
        assert!(lines[4].starts_with("\"StartTimestamp\""));
        assert!(
            lines[5].starts_with("Tag=generator.connect.latency_us,0.000,1.000,2.001,HISTF"),
            "{}",
            lines[5]
        );
        assert!(lines[6].starts_with("Tag=generator.a_name__with_spaces,1.000,1.000,3.0"), "{}", lines[6]);
        assert_eq!(lines.len(), 7);
        // The reference reader takes the file as a whole.
        let entries: Result<Vec<_>, _> = IntervalLogIterator::new(text.as_bytes()).collect();
        assert_eq!(entries.expect("all lines parse").len(), 4);
        let (entries, unreadable, torn) = read(&path);
        assert_eq!((entries.len(), unreadable, torn), (2, 0, false));
        assert_eq!(entries[1].began_wall_us, 1_764_000_001_000_000);
        assert_eq!(entries[1].histogram.len(), 1);
    }

    #[test]
    fn a_log_goes_on_after_a_cut_at_any_byte() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("latency.hlog");
        let mut log = IntervalLog::open(&path, START).expect("begun");
        log.append(&latency("a", 0, 2_000_000)).expect("appended");
        log.append(&latency("a", 1, 2_000_000)).expect("appended");
        let whole = std::fs::read(&path).expect("bytes");
        for cut in 0..=whole.len() {
            std::fs::write(&path, &whole[..cut]).expect("cut");
            let newlines = whole[..cut].iter().filter(|&&byte| byte == b'\n').count();
            let before = read(&path).0.len();
            assert_eq!(before, newlines.saturating_sub(5), "cut at {cut}");
            let later = Stamp { mono_us: 6, wall_us: START.wall_us + 60_000_000 };
            IntervalLog::open(&path, later)
                .expect("goes on")
                .append(&latency("b", 70, 9_000))
                .expect("appended");
            let (entries, unreadable, torn) = read(&path);
            assert_eq!((entries.len(), unreadable, torn), (before + 1, 0, false), "cut at {cut}");
            assert_eq!(entries[before].began_wall_us, 1_764_000_070_000_000, "cut at {cut}");
        }
    }

    #[test]
    fn rubbish_is_skipped_and_counted() {
        let text =
            "#[BaseTime: 1.500 (seconds since epoch)]\nrubbish\nTag=a,1.0,1.0,1.0,AAAA\n\n0.5,1.0,2.0,";
        let good = Latency::encode(&latency_histogram()).0;
        let text = format!("{text}{good}\n1.5,1.0");
        let mut reader = IntervalLogReader::new(text.as_bytes());
        let entries: Vec<_> = reader.by_ref().collect::<io::Result<_>>().expect("no errors in memory");
        assert_eq!((entries.len(), reader.unreadable(), reader.torn()), (1, 2, true));
        assert_eq!((entries[0].tag.as_str(), entries[0].began_wall_us), ("", 2_000_000));
    }
}

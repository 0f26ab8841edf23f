//! What a live server has said, in a file that has no name: nothing is left behind, whatever happens.
//!
//! ```text
//!   older segment (full)    │ [length: u32][frame as JSON] [length][frame] …
//!   current segment         │ [length][frame] …                       ◄── appended
//! ```
//!
//! Offsets go on from one segment to the next, so that a frame has the same offset for as long as it is kept.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use telemetry::Frame;

/// The most that is kept on disk, in two segments. When the second is full, the first is forgotten: looking back ends
/// there, and the time bar begins there.
pub(crate) const SPOOL_BYTES_MAX: u64 = 1 << 30;

/// A frame's length stands before it.
const PREFIX_BYTES: u64 = 4;

/// The longest frame that is read back. What a length prefix says beyond it is damage.
const FRAME_BYTES_MAX: usize = telemetry::LINE_BYTES_MAX;

/// Frames on disk, bounded.
#[derive(Debug)]
pub(crate) struct Spool {
    older: Option<Segment>,
    current: Segment,
    segment_bytes_max: u64,
    line: Vec<u8>,
}

#[derive(Debug)]
struct Segment {
    file: File,
    /// The offset of its first byte.
    base: u64,
    bytes: u64,
}

impl Spool {
    /// An empty one that keeps at most `bytes_max`.
    pub(crate) fn new(bytes_max: u64) -> io::Result<Spool> {
        let current = Segment { file: nameless()?, base: 0, bytes: 0 };
        Ok(Spool { older: None, current, segment_bytes_max: bytes_max / 2, line: Vec::new() })
    }

    /// Keeps a frame and says where.
    pub(crate) fn append(&mut self, frame: &Frame) -> io::Result<u64> {
        self.line.clear();
        self.line.extend_from_slice(&[0; PREFIX_BYTES as usize]);
        frame.to_line(&mut self.line);
        let bytes = self.line.len() - PREFIX_BYTES as usize;
        if bytes > FRAME_BYTES_MAX {
            return Err(io::Error::new(ErrorKind::InvalidData, "a frame longer than a line may be"));
        }
        // Bounded just above.
        self.line[..PREFIX_BYTES as usize].copy_from_slice(&(bytes as u32).to_le_bytes());
        if self.current.bytes + self.line.len() as u64 > self.segment_bytes_max && self.current.bytes > 0 {
            let next = Segment { file: nameless()?, base: self.current.base + self.current.bytes, bytes: 0 };
            self.older = Some(std::mem::replace(&mut self.current, next));
        }
        let at = self.current.bytes;
        self.current.file.write_all_at(&self.line, at)?;
        self.current.bytes += self.line.len() as u64;
        Ok(self.current.base + at)
    }

    /// Lets the disk be full from now on: what was kept stays.
    #[cfg(test)]
    pub(crate) fn fill_disk(&mut self) {
        let full = OpenOptions::new().read(true).write(true).open("/dev/full").expect("Linux has it");
        let next = Segment { file: full, base: self.current.base + self.current.bytes, bytes: 0 };
        self.older = Some(std::mem::replace(&mut self.current, next));
    }

    /// The offset of the oldest frame that is still kept.
    pub(crate) fn first(&self) -> u64 {
        self.older.as_ref().unwrap_or(&self.current).base
    }

    /// Reads the frame at `offset`, or the oldest if that one is forgotten. Gives its own offset and the next frame's;
    /// `None` at the end.
    pub(crate) fn read(&self, offset: u64, line: &mut Vec<u8>) -> io::Result<Option<(u64, u64)>> {
        let offset = offset.max(self.first());
        let segment = match &self.older {
            Some(older) if offset < self.current.base => older,
            _ => &self.current,
        };
        let at = offset - segment.base;
        if at >= segment.bytes {
            return Ok(None);
        }
        let mut prefix = [0; PREFIX_BYTES as usize];
        segment.file.read_exact_at(&mut prefix, at)?;
        let bytes = u32::from_le_bytes(prefix) as usize;
        if bytes > FRAME_BYTES_MAX {
            return Err(io::Error::new(ErrorKind::InvalidData, "the spool file is damaged"));
        }
        line.resize(bytes, 0);
        segment.file.read_exact_at(line, at + PREFIX_BYTES)?;
        Ok(Some((offset, offset + PREFIX_BYTES + bytes as u64)))
    }
}

/// A file that exists only for who has it open. `/var/tmp` is for what is large; `/tmp` may be memory.
fn nameless() -> io::Result<File> {
    let folders =
        [std::env::var_os("TMPDIR").map(PathBuf::from), Some("/var/tmp".into()), Some("/tmp".into())];
    let mut refused = None;
    for folder in folders.into_iter().flatten() {
        match nameless_in(&folder) {
            Ok(file) => return Ok(file),
            Err(error) => refused = refused.or(Some(error)),
        }
    }
    Err(refused.unwrap_or_else(|| ErrorKind::NotFound.into()))
}

fn nameless_in(folder: &Path) -> io::Result<File> {
    let now = telemetry::monotonic_ns();
    let path = folder.join(format!(".floodmark-top-{}-{now}", std::process::id()));
    let mut file = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(&path)?;
    std::fs::remove_file(&path)?;
    file.flush()?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use telemetry::{Log, Stamp};

    use super::*;

    fn frame(number: u64) -> Frame {
        Frame::Log(Log { at: Stamp { mono_us: number, wall_us: 0 }, ..Log::default() })
    }

    fn numbers(spool: &Spool, mut offset: u64) -> Vec<u64> {
        let (mut line, mut numbers) = (Vec::new(), Vec::new());
        while let Some((_, next)) = spool.read(offset, &mut line).expect("readable") {
            numbers.push(Frame::parse(&line).expect("a frame").expect("a known one").at().mono_us);
            offset = next;
        }
        numbers
    }

    #[test]
    fn what_went_in_comes_out_from_any_offset() {
        let mut spool = Spool::new(1 << 20).expect("a spool");
        let offsets: Vec<u64> = (0..100).map(|number| spool.append(&frame(number)).expect("room")).collect();
        assert_eq!(numbers(&spool, 0), (0..100).collect::<Vec<_>>());
        assert_eq!(numbers(&spool, offsets[40]), (40..100).collect::<Vec<_>>());
    }

    #[test]
    fn a_full_spool_forgets_the_oldest_and_keeps_its_offsets() {
        let mut spool = Spool::new(4_000).expect("a spool");
        let offsets: Vec<u64> = (0..200).map(|number| spool.append(&frame(number)).expect("room")).collect();
        let kept = numbers(&spool, 0);
        assert_eq!(kept.last(), Some(&199));
        assert!((10..100).contains(&kept.len()), "{}", kept.len());
        assert_eq!(spool.first(), offsets[kept[0] as usize]);
        assert_eq!(numbers(&spool, offsets[199]), [199]);
    }
}

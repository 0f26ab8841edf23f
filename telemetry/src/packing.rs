//! Packs a recording: every frame again, in the same order, in a twentieth of the bytes. See `packed.rs` for the form.
//!
//! Lines of kinds that this version does not know are kept as they are, and so are samples with fields that it does not
//! know. Lines that are no frames are not kept.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use serde::de::IgnoredAny;
use zstd::bulk::Compressor;
use zstd::zstd_safe::CParameter;

use crate::bundle::io_error;
use crate::columns::Columns;
use crate::lines::{Line, LineReader};
use crate::packed::{BLOCK_BYTES_MAX, Head};
use crate::{BundleError, FRAMES_FILE, Frame, FrameError, LINE_BYTES_MAX, Recording, SCHEMA_VERSION, Sample};

/// A block is full when it holds a minute and no fewer frames than this, so that a cut costs the last minute and not all of
/// a short recording. A host's samples at 1 Hz take 104 bytes each in such blocks, and 88 in blocks of 600.
const BLOCK_FRAMES_MIN: usize = 60;

/// How much time a block holds, in microseconds, if its frames are close enough.
const BLOCK_US: u64 = 60_000_000;

/// Or it is full with so many frames, which is enough for columns to be long.
const BLOCK_FRAMES: usize = 600;

/// Or with so many bytes of lines, whichever comes first.
const BLOCK_BYTES: usize = 2 << 20;

// The longest line may come on top. As a column, a value takes at most twice what it took in its line (`1e15`), and a
// bit. Should a block be too long for a reader all the same, packing fails and the recording stays plain.
const _: () = assert!((BLOCK_BYTES + LINE_BYTES_MAX) * 5 / 2 <= BLOCK_BYTES_MAX);

/// How hard zstd tries. Seven minutes of one host at 1 Hz take 105 bytes a sample at level 3, 104 at 9, and 98 at 15. In
/// blocks of 600 frames an hour took 103, 94 and 87, but level 15 twice the time and another megabyte.
const LEVEL: i32 = 9;

/// What packing made of a recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Finished {
    /// How large it was.
    pub bytes_before: u64,
    /// How large it is.
    pub bytes_after: u64,
    /// How many samples are in it.
    pub samples: u64,
}

/// Packs the recording `from` into the file `to`, which appears, or is replaced, whole or not at all. They may be the
/// same file. A recording without a frame becomes an empty file, which is a recording, too.
///
/// # Errors
/// As for [`Recording::open`]; [`BundleError::Unreadable`] when a later version wrote some of it, or it is packed already.
pub fn pack(from: &Path, to: &Path) -> Result<Finished, BundleError> {
    if Recording::open(from)?.is_packed() {
        let packed = io::Error::new(io::ErrorKind::InvalidInput, "it is packed already");
        return Err(BundleError::Unreadable { run: from.to_owned(), source: FrameError::Read(packed) });
    }
    let path = if from.is_dir() { from.join(FRAMES_FILE) } else { from.to_owned() };
    let input = File::open(&path).map_err(io_error("open", &path))?;
    let temporary = beside(to);
    let mut packer = Packer::default();
    let packed = File::create(&temporary)
        .map_err(io_error("create", &temporary))
        .and_then(|mut output| {
            packer.take_all(&path, input, &mut output)?;
            output.sync_all().map_err(io_error("write", &temporary))
        })
        .and_then(|()| fs::rename(&temporary, to).map_err(io_error("write", to)));
    if packed.is_err() {
        // Best effort: the error that matters is the first one.
        let _ = fs::remove_file(&temporary);
    }
    packed.map(|()| packer.finished)
}

/// The file that is written before it takes its name.
fn beside(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.part"))
}

/// Gathers frames until they fill a block.
#[derive(Default)]
struct Packer {
    /// For each frame the number of its group, from 1, or 0 for a line.
    order: Vec<usize>,
    groups: Vec<Columns>,
    lines: Vec<u8>,
    /// When the first of them was said, and the last.
    span_us: (u64, u64),
    /// How long the lines of the gathered frames were.
    bytes: usize,
    /// The text of a block.
    text: Vec<u8>,
    finished: Finished,
}

impl Packer {
    fn take_all(
        &mut self,
        path: &Path,
        input: impl Read,
        output: &mut impl Write,
    ) -> Result<(), BundleError> {
        let unreadable = |source| BundleError::Unreadable { run: path.to_owned(), source };
        let mut compressor = Compressor::new(LEVEL)
            .and_then(|mut compressor| {
                compressor.set_parameter(CParameter::ChecksumFlag(true))?;
                Ok(compressor)
            })
            .map_err(io_error("pack", path))?;
        let mut lines = LineReader::new(input, LINE_BYTES_MAX);
        loop {
            match lines.next_line().map_err(io_error("read", path))? {
                Some(Line::Whole(line)) => self.take(line).map_err(unreadable)?,
                Some(Line::TooLong { .. } | Line::Torn(_)) => {}
                None => break,
            }
            if self.is_full() {
                self.write_block(&mut compressor, output).map_err(io_error("write", path))?;
            }
        }
        self.finished.bytes_before = lines.taken();
        self.write_block(&mut compressor, output).map_err(io_error("write", path))
    }

    fn is_full(&self) -> bool {
        let (frames, (first_us, last_us)) = (self.order.len(), self.span_us);
        frames >= BLOCK_FRAMES
            || frames >= BLOCK_FRAMES_MIN && last_us.saturating_sub(first_us) >= BLOCK_US
            || self.bytes >= BLOCK_BYTES
    }

    fn take(&mut self, line: &[u8]) -> Result<(), FrameError> {
        let frame = Frame::parse(line);
        if let Ok(Some(frame)) = &frame {
            self.span_us.1 = frame.at().mono_us;
            if self.order.is_empty() {
                self.span_us.0 = self.span_us.1;
            }
        }
        match frame {
            Ok(Some(Frame::Sample(sample))) if has_known_fields(line) => self.take_sample(&sample),
            Ok(frame) => {
                self.finished.samples += u64::from(matches!(frame, Some(Frame::Sample(_))));
                self.lines.extend_from_slice(line);
                self.lines.push(b'\n');
                self.order.push(0);
            }
            Err(error @ FrameError::LaterSchema { .. }) => return Err(error),
            Err(_) => return Ok(()),
        }
        self.bytes += line.len();
        Ok(())
    }

    fn take_sample(&mut self, sample: &Sample) {
        self.finished.samples += 1;
        match self.groups.iter_mut().zip(1..).find(|(group, _)| group.takes(sample)) {
            Some((group, number)) => {
                group.push(sample);
                self.order.push(number);
            }
            None => {
                self.groups.push(Columns::new(sample));
                self.order.push(self.groups.len());
            }
        }
    }

    fn write_block(&mut self, compressor: &mut Compressor<'_>, output: &mut impl Write) -> io::Result<()> {
        if self.order.is_empty() {
            return Ok(());
        }
        let order = std::mem::take(&mut self.order);
        self.text.clear();
        write_line(
            &Head { schema: SCHEMA_VERSION.into(), groups: self.groups.len(), order },
            &mut self.text,
        )?;
        for group in self.groups.drain(..) {
            write_line(&group.shrunk(), &mut self.text)?;
        }
        self.text.append(&mut self.lines);
        self.bytes = 0;
        if self.text.len() > BLOCK_BYTES_MAX {
            return Err(io::Error::new(
                io::ErrorKind::FileTooLarge,
                "a block of it would be too long to be read",
            ));
        }
        let packed = compressor.compress(&self.text)?;
        self.finished.bytes_after += packed.len() as u64;
        output.write_all(&packed)
    }
}

/// Whether a sample's line says nothing but what a [`Sample`] holds.
fn has_known_fields(line: &[u8]) -> bool {
    const KNOWN: [&str; 5] = ["frame", "mono_us", "wall_us", "source", "values"];
    serde_json::from_slice::<HashMap<&str, IgnoredAny>>(line)
        .is_ok_and(|fields| fields.keys().all(|field| KNOWN.contains(field)))
}

fn write_line(line: &impl serde::Serialize, text: &mut Vec<u8>) -> io::Result<()> {
    serde_json::to_writer(&mut *text, line)?;
    text.push(b'\n');
    Ok(())
}

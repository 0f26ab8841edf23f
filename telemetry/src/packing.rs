//! Packs a recording: every frame again, in the same order, in a twentieth of the bytes. See `packed.rs` for the form.
//!
//! Lines of kinds that this version does not know are kept as they are. Lines that are no frames are not kept, nor are
//! fields of a sample that this version does not know.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use zstd::bulk::Compressor;
use zstd::zstd_safe::CParameter;

use crate::bundle::io_error;
use crate::columns::Columns;
use crate::lines::{Line, LineReader};
use crate::packed::{BLOCK_BYTES_MAX, Head};
use crate::{BundleError, FRAMES_FILE, Frame, FrameError, LINE_BYTES_MAX, Recording, SCHEMA_VERSION, Sample};

/// A block is full with so many frames: enough for columns to be long, few enough to lose in a cut or to read for one.
const BLOCK_FRAMES: usize = 600;

/// Or with so many bytes of lines, whichever comes first.
const BLOCK_BYTES: usize = 2 << 20;

// The line that fills a block, and what stands before it, still fit into what a reader takes.
const _: () = assert!(BLOCK_BYTES + LINE_BYTES_MAX + LINE_BYTES_MAX / 2 <= BLOCK_BYTES_MAX);

/// How hard zstd tries.
const LEVEL: i32 = 12;

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
    let mut packer = Packer { text: Vec::new(), frames: Vec::new(), bytes: 0, finished: Finished::default() };
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
struct Packer {
    text: Vec<u8>,
    frames: Vec<Gathered>,
    /// How long the lines of the gathered frames were.
    bytes: usize,
    finished: Finished,
}

enum Gathered {
    Sample(Sample),
    /// With its newline.
    Line(Vec<u8>),
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
            if self.frames.len() >= BLOCK_FRAMES || self.bytes >= BLOCK_BYTES {
                self.write_block(&mut compressor, output).map_err(io_error("write", path))?;
            }
        }
        self.finished.bytes_before = lines.taken();
        self.write_block(&mut compressor, output).map_err(io_error("write", path))
    }

    fn take(&mut self, line: &[u8]) -> Result<(), FrameError> {
        let gathered = match Frame::parse(line) {
            Ok(Some(Frame::Sample(sample))) => Gathered::Sample(sample),
            Ok(_) => Gathered::Line([line, b"\n"].concat()),
            Err(error @ FrameError::LaterSchema { .. }) => return Err(error),
            Err(_) => return Ok(()),
        };
        self.finished.samples += u64::from(matches!(gathered, Gathered::Sample(_)));
        self.bytes += line.len();
        self.frames.push(gathered);
        Ok(())
    }

    fn write_block(&mut self, compressor: &mut Compressor<'_>, output: &mut impl Write) -> io::Result<()> {
        if self.frames.is_empty() {
            return Ok(());
        }
        self.text.clear();
        write_text(&self.frames, &mut self.text)?;
        let packed = compressor.compress(&self.text)?;
        self.finished.bytes_after += packed.len() as u64;
        self.frames.clear();
        self.bytes = 0;
        output.write_all(&packed)
    }
}

/// Writes the lines of a block. Samples with the same source and names make a group.
fn write_text(frames: &[Gathered], text: &mut Vec<u8>) -> io::Result<()> {
    let mut numbers: HashMap<(&str, Vec<&str>), usize> = HashMap::new();
    let mut groups: Vec<Vec<&Sample>> = Vec::new();
    let mut order = Vec::with_capacity(frames.len());
    for frame in frames {
        let Gathered::Sample(sample) = frame else {
            order.push(0);
            continue;
        };
        let names = sample.values.keys().map(String::as_str).collect();
        let number = *numbers.entry((&sample.source, names)).or_insert(groups.len());
        if number == groups.len() {
            groups.push(Vec::new());
        }
        groups[number].push(sample);
        order.push(number + 1);
    }
    let head = Head { schema: SCHEMA_VERSION.into(), groups: groups.len(), order };
    serde_json::to_writer(&mut *text, &head)?;
    text.push(b'\n');
    for group in groups {
        serde_json::to_writer(&mut *text, &Columns::of(&group))?;
        text.push(b'\n');
    }
    for frame in frames {
        if let Gathered::Line(line) = frame {
            text.extend_from_slice(line);
        }
    }
    Ok(())
}

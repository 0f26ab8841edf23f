//! A finished recording, packed: JSON lines in zstd, so that `zstd -dc` shows them, in blocks that stand alone.
//!
//! ```text
//!   block = one zstd frame, with its checksum:
//!     {"frame":"block","schema":1,"groups":1,"order":[0,1,1,0]}    one number for each frame, in the order heard:
//!     {"frame":"samples",...}                                      1: the next sample of the first group (columns.rs)
//!     {"frame":"hello",...}                                        0: the next of the lines below, as it was
//!     {"frame":"mark",...}
//! ```
//!
//! A block that is damaged is skipped, counted, and the next one looked for by its magic number: a cut loses at most
//! the last block, which is about a minute. The offset of a frame is that of its block in the file, and its number in the block.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt;

use serde::{Deserialize, Serialize};

use crate::columns::Columns;
use crate::recording::{LeftOut, is_left_out};
use crate::{Frame, FrameError, LINE_BYTES_MAX, SCHEMA_VERSION};

/// What a packed recording, and each of its blocks, begins with.
pub(crate) const MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// The most frames in a block; one that claims more is damaged.
pub(crate) const BLOCK_FRAMES_MAX: usize = 1 << FRAME_BITS;

/// The most bytes in a block once unpacked; one that holds more is skipped.
pub(crate) const BLOCK_BYTES_MAX: usize = 4 * LINE_BYTES_MAX;

/// How far back a block may refer, as a power of two: what unpacking takes in memory beside the block itself.
const WINDOW_LOG_MAX: u32 = 24;

/// The bits of an offset that say which frame of the block it is. The rest are the block's place: files up to 2^52 bytes.
const FRAME_BITS: u32 = 12;

/// The first line of a block.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "frame", rename = "block")]
pub(crate) struct Head {
    pub(crate) schema: u64,
    pub(crate) groups: usize,
    pub(crate) order: Vec<usize>,
}

/// Reads a packed recording.
#[derive(Debug)]
pub(crate) struct PackedReader {
    file: File,
    block: Option<Block>,
    /// Where the next block is looked for.
    next_at: u64,
    torn: bool,
    skipped: u64,
    left_out: LeftOut,
}

/// Why there is no block here.
enum NoBlock {
    /// What is here is none, or damaged. True when the file ended too early.
    Damaged(bool),
    Failed(FrameError),
}

impl PackedReader {
    pub(crate) fn new(file: File) -> PackedReader {
        PackedReader { file, block: None, next_at: 0, torn: false, skipped: 0, left_out: &[] }
    }

    pub(crate) fn leave_out(&mut self, kinds: LeftOut) {
        self.left_out = kinds;
    }

    pub(crate) fn torn(&self) -> bool {
        self.torn
    }

    pub(crate) fn skipped(&self) -> u64 {
        self.skipped
    }

    /// Whether this can be read: there is a whole block, or the beginning of one in a file that was cut.
    pub(crate) fn look(&mut self) -> Result<bool, FrameError> {
        let found = self.next_block()?;
        self.next()?;
        self.skipped = 0;
        Ok(found || self.torn)
    }

    /// The next frame and its offset.
    pub(crate) fn next(&mut self) -> Result<Option<(u64, Frame)>, FrameError> {
        loop {
            while let Some(block) = &mut self.block {
                block.pass_over(self.left_out);
                let offset = block.at << FRAME_BITS | block.next as u64;
                match block.next() {
                    Some(Ok(Some(frame))) => return Ok(Some((offset, frame))),
                    Some(Err(error @ FrameError::LaterSchema { .. })) => return Err(error),
                    Some(Ok(None) | Err(_)) => self.skipped += 1,
                    None => self.block = None,
                }
            }
            if !self.next_block()? {
                return Ok(None);
            }
        }
    }

    /// Goes to the frame at `offset`, or to the end when there is none.
    pub(crate) fn seek(&mut self, offset: u64) -> Result<(), FrameError> {
        let at = offset >> FRAME_BITS;
        if self.block.as_ref().is_none_or(|block| block.at != at) {
            (self.block, self.next_at) = (None, at);
            self.next_block()?;
        }
        if let Some(block) = self.block.as_mut().filter(|block| block.at == at) {
            block.next = (offset % BLOCK_FRAMES_MAX as u64) as usize;
        }
        Ok(())
    }

    /// Reads the next block that is whole. False at the end.
    fn next_block(&mut self) -> Result<bool, FrameError> {
        let end = self.file.metadata()?.len();
        let mut damaged = false;
        while self.next_at < end {
            match self.read_block(self.next_at) {
                Ok((block, next_at)) => {
                    self.skipped += u64::from(damaged);
                    (self.block, self.next_at) = (Some(block), next_at);
                    return Ok(true);
                }
                Err(NoBlock::Failed(error)) => return Err(error),
                Err(NoBlock::Damaged(cut)) => match find_magic(&self.file, self.next_at + 1, end)? {
                    Some(at) => (damaged, self.next_at) = (true, at),
                    // Left where it is: asking again says the same.
                    None if cut && !damaged => {
                        self.torn = true;
                        return Ok(false);
                    }
                    None => (damaged, self.next_at) = (true, end),
                },
            }
        }
        self.skipped += u64::from(damaged);
        Ok(false)
    }

    /// The block at `at`, and where the one after it begins.
    fn read_block(&self, at: u64) -> Result<(Block, u64), NoBlock> {
        let mut file = &self.file;
        file.seek(SeekFrom::Start(at)).map_err(|error| NoBlock::Failed(error.into()))?;
        let mut text = Vec::new();
        let next_at = unpack(BufReader::new(file), &mut text).map_err(|error| match error {
            error if error.raw_os_error().is_some() => NoBlock::Failed(error.into()),
            error => NoBlock::Damaged(error.kind() == io::ErrorKind::UnexpectedEof),
        })?;
        let block = Block::parse(at, text).map_err(NoBlock::Failed)?.ok_or(NoBlock::Damaged(false))?;
        Ok((block, next_at))
    }
}

/// Unpacks one zstd frame, and says where in the file it ends.
fn unpack(input: BufReader<&File>, text: &mut Vec<u8>) -> io::Result<u64> {
    let mut decoder = zstd::stream::read::Decoder::with_buffer(input)?.single_frame();
    decoder.window_log_max(WINDOW_LOG_MAX)?;
    let read = decoder.by_ref().take(BLOCK_BYTES_MAX as u64 + 1).read_to_end(text)?;
    if read == 0 || read > BLOCK_BYTES_MAX {
        return Err(io::ErrorKind::InvalidData.into());
    }
    decoder.finish().stream_position()
}

/// Where the magic number next stands in the file.
fn find_magic(file: &File, from: u64, end: u64) -> io::Result<Option<u64>> {
    let mut buffer = vec![0; 64 * 1024];
    let mut at = from;
    while at + MAGIC.len() as u64 <= end {
        let read = file.read_at(&mut buffer, at)?;
        if let Some(found) = buffer[..read].windows(MAGIC.len()).position(|bytes| bytes == MAGIC) {
            return Ok(Some(at + found as u64));
        }
        // The last bytes may be the beginning of one.
        at += (read.saturating_sub(MAGIC.len() - 1)).max(1) as u64;
    }
    Ok(None)
}

/// A block, unpacked.
#[derive(Debug)]
struct Block {
    at: u64,
    groups: Vec<Columns>,
    lines: Vec<u8>,
    places: Vec<Place>,
    next: usize,
}

/// Where one frame of a block stands.
#[derive(Debug, Clone, Copy)]
enum Place {
    Line { start: usize, end: usize },
    Sample { group: usize, row: usize },
}

impl Block {
    /// Takes the text of a block apart. `None` when it is not the text of a block.
    fn parse(at: u64, text: Vec<u8>) -> Result<Option<Block>, FrameError> {
        let mut lines = text.split_inclusive(|&byte| byte == b'\n');
        let Some(Ok(head)) = lines.next().map(serde_json::from_slice::<Head>) else { return Ok(None) };
        if head.schema > SCHEMA_VERSION.into() {
            return Err(FrameError::LaterSchema { schema: head.schema });
        }
        if head.order.len() > BLOCK_FRAMES_MAX || head.groups > head.order.len() {
            return Ok(None);
        }
        let groups = lines
            .by_ref()
            .take(head.groups)
            .map(|line| serde_json::from_slice::<Columns>(line).ok()?.restored());
        let Some(groups) = groups.collect::<Option<Vec<_>>>() else { return Ok(None) };
        let rest: usize = lines.map(<[u8]>::len).sum();
        Ok(places(&head, &groups, &text, text.len() - rest).map(|places| Block {
            at,
            groups,
            places,
            next: 0,
            lines: text,
        }))
    }

    fn next(&mut self) -> Option<Result<Option<Frame>, FrameError>> {
        let place = *self.places.get(self.next)?;
        self.next += 1;
        Some(match place {
            Place::Line { start, end } => Frame::parse(&self.lines[start..end]),
            Place::Sample { group, row } => Ok(Some(Frame::Sample(self.groups[group].sample(row)))),
        })
    }

    /// Goes on to the next frame that is of none of these kinds.
    fn pass_over(&mut self, left_out: LeftOut) {
        while let Some(Place::Line { start, end }) = self.places.get(self.next) {
            if !is_left_out(&self.lines[*start..*end], left_out) {
                break;
            }
            self.next += 1;
        }
    }
}

/// Finds each frame of a block whose lines stand in `text` from `start`. `None` when there are not as many as were ordered.
fn places(head: &Head, groups: &[Columns], text: &[u8], mut start: usize) -> Option<Vec<Place>> {
    let mut rows = vec![0; groups.len()];
    let mut places = Vec::with_capacity(head.order.len());
    for &number in &head.order {
        places.push(match number.checked_sub(1) {
            Some(group) => {
                let row = rows.get_mut(group).filter(|row| **row < groups[group].len())?;
                *row += 1;
                Place::Sample { group, row: *row - 1 }
            }
            None => {
                let length = text[start..].iter().position(|&byte| byte == b'\n')?;
                start += length + 1;
                Place::Line { start: start - length - 1, end: start }
            }
        });
    }
    let all = groups.len() == head.groups
        && start == text.len()
        && rows.iter().zip(groups).all(|(row, group)| *row == group.len());
    all.then_some(places)
}

#[cfg(test)]
#[path = "packed_tests.rs"]
mod tests;

//! Stand-in for telemetry's recordings until they are merged.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use telemetry::{BundleError, Frame, FrameError};

#[derive(Debug)]
pub(crate) struct Recording {
    file: File,
    offset: u64,
}

pub(crate) struct Placed {
    pub(crate) offset: u64,
    pub(crate) frame: Frame,
}

impl Recording {
    pub(crate) fn open(path: &Path) -> Result<Recording, BundleError> {
        let file = if path.is_dir() { path.join("frames.jsonl") } else { path.to_owned() };
        let file = File::open(&file).map_err(|source| BundleError::Io { action: "open", path: file, source })?;
        let mut recording = Recording { file, offset: 0 };
        if let Some(Err(source)) = recording.next() {
            return Err(BundleError::Unreadable { run: path.to_owned(), source });
        }
        recording.offset = 0;
        Ok(recording)
    }

    pub(crate) fn next(&mut self) -> Option<Result<Placed, FrameError>> {
        loop {
            let mut line = Vec::new();
            let mut block = [0; 4096];
            let end = loop {
                let read = match self.file.read_at(&mut block, self.offset + line.len() as u64) {
                    Ok(0) => return None,
                    Ok(read) => read,
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                    Err(error) => return Some(Err(error.into())),
                };
                let found = block[..read].iter().position(|&byte| byte == b'\n');
                line.extend_from_slice(&block[..found.unwrap_or(read)]);
                if found.is_some() {
                    break line.len() as u64 + 1;
                }
            };
            let offset = self.offset;
            self.offset += end;
            match Frame::parse(&line) {
                Ok(Some(frame)) => return Some(Ok(Placed { offset, frame })),
                Err(error @ FrameError::LaterSchema { .. }) => return Some(Err(error)),
                _ => {}
            }
        }
    }

    pub(crate) fn seek(&mut self, offset: u64) -> Result<(), BundleError> {
        self.offset = offset;
        Ok(())
    }
}

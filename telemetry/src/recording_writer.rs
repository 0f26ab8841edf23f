//! Writes a recording to one file, and packs it in the end.
//!
//! Until then the file is plain, a frame a line and a line a `write`: whenever the process is killed, what is there is
//! a recording, and whoever likes may follow it.

use std::fs::{self, File};
use std::path::Path;

use crate::bundle::io_error;
use crate::line_file::LineFile;
use crate::number::Number;
use crate::packing::{Finished, pack};
use crate::{BundleError, Frame, Stamp};

/// Writes a recording to one file, append-only; [`finish`](Self::finish) packs it.
///
/// Dropped without that, it leaves the recording plain.
#[derive(Debug)]
pub struct RecordingWriter {
    frames: LineFile,
}

impl RecordingWriter {
    /// Begins a recording.
    ///
    /// # Errors
    /// [`BundleError::Taken`] when there is something in the file already, [`BundleError::Io`] when the file system
    /// refuses.
    pub fn create(path: &Path) -> Result<RecordingWriter, BundleError> {
        let file = File::options().append(true).create(true).open(path).map_err(io_error("create", path))?;
        if file.metadata().map_err(io_error("create", path))?.len() > 0 {
            return Err(BundleError::Taken { path: path.to_owned() });
        }
        Ok(RecordingWriter { frames: LineFile::new(path.to_owned(), file, false) })
    }

    /// Records one frame.
    ///
    /// # Errors
    /// As for [`Bundle::append`](crate::Bundle::append). What was recorded before stays readable.
    pub fn append(&mut self, frame: &Frame) -> Result<(), BundleError> {
        frame.to_line(self.frames.begin());
        self.frames.write()
    }

    /// Records a sample without making one first: nothing is allocated once a line as long has been there. Values that
    /// are not finite were not measured, and are left out.
    ///
    /// # Errors
    /// As for [`append`](Self::append).
    pub fn append_values<'a>(
        &mut self,
        at: Stamp,
        source: &str,
        values: impl Iterator<Item = (&'a str, f64)>,
    ) -> Result<(), BundleError> {
        let line = self.frames.begin();
        line.extend_from_slice(b"{\"frame\":\"sample\",\"mono_us\":");
        json(line, &at.mono_us);
        line.extend_from_slice(b",\"wall_us\":");
        json(line, &at.wall_us);
        line.extend_from_slice(b",\"source\":");
        json(line, source);
        line.extend_from_slice(b",\"values\":{");
        for (index, (name, value)) in values.filter(|(_, value)| value.is_finite()).enumerate() {
            if index > 0 {
                line.push(b',');
            }
            json(line, name);
            line.push(b':');
            json(line, &Number(value));
        }
        line.extend_from_slice(b"}}\n");
        self.frames.write()
    }

    /// How many bytes were written so far.
    pub fn bytes(&self) -> u64 {
        self.frames.bytes()
    }

    /// Packs the recording: a packed file, written beside it and made to last, takes its name. What is not a regular
    /// file (`/dev/stdout`) stays as it is.
    ///
    /// # Errors
    /// As for [`pack`]. The plain recording stays then.
    pub fn finish(self) -> Result<Finished, BundleError> {
        let path = self.frames.path();
        if fs::metadata(path).map_err(io_error("open", path))?.is_file() {
            pack(path, path)
        } else {
            let bytes = self.frames.bytes();
            Ok(Finished { bytes_before: bytes, bytes_after: bytes, samples: 0 })
        }
    }
}

fn json<T: serde::Serialize + ?Sized>(line: &mut Vec<u8>, value: &T) {
    serde_json::to_writer(line, value).expect("text and finite numbers are JSON, and a Vec takes it all");
}

#[cfg(test)]
#[path = "recording_writer_tests.rs"]
mod tests;

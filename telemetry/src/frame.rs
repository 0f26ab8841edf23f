//! The frames: everything that a worker says and a viewer reads.
//!
//! A frame is one line of JSON. Its kind stands under `frame`, its times under `mono_us` and `wall_us`, its author
//! under `source` (`server`, `generator`, `publisher`, `host`, `runner`):
//!
//! ```json
//! {"frame":"sample","mono_us":81000000,"wall_us":1764000000000000,"source":"server","values":{"server.rss_bytes":41943040}}
//! ```
//!
//! The first frame of a stream is a [`Hello`], which carries the schema's version. **Minor** changes (a new kind of
//! frame, a new field) keep the number, and a reader skips what it does not know. A change that an older reader would
//! misread raises [`SCHEMA_VERSION`], and an older reader refuses the stream and says so. A later version reads every
//! earlier one.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::number::{Number, number};
use crate::{AuditFrame, Latency, Stamp};

/// The version of the frames that this crate writes, and the latest that it reads.
pub const SCHEMA_VERSION: u32 = 1;

/// One thing that was said, once.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "frame", rename_all = "snake_case")]
pub enum Frame {
    /// Who speaks, and in which schema: the first frame of any stream.
    Hello(Hello),
    /// A named set of values at a moment.
    Sample(Sample),
    /// A named table at a moment.
    Table(Table),
    /// What names in samples mean.
    Catalog(Catalog),
    /// Something happened: a phase, a knob, a warning.
    Mark(Mark),
    /// The latencies of one interval.
    Latency(Latency),
    /// The delivery account so far.
    Audit(AuditFrame),
    /// A line for a human.
    Log(Log),
}

/// Who speaks, and in which schema.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// When the stream began.
    #[serde(flatten)]
    pub at: Stamp,
    /// Who speaks.
    pub source: String,
    /// The writer's [`SCHEMA_VERSION`].
    pub schema: u32,
    /// The kind of worker: `chat`, `floodtest`, `msggen`, `runner`.
    pub worker: String,
    /// The worker's process id.
    pub pid: u32,
    /// The worker's own version, for humans.
    pub version: String,
}

/// A named set of values at a moment.
///
/// Names are dotted, with the unit last: `server.rss_bytes`, `host.cpu_busy_ratio`. What was not measured is absent,
/// never zero: a value that is not finite is left out of the line, and a `null` is skipped on reading.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Sample {
    /// When the values were true.
    #[serde(flatten)]
    pub at: Stamp,
    /// Who measured.
    pub source: String,
    /// The values by name.
    #[serde(serialize_with = "finite_only", deserialize_with = "present_only")]
    pub values: BTreeMap<String, f64>,
}

/// A named table at a moment: the server's shards, its busiest connections.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Table {
    /// When the rows were true.
    #[serde(flatten)]
    pub at: Stamp,
    /// Who measured.
    pub source: String,
    /// What the rows are: `shards`, `connections`.
    pub name: String,
    /// The names of the columns, with their units last.
    pub columns: Vec<String>,
    /// As many cells in each as there are columns; a reader takes a row that is shorter as ending in [`Cell::Absent`].
    pub rows: Vec<Vec<Cell>>,
}

/// What stands in a table.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Cell {
    /// A figure.
    #[serde(serialize_with = "number")]
    Number(f64),
    /// A word, an address, a list.
    Text(String),
    /// Not measured.
    #[default]
    Absent,
}

/// What names in samples mean. Said before the first sample that holds them; a later catalog adds to an earlier one. A
/// name that no catalog explains is a gauge.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Catalog {
    /// When it was said.
    #[serde(flatten)]
    pub at: Stamp,
    /// Whose samples hold the names.
    pub source: String,
    /// The names and their meanings.
    pub names: BTreeMap<String, Meaning>,
}

/// What one name means. Its unit is the name's last word.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Meaning {
    /// How its values follow each other.
    pub kind: Kind,
    /// A sentence.
    #[serde(default)]
    pub help: String,
}

/// How the values under a name follow each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// It goes up and down, and each value stands for itself.
    #[default]
    Gauge,
    /// It only grows, from a beginning that may come again; its rate of growth is what matters.
    Counter,
}

/// Something happened.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Mark {
    /// When it happened.
    #[serde(flatten)]
    pub at: Stamp,
    /// Who says so.
    pub source: String,
    /// What: `phase.began`, `phase.ended`, `worker.ready`, `knob`, `warning`.
    pub name: String,
    /// The particulars.
    #[serde(default)]
    pub attributes: BTreeMap<String, serde_json::Value>,
}

/// A line for a human.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Log {
    /// When it was said.
    #[serde(flatten)]
    pub at: Stamp,
    /// Who says it.
    pub source: String,
    /// `error`, `warn`, `info`, `debug` or `trace`.
    pub level: String,
    /// What there is to say, in prose.
    pub message: String,
    /// The particulars, as fields rather than prose.
    #[serde(default)]
    pub fields: BTreeMap<String, serde_json::Value>,
}

/// Why a line is not a frame, or a stream could not be read on.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    /// The stream's writer is newer than this reader, in a way that this reader would misread.
    #[error("recorded by a later version (schema {schema}; this floodmark reads up to {SCHEMA_VERSION})")]
    LaterSchema {
        /// The writer's schema.
        schema: u64,
    },
    /// The line is not JSON, or lacks what its kind must have.
    #[error("the line is not a frame: {0}")]
    Line(#[from] serde_json::Error),
    /// A histogram inside a frame cannot be decoded.
    #[error("the histogram '{name}' cannot be decoded: {reason}")]
    Histogram {
        /// The histogram's name.
        name: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The stream itself failed.
    #[error("could not read on: {0}")]
    Read(#[from] std::io::Error),
}

impl Frame {
    /// Appends this frame to `out` as one line, its newline included.
    pub fn to_line(&self, out: &mut Vec<u8>) {
        serde_json::to_writer(&mut *out, self)
            .expect("frames hold only what JSON can say, and a Vec takes it all");
        out.push(b'\n');
    }

    /// Reads one line, with or without its newline. `None` is a kind of frame that a later minor version added.
    ///
    /// # Errors
    /// [`FrameError::LaterSchema`] for the hello of a stream that this version would misread, [`FrameError::Line`]
    /// for a line that is no frame.
    pub fn parse(line: &[u8]) -> Result<Option<Frame>, FrameError> {
        match serde_json::from_slice::<Frame>(line) {
            Ok(Frame::Hello(hello)) if hello.schema > SCHEMA_VERSION => {
                Err(FrameError::LaterSchema { schema: hello.schema.into() })
            }
            Ok(frame) => Ok(Some(frame)),
            Err(error) => Self::parse_stranger(line, error),
        }
    }

    /// What the line is, when it is not one of our frames: a later hello, a later kind, or nothing at all.
    fn parse_stranger(line: &[u8], error: serde_json::Error) -> Result<Option<Frame>, FrameError> {
        let Ok(head) = serde_json::from_slice::<Head>(line) else { return Err(error.into()) };
        match (head.frame.as_str(), head.schema) {
            ("hello", Some(schema)) if schema > SCHEMA_VERSION.into() => {
                Err(FrameError::LaterSchema { schema })
            }
            ("hello" | "sample" | "table" | "catalog" | "mark" | "latency" | "audit" | "log", _) => {
                Err(error.into())
            }
            _ => Ok(None),
        }
    }

    /// When this was said.
    pub fn at(&self) -> Stamp {
        match self {
            Frame::Hello(frame) => frame.at,
            Frame::Sample(frame) => frame.at,
            Frame::Table(frame) => frame.at,
            Frame::Catalog(frame) => frame.at,
            Frame::Mark(frame) => frame.at,
            Frame::Latency(frame) => frame.at,
            Frame::Audit(frame) => frame.at,
            Frame::Log(frame) => frame.at,
        }
    }

    /// Who said it.
    pub fn source(&self) -> &str {
        match self {
            Frame::Hello(frame) => &frame.source,
            Frame::Sample(frame) => &frame.source,
            Frame::Table(frame) => &frame.source,
            Frame::Catalog(frame) => &frame.source,
            Frame::Mark(frame) => &frame.source,
            Frame::Latency(frame) => &frame.source,
            Frame::Audit(frame) => &frame.source,
            Frame::Log(frame) => &frame.source,
        }
    }
}

/// The little that every line of every version has.
#[derive(Deserialize)]
struct Head {
    frame: String,
    schema: Option<u64>,
}

/// Leaves out what is not finite: JSON would write `null`, and a figure that is not a number was not measured.
fn finite_only<S: Serializer>(values: &BTreeMap<String, f64>, serializer: S) -> Result<S::Ok, S::Error> {
    let finite = values.iter().filter(|(_, value)| value.is_finite());
    serializer.collect_map(finite.map(|(name, value)| (name, Number(*value))))
}

/// Skips nulls: absent, not zero.
fn present_only<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<String, f64>, D::Error> {
    let values = BTreeMap::<String, Option<f64>>::deserialize(deserializer)?;
    Ok(values.into_iter().filter_map(|(name, value)| Some((name, value?))).collect())
}

#[cfg(test)]
#[path = "frame_tests.rs"]
mod tests;

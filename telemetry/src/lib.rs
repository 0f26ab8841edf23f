//! frames: what every worker says and every viewer reads; the run bundle on disk.
//!
//! A run is told once, in one vocabulary. A worker (the server, the generator, the publisher) writes [`Frame`]s,
//! one JSON object a line, and reads [`Command`]s the same way. The runner appends every frame it hears, and its own,
//! to a [`Bundle`]. The live view, the replay, the charts and the CI gate all read the same frames again, from a pipe
//! or from a file, through one [`FrameReader`].
//!
//! ```text
//!   worker --stdout: frames--> runner --append--> RUN/frames.jsonl --> top, plots, history
//!          <--stdin: commands--       --append--> RUN/latency.hlog --> any HdrHistogram tool
//!   sampler --append--> FILE --finish: packed--> FILE --> Recording, which reads a run's frames just as well
//! ```
//!
//! Nothing here depends on the pipe: the same two streams may travel over a message bus later. Every reader takes a
//! torn tail for granted, because a process that records a crash is often part of the crash.
//!
//! - [`clock`]: the two times that every frame carries.
//! - [`frame`]: the frames; [`latency`]: histograms inside frames; [`audit`]: what became of the messages.
//! - [`counts`]: the same histograms, read sparsely and added up.
//! - [`command`]: what a worker is told.
//! - [`decay`]: what follows from samples: rates and gauges as seen over 1, 10 and 100 seconds.
//! - [`fit`]: bytes per connection, from samples of a ramp: a slope and its interval.
//! - [`queue`]: queues, their [`health`] and [`alert`]s: delay and drain, from lengths and counters.
//! - [`stream`]: frames over anything that reads or writes; [`lines`]: the bounded lines under it.
//! - [`bundle`]: the directory that a run leaves behind; [`interval_log`]: its standard latency log.
//! - [`recording`]: any recording, to read; [`recording_writer`]: one file of frames, to write; [`packing`]: to make it
//!   small.

pub mod alert;
pub mod audit;
pub mod bundle;
pub mod by;
pub mod clock;
mod columns;
pub mod command;
pub mod counts;
pub mod decay;
mod described;
pub mod fit;
pub mod frame;
pub mod health;
pub mod interval_log;
pub mod latency;
mod line_file;
pub mod lines;
mod number;
mod packed;
pub mod packing;
pub mod queue;
pub mod recording;
pub mod recording_writer;
mod reporter;
pub mod stream;

pub use alert::{Alert, Threshold};
pub use audit::{Audit, AuditFrame};
pub use bundle::{Bundle, BundleError, BundleReader, FRAMES_FILE, LATENCY_FILE};
pub use by::By;
pub use clock::{Stamp, monotonic_ns};
pub use command::{Command, CommandError, CommandReader};
pub use counts::{Counts, CountsReader, CountsSum};
pub use decay::{Decayed, Decays, TAUS_S};
pub use frame::{
    Catalog, Cell, Frame, FrameError, Hello, Kind, Log, Mark, Meaning, SCHEMA_VERSION, Sample, Table,
};
pub use health::{Drain, Health};
pub use interval_log::{IntervalEntry, IntervalLog, IntervalLogReader};
pub use latency::{EncodedHistogram, LATENCY_MAX_NS, LATENCY_SIGNIFICANT_DIGITS, Latency, latency_histogram};
pub use packing::{Finished, pack};
pub use queue::{QueueSpec, Queues};
pub use recording::{Placed, Recording};
pub use recording_writer::RecordingWriter;
pub use stream::{FrameReader, FrameWriter, LINE_BYTES_MAX};

/// The standard histogram type that latencies are recorded in, so that callers need not name the crate.
pub use hdrhistogram::Histogram;
pub use reporter::Reporter;

//! Words for people: results on stdout, progress and warnings on stderr.

pub(crate) use doctor::words::grouped;
use std::io::{self, Write};

use telemetry::{Frame, Histogram};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

/// Sends what the crates log to stderr. `FLOODMARK_LOG` overrides the flags.
pub(crate) fn log_to_stderr(verbose: u8) {
    let level = match verbose {
        0 => LevelFilter::WARN,
        1 => LevelFilter::INFO,
        _ => LevelFilter::DEBUG,
    };
    let filter = EnvFilter::builder()
        .with_default_directive(level.into())
        .with_env_var("FLOODMARK_LOG")
        .from_env_lossy();
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).with_target(false).init();
}

/// A line of progress. Nobody reading it is no reason to stop.
pub(crate) fn say(line: &str) {
    let _ = writeln!(io::stderr(), "{line}");
}

/// A line of the result.
pub(crate) fn print(line: &str) -> io::Result<()> {
    writeln!(io::stdout(), "{line}")
}

/// Frames on stdout, one JSON object a line, for whoever asked for them.
#[derive(Debug)]
pub(crate) struct FrameLines {
    line: Option<Vec<u8>>,
}

impl FrameLines {
    /// `wanted`: otherwise nothing is printed.
    pub(crate) fn new(wanted: bool) -> Self {
        Self { line: wanted.then(Vec::new) }
    }

    /// Prints the frame; `false` when words are wanted instead.
    pub(crate) fn print(&mut self, frame: &Frame) -> bool {
        let Some(line) = &mut self.line else { return false };
        line.clear();
        frame.to_line(line);
        // A runner that is gone ends its workers by their stdin.
        let _ = io::stdout().write_all(line);
        true
    }

    /// Whether frames are wanted.
    pub(crate) fn are_wanted(&self) -> bool {
        self.line.is_some()
    }
}

/// Nanoseconds in the unit that reads best.
pub(crate) fn time(ns: u64) -> String {
    match ns {
        0..1_000_000 => format!("{} µs", ns / 1000),
        1_000_000..10_000_000_000 => format!("{:.1} ms", ns as f64 / 1e6),
        _ => format!("{:.1} s", ns as f64 / 1e9),
    }
}

/// A histogram's line: `p50 90 µs  p99 210 µs  max 1.2 ms  (45,000)`.
pub(crate) fn percentiles(histogram: &Histogram<u64>) -> String {
    let at = |quantile| time(histogram.value_at_quantile(quantile));
    format!(
        "p50 {}  p90 {}  p99 {}  p99.9 {}  max {}  ({} samples)",
        at(0.5),
        at(0.9),
        at(0.99),
        at(0.999),
        time(histogram.max()),
        grouped(histogram.len())
    )
}

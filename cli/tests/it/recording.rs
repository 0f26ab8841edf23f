//! Run bundles, read back.

use std::path::Path;

use serde_json::Value;
use telemetry::{BundleReader, Frame, Mark};

/// The frames recorded so far; none while there is no bundle yet.
pub(crate) fn frames(bundle: &Path) -> Vec<Frame> {
    let Ok(reader) = BundleReader::open(bundle) else { return Vec::new() };
    // While it is written, its last line may be torn.
    reader.frames().map(|frames| frames.map_while(Result::ok).collect()).unwrap_or_default()
}

/// The runner's own marks, as `began ramp`.
pub(crate) fn phases(frames: &[Frame]) -> Vec<String> {
    marks(frames, "runner")
        .filter_map(|mark| {
            let what = mark.name.strip_prefix("phase.")?;
            Some(format!("{what} {}", mark.attributes.get("phase")?.as_str()?))
        })
        .collect()
}

/// The marks of one source.
pub(crate) fn marks<'a>(frames: &'a [Frame], source: &'a str) -> impl Iterator<Item = &'a Mark> {
    frames.iter().filter_map(move |frame| match frame {
        Frame::Mark(mark) if mark.source == source => Some(mark),
        _ => None,
    })
}

/// The last value of that name.
pub(crate) fn value(frames: &[Frame], name: &str) -> Option<f64> {
    frames.iter().rev().find_map(|frame| match frame {
        Frame::Sample(sample) => sample.values.get(name).copied(),
        _ => None,
    })
}

/// The process of each worker, from its hello.
pub(crate) fn worker(frames: &[Frame], source: &str) -> Option<u32> {
    frames.iter().find_map(|frame| match frame {
        Frame::Hello(hello) if hello.source == source => Some(hello.pid),
        _ => None,
    })
}

/// `summary.json`.
pub(crate) fn summary(bundle: &Path) -> Value {
    let text = std::fs::read(bundle.join("summary.json")).expect("a summary");
    serde_json::from_slice(&text).expect("a summary in JSON")
}

/// What stands at a dotted path.
pub(crate) fn at<'a>(summary: &'a Value, path: &str) -> &'a Value {
    let part = |value: &'a Value, part: &str| -> &'a Value {
        value.get(part).unwrap_or_else(|| panic!("no '{part}' of '{path}' in {summary:#}"))
    };
    path.split('.').fold(summary, part)
}

/// A whole number at a dotted path.
#[track_caller]
pub(crate) fn count(summary: &Value, path: &str) -> u64 {
    at(summary, path).as_u64().unwrap_or_else(|| panic!("'{path}' is no count in {summary:#}"))
}

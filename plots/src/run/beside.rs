//! The files that stand beside a run's frames. Each that is missing or damaged has its sentence.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use serde_json::Value;

/// A larger file is not read. A summary has some kilobytes.
const FILE_BYTES_MAX: u64 = 16 << 20;

/// What could be read of them.
#[derive(Debug, Default)]
pub(super) struct Beside {
    pub(super) summary: Option<Value>,
    pub(super) host: Option<Value>,
    pub(super) plan_text: Option<String>,
}

impl Beside {
    /// Reads those of a run's directory.
    pub(super) fn read(dir: &Path, missing: &mut Vec<String>) -> Beside {
        let no_summary = "there is no summary: the run did not come to its end, or has not yet";
        let summary = whole(dir, "summary.json", no_summary).and_then(object("summary.json"));
        let host = whole(dir, "host.json", "there is no host.json").and_then(object("host.json"));
        let plan = whole(dir, "plan.yaml", "there is no plan.yaml");
        let plan_text =
            plan.and_then(|bytes| String::from_utf8(bytes).map_err(|_| "plan.yaml is not UTF-8".to_owned()));
        let beside = Beside {
            summary: summary.map_err(|said| missing.push(said)).ok(),
            host: host.map_err(|said| missing.push(said)).ok(),
            plan_text: plan_text.map_err(|said| missing.push(said)).ok(),
        };
        missing.extend(beside.summary.as_ref().and_then(text_for_numbers));
        beside
    }
}

/// A whole file of the run, or why there is none: what `absent` says when it is not there.
fn whole(dir: &Path, name: &str, absent: &str) -> Result<Vec<u8>, String> {
    let path = dir.join(name);
    let refused = |error: std::io::Error| match error.kind() {
        ErrorKind::NotFound => absent.to_owned(),
        _ => format!("{name} could not be read: {error}"),
    };
    let metadata = fs::metadata(&path).map_err(refused)?;
    if !metadata.is_file() {
        return Err(format!("{name} was not read: it is no file"));
    }
    if metadata.len() > FILE_BYTES_MAX {
        return Err(format!("{name} was not read: it is larger than {} MiB", FILE_BYTES_MAX >> 20));
    }
    fs::read(&path).map_err(refused)
}

/// Reads an object of JSON; other values have no figures in them.
fn object(name: &str) -> impl Fn(Vec<u8>) -> Result<Value, String> {
    move |bytes| match serde_json::from_slice(&bytes) {
        Ok(value @ Value::Object(_)) => Ok(value),
        Ok(_) => Err(format!("{name} could not be read: it holds no object")),
        Err(error) => Err(format!("{name} could not be read: {error}")),
    }
}

/// Figures that stand in quotes are read by nobody.
fn text_for_numbers(summary: &Value) -> Option<String> {
    let groups = summary.as_object()?.iter().filter_map(|(name, group)| Some((name, group.as_object()?)));
    let mut figures = groups.flat_map(|(group, values)| values.iter().map(move |value| (group, value)));
    let is_quoted = |value: &Value| value.as_str().is_some_and(|text| text.parse::<f64>().is_ok());
    let (group, (name, _)) = figures.find(|(_, (_, value))| is_quoted(value))?;
    Some(format!("summary.json has text where numbers belong, such as '{group}.{name}'"))
}

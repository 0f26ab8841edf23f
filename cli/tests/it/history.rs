//! `floodmark history`: the file, the gate, and everything it prints, as a user meets them.

mod adding;
mod checking;
mod comparing;
mod showing;

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use telemetry::{Bundle, Frame, Mark, Stamp};

use crate::tool::{Finished, floodmark};

/// The metric that these histories are about.
const BYTES: &str = "memory.server_bytes_per_connection";

/// A folder with a history and bundles in it.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Folder {
        Folder(tempfile::tempdir().expect("a directory"))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).expect("written");
    }

    /// `floodmark history VERB --file h.jsonl ARGUMENTS`.
    fn history(&self, verb: &str, arguments: &[&str]) -> Finished {
        let file = self.path("h.jsonl");
        let own = ["history", verb, "--file", file.to_str().expect("a name")];
        floodmark(own.into_iter().chain(arguments.iter().copied()))
    }

    /// A finished run with these figures, committed at `hour` as `commit`; none without a name.
    fn run(&self, name: &str, commit: &str, hour: usize, figures: &Value) -> PathBuf {
        let path = self.path(name);
        let mut bundle = Bundle::create(&path).expect("a run");
        let commit = match commit {
            "" => Value::Null,
            id => json!({ "id": id, "branch": "main", "committed_at": at(hour), "dirty": false }),
        };
        // Every run is at a time of its own.
        let number = fs::read_dir(self.0.path()).expect("a directory").count() as u64;
        let stamp = Stamp { mono_us: 1, wall_us: 1_795_282_318_000_000 + number * 60_000_000 };
        let attributes = [("commit".to_owned(), commit)].into();
        let mark = Mark { at: stamp, source: "runner".into(), name: "plan".into(), attributes };
        bundle.append(&Frame::Mark(mark)).expect("recorded");
        let mut summary = json!({ "version": 1, "scenario": "smoke", "verdict": "pass", "limit": null });
        for (member, value) in figures.as_object().expect("figures") {
            summary[member] = value.clone();
        }
        bundle.write_file("summary.json", summary.to_string()).expect("written");
        bundle.write_file("host.json", host("AMD EPYC").to_string()).expect("written");
        path
    }
}

fn host(cpu: &str) -> Value {
    json!({ "cpu_model": cpu, "cores_usable": 2, "memory_total_bytes": 25_276_502_016_u64, "kernel_release": "6.18.44" })
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a name")
}

/// An hour for each commit.
fn at(hour: usize) -> String {
    format!("2026-10-{:02}T{:02}:00:00Z", 1 + hour / 24, hour % 24)
}

/// A commit's name.
fn id(index: usize) -> String {
    format!("{:07x}{index:033x}", 0x0c0_0000 + index)
}

/// A line of that history; `machine` is what the fingerprint begins with.
fn line(index: usize, machine: &str, metrics: &Value) -> String {
    json!({
        "history": 1,
        "commit": { "id": id(index), "branch": "main", "committed_at": at(index) },
        "date": at(index),
        "scenario": "smoke",
        "machine": { "cpu_model": "AMD EPYC", "cores": 2, "memory_gib": 24, "kernel": "6.18",
                     "fingerprint": format!("{machine:0<16}") },
        "limit": null,
        "verdict": "pass",
        "metrics": metrics,
    })
    .to_string()
}

/// Noise of ±0.5 %, the same each time.
fn noisy(index: usize, value: f64) -> f64 {
    let mut random = index as u64 + 1;
    for _ in 0..4 {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        random ^= random >> 29;
    }
    value * (1.0 + 0.01 * ((random >> 40) as f64 / f64::from(1 << 24) - 0.5))
}

/// A history of bytes per connection: so many commits at each level.
fn levels(levels: &[(usize, f64)]) -> String {
    let values = levels.iter().flat_map(|(count, value)| std::iter::repeat_n(*value, *count));
    let line = |(index, value)| line(index, "8f3a", &json!({ BYTES: noisy(index, value) })) + "\n";
    values.enumerate().map(line).collect()
}

/// A step from 60 to 90 bytes at commit 30 of 60.
fn step() -> String {
    levels(&[(30, 60.0), (30, 90.0)])
}

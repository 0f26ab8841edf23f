//! floodmark beside a bare program that does only the kernel's share of the work, in the same minutes on the same machine.
//!
//! `cargo bench` prints each figure, the bare program's, and the ratio, which is what counts: machines differ and
//! swing. Both are run in turn, [`ROUNDS`] times, and the medians compared.

#![expect(clippy::print_stdout, reason = "a benchmark's result is what it prints")]

use std::process::Command;
use std::time::Duration;

use limit::{Arrangement, Bare};
use serde_json::Value;

const ROUNDS: usize = 3;
const PROGRAM: &str = env!("CARGO_BIN_EXE_floodmark");
const SCENARIO: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../scenarios/comet-c10k.yaml");

fn main() {
    // `cargo test --benches` only wants to know that it builds and starts.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    println!("medians of {ROUNDS} rounds, each beside the bare program's in the same round\n");
    println!("{:<44} {:>12} {:>12} {:>8}  at least", "", "floodmark", "bare", "ratio");
    connects(30_000);
    connects(250_000);
    deliveries(30_000);
    // At least three times what Mochiweb's router reached over as many: 3 × 71,300.
    deliveries(10_000);
    latency(10_000);
    memory();
}

/// Runs the comet scenario with some values changed and returns its summary.
fn run(sets: &[String]) -> Value {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let mut command = Command::new(PROGRAM);
    command
        .args(["run", SCENARIO, "--json", "--set", "thresholds=[]", "--out"])
        .arg(directory.path().join("run"));
    for set in sets {
        command.args(["--set", set]);
    }
    let output = command.output().expect("floodmark runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("a summary")
}

fn figure(summary: &Value, path: &str) -> f64 {
    let value = path.split('.').fold(summary, |value, part| &value[part]);
    value.as_f64().unwrap_or_else(|| panic!("no {path} in the summary"))
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn line(name: &str, ours: f64, bare: f64, least: &str) {
    println!("{name:<44} {ours:>12.0} {bare:>12.0} {:>8.2}  {least}", ours / bare);
}

/// What the bare program reaches in the stronger arrangement: connects/s, or deliveries/s for a time.
fn bare(connections: usize, delivering: Option<Duration>) -> f64 {
    let reach = |arrangement| {
        let bare = Bare::open(arrangement, connections, 500, &mut |_| true);
        let bare = bare.unwrap_or_else(|error| panic!("{error}"));
        let rate = match delivering {
            None => bare.connects_per_s,
            Some(time) => bare.deliveries_per_s(time, &mut || true).expect("nobody said stop"),
        };
        bare.close().unwrap_or_else(|error| panic!("{error}"));
        rate
    };
    Arrangement::ALL.map(reach).into_iter().fold(0.0, f64::max)
}

fn flood(connections: usize) -> Vec<String> {
    vec![
        format!("connections.count={connections}"),
        "connections.rate=unlimited".into(),
        "connections.concurrency=500".into(),
    ]
}

fn connects(connections: usize) {
    let mut pairs = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let mut sets = flood(connections);
        sets.extend(["connections.hold=1s".into(), "messages=null".into()]);
        pairs.0.push(figure(&run(&sets), "connections.connect_rate_per_s"));
        pairs.1.push(bare(connections, None));
    }
    line(&format!("connects/s to {connections} (login included)"), median(pairs.0), median(pairs.1), "0.80");
}

fn full_speed(connections: usize) -> f64 {
    let mut sets = flood(connections);
    sets.push("messages={ max: true, duration: 4s, ids: uniform, payload: 64B }".into());
    sets.push("connections.hold=4s".into());
    let summary = run(&sets);
    assert_eq!(figure(&summary, "audit.lost"), 0.0, "messages were lost");
    figure(&summary, "delivery.rate_per_s")
}

fn deliveries(connections: usize) {
    let mut pairs = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        pairs.0.push(full_speed(connections));
        pairs.1.push(bare(connections, Some(Duration::from_secs(4))));
    }
    line(
        &format!("deliveries/s over {connections}, routed, audited"),
        median(pairs.0),
        median(pairs.1),
        "0.60",
    );
}

fn latency(connections: usize) {
    let mut quantiles = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let sets = [format!("connections.count={connections}"), "connections.hold=10s".into()];
        let summary = run(&sets);
        quantiles.0.push(figure(&summary, "delivery.latency_ms.p50") * 1000.0);
        quantiles.1.push(figure(&summary, "delivery.latency_ms.p99") * 1000.0);
    }
    let (p50, p99) = (median(quantiles.0), median(quantiles.1));
    println!(
        "{:<44} {p50:>12.0} {:>12} {:>8}  122 (Mochiweb)",
        format!("p50 µs, {connections} at 1,000 msg/s"),
        "",
        ""
    );
    println!("{:<44} {p99:>12.0} {:>12} {:>8}  under 300", "p99 µs, corrected", "", "");
}

fn memory() {
    let mut sets = flood(250_000);
    sets.extend(["connections.hold=1s".into(), "messages=null".into()]);
    let summary = run(&sets);
    for (name, path, most) in [
        ("server bytes per idle connection", "memory.server_bytes_per_connection", "at most 128"),
        ("generator bytes per connection, with audit", "memory.generator_bytes_per_connection", "at most 64"),
        ("kernel bytes per loopback pair", "memory.kernel_bytes_per_connection", ""),
    ] {
        println!("{name:<44} {:>12.1} {:>12} {:>8}  {most}", figure(&summary, path), "", "");
    }
}

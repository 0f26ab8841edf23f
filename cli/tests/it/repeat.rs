//! `run --repeat` and `--against`: the same scenario several times, and two builds in turn.

use std::fs;

use nix::sys::signal::Signal;
use serde_json::Value;

use crate::run::{arguments, bundle};
use crate::tool::{eventually, floodmark, scenario, start};

/// What makes smoke.yaml take a second or two.
const QUICK: [&str; 5] = [
    "connections.count=100",
    "connections.rate=400/s",
    "connections.hold=400ms",
    "messages.rate=300/s",
    "settle=200ms",
];

fn repeated(out: &std::path::Path, more: &[&str]) -> Vec<String> {
    let mut arguments = arguments(&scenario("smoke.yaml"), out, &QUICK);
    arguments.extend(more.iter().map(|&text| text.to_owned()));
    arguments
}

#[test]
fn a_repeated_run_leaves_a_bundle_each_and_shows_how_far_they_spread() {
    let (_dir, out) = bundle();
    let finished = floodmark(repeated(&out, &["--repeat", "2"])).expect_code(0);
    let finished = finished.expect_stdout(&["2 runs", "median", "least", "most", "audit.lost"]);
    for number in ["1", "2"] {
        assert!(out.join(number).join("summary.json").is_file(), "no run {number}: {finished}");
    }
    assert!(finished.stderr.contains("run 2 of 2"), "{finished}");
}

#[test]
fn two_builds_take_turns_and_two_runs_of_each_are_too_few_to_judge() {
    let (_dir, out) = bundle();
    let this = env!("CARGO_BIN_EXE_floodmark");
    let finished = floodmark(repeated(&out, &["--repeat", "2", "--against", this, "--json"])).expect_code(5);
    let told: Value = serde_json::from_str(&finished.stdout).expect("JSON");
    assert_eq!(told["verdict"], "not_enough_data", "{told:#}");
    let began = |name: &str| {
        let summary = fs::read_to_string(out.join(name).join("frames.jsonl")).expect("frames");
        let hello: Value = serde_json::from_str(summary.lines().next().expect("a line")).expect("JSON");
        hello["mono_us"].as_u64().expect("a time")
    };
    let order = ["a-1", "b-1", "a-2", "b-2"].map(began);
    assert!(order.is_sorted(), "not in turn: {order:?}");
}

#[test]
fn what_cannot_be_compared_with_is_wrong_input() {
    let (_dir, out) = bundle();
    let finished = floodmark(repeated(&out, &["--against", "/nowhere/floodmark"])).expect_code(2);
    assert!(finished.stderr.contains("could not find '/nowhere/floodmark'"), "{finished}");
    let finished = floodmark(repeated(&out, &["--repeat", "0"])).expect_code(2);
    assert!(finished.stderr.contains("0"), "{finished}");
    assert!(!out.exists(), "nothing was begun");
}

#[test]
fn told_to_stop_the_run_of_the_moment_ends_early_and_no_other_begins() {
    let (_dir, out) = bundle();
    let mut arguments = repeated(&out, &["--repeat", "3"]);
    arguments.extend(["--set".to_owned(), "connections.hold=60s".to_owned()]);
    let running = start(arguments);
    eventually("connections are held", || running.stderr().contains("hold").then_some(()));
    running.signal(Signal::SIGTERM);
    let finished = running.finish().expect_code(4);
    assert!(finished.stderr.contains("interrupted"), "{finished}");
    assert!(out.join("1/summary.json").is_file() && !out.join("2").exists(), "{finished}");
}

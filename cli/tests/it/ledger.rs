//! The ledger: where a connection's bytes go, in the summary, in the table and as a chart.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::chat::Chat;
use crate::recording::{at, frames, summary, value};
use crate::run::{bundle, is_xml, run};
use crate::tool::scenario;

/// A ramp long enough for a slope of the ledger's readings, however slow the machine is.
const SLOW_RAMP: [&str; 4] = [
    "connections.count=300",
    "connections.rate=100/s",
    "connections.hold=300ms",
    "thresholds=[connections.failed == 0]",
];

fn number(side: &Value, key: &str) -> f64 {
    side[key].as_f64().unwrap_or_else(|| panic!("{key} is {} in {side:#}", side[key]))
}

/// Its parts, each rounded to a tenth of a byte, are its total.
#[track_caller]
fn adds_up(side: &Value) {
    // The kernel's own parts are in its sum.
    let parts = ["kernel_bytes", "server_user_bytes", "generator_user_bytes", "remainder_bytes"];
    let sum: f64 = parts.iter().filter_map(|key| side[*key].as_f64()).sum();
    assert!((sum - number(side, "total_bytes")).abs() < 1.0, "{sum} in {side:#}");
    let kernel = side.as_object().expect("a side").iter();
    let split = side["kernel_slab_other_bytes"].is_number() || side["kernel_slab_bytes"].is_null();
    let kernel = kernel.filter(|(key, _)| {
        let whole = key.as_str() == "kernel_bytes" || (split && key.as_str() == "kernel_slab_bytes");
        key.starts_with("kernel_") && !whole
    });
    let sum: f64 = kernel.filter_map(|(_, bytes)| bytes.as_f64()).sum();
    assert!((sum - number(side, "kernel_bytes")).abs() < 1.5, "{sum} in {side:#}");
}

/// There is a chart whenever a side has a total above nothing. The other tests' connections are in these figures too,
/// and over a few hundred of one's own they may outweigh them.
#[track_caller]
fn chart_is_there_when_there_is_something_to_draw(bundle: &Path, ledger: &Value) {
    let sides = ["pair", "server", "generator"].iter();
    let drawn = sides.filter_map(|side| ledger[*side]["total_bytes"].as_f64()).any(|total| total > 0.0);
    let svg = fs::read_to_string(bundle.join("ledger.svg"));
    assert_eq!(svg.is_ok(), drawn, "{ledger:#}");
    if let Ok(svg) = svg {
        is_xml(&svg);
        assert!(
            svg.contains("Where do a connection&#39;s bytes go?") && svg.contains("300 connections"),
            "{svg}"
        );
    }
}

#[test]
fn a_run_says_where_a_connection_s_bytes_go() {
    let (_dir, bundle) = bundle();
    let finished = run(&scenario("smoke.yaml"), &bundle, &SLOW_RAMP).expect_code(0);
    let finished =
        finished.expect_stdout(&["  ledger       ", " B a pair: kernel ", "unexplained ", "generator "]);
    let summary = summary(&bundle);
    let ledger = at(&summary, "memory.ledger");
    adds_up(&ledger["pair"]);
    assert!(ledger["generator"].is_null() && ledger["ends"] == 2, "{ledger:#}");
    for key in ["total_bytes_ci95", "remainder_bytes_ci95"] {
        let [low, high] = [0, 1].map(|end| ledger["pair"][key][end].as_f64().expect("a bound"));
        assert!(low <= high, "{ledger:#}");
    }
    assert!(number(&ledger["server"], "server_user_bytes").is_finite());
    // Whether this test runs as root decides which of the two is seen.
    if ledger["slab_read"] == true {
        let half = number(&ledger["pair"], "kernel_tcp_bytes") / 2.0;
        assert!((number(&ledger["server"], "kernel_tcp_bytes") - half).abs() < 0.2, "{ledger:#}");
        assert!(ledger["server"]["kernel_bind_bytes"].is_null(), "{ledger:#}");
        adds_up(&ledger["server"]);
        finished.expect_stdout(&[" B at the server's end: kernel "]);
        let frames = frames(&bundle);
        for name in ["host.slab_tcp_bytes", "host.slab_other_bytes", "host.memory_kernel_bytes"] {
            assert!(value(&frames, name).is_some_and(|bytes| bytes > 0.0), "no {name} in the frames");
        }
    } else {
        assert_eq!(ledger["slab_read"], false);
        assert!(ledger["pair"]["kernel_tcp_bytes"].is_null() && ledger["server"]["total_bytes"].is_null());
        finished.expect_stdout(&["slab objects ", "the kernel's objects are not told apart: could not read"]);
    }
    chart_is_there_when_there_is_something_to_draw(&bundle, ledger);
}

#[test]
fn its_figures_can_be_judged() {
    let (_dir, bundle) = bundle();
    let sets = [
        &SLOW_RAMP[..3],
        &["thresholds=[memory.ledger.pair.kernel_slab_bytes < 1GiB, memory.ledger.generator.total_bytes < 1GiB]"],
    ]
    .concat();
    // There is no generator's end apart from the pair: not measured is not a pass.
    let finished = run(&scenario("smoke.yaml"), &bundle, &sets).expect_code(1);
    finished.expect_stdout(&[
        "pass  memory.ledger.pair.kernel_slab_bytes < 1GiB",
        "FAIL  memory.ledger.generator",
    ]);
}

#[test]
fn when_the_server_is_elsewhere_the_one_end_here_is_measured() {
    let chat = Chat::start(&["--shards", "2"]);
    let (dir, bundle) = bundle();
    let file = dir.path().join("scenario.yaml");
    let text = format!(
        "version: 1\ntarget: {{ address: \"{}\" }}\nprotocol: comet\n\
         connections: {{ count: 300, rate: 100/s, hold: 200ms }}\n",
        chat.listen
    );
    fs::write(&file, text).expect("written");
    run(&file, &bundle, &[]).expect_code(0).expect_stdout(&[" B at the generator's end: kernel "]);
    let summary = summary(&bundle);
    let ledger = at(&summary, "memory.ledger");
    assert!(ledger["pair"].is_null() && ledger["server"].is_null() && ledger["ends"] == 1, "{ledger:#}");
    assert!(ledger["generator"]["server_user_bytes"].is_null(), "{ledger:#}");
    adds_up(&ledger["generator"]);
    chart_is_there_when_there_is_something_to_draw(&bundle, ledger);
}

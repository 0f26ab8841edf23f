//! The gate over two groups of runs.

use serde_json::{Value, json};

use super::showing::{holds_schema, well_formed};
use super::{BYTES, Folder, host, id, noisy, text};
use crate::tool::{Finished, floodmark};

/// Five runs of each value.
fn groups(a: f64, b: f64) -> (Folder, Vec<String>, Vec<String>) {
    let folder = Folder::new();
    let group = |name: &str, value: f64| -> Vec<String> {
        let run = |number: usize| {
            let figures = json!({ "memory": { "server_bytes_per_connection": noisy(number, value) }, "audit": { "lost": 0 } });
            text(&folder.run(&format!("{name}{number}"), &id(number), number, &figures)).to_owned()
        };
        (0..5).map(run).collect()
    };
    let (a, b) = (group("a", a), group("b", b));
    (folder, a, b)
}

fn compare(a: &[String], b: &[String], more: &[&str]) -> Finished {
    let mut arguments: Vec<&str> = vec!["history", "compare"];
    arguments.extend(more);
    arguments.extend(a.iter().map(String::as_str));
    arguments.push("--");
    arguments.extend(b.iter().map(String::as_str));
    floodmark(arguments)
}

#[test]
fn worse_better_and_the_same() {
    let (_folder, a, b) = groups(60.0, 90.0);
    let worse = compare(&a, &b, &[]).expect_code(1);
    worse.expect_stdout(&["WORSE", BYTES, "+50 %", "would be seen", "A: 5 runs", "FAIL  1 metric"]);
    compare(&b, &a, &[]).expect_code(0).expect_stdout(&["better", "−33 %", "PASS"]);
    compare(&a, &b, &["--interleaved"]).expect_code(1);
    let (_folder, a, b) = groups(60.0, 60.1);
    compare(&a, &b, &[]).expect_code(0).expect_stdout(&["ok", "no difference for the worse"]);
}

#[test]
fn too_few_runs_are_exit_5() {
    let (_folder, a, b) = groups(60.0, 90.0);
    compare(&a[..1], &b[..1], &[]).expect_code(5).expect_stdout(&["1 and 1 runs", "NOT ENOUGH DATA"]);
    compare(&a, &b, &["--metric", "delivery.latency_ms.p99"]).expect_code(5).expect_stdout(&["not measured"]);
}

#[test]
fn runs_that_cannot_be_compared_are_refused() {
    let (folder, a, b) = groups(60.0, 90.0);
    compare(&a, &a, &[]).expect_code(2).expect_stderr(&["is given twice"]);
    // One run, five times over, made a certainty of nothing.
    let again = [a[0].clone(), format!("{}/", a[0]), format!("{}/.", a[0])];
    compare(&again, &b, &[]).expect_code(2).expect_stderr(&["is given twice, as"]);
    compare(&a, &b[..3], &["--interleaved"]).expect_code(2).expect_stderr(&["in turn"]);
    floodmark(["history", "compare", &a[0]]).expect_code(2);
    let other = folder.run("other", &id(1), 1, &json!({ "scenario": "other" }));
    compare(&a, &[text(&other).to_owned()], &[]).expect_code(2).expect_stderr(&["several scenarios"]);
    compare(&a, &["/nowhere".to_owned()], &[]).expect_code(2).expect_stderr(&["floodmark run"]);
    // Unlike machines: bytes have no ceiling to be compared by.
    for run in &b {
        std::fs::write(format!("{run}/host.json"), host("another").to_string()).expect("written");
    }
    compare(&a, &b, &["--metric", BYTES]).expect_code(5).expect_stdout(&["unlike machines"]);
}

#[test]
fn each_output_says_the_same() {
    let (folder, a, b) = groups(60.0, 90.0);
    let json: Value =
        serde_json::from_str(&compare(&a, &b, &["--json"]).expect_code(1).stdout).expect("an object");
    holds_schema(&json);
    let metric = &json["metrics"][0];
    assert_eq!((&json["of"], &metric["outcome"]), (&json!("compare"), &json!("worse")));
    assert_eq!(metric["pair"]["b"].as_array().map(Vec::len), Some(5));
    let markdown = compare(&a, &b, &["--markdown"]).expect_code(1);
    markdown.expect_stdout(&["### floodmark history: ❌ fail", "| A → B |", "❌ worse"]);
    let report = folder.path("report.xml");
    compare(&a, &b, &["--junit", text(&report)]).expect_code(1).expect_stdout(&["WORSE"]);
    well_formed(&folder.text("report.xml"));
}

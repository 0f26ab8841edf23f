//! `floodmark run`: from a scenario to a verdict and a bundle.

use std::path::{Path, PathBuf};

use serde_json::Value;
use telemetry::{BundleReader, Frame};

use crate::recording::{at, count, marks, phases, summary, value, worker};
use crate::tool::{self, Finished, Running, floodmark, scenario};

/// What makes smoke.yaml take a second or two.
const QUICK: [&str; 5] = [
    "connections.count=100",
    "connections.rate=400/s",
    "connections.hold=600ms",
    "messages.rate=300/s",
    "settle=300ms",
];

/// `run FILE --out BUNDLE --set …`
pub(crate) fn arguments(file: &Path, bundle: &Path, sets: &[&str]) -> Vec<String> {
    let text = |path: &Path| path.to_str().expect("a path").to_owned();
    let mut arguments = vec!["run".to_owned(), text(file), "--out".into(), text(bundle)];
    arguments.extend(sets.iter().flat_map(|set| ["--set".to_owned(), (*set).to_owned()]));
    arguments
}

pub(crate) fn run(file: &Path, bundle: &Path, sets: &[&str]) -> Finished {
    floodmark(arguments(file, bundle, sets))
}

/// A directory, and a bundle in it that does not exist yet.
pub(crate) fn bundle() -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().expect("a directory");
    let bundle = dir.path().join("run");
    (dir, bundle)
}

#[test]
fn smoke_passes_and_leaves_a_whole_bundle() {
    let (_dir, bundle) = bundle();
    let finished = run(&scenario("smoke.yaml"), &bundle, &[]).expect_code(0);
    let finished = finished.expect_stdout(&[
        "200 of 200",
        "pass  audit.lost == 0",
        "pass  connections.failed == 0",
        "PASS  smoke",
        "server",
    ]);
    let finished =
        finished.expect_stderr(&["running smoke", "ramp", "hold", "settle", "drain", "the run is in "]);
    assert!(finished.stderr.contains(bundle.to_str().expect("a path")), "{finished}");
    assert!(!finished.stdout.contains("FAIL"), "{finished}");
    has_every_file(&bundle);
    has_every_key(&summary(&bundle));
    tells_the_run_in_order(&bundle);
}

fn has_every_file(bundle: &Path) {
    let read = |name: &str| {
        std::fs::read_to_string(bundle.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    };
    assert_eq!(read("scenario.yaml"), std::fs::read_to_string(scenario("smoke.yaml")).expect("smoke.yaml"));
    assert!(read("plan.yaml").contains("concurrency: 50"), "{}", read("plan.yaml"));
    let host: Value = serde_json::from_str(&read("host.json")).expect("JSON");
    assert!(host.as_object().is_some_and(|host| host.len() > 3), "{host:#}");
    assert!(read("latency.hlog").contains("#[Histogram log format version"), "{}", read("latency.hlog"));
    let svg = read("memory.svg");
    is_xml(&svg);
    assert!(svg.contains("<svg") && svg.contains("Memory") || svg.contains("memory"), "{svg}");
}

/// Well-formed as far as a browser cares: every element that opens closes, in order.
pub(crate) fn is_xml(text: &str) {
    let mut open: Vec<&str> = Vec::new();
    for piece in text.split('<').skip(1) {
        let (tag, after) = piece.split_once('>').unwrap_or_else(|| panic!("a tag without end: {piece:?}"));
        let name = tag.trim_start_matches('/').split([' ', '\n', '/']).next().unwrap_or_default();
        if tag.starts_with(['?', '!']) || tag.ends_with('/') {
        } else if tag.starts_with('/') {
            assert_eq!(open.pop(), Some(name), "</{name}> closes something else");
        } else {
            open.push(name);
        }
        assert!(!after.contains('&') || after.contains(';'), "a bare '&' in {after:?}");
        assert_eq!(tag.matches('"').count() % 2, 0, "an attribute without end: {tag:?}");
    }
    assert!(open.is_empty(), "{open:?} never close");
}

/// The keys of issue 2's example, each with its type.
fn has_every_key(summary: &Value) {
    assert_eq!(
        (&summary["version"], &summary["scenario"], &summary["verdict"]),
        (&1.into(), &"smoke".into(), &"pass".into())
    );
    for (path, expected) in [
        ("connections.asked", 200),
        ("connections.peak", 200),
        ("connections.failed", 0),
        ("connections.closed_by_server", 0),
    ] {
        assert_eq!(count(summary, path), expected, "{path}");
    }
    assert_eq!(at(summary, "connections.failures_by_cause"), &serde_json::json!({}));
    for histogram in ["connect.latency_ms", "delivery.latency_ms", "delivery.raw_latency_ms"] {
        let figures = ["p50", "p90", "p99", "p999", "max"].map(|figure| {
            at(summary, &format!("{histogram}.{figure}"))
                .as_f64()
                .unwrap_or_else(|| panic!("{histogram}.{figure} is no number"))
        });
        assert!(figures.is_sorted() && figures[0] > 0.0, "{histogram}: {figures:?}");
        assert!(count(summary, &format!("{histogram}.count")) > 0);
    }
    assert_eq!(count(summary, "connect.latency_ms.count"), 200);
    let sent = count(summary, "audit.sent");
    // 200/s for 2 s.
    assert_eq!((sent, count(summary, "audit.delivered")), (400, 400));
    for path in [
        "nobody_there",
        "lost",
        "duplicated",
        "reordered",
        "misrouted",
        "corrupt",
        "unmarked",
        "gone",
        "dropped",
    ] {
        assert_eq!(count(summary, &format!("audit.{path}")), 0, "{path}");
    }
    for path in [
        "connections.connect_rate_per_s",
        "delivery.rate_per_s",
        "memory.server_rss_peak_bytes",
        "memory.server_bytes_per_connection",
        "memory.generator_bytes_per_connection",
        "memory.kernel_bytes_per_connection",
        "cpu.server_cores",
        "cpu.generator_cores",
    ] {
        assert!(at(summary, path).is_number(), "{path} is {}", at(summary, path));
    }
    let interval = at(summary, "memory.server_bytes_per_connection_ci95").as_array().expect("an interval");
    let slope = at(summary, "memory.server_bytes_per_connection").as_f64().expect("a slope");
    let [low, high] = [0, 1].map(|end| interval[end].as_f64().expect("a number"));
    assert!(interval.len() == 2 && low <= slope && slope <= high, "{slope} outside {interval:?}");
    // Never faster than asked: the last of 200 connections is due after 199 ÷ 200 s.
    let rate = at(summary, "connections.connect_rate_per_s").as_f64().expect("a rate");
    assert!(rate <= 202.0, "{rate}");
    let thresholds = summary["thresholds"].as_array().expect("thresholds");
    assert_eq!(thresholds.len(), 6);
    for threshold in thresholds {
        assert!(threshold["expr"].is_string() && threshold["value"].is_number(), "{threshold}");
        assert_eq!(threshold["ok"], true, "{threshold}");
    }
}

fn tells_the_run_in_order(bundle: &Path) {
    let reader = BundleReader::open(bundle).expect("a bundle");
    let mut stream = reader.frames().expect("frames");
    let frames: Vec<Frame> = stream.by_ref().map(|frame| frame.expect("a frame")).collect();
    assert_eq!((stream.torn(), stream.unparsable(), stream.unknown(), stream.oversized()), (false, 0, 0, 0));
    assert_eq!(
        phases(&frames),
        [
            "began ramp",
            "ended ramp",
            "began hold",
            "began messages",
            "ended messages",
            "ended hold",
            "began settle",
            "ended settle",
            "began hold",
            "ended hold",
            "began drain",
            "ended drain",
        ]
    );
    for source in ["server", "generator", "publisher"] {
        assert!(worker(&frames, source).is_some(), "no hello of the {source}");
    }
    for name in [
        "server.rss_bytes",
        "generator.rss_bytes",
        "server.cpu_user_s",
        "server.descriptors",
        "server.threads",
        "host.memory_available_bytes",
        "host.load_1m",
        "host.softirq_ratio",
        "host.listen_overflows",
        "host.retransmitted_segments",
    ] {
        assert!(value(&frames, name).is_some(), "no {name}; there are {:?}", names(&frames));
    }
    let intervals = reader.latency_log().expect("a log").expect("a log").count();
    assert!(intervals > 0);
}

fn names(frames: &[Frame]) -> std::collections::BTreeSet<&str> {
    let samples = frames.iter().filter_map(|frame| match frame {
        Frame::Sample(sample) => Some(sample.values.keys().map(String::as_str)),
        _ => None,
    });
    samples.flatten().collect()
}

#[test]
fn a_dry_run_prints_a_plan_that_runs_and_resolves_to_itself() {
    let (dir, bundle) = bundle();
    let dry = |file: &Path, sets: &[&str]| {
        let arguments = arguments(file, &bundle, sets);
        floodmark(arguments.into_iter().chain(["--dry-run".into()])).expect_code(0)
    };
    let first = dry(&scenario("smoke.yaml"), &QUICK);
    assert!(!bundle.exists(), "a dry run leaves nothing behind");
    assert!(first.stdout.contains("count: 100") && first.stdout.contains("seed: 1"), "{first}");
    let plan = dir.path().join("plan.yaml");
    std::fs::write(&plan, &first.stdout).expect("written");
    assert_eq!(dry(&plan, &[]).stdout, first.stdout);
    run(&plan, &bundle, &[]).expect_code(0).expect_stdout(&["100 of 100", "PASS  smoke"]);
    assert_eq!(
        std::fs::read_to_string(bundle.join("plan.yaml")).expect("a plan").trim_end(),
        first.stdout.trim_end()
    );
}

#[test]
fn json_on_stdout_is_the_summary_and_nothing_else() {
    let (_dir, bundle) = bundle();
    let mut arguments = arguments(&scenario("smoke.yaml"), &bundle, &QUICK);
    arguments.push("--json".into());
    let finished = floodmark(arguments).expect_code(0);
    let told: Value =
        serde_json::from_str(&finished.stdout).unwrap_or_else(|error| panic!("{error}: {finished}"));
    assert_eq!(told, summary(&bundle));
}

#[test]
fn a_threshold_that_does_not_hold_fails_the_run() {
    let (_dir, bundle) = bundle();
    let sets = [&QUICK[..], &["thresholds=[audit.lost == 0, connections.peak > 1000]"]].concat();
    let finished = run(&scenario("smoke.yaml"), &bundle, &sets).expect_code(1);
    finished.expect_stdout(&["pass  audit.lost == 0", "FAIL  connections.peak > 1000", "FAIL  smoke"]);
    let summary = summary(&bundle);
    assert_eq!(summary["verdict"], "fail");
    assert_eq!(
        summary["thresholds"][1],
        serde_json::json!({ "expr": "connections.peak > 1000", "value": 100.0, "ok": false })
    );
}

#[test]
fn an_existing_run_is_never_overwritten() {
    let (_dir, bundle) = bundle();
    std::fs::create_dir(&bundle).expect("a directory");
    std::fs::write(bundle.join("frames.jsonl"), "").expect("written");
    let finished = run(&scenario("smoke.yaml"), &bundle, &[]).expect_code(2);
    finished.expect_stderr(&[bundle.to_str().expect("a path"), "error: "]);
    assert_eq!(std::fs::read_dir(&bundle).expect("the directory").count(), 1, "nothing was added");
}

#[test]
fn without_out_the_bundle_is_under_runs() {
    let dir = tempfile::tempdir().expect("a directory");
    let sets = QUICK.iter().flat_map(|set| ["--set", set]);
    let mut command = tool::command(["run"]);
    command.arg(scenario("smoke.yaml")).args(sets).current_dir(dir.path());
    Running::start(&mut command).finish().expect_code(0);
    let runs: Vec<_> = std::fs::read_dir(dir.path().join("runs")).expect("runs").flatten().collect();
    assert_eq!(runs.len(), 1);
    assert!(runs[0].file_name().to_str().is_some_and(|name| name.starts_with("smoke-2")), "{runs:?}");
    assert_eq!(summary(&runs[0].path())["verdict"], "pass");
}

/// matchstream.yaml, small: viewers spread over matches, every event fanned out.
#[test]
fn every_event_of_a_match_reaches_all_its_viewers() {
    let (_dir, bundle) = bundle();
    let sets = [
        "connections.count=200",
        "connections.concurrency=64",
        "connections.matches=10",
        "connections.hold=600ms",
        "messages.rate=50/s",
        "settle=500ms",
        "thresholds=[connections.failed == 0, audit.lost == 0, audit.nobody_there == 0]",
    ];
    let finished = run(&scenario("matchstream.yaml"), &bundle, &sets).expect_code(0);
    finished.expect_stdout(&["200 of 200", "PASS  matchstream"]);
    let summary = summary(&bundle);
    let sent = count(&summary, "audit.sent");
    assert_eq!(sent, 30);
    assert_eq!(
        (count(&summary, "audit.expected"), count(&summary, "audit.delivered")),
        (sent * 20, sent * 20)
    );
    assert!(at(&summary, "delivery.latency_ms.mean").is_number());
}

/// One shard writes an event to more viewers than a turn has room for, and nobody hears it twice or not at all.
#[test]
fn an_event_for_more_than_a_turn_reaches_everyone_once() {
    let (_dir, bundle) = bundle();
    let sets = [
        "target.shards=1",
        "connections.count=5000",
        "connections.hold=1s",
        "messages.rate=10/s",
        "steps=[]",
        "thresholds=[connections.failed == 0, audit.lost == 0, audit.duplicated == 0, audit.misrouted == 0]",
    ];
    run(&scenario("matchstream-final.yaml"), &bundle, &sets).expect_code(0);
    let summary = summary(&bundle);
    assert_eq!(count(&summary, "audit.sent"), 10);
    assert_eq!((count(&summary, "audit.expected"), count(&summary, "audit.delivered")), (50_000, 50_000));
}

/// matchstream-final.yaml, small: people turn on in the middle of events, and hear what comes from then on.
#[test]
fn knobs_are_turned_in_the_hold() {
    let (_dir, bundle) = bundle();
    let sets = [
        "connections.count=100",
        "connections.hold=1s",
        "messages.rate=50/s",
        "steps=[{ at: 300ms, connections: 150 }, { at: 500ms, messages_rate: 100/s }]",
        "settle=500ms",
        "thresholds=[connections.failed == 0, audit.lost == 0, audit.duplicated == 0]",
    ];
    let finished = run(&scenario("matchstream-final.yaml"), &bundle, &sets).expect_code(0);
    finished.expect_stdout(&["150 of 150", "PASS  matchstream-final"]);
    let summary = summary(&bundle);
    let sent = count(&summary, "audit.sent");
    assert!((51..100).contains(&sent), "{sent} sent in a second, at 50/s and then at 100/s");
    let expected = count(&summary, "audit.expected");
    assert!((sent * 100..=sent * 150).contains(&expected), "{expected} copies for 100 viewers, then 150");
    let frames = crate::recording::frames(&bundle);
    let turned: Vec<_> = marks(&frames, "runner").filter(|mark| mark.name == "knob").collect();
    assert_eq!(turned.len(), 2);
    assert!(marks(&frames, "generator").any(|mark| mark.name == "connections.reached"));
}

#[test]
fn a_count_of_messages_is_sent_as_fast_as_it_goes() {
    let (_dir, bundle) = bundle();
    let sets = [
        "connections.count=100",
        "connections.rate=unlimited",
        "connections.hold=100ms",
        "messages={max: true, count: 20_000}",
        "settle=500ms",
    ];
    run(&scenario("smoke.yaml"), &bundle, &sets).expect_code(0);
    assert_eq!(count(&summary(&bundle), "audit.delivered"), 20_000);
}

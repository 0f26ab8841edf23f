//! `floodmark plots`: pictures of runs, from their bundles alone.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use serde_json::{Value, json};
use telemetry::{Bundle, Frame, Sample, Stamp};

use crate::report::made_up::made_up;
use crate::run::{is_xml, run};
use crate::tool::{Finished, floodmark, scenario};

/// A second's worth of smoke, made once for all tests here; nothing writes into it.
fn smoke() -> &'static Path {
    static SMOKE: OnceLock<PathBuf> = OnceLock::new();
    SMOKE.get_or_init(|| {
        let sets =
            ["connections.count=100", "connections.rate=400/s", "connections.hold=600ms", "settle=300ms"];
        // It stays until the next time: nothing is dropped at the end of a program that is static.
        let bundle = Path::new(env!("CARGO_TARGET_TMPDIR")).join("plots-smoke");
        let _ = fs::remove_dir_all(&bundle);
        run(&scenario("smoke.yaml"), &bundle, &sets).expect_code(0);
        bundle
    })
}

fn plots(arguments: &[&str]) -> Finished {
    floodmark([&["plots"], arguments].concat())
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path")
}

fn names(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir).expect("a directory").map(|entry| entry.expect("an entry").file_name());
    let mut names: Vec<String> = entries.map(|name| name.to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[test]
fn a_run_leaves_the_pictures_that_plots_draws_from_it_later() {
    let dir = tempfile::tempdir().expect("a directory");
    let out = dir.path().join("again");
    plots(&[text(smoke()), "-o", text(&out)]).expect_code(0);
    for name in [
        "memory.svg",
        "fit.svg",
        "connections.svg",
        "latency.svg",
        "percentiles.svg",
        "cpu.svg",
        "report.html",
    ] {
        let (then, now) = (fs::read(smoke().join(name)), fs::read(out.join(name)));
        assert!(then.expect(name) == now.expect(name), "{name} differs from the one that the run left");
    }
    let hgrm = fs::read_to_string(out.join("delivery.latency.hgrm")).expect("percentiles as text");
    assert!(hgrm.contains("1/(1-Percentile)") && hgrm.contains("#[Mean"), "{hgrm}");
}

#[test]
fn what_is_asked_for_is_drawn_and_nothing_else() {
    let dir = tempfile::tempdir().expect("a directory");
    let out = dir.path().join("charts");
    let asked = ["--chart", "memory,latency", "--format", "svg,png", "--scale", "1", "--width", "600", "-o"];
    let finished = plots(&[&[text(smoke())], &asked[..], &[text(&out)]].concat()).expect_code(0);
    assert_eq!(names(&out), ["latency.png", "latency.svg", "memory.png", "memory.svg"], "{finished}");
    let png = fs::read(out.join("memory.png")).expect("a picture");
    assert_eq!(&png[..8], b"\x89PNG\r\n\x1a\n");
    assert_eq!(u32::from_be_bytes(png[16..20].try_into().expect("four bytes")), 600, "its width");
    let svg = fs::read_to_string(out.join("memory.svg")).expect("a drawing");
    is_xml(&svg);
    assert!(svg.contains("How much memory does the server take"), "{svg}");
}

#[test]
fn several_runs_are_laid_over_one_another_under_their_labels() {
    let dir = tempfile::tempdir().expect("a directory");
    let out = dir.path().join("both");
    let (long, short) = (dir.path().join("long"), dir.path().join("short"));
    made_up(&long, 60, "made-up");
    made_up(&short, 30, "made-up");
    let labels = ["--label", "before & after", "--label", "<b>", "-o", text(&out), "--json"];
    let finished = plots(&[&[text(&long), text(&short)], &labels[..]].concat()).expect_code(0);
    let told: Value = serde_json::from_str(&finished.stdout).expect("JSON");
    assert_eq!(told["files"].as_array().expect("files").len(), names(&out).len(), "{told:#}");
    let svg = fs::read_to_string(out.join("memory.svg")).expect("a drawing");
    is_xml(&svg);
    assert!(svg.contains("before &amp; after") && svg.contains("&lt;b&gt;") && !svg.contains("<b>"), "{svg}");
    assert!(fs::read_to_string(out.join("report.html")).expect("a page").contains("before &amp; after"));
    // It is each one's own peak, and its own latencies, that stand under its label.
    let svg = fs::read_to_string(out.join("connections.svg")).expect("a drawing");
    assert!(svg.contains("before &amp; after: 6,000") && svg.contains("&lt;b&gt;: 3,000"), "{svg}");
    for (name, count) in [("before___after", 500 * 61), ("_b_", 500 * 31)] {
        let hgrm = fs::read_to_string(out.join(format!("{name}.delivery.latency.hgrm"))).expect("latencies");
        assert!(hgrm.contains(&format!("Total count    = {count:12}]")), "{name}: {hgrm}");
    }
}

/// Two directories that are both called `run` were one in the legend, and the latencies of one replaced the other's.
#[test]
fn runs_of_the_same_name_stay_apart() {
    let dir = tempfile::tempdir().expect("a directory");
    let runs = ["a/run", "b/run"].map(|name| dir.path().join(name));
    runs.iter().zip([20, 10]).for_each(|(run, seconds)| made_up(run, seconds, "made-up"));
    let out = dir.path().join("both");
    let runs = [text(&runs[0]), text(&runs[1])];
    let finished = plots(&[&runs[..], &["-o", text(&out), "--json"]].concat()).expect_code(0);
    let told: Value = serde_json::from_str(&finished.stdout).expect("JSON");
    assert_eq!(told["files"].as_array().expect("files").len(), names(&out).len(), "{told:#}");
    let svg = fs::read_to_string(out.join("memory.svg")).expect("a drawing");
    assert!(svg.contains("a/run") && svg.contains("b/run"), "{svg}");
    for name in ["a_run.delivery.latency.hgrm", "b_run.delivery.latency.hgrm"] {
        assert!(out.join(name).is_file(), "no {name}: {told:#}");
    }
}

/// `--chart` replaced the report of the whole run by a page with that one chart.
#[test]
fn a_few_charts_leave_the_report_alone() {
    let dir = tempfile::tempdir().expect("a directory");
    let run = dir.path().join("run");
    made_up(&run, 10, "made-up");
    fs::write(run.join("report.html"), "the whole").expect("written");
    plots(&[text(&run), "--chart", "memory"]).expect_code(0);
    assert_eq!(fs::read_to_string(run.join("report.html")).expect("a page"), "the whole");
    assert!(run.join("memory.svg").is_file());
    plots(&[text(&run), "--chart", "memory", "--format", "html"]).expect_code(0);
    assert_ne!(fs::read_to_string(run.join("report.html")).expect("a page"), "the whole", "it was asked for");
}

#[test]
fn a_run_that_breaks_off_is_drawn_as_far_as_it_went_and_that_is_said() {
    let dir = tempfile::tempdir().expect("a directory");
    let torn = dir.path().join("torn");
    fs::create_dir(&torn).expect("a directory");
    let frames = fs::read(smoke().join("frames.jsonl")).expect("frames");
    // In the middle of a line, wherever lines end in this run.
    let two_thirds = frames.len() * 2 / 3;
    let line = two_thirds + frames[two_thirds..].iter().position(|byte| *byte == b'\n').expect("lines");
    fs::write(torn.join("frames.jsonl"), &frames[..line + 20]).expect("written");
    let finished = plots(&[text(&torn)]).expect_code(0);
    let finished = finished.expect_stderr(&["the last frame is torn", "there is no summary"]);
    let svg = fs::read_to_string(torn.join("connections.svg"));
    is_xml(&svg.unwrap_or_else(|error| panic!("{error}, though there were connections: {finished}")));
}

#[test]
fn what_cannot_be_drawn_is_not_enough_data_and_says_why() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("run");
    let mut bundle = Bundle::create(&path).expect("a bundle");
    let values = [("server.rss_bytes".to_owned(), f64::NAN), ("host.cpu_busy_ratio".to_owned(), 0.5)].into();
    bundle
        .append(&Frame::Sample(Sample {
            at: Stamp { mono_us: 1, wall_us: 1 },
            source: "host".into(),
            values,
        }))
        .expect("appended");
    let finished = plots(&[text(&path), "--chart", "percentiles"]).expect_code(5);
    assert!(finished.stderr.contains("no chart 'percentiles': "), "{finished}");
    let empty = dir.path().join("empty");
    fs::create_dir(&empty).expect("a directory");
    fs::write(empty.join("frames.jsonl"), "").expect("written");
    plots(&[text(&empty)]).expect_code(5);
    assert_eq!(names(&empty), ["frames.jsonl"], "nothing is drawn of nothing");
}

#[test]
fn wrong_input_is_told_with_what_to_do_next() {
    let dir = tempfile::tempdir().expect("a directory");
    let nothing = dir.path().join("nothing");
    let finished = plots(&[text(&nothing)]).expect_code(2);
    assert!(finished.stderr.contains("nothing") && finished.stderr.contains("record one with"), "{finished}");
    let finished = plots(&[text(smoke()), "--chart", "memroy"]).expect_code(2);
    assert!(finished.stderr.contains("memory"), "{finished}");
    let finished = plots(&[text(smoke()), "--label", "a", "--label", "b"]).expect_code(2);
    assert!(finished.stderr.contains("2 labels for 1 run"), "{finished}");
    for labels in [&["--label", " "][..], &["--label", "a", "--label", "a"]] {
        let finished = plots(&[&[text(smoke()), text(smoke())], labels].concat()).expect_code(2);
        assert!(finished.stderr.contains("--label"), "{finished}");
    }
    let later = dir.path().join("later");
    fs::create_dir(&later).expect("a directory");
    let hello = json!({ "frame": "hello", "mono_us": 1, "wall_us": 1, "source": "runner", "schema": 99, "worker": "runner", "pid": 1, "version": "9" });
    fs::write(later.join("frames.jsonl"), format!("{hello}\n")).expect("written");
    let finished = plots(&[text(&later)]).expect_code(2);
    assert!(finished.stderr.contains("later version (schema 99"), "{finished}");
}

//! `floodmark sar`: the sampler as its users see it. What it shows is here; each other subject has a file of its own.

mod metrics;
mod queues;
mod recordings;
mod watching;

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use nix::sys::signal::Signal;
use serde_json::Value;
use telemetry::{Bundle, Frame, Mark, Recording, Sample, Stamp};

use crate::chat::{Chat, connect, http, parse_answer};
use crate::schema::holds;
use crate::tool::{Finished, Running, command, eventually, floodmark, start};

/// Samples in quick succession.
const FAST: [&str; 3] = ["sar", "--interval", "20ms"];

fn sar(more: &[&str]) -> Finished {
    floodmark([&FAST[..], more].concat())
}

fn sar_f(path: &Path, more: &[&str]) -> Finished {
    floodmark([&["sar", "-f", path.to_str().expect("a plain path")], more].concat())
}

fn objects(text: &str) -> Vec<Value> {
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    whole.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"))).collect()
}

/// A recording of so many samples to show, and the directory that it is in.
fn recorded(samples: u32, more: &[&str]) -> (tempfile::TempDir, PathBuf, Finished) {
    let folder = tempfile::tempdir().expect("a directory");
    let path = folder.path().join("some.sar");
    let count = samples.to_string();
    let flags = ["--count", &count, "-o", path.to_str().expect("a plain path")];
    let finished = sar(&[&flags[..], more].concat()).expect_code(0);
    (folder, path, finished)
}

/// Whole lines that are samples.
fn count_samples(bytes: &[u8]) -> usize {
    let whole = bytes.split_inclusive(|byte| *byte == b'\n').filter(|line| line.ends_with(b"\n"));
    whole.filter(|line| line.starts_with(b"{\"frame\":\"sample\"")).count()
}

/// A sample of one source, so many seconds after a beginning.
fn sample(source: &str, second: u64, values: &[(&str, f64)]) -> Frame {
    let at = Stamp { mono_us: second * 1_000_000, wall_us: 1_764_000_000_000_000 + second * 1_000_000 };
    let values = values.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect();
    Frame::Sample(Sample { at, source: source.into(), values })
}

#[test]
fn the_table_fits_eighty_columns_and_ends_with_averages_and_its_own_cost() {
    let finished = sar(&["--count", "3"]).expect_code(0);
    let lines: Vec<&str> = finished.stdout.lines().collect();
    assert!(lines[0].starts_with("Linux ") && lines[0].contains("core"), "{finished}");
    assert!(lines.iter().all(|line| line.chars().count() <= 80), "{finished}");
    let headings = lines.iter().position(|line| line.starts_with("time ")).expect("a heading");
    let names: Vec<&str> = lines[headings].split_whitespace().collect();
    for name in ["usr", "sys", "ctx/s", "avail", "rx", "tx", "open", "retr/s", "ovfl/s"] {
        assert!(names.contains(&name), "no {name}: {finished}");
    }
    let rows = &lines[headings + 1..headings + 4];
    for row in rows.iter().chain([&lines[headings + 4]]) {
        assert_eq!(row.split_whitespace().count(), names.len(), "{row}");
    }
    assert!(rows.iter().all(|row| row.as_bytes()[2] == b':' && row.as_bytes()[5] == b':'), "{finished}");
    assert!(lines[headings + 4].starts_with("Average:"), "{finished}");
    let costs: Vec<_> = lines.iter().filter(|line| line.starts_with("cost: cpu ")).collect();
    assert_eq!(costs.len(), 2, "{finished}");
    assert!(costs.iter().all(|cost| cost.contains("rss") && cost.contains("missed")), "{finished}");
}

#[test]
fn groups_narrow_the_table_and_wide_shows_all() {
    let narrow = sar(&["--count", "1", "--group", "mem,tcp"]).expect_code(0);
    let narrow = narrow.expect_stdout(&["avail", "open"]);
    assert!(!narrow.stdout.contains("usr") && !narrow.stdout.contains("ctx/s"), "{narrow}");
    sar(&["--count", "1", "--wide"])
        .expect_code(0)
        .expect_stdout(&["usr", "idle", "t-wait", "slab", "avail"]);
    let cores = sar(&["--count", "1", "--wide", "--cores", "--group", "cpu"]).expect_code(0);
    cores.expect_stdout(&["core 0 %"]);
    sar(&["--count", "2", "--decay", "10"]).expect_code(0).expect_stdout(&["\n10 s "]);
}

#[test]
fn each_json_line_is_as_the_schema_says() {
    let me = std::process::id().to_string();
    let finished =
        sar(&["--count", "3", "--json", "--pid", &me, "--alert", "host.accept=1000"]).expect_code(0);
    let lines = objects(&finished.stdout);
    assert_eq!(lines.len(), 3, "{finished}");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/schema/sar.schema.json");
    let schema: Value = serde_json::from_slice(&fs::read(path).expect("the schema")).expect("JSON");
    for line in &lines {
        holds(&schema, line, "line");
        assert!(line["values"]["host.memory_available_bytes"].as_f64().is_some_and(|bytes| bytes > 0.0));
        assert!(line["rates"]["host.context_switches"].as_f64().is_some_and(|rate| rate >= 0.0), "{line}");
        assert!(line["rates"].get("host.memory_available_bytes").is_none(), "a gauge has no rate");
        assert!(line["decays"]["host.context_switches"]["max_100s"].is_number(), "{line}");
        assert!(line["cost"]["rss_bytes"].as_f64().is_some_and(|bytes| bytes > 0.0), "{line}");
        let rss = |name: &String| name.ends_with(".rss_bytes") && name != "sar.rss_bytes";
        assert!(line["values"].as_object().expect("values").keys().any(rss), "{line}");
    }
    assert!(lines[0]["mono_us"].as_u64() < lines[1]["mono_us"].as_u64());
}

#[test]
fn names_that_come_later_have_no_column_and_are_told_once() {
    let folder = tempfile::tempdir().expect("a directory");
    let run = folder.path().join("run");
    let mut bundle = Bundle::create(&run).expect("a run");
    for second in 10..20 {
        let late = format!("host.late_{second}");
        let mut values = vec![("host.load_1m", 1.0)];
        values.extend((second > 14).then_some((late.as_str(), 5.0)));
        bundle.append(&sample("host", second, &values)).expect("recorded");
    }
    let finished = sar_f(&run, &["--csv"]).expect_code(0);
    assert!(finished.stdout.starts_with("time,mono_us,host.load_1m\n"), "{finished}");
    assert_eq!(finished.stdout.lines().count(), 10, "{finished}");
    assert_eq!(finished.stderr.lines().count(), 1, "{finished}");
}

#[test]
fn csv_has_the_same_columns_in_each_row() {
    let finished = sar(&["--count", "3", "--csv"]).expect_code(0);
    let rows: Vec<Vec<&str>> = finished.stdout.lines().map(|line| line.split(',').collect()).collect();
    assert_eq!(rows.len(), 4, "{finished}");
    assert!(rows.iter().all(|row| row.len() == rows[0].len()), "{finished}");
    assert_eq!(rows[0][..2], ["time", "mono_us"]);
    let column = |name: &str| rows[0].iter().position(|column| *column == name);
    let switches = column("host.context_switches_per_s").expect("a counter's rate");
    assert!(column("host.context_switches").is_none() && column("host.load_1m").is_some(), "{finished}");
    for row in &rows[1..] {
        assert!(row[switches].parse::<f64>().is_ok_and(|rate| rate >= 0.0), "{row:?}");
    }
}

impl Finished {
    #[track_caller]
    fn expect_stderr_of_recording(&self, samples: u32) {
        let said = format!("recorded {samples} samples in ");
        assert!(self.stderr.contains(&said), "{self}");
    }
}

#[test]
fn each_resource_is_shown_against_its_limit() {
    let me = std::process::id().to_string();
    let finished = sar(&["--use", "--pid", &me]).expect_code(0);
    for name in
        ["cpu ", "memory ", "network ", "disk ", "descriptors ", "ports ", "accept queues ", "shards "]
    {
        assert!(finished.stdout.lines().any(|line| line.starts_with(name)), "no {name}: {finished}");
    }
    let finished = finished.expect_stdout(&["Nearest its limit: "]);
    assert!(finished.stdout.lines().count() < 24, "a screen: {finished}");
    let json = sar(&["--use", "--json", "--count", "2"]).expect_code(0);
    let object: Value = serde_json::from_str(&json.stdout).expect("JSON");
    assert!(object["nearest"].is_string() && object["sentence"].is_string(), "{json}");
    assert!(object["resources"].as_array().is_some_and(|rows| rows.len() >= 8), "{json}");
    // Nobody was asked, so nothing was measured, and nothing is zero.
    let shards = object["resources"].as_array().expect("rows").iter().find(|row| row["name"] == "shards");
    assert!(
        shards.is_some_and(|row| row.get("utilisation_ratio").is_none() && row["note"].is_string()),
        "{json}"
    );
}

#[test]
fn the_help_has_examples() {
    let help = floodmark(["sar", "--help"]).expect_code(0);
    help.expect_stdout(&["Examples:", "floodmark sar -o", "--on-alert", "FLOODMARK_QUEUE"]);
}

#[test]
fn bad_input_is_one_sentence_and_the_right_code() {
    let folder = tempfile::tempdir().expect("a directory");
    let path = |name: &str| folder.path().join(name).to_str().expect("a plain path").to_owned();
    let (text, empty, later, nowhere) = (path("text"), path("empty"), path("later"), path("no/such/file"));
    fs::write(&text, "not a recording\n").expect("written");
    fs::write(&empty, "").expect("written");
    let hello = "{\"frame\":\"hello\",\"mono_us\":1,\"wall_us\":1,\"source\":\"host\",\"schema\":999,\"worker\":\"sar\",\
                 \"pid\":1,\"version\":\"9\"}\n";
    fs::write(&later, hello).expect("written");
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let taken = taken.local_addr().expect("an address").to_string();
    let pid_max = "4294967295";
    let there = path("there");
    fs::create_dir(&there).expect("a directory");
    let cases: [(&[&str], i32, &str); 27] = [
        (&["--pid", pid_max], 2, "no process with pid 4294967295"),
        (&["--pid", "0"], 2, "--pid"),
        (&["-f", &nowhere], 2, "no/such/file"),
        (&["-f", &text], 2, "not a recording"),
        (&["-f", &later], 2, "later version"),
        (&["-o", &text], 2, "not empty"),
        (&["-o", &nowhere], 2, "make it first"),
        (&["-o", &there], 2, "name a file in it"),
        (&["--group", "proc", "--count", "1"], 2, "the group proc is about a process"),
        (&["--group", "cpu,runtime", "--count", "1"], 2, "the group runtime is about a server"),
        (&["--exec", "server=echo a 1"], 2, "means something else"),
        (&["--scrape", "connections=http://127.0.0.1:1/"], 2, "means something else"),
        (&["--name", "host"], 2, "means something else"),
        (&["--exec", "a.b=echo a 1"], 2, "letters, digits"),
        (&["--exec", "a=echo a 1", "--exec", "a=echo b 1"], 2, "'a' is given twice"),
        (&["--exec", "a_b=echo a 1", "--name", "a.b"], 2, "'a.b' is given twice"),
        (&["--group", "cpu,nonsense"], 2, "there are cpu, mem"),
        (&["--interval", "1ms"], 2, "the shortest interval"),
        (&["--count", "0"], 2, "at least 1"),
        (&["--from", "+1s"], 2, "--file"),
        (&["--queue", "jobs"], 2, "NAME=LENGTH"),
        (&["--alert", "jobs=soon"], 2, "neither a length nor a time"),
        (&["--on-alert", "true"], 2, "--alert"),
        (&["--listen", &taken], 3, "could not listen on"),
        (&["--listen", "nonsense"], 2, "host:port"),
        (&["--json", "--csv"], 2, "cannot be used with"),
        (&["--admin", "nonsense"], 2, "host:port"),
    ];
    for (flags, code, sentence) in cases {
        let finished = floodmark([&["sar"], flags].concat()).expect_code(code).expect_stderr(&[sentence]);
        assert!(!finished.stdout.contains("panicked") && !finished.stderr.contains("panicked"), "{finished}");
    }
    assert_eq!(fs::read_to_string(&text).expect("still there"), "not a recording\n");
    floodmark(["sar", "-f", &empty]).expect_code(0).expect_stderr(&["no sample"]);
}

/// Once, a reader that stopped reading stopped the sampler, its metrics and its end.
#[test]
fn a_reader_that_stops_reading_stops_nothing() {
    for redirection in [">\"$PIPE\"", ">\"$PIPE\" 2>&1"] {
        let folder = tempfile::tempdir().expect("a directory");
        let (path, pipe) = (folder.path().join("some.sar"), folder.path().join("pipe"));
        nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).expect("a pipe");
        // Open to be read, and never read.
        let _held = fs::OpenOptions::new().read(true).write(true).open(&pipe).expect("opened");
        let mut shell = Command::new("sh");
        shell.args(["-c", &format!("exec \"$0\" \"$@\" {redirection}"), env!("CARGO_BIN_EXE_floodmark")]);
        shell.args(["sar", "--interval", "10ms", "--json", "-o"]).arg(&path).env("PIPE", &pipe);
        let process = Running::start(&mut shell);
        // As many as wait for a reader, and those that a pipe holds, are far fewer.
        eventually("a long recording", || fs::read(&path).ok().filter(|bytes| count_samples(bytes) > 400));
        let began = std::time::Instant::now();
        process.signal(Signal::SIGTERM);
        let finished = process.finish().expect_code(0);
        assert!(began.elapsed().as_secs() < 10, "{:?}: {finished}", began.elapsed());
        assert!(Recording::open(&path).expect("a recording").is_packed(), "{finished}");
        if redirection.ends_with("PIPE\"") {
            let dropped = finished.stderr.matches("lines are dropped and counted").count();
            assert_eq!(dropped, 1, "{finished}");
            finished.expect_stderr(&["lines were not printed", "recorded "]);
        }
    }
}

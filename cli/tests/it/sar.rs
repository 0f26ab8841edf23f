//! `floodmark sar`: the sampler as its users see it.

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

/// The part of JSON Schema that ours uses.
pub(crate) fn holds(schema: &Value, value: &Value, path: &str) {
    if let Some(choices) = schema["anyOf"].as_array() {
        assert!(choices.iter().any(|choice| is_of(choice, value)), "{path}: {value} fits none of {schema}");
        return;
    }
    assert!(is_of(schema, value), "{path}: {value} is no {}", schema["type"]);
    for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        assert!(value.get(name).is_some(), "{path} has no {name}");
    }
    for (name, member) in value.as_object().into_iter().flatten() {
        let path = format!("{path}.{name}");
        match (schema["properties"].get(name), &schema["additionalProperties"]) {
            (Some(schema), _) => holds(schema, member, &path),
            (None, Value::Bool(false)) => panic!("{path} is not in the schema"),
            (None, more) => holds(more, member, &path),
        }
    }
    for member in value.as_array().into_iter().flatten() {
        holds(&schema["items"], member, path);
    }
}

fn is_of(schema: &Value, value: &Value) -> bool {
    let is = |name: &str| match name {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_u64() || value.is_i64(),
        "number" => value.is_number(),
        "null" => value.is_null(),
        other => panic!("{other} is not a type known here"),
    };
    match &schema["type"] {
        Value::String(name) => is(name),
        Value::Array(names) => names.iter().filter_map(Value::as_str).any(is),
        _ => true,
    }
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

#[test]
fn a_recording_gives_back_what_was_seen_live() {
    let (_folder, path, live) = recorded(4, &["--json"]);
    live.expect_stderr_of_recording(5);
    let live = objects(&live.stdout);
    assert!(Recording::open(&path).expect("a recording").is_packed());
    let replayed = objects(&sar_f(&path, &["--json"]).expect_code(0).stdout);
    assert_eq!(live, replayed);
    let table = sar_f(&path, &[]).expect_code(0).expect_stdout(&["Linux ", "Average:", "cost: "]);
    assert_eq!(table.stderr, "");
    let csv = sar_f(&path, &["--csv"]).expect_code(0);
    assert_eq!(csv.stdout.lines().count(), 5, "{csv}");
    sar_f(&path, &["--use"]).expect_code(0).expect_stdout(&["cpu ", "Nearest its limit: "]);
    sar_f(&path, &["--openmetrics"]).expect_code(0).expect_stdout(&["\n# EOF\n"]);
}

impl Finished {
    #[track_caller]
    fn expect_stderr_of_recording(&self, samples: u32) {
        let said = format!("recorded {samples} samples in ");
        assert!(self.stderr.contains(&said), "{self}");
    }
}

#[test]
fn from_and_to_cut_out_a_part() {
    let (_folder, path, live) = recorded(6, &["--json"]);
    let live = objects(&live.stdout);
    let time = |index: usize| live[index]["time"].as_str().expect("a time");
    let part = sar_f(&path, &["--json", "--from", time(1), "--to", time(3)]).expect_code(0);
    assert_eq!(objects(&part.stdout), live[1..=3]);
    let all = sar_f(&path, &["--json", "--from", "+0s", "--to", "+1h"]).expect_code(0);
    assert_eq!(objects(&all.stdout), live);
    let first = sar_f(&path, &["--json", "--count", "2"]).expect_code(0);
    assert_eq!(objects(&first.stdout), live[..2]);
    sar_f(&path, &["--from", "+1h"]).expect_code(2).expect_stderr(&["no sample between --from and --to"]);
    sar_f(&path, &["--from", "yesterday"]).expect_code(2).expect_stderr(&["write 16:51"]);
}

#[test]
fn a_recording_cut_anywhere_opens() {
    let folder = tempfile::tempdir().expect("a directory");
    let path = folder.path().join("cut.sar");
    let process = start([&FAST[..], &["-o", path.to_str().expect("a plain path")]].concat());
    let plain = eventually("some samples", || fs::read(&path).ok().filter(|bytes| count_samples(bytes) >= 4));
    // Killed, it leaves the plain recording, which opens.
    process.signal(Signal::SIGKILL);
    assert_eq!(process.finish().code, None);
    let killed = sar_f(&path, &["--json"]).expect_code(0);
    assert!(objects(&killed.stdout).len() >= 3, "{killed}");
    let whole = plain.iter().rposition(|byte| *byte == b'\n').expect("lines") + 1;
    let whole = &plain[..whole];
    fs::write(&path, &whole[..whole.len() - 1]).expect("written");
    let torn = sar_f(&path, &["--json"]).expect_code(0).expect_stderr(&["in the middle of a frame"]);
    assert_eq!(torn.stderr.lines().count(), 1, "{torn}");
    for cut in whole.len() - 1024..whole.len() {
        let kept = &whole[..cut];
        fs::write(&path, kept).expect("written");
        let mut recording = Recording::open(&path).unwrap_or_else(|error| panic!("{cut}: {error}"));
        let mut samples = 0;
        while let Some(placed) = recording.next() {
            let placed = placed.unwrap_or_else(|error| panic!("{cut}: {error}"));
            samples += usize::from(matches!(placed.frame, Frame::Sample(_)));
        }
        assert_eq!((samples, recording.torn()), (count_samples(kept), !kept.ends_with(b"\n")), "{cut}");
    }
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
fn a_run_is_read_with_what_each_source_said_last() {
    let folder = tempfile::tempdir().expect("a directory");
    let run = folder.path().join("run");
    let mut bundle = Bundle::create(&run).expect("a run");
    for frame in [
        sample("host", 10, &[("host.load_1m", 1.0), ("host.context_switches", 100.0)]),
        sample("server", 11, &[("server.connections", 7.0)]),
        sample("host", 12, &[("host.load_1m", 2.0), ("host.context_switches", 140.0)]),
        sample("server", 13, &[("server.connections", 9.0)]),
        sample("host", 14, &[("host.load_1m", 3.0), ("host.context_switches", 5.0)]),
        sample("host", 40, &[("host.load_1m", 4.0)]),
    ] {
        bundle.append(&frame).expect("recorded");
    }
    let lines = objects(&sar_f(&run, &["--json"]).expect_code(0).stdout);
    assert_eq!(lines.len(), 3, "the first reading is where the first interval begins");
    assert_eq!(lines[0]["values"]["server.connections"], 7.0);
    // Runs from before there were catalogs do not say what is a counter.
    assert_eq!(lines[0]["rates"]["host.context_switches"], 20.0);
    assert_eq!(
        (&lines[1]["values"]["server.connections"], &lines[1]["values"]["host.load_1m"]),
        (&9.0.into(), &3.0.into())
    );
    assert!(lines[1]["rates"].get("host.context_switches").is_none(), "it began anew: {}", lines[1]);
    // A server that has said nothing for long says nothing now, and what was not sampled is absent.
    assert!(lines[2]["values"].get("server.connections").is_none(), "{}", lines[2]);
    assert!(lines[2]["values"].get("host.context_switches").is_none(), "{}", lines[2]);
}

#[test]
fn ctrl_c_finishes_the_recording_and_prints_the_averages() {
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        let folder = tempfile::tempdir().expect("a directory");
        let path = folder.path().join("some.sar");
        let process = start([&FAST[..], &["-o", path.to_str().expect("a plain path")]].concat());
        eventually("two lines", || (process.stdout().lines().count() > 7).then_some(()));
        process.signal(signal);
        let finished = process.finish().expect_code(0).expect_stdout(&["\nAverage:"]);
        let finished = finished.expect_stderr(&["recorded ", " a sample"]);
        assert!(Recording::open(&path).expect("a recording").is_packed(), "{finished}");
    }
}

#[test]
fn a_reader_that_goes_away_loses_no_recording() {
    let folder = tempfile::tempdir().expect("a directory");
    let path = folder.path().join("some.sar");
    let mut command = command([&FAST[..], &["-o", path.to_str().expect("a plain path")]].concat());
    let mut child =
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("sar");
    drop(child.stdout.take());
    let status = child.wait().expect("it ends");
    assert_eq!(status.code(), Some(0));
    assert!(Recording::open(&path).expect("a recording").is_packed());
}

#[test]
fn a_process_that_dies_is_told_once_and_its_columns_stop() {
    let child = Running::start(Command::new("sleep").arg("600"));
    let pid = child.pid().to_string();
    let process = start([&FAST[..], &["--json", "--pid", &pid]].concat());
    let has = |line: &Value| line["values"].get("sleep.rss_bytes").is_some();
    eventually("its memory", || objects(&process.stdout()).iter().any(has).then_some(()));
    drop(child);
    eventually("a line without it", || {
        objects(&process.stdout()).iter().any(|line| !has(line)).then_some(())
    });
    let seen = objects(&process.stdout()).len();
    eventually("more lines", || (objects(&process.stdout()).len() > seen + 3).then_some(()));
    process.signal(Signal::SIGINT);
    let finished = process.finish().expect_code(0);
    let told =
        finished.stderr.lines().filter(|line| line.contains(&format!("pid {pid} is gone (sleep)"))).count();
    assert_eq!(told, 1, "{finished}");
}

#[test]
fn it_ends_when_the_only_thing_it_watched_has() {
    let child = Running::start(Command::new("sleep").arg("600"));
    let pid = child.pid().to_string();
    let process = start([&FAST[..], &["--group", "proc", "--pid", &pid]].concat());
    eventually("a line", || process.stdout().contains("rss").then_some(()));
    drop(child);
    let finished = process.finish().expect_code(0).expect_stdout(&["Average:"]);
    finished.expect_stderr(&["all watched processes have ended"]);
}

#[test]
fn processes_are_found_by_name() {
    // A name that no other process has: a link to sleep.
    let folder = tempfile::tempdir().expect("a directory");
    let program = folder.path().join("fm-sar-it");
    let sleep =
        ["/usr/bin/sleep", "/bin/sleep"].into_iter().find(|path| Path::new(path).exists()).expect("sleep");
    std::os::unix::fs::symlink(sleep, &program).expect("a link");
    let _child = Running::start(Command::new(&program).arg("600"));
    let finished = sar(&["--count", "2", "--name", "fm-sar-it"]).expect_code(0);
    finished.expect_stdout(&["fm-sar-it", "rss", "cpu%"]);
    let none = sar(&["--name", "no-such-program-here"]).expect_code(2);
    none.expect_stderr(&["no process is called 'no-such-program-here'"]);
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

#[test]
fn an_admin_port_with_something_else_behind_it_is_a_note() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address").to_string();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let _ = stream.read(&mut [0; 1024]);
            let _ = stream.write_all(b"220 mail.example.org ESMTP\r\n");
        }
    });
    let process = start([&FAST[..], &["--admin", &address]].concat());
    eventually("a note", || process.stderr().contains("note: ").then_some(()));
    let seen = process.stdout().lines().count();
    eventually("more lines", || (process.stdout().lines().count() > seen + 3).then_some(()));
    process.signal(Signal::SIGINT);
    let finished = process.finish().expect_code(0).expect_stdout(&["Average:"]);
    assert_eq!(finished.stderr.lines().count(), 1, "{finished}");
}

#[test]
fn a_chat_is_asked_how_it_is() {
    let chat = Chat::start(&["--shards", "2"]);
    let _viewer = crate::viewer::Viewer::login(chat.listen, 1);
    let admin = chat.admin.to_string();
    let process = start([&FAST[..], &["--json", "--admin", &admin]].concat());
    eventually("its connections", || {
        let one = |line: &Value| {
            let has = |name: &str| line["values"].get(name).is_some();
            line["values"]["server.connections"] == 1.0
                && has("server.busiest_shard_ratio")
                && has("server.rss_bytes")
        };
        objects(&process.stdout()).iter().any(one).then_some(())
    });
    process.signal(Signal::SIGINT);
    process.finish().expect_code(0);
    let table = start([&FAST[..], &["--admin", &admin]].concat());
    eventually("its columns", || {
        let said = table.stdout();
        let has = |name: &&str| said.contains(*name);
        ["- chat -", "conns", "busy%", "- server -", "rss"].iter().all(has).then_some(())
    });
    table.signal(Signal::SIGINT);
    table.finish().expect_code(0);
    let used = sar(&["--use", "--admin", &admin]).expect_code(0);
    used.expect_stdout(&["the busiest shard's time at work", "descriptors (server)"]);
}

/// A command that prints a queue which grows by a thousand each time it is asked, until a file says otherwise.
fn growing_queue(folder: &Path) -> PathBuf {
    let script = folder.join("queue.sh");
    let count = folder.join("count");
    let text = format!(
        "#!/bin/sh\nn=$(cat '{count}' 2>/dev/null || echo 0)\nn=$((n + 1000))\n[ -e '{count}.stop' ] && n=0\n\
         echo $n > '{count}'\necho \"waiting $n\"\necho \"done 5\"\n",
        count = count.display()
    );
    fs::write(&script, text).expect("written");
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).expect("executable");
    script
}

#[test]
fn an_alert_is_told_recorded_run_and_cleared() {
    let folder = tempfile::tempdir().expect("a directory");
    let script = growing_queue(folder.path());
    let (path, log) = (folder.path().join("some.sar"), folder.path().join("log"));
    let exec = format!("jobs={}", script.display());
    let on_alert = format!(
        "echo \"$FLOODMARK_ALERT $FLOODMARK_QUEUE $FLOODMARK_LENGTH\" >> '{}'; sleep 600",
        log.display()
    );
    let flags =
        ["--exec", &exec, "--queue", "jobs=jobs.waiting", "--alert", "jobs=2500", "--on-alert", &on_alert];
    let out = ["--json", "-o", path.to_str().expect("a plain path")];
    let process = start([&FAST[..], &flags, &out].concat());
    eventually("the alert", || process.stderr().contains("alert: queue 'jobs': length ").then_some(()));
    eventually("the command", || fs::read_to_string(&log).ok().filter(|log| log.contains("raised jobs ")));
    eventually("the field", || {
        let raised = |line: &Value| line["alerts"][0]["queue"] == "jobs";
        objects(&process.stdout()).iter().any(raised).then_some(())
    });
    fs::write(folder.path().join("count.stop"), "").expect("written");
    eventually("its end", || process.stderr().contains("alert cleared: queue 'jobs'").then_some(()));
    process.signal(Signal::SIGINT);
    // The command that sleeps is not waited for.
    process.finish().expect_code(0);
    let mut recording = Recording::open(&path).expect("a recording");
    let mut marks = Vec::new();
    while let Some(placed) = recording.next() {
        if let Frame::Mark(mark) = placed.expect("whole").frame {
            marks.push(mark.name);
        }
    }
    assert_eq!(marks, ["host.described", "queues.described", "alert.raised", "alert.cleared"]);
    let replayed = sar_f(&path, &[]).expect_code(0);
    replayed.expect_stdout(&["* host alert.raised", "queue=jobs", "* host alert.cleared"]);
}

/// A sampler that serves metrics, and where.
fn listening(more: &[&str]) -> (Running, SocketAddr) {
    let process = start([&FAST[..], &["--listen", "0"], more].concat());
    let address = eventually("the address", || {
        let said = process.stderr();
        let (_, rest) = said.split_once("metrics http://")?;
        rest.split_once("/metrics").and_then(|(address, _)| address.parse().ok())
    });
    eventually("a line", || process.stdout().contains("time ").then_some(()));
    (process, address)
}

#[test]
fn prometheus_accepts_the_metrics() {
    let me = std::process::id().to_string();
    let (_process, address) = listening(&["--pid", &me, "--cores", "--alert", "host.accept=5s"]);
    assert!(address.ip().is_loopback());
    let answer = http(address, "GET", "/metrics", b"");
    assert_eq!(answer.status, 200);
    assert!(answer.head.contains("Content-Type: text/plain; version=0.0.4"), "{}", answer.head);
    let names = samples(&answer.body);
    for name in [
        "floodmark_host_context_switches_total",
        "floodmark_host_memory_available_bytes",
        "floodmark_host_memory_available_bytes_decayed{tau=\"10s\"}",
        "floodmark_host_context_switches_per_second_maximum{tau=\"100s\"}",
        "floodmark_sar_rss_bytes",
        "floodmark_host_core_user_ratio{core=\"0\"}",
        "floodmark_queue_alert{queue=\"host.accept\"}",
    ] {
        assert!(names.contains_key(name), "no {name} in {}", answer.body);
    }
    let mut promtool = Command::new("promtool");
    promtool.args(["check", "metrics"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let Ok(mut promtool) = promtool.spawn() else {
        let _ = writeln!(std::io::stderr(), "skipped: promtool is not installed (Debian package prometheus)");
        return;
    };
    promtool.stdin.take().expect("piped").write_all(answer.body.as_bytes()).expect("it reads");
    let output = promtool.wait_with_output().expect("it ends");
    let said = [output.stdout, output.stderr].concat();
    assert!(output.status.success() && said.is_empty(), "{}", String::from_utf8_lossy(&said));
}

fn samples(body: &str) -> BTreeMap<&str, f64> {
    let samples = body.lines().filter(|line| !line.starts_with('#'));
    samples
        .map(|line| {
            let (name, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("{line}"));
            (name, value.parse().unwrap_or_else(|error| panic!("{error}: {line}")))
        })
        .collect()
}

#[test]
fn whoever_asks_for_open_metrics_gets_it() {
    let (_process, address) = listening(&[]);
    let mut stream = connect(address);
    stream
        .write_all(
            b"GET /metrics HTTP/1.1\r\nHost: x\r\nAccept: application/openmetrics-text;version=1.0.0\r\n\r\n",
        )
        .expect("sent");
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).expect("an answer");
    let answer = parse_answer(&bytes);
    assert!(
        answer.head.contains("Content-Type: application/openmetrics-text; version=1.0.0"),
        "{}",
        answer.head
    );
    assert!(answer.body.ends_with("\n# EOF\n") && answer.body.matches("# EOF").count() == 1);
    assert!(answer.body.contains("# TYPE floodmark_host_context_switches counter\n"), "{}", answer.body);
    let once = sar(&["--openmetrics"]).expect_code(0);
    assert!(once.stdout.ends_with("\n# EOF\n"), "{once}");
}

#[test]
fn strangers_cannot_hurt_the_metrics() {
    let (mut process, address) = listening(&[]);
    let long = format!("GET /{} HTTP/1.1\r\n\r\n", "x".repeat(100_000));
    let fields = format!("GET /metrics HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(200));
    let cases: [(&[u8], u16); 8] = [
        (b"GET / HTTP/1.1\r\n\r\n", 404),
        (b"POST /metrics HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc", 405),
        (b"nonsense\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
        (b"GET /metrics HTTP/1.1\r\nno colon\r\n\r\n", 400),
        (b"GET /metrics HTTP/1.1\r\nHost:", 400),
        (long.as_bytes(), 431),
        (fields.as_bytes(), 431),
    ];
    for (bytes, status) in cases {
        let mut stream = connect(address);
        // The server may answer and close before it has read all.
        let _ = stream.write_all(bytes);
        let _ = stream.shutdown(Shutdown::Write);
        let mut answer = Vec::new();
        let mut buffer = [0; 4096];
        while let Ok(length @ 1..) = stream.read(&mut buffer) {
            answer.extend_from_slice(&buffer[..length]);
        }
        let answer = parse_answer(&answer);
        assert_eq!(
            answer.status,
            status,
            "{:?}: {answer:?}",
            String::from_utf8_lossy(&bytes[..bytes.len().min(60)])
        );
    }
    // As many as there are who answer, all silent: whoever asks is answered after them.
    let _silent: Vec<_> = (0..3).map(|_| connect(address)).collect();
    assert_eq!(http(address, "GET", "/metrics", b"").status, 200);
    assert!(!process.has_ended());
    assert!(!process.stderr().contains("panicked"), "{}", process.stderr());
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

/// Once, the new process of a chat that restarted was never watched, nor that of a program with another name.
#[test]
fn a_chat_that_restarts_is_watched_again() {
    let folder = tempfile::tempdir().expect("a directory");
    let program = folder.path().join("another-name");
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_floodmark"), &program).expect("a link");
    let first = Chat::start_with(Command::new(&program).args(Chat::arguments("127.0.0.1:0", &[])));
    let admin = first.admin.to_string();
    let process = start([&FAST[..], &["--json", "--admin", &admin]].concat());
    let is_watched = |line: &Value| line["values"].get("server.rss_bytes").is_some();
    let last_is = |watched: bool| {
        eventually("the last line", || {
            let lines = objects(&process.stdout());
            lines.last().is_some_and(|line| is_watched(line) == watched).then_some(())
        });
    };
    last_is(true);
    drop(first);
    last_is(false);
    let arguments = ["chat", "--json", "--listen", "127.0.0.1:0", "--admin", &admin];
    let second = Running::start(Command::new(&program).args(arguments));
    last_is(true);
    drop(second);
    last_is(false);
    process.signal(Signal::SIGINT);
    let finished = process.finish().expect_code(0);
    assert_eq!(finished.stderr.matches("is gone (server)").count(), 2, "{finished}");
}

/// Once, a replay forgot the queues and thresholds that the recording was made with.
#[test]
fn a_replay_follows_the_queues_that_were_followed_live() {
    let scripts = tempfile::tempdir().expect("a directory");
    let exec = format!("jobs={}", growing_queue(scripts.path()).display());
    let queue = ["--exec", &exec, "--queue", "jobs=jobs.waiting,dequeued=jobs.done", "--alert", "jobs=1500"];
    let (_folder, path, live) = recorded(60, &[&["--json"][..], &queue].concat());
    let live = objects(&live.stdout);
    assert!(live.iter().any(|line| line["alerts"][0]["queue"] == "jobs"), "{:?}", live.last());
    let is_one = |queue: &Value| queue["name"] == "jobs" && queue["enqueue_per_s"].is_number();
    assert!(live.iter().any(|line| line["queues"].as_array().expect("queues").iter().any(is_one)));
    assert_eq!(objects(&sar_f(&path, &["--json"]).expect_code(0).stdout), live);
    for flags in [&[][..], &["--alert", "jobs=1500"]] {
        let table = sar_f(&path, flags).expect_code(0);
        assert_eq!(table.stdout.matches("alert.raised").count(), 1, "{table}");
        assert!(!table.stdout.contains("queues.described"), "{table}");
    }
}

/// Once, a mark before the first sample made it the first day of the epoch, and escapes reached the terminal.
#[test]
fn a_replay_tells_its_own_day_and_no_terminal_what_to_do() {
    let folder = tempfile::tempdir().expect("a directory");
    let run = folder.path().join("run");
    let mut bundle = Bundle::create(&run).expect("a run");
    let at = Stamp { mono_us: 9_000_000, wall_us: 1_764_000_009_000_000 };
    let attributes = [("text".to_owned(), Value::from("\u{1b}[31mred\nalert"))].into();
    let mark = Mark { at, source: "run\u{9b}2J".into(), name: "begun\u{7}".into(), attributes };
    bundle.append(&Frame::Mark(mark)).expect("recorded");
    for second in 10..14 {
        let values = [("host.load_1m", 1.0), ("other.\u{1b}[2Jx", 1.0)];
        bundle.append(&sample("host", second, &values)).expect("recorded");
    }
    for flags in [&["--wide"][..], &["--csv"], &["--openmetrics"], &["--use"]] {
        let shown = sar_f(&run, flags).expect_code(0);
        let is_obeyed = |letter: char| letter.is_control() && letter != '\n';
        assert!(!shown.stdout.contains(is_obeyed), "{shown}");
        assert!(!shown.stdout.contains("1970") && !shown.stdout.contains("\nalert"), "{shown}");
    }
    sar_f(&run, &[]).expect_code(0).expect_stdout(&["2025-11-24", "[31mred"]);
}

#[test]
fn names_that_fit_nothing_are_told_once() {
    let typos = ["--alert", "nosuchqueue=5", "--queue", "host.accept=nosuch.value", "--alert", "mail*=9"];
    let finished = sar(&[&["--count", "8"][..], &typos].concat()).expect_code(0);
    for typo in ["'nosuch.value'", "--alert nosuchqueue", "--alert mail*"] {
        assert_eq!(finished.stderr.matches(typo).count(), 1, "{typo}: {finished}");
    }
    let none = sar(&["--count", "8", "--alert", "host.accept=5"]).expect_code(0);
    assert_eq!(none.stderr, "");
}

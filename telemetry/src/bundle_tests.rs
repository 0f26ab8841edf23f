//! Recordings that end badly: cut at any byte, killed at any moment, written on afterwards.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::*;
use crate::{Hello, Latency, Log, SCHEMA_VERSION, latency_histogram};

fn hello() -> Frame {
    Frame::Hello(Hello {
        at: Stamp::now(),
        source: "runner".into(),
        schema: SCHEMA_VERSION,
        worker: "runner".into(),
        pid: std::process::id(),
        version: "0.1.0".into(),
    })
}

/// A frame that says its number, `padding` bytes longer than it must be.
fn numbered(number: u64, padding: usize) -> Frame {
    let fields = [("padding".into(), "x".repeat(padding).into())].into();
    Frame::Log(Log { at: Stamp::now(), message: number.to_string(), fields, ..Log::default() })
}

/// The numbers of the frames in a recording, and how many lines of it were no frames.
fn numbers(dir: &Path) -> (Vec<u64>, u64, bool) {
    let bundle = BundleReader::open(dir).expect("opens whatever happened");
    let mut reader = bundle.frames().expect("opens again");
    let numbers = reader
        .by_ref()
        .filter_map(|frame| match frame.expect("readable") {
            Frame::Log(log) => Some(log.message.parse().expect("a number")),
            _ => None,
        })
        .collect();
    assert_eq!(reader.torn(), bundle.torn());
    (numbers, reader.unparsable(), reader.torn())
}

#[test]
fn a_directory_records_one_run() {
    let dir = tempfile::tempdir().expect("a directory");
    let run = dir.path().join("deep/a");
    let error = BundleReader::open(&run).expect_err("nothing there").to_string();
    assert_eq!(
        error,
        format!("could not open run '{}': no frames.jsonl (record one with 'floodmark run')", run.display())
    );
    let mut bundle = Bundle::create(&run).expect("a new run");
    bundle.append(&hello()).expect("recorded");
    let error = Bundle::create(&run).expect_err("occupied").to_string();
    assert!(
        error.starts_with("could not create run '") && error.contains("holds frames.jsonl already"),
        "{error}"
    );
    assert!(matches!(Bundle::reopen(&dir.path().join("b")), Err(BundleError::Missing { .. })));
    let file = run.join(FRAMES_FILE);
    assert!(matches!(BundleReader::open(&file), Err(BundleError::Missing { .. })));
}

#[test]
fn a_recording_by_a_later_version_says_so() {
    let dir = tempfile::tempdir().expect("a directory");
    fs::write(dir.path().join(FRAMES_FILE), b"{\"frame\":\"hello\",\"schema\":2}\n").expect("written");
    for error in [
        BundleReader::open(dir.path()).expect_err("a later schema").to_string(),
        Bundle::reopen(dir.path()).expect_err("a later schema").to_string(),
    ] {
        let expected = "recorded by a later version (schema 2; this floodmark reads up to 1)";
        assert_eq!(error, format!("could not open run '{}': {expected}", dir.path().display()));
    }
}

#[test]
fn a_cut_at_any_byte_loses_at_most_one_frame() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut bundle = Bundle::create(dir.path()).expect("a new run");
    bundle.append(&hello()).expect("recorded");
    for number in 0..14 {
        bundle.append(&numbered(number, (number as usize * 137) % 300)).expect("recorded");
    }
    let path = dir.path().join(FRAMES_FILE);
    let whole = fs::read(&path).expect("bytes");
    assert!(whole.len() > 3_000);
    for cut in whole.len() - 2_048..=whole.len() {
        fs::write(&path, &whole[..cut]).expect("cut");
        let begun = whole[..cut].split_inclusive(|&byte| byte == b'\n').count() as u64 - 1;
        let (read, unparsable, torn) = numbers(dir.path());
        assert_eq!(torn, whole[cut - 1] != b'\n', "cut at {cut}");
        assert_eq!(read, (0..begun - u64::from(torn)).collect::<Vec<_>>(), "cut at {cut}");
        assert_eq!(unparsable, 0);

        // Writing on glues nothing onto the torn tail, which stays, and is counted.
        Bundle::reopen(dir.path()).expect("goes on").append(&numbered(1_000, 0)).expect("recorded");
        let (after, unparsable, torn_after) = numbers(dir.path());
        assert_eq!(after.last(), Some(&1_000), "cut at {cut}");
        // A tail that lacked nothing but its newline is a frame again.
        assert_eq!(after.len() as u64 - 1 + unparsable, begun, "cut at {cut}");
        assert!(!torn_after && unparsable <= u64::from(torn));
        assert_eq!(fs::read(&path).expect("bytes")[..cut], whole[..cut], "append-only");
    }
}

#[test]
fn a_frame_too_long_is_not_recorded() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut bundle = Bundle::create(dir.path()).expect("a new run");
    assert!(matches!(bundle.append(&numbered(0, LINE_BYTES_MAX)), Err(BundleError::FrameTooLong { .. })));
    bundle.append(&numbered(1, 0)).expect("recorded");
    assert_eq!(numbers(dir.path()), (vec![1], 0, false));
}

#[test]
fn a_full_disk_is_an_error_and_not_the_end() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut bundle = Bundle::create(dir.path()).expect("a new run");
    let full = File::options().append(true).open("/dev/full").expect("Linux");
    let good = bundle.frames.replace(full);
    let error = bundle.append(&numbered(0, 0)).expect_err("full").to_string();
    assert!(error.starts_with("could not write '") && error.contains("frames.jsonl"), "{error}");
    bundle.frames.replace(good);
    bundle.append(&numbered(1, 0)).expect("room again");
    assert_eq!(numbers(dir.path()), (vec![1], 0, false));
}

#[test]
fn whole_files_are_replaced_whole() {
    let dir = tempfile::tempdir().expect("a directory");
    let bundle = Bundle::create(dir.path()).expect("a new run");
    bundle.write_file("summary.json", b"{\"long\":\"one\"}").expect("written");
    bundle.write_file("summary.json", "{}").expect("written again");
    let reader = BundleReader::open(dir.path()).expect("a run");
    assert_eq!(reader.read_file("summary.json").expect("readable"), Some(b"{}".to_vec()));
    assert_eq!(reader.read_file("plan.yaml").expect("readable"), None);
    let mut names: Vec<_> =
        fs::read_dir(dir.path()).expect("a directory").map(|e| e.expect("entry").file_name()).collect();
    names.sort();
    assert_eq!(names, ["frames.jsonl", "summary.json"]);
    for name in
        ["", ".", "..", "../summary.json", "a/b", "/etc/passwd", ".hidden", "a\0b", FRAMES_FILE, LATENCY_FILE]
    {
        assert!(matches!(bundle.write_file(name, b""), Err(BundleError::FileName { .. })), "{name:?}");
    }
}

#[test]
fn the_latency_log_belongs_to_the_run() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut bundle = Bundle::create(dir.path()).expect("a new run");
    assert!(BundleReader::open(dir.path()).expect("a run").latency_log().expect("no error").is_none());
    let mut histogram = latency_histogram();
    histogram.saturating_record(42_000);
    let latency = Latency {
        at: Stamp::now(),
        source: "publisher".into(),
        name: "message.latency_us".into(),
        interval_us: 1_000,
        histogram: Latency::encode(&histogram),
    };
    bundle.append(&hello()).expect("recorded");
    bundle.latency_log().expect("begun").append(&latency).expect("appended");
    bundle.latency_log().expect("the same").append(&latency).expect("appended");
    drop(bundle);
    Bundle::reopen(dir.path())
        .expect("goes on")
        .latency_log()
        .expect("goes on")
        .append(&latency)
        .expect("appended");
    let mut log =
        BundleReader::open(dir.path()).expect("a run").latency_log().expect("no error").expect("a log");
    let entries: Vec<_> = log.by_ref().collect::<io::Result<_>>().expect("readable");
    assert_eq!((entries.len(), log.unreadable(), log.torn()), (3, 0, false));
    assert!(
        entries
            .iter()
            .all(|entry| entry.tag == "publisher.message.latency_us" && entry.histogram == histogram)
    );
}

const KILL_DIR: &str = "FLOODMARK_TEST_APPEND_FOREVER";
const KILL_FIRST: &str = "FLOODMARK_TEST_FIRST_NUMBER";
const KILL_TEST: &str = "bundle::tests::a_kill_loses_no_frame_but_the_one_being_written";

/// Appends forever, and says after each frame that it was taken. Only ever run as a child, to be killed.
fn append_forever(dir: &Path) -> ! {
    let first: u64 = std::env::var(KILL_FIRST).expect("set with the directory").parse().expect("a number");
    let mut bundle = if first == 0 { Bundle::create(dir) } else { Bundle::reopen(dir) }.expect("a bundle");
    let mut out = io::stdout().lock();
    for number in first.. {
        // Some frames span many pages, so that a kill finds a write half done.
        let padding = if number.is_multiple_of(3) { 400_000 } else { 100 };
        bundle.append(&numbered(number, padding)).expect("recorded");
        writeln!(out, "ack {number}").expect("the parent reads");
        out.flush().expect("the parent reads");
    }
    unreachable!("u64 is long")
}

#[test]
fn a_kill_loses_no_frame_but_the_one_being_written() {
    if let Some(dir) = std::env::var_os(KILL_DIR) {
        append_forever(Path::new(&dir));
    }
    let dir = tempfile::tempdir().expect("a directory");
    let mut seed = match std::env::var("FLOODMARK_SEED") {
        Ok(seed) => seed.parse().expect("FLOODMARK_SEED is a number"),
        Err(_) => crate::monotonic_ns(),
    };
    // Shown when the test fails; FLOODMARK_SEED replays it.
    eprint_seed(seed);
    let mut random = move |below: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % below
    };
    let (mut acknowledged, mut first) = (Vec::new(), 0);
    for round in 0..12 {
        let mut child = Command::new(std::env::current_exe().expect("this binary"))
            .args([KILL_TEST, "--exact", "--nocapture", "--test-threads=1"])
            .env(KILL_DIR, dir.path())
            .env(KILL_FIRST, first.to_string())
            .stdout(Stdio::piped())
            .spawn()
            .expect("this binary runs");
        let wanted = 1 + random(40);
        let mut acks = BufReader::new(child.stdout.take().expect("piped"))
            .lines()
            .map_while(Result::ok)
            .filter_map(|line| line.rsplit_once("ack ")?.1.parse::<u64>().ok());
        acknowledged.extend(acks.by_ref().take(wanted as usize));
        let killed_at = Instant::now() + Duration::from_nanos(random(1_000_000));
        while Instant::now() < killed_at {}
        child.kill().expect("SIGKILL");
        child.wait().expect("dead");
        // What it said before it died.
        acknowledged.extend(acks);

        let (read, unparsable, torn) = numbers(dir.path());
        // Everything acknowledged is there, in order; at most one more frame, which was not acknowledged in time. A
        // number is used again when its frame was torn, so what was read never has a gap or a repetition.
        let extra = read.len() - acknowledged.len();
        assert!(extra <= 1, "round {round}: {extra} frames more than acknowledged");
        assert_eq!(read[..acknowledged.len()], acknowledged, "round {round}");
        assert!(unparsable + u64::from(torn) <= round + 1);
        acknowledged = read;
        first = acknowledged.last().map_or(0, |last| last + 1);
    }
}

#[expect(clippy::print_stderr, reason = "the harness shows it when the test fails")]
fn eprint_seed(seed: u64) {
    eprintln!("FLOODMARK_SEED={seed}");
}

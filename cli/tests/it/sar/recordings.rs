//! What is recorded, and what a replay gives back.

use super::*;

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

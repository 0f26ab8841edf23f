//! A process seen from outside, and from inside; some tests run alone in a process of their own.

use std::process::{Command, Stdio};
use std::sync::Barrier;
use std::thread;

use super::*;

const ALONE: &str = "FLOODMARK_TEST_ALONE";

/// Runs a test of this binary in a process of its own, where no other test opens descriptors or starts threads. Returns
/// true in that process, and false in the one that waited for it.
pub(crate) fn alone(test: &str) -> bool {
    if std::env::var_os(ALONE).is_some() {
        return true;
    }
    let output = Command::new(std::env::current_exe().expect("this binary"))
        .args([test, "--exact", "--nocapture", "--test-threads=1"])
        .env(ALONE, "1")
        .output()
        .expect("this binary runs");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    assert!(text.contains("1 passed"), "no test is named '{test}': {text}");
    false
}

fn own(values: &mut Values, process: &mut Process) {
    values.clear();
    process.sample(values).expect("this process is alive");
}

#[test]
fn stat_is_parsed_whatever_the_program_is_called() {
    let rest = "S 1 2 3 0 -1 4194304 100 0 9 0 150 25 7 8 20 0 17 0 98765 1000000 250 18446744073709551615";
    let expected = Stat {
        state: 'S',
        minor_faults: 100,
        major_faults: 9,
        user_ticks: 150,
        system_ticks: 25,
        threads: 17,
        started_ticks: 98_765,
    };
    for name in ["chat", "", "a b", "a) S 9 9 (b", ")))", "tab\tnew\nline"] {
        let line = format!("42 ({name}) {rest}");
        assert_eq!(Stat::parse(line.as_bytes()), Some(expected), "{name:?}");
    }
    assert_eq!(Stat::parse(&[b"42 (\xff\xfe) ", rest.as_bytes()].concat()), Some(expected));
    for line in [
        "",
        "42",
        "42 (chat",
        "42 (chat)",
        "42 (chat) S 1 2",
        "42 (chat) S 1 2 3 0 -1 4 1 0 0 0 x 25 7 8 20 0 17 0 9",
    ] {
        assert_eq!(Stat::parse(line.as_bytes()), None, "{line:?}");
    }
}

#[test]
fn kernel_releases_are_compared_by_number() {
    assert_eq!(kernel_version("6.1.0-18-amd64\n"), Some((6, 1)));
    assert_eq!(kernel_version("6.18.44"), Some((6, 18)));
    assert!(kernel_version("6.9").expect("two numbers") < STATM_EXACT_SINCE);
    assert!(kernel_version("7.0-rc1").expect("two numbers") >= STATM_EXACT_SINCE);
    assert_eq!((kernel_version(""), kernel_version("six.one")), (None, None));
}

#[test]
fn memory_that_is_touched_is_seen_at_once() {
    if !alone("sources::process::tests::memory_that_is_touched_is_seen_at_once") {
        return;
    }
    const BYTES: usize = 64 << 20;
    let mut process = Process::open(std::process::id(), "own").expect("this process");
    let before = process.memory().expect("readable");
    let memory = vec![1_u8; BYTES];
    let after = process.memory().expect("readable");
    let grown = after - before;
    assert!(grown.abs_diff(BYTES as u64) < 1 << 20, "{grown}");
    drop(std::hint::black_box(memory));
    assert!(process.memory().expect("readable").abs_diff(before) < 1 << 20);
}

#[test]
fn both_exact_sources_agree_to_the_page() {
    if !alone("sources::process::tests::both_exact_sources_agree_to_the_page") {
        return;
    }
    let pid = std::process::id();
    let mut process = Process::open(pid, "own").expect("this process");
    process.rss_source = RssSource::SmapsRollup;
    process.smaps_rollup = Some(rollup(pid).expect("one's own is readable"));
    // Threads that touch a few pages each, and stay: what per-CPU counters would lose.
    let (touched, measured) = (Barrier::new(9), Barrier::new(9));
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let pages = std::hint::black_box(vec![1_u8; 300_000]);
                touched.wait();
                measured.wait();
                drop(pages);
            });
        }
        touched.wait();
        let readings: Vec<_> = (0..100)
            .map(|_| (process.statm_bytes(), process.rollup_bytes(), process.statm_bytes()))
            .collect();
        measured.wait();
        let mut compared = 0;
        for reading in readings {
            let (Ok(before), Ok(rollup), Ok(after)) = reading else { panic!("{reading:?}") };
            // Measuring may itself touch a page: only what stands on both sides counts.
            if choose_rss_source(pid).0 == RssSource::Statm && before == after {
                assert_eq!(rollup, before);
                compared += 1;
            }
            assert!(rollup.abs_diff(before) < 8 << 20);
        }
        assert!(compared > 0 || choose_rss_source(pid).0 != RssSource::Statm);
    });
}

#[test]
fn memory_is_found_again_after_an_exec() {
    // The shell replaces itself when it is told to go on.
    let mut child = Command::new("sh")
        .args(["-c", "read line; exec sleep 600"])
        .stdin(Stdio::piped())
        .spawn()
        .expect("a shell");
    let mut process = Process::open(child.id(), "shell").expect("running");
    process.rss_source = RssSource::SmapsRollup;
    assert!(process.memory().expect("readable") > 0);
    drop(child.stdin.take());
    let name = format!("/proc/{}/comm", child.id());
    while fs::read_to_string(&name).expect("running").trim() != "sleep" {
        thread::yield_now();
    }
    assert!(process.memory().expect("readable again") > 0);
    child.kill().expect("SIGKILL");
    child.wait().expect("dead");
    assert!(matches!(process.memory(), Err(SarError::ProcessGone { .. })));
}

#[test]
fn a_process_that_ended_is_gone_even_before_it_is_waited_for() {
    let mut child = Command::new("sleep").arg("600").spawn().expect("sleep");
    let pid = child.id();
    for source in [RssSource::Statm, RssSource::SmapsRollup] {
        let mut process = Process::open(pid, "child").expect("running");
        process.rss_source = source;
        process.memory().expect("readable");
    }
    let mut process = Process::open(pid, "child").expect("running");
    child.kill().expect("SIGKILL");
    // A zombie by the time that the kernel has finished with it; either way it may still answer until then.
    let mut values = Values::new();
    while process.sample(&mut values).is_ok() {
        thread::yield_now();
    }
    assert!(matches!(process.memory(), Err(SarError::ProcessGone { pid: gone }) if gone == pid));
    let error = Process::open(pid, "child").expect_err("a zombie").to_string();
    assert_eq!(error, format!("no process with pid {pid} (it may have ended already)"));
    child.wait().expect("dead");
    assert!(matches!(process.memory(), Err(SarError::ProcessGone { .. })));
    assert!(matches!(process.sample(&mut values), Err(SarError::ProcessGone { .. })));
    assert!(matches!(Process::open(pid, "child"), Err(SarError::NoProcess { .. })));
    assert!(matches!(Process::open(u32::MAX, "none"), Err(SarError::NoProcess { .. })));
}

#[test]
fn a_number_used_again_is_not_the_same_process() {
    let mut process = Process::open(std::process::id(), "own").expect("this process");
    process.started_ticks -= 1;
    assert!(matches!(process.sample(&mut Values::new()), Err(SarError::ProcessGone { .. })));
}

#[test]
fn threads_and_time_are_seen() {
    if !alone("sources::process::tests::threads_and_time_are_seen") {
        return;
    }
    let mut process = Process::open(std::process::id(), "own").expect("this process");
    let mut values = Values::new();
    own(&mut values, &mut process);
    let threads = values.get("own.threads").expect("threads");
    assert_eq!(values.get("own.cpu_cores"), None, "the first sample has nothing to compare with");
    let (began, end) = (Barrier::new(6), Barrier::new(6));
    thread::scope(|scope| {
        for _ in 0..5 {
            scope.spawn(|| {
                began.wait();
                end.wait();
            });
        }
        began.wait();
        own(&mut values, &mut process);
        end.wait();
        assert_eq!(values.get("own.threads"), Some(threads + 5.0));
    });
    let spent = |values: &Values| {
        values.get("own.cpu_user_s").expect("user") + values.get("own.cpu_system_s").expect("system")
    };
    let before = spent(&values);
    let limit = telemetry::monotonic_ns() + 60_000_000_000;
    while spent(&values) < before + 0.2 {
        own(&mut values, &mut process);
        assert!(telemetry::monotonic_ns() < limit, "a busy minute, and no time spent");
    }
    assert!(values.get("own.cpu_cores").is_some_and(|cores| cores >= 0.0));
}

#[test]
fn a_hundred_descriptors_are_a_hundred() {
    if !alone("sources::process::tests::a_hundred_descriptors_are_a_hundred") {
        return;
    }
    let mut process = Process::open(std::process::id(), "own").expect("this process");
    let mut values = Values::new();
    // The first sample opens what it holds open, and here that is among what is counted.
    own(&mut values, &mut process);
    own(&mut values, &mut process);
    let before = values.get("own.descriptors").expect("descriptors");
    let files: Vec<_> = (0..100).map(|_| fs::File::open("/dev/null").expect("opened")).collect();
    own(&mut values, &mut process);
    assert_eq!(values.get("own.descriptors"), Some(before + 100.0));
    assert_eq!(values.get("own.descriptor_tables"), Some(1.0));
    drop(files);
    own(&mut values, &mut process);
    assert_eq!(values.get("own.descriptors"), Some(before));
}

//! Queues, and alerts when they are past a threshold.

use super::*;

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

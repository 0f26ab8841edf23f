//! How a run may end before its time: no process stays, and what was measured is kept.

use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::time::Duration;

use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;
use serde_json::Value;
use telemetry::{BundleReader, Frame};

use crate::recording::{self, count, phases, summary, value, worker};
use crate::run::{arguments, bundle};
use crate::tool::{self, Running, eventually, scenario, within};

/// What makes smoke.yaml hold until somebody ends it.
const ENDLESS: [&str; 2] = ["connections.rate=unlimited", "connections.hold=10m"];

/// Whether some messages have been delivered.
fn messages_flow(frames: &[Frame]) -> bool {
    value(frames, "connections.messages").is_some_and(|count| count > 5.0)
}

/// Starts a run in a process group of its own, as a shell does.
fn start_in_group(bundle: &Path, sets: &[&str]) -> Running {
    let mut command = tool::command(arguments(&scenario("smoke.yaml"), bundle, sets));
    Running::start(command.process_group(0))
}

/// Whether the process is there and not merely waiting to be buried.
fn is_alive(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with('Z'))
}

/// The children of a process.
pub(crate) fn children(pid: u32) -> Vec<u32> {
    let processes = std::fs::read_dir("/proc").expect("/proc").flatten();
    processes
        .filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok())
        .filter(|child| {
            let stat = std::fs::read_to_string(format!("/proc/{child}/stat")).unwrap_or_default();
            // After the name in brackets: state, parent.
            let parent = stat.rsplit_once(") ").and_then(|(_, rest)| rest.split(' ').nth(1)?.parse().ok());
            parent == Some(pid)
        })
        .collect()
}

#[track_caller]
fn all_end(pids: &[u32]) {
    eventually("every worker has ended", || pids.iter().all(|pid| !is_alive(*pid)).then_some(()));
}

/// Waits until the runner has begun `phase` and `ready` holds; returns its workers.
fn wait_for_phase(
    run: &mut Running,
    bundle: &Path,
    phase: &str,
    ready: impl Fn(&[Frame]) -> bool,
) -> Vec<u32> {
    let began = format!("began {phase}");
    eventually(&format!("{began}\n{}", run.stderr()), || {
        assert!(!run.has_ended(), "the run has ended: {}", run.stderr());
        let frames = recording::frames(bundle);
        (phases(&frames).contains(&began) && ready(&frames)).then_some(())
    });
    let workers = children(run.pid());
    assert_eq!(workers.len(), 3, "server, generator and publisher");
    workers
}

/// The bundle of a run that did not come to its end: readable, and honest about it.
#[track_caller]
fn is_incomplete(bundle: &Path, reason: &str) -> Value {
    let reader = BundleReader::open(bundle).expect("a bundle that can be read");
    assert!(!reader.torn());
    let frames: Vec<Frame> = reader.frames().expect("frames").map(|frame| frame.expect("a frame")).collect();
    let last = recording::marks(&frames, "runner").last().expect("marks");
    assert_eq!((last.name.as_str(), &last.attributes["verdict"]), ("run.ended", &"incomplete".into()));
    let summary = summary(bundle);
    assert_eq!(summary["verdict"], "incomplete", "{summary:#}");
    let told = summary["reason"].as_str().expect("a reason");
    assert!(told.contains(reason), "'{told}' does not say '{reason}'");
    for file in ["scenario.yaml", "plan.yaml", "host.json", "frames.jsonl", "memory.svg"] {
        assert!(bundle.join(file).metadata().is_ok_and(|file| file.len() > 0), "no {file}");
    }
    summary
}

#[test]
fn ctrl_c_in_the_ramp_leaves_no_process_and_a_readable_bundle() {
    let (_dir, bundle) = bundle();
    let mut run = start_in_group(&bundle, &["connections.rate=20/s", "connections.count=2000"]);
    let open = |frames: &[Frame]| value(frames, "connections.open").is_some_and(|open| open > 3.0);
    let workers = wait_for_phase(&mut run, &bundle, "ramp", open);
    let group = Pid::from_raw(run.pid() as i32);
    // From a terminal, everyone in the group gets it.
    run.signal_group(Signal::SIGINT);
    let finished = run.finish().expect_code(4);
    finished.expect_stderr(&["interrupted", "the run is in "]).expect_stdout(&["INCOMPLETE  smoke"]);
    all_end(&workers);
    assert!(killpg(group, None).is_err(), "somebody of the group is left");
    let summary = is_incomplete(&bundle, "interrupted");
    let peak = count(&summary, "connections.peak");
    assert!((4..2000).contains(&peak), "what was measured until then is kept: {peak}");
}

#[test]
fn ctrl_c_in_the_hold_leaves_no_process_and_a_readable_bundle() {
    let (_dir, bundle) = bundle();
    let mut run = start_in_group(&bundle, &ENDLESS);
    let workers = wait_for_phase(&mut run, &bundle, "hold", messages_flow);
    run.signal(Signal::SIGINT);
    run.finish().expect_code(4).expect_stderr(&["interrupted"]);
    all_end(&workers);
    let summary = is_incomplete(&bundle, "interrupted");
    assert_eq!(count(&summary, "connections.peak"), 200);
}

/// What went wrong: all workers were told to stop at once, so that the server closed connections which the generator
/// still held and counted as closed by the server, and the publisher died without its last account.
#[test]
fn what_ctrl_c_ends_is_not_blamed_on_the_server_and_the_account_is_kept() {
    let (_dir, bundle) = bundle();
    let mut run = start_in_group(&bundle, &ENDLESS);
    wait_for_phase(&mut run, &bundle, "hold", messages_flow);
    let frames = recording::frames(&bundle);
    let [server, generator] = ["server", "generator"].map(|name| worker(&frames, name).expect("a hello"));
    // A generator that takes its time to end still has its server.
    let generator = Pid::from_raw(generator as i32);
    kill(generator, Signal::SIGSTOP).expect("stopped");
    run.signal(Signal::SIGINT);
    let ended_first = within(Duration::from_secs(1), || (!is_alive(server)).then_some(()));
    kill(generator, Signal::SIGCONT).expect("continued");
    run.finish().expect_code(4);
    assert!(ended_first.is_none(), "the server ended while the generator was there");
    let summary = is_incomplete(&bundle, "interrupted");
    assert_eq!(count(&summary, "connections.closed_by_server"), 0, "{summary:#}");
    assert!(count(&summary, "audit.sent") > 5, "{summary:#}");
}

/// Kills a worker in the hold; the run names it, and nobody else.
fn is_named(victim: &str) {
    let (_dir, bundle) = bundle();
    let mut run = start_in_group(&bundle, &ENDLESS);
    let workers = wait_for_phase(&mut run, &bundle, "hold", messages_flow);
    let pid = worker(&recording::frames(&bundle), victim).expect("a hello");
    assert!(workers.contains(&pid), "the {victim} is a child of the runner");
    kill(Pid::from_raw(pid as i32), Signal::SIGKILL).expect("killed");
    let named = format!("the {victim} ended before the run did");
    run.finish().expect_code(4).expect_stderr(&[&named, "killed by signal 9"]);
    all_end(&workers);
    is_incomplete(&bundle, &named);
}

/// What went wrong: the publisher, whose connection broke, was sometimes heard first and named instead.
#[test]
fn a_server_that_is_killed_is_named() {
    is_named("server");
}

#[test]
fn a_generator_that_is_killed_is_named() {
    is_named("generator");
}

#[test]
fn a_publisher_that_is_killed_is_named() {
    is_named("publisher");
}

/// A worker that is there and says nothing: the run names it, ends the others, and kills it. Three runs at once, since
/// each takes the patience that a worker is given.
#[test]
fn a_worker_that_is_stuck_is_named() {
    let runs = ["server", "generator", "publisher"].map(|victim| {
        let (dir, bundle) = bundle();
        let mut run = start_in_group(&bundle, &ENDLESS);
        let workers = wait_for_phase(&mut run, &bundle, "hold", messages_flow);
        let pid = worker(&recording::frames(&bundle), victim).expect("a hello");
        kill(Pid::from_raw(pid as i32), Signal::SIGSTOP).expect("stopped");
        (victim, dir, bundle, run, workers)
    });
    for (victim, _dir, bundle, run, workers) in runs {
        let reason =
            format!("the {victim} has said nothing for 15 s: it is stuck (it is stopped by a signal)");
        run.finish().expect_code(4).expect_stderr(&[&reason]);
        all_end(&workers);
        let summary = is_incomplete(&bundle, &reason);
        let cause = if victim == "publisher" { "generator.publisher" } else { victim };
        let wall = &summary["wall"];
        assert!(wall["first"].as_str().is_some_and(|first| first.starts_with(cause)), "{wall:#}");
        assert!(wall["first"].as_str().is_some_and(|first| first.ends_with("stuck")), "{wall:#}");
        assert_eq!(count(&summary, "connections.peak"), 200, "what was measured until then is kept");
    }
}

#[test]
fn workers_end_by_themselves_when_the_runner_is_killed() {
    let (_dir, bundle) = bundle();
    let mut run = start_in_group(&bundle, &ENDLESS);
    let workers = wait_for_phase(&mut run, &bundle, "hold", messages_flow);
    run.signal(Signal::SIGKILL);
    run.finish();
    all_end(&workers);
    let reader = BundleReader::open(&bundle).expect("a bundle that can be read");
    let frames = reader.frames().expect("frames").filter_map(Result::ok).count();
    assert!(frames > 10, "only {frames} frames");
}

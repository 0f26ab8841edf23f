//! The machine's ceiling: what is told of it, and that it stays within its bounds.

use std::process::Stdio;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use telemetry::Frame;

use crate::endings::children;
use crate::recording::{self, summary};
use crate::run::{self, bundle, run};
use crate::tool::{self, Finished, eventually, floodmark, scenario, start};

fn json(finished: &Finished) -> Value {
    serde_json::from_str(&finished.stdout).unwrap_or_else(|error| panic!("{error}: {finished}"))
}

#[track_caller]
fn positive(value: &Value) {
    assert!(value.as_f64().is_some_and(|figure| figure > 0.0), "not a positive figure: {value}");
}

#[test]
fn the_ceiling_is_one_json_document() {
    let finished =
        floodmark(["limit", "--connections", "200,50", "--time", "30s", "--reserve", "1MiB", "--json"]);
    let ceiling = json(&finished.expect_code(0));
    let steps = ceiling["steps"].as_array().expect("steps");
    assert_eq!(
        steps.iter().map(|step| step["connections"].as_u64()).collect::<Vec<_>>(),
        [Some(50), Some(200)]
    );
    for step in steps {
        assert_eq!(step["opened"], step["connections"], "{step}");
        assert_eq!(step["note"], Value::Null);
        let arrangements = ["together", "apart"].map(|name| &step[name]);
        for key in ["connects_per_s", "deliveries_per_s"] {
            arrangements.iter().for_each(|rates| positive(&rates[key]));
            let most = arrangements.iter().filter_map(|rates| rates[key].as_f64()).fold(0.0, f64::max);
            assert_eq!(step[key].as_f64(), Some(most), "the larger one is the ceiling: {step}");
        }
        let name = step["arrangement"].as_str().expect("an arrangement");
        assert_eq!(step[name]["deliveries_per_s"], step["deliveries_per_s"]);
    }
    for key in ["p50", "p99", "max", "samples"] {
        positive(&ceiling["wakeup_us"][key]);
    }
    ["memory_free_bytes", "reserve_bytes", "took_s"].iter().for_each(|key| positive(&ceiling[key]));
    // So few pairs do not stand out from the machine's noise: what was not measured is null, and not absent or zero.
    for key in ["pair_bytes", "pair_slab_bytes", "pairs_max", "cut_short"] {
        assert_eq!(ceiling.get(key), Some(&Value::Null), "{key}");
    }
}

#[test]
fn the_ceiling_in_words_is_a_table() {
    let finished = floodmark(["limit", "-n", "20", "--reserve", "1MiB"]).expect_code(0);
    finished.expect_stdout(&["connects/s", "deliveries/s", " 20 ", "wake-up", "memory", "took"]);
}

#[test]
fn a_worker_measures_at_once_and_says_one_sample() {
    let mut command = tool::command(["limit", "--connections", "60", "--reserve", "1MiB", "--worker"]);
    // The runner's end of the pipe; it stays open while the worker measures.
    let (stdin, runner) = std::io::pipe().expect("a pipe");
    let worker = tool::Running::start_with(&mut command, Stdio::from(stdin));
    let finished = worker.finish().expect_code(0);
    drop(runner);
    let frames = finished.frames();
    assert!(matches!(&frames[0], Frame::Hello(hello) if hello.worker == "limit" && hello.source == "limit"));
    assert!(matches!(&frames[1], Frame::Mark(mark) if mark.name == "worker.ready"));
    let [_, _, Frame::Sample(sample), Frame::Mark(ended)] = &frames[..] else {
        panic!("not hello, ready, sample, ended: {finished}")
    };
    for name in [
        "connects_per_s",
        "deliveries_per_s",
        "wakeup_p50_us",
        "wakeup_p99_us",
        "connects_at_60_per_s",
        "deliveries_at_60_per_s",
    ] {
        assert!(
            sample.values.get(&format!("limit.{name}")).is_some_and(|value| *value > 0.0),
            "{name}: {sample:?}"
        );
    }
    assert_eq!(sample.values.get("limit.pair_bytes"), None, "not measured is absent");
    assert_eq!((ended.name.as_str(), &ended.attributes["phase"]), ("phase.ended", &Value::from("limit")));
    assert_eq!(ended.attributes.get("cut_short"), None);
}

/// A worker whose runner is gone ends, and says why there is little to read.
#[test]
fn a_worker_without_a_runner_is_cut_short() {
    let finished =
        floodmark(["limit", "--connections", "60", "--reserve", "1MiB", "--worker"]).expect_code(0);
    let frames = finished.frames();
    let Some(Frame::Mark(ended)) = frames.last() else { panic!("no last mark: {finished}") };
    assert_eq!(ended.name, "phase.ended");
    assert!(ended.attributes.get("cut_short").is_some_and(Value::is_string), "{ended:?}");
}

#[test]
fn a_reserve_larger_than_memory_leaves_nothing_to_measure() {
    floodmark(["limit", "--connections", "50", "--reserve", "1000TiB"]).expect_code(3).expect_stderr(&[
        "nothing can be measured",
        "reserved",
        "--reserve",
    ]);
}

#[test]
fn a_step_that_has_no_time_is_left_out_and_says_so() {
    let finished = floodmark(["limit", "-n", "20,1000000", "--reserve", "1MiB", "--time", "12s", "--json"]);
    let ceiling = json(&finished.expect_code(0));
    positive(&ceiling["steps"][0]["connects_per_s"]);
    let left_out = &ceiling["steps"][1];
    assert_eq!((&left_out["opened"], &left_out["connects_per_s"]), (&Value::from(0), &Value::Null));
    assert!(left_out["note"].as_str().is_some_and(|note| note.contains("no room")), "{left_out}");
}

#[test]
fn ctrl_c_ends_it_with_what_was_measured() {
    let run = start(["limit", "--connections", "20,5000", "--reserve", "1MiB", "--json"]);
    // It has threads of its own as soon as it measures.
    let tasks = format!("/proc/{}/task", run.pid());
    eventually("it measures", || (std::fs::read_dir(&tasks).ok()?.count() > 3).then_some(()));
    run.signal(Signal::SIGINT);
    let finished = run.finish().expect_code(4).expect_stderr(&["cut short", "told to stop"]);
    let ceiling = json(&finished);
    assert!(ceiling["cut_short"].as_str().is_some_and(|why| why.contains("stop")), "{ceiling}");
    assert!(Duration::from_secs_f64(ceiling["took_s"].as_f64().expect("a time")) < tool::PATIENCE);
}

#[test]
fn wrong_input_says_what_to_write_instead() {
    for (arguments, parts) in [
        (&["--connections", "0"][..], &["0 connections", "1 to 1000000"][..]),
        (&["--connections", "100,2000000"], &["2000000", "1 to 1000000"]),
        (&["--connections", "1,2,3,4,5"], &["5 steps", "one to 4"]),
        (&["--connections", "many"], &["'many'", "--connections"]),
        (&["--concurrency", "0"], &["concurrency", "1 to 4096"]),
        (&["--reserve", "1"], &["'1' has no unit", "--reserve"]),
        (&["--time", "10ms"], &["10ms", "1s to 3600s"]),
        (&["--time", "60"], &["'60' has no unit", "--time"]),
    ] {
        floodmark([&["limit"], arguments].concat()).expect_code(2).expect_stderr(parts);
    }
}

/// As fast as it goes, so that there is something to compare.
const FULL_SPEED: [&str; 5] = [
    "limit=true",
    "connections.rate=unlimited",
    "connections.hold=500ms",
    "messages={ max: true, duration: 400ms }",
    "settle=500ms",
];

#[test]
fn a_run_shows_its_figures_beside_the_ceiling() {
    let (_dir, bundle) = bundle();
    let thresholds =
        "thresholds=[limit.ratio.connects > 0, limit.ratio.deliveries > 0, limit.deliveries_per_s > 0]";
    let finished =
        run(&scenario("smoke.yaml"), &bundle, &[&FULL_SPEED[..], &[thresholds]].concat()).expect_code(0);
    let finished = finished.expect_stdout(&["limit        connects", "ratio", "PASS  smoke"]);
    assert!(finished.stdout.contains("a sleeper wakes up in"), "{finished}");
    let limit = &summary(&bundle)["limit"];
    ["connects_per_s", "deliveries_per_s", "wakeup_p50_us"].iter().for_each(|key| positive(&limit[key]));
    assert!(limit["note"].is_null(), "{limit:#}");
    let frames = recording::frames(&bundle);
    assert!(recording::value(&frames, "limit.connects_per_s").is_some(), "the ceiling is in the bundle");
    assert_eq!(recording::phases(&frames)[..2], ["began limit", "ended limit"]);
}

#[test]
fn a_paced_run_has_no_ratio_of_rates() {
    let (_dir, bundle) = bundle();
    run(&scenario("smoke.yaml"), &bundle, &["limit=true", "connections.hold=500ms"]).expect_code(0);
    let limit = &summary(&bundle)["limit"];
    positive(&limit["connects_per_s"]);
    assert!(limit["ratio"]["connects"].is_null() && limit["ratio"]["deliveries"].is_null(), "{limit:#}");
}

/// A run without its ceiling is a run all the same, and says why there is none.
#[test]
fn a_run_outlives_the_measuring_of_its_ceiling() {
    let (_dir, bundle) = bundle();
    let arguments =
        run::arguments(&scenario("smoke.yaml"), &bundle, &["limit=true", "connections.hold=500ms"]);
    let running = start(arguments);
    // Git is a child for a moment, too, when the run asks it for the commit.
    let measures = |child: &u32| {
        let words = std::fs::read_to_string(format!("/proc/{child}/cmdline")).unwrap_or_default();
        words.split('\0').nth(1) == Some("limit")
    };
    let worker =
        eventually("the ceiling is being measured", || children(running.pid()).into_iter().find(measures));
    kill(Pid::from_raw(worker as i32), Signal::SIGKILL).expect("it is there to be killed");
    let finished = running.finish().expect_code(0).expect_stdout(&["no ratios: ", "PASS  smoke"]);
    let limit = &summary(&bundle)["limit"];
    assert!(limit["note"].is_string() && limit["connects_per_s"].is_null(), "{limit:#}\n{finished}");
}

#[test]
fn a_threshold_on_the_ceiling_needs_one() {
    let (_dir, bundle) = bundle();
    let finished = run(&scenario("smoke.yaml"), &bundle, &["thresholds=[limit.ratio.connects > 0.5]"]);
    finished.expect_code(2).expect_stderr(&["needs the machine's ceiling", "limit: true, or give --limit"]);
}

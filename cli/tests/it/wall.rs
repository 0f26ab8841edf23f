//! The wall: limits met on purpose, and the verdict that names them.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::Command;

use nix::sys::signal::Signal;
use serde_json::Value;
use socket2::{Domain, Socket, Type};

use crate::chat::Chat;
use crate::recording::{self, at, count, marks, summary};
use crate::run::bundle;
use crate::strangers::{Manner, Stranger, nobody};
use crate::tool::{self, Finished, Running, eventually};

/// A run of `target` and `connections`, as in the scenario, whatever the doctor says of it.
fn arguments(bundle: &Path, target: &str, connections: &str) -> Vec<String> {
    let file = bundle.with_file_name("scenario.yaml");
    let text =
        format!("version: 1\ntarget: {{ {target} }}\nprotocol: comet\nconnections: {{ {connections} }}\n");
    std::fs::write(&file, text).expect("written");
    let text = |path: &Path| path.to_str().expect("a path").to_owned();
    vec!["run".into(), text(&file), "--force".into(), "--out".into(), text(bundle)]
}

fn at_address(address: SocketAddr) -> String {
    format!("address: \"{address}\"")
}

/// The same, for a process with no more than so many descriptors, and its children.
fn with_descriptors(max: u32, arguments: &[String]) -> Command {
    let mut command = Command::new("sh");
    let script = format!("ulimit -n {max} && exec \"$0\" \"$@\"");
    command.args(["-c", &script, env!("CARGO_BIN_EXE_floodmark")]).args(arguments);
    command
}

/// What the run says of the wall: the first cause, with these words in its line, in the table and in the summary.
#[track_caller]
fn says(finished: &Finished, bundle: &Path, first: &str, words: &[&str]) -> Value {
    let summary = summary(bundle);
    let wall = &summary["wall"];
    assert_eq!(wall["first"], first, "{wall:#}\n{finished}");
    let cause = &wall["causes"][0];
    assert_eq!(
        (&cause["cause"], cause["side"].as_str()),
        (&first.into(), first.split('.').next()),
        "{wall:#}"
    );
    let evidence = cause["evidence"].as_str().expect("evidence");
    for word in words {
        assert!(evidence.contains(word), "no '{word}' in '{evidence}'");
    }
    assert!(cause["weight"].as_f64().is_some_and(|weight| (0.0..=1.0).contains(&weight)), "{cause}");
    let advice = cause["advice"].as_str().expect("advice");
    let line = format!("wall         1. {first}: {evidence}  → {advice}");
    assert!(finished.stdout.contains(&line), "no '{line}' in {finished}");
    summary
}

/// Runs and reports the first cause.
#[track_caller]
fn meets(target: &str, connections: &str, first: &str, words: &[&str]) -> Value {
    let (_dir, bundle) = bundle();
    let finished = tool::floodmark(arguments(&bundle, target, connections));
    says(&finished, &bundle, first, words)
}

/// Listeners on half of the ports that a flood is given: half of its connections find none.
fn half_of_the_ports(source: &str) -> (Vec<TcpListener>, String) {
    let first = 21_000;
    let taken =
        (first..first + 10).map(|port| TcpListener::bind((source, port)).expect("a free port")).collect();
    (taken, format!("count: 20, source: [{source}], source_ports: {first}-{}, hold: 100ms", first + 19))
}

#[test]
fn the_generator_out_of_ports() {
    let stranger = Stranger::start(Manner::Comet);
    let (_taken, connections) = half_of_the_ports("127.0.71.1");
    let words = ["of 20 connects found no free port", "1 address × 20 ports"];
    let summary = meets(&at_address(stranger.address), &connections, "generator.ports", &words);
    assert!(count(&summary, "connections.failures_by_cause.no_free_port") >= 10, "{summary:#}");
    let unknown = at(&summary, "wall.unknown").to_string();
    assert!(unknown.contains("target.pid"), "what cannot be seen is said: {unknown}");
}

#[test]
fn the_generator_out_of_descriptors() {
    let stranger = Stranger::start(Manner::Comet);
    let (_dir, bundle) = bundle();
    let arguments = arguments(&bundle, &at_address(stranger.address), "count: 100, shards: 1, hold: 100ms");
    let finished = Running::start(&mut with_descriptors(60, &arguments)).finish();
    says(&finished, &bundle, "generator.descriptors", &["1 shard × 60 descriptors"]);
}

/// A slow server beside a generator at its limit: what the generator could not try says nothing of the server.
#[test]
fn a_slow_server_is_not_blamed_for_the_generator_s_ports() {
    let stranger = Stranger::start(Manner::Mute);
    let (_taken, connections) = half_of_the_ports("127.0.71.2");
    let connections = format!("{connections}, timeout: 300ms");
    let summary = meets(&at_address(stranger.address), &connections, "generator.ports", &[]);
    assert!(count(&summary, "connections.failures_by_cause.timed_out") >= 1, "{summary:#}");
    assert_eq!(at(&summary, "wall.causes")[1]["cause"], "server.slow_logins", "{summary:#}");
}

#[test]
fn the_server_out_of_descriptors() {
    let (_dir, bundle) = bundle();
    let arguments = arguments(&bundle, "spawn: chat, shards: 1", "count: 300, hold: 100ms");
    let finished = Running::start(&mut with_descriptors(220, &arguments)).finish();
    let words =
        ["of 300 connects were refused by the server", "no descriptor to spare", "of at most 220 each"];
    says(&finished, &bundle, "server.descriptors", &words);
}

/// Its own limit, seen from outside: the process had descriptors to spare.
#[test]
fn the_server_refusing_for_a_reason_of_its_own() {
    let chat = Chat::start(&["--shards", "1", "--backlog", "128", "--descriptors", "130"]);
    let target = format!("{}, pid: {}", at_address(chat.listen), chat.process.pid());
    let words = ["were refused by the server", "a limit of its own", "it held up to"];
    meets(&target, "count: 150, hold: 1500ms", "server.refused", &words);
    meets(
        &at_address(chat.listen),
        "count: 150, hold: 100ms",
        "server.refused",
        &["cannot be seen from here"],
    );
}

#[test]
fn nobody_at_the_target() {
    let words = ["20 of 20 connects were refused"];
    meets(&at_address(nobody()), "count: 20, hold: 100ms", "server.not_listening", &words);
}

#[test]
fn an_accept_queue_that_overflows() {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    socket.bind(&"127.0.0.1:0".parse::<SocketAddr>().expect("an address").into()).expect("a port");
    socket.listen(1).expect("listening");
    let address = socket.local_addr().expect("bound").as_socket().expect("IPv4");
    let words = ["of 20 connects got no answer at all", "accept queues overflowed"];
    let connections = "count: 20, hold: 100ms, timeout: 500ms";
    meets(&at_address(address), connections, "server.accept_queue", &words);
}

#[test]
fn a_server_that_answers_too_late() {
    let stranger = Stranger::start(Manner::Mute);
    let words = ["20 of 20 connects were taken and got no login within 300 ms"];
    let connections = "count: 20, hold: 100ms, timeout: 300ms";
    meets(&at_address(stranger.address), connections, "server.slow_logins", &words);
}

#[test]
fn a_server_whose_process_is_stopped() {
    let chat = Chat::start(&["--shards", "1"]);
    chat.process.signal(Signal::SIGSTOP);
    let target = format!("{}, pid: {}", at_address(chat.listen), chat.process.pid());
    let connections = "count: 20, hold: 100ms, timeout: 300ms";
    meets(&target, connections, "server.stuck", &["the server's process is stopped"]);
}

#[test]
fn a_server_that_closes_or_speaks_another_language() {
    let hasty = Stranger::start(Manner::Hasty);
    let words = ["8 before the login"];
    meets(&at_address(hasty.address), "count: 8, hold: 100ms", "server.closes", &words);
    let foreign = Stranger::start(Manner::Foreign);
    meets(&at_address(foreign.address), "count: 8, hold: 100ms", "server.protocol", &["8 of 8 connects"]);
}

/// Memory that is taken while the ramp goes on: it stops, holds what is there, and says so.
#[test]
fn memory_runs_low_in_the_ramp() {
    const CHUNK_BYTES: usize = 64 << 20;
    let meminfo = std::fs::read_to_string("/proc/meminfo").expect("meminfo");
    let free_kb = meminfo
        .lines()
        .find_map(|line| line.strip_prefix("MemFree:")?.split_whitespace().next()?.parse().ok());
    let free_bytes: usize = free_kb.map(|kb: usize| kb << 10).expect("MemFree");
    let spare_bytes = (free_bytes / 4).min(512 << 20);
    let (_dir, bundle) = bundle();
    let reserve_bytes = free_bytes - spare_bytes;
    // An hour of ramp: only memory ends it.
    let connections = format!("count: 72_000, rate: 20/s, hold: 500ms, memory_reserve: {reserve_bytes}B");
    let mut arguments = arguments(&bundle, "spawn: chat", &connections);
    arguments.extend([
        "--set".into(),
        "messages={rate: 100/s}".into(),
        "--set".into(),
        "settle=300ms".into(),
    ]);
    let mut run = tool::start(&arguments);
    let frames = || recording::frames(&bundle);
    eventually("some connections are open", || {
        assert!(!run.has_ended(), "it has ended: {}", run.stderr());
        recording::value(&frames(), "connections.open").filter(|open| *open >= 5.0)
    });
    let mut hoard: Vec<Vec<u8>> = Vec::new();
    eventually("the ramp stops", || {
        if hoard.len() * CHUNK_BYTES < spare_bytes + (4 << 30) {
            hoard.push(vec![1; CHUNK_BYTES]);
        }
        marks(&frames(), "runner").any(|mark| mark.name == "ramp.stopped").then_some(())
    });
    let finished = run.finish().expect_code(1);
    drop(hoard);
    let frames = frames();
    let mark = marks(&frames, "runner").find(|mark| mark.name == "ramp.stopped").expect("a mark");
    let mark = |name: &str| mark.attributes[name].as_u64().expect("a number");
    assert!(mark("free_bytes") < mark("reserve_bytes") && mark("reserve_bytes") == reserve_bytes as u64);
    let summary = says(&finished, &bundle, "kernel.memory", &["the ramp stopped at", "the reserve is"]);
    assert_eq!(
        (&summary["verdict"], at(&summary, "connections.stopped_by")),
        (&"fail".into(), &"memory".into())
    );
    let (at, peak) = (count(&summary, "connections.stopped_at"), count(&summary, "connections.peak"));
    assert!(at == peak && (5..5000).contains(&at) && mark("at") <= at + 1, "{at} {peak} {}", mark("at"));
    // What is there is held, and served; a message for somebody who never came is no loss.
    assert_eq!((count(&summary, "connections.failed"), count(&summary, "audit.lost")), (0, 0));
    assert!(count(&summary, "audit.nobody_there") > 0, "{summary:#}");
    assert!(recording::phases(&frames).contains(&"ended drain".to_owned()));
    let sentence = format!("stopped at {at} by memory: ");
    finished.expect_stdout(&[&sentence, "the reserve is"]);
}

#[test]
fn too_little_memory_to_begin_with_is_told_before_anything_starts() {
    let (_dir, bundle) = bundle();
    let finished = tool::floodmark(arguments(&bundle, "spawn: chat", "count: 5, memory_reserve: 1000TiB"));
    finished.expect_code(3).expect_stderr(&["less than the reserve of", "connections.memory_reserve"]);
    assert!(!bundle.exists(), "nothing was begun");
}

#[test]
fn a_run_that_meets_its_plan_has_a_wall_only_when_asked() {
    let (_dir, bundle) = bundle();
    let mut arguments = arguments(&bundle, "spawn: chat", "count: 50, hold: 100ms");
    let finished = tool::floodmark(&arguments).expect_code(0);
    assert!(summary(&bundle)["wall"].is_null() && !finished.stdout.contains("wall  "), "{finished}");
    let second = bundle.with_file_name("second");
    *arguments.last_mut().expect("the bundle") = second.to_str().expect("a path").into();
    arguments.push("--find-wall".into());
    let finished = tool::floodmark(&arguments).expect_code(0).expect_stdout(&["  wall  "]);
    let summary = summary(&second);
    assert_eq!(at(&summary, "wall.shortfall"), &serde_json::json!([]), "{finished}");
    assert!(at(&summary, "wall.nearest.ratio").is_number(), "{summary:#}");
}

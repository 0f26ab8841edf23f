use std::{fs, time::Duration};

use proptest::prelude::*;

use super::*;
use crate::{
    plan::{TargetPlan, Until},
    scenario::{Ids, Pace, Protocol, Server},
};

const GOOD: &str = "\
version: 1
target: { spawn: chat }
protocol: comet
connections: { count: 10, hold: 5s }
messages: { rate: 10/s }
thresholds: [ audit.lost == 0 ]
";

/// `GOOD` with the line that begins with the same key replaced, or the line added.
fn with(lines: &[&str]) -> String {
    let mut text = GOOD.to_owned();
    for line in lines {
        let key = line.split(':').next().unwrap();
        let kept: Vec<&str> = text.lines().filter(|old| old.split(':').next() != Some(key)).collect();
        text = kept.join("\n") + "\n" + line + "\n";
    }
    text
}

fn try_load(text: &str, sets: &[&str]) -> Result<Plan, String> {
    let sets: Vec<String> = sets.iter().map(ToString::to_string).collect();
    load_text("s/x.yaml", "x", text.to_owned(), &sets)
        .map(|(_, plan)| plan)
        .map_err(|errors| errors.to_string())
}

fn plan_of(text: &str, sets: &[&str]) -> Plan {
    try_load(text, sets).unwrap_or_else(|errors| panic!("{text}{errors}"))
}

#[test]
fn defaults_are_filled_in() {
    let plan = plan_of(GOOD, &[]);
    assert_eq!(plan.name, "x");
    assert_eq!(plan.target, TargetPlan::Spawn { server: Server::Chat, shards: None });
    assert_eq!(plan.protocol, Protocol::Comet);
    let connections = &plan.connections;
    assert_eq!((connections.count, connections.ids, connections.concurrency), (10, 10, 500));
    assert_eq!((connections.pace, connections.timeout), (Pace::Unlimited, Duration::from_secs(10)));
    assert_eq!((connections.reconnect, connections.source_ports), (false, None));
    assert!(connections.sources.is_empty());
    assert_eq!((connections.shards, connections.memory_reserve_bytes), (None, None));
    let messages = plan.messages.as_ref().unwrap();
    assert_eq!((messages.ids, messages.ids_max, messages.payload_bytes), (Ids::Uniform, 10, 64));
    assert_eq!((messages.generators, messages.seed), (1, 1));
    assert_eq!(messages.until, Until::Elapsed(Duration::from_secs(5)));
    assert_eq!((plan.warmup, plan.settle), (Duration::from_secs(1), Duration::from_secs(2)));
    assert_eq!(plan.message_count_estimate(), Some(50));
    let bare = plan_of("version: 1\ntarget: {spawn: chat}\nprotocol: line\nconnections: {count: 5}", &[]);
    assert_eq!((bare.messages, bare.connections.hold), (None, Duration::from_secs(30)));
    assert!(bare.thresholds.is_empty());
}

#[test]
fn everything_can_be_said() {
    let text = "\
version: 1
name: all of it
description: every key there is
target: { address: \"[::1]:8000\", pid: 4194304, router: \"localhost:8001\" }
protocol: line
connections:
  count: 1_000
  rate: 90/m
  concurrency: 7
  hold: 1m
  timeout: 1500ms
  reconnect: true
  matches: 10
  source: [ 127.0.0.1, 127.0.0.3-127.0.0.9, 127.0.1.0/24 ]
  source_ports: 2000-3000
  shards: 3
  memory_reserve: 512MiB
steps: [ { at: 10s, messages_rate: 1.5/s }, { at: 20s, connections: 2_000, messages_rate: 1/s } ]
messages: { rate: 0.5/s, duration: 30s, ids: zipf(1.1), max_id: 20, payload: 1KiB, generators: 3, seed: 9 }
warmup: 0s
settle: 0s
limit: true
thresholds:
  - memory.server_bytes_per_connection < 1KiB
  - \"delivery.latency_ms.p99 < 50us\"
";
    let plan = plan_of(text, &[]);
    assert_eq!(plan.connections.ids, 10);
    assert_eq!(plan.connections.sources.len(), 3);
    assert_eq!(plan.messages.as_ref().unwrap().count_estimate(&[]), Some(15));
    assert_eq!(plan.message_count_estimate(), Some(5 + 15 + 10), "by the rate of each stretch");
    assert_eq!(plan.connections_max(), 2000);
    assert_eq!(plan.thresholds[1].expr(), "delivery.latency_ms.p99 < 50us");
    // The plan is a scenario that says the same.
    assert_eq!(plan_of(&plan.to_yaml(), &[]), plan);
}

#[test]
fn the_library_loads_and_every_plan_resolves_to_itself() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios");
    let names = scenarios_in(&folder);
    for expected in ["comet-c10k", "comet-day", "matchstream", "matchstream-final", "smoke"] {
        assert!(names.contains(&format!("{expected}.yaml")), "{names:?}");
    }
    for name in names {
        let (text, plan) = load(&folder.join(&name), &[]).unwrap_or_else(|errors| panic!("{errors}"));
        assert!(text.starts_with("# yaml-language-server: $schema=scenario.schema.json\n"), "{name}");
        assert_eq!(format!("{}.yaml", plan.name), name);
        assert_eq!(plan_of(&plan.to_yaml(), &[]), plan, "{name}:\n{}", plan.to_yaml());
        let json = serde_json::to_value(&plan).unwrap();
        assert_eq!(json["connections"]["count"], plan.connections.count, "{name}");
    }
}

#[test]
fn the_library_takes_the_time_it_says() {
    let seconds = |name: &str| {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios").join(name);
        load(&path, &[]).unwrap().1.duration_estimate().map(|duration| duration.as_secs())
    };
    assert!(seconds("comet-c10k.yaml").is_some_and(|seconds| (45..=60).contains(&seconds)));
    assert!(seconds("smoke.yaml").is_some_and(|seconds| seconds <= 5));
    assert_eq!(seconds("comet-day.yaml"), None);
}

#[test]
fn sets_override_add_and_take_away() {
    let sets = [
        "connections.count=250_000",
        "messages.rate=2000/s",
        "messages.rate=3000/s",
        "thresholds=[audit.lost == 0, \"audit.sent > 5\"]",
        "settle=7s",
        "target.shards=4",
        "name=night run",
    ];
    let changed = plan_of(GOOD, &sets);
    assert_eq!(changed.connections.count, 250_000);
    assert_eq!(changed.messages.as_ref().unwrap().pace.to_string(), "3000/s");
    assert_eq!(changed.thresholds.len(), 2);
    assert_eq!((changed.settle, changed.name.as_str()), (Duration::from_secs(7), "night run"));
    assert_eq!(changed.target, TargetPlan::Spawn { server: Server::Chat, shards: Some(4) });
    let bare = plan_of(GOOD, &["messages=null", "thresholds="]);
    assert_eq!((bare.messages, bare.thresholds.len()), (None, 0));
    let faster = plan_of(GOOD, &["messages.rate=null", "messages.max=true"]);
    assert_eq!(faster.messages.unwrap().pace, Pace::Unlimited);
    // A set mends the file, and makes the groups it needs.
    let mended =
        plan_of("version: 1\ntarget:\n", &["target.spawn=chat", "protocol=comet", "connections.count=5"]);
    assert_eq!(mended.connections.count, 5);
    assert_eq!(
        plan_of(&with(&["connections: { count: ten }"]), &["connections.count=10"]).connections.count,
        10
    );
}

/// A text, the sets laid over it, and for each error what it must say.
type Case = (String, &'static [&'static str], &'static [&'static [&'static str]]);

/// Each bad input gives exactly these errors, each found by its place, words and advice, in order.
#[test]
fn bad_input_is_named_with_its_place_and_what_to_write() {
    let long = format!("{}: 1", "k".repeat(3000));
    let deep = "[".repeat(100);
    let many = format!("thresholds: [{}]", "a,".repeat(20_000));
    #[rustfmt::skip]
    let table: &[Case] = &[
        // Not YAML, or not one scenario.
        (String::new(), &[], &[&["nothing is written here", "x.yaml:1:1", "its keys are version, name"]]),
        ("# only a comment\n".into(), &[], &[&["nothing is written here"]]),
        ("hello".into(), &[], &[&["'hello' should be a group of keys"]]),
        ("- a\n- b\n".into(), &[], &[&["should be a group of keys, not a list"]]),
        ("version: 1\n\ttarget: 1\n".into(), &[], &[&["found a tab", "indent with spaces"]]),
        ("version: {a: 1\n".into(), &[], &[&["unclosed bracket '{'", "x.yaml:1:10", "close it"]]),
        ("version: \"a".into(), &[], &[&["unclosed quote", "close it"]]),
        ("version: \"a\nname: x\n".into(), &[], &[&["quoted scalar", "close the quote"]]),
        ("version: 1\nprotocol\n".into(), &[], &[&["expected ':'", "x.yaml:2:1", "write key: value"]]),
        ("version: a: b\n".into(), &[], &[&["mapping values are not allowed", "put text with ': ' in quotes"]]),
        ("{{ x }}: 1\n".into(), &[], &[&["a group cannot be a key"]]),
        (format!("---\n{GOOD}---\n{GOOD}"), &[], &[&["a second document begins here", "one scenario to a file"]]),
        (deep, &[], &[&["not valid YAML", "three levels"]]),
        (long, &[], &[&["not valid YAML", "…"]]),
        (many, &[], &[&["more than 10000 values"]]),
        (with(&["settle: &a 1s", "warmup: *a"]), &[], &[
            &["anchors are not supported", "&a 1s"], &["aliases are not supported", "write the value in full"]]),
        (with(&["name: !secret x"]), &[], &[&["tags are not supported", "^^^^^^^ leave it out"]]),
        // Keys.
        (with(&["connections: { count: 10, concurency: 500 }"]), &[], &[
            &["unknown key 'concurency'", "--> s/x.yaml:6:27", "^^^^^^^^^^ did you mean 'concurrency'?"]]),
        (with(&["connections: { cuont: 10 }"]), &[], &[&["unknown key 'cuont'", "did you mean 'count'?"]]),
        (with(&["Messages: {}"]), &[], &[&["unknown key 'Messages'", "did you mean 'messages'?"]]),
        (with(&["users: 5"]), &[], &[&["unknown key 'users'", "the keys here are: version,"]]),
        (GOOD.to_owned() + "protocol: line\n", &[], &[&["duplicate key 'protocol'", "x.yaml:7:1", "keep one"]]),
        // Types and units.
        (with(&["connections: { count: 10, hold: 45 }"]), &[], &[&["'45' has no unit", "write a unit, e.g. 45s"]]),
        (with(&["connections: { count: 10, rate: 200 }"]), &[], &[&["'200' has no unit", "e.g. 200/s"]]),
        (with(&["connections: { count: ten }"]), &[], &[&["'ten' is not a whole number", "write it out"]]),
        (with(&["connections: { count: -1 }"]), &[], &[&["'-1' is negative", "from 0 up"]]),
        (with(&["connections: { count: 1e4 }"]), &[], &[&["a point or an exponent", "e.g. 10000"]]),
        (with(&["connections: { count: [10] }"]), &[], &[&["this should be a whole number", "found a list"]]),
        (with(&["connections: 10"]), &[], &[&["'10' should be a group of keys", "its keys are count, rate"]]),
        (with(&["connections: { count: 9, reconnect: yes }"]), &[], &[&["'yes' is neither true nor false"]]),
        (with(&["connections: { count: 9, source: 10.0.0.1 }"]), &[], &[&["should be a list", "[ \"10.0.0.1\" ]"]]),
        (with(&["connections: { count: 9, source: [10.0.0.300] }"]), &[], &[&["'10.0.0.300' is not an address"]]),
        (with(&["connections: { count: 9, source_ports: 9-2 }"]), &[], &[&["ends before it begins", "write 2-9"]]),
        (with(&["protocol: commet"]), &[], &[&["unknown value 'commet'", "did you mean 'comet'?"]]),
        (with(&["protocol: mqtt"]), &[], &[&["unknown value 'mqtt'", "write one of: comet, line"]]),
        (with(&["target: { spawn: nginx }"]), &[], &[&["unknown value 'nginx'", "chat"]]),
        (with(&["target: { address: \"http://h:80/\", pid: 1 }"]), &[], &[&["'http://'", "write host:port, e.g. h:80"]]),
        (with(&["messages: { rate: 1/s, payload: 64 }"]), &[], &[&["'64' has no unit", "64B or 64KiB"]]),
        (with(&["messages: { rate: 1/s, ids: zipf }"]), &[], &[&["'zipf' has no exponent", "zipf(1.1)"]]),
        (with(&["messages: { rate: 1/s, ids: gauss }"]), &[], &[&["'gauss' is not a distribution"]]),
        (with(&["thresholds: [ audit.lots == 0 ]"]), &[], &[&["unknown figure 'audit.lots'", "did you mean 'audit.lost'?"]]),
        (with(&["thresholds: [ audit.lost == 1ms ]"]), &[], &[&["'1ms' does not fit", "which is a count"]]),
        (with(&["thresholds: audit.lost == 0"]), &[], &[&["this should be a list", "in brackets"]]),
        (with(&["name: 5"]), &[], &[&["'5' should be text", "in quotes: \"5\""]]),
        // What does not fit together.
        (with(&["version: 2"]), &[], &[&["version 2 is not known", "write version: 1"]]),
        ("name: x\n".into(), &[], &[
            &["'version' is missing", "version: 1"], &["'target' is missing", "spawn: chat"],
            &["'protocol' is missing"], &["'connections' is missing"]]),
        (with(&["target: {}"]), &[], &[&["neither spawn nor address", "| ^^^^^^ write spawn: chat"]]),
        (with(&["target: { spawn: chat, address: \"h:1\" }"]), &[], &[&["both spawn and address"]]),
        (with(&["target: { spawn: chat, pid: 5 }"]), &[], &[&["pid is for a server that is already there"]]),
        (with(&["target: { address: \"h:1\", shards: 2, router: \"h:2\" }"]), &[], &[&["shards are for a server that is started"]]),
        (with(&["target: { address: \"h:1\" }"]), &[], &[&["router port, which is not given", "router: \"h:8001\""]]),
        (with(&["target: { address: \"h:1\", router: \"h:2\" }", "thresholds: [ cpu.server_cores < 1 ]"]), &[], &[
            &["'cpu.server_cores' is measured on the server's process", "target.pid"]]),
        (with(&["messages:"]), &[], &[&["'audit.lost' judges messages, and none are sent"]]),
        (with(&["connections: {}"]), &[], &[&["'connections.count' is missing", "count: 10000"]]),
        (with(&["connections: { count: 0, matches: 3 }"]), &[], &[&["connections.count is 0"], &["protocol: line only"]]),
        (with(&["connections: { count: 9, rate: 0/s, hold: 0s, concurrency: 0 }"]), &[], &[
            &["connections.rate is 0"], &["connections.hold is 0s"], &["connections.concurrency is 0"]]),
        (with(&["protocol: line", "connections: { count: 9, matches: 10 }"]), &[], &[&["10 matches have only 9 viewers"]]),
        (with(&["connections: { count: 70000, source: [10.0.0.1] }"]), &[], &[&["too few for 70000", "at least 2 addresses"]]),
        (with(&["messages: {}"]), &[], &[&["messages have no rate", "max: true"]]),
        (with(&["messages: { rate: 1/s, max: true }"]), &[], &[&["both a rate and max"]]),
        (with(&["messages: { rate: 0/s }"]), &[], &[&["messages.rate is 0"]]),
        (with(&["messages: { rate: 1/s, payload: 39B }"]), &[], &[
            &["payload must be at least 40B: the mark that the audit reads needs 40"]]),
        (with(&["messages: { rate: 1/s, payload: 1MiB }"]), &[], &[&["1MiB is too large", "at most 16KiB"]]),
        (with(&["messages: { rate: 1/s, duration: 6s }"]), &[], &[&["longer than the hold of 5s"]]),
        (with(&["messages: { rate: 1/s, duration: 1s, count: 5 }"]), &[], &[&["both a count and a duration"]]),
        (with(&["messages: { rate: 1/s, generators: 0, max_id: 0 }"]), &[], &[
            &["generators is 0"], &["max_id is 0"]]),
        (with(&["steps: [ { at: 2s, connections: 70000 }, { at: 1s, connections: 70000 }, { at: 5s, messages_rate: 0/s } ]"]), &[], &[
            &["a step at 1s comes after one at 2s", "in the order of their times"],
            &["70000 connections are no more than the 70000 before", "write more than 70000"],
            &["a step at 5s is not within the hold of 5s"], &["steps[2].messages_rate is 0"]]),
        (with(&["steps: [ { at: 1s }, { connections: 90000 } ]"]), &[], &[
            &["a step that turns no knob"], &["'steps[1].at' is missing"]]),
        (with(&["messages: { max: true }", "steps: [ { at: 1s, messages_rate: 5/s } ]"]), &[], &[
            &["no message rate to change"]]),
        (with(&["warmup: 5s"]), &[], &[&["a warmup of 5s leaves nothing of 5s of messages"]]),
        (with(&["name: a/b"]), &[], &[&["'a/b' cannot be a name"]]),
        // One mistake is blamed once: what rests on a value that could not be read is not a second one.
        (with(&["connections: { count: x, source: [10.0.0.1], source_ports: 1-x }"]), &[], &[
            &["'x' is not a whole number"], &["not a range of ports"]]),
        (with(&["connections: { count: 5, hold: 9 }", "messages: { rate: 1/s, duration: 1m }"]), &[], &[&["'9' has no unit"]]),
        (with(&["messages: 5"]), &[], &[&["'5' should be a group"]]),
        (with(&["messages: { max: on }"]), &[], &[&["'on' is neither true nor false"]]),
        (with(&["target: { spawn: caht }"]), &[], &[&["did you mean 'chat'?"]]),
        // From the command line.
        (GOOD.into(), &["connections.cuont=5"], &[
            &["unknown key 'cuont'", "--> --set connections.cuont=5", "^^^^^ did you mean 'count'?"]]),
        (GOOD.into(), &["count"], &[&["'count' is not path=value", "connections.count=5000"]]),
        (GOOD.into(), &["=5"], &[&["'=5' is not path=value"]]),
        (GOOD.into(), &["messages.rate=5"], &[&["'5' has no unit", "--set messages.rate=5"]]),
        (GOOD.into(), &["version.x=1"], &[&["'version' has no keys", "leave out what follows"]]),
        (GOOD.into(), &["thresholds.0=x"], &[&["'thresholds' has no keys", "set the whole of it"]]),
        (GOOD.into(), &["thresholds=[x"], &[&["unclosed bracket", "--set thresholds=[x"]]),
        (GOOD.into(), &["messages.payload=1B", "warmup=1"], &[&["payload must be"], &["'1' has no unit"]]),
    ];
    for (text, sets, expected) in table {
        let errors = try_load(text, sets).expect_err(text);
        let shown: Vec<&str> = errors.split("\n\n").collect();
        assert_eq!(shown.len(), expected.len(), "{text}{sets:?}\n{errors}");
        for (one, fragments) in shown.iter().zip(*expected) {
            assert!(one.starts_with("error: ") && one.contains("\n") && one.contains('^'), "{one}");
            for fragment in *fragments {
                assert!(one.contains(fragment), "{text}{sets:?}\n{one}\nshould say: {fragment}");
            }
        }
    }
}

#[test]
fn an_error_looks_like_this() {
    let text =
        "version: 1\ntarget: { spawn: chat }\nprotocol: comet\nconnections: { count: 10, concurency: 500 }\n";
    let expected = "\
error: unknown key 'concurency'
 --> s/x.yaml:4:27
  |
4 | connections: { count: 10, concurency: 500 }
  |                           ^^^^^^^^^^ did you mean 'concurrency'?

error: '45' has no unit
  --> --set warmup=45
                   ^^ write a unit, e.g. 45s";
    assert_eq!(try_load(text, &["warmup=45"]).unwrap_err(), expected);
}

#[test]
fn a_file_that_cannot_be_read_is_named_with_what_may_be_meant() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let error = |name: &str| load(&path(name), &[]).unwrap_err().to_string();
    let missing = error("smoke.yaml");
    assert!(missing.contains("no such file (the library is in scenarios/)"), "{missing}");
    fs::write(path("smoke.yaml"), GOOD).unwrap();
    assert_eq!(load(&path("smoke.yaml"), &[]).unwrap().1.name, "smoke");
    for name in ["smok.yaml", "smoke", "smoke.yml"] {
        let missing = error(name);
        assert!(missing.starts_with("error: could not read scenario '"), "{missing}");
        assert!(missing.contains("/smoke.yaml'?"), "{missing}");
    }
    fs::create_dir(path("scenarios")).unwrap();
    fs::write(path("scenarios/comet.yaml"), GOOD).unwrap();
    assert!(error("comet.yaml").contains("scenarios/comet.yaml'?"));
    let is_folder = error("scenarios");
    assert!(is_folder.contains("it is a folder; did you mean '"), "{is_folder}");

    fs::write(path("latin.yaml"), b"name: caf\xe9\n").unwrap();
    assert!(error("latin.yaml").contains("byte 9 is not UTF-8"));
    let large = usize::try_from(SCENARIO_BYTES_MAX).unwrap();
    fs::write(path("large.yaml"), vec![b'#'; large + 1]).unwrap();
    assert!(error("large.yaml").contains("larger than 1MiB"));
    fs::write(path("full.yaml"), format!("{GOOD}{}", "#".repeat(large - GOOD.len()))).unwrap();
    assert!(load(&path("full.yaml"), &[]).is_ok());
}

proptest! {
    /// Names and descriptions come back from the plan as they were, whatever they look like to YAML.
    #[test]
    fn a_plan_resolves_to_itself(name in "[a-z#:&*!|>'\"%@{\\[,?-][ -.0-~é]{0,20}", description in "[ -~\n\té]{0,60}") {
        let mut given = plan_of(GOOD, &[]);
        given.name = name;
        given.description = description;
        prop_assume!(!given.name.trim().is_empty());
        prop_assert_eq!(try_load(&given.to_yaml(), &[]), Ok(given));
    }
}

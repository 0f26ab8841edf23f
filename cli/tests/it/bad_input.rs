//! Wrong input: exit 2 (3 when it is the machine that is wrong) and a message that says what to write instead.

use std::net::TcpListener;
use std::process::Stdio;

use crate::tool::{self, floodmark, scenario};

#[test]
fn wrong_arguments_say_what_to_write_instead() {
    let flood = ["floodtest", "--target", "127.0.0.1:9", "--hold", "1s"];
    let generator = ["msggen", "--router", "127.0.0.1:9", "--max-id", "5"];
    let with = |base: &[&'static str], more: &[&'static str]| [base, more].concat();
    let cases: Vec<(Vec<&str>, &[&str])> = vec![
        (vec![], &["Usage: floodmark", "floodtest"]),
        (vec!["flodtest"], &["unrecognized subcommand 'flodtest'", "floodtest"]),
        (vec!["run"], &["<FILE>"]),
        (vec!["run", "x.yaml", "--dry"], &["--dry", "--dry-run"]),
        (vec!["chat", "--listen", "nonsense"], &["'nonsense' is no address", "127.0.0.1:8000"]),
        (vec!["chat", "--listen", "127.0.0.1:99999"], &["'127.0.0.1:99999'", "127.0.0.1:8000"]),
        (vec!["chat", "--listen", "127.0.0.1:0", "--admin", "here"], &["'here' is no address"]),
        (vec!["chat", "--shards", "many"], &["'many'", "--shards"]),
        (vec!["chat", "--head-timeout", "10"], &["'10' has no unit", "10s"]),
        (vec!["floodtest"], &["--target"]),
        (vec!["floodtest", "--target", "127.0.0.1"], &["'127.0.0.1' is no address", "write host:port"]),
        (vec!["floodtest", "--target", "x:1", "--urls", "y"], &["cannot be used with"]),
        (with(&flood, &["-n", "0"]), &["--connections", "at least 1"]),
        (with(&flood, &["-n", "5000000000"]), &["--connections", "2^32"]),
        (with(&flood, &["-n", "ten"]), &["'ten'", "--connections"]),
        (with(&flood, &["--rate", "fast"]), &["'fast", "is not a rate", "1000/s"]),
        (with(&flood, &["--rate", "10/s", "--interval", "1ms"]), &["cannot be used with"]),
        (with(&flood, &["--concurrency", "0"]), &["'0'", "--concurrency"]),
        (with(&flood, &["--protocol", "websocket"]), &["'websocket'", "comet, line"]),
        (with(&flood, &["--source", "10.0.0.x"]), &["'10.0.0.x' is not an address", "10.0.0.0/24"]),
        (with(&flood, &["--source", "10.0.0.9-10.0.0.1"]), &["ends before it begins", "10.0.0.1-10.0.0.9"]),
        (with(&flood, &["--source", "10.0.0.0/33"]), &["'/33' is not a prefix"]),
        (with(&flood, &["--source-ports", "9-5"]), &["'9-5' ends before it begins", "5-9"]),
        (with(&flood, &["--source-ports", "0-70000"]), &["0-70000"]),
        (with(&flood, &["--matches", "0"]), &["'0'", "--matches"]),
        (with(&generator, &[]), &["--rate"]),
        (with(&generator, &["--rate", "5", "--interval", "5ms"]), &["cannot be used with"]),
        (with(&generator, &["--rate", "5", "--max"]), &["cannot be used with"]),
        (with(&generator, &["--rate", "5", "--min-id", "9"]), &["--min-id 9 is above --max-id 5"]),
        (with(&generator, &["--rate", "5", "--ids", "zipf"]), &["zipf(1.1)"]),
        (with(&generator, &["--rate", "5", "--ids", "zipf(0)"]), &["zipf(1.1)"]),
        (
            with(&generator, &["--rate", "5", "--ids", "gauss"]),
            &["'gauss' is not a distribution", "round_robin"],
        ),
        (with(&generator, &["--rate", "5", "--payload", "39B"]), &["--payload 39B", "40B"]),
        (with(&generator, &["--rate", "5", "--payload", "17KiB"]), &["--payload 17KiB", "16384B"]),
        (with(&generator, &["--rate", "5", "--payload", "64"]), &["'64' has no unit", "64B"]),
        (with(&generator, &["--rate", "5", "--generators", "0"]), &["'0'", "--generators"]),
        (vec!["completions", "elvish2"], &["'elvish2'", "bash"]),
    ];
    for (arguments, parts) in cases {
        floodmark(arguments).expect_code(2).expect_stderr(parts);
    }
}

/// A rate of nothing is a mistake, not a panic and not a run that never begins.
#[test]
fn a_rate_or_interval_of_zero_is_wrong_input() {
    let chat = crate::chat::Chat::start(&[]);
    let (listen, router) = (chat.listen.to_string(), chat.router.to_string());
    let flood = ["floodtest", "--target", &listen, "-n", "3", "--hold", "100ms"];
    let generator = ["msggen", "--router", &router, "--max-id", "5", "--count", "3"];
    for (base, more) in [
        (&flood[..], ["--rate", "0"]),
        (&flood, ["--rate", "0/s"]),
        (&generator, ["--rate", "0"]),
        (&generator, ["--rate", "0/h"]),
    ] {
        let mut run = tool::start([base, &more].concat());
        let ended = tool::within(std::time::Duration::from_secs(5), || run.has_ended().then_some(()));
        assert!(ended.is_some(), "{more:?} never ends: {}", run.stderr());
        run.finish().expect_code(2).expect_stderr(&["--rate"]);
    }
}

#[test]
fn more_ids_than_there_are_numbers_are_not_a_panic() {
    let router = crate::strangers::FakeRouter::start();
    let address = router.address.to_string();
    let finished = floodmark([
        "msggen",
        "--router",
        &address,
        "--min-id",
        "0",
        "--max-id",
        "4294967295",
        "--max",
        "--count",
        "1",
    ]);
    assert!(matches!(finished.code, Some(0 | 2)), "{finished}");
    // For whoever waits for a publisher that never came.
    let _ = std::net::TcpStream::connect(router.address);
}

#[test]
fn wrong_files_of_urls_are_told_with_their_line() {
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("urls.txt");
    let path = file.to_str().expect("a path");
    floodmark(["floodtest", "--urls", path]).expect_code(2).expect_stderr(&["could not read", path]);
    for (text, parts) in [
        ("", &["holds no URL"][..]),
        ("http://127.0.0.1:9/test/1\nftp://x/\n", &[":2: not an http:// URL"]),
        ("\nhttp://127.0.0.1:9/a b\n", &[":2: ", "percent-encoded"]),
        ("http://127.0.0.1:port/\n", &["'127.0.0.1:port' is no address"]),
    ] {
        std::fs::write(&file, text).expect("written");
        floodmark(["floodtest", "--urls", path]).expect_code(2).expect_stderr(parts);
    }
}

#[test]
fn a_wrong_scenario_shows_where_and_what_to_write() {
    let good = "version: 1\ntarget: { spawn: chat }\nprotocol: comet\nconnections: { count: 10, hold: 5s }\nmessages: { rate: 10/s }\n";
    let with = |from: &str, to: &str| {
        assert!(good.contains(from));
        good.replace(from, to)
    };
    let cases: Vec<(String, &[&str])> = vec![
        (
            with("hold: 5s", "hodl: 5s"),
            &["x.yaml:4:27", "unknown key 'hodl'", "did you mean 'hold'?", "^^^^"],
        ),
        (with("hold: 5s", "hold: 5"), &["x.yaml:4:33", "'5' has no unit", "5s"]),
        (with("hold: 5s", "hold: soon"), &["x.yaml:4:33", "'soon'"]),
        (with("count: 10", "count: ten"), &["x.yaml:4:23", "'ten'"]),
        (with("count: 10", "count: 0"), &["x.yaml:4:23", "count"]),
        (with("count: 10", "count: -1"), &["x.yaml:4:23"]),
        (with("rate: 10/s", "rate: 10"), &["x.yaml:5:19", "'10' has no unit"]),
        (with("rate: 10/s", "rate: 0/s"), &["x.yaml:5:19", "above 0"]),
        (with("rate: 10/s", "rate: 10/s, payload: 8B"), &["x.yaml:5:34", "at least 40B"]),
        (with("rate: 10/s", "rate: 10/s, ids: zipf"), &["zipf(1.1)"]),
        (with("spawn: chat", "spawn: apache"), &["x.yaml:2:18", "chat"]),
        (with("protocol: comet", "protocol: xmpp"), &["x.yaml:3:11", "comet", "line"]),
        (with("version: 1", "version: 2"), &["x.yaml:1:10", "version 2"]),
        (with("protocol: comet\n", ""), &["protocol", "protocol: comet"]),
        (with("protocol: comet", "protocol: comet\nprotocol: line"), &["x.yaml:4", "protocol"]),
        (with("{ spawn: chat }", "{ address: \"127.0.0.1:1\" }"), &["router"]),
        (
            format!("{good}thresholds: [ audit.loss == 0 ]\n"),
            &["x.yaml:6:15", "audit.loss", "did you mean 'audit.lost'?"],
        ),
        (format!("{good}thresholds: [ audit.lost = 0 ]\n"), &["=="]),
        (format!("{good}thresholds: [ \"delivery.latency_ms.p99 < 5KiB\" ]\n"), &["5KiB"]),
        (with("target: { spawn: chat }", "target: { spawn: chat"), &["x.yaml:"]),
        ("\tversion: 1".into(), &["x.yaml:1"]),
        (String::new(), &["version"]),
        ("[]".into(), &["x.yaml:1"]),
    ];
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("x.yaml");
    for (text, parts) in cases {
        std::fs::write(&file, &text).expect("written");
        let finished = floodmark(["run".as_ref(), file.as_os_str(), "--dry-run".as_ref()]);
        assert_eq!(finished.code, Some(2), "{text}\n{finished}");
        assert_eq!(finished.stdout, "", "{text}");
        for part in parts {
            assert!(finished.stderr.contains(part), "no '{part}' for\n{text}\n{finished}");
        }
    }
}

#[test]
fn all_errors_are_told_at_once() {
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("x.yaml");
    std::fs::write(
        &file,
        "version: 1\ntarget: { spawn: chat }\nprotocol: comt\nconnections: { cuont: 10, hold: 5 }\n",
    )
    .expect("written");
    let arguments = [
        "run".as_ref(),
        file.as_os_str(),
        "--dry-run".as_ref(),
        "--set".as_ref(),
        "messages.rate=x".as_ref(),
    ];
    floodmark(arguments).expect_code(2).expect_stderr(&[
        "'comt'",
        "'cuont'",
        "'5' has no unit",
        "--set messages.rate=x",
    ]);
}

#[test]
fn wrong_sets_are_told_as_they_were_written() {
    let smoke = scenario("smoke.yaml");
    let smoke = smoke.to_str().expect("a path");
    for (set, parts) in [
        ("connections.cuont=5", &["--set connections.cuont=5", "did you mean 'count'?"][..]),
        ("connections.count", &["connections.count", "="]),
        ("=5", &["=5"]),
        ("connections.hold=5", &["--set connections.hold=5", "'5' has no unit"]),
        ("nothing.at.all=5", &["nothing"]),
    ] {
        floodmark(["run", smoke, "--dry-run", "--set", set]).expect_code(2).expect_stderr(parts);
    }
}

#[test]
fn a_file_that_is_not_there_is_told_with_what_was_meant() {
    let near = scenario("smok.yaml");
    let near = near.to_str().expect("a path");
    floodmark(["run", near]).expect_code(2).expect_stderr(&[
        "could not read scenario",
        "no such file",
        "did you mean",
        "smoke.yaml",
    ]);
    let folder = scenario("");
    floodmark(["run", folder.to_str().expect("a path")]).expect_code(2).expect_stderr(&["it is a folder"]);
}

#[test]
fn a_port_that_is_taken_is_told_with_what_to_do() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let taken = taken.local_addr().map(|address| (taken, address.to_string())).expect("an address");
    let any = "127.0.0.1:0";
    for flag in ["--listen", "--line", "--router"] {
        let listen = if flag == "--listen" { &taken.1 } else { any };
        let mut arguments = vec!["chat", "--listen", listen];
        if flag != "--listen" {
            arguments.extend([flag, &taken.1]);
        }
        floodmark(arguments).expect_code(3).expect_stderr(&[
            &taken.1,
            "another program has the port",
            "choose another port",
        ]);
    }
}

#[test]
fn a_taken_admin_port_has_the_same_hint() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address").to_string();
    floodmark(["chat", "--listen", "127.0.0.1:0", "--admin", &address]).expect_code(3).expect_stderr(&[
        "admin",
        &address,
        "another program has the port",
    ]);
}

/// SO_REUSEPORT would let both listen, each with half of the clients.
#[test]
fn a_second_server_on_the_same_port_is_refused() {
    let chat = crate::chat::Chat::start(&[]);
    let addresses = [chat.listen, chat.line, chat.router].map(|address| address.to_string());
    let [listen, line, router] = &addresses;
    let any = "127.0.0.1:0";
    for arguments in [
        ["chat", "--listen", listen, "--line", any],
        ["chat", "--listen", any, "--line", line],
        ["chat", "--listen", any, "--router", router],
    ] {
        floodmark(arguments).expect_code(3).expect_stderr(&["another program has the port"]);
    }
}

#[test]
fn an_address_of_another_machine_is_told_with_where_to_look() {
    for flag in ["--listen", "--admin"] {
        let arguments = if flag == "--listen" {
            vec!["chat", "--listen", "192.0.2.1:8000"]
        } else {
            vec!["chat", "--listen", "127.0.0.1:0", flag, "192.0.2.1:8000"]
        };
        floodmark(arguments)
            .expect_code(3)
            .expect_stderr(&["192.0.2.1:8000", "Cannot assign requested address"]);
    }
    floodmark(["chat", "--listen", "192.0.2.1:8000"])
        .expect_code(3)
        .expect_stderr(&["no interface of this machine"]);
    floodmark(["floodtest", "--target", "127.0.0.1:9", "--source", "192.0.2.1"])
        .expect_code(3)
        .expect_stderr(&["192.0.2.1 is not an address of this machine", "ip address"]);
    floodmark([
        "floodtest",
        "--target",
        "127.0.0.1:9",
        "-n",
        "3",
        "--source",
        "127.0.0.2",
        "--source-ports",
        "5000-5001",
    ])
    .expect_code(3)
    .expect_stderr(&["3 connections need more source ports", "add addresses with --source"]);
}

#[test]
fn help_of_every_tool_has_examples() {
    for tool in ["run", "chat", "floodtest", "msggen", "doctor", "limit", "completions"] {
        let help = floodmark([tool, "--help"]).expect_code(0);
        assert_eq!(help.stderr, "");
        assert!(help.stdout.contains("Example"), "{help}");
        let examples = help.stdout.split("Example").last().unwrap_or_default();
        assert!(examples.contains(&format!("floodmark {tool}")), "{help}");
        // What --help says, -h says shorter.
        floodmark([tool, "-h"]).expect_code(0);
    }
    floodmark(["--help"])
        .expect_code(0)
        .expect_stdout(&["floodmark run scenarios/comet-c10k.yaml", "Exit codes"]);
    floodmark(["--version"]).expect_code(0).expect_stdout(&["floodmark "]);
}

#[test]
fn completions_know_every_tool() {
    for shell in ["bash", "zsh", "fish"] {
        let script = floodmark(["completions", shell]).expect_code(0);
        for word in ["floodtest", "msggen", "doctor", "dry-run", "head-timeout"] {
            assert!(script.stdout.contains(word), "no {word} for {shell}");
        }
    }
}

#[test]
fn a_reader_that_leaves_is_no_error() {
    let smoke = scenario("smoke.yaml");
    let smoke = smoke.to_str().expect("a path");
    for arguments in
        [vec!["run", smoke, "--dry-run"], vec!["completions", "bash"], vec!["floodtest", "--help"]]
    {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let mut child = tool::command(&arguments)
            .stdin(Stdio::null())
            .stdout(writer)
            .stderr(Stdio::piped())
            .spawn()
            .expect("started");
        let status = tool::eventually("its end", || child.try_wait().expect("waited"));
        assert_eq!(status.code(), Some(0), "{arguments:?}");
    }
}

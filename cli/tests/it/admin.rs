//! The admin address: figures for a scraper, a health check, sending by hand.

use std::collections::BTreeSet;
use std::io::{ErrorKind, Read, Write};
use std::process::{Command, Stdio};

use crate::chat::{Answer, Chat, connect, http, parse_answer};
use crate::viewer::Viewer;

/// The body of `/metrics` as a scraper with this `Accept` gets it.
fn scrape(chat: &Chat, accept: &str) -> Answer {
    let mut stream = connect(chat.admin);
    let head =
        format!("GET /metrics HTTP/1.1\r\nHost: chat\r\nAccept: {accept}\r\nConnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).expect("the head is sent");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("an answer");
    let answer = parse_answer(&answer);
    assert_eq!(answer.status, 200, "{answer:?}");
    answer
}

/// A server with something to tell.
fn busy_chat() -> (Chat, Viewer) {
    let chat = Chat::start(&["--shards", "2"]);
    let viewer = Viewer::login(chat.listen, 1);
    chat.send(1, "x");
    (chat, viewer)
}

#[test]
fn who_asks_for_open_metrics_gets_it() {
    let (chat, _viewer) = busy_chat();
    let answer = scrape(&chat, "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5");
    let kind = "content-type: application/openmetrics-text; version=1.0.0; charset=utf-8";
    assert!(answer.head.to_ascii_lowercase().contains(kind), "{}", answer.head);
    assert!(answer.body.ends_with("\n# EOF\n"), "{}", answer.body);
    let eof = answer.body.lines().filter(|line| *line == "# EOF").count();
    assert_eq!(eof, 1, "one end, at the end");
    check_families(answer.body.trim_end_matches("# EOF\n"), "_total");
}

#[test]
fn everyone_else_gets_prometheus_text() {
    let (chat, _viewer) = busy_chat();
    for accept in ["*/*", "text/plain", "text/plain, application/openmetrics-text;q=0"] {
        let answer = scrape(&chat, accept);
        let kind = "content-type: text/plain; version=0.0.4; charset=utf-8";
        assert!(answer.head.to_ascii_lowercase().contains(kind), "{accept}: {}", answer.head);
        assert!(!answer.body.contains("# EOF"), "{}", answer.body);
        check_families(&answer.body, "");
    }
    let busy = chat.metrics().keys().filter(|name| name.starts_with("floodmark_busy_seconds_total{")).count();
    assert_eq!(busy, 2, "base units, and one for each shard");
}

/// Checks the text line by line. `suffix`: what a counter's samples have behind the name of their family.
fn check_families(text: &str, suffix: &str) {
    let (mut families, mut samples) = (BTreeSet::new(), BTreeSet::new());
    let (mut family, mut kind, mut help) = ("", "", "");
    for line in text.lines() {
        let words: Vec<&str> = line.split(' ').collect();
        match words[..] {
            ["#", "HELP", name, ..] => {
                assert!(words.len() > 4, "{line}");
                help = name;
            }
            ["#", "TYPE", name, of] => {
                assert_eq!(name, help, "TYPE stands with its HELP");
                assert!(families.insert(name), "{name} twice");
                assert!(matches!(of, "counter" | "gauge"), "{line}");
                (family, kind) = (name, of);
            }
            [sample, value] => {
                assert_eq!(help, family, "{family} has no HELP");
                let name = sample.split('{').next().unwrap_or_default();
                assert_eq!(
                    name,
                    format!("{family}{}", if kind == "counter" { suffix } else { "" }),
                    "{line}"
                );
                assert_eq!(name.ends_with("_total"), kind == "counter", "{line}");
                assert!(name.starts_with("floodmark_"), "{line}");
                assert!(value.parse::<f64>().is_ok_and(|value| value >= 0.0), "{line}");
                assert!(samples.insert(sample), "{sample} twice");
                if let Some(labels) = sample.strip_prefix(name).filter(|labels| !labels.is_empty()) {
                    assert!(labels.starts_with("{shard=\"") && labels.ends_with("\"}"), "{line}");
                }
            }
            _ => panic!("{line:?} is no line of metrics"),
        }
    }
    assert!(families.len() > 15, "{families:?}");
}

/// Prometheus's own tool has nothing to say.
#[test]
fn promtool_accepts_the_metrics() {
    let (chat, _viewer) = busy_chat();
    let started = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut promtool = match started {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return skip("promtool is not installed (Debian: apt-get install prometheus)");
        }
        started => started.expect("promtool starts"),
    };
    let text = scrape(&chat, "text/plain").body;
    let mut stdin = promtool.stdin.take().expect("a pipe");
    stdin.write_all(text.as_bytes()).expect("promtool reads");
    drop(stdin);
    let output = promtool.wait_with_output().expect("promtool ends");
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.trim().is_empty(), "{:?}: {said}\n{text}", output.status);
}

/// Says why a test has nothing to test here.
fn skip(why: &str) {
    let _ = writeln!(std::io::stderr(), "skipped: {why}");
}

#[test]
fn the_admin_address_refuses_what_it_does_not_serve() {
    let chat = Chat::start(&[]);
    let health = http(chat.admin, "GET", "/healthz", b"");
    assert_eq!((health.status, health.body.as_str()), (200, "ok\n"));
    let too_long = vec![b'x'; 16 * 1024 + 1];
    let cases: [(&str, &str, &[u8], u16, &str); 9] = [
        ("GET", "/", b"", 404, "/metrics"),
        ("GET", "/nothing", b"", 404, "/send/{id}"),
        ("POST", "/metrics", b"", 405, "GET"),
        ("DELETE", "/healthz", b"", 405, "GET"),
        ("GET", "/send/1", b"", 405, "POST"),
        ("POST", "/send/bob", b"x", 400, "'bob'"),
        ("POST", "/send/", b"x", 400, "id"),
        ("POST", "/send/4294967296", b"x", 400, "2^32"),
        ("POST", "/send/1", &too_long, 413, "16384"),
    ];
    for (method, path, body, status, hint) in cases {
        let answer = http(chat.admin, method, path, body);
        assert_eq!(answer.status, status, "{method} {path}: {answer:?}");
        assert!(answer.body.contains(hint), "{method} {path}: {answer:?}");
    }
    let refused = http(chat.admin, "GET", "/send/1", b"");
    assert!(refused.head.to_ascii_lowercase().contains("allow: post"), "{}", refused.head);
    assert_eq!(chat.metric("messages_total"), 0);
    // The longest message there may be.
    let mut viewer = Viewer::login(chat.listen, 1);
    let longest = "y".repeat(16 * 1024);
    chat.send(1, &longest);
    viewer.expect_message(1, &longest);
}

#[test]
fn inspect_tells_of_each_shard() {
    let chat = Chat::start(&["--shards", "3"]);
    let _viewers: Vec<_> = (1..=5).map(|id| Viewer::login(chat.listen, id)).collect();
    chat.send(1, "x");
    let answer = http(chat.admin, "GET", "/inspect", b"");
    assert_eq!(answer.status, 200, "{answer:?}");
    assert!(answer.head.to_ascii_lowercase().contains("content-type: application/json"), "{}", answer.head);
    let inspection: serde_json::Value = serde_json::from_str(&answer.body).expect("JSON");
    assert_eq!(inspection["server"]["pid"], chat.process.pid());
    assert!(inspection["server"]["uptime_s"].as_f64().is_some_and(|uptime| uptime > 0.0), "{inspection:#}");
    assert_eq!((&inspection["totals"]["logins"], &inspection["totals"]["messages"]), (&5.into(), &1.into()));
    let shards = inspection["shards"].as_array().expect("shards");
    assert_eq!(shards.len(), 3);
    let sum = |name: &str| shards.iter().map(|shard| shard[name].as_u64().expect("a number")).sum::<u64>();
    assert_eq!((sum("connections"), sum("shard"), sum("mail_queue")), (5, 3, 0));
    let is_busy = shards.iter().any(|shard| shard["busy_s"].as_f64().is_some_and(|busy_s| busy_s > 0.0));
    assert!(is_busy && sum("turns") > 0, "{inspection:#}");
}

//! The admin address: figures for a scraper, a health check, sending by hand.

use std::collections::BTreeSet;

use crate::chat::{Chat, http};
use crate::viewer::Viewer;

#[test]
fn metrics_are_open_metrics() {
    let chat = Chat::start(&["--shards", "2"]);
    let _viewer = Viewer::login(chat.listen, 1);
    chat.send(1, "x");
    let answer = http(chat.admin, "GET", "/metrics", b"");
    assert_eq!(answer.status, 200);
    let kind = "content-type: application/openmetrics-text; version=1.0.0; charset=utf-8";
    assert!(answer.head.to_ascii_lowercase().contains(kind), "{}", answer.head);
    assert!(answer.body.ends_with("\n# EOF\n"), "{}", answer.body);
    let lines: Vec<&str> = answer.body.lines().collect();
    let eof = lines.iter().filter(|line| **line == "# EOF").count();
    assert_eq!(eof, 1, "one end, at the end");
    let (mut families, mut samples) = (BTreeSet::new(), BTreeSet::new());
    let (mut family, mut kind, mut help) = ("", "", "");
    for line in &lines[..lines.len() - 1] {
        let words: Vec<&str> = line.split(' ').collect();
        match words[..] {
            ["#", "TYPE", name, of] => {
                assert!(families.insert(name), "{name} twice");
                assert!(matches!(of, "counter" | "gauge"), "{line}");
                (family, kind, help) = (name, of, "");
            }
            ["#", "HELP", name, ..] => {
                assert_eq!(name, family, "HELP stands with its TYPE");
                assert!(words.len() > 4, "{line}");
                help = name;
            }
            [sample, value] => {
                assert_eq!(help, family, "{family} has no HELP");
                let name = sample.split('{').next().unwrap_or_default();
                let suffix = if kind == "counter" { "_total" } else { "" };
                assert_eq!(name, format!("{family}{suffix}"), "{line}");
                assert!(name.starts_with("floodmark_"), "{line}");
                assert!(value.parse::<f64>().is_ok_and(|value| value >= 0.0), "{line}");
                assert!(samples.insert(sample), "{sample} twice");
                if let Some(labels) = sample.strip_prefix(name).filter(|labels| !labels.is_empty()) {
                    assert!(labels.starts_with("{shard=\"") && labels.ends_with("\"}"), "{line}");
                }
            }
            _ => panic!("{line:?} is no line of OpenMetrics"),
        }
    }
    assert!(families.len() > 15, "{families:?}");
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
    assert_eq!((sum("connections"), sum("shard"), sum("mail_waiting")), (5, 3, 0));
    assert!(sum("busy_nanoseconds") > 0 && sum("turns") > 0, "{inspection:#}");
}

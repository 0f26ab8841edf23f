//! `floodmark floodtest`: connections, schedules and sources.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};

use nix::sys::signal::Signal;
use telemetry::Frame;

use crate::chat::Chat;
use crate::recording::{marks, value};
use crate::strangers::{Manner, Stranger, quiet_port};
use crate::tool::{self, eventually, floodmark};

pub(crate) fn target(address: SocketAddr) -> [String; 3] {
    ["floodtest".into(), "--target".into(), address.to_string()]
}

/// `floodtest --target ADDRESS …`, with words.
pub(crate) fn flood(address: SocketAddr, more: &[&str]) -> tool::Finished {
    floodmark(target(address).into_iter().chain(more.iter().map(ToString::to_string)))
}

/// The latencies of that name that all frames hold together.
fn measured(frames: &[Frame], name: &str) -> u64 {
    let count = |frame: &Frame| match frame {
        Frame::Latency(latency) if latency.name == name => Some(latency.decode().expect("a histogram").len()),
        _ => None,
    };
    frames.iter().filter_map(count).sum()
}

#[test]
fn opens_what_was_asked_and_says_so_in_frames() {
    let chat = Chat::start(&[]);
    let finished = flood(
        chat.listen,
        &["--json", "-n", "300", "--rate", "600/s", "--concurrency", "50", "--hold", "300ms"],
    )
    .expect_code(0);
    let frames = finished.frames();
    assert!(matches!(&frames[0], Frame::Hello(hello) if hello.source == "generator"), "{:?}", frames[0]);
    for (name, expected) in [("begun", 300.0), ("logins", 300.0), ("failed", 0.0), ("opening", 0.0)] {
        assert_eq!(value(&frames, &format!("connections.{name}")), Some(expected), "{name}");
    }
    for name in ["connect.latency_ns", "connect.login_ns", "connect.schedule_lag_ns"] {
        assert_eq!(measured(&frames, name), 300, "{name}");
    }
    let marks: Vec<_> = marks(&frames, "generator").collect();
    let names: Vec<&str> = marks.iter().map(|mark| mark.name.as_str()).collect();
    assert_eq!(names, ["worker.ready", "phase.began", "phase.ended", "phase.began"]);
    let ramp = &marks[2].attributes;
    assert_eq!(ramp["asked_rate_per_s"], 600.0);
    // The last of 300 connections at 600/s is due after 299 ÷ 600 s, and no schedule is ever run ahead of.
    let reached = ramp["reached_rate_per_s"].as_f64().expect("a rate");
    assert!(reached > 0.0 && reached <= 300.0 / (299.0 / 600.0) + 1.0, "{reached}");
    assert_eq!((chat.metric("accepted_total"), chat.metric("logins_total")), (300, 300));
    chat.wait_for("logouts_total", 300);
}

#[test]
fn tells_a_person_how_it_went() {
    let chat = Chat::start(&[]);
    let finished = flood(chat.listen, &["-n", "50", "--rate", "200", "--hold", "1500ms"]).expect_code(0);
    assert!(finished.stderr.contains("Stats: connected 50, closed 0, messages 0 (+0)"), "{finished}");
    finished.expect_stdout(&[
        "logged in 50 of 50 connections, failed 0, closed by the server 0",
        "rate      asked 200.0/s, reached ",
        "connect   p50 ",
        "login     p50 ",
        "(50 samples)",
    ]);
}

#[test]
fn the_seed_s_own_form_takes_a_file_of_urls_and_an_interval() {
    let stranger = Stranger::start(Manner::Comet);
    let dir = tempfile::tempdir().expect("a directory");
    let urls = dir.path().join("urls.txt");
    let line = |n: u32| format!("http://{}/test/{n}?x=%20", stranger.address);
    let text: String = (100..120).map(|n| line(n) + "\n\n").collect();
    std::fs::write(&urls, text).expect("written");
    let urls = urls.to_str().expect("a path");
    let finished =
        floodmark(["floodtest", "--urls", urls, "--interval", "10ms", "--hold", "100ms", "--json"])
            .expect_code(0);
    assert_eq!(value(&finished.frames(), "connections.logins"), Some(20.0));
    let frames = finished.frames();
    let marks: Vec<_> = marks(&frames, "generator").collect();
    let ramp_us = marks[2].at.mono_us - marks[1].at.mono_us;
    assert!(ramp_us >= 19 * 10_000, "20 connections, 10 ms apart, within {ramp_us} us");
    assert_eq!(marks[2].attributes["asked_rate_per_s"], 100.0);
    let paths: BTreeSet<String> =
        stranger.heads().iter().map(|head| head.split(' ').nth(1).unwrap_or_default().into()).collect();
    assert_eq!(paths, (100..120).map(|n| format!("/test/{n}?x=%20")).collect());
    assert!(stranger.heads()[0].contains(&format!("\r\nHost: {}\r\n", stranger.address)));
}

#[test]
fn every_user_is_somebody_else() {
    let chat = Chat::start(&["--shards", "2"]);
    let mut flood = tool::start(target(chat.listen).iter().map(String::as_str).chain([
        "-n",
        "10",
        "--first-id",
        "500",
        "--json",
    ]));
    chat.wait_for("logins_total", 10);
    for id in 500..510 {
        assert_eq!(chat.send(id, "hello")["delivered"], 1, "{id}");
    }
    assert_eq!(chat.send(510, "hello")["nobody_there"], 1);
    eventually("all messages are counted", || {
        (value(&flood.frames(), "connections.messages") == Some(10.0)).then_some(())
    });
    assert!(!flood.has_ended(), "without --hold it holds until Ctrl-C");
    flood.signal(Signal::SIGINT);
    flood.finish().expect_code(0);
    chat.wait_for("logouts_total", 10);
}

#[test]
fn speaks_the_line_protocol() {
    let chat = Chat::start(&["--shards", "2"]);
    let finished =
        flood(chat.line, &["--protocol", "line", "-n", "40", "--matches", "4", "--hold", "100ms", "--json"])
            .expect_code(0);
    assert_eq!(value(&finished.frames(), "connections.logins"), Some(40.0));
    assert_eq!(chat.metric("logins_total"), 40);
}

#[test]
fn comes_from_the_sources_given() {
    let stranger = Stranger::start(Manner::Comet);
    let sources = ["--source", "127.0.3.1,127.0.3.5-127.0.3.7", "--source", "127.0.4.0/30"];
    flood(stranger.address, &[&["-n", "24", "--hold", "50ms"], &sources[..]].concat()).expect_code(0);
    let seen: BTreeSet<IpAddr> = stranger.peers().iter().map(SocketAddr::ip).collect();
    let wanted = ["127.0.3.1", "127.0.3.5", "127.0.3.6", "127.0.3.7", "127.0.4.1", "127.0.4.2"];
    assert_eq!(seen, wanted.iter().map(|address| address.parse().expect("an address")).collect());
    assert_eq!(stranger.peers().len(), 24);
}

#[test]
fn comes_from_the_ports_given_and_each_only_once() {
    let stranger = Stranger::start(Manner::Comet);
    let first = quiet_port();
    let ports = format!("{first}-{}", first + 4);
    let more = ["-n", "10", "--hold", "50ms", "--source", "127.0.5.1-127.0.5.2", "--source-ports", &ports];
    flood(stranger.address, &more).expect_code(0);
    let seen: BTreeSet<SocketAddr> = stranger.peers().into_iter().collect();
    assert_eq!(seen.len(), 10, "{seen:?}");
    assert!(seen.iter().all(|peer| (first..=first + 4).contains(&peer.port())), "{seen:?}");
}

#[test]
fn comes_back_when_the_server_does() {
    let address = format!("127.0.0.1:{}", quiet_port());
    let start = || Chat::start_with(&mut tool::command(Chat::arguments(&address, &["--shards", "2"])));
    let first = start();
    let flood = tool::start(["floodtest", "--target", &address, "-n", "20", "--reconnect", "--json"]);
    first.wait_for("logins_total", 20);
    first.process.signal(Signal::SIGKILL);
    first.process.finish();
    eventually("the loss is noticed", || {
        (value(&flood.frames(), "connections.closed_by_server") == Some(20.0)).then_some(())
    });
    let second = start();
    second.wait_for("logins_total", 20);
    eventually("all are back", || (value(&flood.frames(), "connections.open") == Some(20.0)).then_some(()));
    flood.signal(Signal::SIGINT);
    let frames = flood.finish().expect_code(0).frames();
    assert_eq!(value(&frames, "connections.failed"), Some(0.0));
    assert_eq!(value(&frames, "connections.logins"), Some(40.0));
    let reconnects = value(&frames, "connections.reconnects").expect("a count");
    assert!(reconnects >= 20.0, "{reconnects}");
}

#[test]
fn a_server_that_ends_is_counted_and_not_called_a_failure_to_connect() {
    let chat = Chat::start(&["--shards", "2"]);
    let flood = tool::start(target(chat.listen).iter().map(String::as_str).chain(["-n", "20"]));
    chat.wait_for("logins_total", 20);
    chat.process.signal(Signal::SIGKILL);
    eventually("the status line says so", || flood.stderr().contains("closed 20").then_some(()));
    flood.signal(Signal::SIGINT);
    let finished = flood.finish();
    finished.expect_stdout(&["logged in 20 of 20 connections, failed 0, closed by the server 20"]);
}

#[test]
fn ctrl_c_ends_it_with_the_summary() {
    let chat = Chat::start(&[]);
    let flood =
        tool::start(target(chat.listen).iter().map(String::as_str).chain(["-n", "100000", "--rate", "100"]));
    eventually("some are connected", || (chat.metric("logins_total") > 5).then_some(()));
    flood.signal(Signal::SIGINT);
    let finished = flood.finish().expect_code(0);
    finished.expect_stdout(&["logged in ", " of 100,000 connections, failed 0", "connect   p50"]);
    chat.wait_for("connections", 0);
}

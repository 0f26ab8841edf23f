//! Why a flood's connections fail: each cause counted under its own name, and said in words.

use std::net::{SocketAddr, TcpListener};

use crate::chat::Chat;
use crate::flood::{flood, target};
use crate::recording::value;
use crate::strangers::{Manner, Stranger, nobody, quiet_port};
use crate::tool::{self, floodmark};
use crate::viewer::Viewer;

/// Fails as asked: the count, the cause and its words, exit code 1; 3 when there is no server at all.
#[track_caller]
fn fails(address: SocketAddr, more: &[&str], cause: &str, words: &str, count: u64) {
    let code = if cause == "refused" { 3 } else { 1 };
    let finished = flood(address, &[&["-n", "8", "--hold", "10ms"], more].concat()).expect_code(code);
    let line = format!("failed    {count} × {cause}: ");
    assert!(finished.stdout.contains(&line), "no '{line}': {finished}");
    assert!(finished.stdout.contains(words), "no '{words}': {finished}");
    let others = finished.stdout.lines().filter(|line| line.starts_with("failed ")).count();
    assert_eq!(others, 1, "one cause, and no other: {finished}");

    let more = [&["-n", "8", "--hold", "10ms", "--json"], more].concat();
    let frames = flood(address, &more).expect_code(code).frames();
    assert_eq!(value(&frames, &format!("connections.failures.{cause}")), Some(count as f64));
    assert_eq!(value(&frames, "connections.failed"), Some(count as f64));
    assert_eq!(value(&frames, "connections.logins"), Some(8.0 - count as f64));
}

#[test]
fn names_a_target_where_nobody_listens() {
    fails(nobody(), &[], "refused", "nothing listens there", 8);
}

#[test]
fn names_a_target_that_never_answers() {
    let stranger = Stranger::start(Manner::Mute);
    fails(stranger.address, &["--timeout", "300ms"], "timed_out", "no login within the timeout", 8);
}

#[test]
fn names_a_target_that_closes_before_the_login() {
    let stranger = Stranger::start(Manner::Hasty);
    fails(stranger.address, &[], "closed_early", "closed the connection before", 8);
}

#[test]
fn names_another_program_behind_the_port() {
    let stranger = Stranger::start(Manner::Foreign);
    fails(stranger.address, &[], "protocol", "another program behind the port?", 8);
    let chat = Chat::start(&[]);
    fails(chat.line, &[], "protocol", "another program behind the port?", 8);
    fails(chat.listen, &["--protocol", "line", "--timeout", "2s"], "timed_out", "no login within", 8);
}

#[test]
fn names_a_full_server() {
    let chat = Chat::start(&["--shards", "1", "--backlog", "128", "--descriptors", "130"]);
    let mut crowd = Vec::new();
    while chat.metric("refused_total") == 0 {
        crowd.extend((0..10).map(|_| Viewer::connect(chat.listen)));
        chat.wait_for("accepted_total", crowd.len() as u64);
    }
    fails(chat.listen, &["--concurrency", "1"], "turned_away", "it is full", 8);
}

#[test]
fn blames_itself_for_its_own_limit() {
    let stranger = Stranger::start(Manner::Comet);
    // Room for a dozen or so.
    let few = ["--shards", "1", "--descriptors", "30"];
    let finished =
        flood(stranger.address, &[&["-n", "40", "--hold", "10ms"], &few[..]].concat()).expect_code(1);
    finished.expect_stdout(&["× no_descriptor: the generator is out of descriptors"]);
}

#[test]
fn names_a_source_port_that_is_taken() {
    let stranger = Stranger::start(Manner::Comet);
    let port = quiet_port();
    let taken = TcpListener::bind(("127.0.6.1", port)).expect("the port is free");
    let ports = format!("{port}-{port}");
    let more = ["-n", "1", "--hold", "10ms", "--source", "127.0.6.1", "--source-ports", &ports];
    let finished = flood(stranger.address, &more).expect_code(1);
    finished.expect_stdout(&["1 × no_free_port: no free source port: add source addresses with --source"]);
    drop(taken);
}

#[test]
fn a_refusal_s_answer_of_404_is_a_refusal() {
    let chat = Chat::start(&[]);
    let dir = tempfile::tempdir().expect("a directory");
    let urls = dir.path().join("urls.txt");
    let text: String = (0..3).map(|_| format!("http://{}/nothing/here\n", chat.listen)).collect();
    std::fs::write(&urls, text).expect("written");
    let finished = floodmark(["floodtest", "--urls", urls.to_str().expect("a path"), "--hold", "10ms"]);
    finished.expect_code(1).expect_stdout(&["3 × turned_away"]);
}

/// Nothing is left to hold: it says why and ends, rather than hold nothing until Ctrl-C.
#[test]
fn a_flood_in_which_every_connection_failed_does_not_hold_nothing_forever() {
    let mut flood = tool::start(target(nobody()).iter().map(String::as_str).chain(["-n", "5"]));
    let ended = tool::within(std::time::Duration::from_secs(4), || flood.has_ended().then_some(()));
    assert!(ended.is_some(), "it holds 0 connections: {}", flood.stderr());
    flood.finish().expect_code(3);
}

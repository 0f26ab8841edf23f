//! `floodmark msggen`: what it sends, to whom, and when it may not.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::Stdio;

use nix::sys::signal::Signal;
use wire::mark::{Found, Mark, find};

use crate::chat::Chat;
use crate::recording::value;
use crate::strangers::{FakeRouter, nobody};
use crate::tool::{self, Finished, eventually, floodmark};

fn msggen(router: SocketAddr, more: &[&str]) -> Finished {
    floodmark(["msggen", "--router", &router.to_string()].into_iter().chain(more.iter().copied()))
}

/// What a publisher with these arguments sends.
fn sent(more: &[&str]) -> Vec<(u32, Vec<u8>)> {
    let router = FakeRouter::start();
    msggen(router.address, more).expect_code(0);
    router.messages()
}

fn mark((id, payload): &(u32, Vec<u8>)) -> Mark {
    match find(payload) {
        Found::Mark(mark) => {
            assert_eq!(mark.id, *id, "the mark and the frame name the same id");
            mark
        }
        found => panic!("{found:?} in {:?}", String::from_utf8_lossy(payload)),
    }
}

fn ids(messages: &[(u32, Vec<u8>)]) -> Vec<u32> {
    messages.iter().map(|(id, _)| *id).collect()
}

#[test]
fn sends_what_was_asked_with_marks_that_tell_everything() {
    let more =
        ["--count", "200", "--interval", "8ms", "--generators", "4", "--max-id", "10", "--publisher", "77"];
    let before_ns = telemetry::monotonic_ns();
    let messages = sent(&more);
    let after_ns = telemetry::monotonic_ns();
    assert_eq!(messages.len(), 200);
    let marks: Vec<Mark> = messages.iter().map(mark).collect();
    let mut sequences = BTreeMap::new();
    let mut generators = BTreeMap::new();
    for (message, mark) in messages.iter().zip(&marks) {
        assert_eq!(message.1.len(), 64, "the default payload");
        assert!((1..=10).contains(&mark.id), "{mark:?}");
        assert_eq!(mark.publisher, 77);
        assert!((before_ns..after_ns).contains(&mark.intended_ns), "{mark:?}");
        let last = sequences.insert(mark.id, mark.sequence).unwrap_or(0);
        assert_eq!(mark.sequence, last + 1, "each id's messages are numbered from 1 up: {mark:?}");
        *generators.entry(mark.generator).or_insert(0) += 1;
    }
    assert_eq!(generators, BTreeMap::from([(0, 50), (1, 50), (2, 50), (3, 50)]));
    // 4 generators, 8 ms each: one message every 2 ms, by the schedule to the microsecond, whatever happened on the way.
    for (number, pair) in marks.windows(2).enumerate() {
        let apart = pair[1].intended_ns - pair[0].intended_ns;
        assert!(apart.abs_diff(2_000_000) < 1000, "messages {number} and its next are {apart} ns apart");
    }
}

#[test]
fn the_same_seed_chooses_the_same_ids() {
    let of = |seed: &str, ids_flag: &str| {
        ids(&sent(&["--max", "--count", "300", "--max-id", "1000", "--seed", seed, "--ids", ids_flag]))
    };
    for distribution in ["uniform", "zipf(1.1)"] {
        let (once, again, other) = (of("5", distribution), of("5", distribution), of("6", distribution));
        assert_eq!(once.len(), 300);
        assert_eq!(once, again, "{distribution}");
        assert_ne!(once, other, "{distribution}");
    }
}

#[test]
fn ids_are_chosen_as_asked() {
    let bounds = ["--min-id", "11", "--max-id", "60", "--max", "--count", "6000"];
    let counts = |distribution: &str| {
        let mut counts = BTreeMap::new();
        for id in ids(&sent(&[&bounds[..], &["--ids", distribution]].concat())) {
            *counts.entry(id).or_insert(0u32) += 1;
        }
        assert!(counts.keys().all(|id| (11..=60).contains(id)), "{counts:?}");
        counts
    };
    assert!(counts("round_robin").values().all(|count| *count == 120));
    // 120 expected, standard deviation 11.
    assert!(counts("uniform").values().all(|count| (60..=180).contains(count)));
    // Rank 1 has 1 ÷ H(50) = 22 % of all, rank 50 a fiftieth of that.
    let zipf = counts("zipf(1.0)");
    assert!((1150..=1550).contains(&zipf[&11]), "{zipf:?}");
    assert!(zipf[&11] > 10 * zipf.get(&60).copied().unwrap_or(0), "{zipf:?}");
}

#[test]
fn the_payload_has_the_size_asked() {
    for size in [40, 41, 1000, 16_384] {
        let flag = format!("{size}B");
        let messages = sent(&["--max", "--count", "20", "--max-id", "5", "--payload", &flag]);
        assert_eq!(messages.len(), 20);
        for message in &messages {
            assert_eq!(message.1.len(), size);
            mark(message);
        }
    }
}

#[test]
fn tells_a_person_and_a_program_what_became_of_the_messages() {
    let chat = Chat::start(&["--shards", "2"]);
    let _viewers: Vec<_> = (1..=10).map(|id| crate::viewer::Viewer::login(chat.listen, id)).collect();
    let more = ["--max", "--count", "2000", "--max-id", "20", "--ids", "round_robin"];
    msggen(chat.router, &more).expect_code(0).expect_stdout(&[
        "sent 2,000, delivered 1,000 of 1,000 copies, nobody there 1,000, gone 0, dropped 0",
    ]);
    let frames = msggen(chat.router, &[&more[..], &["--json"]].concat()).expect_code(0).frames();
    assert_eq!(value(&frames, "publisher.sent"), Some(2000.0));
    assert_eq!(value(&frames, "publisher.delivered"), Some(1000.0));
    assert_eq!(chat.metric("messages_total"), 4000);
}

#[test]
fn several_links_keep_each_id_s_order() {
    let chat = Chat::start(&["--shards", "2"]);
    let flood = tool::start(["floodtest", "--target", &chat.listen.to_string(), "-n", "20", "--json"]);
    chat.wait_for("logins_total", 20);
    let more = ["--max", "--count", "4000", "--max-id", "20", "--links", "4", "--publisher", "1"];
    msggen(chat.router, &more).expect_code(0);
    eventually("all have arrived", || {
        (value(&flood.frames(), "connections.messages") == Some(4000.0)).then_some(())
    });
    flood.signal(Signal::SIGINT);
    let frames = flood.finish().expect_code(0).frames();
    let audit = frames.iter().rev().find_map(|frame| match frame {
        telemetry::Frame::Audit(frame) => Some(frame.audit),
        _ => None,
    });
    let audit = audit.expect("an audit");
    assert_eq!((audit.delivered, audit.duplicated, audit.reordered, audit.misrouted), (4000, 0, 0, 0));
}

#[test]
fn ctrl_c_ends_it_with_the_account() {
    let chat = Chat::start(&[]);
    let router = chat.router.to_string();
    let publisher = tool::start(["msggen", "--router", &router, "--rate", "500", "--max-id", "5"]);
    eventually("some are sent", || (chat.metric("messages_total") > 20).then_some(()));
    publisher.signal(Signal::SIGINT);
    let finished = publisher.finish().expect_code(0);
    finished.expect_stdout(&["sent ", "behind schedule by p50"]);
}

#[test]
fn says_what_to_do_when_nobody_listens() {
    let nobody = nobody();
    msggen(nobody, &["--rate", "5", "--max-id", "5"]).expect_code(3).expect_stderr(&[
        &format!("router port {nobody}"),
        "refused",
        "start the server with 'floodmark chat --router",
    ]);
}

#[test]
fn says_when_the_port_is_another_one() {
    let chat = Chat::start(&[]);
    for port in [chat.listen, chat.line, chat.admin] {
        msggen(port, &["--rate", "5", "--max-id", "5"]).expect_code(3).expect_stderr(&[
            "does not answer as a router port does",
            "is it the server's --router address?",
        ]);
    }
}

#[test]
fn says_when_the_server_goes_away() {
    let chat = Chat::start(&[]);
    let router = chat.router.to_string();
    let publisher = tool::start(["msggen", "--router", &router, "--rate", "500", "--max-id", "5"]);
    eventually("some are sent", || (chat.metric("messages_total") > 5).then_some(()));
    chat.process.signal(Signal::SIGKILL);
    let finished = publisher.finish();
    // It could run, and then something broke.
    assert_eq!(finished.code, Some(4), "{finished}");
    finished.expect_stderr(&[&router, "closed the connection"]);
}

/// What went wrong: the hello left with the first message, so a server that waits ten seconds for one had hung up on a
/// publisher whose run took longer than that to open its connections.
#[test]
fn a_publisher_introduces_itself_before_its_start() {
    let chat = Chat::start(&["--head-timeout", "100ms"]);
    let router = chat.router.to_string();
    let mut command = tool::command([
        "msggen", "--worker", "--router", &router, "--max-id", "9", "--count", "5", "--rate", "1000/s",
    ]);
    let mut publisher =
        command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().expect("the binary starts");
    eventually("the server knows the publisher", || {
        (chat.metrics()["floodmark_publishers_total"] >= 1.0).then_some(())
    });
    // Past the server's patience with strangers.
    eventually("a stranger is shown the door", || {
        (chat.metrics()["floodmark_timed_out_total"] >= 1.0).then_some(()).or_else(|| {
            let _ = TcpStream::connect(chat.listen).map(|mut stream| stream.read(&mut [0; 512]));
            None
        })
    });
    let mut stdin = publisher.stdin.take().expect("piped");
    stdin.write_all(b"{\"command\":\"start\"}\n").expect("the publisher listens");
    let status = publisher.wait().expect("it ends");
    assert!(status.success(), "{status}");
    assert_eq!(chat.metrics()["floodmark_messages_total"], 5.0);
}

//! The server at the limit of its descriptors.

use std::process::Command;

use crate::chat::{Chat, parse_answer};
use crate::tool;
use crate::viewer::{STREAM_HEAD, Viewer};

/// Room for a few connections beyond what a shard keeps for itself.
const DESCRIPTORS: &str = "130";

/// One shard, and a backlog that takes one listener for each address.
const ONE_SHARD: [&str; 4] = ["--shards", "1", "--backlog", "128"];

/// More than fit into it.
const MANY: u32 = 120;

/// Fills the server; returns those who got in and how many were told that it is full.
fn fill(chat: &Chat) -> (Vec<Viewer>, u64) {
    let (mut inside, mut refused) = (Vec::new(), 0);
    for id in 0..MANY {
        let mut viewer = Viewer::connect(chat.listen);
        // Refused, the server does not wait for the request; then it may be gone before this arrives.
        let _ = std::io::Write::write_all(&mut viewer.stream, Viewer::request(id).as_bytes());
        let mut first = [0; 12];
        std::io::Read::read_exact(&mut viewer.stream, &mut first).expect("an answer");
        if &first == b"HTTP/1.1 200" {
            viewer.expect(&STREAM_HEAD[12..]);
            inside.push(viewer);
        } else {
            let answer = parse_answer(&[&first[..], &viewer.rest()].concat());
            assert_eq!(answer.status, 503, "{answer:?}");
            assert!(answer.head.contains("\r\nRetry-After: 1"), "{answer:?}");
            assert!(answer.body.contains("full"), "{answer:?}");
            refused += 1;
        }
    }
    (inside, refused)
}

/// Goes on with those inside, tells newcomers, lets some leave, and takes as many again.
fn is_polite_when_full(chat: &Chat) {
    let (mut inside, refused) = fill(chat);
    assert!(inside.len() >= 5, "only {} got in", inside.len());
    assert!(refused >= 5, "only {refused} were refused");
    let room = inside.len() as u32;
    assert_eq!((chat.metric("turned_away_total"), chat.metric("refused_total")), (refused, refused));
    assert_eq!(chat.metric("logins_total"), u64::from(room));

    let mut line = Viewer::connect(chat.line);
    let told = String::from_utf8(line.rest()).expect("text");
    assert!(told.starts_with("ERROR: server is full"), "{told:?}");
    assert_eq!(chat.metric("turned_away_total"), refused + 1);

    // Those inside do not notice.
    for (id, viewer) in (0..room).zip(&mut inside) {
        assert_eq!(chat.send(id, "still served")["delivered"], 1);
        viewer.expect_message(1, "still served");
    }
    // As many as leave may come.
    inside.truncate(room as usize - 3);
    chat.wait_for("connections", u64::from(room) - 3);
    for id in 0..3 {
        let mut newcomer = Viewer::login(chat.listen, 1000 + id);
        chat.send(1000 + id, "welcome");
        newcomer.expect_message(1, "welcome");
        inside.push(newcomer);
    }
    let mut late = Viewer::connect(chat.listen);
    assert_eq!(late.answer().status, 503);
}

#[test]
fn a_full_shard_tells_newcomers_and_serves_those_it_has() {
    is_polite_when_full(&Chat::start(&[&ONE_SHARD[..], &["--descriptors", DESCRIPTORS]].concat()));
}

/// The same with the limit where users meet it: `ulimit -n`.
#[test]
fn a_low_ulimit_is_met_the_same_way() {
    let arguments = Chat::arguments("127.0.0.1:0", &ONE_SHARD);
    let mut command = Command::new("sh");
    let script = format!("ulimit -n {DESCRIPTORS} && exec \"$0\" \"$@\"");
    command.args(["-c", &script, env!("CARGO_BIN_EXE_floodmark")]).args(arguments);
    is_polite_when_full(&Chat::start_with(&mut command));
}

/// Far more newcomers than the server keeps descriptors to tell them with, all at once.
#[test]
fn a_rush_on_a_full_server_leaves_it_whole() {
    let chat = Chat::start(&[&ONE_SHARD[..], &["--descriptors", DESCRIPTORS]].concat());
    let (mut inside, _) = fill(&chat);
    let crowd: Vec<Viewer> = (0..300).map(|_| Viewer::connect(chat.listen)).collect();
    tool::eventually("all have been accepted", || {
        (chat.metric("accepted_total") >= u64::from(MANY) + 300).then_some(())
    });
    for (id, viewer) in (0..).zip(&mut inside) {
        chat.send(id, "still served");
        viewer.expect_message(1, "still served");
    }
    drop(crowd);
    chat.wait_for("connections", inside.len() as u64);
    drop(inside);
    chat.wait_for("connections", 0);
    Viewer::login(chat.listen, 1);
    assert_eq!(chat.metric("refused_total"), u64::from(MANY) + 300 - (chat.metric("logins_total") - 1));
}

/// What cannot hold a single connection is told so at once.
#[test]
fn too_few_descriptors_to_serve_anyone_is_an_error() {
    let mut server = tool::start(["chat", "--json", "--listen", "127.0.0.1:0", "--descriptors", "20"]);
    let ended = tool::within(std::time::Duration::from_secs(5), || server.has_ended().then_some(()));
    assert!(ended.is_some(), "it serves nobody, and says nothing: {}", server.stdout());
    let finished = server.finish();
    assert!(matches!(finished.code, Some(2 | 3)), "{finished}");
    finished.expect_stderr(&["descriptors"]);
}

//! MatchStream's line protocol, as its viewers see it.

use crate::chat::Chat;
use crate::tool::PATIENCE;
use crate::viewer::Viewer;

const GREETING: &str = "Welcome to Match Stream.\nTo watch the current game use: V:2:<your-name>\n";

/// `2026-11-21 10:46:00`
const TIMESTAMP_BYTES: usize = 19;

/// A viewer that has been greeted.
fn greeted(chat: &Chat) -> Viewer {
    let mut viewer = Viewer::connect(chat.line);
    viewer.expect(GREETING);
    viewer
}

/// Reads one block and returns it without its timestamp, which must look like one.
#[track_caller]
fn block(viewer: &mut Viewer) -> String {
    let mut text = String::new();
    while !text.ends_with("\r\n") {
        let mut byte = [0];
        let read = std::io::Read::read(&mut viewer.stream, &mut byte).expect("a block");
        assert_eq!(read, 1, "the stream ends in {text:?}");
        text.push(char::from(byte[0]));
    }
    let (timestamp, rest) = text.split_at(TIMESTAMP_BYTES);
    let shape: String = timestamp.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    assert_eq!(shape, "0000-00-00 00:00:00", "{text:?}");
    rest.to_owned()
}

/// The whole refusal of a viewer that has been greeted.
fn refusal(viewer: &mut Viewer) -> String {
    String::from_utf8(viewer.rest()).expect("text")
}

#[test]
fn a_viewer_logs_in_and_receives_event_blocks() {
    let chat = Chat::start(&["--shards", "2"]);
    let mut bob = greeted(&chat);
    bob.say("V:2:bob\n");
    assert_eq!(block(&mut bob), ": status:\n\tuser: bob\n\tmatch: 1\n\r\n");
    let mut ana = greeted(&chat);
    ana.say("VERSION:1:CONNECT:ana:MATCH:7\r\n");
    assert_eq!(block(&mut ana), ": status:\n\tuser: ana\n\tmatch: 7\n\r\n");
    chat.send(7, "goal: 1-0");
    assert_eq!(block(&mut ana), ": goal:\n\tcomment: 1-0\n\r\n");
    chat.send(7, "rain\r\nand wind");
    assert_eq!(block(&mut ana), ": status:\n\tcomment: rain  and wind\n\r\n");
    chat.send(1, "card: yellow");
    assert_eq!(block(&mut bob), ": card:\n\tcomment: yellow\n\r\n");
}

#[test]
fn a_viewer_may_watch_several_matches() {
    let chat = Chat::start(&["--shards", "2"]);
    let mut viewer = greeted(&chat);
    viewer.say("VERSION:1:CONNECT:ana:MATCH:7\nVERSION:1:CONNECT:ana:MATCH:8\n");
    assert_eq!(block(&mut viewer), ": status:\n\tuser: ana\n\tmatch: 7\n\r\n");
    assert_eq!(block(&mut viewer), ": status:\n\tuser: ana\n\tmatch: 8\n\r\n");
    viewer.say("VERSION:1:CONNECT:ana:MATCH:9\n");
    assert_eq!(block(&mut viewer), ": status:\n\tuser: ana\n\tmatch: 9\n\r\n");
    for id in [9, 7, 8] {
        chat.send(id, &id.to_string());
        assert_eq!(block(&mut viewer), format!(": status:\n\tcomment: {id}\n\r\n"));
    }
    assert_eq!(chat.metric("logins_total"), 3);
    drop(viewer);
    chat.wait_for("logouts_total", 3);
    for id in [7, 8, 9] {
        assert_eq!(chat.send(id, "gone")["nobody_there"], 1, "{id}");
    }
}

#[test]
fn a_line_that_is_no_login_gets_an_error() {
    let chat = Chat::start(&["--shards", "1"]);
    let long_line = format!("V:2:{}", "x".repeat(600));
    let long_name = format!("V:2:{}\n", "x".repeat(65));
    let cases = [
        ("hello\n", "ERROR: unknown command, send V:2:<your-name>\r\n", "malformed"),
        ("\n", "ERROR: unknown command, send V:2:<your-name>\r\n", "malformed"),
        ("V:x:bob\n", "ERROR: unknown command, send V:2:<your-name>\r\n", "malformed"),
        ("V:2:\n", "ERROR: bad name, use 1 to 64 printable bytes without a colon\r\n", "malformed"),
        (&long_name, "ERROR: bad name, use 1 to 64 printable bytes without a colon\r\n", "malformed"),
        ("VERSION:1:CONNECT:bob:MATCH:-1\n", "ERROR: bad match, use its number\r\n", "malformed"),
        ("VERSION:1:CONNECT:bob:MATCH:4294967296\n", "ERROR: bad match, use its number\r\n", "malformed"),
        (&long_line, "ERROR: the line is too long, send at most 512 bytes\r\n", "too_large"),
    ];
    for (line, error, _) in cases {
        let mut viewer = greeted(&chat);
        viewer.say(line);
        assert_eq!(refusal(&mut viewer), error, "{line:?}");
    }
    for counter in ["malformed", "too_large"] {
        let expected = cases.iter().filter(|case| case.2 == counter).count() as u64;
        assert_eq!(chat.metric(&format!("{counter}_total")), expected, "{counter}");
    }
    assert_eq!(chat.metric("logins_total"), 0);
}

/// A viewer that talks nonsense after its login is told so and closed; like any other that leaves, it is logged out.
/// What went wrong: it stayed in the directory, and the next login under its id panicked the shard.
#[test]
fn a_viewer_that_talks_nonsense_after_its_login_is_logged_out() {
    let chat = Chat::start(&["--shards", "1"]);
    let mut bob = greeted(&chat);
    bob.say("V:2:bob\n");
    block(&mut bob);
    bob.say("nonsense\n");
    assert!(refusal(&mut bob).starts_with("ERROR: unknown command"));
    drop(bob);
    chat.wait_for("connections", 0);
    assert_eq!(chat.metric("logouts_total"), 1);
    assert_eq!(chat.send(1, "anyone?")["nobody_there"], 1);
    let mut ana = greeted(&chat);
    ana.say("V:2:ana\n");
    assert_eq!(block(&mut ana), ": status:\n\tuser: ana\n\tmatch: 1\n\r\n");
    assert_eq!(chat.send(1, "once")["delivered"], 1);
    assert_eq!(block(&mut ana), ": status:\n\tcomment: once\n\r\n");
}

/// As above: whoever takes the place of the one that left must not be taken for it.
#[test]
fn nobody_receives_what_was_for_a_viewer_that_talked_nonsense() {
    let chat = Chat::start(&["--shards", "1"]);
    let mut bob = greeted(&chat);
    bob.say("V:2:bob\n");
    block(&mut bob);
    bob.say("nonsense\n");
    assert!(refusal(&mut bob).starts_with("ERROR: unknown command"));
    drop(bob);
    chat.wait_for("connections", 0);
    let mut stranger = Viewer::login(chat.listen, 99);
    let mut ana = greeted(&chat);
    ana.say("V:2:ana\n");
    block(&mut ana);
    assert_eq!(chat.send(1, "for match 1")["delivered"], 1);
    assert_eq!(block(&mut ana), ": status:\n\tcomment: for match 1\n\r\n");
    chat.send(99, "for the stranger");
    stranger.expect_message(1, "for the stranger");
}

/// As above: another viewer is already connected and logs in under the same id when the first one is gone.
#[test]
fn a_login_after_somebody_s_nonsense_does_not_break_the_server() {
    let chat = Chat::start(&["--shards", "1"]);
    let mut bob = greeted(&chat);
    let mut ana = greeted(&chat);
    bob.say("V:2:bob\n");
    block(&mut bob);
    bob.say("nonsense\n");
    assert!(refusal(&mut bob).starts_with("ERROR: unknown command"));
    drop(bob);
    chat.wait_for("connections", 1);
    ana.say("V:2:ana\n");
    assert_eq!(block(&mut ana), ": status:\n\tuser: ana\n\tmatch: 1\n\r\n");
}

/// As above, with the nonsense still in the connection's time to leave and another viewer of the match already there.
#[test]
fn nonsense_of_one_viewer_does_not_end_the_match_for_another() {
    let chat = Chat::start(&["--shards", "1"]);
    let mut bob = greeted(&chat);
    bob.say("V:2:bob\n");
    block(&mut bob);
    bob.say("nonsense\n");
    bob.expect("ERROR: unknown command");
    let mut ana = greeted(&chat);
    ana.stream.set_read_timeout(Some(PATIENCE / 3)).expect("timeout");
    ana.say("V:2:ana\n");
    block(&mut ana);
    drop(bob);
    chat.wait_for("connections", 1);
    chat.send(1, "goal: 1-0");
    assert_eq!(block(&mut ana), ": goal:\n\tcomment: 1-0\n\r\n");
}

/// Nothing is done by halves: a login that is not taken is refused in words.
#[test]
fn a_second_login_to_the_same_match_gets_an_answer() {
    let chat = Chat::start(&["--shards", "1"]);
    let mut bob = greeted(&chat);
    bob.stream.set_read_timeout(Some(PATIENCE / 10)).expect("timeout");
    bob.say("V:2:bob\n");
    block(&mut bob);
    bob.say("V:2:bob\n");
    let mut first = [0];
    let answer = std::io::Read::read(&mut bob.stream, &mut first);
    assert!(answer.is_ok(), "the second login is met with silence: {answer:?}");
}

#[test]
fn a_login_line_may_be_cut_anywhere() {
    let chat = Chat::start(&["--shards", "2"]);
    let login = "VERSION:1:CONNECT:ana:MATCH:7\n";
    let mut viewers: Vec<Viewer> = (1..login.len()).map(|_| greeted(&chat)).collect();
    let mut sent = 0;
    for (cut, viewer) in (1..).zip(&mut viewers) {
        viewer.say(&login[..cut]);
        sent += cut as u64;
    }
    chat.wait_for("received_bytes_total", sent);
    for (cut, viewer) in (1..).zip(&mut viewers) {
        viewer.say(&login[cut..]);
    }
    for viewer in &mut viewers {
        assert_eq!(block(viewer), ": status:\n\tuser: ana\n\tmatch: 7\n\r\n");
    }
    assert_eq!(chat.send(7, "goal: 1-0")["delivered"], viewers.len());
    for viewer in &mut viewers {
        assert_eq!(block(viewer), ": goal:\n\tcomment: 1-0\n\r\n");
    }
}

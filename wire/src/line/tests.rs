//! Every event and every error of both halves, from concrete bytes.

use super::client::{self, BLOCK_BYTES_MAX, Decoder, Error, Event};
use super::server::{self, LINE_BYTES_MAX, Login, LoginError, Watch};
use super::{BUSY, GREETING};
use crate::decode::decode_all;
use crate::{Decode, MESSAGE_BYTES_MAX, Step};

const NOW: &str = "2026-11-21 10:46:00";

#[test]
fn logins() {
    let longest = "é".repeat(32);
    for (line, user, match_id) in [
        ("V:2:ana\n", "ana", None),
        ("V:2:ana\r\n", "ana", None),
        ("V:17:José María\n", "José María", None),
        (&format!("V:2:{longest}\n"), &longest, None),
        ("VERSION:1:CONNECT:u7:MATCH:0\n", "u7", Some(0)),
        ("VERSION:1:CONNECT:u7:MATCH:4294967295\r\n", "u7", Some(u32::MAX)),
    ] {
        let bytes = [line.as_bytes(), b"V:2"].concat();
        let event = Watch { user, match_id };
        assert_eq!(Login.decode(&bytes), Ok(Step::Event { event, used: line.len() }), "{line:?}");
        assert_eq!(Login.decode(&bytes[..line.len() - 1]), Ok(Step::More), "{line:?}");
    }
}

#[test]
fn login_errors() {
    use LoginError::{BadMatch, BadUser, UnknownCommand};
    for (line, error) in [
        ("", UnknownCommand),
        ("GET / HTTP/1.1", UnknownCommand),
        ("V", UnknownCommand),
        ("V:2", UnknownCommand),
        ("V::ana", UnknownCommand),
        ("V:two:ana", UnknownCommand),
        ("v:2:ana", UnknownCommand),
        ("VERSION:2:CONNECT:ana:MATCH:7", UnknownCommand),
        ("VERSION:1:CONNECT:ana", UnknownCommand),
        ("VERSION:1:CONNECT:ana:GAME:7", UnknownCommand),
        ("V:2:", BadUser),
        ("V:2:a:b", BadUser),
        ("V:2:a\tb", BadUser),
        ("V:2:a\rb", BadUser),
        ("V:2:ana\r\r", BadUser),
        ("VERSION:1:CONNECT::MATCH:7", BadUser),
        ("VERSION:1:CONNECT:ana:MATCH:", BadMatch),
        ("VERSION:1:CONNECT:ana:MATCH:seven", BadMatch),
        ("VERSION:1:CONNECT:ana:MATCH:4294967296", BadMatch),
        ("VERSION:1:CONNECT:ana:MATCH:7:8", BadMatch),
    ] {
        assert_eq!(Login.decode(format!("{line}\n").as_bytes()), Err(error), "{line:?}");
    }
    assert_eq!(Login.decode(b"V:2:\xff\n"), Err(BadUser));
    assert_eq!(Login.decode(format!("V:2:{}\n", "x".repeat(65)).as_bytes()), Err(BadUser));
    // A line end one byte too late counts as none, however the bytes arrive.
    for late in ["", "\n"] {
        let line = format!("{}{late}", "x".repeat(LINE_BYTES_MAX));
        assert_eq!(Login.decode(line.as_bytes()), Err(LoginError::TooLong));
    }
    for error in [LoginError::TooLong, UnknownCommand, BadUser, BadMatch] {
        let refused = [Event::Greeting, Event::Refused(error.reply().strip_suffix(b"\r\n").unwrap())];
        let bytes = [GREETING, error.reply()].concat();
        assert_eq!(decode_all(&mut Decoder::default(), &bytes).unwrap().0, refused);
    }
}

#[test]
fn logins_of_this_client() {
    let mut out = Vec::new();
    client::encode_login(&mut out, 42, 7);
    assert_eq!(out, b"VERSION:1:CONNECT:u42:MATCH:7\n");
}

fn event(text: &str) -> String {
    let mut out = Vec::new();
    server::encode_event(&mut out, NOW, text.as_bytes());
    String::from_utf8(out).unwrap()
}

#[test]
fn blocks() {
    let mut out = Vec::new();
    server::encode_watching(&mut out, NOW, "ana", 7);
    assert_eq!(out, b"2026-11-21 10:46:00: status:\n\tuser: ana\n\tmatch: 7\n\r\n");
    for (text, kind, comment) in [
        ("hello", "status", "hello"),
        ("status: half time", "status", "half time"),
        ("goal:1-0", "goal", "1-0"),
        ("goal: Messi: 1-0", "goal", "Messi: 1-0"),
        ("penalty: x", "penalty", "x"),
        ("card: x", "card", "x"),
        ("substitution: x", "substitution", "x"),
        ("goals: x", "status", "goals: x"),
        ("goal", "status", "goal"),
        ("", "status", ""),
        ("goal:", "goal", ""),
        ("a\r\nb\n\rc", "status", "a  b  c"),
        ("goal: a\r\n", "goal", "a  "),
    ] {
        assert_eq!(event(text), format!("{NOW}: {kind}:\n\tcomment: {comment}\n\r\n"), "{text:?}");
    }
}

#[test]
fn a_dialogue_from_greeting_to_events() {
    let mut bytes = GREETING.to_vec();
    server::encode_watching(&mut bytes, NOW, "u1", 7);
    bytes.extend_from_slice(event("a\r\nb").as_bytes());
    bytes.extend_from_slice(b"a lone \r is no end\r\nunfinished\r");
    let (events, rest) = decode_all(&mut Decoder::default(), &bytes).unwrap();
    let message = Event::Message(b"2026-11-21 10:46:00: status:\n\tcomment: a  b\n");
    let lone = Event::Message(b"a lone \r is no end");
    assert_eq!(events, [Event::Greeting, Event::Watching, message, lone]);
    assert_eq!(rest, b"unfinished\r");
}

#[test]
fn refusals_end_the_dialogue() {
    let refused = Event::Refused(b"ERROR: server is full, try again later");
    let bytes = [BUSY, b"rubbish"].concat();
    assert_eq!(decode_all(&mut Decoder::default(), &bytes).unwrap().0, [refused, Event::Ignored]);
    let original = [GREETING, b"ERROR: No matches to watch\n\r\n"].concat();
    let refused = Event::Refused(b"ERROR: No matches to watch\n");
    assert_eq!(decode_all(&mut Decoder::default(), &original).unwrap().0, [Event::Greeting, refused]);
}

#[test]
fn errors() {
    for wrong in ["welcome", "Welcome to Match Stream!", "EHLO", "\r\n", "HTTP/1.1 400 Bad Request\r\n"] {
        assert_eq!(Decoder::default().decode(wrong.as_bytes()), Err(Error::NotGreeting), "{wrong:?}");
    }
    for unfinished in ["", "W", "Welcome to Match Stream.\nTo", "E", "ERROR", "ERROR: full", "ERROR: full\r"]
    {
        assert_eq!(Decoder::default().decode(unfinished.as_bytes()), Ok(Step::More), "{unfinished:?}");
    }
    let mut decoder = Decoder::default();
    decode_all(&mut decoder, &[GREETING, b"ok\r\n"].concat()).unwrap();
    let longest = [&[b'x'; BLOCK_BYTES_MAX - 2], b"\r\n".as_slice()].concat();
    assert!(matches!(decoder.decode(&longest), Ok(Step::Event { used: BLOCK_BYTES_MAX, .. })));
    assert_eq!(decoder.decode(&[b"x", longest.as_slice()].concat()), Err(Error::BlockTooLong));
    assert!(event(&"x".repeat(MESSAGE_BYTES_MAX)).len() <= BLOCK_BYTES_MAX);
}

//! The router port: what a publisher is told, and what happens to one that breaks the protocol.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use wire::Feed;
use wire::router::client::{self, Decoder, Event};
use wire::router::{ErrorCode, HELLO, Totals};

use crate::chat::{Chat, connect};
use crate::viewer::Viewer;

/// A connection to the router port.
#[derive(Debug)]
pub(crate) struct Port {
    stream: TcpStream,
    feed: Feed<Decoder>,
    said: Vec<Said>,
}

/// What the server said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Said {
    Hello,
    Ack { token: u32, totals: Totals },
    Error { code: ErrorCode, text: String },
    End,
}

impl Port {
    /// Connects and says hello.
    pub(crate) fn open(address: SocketAddr) -> Self {
        let mut port = Self { stream: connect(address), feed: Feed::default(), said: Vec::new() };
        port.say(HELLO);
        assert_eq!(port.next(), Said::Hello);
        port
    }

    pub(crate) fn say(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).expect("the server takes it");
    }

    pub(crate) fn send(&mut self, id: u32, payload: &[u8]) {
        let mut bytes = Vec::new();
        client::encode_send(&mut bytes, id, payload);
        self.say(&bytes);
    }

    /// Waits until the server has accounted for everything sent; returns the account.
    pub(crate) fn sync(&mut self, token: u32) -> Totals {
        let mut bytes = Vec::new();
        client::encode_sync(&mut bytes, token);
        self.say(&bytes);
        loop {
            match self.next() {
                Said::Ack { token: answered, totals } if answered == token => return totals,
                Said::Ack { token: 0, .. } => {}
                other => panic!("{other:?} instead of the acknowledgement of {token}"),
            }
        }
    }

    /// The next thing said.
    pub(crate) fn next(&mut self) -> Said {
        while self.said.is_empty() {
            let mut buffer = [0; 4096];
            match self.stream.read(&mut buffer).expect("the server answers") {
                0 => return Said::End,
                length => {
                    let said = &mut self.said;
                    let heard = |event: Event<'_>| {
                        said.push(match event {
                            Event::Hello => Said::Hello,
                            Event::Ack { token, totals } => Said::Ack { token, totals },
                            Event::Error { code, text } => Said::Error { code, text: text.into() },
                        });
                    };
                    self.feed.feed(&buffer[..length], heard).expect("the server speaks the protocol");
                }
            }
        }
        self.said.remove(0)
    }

    /// The error that the server closes with.
    fn refusal(&mut self) -> (ErrorCode, String) {
        loop {
            match self.next() {
                Said::Ack { token: 0, .. } | Said::Hello => {}
                Said::Error { code, text } => {
                    assert_eq!(self.next(), Said::End, "after an error the server closes");
                    return (code, text);
                }
                other => panic!("{other:?} instead of an error"),
            }
        }
    }
}

#[test]
fn tells_what_became_of_every_message() {
    let chat = Chat::start(&["--shards", "3"]);
    let mut one = Viewer::login(chat.listen, 1);
    let mut tabs: Vec<Viewer> = (0..8).map(|_| Viewer::login(chat.listen, 2)).collect();
    chat.wait_for("logins_total", 9);
    let mut port = Port::open(chat.router);
    chat.wait_for("publishers_total", 1);
    assert_eq!(port.sync(7), Totals::default());
    port.send(1, b"to one");
    port.send(2, b"to eight tabs");
    port.send(3, b"to nobody");
    let totals = Totals { accepted: 3, nobody_there: 1, copies: 9, delivered: 9, ..Totals::default() };
    assert_eq!(port.sync(8), totals);
    one.expect_message(1, "to one");
    tabs.iter_mut().for_each(|tab| tab.expect_message(1, "to eight tabs"));
    // Another publisher has an account of its own.
    assert_eq!(Port::open(chat.router).sync(1), Totals::default());
    assert_eq!((chat.metric("delivered_total"), chat.metric("nobody_there_total")), (9, 1));
}

#[test]
fn a_pipelined_flood_of_messages_arrives_whole_and_in_order() {
    const MESSAGES: u32 = 20_000;
    let chat = Chat::start(&["--shards", "2"]);
    let mut viewer = Viewer::login(chat.listen, 5);
    let mut bytes = Vec::new();
    (1..=MESSAGES).for_each(|number| client::encode_send(&mut bytes, 5, number.to_string().as_bytes()));
    let mut port = Port::open(chat.router);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            port.say(&bytes);
            let totals = port.sync(1);
            assert_eq!((totals.accepted, totals.copies), (MESSAGES.into(), MESSAGES.into()));
            assert!(totals.settled(), "{totals:?}");
        });
        (1..=MESSAGES).for_each(|number| viewer.expect_message(number, &number.to_string()));
    });
}

#[test]
fn a_frame_of_no_known_kind_is_an_error_and_the_others_go_on() {
    let chat = Chat::start(&["--shards", "1"]);
    let mut other = Port::open(chat.router);
    let mut port = Port::open(chat.router);
    port.say(b"\x04\0\x33\0\0\0\0");
    let (code, text) = port.refusal();
    assert_eq!(code, ErrorCode::BadFrame);
    assert!(text.contains("0x33"), "{text}");
    chat.wait_for("malformed_total", 1);
    assert_eq!(other.sync(2), Totals::default());
}

/// `wire` has a code for each: BadHello, TooLong. The server must use them.
#[test]
fn each_breach_of_the_protocol_has_its_own_code() {
    let chat = Chat::start(&["--shards", "1"]);
    let mut port = Port::open(chat.router);
    let too_long = (4 + wire::MESSAGE_BYTES_MAX + 1) as u16;
    port.say(&[&too_long.to_le_bytes()[..], &[1]].concat());
    assert_eq!(port.refusal().0, ErrorCode::TooLong);

    let mut port = Port { stream: connect(chat.router), feed: Feed::default(), said: Vec::new() };
    port.say(b"GET / HTTP/1.1\r\n\r\n");
    assert_eq!(port.refusal().0, ErrorCode::BadHello);
}

#[test]
fn a_publisher_that_leaves_in_the_middle_of_a_frame_harms_nobody() {
    let chat = Chat::start(&["--shards", "1"]);
    let mut viewer = Viewer::login(chat.listen, 1);
    let mut port = Port::open(chat.router);
    let mut bytes = Vec::new();
    client::encode_send(&mut bytes, 1, b"cut short");
    port.say(&bytes[..bytes.len() - 1]);
    drop(port);
    chat.wait_for("closed_total", 1);
    assert_eq!(Port::open(chat.router).sync(1), Totals::default());
    chat.send(1, "whole");
    viewer.expect_message(1, "whole");
}

//! The server as its clients see it: the comet port.

use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use socket2::{Domain, Socket, Type};

use crate::chat::Chat;
use crate::publisher_port::Port;
use crate::tool::{PATIENCE, eventually};
use crate::viewer::{STREAM_HEAD, Viewer};

#[test]
fn a_message_sent_by_hand_arrives_as_in_the_seed() {
    let chat = Chat::start(&[]);
    let mut viewer = Viewer::login(chat.listen, 123);
    let receipt = chat.send(123, "Hello World");
    viewer.expect("20\r\nRecvd msg #1: 'Hello World'<br/>\r\n");
    assert_eq!((&receipt["id"], &receipt["delivered"]), (&123.into(), &1.into()), "{receipt}");
    chat.send(123, "größer <b>&amp;</b>\n'");
    viewer.expect_message(2, "größer <b>&amp;</b>\n'");
    chat.send(123, "");
    viewer.expect_message(3, "");
    // The numbers count for each connection, not for each id.
    let mut later = Viewer::login(chat.listen, 123);
    chat.send(123, "both");
    viewer.expect_message(4, "both");
    later.expect_message(1, "both");
}

#[test]
fn a_message_reaches_every_tab_of_its_id_on_every_shard_and_nobody_else() {
    let chat = Chat::start(&["--shards", "4"]);
    assert_eq!(chat.shards, 4);
    let mut tabs: Vec<Viewer> = (0..32).map(|_| Viewer::login(chat.listen, 7)).collect();
    let mut other = Viewer::login(chat.listen, 8);
    chat.wait_for("connections", 33);
    let busy = chat
        .metrics()
        .into_iter()
        .filter(|(name, value)| name.starts_with("floodmark_connections{") && *value > 0.0);
    assert!(busy.count() > 1, "32 connections all on one shard of 4");
    assert_eq!(chat.send(7, "to the tabs")["delivered"], 32);
    assert_eq!(chat.send(8, "to the other")["delivered"], 1);
    tabs.iter_mut().for_each(|tab| tab.expect_message(1, "to the tabs"));
    // Number 1, so that the message before it did not come here.
    other.expect_message(1, "to the other");
    // Some tabs close; the others go on.
    tabs.truncate(20);
    chat.wait_for("logouts_total", 12);
    assert_eq!(chat.send(7, "again")["delivered"], 20);
    tabs.iter_mut().for_each(|tab| tab.expect_message(2, "again"));
}

#[test]
fn a_message_to_nobody_is_counted_as_such() {
    let chat = Chat::start(&[]);
    let receipt = chat.send(4_294_967_295, "anyone?");
    assert_eq!((&receipt["delivered"], &receipt["nobody_there"]), (&0.into(), &1.into()), "{receipt}");
    assert_eq!((chat.metric("nobody_there_total"), chat.metric("messages_total")), (1, 1));
}

#[test]
fn other_requests_get_the_right_answer_and_are_counted() {
    let chat = Chat::start(&["--shards", "2"]);
    let long_field = format!("GET /test/1 HTTP/1.1\r\nX: {}", "x".repeat(9000));
    let many_fields = format!("GET /test/1 HTTP/1.1\r\n{}\r\n", "A: b\r\n".repeat(65));
    let cases: [(&str, u16, &str); 17] = [
        ("GET / HTTP/1.1\r\n\r\n", 404, "not_found"),
        ("GET /test/ HTTP/1.1\r\n\r\n", 404, "not_found"),
        ("GET /test/x HTTP/1.1\r\n\r\n", 404, "not_found"),
        ("GET /test/-1 HTTP/1.1\r\n\r\n", 404, "not_found"),
        ("GET /test/4294967296 HTTP/1.1\r\n\r\n", 404, "not_found"),
        ("GET /test/1/2 HTTP/1.1\r\n\r\n", 404, "not_found"),
        ("POST /test/1 HTTP/1.1\r\nContent-Length: 1\r\n\r\nx", 501, "not_implemented"),
        ("HEAD /test/1 HTTP/1.1\r\n\r\n", 501, "not_implemented"),
        ("BREW /test/1 HTTP/1.1\r\n\r\n", 501, "not_implemented"),
        ("GET /test/1 HTTP/1.0\r\n\r\n", 505, "malformed"),
        ("GET /test/1\r\n\r\n", 400, "malformed"),
        ("nonsense\r\n\r\n", 400, "malformed"),
        ("GET /test/1 HTTP/1.1\r\nno colon\r\n\r\n", 400, "malformed"),
        ("\u{16}\u{3}\u{1}\u{2}\0\u{1}", 400, "malformed"),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400, "malformed"),
        (&long_field, 431, "too_large"),
        (&many_fields, 431, "too_large"),
    ];
    let mut counted = std::collections::BTreeMap::new();
    for (request, status, counter) in cases {
        let mut viewer = Viewer::connect(chat.listen);
        viewer.say(request);
        let answer = viewer.answer();
        assert_eq!(answer.status, status, "{request:?}: {answer:?}");
        assert!(answer.head.contains("\r\nConnection: close"), "{request:?}: {answer:?}");
        assert!(answer.body.ends_with('\n') && answer.body.len() > 20, "{request:?}: {answer:?}");
        *counted.entry(counter).or_insert(0) += 1;
    }
    for (counter, count) in counted {
        assert_eq!(chat.metric(&format!("{counter}_total")), count, "{counter}");
    }
    assert_eq!((chat.metric("logins_total"), chat.metric("delivered_total")), (0, 0));
    chat.wait_for("connections", 0);
}

#[test]
fn a_browser_s_long_head_and_a_query_are_welcome() {
    let chat = Chat::start(&[]);
    let mut viewer = Viewer::connect(chat.listen);
    let fields: String = (0..60).map(|n| format!("X-Field-{n}: {}\r\n", "v".repeat(100))).collect();
    viewer.say(&format!("GET /test/0?since=today HTTP/1.1\r\nHost: x\r\n{fields}\r\n"));
    viewer.expect(STREAM_HEAD);
    chat.send(0, "id 0 is an id");
    viewer.expect_message(1, "id 0 is an id");
}

#[test]
fn a_slow_head_is_told_so() {
    let chat = Chat::start(&["--head-timeout", "300ms"]);
    let mut inside = Viewer::login(chat.listen, 1);
    let mut silent = Viewer::connect(chat.listen);
    let mut slow = Viewer::connect(chat.listen);
    slow.say("GET /test/1 HTTP/1.1\r\nHost:");
    for viewer in [&mut silent, &mut slow] {
        let answer = viewer.answer();
        assert_eq!(answer.status, 408, "{answer:?}");
    }
    let mut line = Viewer::connect(chat.line);
    let said = String::from_utf8(line.rest()).expect("text");
    assert!(said.ends_with("ERROR: no login in time\r\n"), "{said:?}");
    assert_eq!(chat.metric("timed_out_total"), 3);
    // One who is in may be silent for as long as he likes.
    chat.send(1, "still here");
    inside.expect_message(1, "still here");
}

#[test]
fn a_head_may_be_cut_anywhere() {
    let chat = Chat::start(&["--shards", "2"]);
    let request = Viewer::request(77);
    let mut viewers: Vec<Viewer> = (1..request.len()).map(|_| Viewer::connect(chat.listen)).collect();
    let mut sent = 0;
    for (cut, viewer) in (1..).zip(&mut viewers) {
        viewer.say(&request[..cut]);
        sent += cut as u64;
    }
    // The first parts have been read before the second ones leave.
    chat.wait_for("received_bytes_total", sent);
    for (cut, viewer) in (1..).zip(&mut viewers) {
        viewer.say(&request[cut..]);
    }
    for viewer in &mut viewers {
        viewer.expect(STREAM_HEAD);
    }
    assert_eq!(chat.send(77, "all")["delivered"], viewers.len());
    viewers.iter_mut().for_each(|viewer| viewer.expect_message(1, "all"));
}

#[test]
fn one_byte_at_a_time_and_chatter_after_the_login_are_fine() {
    let chat = Chat::start(&["--shards", "1"]);
    let mut viewer = Viewer::connect(chat.listen);
    let mut sent = 0;
    for byte in Viewer::request(5).chars() {
        viewer.say(&byte.to_string());
        sent += 1;
        chat.wait_for("received_bytes_total", sent);
    }
    viewer.expect(STREAM_HEAD);
    viewer.say(&"GET /test/6 HTTP/1.1\r\n\r\n".repeat(5000));
    assert_eq!(chat.send(6, "nobody")["nobody_there"], 1);
    chat.send(5, "hello");
    viewer.expect_message(1, "hello");
}

/// The seed's server with hibernation never noticed closed connections, and its slots ran out.
#[test]
fn an_idle_client_s_end_is_noticed_at_once() {
    let chat = Chat::start(&["--shards", "2"]);
    let idle: Vec<Viewer> = (0..20).map(|n| Viewer::login(chat.listen, n)).collect();
    chat.wait_for("logins_total", 20);
    assert_eq!(chat.metric("logouts_total"), 0);
    for (number, viewer) in idle.into_iter().enumerate() {
        match number % 3 {
            // FIN by closing, FIN by half a close, RST.
            0 => drop(viewer),
            1 => {
                viewer.stream.shutdown(Shutdown::Write).expect("shut down");
                let mut viewer = viewer;
                assert_eq!(viewer.rest(), b"", "the server closes as well");
            }
            _ => reset(viewer.stream),
        }
        chat.wait_for("logouts_total", number as u64 + 1);
        assert_eq!(chat.send(number as u32, "gone?")["nobody_there"], 1);
    }
    chat.wait_for("connections", 0);
    assert_eq!((chat.metric("closed_total"), chat.metric("logins_total")), (20, 20));
}

fn reset(stream: TcpStream) {
    Socket::from(stream).set_linger(Some(Duration::ZERO)).expect("linger");
}

#[test]
fn a_slow_reader_is_cut_and_the_others_are_served() {
    const PAYLOAD: usize = 16 << 10;
    const BATCH: usize = 4;
    /// Four times what the kernel's buffers hold at most.
    const MESSAGES_MAX: u32 = 4096;
    let chat = Chat::start(&["--shards", "2"]);
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    socket.set_recv_buffer_size(4096).expect("a small buffer");
    socket.connect(&chat.listen.into()).expect("connect");
    let mut slow = Viewer { stream: socket.into() };
    slow.stream.set_read_timeout(Some(PATIENCE)).expect("timeout");
    slow.say(&Viewer::request(9));
    slow.expect(STREAM_HEAD);
    let mut quick = Viewer::login(chat.listen, 9);
    let mut port = Port::open(chat.router);
    let text = "x".repeat(PAYLOAD);
    let mut sent = 0;
    while chat.metric("too_slow_total") == 0 {
        assert!(
            sent < MESSAGES_MAX,
            "{sent} messages of {PAYLOAD} bytes, and the slow reader is still there"
        );
        for _ in 0..BATCH {
            port.send(9, text.as_bytes());
        }
        let totals = port.sync(1);
        assert!(totals.settled(), "{totals:?}");
        for _ in 0..BATCH {
            sent += 1;
            quick.expect_message(sent, &text);
        }
    }
    assert_eq!(chat.metric("too_slow_total"), 1);
    chat.wait_for("logouts_total", 1);
    let totals = port.sync(2);
    assert!(totals.dropped + totals.gone >= 1, "{totals:?}");
    assert_eq!(totals.delivered + totals.dropped + totals.gone, totals.copies, "{totals:?}");
    assert_eq!(chat.send(9, "on we go")["delivered"], 1);
    quick.expect_message(sent + 1, "on we go");
    assert_eq!(chat.metric("outbox_bytes"), 0);
    // It has been cut: after what the kernel still held, the stream ends.
    let rest = slow.rest();
    assert!(rest.len() < sent as usize * PAYLOAD, "{} bytes", rest.len());
}

#[test]
fn the_server_ends_cleanly_at_ctrl_c() {
    let chat = Chat::start(&["--shards", "2"]);
    let mut viewer = Viewer::login(chat.listen, 1);
    chat.process.signal(nix::sys::signal::Signal::SIGINT);
    viewer.rest();
    let finished = chat.process.finish().expect_code(0);
    assert_eq!(crate::recording::value(&finished.frames(), "server.logins"), Some(1.0));
}

#[test]
fn the_server_says_how_it_is_once_a_second() {
    let chat = Chat::start(&["--shards", "1"]);
    let _viewer = Viewer::login(chat.listen, 1);
    let seen = eventually("a sample with the connection", || {
        crate::recording::value(&chat.process.frames(), "server.connections").filter(|open| *open > 0.0)
    });
    assert_eq!(seen, 1.0);
}

//! Looking into a running server: its frames, its busiest connections, the connections of an id.

use telemetry::{Catalog, Cell, Frame, Kind, Sample, Table};

use crate::chat::{Chat, http};
use crate::tool::eventually;
use crate::viewer::Viewer;

/// The frames of an answer, each line one.
fn frames(text: &str) -> Vec<Frame> {
    let parse = |line: &str| Frame::parse(line.as_bytes()).expect("a frame").expect("a known frame");
    text.lines().map(parse).collect()
}

fn get(chat: &Chat, path: &str) -> Vec<Frame> {
    let answer = http(chat.admin, "GET", path, b"");
    assert_eq!(answer.status, 200, "{path}: {answer:?}");
    frames(&answer.body)
}

fn sample(frames: &[Frame]) -> &Sample {
    frames.iter().find_map(|f| if let Frame::Sample(s) = f { Some(s) } else { None }).expect("a sample")
}

fn catalog(frames: &[Frame]) -> &Catalog {
    frames.iter().find_map(|f| if let Frame::Catalog(c) = f { Some(c) } else { None }).expect("a catalog")
}

fn table<'a>(frames: &'a [Frame], name: &str) -> &'a Table {
    let is = |f: &'a Frame| if let Frame::Table(t) = f { Some(t).filter(|t| t.name == name) } else { None };
    frames.iter().find_map(is).unwrap_or_else(|| panic!("no table {name} in {frames:?}"))
}

/// A column of a table.
fn column<'a>(table: &'a Table, name: &str) -> Vec<&'a Cell> {
    let at = table.columns.iter().position(|column| column == name);
    let at = at.unwrap_or_else(|| panic!("no column {name} in {:?}", table.columns));
    table.rows.iter().map(|row| &row[at]).collect()
}

fn number(cell: &Cell) -> f64 {
    if let Cell::Number(number) = cell { *number } else { panic!("{cell:?} is no number") }
}

fn text(cell: &Cell) -> &str {
    if let Cell::Text(text) = cell { text } else { panic!("{cell:?} is no text") }
}

fn sum(table: &Table, name: &str) -> f64 {
    column(table, name).into_iter().map(number).sum()
}

#[test]
fn frames_tell_of_the_server_and_of_each_shard() {
    let chat = Chat::start(&["--shards", "3"]);
    let mut viewers: Vec<_> = (1..=5).map(|id| Viewer::login(chat.listen, id)).collect();
    for id in 1..=5 {
        chat.send(id, "x");
    }
    viewers.iter_mut().for_each(|viewer| viewer.expect_message(1, "x"));
    let seen = get(&chat, "/frames");
    assert!(matches!(&seen[0], Frame::Hello(hello) if hello.source == "server"), "{:?}", seen[0]);
    let sample = sample(&seen);
    let value = |name: &str| sample.values.get(name).copied().unwrap_or_else(|| panic!("no {name}"));
    assert_eq!(value("server.connections"), 5.0);
    assert_eq!((value("server.logins"), value("server.messages"), value("server.served")), (5.0, 5.0, 5.0));
    assert!((0.0..=1.0).contains(&value("server.busiest_shard_ratio")));
    assert!(value("server.uptime_s") > 0.0 && value("server.shard_memory_bytes") > 0.0);
    assert!(value("server.control_busy_s") > 0.0 && value("server.control_tasks") >= 1.0);
    let catalog = catalog(&seen);
    for name in sample.values.keys() {
        assert!(
            catalog.names.get(name).is_some_and(|meaning| !meaning.help.is_empty()),
            "{name} unexplained"
        );
    }
    let kind = |name: &str| catalog.names[name].kind;
    assert_eq!((kind("server.served"), kind("server.connections")), (Kind::Counter, Kind::Gauge));

    let shards = table(&seen, "shards");
    assert_eq!(shards.rows.len(), 3);
    let wanted = "shard name doing status events turns busy_s connections accepted closed mail_queue mail_in mail_out \
                  served mail_full outboxes outbox_bytes outboxed_bytes received_bytes sent_bytes memory_bytes timers";
    for name in wanted.split(' ') {
        assert_eq!(column(shards, name).len(), 3);
    }
    assert_eq!(
        (sum(shards, "connections"), sum(shards, "shard"), sum(shards, "mail_queue")),
        (5.0, 3.0, 0.0)
    );
    assert_eq!(sum(shards, "served"), 5.0);
    for (doing, status) in column(shards, "doing").into_iter().zip(column(shards, "status")) {
        let stages = ["waiting", "mail", "reading", "accepting", "timers", "delivering"];
        assert!(stages.contains(&text(doing)), "{doing:?}");
        assert_eq!(text(status), "ok");
    }
    assert_eq!(
        column(shards, "name").into_iter().map(text).collect::<Vec<_>>(),
        ["chat-0", "chat-1", "chat-2"]
    );
}

#[test]
fn the_worker_says_the_same_frames() {
    let chat = Chat::start(&["--shards", "2"]);
    let _viewer = Viewer::login(chat.listen, 1);
    eventually("a table of the shards with the viewer in it", || {
        let said = chat.process.frames();
        let tables = said.iter().filter_map(|f| if let Frame::Table(t) = f { Some(t) } else { None });
        tables
            .filter(|table| table.name == "shards")
            .find(|table| sum(table, "connections") == 1.0)
            .map(|_| ())
    });
    let said = chat.process.frames();
    let first = said.iter().position(|frame| matches!(frame, Frame::Sample(_))).expect("a sample");
    let told = said.iter().position(|frame| matches!(frame, Frame::Catalog(_))).expect("a catalog");
    assert!(told < first, "what names mean is said before the first sample");
    let sample = sample(&said);
    for name in sample.values.keys() {
        assert!(catalog(&said).names.contains_key(name), "{name} unexplained");
    }
    // What earlier recordings have, later ones have as well.
    let earlier = "accepted busiest_shard_ratio busy_ns closed connections delivered dropped gone logins logouts \
                   mail_full mail_waiting mail_waiting_max malformed messages nobody_there not_found not_implemented \
                   outbox_bytes publishers reads received_bytes refused sent_bytes timed_out too_large too_slow \
                   turned_away turns writes";
    for name in earlier.split(' ') {
        assert!(sample.values.contains_key(&format!("server.{name}")), "no server.{name}");
    }
}

/// The table of connections that a query is answered with.
fn connections(chat: &Chat, query: &str) -> Table {
    table(&get(chat, &format!("/frames?{query}")), "connections").clone()
}

fn numbers(table: &Table, name: &str) -> Vec<f64> {
    column(table, name).into_iter().map(number).collect()
}

#[test]
fn the_busiest_connections_by_messages() {
    let chat = Chat::start(&["--shards", "3"]);
    let viewers: Vec<_> = (1..=30).map(|id| Viewer::login(chat.listen, id)).collect();
    for id in 1..=30 {
        (0..id % 7).for_each(|_| drop(chat.send(id, "x")));
    }
    let table = connections(&chat, "connections=10");
    assert_eq!(numbers(&table, "messages"), [6.0, 6.0, 6.0, 6.0, 5.0, 5.0, 5.0, 5.0, 4.0, 4.0]);
    let of = |id: u32| table.rows.iter().position(|row| row[2] == Cell::Number(f64::from(id)));
    for id in [6, 13, 20, 27, 5, 12, 19, 26] {
        assert!(of(id).is_some(), "{id} is among them: {table:?}");
    }
    let row = of(13).expect("13");
    let peer = viewers[12].stream.local_addr().expect("an address").to_string();
    let cell = |name: &str| column(&table, name)[row];
    assert_eq!((text(cell("ids")), text(cell("peer")), text(cell("protocol"))), ("13", &peer[..], "comet"));
    assert_eq!((number(cell("outbox_bytes")), number(cell("age_s"))), (0.0, 0.0));
    assert_eq!(*cell("bytes"), Cell::Absent, "nobody has asked for bytes");
    let (shard, key) = text(cell("connection")).split_once(':').expect("shard:index.generation");
    assert_eq!(shard.parse().ok(), Some(number(cell("shard"))));
    let (index, generation) = key.split_once('.').expect("index.generation");
    assert!(index.parse::<u32>().is_ok() && generation.parse::<u32>().is_ok(), "{key}");

    // Whoever is closed is gone at once, and the next in line takes the place.
    for at in [5, 12, 19, 26] {
        viewers[at].stream.shutdown(std::net::Shutdown::Both).expect("it ends");
    }
    chat.wait_for("connections", 26);
    let rest = numbers(&connections(&chat, "connections=10"), "messages");
    assert_eq!(rest, [5.0, 5.0, 5.0, 5.0, 4.0, 4.0, 4.0, 4.0, 3.0, 3.0]);
    assert_eq!(connections(&chat, "connections=0").rows.len(), 0);
    assert_eq!(connections(&chat, "").rows.len(), 20, "as many as a screen has lines");
}

#[test]
fn the_busiest_connections_by_bytes_from_the_first_question_on() {
    let chat = Chat::start(&["--shards", "2"]);
    let _viewers: Vec<_> = (1..=3).map(|id| Viewer::login(chat.listen, id)).collect();
    chat.send(1, "before anybody asked");
    assert_eq!(connections(&chat, "by=bytes").rows.len(), 0);
    for _ in 0..2 {
        chat.send(1, &"x".repeat(100));
        chat.send(2, &"x".repeat(5000));
    }
    let table = connections(&chat, "by=bytes");
    assert_eq!(numbers(&table, "id"), [2.0, 1.0]);
    let bytes = numbers(&table, "bytes");
    assert!((10_000.0..11_000.0).contains(&bytes[0]) && (200.0..400.0).contains(&bytes[1]), "{bytes:?}");
    assert_eq!(numbers(&table, "bytes_error"), [0.0, 0.0]);
    assert_eq!(numbers(&table, "messages"), [2.0, 3.0]);
}

#[test]
fn slow_readers_by_outbox() {
    let chat = Chat::start(&["--shards", "2"]);
    let _viewer = Viewer::login(chat.listen, 1);
    let mut slow = Viewer::login(chat.listen, 2);
    let message = "y".repeat(16 * 1024);
    // Until the kernel takes no more: a reader that stays slow would be closed after a few more.
    eventually("bytes wait for the slow reader", || {
        chat.send(2, &message);
        (chat.metric("outbox_bytes") > 0).then_some(())
    });
    let table = connections(&chat, "by=outbox");
    assert_eq!(numbers(&table, "id"), [2.0], "{table:?}");
    assert_eq!(numbers(&table, "outbox_bytes")[0] as u64, chat.metric("outbox_bytes"));
    slow.stream.set_nonblocking(false).expect("blocking");
    let mut buffer = vec![0; 1 << 16];
    eventually("the slow reader has caught up", || {
        let _ = std::io::Read::read(&mut slow.stream, &mut buffer);
        (chat.metric("outbox_bytes") == 0).then_some(())
    });
    assert_eq!(connections(&chat, "by=outbox").rows.len(), 0);
    let frames = get(&chat, "/frames");
    assert!(sample(&frames).values["server.outboxed_bytes"] > 0.0);
}

#[test]
fn the_connections_of_an_id() {
    let chat = Chat::start(&["--shards", "3"]);
    let _tabs: Vec<_> = (0..5).map(|_| Viewer::login(chat.listen, 7)).collect();
    let _other = Viewer::login(chat.listen, 8);
    chat.send(7, "x");
    let found = get(&chat, "/connections/7");
    let found = table(&found, "connection");
    assert_eq!(numbers(found, "id"), [7.0; 5]);
    assert_eq!(numbers(found, "messages"), [1.0; 5]);
    let wanted = "connection ids id peer protocol messages bytes bytes_error outbox_bytes age_s shard";
    assert_eq!(found.columns.join(" "), wanted);
    let nobody = http(chat.admin, "GET", "/connections/9", b"");
    assert_eq!((nobody.status, nobody.body.as_str()), (404, "nobody is logged in under 9\n"));
}

#[test]
fn a_connection_tells_all_its_ids() {
    let chat = Chat::start(&["--shards", "1"]);
    let mut fan = Viewer::connect(chat.line);
    (100..112).for_each(|id| fan.say(&format!("VERSION:1:CONNECT:fan:MATCH:{id}\n")));
    chat.wait_for("logins_total", 12);
    for id in [100, 111] {
        let found = get(&chat, &format!("/connections/{id}"));
        let found = table(&found, "connection");
        assert_eq!(text(column(found, "ids")[0]), "100,101,102,103,104,105,106,107,…");
        assert_eq!((numbers(found, "id")[0], text(column(found, "protocol")[0])), (100.0, "line"));
    }
}

#[test]
fn bad_questions_are_answered_with_a_sentence() {
    let chat = Chat::start(&[]);
    let long = format!("/frames?by={}", "x".repeat(3000));
    let cases = [
        ("GET", "/frames?connections=65", 400, "0 to 64"),
        ("GET", "/frames?connections=-1", 400, "connections=-1"),
        ("GET", "/frames?connections=ten", 400, "whole number"),
        ("GET", "/frames?by=size", 400, "messages, bytes, outbox or age"),
        ("GET", "/frames?by", 400, "'by' is not understood"),
        ("GET", "/frames?top=5", 400, "connections=20&by=messages"),
        ("GET", "/frames?connections=1%30", 400, "connections=1%30"),
        ("GET", &long, 400, "messages, bytes"),
        ("POST", "/frames", 405, "GET"),
        ("GET", "/connections/", 400, "not an id"),
        ("GET", "/connections/bob", 400, "'bob'"),
        ("GET", "/connections/4294967296", 400, "2^32"),
        ("GET", "/connections/+7", 400, "not an id"),
        ("DELETE", "/connections/7", 405, "GET"),
        ("GET", "/connections", 404, "/connections/{id}"),
    ];
    for (method, path, status, hint) in cases {
        let answer = http(chat.admin, method, path, b"");
        assert_eq!(answer.status, status, "{method} {path}: {answer:?}");
        assert!(answer.body.contains(hint) && answer.body.len() < 300, "{method} {path}: {answer:?}");
    }
}

/// When too many of those in front have left, the shard looks through the others, a piece at a time.
#[test]
fn those_next_in_line_are_found_again() {
    let chat = Chat::start(&["--shards", "1"]);
    let mut viewers: Vec<_> = (0..200).map(|id| Viewer::login(chat.listen, id)).collect();
    (0..200).for_each(|id| drop(chat.send(id, "x")));
    // Those in front by messages, and those in front by age, are all among the first hundred.
    (0..100).for_each(|id| drop(chat.send(id, "y")));
    assert_eq!(numbers(&connections(&chat, "connections=64"), "messages"), [2.0; 64]);
    assert!(numbers(&connections(&chat, "connections=64&by=age"), "id").iter().all(|&id| id < 100.0));
    viewers.drain(..100);
    chat.wait_for("connections", 100);
    for by in ["messages", "age"] {
        let query = format!("connections=64&by={by}");
        eventually("the others are found", || {
            let table = connections(&chat, &query);
            assert!(numbers(&table, "id").iter().all(|&id| id >= 100.0), "the others are gone");
            (table.rows.len() == 64).then(|| assert_eq!(numbers(&table, "messages"), [1.0; 64]))
        });
    }
}

#[test]
fn one_admin_connection_serves_many_questions() {
    let chat = Chat::start(&["--shards", "1"]);
    let mut stream = crate::chat::connect(chat.admin);
    let mut reader = std::io::BufReader::new(stream.try_clone().expect("a second handle"));
    for path in ["/frames", "/metrics", "/frames?by=age", "/connections/1", "/frames?by=x", "/healthz"] {
        let request = format!("GET {path} HTTP/1.1\r\nHost: chat\r\n\r\n");
        std::io::Write::write_all(&mut stream, request.as_bytes()).expect("it is asked");
        let mut length = None;
        loop {
            let mut line = String::new();
            std::io::BufRead::read_line(&mut reader, &mut line).expect("a line of the head");
            let line = line.trim().to_ascii_lowercase();
            if let Some(value) = line.strip_prefix("content-length: ") {
                length = value.parse().ok();
            }
            if line.is_empty() {
                break;
            }
        }
        let mut body = vec![0; length.unwrap_or_else(|| panic!("{path} has no Content-Length"))];
        std::io::Read::read_exact(&mut reader, &mut body).expect("the body");
    }
}

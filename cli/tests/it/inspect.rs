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

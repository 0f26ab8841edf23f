//! A chat that answers well, late, wrongly, hugely, or not at all.

use std::net::TcpListener;
use std::sync::mpsc::{Receiver, channel};
use std::time::Instant;

use telemetry::Kind;

use super::*;
use crate::test_server::{Reply, TestServer};

const LONG: Duration = Duration::from_secs(60);

const FRAMES: &str = concat!(
    r#"{"frame":"hello","mono_us":1,"wall_us":2,"source":"server","schema":1,"worker":"chat","pid":77,"version":"0.1.0"}"#,
    "\n",
    r#"{"frame":"catalog","mono_us":1,"wall_us":2,"source":"server","names":{"server.served":{"kind":"counter","help":"Letters settled."}}}"#,
    "\n",
    r#"{"frame":"sample","mono_us":1,"wall_us":2,"source":"server","values":{"server.served":12.0,"server.logins":3.0}}"#,
    "\n",
    r#"{"frame":"table","mono_us":1,"wall_us":2,"source":"server","name":"shards","columns":["shard"],"rows":[[0],[1]]}"#,
    "\n",
    r#"{"frame":"weather","mono_us":1,"wall_us":2,"source":"server"}"#,
    "\n",
);

fn patient(admin: SocketAddr) -> Runtime {
    Runtime::open_with(admin, RuntimeOptions::default(), LONG).expect("a thread")
}

/// The problem of one sample from a server that answers so.
fn problem(answer: impl Fn(&str) -> Reply + Send + Sync + 'static) -> String {
    let server = TestServer::start(answer);
    let error = patient(server.address).sample(&mut Values::new()).expect_err("no good answer").to_string();
    let url = format!("could not ask 'http://{}/frames': ", server.address);
    error.strip_prefix(&url).unwrap_or_else(|| panic!("{error}")).to_owned()
}

#[test]
fn a_chat_s_own_figures_come_under_their_own_names() {
    let server = TestServer::start(|path| match path {
        "/frames?connections=20&by=messages" => Reply::Ok("200 OK", FRAMES.to_owned()),
        "/frames?connections=5&by=age" => {
            Reply::Ok("200 OK", FRAMES.replace("12.0", "13.0").replace("77", "78"))
        }
        other => panic!("{other}"),
    });
    let mut runtime = patient(server.address);
    runtime.begin();
    let (mut values, mut tables, mut hellos) = (Values::new(), Vec::new(), Vec::new());
    runtime.sample(&mut values).expect("an answer");
    assert_eq!((values.get("server.served"), values.get("server.logins")), (Some(12.0), Some(3.0)));
    assert_eq!(values.get("server.scrapes_late"), Some(0.0));
    assert!(values.get("server.scrape_us").is_some_and(|us| us > 0.0));
    runtime.tables(&mut tables);
    runtime.hellos(&mut hellos);
    assert_eq!((tables[0].name.as_str(), tables[0].rows.len(), hellos[0].pid), ("shards", 2, 77));
    runtime.tables(&mut tables);
    runtime.hellos(&mut hellos);
    assert_eq!((tables.len(), hellos.len()), (1, 1), "they were taken away");

    runtime.asks().set(5, By::Age);
    values.clear();
    runtime.sample(&mut values).expect("an answer");
    assert_eq!(values.get("server.served"), Some(13.0));
    runtime.hellos(&mut hellos);
    assert_eq!(hellos.last().map(|hello| hello.pid), Some(78), "another process, another hello");
    assert_eq!(server.connections(), 1, "the connection is kept");

    let mut meanings = BTreeMap::new();
    runtime.meanings(&mut meanings);
    let served = Meaning { kind: Kind::Counter, help: "Letters settled.".to_owned() };
    assert_eq!(meanings.get("server.served"), Some(&served));
}

#[test]
fn a_second_chat_may_have_another_prefix() {
    let server = TestServer::start(|_| Reply::Ok("200 OK", FRAMES.to_owned()));
    let options = RuntimeOptions { prefix: "blue".to_owned(), ..RuntimeOptions::default() };
    let mut runtime = Runtime::open_with(server.address, options, LONG).expect("a thread");
    let mut values = Values::new();
    runtime.sample(&mut values).expect("an answer");
    assert_eq!((values.get("blue.served"), values.get("server.served")), (Some(12.0), None));
    assert!(values.get("blue.scrape_us").is_some());
    assert_eq!((renamed("serverless.x", "blue"), renamed("host.x", "blue")), (None, None));
}

#[test]
fn what_is_no_chat_is_said_in_a_sentence() {
    assert_eq!(
        problem(|_| Reply::Ok("404 Not Found", "no".into())),
        "it is no floodmark chat (its answer is 404 Not Found)"
    );
    for body in ["", "\n\n", "<html>", "{}", "[1]", r#"{"frame":"sample"}"#] {
        let sentence = problem(move |_| Reply::Ok("200 OK", body.to_owned()));
        assert_eq!(sentence, "it is no floodmark chat (its answer has no frames)", "{body:?}");
    }
    let later = FRAMES.replace("\"schema\":1", "\"schema\":9");
    assert!(problem(move |_| Reply::Ok("200 OK", later.clone())).starts_with("recorded by a later version"));
    for garbage in [&b"SSH-2.0-OpenSSH_9.2\r\n"[..], &[0; 100], b"HTTP/1.1 huh\r\n\r\n"] {
        let sentence = problem(move |_| Reply::Raw(garbage.to_vec()));
        assert!(sentence.contains("does not speak HTTP"), "{sentence}");
    }
    let sentence = problem(|_| Reply::Raw(Vec::new()));
    assert!(!sentence.is_empty() && !sentence.contains('\n'), "{sentence}");
    let cut = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{\"frame\"".to_vec();
    let sentence = problem(move |_| Reply::Raw(cut.clone()));
    assert!(!sentence.contains("no frames"), "{sentence}");
}

#[test]
fn an_answer_without_end_is_given_up() {
    let line = FRAMES.lines().nth(3).expect("a table").to_owned() + "\n";
    let sentence = problem(move |_| {
        let mut bytes = b"HTTP/1.1 200 OK\r\n\r\n".to_vec();
        bytes.extend(line.repeat(ANSWER_BYTES_MAX / line.len() + 1_000).bytes());
        Reply::Raw(bytes)
    });
    assert_eq!(sentence, format!("its answer is longer than {ANSWER_BYTES_MAX} bytes"));
}

#[test]
fn a_dead_chat_is_found_again_when_it_is_back() {
    let address = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("bound");
    let mut runtime = patient(address);
    let error = runtime.sample(&mut Values::new()).expect_err("nobody there").to_string();
    assert_eq!(error, format!("could not ask 'http://{address}/frames': nobody listens there"));
    let _server = TestServer::start_at(&address.to_string(), |_| Reply::Ok("200 OK", FRAMES.to_owned()));
    runtime.sample(&mut Values::new()).expect("it is back");
}

#[test]
fn a_connection_closed_meanwhile_is_no_outage() {
    // Each answer is the last on its connection, without a word about it.
    let raw = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{FRAMES}", FRAMES.len());
    let server = TestServer::start(move |_| Reply::Raw(raw.clone().into_bytes()));
    let mut runtime = patient(server.address);
    for _ in 0..5 {
        runtime.sample(&mut Values::new()).expect("an answer");
    }
    assert_eq!(server.connections(), 5);
}

/// A chat that answers whenever something is sent to the returned end.
fn slow() -> (TestServer, std::sync::mpsc::Sender<()>) {
    let (go, gate) = channel();
    let gate: Mutex<Receiver<()>> = Mutex::new(gate);
    let server = TestServer::start(move |_| {
        let _ = gate.lock().expect("one at a time").recv();
        Reply::Ok("200 OK", FRAMES.to_owned())
    });
    (server, go)
}

#[test]
fn a_late_answer_is_counted_and_used_the_next_time() {
    let (server, go) = slow();
    let mut runtime =
        Runtime::open_with(server.address, RuntimeOptions::default(), Duration::ZERO).expect("a thread");
    let mut values = Values::new();
    let error = runtime.sample(&mut values).expect_err("it is slow").to_string();
    assert!(error.ends_with("no answer within 0 ms"), "{error}");
    assert_eq!(values.get("server.scrapes_late"), Some(1.0));
    runtime.sample(&mut values).expect("late still, and told already");
    go.send(()).expect("it waits");
    let began = Instant::now();
    while values.get("server.served").is_none() {
        assert!(began.elapsed() < LONG);
        runtime.sample(&mut values).expect("told already");
        std::thread::yield_now();
    }
}

#[test]
fn a_catalog_is_read_again_only_when_it_has_changed() {
    let mut reader = Reader::default();
    let mut count = |text: &str| reader.frames(text.as_bytes()).expect("frames").len();
    assert_eq!((count(FRAMES), count(FRAMES)), (4, 3));
    let later = FRAMES.replace("\"mono_us\":1,", "\"mono_us\":99,");
    assert_eq!(count(&later), 3, "times do not count");
    let changed = FRAMES.replace("Letters settled.", "Letters that were settled.");
    assert_eq!((count(&changed), count(&changed), count(FRAMES)), (4, 3, 4));
}

#[test]
fn an_id_is_looked_for() {
    let server = TestServer::start(|path| match path {
        "/connections/123" => Reply::Ok("200 OK", FRAMES.lines().nth(3).expect("a table").to_owned()),
        "/connections/a%2Fb%20c" => Reply::Ok("404 Not Found", "nobody there".to_owned()),
        _ => Reply::Ok("400 Bad Request", "no id\n".to_owned()),
    });
    let found = Runtime::find(server.address, "123").expect("an answer");
    assert_eq!(found.map(|table| table.rows.len()), Some(2));
    assert_eq!(Runtime::find(server.address, "a/b c").expect("an answer"), None);
    let error = Runtime::find(server.address, "?").expect_err("refused").to_string();
    assert!(error.ends_with(": its answer is 400 Bad Request: no id"), "{error}");
}

#[test]
fn names_and_tables_that_are_too_much_are_left_out() {
    let mut runtime = patient(SocketAddr::from(([127, 0, 0, 1], 9)));
    let mut values = Values::new();
    let names = [
        format!("server.{}", "x".repeat(NAME_BYTES_MAX)),
        "host.cpu_busy_ratio".into(),
        "server.good".into(),
    ];
    let sample = Sample { values: names.map(|name| (name, 1.0)).into(), ..Sample::default() };
    let wide = Table { columns: vec![String::new(); COLUMNS_MAX + 1], ..Table::default() };
    let long = Table {
        name: "shards".into(),
        columns: vec!["name".into()],
        rows: vec![vec![Cell::Text("é".repeat(NAME_BYTES_MAX)); COLUMNS_MAX * 2]; ROWS_MAX + 1],
        ..Table::default()
    };
    let mut frames = vec![Frame::Sample(sample), Frame::Table(wide), Frame::Table(long)];
    frames.extend((0..2 * TABLES_MAX).map(|_| Frame::Table(Table::default())));
    runtime.take(frames, &mut values);
    assert_eq!(values.iter().collect::<Vec<_>>(), [("server.good", 1.0)]);
    assert_eq!(runtime.tables.len(), TABLES_MAX);
    let rows = &runtime.tables[0].rows;
    assert_eq!((rows.len(), rows[0].len()), (ROWS_MAX, COLUMNS_MAX));
    assert!(matches!(&rows[0][0], Cell::Text(text) if text.len() == NAME_BYTES_MAX));
}

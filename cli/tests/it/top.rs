//! `floodmark top` as its user has it: in a real terminal, key by key; and as a script has it, without one.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use nix::sys::signal::Signal;
use serde_json::Value;
use telemetry::{Cell, Frame, Sample, Stamp, Table};
use tempfile::TempDir;

use crate::chat::Chat;
use crate::schema::holds;
use crate::strangers::nobody;
use crate::terminal::{Hung, Terminal};
use crate::tool::{self, eventually, floodmark};
use crate::viewer::Viewer;

/// The recording that the views are snapshot-tested over: two minutes, four shards, phases, an alert.
#[path = "../../../top/src/tests/fixture.rs"]
mod fixture;

/// Keys, as terminals send them.
const LEFT: &str = "\x1b[D";
const RIGHT: &str = "\x1b[C";
const UP: &str = "\x1b[A";
const DOWN: &str = "\x1b[B";
const SHIFT_LEFT: &str = "\x1b[1;2D";
const SHIFT_RIGHT: &str = "\x1b[1;2C";
const PAGE_UP: &str = "\x1b[5~";
const PAGE_DOWN: &str = "\x1b[6~";
const HOME: &str = "\x1b[H";
const END: &str = "\x1b[F";
const SHIFT_TAB: &str = "\x1b[Z";
const F12: &str = "\x1b[24~";
const ESCAPE: &str = "\x1b";

fn recording() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("recording.jsonl");
    fixture::write(&path);
    (folder, path)
}

fn word(path: &Path) -> &str {
    path.to_str().expect("a name in letters")
}

/// `top` over the recording, at a time in it.
fn replay(path: &Path, at: &str) -> Terminal {
    let terminal = Terminal::run(&["top", "-f", word(path), "--at", at], 100, 30);
    terminal.wait_for("PAUSED");
    terminal
}

/// The row of the first line that shows a word, and its column, both counted from one.
fn place(text: &str, word: &str) -> (usize, usize) {
    let found = text.lines().enumerate().find_map(|(row, line)| Some((row, line.find(word)?, line)));
    let (row, byte, line) = found.unwrap_or_else(|| panic!("no {word} in\n{text}"));
    (line[..byte].chars().count() + 1, row + 1)
}

/// The names of the shards, from the top.
fn shards(text: &str) -> Vec<String> {
    let names = text.lines().filter_map(|line| line.split_whitespace().nth(1));
    names.filter(|name| name.starts_with("chat-")).map(str::to_owned).collect()
}

/// Looks at all there is to the chosen row, which must be this shard's.
#[track_caller]
fn expect_chosen(top: &mut Terminal, name: &str) {
    top.press("\r");
    top.wait_until(&format!("the detail of {name}"), |text| {
        let is_its_name = |line: &str| {
            let said = line.split("name ").nth(1);
            said.is_some_and(|said| said.split_whitespace().next() == Some(name))
        };
        text.contains(" detail ") && text.lines().any(is_its_name)
    });
    top.press(ESCAPE);
    top.wait_without(" detail ");
}

#[test]
fn every_key_for_tables_and_views_does_what_the_help_says() {
    let (folder, path) = recording();
    let mut command = tool::command(["top", "-f", word(&path), "--at", "72s"]);
    let mut top = Terminal::run_command(command.current_dir(folder.path()), 100, 30);
    let text = top.wait_for("chat-3");
    assert!(place(&text, "chat-3").1 < place(&text, "chat-0").1, "most events first: {text}");
    assert!(top.is_taken());
    // Columns, order.
    top.press_for("0", "#▼");
    top.press_for("6", "mail▼");
    top.press_for(">", "memory▼");
    top.press_for("<", "mail▼");
    let text = top.press_for("r", "mail▲");
    // Rows and detail; the arrows choose.
    let rows = shards(&text);
    assert_eq!(rows.len(), 4, "{text}");
    for (key, row) in [(DOWN, 0), (DOWN, 1), (DOWN, 2), (UP, 1), (DOWN, 2), (DOWN, 3), (DOWN, 3), (UP, 2)] {
        top.press(key);
        expect_chosen(&mut top, &rows[row]);
    }
    // Views, by Tab and by letter.
    top.press_for("\t", "top 20, from the server's sketch");
    top.press_for(PAGE_DOWN, "0:112.1");
    top.press_for(PAGE_UP, "0:0.1");
    top.press_for(SHIFT_TAB, "mail▲");
    for (key, words) in [
        ("c", "top 20, from the server's sketch"),
        ("u", "drain = length"),
        ("o", "10 s"),
        ("l", "audit: delivered"),
        ("m", "slope/conn"),
        ("v", "alert.raised"),
        ("s", "mail▲"),
    ] {
        top.press_for(key, words);
    }
    // Filter.
    top.press_for("/", "filter: ");
    top.press_for("chat-2", "filter: chat-2");
    top.press_for("\r", "1 of 4");
    top.press(ESCAPE);
    top.wait_for("4 rows");
    // Help.
    top.press_for("?", "sort by a column");
    top.press(ESCAPE);
    top.wait_without("sort by a column");
    // Export, in both forms, into files that stand there.
    top.press_for("e", "c CSV");
    top.press_for("c", "wrote 4 rows into top-shards.csv");
    top.press_for("e", "j JSON");
    top.press_for("j", "wrote 4 rows into top-shards.json");
    let csv = std::fs::read_to_string(folder.path().join("top-shards.csv")).expect("the export");
    assert!(csv.starts_with("shard,name,doing,status,handled,handled_delta,mail_queue"), "{csv}");
    let json = std::fs::read_to_string(folder.path().join("top-shards.json")).expect("the export");
    assert_eq!(serde_json::from_str::<Value>(&json).expect("JSON").as_array().map(Vec::len), Some(4));
    // Everything anew, and the end.
    top.scribble("Message from root");
    top.wait_for("Message from root");
    top.press("\x0c");
    top.wait_without("Message from root");
    top.wait_for("mail▲");
    top.press("q");
    assert_eq!(top.end(), Some(0));
    top.expect_sane();
}

#[test]
fn the_mouse_chooses_heads_views_rows_and_times() {
    let (_folder, path) = recording();
    let mut top = replay(&path, "72s");
    let text = top.wait_for("Δ▼");
    let (column, row) = place(&text, "mail");
    top.click(column, row);
    let text = top.wait_for("mail▼");
    let (column, row) = place(&text, "chat-1");
    top.click(column, row);
    top.click(column, row);
    top.wait_for(" detail ");
    top.press(ESCAPE);
    let text = top.wait_without(" detail ");
    let (column, row) = place(&text, "Memory");
    top.click(column, row);
    top.wait_for("slope/conn");
    // The first cell of the time bar, on the line before the last.
    top.click(1, 29);
    top.wait_for("+0:00 of 2:00");
    top.press("o");
    let text = top.wait_for("10 s");
    let first = text.lines().nth(4).expect("a row").to_owned();
    top.resize(100, 15);
    top.wait_for("+0:00 of 2:00");
    for _ in 0..3 {
        top.press("\x1b[<65;5;8M");
    }
    top.wait_until("the wheel scrolls", |text| text.lines().nth(4).is_some_and(|line| line != first));
}

#[test]
fn every_key_for_looking_back_goes_where_it_should() {
    let (_folder, path) = recording();
    let mut top = replay(&path, "72s");
    top.wait_for("+1:12 of 2:00");
    top.press_for(RIGHT, "+1:13 of 2:00");
    top.press_for(LEFT, "+1:12 of 2:00");
    top.press_for(SHIFT_LEFT, "+0:12 of 2:00");
    top.press_for(SHIFT_RIGHT, "+1:12 of 2:00");
    top.press_for("[", "+1:10 of 2:00");
    top.press_for("]", "+1:15 of 2:00");
    top.press_for(HOME, "+0:00 of 2:00");
    top.press_for(END, "+2:00 of 2:00");
    top.press_for(HOME, "+0:00 of 2:00");
    top.press_for(" ", "PLAYING ×1");
    top.press_for("+", "PLAYING ×2");
    top.press_for("-", "PLAYING ×1");
    top.press("++++");
    // Sixty seconds in one.
    top.wait_for("PLAYING ×60");
    top.wait_for("+2:00 of 2:00");
    top.wait_for("PAUSED");
    // Space at the end begins anew.
    top.press_for(" ", "PLAYING");
    top.press_for(" ", "PAUSED");
}

#[test]
fn a_terminal_may_be_any_size_and_change_it() {
    let (_folder, path) = recording();
    let mut top = replay(&path, "72s");
    top.resize(59, 20);
    top.wait_for("too small: 60×15 needed");
    top.resize(140, 40);
    top.wait_for("received");
    top.resize(80, 24);
    top.wait_until("less of it", |text| text.contains("outbox") && !text.contains("received"));
}

#[test]
fn the_terminal_is_given_back_on_every_way_out() {
    let (_folder, path) = recording();
    let arguments = ["top", "-f", word(&path), "--at", "72s"];
    let taken = || {
        let terminal = Terminal::run(&arguments, 100, 30);
        terminal.wait_for("PAUSED");
        eventually("the terminal is taken", || terminal.is_taken().then_some(()));
        terminal
    };
    for key in ["q", "\x03"] {
        let mut top = taken();
        top.press(key);
        assert_eq!(top.end(), Some(0), "{key:?}");
        top.expect_sane();
    }
    for signal in [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP] {
        let mut top = taken();
        top.signal(signal);
        assert_eq!(top.end(), Some(0), "{signal}");
        top.expect_sane();
    }
    // Suspended by a key and by a signal, and continued: the shell has the terminal meanwhile.
    let mut top = taken();
    top.press("\x1a");
    eventually("it is stopped", || (top.state() == 'T').then_some(()));
    top.expect_sane();
    top.signal(Signal::SIGCONT);
    eventually("it is back", || top.is_taken().then_some(()));
    top.wait_for("chat-3");
    top.signal(Signal::SIGTSTP);
    eventually("it is stopped again", || (top.state() == 'T').then_some(()));
    top.expect_sane();
    top.signal(Signal::SIGCONT);
    eventually("it is back again", || top.is_taken().then_some(()));
    top.press("q");
    assert_eq!(top.end(), Some(0));
    top.expect_sane();
}

/// It read nothing from the terminal that was gone, again and again, at a whole core's cost.
#[test]
fn a_terminal_that_goes_away_ends_it() {
    let (_folder, path) = recording();
    let mut top = Hung::start(&["top", "-f", word(&path), "--at", "72s"]);
    top.wait_for("PAUSED");
    let mut child = top.hang_up();
    let ended = tool::within(tool::PATIENCE, || child.try_wait().expect("a child can be waited for"));
    let _ = child.kill();
    assert!(ended.is_some_and(|status| status.success()), "{ended:?}");
}

#[test]
#[cfg_attr(not(debug_assertions), ignore = "only builds with assertions have a key that panics")]
fn after_a_panic_the_terminal_is_sane_and_the_panic_can_be_read() {
    let (_folder, path) = recording();
    let mut top = replay(&path, "72s");
    top.press(F12);
    assert_ne!(top.end(), Some(0));
    top.expect_sane();
    top.wait_for("asked for, by a key");
}

#[test]
fn a_live_server_is_watched_paused_lost_and_found_again() {
    let chat = Chat::start(&["--shards", "2"]);
    let admin = chat.admin.to_string();
    let viewer = Viewer::login(chat.listen, 4711);
    let mut top = Terminal::run(&["top", "--admin", &admin, "--interval", "250ms"], 120, 30);
    top.wait_for("LIVE");
    top.wait_for("conns 1 ");
    top.wait_for("every 250 ms");
    top.press_for("+", "every 500 ms");
    top.press_for("-", "every 250 ms");
    // What is found is what holds the id.
    top.press_for("c", "by messages");
    top.press_for("b", "by bytes");
    top.press_for("f", "id: ");
    top.press("4711\r");
    top.wait_for("1 connections hold it");
    top.press(ESCAPE);
    top.wait_without(" found ");
    top.press("f42\r");
    top.wait_for("nobody there");
    top.press(ESCAPE);
    top.wait_without(" found ");
    // Paused, it stays as it was, whatever comes; the end is now.
    top.press_for(" ", "PAUSED");
    viewer.stream.shutdown(std::net::Shutdown::Both).expect("it is open");
    chat.wait_for("connections", 0);
    top.press_for(END, "conns 0 ");
    let text = top.press_for(" ", "PAUSED");
    assert!(text.contains("conns 0 "), "{text}");
    top.press(HOME);
    top.wait_until("the connection that was there", |text| text.contains("conns 1 "));
    top.press_for(END, "LIVE");
    // Lost, and there again at the same address.
    drop(chat);
    top.wait_until("no figures of what is lost", |text| text.contains("LOST:") && text.contains("conns – "));
    top.press("s");
    top.wait_until("shards of which nothing is known", |text| {
        text.contains("the server has said nothing for ") && text.contains("chat-1") && !text.contains(" ok ")
    });
    let again = Chat::start_with(&mut tool::command([
        "chat",
        "--json",
        "--listen",
        "127.0.0.1:0",
        "--line",
        "127.0.0.1:0",
        "--router",
        "127.0.0.1:0",
        "--admin",
        &admin,
        "--shards",
        "2",
    ]));
    top.wait_without("LOST");
    top.wait_until("it is there again", |text| {
        text.contains(" LIVE ") && text.contains("conns 0 ") && text.contains(" ok ")
    });
    top.press("q");
    assert_eq!(top.end(), Some(0));
    top.expect_sane();
    drop(again);
}

/// What looks like a chat's admin address, says as many tables as it is told to, and hangs when it is asked for an id.
struct Odd {
    admin: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Odd {
    fn start(tables: usize) -> Odd {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let admin = listener.local_addr().expect("bound");
        let asked: Arc<Mutex<Vec<String>>> = Arc::default();
        let told = Arc::clone(&asked);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let told = Arc::clone(&told);
                std::thread::spawn(move || Odd::answer(&stream, tables, &told));
            }
        });
        Odd { admin, asked }
    }

    fn answer(mut stream: &TcpStream, tables: usize, told: &Mutex<Vec<String>>) {
        let mut lines = BufReader::new(stream).lines();
        while let Some(Ok(request)) = lines.next() {
            while lines.next().is_some_and(|line| line.is_ok_and(|line| !line.is_empty())) {}
            let path = request.split(' ').nth(1).unwrap_or_default().to_owned();
            let hangs = !path.starts_with("/frames");
            told.lock().unwrap_or_else(PoisonError::into_inner).push(path);
            if hangs {
                continue;
            }
            let body = Odd::frames(tables);
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
            if stream.write_all(&[head.as_bytes(), &body].concat()).is_err() {
                return;
            }
        }
    }

    fn frames(tables: usize) -> Vec<u8> {
        let (at, mut lines) = (Stamp::now(), Vec::new());
        let values = [("server.connections".to_owned(), 7.0)].into();
        Frame::Sample(Sample { at, source: "server".into(), values }).to_line(&mut lines);
        for number in 0..tables {
            let table = Table {
                at,
                source: "server".into(),
                name: format!("table{number}"),
                columns: vec!["shard".into()],
                rows: vec![vec![Cell::Number(0.0)]],
            };
            Frame::Table(table).to_line(&mut lines);
        }
        lines
    }

    fn was_asked(&self, words: &str) -> bool {
        let asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        asked.iter().any(|path| path.contains(words))
    }
}

/// It waited for room in a channel that was read only once it had attached.
#[test]
fn a_server_with_very_many_tables_does_not_hold_up_attaching() {
    let odd = Odd::start(3_000);
    let arguments = ["top", "--once", "--interval", "250ms", "--admin", &odd.admin.to_string()];
    // It may be refused; what matters is that there is an end.
    let ended = floodmark(arguments);
    assert!(ended.stdout.contains("conns 7 ") || ended.stderr.contains("could not attach"), "{ended}");
}

/// Sampling waited for the answer, and nobody was told that there was none.
#[test]
fn looking_for_an_id_at_a_server_that_hangs_holds_up_nothing() {
    let odd = Odd::start(1);
    let admin = odd.admin.to_string();
    let mut top = Terminal::run(&["top", "--admin", &admin, "--interval", "250ms"], 120, 30);
    top.wait_for("LIVE");
    top.press_for("f", "id: ");
    top.press("5\r");
    let second = |text: &str| -> Option<u64> {
        let rest = text.split("LIVE  +0:").nth(1)?;
        rest.split(' ').next()?.parse().ok()
    };
    let text = top.wait_for("looking for id 5");
    let began = second(&text).unwrap_or_else(|| panic!("{text}"));
    eventually("it is asked", || odd.was_asked("/connections/5").then_some(()));
    top.wait_until("time goes on meanwhile", |text| {
        !text.contains("could not look") && second(text).is_some_and(|second| second >= began + 2)
    });
    top.wait_for("could not look for id 5: no answer within 4 s");
    // The order is what the server is asked for, not only a word.
    top.press_for("c", "no top connections yet");
    assert!(!odd.was_asked("by=bytes"));
    top.press("b");
    eventually("the order is asked for", || odd.was_asked("by=bytes").then_some(()));
    top.press("q");
    assert_eq!(top.end(), Some(0));
}

/// It said that it was attaching, and that all was well.
#[test]
fn a_recording_with_nothing_in_it_is_not_enough() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("nothing.jsonl");
    std::fs::write(&path, "").expect("a file");
    for form in [&["--json"][..], &[]] {
        let ended = floodmark([&["top", "--once", "-f", word(&path)], form].concat()).expect_code(5);
        assert!(ended.stdout.is_empty() && ended.stderr.contains("no frames in '"), "{ended}");
    }
    let mut top = Terminal::run(&["top", "-f", word(&path)], 100, 30);
    let text = top.wait_for("NO FRAMES");
    assert!(!text.contains("ATTACHING"), "{text}");
    top.press("q");
    assert_eq!(top.end(), Some(0));
}

#[test]
fn one_screen_needs_no_terminal() {
    let (_folder, path) = recording();
    let arguments = ["top", "--once", "-f", word(&path), "--at", "72s"];
    let screen = floodmark([&arguments[..], &["--view", "queues"]].concat()).expect_code(0);
    assert!(screen.stdout.contains("mail of shard 2") && screen.stdout.contains("ALERT"), "{screen}");
    let json = floodmark([&arguments[..], &["--json"]].concat()).expect_code(0);
    let json: Value = serde_json::from_str(&json.stdout).expect("JSON");
    assert_eq!(json["view"], "shards");
    assert_eq!(json["rows"][0]["handled_delta"], 1_590);
    assert_eq!(json["header"]["connections"], 12_000.0);
    assert_eq!(json["at"]["since_start_s"], 72.0);
    let chat = Chat::start(&["--shards", "2"]);
    let live = floodmark(["top", "--once", "--admin", &chat.admin.to_string()]).expect_code(0);
    assert!(live.stdout.contains("LIVE") && live.stdout.contains("chat-1"), "{live}");
}

#[test]
fn the_json_of_every_view_is_as_the_schema_says() {
    let (_folder, path) = recording();
    let schema = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/schema/top.schema.json");
    let schema: Value = serde_json::from_slice(&std::fs::read(schema).expect("the schema")).expect("JSON");
    let views = schema["x-columns"].as_object().expect("the views");
    assert_eq!(views.len(), 7);
    for (view, columns) in views {
        let arguments = ["top", "--once", "--json", "-f", word(&path), "--at", "72s", "--view", view];
        let printed = floodmark(arguments).expect_code(0);
        let printed: Value = serde_json::from_str(&printed.stdout).expect("JSON");
        holds(&schema, &printed, view);
        assert_eq!(&printed["columns"], columns, "{view}");
        let first = printed["rows"][0].as_object().expect("a row");
        assert_eq!(first.len(), columns.as_array().map_or(0, Vec::len), "{view}: {first:?}");
    }
}

#[test]
fn bad_input_is_one_sentence_and_the_right_exit_code() {
    let (folder, path) = recording();
    let later = folder.path().join("later.jsonl");
    let hello = r#"{"frame":"hello","mono_us":1,"wall_us":1,"source":"server","schema":99,"worker":"chat","pid":1,"version":"9"}"#;
    std::fs::write(&later, format!("{hello}\n")).expect("a file");
    let other = folder.path().join("other.txt");
    std::fs::write(&other, "hello\n".repeat(100)).expect("a file");
    let chat = Chat::start(&["--shards", "1"]);
    let one_sentence = |arguments: &[&str], words: &str| {
        let ended = floodmark(arguments).expect_code(2).expect_stderr(&[words]);
        assert_eq!(ended.stderr.lines().count(), 1, "{ended}");
    };
    one_sentence(&["top", "-f", word(&path)], "top needs a terminal");
    one_sentence(&["top", "--once", "-f", word(&later)], "recorded by a later version");
    one_sentence(&["top", "--once", "-f", word(&other)], "not a recording");
    one_sentence(&["top", "--once", "-f", "/nowhere"], "/nowhere");
    one_sentence(&["top", "--once", "--run", word(folder.path())], "no frames.jsonl");
    one_sentence(&["top", "--once", "--admin", &nobody().to_string()], "nobody listens there");
    one_sentence(&["top", "--once", "--admin", &chat.listen.to_string()], "it is no floodmark chat");
    one_sentence(&["top", "--once", "--admin", "here"], "'here' is no address");
    floodmark(["top", "--once", "-f", word(&path), "--height", "3"]).expect_code(2).expect_stderr(&["15"]);
    // Nothing is drawn when there is nothing to draw: the message is all there is on the terminal.
    let mut top = Terminal::run(&["top", "-f", word(&later)], 100, 30);
    assert_eq!(top.end(), Some(2));
    top.expect_sane();
    top.wait_for("recorded by a later version");
}

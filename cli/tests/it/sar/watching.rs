//! Processes and chats that are watched: found, lost, and back again.

use super::*;

#[test]
fn a_process_that_dies_is_told_once_and_its_columns_stop() {
    let child = Running::start(Command::new("sleep").arg("600"));
    let pid = child.pid().to_string();
    let process = start([&FAST[..], &["--json", "--pid", &pid]].concat());
    let has = |line: &Value| line["values"].get("sleep.rss_bytes").is_some();
    eventually("its memory", || objects(&process.stdout()).iter().any(has).then_some(()));
    drop(child);
    eventually("a line without it", || {
        objects(&process.stdout()).iter().any(|line| !has(line)).then_some(())
    });
    let seen = objects(&process.stdout()).len();
    eventually("more lines", || (objects(&process.stdout()).len() > seen + 3).then_some(()));
    process.signal(Signal::SIGINT);
    let finished = process.finish().expect_code(0);
    let told =
        finished.stderr.lines().filter(|line| line.contains(&format!("pid {pid} is gone (sleep)"))).count();
    assert_eq!(told, 1, "{finished}");
}

#[test]
fn it_ends_when_the_only_thing_it_watched_has() {
    let child = Running::start(Command::new("sleep").arg("600"));
    let pid = child.pid().to_string();
    let process = start([&FAST[..], &["--group", "proc", "--pid", &pid]].concat());
    eventually("a line", || process.stdout().contains("rss").then_some(()));
    drop(child);
    let finished = process.finish().expect_code(0).expect_stdout(&["Average:"]);
    finished.expect_stderr(&["all watched processes have ended"]);
}

#[test]
fn processes_are_found_by_name() {
    // A name that no other process has: a link to sleep.
    let folder = tempfile::tempdir().expect("a directory");
    let program = folder.path().join("fm-sar-it");
    let sleep =
        ["/usr/bin/sleep", "/bin/sleep"].into_iter().find(|path| Path::new(path).exists()).expect("sleep");
    std::os::unix::fs::symlink(sleep, &program).expect("a link");
    let _child = Running::start(Command::new(&program).arg("600"));
    let finished = sar(&["--count", "2", "--name", "fm-sar-it"]).expect_code(0);
    finished.expect_stdout(&["fm-sar-it", "rss", "cpu%"]);
    let none = sar(&["--name", "no-such-program-here"]).expect_code(2);
    none.expect_stderr(&["no process is called 'no-such-program-here'"]);
}

#[test]
fn an_admin_port_with_something_else_behind_it_is_a_note() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address").to_string();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let _ = stream.read(&mut [0; 1024]);
            let _ = stream.write_all(b"220 mail.example.org ESMTP\r\n");
        }
    });
    let process = start([&FAST[..], &["--admin", &address]].concat());
    eventually("a note", || process.stderr().contains("note: ").then_some(()));
    let seen = process.stdout().lines().count();
    eventually("more lines", || (process.stdout().lines().count() > seen + 3).then_some(()));
    process.signal(Signal::SIGINT);
    let finished = process.finish().expect_code(0).expect_stdout(&["Average:"]);
    assert_eq!(finished.stderr.lines().count(), 1, "{finished}");
}

#[test]
fn a_chat_is_asked_how_it_is() {
    let chat = Chat::start(&["--shards", "2"]);
    let _viewer = crate::viewer::Viewer::login(chat.listen, 1);
    let admin = chat.admin.to_string();
    let process = start([&FAST[..], &["--json", "--admin", &admin]].concat());
    eventually("its connections", || {
        let one = |line: &Value| {
            let has = |name: &str| line["values"].get(name).is_some();
            line["values"]["server.connections"] == 1.0
                && has("server.busiest_shard_ratio")
                && has("server.rss_bytes")
        };
        objects(&process.stdout()).iter().any(one).then_some(())
    });
    process.signal(Signal::SIGINT);
    process.finish().expect_code(0);
    let table = start([&FAST[..], &["--admin", &admin]].concat());
    eventually("its columns", || {
        let said = table.stdout();
        let has = |name: &&str| said.contains(*name);
        ["- chat -", "conns", "busy%", "- server -", "rss"].iter().all(has).then_some(())
    });
    table.signal(Signal::SIGINT);
    table.finish().expect_code(0);
    let used = sar(&["--use", "--admin", &admin]).expect_code(0);
    used.expect_stdout(&["the busiest shard's time at work", "descriptors (server)"]);
}

/// Once, the new process of a chat that restarted was never watched, nor that of a program with another name.
#[test]
fn a_chat_that_restarts_is_watched_again() {
    let folder = tempfile::tempdir().expect("a directory");
    let program = folder.path().join("another-name");
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_floodmark"), &program).expect("a link");
    let first = Chat::start_with(Command::new(&program).args(Chat::arguments("127.0.0.1:0", &[])));
    let admin = first.admin.to_string();
    let process = start([&FAST[..], &["--json", "--admin", &admin]].concat());
    let is_watched = |line: &Value| line["values"].get("server.rss_bytes").is_some();
    let last_is = |watched: bool| {
        eventually("the last line", || {
            let lines = objects(&process.stdout());
            lines.last().is_some_and(|line| is_watched(line) == watched).then_some(())
        });
    };
    last_is(true);
    drop(first);
    last_is(false);
    let arguments = ["chat", "--json", "--listen", "127.0.0.1:0", "--admin", &admin];
    let second = Running::start(Command::new(&program).args(arguments));
    last_is(true);
    drop(second);
    last_is(false);
    process.signal(Signal::SIGINT);
    let finished = process.finish().expect_code(0);
    assert_eq!(finished.stderr.matches("is gone (server)").count(), 2, "{finished}");
}

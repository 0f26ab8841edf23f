//! From runs to lines, and which lines are taken.

use std::fs;
use std::process::Command;

use serde_json::{Value, json};

use super::{BYTES, Folder, host, id, levels, line, text};
use crate::tool::{Running, command};

fn figures() -> Value {
    json!({ "memory": { "server_bytes_per_connection": 61.5, "points": null }, "audit": { "lost": 0 } })
}

#[test]
fn a_run_becomes_a_line() {
    let folder = Folder::new();
    let run = folder.run("a", &id(1), 1, &figures());
    folder.history("add", &[text(&run)]).expect_code(0).expect_stdout(&["added ", "smoke", "2 figures"]);
    let line: Value = serde_json::from_str(&folder.text("h.jsonl")).expect("one line of JSON");
    assert_eq!(line["metrics"], json!({ "audit.lost": 0, BYTES: 61.5 }));
    assert_eq!((&line["commit"]["id"], &line["commit"]["branch"]), (&json!(id(1)), &json!("main")));
    assert_eq!((&line["machine"]["kernel"], &line["machine"]["memory_gib"]), (&json!("6.18"), &json!(24)));
    assert_eq!(line["machine"]["fingerprint"].as_str().map(str::len), Some(16));
    // The same run again is said and not repeated.
    folder
        .history("add", &[text(&run), text(&run)])
        .expect_code(0)
        .expect_stdout(&["in the history already"]);
    assert_eq!(folder.text("h.jsonl").lines().count(), 1);
}

#[test]
fn a_run_without_a_commit_needs_one() {
    let folder = Folder::new();
    let run = folder.run("a", "", 1, &figures());
    let run = text(&run);
    folder.history("add", &[run]).expect_code(2).expect_stderr(&["does not say of which commit", "--commit"]);
    let unknown = ["--commit", "build-7"];
    folder.history("add", &[&[run], &unknown[..]].concat()).expect_code(2).expect_stderr(&["--date"]);
    assert!(!folder.path("h.jsonl").exists(), "nothing is written before all is known");
    let known = ["--commit", "build-7", "--date", "2026-11-21T19:00:00+02:00", "--branch", "release"];
    folder.history("add", &[&[run], &known[..]].concat()).expect_code(0);
    let line: Value = serde_json::from_str(&folder.text("h.jsonl")).expect("a line");
    let commit = json!({ "id": "build-7", "branch": "release", "committed_at": "2026-11-21T17:00:00Z" });
    assert_eq!(line["commit"], commit);
    let head = ["--commit", "HEAD~999999", "--date", "2026-11-21T17:00:00Z"];
    folder
        .history("add", &[&[run], &head[..]].concat())
        .expect_code(2)
        .expect_stderr(&["no repository here"]);
    folder.history("add", &[run, "--commit", "a b", "--date", "2026-11-21T17:00:00Z"]).expect_code(2);
    folder
        .history("add", &[run, "--commit", "a", "--date", "yesterday"])
        .expect_code(2)
        .expect_stderr(&["RFC 3339"]);
}

/// The runner writes null for what it could not find out; its commit was then passed over.
#[test]
fn a_commit_of_which_not_all_is_known_is_kept() {
    let folder = Folder::new();
    let written = |more: Value| {
        let mut commit = json!({ "id": id(1), "branch": null, "committed_at": super::at(1), "dirty": null });
        commit.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        json!({ "commit": commit, "audit": { "lost": 0 } })
    };
    let run = folder.run("a", "", 1, &written(json!({})));
    folder.history("add", &[text(&run)]).expect_code(0);
    let line: Value = serde_json::from_str(&folder.text("h.jsonl")).expect("a line");
    assert_eq!((&line["commit"]["id"], &line["commit"]["dirty"]), (&json!(id(1)), &Value::Null));
    let undated = folder.run("b", "", 2, &written(json!({ "committed_at": null, "dirty": true })));
    let said = folder.history("add", &[text(&undated)]).expect_code(2);
    said.expect_stderr(&["does not say when", "--date", &id(1)]);
    let date = ["--date", "2026-10-01T01:00:00Z"];
    folder.history("add", &[&[text(&undated)], &date[..]].concat()).expect_code(0);
    assert!(folder.text("h.jsonl").lines().nth(1).is_some_and(|line| line.contains("\"dirty\":true")));
}

#[test]
fn git_is_asked_where_there_is_one() {
    let folder = Folder::new();
    let run = folder.run("a", "", 1, &figures());
    let git = |arguments: &[&str]| {
        let mut git = Command::new("git");
        git.args(["-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false"]).args(arguments);
        git.current_dir(folder.path("")).env("GIT_COMMITTER_DATE", "2026-11-01T10:00:00Z");
        git.output().is_ok_and(|output| output.status.success())
    };
    if !git(&["init", "-q"]) || !git(&["commit", "-q", "--allow-empty", "-m", "first"]) {
        // A machine without git: then there is nothing to ask.
        return;
    }
    let inside = |arguments: &[&str]| {
        let mut inside = command([&["history"], arguments].concat());
        Running::start(inside.current_dir(folder.path(""))).finish()
    };
    inside(&["add", text(&run), "--commit", "HEAD", "--file", "h.jsonl"]).expect_code(0);
    let line: Value = serde_json::from_str(&folder.text("h.jsonl")).expect("a line");
    assert_eq!(line["commit"]["committed_at"], "2026-11-01T10:00:00Z");
    assert_eq!(line["commit"]["id"].as_str().map(str::len), Some(40));
    // A base that was never measured is found by git.
    folder.write("h.jsonl", &super::step());
    inside(&["check", "--file", "h.jsonl", "--base", "HEAD"])
        .expect_code(5)
        .expect_stdout(&["since base HEAD"]);
    inside(&["check", "--file", "h.jsonl", "--base", "--help"]).expect_code(2);
    inside(&["check", "--file", "h.jsonl", "--base=-x"]).expect_code(2).expect_stderr(&["no commit '-x'"]);
}

#[test]
fn runs_that_are_not_whole_are_refused() {
    let folder = Folder::new();
    let good = folder.run("good", &id(1), 1, &figures());
    let incomplete = folder.run("bad", &id(1), 1, &json!({ "verdict": "incomplete", "reason": "Ctrl-C" }));
    // Nothing is written when one of them cannot be taken.
    let both = [text(&good), text(&incomplete)];
    folder.history("add", &both).expect_code(2).expect_stderr(&["incomplete, Ctrl-C", "run it again"]);
    assert!(!folder.path("h.jsonl").exists());
    let spoilt = |spoil: fn(&std::path::Path)| {
        let folder = Folder::new();
        let run = folder.run("a", &id(1), 1, &figures());
        spoil(&run);
        folder.history("add", &[text(&run)]).expect_code(2).stderr
    };
    assert!(
        spoilt(|run| fs::remove_file(run.join("summary.json")).expect("there")).contains("no summary.json")
    );
    assert!(spoilt(|run| fs::remove_file(run.join("host.json")).expect("there")).contains("no host.json"));
    assert!(
        spoilt(|run| fs::remove_file(run.join("frames.jsonl")).expect("there")).contains("no frames.jsonl")
    );
    assert!(spoilt(|run| fs::write(run.join("summary.json"), "{\"ver").expect("there")).contains("no JSON"));
    assert!(spoilt(|run| fs::write(run.join("frames.jsonl"), "").expect("there")).contains("when it ran"));
    folder.history("add", &["/nowhere"]).expect_code(2).expect_stderr(&["floodmark run"]);
    folder.history("add", &[]).expect_code(2);
}

#[test]
fn nothing_is_added_to_a_file_that_is_not_ours() {
    let folder = Folder::new();
    let run = folder.run("a", &id(99), 99, &figures());
    let good = levels(&[(2, 60.0)]);
    for (wrong, says) in [
        (format!("{good}{{\"name\":\"other\"}}\n"), "h.jsonl:3: not a line of a history"),
        (format!("{good}hello\n"), "h.jsonl:3: not a line of a history"),
        (format!("<<<<<<< HEAD\n{good}=======\n>>>>>>> x\n"), "h.jsonl:1: a merge conflict: keep both sides"),
        (
            good.replacen("\"history\":1", "\"history\":2", 1),
            "h.jsonl:1: written by a later version (history 2",
        ),
        (good.replacen("\"scenario\"", "\"scenery\"", 1), "h.jsonl:1: missing field `scenario`"),
        (format!("{good}{}\n", "x".repeat(300_000)), "h.jsonl:3: 300000 bytes long"),
        (good.replacen("60.", "NaN, 60.", 1), "h.jsonl:1: not a line of a history"),
    ] {
        folder.write("h.jsonl", &wrong);
        for verb in [&["add", text(&run)][..], &["check"], &["list"], &["page", "-o", "/nowhere"]] {
            folder.history(verb[0], &verb[1..]).expect_code(2).expect_stderr(&[says]);
        }
        assert_eq!(folder.text("h.jsonl"), wrong, "nothing overwritten");
    }
}

#[test]
fn a_torn_line_is_ended_and_passed_over() {
    let folder = Folder::new();
    let run = folder.run("a", &id(99), 99, &figures());
    let good = levels(&[(2, 60.0)]);
    let torn = &good[..good.len() - 30];
    folder.write("h.jsonl", torn);
    folder.history("add", &[text(&run)]).expect_code(0).expect_stderr(&["h.jsonl:2: breaks off"]);
    let after = folder.text("h.jsonl");
    assert!(after.starts_with(&format!("{torn}\n{{\"history\":1")), "nothing is glued onto it");
    let listed = folder.history("list", &["--json"]).expect_code(0).expect_stderr(&["h.jsonl:2: breaks off"]);
    assert_eq!(listed.stdout.lines().count(), 2);
    // A line that lacks nothing but its end is a line.
    folder.write("h.jsonl", good.trim_end());
    folder.history("add", &[text(&run)]).expect_code(0);
    assert_eq!(folder.history("list", &["--json"]).expect_code(0).stdout.lines().count(), 3);
}

#[test]
fn two_branches_files_are_one_in_any_order() {
    let folder = Folder::new();
    let line = |index| line(index, "8f3a", &json!({ BYTES: 60.0 }));
    let [a, b, c, d] = [1, 2, 3, 4].map(line);
    for union in [[&a, &b, &d, &a, &c], [&a, &c, &a, &b, &d], [&d, &c, &b, &a, &d]] {
        let text: String = union.into_iter().map(|line| format!("{line}\n")).collect();
        folder.write("h.jsonl", &text);
        let listed = folder.history("list", &["--json"]).expect_code(0);
        assert_eq!(listed.stdout.lines().map(id_of).collect::<Vec<_>>(), [1, 2, 3, 4].map(id));
        folder.history("list", &[]).expect_code(0).expect_stderr(&["1 line"]);
    }
}

fn id_of(line: &str) -> String {
    let line: Value = serde_json::from_str(line).expect("JSON");
    line["commit"]["id"].as_str().expect("a name").to_owned()
}

#[test]
fn a_dirty_tree_is_said() {
    let folder = Folder::new();
    let commit =
        json!({ "id": id(1), "branch": null, "committed_at": "2026-11-01T10:00:00Z", "dirty": true });
    let run = folder.run("a", "", 1, &json!({ "commit": commit, "audit": { "lost": 0 } }));
    folder
        .history("add", &[text(&run)])
        .expect_code(0)
        .expect_stderr(&["changes that commit", "does not have"]);
    assert!(folder.text("h.jsonl").contains("\"dirty\":true"));
    assert_eq!(host("a")["cpu_model"], "a");
}

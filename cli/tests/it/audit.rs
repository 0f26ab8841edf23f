//! The delivery audit, against a server that spoils deliveries on purpose.
//!
//! The fault hook counts copies in each shard, so one shard makes the number of spoiled ones exact: of `n` copies with
//! `lose:50` it spoils `n ÷ 50`, rounded down.

use serde_json::Value;

use crate::recording::{count, summary};
use crate::tool::{self, Running, scenario};

const EVERY: u64 = 50;

/// Runs smoke.yaml quickly over one shard, with ids taking turns, and returns its summary.
fn run(fault: Option<&str>, messages: u64, ids: u64, code: i32) -> Value {
    let dir = tempfile::tempdir().expect("a directory");
    let bundle = dir.path().join("run");
    let mut command = tool::command(["run"]);
    command.arg(scenario("smoke.yaml")).arg("--out").arg(&bundle);
    let sets = [
        "target.shards=1".to_owned(),
        "connections.count=150".into(),
        "connections.rate=unlimited".into(),
        "connections.hold=500ms".into(),
        "messages.rate=600/s".into(),
        "messages.ids=round_robin".into(),
        format!("messages.count={messages}"),
        format!("messages.max_id={ids}"),
        "settle=500ms".into(),
    ];
    sets.iter().for_each(|set| {
        command.args(["--set", set]);
    });
    if let Some(fault) = fault {
        command.env(::chat::faults::VARIABLE, format!("{fault}:{EVERY}"));
    }
    let finished = Running::start(&mut command).finish().expect_code(code);
    let verdict = if code == 0 { "PASS" } else { "FAIL" };
    finished.expect_stdout(&[verdict]);
    let summary = summary(&bundle);
    assert_eq!(count(&summary, "audit.sent"), messages, "{summary:#}");
    assert_eq!(count(&summary, "audit.expected"), messages, "{summary:#}");
    assert_eq!(count(&summary, "audit.nobody_there"), 0);
    summary
}

/// delivered, lost, duplicated, reordered, misrouted, corrupt
#[track_caller]
fn expect(summary: &Value, figures: [u64; 6]) {
    let names = ["delivered", "lost", "duplicated", "reordered", "misrouted", "corrupt"];
    let seen = names.map(|name| count(summary, &format!("audit.{name}")));
    assert_eq!(seen, figures, "{names:?}: {:#}", summary["audit"]);
}

#[test]
fn a_clean_server_has_a_clean_account() {
    expect(&run(None, 430, 120, 0), [430, 0, 0, 0, 0, 0]);
}

#[test]
fn lost_messages_are_counted() {
    expect(&run(Some("lose"), 430, 120, 1), [430 - 8, 8, 0, 0, 0, 0]);
    // The last message of all is lost as well: no gap tells, only the sum.
    expect(&run(Some("lose"), 400, 120, 1), [400 - 8, 8, 0, 0, 0, 0]);
}

#[test]
fn duplicated_messages_are_counted() {
    expect(&run(Some("duplicate"), 430, 120, 1), [430, 0, 8, 0, 0, 0]);
}

#[test]
fn reordered_messages_are_counted() {
    // Ten ids, so that each message held back has a next one to come after.
    expect(&run(Some("reorder"), 430, 10, 1), [430, 0, 0, 8, 0, 0]);
}

#[test]
fn misrouted_messages_are_counted_and_missed_by_whom_they_were_for() {
    expect(&run(Some("misroute"), 430, 120, 1), [430 - 8, 8, 0, 0, 8, 0]);
}

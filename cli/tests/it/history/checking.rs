//! The gate over commits: its exit codes, what it names, what it passes over.

use serde_json::{Value, json};

use super::{BYTES, Folder, id, levels, line, noisy, step};

#[test]
fn a_step_fails_and_names_its_commits() {
    let folder = Folder::new();
    folder.write("h.jsonl", &step());
    let range = format!("{}..{}", &id(29)[..7], &id(30)[..7]);
    let said = folder.history("check", &[]).expect_code(1);
    said.expect_stdout(&[
        "WORSE",
        BYTES,
        &range,
        "2026-10-02 on main",
        "+50 %",
        "99.9 % sure",
        "FAIL  1 metric",
    ]);
    folder.write("h.jsonl", &levels(&[(30, 90.0), (30, 60.0)]));
    folder.history("check", &[]).expect_code(0).expect_stdout(&["better", "PASS"]);
    folder.write("h.jsonl", &levels(&[(60, 60.0)]));
    folder.history("check", &[]).expect_code(0).expect_stdout(&["no change in 60 commits", "PASS"]);
}

#[test]
fn too_little_data_is_exit_5() {
    let folder = Folder::new();
    for (text, says) in [
        (String::new(), "nothing could be judged"),
        ("\n\n".to_owned(), "nothing could be judged"),
        (levels(&[(1, 60.0)]), "1 commit with comparable runs"),
        (levels(&[(9, 60.0)]), "9 commits with comparable runs"),
    ] {
        folder.write("h.jsonl", &text);
        folder.history("check", &[]).expect_code(5).expect_stdout(&["NOT ENOUGH DATA", says]);
        folder.history("page", &["-o", folder.path("site").to_str().expect("a name")]).expect_code(0);
        folder.history("list", &[]).expect_code(0);
    }
    // Many runs of one commit are one point.
    let runs: String = (0..40)
        .map(|run| {
            line(1, "8f3a", &json!({ BYTES: noisy(run, 60.0) }))
                .replace("T01:00:00Z\",\"limit", &format!("T01:00:{run:02}Z\",\"limit"))
                + "\n"
        })
        .collect();
    folder.write("h.jsonl", &runs);
    folder.history("check", &[]).expect_code(5).expect_stdout(&["40 runs of 1 commit"]);
}

#[test]
fn a_file_that_is_not_there_is_wrong_input() {
    let folder = Folder::new();
    folder
        .history("check", &[])
        .expect_code(2)
        .expect_stderr(&["no such file", "floodmark history add RUN --file"]);
    folder.history("list", &[]).expect_code(2);
}

#[test]
fn only_changes_at_or_after_the_base_fail() {
    let folder = Folder::new();
    folder.write("h.jsonl", &step());
    let of = |base: usize| folder.history("check", &["--base", &id(base)[..9]]);
    of(10).expect_code(1).expect_stdout(&["at or after 0c0000a"]);
    of(30).expect_code(1);
    of(31).expect_code(0).expect_stdout(&["worse, before the base", "PASS"]);
    of(58).expect_code(5).expect_stdout(&["2 commits since base"]);
    let wrong = folder.history("check", &["--base", "no-such-commit"]).expect_code(2);
    wrong.expect_stderr(&["no commit 'no-such-commit'", "floodmark history list"]);
    folder.history("check", &["--base", "0c00"]).expect_code(2).expect_stderr(&["could be several commits"]);
    folder.history("check", &["--base", ""]).expect_code(2);
    // A release is no longer name's beginning.
    folder.write("h.jsonl", &step().replace(&id(30), "v1.3.0-rc1"));
    folder.history("check", &["--base", "v1.3.0"]).expect_code(2).expect_stderr(&["no commit 'v1.3.0'"]);
    folder.history("check", &["--base", "v1.3.0-rc1"]).expect_code(1);
}

#[test]
fn an_accepted_change_fails_no_more() {
    let folder = Folder::new();
    folder.write("h.jsonl", &step());
    let commit = &id(30)[..9];
    let accept = |arguments: &[&str]| folder.history("accept", arguments);
    accept(&[commit, "--metric", "memory.server_bytes", "--reason", "x"])
        .expect_code(2)
        .expect_stderr(&[BYTES]);
    accept(&[commit, "--metric", BYTES]).expect_code(2);
    accept(&[commit, "--metric", BYTES, "--reason", " "]).expect_code(2);
    accept(&["beefbeef", "--metric", BYTES, "--reason", "x"]).expect_code(2).expect_stderr(&["no commit"]);
    accept(&[commit, "--metric", BYTES, "--reason", "x", "--scenario", "smoky"])
        .expect_code(2)
        .expect_stderr(&["smoke"]);
    assert_eq!(folder.text("h.jsonl"), step(), "nothing written so far");
    // A commit that is not among those to suspect accepts nothing.
    accept(&[&id(10)[..9], "--metric", BYTES, "--reason", "x"])
        .expect_code(0)
        .expect_stderr(&["no change of"]);
    folder.history("check", &[]).expect_code(1);
    let reason = "a cache | see <#12>";
    accept(&[commit, "--metric", BYTES, "--reason", reason])
        .expect_code(0)
        .expect_stdout(&["accepted", "+50 %"]);
    folder.history("check", &[]).expect_code(0).expect_stdout(&["accepted: a cache | see <#12>"]);
    let line = folder.text("h.jsonl").lines().last().map(str::to_owned).expect("a line");
    let line: Value = serde_json::from_str(&line).expect("JSON");
    let range = &line["accepted"]["range"];
    assert_eq!((&range["last_good"], &range["first_bad"]), (&json!(id(29)), &json!(id(30))));
    let markdown = folder.history("check", &["--markdown"]).expect_code(0);
    assert!(!markdown.stdout.contains("<#12>"), "{markdown}");
}

#[test]
fn unlike_machines_are_told_apart() {
    let folder = Folder::new();
    let mut text = levels(&[(20, 60.0)]);
    // Another machine, newest, on which bytes are others.
    text.extend((20..24).map(|index| line(index, "beef", &json!({ BYTES: noisy(index, 90.0) })) + "\n"));
    folder.write("h.jsonl", &text);
    folder
        .history("check", &[])
        .expect_code(5)
        .expect_stdout(&["beef0000", "20 runs on 1 other machine left out"]);
    let own = folder.history("check", &["--machine", "8f3a"]).expect_code(0);
    own.expect_stdout(&["8f3a0000", "4 runs on 1 other machine left out"]);
    folder.history("check", &["--machine", "any"]).expect_code(1).expect_stdout(&["whatever machine"]);
    folder
        .history("check", &["--machine", "c0de"])
        .expect_code(2)
        .expect_stderr(&["no machine is 'c0de'", "AMD EPYC"]);
    // With their ceilings known, all of them are compared.
    let limited = |index: usize, machine: &str, rate: f64| {
        let line = line(index, machine, &json!({ "connections.connect_rate_per_s": rate }));
        let limit = json!({ "ratio.connects": noisy(index, 0.8), "connects_per_s": rate / 0.8 });
        line.replace("\"limit\":null", &format!("\"limit\":{limit}")) + "\n"
    };
    let text: String =
        (0..30)
            .map(|index| {
                if index % 2 == 0 { limited(index, "8f3a", 8000.0) } else { limited(index, "beef", 16_000.0) }
            })
            .collect();
    folder.write("h.jsonl", &text);
    let said = folder.history("check", &["--metric", "connections.connect_rate_per_s"]).expect_code(0);
    said.expect_stdout(&["as a share of each machine's own ceiling (limit.ratio.connects), 30"]);
}

#[test]
fn what_was_not_measured_is_said_and_matters_when_asked_for() {
    let folder = Folder::new();
    let text: String = (0..20)
        .map(|index| line(index, "8f3a", &json!({ BYTES: 60.0, "audit.lost": null })) + "\n")
        .collect();
    folder.write("h.jsonl", &text);
    // All values equal: no change, no division by nothing.
    folder.history("check", &[]).expect_code(0).expect_stdout(&["not measured in any of 20 commits", "PASS"]);
    folder.history("check", &["--metric", "audit.lost"]).expect_code(5).expect_stdout(&["not measured"]);
    folder.history("check", &["--metric", BYTES, "--metric", "audit.lost"]).expect_code(5);
    folder.history("check", &["--metric", "memory.*"]).expect_code(0);
    // A change that breaks the measurement passed.
    folder.write("h.jsonl", &(text + &line(20, "8f3a", &json!({ "audit.lost": 0 }))));
    let said = folder.history("check", &[]).expect_code(5);
    said.expect_stdout(&["not measured in the newest commit; 20 commits before it have it"]);
}

#[test]
fn unknown_names_are_answered_with_the_nearest() {
    let folder = Folder::new();
    folder.write("h.jsonl", &step());
    let said = folder.history("check", &["--metric", "memory.server_bytes_per_conection"]).expect_code(2);
    said.expect_stderr(&["no metric 'memory.server_bytes_per_conection'; did you mean", BYTES]);
    folder
        .history("check", &["--scenario", "smokes"])
        .expect_code(2)
        .expect_stderr(&["there are runs of smoke"]);
    folder
        .history("check", &["--min-effect", "audit.lost=5B"])
        .expect_code(2)
        .expect_stderr(&["another unit"]);
    folder.history("check", &["--min-effect", "audit.lost"]).expect_code(2).expect_stderr(&["write e.g."]);
    folder
        .history("check", &["--min-effect", "cpu.server_cores=5%"])
        .expect_code(2)
        .expect_stderr(&["not judged"]);
}

#[test]
fn an_effect_can_be_asked_for() {
    let folder = Folder::new();
    folder.write("h.jsonl", &step());
    folder.history("check", &["--min-effect", &format!("{BYTES}=60%")]).expect_code(0);
    folder.history("check", &["--min-effect", &format!("{BYTES}=40%")]).expect_code(1);
    folder.history("check", &["--min-effect", &format!("{BYTES}=31B")]).expect_code(0);
    folder.history("check", &["-m", "memory.*", "--min-effect", "memory.*=60%"]).expect_code(0);
    // A share by itself: the usual 4 bytes no longer count.
    folder.write("h.jsonl", &levels(&[(30, 60.0), (30, 62.0)]));
    folder.history("check", &[]).expect_code(0);
    folder.history("check", &["--min-effect", &format!("{BYTES}=1%")]).expect_code(1);
}

#[test]
fn the_json_is_as_the_schema_says() {
    let folder = Folder::new();
    folder.write("h.jsonl", &step());
    let said = folder.history("check", &["--json", "--base", &id(3)[..9]]).expect_code(1);
    let json: Value = serde_json::from_str(&said.stdout).expect("one object");
    super::showing::holds_schema(&json);
    assert_eq!((&json["verdict"], &json["of"]), (&json!("worse"), &json!("check")));
    let metric = &json["metrics"][0];
    assert_eq!((&metric["metric"], &metric["outcome"]), (&json!(BYTES), &json!("worse")));
    let change = &metric["changes"][0];
    assert_eq!((&change["first_bad"]["id"], &change["last_good"]["id"]), (&json!(id(30)), &json!(id(29))));
    assert!(change["ratio"].as_f64().is_some_and(|ratio| (1.48..1.52).contains(&ratio)), "{change}");
}

//! `floodmark doctor`: the table, the JSON, the first wall, and what may be applied.
//!
//! Machines other than this one are folders of `proc` and `sys`; nothing here changes this one.

use std::fs;

use serde_json::Value;
use tempfile::TempDir;

use crate::tool::{floodmark, scenario};

/// A machine with few files, to which one more wall can be added.
fn machine(more: &[(&str, &str)]) -> TempDir {
    let dir = tempfile::tempdir().expect("a directory");
    let usual = [
        ("proc/self/status", "Uid:\t0\t0\t0\t0\n"),
        ("proc/self/limits", "Max open files  1024  524288  files\n"),
        ("proc/sys/fs/file-max", "3000000\n"),
        ("proc/sys/fs/file-nr", "1000\t0\t3000000\n"),
        ("proc/sys/net/ipv4/ip_local_port_range", "32768\t60999\n"),
        ("proc/sys/net/core/somaxconn", "4096\n"),
        ("proc/meminfo", "MemAvailable: 16000000 kB\n"),
        ("proc/loadavg", "0 0 0 1/100 1\n"),
        ("proc/sys/kernel/pid_max", "32768\n"),
        ("proc/sys/kernel/threads-max", "32768\n"),
    ];
    for (path, text) in usual.iter().chain(more) {
        let path = dir.path().join(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("made");
        fs::write(path, text).expect("written");
    }
    dir
}

/// `doctor --root DIR …`
fn doctor(root: &TempDir, more: &[&str]) -> crate::tool::Finished {
    let root = root.path().to_str().expect("a path");
    floodmark([&["doctor", "--root", root][..], more].concat())
}

fn read(root: &TempDir, path: &str) -> String {
    fs::read_to_string(root.path().join(path)).expect("a file").trim().to_owned()
}

/// Whatever else this machine is busy with: the code and the verdict agree.
#[test]
fn this_machine_is_judged() {
    let finished = floodmark(["doctor", "--connections", "50"]);
    let verdict = match finished.code {
        Some(0) => "nothing is in the way of 50 connections\n",
        _ => "the first wall is ",
    };
    finished.expect_stdout(&[
        "limit",
        "need",
        "have",
        "descriptors.system",
        "ports.sources",
        "memory.machine",
        verdict,
    ]);
}

#[test]
fn a_wall_is_told_with_its_command_and_ends_with_3() {
    let machine = machine(&[]);
    doctor(&machine, &[]).expect_code(0).expect_stdout(&["nothing is in the way of 1,000,000 connections"]);
    let finished = doctor(&machine, &["-n", "1600000"]).expect_code(3);
    let finished = finished.expect_stdout(&[
        "WALL     descriptors.system",
        "sysctl -w fs.file-max=3500000  # as root\n",
        "the first wall is descriptors in the system: 1,600,000 connections need 3,203,048 descriptors",
        "at most about 1,490,000 fit\n",
    ]);
    assert!(!finished.stdout.contains('\x1b'), "no colours for a file: {finished}");
    let table = finished.stdout.lines().take_while(|line| !line.starts_with("the first wall"));
    for line in table {
        assert!(line.chars().count() <= 100, "longer than 100 columns: {line}");
    }
}

#[test]
fn json_has_demand_machine_and_rows() {
    let machine = machine(&[]);
    let finished = doctor(&machine, &["-n", "1600000", "--json"]).expect_code(3);
    let told: Value = serde_json::from_str(&finished.stdout).expect("JSON");
    assert_eq!(told["first_wall"], "descriptors.system");
    assert_eq!((&told["ok"], &told["schema"], &told["applied"]), (&false.into(), &1.into(), &Value::Null));
    assert_eq!(told["demand"]["connections"], 1_600_000);
    assert_eq!(told["machine"]["files_max"], 3_000_000);
    assert!(told["connections_max"].as_u64().is_some_and(|most| most < 1_600_000));
    let rows = told["rows"].as_array().expect("rows");
    let wall = rows.iter().find(|row| row["state"] == "wall").expect("a wall");
    for key in ["name", "title", "need", "have", "unit", "why"] {
        assert!(!wall[key].is_null(), "no {key}: {wall}");
    }
    assert_eq!(wall["mend"]["setting"]["value"], "3500000");
}

#[test]
fn a_plan_is_judged_by_its_own_numbers() {
    let smoke = scenario("smoke.yaml");
    let smoke = smoke.to_str().expect("a path");
    let machine = machine(&[]);
    doctor(&machine, &["--plan", smoke])
        .expect_code(0)
        .expect_stdout(&["nothing is in the way of 200 connections"]);
    let finished = doctor(&machine, &["--plan", smoke, "--set", "connections.count=100000000"]);
    finished.expect_code(3).expect_stdout(&["the first wall is ", "100,000,000 connections"]);
    let narrow = self::machine(&[("proc/sys/net/ipv4/ip_local_port_range", "40000\t40099\n")]);
    let finished = doctor(&narrow, &["--plan", smoke, "--set", "connections.source=[127.0.0.2]"]);
    finished.expect_code(3).expect_stdout(&[
        "the first wall is source ports: 200 connections need 200 ports and 100 may be used; at most about 100 fit",
    ]);
    floodmark(["doctor", "--plan", smoke, "--set", "connections.cuont=5"])
        .expect_code(2)
        .expect_stderr(&["did you mean 'count'?"]);
}

#[test]
fn nothing_is_applied_without_a_word() {
    let machine = machine(&[]);
    let finished = doctor(&machine, &["-n", "1600000", "--apply"]).expect_code(2);
    finished.expect_stderr(&["nobody is there to answer", "--yes"]);
    assert_eq!(read(&machine, "proc/sys/fs/file-max"), "3000000");
}

#[test]
fn what_is_applied_is_told_with_its_undo() {
    let machine = machine(&[]);
    let finished = doctor(&machine, &["-n", "1600000", "--apply", "--yes"]).expect_code(0);
    finished.expect_stdout(&[
        "set /proc/sys/fs/file-max from '3000000' to '3500000'\n",
        "undo: sysctl -w fs.file-max=3000000\n",
        "nothing is in the way of 1,600,000 connections",
    ]);
    assert_eq!(read(&machine, "proc/sys/fs/file-max"), "3500000");
    let again = doctor(&machine, &["-n", "1600000", "--apply", "--yes"]).expect_code(0);
    again.expect_stderr(&["there is nothing to set"]);
}

#[test]
fn applied_settings_are_in_the_json() {
    let machine = machine(&[]);
    let finished = doctor(&machine, &["-n", "1600000", "--apply", "--yes", "--json"]).expect_code(0);
    let told: Value = serde_json::from_str(&finished.stdout).expect("JSON and nothing else");
    assert_eq!(told["applied"]["changes"][0]["undo"], "sysctl -w fs.file-max=3000000");
    assert_eq!((&told["ok"], &told["machine"]["files_max"]), (&true.into(), &3_500_000.into()));
}

#[test]
fn without_root_the_commands_are_told_and_nothing_changes() {
    let machine = machine(&[("proc/self/status", "Uid:\t1000\t1000\t1000\t1000\n")]);
    let finished = doctor(&machine, &["-n", "1600000", "--apply", "--yes"]).expect_code(3);
    finished.expect_stderr(&["this takes root", "  sysctl -w fs.file-max=3500000"]);
    assert_eq!(read(&machine, "proc/sys/fs/file-max"), "3000000");
}

#[test]
fn settings_of_several_numbers_are_set_whole() {
    let range = "proc/sys/net/ipv4/ip_local_port_range";
    let machine = machine(&[(range, "40000\t40009\n")]);
    let finished = doctor(&machine, &["-n", "900000", "--apply", "--yes"]).expect_code(0);
    finished.expect_stdout(&["undo: sysctl -w net.ipv4.ip_local_port_range='40000 40009'"]);
    assert_eq!(read(&machine, range), "1024 65535");
}

#[test]
fn wrong_arguments_are_wrong_input() {
    let smoke = scenario("smoke.yaml");
    let smoke = smoke.to_str().expect("a path");
    for (arguments, parts) in [
        (&["-n", "0"][..], &["--connections must be at least 1"][..]),
        (&["-n", "4294967296"], &["--connections must be below 2^32"]),
        (&["-n", "many"], &["'many'", "--connections"]),
        (&["-n", "5", "--plan", smoke], &["cannot be used with"]),
        (&["--set", "a=1"], &["--plan"]),
        (&["--yes"], &["--apply"]),
        (&["--plan", "none.yaml"], &["could not read scenario 'none.yaml'"]),
    ] {
        floodmark([&["doctor"], arguments].concat()).expect_code(2).expect_stderr(parts);
    }
}

//! What is applied, and that its undo takes it back.

use std::fs;
use std::path::Path;

use doctor::{apply, to_apply};

use crate::Fake;

/// What a shell would do with `sysctl -w name='value'`, in the folder.
fn sysctl(root: &Path, command: &str) {
    let (name, value) =
        command.strip_prefix("sysctl -w ").and_then(|rest| rest.split_once('=')).expect(command);
    let path = root.join("proc/sys").join(name.replace('.', "/"));
    fs::write(path, format!("{}\n", value.trim_matches('\''))).expect("written");
}

fn narrow() -> Fake {
    Fake::laptop()
        .with("proc/sys/fs/file-max", "1000000\n")
        .with("proc/sys/net/ipv4/tcp_mem", "10\t20\t23\n")
        .with("proc/sys/net/ipv4/ip_local_port_range", "40000\t40009\n")
}

#[test]
fn walls_fall_and_come_back() {
    let fake = narrow();
    let (before, machine) = (fake.report(900_000), fake.machine());
    assert_eq!(before.walls().count(), 3);
    let applied = apply(&before, fake.root());
    assert!(applied.failures.is_empty(), "{applied:?}");
    assert_eq!(applied.changes.len(), 3);
    assert_eq!(applied.changes[0].undo, "sysctl -w fs.file-max=1000000");
    assert_eq!(
        (applied.changes[0].before.as_str(), applied.changes[0].after.as_str()),
        ("1000000", "2000000")
    );
    let after = fake.report(900_000);
    assert_eq!(after.sentence(), "nothing is in the way of 900,000 connections");
    assert!(to_apply(&after).is_empty(), "what was applied is enough: {after:?}");
    for change in applied.changes.iter().rev() {
        sysctl(fake.root(), &change.undo);
    }
    assert_eq!(fake.machine(), machine);
    // The commands shown do the same as apply.
    for mend in to_apply(&before) {
        sysctl(fake.root(), &mend.command);
    }
    assert_eq!(fake.report(900_000).first_wall(), None);
}

#[test]
fn one_failure_does_not_keep_the_others_from_being_set() {
    let fake = narrow();
    let report = fake.report(900_000);
    let file = fake.root().join("proc/sys/fs/file-max");
    fs::remove_file(&file).expect("removed");
    fs::create_dir(&file).expect("made");
    let applied = apply(&report, fake.root());
    assert_eq!((applied.changes.len(), applied.failures.len()), (2, 1));
    let failure = applied.failures[0].to_string();
    assert!(failure.starts_with("could not write '2000000' to /proc/sys/fs/file-max: "), "{failure}");
}

/// Limits of shells and cgroups have commands, and are not ours to set.
#[test]
fn only_kernel_settings_are_applied() {
    let fake = Fake::laptop()
        .with("proc/self/limits", "Max open files  100  100  files\n")
        .with("sys/fs/cgroup/user.slice/pids.max", "20\n");
    let report = fake.report(900_000);
    assert!(report.walls().count() >= 2 && report.walls().all(|row| row.mend.is_some()), "{report:?}");
    assert!(to_apply(&report).is_empty());
    assert!(apply(&report, fake.root()).changes.is_empty());
}

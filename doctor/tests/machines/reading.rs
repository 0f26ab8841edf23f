//! What is read, and what becomes of what cannot be.

use doctor::{Machine, State};

use crate::{Fake, LAPTOP, row};

#[test]
fn a_laptop_is_read_whole() {
    let machine = Fake::laptop().machine();
    assert_eq!((machine.is_root, machine.cores), (Some(true), Some(8)));
    assert_eq!((machine.descriptors_soft_max, machine.descriptors_hard_max), (Some(1_024), Some(524_288)));
    assert_eq!((machine.files_open, machine.descriptors_ceiling), (Some(10_000), Some(1 << 20)));
    assert_eq!((machine.ports, machine.ports_reserved.as_deref()), (Some((32_768, 60_999)), Some(&[][..])));
    assert_eq!((machine.time_wait, machine.tcp_mem_used_pages), (Some(0), Some(20)));
    assert_eq!(machine.tcp_mem_pages, Some([188_000, 250_000, 376_000]));
    assert_eq!(machine.memory_available_bytes, Some(12_288_000_000));
    assert_eq!(machine.memory_free_per_cpu_bytes, Some(1_024 * machine.page_bytes));
    assert_eq!((machine.threads, machine.pid_max), (Some(1_500), Some(4_194_304)));
    assert_eq!((machine.conntrack_max, &machine.cgroup), (None, &doctor::Cgroup::default()));
}

#[test]
fn this_machine_is_read() {
    let machine = Machine::read();
    assert!(machine.descriptors_hard_max.is_some() && machine.memory_available_bytes > Some(1 << 20));
    assert!(machine.descriptors_soft_max <= machine.descriptors_hard_max);
    assert!(machine.files_open.is_some() && machine.ports.is_some() && machine.threads > Some(1));
    assert!(machine.cores >= Some(1) && machine.addresses.is_some() && machine.is_root.is_some());
}

/// The host's path in /proc/self/cgroup, the container's own cgroup at the mount point.
#[test]
fn a_container_of_version_1_is_limited() {
    let machine = Fake::laptop()
        .with("proc/self/cgroup", "5:pids:/docker/abc\n4:memory:/docker/abc\n3:cpu,cpuacct:/docker/abc\n")
        .with(
            "proc/self/mountinfo",
            "40 30 0:33 /docker/abc /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n\
             41 30 0:34 /docker/abc /sys/fs/cgroup/pids ro - cgroup cgroup rw,pids\n\
             42 30 0:35 /docker/abc /sys/fs/cgroup/cpu,cpuacct ro - cgroup cgroup rw,cpu,cpuacct\n",
        )
        .with("sys/fs/cgroup/memory/memory.limit_in_bytes", "2000000000\n")
        .with("sys/fs/cgroup/memory/memory.usage_in_bytes", "500000000\n")
        .with("sys/fs/cgroup/memory/memory.stat", "inactive_file 1\ntotal_inactive_file 300000000\n")
        .with("sys/fs/cgroup/pids/pids.max", "100\n")
        .with("sys/fs/cgroup/pids/pids.current", "7\n")
        .with("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "150000\n")
        .with("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000\n")
        .machine();
    let memory = machine.cgroup.memory.expect("a limit");
    assert_eq!((memory.limit_bytes, memory.used_bytes), (2_000_000_000, 200_000_000));
    assert_eq!(memory.file.to_str(), Some("/sys/fs/cgroup/memory/memory.limit_in_bytes"));
    let pids = machine.cgroup.pids.expect("a limit");
    assert_eq!((pids.limit, pids.used), (100, 7));
    assert_eq!(machine.cgroup.cpu.map(|cpu| cpu.cores), Some(1.5));
    assert_eq!(machine.cores, Some(1));
}

#[test]
fn the_tightest_cgroup_above_counts() {
    let unit = "sys/fs/cgroup/user.slice/session.scope";
    let machine = Fake::laptop()
        .with(&format!("{unit}/memory.max"), "6000000000\n")
        .with(&format!("{unit}/memory.high"), "5000000000\n")
        .with(&format!("{unit}/memory.current"), "100\n")
        .with("sys/fs/cgroup/user.slice/memory.max", "7000000000\n")
        .with("sys/fs/cgroup/user.slice/memory.current", "3000000000\n")
        .with("sys/fs/cgroup/user.slice/cpu.max", "400000 100000\n")
        .with(&format!("{unit}/cpu.max"), "max 100000\n")
        .machine();
    let memory = machine.cgroup.memory.expect("a limit");
    assert_eq!(memory.file.to_str(), Some("/sys/fs/cgroup/user.slice/memory.max"));
    assert_eq!((memory.limit_bytes, memory.used_bytes), (7_000_000_000, 3_000_000_000));
    assert_eq!((machine.cores, machine.cgroup.pids), (Some(4), None));
}

#[test]
fn others_cgroups_are_not_looked_at() {
    let machine = Fake::laptop()
        .with("proc/self/cgroup", "0::/../../other\n")
        .with("sys/other/memory.max", "1\n")
        .with("sys/fs/cgroup/memory.max", "9000000\n")
        .machine();
    assert_eq!(machine.cgroup.memory.map(|memory| memory.limit_bytes), Some(9_000_000));
}

#[test]
fn an_old_kernel_has_fewer_files_and_free_memory_is_near_enough() {
    let old = Fake::empty()
        .with("proc/meminfo", "MemTotal: 16000000 kB\nMemFree: 9000000 kB\nCached: 3000000 kB\n")
        .with("proc/sys/fs/file-max", "1600000\n");
    let report = old.report(100);
    assert_eq!(row(&report, "memory.machine").state, State::Ok);
    assert_eq!(row(&report, "descriptors.system").state, State::Ok);
    assert_eq!(row(&report, "ports.sources").state, State::Unknown);
    let sentence = report.sentence();
    assert!(sentence.starts_with("nothing is in the way of 100 connections, as far as could be read"));
    assert!(sentence.contains("ports.sources") && report.first_wall().is_none(), "{sentence}");
}

/// Whatever stands in a file, it is a number, or the row is unknown, or the limit is not there.
#[test]
fn garbage_is_unknown_and_never_a_panic() {
    let huge = u64::MAX.to_string();
    let texts = [
        "",
        "\n",
        "-1",
        "x",
        "9 9 9 9 9",
        "99999999999999999999999",
        "1 x",
        "\u{0}\u{fffd}",
        "1-",
        ",,-,",
        &format!("{huge} {huge} {huge}"),
        &huge,
        "0",
        "0 0 0",
        "5-1",
        "60999 32768",
        ":::\n::\n:",
        " - ",
        "TCP:",
        "TCP: mem",
    ];
    let mut fake = Fake::laptop();
    for (path, good) in LAPTOP {
        for text in texts {
            fake = fake.with(path, text);
            for connections in [1_000_000, u64::MAX] {
                let report = fake.report(connections);
                let _ = (report.sentence(), serde_json::to_string(&report).expect("JSON"));
                for row in &report.rows {
                    let bounded = row.connections_max.is_some_and(|most| most < connections);
                    assert_eq!(row.state == State::Wall, bounded, "'{text}' in {path}: {row:?}");
                }
            }
        }
        fake = fake.with(path, good);
    }
    for path in ["proc/sys/fs/file-max", "proc/sys/net/core/somaxconn", "proc/sys/vm/max_map_count"] {
        let report = Fake::laptop().with(path, "many\n").report(1_000);
        assert_eq!(report.rows.iter().filter(|row| row.state == State::Unknown).count(), 1, "{path}");
    }
}

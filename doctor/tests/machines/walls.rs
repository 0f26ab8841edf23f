//! Each limit, made a wall and named first.

use doctor::{Demand, State, examine};
use serde_json::Value;

use crate::{Fake, row};

/// Connections that a laptop holds with room to spare.
const MANY: u64 = 900_000;

#[test]
fn nothing_is_in_the_way_of_what_a_laptop_holds() {
    let report = Fake::laptop().report(MANY);
    assert_eq!(report.sentence(), "nothing is in the way of 900,000 connections");
    assert!(report.rows.iter().all(|row| row.state == State::Ok && row.mend.is_none()), "{report:?}");
    // (12,288,000,000 + 1,024 pages - 2^30 - 64 MiB) ÷ 8,384, and memory is what bounds it.
    let most = report.connections_max().expect("memory bounds it");
    assert_eq!(row(&report, "memory.machine").connections_max, Some(most));
    assert!((1_329_000..1_331_000).contains(&most), "{most}");
}

#[test]
fn each_limit_is_named_when_it_is_the_first_wall() {
    let cgroup = "sys/fs/cgroup/user.slice";
    let cases = [
        (
            "proc/self/limits",
            "Max open files  1024  3000  files\n",
            "descriptors.tables",
            0.67,
            "prlimit --pid $$ --nofile=4096:4096",
        ),
        (
            "proc/self/limits",
            "Max open files  100  100  files\n",
            "descriptors.tables",
            0.0,
            "prlimit --pid $$ --nofile=",
        ),
        (
            "proc/sys/fs/epoll/max_user_watches",
            "1000000\n",
            "descriptors.watches",
            0.55,
            "sysctl -w fs.epoll.max_user_watches=2000000",
        ),
        ("proc/sys/fs/file-max", "1000000\n", "descriptors.system", 0.55, "sysctl -w fs.file-max=2000000"),
        (
            "proc/sys/net/ipv4/ip_local_port_range",
            "40000 40009\n",
            "ports.sources",
            0.72,
            "sysctl -w net.ipv4.ip_local_port_range='1024 65535'",
        ),
        ("proc/meminfo", "MemTotal: 16000000 kB\nMemAvailable: 5000000 kB\n", "memory.machine", 0.53, ""),
        (&format!("{cgroup}/memory.max"), "2000000000\n", "memory.cgroup", 0.26, ""),
        (
            "proc/sys/net/ipv4/tcp_mem",
            "10 20 23\n",
            "tcp.buffers",
            0.0,
            "sysctl -w net.ipv4.tcp_mem='2200 2933 4400'",
        ),
        (
            "proc/sys/kernel/threads-max",
            "1510\n",
            "threads.system",
            0.0,
            "sysctl -w kernel.threads-max=32768",
        ),
        ("proc/sys/kernel/pid_max", "1510\n", "threads.pids", 0.0, "sysctl -w kernel.pid_max=32768"),
        (
            &format!("{cgroup}/pids.max"),
            "20\n",
            "threads.cgroup",
            0.0,
            "echo 51 > /sys/fs/cgroup/user.slice/pids.max",
        ),
        ("proc/sys/vm/max_map_count", "100\n", "threads.mappings", 0.0, "sysctl -w vm.max_map_count=65530"),
    ];
    for (path, text, name, most, command) in cases {
        let report = Fake::laptop().with(path, text).report(MANY);
        let wall = report.first_wall().unwrap_or_else(|| panic!("{path}: {report:?}"));
        assert_eq!(wall.name, name, "{path}: {wall:?}");
        let share = wall.connections_max.expect("a wall bounds") as f64 / MANY as f64;
        assert!((share - most).abs() < 0.03, "{path}: {share} of the connections: {wall:?}");
        let mend = wall.mend.as_ref().map_or("", |mend| &mend.command);
        assert!(mend.starts_with(command), "{path}: {mend}");
        let sentence = report.sentence();
        assert!(sentence.starts_with("the first wall is ") && sentence.contains(wall.title), "{sentence}");
    }
}

#[test]
fn the_wall_that_lets_fewest_through_is_first() {
    let both = Fake::laptop()
        .with("proc/sys/fs/file-max", "1500000\n")
        .with("proc/meminfo", "MemTotal: 16000000 kB\nMemAvailable: 5000000 kB\n");
    let report = both.report(MANY);
    assert_eq!(report.walls().count(), 2);
    assert_eq!(report.first_wall().map(|row| row.name), Some("memory.machine"));
    assert_eq!(report.connections_max(), report.first_wall().and_then(|row| row.connections_max));
    assert_eq!(
        report.sentence(),
        "the first wall is memory: 900,000 connections need 7.6 GB and 4.1 GB may be used; at most about 475,000 fit"
    );
}

/// 20,000 descriptors a table are no wall while there are shards enough.
#[test]
fn a_low_hard_limit_takes_more_shards() {
    let fake = Fake::laptop().with("proc/self/limits", "Max open files  1024  20000  files\n");
    let report = fake.report(MANY);
    assert!(row(&report, "descriptors.tables").why.contains("the server takes 48 shards"), "{report:?}");
    let few = Demand { server_shards: Some(4), ..Demand::here(MANY) };
    let report = examine(&few, &fake.machine());
    let wall = report.first_wall().expect("a wall");
    assert_eq!(wall.name, "descriptors.tables");
    assert!((76_000..77_000).contains(&wall.connections_max.expect("a number")), "{wall:?}");
    assert_eq!(
        wall.mend.as_ref().map(|mend| mend.command.as_str()),
        Some("prlimit --pid $$ --nofile=262144:262144")
    );
}

#[test]
fn conntrack_counts_only_where_it_tracks() {
    let fake = Fake::laptop().with("proc/sys/net/netfilter/nf_conntrack_max", "262144\n");
    let idle = fake.with("proc/sys/net/netfilter/nf_conntrack_count", "0\n");
    let report = idle.report(MANY);
    assert_eq!((row(&report, "conntrack.entries").state, report.first_wall()), (State::Ok, None));
    let report = idle.with("proc/sys/net/netfilter/nf_conntrack_count", "144\n").report(MANY);
    let wall = report.first_wall().expect("a wall");
    assert_eq!((wall.name, wall.connections_max), ("conntrack.entries", Some(262_000)));
    let command = wall.mend.as_ref().map(|mend| mend.command.as_str());
    assert_eq!(command, Some("sysctl -w net.netfilter.nf_conntrack_max=960000"));
    // An entry takes memory too.
    assert!(row(&report, "memory.machine").why.contains("8,704 B"), "{report:?}");
}

#[test]
fn elsewhere_ports_come_from_the_addresses_given() {
    let fake = Fake::laptop()
        .with("proc/sys/net/ipv4/ip_local_reserved_ports", "1-10,40000-40231,60999-65535\n")
        .with("proc/net/sockstat", "TCP: inuse 1 orphan 0 tw 900 alloc 1 mem 1\n");
    let away = Demand { loopback: false, server_here: false, source_addresses: Some(3), ..Demand::here(1) };
    let ask = |connections| {
        let report = examine(&Demand { connections, ..away.clone() }, &fake.machine());
        (row(&report, "ports.sources").state, report)
    };
    // 28,232 ports less 233 reserved, three times, of which 900 are on their way back.
    assert_eq!(ask(3 * 27_999 - 900).0, State::Ok);
    assert_eq!(ask(3 * 27_999).0, State::Tight);
    let (state, report) = ask(3 * 27_999 + 1);
    assert_eq!((state, report.connections_max()), (State::Wall, Some(3 * 27_999)));
    assert!(report.rows.iter().all(|row| !row.name.starts_with("backlog.")), "the server is elsewhere");
    let chosen = Demand { source_ports: Some((5_000, 5_009)), connections: 31, ..away };
    let report = examine(&chosen, &fake.machine());
    assert_eq!((report.connections_max(), &row(&report, "ports.sources").mend), (Some(30), &None));
}

#[test]
fn handshakes_without_cookies_are_tight_and_never_a_wall() {
    let fake = Fake::laptop().with("proc/sys/net/ipv4/tcp_syncookies", "0\n");
    let storm = Demand { concurrency: 100_000, ..Demand::here(MANY) };
    let report = examine(&storm, &fake.machine());
    for name in ["backlog.syn", "backlog.accept"] {
        assert_eq!(row(&report, name).state, State::Tight, "{report:?}");
    }
    assert_eq!(
        row(&report, "backlog.syn").mend.as_ref().map(|mend| mend.command.as_str()),
        Some("sysctl -w net.ipv4.tcp_syncookies=1")
    );
    let stranger = Demand { server_ours: false, ..storm };
    let report = examine(&stranger, &fake.machine());
    assert_eq!((row(&report, "backlog.accept").have, report.first_wall()), (Some(4_096), None));
}

/// Chat asks for 65,536: with one place for each listener, a small table is full of listeners.
#[test]
fn an_accept_queue_of_one_place_fills_the_table_with_listeners() {
    let fake = Fake::laptop()
        .with("proc/sys/net/core/somaxconn", "1\n")
        .with("proc/self/limits", "Max open files  1024  4096  files\n");
    let report = fake.report(1_000);
    assert_eq!(report.first_wall().map(|row| row.name), Some("backlog.accept"));
    assert_eq!(
        report.sentence(),
        "the first wall is accept queue: 500 connections, and room for none; none fit"
    );
}

/// A whole gigabyte kept free would leave a small machine nothing to run with.
#[test]
fn a_small_machine_keeps_an_eighth_free() {
    let small = Fake::laptop().with("proc/meminfo", "MemTotal: 1000000 kB\nMemAvailable: 700000 kB\n");
    let report = small.report(10_000);
    assert_eq!(report.first_wall(), None);
    assert!(row(&report, "memory.machine").why.ends_with("of which 0.1 GB stay free"), "{report:?}");
}

#[test]
fn the_json_keeps_its_shape() {
    let report = Fake::laptop().with("proc/sys/fs/file-max", "1000000\n").report(MANY);
    let json: Value = serde_json::to_value(&report).expect("JSON");
    let keys =
        |value: &Value| value.as_object().expect("an object").keys().cloned().collect::<Vec<_>>().join(" ");
    assert_eq!(keys(&json), "connections connections_max first_wall ok rows schema sentence");
    assert_eq!(
        (&json["schema"], &json["ok"], &json["first_wall"]),
        (&1.into(), &false.into(), &"descriptors.system".into())
    );
    for row in json["rows"].as_array().expect("rows") {
        assert_eq!(keys(row), "connections_max have mend name need state title unit why");
    }
    let wall = &json["rows"][1];
    assert_eq!((&wall["state"], &wall["unit"]), (&"wall".into(), &"descriptors".into()));
    assert_eq!(keys(&wall["mend"]), "command root setting");
    assert_eq!(wall["mend"]["setting"]["path"], "/proc/sys/fs/file-max");
}

#[test]
fn threads_of_a_user_count_where_the_user_is_not_root() {
    let limits = "Max processes  20  20  processes\nMax open files  1024  524288  files\n";
    let fake = Fake::laptop().with("proc/self/limits", limits);
    assert_eq!(fake.report(MANY).first_wall(), None);
    let report = fake.with("proc/self/status", "Uid:\t1000\t1000\t1000\t1000\n").report(MANY);
    let wall = report.first_wall().expect("a wall");
    assert_eq!(wall.name, "threads.user");
    assert!(
        wall.mend.as_ref().is_some_and(|mend| mend.command.starts_with("prlimit --pid $$ --nproc=")),
        "{wall:?}"
    );
}

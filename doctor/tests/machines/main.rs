//! The doctor over machines that exist only as folders of `/proc` and `/sys`.
//!
//! [`Fake`] is such a folder; the modules hold the tests: what is read of it, which wall is named, what is applied.

mod applying;
mod reading;
mod walls;

use std::fs;
use std::path::Path;

use doctor::{Demand, Machine, Report, Row, examine};
use tempfile::TempDir;

/// A folder with the files of a machine.
struct Fake {
    dir: TempDir,
}

/// A laptop as it comes: 8 cores, 16 GB, systemd's limits.
const LAPTOP: [(&str, &str); 26] = [
    ("proc/self/status", "Name:\tfloodmark\nUid:\t0\t0\t0\t0\n"),
    (
        "proc/self/limits",
        "Limit  Soft Limit  Hard Limit  Units\nMax open files            1024                 524288               files     \n",
    ),
    ("proc/sys/fs/nr_open", "1048576\n"),
    ("proc/sys/fs/file-max", "9223372036854775807\n"),
    ("proc/sys/fs/epoll/max_user_watches", "3500000\n"),
    ("proc/sys/fs/file-nr", "12000\t2000\t9223372036854775807\n"),
    ("proc/sys/net/ipv4/ip_local_port_range", "32768\t60999\n"),
    ("proc/sys/net/ipv4/ip_local_reserved_ports", "\n"),
    (
        "proc/net/sockstat",
        "sockets: used 900\nTCP: inuse 30 orphan 0 tw 0 alloc 40 mem 20\nUDP: inuse 9 mem 3\n",
    ),
    ("proc/sys/net/core/somaxconn", "4096\n"),
    ("proc/sys/net/ipv4/tcp_max_syn_backlog", "1024\n"),
    ("proc/sys/net/ipv4/tcp_syncookies", "1\n"),
    ("proc/sys/net/ipv4/tcp_mem", "188000\t250000\t376000\n"),
    ("proc/sys/net/ipv4/tcp_rmem", "4096\t131072\t6291456\n"),
    ("proc/sys/net/ipv4/tcp_wmem", "4096\t16384\t4194304\n"),
    (
        "proc/meminfo",
        "MemTotal:       16000000 kB\nMemFree:         9000000 kB\nMemAvailable:   12000000 kB\nCached:          3000000 kB\n",
    ),
    (
        "proc/zoneinfo",
        "Node 0, zone   Normal\n  pagesets\n    cpu: 0\n              count:    1000\n    cpu: 1\n              count: 24\n",
    ),
    ("proc/loadavg", "0.50 0.40 0.30 2/1500 40000\n"),
    ("proc/sys/kernel/pid_max", "4194304\n"),
    ("proc/sys/kernel/threads-max", "120000\n"),
    ("proc/sys/vm/max_map_count", "65530\n"),
    ("sys/devices/system/cpu/online", "0-7\n"),
    ("proc/self/cgroup", "0::/user.slice/session.scope\n"),
    (
        "proc/self/mountinfo",
        "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n",
    ),
    ("sys/fs/cgroup/user.slice/memory.max", "max\n"),
    ("sys/fs/cgroup/user.slice/pids.max", "max\n"),
];

impl Fake {
    fn empty() -> Self {
        Self { dir: tempfile::tempdir().expect("a directory") }
    }

    fn laptop() -> Self {
        LAPTOP.iter().fold(Self::empty(), |fake, (path, text)| fake.with(path, text))
    }

    /// With one file as given.
    fn with(self, path: &str, text: &str) -> Self {
        let path = self.root().join(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("made");
        fs::write(path, text).expect("written");
        self
    }

    fn root(&self) -> &Path {
        self.dir.path()
    }

    fn machine(&self) -> Machine {
        Machine::read_under(self.root())
    }

    fn report(&self, connections: u64) -> Report {
        examine(&Demand::here(connections), &self.machine())
    }
}

/// The row of that name.
fn row<'a>(report: &'a Report, name: &str) -> &'a Row {
    report.rows.iter().find(|row| row.name == name).unwrap_or_else(|| panic!("no {name} in {report:?}"))
}

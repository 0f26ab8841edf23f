//! What does not change while a run goes on: the machine, its kernel and its limits. It becomes `host.json`.
//!
//! What cannot be read is absent. The host's name is left out on purpose: a bundle is made to be shown around.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use nix::sys::resource::{Resource, getrlimit};
use serde::{Deserialize, Serialize};

use crate::proc_file::field;

/// The sysctls that decide how many connections a machine can hold.
pub const SYSCTLS: [&str; 13] = [
    "fs.file-max",
    "fs.nr_open",
    "kernel.pid_max",
    "kernel.threads-max",
    "net.core.somaxconn",
    "net.ipv4.ip_local_port_range",
    "net.ipv4.tcp_max_orphans",
    "net.ipv4.tcp_max_syn_backlog",
    "net.ipv4.tcp_mem",
    "net.ipv4.tcp_rmem",
    "net.ipv4.tcp_syncookies",
    "net.ipv4.tcp_wmem",
    "vm.max_map_count",
];

/// In cgroups of the first version, a limit near 2^63 means none.
const CGROUP_V1_UNLIMITED_BYTES: u64 = 1 << 60;

/// The machine, its kernel and its limits.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct HostInfo {
    /// The kernel's release: `6.1.0-18-amd64`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kernel_release: Option<String>,
    /// The first core's model name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu_model: Option<String>,
    /// Cores that are online.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cores_online: Option<u32>,
    /// Cores that this process may use, by its affinity and its cgroup's quota.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cores_usable: Option<u32>,
    /// The machine's memory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_total_bytes: Option<u64>,
    /// The size of a page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page_size_bytes: Option<u64>,
    /// RLIMIT_NOFILE of this process, as it is now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub descriptors_soft_max: Option<u64>,
    /// What RLIMIT_NOFILE may be raised to without privilege.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub descriptors_hard_max: Option<u64>,
    /// The tightest memory limit of this process's cgroup and those above it, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cgroup_memory_max_bytes: Option<u64>,
    /// The [`SYSCTLS`], by their dotted names, as the kernel writes them, with single spaces.
    #[serde(default)]
    pub sysctls: BTreeMap<String, String>,
}

impl HostInfo {
    /// Looks at this machine.
    pub fn read() -> HostInfo {
        let limits = getrlimit(Resource::RLIMIT_NOFILE).ok();
        HostInfo {
            cores_usable: std::thread::available_parallelism()
                .ok()
                .and_then(|cores| cores.get().try_into().ok()),
            page_size_bytes: Some(crate::sources::process::page_bytes()),
            descriptors_soft_max: limits.map(|(soft, _)| soft),
            descriptors_hard_max: limits.map(|(_, hard)| hard),
            ..HostInfo::read_files(Path::new("/"))
        }
    }

    /// Everything that stands in a file, below `root`.
    fn read_files(root: &Path) -> HostInfo {
        let text = |path: &str| fs::read_to_string(root.join(path)).ok();
        let sysctls = SYSCTLS.into_iter().filter_map(|name| {
            let value = text(&format!("proc/sys/{}", name.replace('.', "/")))?;
            Some((name.to_owned(), value.split_ascii_whitespace().collect::<Vec<_>>().join(" ")))
        });
        HostInfo {
            kernel_release: text("proc/sys/kernel/osrelease").map(|release| release.trim().to_owned()),
            cpu_model: text("proc/cpuinfo").and_then(|cpuinfo| cpu_model(&cpuinfo)),
            cores_online: text("sys/devices/system/cpu/online").and_then(|list| cores(&list)),
            memory_total_bytes: text("proc/meminfo")
                .and_then(|meminfo| Some(field(&meminfo, "MemTotal")? * 1024)),
            cgroup_memory_max_bytes: text("proc/self/cgroup")
                .and_then(|cgroups| cgroup_memory_max(root, &cgroups)),
            sysctls: sysctls.collect(),
            ..HostInfo::default()
        }
    }
}

fn cpu_model(cpuinfo: &str) -> Option<String> {
    let line = cpuinfo.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

/// How many cores a list such as `0-3,8,10-11` names.
fn cores(list: &str) -> Option<u32> {
    let mut sum = 0_u32;
    for range in list.trim().split(',') {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let (first, last) = (first.parse::<u32>().ok()?, last.parse::<u32>().ok()?);
        sum = sum.checked_add(last.checked_sub(first)?.checked_add(1)?)?;
    }
    Some(sum)
}

/// The tightest limit on the way from the process's memory cgroup up to the root, in either version of cgroups.
fn cgroup_memory_max(root: &Path, cgroups: &str) -> Option<u64> {
    let limits = cgroups.lines().flat_map(|line| {
        let mut parts = line.splitn(3, ':').skip(1);
        let (controllers, path) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        let (mount, name): (&str, &str) = if controllers.is_empty() {
            ("sys/fs/cgroup", "memory.max")
        } else if controllers.split(',').any(|controller| controller == "memory") {
            ("sys/fs/cgroup/memory", "memory.limit_in_bytes")
        } else {
            return Vec::new();
        };
        let levels = Path::new(path.trim_start_matches('/')).ancestors();
        levels
            .filter_map(|level| {
                let text = fs::read_to_string(root.join(mount).join(level).join(name)).ok()?;
                text.trim().parse().ok().filter(|&bytes| bytes < CGROUP_V1_UNLIMITED_BYTES)
            })
            .collect()
    });
    limits.min()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(root: &Path, path: &str, text: &str) {
        let path = root.join(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("made");
        fs::write(path, text).expect("written");
    }

    #[test]
    fn lists_of_cores_are_counted() {
        assert_eq!(["0\n", "0-1\n", "0-3,8,10-11\n"].map(cores), [1, 2, 7].map(Some));
        assert_eq!(["", "a", "3-1", "0-", "0-4294967295"].map(cores), [None; 5]);
    }

    #[test]
    fn a_machine_is_described_from_its_files() {
        let root = tempfile::tempdir().expect("a directory");
        let root = root.path();
        assert_eq!(HostInfo::read_files(root), HostInfo::default());
        write(root, "proc/sys/kernel/osrelease", "5.10.0-28-arm64\n");
        write(root, "proc/sys/net/ipv4/tcp_mem", "283404\t377873\t566808\n");
        write(root, "proc/cpuinfo", "processor : 0\nmodel name\t: Some CPU @ 2 GHz\nmodel name\t: Other\n");
        write(root, "proc/meminfo", "MemTotal:       1000 kB\n");
        write(root, "sys/devices/system/cpu/online", "0-3\n");
        let info = HostInfo::read_files(root);
        assert_eq!(info.kernel_release.as_deref(), Some("5.10.0-28-arm64"));
        assert_eq!(info.cpu_model.as_deref(), Some("Some CPU @ 2 GHz"));
        assert_eq!((info.cores_online, info.memory_total_bytes), (Some(4), Some(1_024_000)));
        assert_eq!(info.sysctls, [("net.ipv4.tcp_mem".into(), "283404 377873 566808".into())].into());
        assert_eq!(info.cgroup_memory_max_bytes, None);
    }

    #[test]
    fn the_tightest_cgroup_counts_in_either_version() {
        let root = tempfile::tempdir().expect("a directory");
        let root = root.path();
        write(root, "sys/fs/cgroup/a/b/memory.max", "max\n");
        write(root, "sys/fs/cgroup/a/memory.max", "5000000\n");
        assert_eq!(cgroup_memory_max(root, "0::/a/b\n"), Some(5_000_000));
        assert_eq!(cgroup_memory_max(root, "0::/\n"), None);
        write(root, "sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
        write(root, "sys/fs/cgroup/memory/job/memory.limit_in_bytes", "7000000\n");
        assert_eq!(cgroup_memory_max(root, "9:pids:/job\n4:cpu,memory:/job\n0::/\n"), Some(7_000_000));
        assert_eq!(cgroup_memory_max(root, "4:memory:/gone/altogether\n"), None);
        assert_eq!(cgroup_memory_max(root, "rubbish\n\n:::\n"), None);
    }

    #[test]
    fn this_machine_is_described_and_survives_json() {
        let info = HostInfo::read();
        assert!(
            info.kernel_release.is_some() && info.memory_total_bytes.is_some_and(|bytes| bytes > 1 << 20)
        );
        assert!(
            info.page_size_bytes.is_some_and(u64::is_power_of_two) && info.cores_online >= info.cores_usable
        );
        assert!(info.descriptors_soft_max <= info.descriptors_hard_max);
        assert!(info.sysctls.contains_key("fs.nr_open"));
        let text = serde_json::to_string(&info).expect("JSON");
        assert!(!text.contains("null"));
        assert_eq!(serde_json::from_str::<HostInfo>(&text).expect("JSON"), info);
        assert_eq!(serde_json::from_str::<HostInfo>("{}").expect("all optional"), HostInfo::default());
    }
}

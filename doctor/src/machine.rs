//! What this machine gives: plain facts, each absent when it cannot be read.

use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;

use nix::ifaddrs::getifaddrs;
use nix::unistd::{SysconfVar, sysconf};
use serde::Serialize;

use crate::cgroup::Cgroup;
use crate::files::{Files, field};

/// The page of nearly every machine, where the system does not say.
const PAGE_BYTES: u64 = 4_096;

/// The facts. Numbers of the kernel, as it counts them.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Machine {
    /// Whether this process may write kernel settings.
    pub is_root: Option<bool>,
    /// The size of a page.
    pub page_bytes: u64,
    /// Cores that may be used.
    pub cores: Option<u64>,
    /// RLIMIT_NOFILE, as it is now.
    pub descriptors_soft_max: Option<u64>,
    /// What it may be raised to without privilege.
    pub descriptors_hard_max: Option<u64>,
    /// `fs.nr_open`: what the hard limit may be raised to with privilege.
    pub descriptors_ceiling: Option<u64>,
    /// `fs.file-max`: open files in the whole system.
    pub files_max: Option<u64>,
    /// How many there are now.
    pub files_open: Option<u64>,
    /// `ip_local_port_range`: first and last of the ports that the kernel chooses from.
    pub ports: Option<(u16, u16)>,
    /// `ip_local_reserved_ports`: ranges that it leaves out.
    pub ports_reserved: Option<Vec<(u16, u16)>>,
    /// Sockets in TIME_WAIT now.
    pub time_wait: Option<u64>,
    /// IPv4 addresses of this machine other than loopback.
    pub addresses: Option<u64>,
    /// `net.core.somaxconn`: what a listener's accept queue is cut down to.
    pub somaxconn: Option<u64>,
    /// `tcp_max_syn_backlog`.
    pub syn_backlog_max: Option<u64>,
    /// `tcp_syncookies`: 0 never, 1 when needed, 2 always.
    pub syncookies: Option<u64>,
    /// `tcp_mem`: low, pressure, high.
    pub tcp_mem_pages: Option<[u64; 3]>,
    /// What TCP's buffers hold now.
    pub tcp_mem_used_pages: Option<u64>,
    /// `tcp_rmem`: least, default, most of one connection.
    pub tcp_rmem_bytes: Option<[u64; 3]>,
    /// `fs.epoll.max_user_watches`: sockets that event loops of one user wait for.
    pub epoll_watches_max: Option<u64>,
    /// `tcp_wmem`: least, default, most of one connection.
    pub tcp_wmem_bytes: Option<[u64; 3]>,
    /// `nf_conntrack_max`, where connection tracking is loaded.
    pub conntrack_max: Option<u64>,
    /// Tracked connections now. [`Machine::read`] counts while a connection of its own is open: 0 means that none is
    /// tracked, because no rule asks for it.
    pub conntrack_entries: Option<u64>,
    /// All memory.
    pub memory_total_bytes: Option<u64>,
    /// `MemFree`.
    pub memory_free_bytes: Option<u64>,
    /// `MemAvailable`: free, or to be had without swapping.
    pub memory_available_bytes: Option<u64>,
    /// Page cache that can be had at once: half of the file pages that are inactive and clean.
    pub memory_reclaimable_bytes: Option<u64>,
    /// `Cached`.
    pub memory_cached_bytes: Option<u64>,
    /// Free pages on the cores' own lists, which neither of the former counts: gigabytes after a million closes.
    pub memory_free_per_cpu_bytes: Option<u64>,
    /// `kernel.pid_max`: process and thread numbers.
    pub pid_max: Option<u64>,
    /// RLIMIT_NPROC: processes and threads of a user who is not root.
    pub processes_max: Option<u64>,
    /// `kernel.threads-max`.
    pub threads_max: Option<u64>,
    /// Threads in the whole system now.
    pub threads: Option<u64>,
    /// `vm.max_map_count`: mappings of one process.
    pub maps_max: Option<u64>,
    /// The limits of this process's cgroups.
    pub cgroup: Cgroup,
}

impl Machine {
    /// Looks at this machine.
    pub fn read() -> Self {
        let connection = loopback_connection();
        let machine = Self::read_under(Path::new("/"));
        drop(connection);
        let cores = std::thread::available_parallelism().ok().map(|cores| cores.get() as u64);
        Self { cores: cores.or(machine.cores), addresses: addresses(), ..machine }
    }

    /// Looks at the machine whose `proc` and `sys` are folders of `root`.
    pub fn read_under(root: &Path) -> Self {
        let files = Files { root };
        let page_bytes = sysconf(SysconfVar::PAGE_SIZE).ok().flatten();
        let page_bytes = page_bytes.and_then(|bytes| u64::try_from(bytes).ok()).unwrap_or(PAGE_BYTES);
        let text = |path: &str| files.text(path).unwrap_or_default();
        let sysctl = |name: &str| files.number(format!("/proc/sys/{name}"));
        let (limits, sockstat, meminfo) =
            (text("/proc/self/limits"), text("/proc/net/sockstat"), text("/proc/meminfo"));
        let tcp = |key: &str| sockstat_field(&sockstat, key);
        let kilobytes = |key: &str| field(&meminfo, key)?.checked_mul(1024);
        let cgroup = Cgroup::read(files);
        let file_nr = files.numbers::<3>("/proc/sys/fs/file-nr");
        let free_pages = per_cpu_pages(&text("/proc/zoneinfo"));
        Self {
            is_root: effective_user(&text("/proc/self/status")).map(|uid| uid == 0),
            page_bytes,
            cores: online(&text("/sys/devices/system/cpu/online")).map(|cores| cgroup.cores(cores)),
            descriptors_soft_max: limit(&limits, "Max open files", 0),
            descriptors_hard_max: limit(&limits, "Max open files", 1),
            descriptors_ceiling: sysctl("fs/nr_open"),
            files_max: sysctl("fs/file-max"),
            files_open: file_nr.map(|[allocated, free, _]| allocated.saturating_sub(free)),
            ports: files.text("/proc/sys/net/ipv4/ip_local_port_range").and_then(|text| range(&text)),
            ports_reserved: files
                .text("/proc/sys/net/ipv4/ip_local_reserved_ports")
                .and_then(|text| ranges(&text)),
            time_wait: tcp("tw"),
            addresses: None,
            somaxconn: sysctl("net/core/somaxconn"),
            syn_backlog_max: sysctl("net/ipv4/tcp_max_syn_backlog"),
            syncookies: sysctl("net/ipv4/tcp_syncookies"),
            tcp_mem_pages: files.numbers("/proc/sys/net/ipv4/tcp_mem"),
            tcp_mem_used_pages: tcp("mem"),
            tcp_rmem_bytes: files.numbers("/proc/sys/net/ipv4/tcp_rmem"),
            epoll_watches_max: sysctl("fs/epoll/max_user_watches"),
            tcp_wmem_bytes: files.numbers("/proc/sys/net/ipv4/tcp_wmem"),
            conntrack_max: sysctl("net/netfilter/nf_conntrack_max"),
            conntrack_entries: sysctl("net/netfilter/nf_conntrack_count"),
            memory_total_bytes: kilobytes("MemTotal"),
            memory_free_bytes: kilobytes("MemFree"),
            memory_available_bytes: kilobytes("MemAvailable"),
            memory_reclaimable_bytes: kilobytes("Inactive(file)").map(|inactive| {
                let waiting = ["Dirty", "Writeback"].into_iter().filter_map(kilobytes).sum();
                inactive.saturating_sub(waiting) / 2
            }),
            memory_cached_bytes: kilobytes("Cached"),
            memory_free_per_cpu_bytes: free_pages.and_then(|pages| pages.checked_mul(page_bytes)),
            pid_max: sysctl("kernel/pid_max"),
            threads_max: sysctl("kernel/threads-max"),
            processes_max: limit(&text("/proc/self/limits"), "Max processes", 0),
            threads: threads(&text("/proc/loadavg")),
            maps_max: sysctl("vm/max_map_count"),
            cgroup,
        }
    }

    /// Memory that can be had at once, the reserve not taken off: what a run watches while it opens connections. The
    /// kernel's own estimate of what is available is second choice: it counts page cache that is dropped only when less
    /// is free than any reserve. Kernels before 3.14 have none; free and cached together come near it.
    pub(crate) fn memory_bytes(&self) -> Option<u64> {
        let at_once = self.memory_free_bytes.zip(self.memory_reclaimable_bytes);
        let roughly = || Some(self.memory_free_bytes?.saturating_add(self.memory_cached_bytes?));
        let free = at_once.map(|(free, reclaimable)| free.saturating_add(reclaimable));
        let free = free.or(self.memory_available_bytes).or_else(roughly)?;
        Some(free.saturating_add(self.memory_free_per_cpu_bytes.unwrap_or(0)))
    }

    /// Page cache beyond what [`memory_bytes`](Self::memory_bytes) counts, which a command would drop.
    pub(crate) fn memory_droppable_bytes(&self) -> Option<u64> {
        Some(self.memory_cached_bytes?.saturating_sub(self.memory_reclaimable_bytes?))
    }

    /// How many of the ports from `first` to `last` are reserved.
    pub(crate) fn reserved(&self, (first, last): (u16, u16)) -> u64 {
        let reserved = self.ports_reserved.as_deref().unwrap_or_default();
        let overlap = |&(from, to): &(u16, u16)| {
            let (from, to) = (from.max(first), to.min(last));
            if from <= to { u64::from(to - from) + 1 } else { 0 }
        };
        reserved.iter().map(overlap).sum::<u64>().min(u64::from(last - first) + 1)
    }
}

/// A connection to ourselves, so that a table of tracked connections that stays empty is known to be idle.
fn loopback_connection() -> Option<(TcpListener, TcpStream)> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).ok()?;
    let stream = TcpStream::connect(listener.local_addr().ok()?).ok()?;
    Some((listener, stream))
}

fn addresses() -> Option<u64> {
    let all = getifaddrs().ok()?;
    let theirs = all.filter_map(|interface| Some(interface.address?.as_sockaddr_in()?.ip()));
    Some(theirs.filter(|address| !address.is_loopback()).count() as u64)
}

/// The second of the four numbers after `Uid:`.
fn effective_user(status: &str) -> Option<u64> {
    let ids = status.lines().find_map(|line| line.strip_prefix("Uid:"))?;
    ids.split_ascii_whitespace().nth(1)?.parse().ok()
}

/// A column of a line of `/proc/self/limits`; a limit of `unlimited` is as good as the largest number.
fn limit(limits: &str, name: &str, column: usize) -> Option<u64> {
    let rest = limits.lines().find_map(|line| line.strip_prefix(name))?;
    let word = rest.split_ascii_whitespace().nth(column)?;
    if word == "unlimited" { Some(u64::MAX) } else { word.parse().ok() }
}

/// `TCP: inuse 1 orphan 0 tw 0 alloc 1 mem 150`
fn sockstat_field(sockstat: &str, key: &str) -> Option<u64> {
    let line = sockstat.lines().find_map(|line| line.strip_prefix("TCP:"))?;
    let mut words = line.split_ascii_whitespace();
    words.find(|word| *word == key)?;
    words.next()?.parse().ok()
}

/// `32768 60999`
fn range(text: &str) -> Option<(u16, u16)> {
    let (first, last) = text.trim_ascii().split_once(|c: char| c.is_ascii_whitespace())?;
    let (first, last) = (first.parse().ok()?, last.trim_ascii().parse().ok()?);
    (first <= last).then_some((first, last))
}

/// `8080,9148-9150`, or nothing.
fn ranges(text: &str) -> Option<Vec<(u16, u16)>> {
    let parts = text.trim_ascii().split(',').filter(|part| !part.is_empty());
    let pair = |part: &str| {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        Some((first.parse().ok()?, last.parse().ok()?))
    };
    parts.map(pair).collect()
}

/// How many cores a list such as `0-3,8` names.
fn online(text: &str) -> Option<u64> {
    let sum = ranges(text)?.iter().map(|(first, last)| u64::from(last.saturating_sub(*first)) + 1).sum();
    (sum > 0).then_some(sum)
}

/// The second half of `6/113` in `/proc/loadavg`.
fn threads(loadavg: &str) -> Option<u64> {
    loadavg.split_ascii_whitespace().nth(3)?.split_once('/')?.1.parse().ok()
}

/// The sum of the `count:` of each core's list in each zone; `None` when there is no list at all.
fn per_cpu_pages(zoneinfo: &str) -> Option<u64> {
    let counts = zoneinfo.lines().filter_map(|line| line.trim_ascii_start().strip_prefix("count:"));
    counts.filter_map(|count| count.trim_ascii().parse().ok()).reduce(u64::saturating_add)
}

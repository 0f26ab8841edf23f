//! Utilisation, saturation, errors: each resource of the machine against its limit (Gregg's USE method).
//!
//! [`resources`] is a function of [`Figures`], which are means of gauges and rates of counters by their names in samples,
//! and of [`Limits`], which is what samples do not hold. **Utilisation** is the share of the limit that is in use,
//! **saturation** what waits because of it, **errors** what was refused. What was not measured is absent, and the row
//! says so.
//!
//! Ports are a bound: nobody counts those in use without reading every socket, so every socket counts as if it held
//! one of a single address. That row names no nearest limit.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use nix::sys::resource::{Resource as Rlimit, getrlimit};
use serde::{Deserialize, Serialize};

use crate::HostInfo;

/// Means of gauges and rates of counters, by the names that samples have for them.
pub type Figures = BTreeMap<String, f64>;

/// What a resource is compared with, where samples do not say.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Limits {
    /// Cores that are online.
    pub cores: Option<u32>,
    /// The machine's memory.
    pub memory_total_bytes: Option<u64>,
    /// What TCP's buffers may take before connections are ended: the third of `tcp_mem`.
    pub tcp_memory_max_bytes: Option<u64>,
    /// Ports that the kernel gives to outgoing connections, for each address.
    pub ports: Option<u64>,
    /// What a network interface carries each way, by its name.
    pub link_bytes_per_s: BTreeMap<String, u64>,
    /// Descriptors that one table of a watched process may have, by its name in samples.
    pub descriptors: BTreeMap<String, u64>,
}

impl Limits {
    /// What a machine's description says of its limits.
    pub fn of(info: &HostInfo) -> Limits {
        let sysctl = |name: &str| info.sysctls.get(name).map(String::as_str);
        let nth = |text: &str, index| text.split(' ').nth(index)?.parse::<u64>().ok();
        let pages = sysctl("net.ipv4.tcp_mem").and_then(|text| nth(text, 2));
        let ports = sysctl("net.ipv4.ip_local_port_range")
            .and_then(|text| nth(text, 1)?.checked_add(1)?.checked_sub(nth(text, 0)?));
        Limits {
            cores: info.cores_online,
            memory_total_bytes: info.memory_total_bytes,
            tcp_memory_max_bytes: pages
                .zip(info.page_size_bytes)
                .and_then(|(pages, bytes)| pages.checked_mul(bytes)),
            ports,
            ..Limits::default()
        }
    }

    /// This machine's limits, and those of the watched processes: their names in samples and their ids.
    pub fn read(info: &HostInfo, watched: &[(String, u32)]) -> Limits {
        Limits {
            link_bytes_per_s: links(Path::new("/sys/class/net")),
            descriptors: watched
                .iter()
                .filter_map(|(name, pid)| Some((name.clone(), descriptors_max(*pid)?)))
                .collect(),
            ..Limits::of(info)
        }
    }
}

/// The speed of each interface that has one.
fn links(folder: &Path) -> BTreeMap<String, u64> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let speed = |entry: fs::DirEntry| {
        // Megabits a second; -1, or an error, where nobody knows.
        let text = fs::read_to_string(entry.path().join("speed")).ok()?;
        let megabits = text.trim().parse::<u64>().ok().filter(|megabits| *megabits > 0)?;
        Some((entry.file_name().into_string().ok()?, megabits * 1_000_000 / 8))
    };
    entries.filter_map(speed).collect()
}

/// The soft limit of another process, or of this one.
fn descriptors_max(pid: u32) -> Option<u64> {
    if pid == std::process::id() {
        return getrlimit(Rlimit::RLIMIT_NOFILE).ok().map(|(soft, _)| soft);
    }
    let text = fs::read_to_string(format!("/proc/{pid}/limits")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_ascii_whitespace().next()?.parse().ok()
}

/// One resource against its limit.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Resource {
    /// What it is.
    pub name: String,
    /// The share of its limit that is in use; absent when that was not measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub utilisation_ratio: Option<f64>,
    /// Whether the utilisation is only known to be no more than this.
    pub is_bound: bool,
    /// What waits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub saturation: Option<Figure>,
    /// What was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub errors: Option<Figure>,
    /// What is compared with what, or why it was not.
    pub note: String,
}

/// A figure and what it counts.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Figure {
    /// How much.
    pub value: f64,
    /// Of what: `ratio` (of the time), `per_s`, `tasks`, `connections`, `letters`.
    pub unit: &'static str,
}

impl Resource {
    fn new(name: impl Into<String>) -> Resource {
        Resource {
            name: name.into(),
            utilisation_ratio: None,
            is_bound: false,
            saturation: None,
            errors: None,
            note: "not measured".into(),
        }
    }

    fn used(mut self, ratio: Option<f64>, note: impl Into<String>) -> Resource {
        if ratio.is_some() {
            (self.utilisation_ratio, self.note) = (ratio, note.into());
        }
        self
    }

    fn saturated(mut self, value: Option<f64>, unit: &'static str) -> Resource {
        self.saturation = value.map(|value| Figure { value, unit });
        self
    }

    fn refused(mut self, per_s: Option<f64>) -> Resource {
        self.errors = per_s.map(|value| Figure { value, unit: "per_s" });
        self
    }

    /// What says why there is no utilisation, when there is something to say.
    fn unless_used(mut self, note: &str) -> Resource {
        if self.utilisation_ratio.is_none() {
            self.note = note.to_owned();
        }
        self
    }
}

/// Every resource against its limit, in the order in which a reader looks for trouble.
pub fn resources(figures: &Figures, limits: &Limits) -> Vec<Resource> {
    let at = |name: &str| figures.get(name).copied();
    let pressure = |what: &str| at(&format!("host.pressure_{what}_some_us")).map(|us_per_s| us_per_s / 1e6);
    let mut rows = vec![
        cpu(figures, limits).refused(None),
        memory(figures, limits).saturated(pressure("memory"), "ratio").refused(at("host.oom_kills")),
    ];
    if let Some(ratio) = share(at("cgroup.memory_bytes"), at("cgroup.memory_limit_bytes")) {
        rows.push(Resource::new("memory (cgroup)").used(Some(ratio), "of the control group's limit"));
    }
    let tcp_max = limits.tcp_memory_max_bytes.map(|bytes| bytes as f64);
    rows.push(
        Resource::new("tcp memory")
            .used(share(at("host.tcp_memory_bytes"), tcp_max), "socket buffers of tcp_mem's limit")
            .saturated(at("host.tcp_memory_pressures"), "per_s")
            .refused(at("host.tcp_memory_aborts")),
    );
    rows.push(network(figures, limits));
    rows.push(disk(figures).saturated(pressure("io"), "ratio"));
    rows.push(Resource::new("descriptors").used(
        share(at("host.file_handles"), at("host.file_handles_max")),
        "the whole system's, of file-max",
    ));
    rows.extend(limits.descriptors.iter().map(|(name, max)| process_descriptors(figures, name, *max)));
    rows.push(ports(figures, limits));
    if let Some(ratio) = share(at("host.conntrack_entries"), at("host.conntrack_entries_max")) {
        let row = Resource::new("conntrack").used(Some(ratio), "of nf_conntrack_max");
        rows.push(row.refused(at("host.conntrack_drops")));
    }
    rows.push(
        Resource::new("accept queues")
            .used(at("host.accept_queue_ratio"), "the fullest one of its backlog")
            .saturated(at("host.accept_queue"), "connections")
            .refused(at("host.listen_overflows")),
    );
    rows.push(
        Resource::new("shards")
            .used(at("server.busiest_shard_ratio"), "the busiest shard's time at work")
            .saturated(at("server.mail_waiting"), "letters")
            .refused(at("server.mail_full"))
            .unless_used("no chat is asked (--admin ADDRESS)"),
    );
    rows
}

fn share(part: Option<f64>, of: Option<f64>) -> Option<f64> {
    part.zip(of.filter(|of| *of > 0.0)).map(|(part, of)| part / of)
}

fn cpu(figures: &Figures, limits: &Limits) -> Resource {
    let at = |name: &str| figures.get(name).copied();
    let note = limits.cores.map_or("of all cores".into(), |cores| match cores {
        1 => "of the only core".into(),
        cores => format!("of {cores} cores"),
    });
    let row = Resource::new("cpu").used(at("host.cpu_busy_ratio"), note);
    match at("host.pressure_cpu_some_us") {
        Some(us_per_s) => row.saturated(Some(us_per_s / 1e6), "ratio"),
        // The run queue counts those that run as well.
        None => {
            let waiting = at("host.procs_running").zip(limits.cores);
            row.saturated(waiting.map(|(running, cores)| (running - f64::from(cores)).max(0.0)), "tasks")
        }
    }
}

fn memory(figures: &Figures, limits: &Limits) -> Resource {
    let free = share(
        figures.get("host.memory_available_bytes").copied(),
        limits.memory_total_bytes.map(|bytes| bytes as f64),
    );
    Resource::new("memory").used(free.map(|free| (1.0 - free).max(0.0)), "what is not available, of all")
}

fn network(figures: &Figures, limits: &Limits) -> Resource {
    let at = |name: String| figures.get(&name).copied();
    let busiest = limits
        .link_bytes_per_s
        .iter()
        .filter_map(|(name, speed)| {
            let ways = ["received_bytes", "sent_bytes"];
            let bytes =
                ways.into_iter().filter_map(|way| at(format!("host.net.{name}.{way}"))).reduce(f64::max)?;
            Some((name, bytes / *speed as f64))
        })
        .max_by(|a, b| a.1.total_cmp(&b.1));
    let bad = ["errors", "drops"].map(|what| {
        let is_bad = |name: &str| name.starts_with("host.net.") && name.ends_with(&format!("_{what}"));
        figures.iter().filter(|(name, _)| is_bad(name)).map(|(_, per_s)| *per_s).reduce(|a, b| a + b)
    });
    let note = busiest.map_or(String::new(), |(name, _)| format!("{name}, the busier way, of its speed"));
    Resource::new("network")
        .used(busiest.map(|(_, ratio)| ratio), note)
        .refused(bad.into_iter().flatten().reduce(|a, b| a + b))
        .unless_used("no interface tells its speed")
}

fn disk(figures: &Figures) -> Resource {
    let busiest = figures
        .iter()
        .filter_map(|(name, ms_per_s)| {
            Some((name.strip_prefix("host.disk.")?.strip_suffix(".busy_ms")?, ms_per_s / 1e3))
        })
        .max_by(|a, b| a.1.total_cmp(&b.1));
    let note = busiest.map_or(String::new(), |(name, _)| format!("{name}'s time at work"));
    Resource::new("disk").used(busiest.map(|(_, ratio)| ratio), note)
}

fn process_descriptors(figures: &Figures, name: &str, max: u64) -> Resource {
    let at = |what: &str| figures.get(&format!("{name}.{what}")).copied();
    let tables = at("descriptor_tables").unwrap_or(1.0).max(1.0);
    let note = if tables > 1.0 {
        format!("of {max} in each of {tables:.0} tables")
    } else {
        format!("of the process's limit of {max}")
    };
    Resource::new(format!("descriptors ({name})"))
        .used(share(at("descriptors"), Some(max as f64 * tables)), note)
        .unless_used("only root and its own user may count them")
}

fn ports(figures: &Figures, limits: &Limits) -> Resource {
    let at = |name: &str| figures.get(name).copied();
    let sockets = at("host.tcp_sockets").map(|open| open + at("host.tcp_time_wait").unwrap_or(0.0));
    let ratio = share(sockets, limits.ports.map(|ports| ports as f64));
    let mut row = match ratio {
        Some(ratio) if ratio > 1.0 => {
            Resource::new("ports").unless_used("more sockets than ports: several addresses")
        }
        ratio => Resource::new("ports").used(ratio, "as if every socket held one of one address"),
    };
    row.is_bound = row.utilisation_ratio.is_some();
    row
}

/// The resource whose limit is nearest, of those whose utilisation was measured.
pub fn nearest(rows: &[Resource]) -> Option<&Resource> {
    let measured = rows.iter().filter(|row| row.utilisation_ratio.is_some() && !row.is_bound);
    measured.max_by(|a, b| {
        a.utilisation_ratio.partial_cmp(&b.utilisation_ratio).unwrap_or(std::cmp::Ordering::Equal)
    })
}

/// Which resource is nearest its limit, and which of them refused something.
pub fn sentence(rows: &[Resource]) -> String {
    let mut said = match nearest(rows) {
        Some(Resource { name, utilisation_ratio: Some(ratio), note, .. }) => {
            format!("Nearest its limit: {name}, at {:.0} % ({note}).", ratio * 100.0)
        }
        _ => "No resource was measured against its limit.".to_owned(),
    };
    let refused: Vec<String> = rows
        .iter()
        .filter_map(|row| {
            let per_s = row.errors.filter(|errors| errors.value > 0.0)?.value;
            Some(format!("{} ({per_s:.1}/s)", row.name))
        })
        .collect();
    if !refused.is_empty() {
        said.push_str(&format!(" Errors: {}.", refused.join(", ")));
    }
    said
}

#[cfg(test)]
#[path = "resources_tests.rs"]
mod tests;

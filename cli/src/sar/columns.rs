//! The table's columns: which figures there are.
//!
//! A column belongs to a band (`cpu %`, `net B/s`), which names what its columns have in common. They stand in the
//! order below; `choice.rs` says which of them are shown.

use sar::Group;

use crate::sar::picture::Picture;
use crate::sar::units::Format;

/// The average of which a column shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tau {
    /// None: the interval's own value.
    Interval,
    /// By its place in [`telemetry::TAUS_S`].
    Decayed(usize),
}

/// One column.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Column {
    pub(crate) band: String,
    pub(crate) heading: String,
    pub(crate) width: usize,
    pub(crate) format: Format,
    pub(crate) group: Group,
    /// 1 goes last; from [`EXTRA`] on it is shown only when asked for.
    pub(crate) importance: u8,
    of: Of,
    scale: f64,
}

/// Columns of this importance and beyond are shown with `--wide` or `--group`.
pub(crate) const EXTRA: u8 = 20;

/// So many scraped names are shown without being asked for; when there are more, none is.
const OTHERS_FEW: usize = 6;

/// Columns for scraped names at most. Later names have none: `--json` and `--csv` hold them all.
const OTHERS_MAX: usize = 64;

/// Characters of a scraped name above its column; its end is cut off.
const HEADING_MAX: usize = 10;

/// Where a column's figure comes from.
#[derive(Debug, Clone, PartialEq)]
enum Of {
    /// The first of these names that is there.
    Any(Vec<String>),
    /// The sum of all that are there.
    Sum(Vec<String>),
}

impl Column {
    /// The figure now; nothing when it was not measured.
    pub(crate) fn read(&self, picture: &Picture, tau: Tau) -> Option<f64> {
        let one = |name: &String| {
            let decayed = picture.decayed(name)?;
            Some(match tau {
                Tau::Interval => decayed.value,
                Tau::Decayed(index) => decayed.averages[index],
            })
        };
        let value = match &self.of {
            Of::Any(names) => names.iter().find_map(one),
            Of::Sum(names) => names.iter().filter_map(one).reduce(|a, b| a + b),
        };
        Some(value? * self.scale)
    }

    fn is_there(&self, picture: &Picture) -> bool {
        let (Of::Any(names) | Of::Sum(names)) = &self.of;
        names.iter().any(|name| picture.value(name).is_some())
    }
}

/// Builds the list, a band at a time.
struct Layout<'a> {
    columns: Vec<Column>,
    picture: &'a Picture,
    band: String,
    group: Group,
}

impl Layout<'_> {
    fn band(&mut self, group: Group, band: impl Into<String>) -> &mut Self {
        (self.group, self.band) = (group, band.into());
        self
    }

    fn push(&mut self, heading: &str, format: Format, importance: u8, of: Of, scale: f64) -> &mut Self {
        let widest = match format {
            Format::Percent => 4,
            Format::Number => 5,
            Format::Bytes => 6,
        };
        let width = heading.chars().count().max(widest);
        let column = Column {
            band: self.band.clone(),
            heading: heading.to_owned(),
            width,
            format,
            group: self.group,
            importance,
            of,
            scale,
        };
        if column.is_there(self.picture) {
            self.columns.push(column);
        }
        self
    }

    fn any(&mut self, heading: &str, format: Format, importance: u8, names: &[&str]) -> &mut Self {
        let of = Of::Any(names.iter().map(|name| (*name).to_owned()).collect());
        self.push(heading, format, importance, of, 1.0)
    }

    /// A counter of microseconds, as the share of the time.
    fn stalled(&mut self, heading: &str, name: &str) -> &mut Self {
        self.push(heading, Format::Percent, EXTRA + 2, Of::Any(vec![name.to_owned()]), 1e-6)
    }

    /// The sum over all devices of a kind.
    fn sum(&mut self, heading: &str, format: Format, importance: u8, kind: &str, what: &[&str]) -> &mut Self {
        let is_one = |name: &&str| {
            let rest = name.strip_prefix(kind).and_then(|rest| rest.rsplit_once('.'));
            rest.is_some_and(|(_, last)| what.contains(&last))
        };
        let names = self.picture.names().filter(is_one).map(str::to_owned).collect();
        self.push(heading, format, importance, Of::Sum(names), 1.0)
    }
}

/// All columns for which there is a figure now.
pub(crate) fn all(picture: &Picture) -> Vec<Column> {
    use Format::{Bytes, Number, Percent};
    let mut layout = Layout { columns: Vec::new(), picture, band: String::new(), group: Group::Cpu };
    layout
        .band(Group::Cpu, "cpu %")
        .any("usr", Percent, 1, &["host.cpu_user_ratio"])
        .any("sys", Percent, 1, &["host.cpu_system_ratio"])
        .any("soft", Percent, 12, &["host.softirq_ratio"])
        .any("irq", Percent, EXTRA + 3, &["host.irq_ratio"])
        .any("stl", Percent, 13, &["host.steal_ratio"])
        .any("idle", Percent, EXTRA + 1, &["host.cpu_idle_ratio"]);
    for core in middles(picture, "host.cpu", "user_ratio") {
        let name = |part: &str| format!("host.cpu{core}.{part}");
        layout.band(Group::Cpu, format!("core {core} %"));
        layout.any("usr", Percent, EXTRA + 8, &[&name("user_ratio")]);
        layout.any("sys", Percent, EXTRA + 8, &[&name("system_ratio")]);
        layout.any("soft", Percent, EXTRA + 8, &[&name("softirq_ratio")]);
    }
    layout
        .band(Group::Cpu, "tasks")
        .any("run", Number, 11, &["host.procs_running"])
        .any("blkd", Number, EXTRA + 2, &["host.procs_blocked"])
        .any("ctx/s", Number, 8, &["host.context_switches"])
        .any("intr/s", Number, EXTRA + 2, &["host.interrupts"])
        .any("fork/s", Number, EXTRA + 4, &["host.forks"])
        .any("load", Number, EXTRA + 3, &["host.load_1m"])
        .band(Group::Pressure, "stalled %")
        .stalled("cpu", "host.pressure_cpu_some_us")
        .stalled("mem", "host.pressure_memory_some_us")
        .stalled("io", "host.pressure_io_some_us")
        .band(Group::Mem, "memory")
        .any("avail", Bytes, 4, &["host.memory_available_bytes"])
        .any("free", Bytes, EXTRA + 2, &["host.memory_free_bytes"])
        .any("kernel", Bytes, EXTRA + 2, &["host.memory_kernel_bytes"])
        .any("slab", Bytes, EXTRA + 3, &["host.slab_bytes"])
        .band(Group::Cgroup, "cgroup")
        .any("mem", Bytes, EXTRA + 3, &["cgroup.memory_bytes"])
        .any("pids", Number, EXTRA + 5, &["cgroup.pids"])
        .push("cpu%", Percent, EXTRA + 3, Of::Any(vec!["cgroup.cpu_us".into()]), 1e-6)
        .push("thr%", Percent, EXTRA + 4, Of::Any(vec!["cgroup.throttled_us".into()]), 1e-6)
        .band(Group::Disk, "disks")
        .sum("readB/s", Bytes, EXTRA + 1, "host.disk.", &["read_bytes"])
        .sum("wrtnB/s", Bytes, EXTRA + 1, "host.disk.", &["written_bytes"])
        .sum("io/s", Number, EXTRA + 2, "host.disk.", &["reads", "writes"])
        .band(Group::Net, "net B/s")
        .sum("rx", Bytes, 5, "host.net.", &["received_bytes"])
        .sum("tx", Bytes, 5, "host.net.", &["sent_bytes"])
        .band(Group::Net, "packets/s")
        .sum("rx", Number, EXTRA + 1, "host.net.", &["received_packets"])
        .sum("tx", Number, EXTRA + 1, "host.net.", &["sent_packets"])
        .sum("err", Number, EXTRA + 2, "host.net.", &["received_errors", "sent_errors"])
        .sum("drop", Number, EXTRA + 2, "host.net.", &["received_drops", "sent_drops"]);
    let interfaces = middles(picture, "host.net.", "received_bytes");
    for interface in interfaces.iter().filter(|_| interfaces.len() > 1) {
        let name = |part: &str| format!("host.net.{interface}.{part}");
        layout.band(Group::Net, format!("{interface} B/s"));
        layout.any("rx", Bytes, EXTRA + 8, &[&name("received_bytes")]);
        layout.any("tx", Bytes, EXTRA + 8, &[&name("sent_bytes")]);
    }
    layout
        .band(Group::Tcp, "tcp")
        .any("open", Number, 7, &["host.tcp_sockets"])
        .any("estab", Number, EXTRA + 3, &["host.tcp_established"])
        .any("t-wait", Number, EXTRA + 1, &["host.tcp_time_wait"])
        .any("conn/s", Number, EXTRA + 2, &["host.tcp_active_opens"])
        .any("acpt/s", Number, EXTRA + 2, &["host.tcp_passive_opens"])
        .any("retr/s", Number, 9, &["host.tcp_retransmits", "host.retransmitted_segments"])
        .any("rst/s", Number, EXTRA + 2, &["host.tcp_resets_out", "host.tcp_resets_sent"])
        .any("ovfl/s", Number, 10, &["host.listen_overflows"])
        .any("memory", Bytes, EXTRA + 2, &["host.tcp_memory_bytes"])
        .band(Group::System, "system")
        .any("files", Number, EXTRA + 1, &["host.file_handles"])
        .any("track", Number, EXTRA + 2, &["host.conntrack_entries"])
        .band(Group::Queue, "accept")
        .any("queue", Number, EXTRA, &["host.accept_queue"])
        .any("full%", Percent, EXTRA, &["host.accept_queue_ratio"])
        .band(Group::Runtime, "chat")
        .any("conns", Number, 2, &["server.connections"])
        .any("msg/s", Number, 2, &["server.messages"])
        .any("mail", Number, 2, &["server.mail_waiting"])
        .any("busy%", Percent, 2, &["server.busiest_shard_ratio"])
        .any("outbox", Bytes, EXTRA, &["server.outbox_bytes"])
        .any("login/s", Number, EXTRA, &["server.logins"]);
    let processes = processes(picture);
    others(&mut layout, &processes);
    for process in processes {
        let name = |part: &str| format!("{process}.{part}");
        layout.band(Group::Proc, process.clone());
        layout
            .any("rss", Bytes, 3, &[&name("rss_bytes")])
            .any("cpu%", Percent, 3, &[&name("cpu_cores")])
            .any("pss", Bytes, 6, &[&name("pss_bytes")])
            .any("thr", Number, EXTRA + 1, &[&name("threads")])
            .any("fds", Number, EXTRA, &[&name("descriptors")])
            .any("majf/s", Number, EXTRA + 2, &[&name("major_faults")])
            .any("ctx/s", Number, EXTRA + 2, &[&name("switches_voluntary")]);
    }
    layout.columns
}

/// What was scraped, or printed by a command: a column for each name. A few were asked for by whoever named them; many
/// are shown when everything is.
fn others(layout: &mut Layout<'_>, processes: &[String]) {
    let known = ["host", "cgroup", "sar", "server", "generator", "publisher"];
    let about_the_scrape = ["scrape_us", "scrapes_late"];
    let is_other = |(source, what): &(&str, &str)| {
        !known.contains(source)
            && !about_the_scrape.contains(what)
            && processes.iter().all(|process| process != source)
    };
    let picture = layout.picture;
    let names = sorted(picture.names().filter_map(|name| name.split_once('.')).filter(is_other));
    let importance = if names.len() <= OTHERS_FEW { 3 } else { EXTRA };
    for (source, what) in names.into_iter().take(OTHERS_MAX) {
        let name = format!("{source}.{what}");
        // Labels follow the name behind a dot.
        let what = what.split_once('.').map_or(what, |(what, _)| what);
        let what = what.strip_suffix("_total").unwrap_or(what);
        let format = match what.rsplit_once('_') {
            Some((_, "bytes")) => Format::Bytes,
            Some((_, "ratio")) => Format::Percent,
            _ => Format::Number,
        };
        let suffix = if picture.is_counter(&name) { "/s" } else { "" };
        let heading: String = what.chars().take(HEADING_MAX).chain(suffix.chars()).collect();
        layout.band(Group::Runtime, source);
        layout.any(&heading, format, importance, &[&name]);
    }
}

/// What stands between `before` and `.after` in names, once each: devices, cores.
fn middles(picture: &Picture, before: &str, after: &str) -> Vec<String> {
    let middle = |name: &str| {
        let middle = name.strip_prefix(before)?.strip_suffix(after)?.strip_suffix('.')?;
        (!middle.is_empty()).then(|| middle.to_owned())
    };
    sorted(picture.names().filter_map(middle))
}

/// The names of watched processes: what has resident memory, besides this tool.
pub(crate) fn processes(picture: &Picture) -> Vec<String> {
    let process = |name: &str| {
        let process = name.strip_suffix(".rss_bytes").filter(|process| *process != "sar")?;
        picture.value(name).map(|_| process.to_owned())
    };
    sorted(picture.names().filter_map(process))
}

/// Live names come in another order than recorded ones.
fn sorted<T: Ord>(names: impl Iterator<Item = T>) -> Vec<T> {
    let mut names: Vec<T> = names.collect();
    names.sort_unstable();
    names
}

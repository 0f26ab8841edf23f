//! The machine and the processes: sar's figures now, over 10 and 100 seconds, and as lines over time.

use telemetry::Kind;

use crate::grid::{Column, Grid, Page, Row, Value};
use crate::screen::theme::Tone;
use crate::views::Scene;
use crate::words::Unit;

/// Cells of a line over time that are worked out; a screen shows as many as there is room for.
const CELLS: usize = 60;

const COLUMNS: [Column; 9] = [
    Column::words("group", "group", 9),
    Column::words("name", "name", 21).growing(),
    Column::figures("now", "now", 10),
    Column::figures("mean_10s", "10 s", 10),
    Column::figures("mean_100s", "100 s", 10),
    Column::words("line_1s", "1 s a cell", 15).growing(),
    Column::figures("max_100s", "max 100 s", 10),
    Column::words("line_10s", "10 s a cell", 24),
    Column::words("line_100s", "100 s a cell", 24),
];

/// The groups in their order, and the beginnings of names that belong to each.
const GROUPS: &[(&str, &[&str])] = &[
    (
        "cpu",
        &[
            "host.cpu",
            "host.load",
            "host.procs",
            "host.softirq",
            "host.irq",
            "host.steal",
            "host.context",
            "host.interrupts",
            "host.forks",
            "host.pressure_cpu",
        ],
    ),
    (
        "memory",
        &[
            "host.memory",
            "host.slab",
            "host.page_tables",
            "host.percpu",
            "host.kernel_stack",
            "host.oom",
            "host.pressure_memory",
            "host.swap",
        ],
    ),
    (
        "tcp",
        &[
            "host.tcp",
            "host.listen",
            "host.accept",
            "host.retransmitted",
            "host.syn_cookies",
            "host.conntrack",
        ],
    ),
    ("net", &["host.net", "host.udp"]),
    ("disk", &["host.disk", "host.pressure_io"]),
    ("host", &["host."]),
    ("cgroup", &["cgroup."]),
];

/// What is looked at first, in this order within its group; the others follow by name.
const FIRST: &[&str] = &[
    "host.cpu_busy_ratio",
    "host.cpu_user_ratio",
    "host.cpu_system_ratio",
    "host.softirq_ratio",
    "host.steal_ratio",
    "host.procs_running",
    "host.context_switches",
    "host.memory_available_bytes",
    "host.memory_free_bytes",
    "host.memory_kernel_bytes",
    "host.slab_bytes",
    "host.tcp_sockets",
    "host.accept_queue",
    "host.listen_overflows",
    "host.listen_drops",
    "host.retransmitted_segments",
];

/// What sar tells of a process, whatever its name.
const OF_PROCESS: &[&str] = &[
    "cpu_cores",
    "cpu_system_s",
    "cpu_user_s",
    "descriptor_tables",
    "descriptors",
    "major_faults",
    "minor_faults",
    "pss_bytes",
    "rss_bytes",
    "switches_involuntary",
    "switches_voluntary",
    "threads",
];

pub(super) fn page(scene: &Scene<'_>) -> Page {
    let mut rows: Vec<((usize, usize), Row)> = Vec::new();
    for name in scene.moment.names() {
        let Some((order, group, rest)) = group(name) else { continue };
        let place = FIRST.iter().position(|first| *first == name).unwrap_or(FIRST.len());
        rows.push(((order, place), row(scene, name, &group, rest)));
    }
    // Stable: the others of a group stay in the order of their names.
    rows.sort_by_key(|&(order, _)| order);
    let rows: Vec<Row> = rows.into_iter().map(|(_, row)| row).collect();
    let mut page = Page { grid: Grid { columns: COLUMNS.to_vec(), rows }, ..Page::default() };
    if page.grid.rows.is_empty() {
        let why =
            "no figures of the machine in this feed: 'floodmark sar -o FILE' records them, so does a run";
        page.notes.push((Tone::Quiet, why.into()));
    }
    page
}

/// A name's group, where the group stands, and the rest of the name; `None` for what is shown elsewhere.
fn group(name: &str) -> Option<(usize, String, &str)> {
    // Of every port that anybody listens at: many, and seldom of interest.
    if let Some(rest) = name.strip_prefix("host.listen.") {
        return Some((GROUPS.len() + 3, "listen".into(), rest));
    }
    for (order, (group, beginnings)) in GROUPS.iter().enumerate() {
        if let Some(beginning) = beginnings.iter().find(|beginning| name.starts_with(**beginning)) {
            let prefix = beginning.split('.').next().unwrap_or_default();
            let rest = name[prefix.len()..].trim_start_matches('.');
            return Some((order, (*group).to_owned(), rest));
        }
    }
    let (prefix, rest) = name.split_once('.')?;
    let order = GROUPS.len();
    match prefix {
        "sar" => Some((order + 1, "sar".into(), rest)),
        _ if OF_PROCESS.contains(&rest) => Some((order, prefix.to_owned(), rest)),
        // What the tools tell of themselves has views of its own; other names are of scraped servers.
        "server" | "generator" | "publisher" | "connections" | "kernel" => None,
        _ => Some((order + 2, prefix.to_owned(), rest)),
    }
}

fn row(scene: &Scene<'_>, name: &str, group: &str, rest: &str) -> Row {
    let (unit, scale) = Unit::of(name);
    let known = scene.moment.decayed(name);
    let kind = known.map_or(Kind::Gauge, |decayed| decayed.kind);
    let unit = if kind == Kind::Counter { unit.per_second() } else { unit };
    let figure =
        |of: fn(&telemetry::Decayed) -> f64| Value::of(known.as_ref().map(|known| of(known) * scale), unit);
    let cells_of = |seconds| scene.history.chronicle.cells(name, scene.at_us, seconds, CELLS);
    let bare = rest.strip_prefix(group).and_then(|rest| rest.strip_prefix(['_', '.'])).unwrap_or(rest);
    // A share has its word only where a count of the same name stands beside it.
    let count = name.strip_suffix("_ratio");
    let beside_a_count = count.is_some_and(|count| scene.moment.value(count).is_some());
    let cells = vec![
        Value::text(group),
        Value::text(words(bare, beside_a_count)),
        figure(|known| known.value),
        figure(|known| known.averages[1]),
        figure(|known| known.averages[2]),
        Value::Spark(scene.moment.recent(name).collect()),
        figure(|known| known.maxima[2]),
        Value::Spark(cells_of(10)),
        Value::Spark(cells_of(100)),
    ];
    Row { key: name.to_owned(), cells, tone: Tone::Plain }
}

/// A name without its unit, which the figure shows: `memory_free_bytes` → `memory free`.
fn words(name: &str, with_ratio: bool) -> String {
    let units = ["_bytes", "_us", "_ns", "_ms", "_s", "_ratio"];
    let units = if with_ratio { &units[..5] } else { &units[..] };
    let bare = units.iter().find_map(|unit| name.strip_suffix(unit)).unwrap_or(name);
    bare.replace('_', " ")
}

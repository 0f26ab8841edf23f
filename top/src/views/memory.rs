//! What a connection costs: memory as it is, divided by the connections, and by how it grew with them.
//!
//! The slope is the one of least squares over the points of the chart up to the most connections: what was there before
//! the first connection does not count in it.

use crate::grid::{Chart, ChartLine, Column, Grid, Page, Row, Value};
use crate::screen::theme::Tone;
use crate::views::Scene;
use crate::words::Unit;

const COLUMNS: [Column; 5] = [
    Column::words("memory", "memory", 26),
    Column::figures("now_bytes", "now", 12),
    Column::figures("per_connection_bytes", "÷ conns", 12),
    Column::figures("slope_bytes", "slope/conn", 12),
    Column::words("line_1s", "1 s a cell", 13).growing(),
];

/// What is shown, how it is called, and whether dividing it by the connections means anything.
const FIGURES: &[(&str, &str, bool)] = &[
    ("server.rss_bytes", "server RSS", true),
    ("server.shard_memory_bytes", "  its shards", true),
    ("generator.rss_bytes", "generator RSS", true),
    ("host.memory_kernel_bytes", "kernel", false),
    ("host.slab_bytes", "  slab", false),
    ("host.slab_tcp_bytes", "    TCP sockets", true),
    ("host.slab_sock_inode_bytes", "    socket inodes", true),
    ("host.slab_file_bytes", "    files", false),
    ("host.slab_dentry_bytes", "    dentries", false),
    ("host.slab_epoll_bytes", "    epoll", true),
    ("host.slab_skbuff_bytes", "    socket buffers", false),
    ("host.slab_bind_bytes", "    bound ports", true),
    ("host.page_tables_bytes", "  page tables", false),
    ("host.kernel_stack_bytes", "  kernel stacks", false),
    ("host.percpu_bytes", "  per CPU", false),
    ("host.tcp_memory_bytes", "TCP's own account", false),
    ("host.memory_available_bytes", "available", false),
    ("cgroup.memory_bytes", "this cgroup", false),
    ("sar.rss_bytes", "the sampler", false),
];

/// Points that a slope takes at least.
const POINTS_MIN: usize = 4;

/// Connections that must have come for a slope to mean anything.
const CONNECTIONS_MIN: f64 = 50.0;

pub(super) fn page(scene: &Scene<'_>) -> Page {
    let mut page = Page { grid: Grid { columns: COLUMNS.to_vec(), rows: Vec::new() }, ..Page::default() };
    let connections = scene.history.chronicle.line(scene.connections_name(), scene.at_us);
    let open = scene.connections().filter(|open| *open >= 1.0);
    for &(name, title, divides) in FIGURES {
        if scene.moment.reached(name).is_none() {
            continue;
        }
        let now = scene.moment.value(name);
        let line = scene.history.chronicle.line(name, scene.at_us);
        let each = if divides {
            Value::of(now.zip(open).map(|(now, open)| now / open), Unit::Bytes)
        } else {
            Value::Blank
        };
        let slope = match name {
            "host.memory_available_bytes" | "sar.rss_bytes" => Value::Blank,
            _ => Value::of(slope(&connections, &line), Unit::Bytes),
        };
        let recent = Value::Spark(scene.moment.recent(name).collect());
        let cells = vec![Value::text(title), Value::of(now, Unit::Bytes), each, slope, recent];
        page.grid.rows.push(Row { key: name.to_owned(), cells, tone: Tone::Plain });
    }
    match (scene.moment.value("server.rss_bytes"), open) {
        (None, _) if let Some(silence) = scene.moment.silence("server.rss_bytes") => {
            page.notes.push(super::silent(silence));
        }
        (None, _) => {
            let why = "no server's RSS in this feed: a run samples it, and so does top beside a server on this machine";
            page.notes.push((Tone::Quiet, why.into()));
        }
        (Some(rss), Some(open)) => {
            let each = rss / open;
            let note = format!(
                "{} connections, {} of server RSS each",
                Unit::Exact.say(open),
                Unit::Bytes.say(each)
            );
            page.notes.push((Tone::Plain, note));
            if scene.live && slope(&connections, &connections).is_none() {
                let why = "no slope: too few connections came while this was looked at ('--run DIR' has a run's ramp)";
                page.notes.push((Tone::Quiet, why.into()));
            }
        }
        (Some(_), None) => page.notes.push((Tone::Quiet, "no connections to divide by".into())),
    }
    page.charts = charts(scene, connections);
    page
}

fn charts(scene: &Scene<'_>, connections: Vec<(f64, f64)>) -> Vec<Chart> {
    let rss = scene.history.chronicle.line("server.rss_bytes", scene.at_us);
    let lines = vec![
        ChartLine { name: "server RSS".into(), points: rss, unit: Unit::Bytes },
        ChartLine { name: "connections".into(), points: connections, unit: Unit::Exact },
    ];
    let chart = Chart { title: String::new(), lines, logarithmic: false };
    let drawable = chart.lines.iter().any(|line| line.points.len() > 1);
    if drawable { vec![chart] } else { Vec::new() }
}

/// How much of `bytes` came with each connection, while they came; `None` when too few did.
fn slope(connections: &[(f64, f64)], bytes: &[(f64, f64)]) -> Option<f64> {
    let most = connections.iter().map(|&(_, count)| count).fold(0.0, f64::max);
    let full_s = connections.iter().find(|&&(_, count)| count >= most * 0.999).map(|&(second, _)| second)?;
    let while_they_came = connections.iter().filter(|&&(second, _)| second <= full_s);
    let points: Vec<(f64, f64)> = while_they_came
        .filter_map(|&(second, count)| {
            // Both are columns of one chronicle: where both were measured, the seconds are the same.
            let place = bytes.binary_search_by(|(other, _)| other.total_cmp(&second)).ok()?;
            Some((count, bytes[place].1))
        })
        .collect();
    let least = points.iter().map(|&(count, _)| count).fold(f64::INFINITY, f64::min);
    if points.len() < POINTS_MIN || most - least < CONNECTIONS_MIN {
        return None;
    }
    let size = points.len() as f64;
    let mean = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / size;
    let (mean_count, mean_bytes) = (mean(|point| point.0), mean(|point| point.1));
    let both: f64 = points.iter().map(|(x, y)| (x - mean_count) * (y - mean_bytes)).sum();
    let spread: f64 = points.iter().map(|(x, _)| (x - mean_count).powi(2)).sum();
    (spread > 0.0).then(|| both / spread)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slope_is_what_each_connection_added() {
        let connections: Vec<_> = (0..10).map(|s| (f64::from(s), f64::from(s.min(6)) * 100.0)).collect();
        let bytes: Vec<_> = (0..10).map(|s| (f64::from(s), 5e6 + f64::from(s.min(6)) * 6_800.0)).collect();
        let slope_ = slope(&connections, &bytes).expect("enough points");
        assert!((slope_ - 68.0).abs() < 1e-9, "{slope_}");
        assert_eq!(slope(&connections[..3], &bytes), None, "too few points");
        assert_eq!(
            slope(&[(0.0, 1.0), (1.0, 2.0), (2.0, 3.0), (3.0, 4.0)], &bytes),
            None,
            "too few connections"
        );
        assert_eq!(slope(&[], &[]), None);
    }
}

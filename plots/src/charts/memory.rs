//! The server's memory over time, the connections, and what one of them takes.

use super::fit;
use super::limits::limits;
use super::over_time::{Quantity, over_time, panel, value_at, with_limits};
use super::{Parts, axis};
use crate::run::grouped;
use crate::{Run, Unit};

/// Bytes per connection are shown while at least this share of the most connections are open, and so many: a few
/// connections share what the server took for itself.
const SHARE_MIN: f64 = 0.05;
const CONNECTIONS_MIN: f64 = 10.0;

pub(super) fn draw(runs: &[Run]) -> Result<Parts, String> {
    if runs.iter().all(|run| run.series("server.rss_bytes").is_empty()) {
        return Err(
            "there is no sample of the server's memory: it runs elsewhere, or nobody watched it".to_owned()
        );
    }
    let memory = [Quantity::sampled("server RSS", 0, "server.rss_bytes")];
    let open = [Quantity::new("connections", 1, |run| connections(run).to_vec())];
    let each = [
        Quantity::new("server", 0, |run| per_connection(run, "server.rss_bytes")),
        Quantity::new("generator", 1, |run| per_connection(run, "generator.rss_bytes")).aside(),
    ];
    let peak = limits(runs, &["memory.server_rss_peak_bytes"]);
    let server = "memory.server_bytes_per_connection";
    let slopes = match runs {
        [_] => limits(runs, &[server, "memory.generator_bytes_per_connection"]),
        _ => limits(runs, &[server]),
    };
    let panels = [
        with_limits(panel(runs, axis("server RSS", Unit::Bytes), 3.0, &memory), peak),
        panel(runs, axis("connections", Unit::Count), 1.5, &open),
        with_limits(panel(runs, axis("growth per connection", Unit::Bytes), 1.5, &each), slopes),
    ];
    over_time(runs, panels, answer, "all samples of the server's memory are from before the ramp began")
}

/// Open connections: as the generator counts them, else the server.
pub(super) fn connections(run: &Run) -> &[(f64, f64)] {
    let told = run.series("connections.open");
    if told.is_empty() { run.series("server.connections") } else { told }
}

/// The most connections that were open at once.
pub(super) fn connections_peak(run: &Run) -> Option<f64> {
    let seen = || highest(connections(run));
    run.figure("connections.peak").or_else(seen)
}

/// The highest value that a chart shows of a series.
pub(super) fn highest(points: &[(f64, f64)]) -> Option<f64> {
    // What came before the ramp is not shown: the measuring of the ceiling, among others.
    let shown = points.iter().filter(|(at_s, y)| *at_s >= 0.0 && y.is_finite());
    shown.map(|(_, y)| *y).reduce(f64::max)
}

/// What a process has grown by since the ramp began, shared by the connections; until they are closed.
fn per_connection(run: &Run, name: &str) -> Vec<(f64, f64)> {
    let (memory, open) = (run.series(name), connections(run));
    let before = memory.partition_point(|(x, _)| *x <= 0.0).saturating_sub(1);
    let (Some((_, start)), Some(most)) = (memory.get(before), highest(open)) else { return Vec::new() };
    let drain = run.phases().iter().find(|phase| phase.name == "drain");
    let end_s = drain.map_or(f64::INFINITY, |phase| phase.from_s);
    let least = CONNECTIONS_MIN.max(most * SHARE_MIN);
    let each = |(x, bytes): &(f64, f64)| {
        let open = value_at(open, *x).filter(|open| *open >= least)?;
        Some((*x, (bytes - start) / open))
    };
    memory[before..].iter().take_while(|(x, _)| *x <= end_s).filter_map(each).collect()
}

fn answer(run: &Run, brief: bool) -> Option<String> {
    let each = fit::each(run);
    let peak = run.figure("memory.server_rss_peak_bytes").or_else(|| highest(run.series("server.rss_bytes")));
    let write = |bytes| Unit::Bytes.write(bytes);
    let most = peak.map(|peak| match connections_peak(run) {
        // Not at the same moment: memory may go on growing while messages are sent.
        Some(open) => format!("at most {}; at most {} connections", write(peak), grouped(open)),
        None => format!("at most {}", write(peak)),
    });
    let each = each.map(|(each, bounds)| {
        let bounds = bounds.filter(|_| !brief);
        let bounds = bounds.map(|(low, high)| format!(" (95 %: {} to {} B)", grouped(low), grouped(high)));
        format!("{} B a connection{}", grouped(each), bounds.unwrap_or_default())
    });
    if brief {
        return each.or(most);
    }
    Some(each.into_iter().chain(most).collect::<Vec<_>>().join("; "))
}

//! Connections over time, and how fast they came.

use super::limits::limits;
use super::memory::{connections, connections_peak, highest};
use super::over_time::{Quantity, over_time, panel, with_limits};
use super::{Parts, axis};
use crate::chart::Dash;
use crate::run::grouped;
use crate::{Run, Unit};

pub(super) fn draw(runs: &[Run]) -> Result<Parts, String> {
    let open = [
        Quantity::new("asked for", 6, asked).dashed(Dash::Dashed).steps().faint().aside(),
        Quantity::new("open", 1, |run| connections(run).to_vec()),
    ];
    let opening = [Quantity::sampled("being opened", 4, "connections.opening").unless_nothing()];
    let failed = [Quantity::sampled("failed so far", 3, "connections.failed").unless_nothing()];
    let rate = [
        Quantity::new("asked for", 6, asked_rate).dashed(Dash::Dashed).steps().faint().aside(),
        Quantity::new("logged in", 1, came),
        Quantity::sampled("opened again", 4, "connections.reconnects")
            .dashed(Dash::Dotted)
            .unless_nothing()
            .aside(),
        Quantity::sampled("closed by the server", 0, "connections.closed_by_server")
            .dashed(Dash::Dashed)
            .unless_nothing()
            .aside(),
    ];
    let peaks = limits(runs, &["connections.peak"]);
    let rates = limits(runs, &["connections.connect_rate_per_s"]);
    let failures = limits(runs, &["connections.failed"]).into_iter().filter(|limit| limit.y > 0.0).collect();
    if runs.iter().all(|run| connections(run).is_empty()) {
        return Err(
            "there is no sample of connections: neither a generator nor a server told of any".to_owned()
        );
    }
    let panels = [
        with_limits(panel(runs, axis("connections", Unit::Count), 2.5, &open), peaks),
        panel(runs, axis("being opened", Unit::Count), 1.0, &opening),
        with_limits(panel(runs, axis("failed so far", Unit::Count), 1.0, &failed), failures),
        with_limits(panel(runs, axis("new connections", Unit::PerSecond), 1.8, &rate), rates),
    ];
    over_time(runs, panels, answer, "all samples of connections are from before the ramp began")
}

/// Logins per second; without a generator, what the server accepted.
fn came(run: &Run) -> Vec<(f64, f64)> {
    let logins = run.series("connections.logins");
    let came = if logins.is_empty() { run.series("server.accepted") } else { logins };
    came.to_vec()
}

/// As many as the plan asks for, until the drain; with the steps of the hold.
fn asked(run: &Run) -> Vec<(f64, f64)> {
    let (Some(asked), Some(end_s)) = (number(run, "connections"), held_until(run)) else { return Vec::new() };
    let mut points = vec![(0.0, asked)];
    let turned = run.events().iter().filter_map(|event| Some((event.at_s, event.knob.as_ref()?)));
    points.extend(turned.filter(|(_, knob)| knob.0 == "connections").map(|(at_s, knob)| (at_s, knob.1)));
    let last = points.last().map_or(asked, |point| point.1);
    points.push((end_s, last));
    points
}

/// The rate that the plan asks for, while the ramp lasts.
fn asked_rate(run: &Run) -> Vec<(f64, f64)> {
    let ramp = run.phases().iter().find(|phase| phase.name == "ramp");
    match (number(run, "connect_rate_per_s"), ramp) {
        (Some(rate), Some(ramp)) => vec![(ramp.from_s, rate), (ramp.to_s, rate)],
        _ => Vec::new(),
    }
}

fn number(run: &Run, name: &str) -> Option<f64> {
    run.plan().get(name)?.as_f64()
}

fn held_until(run: &Run) -> Option<f64> {
    let drain = run.phases().iter().find(|phase| phase.name == "drain").map(|phase| phase.from_s);
    drain.or_else(|| run.phases().last().map(|phase| phase.to_s))
}

fn answer(run: &Run, brief: bool) -> Option<String> {
    let peak = connections_peak(run)?;
    let rate = run.figure("connections.connect_rate_per_s");
    let rate = rate.map(|rate| format!("{}/s in the ramp", grouped(rate.round())));
    let failed = run.figure("connections.failed").or_else(|| highest(run.series("connections.failed")));
    let failed = failed.map(|failed| format!("{} failed", grouped(failed)));
    let asked = number(run, "connections_max").or(number(run, "connections")).filter(|asked| *asked > peak);
    let most = match asked {
        Some(asked) if !brief => format!("{} of {} connections", grouped(peak), grouped(asked)),
        _ if brief => grouped(peak),
        _ => format!("{} connections at once", grouped(peak)),
    };
    let parts = [Some(most), rate, failed.filter(|failed| !brief || !failed.starts_with("0 "))];
    Some(parts.into_iter().flatten().collect::<Vec<_>>().join(", "))
}

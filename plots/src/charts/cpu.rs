//! Who kept the processors busy, and with what.

use super::limits::limits;
use super::memory::highest;
use super::over_time::{Quantity, over_time, panel, with_limits};
use super::{Parts, axis};
use crate::chart::{Axis, Dash};
use crate::{Run, Unit};

/// Up to so many cores, the axis goes to what the machine has; of many, a run may take too few to be seen so.
const CORES_SHOWN_MAX: f64 = 8.0;

/// A share of less time than this is mostly rounding: the kernel counts in ticks of 10 ms. Shorter ones are left out, unless
/// the whole recording is like that.
const SPACING_S_MIN: f64 = 0.3;

pub(super) fn draw(runs: &[Run]) -> Result<Parts, String> {
    let cores = [
        share("server", 0, "server.cpu_cores"),
        share("generator", 1, "generator.cpu_cores").dashed(Dash::Dashed),
        share("publisher", 3, "publisher.cpu_cores").dashed(Dash::Dotted).aside(),
    ];
    let shares = [
        share("all", 7, "host.cpu_busy_ratio"),
        share("kernel", 2, "host.cpu_system_ratio").dashed(Dash::Dashed).aside(),
        share("soft interrupts", 5, "host.softirq_ratio").dashed(Dash::DashDot),
        share("programs", 4, "host.cpu_user_ratio").dashed(Dash::Dotted).aside(),
        share("hard interrupts", 3, "host.irq_ratio").unless_nothing().aside(),
        share("taken by others (steal)", 6, "host.steal_ratio").unless_nothing().aside(),
    ];
    let machine =
        runs.iter().filter_map(machine_cores).reduce(f64::max).filter(|cores| *cores <= CORES_SHOWN_MAX);
    let y = Axis { range: machine.map(|cores| (0.0, cores)), ..axis("cores", Unit::Cores) };
    let whole = Axis { range: Some((0.0, 1.0)), ..axis("machine", Unit::Ratio) };
    let used = limits(runs, &["cpu.server_cores", "cpu.generator_cores", "cpu.publisher_cores"]);
    let panels = [
        with_limits(panel(runs, y, 1.5, &cores), used),
        with_limits(panel(runs, whole, 1.5, &shares), limits(runs, &["cpu.softirq_ratio"])),
    ];
    over_time(runs, panels, answer, "the processors were not watched in this recording")
}

fn share<'a>(name: &str, hue: usize, series: &'a str) -> Quantity<'a> {
    Quantity::new(name, hue, move |run| settled(run.series(series)))
}

/// Without the samples that a phase's end brings, right after the one before.
fn settled(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let mut spacings: Vec<f64> = points.windows(2).map(|pair| pair[1].0 - pair[0].0).collect();
    spacings.sort_by(f64::total_cmp);
    let usual = spacings.get(spacings.len() / 2).copied().unwrap_or(0.0);
    let least = SPACING_S_MIN.min(usual / 2.0);
    let kept =
        (0..points.len()).filter(|place| *place == 0 || points[*place].0 - points[place - 1].0 >= least);
    kept.map(|place| points[place]).collect()
}

fn machine_cores(run: &Run) -> Option<f64> {
    let host = run.host()?;
    host["cores_usable"].as_f64().or(host["cores_online"].as_f64())
}

fn answer(run: &Run, brief: bool) -> Option<String> {
    let said = |name: &str, who: &str| {
        let cores = run.figure(&format!("cpu.{name}_cores"))?;
        Some(format!("{who} {cores:.2}"))
    };
    let used = [("server", "server"), ("generator", "generator"), ("publisher", "publisher")];
    let used: Vec<String> = used.into_iter().filter_map(|(name, who)| said(name, who)).collect();
    if brief {
        return used.first().map(|server| format!("{server} cores"));
    }
    let of = machine_cores(run).map_or(String::new(), |cores| format!(" of {cores}"));
    let during =
        (!used.is_empty()).then(|| format!("cores{of} while messages were sent: {}", used.join(", ")));
    let busiest = highest(&settled(run.series("host.cpu_busy_ratio")));
    let busiest = busiest.map(|share| format!("the machine at most {} busy", Unit::Ratio.write(share)));
    let parts: Vec<String> = during.into_iter().chain(busiest).collect();
    (!parts.is_empty()).then(|| parts.join("; "))
}

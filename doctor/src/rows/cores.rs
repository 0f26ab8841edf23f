//! Cores: never a wall, but one core that does the work of two ends measures neither.

use crate::demand::Demand;
use crate::level::Level;
use crate::machine::Machine;
use crate::row::{Row, Unit};

/// A core for each end that is here.
pub(crate) fn cores(demand: &Demand, machine: &Machine) -> Row {
    let what = ("cores", "cores", Unit::Cores);
    let Some(cores) = machine.cores else { return Row::unknown(what, "/sys/devices/system/cpu/online") };
    let quota = machine
        .cgroup
        .cpu
        .as_ref()
        .map_or(String::new(), |cpu| format!("; {} allows {:.2} of them", cpu.file.display(), cpu.cores));
    let why = format!("one for each end that is here, or they take turns and latency is about that{quota}");
    Row::judged(what, demand.connections, |_| Level::soft(demand.ends(), cores), why)
}

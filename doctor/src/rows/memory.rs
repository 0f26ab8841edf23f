//! Memory: what a connection takes of the kernel and of the processes, times the connections.

use crate::demand::{Demand, reserve_bytes};
use crate::level::Level;
use crate::machine::Machine;
use crate::row::{Mend, Row, Unit};
use crate::rows::conntrack::is_tracking;
use crate::words;

/// What the workers take before the first connection: programs, threads' stacks, histograms.
const WORKERS_BYTES: u64 = 64 << 20;

/// An entry of the tracking table, its slab's overhead included.
const CONNTRACK_ENTRY_BYTES: u64 = 320;

fn bytes_per_connection(demand: &Demand, machine: &Machine) -> (u64, u64) {
    let tracked = if is_tracking(machine) { CONNTRACK_ENTRY_BYTES } else { 0 };
    let kernel = demand.ends().saturating_mul(demand.kernel_bytes_per_end).saturating_add(tracked);
    let server = if demand.server_here { demand.server_bytes_per_connection } else { 0 };
    let generator = if demand.generator_here { demand.generator_bytes_per_connection } else { 0 };
    (kernel, server.saturating_add(generator))
}

fn need(demand: &Demand, machine: &Machine, connections: u64) -> u64 {
    let (kernel, user) = bytes_per_connection(demand, machine);
    kernel.saturating_add(user).saturating_mul(connections).saturating_add(WORKERS_BYTES)
}

fn sum(demand: &Demand, machine: &Machine) -> String {
    let (kernel, user) = bytes_per_connection(demand, machine);
    let (ends, both) = match demand.ends() {
        2 => ("at both ends", kernel.saturating_add(user)),
        _ => ("at this end", kernel.saturating_add(user)),
    };
    let stranger =
        if demand.server_here && !demand.server_ours { ", the server's own not counted" } else { "" };
    format!(
        "a connection takes {} B {ends}: {} B of kernel and {} B of user space{stranger}",
        words::grouped(both),
        words::grouped(kernel),
        words::grouped(user)
    )
}

/// The machine's memory.
pub(crate) fn machine(demand: &Demand, machine: &Machine) -> Row {
    let what = ("memory.machine", "memory", Unit::Bytes);
    let Some(available) = machine.memory_bytes() else { return Row::unknown(what, "/proc/meminfo") };
    let total = machine.memory_total_bytes.unwrap_or(available);
    let reserve = reserve_bytes(demand.reserve_bytes, total);
    let have = available.saturating_sub(reserve);
    let level = |connections| Level::hard(need(demand, machine, connections), have).with_slack();
    let why = format!(
        "{}; {} are free, of which {} stay free",
        sum(demand, machine),
        words::bytes(available),
        words::bytes(reserve.min(available))
    );
    let row = Row::judged(what, demand.connections, level, why);
    let missing = need(demand, machine, demand.connections).saturating_sub(have);
    // Settings that cannot be read back are not for `apply`.
    row.or_else(|| {
        let enough = machine.memory_droppable_bytes()? >= missing;
        let command = "sync; sysctl -w vm.drop_caches=3".to_owned();
        enough.then_some(Mend { command, root: true, setting: None })
    })
}

/// The tightest limit of a cgroup; the kernel's share for its sockets counts against it. `None`: no limit.
pub(crate) fn cgroup(demand: &Demand, machine: &Machine) -> Option<Row> {
    let what = ("memory.cgroup", "the cgroup's memory", Unit::Bytes);
    let limit = machine.cgroup.memory.as_ref()?;
    let have = limit.limit_bytes.saturating_sub(limit.used_bytes);
    let level = |connections| Level::hard(need(demand, machine, connections), have).with_slack();
    let why = format!(
        "{}; {} allows {}, of which {} are used; give the container or unit more memory",
        sum(demand, machine),
        limit.file.display(),
        words::bytes(limit.limit_bytes),
        words::bytes(limit.used_bytes)
    );
    Some(Row::judged(what, demand.connections, level, why))
}

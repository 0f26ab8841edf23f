//! The examination: one row for each limit that stands between a demand and a machine.

use crate::demand::Demand;
use crate::machine::Machine;
use crate::report::Report;
use crate::rows::{backlog, conntrack, cores, descriptors, memory, ports, tcp, threads};

/// The most connections that are reckoned with: a flood numbers them in 32 bits.
pub const CONNECTIONS_MAX: u64 = u32::MAX as u64;

/// Compares what is wanted with what there is. Rows that do not apply are left out: ports where no generator is,
/// conntrack where it is not loaded, cgroups where there is no limit.
pub fn examine(demand: &Demand, machine: &Machine) -> Report {
    let rows = [
        Some(descriptors::tables(demand, machine)),
        Some(descriptors::system(demand, machine)),
        Some(descriptors::watches(demand, machine)),
        ports::sources(demand, machine),
        backlog::accept(demand, machine),
        backlog::syn(demand, machine),
        conntrack::entries(demand, machine),
        Some(memory::machine(demand, machine)),
        memory::cgroup(demand, machine),
        Some(tcp::total(demand, machine)),
        Some(tcp::receive(demand, machine)),
        Some(tcp::send(demand, machine)),
        Some(threads::system(demand, machine)),
        Some(threads::pids(demand, machine)),
        threads::user(demand, machine),
        threads::cgroup(demand, machine),
        Some(threads::mappings(demand, machine)),
        Some(cores::cores(demand, machine)),
    ];
    Report { connections: demand.connections, rows: rows.into_iter().flatten().collect() }
}

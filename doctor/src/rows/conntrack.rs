//! Connection tracking, where it is loaded and a rule asks for it.

use crate::demand::Demand;
use crate::level::Level;
use crate::machine::Machine;
use crate::row::{Mend, Row, Unit};
use crate::words::{grouped, roomy};

/// Whether connections are tracked here. A table that stays empty while a connection is open is merely loaded.
pub(crate) fn is_tracking(machine: &Machine) -> bool {
    machine.conntrack_max.is_some() && machine.conntrack_entries != Some(0)
}

/// One entry for a connection, both directions and both ends in one. `None` where it is not loaded.
pub(crate) fn entries(demand: &Demand, machine: &Machine) -> Option<Row> {
    let what = ("conntrack.entries", "tracked connections", Unit::Entries);
    let max = machine.conntrack_max?;
    let now = machine.conntrack_entries.unwrap_or(0);
    if !is_tracking(machine) {
        let why = "loaded, and tracks nothing: no rule asks for it".to_owned();
        return Some(Row::judged(what, demand.connections, |_| Level::hard(0, max), why));
    }
    let level = |connections: u64| Level::hard(connections.saturating_add(now), max).with_slack();
    let why = format!(
        "each connection is one entry, {} are there now, and nf_conntrack_max allows {}; beyond it new connections are \
         dropped without a word",
        grouped(now),
        grouped(max)
    );
    let need = demand.connections.saturating_add(now);
    let mend = || {
        Some(Mend::sysctl("net.netfilter.nf_conntrack_max", &roomy(need).min(i32::MAX as u64).to_string()))
    };
    Some(Row::judged(what, demand.connections, level, why).or_else(mend))
}

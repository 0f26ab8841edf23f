//! Source ports: towards one target, one address has as many connections as it has ports.

use crate::demand::Demand;
use crate::level::Level;
use crate::machine::Machine;
use crate::row::{Mend, Row, Unit};
use crate::words::grouped;

/// The most addresses of 127/8 that a flood takes by itself.
const LOOPBACK_ADDRESSES_MAX: u64 = 65_536;

/// The widest range that leaves out the ports which take privilege.
const WIDEST: (u16, u16) = (1_024, 65_535);

/// How many addresses there are for a number of connections, and how many ports each has.
struct Ports<'a> {
    demand: &'a Demand,
    machine: &'a Machine,
    range: (u16, u16),
}

impl Ports<'_> {
    fn width(&self) -> u64 {
        u64::from(self.range.1 - self.range.0) + 1
    }

    /// The ports that can be had on each address. What is reserved is kept from the kernel's choice, not from ours.
    fn usable(&self) -> u64 {
        let reserved = if self.demand.source_ports.is_some() { 0 } else { self.machine.reserved(self.range) };
        self.width() - reserved
    }

    /// How many connections an address gets when a flood shares them out by itself: an eighth of the range, so that the
    /// kernel finds a free port at once; all of it when the user chose the ports.
    fn share(&self) -> u64 {
        if self.demand.source_ports.is_some() { self.width() } else { (self.width() / 8).max(1) }
    }

    fn addresses(&self, connections: u64) -> u64 {
        match self.demand.source_addresses {
            Some(given) => given.max(1),
            None if self.demand.loopback => {
                connections.div_ceil(self.share()).clamp(1, LOOPBACK_ADDRESSES_MAX)
            }
            None => self.machine.addresses.unwrap_or(1).max(1),
        }
    }

    fn level(&self, connections: u64) -> Level {
        let have = self.addresses(connections).saturating_mul(self.usable());
        // Those in TIME_WAIT come back within a minute.
        let now = have.saturating_sub(self.machine.time_wait.unwrap_or(0));
        Level::hard(connections, have).tight_above(now)
    }
}

/// Addresses × ports. `None` where no generator is.
pub(crate) fn sources(demand: &Demand, machine: &Machine) -> Option<Row> {
    let what = ("ports.sources", "source ports", Unit::Ports);
    if !demand.generator_here {
        return None;
    }
    let Some(range) = demand.source_ports.filter(|(first, last)| first <= last).or(machine.ports) else {
        return Some(Row::unknown(what, "/proc/sys/net/ipv4/ip_local_port_range"));
    };
    let ports = Ports { demand, machine, range };
    let addresses = grouped(ports.addresses(demand.connections));
    let whose = match demand.source_addresses {
        Some(_) => "given",
        None if demand.loopback => "of 127/8, taken as needed",
        None => "of this machine",
    };
    let reserved = match ports.width() - ports.usable() {
        0 => String::new(),
        reserved => format!(", {} reserved", grouped(reserved)),
    };
    let waiting = match machine.time_wait {
        None | Some(0) => String::new(),
        Some(waiting) => {
            format!("; {} are in TIME_WAIT, from which they come back within a minute", grouped(waiting))
        }
    };
    let (first, last) = range;
    let hint = if demand.source_addresses.is_none() && demand.loopback {
        ""
    } else {
        "; more addresses give more (connections.source)"
    };
    let why = format!(
        "{addresses} address(es) {whose}, {} ports each ({first}-{last}{reserved}){waiting}{hint}",
        grouped(ports.usable())
    );
    Some(Row::judged(what, demand.connections, |connections| ports.level(connections), why).or_else(|| {
        let wider = range != WIDEST && demand.source_ports.is_none();
        let (first, last) = WIDEST;
        wider.then(|| Mend::sysctl("net.ipv4.ip_local_port_range", &format!("{first} {last}")))
    }))
}

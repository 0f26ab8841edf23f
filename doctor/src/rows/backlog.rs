//! Connections that wait: for the handshake, and to be accepted.
//!
//! Neither queue grows with the connections held, only with those that are begun at once.

use shard::SHARDS_MAX;

use crate::demand::Demand;
use crate::level::Level;
use crate::machine::Machine;
use crate::row::{Mend, Row, Unit};
use crate::rows::descriptors::server_shards;
use crate::words::grouped;

/// What the target server asks for unless told otherwise, over all its shards.
const BACKLOG: u64 = 65_536;

/// What `somaxconn` is by default since Linux 5.4.
const SOMAXCONN: u64 = 4_096;

/// Listeners that every shard opens, so that the accept queue is as long as asked for.
fn listeners(shards: u64, somaxconn: u64) -> u64 {
    BACKLOG.div_ceil(somaxconn.max(1).saturating_mul(shards)).max(1)
}

fn shards(demand: &Demand, machine: &Machine) -> u64 {
    let shards = machine
        .descriptors_hard_max
        .and_then(|hard_max| server_shards(demand, machine, demand.connections, hard_max))
        .unwrap_or(SHARDS_MAX);
    shards.max(1) as u64
}

/// The accept queue. A wall only when a shard's table has no room for all the listeners it takes.
pub(crate) fn accept(demand: &Demand, machine: &Machine) -> Option<Row> {
    let what = ("backlog.accept", "accept queue", Unit::Connections);
    if !demand.server_here {
        return None;
    }
    let Some(somaxconn) = machine.somaxconn else {
        return Some(Row::unknown(what, "/proc/sys/net/core/somaxconn"));
    };
    let mend = || Some(Mend::sysctl("net.core.somaxconn", &SOMAXCONN.max(demand.concurrency).to_string()));
    let full = "a connection that finds it full is tried again after a second";
    if !demand.server_ours {
        let level = |connections: u64| Level::soft(connections.min(demand.concurrency), somaxconn);
        let why = format!("one listener has at most net.core.somaxconn; {full}");
        return Some(Row::judged(what, demand.connections, level, why).or_else(mend));
    }
    let shards = shards(demand, machine);
    let each = listeners(shards, somaxconn);
    // Half of a table for listeners: beyond that there is none left for whom they let in.
    let fits = machine.descriptors_hard_max.is_none_or(|hard_max| each <= hard_max / 2);
    let why = format!(
        "{shards} shards open {} listener(s) each, of at most {} (net.core.somaxconn); {full}",
        grouped(each),
        grouped(somaxconn)
    );
    let level = |connections: u64| {
        let need = connections.min(demand.concurrency);
        if fits { Level::soft(need, BACKLOG) } else { Level::hard(need, 0) }
    };
    Some(Row::judged(what, demand.connections, level, why).or_else(|| if fits { None } else { mend() }))
}

/// Handshakes that have begun. Without cookies the kernel keeps a quarter of them for peers it knows.
pub(crate) fn syn(demand: &Demand, machine: &Machine) -> Option<Row> {
    let what = ("backlog.syn", "handshakes under way", Unit::Connections);
    if !demand.server_here {
        return None;
    }
    let (Some(max), Some(cookies)) = (machine.syn_backlog_max, machine.syncookies) else {
        return Some(Row::unknown(what, "net.ipv4.tcp_max_syn_backlog and tcp_syncookies"));
    };
    let listeners = if demand.server_ours {
        let shards = shards(demand, machine);
        shards * listeners(shards, machine.somaxconn.unwrap_or(SOMAXCONN))
    } else {
        1
    };
    let have = (max - max / 4).saturating_mul(listeners);
    let need = |connections: u64| connections.min(demand.concurrency);
    let (level, why): (Box<dyn Fn(u64) -> Level>, _) = if cookies > 0 {
        let level = move |connections| Level::hard(need(connections), have.max(need(connections)));
        (Box::new(level), "syncookies are on: what the queue cannot hold connects all the same".to_owned())
    } else {
        let why = format!(
            "syncookies are off, and {listeners} listener(s) keep three quarters of {} each \
             (net.ipv4.tcp_max_syn_backlog); what comes above that is tried again after a second",
            grouped(max)
        );
        (Box::new(move |connections| Level::soft(need(connections), have)), why)
    };
    let mend = || Some(Mend::sysctl("net.ipv4.tcp_syncookies", "1"));
    Some(Row::judged(what, demand.connections, level, why).or_else(mend))
}

//! Descriptors: in each table, of which every shard has its own, and in the whole system.

use shard::{SHARDS_MAX, shards_hold};

use crate::demand::Demand;
use crate::examine::CONNECTIONS_MAX;
use crate::level::{Level, most};
use crate::machine::Machine;
use crate::row::{Mend, Row, Unit};
use crate::words::{grouped, roomy};

/// Open files that a run takes beside its connections: listeners, wakers, pipes, what the sampler holds open.
const FILES_BESIDES: u64 = 2_048;

/// How many shards `connections` take at the server's end; `None`: there is no room for them.
pub(crate) fn server_shards(
    demand: &Demand,
    machine: &Machine,
    connections: u64,
    hard_max: u64,
) -> Option<usize> {
    // The kernel spreads accepted connections at random, so that some shards get more than others.
    shards(demand.server_shards, machine, connections, hard_max, true)
}

/// How many shards `connections` take at the generator's end; `None`: there is no room for them.
pub(crate) fn generator_shards(
    demand: &Demand,
    machine: &Machine,
    connections: u64,
    hard_max: u64,
) -> Option<usize> {
    shards(demand.generator_shards, machine, connections, hard_max, false)
}

fn shards(
    asked: Option<u32>,
    machine: &Machine,
    connections: u64,
    hard_max: u64,
    spread: bool,
) -> Option<usize> {
    let (connections, hard_max) = (connections as usize, hard_max as usize);
    let cores = machine.cores.unwrap_or(1).clamp(1, SHARDS_MAX as u64) as usize;
    let numbers = asked.map_or(cores..=SHARDS_MAX, |asked| {
        let asked = (asked as usize).clamp(1, SHARDS_MAX);
        asked..=asked
    });
    numbers.into_iter().find(|&shards| shards_hold(connections, shards, hard_max, spread))
}

/// Whether both ends have tables enough.
fn hold(demand: &Demand, machine: &Machine, connections: u64, hard_max: u64) -> bool {
    (!demand.server_here
        || !demand.server_ours
        || server_shards(demand, machine, connections, hard_max).is_some())
        && (!demand.generator_here || generator_shards(demand, machine, connections, hard_max).is_some())
}

/// The hard limit bounds a shard's table, not the process: a wall only when not even the most shards have room.
pub(crate) fn tables(demand: &Demand, machine: &Machine) -> Row {
    let what = ("descriptors.tables", "descriptors per table", Unit::Connections);
    let Some(hard_max) = machine.descriptors_hard_max else {
        return Row::unknown(what, "/proc/self/limits");
    };
    let room = most(demand.connections, |connections| hold(demand, machine, connections, hard_max))
        .unwrap_or(CONNECTIONS_MAX);
    let level = |connections| Level::hard(connections, room);
    let connections = demand.connections;
    let mut parts = Vec::new();
    if demand.server_here && demand.server_ours {
        parts.push(("server", server_shards(demand, machine, connections, hard_max)));
    }
    if demand.generator_here {
        parts.push(("generator", generator_shards(demand, machine, connections, hard_max)));
    }
    let mut parts: Vec<_> = parts
        .into_iter()
        .map(|(end, shards)| match shards {
            Some(shards) => format!("the {end} takes {shards} shards"),
            None => format!("the {end} has too few at any number of shards it may have"),
        })
        .collect();
    if parts.is_empty() {
        parts.push("no end here is ours".into());
    }
    let why = format!(
        "each shard has a table of its own, with {} descriptors (the hard limit): {}",
        grouped(hard_max),
        parts.join(", ")
    );
    Row::judged(what, connections, level, why).or_else(|| {
        let fits = |hard: &u64| hold(demand, machine, connections, *hard);
        let hard = std::iter::successors(Some(4_096_u64), |hard| hard.checked_mul(2)).take(32).find(fits)?;
        let ceiling = machine.descriptors_ceiling.unwrap_or(u64::MAX);
        let ceiling = if hard > ceiling { format!("sysctl -w fs.nr_open={hard} && ") } else { String::new() };
        let command = format!("{ceiling}prlimit --pid $$ --nofile={hard}:{hard}");
        Some(Mend { command, root: true, setting: None })
    })
}

/// `fs.epoll.max_user_watches` counts every socket that an event loop of this user's waits for.
pub(crate) fn watches(demand: &Demand, machine: &Machine) -> Row {
    let what = ("descriptors.watches", "epoll watches of a user", Unit::Watches);
    let Some(max) = machine.epoll_watches_max else {
        return Row::unknown(what, "/proc/sys/fs/epoll/max_user_watches");
    };
    let need = |connections: u64| connections.saturating_mul(demand.ends()).saturating_add(FILES_BESIDES);
    let level = |connections: u64| Level::hard(need(connections), max).with_slack();
    let why = format!(
        "each end here is watched by an event loop, and fs.epoll.max_user_watches allows a user {}; beyond it a connection \
         cannot be served",
        grouped(max)
    );
    Row::judged(what, demand.connections, level, why).or_else(|| {
        let watches = roomy(need(demand.connections)).min(i64::MAX as u64);
        Some(Mend::sysctl("fs.epoll.max_user_watches", &watches.to_string()))
    })
}

/// `fs.file-max` counts every socket of every process.
pub(crate) fn system(demand: &Demand, machine: &Machine) -> Row {
    let what = ("descriptors.system", "descriptors in the system", Unit::Descriptors);
    let Some(max) = machine.files_max else { return Row::unknown(what, "/proc/sys/fs/file-max") };
    let open = machine.files_open.unwrap_or(0);
    let besides = open.saturating_add(FILES_BESIDES);
    let level = |connections: u64| {
        Level::hard(connections.saturating_mul(demand.ends()).saturating_add(besides), max).with_slack()
    };
    let why = format!(
        "each end here is an open file, {} are open now, and fs.file-max allows {}; root may go past it, and every other \
         process then fails to open anything",
        grouped(open),
        grouped(max)
    );
    Row::judged(what, demand.connections, level, why).or_else(|| {
        let need = demand.connections.saturating_mul(demand.ends()).saturating_add(besides);
        // The kernel reads a signed number.
        Some(Mend::sysctl("fs.file-max", &roomy(need).min(i64::MAX as u64).to_string()))
    })
}

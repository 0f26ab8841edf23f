//! Threads: a shard each, and a few. Their numbers come out of `pid_max`, and cgroups count them as processes.

use shard::SHARDS_MAX;

use crate::demand::Demand;
use crate::level::Level;
use crate::machine::Machine;
use crate::row::{Mend, Row, Unit};
use crate::rows::descriptors::{generator_shards, server_shards};
use crate::words::{grouped, roomy};

/// Threads of a run that are not shards: the runner, the publisher, the control side of each worker.
const THREADS_BESIDES: u64 = 32;

/// Mappings of a thread: its stack and guard, and a heap of its own.
const MAPPINGS_PER_THREAD: u64 = 6;

/// Mappings of a process with one thread, and of its large allocations.
const MAPPINGS_BESIDES: u64 = 512;

/// The shards of the server and of the generator.
fn shards(demand: &Demand, machine: &Machine, connections: u64) -> [u64; 2] {
    // Without a known limit a table has what systemd gives.
    let hard_max = machine.descriptors_hard_max.unwrap_or(524_288);
    let all = SHARDS_MAX;
    let server = demand.server_here && demand.server_ours;
    let server = server.then(|| server_shards(demand, machine, connections, hard_max).unwrap_or(all));
    let generator = demand
        .generator_here
        .then(|| generator_shards(demand, machine, connections, hard_max).unwrap_or(all));
    [server, generator].map(|shards| shards.unwrap_or(0) as u64)
}

fn threads(demand: &Demand, machine: &Machine, connections: u64) -> u64 {
    shards(demand, machine, connections).iter().sum::<u64>() + THREADS_BESIDES
}

fn why(demand: &Demand, machine: &Machine, now: u64) -> String {
    let [server, generator] = shards(demand, machine, demand.connections);
    format!(
        "{server} shards serve, {generator} flood, {THREADS_BESIDES} do the rest; {} threads run now",
        grouped(now)
    )
}

fn counted(
    what: (&'static str, &'static str, Unit),
    demand: &Demand,
    machine: &Machine,
    (now, max): (u64, u64),
) -> Row {
    let level = |connections| {
        Level::hard(threads(demand, machine, connections).saturating_add(now), max).with_slack()
    };
    Row::judged(what, demand.connections, level, why(demand, machine, now))
}

/// `kernel.threads-max`
pub(crate) fn system(demand: &Demand, machine: &Machine) -> Row {
    let what = ("threads.system", "threads in the system", Unit::Threads);
    let (Some(now), Some(max)) = (machine.threads, machine.threads_max) else {
        return Row::unknown(what, "/proc/sys/kernel/threads-max and /proc/loadavg");
    };
    let need = threads(demand, machine, demand.connections).saturating_add(now);
    counted(what, demand, machine, (now, max))
        .or_else(|| Some(Mend::sysctl("kernel.threads-max", &roomy(need).max(32_768).to_string())))
}

/// `kernel.pid_max`
pub(crate) fn pids(demand: &Demand, machine: &Machine) -> Row {
    let what = ("threads.pids", "process numbers", Unit::Threads);
    let (Some(now), Some(max)) = (machine.threads, machine.pid_max) else {
        return Row::unknown(what, "/proc/sys/kernel/pid_max and /proc/loadavg");
    };
    let need = threads(demand, machine, demand.connections).saturating_add(now);
    counted(what, demand, machine, (now, max))
        .or_else(|| Some(Mend::sysctl("kernel.pid_max", &roomy(need).max(32_768).to_string())))
}

/// RLIMIT_NPROC counts the threads of a user over all processes, and not root's. `None`: no limit.
pub(crate) fn user(demand: &Demand, machine: &Machine) -> Option<Row> {
    let what = ("threads.user", "threads of this user", Unit::Threads);
    let max = machine.processes_max.filter(|max| *max < u64::MAX && machine.is_root != Some(true))?;
    // Whose threads run now is not told; our own are the least.
    let row = counted(what, demand, machine, (0, max));
    let need = roomy(threads(demand, machine, demand.connections));
    let command = format!("prlimit --pid $$ --nproc={need}:{need}");
    Some(row.or_else(|| Some(Mend { command, root: true, setting: None })))
}

/// `pids.max`. `None`: no limit.
pub(crate) fn cgroup(demand: &Demand, machine: &Machine) -> Option<Row> {
    let what = ("threads.cgroup", "the cgroup's threads", Unit::Threads);
    let limit = machine.cgroup.pids.as_ref()?;
    let row = counted(what, demand, machine, (limit.used, limit.limit));
    let file = limit.file.display();
    let why = format!("{} ({file} allows {})", row.why, grouped(limit.limit));
    let need = threads(demand, machine, demand.connections).saturating_add(limit.used);
    Some(Row { why, ..row }.or_else(|| {
        // A manager that made the cgroup may write its own value again, so this is not applied for the user.
        Some(Mend { command: format!("echo {} > {file}", roomy(need)), root: true, setting: None })
    }))
}

/// `vm.max_map_count`, of the process with the most shards.
pub(crate) fn mappings(demand: &Demand, machine: &Machine) -> Row {
    let what = ("threads.mappings", "mappings of a process", Unit::Mappings);
    let Some(max) = machine.maps_max else { return Row::unknown(what, "/proc/sys/vm/max_map_count") };
    let need = |connections| {
        let shards = shards(demand, machine, connections).into_iter().max().unwrap_or(0);
        shards * MAPPINGS_PER_THREAD + MAPPINGS_BESIDES
    };
    let why = format!("a thread takes about {MAPPINGS_PER_THREAD}: its stack, its guard, a heap of its own");
    Row::judged(what, demand.connections, |connections| Level::hard(need(connections), max), why).or_else(
        || Some(Mend::sysctl("vm.max_map_count", &roomy(need(demand.connections)).max(65_530).to_string())),
    )
}

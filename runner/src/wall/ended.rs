//! Causes that ended something: a ramp stopped for want of memory, a worker that broke or never began.

use super::{Cause, Evidence, Proof};
use crate::words::{bytes, counted, grouped};
use crate::worker::Role;

pub(super) fn causes(evidence: &Evidence) -> Vec<Cause> {
    [broke(evidence), stopped(evidence)].into_iter().flatten().collect()
}

fn broke(evidence: &Evidence) -> Option<Cause> {
    let broke = evidence.broke.as_ref()?;
    let line = broke.sentence.lines().next().unwrap_or_default().to_owned();
    let unbegun = (evidence.begun == 0 && !broke.stuck).then(|| too_large(evidence, broke.role));
    if let Some(cause) = unbegun.flatten() {
        return Some(cause);
    }
    let kills = evidence.count("host.oom_kills");
    if kills > 0 && broke.killed {
        let advice = "ask for fewer connections, or give the machine more memory";
        return Some(Cause::new("kernel.memory", Proof::Counted, 1.0, line, advice));
    }
    let key = match (broke.role, broke.stuck) {
        (Role::Server, false) => "server.ended",
        (Role::Server, true) => "server.stuck",
        (Role::Generator, false) => "generator.ended",
        (Role::Generator, true) => "generator.stuck",
        (Role::Publisher, false) => "generator.publisher_ended",
        (Role::Publisher, true) => "generator.publisher_stuck",
        // It measures the machine before the run, and is nobody's limit.
        (Role::Limit, _) => return None,
    };
    let advice = "see its last words in the report of the run, and dmesg";
    Some(Cause::new(key, Proof::Counted, 1.0, line, advice))
}

fn stopped(evidence: &Evidence) -> Option<Cause> {
    let stopped = evidence.stopped?;
    let missing = evidence.asked.saturating_sub(stopped.at);
    let total = evidence.memory_total_bytes.map_or(String::new(), |total| format!(" of {}", bytes(total)));
    let (free, reserve) = (bytes(stopped.free_bytes as f64), bytes(stopped.reserve_bytes as f64));
    let line = format!(
        "the ramp stopped at {} connections: {free}{total} free, the reserve is {reserve}",
        grouped(stopped.at)
    );
    let advice = "ask for fewer connections, or lower connections.memory_reserve";
    Some(Cause::new("kernel.memory", Proof::Counted, evidence.share(missing), line, advice))
}

/// A worker that ended before the first connection because the plan does not fit its ports or its descriptors.
fn too_large(evidence: &Evidence, role: Role) -> Option<Cause> {
    let asked = grouped(evidence.asked);
    let (addresses, ports) = (evidence.addresses, evidence.ports);
    if role == Role::Generator && evidence.addresses_known && evidence.asked > addresses.saturating_mul(ports)
    {
        let addresses = counted(addresses, "address", "addresses");
        let line = format!(
            "{asked} connections were not even begun: {addresses} × {} ports are too few",
            grouped(ports)
        );
        return Some(Cause::new("generator.ports", Proof::Counted, 1.0, line, evidence.ports_advice()));
    }
    let descriptors_max = evidence.descriptors_max?;
    let key = match role {
        Role::Generator => "generator.descriptors",
        Role::Server => "server.descriptors",
        Role::Publisher | Role::Limit => return None,
    };
    let fits =
        shard::shards_for(evidence.asked as usize, descriptors_max as usize, role == Role::Server).is_some();
    (!fits).then(|| {
        let line = format!(
            "{asked} connections were not even begun: they do not fit into {} shards of {} descriptors",
            grouped(shard::SHARDS_MAX as u64),
            grouped(descriptors_max)
        );
        Cause::new(key, Proof::Counted, 1.0, line, "raise the hard limit ('ulimit -Hn')")
    })
}

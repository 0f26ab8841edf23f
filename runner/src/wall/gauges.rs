//! Causes by how full things were: cores, threads, queues, the kernel's tables.

use super::evidence::{Sight, Usage};
use super::{Cause, Evidence, Nearest, Proof};
use crate::seen::Stage;
use crate::words::{bytes, counted, grouped, percent};

/// From this share of its limit on, something counts as at its limit.
pub(super) const NEAR: f64 = 0.9;

/// A full machine counts only when the run itself used this share of it, or had a thread that was always ready and still
/// used less: on a fair scheduler, whoever wants little gets it, and a full machine is no hindrance.
const OURS_MIN: f64 = 0.25;

/// Of what the run used, the share from which on one side has filled the machine.
const DOMINANT: f64 = 0.75;

/// A mailbox this full is a queue that grows.
const MAIL_MIN: f64 = 0.5;

/// Of the ports, the share in TIME_WAIT from which on it is worth a word.
const CROWDED: f64 = 0.25;

/// Stolen time worth a word.
const STEAL_MIN: f64 = 0.05;

pub(super) const GENERATOR_ADVICE: &str = "give the generator more cores: run it on a machine of its own";
pub(super) const CONNTRACK_ADVICE: &str =
    "raise net.netfilter.nf_conntrack_max, or exempt the port from tracking (NOTRACK)";

pub(super) fn causes(evidence: &Evidence) -> Vec<Cause> {
    let mut causes: Vec<Cause> = evidence.stages().flat_map(|usage| cpu(evidence, usage)).collect();
    causes.extend(mail(evidence));
    causes.extend(kernel(evidence));
    causes
}

/// The cores or the thread that had no moment to spare, if any.
pub(super) fn busiest(evidence: &Evidence) -> Option<Cause> {
    evidence.stages().flat_map(|usage| cpu(evidence, usage)).min_by_key(|cause| cause.side)
}

/// The generator's side of it, in words; `None` when the generator had cores to spare.
pub(super) fn generator_full(evidence: &Evidence) -> Option<String> {
    busiest(evidence).filter(|cause| cause.key == "generator.cpu").map(|cause| cause.evidence)
}

fn stage_words(usage: &Usage) -> &'static str {
    match usage.stage {
        Some(Stage::Messages) => "during messages",
        _ => "in the ramp",
    }
}

fn cpu(evidence: &Evidence, usage: &Usage) -> Vec<Cause> {
    let mut causes = Vec::new();
    let when = stage_words(usage);
    let full = machine(evidence, usage);
    let machine_is_full = full.is_some();
    causes.extend(full);
    // A thread that waits for a core counts as busy, so a full machine makes full shards.
    if !machine_is_full {
        if let Some(ratio) = usage.generator_shard.filter(|ratio| *ratio >= NEAR) {
            let crowded = crowded_ports(evidence);
            let line = format!(
                "the generator's busiest shard was busy {} of the time {when}{crowded}",
                percent(ratio)
            );
            causes.push(Cause::new("generator.cpu", Proof::Gauge, ratio, line, GENERATOR_ADVICE));
        }
        if let Some(ratio) = usage.server_shard.filter(|ratio| *ratio >= NEAR) {
            let line = format!("the server's busiest shard was busy {} of the time {when}", percent(ratio));
            let advice = "give the server more shards (target.shards), or spread what one of them carries";
            causes.push(Cause::new("server.shard", Proof::Gauge, ratio, line, advice));
        }
    }
    causes
}

/// The whole machine, put down to the side that has filled it.
fn machine(evidence: &Evidence, usage: &Usage) -> Option<Cause> {
    let busy = usage.busy.filter(|busy| *busy >= NEAR)?;
    let generator = generator_cores(usage);
    let ours = generator + usage.server.unwrap_or(0.0);
    let starved =
        [usage.server_shard, usage.generator_shard].into_iter().flatten().any(|ratio| ratio >= NEAR);
    let little = ours < OURS_MIN * evidence.cores;
    if little && !starved {
        return None;
    }
    let steal = usage.steal.filter(|steal| *steal >= STEAL_MIN);
    let steal = steal.map_or(String::new(), |steal| format!(", {} stolen by the hypervisor", percent(steal)));
    let seen = match (evidence.sight, usage.server) {
        (Sight::Elsewhere, _) => String::new(),
        (_, Some(server)) => format!("server {server:.2}, "),
        (_, None) => "server unknown (no target.pid), ".into(),
    };
    let others = (busy * evidence.cores - ours).max(0.0);
    let line = format!(
        "{} of {:.0} cores busy {}: {seen}generator and publisher {generator:.2}, everyone else {others:.2}{steal}",
        percent(busy),
        evidence.cores,
        stage_words(usage)
    );
    let unseen = usage.server.is_none() && evidence.sight != Sight::Elsewhere;
    Some(match generator / ours {
        _ if little => {
            Cause::new("machine.cpu", Proof::Gauge, busy, line, "end the other programs on this machine")
        }
        share if share >= DOMINANT && !unseen => {
            let line = format!("{line}{}", crowded_ports(evidence));
            Cause::new("generator.cpu", Proof::Gauge, busy, line, GENERATOR_ADVICE)
        }
        share if share <= 1.0 - DOMINANT => {
            Cause::new("server.cpu", Proof::Gauge, busy, line, "give the server more cores, or less to do")
        }
        _ => Cause::new("machine.cpu", Proof::Gauge, busy, line, "run the two ends on machines of their own"),
    })
}

/// Ports in TIME_WAIT, where they are so many that looking for a free one takes the generator's time.
fn crowded_ports(evidence: &Evidence) -> String {
    let waiting = evidence.highest.get("host.tcp_time_wait").copied().unwrap_or(0.0);
    let ports = evidence.addresses as f64 * evidence.ports as f64;
    if waiting < CROWDED * ports {
        return String::new();
    }
    format!(
        "; {} ports of this machine were in TIME_WAIT, and a free one may be hard to find",
        grouped(waiting as u64)
    )
}

fn generator_cores(usage: &Usage) -> f64 {
    usage.generator.unwrap_or(0.0) + usage.publisher.unwrap_or(0.0)
}

fn mail(evidence: &Evidence) -> Option<Cause> {
    let full = evidence.count("server.mail_full");
    let ratio = ratio(evidence, "server.mail")?;
    if full == 0 && ratio < MAIL_MIN {
        return None;
    }
    let most = evidence.highest.get("server.mail_waiting_max").copied().unwrap_or(0.0);
    let line = format!(
        "up to {} letters waited in one shard's mailbox of {}; a full mailbox held up others {}",
        grouped(most as u64),
        grouped(shard::MAILBOX_LETTERS_MAX as u64),
        counted(full, "time", "times")
    );
    let proof = if full > 0 { Proof::Inferred } else { Proof::Gauge };
    let weight = if full > 0 { 1.0 } else { ratio };
    Some(Cause::new(
        "server.mail",
        proof,
        weight,
        line,
        "send less, or give the server more shards and cores",
    ))
}

fn kernel(evidence: &Evidence) -> Vec<Cause> {
    let mut causes = Vec::new();
    let near = |key| ratio(evidence, key).filter(|ratio| *ratio >= NEAR);
    let pressures = evidence.count("host.tcp_memory_pressures");
    if pressures > 0 || near("kernel.tcp_memory").is_some() {
        let most = evidence.highest.get("host.tcp_memory_bytes").copied().unwrap_or(0.0);
        let max = evidence.tcp_memory_max_bytes.map_or("?".into(), bytes);
        let line = format!(
            "TCP was under memory pressure {}; up to {} of {max} (tcp_mem)",
            counted(pressures, "time", "times"),
            bytes(most)
        );
        let proof = if pressures > 0 { Proof::Inferred } else { Proof::Gauge };
        let weight = ratio(evidence, "kernel.tcp_memory").unwrap_or(1.0);
        causes.push(Cause::new("kernel.tcp_memory", proof, weight, line, "raise net.ipv4.tcp_mem"));
    }
    if let Some(ratio) = near("kernel.file_max") {
        let most = |name| evidence.highest.get(name).map_or("?".into(), |count| grouped(*count as u64));
        let (open, max) = (most("host.file_handles"), most("host.file_handles_max"));
        let line = format!("{open} of {max} files were open in the whole system");
        causes.push(Cause::new("kernel.file_max", Proof::Gauge, ratio, line, "raise fs.file-max"));
    }
    let drops = evidence.count("host.conntrack_drops");
    if drops > 0 || near("kernel.conntrack").is_some() {
        let proof = if drops > 0 { Proof::Inferred } else { Proof::Gauge };
        let weight = ratio(evidence, "kernel.conntrack").unwrap_or(1.0);
        causes.push(Cause::new(
            "kernel.conntrack",
            proof,
            weight,
            conntrack_words(evidence),
            CONNTRACK_ADVICE,
        ));
    }
    if let Some(free) = evidence.memory_free_min_bytes.filter(|free| *free < evidence.memory_reserve_bytes) {
        let total = evidence.memory_total_bytes.map_or("?".into(), bytes);
        let reserve = bytes(evidence.memory_reserve_bytes);
        let line = format!("{} of {total} were free at the lowest, the reserve is {reserve}", bytes(free));
        let weight = ratio(evidence, "kernel.memory").unwrap_or(1.0);
        let advice = "ask for fewer connections, or give the machine more memory";
        causes.push(Cause::new("kernel.memory", Proof::Gauge, weight, line, advice));
    }
    causes
}

pub(super) fn conntrack_words(evidence: &Evidence) -> String {
    let most = |name| evidence.highest.get(name).map_or("?".into(), |count| grouped(*count as u64));
    format!(
        "connection tracking held up to {} of {} entries and dropped {}",
        most("host.conntrack_entries"),
        most("host.conntrack_entries_max"),
        counted(evidence.count("host.conntrack_drops"), "packet", "packets")
    )
}

/// How near something was to its limit; `None` where it was not measured.
pub(super) fn ratio(evidence: &Evidence, key: &str) -> Option<f64> {
    let highest = |name| evidence.highest.get(name).copied();
    let of = |part: f64, whole: f64| (whole > 0.0).then(|| (part / whole).clamp(0.0, 1.0));
    let usage = |of: fn(&Usage) -> Option<f64>| evidence.usage.iter().filter_map(of).reduce(f64::max);
    match key {
        "machine.cpu" => usage(|usage| usage.busy),
        "generator.shard" => usage(|usage| usage.generator_shard),
        "server.shard" => usage(|usage| usage.server_shard),
        "server.mail" => of(highest("server.mail_waiting_max")?, shard::MAILBOX_LETTERS_MAX as f64),
        "generator.ports" => of(evidence.peak as f64, evidence.addresses as f64 * evidence.ports as f64),
        "server.descriptors" => {
            let max = highest("server.descriptor_tables")?.max(1.0) * evidence.server_descriptors_max?;
            of(highest("server.descriptors")?, max)
        }
        "kernel.tcp_memory" => of(highest("host.tcp_memory_bytes")?, evidence.tcp_memory_max_bytes?),
        "kernel.file_max" => of(highest("host.file_handles")?, highest("host.file_handles_max")?),
        "kernel.conntrack" => of(highest("host.conntrack_entries")?, highest("host.conntrack_entries_max")?),
        "kernel.memory" => {
            let total = evidence.memory_total_bytes?;
            let usable = total - evidence.memory_reserve_bytes;
            of(total - evidence.memory_free_min_bytes?, usable)
        }
        _ => None,
    }
}

/// Of all that was measured, what was nearest to its limit.
pub(super) fn nearest(evidence: &Evidence) -> Option<Nearest> {
    let keys =
        ["generator.shard", "machine.cpu", "server.shard", "server.mail", "generator.ports"].into_iter();
    let keys = keys.chain(["server.descriptors", "kernel.tcp_memory", "kernel.file_max", "kernel.conntrack"]);
    let ratios = keys.chain(["kernel.memory"]).filter_map(|cause| {
        let ratio = (ratio(evidence, cause)? * 1000.0).round() / 1000.0;
        let run_cores = (cause == "machine.cpu").then(|| {
            let ours =
                evidence.usage.iter().map(|usage| generator_cores(usage) + usage.server.unwrap_or(0.0));
            (ours.fold(0.0, f64::max) * 100.0).round() / 100.0
        });
        Some(Nearest { cause, ratio, run_cores })
    });
    ratios.max_by(|a, b| a.ratio.total_cmp(&b.ratio))
}

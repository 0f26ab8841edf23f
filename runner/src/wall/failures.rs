//! Causes by errors that name their limit: connects that failed, connections that were closed.

use super::evidence::Sight;
use super::{Cause, Evidence, Proof, gauges};
use crate::words::{counted, grouped, percent};
use crate::worker::Role;

pub(super) fn causes(evidence: &Evidence) -> Vec<Cause> {
    let mut causes = Vec::new();
    causes.extend(generator_limits(evidence));
    causes.extend(kernel_limits(evidence));
    causes.extend(refusals(evidence));
    causes.extend(closings(evidence));
    causes
}

/// `n of m connects`.
pub(super) fn of_connects(evidence: &Evidence, count: u64) -> String {
    format!("{} of {}", grouped(count), counted(evidence.begun.max(count), "connect", "connects"))
}

fn generator_limits(evidence: &Evidence) -> Vec<Cause> {
    let mut causes = Vec::new();
    let ports = evidence.failures_of("no_free_port");
    if ports > 0 {
        let (addresses, width) = (evidence.addresses, evidence.ports);
        let waiting = evidence.highest.get("host.tcp_time_wait").copied().unwrap_or(0.0) as u64;
        let waiting = if waiting > 0 {
            format!("; up to {} of this machine in TIME_WAIT", grouped(waiting))
        } else {
            String::new()
        };
        let line = format!(
            "{} found no free port; {} × {} ports{waiting}",
            of_connects(evidence, ports),
            counted(addresses, "address", "addresses"),
            grouped(width)
        );
        causes.push(Cause::new(
            "generator.ports",
            Proof::Counted,
            evidence.share(ports),
            line,
            evidence.ports_advice(),
        ));
    }
    let descriptors = evidence.failures_of("no_descriptor");
    if descriptors > 0 {
        let shards = evidence.generator_shards.unwrap_or(1);
        let tables = counted(shards, "shard", "shards");
        let room =
            evidence.descriptors_max.map_or(String::new(), |max| format!(" × {} descriptors", grouped(max)));
        let line = format!(
            "{} found the generator's descriptor table full; {tables}{room}",
            of_connects(evidence, descriptors)
        );
        let advice = "leave connections.shards to the flood, or raise the hard limit ('ulimit -Hn')";
        let share = evidence.share(descriptors);
        causes.push(Cause::new("generator.descriptors", Proof::Counted, share, line, advice));
    }
    let unreachable = evidence.failures_of("unreachable");
    if unreachable > 0 {
        let line = format!("{} found no way to the target", of_connects(evidence, unreachable));
        let advice = "look at the routes ('ip route get ADDRESS') and at connections.source";
        let share = evidence.share(unreachable);
        causes.push(Cause::new("generator.unreachable", Proof::Counted, share, line, advice));
    }
    causes
}

fn kernel_limits(evidence: &Evidence) -> Vec<Cause> {
    let mut causes = Vec::new();
    let mut add = |key, count: u64, what: String, advice: &str| {
        if count > 0 {
            let line = format!("{} {what}", of_connects(evidence, count));
            causes.push(Cause::new(key, Proof::Counted, evidence.share(count), line, advice));
        }
    };
    let handles = |name| evidence.highest.get(name).map_or("?".into(), |count| grouped(*count as u64));
    let (open, max) = (handles("host.file_handles"), handles("host.file_handles_max"));
    add(
        "kernel.file_max",
        evidence.failures_of("system_table_full"),
        format!("found the system's table of open files full: {open} of {max}"),
        "raise fs.file-max",
    );
    add(
        "kernel.epoll_watches",
        evidence.failures_of("no_watch"),
        "got no epoll watch".into(),
        "raise fs.epoll.max_user_watches",
    );
    let pressures = evidence.count("host.tcp_memory_pressures");
    let (key, what, advice) = if pressures > 0 {
        let what =
            format!("got no memory; TCP was under memory pressure {}", counted(pressures, "time", "times"));
        ("kernel.tcp_memory", what, "raise net.ipv4.tcp_mem")
    } else {
        ("kernel.memory", "got no memory from the kernel".into(), "ask for fewer connections")
    };
    add(key, evidence.failures_of("no_memory"), what, advice);
    let other = evidence.failures_of("other");
    let drops = evidence.count("host.conntrack_drops");
    if drops > 0 {
        add("kernel.conntrack", other, gauges::conntrack_words(evidence), gauges::CONNTRACK_ADVICE);
    } else {
        add(
            "kernel.other",
            other,
            "failed with an error without a name here".into(),
            "look at a firewall's rules",
        );
    }
    causes
}

fn refusals(evidence: &Evidence) -> Vec<Cause> {
    let mut causes = Vec::new();
    let refused = evidence.failures_of("refused");
    if refused > 0 {
        let some = if evidence.peak > 0 { " any more" } else { "" };
        let line = format!("{} were refused: nothing listened there{some}", of_connects(evidence, refused));
        let share = evidence.share(refused);
        let advice = "see that the server is up, and the port right";
        causes.push(Cause::new("server.not_listening", Proof::Counted, share, line, advice));
    }
    let (away, closed) = (evidence.failures_of("turned_away"), closed_at_once(evidence));
    if away + closed > 0 {
        let (key, which, advice) = refusing_limit(evidence);
        let closed_words = match closed {
            0 => String::new(),
            closed => format!(", {} of them without a word", grouped(closed)),
        };
        let away = away + closed;
        let line =
            format!("{} were refused by the server{closed_words}: {which}", of_connects(evidence, away));
        causes.push(Cause::new(key, Proof::Counted, evidence.share(away), line, advice));
    }
    let odd = evidence.failures_of("protocol");
    if odd > 0 {
        let line = format!("{} got an answer that is not the protocol's", of_connects(evidence, odd));
        let advice = "see what program listens at the target";
        causes.push(Cause::new("server.protocol", Proof::Counted, evidence.share(odd), line, advice));
    }
    causes
}

/// Refused by the server's own account and not told so: it had no room even to say it, and its closing came as a reset.
fn closed_at_once(evidence: &Evidence) -> u64 {
    let untold = evidence.count("server.refused").saturating_sub(evidence.failures_of("turned_away"));
    untold.min(evidence.failures_of("reset") + evidence.failures_of("closed_early"))
}

/// Why a server says no, as far as that can be seen.
fn refusing_limit(evidence: &Evidence) -> (&'static str, String, &'static str) {
    let highest = |name| evidence.highest.get(name).copied();
    let refused = evidence.count("server.refused");
    if gauges::ratio(evidence, "kernel.file_max").is_some_and(|ratio| ratio >= gauges::NEAR) {
        let which = "the system's table of open files was full".into();
        return ("kernel.file_max", which, "raise fs.file-max");
    }
    let held = highest("server.descriptors").zip(highest("server.descriptor_tables"));
    let held_words = held.map_or(String::new(), |(open, tables)| {
        let tables = counted(tables as u64, "table", "tables");
        let limit = evidence
            .server_descriptors_max
            .map_or(String::new(), |max| format!(" of at most {} each", grouped(max as u64)));
        format!("; it held up to {} descriptors in {tables}{limit}", grouped(open as u64))
    });
    if refused > 0 {
        let which = format!("the server had no descriptor to spare{held_words}");
        return (
            "server.descriptors",
            which,
            "give the server more shards (target.shards), or raise 'ulimit -Hn'",
        );
    }
    let full = held
        .zip(evidence.server_descriptors_max)
        .is_some_and(|((open, tables), max)| open >= gauges::NEAR * tables.max(1.0) * max);
    if full {
        let which = format!("its descriptors were used up{held_words}");
        return ("server.descriptors", which, "raise the server's limit of descriptors");
    }
    let which = match evidence.sight {
        Sight::Here | Sight::Elsewhere => "which limit that was cannot be seen from here".into(),
        _ => format!("a limit of its own, not the process's{held_words}"),
    };
    ("server.refused", which, "raise the server's own limit of connections")
}

/// Connections that the server ended, before their login or after.
fn closings(evidence: &Evidence) -> Vec<Cause> {
    let mut causes = Vec::new();
    let slow = evidence.count("server.too_slow");
    if slow > 0 || evidence.dropped > 0 {
        let line = format!(
            "{} closed by the server, and {} dropped: the generator did not read them in time",
            counted(slow, "connection", "connections"),
            counted(evidence.dropped, "delivery", "deliveries")
        );
        let share = evidence.share(slow).max(evidence.dropped as f64 / evidence.expected.max(1) as f64);
        causes.push(Cause::new(
            "generator.slow_reader",
            Proof::Counted,
            share,
            line,
            gauges::GENERATOR_ADVICE,
        ));
    }
    let (reset, early) = (evidence.failures_of("reset"), evidence.failures_of("closed_early"));
    let early = reset + early - closed_at_once(evidence);
    // A server that died took its connections with it: that is said already.
    let died = evidence.broke.as_ref().is_some_and(|broke| broke.role == Role::Server);
    let later = if died { 0 } else { evidence.closed_by_server.saturating_sub(slow) };
    if early + later > 0 {
        let before = if early > 0 { format!("{} before the login", grouped(early)) } else { String::new() };
        let after = if later > 0 { format!("{} after it", grouped(later)) } else { String::new() };
        let both = if early > 0 && later > 0 { ", " } else { "" };
        let resets = reset.min(early);
        let resets = if resets > 0 { format!(" ({} by a reset)", grouped(resets)) } else { String::new() };
        let aborts = evidence.count("host.tcp_memory_aborts");
        let share = evidence.share(early).max(later as f64 / evidence.asked.max(1) as f64);
        let line = format!("connections ended by the other side: {before}{both}{after}{resets}");
        causes.push(if aborts > 0 {
            let line = format!("{line}; the kernel ended {} for want of TCP memory", grouped(aborts));
            Cause::new("kernel.tcp_memory", Proof::Counted, share, line, "raise net.ipv4.tcp_mem")
        } else {
            let advice = "see the server's log for why it closes them";
            Cause::new("server.closes", Proof::Counted, share, line, advice)
        });
    }
    if evidence.broke.is_none() && evidence.stopped.is_none() && causes.is_empty() && evidence.lost > 0 {
        let share = evidence.lost as f64 / evidence.expected.max(1) as f64;
        let line = format!(
            "{} of {} deliveries never arrived ({})",
            grouped(evidence.lost),
            grouped(evidence.expected),
            percent(share)
        );
        causes.push(if let Some(full) = gauges::generator_full(evidence) {
            let line = format!("{line}, but {full}");
            Cause::new("generator.cpu", Proof::Inferred, share, line, gauges::GENERATOR_ADVICE)
        } else {
            Cause::new(
                "server.lost_messages",
                Proof::Inferred,
                share,
                line,
                "raise settle, or look for a server's bug",
            )
        });
    }
    causes
}

//! Evidence, gathered from the plan, from what the run has learnt and from the machine.

use std::collections::BTreeMap;

use sar::HostInfo;

use super::evidence::{Broke, Evidence, Sight, Usage};
use crate::facts::Facts;
use crate::network::SourceRange;
use crate::plan::{Plan, TargetPlan};
use crate::scenario::Pace;
use crate::seen::{MEMORY_FREE, Stage};
use crate::summary::{self, Times};
use crate::threshold::Outcome;
use crate::worker::Role;

/// What beginning and ending may add to a schedule before it counts as missed.
const SLACK_S: f64 = 0.5;

/// The gauges whose highest value says something.
const HIGHEST: [&str; 10] = [
    "connections.opening",
    "host.conntrack_entries",
    "host.conntrack_entries_max",
    "host.file_handles",
    "host.file_handles_max",
    "host.tcp_memory_bytes",
    "host.tcp_time_wait",
    "server.descriptors",
    "server.descriptor_tables",
    "server.mail_waiting_max",
];

/// Where evidence comes from.
pub(crate) struct Context<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) facts: &'a Facts,
    pub(crate) times: &'a Times,
    pub(crate) host: &'a HostInfo,
    pub(crate) outcomes: &'a [Outcome],
    pub(crate) broke: Option<Broke>,
    pub(crate) server_state: Option<char>,
    pub(crate) server_descriptors_max: Option<f64>,
    pub(crate) loopback: bool,
    /// The target's address is this machine's.
    pub(crate) here: bool,
}

impl Evidence {
    /// Gathers it.
    pub(crate) fn gather(context: Context<'_>) -> Self {
        let Context { plan, facts, times, host, outcomes, .. } = context;
        let connections = &plan.connections;
        let count = |name: &str| facts.value(name) as u64;
        let failures = facts.values.iter().filter_map(|(name, count)| {
            Some((name.strip_prefix("connections.failures.")?.to_owned(), *count as u64))
        });
        let histogram = |name: &str| facts.histograms.get(name);
        let rate = |pace: Pace, count: f64, seconds: Option<f64>| match pace {
            Pace::Rate(asked) => Some((asked.per_second(), reached(asked.per_second(), count, seconds?))),
            Pace::Unlimited => None,
        };
        let audit = summary::audit(facts).unwrap_or_default();
        let ramp = |name: &str| facts.ramp.as_ref().and_then(|mark| mark.attributes.get(name)?.as_f64());
        // As the flood counts: the first connection takes no time.
        let opened = (facts.value("connections.logins") - 1.0).max(0.0);
        let ramp_seconds = ramp("reached_rate_per_s").filter(|rate| *rate > 0.0).map(|rate| opened / rate);
        let sysctl = |name: &str| host.sysctls.get(name);
        let number =
            |name: &str, index: usize| -> Option<u64> { sysctl(name)?.split(' ').nth(index)?.parse().ok() };
        let ports = "net.ipv4.ip_local_port_range";
        let ephemeral =
            number(ports, 1).zip(number(ports, 0)).map_or(28_232, |(last, first)| last + 1 - first);
        let generator = facts.ready.get(&Role::Generator);
        let of_generator = |name: &str| generator.and_then(|ready| ready.get(name)?.as_u64());
        // A rate that steps change has no one figure to fall short of.
        let steady = plan.steps.iter().all(|step| step.messages_rate.is_none());
        let given = connections.sources.iter().map(SourceRange::count).fold(0, u64::saturating_add);
        Self {
            asked: plan.connections_max(),
            begun: count("connections.begun"),
            established: histogram("connect.latency_ns").map_or(0, telemetry::Histogram::len),
            peak: facts.connections_peak as u64,
            failed: count("connections.failed"),
            failures: failures.collect(),
            closed_by_server: count("connections.closed_by_server"),
            connect_rate: rate(connections.pace, opened, ramp_seconds),
            send_rate: plan
                .messages
                .as_ref()
                .filter(|_| steady)
                .and_then(|messages| rate(messages.pace, audit.sent as f64, times.message_seconds())),
            expected: audit.expected.saturating_sub(audit.gone),
            delivered: audit.delivered,
            lost: audit.lost,
            dropped: audit.dropped,
            late: late(outcomes),
            stopped: facts.stopped,
            broke: context.broke,
            sight: match &plan.target {
                TargetPlan::Spawn { .. } => Sight::Spawned,
                TargetPlan::Attach { pid: Some(_), .. } => Sight::Watched,
                TargetPlan::Attach { pid: None, .. } if context.here => Sight::Here,
                TargetPlan::Attach { .. } => Sight::Elsewhere,
            },
            server_state: context.server_state,
            server_descriptors_max: context.server_descriptors_max,
            addresses_known: of_generator("source_addresses").is_some() || given > 0,
            addresses: of_generator("source_addresses").unwrap_or(given).max(1),
            ports: connections.source_ports.map_or(ephemeral, |ports| ports.count()),
            loopback: context.loopback,
            generator_shards: of_generator("shards"),
            descriptors_max: host.descriptors_hard_max,
            concurrency: connections.concurrency,
            login_p50_ms: histogram("connect.login_ns")
                .map(|login| login.value_at_quantile(0.5) as f64 / 1e6),
            timeout_ms: connections.timeout.as_millis() as u64,
            cores: f64::from(host.cores_online.or(host.cores_usable).unwrap_or(1)),
            usage: [Stage::Ramp, Stage::Messages].map(|stage| usage(facts, stage)).to_vec(),
            memory_total_bytes: host.memory_total_bytes.map(|bytes| bytes as f64),
            memory_reserve_bytes: doctor::reserve_bytes(
                connections.memory_reserve_bytes,
                host.memory_total_bytes.unwrap_or(u64::MAX),
            ) as f64,
            memory_free_min_bytes: facts.seen.min(MEMORY_FREE),
            tcp_memory_max_bytes: number("net.ipv4.tcp_mem", 2)
                .zip(host.page_size_bytes)
                .map(|(pages, page_bytes)| pages as f64 * page_bytes as f64),
            somaxconn: sysctl("net.core.somaxconn").cloned(),
            values: since_ramp(facts),
            highest: HIGHEST.into_iter().filter_map(|name| Some((name, facts.seen.max(name)?))).collect(),
        }
    }
}

/// The rate of `count` in `seconds`, without the time that beginning and ending take.
fn reached(asked: f64, count: f64, seconds: f64) -> f64 {
    let planned = count / asked;
    count / (seconds - SLACK_S).max(planned).max(f64::MIN_POSITIVE)
}

/// All values, with the machine's counters from the ramp's beginning to the drain's.
fn since_ramp(facts: &Facts) -> BTreeMap<String, f64> {
    let mut values = facts.values.clone();
    for (name, began) in &facts.seen.began {
        let ended = facts.seen.ended.as_ref().and_then(|ended| ended.get(name));
        values
            .entry((*name).to_owned())
            .and_modify(|value| *value = (ended.unwrap_or(value) - began).max(0.0));
    }
    values
}

fn usage(facts: &Facts, stage: Stage) -> Usage {
    let mean = |name| facts.seen.mean(stage, name);
    Usage {
        stage: Some(stage),
        busy: mean("host.cpu_busy_ratio"),
        steal: mean("host.steal_ratio"),
        server: mean("server.cpu_cores"),
        generator: mean("generator.cpu_cores"),
        publisher: mean("publisher.cpu_cores"),
        server_shard: mean("server.busiest_shard_ratio"),
        generator_shard: mean("generator.busiest_shard_ratio"),
    }
}

/// A figure that was not measured says nothing about being late.
fn late(outcomes: &[Outcome]) -> Vec<String> {
    let of_time = |expr: &str| {
        expr.contains("_ms")
            && ["connect.", "delivery.", "publisher."].iter().any(|group| expr.starts_with(group))
    };
    let missed =
        outcomes.iter().filter(|outcome| !outcome.ok && outcome.value.is_some() && of_time(&outcome.expr));
    missed.map(|outcome| format!("{}: {}", outcome.expr, outcome.value_text())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_schedule_is_not_missed_by_its_beginning() {
        assert_eq!(reached(100.0, 50.0, 0.9), 100.0, "half a second of messages, and some time to end");
        assert_eq!(reached(100.0, 1000.0, 20.5), 50.0);
        assert_eq!(reached(100.0, 0.0, 20.5), 0.0);
    }
}

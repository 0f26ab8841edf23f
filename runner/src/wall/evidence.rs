//! What a run showed, as far as it bears on its limits: plain numbers, absent where they were not measured.

use std::collections::BTreeMap;

use sar::HostInfo;

use crate::facts::Facts;
use crate::plan::{Plan, TargetPlan};
use crate::reserve::Stopped;
use crate::scenario::Pace;
use crate::seen::{MEMORY_FREE, Stage};
use crate::summary::{self, Times};
use crate::threshold::Outcome;
use crate::words::grouped;
use crate::worker::Role;

/// Less than this share of what was asked for is a shortfall.
pub(super) const REACHED_MIN: f64 = 0.9;

/// A worker that died or got stuck, and how, in a sentence.
#[derive(Debug, Clone)]
pub(crate) struct Broke {
    pub(crate) role: Role,
    pub(crate) stuck: bool,
    pub(crate) sentence: String,
}

/// What can be seen of the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Sight {
    /// Ours: it says itself how it is.
    #[default]
    Spawned,
    /// A process on this machine, seen from outside.
    Watched,
    /// On this machine by its address, without a pid.
    Here,
    /// Elsewhere.
    Elsewhere,
}

/// Cores, on average over one stage of the run.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Usage {
    pub(crate) stage: Option<Stage>,
    /// Share of all cores' time that was not idle.
    pub(crate) busy: Option<f64>,
    pub(crate) steal: Option<f64>,
    pub(crate) server: Option<f64>,
    pub(crate) generator: Option<f64>,
    pub(crate) publisher: Option<f64>,
    /// Share of its time that the busiest shard was busy.
    pub(crate) server_shard: Option<f64>,
    pub(crate) generator_shard: Option<f64>,
}

/// See the module's documentation. Rates are asked and reached.
#[derive(Debug, Clone, Default)]
pub(crate) struct Evidence {
    pub(crate) asked: u64,
    pub(crate) begun: u64,
    /// Connections that the kernel reported as established.
    pub(crate) established: u64,
    pub(crate) peak: u64,
    pub(crate) failed: u64,
    /// By the flood's keys.
    pub(crate) failures: BTreeMap<String, u64>,
    pub(crate) closed_by_server: u64,
    pub(crate) connect_rate: Option<(f64, f64)>,
    pub(crate) send_rate: Option<(f64, f64)>,
    pub(crate) expected: u64,
    pub(crate) delivered: u64,
    pub(crate) lost: u64,
    pub(crate) dropped: u64,
    /// Thresholds on latency that did not hold, with their figures.
    pub(crate) late: Vec<String>,
    pub(crate) stopped: Option<Stopped>,
    pub(crate) broke: Option<Broke>,
    pub(crate) sight: Sight,
    /// The state of the server's process, as in `/proc/PID/stat`.
    pub(crate) server_state: Option<char>,
    pub(crate) server_descriptors_max: Option<f64>,
    pub(crate) addresses: u64,
    pub(crate) ports: u64,
    pub(crate) loopback: bool,
    pub(crate) generator_shards: Option<u64>,
    /// In one table.
    pub(crate) descriptors_max: Option<u64>,
    pub(crate) concurrency: u64,
    pub(crate) login_p50_ms: Option<f64>,
    pub(crate) timeout_ms: u64,
    pub(crate) cores: f64,
    pub(crate) usage: Vec<Usage>,
    pub(crate) memory_total_bytes: Option<f64>,
    pub(crate) memory_reserve_bytes: f64,
    pub(crate) memory_free_min_bytes: Option<f64>,
    pub(crate) tcp_memory_max_bytes: Option<f64>,
    pub(crate) somaxconn: Option<String>,
    /// The latest of every value; counters count since the run began.
    pub(crate) values: BTreeMap<String, f64>,
    /// The highest of some.
    pub(crate) highest: BTreeMap<&'static str, f64>,
}

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
        let count = |name: &str| facts.value(name) as u64;
        let failures = facts.values.iter().filter_map(|(name, count)| {
            Some((name.strip_prefix("connections.failures.")?.to_owned(), *count as u64))
        });
        let histogram = |name: &str| facts.histograms.get(name);
        let rate = |pace: Pace, reached: Option<f64>| match pace {
            Pace::Rate(asked) => Some((asked.per_second(), reached?)),
            Pace::Unlimited => None,
        };
        let audit = summary::audit(facts).unwrap_or_default();
        let ramp_rate =
            facts.ramp.as_ref().and_then(|mark| mark.attributes.get("reached_rate_per_s")?.as_f64());
        let sent_rate = times.message_seconds().map(|seconds| audit.sent as f64 / seconds);
        let sysctl = |name: &str| host.sysctls.get(name);
        let number =
            |name: &str, index: usize| -> Option<u64> { sysctl(name)?.split(' ').nth(index)?.parse().ok() };
        let ports = "net.ipv4.ip_local_port_range";
        let ephemeral =
            number(ports, 1).zip(number(ports, 0)).map_or(28_232, |(last, first)| last + 1 - first);
        let generator = facts.ready.get(&Role::Generator);
        let of_generator = |name: &str| generator.and_then(|ready| ready.get(name)?.as_u64());
        let highest =
            ["connections.opening", "host.conntrack_entries", "host.conntrack_entries_max"].into_iter();
        let highest = highest.chain(["host.file_handles", "host.file_handles_max", "host.tcp_memory_bytes"]);
        let highest = highest.chain(["host.tcp_time_wait", "server.descriptors", "server.descriptor_tables"]);
        let highest = highest.chain(["server.mail_waiting_max"]);
        // A rate that steps change has no one figure to fall short of.
        let steady = plan.steps.iter().all(|step| step.messages_rate.is_none());
        let connections = &plan.connections;
        Self {
            asked: plan.connections_max(),
            begun: count("connections.begun"),
            established: histogram("connect.latency_ns").map_or(0, telemetry::Histogram::len),
            peak: facts.connections_peak as u64,
            failed: count("connections.failed"),
            failures: failures.collect(),
            closed_by_server: count("connections.closed_by_server"),
            connect_rate: rate(connections.pace, ramp_rate),
            send_rate: plan
                .messages
                .as_ref()
                .filter(|_| steady)
                .and_then(|messages| rate(messages.pace, sent_rate)),
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
            addresses: of_generator("source_addresses").unwrap_or(0).max(1),
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
            memory_reserve_bytes: connections.memory_reserve_bytes as f64,
            memory_free_min_bytes: facts.seen.min(MEMORY_FREE),
            tcp_memory_max_bytes: number("net.ipv4.tcp_mem", 2)
                .zip(host.page_size_bytes)
                .map(|(pages, page_bytes)| pages as f64 * page_bytes as f64),
            somaxconn: sysctl("net.core.somaxconn").cloned(),
            values: facts.values.clone(),
            highest: highest.filter_map(|name| Some((name, facts.seen.max(name)?))).collect(),
        }
    }

    /// Where the run fell short of its plan, in words.
    pub(crate) fn shortfall(&self) -> Vec<String> {
        let mut short = Vec::new();
        if self.failed > 0 || self.peak < self.asked {
            let failed =
                if self.failed > 0 { format!(", {} failed", grouped(self.failed)) } else { String::new() };
            short.push(format!("{} of {} connections{failed}", grouped(self.peak), grouped(self.asked)));
        }
        if self.closed_by_server > 0 {
            short.push(format!("{} connections closed by the server", grouped(self.closed_by_server)));
        }
        for (what, rate) in [("connects", self.connect_rate), ("messages", self.send_rate)] {
            if let Some((asked, reached)) = rate.filter(|(asked, reached)| *reached < asked * REACHED_MIN) {
                short.push(format!("{reached:.0} of {asked:.0} {what} a second"));
            }
        }
        if self.lost > 0 {
            short.push(format!("{} deliveries lost", grouped(self.lost)));
        } else if (self.delivered as f64) < self.expected as f64 * REACHED_MIN {
            short.push(format!("{} of {} deliveries", grouped(self.delivered), grouped(self.expected)));
        }
        short.extend(self.late.iter().cloned());
        short.extend(
            self.broke.iter().map(|broke| broke.sentence.lines().next().unwrap_or_default().to_owned()),
        );
        short
    }

    /// What could not be seen from here.
    pub(crate) fn unknown(&self) -> Vec<String> {
        let unseen = "the server's CPU, memory and descriptors";
        match self.sight {
            Sight::Spawned => vec![],
            Sight::Watched => vec!["what goes on inside the server: its threads and queues".into()],
            Sight::Here => vec![format!("{unseen} (write target.pid to see them)")],
            Sight::Elsewhere => {
                vec![format!("{unseen}, and the kernel of its machine"), "the network in between".into()]
            }
        }
    }

    pub(super) fn failures_of(&self, cause: &str) -> u64 {
        self.failures.get(cause).copied().unwrap_or(0)
    }

    /// The latest value; 0 for a counter that was never said.
    pub(super) fn count(&self, name: &str) -> u64 {
        self.values.get(name).map_or(0, |value| *value as u64)
    }

    /// A share of the connections that are missing.
    pub(super) fn share(&self, count: u64) -> f64 {
        let missing = self.asked.saturating_sub(self.peak).max(self.failures.values().sum());
        count as f64 / missing.max(count).max(1) as f64
    }

    /// The stages whose load could have to do with what fell short; all of them when nothing did.
    pub(super) fn stages(&self) -> impl Iterator<Item = &Usage> {
        let short = |rate: Option<(f64, f64)>| rate.is_some_and(|(asked, got)| got < asked * REACHED_MIN);
        let late =
            |group: &[&str]| self.late.iter().any(|late| group.iter().any(|name| late.starts_with(name)));
        let ramp =
            self.failed > 0 || self.peak < self.asked || short(self.connect_rate) || late(&["connect."]);
        let delivered = (self.delivered as f64) < self.expected as f64 * REACHED_MIN;
        let messages =
            short(self.send_rate) || self.lost > 0 || delivered || late(&["delivery.", "publisher."]);
        let other = self.closed_by_server > 0 || self.broke.is_some();
        let all = other || !(ramp || messages);
        self.usage.iter().filter(move |usage| match usage.stage {
            Some(Stage::Ramp) => all || ramp,
            Some(Stage::Messages) => all || messages,
            None => true,
        })
    }
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

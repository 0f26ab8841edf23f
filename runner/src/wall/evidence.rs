//! What a run showed, as far as it bears on its limits: plain numbers, absent where they were not measured; and where
//! they fall short of the plan.

use std::collections::BTreeMap;

use crate::reserve::Stopped;
use crate::seen::Stage;
use crate::words::grouped;
use crate::worker::Role;

/// Less than this share of what was asked for is a shortfall.
pub(super) const REACHED_MIN: f64 = 0.9;

/// A worker that died or got stuck, and how, in a sentence.
#[derive(Debug, Clone)]
pub(crate) struct Broke {
    pub(crate) role: Role,
    pub(crate) stuck: bool,
    /// Ended by SIGKILL.
    pub(crate) killed: bool,
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
    /// Told by the generator, or given: not only what one would begin with.
    pub(crate) addresses_known: bool,
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
    /// The latest of every value; counters of the machine's count since the ramp began.
    pub(crate) values: BTreeMap<String, f64>,
    /// The highest of some.
    pub(crate) highest: BTreeMap<&'static str, f64>,
}

impl Evidence {
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

    /// Twice the addresses there are, and so many that half of each one's ports stay free.
    pub(super) fn ports_advice(&self) -> String {
        if !self.loopback {
            return "add addresses of this machine to connections.source, or widen net.ipv4.ip_local_port_range".into();
        }
        let fit = (self.asked * 2).div_ceil(self.ports.max(1));
        match self.addresses.saturating_mul(2).max(fit) {
            more @ ..=253 => format!("add addresses: connections.source: [127.0.0.2-127.0.0.{}]", more + 1),
            _ => "leave connections.source and source_ports to the flood".into(),
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

//! The figures: what the server tells of itself, each described once.
//!
//! [`metrics`](crate::metrics), [`inspect`](crate::inspect) and [`frames`](crate::frames) say the same figures in three
//! forms. All are counters that the shards keep anyway, so that saying them costs the number of shards, and not of
//! connections.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use shard::{Busiest, Mailboxes, Stats};
use telemetry::Kind;
use tokio::runtime::RuntimeMetrics;

use crate::counters::Counters;
use crate::delivery::Letter;
use crate::service::Common;

/// Where all figures come from.
pub(crate) struct Figures {
    pub(crate) common: Arc<Common>,
    pub(crate) mailboxes: Arc<Mailboxes<Letter>>,
    pub(crate) stats: Arc<Vec<Stats>>,
    /// The control side's runtime, once there is one.
    pub(crate) control: OnceLock<RuntimeMetrics>,
    /// For who asks at the admin address; the worker keeps its own, so that its samples tell of its own intervals.
    pub(crate) recent: Mutex<Recent>,
}

/// How soon the busiest shard's share is measured again: a shorter time would tell of single turns.
const RECENT_INTERVAL: Duration = Duration::from_millis(250);

/// How busy the busiest shard was of late.
#[derive(Debug)]
pub(crate) struct Recent {
    at: Instant,
    busiest: Busiest,
    ratio: f64,
}

impl Recent {
    pub(crate) fn new(stats: &[Stats]) -> Self {
        Self { at: Instant::now(), busiest: Busiest::new(stats), ratio: 0.0 }
    }

    /// Its share since the last question, or the last answer if that was a moment ago.
    fn ratio(&mut self, stats: &[Stats]) -> f64 {
        if self.at.elapsed() >= RECENT_INTERVAL {
            (self.at, self.ratio) = (Instant::now(), self.busiest.ratio(stats));
        }
        self.ratio
    }
}

/// One shard of them.
pub(crate) struct OfShard<'a> {
    pub(crate) stats: &'a Stats,
    /// Letters in its mailbox.
    pub(crate) waiting: u64,
}

impl OfShard<'_> {
    /// Letters that have been posted to it and not been dealt with.
    pub(crate) fn mail_queue(&self) -> u64 {
        self.waiting + self.stats.backlog.get()
    }
}

/// What is told of each shard, and in sum of the server.
pub(crate) struct ShardFigure {
    /// What it is called everywhere: the column of the shards, and behind `server.` its sum.
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) help: &'static str,
    pub(crate) value: fn(&OfShard<'_>) -> f64,
}

/// What is told of the server as a whole.
pub(crate) struct ServerFigure {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) help: &'static str,
    /// `None`: there is nothing to measure.
    pub(crate) value: fn(&Figures) -> Option<f64>,
}

macro_rules! of_shard {
    ($kind:ident $name:literal $help:literal $shard:ident => $value:expr) => {
        ShardFigure { name: $name, kind: Kind::$kind, help: $help, value: |$shard| $value as f64 }
    };
}

macro_rules! of_server {
    ($kind:ident $name:literal $help:literal $figures:ident => $value:expr) => {
        ServerFigure { name: $name, kind: Kind::$kind, help: $help, value: |$figures| $value }
    };
}

/// What each shard tells, in the order of the columns.
pub(crate) const OF_SHARD: &[ShardFigure] = &[
    of_shard!(Counter "events" "Events that the kernel reported." s => s.stats.events.get()),
    of_shard!(Counter "turns" "Turns of the event loop." s => s.stats.turns.get()),
    of_shard!(Counter "busy_s" "Time spent working rather than waiting." s => s.stats.busy_ns.get() as f64 / 1e9),
    of_shard!(Gauge "connections" "Connections open now." s => s.stats.connections.get()),
    of_shard!(Counter "accepted" "Connections accepted." s => s.stats.accepted.get()),
    of_shard!(Counter "closed" "Connections closed, by either side." s => s.stats.closed.get()),
    of_shard!(Counter "refused" "Connections refused for want of descriptors." s => s.stats.refused.get()),
    of_shard!(Counter "too_slow" "Connections closed because they read too slowly." s => s.stats.too_slow.get()),
    of_shard!(Gauge "mail_queue" "Letters posted and not dealt with yet." s => s.mail_queue()),
    of_shard!(Gauge "mailbox" "Letters waiting in the mailbox." s => s.waiting),
    of_shard!(Gauge "backlog" "Letters received and not delivered yet." s => s.stats.backlog.get()),
    of_shard!(Counter "mail_in" "Letters received from other shards." s => s.stats.mail_in.get()),
    of_shard!(Counter "mail_out" "Letters posted to other shards." s => s.stats.mail_out.get()),
    of_shard!(Counter "served" "Letters dealt with, those for connections of the same shard included." s => s.stats.served.get()),
    of_shard!(Counter "mail_full" "Batches of letters that did not fit a mailbox and had to wait." s => s.stats.mail_full.get()),
    of_shard!(Gauge "outboxes" "Connections with bytes that a write would not take." s => s.stats.outboxes.get()),
    of_shard!(Gauge "outbox_bytes" "Bytes waiting for slow readers." s => s.stats.outbox_bytes.get()),
    of_shard!(Counter "outboxed_bytes" "Bytes that have left outboxes." s => s.stats.outboxed_bytes.get()),
    of_shard!(Counter "reads" "Reads that returned bytes." s => s.stats.reads.get()),
    of_shard!(Counter "received_bytes" "Bytes read from connections." s => s.stats.bytes_in.get()),
    of_shard!(Counter "writes" "Writes that took bytes." s => s.stats.writes.get()),
    of_shard!(Counter "sent_bytes" "Bytes written to connections." s => s.stats.bytes_out.get()),
    of_shard!(Gauge "memory_bytes" "Memory for connections, buffers, timers and letters, by capacity." s => s.stats.memory_bytes.get()),
    of_shard!(Gauge "timers" "Timers set." s => s.stats.timers.get()),
];

/// What the server tells besides its counters and the sums over its shards.
pub(crate) const OF_SERVER: &[ServerFigure] = &[
    of_server!(Gauge "uptime_s" "Time since the start." f => Some(f.started().elapsed().as_secs_f64())),
    of_server!(Gauge "directory_entries" "Pairs of a logged-in id and a shard that has it." f => {
        Some(f.common.directory.len() as f64)
    }),
    of_server!(Gauge "mail_waiting_max" "Letters posted and not dealt with yet, of the shard with the most." f => {
        Some(f.shards().map(|shard| shard.mail_queue()).max().unwrap_or(0) as f64)
    }),
    of_server!(Gauge "control_tasks" "Tasks of the control side: the admin address's connections, and what accepts them." f => {
        Some(f.control.get()?.num_alive_tasks() as f64)
    }),
    of_server!(Counter "control_busy_s" "Time that the control side spent working rather than waiting." f => {
        let control = f.control.get()?;
        Some((0..control.num_workers()).map(|worker| control.worker_total_busy_duration(worker).as_secs_f64()).sum())
    }),
];

/// What the sum over all shards is called where it is not the column's name.
const SUMS: &[(&str, &str)] = &[("mail_queue", "mail_waiting"), ("memory_bytes", "shard_memory_bytes")];

/// A figure of the whole server.
pub(crate) struct Total {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) help: &'static str,
    pub(crate) value: f64,
}

impl Figures {
    pub(crate) fn started(&self) -> Instant {
        self.common.started
    }

    pub(crate) fn shards(&self) -> impl Iterator<Item = OfShard<'_>> {
        let of = |(shard, stats)| OfShard { stats, waiting: self.mailboxes.waiting(shard) as u64 };
        self.stats.iter().enumerate().map(of)
    }

    /// What is counted for the server as a whole, and what it tells besides.
    pub(crate) fn own(&self) -> impl Iterator<Item = Total> {
        let counted = Counters::TOTALS.iter().map(|(name, help, sum)| Total {
            name,
            kind: Kind::Counter,
            help,
            value: sum(&self.common.counters) as f64,
        });
        let told = OF_SERVER.iter().filter_map(|figure| {
            let ServerFigure { name, kind, help, value } = *figure;
            Some(Total { name, kind, help, value: value(self)? })
        });
        counted.chain(told)
    }

    /// See [`Recent`].
    pub(crate) fn busiest_shard_ratio(&self) -> f64 {
        self.recent.lock().unwrap_or_else(PoisonError::into_inner).ratio(&self.stats)
    }

    /// The sums over all shards.
    pub(crate) fn sums(&self) -> impl Iterator<Item = Total> {
        OF_SHARD.iter().map(|figure| {
            let ShardFigure { name, kind, help, value } = *figure;
            let name = SUMS.iter().find(|(column, _)| *column == name).map_or(name, |(_, sum)| sum);
            Total { name, kind, help, value: self.shards().map(|shard| value(&shard)).sum() }
        })
    }
}

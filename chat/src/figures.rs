//! What the admin address tells of the server: for a scraper, and for whoever looks in.
//!
//! Both read counters that the shards keep anyway. The cost depends on the number of shards, not of connections.

use std::fmt::Write as _;

use serde::ser::{Serialize, Serializer};
use serde_json::json;
use shard::Stats;

use crate::admin::Admin;
use crate::counters::Counters;

/// What each shard tells.
struct Figure {
    kind: &'static str,
    name: &'static str,
    help: &'static str,
    value: fn(&Stats) -> u64,
}

const fn gauge(name: &'static str, help: &'static str, value: fn(&Stats) -> u64) -> Figure {
    Figure { kind: "gauge", name, help, value }
}

const fn counter(name: &'static str, help: &'static str, value: fn(&Stats) -> u64) -> Figure {
    Figure { kind: "counter", name, help, value }
}

const PER_SHARD: &[Figure] = &[
    gauge("connections", "Connections open now.", |s| s.connections.get()),
    counter("accepted", "Connections accepted.", |s| s.accepted.get()),
    counter("closed", "Connections closed, by either side.", |s| s.closed.get()),
    counter("refused", "Connections refused for want of descriptors.", |s| s.refused.get()),
    counter("too_slow", "Connections closed because they read too slowly.", |s| s.too_slow.get()),
    counter("reads", "Reads that returned bytes.", |s| s.reads.get()),
    counter("received_bytes", "Bytes read from connections.", |s| s.bytes_in.get()),
    counter("writes", "Writes that took bytes.", |s| s.writes.get()),
    counter("sent_bytes", "Bytes written to connections.", |s| s.bytes_out.get()),
    counter("turns", "Turns of the event loop.", |s| s.turns.get()),
    counter("events", "Events that the kernel reported.", |s| s.events.get()),
    counter("busy_nanoseconds", "Time spent working rather than waiting.", |s| s.busy_ns.get()),
    counter("mail_in", "Letters received from other shards.", |s| s.mail_in.get()),
    counter("mail_out", "Letters posted to other shards.", |s| s.mail_out.get()),
    gauge("backlog", "Letters received and not delivered yet.", |s| s.backlog.get()),
    counter("mail_full", "Batches of letters that did not fit a mailbox and had to wait.", |s| {
        s.mail_full.get()
    }),
    gauge("outboxes", "Connections with bytes that a write would not take.", |s| s.outboxes.get()),
    gauge("outbox_bytes", "Bytes waiting for slow readers.", |s| s.outbox_bytes.get()),
    gauge("timers", "Timers set.", |s| s.timers.get()),
];

/// All figures in OpenMetrics' text format.
pub(crate) fn open_metrics(admin: &Admin) -> String {
    let mut out = String::with_capacity(16 << 10);
    // Writing to a string cannot fail.
    let mut family =
        |kind: &str, name: &str, help: &str, values: &mut dyn Iterator<Item = (Option<usize>, u64)>| {
            let suffix = if kind == "counter" { "_total" } else { "" };
            let _ = write!(out, "# TYPE floodmark_{name} {kind}\n# HELP floodmark_{name} {help}\n");
            for (shard, value) in values {
                let _ = match shard {
                    Some(shard) => writeln!(out, "floodmark_{name}{suffix}{{shard=\"{shard}\"}} {value}"),
                    None => writeln!(out, "floodmark_{name}{suffix} {value}"),
                };
            }
        };
    for (name, help, value) in Counters::totals(&admin.common.counters) {
        family("counter", name, help.trim(), &mut std::iter::once((None, value)));
    }
    let entries = admin.common.directory.len() as u64;
    let help = "Pairs of a logged-in id and a shard that has it.";
    family("gauge", "directory_entries", help, &mut std::iter::once((None, entries)));
    for figure in PER_SHARD {
        let values = admin.stats.iter().map(figure.value);
        family(
            figure.kind,
            figure.name,
            figure.help,
            &mut values.enumerate().map(|(n, value)| (Some(n), value)),
        );
    }
    let waiting = (0..admin.stats.len()).map(|shard| (Some(shard), admin.mailboxes.waiting(shard) as u64));
    family("gauge", "mail_waiting", "Letters waiting in the mailbox.", &mut { waiting });
    out.push_str("# EOF\n");
    out
}

/// One shard's figures, by name.
struct OfShard<'a> {
    admin: &'a Admin,
    shard: usize,
}

impl Serialize for OfShard<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { admin, shard } = *self;
        let figures = PER_SHARD.iter().map(|figure| (figure.name, (figure.value)(&admin.stats[shard])));
        let more = [("shard", shard as u64), ("mail_waiting", admin.mailboxes.waiting(shard) as u64)];
        serializer.collect_map(more.into_iter().chain(figures))
    }
}

#[derive(serde::Serialize)]
struct Inspection<'a> {
    server: serde_json::Value,
    totals: serde_json::Map<String, serde_json::Value>,
    shards: Vec<OfShard<'a>>,
}

/// What is going on in the server, shard by shard, as JSON.
pub(crate) fn inspect(admin: &Admin) -> String {
    let counters = Counters::totals(&admin.common.counters);
    let mut totals: serde_json::Map<_, _> =
        counters.into_iter().map(|(name, _, value)| (name.to_owned(), value.into())).collect();
    totals.insert("directory_entries".into(), admin.common.directory.len().into());
    let inspection = Inspection {
        server: json!({
            "name": "floodmark chat",
            "version": env!("CARGO_PKG_VERSION"),
            "pid": std::process::id(),
            "uptime_s": admin.started.elapsed().as_secs_f64(),
        }),
        totals,
        shards: (0..admin.stats.len()).map(|shard| OfShard { admin, shard }).collect(),
    };
    // Numbers and names only, which JSON always has a form for.
    serde_json::to_string(&inspection).expect("figures are always valid JSON") + "\n"
}

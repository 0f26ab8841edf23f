//! The figures as frames: what the worker says at each interval, and `GET /frames` on the admin address.

use std::collections::BTreeMap;

use telemetry::{Catalog, Cell, Frame, Hello, Kind, Meaning, SCHEMA_VERSION, Sample, Stamp, Table};

use crate::figures::{Figures, OF_SERVER, OF_SHARD, OfShard};

/// Who says all of them.
pub(crate) const SOURCE: &str = "server";

/// Columns of the shards that stand before those of [`OF_SHARD`].
const SHARD_WORDS: [&str; 4] = ["shard", "name", "doing", "status"];

/// A figure of the time between two samples, which depends on who asks.
const BUSIEST: (&str, &str) =
    ("busiest_shard_ratio", "Share of its time that the busiest shard worked, since the last sample.");

/// What a stream of frames begins with.
pub(crate) fn hello() -> Frame {
    Frame::Hello(Hello {
        at: Stamp::now(),
        source: SOURCE.into(),
        schema: SCHEMA_VERSION,
        worker: "chat".into(),
        pid: std::process::id(),
        version: env!("CARGO_PKG_VERSION").into(),
    })
}

/// What the names in samples mean.
pub(crate) fn catalog(figures: &Figures) -> Frame {
    let told = figures.own().chain(figures.sums()).map(|total| (total.name, total.kind, total.help));
    // Said once, and perhaps before there is a value: those that come later are explained as well.
    let later = OF_SERVER.iter().map(|figure| (figure.name, figure.kind, figure.help));
    let more = [
        (BUSIEST.0, Kind::Gauge, BUSIEST.1),
        ("busy_ns", Kind::Counter, "As busy_s, in nanoseconds, as earlier versions had it."),
    ];
    let names = told
        .chain(later)
        .chain(more)
        .map(|(name, kind, help)| (format!("{SOURCE}.{name}"), Meaning { kind, help: help.into() }));
    Frame::Catalog(Catalog { at: Stamp::now(), source: SOURCE.into(), names: names.collect() })
}

/// The server as a whole.
pub(crate) fn values(figures: &Figures, busiest_shard_ratio: f64) -> BTreeMap<String, f64> {
    let name = |name: &str| format!("{SOURCE}.{name}");
    let mut values: BTreeMap<String, f64> =
        figures.own().chain(figures.sums()).map(|total| (name(total.name), total.value)).collect();
    let busy_ns: u64 = figures.stats.iter().map(|stats| stats.busy_ns.get()).sum();
    values.insert(name("busy_ns"), busy_ns as f64);
    values.insert(name(BUSIEST.0), busiest_shard_ratio);
    values
}

/// As [`values`], for who asks at the admin address.
pub(crate) fn sample(figures: &Figures) -> Frame {
    let values = values(figures, figures.busiest_shard_ratio());
    Frame::Sample(Sample { at: Stamp::now(), source: SOURCE.into(), values })
}

/// A row for each shard.
pub(crate) fn shards(figures: &Figures) -> Table {
    let columns = SHARD_WORDS.into_iter().chain(OF_SHARD.iter().map(|figure| figure.name));
    let row = |(number, shard): (usize, OfShard<'_>)| {
        let words = [
            Cell::Number(number as f64),
            Cell::Text(format!("chat-{number}")),
            Cell::Text(shard.stats.stage.get().name().into()),
            Cell::Text(status(&shard).into()),
        ];
        let numbers = OF_SHARD.iter().map(|figure| Cell::Number((figure.value)(&shard)));
        words.into_iter().chain(numbers).collect()
    };
    Table {
        at: Stamp::now(),
        source: SOURCE.into(),
        name: "shards".into(),
        columns: columns.map(String::from).collect(),
        rows: figures.shards().enumerate().map(row).collect(),
    }
}

/// How a shard is, in a word or two: the worst that is true.
fn status(shard: &OfShard<'_>) -> &'static str {
    if shard.stats.stopping.get() > 0 {
        "stopping"
    } else if shard.stats.undelivered.get() > 0 {
        "mail full"
    } else if shard.stats.backlog.get() > 0 {
        "backlog"
    } else {
        "ok"
    }
}

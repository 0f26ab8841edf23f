//! A recording of two minutes, written here: four shards, 12,000 connections, 3,000 messages a second, an alert.
//!
//! ```text
//!   0 s    10 s          40 s                                  100 s   110 s    120 s
//!   start  │ ramp        │ hold ─ messages (45 s … 95 s) ──────│ drain │ run.ended
//! ```

use std::path::Path;

use serde_json::{Value, json};
use telemetry::{
    Audit, AuditFrame, Catalog, Cell, Frame, Hello, Kind, Latency, Log, Mark, Meaning, RecordingWriter,
    Sample, Stamp, Table, latency_histogram,
};

/// Connections at the most.
const CONNECTIONS: u64 = 12_000;

/// When it began, by both clocks: 12:00 on 1 January 2026.
const START_MONO_US: u64 = 1_000_000_000;
const START_WALL_US: u64 = 1_767_268_800_000_000;

/// A moment in the recording.
pub(super) fn at(second: u64) -> Stamp {
    at_ms(second * 1_000)
}

fn at_ms(ms: u64) -> Stamp {
    Stamp { mono_us: START_MONO_US + ms * 1_000, wall_us: START_WALL_US + ms * 1_000 }
}

/// Writes the whole recording.
pub(super) fn write(path: &Path) {
    write_seconds(path, 0..121);
}

/// Writes some of its seconds.
pub(super) fn write_seconds(path: &Path, seconds: std::ops::Range<u64>) {
    let mut writer = RecordingWriter::create(path).expect("a new file");
    for frame in seconds.flat_map(frames) {
        writer.append(&frame).expect("room");
    }
}

/// What is said in one second.
pub(super) fn frames(second: u64) -> Vec<Frame> {
    let mut frames = Vec::new();
    if second == 0 {
        frames.push(hello("server", "chat"));
        frames.push(hello("generator", "floodtest"));
        frames.push(catalog());
    }
    frames.extend(marks(second));
    frames.push(Frame::Sample(sample(second)));
    frames.push(Frame::Table(shards(second)));
    frames.push(Frame::Table(connections(second)));
    frames.extend(latencies(second));
    frames.push(Frame::Audit(AuditFrame {
        at: at(second),
        source: "generator".into(),
        audit: audit(second),
    }));
    frames.push(Frame::Audit(AuditFrame {
        at: at(second),
        source: "publisher".into(),
        audit: audit(second),
    }));
    frames
}

fn hello(source: &str, worker: &str) -> Frame {
    let (source, worker) = (source.into(), worker.into());
    Frame::Hello(Hello { at: at(0), source, schema: 1, worker, pid: 42, version: "0.1.0".into() })
}

fn catalog() -> Frame {
    let counter = Meaning { kind: Kind::Counter, help: "grows".into() };
    let names = [
        "host.disk.sda.written_bytes",
        "host.net.lo.sent_bytes",
        "host.interrupts",
        "host.tcp_passive_opens",
    ];
    let names = names.map(|name| (name.to_owned(), counter.clone())).into();
    Frame::Catalog(Catalog { at: at(0), source: "host".into(), names })
}

fn mark(at: Stamp, source: &str, name: &str, attributes: Value) -> Frame {
    let Value::Object(attributes) = attributes else { panic!("attributes are an object") };
    let attributes = attributes.into_iter().collect();
    Frame::Mark(Mark { at, source: source.into(), name: name.into(), attributes })
}

fn marks(second: u64) -> Vec<Frame> {
    let of = |name: &str, attributes| mark(at(second), "runner", name, attributes);
    let phase = |name: &str, phase: &str| of(name, json!({ "phase": phase }));
    match second {
        0 => vec![
            of(
                "plan",
                json!({ "connections": CONNECTIONS, "connect_rate_per_s": 400, "message_rate_per_s": 3000, "hold_s": 60 }),
            ),
            mark(at(0), "server", "worker.ready", json!({ "admin": "127.0.0.1:8002", "shards": 4 })),
        ],
        10 => vec![phase("phase.began", "ramp")],
        40 => vec![
            mark(
                at(40),
                "generator",
                "phase.ended",
                json!({ "phase": "ramp", "reached_rate_per_s": 398.25 }),
            ),
            phase("phase.ended", "ramp"),
            phase("phase.began", "hold"),
        ],
        45 => vec![phase("phase.began", "messages")],
        70 => vec![of(
            "alert.raised",
            json!({ "queue": "mail of shard 2", "length": 64000, "delay_s": 6.5, "drain_s": "never" }),
        )],
        75 => vec![Frame::Log(Log {
            at: at(75),
            source: "server".into(),
            level: "warn".into(),
            message: "shard 2 has fallen behind".into(),
            ..Log::default()
        })],
        80 => vec![of("alert.cleared", json!({ "queue": "mail of shard 2", "length": 12 }))],
        95 => vec![phase("phase.ended", "messages")],
        100 => vec![phase("phase.ended", "hold"), phase("phase.began", "drain")],
        110 => vec![phase("phase.ended", "drain")],
        120 => vec![of("run.ended", json!({ "verdict": "pass" }))],
        _ => Vec::new(),
    }
}

/// Connections open.
fn open(second: u64) -> u64 {
    match second {
        0..10 => 0,
        10..40 => (second - 10) * 400,
        40..100 => CONNECTIONS,
        100..110 => CONNECTIONS - (second - 100) * 1_200,
        _ => 0,
    }
}

/// Messages sent so far.
fn sent(second: u64) -> u64 {
    second.clamp(45, 95).saturating_sub(45) * 3_000
}

/// Letters waiting in shard 2, which falls behind for a while and catches up again: 750 come each second.
fn behind(second: u64) -> u64 {
    match second {
        65..=75 => (second - 65) * 600,
        76..80 => (80 - second) * 1_200,
        _ => 0,
    }
}

/// Something that goes up and down between 0 and 1, the same each time.
fn wave(second: u64, length: u64) -> f64 {
    let step = second % length;
    let half = length as f64 / 2.0;
    1.0 - (step as f64 - half).abs() / half
}

fn sample(second: u64) -> Sample {
    let (open_, sent) = (open(second) as f64, sent(second) as f64);
    let gib = f64::from(1 << 30);
    let values = [
        ("server.connections", open_),
        ("server.uptime_s", second as f64 + 2.0),
        ("server.directory_entries", open_),
        ("server.messages", sent),
        ("server.delivered", sent),
        ("server.served", sent - behind(second) as f64),
        ("server.mail_waiting", behind(second) as f64),
        ("server.outbox_bytes", wave(second, 20) * 4_096.0 * f64::from(u8::from(sent > 0.0))),
        ("server.outboxed_bytes", sent * 2.0),
        ("server.shard_memory_bytes", 262_144.0 + open_ * 24.0),
        ("server.rss_bytes", 12_582_912.0 + open_ * 68.0),
        ("server.cpu_cores", 0.05 + sent.min(1.0) * 0.4 * wave(second, 10)),
        ("server.threads", 7.0),
        ("generator.rss_bytes", 13_631_488.0 + open_ * 80.0),
        ("host.memory_kernel_bytes", 0.5 * gib + open_ * 3_400.0),
        ("host.slab_tcp_bytes", 1_048_576.0 + open_ * 2_300.0),
        ("host.memory_available_bytes", 22.0 * gib - open_ * 3_600.0),
        ("host.cpu_busy_ratio", 0.1 + 0.5 * wave(second, 30)),
        ("host.load_1m", 0.5 + wave(second, 60)),
        ("host.interrupts", second as f64 * 4_000.0),
        ("host.disk.sda.written_bytes", second as f64 * 65_536.0),
        ("host.net.lo.sent_bytes", sent * 200.0),
        ("host.tcp_sockets", 30.0 + 2.0 * open_),
        ("host.accept_queue", if (10..40).contains(&second) { wave(second, 4) * 8.0 } else { 0.0 }),
        ("host.tcp_passive_opens", open_.max(if second > 99 { CONNECTIONS as f64 } else { 0.0 })),
        ("sar.cpu_ratio", 0.0005),
        ("sar.rss_bytes", 9_437_184.0),
        ("connections.open", open_),
        ("connections.opening", if (10..40).contains(&second) { 12.0 } else { 0.0 }),
        ("connections.logins", open_.max(if second > 99 { CONNECTIONS as f64 } else { 0.0 })),
        ("connections.failed", if second > 30 { 3.0 } else { 0.0 }),
        ("connections.failures.timeout", if second > 30 { 3.0 } else { 0.0 }),
        ("connections.messages", sent),
        ("publisher.sent", sent),
    ];
    let values = values.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    Sample { at: at(second), source: "host".into(), values }
}

fn number(value: u64) -> Cell {
    Cell::Number(value as f64)
}

fn shards(second: u64) -> Table {
    let columns = [
        "shard",
        "name",
        "doing",
        "status",
        "events",
        "turns",
        "busy_s",
        "connections",
        "mail_queue",
        "mail_in",
        "mail_out",
        "served",
        "mail_full",
        "outboxes",
        "outbox_bytes",
        "outboxed_bytes",
        "received_bytes",
        "sent_bytes",
        "memory_bytes",
        "timers",
    ];
    let row = |shard: u64| {
        let events = sent(second) / 4 + sent(second) / 100 * shard + open(second) / 4;
        let mail = if shard == 2 { behind(second) } else { 0 };
        let words = match (shard, mail) {
            (2, 1..) => ("delivering", "backlog"),
            _ => ("waiting", "ok"),
        };
        vec![
            number(shard),
            Cell::Text(format!("chat-{shard}")),
            Cell::Text(words.0.into()),
            Cell::Text(words.1.into()),
            number(events),
            number(events / 3),
            Cell::Number(second as f64 * (0.1 + shard as f64 / 50.0)),
            number(open(second) / 4),
            number(mail),
            number(sent(second) / 4),
            number(sent(second) / 4),
            number((sent(second) / 4).saturating_sub(mail)),
            number(0),
            number(0),
            number(1_024 * shard * u64::from(mail > 0)),
            number(sent(second) / 2),
            number(sent(second) * 50),
            number(sent(second) * 60),
            number(65_536 + open(second) / 4 * 24),
            number(shard + 1),
        ]
    };
    Table {
        at: at(second),
        source: "server".into(),
        name: "shards".into(),
        columns: columns.map(str::to_owned).to_vec(),
        rows: (0..4).map(row).collect(),
    }
}

fn connections(second: u64) -> Table {
    let columns = [
        "connection",
        "ids",
        "id",
        "peer",
        "protocol",
        "messages",
        "bytes",
        "bytes_error",
        "outbox_bytes",
        "age_s",
        "shard",
    ];
    let row = |rank: u64| {
        let age = second.saturating_sub(10 + rank);
        vec![
            Cell::Text(format!("{}:{}.1", rank % 4, rank * 7)),
            Cell::Text(if rank == 2 { "103,7,11,19,23".into() } else { format!("{}", 101 + rank) }),
            number(101 + rank),
            Cell::Text(format!("127.0.0.1:{}", 40_000 + rank)),
            Cell::Text("comet".into()),
            number(sent(second) / (10 + rank)),
            number(sent(second) / (10 + rank) * 64),
            number(64),
            number(if rank == 5 { behind(second) } else { 0 }),
            number(age),
            number(rank % 4),
        ]
    };
    let rows = if open(second) == 0 { Vec::new() } else { (0..20).map(row).collect() };
    Table {
        at: at(second),
        source: "server".into(),
        name: "connections".into(),
        columns: columns.map(str::to_owned).to_vec(),
        rows,
    }
}

fn latencies(second: u64) -> Vec<Frame> {
    let of = |name: &str, middle_us: u64| {
        let mut histogram = latency_histogram();
        for step in 1..=100 {
            histogram.saturating_record(middle_us * 20 * step);
        }
        histogram.saturating_record(middle_us * 9_000);
        Frame::Latency(Latency {
            at: at_ms(second * 1_000 + 500),
            source: "generator".into(),
            name: name.into(),
            interval_us: 1_000_000,
            histogram: Latency::encode(&histogram),
        })
    };
    let mut frames = Vec::new();
    if (10..40).contains(&second) {
        frames.push(of("connect.latency_ns", 180 + second * 2));
        frames.push(of("connect.login_ns", 400));
    }
    if (45..95).contains(&second) {
        let slow = if behind(second) > 0 { 20 } else { 1 };
        frames.push(of("delivery.latency_ns", 500 * slow + second));
    }
    frames
}

fn audit(second: u64) -> Audit {
    Audit { sent: sent(second), expected: sent(second), delivered: sent(second), ..Audit::default() }
}

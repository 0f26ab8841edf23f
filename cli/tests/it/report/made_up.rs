//! A bundle of which every value is known.

use std::path::Path;

use serde_json::{Value, json};
use telemetry::{Bundle, Frame, Histogram, Latency, Mark, Sample, Stamp, latency_histogram};

const MIB: f64 = 1_048_576.0;

/// When it began: 21 November 2026, 12:00 UTC.
const BEGAN_WALL_US: u64 = 1_795_262_400_000_000;

/// Records a run of `seconds`: 40 MiB of memory and one more a second, 100 more connections a second.
pub(crate) fn made_up(dir: &Path, seconds: u32, scenario: &str) {
    let mut bundle = Bundle::create(dir).expect("a bundle");
    let mut say = |frame: Frame| bundle.append(&frame).expect("a frame is written");
    say(mark(0.0, "plan", &[("scenario", json!(scenario)), ("connections", json!(100 * seconds))]));
    say(mark(0.0, "phase.began", &[("phase", json!("ramp"))]));
    for second in 0..=seconds {
        let at = f64::from(second);
        if second == seconds / 2 {
            say(mark(at, "phase.ended", &[("phase", json!("ramp"))]));
            say(mark(at, "phase.began", &[("phase", json!("hold"))]));
        }
        say(sample(at, "host", &host(at)));
        say(sample(
            at,
            "generator",
            &[
                ("connections.open", 100.0 * at),
                ("connections.opening", 5.0),
                ("connections.failed", 0.0),
                ("connections.messages", 500.0 * at),
                ("generator.received_bytes", 50_000.0 * at),
            ],
        ));
        say(sample(at, "server", &server(at)));
        say(sample(at, "publisher", &[("publisher.sent", 500.0 * at), ("publisher.delivered", 500.0 * at)]));
        for (source, name) in [
            ("generator", "delivery.latency_ns"),
            ("generator", "delivery.raw_latency_ns"),
            ("publisher", "publisher.lag_ns"),
        ] {
            say(Frame::Latency(Latency {
                at: stamp(at),
                source: source.into(),
                name: name.into(),
                interval_us: 1_000_000,
                histogram: Latency::encode(&histogram(second)),
            }));
        }
    }
    say(mark(f64::from(seconds), "phase.ended", &[("phase", json!("hold"))]));
    bundle.write_file("plan.yaml", format!("name: {scenario}\n")).expect("a plan");
    bundle
        .write_file("host.json", json!({ "cpu_model": scenario, "cores_online": 2 }).to_string())
        .expect("a host");
    bundle.write_file("summary.json", summary(seconds, scenario).to_string()).expect("a summary");
}

fn host(at: f64) -> Vec<(&'static str, f64)> {
    // What wiggles is not thinned by being level.
    let wiggle = |size: f64| size * (1.0 + 0.3 * (at * 1.7).sin() + 0.2 * (at * 0.31).cos());
    vec![
        ("server.rss_bytes", (40.0 + at) * MIB),
        ("server.cpu_cores", wiggle(0.8)),
        ("generator.cpu_cores", wiggle(0.2)),
        ("publisher.cpu_cores", wiggle(0.4)),
        ("generator.rss_bytes", (20.0 + at / 2.0) * MIB),
        ("publisher.rss_bytes", 8.0 * MIB),
        ("host.cpu_busy_ratio", wiggle(0.6)),
        ("host.cpu_user_ratio", wiggle(0.2)),
        ("host.cpu_system_ratio", wiggle(0.4)),
        ("host.softirq_ratio", wiggle(0.1)),
        ("host.steal_ratio", 0.0),
        ("host.memory_available_bytes", 8192.0 * MIB - at * MIB),
        ("host.tcp_memory_bytes", wiggle(30.0 * MIB)),
        ("host.tcp_sockets", 200.0 * at),
        ("host.accept_queue", wiggle(20.0).round()),
        ("host.listen_drops", 0.0),
        ("host.listen_overflows", (at / 10.0).floor()),
        ("host.retransmitted_segments", (3.0 * at).floor()),
        ("host.tcp_segments_out", 2000.0 * at),
    ]
}

fn server(at: f64) -> Vec<(&'static str, f64)> {
    vec![
        ("server.connections", 100.0 * at),
        ("server.accepted", 100.0 * at),
        ("server.messages", 500.0 * at),
        ("server.delivered", 500.0 * at),
        ("server.sent_bytes", 60_000.0 * at),
        ("server.backlog", (30.0 + 20.0 * (at * 0.9).sin()).round()),
        ("server.mailbox", (12.0 + 10.0 * (at * 0.4).cos()).round()),
        ("server.outbox_bytes", (4096.0 * (1.0 + (at * 0.2).sin())).round()),
    ]
}

fn histogram(second: u32) -> Histogram<u64> {
    let mut histogram = latency_histogram();
    for place in 1..=500_u64 {
        histogram
            .saturating_record(100_000 + place * 700 + u64::from(second % 13) * 9_000 + place.pow(3) / 40);
    }
    histogram
}

fn summary(seconds: u32, scenario: &str) -> Value {
    json!({
        "version": 1, "scenario": scenario, "verdict": "pass", "run": { "duration_s": seconds },
        "connections": { "asked": 100 * seconds, "peak": 100 * seconds, "failed": 0,
            "failures_by_cause": { scenario: 1 } },
        "thresholds": [{ "expr": "connections.failed == 0", "value": 0.0, "ok": true }],
        "memory": { "server_bytes_per_connection": 10_485.8, "server_bytes_per_connection_ci95": [10_480.0, 10_490.0],
            "ledger": { "note": scenario } },
        "wall": { "causes": [{ "cause": scenario, "weight": 1.0, "evidence": scenario, "advice": scenario }] },
    })
}

fn stamp(at: f64) -> Stamp {
    let us = (at * 1e6) as u64;
    Stamp { mono_us: 1_000_000 + us, wall_us: BEGAN_WALL_US + us }
}

fn mark(at: f64, name: &str, attributes: &[(&str, Value)]) -> Frame {
    let attributes = attributes.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    Frame::Mark(Mark { at: stamp(at), source: "runner".into(), name: name.into(), attributes })
}

fn sample(at: f64, source: &str, values: &[(&str, f64)]) -> Frame {
    let values = values.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect();
    Frame::Sample(Sample { at: stamp(at), source: source.into(), values })
}

/// Text with single spaces.
pub(super) fn text(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

//! Runs made up for tests: small bundles, written frame by frame.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use telemetry::{Bundle, Frame, Hello, Latency, Mark, SCHEMA_VERSION, Sample, Stamp, latency_histogram};

/// When made-up runs begin.
pub(crate) const BEGAN_US: u64 = 5_000_000_000;

/// A bundle being made, in a directory that goes away with it.
pub(crate) struct Made {
    pub(crate) dir: tempfile::TempDir,
    bundle: Bundle,
}

impl Made {
    /// One that holds a hello and nothing else.
    pub(crate) fn empty() -> Made {
        let dir = tempfile::tempdir().expect("a directory");
        let bundle = Bundle::create(&dir.path().join("made")).expect("a bundle");
        let mut made = Made { dir, bundle };
        made.append(&Frame::Hello(Hello {
            at: at(0.0),
            source: "runner".into(),
            schema: SCHEMA_VERSION,
            worker: "runner".into(),
            pid: 1,
            version: "0.1.0".into(),
        }));
        made
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.bundle.dir().to_owned()
    }

    pub(crate) fn append(&mut self, frame: &Frame) {
        self.bundle.append(frame).expect("appended");
    }

    pub(crate) fn mark(&mut self, at_s: f64, source: &str, name: &str, attributes: Value) -> &mut Made {
        let Value::Object(attributes) = attributes else { panic!("attributes are an object") };
        let attributes = attributes.into_iter().collect();
        self.append(&Frame::Mark(Mark {
            at: at(at_s),
            source: source.into(),
            name: name.into(),
            attributes,
        }));
        self
    }

    pub(crate) fn sample(&mut self, at_s: f64, source: &str, values: &[(&str, f64)]) -> &mut Made {
        let values: BTreeMap<String, f64> =
            values.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect();
        self.append(&Frame::Sample(Sample { at: at(at_s), source: source.into(), values }));
        self
    }

    /// The latencies of the second that ends then, in nanoseconds.
    pub(crate) fn latency(&mut self, at_s: f64, name: &str, values: &[u64]) -> &mut Made {
        let mut histogram = latency_histogram();
        values.iter().for_each(|value| histogram.saturating_record(*value));
        let histogram = Latency::encode(&histogram);
        self.append(&Frame::Latency(Latency {
            at: at(at_s),
            source: "generator".into(),
            name: name.into(),
            interval_us: 1_000_000,
            histogram,
        }));
        self
    }

    pub(crate) fn file(&mut self, name: &str, content: &Value) -> &mut Made {
        self.bundle.write_file(name, content.to_string()).expect("written");
        self
    }

    /// A whole run: 2 s of starting, a ramp of 10 s to 1,000 connections of 100 B, messages for 10 s of which 2 are warm-up,
    /// and a drain of 3 s.
    pub(crate) fn run() -> Made {
        let mut made = Made::empty();
        made.mark(
            0.0,
            "runner",
            "plan",
            json!({ "scenario": "made", "connections": 1000, "connect_rate_per_s": 100.0, "message_rate_per_s": 50.0,
                "thresholds": ["memory.server_bytes_per_connection < 128B", "delivery.latency_ms.p99 < 5",
                    "audit.lost == 0"],
                "commit": { "id": "0123456789abcdef", "branch": "main", "committed_at": "2026-11-20T10:00:00Z",
                    "dirty": true } }),
        );
        made.machine(1.0).mark(2.0, "runner", "phase.began", json!({ "phase": "ramp" }));
        for tick in 0..=100_u32 {
            let (at_s, open) = (2.0 + f64::from(tick) / 10.0, f64::from(tick) * 10.0);
            let memory = 4e6 + 100.0 * open + f64::from(tick % 3);
            made.sample(at_s, "runner", &[("server.rss_bytes", memory), ("generator.rss_bytes", 3e6)]);
            made.generator(at_s, open, 0.0);
            if tick % 10 == 0 {
                made.machine(at_s);
            }
        }
        made.mark(12.0, "runner", "phase.ended", json!({ "phase": "ramp" }));
        made.mark(12.0, "runner", "phase.began", json!({ "phase": "hold" }));
        let warm_us = at(14.0).mono_us;
        made.mark(
            12.0,
            "runner",
            "phase.began",
            json!({ "phase": "messages", "warm_up_ends_mono_us": warm_us }),
        );
        for second in 0..10_u32 {
            let at_s = 13.0 + f64::from(second);
            let slow_ns = if second < 1 { 900_000_000 } else { 2_000_000 };
            made.latency(at_s, "delivery.latency_ns", &[100_000, 200_000, slow_ns]);
            made.latency(at_s, "delivery.raw_latency_ns", &[90_000, 150_000, 1_000_000]);
            made.generator(at_s, 1000.0, f64::from(second + 1) * 50.0).machine(at_s);
        }
        made.mark(22.0, "runner", "phase.ended", json!({ "phase": "messages" }));
        made.mark(22.0, "runner", "phase.ended", json!({ "phase": "hold" }));
        made.mark(22.0, "runner", "phase.began", json!({ "phase": "drain" }));
        made.generator(25.0, 0.0, 500.0).machine(25.0);
        made.mark(25.0, "runner", "phase.ended", json!({ "phase": "drain" }));
        made.mark(25.0, "runner", "run.ended", json!({ "verdict": "pass" }));
        let side = json!({ "total_bytes": 4100.0, "total_bytes_ci95": [4000.0, 4200.0], "server_user_bytes": 100.0,
            "kernel_tcp_bytes": 3900.0, "kernel_slab_other_bytes": 110.0, "kernel_timewait_bytes": -20.0,
            "remainder_bytes": 10.0 });
        made.file(
            "summary.json",
            &json!({ "scenario": "made", "connections": { "peak": 1000, "failed": 0, "connect_rate_per_s": 100.0 },
                "memory": { "server_bytes_per_connection": 100.0, "server_bytes_per_connection_ci95": [99.9, 100.1],
                    "ledger": { "pair": side, "points": 40, "slab_read": true, "note": null } } }),
        );
        made.file(
            "host.json",
            &json!({ "cpu_model": "AMD EPYC", "cores_usable": 2, "memory_total_bytes": 25_276_502_016_u64,
                "kernel_release": "6.18.44-fc-v669" }),
        );
        made.text("plan.yaml", "name: made\n");
        made
    }

    /// Puts what was added later where it belongs: no source says what was before.
    pub(crate) fn in_order(&mut self) -> &mut Made {
        let text = String::from_utf8(bytes(&self.path())).expect("text");
        let mut lines: Vec<&str> = text.lines().collect();
        let mono_us = |line: &&str| serde_json::from_str::<Value>(line).expect("a frame")["mono_us"].as_u64();
        lines.sort_by_key(mono_us);
        let file = self.path().join(telemetry::FRAMES_FILE);
        std::fs::write(file, lines.join("\n") + "\n").expect("written");
        self
    }

    /// Any of a run's files, as it is.
    pub(crate) fn text(&mut self, name: &str, content: &str) -> &mut Made {
        self.bundle.write_file(name, content).expect("written");
        self
    }

    fn generator(&mut self, at_s: f64, open: f64, messages: f64) -> &mut Made {
        let values = [
            ("connections.open", open),
            ("connections.opening", 0.0),
            ("connections.failed", 0.0),
            ("connections.logins", open),
            ("connections.messages", messages),
        ];
        self.sample(at_s, "generator", &values)
    }

    fn machine(&mut self, at_s: f64) -> &mut Made {
        let host = [
            ("host.cpu_busy_ratio", 0.5),
            ("host.softirq_ratio", 0.1),
            ("host.accept_queue", 3.0),
            ("host.tcp_passive_opens", at_s * 100.0),
            ("host.retransmitted_segments", at_s.floor()),
            ("host.tcp_segments_out", at_s * 1000.0),
            ("host.tcp_sockets", 2000.0),
            ("server.cpu_cores", 0.25),
            ("server.rss_bytes", 4.1e6),
        ];
        self.sample(at_s, "host", &host);
        let server = [
            ("server.mail_waiting", 2.0),
            ("server.served", at_s * 50.0),
            ("server.outbox_bytes", 0.0),
            ("server.outboxed_bytes", 0.0),
            ("server.sent_bytes", at_s * 1e4),
            ("server.received_bytes", at_s * 1e3),
        ];
        self.sample(at_s, "server", &server)
    }
}

/// A time of a made-up run.
pub(crate) fn at(at_s: f64) -> Stamp {
    let us = (at_s * 1e6).round() as u64;
    Stamp { mono_us: BEGAN_US + us, wall_us: 1_795_285_059_000_000 + us }
}

/// The frames of a bundle, as they stand in its file.
pub(crate) fn bytes(run: &Path) -> Vec<u8> {
    std::fs::read(run.join(telemetry::FRAMES_FILE)).expect("frames")
}

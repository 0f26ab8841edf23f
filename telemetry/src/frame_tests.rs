//! Frames there and back, old and new, and bad ones.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::{Audit, latency_histogram};

const AT: Stamp = Stamp { mono_us: 81, wall_us: 1_764_000_000_000_000 };

fn line(frame: &Frame) -> String {
    let mut out = Vec::new();
    frame.to_line(&mut out);
    assert_eq!(out.pop(), Some(b'\n'));
    assert!(!out.contains(&b'\n'));
    String::from_utf8(out).expect("JSON is UTF-8")
}

fn there_and_back(frame: &Frame) {
    let text = line(frame);
    assert_eq!(Frame::parse(text.as_bytes()).expect(&text).as_ref(), Some(frame), "{text}");
}

fn value(frame: &Frame) -> Value {
    serde_json::from_str(&line(frame)).expect("ours")
}

fn hello() -> Frame {
    Frame::Hello(Hello {
        at: AT,
        source: "server".into(),
        schema: SCHEMA_VERSION,
        worker: "chat".into(),
        pid: 7,
        version: "0.1.0".into(),
    })
}

#[test]
fn every_kind_has_the_documented_form() {
    let source = || String::from("server");
    let frames = [
        (
            hello(),
            json!({"frame":"hello","mono_us":81,"wall_us":1_764_000_000_000_000_u64,"source":"server","schema":1,
                "worker":"chat","pid":7,"version":"0.1.0"}),
        ),
        (
            Frame::Sample(Sample {
                at: AT,
                source: source(),
                values: [("server.rss_bytes".into(), 4.5)].into(),
            }),
            json!({"frame":"sample","mono_us":81,"wall_us":1_764_000_000_000_000_u64,"source":"server",
                "values":{"server.rss_bytes":4.5}}),
        ),
        (
            Frame::Mark(Mark {
                at: AT,
                source: source(),
                name: "phase.began".into(),
                attributes: [("phase".into(), json!("ramp"))].into(),
            }),
            json!({"frame":"mark","mono_us":81,"wall_us":1_764_000_000_000_000_u64,"source":"server",
                "name":"phase.began","attributes":{"phase":"ramp"}}),
        ),
        (
            Frame::Log(Log {
                at: AT,
                source: source(),
                level: "warn".into(),
                message: "late".into(),
                fields: [("late_us".into(), json!(3))].into(),
            }),
            json!({"frame":"log","mono_us":81,"wall_us":1_764_000_000_000_000_u64,"source":"server","level":"warn",
                "message":"late","fields":{"late_us":3}}),
        ),
        (
            Frame::Audit(AuditFrame {
                at: AT,
                source: source(),
                audit: Audit { sent: 3, ..Audit::default() },
            }),
            json!({"frame":"audit","mono_us":81,"wall_us":1_764_000_000_000_000_u64,"source":"server",
                "audit":{"sent":3,"expected":0,"delivered":0,"nobody_there":0,"gone":0,"dropped":0,"lost":0,
                "duplicated":0,"reordered":0,"misrouted":0,"corrupt":0,"unmarked":0,"saturated":false}}),
        ),
    ];
    for (frame, expected) in frames {
        assert_eq!(value(&frame), expected);
        there_and_back(&frame);
        assert_eq!((frame.at(), frame.source()), (AT, "server"));
    }
    let mut histogram = latency_histogram();
    histogram.saturating_record(5_000);
    there_and_back(&Frame::Latency(Latency {
        at: AT,
        source: source(),
        name: "connect.latency_us".into(),
        interval_us: 1_000_000,
        histogram: Latency::encode(&histogram),
    }));
}

#[test]
fn what_is_not_finite_is_absent() {
    let values =
        [("a", 1.0), ("b", f64::NAN), ("c", f64::INFINITY)].map(|(name, value)| (name.into(), value)).into();
    let text = line(&Frame::Sample(Sample { at: AT, source: "host".into(), values }));
    assert!(text.contains(r#""values":{"a":1}"#), "{text}");
    let read = Frame::parse(
        br#"{"frame":"sample","mono_us":1,"wall_us":1,"source":"host","values":{"a":2,"b":null}}"#,
    );
    let Ok(Some(Frame::Sample(sample))) = read else { panic!("{read:?}") };
    assert_eq!(sample.values, [("a".into(), 2.0)].into());
}

#[test]
fn a_minor_later_writer_is_understood() {
    let mut later = value(&hello());
    later["mood"] = json!({"calm": [1, 2, null]});
    assert_eq!(Frame::parse(later.to_string().as_bytes()).expect("a new field"), Some(hello()));
    let kind = br#"{"frame":"hologram","mono_us":1,"schema":99}"#;
    assert_eq!(Frame::parse(kind).expect("a new kind"), None);
    let audit =
        br#"{"frame":"audit","mono_us":1,"wall_us":1,"source":"s","audit":{"sent":2,"teleported":1}}"#;
    let Ok(Some(Frame::Audit(frame))) = Frame::parse(audit) else { panic!("a new count") };
    assert_eq!(frame.audit, Audit { sent: 2, ..Audit::default() });
}

#[test]
fn a_later_schema_is_refused_whatever_its_hello_looks_like() {
    let mut later = value(&hello());
    later["schema"] = json!(7);
    let strange = br#"{"frame":"hello","schema":7,"mono_us":"soon"}"#;
    for text in [later.to_string().as_bytes(), strange] {
        let error = Frame::parse(text).expect_err("a later schema");
        assert_eq!(error.to_string(), "recorded by a later version (schema 7; this floodmark reads up to 1)");
    }
}

#[test]
fn what_is_no_frame_is_an_error() {
    for text in [
        "",
        "null",
        "[]",
        "{}",
        "7",
        "{\"frame\":3}",
        "{\"frame\":\"sample\"}",
        "{\"frame\":\"hello\",\"mono_us\":1,\"wall_us\":1,\"source\":\"s\",\"schema\":1}",
        "{\"frame\":\"sample\",\"mono_us\":-1,\"wall_us\":1,\"source\":\"s\",\"values\":{}}",
        "{\"frame\":\"sample\",\"mono_us\":1,\"wall_us\":1,\"source\":\"s\",\"values\":{\"a\":\"1\"}}",
        "{\"frame\":\"mark\",\"mono_us\":1,\"wall_us\":1,\"source\":\"s\",\"name\":\"a\"} trailing",
    ] {
        assert!(matches!(Frame::parse(text.as_bytes()), Err(FrameError::Line(_))), "{text}");
    }
    let line = line(&hello());
    for cut in 0..line.len() {
        assert!(Frame::parse(&line.as_bytes()[..cut]).is_err(), "cut at {cut}");
    }
}

proptest! {
    #[test]
    fn samples_survive_exactly(
        mono_us in any::<u64>(),
        wall_us in any::<u64>(),
        source in ".{0,20}",
        values in proptest::collection::btree_map(".{0,20}", any::<f64>().prop_filter("finite", |v| v.is_finite()), 0..20),
    ) {
        there_and_back(&Frame::Sample(Sample { at: Stamp { mono_us, wall_us }, source, values }));
    }

    #[test]
    fn no_line_panics(line in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = Frame::parse(&line);
    }

    #[test]
    fn no_spoilt_line_panics(at in 0usize..200, byte in any::<u8>()) {
        let mut text = line(&hello()).into_bytes();
        let at = at % text.len();
        text[at] = byte;
        let _ = Frame::parse(&text);
    }
}

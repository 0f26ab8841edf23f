use serde_json::json;

use super::*;

fn judge(expr: &str, summary: &Value) -> (bool, Option<f64>) {
    let outcome = Threshold::parse(expr).unwrap().evaluate(summary);
    (outcome.ok, outcome.value)
}

#[test]
fn every_operator_judges() {
    let summary = json!({ "audit": { "lost": 3 } });
    for (expr, ok) in [
        ("audit.lost == 3", true),
        ("audit.lost==4", false),
        ("audit.lost != 4", true),
        ("audit.lost != 3", false),
        ("audit.lost < 3", false),
        ("audit.lost <= 3", true),
        ("audit.lost > 2", true),
        ("audit.lost >3", false),
        ("audit.lost >= 3", true),
        (" audit.lost   >=   1_000 ", false),
    ] {
        assert_eq!(judge(expr, &summary), (ok, Some(3.0)), "{expr}");
    }
}

#[test]
fn limits_are_converted_to_the_unit_of_the_key() {
    let summary = json!({
        "delivery": { "latency_ms": { "p99": 0.25 }, "rate_per_s": 10.0 },
        "memory": { "server_bytes_per_connection": 1024, "server_rss_growth_bytes": -4096 },
        "cpu": { "softirq_ratio": 0.1 }, "run": { "duration_s": 60 },
    });
    for expr in [
        "delivery.latency_ms.p99 == 250us",
        "delivery.latency_ms.p99 == 0.25",
        "delivery.latency_ms.p99 == 0.25ms",
        "delivery.rate_per_s == 600/m",
        "memory.server_bytes_per_connection == 1KiB",
        "memory.server_rss_growth_bytes == -4KiB",
        "memory.server_rss_growth_bytes == -4096",
        "cpu.softirq_ratio == 10%",
        "cpu.softirq_ratio == 0.1",
        "run.duration_s == 1m",
    ] {
        assert!(judge(expr, &summary).0, "{expr}");
    }
}

#[test]
fn what_was_not_measured_fails() {
    for summary in [json!({}), json!({ "audit": null }), json!({ "audit": { "lost": null } }), json!([])] {
        let outcome = Threshold::parse("audit.lost == 0").unwrap().evaluate(&summary);
        assert!(!outcome.ok);
        assert_eq!(outcome.value_text(), "not measured");
        let entry = json!({ "expr": "audit.lost == 0", "value": null, "ok": false });
        assert_eq!(serde_json::to_value(outcome).unwrap(), entry);
    }
}

#[test]
fn every_key_can_be_judged_and_is_found_in_a_summary_of_its_shape() {
    for key in SUMMARY_KEYS {
        let summary = key.name.rsplit('.').fold(json!(7), |inner, part| json!({ part: inner }));
        assert_eq!(judge(&format!("{} == 7", key.name), &summary), (true, Some(7.0)));
    }
}

#[test]
fn mistakes_are_named_with_what_to_write_instead() {
    for (expr, what, instead) in [
        ("audit.lost", "has no operator", "audit.lost == 0"),
        ("", "has no operator", "audit.lost == 0"),
        ("audit.lost = 0", "'=' is not an operator", "=="),
        ("== 0", "begins with a key", "audit.lost"),
        ("audit.lots == 0", "unknown figure 'audit.lots'", "did you mean 'audit.lost'?"),
        ("delivery.latency_ms < 1", "is a group", "delivery.latency_ms.{p50, p90, p99"),
        ("delivery.latency.p99 < 1", "unknown figure", "'delivery.latency_ms.p99'"),
        ("zzz < 1", "unknown figure 'zzz'", "figures begin with audit, connect, connections, cpu,"),
        ("audit.lost == 5ms", "'5ms' does not fit 'audit.lost', which is a count", "e.g. 0"),
        ("delivery.latency_ms.p99 < 1KiB", "which is a time in milliseconds", "50ms"),
        ("memory.server_rss_peak_bytes < 5s", "which is a size in bytes", "128B"),
        ("messages.rate_per_s > 5B", "which is a rate", "1000/s"),
        ("cpu.softirq_ratio < 5s", "which is a share", "10%"),
        ("cpu.server_cores < 5%", "which is a number of cores", "0.5"),
        ("run.duration_s < 5B", "which is a time in seconds", "90s"),
        ("audit.lost ==", "compared with nothing", "a number"),
        ("audit.lost == 0 0", "does not fit", "e.g. 0"),
        ("audit.lost === 0", "does not fit", "e.g. 0"),
    ] {
        let error = Threshold::parse(expr).unwrap_err();
        assert!(error.what.contains(what), "{expr}: {error}");
        assert!(error.instead.contains(instead), "{expr}: {error}");
    }
}

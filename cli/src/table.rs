//! The verdict as a table: what was measured, what was asked, pass or fail.

mod limit;
mod wall;

use std::io;

use runner::{Conclusion, Verdict};
use serde_json::Value;

use crate::output::{grouped, print};

mod ledger;

/// The figures that everyone wants first, and where they stand in the summary.
pub(crate) fn print_verdict(conclusion: &Conclusion) -> io::Result<()> {
    let summary = &conclusion.summary;
    print("")?;
    for line in figures(summary) {
        print(&line)?;
    }
    if !conclusion.outcomes.is_empty() {
        print("")?;
        let width = conclusion.outcomes.iter().map(|outcome| outcome.expr.chars().count()).max().unwrap_or(0);
        for outcome in &conclusion.outcomes {
            let mark = if outcome.ok { "pass" } else { "FAIL" };
            print(&format!("  {mark}  {:<width$}  {}", outcome.expr, outcome.value_text()))?;
        }
    }
    print("")?;
    let verdict = match conclusion.verdict {
        Verdict::Pass => "PASS",
        Verdict::Fail => "FAIL",
        Verdict::Incomplete(_) => "INCOMPLETE",
    };
    print(&format!("{verdict}  {}", text(summary, "scenario")))
}

fn at<'a>(summary: &'a Value, path: &str) -> &'a Value {
    path.split('.').fold(summary, |value, part| value.get(part).unwrap_or(&Value::Null))
}

fn text<'a>(summary: &'a Value, path: &str) -> &'a str {
    at(summary, path).as_str().unwrap_or_default()
}

fn figures(summary: &Value) -> Vec<String> {
    let number = |path: &str| at(summary, path).as_f64();
    let whole = |path: &str| number(path).map_or("?".into(), |value| grouped(value as u64));
    let mut lines = Vec::new();
    let mut line = |name: &str, text: String| lines.push(format!("  {name:<12} {text}"));

    let rate = number("connections.connect_rate_per_s").map_or(String::new(), |reached| {
        let asked =
            number("connections.asked_connect_rate_per_s").map(|asked| format!(" (asked {asked:.0}/s)"));
        format!(", {reached:.0}/s{}", asked.unwrap_or_default())
    });
    let failed = number("connections.failed").unwrap_or(0.0);
    let failed = if failed > 0.0 { format!(", {} failed", grouped(failed as u64)) } else { String::new() };
    line(
        "connections",
        format!("{} of {}{failed}{rate}", whole("connections.peak"), whole("connections.asked")),
    );
    if let Some(failures) = at(summary, "connections.failures_by_cause").as_object() {
        for (cause, count) in failures {
            let words = floodtest::Cause::ALL
                .iter()
                .find(|known| known.key() == cause)
                .map_or("", |known| known.words());
            line("", format!("{count} × {cause}: {words}"));
        }
    }
    for (name, path) in [
        ("connect", "connect.latency_ms"),
        ("login", "connect.login_ms"),
        ("delivery", "delivery.latency_ms"),
        ("  raw", "delivery.raw_latency_ms"),
    ] {
        if at(summary, path).is_object() {
            let ms = |part: &str| number(&format!("{path}.{part}")).map_or("?".into(), milliseconds);
            let count = whole(&format!("{path}.count"));
            let (p50, p99, p999, max) = (ms("p50"), ms("p99"), ms("p999"), ms("max"));
            line(name, format!("p50 {p50}, p99 {p99}, p99.9 {p999}, max {max} ({count})"));
        }
    }
    if at(summary, "audit").is_object() {
        let rate = number("delivery.rate_per_s")
            .map_or(String::new(), |rate| format!(", {}/s", grouped(rate as u64)));
        line(
            "messages",
            format!("{} sent, {} delivered{rate}", whole("audit.sent"), whole("audit.delivered")),
        );
        let parts: Vec<String> = ["lost", "duplicated", "reordered", "misrouted", "nobody_there"]
            .iter()
            .map(|part| format!("{} {}", whole(&format!("audit.{part}")), part.replace('_', " ")))
            .collect();
        line("audit", parts.join(", "));
    }
    for (name, path, note) in [
        ("server", "memory.server_bytes_per_connection", "user space"),
        ("generator", "memory.generator_bytes_per_connection", "user space"),
        ("kernel", "memory.kernel_bytes_per_connection", kernel_note(summary)),
    ] {
        if let Some(bytes) = number(path) {
            let interval = at(summary, &format!("{path}_ci95"));
            let interval =
                match (interval.get(0).and_then(Value::as_f64), interval.get(1).and_then(Value::as_f64)) {
                    (Some(low), Some(high)) => {
                        format!(" (95 %: {} to {})", byte_count(low), byte_count(high))
                    }
                    _ => String::new(),
                };
            line(name, format!("{} a connection{interval}, {note}", byte_count(bytes)));
        }
    }
    for (name, text) in ledger::lines(at(summary, "memory.ledger")) {
        line(name, text);
    }
    if let (Some(server), Some(generator)) = (number("cpu.server_cores"), number("cpu.generator_cores")) {
        let publisher =
            number("cpu.publisher_cores").map_or(String::new(), |cores| format!(", publisher {cores:.2}"));
        line("cpu", format!("server {server:.2} cores, generator {generator:.2}{publisher}"));
    }
    for (number, text) in limit::lines(summary).into_iter().enumerate() {
        line(if number == 0 { "limit" } else { "" }, text);
    }
    if let Some(reason) = at(summary, "connections.stopped_by").as_str().and(at(summary, "reason").as_str()) {
        line("ramp", reason.to_owned());
    }
    for (position, text) in wall::lines(at(summary, "wall")).into_iter().enumerate() {
        line(if position == 0 { "wall" } else { "" }, text);
    }
    lines
}

fn kernel_note(summary: &Value) -> &'static str {
    if at(summary, "memory.kernel_ends").as_u64() == Some(2) {
        "both ends together"
    } else {
        "this machine's end"
    }
}

fn milliseconds(ms: f64) -> String {
    if ms < 1.0 { format!("{:.0} µs", ms * 1000.0) } else { format!("{ms:.1} ms") }
}

fn byte_count(bytes: f64) -> String {
    if bytes.abs() < 1024.0 {
        format!("{bytes:.0} B")
    } else {
        format!("{} B", grouped(bytes.max(0.0) as u64))
    }
}

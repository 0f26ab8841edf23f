//! The summary in words: what was measured, sentence by sentence, and nothing else.
//!
//! Every figure is a number out of `summary.json`; a sentence whose figures are null is not there.

use serde_json::Value;

use crate::Unit;

use super::text::{counted, grouped, listed, strong};

/// A figure of the summary, by its dotted key.
pub(super) fn figure(summary: &Value, key: &str) -> Option<f64> {
    key.split('.')
        .try_fold(summary, |value, part| value.get(part))?
        .as_f64()
        .filter(|figure| figure.is_finite())
}

/// The sentences, as HTML.
pub(super) fn sentences(summary: &Value) -> Vec<String> {
    let sentences = [connections, opening, messages, latency, peaks, cpu, ceiling, duration];
    sentences.iter().filter_map(|sentence| sentence(summary)).collect()
}

fn bytes(value: f64) -> String {
    written(Unit::Bytes, value)
}

fn ms(value: f64) -> String {
    written(Unit::Seconds, value / 1e3)
}

fn per_second(value: f64) -> String {
    written(Unit::PerSecond, value)
}

/// On one line with its unit.
fn written(unit: Unit, value: f64) -> String {
    unit.write(value).replace(' ', "\u{a0}")
}

/// `10,000 connections cost 61 B each in the server (95 %: 58 to 64), 7.9 KiB in the kernel, both ends, …`
fn connections(summary: &Value) -> Option<String> {
    let of = |key: &str| figure(summary, key);
    let peak = of("connections.peak")?;
    let asked = of("connections.asked").filter(|asked| *asked != peak);
    let asked = asked.map_or(String::new(), |asked| format!(" of {} asked for", strong(grouped(asked))));
    let subject = format!("{}{asked}", counted(peak, "connection", "connections"));
    let ends = if of("memory.kernel_ends") == Some(2.0) { "both ends" } else { "this machine’s end" };
    let places = [("server", String::new()), ("kernel", format!(", {ends}")), ("generator", String::new())];
    let costs: Vec<String> = places
        .into_iter()
        .filter_map(|(place, note)| {
            let key = format!("memory.{place}_bytes_per_connection");
            let cost = of(&key)?;
            let interval = interval(summary, &key)
                .map_or(String::new(), |interval| format!(" <span class=\"quiet\">({interval})</span>"));
            Some((strong(bytes(cost)), format!("in the {place}{interval}{note}")))
        })
        .enumerate()
        // `61 B each in the server; 7.9 KiB in the kernel`: once is enough.
        .map(|(place, (cost, whose))| {
            format!("{cost}{} {whose}", if place == 0 && peak != 1.0 { " each" } else { "" })
        })
        .collect();
    if costs.is_empty() {
        let were = if peak == 1.0 { "was" } else { "were" };
        return Some(format!("{subject} {were} open at once."));
    }
    // The costs hold commas of their own, so that semicolons part them.
    Some(format!("{subject} cost {}.", costs.join("; ")))
}

/// The 95 % interval beside a figure.
pub(super) fn interval(summary: &Value, key: &str) -> Option<String> {
    let both = key.split('.').try_fold(summary, |value, part| {
        if key.ends_with(part) { value.get(format!("{part}_ci95")) } else { value.get(part) }
    })?;
    let [low, high] = [both.get(0)?.as_f64()?, both.get(1)?.as_f64()?];
    Some(format!("95\u{a0}%: {} to {}", bytes(low), bytes(high)))
}

/// How fast they were opened, and what failed.
fn opening(summary: &Value) -> Option<String> {
    let of = |key: &str| figure(summary, key);
    let mut parts = Vec::new();
    if let Some(rate) = of("connections.connect_rate_per_s") {
        let asked = of("connections.asked_connect_rate_per_s")
            .map_or(String::new(), |asked| format!(" ({} asked for)", per_second(asked)));
        parts.push(format!("They were opened at {}{asked}", strong(per_second(rate))));
    }
    if let Some(p99) = of("connect.login_ms.p99") {
        let before = if parts.is_empty() {
            "Connecting and logging in took"
        } else {
            "connecting and logging in took"
        };
        parts.push(format!("{before} {} at p99", strong(ms(p99))));
    }
    if let Some(failed) = of("connections.failed") {
        let failed = if failed == 0.0 {
            "none failed".to_owned()
        } else {
            format!("{} failed", strong(grouped(failed)))
        };
        parts.push(if parts.is_empty() { uppercase(&failed) } else { failed });
    }
    if let Some(closed) = of("connections.closed_by_server").filter(|closed| *closed > 0.0) {
        let were = if closed == 1.0 { "was" } else { "were" };
        parts.push(format!("{} {were} closed by the server", strong(grouped(closed))));
    }
    if let Some(again) = of("connections.reconnects").filter(|again| *again > 0.0) {
        parts.push(format!("{} opened again", counted(again, "was", "were")));
    }
    sentence(&parts)
}

/// `45,000 messages were sent …; none lost, …`
fn messages(summary: &Value) -> Option<String> {
    let of = |key: &str| figure(summary, key);
    let sent = of("audit.sent")?;
    let were = if sent == 1.0 { "was" } else { "were" };
    let rate =
        of("messages.rate_per_s").map_or(String::new(), |rate| format!(" at {}", strong(per_second(rate))));
    let asked = of("messages.asked_rate_per_s")
        .map_or(String::new(), |asked| format!(" ({} asked for)", per_second(asked)));
    let mut parts = vec![format!("{} {were} sent{rate}{asked}", counted(sent, "message", "messages"))];
    if let (Some(delivered), Some(expected)) = (of("audit.delivered"), of("audit.expected")) {
        let all = match delivered == expected {
            true if expected == 1.0 => "the ".to_owned(),
            true => "all ".to_owned(),
            false => format!("{} of ", strong(grouped(delivered))),
        };
        parts.push(format!("{all}{} arrived", counted(expected, "delivery", "deliveries")));
    }
    let faults = ["lost", "duplicated", "reordered", "misrouted"];
    let counts: Vec<(&str, f64)> =
        faults.iter().filter_map(|fault| Some((*fault, of(&format!("audit.{fault}"))?))).collect();
    let (none, some): (Vec<_>, Vec<_>) = counts.iter().partition(|(_, count)| *count == 0.0);
    let some: Vec<String> =
        some.iter().map(|(fault, count)| format!("{} {fault}", strong(grouped(*count)))).collect();
    let none: Vec<String> = none.iter().map(|(fault, _)| (*fault).to_owned()).collect();
    if !some.is_empty() {
        parts.push(listed(&some));
    }
    if !none.is_empty() {
        parts.push(format!("none {}", listed(&none).replace(" and ", " or ")));
    }
    let rest = [
        ("nobody_there", "for an id that nobody held"),
        ("gone", "for a connection that had closed"),
        ("dropped", "dropped by the server, as it says"),
    ];
    for (key, words) in rest {
        if let Some(count) = of(&format!("audit.{key}")).filter(|count| *count > 0.0) {
            parts.push(format!("{} {words}", strong(grouped(count))));
        }
    }
    sentence(&parts)
}

fn latency(summary: &Value) -> Option<String> {
    let of = |part: &str| figure(summary, &format!("delivery.latency_ms.{part}"));
    let named = [("p50", "p50"), ("p99", "p99"), ("p999", "p99.9"), ("max", "at worst")];
    let parts: Vec<String> = named
        .iter()
        .filter_map(|(key, name)| Some(format!("{name}\u{a0}{}", strong(ms(of(key)?)))))
        .collect();
    if parts.is_empty() || of("count") == Some(0.0) {
        return None;
    }
    let raw = figure(summary, "delivery.raw_latency_ms.p99")
        .map_or(String::new(), |p99| format!("; from the actual send, p99\u{a0}{}", ms(p99)));
    Some(format!("From the intended send to delivery: {}{raw}.", parts.join(", ")))
}

fn peaks(summary: &Value) -> Option<String> {
    let of =
        |who: &str| figure(summary, &format!("memory.{who}_rss_peak_bytes")).map(|peak| strong(bytes(peak)));
    match (of("server"), of("generator")) {
        (Some(server), Some(generator)) => {
            Some(format!("The server’s resident memory peaked at {server}, the generator’s at {generator}."))
        }
        (Some(server), None) => Some(format!("The server’s resident memory peaked at {server}.")),
        (None, Some(generator)) => Some(format!("The generator’s resident memory peaked at {generator}.")),
        (None, None) => None,
    }
}

fn cpu(summary: &Value) -> Option<String> {
    let of = |key: &str| figure(summary, &format!("cpu.{key}"));
    let who = [
        ("server_cores", "the server"),
        ("generator_cores", "the generator"),
        ("publisher_cores", "the publisher"),
    ];
    let busy: Vec<String> = who
        .iter()
        .filter_map(|(key, who)| Some(format!("{who} {}", strong(written(Unit::Cores, of(key)?)))))
        .collect();
    if busy.is_empty() {
        return None;
    }
    let softirq = of("softirq_ratio").map_or(String::new(), |share| {
        format!("; soft interrupts took {} of all CPU time", strong(written(Unit::Ratio, share)))
    });
    Some(format!("Kept busy while messages flowed: {}{softirq}.", listed(&busy)))
}

fn ceiling(summary: &Value) -> Option<String> {
    let of = |key: &str| figure(summary, &format!("limit.ratio.{key}"));
    let named = [
        ("connects", "connects"),
        ("deliveries", "deliveries"),
        ("connections", "connections that memory would hold"),
        ("pair_bytes", "the bytes of a bare pair"),
    ];
    let parts: Vec<String> = named
        .iter()
        .filter_map(|(key, name)| Some(format!("{} of {name}", strong(written(Unit::Ratio, of(key)?)))))
        .collect();
    (!parts.is_empty()).then(|| format!("Beside this machine’s own ceiling: {}.", listed(&parts)))
}

fn duration(summary: &Value) -> Option<String> {
    let duration = figure(summary, "run.duration_s")?;
    Some(format!("The run took {}.", strong(written(Unit::Seconds, duration))))
}

fn sentence(parts: &[String]) -> Option<String> {
    (!parts.is_empty()).then(|| format!("{}.", parts.join("; ")))
}

fn uppercase(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().map_or(String::new(), |first| first.to_uppercase().chain(characters).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn told(summary: &Value) -> String {
        let mut told = sentences(summary).join(" ").replace('\u{a0}', " ");
        for tag in ["<strong>", "</strong>", "<span class=\"quiet\">", "</span>"] {
            told = told.replace(tag, "");
        }
        told
    }

    #[test]
    fn what_was_measured_is_told() {
        let told = told(&json!({
            "connections": { "asked": 10_000, "peak": 10_000, "failed": 0, "connect_rate_per_s": 4000.0 },
            "memory": { "server_bytes_per_connection": 61.0, "server_bytes_per_connection_ci95": [58.0, 64.0],
                "kernel_bytes_per_connection": 8341.4, "kernel_ends": 2 },
            "audit": { "sent": 45_000, "expected": 45_000, "delivered": 44_998, "lost": 2, "duplicated": 0,
                "reordered": 0, "misrouted": 0, "gone": 0, "dropped": 0, "nobody_there": 1 },
            "delivery": { "latency_ms": { "p50": 0.122, "p99": 0.29, "count": 45_000 } },
        }));
        for part in [
            "10,000 connections cost 61 B each in the server (95 %: 58 B to 64 B); 8.15 KiB in the kernel, both ends.",
            "none failed.",
            "45,000 messages were sent; 44,998 of 45,000 deliveries arrived; 2 lost; none duplicated, reordered or misrouted; \
             1 for an id that nobody held.",
            "From the intended send to delivery: p50 ",
        ] {
            assert!(told.contains(part), "no '{part}' in: {told}");
        }
        for absent in ["generator", "asked for", "ceiling", "kept busy", "took", "null", "NaN"] {
            assert!(!told.contains(absent), "'{absent}' in: {told}");
        }
    }

    #[test]
    fn what_was_not_measured_is_not_told() {
        assert_eq!(told(&json!({})), "");
        assert_eq!(
            told(
                &json!({ "connections": { "peak": null }, "audit": null, "delivery": { "latency_ms": null } })
            ),
            ""
        );
        assert_eq!(told(&json!({ "connections": { "peak": "many" } })), "", "a figure is a number");
    }

    #[test]
    fn one_is_not_many() {
        let told = told(&json!({
            "connections": { "asked": 2, "peak": 1, "failed": 1 },
            "audit": { "sent": 1, "expected": 1, "delivered": 1, "lost": 0 },
        }));
        assert_eq!(
            told,
            "1 connection of 2 asked for was open at once. 1 failed. 1 message was sent; the 1 delivery arrived; none lost."
        );
    }
}

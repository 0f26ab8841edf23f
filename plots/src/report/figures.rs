//! Every figure that was measured, one column for each run; beside the first, the others as ratios to it.

use std::fmt::Write as _;

use serde_json::Value;

use crate::{Run, Unit};

use super::text::{escaped, grouped};
use super::words::figure;

/// The keys of `summary.json` that are shown, in groups, and what they are called here.
const FIGURES: &[(&str, &[(&str, &str)])] = &[
    (
        "Memory",
        &[
            ("memory.server_bytes_per_connection", "server, per connection"),
            ("memory.kernel_bytes_per_connection", "kernel, per connection"),
            ("memory.generator_bytes_per_connection", "generator, per connection"),
            ("memory.ledger.pair.total_bytes", "a pair of ends, all of it"),
            ("memory.ledger.pair.remainder_bytes", "of that, unexplained"),
            ("memory.server_rss_peak_bytes", "server RSS, peak"),
            ("memory.server_rss_growth_bytes", "server RSS, growth with messages"),
            ("memory.generator_rss_peak_bytes", "generator RSS, peak"),
        ],
    ),
    (
        "Connections",
        &[
            ("connections.asked", "asked for"),
            ("connections.peak", "open at once, most"),
            ("connections.failed", "failed"),
            ("connections.closed_by_server", "closed by the server"),
            ("connections.reconnects", "opened again"),
            ("connections.connect_rate_per_s", "opened per second"),
            ("connect.latency_ms.p50", "connect, p50"),
            ("connect.latency_ms.p99", "connect, p99"),
            ("connect.login_ms.p50", "connect and log in, p50"),
            ("connect.login_ms.p99", "connect and log in, p99"),
        ],
    ),
    (
        "Delivery, from the intended send",
        &[
            ("delivery.latency_ms.p50", "p50"),
            ("delivery.latency_ms.p90", "p90"),
            ("delivery.latency_ms.p99", "p99"),
            ("delivery.latency_ms.p999", "p99.9"),
            ("delivery.latency_ms.max", "longest"),
            ("delivery.raw_latency_ms.p99", "p99 from the actual send"),
            ("publisher.lag_ms.p99", "sender behind its schedule, p99"),
        ],
    ),
    (
        "Messages",
        &[
            ("messages.asked_rate_per_s", "asked for, per second"),
            ("messages.rate_per_s", "sent per second"),
            ("delivery.rate_per_s", "delivered per second"),
            ("audit.sent", "sent"),
            ("audit.expected", "deliveries owed"),
            ("audit.delivered", "delivered"),
            ("audit.lost", "lost"),
            ("audit.duplicated", "duplicated"),
            ("audit.reordered", "reordered"),
            ("audit.misrouted", "misrouted"),
            ("audit.corrupt", "corrupt"),
            ("audit.unmarked", "without a mark"),
            ("audit.nobody_there", "for an id that nobody held"),
            ("audit.gone", "for a connection that had closed"),
            ("audit.dropped", "dropped by the server, as it says"),
        ],
    ),
    (
        "CPU, during messages",
        &[
            ("cpu.server_cores", "server"),
            ("cpu.generator_cores", "generator"),
            ("cpu.publisher_cores", "publisher"),
            ("cpu.softirq_ratio", "soft interrupts, of all CPU time"),
        ],
    ),
    (
        "Beside the machine’s own ceiling",
        &[
            ("limit.ratio.connects", "connects"),
            ("limit.ratio.deliveries", "deliveries"),
            ("limit.ratio.connections", "connections that memory would hold"),
            ("limit.ratio.pair_bytes", "bytes of a pair"),
            ("limit.wakeup_p50_us", "ceiling: wake-up, p50"),
            ("limit.wakeup_p99_us", "ceiling: wake-up, p99"),
        ],
    ),
    ("Run", &[("run.duration_s", "duration")]),
];

/// The figure under a key of the summary, in the unit that the key names.
pub(super) fn written(key: &str, value: f64) -> String {
    match Unit::of_figure(key) {
        (Unit::Count, _) if value.fract() == 0.0 => grouped(value),
        (unit, factor) => unit.write(value * factor),
    }
}

/// The tables, one for each group, which stand beside each other where there is room; empty when no run has a summary.
pub(super) fn tables(runs: &[Run]) -> String {
    let summaries: Vec<&Value> = runs.iter().map(|run| run.summary().unwrap_or(&Value::Null)).collect();
    let head = head(runs);
    let mut out = String::new();
    for (group, figures) in FIGURES {
        let rows: String = figures.iter().filter_map(|(key, name)| cells(&summaries, key, name)).collect();
        if !rows.is_empty() {
            let _ = write!(
                out,
                "<div class=\"scroll\"><table class=\"figures\"><caption>{group}</caption>{head}<tbody>\n{rows}</tbody></table></div>\n"
            );
        }
    }
    // As wide as names and figures are, in the width of letters.
    let width = 16 + 8 * runs.len().min(20);
    if out.is_empty() {
        out
    } else {
        format!("<div class=\"columns\" style=\"columns:{width}em\">{out}</div>")
    }
}

/// Which column is whose. The first has figures alone, the others ratios as well.
fn head(runs: &[Run]) -> String {
    let [first, rest @ ..] = runs else { return String::new() };
    if rest.is_empty() {
        return String::new();
    }
    let mut out = format!("<thead><tr><td></td><th scope=\"col\">{}</th>", escaped(first.label()));
    for run in rest {
        let _ = write!(out, "<th scope=\"col\" colspan=\"2\">{}</th>", escaped(run.label()));
    }
    out + "</tr></thead>"
}

/// A row, when any run has measured the figure.
fn cells(summaries: &[&Value], key: &str, name: &str) -> Option<String> {
    let values: Vec<Option<f64>> = summaries.iter().map(|summary| figure(summary, key)).collect();
    values.iter().any(Option::is_some).then(|| {
        let mut row = format!("<tr><th scope=\"row\">{name}</th>");
        for (place, value) in values.iter().enumerate() {
            let _ = match value {
                Some(value) => write!(row, "<td>{}</td>", written(key, *value)),
                None => write!(row, "<td class=\"absent\">not measured</td>"),
            };
            if place > 0 {
                let _ = write!(row, "<td class=\"ratio\">{}</td>", ratio(*value, values[0]));
            }
        }
        row + "</tr>\n"
    })
}

/// How many times the first; empty when it is no multiple of it.
fn ratio(value: Option<f64>, first: Option<f64>) -> String {
    let (Some(value), Some(first)) = (value, first) else { return String::new() };
    match value / first {
        _ if first <= 0.0 || value < 0.0 => String::new(),
        times if times < 10.0 => format!("×{times:.2}"),
        times if times < 100.0 => format!("×{times:.1}"),
        times => format!("×{}", grouped(times)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_figure_is_written_in_the_unit_of_its_key() {
        assert_eq!(written("connections.peak", 1_000_000.0), "1,000,000");
        for (key, value, unit) in [
            ("memory.server_bytes_per_connection", 61.0, "B"),
            ("memory.ledger.pair.total_bytes", 8413.7, "KiB"),
            ("delivery.latency_ms.p99", 51.577, "ms"),
            ("connections.connect_rate_per_s", 20_958.0, "/s"),
            ("limit.ratio.pair_bytes", 1.03, "103 %"),
            ("delivery.latency_ms.count", 1_003_068.0, "1,003,068"),
            ("run.duration_s", 5.2, "s"),
        ] {
            let written = written(key, value);
            assert!(written.ends_with(unit), "{key}: {written}");
        }
    }

    #[test]
    fn ratios_are_to_the_first_and_absence_is_said() {
        let summaries = [
            &json!({ "audit": { "lost": 0 }, "run": { "duration_s": 10.0 } }),
            &json!({ "audit": { "lost": 3 }, "run": { "duration_s": 12.5 } }),
            &json!({ "audit": null }),
        ];
        let row = cells(&summaries, "run.duration_s", "duration").unwrap();
        assert!(row.contains("×1.25") && row.contains("not measured"), "{row}");
        let row = cells(&summaries, "audit.lost", "lost").unwrap();
        assert!(!row.contains('×'), "nothing is a multiple of zero: {row}");
        assert_eq!(cells(&summaries, "audit.sent", "sent"), None);
    }
}

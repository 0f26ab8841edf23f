//! The summary: what a run has measured, under documented keys.

use serde_json::{Map, Value, json};
use telemetry::fit::{self, Slope};
use telemetry::{Audit, Histogram};

use crate::ceiling::{self, Compare};
use crate::facts::{Facts, MemoryPoint};
use crate::ledger::Ledger;
use crate::plan::{Plan, TargetPlan};
use crate::scenario::Pace;
use crate::threshold::Outcome;

/// The version of `summary.json`.
pub const VERSION: u64 = 1;

/// The times of a run's phases, in microseconds of CLOCK_MONOTONIC.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Times {
    pub(crate) began_us: u64,
    pub(crate) ended_us: u64,
    pub(crate) messages_began_us: Option<u64>,
    pub(crate) messages_ended_us: Option<u64>,
    /// CPU seconds of server, generator and publisher, and softirq share, when messages began.
    pub(crate) cpu_began: [Option<f64>; 3],
    pub(crate) cpu_ended: [Option<f64>; 3],
}

impl Times {
    pub(crate) fn message_seconds(&self) -> Option<f64> {
        let seconds = (self.messages_ended_us? - self.messages_began_us?) as f64 / 1e6;
        (seconds > 0.0).then_some(seconds)
    }

    fn cores(&self, process: usize) -> Option<f64> {
        Some((self.cpu_ended[process]? - self.cpu_began[process]?) / self.message_seconds()?)
    }
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Every threshold holds.
    Pass,
    /// One does not.
    Fail,
    /// The run did not come to its end; the reason.
    Incomplete(String),
}

/// The account of a run's messages, drawn up from both ends.
pub(crate) fn audit(facts: &Facts) -> Option<Audit> {
    let published = facts.published_audit?;
    let received = facts.received_audit;
    let expected = published.expected.saturating_sub(published.gone + published.dropped);
    // What is missing between messages that did arrive is lost for certain, whatever the server says it has sent.
    let between = facts.value("connections.missing") as u64;
    Some(Audit {
        sent: published.sent,
        nobody_there: published.nobody_there,
        expected: published.expected,
        gone: published.gone,
        dropped: published.dropped,
        lost: expected.saturating_sub(received.delivered).max(between),
        ..received
    })
}

/// Builds `summary.json`. Everything that was not measured is null.
pub(crate) fn summary(plan: &Plan, facts: &Facts, times: &Times, verdict: &Verdict) -> Value {
    let histogram = |name: &str| facts.histograms.get(name).map_or(Value::Null, milliseconds);
    let failures: Map<String, Value> = facts
        .values
        .iter()
        .filter_map(|(name, count)| {
            Some((name.strip_prefix("connections.failures.")?.to_owned(), json!(*count as u64)))
        })
        .collect();
    let count = |name: &str| facts.values.get(name).map(|value| *value as u64);
    let ramp_rate = facts.ramp.as_ref().and_then(|mark| mark.attributes.get("reached_rate_per_s").cloned());
    let asked_rate = match plan.connections.pace {
        Pace::Rate(rate) => Some(rate.per_second()),
        Pace::Unlimited => None,
    };
    let server = slope(facts, |point| point.server);
    let generator = slope(facts, |point| point.generator);
    let kernel = slope(facts, |point| point.kernel);
    let audit = audit(facts);
    let message_seconds = times.message_seconds();
    let per_second = |count: Option<u64>| Some(count? as f64 / message_seconds?);
    let messages = plan.messages.as_ref().map(|messages| {
        let asked = match messages.pace {
            Pace::Rate(rate) => Some(rate.per_second()),
            Pace::Unlimited => None,
        };
        json!({ "asked_rate_per_s": asked, "rate_per_s": per_second(audit.map(|audit| audit.sent)) })
    });
    let mut summary = json!({
        "version": VERSION,
        "scenario": plan.name,
        "verdict": match verdict {
            Verdict::Pass => "pass",
            Verdict::Fail => "fail",
            Verdict::Incomplete(_) => "incomplete",
        },
        "run": { "duration_s": times.ended_us.saturating_sub(times.began_us) as f64 / 1e6 },
        "connections": {
            "asked": plan.connections_max(),
            "peak": facts.connections_peak as u64,
            "failed": count("connections.failed"),
            "failures_by_cause": failures,
            "closed_by_server": count("connections.closed_by_server"),
            "reconnects": count("connections.reconnects"),
            "connect_rate_per_s": ramp_rate,
            "asked_connect_rate_per_s": asked_rate,
            "stopped_by": facts.stopped.map(|_| "memory"),
            "stopped_at": facts.stopped.map(|stopped| stopped.at),
        },
        "connect": {
            "latency_ms": histogram("connect.latency_ns"),
            "login_ms": histogram("connect.login_ns"),
            "schedule_lag_ms": histogram("connect.schedule_lag_ns"),
        },
        "messages": messages,
        "publisher": { "lag_ms": histogram("publisher.lag_ns") },
        "delivery": {
            "latency_ms": histogram("delivery.latency_ns"),
            "raw_latency_ms": histogram("delivery.raw_latency_ns"),
            "rate_per_s": per_second(audit.map(|audit| audit.delivered)),
        },
        "audit": audit,
        "memory": {
            "server_rss_peak_bytes": facts.server_rss_peak.map(|bytes| bytes as u64),
            "server_rss_growth_bytes": growth(facts),
            "server_bytes_per_connection": server.map(|slope| round(slope.slope)),
            "server_bytes_per_connection_ci95": server.map(interval),
            "generator_rss_peak_bytes": facts.generator_rss_peak.map(|bytes| bytes as u64),
            "generator_bytes_per_connection": generator.map(|slope| round(slope.slope)),
            "generator_bytes_per_connection_ci95": generator.map(interval),
            "kernel_bytes_per_connection": kernel.map(|slope| round(slope.slope)),
            "kernel_bytes_per_connection_ci95": kernel.map(interval),
            "kernel_ends": kernel.map(|_| ends(plan)),
            "points": server.map(|slope| slope.points),
            "ledger": ledger(plan, facts).to_json(),
        },
        "cpu": {
            "server_cores": times.cores(0),
            "generator_cores": times.cores(1),
            "publisher_cores": times.cores(2),
            "softirq_ratio": facts.values.get("host.softirq_ratio"),
        },
    });
    let compare = Compare {
        both_ends: ends(plan) == 2,
        connects: plan.connections.pace == Pace::Unlimited,
        deliveries: plan.messages.as_ref().is_some_and(|messages| messages.pace == Pace::Unlimited),
    };
    summary[ceiling::NAME] = ceiling::ceiling(&facts.values, facts.limit_note.as_deref(), compare, &summary);
    // Filled in last, by what everything else says.
    summary["wall"] = Value::Null;
    match (verdict, facts.stopped) {
        (Verdict::Incomplete(reason), _) => summary["reason"] = json!(reason),
        (_, Some(stopped)) => summary["reason"] = json!(stopped.sentence()),
        _ => {}
    }
    summary
}

/// Judges the summary and writes the outcomes into it.
pub(crate) fn judge(plan: &Plan, summary: &mut Value) -> Vec<Outcome> {
    let outcomes: Vec<Outcome> =
        plan.thresholds.iter().map(|threshold| threshold.evaluate(summary)).collect();
    summary["thresholds"] = json!(outcomes);
    outcomes
}

/// How many ends of a connection the kernel figure holds: both, when the generator's sockets are on this machine
/// together with the server's.
fn ends(plan: &Plan) -> u64 {
    match plan.target {
        TargetPlan::Spawn { .. } => 2,
        TargetPlan::Attach { pid, .. } => 1 + u64::from(pid.is_some()),
    }
}

fn ledger(plan: &Plan, facts: &Facts) -> Ledger {
    Ledger::draw(&facts.ledger_against_connections(), ends(plan), facts.slab_unread.as_deref())
}

fn slope(facts: &Facts, of: impl Fn(&MemoryPoint) -> Option<f64>) -> Option<Slope> {
    fit::slope(&facts.memory_against_connections(of))
}

fn interval(slope: Slope) -> [f64; 2] {
    [round(slope.ci95.0), round(slope.ci95.1)]
}

/// To a tenth of a byte, which is finer than any of these figures is true.
fn round(bytes: f64) -> f64 {
    (bytes * 10.0).round() / 10.0
}

fn growth(facts: &Facts) -> Option<i64> {
    let now = facts.values.get("server.rss_bytes")?;
    Some((now - facts.server_rss_at_first_million?) as i64)
}

fn milliseconds(histogram: &Histogram<u64>) -> Value {
    let ms = |ns: f64| (ns / 1e3).round() / 1e3;
    let at = |quantile| ms(histogram.value_at_quantile(quantile) as f64);
    json!({
        "p50": at(0.5),
        "p90": at(0.9),
        "p99": at(0.99),
        "p999": at(0.999),
        "max": ms(histogram.max() as f64),
        "mean": ms(histogram.mean()),
        "count": histogram.len(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::summary_keys::SUMMARY_KEYS;

    /// A documented key is there, if only as a null, or below one.
    fn exists(summary: &Value, name: &str) -> bool {
        let mut value = summary;
        for part in name.split('.') {
            if value.is_null() {
                return true;
            }
            match value.get(part) {
                Some(inner) => value = inner,
                None => return false,
            }
        }
        true
    }

    fn plan() -> Plan {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../scenarios/comet-c10k.yaml");
        crate::load(path.as_ref(), &[]).unwrap().1
    }

    #[test]
    fn every_documented_key_is_there_and_nothing_measured_is_null() {
        let (plan, times) = (plan(), Times::default());
        let mut summary = summary(&plan, &Facts::default(), &times, &Verdict::Pass);
        for key in SUMMARY_KEYS {
            assert!(exists(&summary, key.name), "{} is documented and missing", key.name);
        }
        assert!(summary["memory"]["server_bytes_per_connection"].is_null());
        assert!(summary["audit"].is_null());
        let outcomes = judge(&plan, &mut summary);
        assert!(
            outcomes.iter().any(|outcome| outcome.value.is_none() && !outcome.ok),
            "not measured is not a pass"
        );
    }

    #[test]
    fn what_is_lost_is_the_sum_of_both_ends() {
        let mut facts = Facts {
            published_audit: Some(Audit {
                sent: 90,
                expected: 100,
                gone: 3,
                dropped: 2,
                nobody_there: 5,
                ..Audit::default()
            }),
            received_audit: Audit { delivered: 91, duplicated: 1, ..Audit::default() },
            ..Facts::default()
        };
        let account = audit(&facts).unwrap();
        assert_eq!(
            (account.lost, account.duplicated, account.delivered, account.nobody_there),
            (4, 1, 91, 5)
        );
        // A server that owns up to less than what is missing between arrivals is not believed.
        facts.values.insert("connections.missing".into(), 7.0);
        assert_eq!(audit(&facts).unwrap().lost, 7);
    }
}

//! What names mean when no catalog says so: recordings of before there were catalogs.

use telemetry::Kind;

/// The ends of names, behind the first dot, of what only grows.
const COUNTERS: &[&str] = &[
    "accepted",
    "begun",
    "busy_ns",
    "busy_s",
    "closed",
    "closed_by_server",
    "conntrack_drops",
    "conntrack_early_drops",
    "copies",
    "cpu_system_s",
    "cpu_user_s",
    "delivered",
    "dropped",
    "events",
    "failed",
    "gone",
    "listen_drops",
    "listen_overflows",
    "logins",
    "logouts",
    "mail_full",
    "mail_in",
    "mail_out",
    "major_faults",
    "malformed",
    "messages",
    "minor_faults",
    "nobody_there",
    "not_found",
    "not_implemented",
    "oom_kills",
    "outboxed_bytes",
    "reads",
    "received_bytes",
    "reconnects",
    "refused",
    "retransmitted_segments",
    "sent",
    "sent_bytes",
    "served",
    "switches_involuntary",
    "switches_voluntary",
    "syn_cookies_sent",
    "tcp_memory_aborts",
    "tcp_memory_pressures",
    "tcp_resets_sent",
    "timed_out",
    "too_large",
    "too_slow",
    "turned_away",
    "turns",
    "writes",
];

/// The kind of a name that no catalog explains.
pub(crate) fn kind(name: &str) -> Kind {
    let last = name.split_once('.').map_or(name, |(_, rest)| rest);
    if last.starts_with("failures.") || COUNTERS.binary_search(&last).is_ok() {
        Kind::Counter
    } else {
        Kind::Gauge
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_are_in_order_and_found() {
        assert!(COUNTERS.is_sorted());
        assert_eq!(kind("server.messages"), Kind::Counter);
        assert_eq!(kind("generator.cpu_user_s"), Kind::Counter);
        assert_eq!(kind("connections.failures.timeout"), Kind::Counter);
        assert_eq!(kind("server.rss_bytes"), Kind::Gauge);
        assert_eq!(kind("server.connections"), Kind::Gauge);
    }
}

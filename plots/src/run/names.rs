//! The values that charts show; no other name takes memory.

/// Each value stands for itself.
pub(super) const GAUGES: [&str; 19] = [
    "connections.open",
    "connections.opening",
    "connections.failed",
    "generator.cpu_cores",
    "generator.rss_bytes",
    "host.cpu_busy_ratio",
    "host.cpu_system_ratio",
    "host.cpu_user_ratio",
    "host.irq_ratio",
    "host.softirq_ratio",
    "host.steal_ratio",
    "host.tcp_memory_bytes",
    "host.tcp_orphans",
    "host.tcp_sockets",
    "host.tcp_time_wait",
    "publisher.cpu_cores",
    "server.connections",
    "server.cpu_cores",
    "server.rss_bytes",
];

/// They only grow, and their growth is shown.
pub(super) const COUNTERS: [&str; 19] = [
    "connections.closed_by_server",
    "connections.logins",
    "connections.messages",
    "connections.reconnects",
    "host.listen_drops",
    "host.listen_overflows",
    "host.retransmitted_segments",
    "host.syn_cookies_sent",
    "host.tcp_attempt_fails",
    "host.tcp_memory_aborts",
    "host.tcp_resets_in",
    "host.tcp_resets_sent",
    "host.tcp_segments_out",
    "publisher.sent",
    "server.accepted",
    "server.delivered",
    "server.dropped",
    "server.received_bytes",
    "server.sent_bytes",
];

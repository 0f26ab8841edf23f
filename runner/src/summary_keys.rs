//! Every key of `summary.json` that a threshold may judge: its name, its unit, and what it says.
//!
//! This list is the contract: `floodmark run` writes these keys, thresholds name them, charts and history read them. A key
//! is never renamed; a figure that was not measured is null.
//!
//! Beside figures there are words and intervals, which no threshold judges: `…_ci95` is a pair of bounds;
//! `memory.ledger.slab_read` is whether the kernel's objects could be told apart; `memory.ledger.note` says why not, and
//! when the ledger should not be trusted.
//!
//! Beside the figures the summary has what no threshold judges. `commit` is that of the repository in which the run was
//! started (`id`, `branch`, `committed_at`, `dirty`), or null. `connections.stopped_by` (`memory`) and `stopped_at` say
//! that the ramp was stopped, and where; else they are null. `wall` is null when the run met its plan and nobody asked:
//!
//! ```json
//! "wall": {
//!   "first": "generator.ports",
//!   "causes": [{ "cause": "generator.ports", "side": "generator", "weight": 1.0,
//!                "evidence": "2,312 of 30,000 connects found no free port; 1 address × 28,232 ports",
//!                "advice": "add addresses: connections.source: [127.0.0.2-127.0.0.4]" }],
//!   "shortfall": ["27,688 of 30,000 connections, 2,312 failed"],
//!   "nearest": { "cause": "machine.cpu", "ratio": 0.83, "run_cores": 1.41 },
//!   "unknown": ["the server's CPU, memory and descriptors (write target.pid to see them)"]
//! }
//! ```
//! `side` is generator, machine, kernel, network or server. `first` is null and `causes` empty when nothing that was
//! measured was at its limit; `nearest` is then the one to look at. `unknown` is what could not be seen from here.

/// What a summary figure is counted in. Decides which suffixes a threshold's limit may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// A number of things.
    Count,
    /// Milliseconds.
    Milliseconds,
    /// Seconds.
    Seconds,
    /// Bytes.
    Bytes,
    /// Events per second.
    PerSecond,
    /// CPU cores kept busy, on average.
    Cores,
    /// A share, 0 to 1.
    Ratio,
}

/// One figure of the summary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SummaryKey {
    /// The path in `summary.json`, dotted.
    pub name: &'static str,
    /// What it is counted in.
    pub unit: Unit,
    /// What it says, in one line.
    pub doc: &'static str,
}

/// One key.
macro_rules! key {
    ($name:expr, $unit:ident, $doc:expr) => {
        SummaryKey { name: $name, unit: Unit::$unit, doc: $doc }
    };
}

/// The keys: plain ones, for each histogram its seven figures, for each side of the ledger its parts.
macro_rules! keys {
    (histograms { $($histogram:literal: $of:literal;)+ } ledger { $($side:literal: $whose:literal;)+ } plain { $($name:literal $unit:ident $doc:literal;)+ }) => {
        /// Every key a threshold may judge.
        pub const SUMMARY_KEYS: &[SummaryKey] = &[
            $(
                key!(concat!($histogram, ".p50"), Milliseconds, concat!("median of ", $of)),
                key!(concat!($histogram, ".p90"), Milliseconds, concat!("90th percentile of ", $of)),
                key!(concat!($histogram, ".p99"), Milliseconds, concat!("99th percentile of ", $of)),
                key!(concat!($histogram, ".p999"), Milliseconds, concat!("99.9th percentile of ", $of)),
                key!(concat!($histogram, ".max"), Milliseconds, concat!("longest of ", $of)),
                key!(concat!($histogram, ".mean"), Milliseconds, concat!("mean of ", $of)),
                key!(concat!($histogram, ".count"), Count, concat!("number of measurements of ", $of)),
            )+
            $(key!($name, $unit, $doc),)+
            $(
                key!(concat!($side, ".total_bytes"), Bytes, concat!("bytes of real memory per connection, ", $whose)),
                key!(concat!($side, ".explained_bytes"), Bytes, concat!("those of them with a name, ", $whose)),
                key!(concat!($side, ".remainder_bytes"), Bytes, concat!("those of them nothing explains, ", $whose)),
                key!(concat!($side, ".server_user_bytes"), Bytes, concat!("the server's own memory, ", $whose)),
                key!(concat!($side, ".generator_user_bytes"), Bytes, concat!("the flood's own memory, ", $whose)),
                key!(concat!($side, ".kernel_bytes"), Bytes, concat!("the kernel's, but for the remainder, ", $whose)),
                key!(concat!($side, ".kernel_slab_bytes"), Bytes, concat!("all slab objects together, ", $whose)),
                key!(concat!($side, ".kernel_tcp_bytes"), Bytes, concat!("TCP sockets, ", $whose)),
                key!(concat!($side, ".kernel_sock_inode_bytes"), Bytes, concat!("sockets' inodes, ", $whose)),
                key!(concat!($side, ".kernel_file_bytes"), Bytes, concat!("open files, ", $whose)),
                key!(concat!($side, ".kernel_dentry_bytes"), Bytes, concat!("directory entries, ", $whose)),
                key!(concat!($side, ".kernel_epoll_bytes"), Bytes, concat!("registrations with epoll, ", $whose)),
                key!(concat!($side, ".kernel_bind_bytes"), Bytes, concat!("local ports in use, ", $whose)),
                key!(concat!($side, ".kernel_security_bytes"), Bytes, concat!("blobs of security modules, ", $whose)),
                key!(concat!($side, ".kernel_timewait_bytes"), Bytes, concat!("half-open and half-closed connections, ", $whose)),
                key!(concat!($side, ".kernel_skbuff_bytes"), Bytes, concat!("packets held, ", $whose)),
                key!(concat!($side, ".kernel_slab_other_bytes"), Bytes, concat!("slab objects of any other kind, ", $whose)),
                key!(concat!($side, ".kernel_other_bytes"), Bytes, concat!("page tables, kernel stacks, per-CPU areas, ", $whose)),
                key!(concat!($side, ".socket_buffer_bytes"), Bytes, concat!("what TCP has charged for buffers, beside the sum, ", $whose)),
            )+
        ];
    };
}

keys! {
    histograms {
        "connect.latency_ms": "the time from starting to connect until connected";
        "connect.login_ms": "the time from starting to connect until the server has accepted the login";
        "delivery.latency_ms": "the time from the intended send to delivery, warm-up left out";
        "delivery.raw_latency_ms": "the time from the actual send to delivery, warm-up left out";
    }
    ledger {
        "memory.ledger.pair": "both ends here";
        "memory.ledger.server": "the server's end of a pair";
        "memory.ledger.generator": "the flood's end, the server being elsewhere";
    }
    plain {
        "connections.asked" Count "connections the scenario asks for";
        "connections.peak" Count "most connections open at once";
        "connections.failed" Count "connections that could not be opened, whatever the cause";
        "connections.closed_by_server" Count "connections that the server closed before the end";
        "connections.reconnects" Count "connections opened again after a loss";
        "connections.connect_rate_per_s" PerSecond "connections opened per second, over the ramp";
        "delivery.rate_per_s" PerSecond "messages that arrived per second, over the message phase";
        "messages.asked_rate_per_s" PerSecond "messages the scenario asks for, per second";
        "messages.rate_per_s" PerSecond "messages sent per second, over the message phase";
        "publisher.lag_ms.p99" Milliseconds "99th percentile of how late the sender was against its schedule";
        "audit.sent" Count "messages sent";
        "audit.expected" Count "deliveries owed: for each message, the connections that should receive it";
        "audit.delivered" Count "deliveries that arrived";
        "audit.nobody_there" Count "messages for an id that nobody held";
        "audit.lost" Count "deliveries owed that never arrived";
        "audit.duplicated" Count "deliveries that arrived more than once";
        "audit.reordered" Count "deliveries that arrived after a later one for the same id";
        "audit.misrouted" Count "deliveries that reached a connection they were not meant for";
        "audit.corrupt" Count "deliveries whose mark could not be read";
        "audit.gone" Count "deliveries owed to a connection that had closed by then";
        "audit.dropped" Count "deliveries that the server says it dropped";
        "memory.server_rss_peak_bytes" Bytes "largest resident memory of the server";
        "memory.server_bytes_per_connection" Bytes "server memory per connection: slope of RSS over connections in the ramp";
        "memory.server_rss_growth_bytes" Bytes "server RSS at the end of messages less that after the first million";
        "memory.generator_rss_peak_bytes" Bytes "largest resident memory of the flood";
        "memory.generator_bytes_per_connection" Bytes "the flood's own memory per connection, by the same slope";
        "memory.kernel_bytes_per_connection" Bytes "kernel memory per connection, both ends, by the same slope";
        "cpu.server_cores" Cores "cores the server kept busy during messages";
        "cpu.generator_cores" Cores "cores the flood kept busy during messages";
        "cpu.publisher_cores" Cores "cores the sender kept busy during messages";
        "cpu.softirq_ratio" Ratio "share of all CPU time spent in soft interrupts, at the end of messages";
        "limit.pair_bytes" Bytes "the ceiling: real memory that a bare pair of ends takes on loopback";
        "limit.pairs_max" Count "the ceiling: pairs that the memory free at the start would hold";
        "limit.connects_per_s" PerSecond "the ceiling: connections that bare ends open per second";
        "limit.deliveries_per_s" PerSecond "the ceiling: deliveries that bare ends make per second";
        "limit.wakeup_p50_us" Count "the ceiling: median of microseconds until a sleeping reader has a message";
        "limit.wakeup_p99_us" Count "the ceiling: 99th percentile of the same";
        "limit.ratio.connects" Ratio "connects per second over the ceiling's";
        "limit.ratio.deliveries" Ratio "deliveries per second over the ceiling's";
        "limit.ratio.connections" Ratio "most connections open at once over the pairs that memory would hold";
        "limit.ratio.pair_bytes" Ratio "the ledger's bytes of a pair over the ceiling's";
        "run.duration_s" Seconds "the whole run, from the first connect to the last close";
    }
}

/// The key of that name.
pub fn summary_key(name: &str) -> Option<&'static SummaryKey> {
    SUMMARY_KEYS.iter().find(|key| key.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_end_in_their_unit() {
        for (index, key) in SUMMARY_KEYS.iter().enumerate() {
            assert!(SUMMARY_KEYS[..index].iter().all(|other| other.name != key.name), "{} twice", key.name);
            assert!(!key.doc.is_empty());
            let suffix = match key.unit {
                Unit::Count => continue,
                Unit::Milliseconds => "_ms",
                Unit::Seconds => "_s",
                Unit::Bytes => "bytes",
                Unit::PerSecond => "_per_s",
                Unit::Cores => "_cores",
                Unit::Ratio => "_ratio",
            };
            // A histogram carries the unit on its own name, before the figure; bytes may be per connection.
            let named = key.name.contains(".ratio.")
                || key.name.split('.').any(|part| part.ends_with(suffix))
                || key.name.contains("bytes_per");
            assert!(named, "{} does not say {:?}", key.name, key.unit);
        }
    }
}

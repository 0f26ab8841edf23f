//! TCP's buffers. An idle connection has none: what counts is what is sent and not read, or not acknowledged.

use crate::demand::Demand;
use crate::level::Level;
use crate::machine::Machine;
use crate::row::{Mend, Row, Unit};
use crate::words::{bytes, grouped, roomy};

/// What an end that is being connected or logged in holds: a page of request, a page of answer.
const PAGES_PER_END: u64 = 2;

/// The largest message: a default buffer below it takes a message in several turns.
const MESSAGE_BYTES: u64 = 16 << 10;

/// `tcp_mem`: under pressure above the second number, nothing more above the third.
pub(crate) fn total(demand: &Demand, machine: &Machine) -> Row {
    let what = ("tcp.buffers", "TCP buffers", Unit::Pages);
    let Some([_, pressure, high]) = machine.tcp_mem_pages else {
        return Row::unknown(what, "/proc/sys/net/ipv4/tcp_mem");
    };
    let used = machine.tcp_mem_used_pages.unwrap_or(0);
    let need = |connections: u64| {
        let ends = connections.saturating_mul(demand.ends());
        ends.saturating_mul(PAGES_PER_END).saturating_add(used)
    };
    let at_once = demand.concurrency.min(demand.connections);
    let why = format!(
        "idle connections take none; {} at once take up to {PAGES_PER_END} pages an end; above {} (net.ipv4.tcp_mem) \
         windows shrink, above {} segments are dropped and senders wait, which is slow; a wall only when one connection has \
         no room",
        grouped(at_once),
        grouped(pressure),
        grouped(high)
    );
    let level = |connections: u64| {
        let Level { state, .. } = Level::hard(need(connections.min(1)), high);
        let need = need(connections.min(demand.concurrency));
        Level { need, have: high, state }.tight_above(pressure)
    };
    Row::judged(what, demand.connections, level, why).or_else(|| {
        let least = roomy(need(at_once)).min(i32::MAX as u64);
        // The kernel keeps them 3 : 4 : 6.
        let value =
            [least, least.saturating_mul(4) / 3, least.saturating_mul(2)].map(|pages| pages.to_string());
        Some(Mend::sysctl("net.ipv4.tcp_mem", &value.join(" ")))
    })
}

/// `tcp_rmem`: what one connection may have waiting to be read.
pub(crate) fn receive(demand: &Demand, machine: &Machine) -> Row {
    buffer(
        ("tcp.receive_buffer", "receive buffer", Unit::Bytes),
        ("tcp_rmem", machine.tcp_rmem_bytes),
        131_072,
        demand,
    )
}

/// `tcp_wmem`: what one connection may have waiting to be acknowledged.
pub(crate) fn send(demand: &Demand, machine: &Machine) -> Row {
    buffer(
        ("tcp.send_buffer", "send buffer", Unit::Bytes),
        ("tcp_wmem", machine.tcp_wmem_bytes),
        16_384,
        demand,
    )
}

fn buffer(
    what: (&'static str, &'static str, Unit),
    (name, values): (&str, Option<[u64; 3]>),
    usual_bytes: u64,
    demand: &Demand,
) -> Row {
    let Some([least, default, most]) = values else {
        return Row::unknown(what, &format!("/proc/sys/net/ipv4/{name}"));
    };
    let why = format!(
        "a message has at most {}; a connection begins with {} and grows to {} (net.ipv4.{name}), allocated as used",
        bytes(MESSAGE_BYTES),
        bytes(default),
        bytes(most)
    );
    Row::judged(what, demand.connections, |_| Level::soft(MESSAGE_BYTES, default), why).or_else(|| {
        let value = format!("{least} {usual_bytes} {}", most.max(usual_bytes));
        Some(Mend::sysctl(&format!("net.ipv4.{name}"), &value))
    })
}

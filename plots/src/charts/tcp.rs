//! What TCP had to do again, what it turned away, and what it held.

use super::over_time::{Quantity, over_time, panel};
use super::{Parts, axis};
use crate::chart::Dash;
use crate::run::grouped;
use crate::{Run, Unit};

pub(super) fn draw(runs: &[Run]) -> Result<Parts, String> {
    let again = [
        Quantity::sampled("retransmitted", 2, "host.retransmitted_segments"),
        Quantity::sampled("resets sent", 3, "host.tcp_resets_sent")
            .dashed(Dash::Dashed)
            .unless_nothing()
            .aside(),
        Quantity::sampled("resets received", 1, "host.tcp_resets_in")
            .dashed(Dash::Dotted)
            .unless_nothing()
            .aside(),
    ];
    let away = [
        Quantity::sampled("accept queue full", 3, "host.listen_overflows").unless_nothing(),
        Quantity::sampled("dropped before accept", 1, "host.listen_drops")
            .dashed(Dash::Dashed)
            .unless_nothing(),
        Quantity::sampled("failed attempts", 4, "host.tcp_attempt_fails")
            .dashed(Dash::Dotted)
            .unless_nothing()
            .aside(),
        Quantity::sampled("out of memory", 5, "host.tcp_memory_aborts")
            .dashed(Dash::DashDot)
            .unless_nothing()
            .aside(),
        Quantity::sampled("SYN cookies", 6, "host.syn_cookies_sent").unless_nothing().aside(),
    ];
    let sockets = [
        Quantity::sampled("open", 2, "host.tcp_sockets"),
        Quantity::sampled("time-wait", 4, "host.tcp_time_wait").dashed(Dash::Dashed).aside(),
        Quantity::sampled("orphaned", 3, "host.tcp_orphans").dashed(Dash::Dotted).unless_nothing().aside(),
    ];
    let memory = [Quantity::sampled("buffers", 2, "host.tcp_memory_bytes")];
    let panels = [
        panel(runs, axis("segments", Unit::PerSecond), 1.3, &again),
        panel(runs, axis("turned away", Unit::PerSecond), 1.0, &away),
        panel(runs, axis("sockets", Unit::Count), 1.3, &sockets),
        panel(runs, axis("buffers", Unit::Bytes), 1.0, &memory),
    ];
    over_time(runs, panels, answer, "TCP was not watched in this recording")
}

fn answer(run: &Run, brief: bool) -> Option<String> {
    let again = run.total("host.retransmitted_segments")?;
    let again_said = match run.total("host.tcp_segments_out").filter(|_| !brief) {
        Some(all) => format!("{} of {} segments sent again", grouped(again), grouped(all)),
        None => format!("{} segments sent again", grouped(again)),
    };
    let counted = |name: &str, what: &str| Some(format!("{} {what}", grouped(run.total(name)?)));
    let full = run.total("host.listen_overflows").filter(|_| !brief).map(|full| match full {
        0.0 => "no accept queue overflowed".to_owned(),
        full => format!("{} connections met a full accept queue", grouped(full)),
    });
    let resets = counted("host.tcp_resets_sent", "resets sent").filter(|_| !brief);
    Some([Some(again_said), full, resets].into_iter().flatten().collect::<Vec<_>>().join(", "))
}

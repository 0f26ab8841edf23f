//! Causes of timeouts: connects that were never answered, and logins that were not.

use super::evidence::Sight;
use super::failures::of_connects;
use super::{Cause, Evidence, Proof, Side, gauges};
use crate::words::{counted, grouped};

pub(super) fn causes(evidence: &Evidence) -> Vec<Cause> {
    let timed_out = evidence.failures_of("timed_out");
    let mut causes = Vec::new();
    if timed_out == 0 {
        return causes;
    }
    // What was begun, was not established and did not fail otherwise got no answer to its SYN.
    let before: u64 =
        ["refused", "unreachable", "no_free_port", "no_descriptor", "system_table_full", "no_watch"]
            .into_iter()
            .chain(["no_memory", "other"])
            .map(|cause| evidence.failures_of(cause))
            .sum();
    let unanswered = evidence.begun.saturating_sub(evidence.established + before).min(timed_out);
    if unanswered > 0 {
        causes.push(no_answer(evidence, unanswered));
    }
    let slow = timed_out - unanswered;
    if slow == 0 {
        return causes;
    }
    let within = format!("no login within {} ms", grouped(evidence.timeout_ms));
    let line = format!("{} were taken and got {within}", of_connects(evidence, slow));
    let share = evidence.share(slow);
    if matches!(evidence.server_state, Some('T' | 't')) {
        let line = format!("{line}; the server's process is stopped");
        causes.push(Cause::new("server.stuck", Proof::Counted, share, line, "let it go on (kill -CONT)"));
        return causes;
    }
    if let Some(busiest) = gauges::busiest(evidence) {
        let whose = busiest.side;
        let line = format!("{line}, and {}", busiest.evidence);
        causes.push(Cause::new(busiest.key, Proof::Inferred, share, line, busiest.advice));
        // The generator's lateness says nothing of the server's.
        if whose == Side::Generator {
            return causes;
        }
    }
    let used = evidence.stages().filter_map(|usage| usage.server).reduce(f64::max);
    let used = used.map_or(String::new(), |cores| {
        format!("; its process used {cores:.2} of {:.0} cores", evidence.cores)
    });
    let advice = "find what the server waits for, or raise connections.timeout";
    causes.push(Cause::new("server.slow_logins", Proof::Inferred, share, format!("{line}{used}"), advice));
    causes
}

fn no_answer(evidence: &Evidence, unanswered: u64) -> Cause {
    let share = evidence.share(unanswered);
    let line = format!("{} got no answer at all", of_connects(evidence, unanswered));
    let overflows = evidence.count("host.listen_overflows");
    let cookies = evidence.count("host.syn_cookies_sent");
    if evidence.count("host.conntrack_drops") > 0 {
        let line = format!("{line}; {}", gauges::conntrack_words(evidence));
        return Cause::new("kernel.conntrack", Proof::Inferred, share, line, gauges::CONNTRACK_ADVICE);
    }
    if evidence.sight == Sight::Elsewhere {
        let line = format!(
            "{line}: dropped on the way, or by a full accept queue there, which cannot be seen from here"
        );
        let advice = "look at ListenOverflows in the server's /proc/net/netstat";
        return Cause::new("network.unanswered", Proof::Inferred, share, line, advice);
    }
    if overflows + cookies == 0 {
        let line = format!("{line}, and no accept queue of this machine overflowed");
        let advice = "look at a firewall that drops, and at packets lost";
        return Cause::new("network.unanswered", Proof::Inferred, share, line, advice);
    }
    let cookies = if cookies > 0 {
        format!(", {} sent", counted(cookies, "SYN cookie", "SYN cookies"))
    } else {
        String::new()
    };
    let line = format!(
        "{line}; accept queues overflowed {} in this network namespace{cookies}",
        counted(overflows, "time", "times")
    );
    let somaxconn = evidence.somaxconn.as_deref().unwrap_or("?");
    let advice =
        format!("raise the server's backlog (net.core.somaxconn is {somaxconn}), or let it accept faster");
    Cause::new("server.accept_queue", Proof::Inferred, share, line, advice)
}

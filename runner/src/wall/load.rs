//! Causes by what was slow: a schedule that was not kept though nothing failed.

use super::evidence::REACHED_MIN;
use super::{Cause, Evidence, Proof, Side, gauges};
use crate::seen::Stage;

/// As many places taken as makes no difference to all of them.
const ALL_PLACES: f64 = 0.98;

pub(super) fn causes(evidence: &Evidence) -> Vec<Cause> {
    let mut causes = Vec::new();
    for (what, rate) in [("connects", evidence.connect_rate), ("messages", evidence.send_rate)] {
        let Some((asked, reached)) = rate.filter(|(asked, reached)| *reached < asked * REACHED_MIN) else {
            continue;
        };
        let (line, share) = (format!("{reached:.0} of {asked:.0} {what} a second"), 1.0 - reached / asked);
        let busiest = gauges::busiest(evidence);
        let side = busiest.as_ref().map(|busiest| busiest.side);
        causes.extend(busiest.map(|busiest| {
            let line = format!("{line}, and {}", busiest.evidence);
            Cause::new(busiest.key, Proof::Inferred, share, line, busiest.advice)
        }));
        // The generator's lateness says nothing of the server's.
        if side != Some(Side::Generator) {
            let slow = if what == "connects" {
                connecting(evidence, &line, share)
            } else {
                sending(evidence, &line, share)
            };
            causes.extend(slow);
        }
    }
    causes
}

/// All places for connecting were taken: by Little's law, places ÷ login time is the most that can be opened a second.
fn connecting(evidence: &Evidence, line: &str, share: f64) -> Option<Cause> {
    let opening = evidence.highest.get("connections.opening").copied()?;
    let login_ms = evidence.login_p50_ms?;
    let concurrency = evidence.concurrency as f64;
    if opening < concurrency * ALL_PLACES {
        return None;
    }
    let line = format!(
        "{line}: all {concurrency:.0} places were taken, and a login took {login_ms:.1} ms (median), which makes {:.0} \
         a second",
        concurrency * 1000.0 / login_ms.max(1e-3)
    );
    let advice = "raise connections.concurrency, or find what the server waits for at a login";
    Some(Cause::new("server.slow_logins", Proof::Inferred, share, line, advice))
}

fn sending(evidence: &Evidence, line: &str, share: f64) -> Option<Cause> {
    let mut messages = evidence.usage.iter().filter(|usage| usage.stage == Some(Stage::Messages));
    let publisher = messages.find_map(|usage| usage.publisher);
    let line = format!("{line} were taken by the router port");
    Some(match publisher {
        Some(cores) if cores >= gauges::NEAR => {
            let line = format!("{line}; the publisher used {cores:.2} cores, and has one thread");
            let advice = "send from several machines, or ask for a lower rate";
            Cause::new("generator.publisher_cpu", Proof::Inferred, share, line, advice)
        }
        _ => {
            let used =
                publisher.map_or(String::new(), |cores| format!("; the publisher used {cores:.2} cores"));
            let advice = "look at the server's shards and mail queues";
            Cause::new("server.router", Proof::Inferred, share, format!("{line}{used}"), advice)
        }
    })
}

//! Causes by what was slow: a schedule that was not kept though nothing failed.

use super::evidence::REACHED_MIN;
use super::{Cause, Evidence, Proof, gauges};
use crate::seen::Stage;

/// As many places taken as makes no difference to all of them.
const ALL_PLACES: f64 = 0.98;

pub(super) fn causes(evidence: &Evidence) -> Vec<Cause> {
    [connecting(evidence), sending(evidence)].into_iter().flatten().collect()
}

/// All places for connecting were taken: by Little's law, places ÷ login time is the most that can be opened a second.
fn connecting(evidence: &Evidence) -> Option<Cause> {
    let (asked, reached) = evidence.connect_rate.filter(|(asked, reached)| *reached < asked * REACHED_MIN)?;
    let opening = evidence.highest.get("connections.opening").copied()?;
    let login_ms = evidence.login_p50_ms?;
    let concurrency = evidence.concurrency as f64;
    if opening < concurrency * ALL_PLACES || gauges::generator_full(evidence).is_some() {
        return None;
    }
    let line = format!(
        "{reached:.0} of {asked:.0} connects a second: all {concurrency:.0} places were taken, and a login took \
         {login_ms:.1} ms (median), which makes {:.0} a second",
        concurrency * 1000.0 / login_ms.max(1e-3)
    );
    let advice = "raise connections.concurrency, or find what the server waits for at a login";
    Some(Cause::new("server.slow_logins", Proof::Inferred, 1.0 - reached / asked, line, advice))
}

fn sending(evidence: &Evidence) -> Option<Cause> {
    let (asked, reached) = evidence.send_rate.filter(|(asked, reached)| *reached < asked * REACHED_MIN)?;
    let mut messages = evidence.usage.iter().filter(|usage| usage.stage == Some(Stage::Messages));
    let publisher = messages.find_map(|usage| usage.publisher);
    let line = format!("{reached:.0} of {asked:.0} messages a second were taken by the router port");
    let share = 1.0 - reached / asked;
    match publisher {
        Some(cores) if cores >= gauges::NEAR => {
            let line = format!("{line}; the publisher used {cores:.2} cores, and has one thread");
            let advice = "send from several machines, or ask for a lower rate";
            Some(Cause::new("generator.publisher_cpu", Proof::Inferred, share, line, advice))
        }
        _ if gauges::generator_full(evidence).is_some() => None,
        _ => {
            let used =
                publisher.map_or(String::new(), |cores| format!("; the publisher used {cores:.2} cores"));
            let advice = "look at the server's shards and mail queues";
            Some(Cause::new("server.router", Proof::Inferred, share, format!("{line}{used}"), advice))
        }
    }
}

//! The recording's first frames: who records, and what was planned, so that whoever looks on or plays it back can put
//! what was reached beside it.

use std::time::Duration;

use serde_json::{Value, json};
use telemetry::{Frame, Hello, SCHEMA_VERSION, Stamp};

use super::{Cut, Run};
use crate::plan::Plan;
use crate::scenario::Pace;

impl Run<'_> {
    pub(super) fn introduce(&mut self) -> Result<(), Cut> {
        self.bundle.append(&Frame::Hello(Hello {
            at: Stamp::now(),
            source: "runner".into(),
            schema: SCHEMA_VERSION,
            worker: "runner".into(),
            pid: std::process::id(),
            version: env!("CARGO_PKG_VERSION").into(),
        }))?;
        let mut outline = outline(self.plan);
        outline["commit"] = json!(self.commit);
        Ok(self.mark("plan", outline)?)
    }
}

/// The plan's figures, units last; what is left open is null.
fn outline(plan: &Plan) -> Value {
    let rate = |pace| match pace {
        Pace::Rate(rate) => Some(rate.per_second()),
        Pace::Unlimited => None,
    };
    let messages = plan.messages.as_ref();
    let thresholds: Vec<_> = plan.thresholds.iter().map(ToString::to_string).collect();
    json!({
        "scenario": plan.name,
        "protocol": plan.protocol,
        "connections": plan.connections.count,
        "connections_max": plan.connections_max(),
        "connect_rate_per_s": rate(plan.connections.pace),
        "concurrency": plan.connections.concurrency,
        "message_rate_per_s": messages.and_then(|messages| rate(messages.pace)),
        "messages": plan.message_count_estimate(),
        "payload_bytes": messages.map(|messages| messages.payload_bytes),
        "hold_s": plan.connections.hold.as_secs_f64(),
        "duration_s": plan.duration_estimate().as_ref().map(Duration::as_secs_f64),
        "thresholds": thresholds,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_plan_leaves_open_is_null() {
        let text = "version: 1\ntarget: { spawn: chat }\nprotocol: comet\n\
                    connections: { count: 7, rate: unlimited, hold: 2s }\nthresholds: [ connections.failed == 0 ]\n";
        let (_, plan) = crate::load::load_text("a.yaml", "a", text.into(), &[]).expect("a plan");
        let outline = outline(&plan);
        assert_eq!(outline["thresholds"], json!(["connections.failed == 0"]));
        assert_eq!((&outline["connections"], &outline["hold_s"]), (&json!(7), &json!(2.0)));
        assert_eq!(
            (&outline["connect_rate_per_s"], &outline["message_rate_per_s"]),
            (&Value::Null, &Value::Null)
        );
    }
}

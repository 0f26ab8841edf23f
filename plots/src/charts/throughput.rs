//! Messages and bytes per second.

use super::limits::limits;
use super::memory::highest;
use super::over_time::{Quantity, over_time, panel, with_limits};
use super::{Parts, axis};
use crate::chart::Dash;
use crate::run::grouped;
use crate::{Run, Unit};

pub(super) fn draw(runs: &[Run]) -> Result<Parts, String> {
    let messages = [
        Quantity::new("asked for", 6, asked).dashed(Dash::Dashed).steps().faint().aside(),
        Quantity::sampled("sent", 3, "publisher.sent").dashed(Dash::Dashed).aside(),
        Quantity::new("delivered", 1, delivered),
        Quantity::sampled("dropped by the server", 5, "server.dropped").unless_nothing().aside(),
    ];
    let bytes = [
        Quantity::sampled("server to clients", 0, "server.sent_bytes"),
        Quantity::sampled("server from clients", 0, "server.received_bytes").dashed(Dash::Dashed).aside(),
    ];
    let rates = limits(runs, &["delivery.rate_per_s", "messages.rate_per_s"]);
    let panels = [
        with_limits(panel(runs, axis("messages", Unit::PerSecond), 2.0, &messages), rates),
        panel(runs, axis("bytes", Unit::BytesPerSecond), 1.4, &bytes),
    ];
    over_time(runs, panels, answer, "no messages and no bytes were counted in this run")
}

/// What arrived, as the generator counts it, else what the server says it delivered.
fn delivered(run: &Run) -> Vec<(f64, f64)> {
    let arrived = run.series("connections.messages");
    let told = if arrived.is_empty() { run.series("server.delivered") } else { arrived };
    let any = run.plan().contains_key("message_rate_per_s") || highest(told).is_some_and(|most| most > 0.0);
    if any { told.to_vec() } else { Vec::new() }
}

/// The plan's rate while messages are sent, with the steps of the hold.
fn asked(run: &Run) -> Vec<(f64, f64)> {
    let phase = run.phases().iter().find(|phase| phase.name == "messages");
    let rate = run.plan().get("message_rate_per_s").and_then(serde_json::Value::as_f64);
    let (Some(phase), Some(rate)) = (phase, rate) else { return Vec::new() };
    let mut points = vec![(phase.from_s, rate)];
    let turned = run.events().iter().filter_map(|event| Some((event.at_s, event.knob.as_ref()?)));
    let turned = turned.filter(|(at_s, knob)| knob.0 == "rate" && (phase.from_s..phase.to_s).contains(at_s));
    points.extend(turned.map(|(at_s, knob)| (at_s, knob.1)));
    let last = points.last().map_or(rate, |point| point.1);
    points.push((phase.to_s, last));
    points
}

fn answer(run: &Run, brief: bool) -> Option<String> {
    let rate = |name: &str, what: &str| Some(format!("{} {what}", Unit::PerSecond.write(run.figure(name)?)));
    let delivered = rate("delivery.rate_per_s", "delivered");
    if brief {
        return delivered;
    }
    let sent = rate("messages.rate_per_s", "sent");
    let lost = run.figure("audit.lost").map(|lost| format!("{} lost", grouped(lost)));
    let of = run.figure("audit.delivered").zip(run.figure("audit.expected"));
    let of = of.map(|(got, owed)| format!("{} of {} deliveries arrived", grouped(got), grouped(owed)));
    let parts: Vec<String> = [sent, delivered, of, lost].into_iter().flatten().collect();
    if !parts.is_empty() {
        return Some(parts.join(", "));
    }
    // Without a summary, what was counted.
    let counted = run.total("connections.messages").or(run.total("server.delivered"));
    if let Some(arrived) = counted.filter(|arrived| *arrived > 0.0) {
        return Some(format!("{} messages delivered", grouped(arrived)));
    }
    let most = highest(run.series("server.sent_bytes"))?;
    Some(format!("no messages; the server sent at most {}", Unit::BytesPerSecond.write(most)))
}

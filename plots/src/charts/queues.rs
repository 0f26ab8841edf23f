//! What waited, and for how long.

use std::collections::BTreeSet;

use super::memory::highest;
use super::over_time::{Quantity, over_time, panel};
use super::{Parts, axis};
use crate::chart::Dash;
use crate::run::{Queue, grouped};
use crate::{Run, Unit};

/// The colours of queues that have none of their own.
const HUES: [usize; 5] = [3, 4, 5, 6, 7];

pub(super) fn draw(runs: &[Run]) -> Result<Parts, String> {
    let names: BTreeSet<&String> = runs.iter().flat_map(|run| run.queues().keys()).collect();
    let in_bytes = |name: &str| {
        let known = runs.iter().find_map(|run| run.queues().get(name));
        known.is_some_and(|queue| queue.length_name.ends_with("_bytes"))
    };
    let mut others = HUES.into_iter().cycle();
    let hues: Vec<(&str, usize)> = names
        .iter()
        .map(|name| match name.as_str() {
            "server.mail" => ("server.mail", 0),
            "server.outboxes" => ("server.outboxes", 1),
            "host.accept" => ("host.accept", 2),
            other => (other, others.next().unwrap_or(0)),
        })
        .collect();
    let lines = |bytes: Option<bool>, of: fn(&Queue) -> &Vec<(f64, f64)>| -> Vec<Quantity<'_>> {
        let shown = hues.iter().filter(|(name, _)| bytes.is_none_or(|bytes| in_bytes(name) == bytes));
        shown.map(|(name, hue)| line(name, *hue, of)).collect()
    };
    let delay =
        lines(None, |queue| &queue.delay_s).into_iter().map(Quantity::unless_nothing).collect::<Vec<_>>();
    // Dots: between two of them the queue may have grown, and then there is no such time.
    let drain =
        lines(None, |queue| &queue.drain_s).into_iter().map(|line| line.unless_nothing().dots().aside());
    let drain: Vec<_> = drain.collect();
    let bytes = lines(Some(true), |queue| &queue.length);
    let bytes: Vec<_> = bytes.into_iter().map(Quantity::unless_nothing).collect();
    let panels = [
        panel(runs, axis("waiting", Unit::Count), 1.6, &lines(Some(false), |queue| &queue.length)),
        panel(runs, axis("waiting", Unit::Bytes), 1.2, &bytes),
        panel(runs, axis("delay", Unit::Seconds), 1.2, &delay),
        panel(runs, axis("until drained", Unit::Seconds), 1.2, &drain),
    ];
    over_time(runs, panels, answer, "no queue was watched in this recording")
}

/// A figure of one queue.
fn line(name: &str, hue: usize, of: fn(&Queue) -> &Vec<(f64, f64)>) -> Quantity<'_> {
    let points = move |run: &Run| run.queues().get(name).map(|queue| of(queue).clone()).unwrap_or_default();
    let dash = match name {
        "server.mail" => Dash::Solid,
        "server.outboxes" => Dash::Dashed,
        _ => Dash::DashDot,
    };
    let line = Quantity::new(words(name), hue, points).dashed(dash);
    if matches!(name, "server.mail" | "host.accept") { line } else { line.aside() }
}

/// A queue's name in words.
fn words(name: &str) -> &str {
    match name {
        "server.mail" => "mail between shards",
        "server.outboxes" => "outboxes",
        "host.accept" => "accept queues",
        other => other,
    }
}

fn answer(run: &Run, brief: bool) -> Option<String> {
    let said = |(name, queue): (&String, &Queue)| {
        let most = highest(&queue.length)?;
        let bytes = queue.length_name.ends_with("_bytes");
        let most_said = if bytes { Unit::Bytes.write(most) } else { grouped(most) };
        let delay = highest(&queue.delay_s).filter(|delay_s| *delay_s > 0.0 && most > 0.0);
        let delay = delay.map_or(String::new(), |delay_s| format!(" ({})", Unit::Seconds.write(delay_s)));
        Some(if most > 0.0 {
            format!("{} {most_said}{delay}", words(name))
        } else {
            format!("{} none", words(name))
        })
    };
    let said: Vec<String> = run.queues().iter().filter_map(said).collect();
    if said.is_empty() {
        return None;
    }
    Some(if brief { said.join(", ") } else { format!("at most waited: {}", said.join(", ")) })
}

//! What waits in the server and before it: how much, for how long, and whether it will ever be done.

use telemetry::Health;
use telemetry::health::Drain;

use crate::grid::{Column, Grid, Page, Row, Value};
use crate::screen::theme::Tone;
use crate::views::Scene;
use crate::words::Unit;

/// The column of delays.
pub(super) const DELAY: usize = 4;

const COLUMNS: [Column; 7] = [
    Column::words("queue", "queue", 20),
    Column::figures("length", "length", 9),
    Column::figures("enqueue_per_s", "in", 10),
    Column::figures("dequeue_per_s", "out", 10),
    Column::figures("delay_s", "delay", 9),
    Column::figures("drain_s", "drain", 9),
    Column::words("alert", "alert", 7).growing(),
];

pub(super) fn page(scene: &Scene<'_>) -> Page {
    let of = |health: &Health| {
        let length = if health.name.contains("outbox") { Unit::Bytes } else { Unit::Count };
        let drain = match health.drain {
            Some(Drain::After { seconds }) => Value::Number(seconds, Unit::Seconds),
            Some(Drain::Never) => Value::text("never"),
            None => Value::Absent,
        };
        let alert = health.alert.is_some();
        let cells = vec![
            Value::text(health.name.clone()),
            Value::Number(health.length, length),
            Value::of(health.enqueue_per_s, length.per_second()),
            Value::of(health.dequeue_per_s, length.per_second()),
            Value::of(health.delay_s, Unit::Seconds),
            drain,
            Value::text(if alert { "ALERT" } else { "ok" }),
        ];
        let tone = if alert { Tone::Alarm } else { Tone::Plain };
        Row { key: health.name.clone(), cells, tone }
    };
    let rows: Vec<Row> = scene.moment.queues().health().iter().map(of).collect();
    let mut page = Page { grid: Grid { columns: COLUMNS.to_vec(), rows }, ..Page::default() };
    let note = match page.grid.rows.as_slice() {
        [] => {
            "no queues in this feed: a floodmark chat tells its shards' mail and outboxes, sar the accept queue"
        }
        _ => "delay = length ÷ out    drain = length ÷ (out − in), or never",
    };
    page.notes.push((Tone::Quiet, note.into()));
    page
}

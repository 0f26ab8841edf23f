//! What happened: marks, alerts and log lines, the latest first.

use crate::grid::{Column, Grid, Page, Row, Value};
use crate::past::events::{Event, Sort};
use crate::screen::theme::Tone;
use crate::views::Scene;
use crate::words::{Unit, time_of_day};

const COLUMNS: [Column; 5] = [
    Column::figures("at_s", "at", 7),
    Column::words("source", "source", 9),
    Column::words("what", "what", 13),
    Column::words("particulars", "particulars", 20).growing(),
    Column::words("utc", "UTC", 8),
];

pub(super) fn page(scene: &Scene<'_>) -> Page {
    let start_us = scene.history.start_us();
    let events = scene.history.events.until(scene.at_us);
    let mut rows: Vec<Row> = events.enumerate().map(|(index, event)| row(index, event, start_us)).collect();
    rows.reverse();
    let mut page = Page { grid: Grid { columns: COLUMNS.to_vec(), rows }, ..Page::default() };
    if page.grid.rows.is_empty() {
        page.notes
            .push((Tone::Quiet, "nothing was marked up to here: no phases, no alerts, no log lines".into()));
    }
    let forgotten = scene.history.events.forgotten();
    if forgotten > 0 {
        let note = format!("{forgotten} earlier events are not shown; the recording has them");
        page.notes.push((Tone::Quiet, note));
    }
    page
}

fn row(index: usize, event: &Event, start_us: u64) -> Row {
    let since_s = event.at.mono_us.saturating_sub(start_us) as f64 / 1e6;
    let tone = match event.sort {
        Sort::Alert if event.name == "alert.cleared" => Tone::Good,
        Sort::Alert => Tone::Alarm,
        Sort::Warning => Tone::Warning,
        Sort::Mark => Tone::Plain,
        Sort::Log => Tone::Quiet,
    };
    let cells = vec![
        Value::Number(since_s, Unit::Since),
        Value::text(event.source.clone()),
        Value::text(event.name.clone()),
        Value::text(event.text.clone()),
        Value::text(time_of_day(event.at.wall_us)),
    ];
    Row { key: format!("{} {index}", event.at.mono_us), cells, tone }
}

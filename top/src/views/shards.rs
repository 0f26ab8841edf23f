//! entop's table of processes, for our runtime: a row for each shard.
//!
//! What a shard has *handled* are the kernel's events and the letters of other shards: where messages are only delivered,
//! nearly all of its work comes by mail.

use std::collections::HashMap;

use telemetry::{Cell, Table};

use crate::grid::{Column, Grid, Page, Row, Value};
use crate::past::moment::{Tables, number, text};
use crate::screen::theme::Tone;
use crate::views::Scene;
use crate::words::Unit;

/// The column of what was handled since the table before.
pub(super) const DELTA: usize = 5;

/// The first column of what is now.
const DOING: usize = 2;

/// The ten that have a digit first, in the digits' order.
const COLUMNS: [Column; 20] = [
    Column::figures("shard", "#", 3),
    Column::words("name", "name", 8),
    Column::words("doing", "doing", 10),
    Column::words("status", "status", 9),
    Column::figures("handled", "handled", 7),
    Column::figures("handled_delta", "Δ", 7),
    Column::figures("mail_queue", "mail", 6),
    Column::figures("memory_bytes", "memory", 8),
    Column::figures("connections", "conns", 6),
    Column::figures("outbox_bytes", "outbox", 7),
    Column::figures("busy_ratio", "busy", 6),
    Column::figures("turns_per_s", "turns", 8),
    Column::figures("mail_in_per_s", "mail in", 8),
    Column::figures("mail_out_per_s", "mail out", 8),
    Column::figures("received_bytes_per_s", "received", 11),
    Column::figures("sent_bytes_per_s", "sent", 11),
    Column::figures("served_per_s", "served", 8),
    Column::figures("mail_full", "mail full", 9),
    Column::figures("timers", "timers", 6),
    Column::figures("outboxes", "outboxes", 8),
];

pub(super) fn page(scene: &Scene<'_>) -> Page {
    let mut page = Page { grid: Grid { columns: COLUMNS.to_vec(), rows: Vec::new() }, ..Page::default() };
    let Some(tables) = scene.moment.table("shards") else {
        let why = if scene.live {
            "no table of shards yet: a floodmark chat tells it at its admin address"
        } else {
            "no table of shards in this recording: a floodmark chat that is attached to, or run, tells it"
        };
        page.notes.push((Tone::Quiet, why.into()));
        return page;
    };
    page.grid.rows = rows(tables);
    if let Some(silence) = scene.moment.table_silence("shards") {
        page.notes.push(super::silent(silence));
        for row in &mut page.grid.rows {
            // Which shards there were is all that still holds.
            row.cells[DOING..].fill(Value::Absent);
            row.tone = Tone::Quiet;
        }
    }
    page
}

fn rows(tables: &Tables) -> Vec<Row> {
    let now = Reader::new(&tables.now);
    let before = tables.before.as_ref().map(Reader::new);
    let before_by_shard: HashMap<u64, &Vec<Cell>> = before.iter().flat_map(Reader::by_shard).collect();
    let elapsed_s = tables.elapsed_s();
    let of = |row: &Vec<Cell>| -> Option<Row> {
        let figure = |name: &str| number(now.cell(row, name));
        let shard = figure("shard")?;
        let earlier =
            before.as_ref().and_then(|before| Some((before, *before_by_shard.get(&(shard as u64))?)));
        // A count that went back is another server's.
        let growth = |name: &str| {
            let (before, earlier) = earlier?;
            Some(figure(name)? - number(before.cell(earlier, name))?).filter(|growth| *growth >= 0.0)
        };
        let handled = |of: &dyn Fn(&str) -> Option<f64>| Some(of("events")? + of("served")?);
        let rate = |name: &str| Some(growth(name)? / elapsed_s?);
        let words = |name: &str| text(now.cell(row, name)).map_or(Value::Absent, Value::text);
        let status = text(now.cell(row, "status")).unwrap_or_default();
        let tone = match status.as_str() {
            "ok" | "" => Tone::Plain,
            "backlog" => Tone::Warning,
            _ => Tone::Alarm,
        };
        let cells = vec![
            Value::Number(shard, Unit::Exact),
            words("name"),
            words("doing"),
            Value::text(status),
            Value::of(handled(&figure), Unit::Count),
            Value::of(handled(&growth), Unit::Count),
            Value::of(figure("mail_queue"), Unit::Count),
            Value::of(figure("memory_bytes"), Unit::Bytes),
            Value::of(figure("connections"), Unit::Count),
            Value::of(figure("outbox_bytes"), Unit::Bytes),
            Value::of(rate("busy_s"), Unit::Ratio),
            Value::of(rate("turns"), Unit::PerSecond),
            Value::of(rate("mail_in"), Unit::PerSecond),
            Value::of(rate("mail_out"), Unit::PerSecond),
            Value::of(rate("received_bytes"), Unit::BytesPerSecond),
            Value::of(rate("sent_bytes"), Unit::BytesPerSecond),
            Value::of(rate("served"), Unit::PerSecond),
            Value::of(figure("mail_full"), Unit::Count),
            Value::of(figure("timers"), Unit::Count),
            Value::of(figure("outboxes"), Unit::Count),
        ];
        Some(Row { key: format!("{shard}"), cells, tone })
    };
    tables.now.rows.iter().filter_map(of).collect()
}

/// A table, by the names of its columns.
struct Reader<'a> {
    table: &'a Table,
    places: HashMap<&'a str, usize>,
}

impl<'a> Reader<'a> {
    fn new(table: &'a Table) -> Reader<'a> {
        let places = table.columns.iter().enumerate().map(|(place, name)| (name.as_str(), place));
        Reader { table, places: places.collect() }
    }

    fn cell<'r>(&self, row: &'r [Cell], name: &str) -> Option<&'r Cell> {
        row.get(*self.places.get(name)?)
    }

    fn by_shard(&self) -> impl Iterator<Item = (u64, &'a Vec<Cell>)> {
        let rows = &self.table.rows;
        rows.iter().filter_map(|row| Some((number(self.cell(row, "shard"))? as u64, row)))
    }
}

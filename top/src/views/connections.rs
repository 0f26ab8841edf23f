//! The top connections, from the server's sketch: never a scan over all of them.

use telemetry::Table;

use crate::grid::{Column, Grid, Page, Row, Value};
use crate::past::moment::{number, text};
use crate::screen::theme::Tone;
use crate::views::Scene;
use crate::words::Unit;

const COLUMNS: [Column; 10] = [
    Column::words("connection", "connection", 13),
    Column::words("ids", "ids", 10).growing(),
    Column::words("peer", "peer", 16),
    Column::words("protocol", "proto", 6),
    Column::figures("messages", "messages", 8),
    Column::figures("bytes", "bytes", 8),
    Column::figures("outbox_bytes", "outbox", 8),
    Column::figures("age_s", "age", 8),
    Column::figures("shard", "shard", 5),
    Column::figures("bytes_error", "± bytes", 8),
];

pub(super) fn page(scene: &Scene<'_>) -> Page {
    let mut page = Page { grid: Grid { columns: COLUMNS.to_vec(), rows: Vec::new() }, ..Page::default() };
    let Some(tables) = scene.moment.table("connections") else {
        let why = if scene.live {
            "no top connections yet: a floodmark chat tells them at its admin address"
        } else {
            "no top connections in this recording: 'floodmark top --admin ADDRESS' asks a live server for them"
        };
        page.notes.push((Tone::Quiet, why.into()));
        return page;
    };
    if let Some(silence) = scene.moment.table_silence("connections") {
        page.notes.push(super::silent(silence));
        return page;
    }
    let count = tables.now.rows.len();
    let note = if scene.live {
        format!("top {count} by {}, from the server's sketch    b: order   f: find an id", scene.by.word())
    } else {
        format!("top {count}, from the server's sketch")
    };
    page.notes.push((Tone::Quiet, note));
    page.grid.rows = rows(&tables.now);
    page
}

/// The rows of a table of connections.
fn rows(table: &Table) -> Vec<Row> {
    let place = |name: &str| table.columns.iter().position(|column| column == name);
    let figures = |name: &'static str, unit| (place(name), unit);
    let columns = [
        figures("messages", Unit::Count),
        figures("bytes", Unit::Bytes),
        figures("outbox_bytes", Unit::Bytes),
        figures("age_s", Unit::Seconds),
        figures("shard", Unit::Exact),
        figures("bytes_error", Unit::Bytes),
    ];
    let words = ["connection", "ids", "peer", "protocol"].map(place);
    let of = |row: &Vec<telemetry::Cell>| {
        let word = |place: Option<usize>| text(place.and_then(|place| row.get(place)));
        let figure = |place: Option<usize>| number(place.and_then(|place| row.get(place)));
        let mut cells: Vec<Value> =
            words.map(|place| word(place).map_or(Value::Absent, Value::text)).to_vec();
        cells.extend(columns.map(|(place, unit)| Value::of(figure(place), unit)));
        Row { key: word(words[0]).unwrap_or_default(), cells, tone: Tone::Plain }
    };
    table.rows.iter().map(of).collect()
}

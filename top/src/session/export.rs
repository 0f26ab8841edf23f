//! A view as a file, for a spreadsheet or a script: CSV or JSON, with the figures as they are and not as they are shown.

use std::fs::OpenOptions;
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use crate::grid::Grid;

/// Files of one view and one moment that may stand beside each other; then it is an error.
const FILES_MAX: u32 = 1_000;

/// The form of an export.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// A line a row, its first line the names.
    Csv,
    /// An array of objects.
    Json,
}

/// Writes rows of a grid into a new file in `folder`; gives its name. No file is written over.
pub(crate) fn write(
    folder: &Path,
    stem: &str,
    form: Form,
    grid: &Grid,
    order: &[usize],
) -> io::Result<PathBuf> {
    let (ending, text) = match form {
        Form::Csv => ("csv", csv(grid, order)),
        Form::Json => ("json", format!("{:#}\n", Value::Array(rows(grid, order)))),
    };
    for number in 1..=FILES_MAX {
        let name = if number == 1 { format!("{stem}.{ending}") } else { format!("{stem}-{number}.{ending}") };
        match OpenOptions::new().write(true).create_new(true).open(folder.join(&name)) {
            Ok(mut file) => return file.write_all(text.as_bytes()).map(|()| name.into()),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(ErrorKind::AlreadyExists.into())
}

/// The rows as objects, with the columns' names as keys.
pub(crate) fn rows(grid: &Grid, order: &[usize]) -> Vec<Value> {
    let row = |&row: &usize| {
        let cells = grid.columns.iter().zip(&grid.rows[row].cells);
        Value::Object(cells.map(|(column, cell)| (column.key.to_owned(), cell.json())).collect::<Map<_, _>>())
    };
    order.iter().map(row).collect()
}

fn csv(grid: &Grid, order: &[usize]) -> String {
    let mut out = grid.columns.iter().map(|column| column.key).collect::<Vec<_>>().join(",");
    out.push('\n');
    for &row in order {
        let cells = grid.rows[row].cells.iter().map(|cell| field(&cell.json()));
        out.push_str(&cells.collect::<Vec<_>>().join(","));
        out.push('\n');
    }
    out
}

/// A field by RFC 4180; lists with blanks between.
fn field(value: &Value) -> String {
    let text = match value {
        Value::Null => return String::new(),
        Value::String(text) => text.clone(),
        Value::Array(values) => values.iter().map(Value::to_string).collect::<Vec<_>>().join(" "),
        other => other.to_string(),
    };
    if text.contains([',', '"', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
}

/// What `--json` prints of a page.
pub(crate) fn page(
    view: &str,
    facts: &Value,
    at: &Value,
    page: &crate::grid::Page,
    order: &[usize],
) -> Value {
    let notes: Vec<&str> = page.notes.iter().map(|(_, note)| note.as_str()).collect();
    let columns: Vec<&str> = page.grid.columns.iter().map(|column| column.key).collect();
    let chart = |chart: &crate::grid::Chart| {
        let line = |line: &crate::grid::ChartLine| json!({ "name": line.name, "points": line.points });
        json!({ "title": chart.title, "lines": chart.lines.iter().map(line).collect::<Vec<_>>() })
    };
    json!({
        "view": view,
        "at": at,
        "header": facts,
        "notes": notes,
        "columns": columns,
        "rows": rows(&page.grid, order),
        "charts": page.charts.iter().map(chart).collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grid::{Column, Row, Value as Cell};
    use crate::screen::theme::Tone;
    use crate::words::Unit;

    fn grid() -> Grid {
        let columns = vec![Column::words("name", "name", 3), Column::figures("rss_bytes", "memory", 3)];
        let row = |name: &str, cell| Row {
            key: name.into(),
            cells: vec![Cell::Text(name.into()), cell],
            tone: Tone::Plain,
        };
        let rows = vec![row("a, \"b\"", Cell::Number(1.5, Unit::Bytes)), row("c", Cell::Absent)];
        Grid { columns, rows }
    }

    #[test]
    fn csv_quotes_what_it_must_and_leaves_out_what_is_absent() {
        assert_eq!(csv(&grid(), &[1, 0]), "name,rss_bytes\nc,\n\"a, \"\"b\"\"\",1.5\n");
    }

    #[test]
    fn no_file_is_written_over() {
        let folder = tempfile::tempdir().expect("a folder");
        let write = |form| write(folder.path(), "top-shards", form, &grid(), &[0]).expect("room");
        assert_eq!(write(Form::Csv), PathBuf::from("top-shards.csv"));
        assert_eq!(write(Form::Csv), PathBuf::from("top-shards-2.csv"));
        assert_eq!(write(Form::Json), PathBuf::from("top-shards.json"));
        let text = std::fs::read_to_string(folder.path().join("top-shards.json")).expect("written");
        assert_eq!(serde_json::from_str::<Value>(&text).expect("JSON")[0]["rss_bytes"], 1.5);
    }
}

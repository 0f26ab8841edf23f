//! What a view has to show, before anybody thinks of a screen: rows of typed cells, and charts beside them. The screen,
//! the exports and `--once --json` are all made of this.

use crate::screen::theme::Tone;
use crate::words::{Unit, compact_bytes};

/// What a view shows.
#[derive(Debug, Default)]
pub(crate) struct Page {
    /// Sentences above the table: what it is of, or what is missing and how to get it.
    pub(crate) notes: Vec<(Tone, String)>,
    /// The table.
    pub(crate) grid: Grid,
    /// Charts, each for its own share of the room that the table leaves.
    pub(crate) charts: Vec<Chart>,
}

/// A table.
#[derive(Debug, Default)]
pub(crate) struct Grid {
    /// The columns, the most important first: where there is no room, the last are not shown.
    pub(crate) columns: Vec<Column>,
    /// The rows, in the order that is theirs when nobody sorts.
    pub(crate) rows: Vec<Row>,
}

/// A column.
#[derive(Debug, Clone)]
pub(crate) struct Column {
    /// Its name in exports, with the unit last.
    pub(crate) key: &'static str,
    /// Its head on the screen.
    pub(crate) title: &'static str,
    /// How wide it is at least.
    pub(crate) width: u16,
    /// Whether it takes the room that is left.
    pub(crate) grows: bool,
    /// Whether figures end at the same place.
    pub(crate) right: bool,
}

impl Column {
    /// Of figures.
    pub(crate) const fn figures(key: &'static str, title: &'static str, width: u16) -> Column {
        Column { key, title, width, grows: false, right: true }
    }

    /// Of words.
    pub(crate) const fn words(key: &'static str, title: &'static str, width: u16) -> Column {
        Column { key, title, width, grows: false, right: false }
    }

    /// As wide as there is room.
    pub(crate) const fn growing(mut self) -> Column {
        self.grows = true;
        self
    }
}

/// A row.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    /// What it is of: the same from one moment to the next, so that what is chosen stays chosen.
    pub(crate) key: String,
    /// As many as there are columns.
    pub(crate) cells: Vec<Value>,
    /// How much attention it calls for.
    pub(crate) tone: Tone,
}

/// What stands in a cell.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    /// Not measured.
    Absent,
    /// There is no such figure.
    Blank,
    /// Words.
    Text(String),
    /// A figure.
    Number(f64, Unit),
    /// The same figure over time.
    Spark(Vec<f32>),
}

impl Value {
    /// A figure, if it was measured.
    pub(crate) fn of(number: Option<f64>, unit: Unit) -> Value {
        number.map_or(Value::Absent, |number| Value::Number(number, unit))
    }

    /// Words, if there are any.
    pub(crate) fn text(text: impl Into<String>) -> Value {
        let text = text.into();
        if text.is_empty() { Value::Absent } else { Value::Text(text) }
    }

    /// As it stands on the screen, `width` columns wide at most.
    pub(crate) fn say(&self, width: usize) -> String {
        match self {
            Value::Absent => "–".into(),
            Value::Blank => String::new(),
            Value::Text(text) => text.clone(),
            Value::Number(number, unit) => {
                let said = unit.say(*number);
                let fits = width == 0 || said.chars().count() <= width;
                match unit {
                    Unit::Bytes if !fits => compact_bytes(*number),
                    Unit::BytesPerSecond if !fits => format!("{}/s", compact_bytes(*number)),
                    _ => said,
                }
            }
            Value::Spark(values) => crate::screen::spark::line(values, width),
        }
    }

    /// As it stands in exports.
    pub(crate) fn json(&self) -> serde_json::Value {
        match self {
            Value::Absent | Value::Blank => serde_json::Value::Null,
            Value::Text(text) => text.as_str().into(),
            Value::Number(number, _) => whole_or_not(*number),
            Value::Spark(values) => values.iter().map(|&value| whole_or_not(f64::from(value))).collect(),
        }
    }

    /// Where it comes in a sorted column: what was not measured last, words by the alphabet, figures by size.
    pub(crate) fn order(&self, other: &Value) -> std::cmp::Ordering {
        match (self, other) {
            (Value::Number(a, _), Value::Number(b, _)) => a.total_cmp(b),
            (Value::Text(a), Value::Text(b)) => a.cmp(b),
            (Value::Spark(a), Value::Spark(b)) => {
                let last = |values: &[f32]| values.last().copied().unwrap_or(f32::NEG_INFINITY);
                last(a).total_cmp(&last(b))
            }
            _ => self.rank().cmp(&other.rank()),
        }
    }

    fn rank(&self) -> u8 {
        match self {
            Value::Absent | Value::Blank => 0,
            Value::Spark(_) => 1,
            Value::Number(..) => 2,
            Value::Text(_) => 3,
        }
    }
}

/// Whole figures without a fraction: what counts things reads as a count.
fn whole_or_not(number: f64) -> serde_json::Value {
    if number.fract() == 0.0 && number.abs() < 9e15 {
        // Bounded just above.
        (number as i64).into()
    } else {
        serde_json::Number::from_f64(number).map_or(serde_json::Value::Null, serde_json::Value::Number)
    }
}

/// Lines over time.
#[derive(Debug, Default)]
pub(crate) struct Chart {
    /// What it is of.
    pub(crate) title: String,
    /// The lines.
    pub(crate) lines: Vec<ChartLine>,
    /// Whether equal distances are equal ratios.
    pub(crate) logarithmic: bool,
}

/// One line of a chart.
#[derive(Debug)]
pub(crate) struct ChartLine {
    /// Its name in the legend.
    pub(crate) name: String,
    /// Seconds since the start, and figures.
    pub(crate) points: Vec<(f64, f64)>,
    /// What the figures are.
    pub(crate) unit: Unit,
}

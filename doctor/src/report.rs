//! What the examination found: a row for each limit, and the first wall.
//!
//! A report serializes to this shape, which is a contract: keys are added, never renamed. Absent numbers are null.
//!
//! ```text
//! { "schema": 1, "connections": 1000000, "ok": false, "first_wall": "memory.machine", "sentence": "…",
//!   "connections_max": 912000,
//!   "rows": [ { "name": "memory.machine", "title": "memory", "need": 8571108864, "have": 7830000000,
//!               "unit": "bytes", "state": "wall", "connections_max": 912000, "why": "…",
//!               "mend": { "command": "sysctl -w …", "root": true, "setting": { "path": "/proc/sys/…", "value": "…" } }
//!             }, … ] }
//! ```

use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};

use crate::row::{Row, State};
use crate::words;

/// The version of the shape above.
const SCHEMA: u32 = 1;

/// Everything that was looked at, in the order of the machine's parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// How many connections it is about.
    pub connections: u64,
    /// A row for each limit that applies.
    pub rows: Vec<Row>,
}

impl Report {
    /// The wall that a growing run meets first: the one that lets the fewest connections through, of equals the first.
    pub fn first_wall(&self) -> Option<&Row> {
        self.walls().min_by_key(|row| row.connections_max.unwrap_or(0))
    }

    /// All walls.
    pub fn walls(&self) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(|row| row.state == State::Wall)
    }

    /// The most connections that every limit lets through; `None` when none of those that are known bounds them.
    pub fn connections_max(&self) -> Option<u64> {
        self.rows.iter().filter_map(|row| row.connections_max).min()
    }

    /// The verdict: the first wall, or that there is none.
    pub fn sentence(&self) -> String {
        if let Some(row) = self.first_wall() {
            return format!("the first wall is {}", row.sentence(self.connections));
        }
        let connections = words::grouped(self.connections);
        let unknown: Vec<_> = self.rows.iter().filter(|row| row.state == State::Unknown).collect();
        let names: Vec<_> = unknown.iter().map(|row| row.name).collect();
        let but = match names[..] {
            [] => String::new(),
            _ => format!(", as far as could be read (unknown: {})", names.join(", ")),
        };
        format!("nothing is in the way of {connections} connections{but}")
    }
}

impl Serialize for Report {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let first_wall = self.first_wall().map(|row| row.name);
        let mut report = serializer.serialize_struct("Report", 7)?;
        report.serialize_field("schema", &SCHEMA)?;
        report.serialize_field("connections", &self.connections)?;
        report.serialize_field("ok", &first_wall.is_none())?;
        report.serialize_field("first_wall", &first_wall)?;
        report.serialize_field("sentence", &self.sentence())?;
        report.serialize_field("connections_max", &self.connections_max())?;
        report.serialize_field("rows", &self.rows)?;
        report.end()
    }
}

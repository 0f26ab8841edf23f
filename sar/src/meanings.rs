//! What names mean, told by the sources themselves: a table of rows beside each one's code.

use std::collections::BTreeMap;

use telemetry::{Kind, Meaning};

/// A name (or the part behind a prefix), its kind, and a sentence.
pub(crate) type Row = (&'static str, Kind, &'static str);

/// Adds names as they stand.
pub(crate) fn explain(out: &mut BTreeMap<String, Meaning>, rows: &[Row]) {
    for &(name, kind, help) in rows {
        out.insert(name.to_owned(), Meaning { kind, help: help.to_owned() });
    }
}

/// Adds names behind a prefix and a dot.
pub(crate) fn explain_behind(out: &mut BTreeMap<String, Meaning>, prefix: &str, rows: &[Row]) {
    for &(name, kind, help) in rows {
        out.insert(format!("{prefix}.{name}"), Meaning { kind, help: help.to_owned() });
    }
}

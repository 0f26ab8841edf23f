//! What names mean, told by the sources themselves: a table of rows beside each one's code.

use std::collections::BTreeMap;

use telemetry::{Kind, Meaning};

use crate::SarError;

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

/// A prefix stands before other names in recordings and on the command line: letters, digits, `_` and `-`.
pub(crate) fn check_prefix(prefix: &str) -> Result<(), SarError> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    if prefix.is_empty() || !prefix.bytes().all(fits) {
        return Err(SarError::Argument(format!(
            "'{prefix}' is no name for a source (letters, digits, _ and -)"
        )));
    }
    Ok(())
}

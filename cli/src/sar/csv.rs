//! `--csv`: a heading, then a row a sample, for spreadsheets and data frames.
//!
//! The columns are `time`, `mono_us`, and the names of the first row: a gauge under its own name, a counter as
//! `NAME_per_s`, the rate over the interval. They stay what they are to the end. A cell whose figure was not measured is
//! empty; a name that comes later has no column, and is told once on stderr.

use crate::sar::picture::Picture;
use crate::sar::plain::plain;
use crate::sar::times::rfc3339;

#[derive(Debug, Default)]
pub(crate) struct Csv {
    columns: Vec<String>,
    names: usize,
    told: bool,
}

impl Csv {
    /// Appends the row of this moment, the first time behind the heading. True once: when names have come that have no
    /// column.
    pub(crate) fn row(&mut self, picture: &Picture, out: &mut Vec<u8>) -> bool {
        let names = picture.names().count();
        let late = !self.columns.is_empty() && names > self.names && !std::mem::replace(&mut self.told, true);
        self.names = names;
        if self.columns.is_empty() {
            self.columns = picture.values().map(|(name, _)| name.to_owned()).collect();
            // Live values come in another order than recorded ones.
            self.columns.sort_unstable();
            out.extend_from_slice(b"time,mono_us");
            for name in &self.columns {
                out.push(b',');
                let suffix = if picture.is_counter(name) { "_per_s" } else { "" };
                quoted(&format!("{name}{suffix}"), out);
            }
            out.push(b'\n');
        }
        out.extend_from_slice(format!("{},{}", rfc3339(picture.at.wall_us), picture.at.mono_us).as_bytes());
        for name in &self.columns {
            out.push(b',');
            if let Some(decayed) = picture.decayed(name) {
                out.extend_from_slice(decayed.value.to_string().as_bytes());
            }
        }
        out.push(b'\n');
        late
    }
}

/// As RFC 4180 wants it: in quotes when it holds a comma or a quote; a line break it cannot hold.
fn quoted(text: &str, out: &mut Vec<u8>) {
    let text = plain(text);
    if text.contains([',', '"']) {
        out.extend_from_slice(format!("\"{}\"", text.replace('"', "\"\"")).as_bytes());
    } else {
        out.extend_from_slice(text.as_bytes());
    }
}

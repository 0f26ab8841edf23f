//! The live table, in sysstat sar's habit: a heading now and then, a line a sample, averages at the end.
//!
//! ```text
//! cost: cpu 0.03 %, rss 7.1 MiB, 480 µs, 3.7 KiB unpacked, 71 µs late, 0 missed
//!          --- cpu % ---- -- tasks -- memory -- net B/s -- ------- tcp -------
//! time      usr  sys soft   run ctx/s  avail     rx     tx  open retr/s ovfl/s
//! 16:51:16  3.1  1.9  0.2     2 1.20k 21.4Gi  1.2Ki    980    12      0      0
//! ```
//!
//! The columns are chosen anew at each heading, and when a figure comes that was not there before or one has gone.

use telemetry::{Mark, Stamp};

use crate::sar::choice::{Choice, choose};
use crate::sar::columns::{self, Column, Tau};
use crate::sar::cost::Cost;
use crate::sar::picture::{Mean, Picture};
use crate::sar::plain::plain;
use crate::sar::times::clock;

/// What the first column takes.
const TIME_WIDTH: usize = 8;

pub(crate) struct Table {
    choice: Choice,
    tau: Tau,
    /// Lines between two headings; none: only one heading.
    lines_max: Option<usize>,
    bold: bool,
    columns: Vec<(Column, Mean)>,
    lines: usize,
    names: usize,
    absent: usize,
    before_us: Option<u64>,
}

impl Table {
    pub(crate) fn new(choice: Choice, tau: Tau, lines_max: Option<usize>, bold: bool) -> Table {
        Table {
            choice,
            tau,
            lines_max,
            bold,
            columns: Vec::new(),
            lines: 0,
            names: 0,
            absent: 0,
            before_us: None,
        }
    }

    /// The base: times are counted from it.
    pub(crate) fn begin(&mut self, at: Stamp) {
        self.before_us = Some(at.mono_us);
    }

    /// Appends the line of this moment, and a heading where one is due.
    pub(crate) fn row(&mut self, picture: &Picture, out: &mut Vec<u8>) {
        if self.is_due(picture) {
            self.choose(picture);
            self.heading(picture, out);
        }
        let at_us = picture.at.mono_us;
        let seconds = self.before_us.map_or(0.0, |before_us| at_us.saturating_sub(before_us) as f64 / 1e6);
        self.before_us = Some(at_us);
        out.extend_from_slice(clock(picture.at.wall_us).as_bytes());
        for (column, mean) in &mut self.columns {
            let value = column.read(picture, self.tau);
            if let Some(value) = value {
                mean.add(value, seconds);
            }
            cell(column, value, out);
        }
        out.push(b'\n');
        self.lines += 1;
    }

    /// Whether the columns are to be chosen and told again.
    fn is_due(&mut self, picture: &Picture) -> bool {
        let absent =
            self.columns.iter().filter(|(column, _)| column.read(picture, self.tau).is_none()).count();
        let names = picture.names().count();
        let changed = names != self.names || absent > self.absent;
        let full = self.lines_max.is_some_and(|most| self.lines >= most);
        if changed {
            let before: Vec<&Column> = self.columns.iter().map(|(column, _)| column).collect();
            let after = choose(columns::all(picture), &self.choice, TIME_WIDTH);
            (self.names, self.absent) = (names, absent);
            return full || !(after.is_empty() || after.iter().eq(before));
        }
        self.absent = absent;
        full
    }

    fn choose(&mut self, picture: &Picture) {
        let mut columns = choose(columns::all(picture), &self.choice, TIME_WIDTH);
        let mut before = std::mem::take(&mut self.columns);
        // When nothing is measured any more, what was stays, with nothing in it.
        if columns.is_empty() {
            columns = before.iter().map(|(column, _)| column.clone()).collect();
        }
        self.columns = columns
            .into_iter()
            .map(|column| {
                let known = before.iter_mut().find(|(old, _)| *old == column);
                let mean = known.map(|(_, mean)| *mean).unwrap_or_default();
                (column, mean)
            })
            .collect();
        self.names = picture.names().count();
        self.absent = 0;
        self.lines = 0;
    }

    fn heading(&self, picture: &Picture, out: &mut Vec<u8>) {
        out.push(b'\n');
        if let Some(cost) = Cost::of(picture) {
            out.extend_from_slice(format!("{}\n", cost.line()).as_bytes());
        }
        let (on, off) = if self.bold { ("\x1b[1m", "\x1b[0m") } else { ("", "") };
        let mut bands = " ".repeat(TIME_WIDTH);
        let mut headings = format!("{:<TIME_WIDTH$}", self.title());
        let mut rest = &self.columns[..];
        while let [(first, _), ..] = rest {
            let length = rest.iter().take_while(|(column, _)| column.band == first.band).count();
            let (band, after) = rest.split_at(length);
            rest = after;
            let width = band.iter().map(|(column, _)| column.width + 1).sum::<usize>() - 1;
            bands.push(' ');
            bands.push_str(&ruled(&first.band, width));
            for (column, _) in band {
                headings.push_str(&format!(" {:>width$}", column.heading, width = column.width));
            }
        }
        let (bands, headings) = (plain(bands.trim_end()), plain(&headings));
        out.extend_from_slice(format!("{on}{bands}\n{headings}{off}\n").as_bytes());
    }

    /// What stands above the times.
    fn title(&self) -> &'static str {
        match self.tau {
            Tau::Interval => "time",
            Tau::Decayed(0) => "1 s",
            Tau::Decayed(1) => "10 s",
            Tau::Decayed(_) => "100 s",
        }
    }

    /// A line between the others: something happened.
    pub(crate) fn mark(&self, mark: &Mark, out: &mut Vec<u8>) {
        let attributes = mark.attributes.iter().map(|(name, value)| match (value.as_str(), value.as_f64()) {
            (Some(text), _) => format!(" {name}={text}"),
            // No more digits than anyone reads.
            (None, Some(number)) => format!(" {name}={}", (number * 1000.0).round() / 1000.0),
            (None, None) => format!(" {name}={value}"),
        });
        let attributes: String = attributes.collect();
        let Mark { source, name, .. } = mark;
        let text = format!("{source} {name}{attributes}");
        out.extend_from_slice(format!("{} * {}\n", clock(mark.at.wall_us), plain(&text)).as_bytes());
    }

    /// The averages over everything shown, and what it took to measure it.
    pub(crate) fn end(&self, picture: &Picture, out: &mut Vec<u8>) {
        if self.columns.is_empty() {
            return;
        }
        out.extend_from_slice(format!("{:<TIME_WIDTH$}", "Average:").as_bytes());
        for (column, mean) in &self.columns {
            cell(column, mean.value(), out);
        }
        out.push(b'\n');
        if let Some(cost) = Cost::of(picture) {
            out.extend_from_slice(format!("{}\n", cost.line()).as_bytes());
        }
    }
}

fn cell(column: &Column, value: Option<f64>, out: &mut Vec<u8>) {
    // What was not measured is no zero.
    let text = value.map_or_else(|| "-".into(), |value| column.format.text(value));
    out.extend_from_slice(format!(" {text:>width$}", width = column.width).as_bytes());
}

/// A name in the middle of a rule: `---- tcp ----`. One that is longer than the rule loses its last words, or its end.
fn ruled(name: &str, width: usize) -> String {
    let mut name = name;
    while name.chars().count() > width
        && let Some((words, _)) = name.rsplit_once(' ')
    {
        name = words;
    }
    let name: String = name.chars().take(width).collect();
    let length = name.chars().count();
    if length + 4 > width {
        return format!("{name:^width$}");
    }
    let dashes = width - length - 2;
    let before = dashes / 2;
    format!("{} {name} {}", "-".repeat(before), "-".repeat(dashes - before))
}

#[cfg(test)]
#[path = "table_tests.rs"]
mod tests;

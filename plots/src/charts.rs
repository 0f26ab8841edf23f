//! The charts: which there are, and what they share.
//!
//! Each answers one question. Of several runs each chart shows fewer quantities: a colour is then a run, and how a line is
//! broken is the quantity. Runs are laid over each other at the beginning of their ramps.

mod connections;
mod cpu;
mod fit;
mod footer;
mod latency;
mod ledger;
mod limits;
mod memory;
mod over_time;
mod percentiles;
mod queues;
mod tcp;
mod throughput;

use std::fmt;
use std::str::FromStr;

use crate::chart::{Axis, Body, Chart, Panel};
use crate::{Run, Unit};

/// A chart's kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// The server's memory and the connections over time.
    Memory,
    /// Where a connection's bytes go.
    Ledger,
    /// The server's memory against connections, and the line that gives the bytes of one.
    Fit,
    /// Connections over time.
    Connections,
    /// Latencies over time.
    Latency,
    /// Latencies by percentile.
    Percentiles,
    /// Messages and bytes per second.
    Throughput,
    /// Who kept the processors busy.
    Cpu,
    /// What waited, and for how long.
    Queues,
    /// What TCP had to do again, or could not do.
    Tcp,
}

impl Kind {
    /// All, in the order in which a report shows them.
    pub const ALL: [Kind; 10] = [
        Kind::Memory,
        Kind::Ledger,
        Kind::Fit,
        Kind::Connections,
        Kind::Latency,
        Kind::Percentiles,
        Kind::Throughput,
        Kind::Cpu,
        Kind::Queues,
        Kind::Tcp,
    ];

    /// The stem of its file's name, and what `--chart` takes.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Memory => "memory",
            Kind::Ledger => "ledger",
            Kind::Fit => "fit",
            Kind::Connections => "connections",
            Kind::Latency => "latency",
            Kind::Percentiles => "percentiles",
            Kind::Throughput => "throughput",
            Kind::Cpu => "cpu",
            Kind::Queues => "queues",
            Kind::Tcp => "tcp",
        }
    }

    /// What it answers: its title.
    pub fn question(self) -> &'static str {
        match self {
            Kind::Memory => "How much memory does the server take as connections come?",
            Kind::Ledger => "Where do a connection's bytes go?",
            Kind::Fit => "How many bytes does one more connection take?",
            Kind::Connections => "How many connections were open, and how fast did they come?",
            Kind::Latency => "How long did messages take, over time?",
            Kind::Percentiles => "How long did the slowest take?",
            Kind::Throughput => "How many messages went through?",
            Kind::Cpu => "Who kept the processors busy?",
            Kind::Queues => "What waited, and for how long?",
            Kind::Tcp => "What did TCP have to do again, or turn away?",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// There is no chart of that name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no chart '{0}' (there are {list})", list = Kind::ALL.map(Kind::name).join(", "))]
pub struct UnknownKind(pub String);

impl FromStr for Kind {
    type Err = UnknownKind;

    fn from_str(text: &str) -> Result<Kind, UnknownKind> {
        Kind::ALL.into_iter().find(|kind| kind.name() == text).ok_or_else(|| UnknownKind(text.to_owned()))
    }
}

/// Draws up a chart of one run, or of several laid over each other. Runs that have nothing to show in it are left out, which
/// a note says.
///
/// # Errors
/// Why there is nothing to draw, in a sentence.
pub fn chart(kind: Kind, runs: &[Run]) -> Result<Chart, String> {
    let parts = match kind {
        Kind::Memory => memory::draw(runs),
        Kind::Ledger => ledger::draw(runs),
        Kind::Fit => fit::draw(runs),
        Kind::Connections => connections::draw(runs),
        Kind::Latency => latency::draw(runs),
        Kind::Percentiles => percentiles::draw(runs),
        Kind::Throughput => throughput::draw(runs),
        Kind::Cpu => cpu::draw(runs),
        Kind::Queues => queues::draw(runs),
        Kind::Tcp => tcp::draw(runs),
    }?;
    let several = runs.len() > 1;
    let told =
        |run: &Run, what: &str| if several { format!("{}: {what}", run.label()) } else { what.to_owned() };
    let mut notes = parts.notes;
    notes.extend(runs.iter().flat_map(|run| run.missing().iter().map(move |what| told(run, what))));
    Ok(Chart {
        name: kind.name().to_owned(),
        question: parts.question.unwrap_or(kind.question()).to_owned(),
        answer: parts.answer,
        body: parts.body,
        footer: runs.iter().map(|run| told(run, &footer::footer(run))).collect(),
        notes,
    })
}

/// What a chart is made of, beside what all have.
struct Parts {
    /// Instead of the kind's own, where what is shown is something else.
    question: Option<&'static str>,
    answer: String,
    body: Body,
    notes: Vec<String>,
}

/// The answer of each run that is shown: of several, in brief and with its label.
fn answers(
    runs: &[Run],
    is_shown: impl Fn(usize) -> bool,
    answer: impl Fn(&Run, bool) -> Option<String>,
) -> String {
    match runs {
        [run] => answer(run, false).unwrap_or_default(),
        _ => {
            let brief = |run: &Run| Some(format!("{}: {}", run.label(), answer(run, true)?));
            let shown = runs.iter().enumerate().filter(|(place, _)| is_shown(*place));
            shown.filter_map(|(_, run)| brief(run)).collect::<Vec<_>>().join("; ")
        }
    }
}

/// Whether panels show anything of one of the runs: of several, a colour is a run.
fn has_series(panels: &[Panel], runs: &[Run], place: usize) -> bool {
    let mut series = panels.iter().flat_map(|panel| &panel.series);
    runs.len() == 1 || series.any(|series| series.ink.hue == place)
}

/// A note for each run of which nothing is shown.
fn left_out(runs: &[Run], is_shown: impl Fn(usize) -> bool) -> Vec<String> {
    let absent = runs.iter().enumerate().filter(|(place, _)| !is_shown(*place));
    absent.map(|(_, run)| format!("{}: has nothing to show in this chart", run.label())).collect()
}

/// A y axis from zero.
fn axis(label: &str, unit: Unit) -> Axis {
    Axis { label: label.to_owned(), unit, ..Axis::default() }
}

#[cfg(test)]
mod tests;

//! The ways of showing a sample. All read the same picture, and each sample's lines are one text.

use std::io::{self, IsTerminal};

use telemetry::{Mark, Stamp};

use crate::sar::choice::Choice;
use crate::sar::columns::Tau;
use crate::sar::console::Console;
use crate::sar::csv::Csv;
use crate::sar::exposition::{self, Dialect};
use crate::sar::flags::{DecayFlag, SarFlags};
use crate::sar::json::Line;
use crate::sar::machine::Machine;
use crate::sar::picture::Picture;
use crate::sar::table::Table;
use crate::sar::usage;

/// Characters in a line where nobody says how many there are.
const WIDTH: usize = 80;

/// Lines of a screen that are not samples: the cost and the heading.
const HEADING_LINES: usize = 6;

pub(crate) struct Show {
    view: View,
    console: Console,
    out: Vec<u8>,
    rows: u64,
}

enum View {
    Table(Box<Table>),
    Json,
    Csv(Csv),
    /// Nothing until the end, then the figures.
    OpenMetrics,
    /// Nothing until the end, then the resources.
    Use {
        json: bool,
    },
}

impl Show {
    /// As the flags say. `groups` are those asked for, none for all.
    pub(crate) fn new(flags: &SarFlags, groups: Vec<sar::Group>, console: Console) -> Show {
        let view = if flags.usage {
            View::Use { json: flags.json }
        } else if flags.openmetrics {
            View::OpenMetrics
        } else if flags.json {
            View::Json
        } else if flags.csv {
            View::Csv(Csv::default())
        } else {
            View::Table(Box::new(table(flags, groups)))
        };
        Show { view, console, out: Vec::new(), rows: 0 }
    }

    /// How many samples were shown.
    pub(crate) fn rows(&self) -> u64 {
        self.rows
    }

    /// What is looked at: a table's first line.
    pub(crate) fn host(&mut self, machine: &Machine, at: Stamp) -> io::Result<()> {
        if matches!(self.view, View::Table(_)) {
            self.out.extend_from_slice(format!("{}\n", machine.line(at)).as_bytes());
        }
        self.flush()
    }

    /// The sample before the first that is shown: its time is where the first interval began.
    pub(crate) fn base(&mut self, at: Stamp) {
        if let View::Table(table) = &mut self.view {
            table.begin(at);
        }
    }

    /// Shows the sample that the picture has just been told.
    pub(crate) fn row(&mut self, picture: &Picture) -> io::Result<()> {
        self.rows += 1;
        match &mut self.view {
            View::Table(table) => table.row(picture, &mut self.out),
            View::Json => Line::of(picture).write(&mut self.out),
            View::Csv(csv) => {
                if csv.row(picture, &mut self.out) {
                    self.console.say(
                        "note: names have come after the first row; they have no column (--json has them)",
                    );
                }
            }
            View::OpenMetrics | View::Use { .. } => {}
        }
        self.flush()
    }

    /// Something happened, which a table shows between its lines.
    pub(crate) fn mark(&mut self, mark: &Mark) -> io::Result<()> {
        if let View::Table(table) = &self.view {
            table.mark(mark, &mut self.out);
        }
        self.flush()
    }

    /// What is to be said in the end.
    pub(crate) fn end(&mut self, picture: &Picture, machine: &Machine) -> io::Result<()> {
        match &self.view {
            View::Table(table) => table.end(picture, &mut self.out),
            View::OpenMetrics => {
                self.out.extend_from_slice(exposition::text(picture, Dialect::OpenMetrics).as_bytes());
            }
            View::Use { json } => usage::write(&picture.figures(), &machine.limits, *json, &mut self.out),
            View::Json | View::Csv(_) => {}
        }
        self.flush()
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.out.is_empty() {
            return Ok(());
        }
        self.console.print(std::mem::take(&mut self.out))
    }
}

fn table(flags: &SarFlags, groups: Vec<sar::Group>) -> Table {
    let terminal = io::stdout().is_terminal();
    let size = terminal.then(terminal_size::terminal_size).flatten();
    let (width, height) = size.map_or((WIDTH, 0), |(width, height)| (width.0.into(), height.0.into()));
    let tau = match flags.decay {
        None => Tau::Interval,
        Some(DecayFlag::One) => Tau::Decayed(0),
        Some(DecayFlag::Ten) => Tau::Decayed(1),
        Some(DecayFlag::Hundred) => Tau::Decayed(2),
    };
    // Down a pipe, one heading is enough.
    let lines_max = terminal.then(|| usize::saturating_sub(height, HEADING_LINES).max(HEADING_LINES));
    let bold = terminal && std::env::var_os("NO_COLOR").is_none();
    Table::new(Choice { wide: flags.wide, groups, width }, tau, lines_max, bold)
}

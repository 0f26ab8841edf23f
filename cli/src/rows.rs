//! The doctor's rows as a table: state, limit, need, have; under each wall why, and the command that mends it.

use std::io::{self, IsTerminal};

use doctor::{Report, Row, State, Unit};

use crate::output::print;

/// How wide a line may get.
const COLUMNS: usize = 100;

/// Where sentences under a row begin.
const INDENT: &str = "           ";

pub(crate) fn print_rows(report: &Report) -> io::Result<()> {
    let colour = io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    print(&format!("  {:<7}  {:<24} {:>18} {:>18}", "", "limit", "need", "have"))?;
    for row in &report.rows {
        print(&line(row, colour))?;
        if row.state == State::Wall {
            for line in wrapped(&row.sentence(report.connections)) {
                print(&format!("{INDENT}{line}"))?;
            }
        }
        if row.state != State::Ok {
            for line in wrapped(&row.why) {
                print(&format!("{INDENT}{line}"))?;
            }
        }
        if let Some(mend) = &row.mend {
            let root = if mend.root { "  # as root" } else { "" };
            print(&format!("{INDENT}{}{root}", mend.command))?;
        }
    }
    print("")?;
    print(&report.sentence())
}

fn line(row: &Row, colour: bool) -> String {
    let (word, code) = match row.state {
        State::Ok => ("ok", 32),
        State::Tight => ("tight", 33),
        State::Wall => ("WALL", 31),
        State::Unknown => ("unknown", 36),
    };
    let state = format!("{word:<7}");
    let state = if colour { format!("\x1b[{code}m{state}\x1b[0m") } else { state };
    // Pages are told by their name, since the limit's does not say what it counts.
    let number = |number: Option<u64>| match (number, row.unit) {
        (None, _) => "?".into(),
        (Some(number), Unit::Pages) => row.unit.words(number),
        (Some(number), _) => row.unit.number(number),
    };
    let (need, have) = (number(row.need), number(row.have));
    format!("  {state}  {:<24} {need:>18} {have:>18}  {}", row.name, row.title)
}

/// The text in lines that fit beside the indent; a word that is longer than a line has one of its own.
fn wrapped(text: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let last = lines.last_mut().expect("there is always a line");
        let width = last.chars().count() + 1 + word.chars().count();
        if last.is_empty() {
            last.push_str(word);
        } else if width <= COLUMNS - INDENT.len() {
            last.push(' ');
            last.push_str(word);
        } else {
            lines.push(word.to_owned());
        }
    }
    lines
}

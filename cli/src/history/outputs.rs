//! How a check or a comparison is told, and what it ends with.

use std::fs;
use std::io::{self, IsTerminal, Write};
use std::path::Path;

use history::Verdict;
use history::show::{Look, Report, junit, markdown, plain, table};
use serde::Serialize;

use crate::exit::{Code, Exit};
use crate::history::flags::Telling;
use crate::output;

/// Columns where there is no terminal to ask: what a CI server's log shows without wrapping.
const COLUMNS: usize = 120;

/// Narrower terminals are written to as if they had so many.
const COLUMNS_MIN: usize = 60;

/// Tells the report as the flags say; `json` is the same as an object.
pub(crate) fn tell(telling: &Telling, report: &Report, json: &impl Serialize) -> Result<(), Exit> {
    let mut text = if telling.json {
        serde_json::to_string_pretty(json).map_err(Exit::broke)? + "\n"
    } else if telling.markdown {
        markdown(report)
    } else {
        table(report, look())
    };
    if let Some(path) = &telling.junit {
        if path.as_os_str() == "-" {
            if telling.json || telling.markdown {
                return Err(Exit::wrong_input("--junit - would print two things at once (give it a file)"));
            }
            text = junit(report);
        } else {
            write(path, &junit(report))?;
        }
    }
    Ok(io::stdout().write_all(text.as_bytes())?)
}

/// A line of the result. Names come from files: what in them could steer a terminal is taken out.
pub(crate) fn print(line: &str) -> io::Result<()> {
    output::print(&plain(line))
}

/// A line on stderr, as harmless.
pub(crate) fn say(line: &str) {
    output::say(&plain(line));
}

/// What the verdict ends with.
pub(crate) fn code(verdict: Verdict) -> Code {
    match verdict {
        Verdict::Fine => Code::Fine,
        Verdict::Worse => Code::Failed,
        Verdict::NotEnough => Code::NotEnough,
    }
}

/// Fails when what is to be written would take the place of the history itself.
pub(crate) fn spare(history: &Path, written: Option<&Path>) -> Result<(), Exit> {
    let same =
        |path: &Path| path.canonicalize().is_ok_and(|path| history.canonicalize().is_ok_and(|it| it == path));
    match written {
        Some(path) if same(path) => Err(Exit::wrong_input(format!(
            "'{}' is the history itself, and is not overwritten (choose another file)",
            path.display()
        ))),
        _ => Ok(()),
    }
}

/// Writes a file, whatever was in it.
pub(crate) fn write(path: &Path, text: &str) -> Result<(), Exit> {
    fs::write(path, text)
        .map_err(|error| Exit::wrong_input(format!("could not write '{}': {error}", path.display())))
}

fn look() -> Look {
    let terminal = io::stdout().is_terminal();
    let size = terminal.then(terminal_size::terminal_size).flatten();
    let columns = size.map_or(COLUMNS, |(width, _)| usize::from(width.0).max(COLUMNS_MIN));
    Look { columns, colour: terminal && std::env::var_os("NO_COLOR").is_none() }
}

//! Exit codes, the same for every tool, and how an error is told.

use std::fmt::Display;
use std::io::{self, Write};
use std::process::ExitCode;

/// What a tool ends with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Code {
    /// All went well.
    Fine = 0,
    /// The verdict is a fail: a threshold, the audit, connections that could not be opened.
    Failed = 1,
    /// Wrong arguments or a wrong scenario.
    WrongInput = 2,
    /// This machine cannot run it.
    Cannot = 3,
    /// Something broke on the way.
    Broke = 4,
    /// There is not enough data to say anything.
    NotEnough = 5,
}

impl From<Code> for ExitCode {
    fn from(code: Code) -> Self {
        Self::from(code as u8)
    }
}

/// An error, and the code it calls for.
#[derive(Debug)]
pub(crate) struct Exit {
    code: Code,
    message: String,
}

impl Exit {
    /// Wrong arguments or a wrong scenario.
    pub(crate) fn wrong_input(message: impl Display) -> Self {
        Self { code: Code::WrongInput, message: message.to_string() }
    }

    /// This machine cannot run it.
    pub(crate) fn cannot(message: impl Display) -> Self {
        Self { code: Code::Cannot, message: message.to_string() }
    }

    /// Something broke on the way.
    pub(crate) fn broke(message: impl Display) -> Self {
        Self { code: Code::Broke, message: message.to_string() }
    }

    /// There is not enough data to say anything.
    pub(crate) fn not_enough(message: impl Display) -> Self {
        Self { code: Code::NotEnough, message: message.to_string() }
    }
}

/// A reader that has gone away (`floodmark … | head`) has seen what it wanted.
impl From<io::Error> for Exit {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Self { code: Code::Fine, message: String::new() };
        }
        Self::broke(error)
    }
}

/// What a subcommand returns.
pub(crate) type Ended = Result<Code, Exit>;

/// Tells the error on stderr and gives its code.
pub(crate) fn report(Exit { code, message }: &Exit) -> ExitCode {
    if !message.is_empty() {
        // Messages that are a report of their own begin with their own word.
        let prefix = if message.starts_with("error") { "" } else { "error: " };
        // Names in it come from files and arguments: what could steer a terminal is taken out.
        let steers = |c: char| c.is_control() && c != '\n';
        let _ = writeln!(io::stderr(), "{prefix}{}", message.replace(steers, " "));
    }
    (*code).into()
}

//! The `floodmark` binary: arguments in, exit code out. One short file per subcommand.

mod args;
mod chat;
#[cfg(test)]
mod ci_files_tests;
#[cfg(test)]
mod committed_schema;
mod completions;
mod doctor;
mod exit;
mod floodtest;
mod history;
mod limit;
mod msggen;
mod output;
mod plots;
mod progress;
mod rows;
mod run;
mod sar;
mod table;
mod top;
mod worker;

use std::process::ExitCode;

use clap::Parser;

use crate::args::{Arguments, Tool};
use crate::exit::Code;

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help and version are answers; anything else is wrong input.
            let _ = error.print();
            return if error.use_stderr() { Code::WrongInput } else { Code::Fine }.into();
        }
    };
    output::log_to_stderr(arguments.verbose);
    let result = match arguments.tool {
        Tool::Run(flags) => run::main(&flags),
        Tool::Chat(flags) => chat::main(&flags),
        Tool::Floodtest(flags) => floodtest::main(&flags),
        Tool::Msggen(flags) => msggen::main(&flags),
        Tool::Doctor(flags) => doctor::main(&flags),
        Tool::Limit(flags) => limit::main(&flags),
        Tool::Sar(flags) => sar::main(&flags),
        Tool::Top(flags) => top::main(&flags),
        Tool::History(flags) => history::main(&flags),
        Tool::Plots(flags) => plots::main(&flags),
        Tool::Completions(flags) => completions::main(&flags),
    };
    result.map_or_else(|error| exit::report(&error), ExitCode::from)
}

//! `floodmark completions`: a shell's completion script.

use std::io;

use clap::CommandFactory;

use crate::args::{Arguments, CompletionsFlags};
use crate::exit::{Code, Ended};

pub(crate) fn main(flags: &CompletionsFlags) -> Ended {
    let mut script = Vec::new();
    clap_complete::generate(flags.shell, &mut Arguments::command(), "floodmark", &mut script);
    io::Write::write_all(&mut io::stdout(), &script)?;
    Ok(Code::Fine)
}

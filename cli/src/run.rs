//! `floodmark run`: a scenario from beginning to verdict.

use crate::args::RunFlags;
use crate::exit::{Ended, Exit};

pub(crate) fn main(flags: RunFlags) -> Ended {
    let _ = flags;
    Err(Exit::broke("being built"))
}

//! `floodmark history page`: a static site of all scenarios and metrics.

use std::fs;
use std::path::Path;

use history::show::page::{GENERATOR, pages, rules_of};

use crate::exit::{Code, Ended, Exit};
use crate::history::flags::PageFlags;
use crate::history::outputs::print;
use crate::history::{outputs, refs};

/// Its maker's name stands in a page's first bytes.
const LOOK_BYTES: usize = 1024;

pub(crate) fn main(flags: &PageFlags) -> Ended {
    let path = &flags.whence.file;
    let history = refs::read(path)?;
    let choice = refs::machine(&history, flags.machine.as_deref())?;
    let base = refs::base(&history, path, flags.base.as_deref())?;
    let out = &flags.out;
    let index = out.join("index.html");
    if index.exists() && !is_ours(&index) {
        return Err(Exit::wrong_input(format!(
            "'{}' is not a page of 'floodmark history' and is not overwritten (choose another folder)",
            index.display()
        )));
    }
    fs::create_dir_all(out)
        .map_err(|error| Exit::wrong_input(format!("could not create '{}': {error}", out.display())))?;
    let title = path.file_name().map_or("history".into(), |name| name.to_string_lossy());
    let pages = pages(&history, &title, &rules_of(&history), &choice, base.as_ref());
    for page in &pages {
        outputs::spare(path, Some(&out.join(&page.name)))?;
        outputs::write(&out.join(&page.name), &page.html)?;
    }
    print(&format!("{} ({} pages)", index.display(), pages.len()))?;
    Ok(Code::Fine)
}

fn is_ours(index: &Path) -> bool {
    let Ok(bytes) = fs::read(index) else { return false };
    String::from_utf8_lossy(&bytes[..bytes.len().min(LOOK_BYTES)]).contains(GENERATOR)
}

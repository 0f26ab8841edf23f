//! `floodmark history check`: has anything changed for the worse, and in which commits?

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use history::rules::DEFAULTS_SERIES;
use history::show::page::file_name;
use history::show::{Report, trend};
use history::{Checked, Wanted, check};
use plots::Theme;

use crate::exit::{Ended, Exit};
use crate::history::flags::CheckFlags;
use crate::history::json::Document;
use crate::history::{outputs, refs};

/// How wide a trend is drawn, in px.
const WIDTH: u32 = 960;

pub(crate) fn main(flags: &CheckFlags) -> Ended {
    let path = &flags.whence.file;
    outputs::spare(path, flags.telling.junit.as_deref())?;
    outputs::spare(path, flags.svg.as_deref())?;
    let history = refs::read(path)?;
    let rules = refs::rules(&flags.metrics, history.metrics(), &DEFAULTS_SERIES)?;
    refs::scenario(&history, flags.scenario.as_deref())?;
    let choice = refs::machine(&history, flags.machine.as_deref())?;
    let base = refs::base(&history, path, flags.base.as_deref())?;
    let wanted =
        Wanted { rules: &rules, scenario: flags.scenario.as_deref(), choice: &choice, base: base.as_ref() };
    let checked = check(&history, &wanted);
    if let Some(svg) = &flags.svg {
        draw(&checked, svg, path)?;
    }
    outputs::tell(&flags.telling, &Report::from(&checked), &Document::of_check(&checked))?;
    Ok(outputs::code(checked.verdict()))
}

/// One file for one metric, or a folder of them.
fn draw(checked: &Checked, path: &Path, history: &Path) -> Result<(), Exit> {
    let drawn: Vec<_> =
        checked.judgements.iter().filter(|judgement| !judgement.series.points.is_empty()).collect();
    if path.extension().is_some_and(|extension| extension == "svg") {
        let [only] = &drawn[..] else {
            let number = drawn.len();
            return Err(Exit::wrong_input(format!(
                "{number} trends do not go into one file '{}' (choose --metric and --scenario, or give a folder)",
                path.display()
            )));
        };
        return outputs::write(path, &plots::svg(&trend(only), WIDTH, Theme::File));
    }
    fs::create_dir_all(path)
        .map_err(|error| Exit::wrong_input(format!("could not create '{}': {error}", path.display())))?;
    let mut taken = BTreeSet::new();
    for judgement in drawn {
        let path = path.join(file_name(judgement, "svg", &mut taken));
        outputs::spare(history, Some(&path))?;
        outputs::write(&path, &plots::svg(&trend(judgement), WIDTH, Theme::File))?;
    }
    Ok(())
}

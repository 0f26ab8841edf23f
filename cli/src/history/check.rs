//! `floodmark history check`: has anything changed for the worse, and in which commits?

use std::fs;
use std::path::Path;

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
    let history = refs::read(path)?;
    let rules = refs::rules(&flags.metrics, history.metrics())?;
    refs::scenario(&history, flags.scenario.as_deref())?;
    let choice = refs::machine(&history, flags.machine.as_deref())?;
    let base = refs::base(&history, path, flags.base.as_deref())?;
    let wanted =
        Wanted { rules: &rules, scenario: flags.scenario.as_deref(), choice: &choice, base: base.as_ref() };
    let checked = check(&history, &wanted);
    if let Some(path) = &flags.svg {
        draw(&checked, path)?;
    }
    outputs::tell(&flags.telling, &Report::from(&checked), &Document::of_check(&checked))?;
    Ok(outputs::code(checked.verdict()))
}

/// One file for one metric, or a folder of them.
fn draw(checked: &Checked, path: &Path) -> Result<(), Exit> {
    let charts: Vec<_> = checked
        .judgements
        .iter()
        .filter(|judgement| !judgement.series.points.is_empty())
        .map(trend)
        .collect();
    if path.extension().is_some_and(|extension| extension == "svg") {
        let [only] = &charts[..] else {
            let number = charts.len();
            return Err(Exit::wrong_input(format!(
                "{number} trends do not go into one file '{}' (choose --metric and --scenario, or give a folder)",
                path.display()
            )));
        };
        return outputs::write(path, &plots::svg(only, WIDTH, Theme::File));
    }
    fs::create_dir_all(path)
        .map_err(|error| Exit::wrong_input(format!("could not create '{}': {error}", path.display())))?;
    for chart in &charts {
        outputs::write(&path.join(format!("{}.svg", chart.name)), &plots::svg(chart, WIDTH, Theme::File))?;
    }
    Ok(())
}

//! From a path to a plan: the one way in.

use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

use crate::{
    plan::Plan,
    scenario::Scenario,
    yaml::{Document, ScenarioErrors, nearest},
};

/// The largest scenario that is read. A longer file is refused: it is not a scenario.
pub const SCENARIO_BYTES_MAX: u64 = 1024 * 1024;

/// Where the scenarios that come with floodmark are.
const LIBRARY: &str = "scenarios";

/// Reads the scenario at `path`, lays `sets` (`path=value`) over it, and resolves it.
///
/// Returns the text as it is in the file, for the run's bundle, and the plan.
///
/// # Errors
/// Everything that is wrong with the file and the sets at once, ready to print.
pub fn load(path: &Path, sets: &[String]) -> Result<(String, Plan), ScenarioErrors> {
    let text = read(path).map_err(|problem| {
        ScenarioErrors::unreadable(format!("could not read scenario '{}': {problem}", path.display()))
    })?;
    let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    load_text(&path.display().to_string(), &stem, text, sets)
}

/// [`load`], for a text at hand. `file` is the name that errors show.
pub(crate) fn load_text(
    file: &str,
    stem: &str,
    text: String,
    sets: &[String],
) -> Result<(String, Plan), ScenarioErrors> {
    let mut document = Document::parse(file, text);
    for set in sets {
        document.set(set);
    }
    let plan = document.decode::<Scenario>().and_then(|scenario| match scenario.resolve(stem) {
        Ok(plan) => Some(plan),
        Err(problems) => {
            problems.into_iter().for_each(|problem| document.report(problem));
            None
        }
    });
    let text = document.finish()?;
    Ok((text, plan.expect("without a plan there is a finding")))
}

/// The text of the file, or what kept it from being read.
fn read(path: &Path) -> Result<String, String> {
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => format!("no such file{} (the library is in {LIBRARY}/)", similar(path)),
        _ => error.to_string(),
    })?;
    if file.metadata().is_ok_and(|metadata| metadata.is_dir()) {
        return Err(format!("it is a folder{} (name one file in it)", example_in(path)));
    }
    file.take(SCENARIO_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    if bytes.len() as u64 > SCENARIO_BYTES_MAX {
        return Err("it is larger than 1MiB, which no scenario is".to_owned());
    }
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        format!("byte {at} is not UTF-8 text (save the file as UTF-8)")
    })
}

/// "; did you mean 'x'?" for the file beside `path`, or in the library, of that name or one most like it.
fn similar(path: &Path) -> String {
    let stem = |name: &str| name.trim_end_matches(".yml").trim_end_matches(".yaml").to_owned();
    let Some(name) = path.file_name().map(|name| stem(&name.to_string_lossy())) else { return String::new() };
    let beside = path.parent().unwrap_or(Path::new(""));
    let mut found: Vec<(String, PathBuf)> = Vec::new();
    for folder in [beside, &beside.join(LIBRARY), Path::new(LIBRARY)] {
        found.extend(scenarios_in(folder).iter().map(|file| (stem(file), folder.join(file))));
    }
    let meant = nearest(&name, found.iter().map(|(stem, _)| stem.as_str()));
    let file = found.iter().find(|(stem, _)| Some(stem.as_str()) == meant);
    file.map_or_else(String::new, |(_, file)| format!("; did you mean '{}'?", file.display()))
}

fn example_in(folder: &Path) -> String {
    let first = scenarios_in(folder).into_iter().next();
    first.map_or_else(String::new, |name| format!("; did you mean '{}'?", folder.join(name).display()))
}

/// The names of the YAML files in `folder`, sorted; none if it cannot be read.
fn scenarios_in(folder: &Path) -> Vec<String> {
    /// Enough to suggest from, in a folder of any size.
    const ENTRIES_MAX: usize = 1_000;
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let entries = folder.read_dir().into_iter().flatten().take(ENTRIES_MAX).flatten();
    let mut names: Vec<String> = entries
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .filter(|name| name.ends_with(".yaml") || name.ends_with(".yml"))
        .collect();
    names.sort();
    names
}

#[cfg(test)]
mod tests;

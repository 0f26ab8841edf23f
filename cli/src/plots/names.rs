//! What runs and their files are called.

use std::collections::HashSet;
use std::fs;
use std::path::Path;

use telemetry::FRAMES_FILE;

/// A part of a file's name that comes from a run is cut here: with two of them and an ending, it stays below the 255
/// bytes that file systems allow.
const STEM_BYTES_MAX: usize = 100;

/// What the runs at these places are called: as asked for, else after their directories. Names that were not asked
/// for and would be the same have their parent directory in front of them, `a/run`; the same ones even then a number
/// behind them, `run (2)`. `asked` may be shorter than `places`.
pub(super) fn labels(places: &[&Path], asked: &[String]) -> Vec<String> {
    let mut names: Vec<String> = places.iter().map(|place| tail(place, 1)).collect();
    names.iter_mut().zip(asked).for_each(|(name, asked)| name.clone_from(asked));
    let several = |name: &String| names.iter().filter(|other| *other == name).count() > 1;
    let alike: Vec<bool> = names.iter().map(several).collect();
    for place in asked.len()..places.len() {
        if alike[place] {
            names[place] = tail(places[place], 2);
        }
    }
    let mut taken: HashSet<String> = names.iter().take(asked.len()).cloned().collect();
    for name in &mut names[asked.len()..] {
        let numbered = (2..).map(|number| format!("{name} ({number})"));
        let free = std::iter::once(name.clone()).chain(numbered).find(|name| !taken.contains(name));
        *name = free.expect("there is always a next number");
        taken.insert(name.clone());
    }
    names
}

/// The last `parts` parts of a run's place, wherever its path comes from; a run's file of frames stands for the run.
fn tail(place: &Path, parts: usize) -> String {
    let whole = fs::canonicalize(place).unwrap_or_else(|_| place.to_owned());
    let whole = if whole.ends_with(FRAMES_FILE) { whole.parent().unwrap_or(&whole) } else { &whole };
    if whole.parent().is_none() {
        return whole.display().to_string();
    }
    let names: Vec<_> = whole.iter().filter(|name| *name != "/").map(|name| name.to_string_lossy()).collect();
    names[names.len().saturating_sub(parts)..].join("/")
}

/// Letters, digits, dots and dashes of a label, which neither hide a file nor look like an option at its beginning; the
/// rest would mean something to a shell or a file system.
pub(super) fn stem(label: &str) -> String {
    let safe = |letter: char| if letter.is_alphanumeric() || ".-_".contains(letter) { letter } else { '_' };
    let mut stem = String::new();
    for letter in label.trim_start_matches(['.', '-']).chars().map(safe) {
        if stem.len() + letter.len_utf8() > STEM_BYTES_MAX {
            break;
        }
        stem.push(letter);
    }
    if stem.is_empty() { "run".to_owned() } else { stem }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels_of(places: &[&str], asked: &[&str]) -> Vec<String> {
        let places: Vec<&Path> = places.iter().map(Path::new).collect();
        labels(&places, &asked.iter().map(|label| (*label).to_owned()).collect::<Vec<_>>())
    }

    /// Two runs in directories of the same name were both called `run`, and their files overwrote each other.
    #[test]
    fn no_two_runs_are_called_the_same() {
        assert_eq!(labels_of(&["/no/a", "/no/b"], &[]), ["a", "b"]);
        assert_eq!(labels_of(&["/no/a/run", "/no/b/run", "/no/c"], &[]), ["a/run", "b/run", "c"]);
        assert_eq!(labels_of(&["/no/a/run", "/no/b/run/frames.jsonl"], &[]), ["a/run", "b/run"]);
        assert_eq!(
            labels_of(&["/no/a/run", "/no/a/run", "/no/a/run"], &[]),
            ["a/run", "a/run (2)", "a/run (3)"]
        );
        assert_eq!(labels_of(&["/no/a/x", "/no/b/run"], &["run"]), ["run", "b/run"]);
        assert_eq!(labels_of(&["/no/a/x", "/run", "/run"], &["run (2)"]), ["run (2)", "run", "run (3)"]);
        assert_eq!(labels_of(&["/", "/"], &[]), ["/", "/ (2)"]);
    }

    #[test]
    fn a_label_makes_a_file_name_that_is_seen_and_fits() {
        assert_eq!(stem("before & after"), "before___after");
        assert_eq!(["../x", "...", "", "-rf", ".-."].map(stem), ["_x", "run", "run", "rf", "run"]);
        assert_eq!(stem("日本/語"), "日本_語");
        let long = stem(&"語".repeat(1000));
        assert!(long.len() <= STEM_BYTES_MAX && long.len() > STEM_BYTES_MAX - 4, "{}", long.len());
    }
}

//! Strict YAML: every error at once, each with its place, the line it stands on and what to write instead.
//!
//! serde stops at the first error. So the text becomes a tree of nodes that know their place (`tree`), `--set path=value`
//! changes the tree (`set`), and a serde `Deserializer` walks it (`decode`): an unknown key is noted and passed over; when
//! a value fails, the error is noted, its node is marked bad, and the tree is decoded again without it. Every field of the
//! types decoded here is optional, so that leaving a node out is always possible; what must be there is asked for later,
//! and those findings come in by path ([`Document::report`]). A path that is already known to be bad is not blamed twice.
//!
//! Left out on purpose: anchors, aliases, tags, several documents. A scenario has no need of them.

mod decode;
mod findings;
mod set;
mod tree;

use std::cell::RefCell;

use serde::de::DeserializeOwned;

pub use findings::ScenarioErrors;
use findings::{Finding, Place, Source};
use tree::{Node, Whereabouts};

use crate::plan::Problem;

/// How many errors are shown; the rest would only be scrolled past.
pub(crate) const ERRORS_MAX: usize = 50;

/// A text, the overrides laid over it, and everything found wrong so far.
pub(crate) struct Document {
    /// The file first, then each `--set`.
    sources: Vec<Source>,
    /// `None` when the text cannot be understood as YAML at all.
    root: Option<Node>,
    findings: RefCell<Vec<Finding>>,
}

impl Document {
    /// Reads `text`, which came from `file`. Errors are kept until [`Document::finish`].
    pub(crate) fn parse(file: &str, text: String) -> Self {
        let findings = RefCell::default();
        let root = tree::parse(&text, 0, 0, &findings);
        Self { sources: vec![Source::file(file, text)], root, findings }
    }

    /// Applies `path=value`, as given to `--set`.
    pub(crate) fn set(&mut self, argument: &str) {
        let source = self.sources.len();
        self.sources.push(Source::set(argument));
        if let Some(root) = &mut self.root {
            set::apply(root, source, argument, &self.findings);
        }
    }

    /// Decodes what can be decoded. `None` when nothing can.
    pub(crate) fn decode<T: DeserializeOwned>(&self) -> Option<T> {
        let root = self.root.as_ref()?;
        // Each round that fails marks one node bad, so it ends even without a bound.
        for _ in 0..=ERRORS_MAX {
            match decode::decode(root, &self.findings) {
                Ok(value) => return Some(value),
                Err(finding) => self.findings.borrow_mut().push(finding),
            }
            if root.is_bad() {
                return None;
            }
        }
        None
    }

    /// Notes a problem with the value at its path, or with the absence of one, unless something it rests on is already
    /// known to be wrong: it may then not be a problem at all.
    pub(crate) fn report(&self, problem: Problem) {
        let Some(root) = &self.root else { return };
        let blamed = |path: &&'static str| matches!(root.find(path), Whereabouts::Blamed);
        if let Whereabouts::At(place) = root.find(&problem.path)
            && !problem.rests_on.iter().any(blamed)
        {
            let Problem { what, instead, .. } = problem;
            self.findings.borrow_mut().push(Finding { place, what, instead });
        }
    }

    /// The text if nothing is wrong, else all that is, in the order of the text.
    pub(crate) fn finish(self) -> Result<String, ScenarioErrors> {
        let mut findings = self.findings.into_inner();
        if findings.is_empty() {
            return Ok(self.sources.into_iter().next().map(|file| file.text).unwrap_or_default());
        }
        findings.sort_by_key(|finding| finding.place);
        Err(ScenarioErrors::found(self.sources, findings))
    }
}

/// The candidate most like `word`, if one is like enough to be what was meant.
pub(crate) fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    /// Comparing costs the product of the lengths; nobody misspells a longer word by accident.
    const WORD_CHARS_MAX: usize = 80;
    /// One wrong letter in three, no more.
    const LIKENESS_MIN: f64 = 0.6;
    if word.chars().count() > WORD_CHARS_MAX {
        return None;
    }
    let likeness = |candidate: &str| strsim::normalized_damerau_levenshtein(&word.to_lowercase(), candidate);
    candidates
        .into_iter()
        .map(|candidate| (likeness(candidate), candidate))
        .filter(|(likeness, _)| *likeness >= LIKENESS_MIN)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate)
}

/// What to write instead of an unknown `word`: the nearest candidate, or the list of them all.
pub(crate) fn suggest(word: &str, candidates: &[&str], all: &str) -> String {
    match nearest(word, candidates.iter().copied()) {
        Some(meant) => format!("did you mean '{meant}'?"),
        None => format!("{all}: {}", candidates.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{load::load_text, plan::Plan};

    fn load_any(text: &str, sets: &[String]) -> Result<(String, Plan), ScenarioErrors> {
        load_text("x.yaml", "x", text.to_owned(), sets)
    }

    proptest! {
        /// Arbitrary text is an error or a scenario, never a panic, and its errors can be shown.
        #[test]
        fn arbitrary_text_never_panics(text in "[ -~\n\té世]{0,200}", set in "[a-z.=\\[\\]{}:, \"'&*!|>\n-]{0,30}") {
            if let Err(errors) = load_any(&text, &[set]) {
                prop_assert!(errors.to_string().starts_with("error: "));
            }
        }

        /// The same for text that is nearly a scenario.
        #[test]
        fn a_damaged_scenario_never_panics(at in 0_usize..400, with in "[ -~\n\t]{0,6}") {
            let mut text = include_str!("../../scenarios/comet-c10k.yaml").to_owned();
            let at = (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
            text.insert_str(at, &with);
            if let Err(errors) = load_any(&text, &[]) {
                prop_assert!(errors.to_string().contains("x.yaml:"));
            }
        }
    }

    #[test]
    fn the_number_of_errors_is_bounded() {
        let keys: String = (0..500).map(|i| format!("key{i}: 1\n")).collect();
        let shown = load_any(&keys, &[]).unwrap_err().to_string();
        assert_eq!(shown.matches("error: ").count(), ERRORS_MAX, "{shown}");
        assert!(shown.contains("more"), "{shown}");
        let values = format!("thresholds: [{}]\n", "5, ".repeat(500));
        let shown = load_any(&values, &[]).unwrap_err().to_string();
        assert_eq!(shown.matches("error: ").count(), ERRORS_MAX, "{shown}");
    }
}

//! What was found wrong, and how it is shown: the error, its place, the line, a caret, and what to write instead.
//!
//! ```text
//! error: unknown key 'concurency'
//!   --> scenarios/x.yaml:4:27
//!    |
//!  4 | connections: { count: 10, concurency: 500 }
//!    |                           ^^^^^^^^^^ did you mean 'concurrency'?
//! ```

use std::fmt;

use super::ERRORS_MAX;

/// Where something stands: bytes `start..end` of one source. Ordered as they are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) source: usize,
    pub(crate) start: usize,
    pub(crate) end: usize,
}

/// One thing that is wrong.
#[derive(Clone, Debug)]
pub(crate) struct Finding {
    pub(crate) place: Place,
    pub(crate) what: String,
    /// What to write instead; may be empty.
    pub(crate) instead: String,
}

/// A text that places point into.
#[derive(Debug)]
pub(crate) struct Source {
    /// The file's path; `None` for the argument of a `--set`.
    file: Option<String>,
    pub(crate) text: String,
}

impl Source {
    pub(crate) fn file(path: &str, text: String) -> Self {
        Self { file: Some(path.to_owned()), text }
    }

    pub(crate) fn set(argument: &str) -> Self {
        Self { file: None, text: argument.to_owned() }
    }

    fn show(&self, finding: &Finding, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.text.as_str();
        // Places come from a parser: hold them to the text rather than trust them.
        let start = letter_at(text, finding.place.start);
        let begin = text[..start].rfind('\n').map_or(0, |newline| newline + 1);
        let line = text[begin..].split('\n').next().unwrap_or_default().trim_end_matches('\r');
        let column = text[begin..start].chars().count();
        let length = text[start..letter_at(text, finding.place.end).max(start)]
            .lines()
            .next()
            .map_or(0, |marked| marked.chars().count());
        let (shown, column_shown) = crop(line, column);
        let length = length.min(shown.chars().count().saturating_sub(column_shown)).max(1);

        writeln!(f, "error: {}", printable(&finding.what))?;
        let indent = match &self.file {
            None => {
                write!(f, "  --> --set {shown}")?;
                "  --> --set ".len()
            }
            Some(file) => {
                let number = text[..begin].matches('\n').count() + 1;
                let gutter = number.to_string().len();
                writeln!(f, "{:gutter$}--> {}:{number}:{}", "", printable(file), column + 1)?;
                writeln!(f, "{:gutter$} |", "")?;
                writeln!(f, "{number} | {shown}")?;
                write!(f, "{:gutter$} | ", "")?;
                return write!(f, "{:column_shown$}{}", "", marked(length, &finding.instead));
            }
        };
        write!(f, "\n{:width$}{}", "", marked(length, &finding.instead), width = indent + column_shown)
    }
}

/// The start of the letter that byte `at` belongs to, or the end of the text.
fn letter_at(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

/// Carets, then the advice.
fn marked(length: usize, instead: &str) -> String {
    format!("{} {}", "^".repeat(length), printable(instead)).trim_end().to_owned()
}

/// A hostile file must not reach the terminal with escape sequences, nor shift the caret with tabs.
fn printable(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\t' => ' ',
            c if c.is_control() => '\u{fffd}',
            c => c,
        })
        .collect()
}

/// The part of `line` around `column` that fits a screen, and the column in it.
fn crop(line: &str, column: usize) -> (String, usize) {
    const CHARS_MAX: usize = 120;
    /// How much is kept before the caret when the line is cut.
    const BEFORE: usize = 40;
    let line = printable(line);
    if line.chars().count() <= CHARS_MAX {
        return (line, column);
    }
    let skipped = column.saturating_sub(BEFORE);
    let mut shown: String = line.chars().skip(skipped).take(CHARS_MAX).collect();
    if line.chars().count() > skipped + CHARS_MAX {
        shown.push('…');
    }
    if skipped > 0 {
        shown.insert(0, '…');
    }
    (shown, column - skipped + usize::from(skipped > 0))
}

/// Why a scenario could not be loaded: everything found, ready to print.
#[derive(Debug)]
pub struct ScenarioErrors {
    sources: Vec<Source>,
    findings: Vec<Finding>,
    unreadable: Option<String>,
}

impl ScenarioErrors {
    /// The file could not be read at all.
    pub(crate) fn unreadable(message: String) -> Self {
        Self { sources: Vec::new(), findings: Vec::new(), unreadable: Some(message) }
    }

    pub(super) fn found(sources: Vec<Source>, findings: Vec<Finding>) -> Self {
        Self { sources, findings, unreadable: None }
    }

    /// How many errors there are; never zero.
    pub fn count(&self) -> usize {
        self.findings.len() + usize::from(self.unreadable.is_some())
    }
}

impl fmt::Display for ScenarioErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(message) = &self.unreadable {
            return write!(f, "error: {}", printable(message));
        }
        for (index, finding) in self.findings.iter().take(ERRORS_MAX).enumerate() {
            if index > 0 {
                f.write_str("\n\n")?;
            }
            self.sources[finding.place.source].show(finding, f)?;
        }
        if self.findings.len() > ERRORS_MAX {
            write!(f, "\n\n(and more: mend these {ERRORS_MAX} first)")?;
        }
        Ok(())
    }
}

impl std::error::Error for ScenarioErrors {}

#[cfg(test)]
mod tests {
    use super::*;

    fn show(source: Source, start: usize, end: usize) -> String {
        let finding = Finding {
            place: Place { source: 0, start, end },
            what: "it is wrong".into(),
            instead: "mend it".into(),
        };
        ScenarioErrors::found(vec![source], vec![finding]).to_string()
    }

    #[test]
    fn a_place_outside_the_text_or_inside_a_letter_is_shown_anyway() {
        for text in ["", "a", "é\n", "\r\n\r\n", "世界"] {
            for start in 0..9 {
                for end in 0..9 {
                    show(Source::file("f", text.into()), start, end);
                    show(Source::set(text), start, end);
                }
            }
        }
    }

    #[test]
    fn escape_sequences_do_not_reach_the_terminal_and_long_lines_are_cropped() {
        let text = format!("{}\x1b[31mBAD{}", "x".repeat(1000), "y".repeat(1000));
        let shown = show(Source::file("f", text), 1001, 1003);
        assert!(!shown.contains('\x1b'));
        assert!(shown.lines().all(|line| line.chars().count() < 140), "{shown}");
        let lines: Vec<&str> = shown.lines().collect();
        let caret = lines[4].chars().position(|c| c == '^').unwrap();
        assert_eq!(lines[3].chars().nth(caret), Some('['), "{shown}");
    }
}

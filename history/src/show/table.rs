//! The report on a terminal.

use crate::check::Verdict;
use crate::show::escape::plain;
use crate::show::report::{Group, Mark, Report, Row};

/// What the terminal can do.
#[derive(Debug, Clone, Copy)]
pub struct Look {
    /// How wide a line may get.
    pub columns: usize,
    /// Whether it shows colours.
    pub colour: bool,
}

/// Columns of the mark, and of the blanks around it.
const MARK: usize = 11;

/// The report in lines, each ended.
pub fn table(report: &Report, look: Look) -> String {
    let report = &harmless(report);
    let rows = || report.groups.iter().flat_map(|group| &group.rows);
    let widest = |of: fn(&Row) -> &str| rows().map(|row| of(row).chars().count()).max().unwrap_or(0);
    let (metric, value) = (widest(|row| &row.metric), widest(|row| &row.value));
    let text = rows().map(|row| row.text.chars().count()).max().unwrap_or(0);
    let beside = MARK + metric + 2 + value + 2;
    // When not everything fits beside the names, what happened stands under them.
    let under = beside + text > look.columns;
    let mut out = String::new();
    for group in &report.groups {
        write_group(&mut out, group, (metric, value), under, look);
        out.push('\n');
    }
    let (word, code) = match report.verdict {
        Verdict::Fine => ("PASS", 32),
        Verdict::Worse => ("FAIL", 31),
        Verdict::NotEnough => ("NOT ENOUGH DATA", 33),
    };
    out.push_str(&format!("{}  {}\n", painted(word, code, look), report.sentence));
    out
}

/// The report without anything that could steer the terminal: names come from files.
fn harmless(report: &Report) -> Report {
    let mut report = report.clone();
    for group in &mut report.groups {
        let rows = group.rows.iter_mut().flat_map(|row| {
            [&mut row.metric, &mut row.value, &mut row.text].into_iter().chain(&mut row.more)
        });
        for text in std::iter::once(&mut group.scenario).chain(&mut group.about).chain(rows) {
            *text = plain(text);
        }
    }
    report.sentence = plain(&report.sentence);
    report
}

fn write_group(out: &mut String, group: &Group, (metric, value): (usize, usize), under: bool, look: Look) {
    out.push_str(&group.scenario);
    out.push('\n');
    for line in group.about.iter().flat_map(|line| wrapped(line, look.columns.saturating_sub(2))) {
        out.push_str(&format!("  {line}\n"));
    }
    out.push('\n');
    for row in &group.rows {
        let (word, code) = match row.mark {
            Mark::Worse => (row.mark.word(), 31),
            Mark::Better => (row.mark.word(), 32),
            Mark::Ok => (row.mark.word(), 32),
            Mark::Pending | Mark::Little => (row.mark.word(), 33),
            Mark::Absent => (row.mark.word(), 2),
        };
        let mark = painted(&format!("{word:<7}"), code, look);
        let name = format!("  {mark}  {:<metric$}  {:>value$}", row.metric, row.value);
        let indent = if under { MARK + 2 } else { MARK + metric + 2 + value + 2 };
        let room = look.columns.saturating_sub(indent);
        let more = row.more.iter().flat_map(|line| wrapped(line, room));
        let blank = " ".repeat(indent);
        if under {
            out.push_str(name.trim_end());
            out.push('\n');
            for line in wrapped(&row.text, room) {
                out.push_str(&format!("{blank}{line}\n"));
            }
        } else {
            out.push_str(&format!("{name}  {}\n", row.text));
        }
        for line in more {
            out.push_str(&format!("{blank}{line}\n"));
        }
    }
}

fn painted(text: &str, code: u8, look: Look) -> String {
    if look.colour { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
}

/// The text in lines of at most `room` characters; a word that is longer has a line of its own.
fn wrapped(text: &str, room: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let line = lines.last_mut().expect("never empty");
        if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > room {
            lines.push(word.to_owned());
        } else {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> Report {
        let row = |mark, metric: &str, value: &str, text: &str, more: &[&str]| Row {
            metric: metric.into(),
            mark,
            value: value.into(),
            text: text.into(),
            more: more.iter().map(|line| (*line).to_owned()).collect(),
        };
        let rows = vec![
            row(
                Mark::Worse,
                "memory.x",
                "4.07 KiB",
                "61.2 B → 4.07 KiB, ×67",
                &["in a..b (2026-11-21 on \x1b[31mmain)"],
            ),
            row(Mark::Absent, "audit\u{7}lost", "–", "not measured\u{9b}2J", &[]),
        ];
        let group = Group { scenario: "smoke\u{1b}[2J".into(), about: vec!["30 runs".into()], rows };
        Report {
            of: "check",
            groups: vec![group],
            verdict: Verdict::Worse,
            sentence: "1 metric\u{1b}".into(),
        }
    }

    #[test]
    fn what_fits_stands_beside_and_what_does_not_under() {
        let wide = table(&report(), Look { columns: 100, colour: false });
        assert!(wide.contains("  WORSE    memory.x    4.07 KiB  61.2 B → 4.07 KiB, ×67\n"), "{wide}");
        assert!(
            wide.ends_with("\nFAIL  1 metric \n") && wide.starts_with("smoke [2J\n  30 runs\n\n"),
            "{wide}"
        );
        assert!(
            !wide.contains(|c: char| c.is_control() && c != '\n'),
            "what is shown does not steer the terminal"
        );
        let narrow = table(&report(), Look { columns: 48, colour: false });
        assert!(narrow.contains("memory.x    4.07 KiB\n             61.2 B → 4.07 KiB, ×67\n"), "{narrow}");
        assert!(narrow.lines().all(|line| line.chars().count() <= 48), "{narrow}");
        assert!(table(&report(), Look { columns: 100, colour: true }).contains("\x1b[31mFAIL\x1b[0m"));
    }
}

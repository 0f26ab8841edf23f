//! Text in HTML, and numbers in sentences.

use std::fmt::{Display, Write as _};

pub(super) use crate::markup::escaped;

/// Somebody's words in a sentence or a heading of ours: whatever direction they are written in ends with them.
pub(super) fn theirs(words: &str) -> String {
    format!("<bdi>{}</bdi>", escaped(words))
}

/// A figure in a sentence.
pub(super) fn strong(figure: impl Display) -> String {
    format!("<strong>{figure}</strong>")
}

/// A number of things, whole, in groups of three digits: `1,020,000`.
pub(super) fn grouped(number: f64) -> String {
    crate::unit::grouped(number, 0)
}

/// `1 connection`, `3 connections`, the number in bold.
pub(super) fn counted(number: f64, one: &str, many: &str) -> String {
    format!("{} {}", strong(grouped(number)), if number == 1.0 { one } else { many })
}

/// `a`, `a and b`, `a, b and c`.
pub(super) fn listed(parts: &[String]) -> String {
    match parts {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// A table row of cells that are HTML already; the first is its heading.
pub(super) fn row(class: &str, heading: &str, cells: &[String]) -> String {
    let mut out = if class.is_empty() { "<tr>".to_owned() } else { format!("<tr class=\"{class}\">") };
    let _ = write!(out, "<th scope=\"row\">{heading}</th>");
    for cell in cells {
        let _ = write!(out, "<td>{cell}</td>");
    }
    out + "</tr>\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!([0.0, 999.0, 1_020_000.0, -1234.0].map(grouped), ["0", "999", "1,020,000", "−1,234"]);
        assert_eq!(counted(1.0, "message", "messages"), "<strong>1</strong> message");
        assert_eq!(counted(0.0, "message", "messages"), "<strong>0</strong> messages");
        let parts = ["a", "b", "c"].map(str::to_owned);
        assert_eq!(
            [&parts[..0], &parts[..1], &parts[..2], &parts].map(listed),
            ["", "a", "a and b", "a, b and c"]
        );
    }
}

//! Text that came from elsewhere: recordings, commands, servers, processes' names.

use std::borrow::Cow;

/// With nothing in it that a terminal would obey: control characters, and those that turn the direction of writing,
/// become `\u{fffd}`, one for one.
pub(crate) fn plain(text: &str) -> Cow<'_, str> {
    let obeyed = |letter: char| {
        letter.is_control()
            || matches!(letter, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    if text.chars().any(obeyed) { text.replace(obeyed, "\u{fffd}").into() } else { text.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_obeys_nothing_of_it() {
        assert_eq!(
            plain("a\x1b[31mb\r\n\u{9b}2J\u{202e}"),
            "a\u{fffd}[31mb\u{fffd}\u{fffd}\u{fffd}2J\u{fffd}"
        );
        assert!(matches!(plain("Größe µs"), Cow::Borrowed("Größe µs")));
    }
}

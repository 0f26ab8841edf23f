//! Which key does what: one table, which also makes the help.

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use crate::views::View;

/// What a key asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    Quit,
    Show(View),
    NextView,
    PreviousView,
    SortBy(usize),
    SortLeft,
    SortRight,
    Reverse,
    Filter,
    Pause,
    Detail,
    More,
    Less,
    Help,
    Export,
    Order,
    Find,
    Rows(isize),
    Pages(isize),
    Step(i8),
    Minutes(i8),
    PreviousMark,
    NextMark,
    Home,
    End,
    Back,
    Redraw,
    Suspend,
    /// Only where assertions are compiled in: the tests see what a panic leaves of the terminal.
    #[cfg(debug_assertions)]
    Panic,
}

/// Some keys, what they do, and what the help says of them.
pub(crate) struct Binding {
    keys: &'static [(KeyCode, KeyModifiers)],
    action: Action,
    /// How the keys are written; empty where the line before speaks for this one, too.
    pub(crate) shown: &'static str,
    /// What they do.
    pub(crate) help: &'static str,
}

const NONE: KeyModifiers = KeyModifiers::NONE;
const SHIFT: KeyModifiers = KeyModifiers::SHIFT;
const CONTROL: KeyModifiers = KeyModifiers::CONTROL;

const fn bind(
    keys: &'static [(KeyCode, KeyModifiers)],
    action: Action,
    shown: &'static str,
    help: &'static str,
) -> Binding {
    Binding { keys, action, shown, help }
}

use KeyCode::{Char, Down, End, Enter, Esc, Home, Left, PageDown, PageUp, Right, Up};

/// All keys but the digits and the views' letters.
pub(crate) const BINDINGS: &[Binding] = &[
    bind(&[(KeyCode::Tab, NONE)], Action::NextView, "Tab Shift-Tab", "next view, previous view"),
    bind(&[(KeyCode::BackTab, NONE), (KeyCode::BackTab, SHIFT)], Action::PreviousView, "", ""),
    bind(&[(Char('<'), NONE)], Action::SortLeft, "< >", "sort by the column to the left, to the right"),
    bind(&[(Char('>'), NONE)], Action::SortRight, "", ""),
    bind(&[(Char('r'), NONE)], Action::Reverse, "r", "reverse the order"),
    bind(&[(Char('/'), NONE)], Action::Filter, "/", "show only rows with these words; empty: all"),
    bind(&[(Up, NONE)], Action::Rows(-1), "↑ ↓ PgUp PgDn", "choose a row; the wheel scrolls"),
    bind(&[(Down, NONE)], Action::Rows(1), "", ""),
    bind(&[(PageUp, NONE)], Action::Pages(-1), "", ""),
    bind(&[(PageDown, NONE)], Action::Pages(1), "", ""),
    bind(&[(Enter, NONE)], Action::Detail, "Enter", "all there is to the row"),
    bind(&[(Char(' '), NONE)], Action::Pause, "space", "pause; go on from there"),
    bind(&[(Left, NONE)], Action::Step(-1), "← →", "a second back, forward"),
    bind(&[(Right, NONE)], Action::Step(1), "", ""),
    bind(&[(Left, SHIFT)], Action::Minutes(-1), "Shift-← Shift-→", "a minute back, forward"),
    bind(&[(Right, SHIFT)], Action::Minutes(1), "", ""),
    bind(&[(Char('['), NONE)], Action::PreviousMark, "[ ]", "previous mark, next mark"),
    bind(&[(Char(']'), NONE)], Action::NextMark, "", ""),
    bind(&[(Home, NONE)], Action::Home, "Home End", "the beginning; the end, which is now if it is live"),
    bind(&[(End, NONE)], Action::End, "", ""),
    bind(
        &[(Char('+'), NONE), (Char('='), NONE)],
        Action::More,
        "+ -",
        "longer, shorter interval; a replay: faster, slower",
    ),
    bind(&[(Char('-'), NONE)], Action::Less, "", ""),
    bind(&[(Char('b'), NONE)], Action::Order, "b", "top connections by messages, bytes, outbox, age"),
    bind(&[(Char('f'), NONE)], Action::Find, "f", "find the connections of an id"),
    bind(&[(Char('e'), NONE)], Action::Export, "e", "export the view into a file here, as CSV or JSON"),
    bind(&[(Char('?'), NONE)], Action::Help, "?", "this help"),
    bind(&[(Esc, NONE)], Action::Back, "Esc", "back: close, forget the filter, choose nothing"),
    bind(&[(Char('q'), NONE), (Char('c'), CONTROL)], Action::Quit, "q Ctrl-C", "quit"),
    bind(&[(Char('z'), CONTROL)], Action::Suspend, "Ctrl-Z", "suspend"),
    bind(&[(Char('l'), CONTROL)], Action::Redraw, "Ctrl-L", "draw everything anew"),
    #[cfg(debug_assertions)]
    bind(&[(KeyCode::F(12), NONE)], Action::Panic, "", ""),
];

/// What a key asks for, if anything.
pub(crate) fn action(key: KeyEvent) -> Option<Action> {
    // A shifted character is the character; terminals differ in whether they say so.
    let plain = matches!(key.code, Char(_)) && key.modifiers == SHIFT;
    let modifiers = if plain { NONE } else { key.modifiers };
    if let (Char(digit), NONE) = (key.code, modifiers) {
        if let Some(digit) = digit.to_digit(10) {
            return Some(Action::SortBy(digit as usize));
        }
        if let Some(view) = View::ALL.into_iter().find(|view| view.key() == digit) {
            return Some(Action::Show(view));
        }
    }
    BINDINGS
        .iter()
        .find(|binding| binding.keys.contains(&(key.code, modifiers)))
        .map(|binding| binding.action)
}

/// The help's lines: keys, and what they do.
pub(crate) fn help() -> Vec<(String, String)> {
    let letters: Vec<String> = View::ALL.into_iter().map(|view| view.key().to_string()).collect();
    let names: Vec<&str> = View::ALL.into_iter().map(View::name).collect();
    let mut lines = vec![
        (letters.join(" "), names.join(", ")),
        ("0 … 9".into(), "sort by a column, counted from the left; again: reverse".into()),
    ];
    let shown = BINDINGS.iter().filter(|binding| !binding.shown.is_empty());
    lines.extend(shown.map(|binding| (binding.shown.to_owned(), binding.help.to_owned())));
    lines.push(("mouse".into(), "click a view, a column's head, a row, the time bar".into()));
    lines
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_key_does_two_things() {
        let mut seen = HashSet::new();
        for (code, modifiers) in BINDINGS.iter().flat_map(|binding| binding.keys) {
            assert!(seen.insert((*code, *modifiers)), "{code:?} {modifiers:?}");
        }
        for view in View::ALL {
            assert!(seen.insert((Char(view.key()), NONE)), "{view:?}");
        }
    }

    #[test]
    fn shifted_characters_are_characters_and_shifted_arrows_are_not_arrows() {
        let press = |code, modifiers| action(KeyEvent::new(code, modifiers));
        assert_eq!(press(Char('?'), SHIFT), Some(Action::Help));
        assert_eq!(press(Char('7'), NONE), Some(Action::SortBy(7)));
        assert_eq!(press(Char('u'), NONE), Some(Action::Show(View::Queues)));
        assert_eq!(press(Left, SHIFT), Some(Action::Minutes(-1)));
        assert_eq!(press(Left, NONE), Some(Action::Step(-1)));
        assert_eq!(press(Char('c'), CONTROL), Some(Action::Quit));
        assert_eq!(press(Char('c'), NONE), Some(Action::Show(View::Connections)));
        assert_eq!(press(Char('x'), CONTROL), None);
    }
}

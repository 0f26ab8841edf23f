//! Colours of the sixteen that every terminal has, chosen to be read on dark and on light; with `NO_COLOR`, none.
//!
//! Nothing is said by colour alone: what is coloured is also a word, a sign, or bold.

use ratatui::style::{Color, Modifier, Style};

/// How much attention something calls for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Tone {
    /// As usual.
    #[default]
    Plain,
    /// Less than usual.
    Quiet,
    /// It is fine, and worth saying so.
    Good,
    /// Look at it.
    Warning,
    /// Something is wrong.
    Alarm,
}

/// The styles of everything on the screen.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Theme {
    colours: bool,
}

impl Theme {
    /// With colours or without.
    pub(crate) fn new(colours: bool) -> Theme {
        Theme { colours }
    }

    fn colour(self, style: Style, colour: Color) -> Style {
        if self.colours { style.fg(colour) } else { style }
    }

    /// Of a tone.
    pub(crate) fn tone(self, tone: Tone) -> Style {
        let style = Style::new();
        match tone {
            Tone::Plain => style,
            Tone::Quiet => style.add_modifier(Modifier::DIM),
            Tone::Good => self.colour(style, Color::Green),
            Tone::Warning => self.colour(style.add_modifier(Modifier::BOLD), Color::Magenta),
            Tone::Alarm => self.colour(style.add_modifier(Modifier::BOLD), Color::Red),
        }
    }

    /// Of words that name a figure.
    pub(crate) fn label(self) -> Style {
        self.colour(Style::new(), Color::Cyan)
    }

    /// Of what matters most.
    pub(crate) fn strong(self) -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }

    /// Of a state of the whole screen: live, paused, lost. Coloured ground, so that it is seen from afar.
    pub(crate) fn badge(self, tone: Tone) -> Style {
        let style = Style::new().add_modifier(Modifier::BOLD | Modifier::REVERSED);
        match tone {
            Tone::Plain | Tone::Quiet => style,
            Tone::Good => self.colour(style, Color::Green),
            Tone::Warning => self.colour(style, Color::Magenta),
            Tone::Alarm => self.colour(style, Color::Red),
        }
    }

    /// Of a tab, chosen or not.
    pub(crate) fn tab(self, chosen: bool) -> Style {
        if chosen { Style::new().add_modifier(Modifier::BOLD | Modifier::REVERSED) } else { Style::new() }
    }

    /// Of a column's head, sorted by or not.
    pub(crate) fn head(self, sorted: bool) -> Style {
        let style = Style::new().add_modifier(Modifier::UNDERLINED);
        if sorted {
            self.colour(style.add_modifier(Modifier::BOLD), Color::Cyan)
        } else {
            self.colour(style, Color::Cyan)
        }
    }

    /// Of the chosen row.
    pub(crate) fn chosen(self) -> Style {
        Style::new().add_modifier(Modifier::REVERSED)
    }

    /// Of one of several things beside each other: a phase, a line of a chart.
    pub(crate) fn one_of(self, index: usize) -> Style {
        const COLOURS: [Color; 5] = [Color::Cyan, Color::Magenta, Color::Green, Color::Blue, Color::Red];
        self.colour(Style::new(), COLOURS[index % COLOURS.len()])
    }
}

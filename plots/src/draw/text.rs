//! Words on a chart: how wide they are, where they break, and what keeps them from being markup.
//!
//! Widths come from the embedded font. A browser without it draws in another sans-serif, most of them narrower; the
//! rest is what [`SLACK`] is for.

use std::collections::HashMap;
use std::sync::LazyLock;

use skrifa::instance::{LocationRef, Size};
use skrifa::{FontRef, MetadataProvider};

/// Regular and bold; Latin, Greek and Cyrillic: `fonts/README.md` says how they were made.
pub(super) const FONTS: [&[u8]; 2] = [
    include_bytes!("../../fonts/Inter-Regular.subset.otf"),
    include_bytes!("../../fonts/Inter-Bold.subset.otf"),
];

/// How much wider than the embedded font another may be.
const SLACK: f64 = 1.03;
/// The width of a character that the font lacks, in ems: that of the widest scripts.
const STRANGER_EM: f64 = 1.0;
/// What is drawn for it in a picture: a box.
const STRANGER: char = '□';
/// Characters of a text that are looked at; what follows is cut off with an ellipsis.
const CHARACTERS_MAX: usize = 2000;

/// A size in px and a weight.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Face {
    pub(super) px: f64,
    pub(super) bold: bool,
}

impl Face {
    pub(super) const fn regular(px: f64) -> Face {
        Face { px, bold: false }
    }

    pub(super) const fn bold(px: f64) -> Face {
        Face { px, bold: true }
    }

    /// How wide the words are, in px.
    pub(super) fn width(self, words: &str) -> f64 {
        words.chars().take(CHARACTERS_MAX).map(|character| self.advance(character)).sum()
    }

    fn advance(self, character: char) -> f64 {
        let table = &ADVANCES[usize::from(self.bold)];
        table.get(&character).map_or(STRANGER_EM, |em| f64::from(*em)) * self.px * SLACK
    }

    /// The words, ended with `…` where they would be wider than `room`; empty when not even that fits.
    pub(super) fn shortened(self, words: &str, room: f64) -> String {
        let words = clean(words);
        if words.chars().count() <= CHARACTERS_MAX && self.width(&words) <= room {
            return words;
        }
        let mut left = room - self.advance('…');
        let mut out = String::new();
        for character in words.chars() {
            left -= self.advance(character);
            if left < 0.0 {
                break;
            }
            out.push(character);
        }
        out.truncate(out.trim_end().len());
        if out.is_empty() && self.advance('…') > room {
            return out;
        }
        out.push('…');
        out
    }

    /// The words in lines no wider than `room`, at most `lines_max`, the last ended with `…` when there were more.
    pub(super) fn wrapped(self, words: &str, room: f64, lines_max: usize) -> Vec<String> {
        let words = clean(words);
        let mut lines: Vec<String> = Vec::new();
        let mut rest = words.trim();
        while !rest.is_empty() && lines.len() < lines_max {
            if lines.len() + 1 == lines_max {
                lines.push(self.shortened(rest, room));
                break;
            }
            let end = self.line_end(rest, room);
            lines.push(rest[..end].trim_end().to_owned());
            rest = rest[end..].trim_start();
        }
        lines
    }

    /// As [`wrapped`](Face::wrapped), in as many lines but no narrower than `least` of the room, so that the last one is
    /// not left with a word.
    pub(super) fn balanced(self, words: &str, room: f64, lines_max: usize, least: f64) -> Vec<String> {
        let lines = self.wrapped(words, room, lines_max + 1);
        if lines.len() < 2 || lines.len() > lines_max {
            return self.wrapped(words, room, lines_max);
        }
        let steps = (1..=12).map(|step| room * (1.0 - (1.0 - least) * f64::from(step) / 12.0));
        let tries = steps.map(|room| self.wrapped(words, room, lines_max + 1));
        tries.take_while(|narrow| narrow.len() == lines.len()).last().unwrap_or(lines)
    }

    /// Where the first line of `words` ends: after the last space that fits, or within a word too long for a line.
    fn line_end(self, words: &str, room: f64) -> usize {
        let (mut width, mut space, mut any_space) = (0.0, None, None);
        let mut before = ' ';
        for (place, character) in words.char_indices() {
            width += self.advance(character);
            if character == ' ' {
                any_space = Some(place);
                // A figure stays with its unit.
                let after = words[place + 1..].chars().next().unwrap_or(' ');
                let unit = after.is_alphabetic() || matches!(after, '%' | '‰' | '×');
                if !(before.is_ascii_digit() && unit) {
                    space = Some(place);
                }
            } else if width > room && place > 0 {
                return space.or(any_space).unwrap_or(place);
            }
            before = character;
        }
        words.len()
    }
}

/// How wide the characters of [`FONTS`] are, in ems.
static ADVANCES: LazyLock<[HashMap<char, f32>; 2]> = LazyLock::new(|| FONTS.map(advances));

/// The text with a box for each character that the embedded font lacks, which would otherwise not be seen at all, nor
/// what stands beside it. Both weights have the same characters.
pub(super) fn drawable(text: &str) -> String {
    let known = |character: char| character.is_ascii() || ADVANCES[0].contains_key(&character);
    text.chars().map(|character| if known(character) { character } else { STRANGER }).collect()
}

fn advances(font: &[u8]) -> HashMap<char, f32> {
    let font = FontRef::new(font).expect("the embedded font");
    let metrics = font.glyph_metrics(Size::new(1.0), LocationRef::default());
    let known = font.charmap().mappings();
    known.filter_map(|(code, glyph)| Some((char::from_u32(code)?, metrics.advance_width(glyph)?))).collect()
}

/// Without control characters and what turns the direction of writing around; runs of blanks are one space.
pub(super) fn clean(words: &str) -> String {
    let mut out = String::new();
    for character in words.chars().take(CHARACTERS_MAX + 1) {
        let unseen = matches!(character, '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}'
            | '\u{FEFF}' | '\u{FFF9}'..='\u{FFFF}' | '\u{E000}'..='\u{F8FF}');
        // Not XML at all: the last two of each plane.
        let nobody = u32::from(character) & 0xFFFE == 0xFFFE;
        if character.is_whitespace() || character.is_control() {
            if !out.ends_with(' ') {
                out.push(' ');
            }
        } else if !unseen && !nobody {
            out.push(character);
        }
    }
    out
}

/// Fit to stand between tags and in a quoted attribute.
pub(super) fn escaped(words: &str) -> String {
    crate::markup::escaped(&clean(words))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: Face = Face::regular(12.0);

    #[test]
    fn widths_are_the_fonts() {
        assert!(SMALL.width("iiii") < SMALL.width("mmmm") / 2.0);
        assert!(Face::bold(12.0).width("server") > SMALL.width("server"));
        assert!((Face::regular(24.0).width("server") - 2.0 * SMALL.width("server")).abs() < 1e-9);
    }

    #[test]
    fn long_words_end_in_an_ellipsis_that_fits() {
        let words = "comet-c10k-with-a-very-long-name";
        assert_eq!(SMALL.shortened(words, 1000.0), words);
        for room in [0.0, 5.0, 20.0, 60.0, 100.0] {
            let short = SMALL.shortened(words, room);
            assert!(SMALL.width(&short) <= room, "{short} in {room}");
            assert!(short.is_empty() || short.ends_with('…'));
        }
    }

    #[test]
    fn lines_break_at_spaces_and_within_endless_words() {
        let lines = SMALL.wrapped("how much memory does the server take", 100.0, 9);
        assert!(lines.len() > 1);
        assert_eq!(lines.join(" "), "how much memory does the server take");
        assert!(lines.iter().all(|line| SMALL.width(line) <= 100.0), "{lines:?}");
        let lines = SMALL.wrapped(&"x".repeat(100_000), 100.0, 3);
        assert_eq!(lines.len(), 3);
        assert!(lines[2].ends_with('…') && lines.iter().all(|line| SMALL.width(line) <= 100.0));
        assert_eq!(SMALL.wrapped("  ", 100.0, 3), Vec::<String>::new());
        assert!(SMALL.wrapped("abc", 0.0, 5).len() <= 5, "a room of nothing ends too");
    }

    #[test]
    fn figures_stay_with_their_units_and_lines_are_alike() {
        for room in 40..400 {
            for line in SMALL.wrapped("61 B each, 24 GiB in all (95 %: 60 to 62 B)", f64::from(room), 99) {
                assert!(!line.ends_with(|last: char| last.is_ascii_digit()), "{line} in {room}");
            }
        }
        let words = "how much memory does the server take as connections come";
        let room = SMALL.width(words) - 1.0;
        let lines = SMALL.balanced(words, room, 4, 0.5);
        assert_eq!((lines.len(), lines.join(" ").as_str()), (2, words));
        assert!(SMALL.width(&lines[1]) > room * 0.4, "{lines:?}");
    }

    #[test]
    fn hostile_words_are_no_markup() {
        assert_eq!(
            escaped("<script>\"a\" & 'b'\u{0}\u{1b}[31m\u{202E}"),
            "&lt;script&gt;&quot;a&quot; &amp; &#39;b&#39; [31m"
        );
        assert_eq!(escaped("a\u{FFFE}\u{FFFF}\r\n\tb"), "a b");
    }
}

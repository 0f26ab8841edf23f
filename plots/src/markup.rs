//! Text in SVG and HTML. Everything that comes from a bundle goes through here: a scenario's name may be `<script>`.

/// Fit to stand between tags and in a quoted attribute, in XML as in HTML. Of control characters, those that XML has no
/// place for become a space; line ends and tabs stay. What turns the direction of writing around is left out: it would
/// reach beyond the text that it came with.
pub fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\n' | '\t' => out.push(character),
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {}
            '\u{fffe}' | '\u{ffff}' => out.push(' '),
            other if other.is_control() => out.push(' '),
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_markup_and_everything_is_text() {
        assert_eq!(escaped("<a b='c'>&\"\u{0}\u{1b}\u{ffff}"), "&lt;a b=&#39;c&#39;&gt;&amp;&quot;   ");
        assert_eq!(escaped("a:\n\tb"), "a:\n\tb");
        assert_eq!(escaped("a\u{202e}b\u{2066}c\u{200f}"), "abc");
    }
}

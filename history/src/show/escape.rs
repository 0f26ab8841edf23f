//! What users named, where it must not be taken for markup.

/// For a terminal, on one line: what could steer it is taken out.
pub fn plain(text: &str) -> String {
    text.replace(char::is_control, " ")
}

/// For XML and HTML, in text and in attributes, on one line.
pub(crate) fn markup(text: &str) -> String {
    plots::escaped(&plain(text))
}

/// For a cell of a Markdown table: nothing in it is a link, a mention, a reference or the cell's end.
pub(crate) fn markdown(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut last = ' ';
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        let next = rest.as_str();
        // Inside a word, an underscore stresses nothing; a colon makes a link only before slashes.
        let harmless = match c {
            '_' => last.is_alphanumeric() && next.starts_with(char::is_alphanumeric),
            ':' => !next.starts_with("//"),
            _ => !"\\`*{}[]<>#!|~@&$".contains(c),
        };
        if c.is_control() {
            out.push(' ');
        } else if harmless {
            out.push(c);
        } else {
            out.push_str(&format!("&#{};", u32::from(c)));
        }
        last = c;
    }
    out
}

/// A name as code, where nothing in it could end the code.
pub(crate) fn code(name: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-+/* ".contains(c);
    if !name.is_empty() && name.chars().all(plain) { format!("`{name}`") } else { markdown(name) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_markup() {
        assert_eq!(markup("<a b='c'>&\"\u{0}\u{1b}\n"), "&lt;a b=&#39;c&#39;&gt;&amp;&quot;   ");
        assert_eq!(markdown("a|b\n@me #1 <b>"), "a&#124;b &#64;me &#35;1 &#60;b&#62;");
        assert_eq!(markdown("https://x: y"), "https&#58;//x: y");
        assert_eq!(markdown("a_b _c_"), "a_b &#95;c&#95;");
        assert_eq!(code("audit.lost"), "`audit.lost`");
        assert_eq!(code("a`|b"), "a&#96;&#124;b");
    }
}

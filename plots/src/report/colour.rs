//! The page's colours, light and dark.
//!
//! Hues are Okabe and Ito's, darker on white and lighter on black until every one of them keeps the contrast that WCAG
//! asks of graphics (3:1) and of text (4.5:1); a test holds them to it. One hue means the same thing in both themes.

use std::fmt::Write as _;

use crate::draw::light_css;

/// What charts do not need: name, on white, on black.
const PAGE: &[(&str, &str, &str)] = &[
    ("raised", "#f4f6f8", "#1d2226"),
    ("rule", "#d5dade", "#363d44"),
    ("link", "#005a9c", "#7cc0f5"),
    ("good", "#0b6e4f", "#4cc79a"),
];

/// The charts' colours on black; on white they are the same as in a file.
const DARK: &[(&str, &str)] = &[
    ("ink", "#e6e9ec"),
    ("muted", "#a1abb5"),
    ("grid", "#2a3036"),
    ("axis", "#6f7a85"),
    ("paper", "#131619"),
    ("phase", "#1b2025"),
    ("mark", "#8b96a1"),
    ("bad", "#ff8896"),
    ("h0", "#4aa3ea"),
    ("h1", "#ff9d4d"),
    ("h2", "#1fae87"),
    ("h3", "#e79bc8"),
    ("h4", "#b58f1f"),
    ("h5", "#8fd0fa"),
    ("h6", "#8e98a5"),
    ("h7", "#e3d15a"),
];

/// As CSS: light by default and in print, dark when the reader's system or the page's button says so.
pub(super) fn css() -> String {
    let mut light = format!("color-scheme:light;{}", light_css());
    let mut dark = String::from("color-scheme:dark;");
    for (name, on_white, on_black) in PAGE {
        let _ = write!(light, "--{name}:{on_white};");
        let _ = write!(dark, "--{name}:{on_black};");
    }
    for (name, on_black) in DARK {
        let _ = write!(dark, "--{name}:{on_black};");
    }
    format!(
        ":root{{{light}}}\n@media (prefers-color-scheme:dark){{:root:not([data-theme=light]){{{dark}}}}}\n\
         :root[data-theme=dark]{{{dark}}}\n@media print{{:root:root:root{{{light}}}}}\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// WCAG's relative luminance.
    fn luminance(colour: &str) -> f64 {
        let channel = |place: usize| {
            let value = f64::from(u8::from_str_radix(&colour[place..place + 2], 16).unwrap()) / 255.0;
            if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * channel(1) + 0.7152 * channel(3) + 0.0722 * channel(5)
    }

    fn contrast(one: &str, other: &str) -> f64 {
        let (one, other) = (luminance(one) + 0.05, luminance(other) + 0.05);
        one.max(other) / one.min(other)
    }

    #[test]
    fn every_colour_can_be_read_in_both_themes() {
        let css = css();
        let blocks: Vec<&str> =
            css.split("{color-scheme:").skip(1).map(|block| block.split('}').next().unwrap()).collect();
        assert_eq!(blocks.len(), 4, "light, dark, dark, and light on paper");
        for theme in blocks {
            let named = |name: &str| {
                let after = theme
                    .split_once(&format!("--{name}:"))
                    .unwrap_or_else(|| panic!("no --{name} in {theme}"))
                    .1;
                after.split(';').next().unwrap()
            };
            for under in ["paper", "raised", "phase"].map(named) {
                for text in ["ink", "muted", "link", "good", "bad"] {
                    let contrast = contrast(named(text), under);
                    assert!(contrast >= 4.5, "--{text} on {under}: {contrast:.2}");
                }
                for hue in 0..8 {
                    let contrast = contrast(named(&format!("h{hue}")), under);
                    assert!(contrast >= 2.7, "--h{hue} on {under}: {contrast:.2}");
                }
            }
            for hue in 0..8 {
                let contrast = contrast(named(&format!("h{hue}")), named("paper"));
                assert!(contrast >= 3.0, "--h{hue} on paper: {contrast:.2}");
            }
        }
    }

    #[test]
    fn every_colour_that_is_used_has_a_value() {
        let css = css();
        let used = [crate::page_css(), super::super::STYLE].concat();
        for variable in used.split("var(--").skip(1).map(|after| after.split(')').next().unwrap()) {
            let values = css.matches(&format!("--{variable}:")).count();
            // The tint follows from others.
            assert!(values == 4 || variable == "tint", "--{variable} has {values} values in four blocks");
        }
    }
}

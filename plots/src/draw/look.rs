//! What the classes of a chart's elements look like: one table, written as CSS for a page and as attributes for a file.
//!
//! A file carries no style sheet: some viewers know none, and some servers forbid them.

use super::Theme;

pub(super) const FAMILY: &str = "Inter, 'Helvetica Neue', Arial, 'Liberation Sans', sans-serif";

type Rule = (&'static str, &'static [(&'static str, &'static str)]);

/// A later rule outweighs an earlier one.
const RULES: &[Rule] = &[
    ("chart", &[("font-family", FAMILY), ("font-size", "12px"), ("fill", "var(--ink)")]),
    ("paper", &[("fill", "var(--paper)")]),
    ("question", &[("font-size", "17px"), ("font-weight", "700")]),
    ("answer", &[("font-size", "13px"), ("fill", "var(--muted)")]),
    ("head", &[("font-weight", "700")]),
    ("note", &[("fill", "var(--ink)")]),
    ("footer", &[("font-size", "11px"), ("fill", "var(--muted)")]),
    ("said", &[("fill", "var(--muted)")]),
    ("figure", &[("font-size", "15px"), ("font-weight", "700")]),
    ("tick", &[("fill", "var(--muted)")]),
    ("tick-line", &[("stroke", "var(--axis)"), ("fill", "none")]),
    ("grid", &[("stroke", "var(--grid)"), ("fill", "none")]),
    ("axis", &[("stroke", "var(--axis)"), ("fill", "none")]),
    ("lead", &[("stroke", "var(--axis)"), ("fill", "none")]),
    ("outline", &[("stroke", "var(--axis)"), ("fill", "none")]),
    ("shade", &[("fill", "var(--phase)")]),
    ("other", &[("fill", "none")]),
    ("phase-name", &[("fill", "var(--muted)")]),
    ("mark-line", &[("stroke", "var(--mark)"), ("fill", "none")]),
    ("mark-name", &[("font-size", "11px"), ("fill", "var(--muted)")]),
    ("bad-line", &[("stroke", "var(--bad)")]),
    ("bad-name", &[("fill", "var(--bad)"), ("font-weight", "700")]),
    ("limit", &[("stroke", "var(--ink)"), ("stroke-dasharray", "6 4"), ("fill", "none")]),
    ("limit-name", &[("font-size", "11px")]),
    (
        "halo",
        &[
            ("stroke", "var(--paper)"),
            ("stroke-width", "3.5"),
            ("stroke-linejoin", "round"),
            ("paint-order", "stroke"),
        ],
    ),
    ("h0", &[("color", "var(--h0)")]),
    ("h1", &[("color", "var(--h1)")]),
    ("h2", &[("color", "var(--h2)")]),
    ("h3", &[("color", "var(--h3)")]),
    ("h4", &[("color", "var(--h4)")]),
    ("h5", &[("color", "var(--h5)")]),
    ("h6", &[("color", "var(--h6)")]),
    ("h7", &[("color", "var(--h7)")]),
    (
        "series",
        &[
            ("stroke", "currentColor"),
            ("stroke-width", "1.75"),
            ("stroke-linejoin", "round"),
            ("stroke-linecap", "round"),
            ("fill", "none"),
        ],
    ),
    ("dots", &[("stroke-width", "5")]),
    ("many", &[("stroke-width", "3.5")]),
    ("join", &[("stroke-width", "1"), ("stroke-opacity", "0.6")]),
    ("dashed", &[("stroke-dasharray", "7 4.5")]),
    ("dotted", &[("stroke-dasharray", "0.1 4")]),
    ("dashdot", &[("stroke-dasharray", "8 4 0.1 4")]),
    ("faint", &[("stroke-width", "1"), ("stroke-opacity", "0.65")]),
    ("dot", &[("fill", "currentColor"), ("stroke", "var(--paper)"), ("stroke-width", "1")]),
    ("band", &[("fill", "currentColor"), ("fill-opacity", "0.18")]),
    ("part", &[("fill", "currentColor")]),
    ("pale", &[("fill-opacity", "0.5")]),
    ("seam", &[("stroke", "var(--paper)"), ("fill", "none")]),
    ("hatch", &[("stroke", "var(--muted)"), ("stroke-width", "1.5")]),
];

/// The palette in a file: Okabe and Ito's hues, lighter and darker in turn so that neighbours differ in grey too, none
/// too pale for a thin line on white; their yellow is a brown here.
const LITERALS: &[(&str, &str)] = &[
    ("var(--ink)", "#1F2328"),
    ("var(--muted)", "#59636E"),
    ("var(--grid)", "#DFE3E8"),
    ("var(--axis)", "#8C959F"),
    ("var(--paper)", "#FFFFFF"),
    ("var(--phase)", "#F1F3F6"),
    ("var(--mark)", "#8C959F"),
    ("var(--bad)", "#B3123A"),
    ("var(--h0)", "#0072B2"),
    ("var(--h1)", "#E06C00"),
    ("var(--h2)", "#005F49"),
    ("var(--h3)", "#C9659F"),
    ("var(--h4)", "#5C4600"),
    ("var(--h5)", "#3B9BD9"),
    ("var(--h6)", "#3F4650"),
    ("var(--h7)", "#A08A00"),
];

/// Colours in the palette, `h0` to `h7`.
pub(super) const HUES: usize = 8;

/// The rules of a page's charts, which use nothing but the variables `--ink`, `--muted`, `--grid`, `--axis`, `--paper`,
/// `--phase`, `--mark`, `--bad` and `--h0` to `--h7`. Their values are the page's.
pub fn page_css() -> &'static str {
    static CSS: std::sync::LazyLock<String> = std::sync::LazyLock::new(|| {
        let mut css = String::new();
        for (class, properties) in RULES {
            let inside = if *class == "chart" { "" } else { ".chart " };
            let list: Vec<String> =
                properties.iter().map(|(name, value)| format!("{name}:{value}")).collect();
            css.push_str(&format!("{inside}.{class}{{{}}}\n", list.join(";")));
        }
        css
    });
    &CSS
}

/// The values that a file has for the variables, as declarations: a light page may start from these.
pub fn light_css() -> String {
    let bare = |variable: &str| variable.trim_start_matches("var(").trim_end_matches(')').to_owned();
    LITERALS.iter().map(|(variable, colour)| format!("{}:{colour};", bare(variable))).collect()
}

/// The attributes that give an element its classes' looks, each with a space before it.
pub(super) fn attributes(theme: Theme, classes: &str) -> String {
    let mut out = format!(r#" class="{classes}""#);
    if theme == Theme::Page {
        return out;
    }
    let mut merged: Vec<(&str, &str)> = Vec::new();
    for (class, properties) in RULES {
        if classes.split(' ').any(|wanted| wanted == *class) {
            for (name, value) in *properties {
                merged.retain(|(known, _)| known != name);
                merged.push((name, value));
            }
        }
    }
    for (name, value) in merged {
        let literal =
            LITERALS.iter().find(|(variable, _)| *variable == value).map_or(value, |(_, colour)| colour);
        out.push_str(&format!(r#" {name}="{literal}""#));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_names_variables_and_a_file_names_colours() {
        assert!(page_css().contains(".chart .h0{color:var(--h0)}"));
        assert_eq!(attributes(Theme::Page, "series h0"), r#" class="series h0""#);
        let file = attributes(Theme::File, "series h0 faint");
        assert!(file.contains(r##"color="#0072B2""##) && !file.contains("var("), "{file}");
        assert!(
            file.contains(r#"stroke-width="1""#) && !file.contains("1.75"),
            "the later rule holds: {file}"
        );
    }

    #[test]
    fn every_variable_has_a_value_in_a_file() {
        for (class, properties) in RULES {
            for (_, value) in *properties {
                let known = LITERALS.iter().any(|(variable, _)| variable == value);
                assert!(!value.contains("var(") || known, "{class}: {value}");
            }
        }
    }

    /// Lightness (CIE L*) of `#RRGGBB`, as grey print shows it.
    fn lightness(colour: &str) -> f64 {
        let channel = |at: usize| {
            let value = f64::from(u8::from_str_radix(&colour[at..at + 2], 16).unwrap()) / 255.0;
            if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        };
        let y = 0.2126 * channel(1) + 0.7152 * channel(3) + 0.0722 * channel(5);
        116.0 * y.cbrt() - 16.0
    }

    #[test]
    fn neighbours_differ_in_grey_and_all_are_dark_enough_for_a_line() {
        let hues: Vec<f64> =
            LITERALS[LITERALS.len() - HUES..].iter().map(|(_, colour)| lightness(colour)).collect();
        for pair in hues.windows(2) {
            assert!((pair[0] - pair[1]).abs() >= 12.0, "{hues:.0?}");
        }
        // The first three stand side by side most often.
        assert!((hues[0] - hues[2]).abs() >= 10.0, "{hues:.0?}");
        // 3:1 on white, WCAG's bound for graphics, is a lightness of 62.
        assert!(hues.iter().all(|l| *l <= 62.0), "{hues:.0?}");
    }
}

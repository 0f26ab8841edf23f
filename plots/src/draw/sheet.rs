//! The SVG being written: elements with classes, and text that cannot become markup.

use std::fmt::{Arguments, Write};

use super::Theme;
use super::look::attributes;
use super::text::escaped;
use crate::Chart;

pub(super) struct Sheet {
    pub(super) width: f64,
    theme: Theme,
    /// Begins every id, so that charts on one page do not share any.
    id: String,
    out: String,
}

impl Sheet {
    pub(super) fn new(theme: Theme, name: &str, width: u32) -> Sheet {
        let plain = |character: char| if character.is_ascii_alphanumeric() { character } else { '-' };
        let name: String = name.chars().take(60).map(plain).collect();
        Sheet { width: f64::from(width), theme, id: format!("c-{name}-{width}"), out: String::new() }
    }

    /// An id of this chart's own.
    pub(super) fn id(&self, of: &str) -> String {
        format!("{}-{of}", self.id)
    }

    /// An element without content. `rest`: its attributes, each with a space before it.
    pub(super) fn element(&mut self, tag: &str, classes: &str, rest: Arguments<'_>) {
        let look = self.look(classes);
        self.raw(format_args!("<{tag}{look}{rest}/>"));
    }

    pub(super) fn open(&mut self, tag: &str, classes: &str, rest: Arguments<'_>) {
        let look = self.look(classes);
        self.raw(format_args!("<{tag}{look}{rest}>"));
    }

    pub(super) fn close(&mut self, tag: &str) {
        self.raw(format_args!("</{tag}>"));
    }

    pub(super) fn text(&mut self, classes: &str, (x, y): (f64, f64), anchor: &str, words: &str) {
        let (look, words) = (self.look(classes), escaped(words));
        let anchor = if anchor == "start" { String::new() } else { format!(r#" text-anchor="{anchor}""#) };
        self.raw(format_args!(r#"<text{look} x="{x:.1}" y="{y:.1}"{anchor}>{words}</text>"#));
    }

    /// What is shown when the element it stands in is pointed at.
    pub(super) fn title(&mut self, words: &str) {
        let words = escaped(words);
        self.raw(format_args!("<title>{words}</title>"));
    }

    /// Markup as it is: never with a user's words in it.
    pub(super) fn raw(&mut self, markup: Arguments<'_>) {
        // Writing to a string cannot fail.
        let _ = writeln!(self.out, "{markup}");
    }

    fn look(&self, classes: &str) -> String {
        if classes.is_empty() { String::new() } else { attributes(self.theme, classes) }
    }

    /// The whole file. `frame`: what the page's script wants to know of the plot area.
    pub(super) fn finish(self, chart: &Chart, frame: &str, height: f64) -> String {
        let (width, height) = (self.width, height.ceil());
        let (look, name) = (attributes(self.theme, "chart"), escaped(&chart.name));
        let (title, desc) = (self.id("title"), self.id("desc"));
        let size = match self.theme {
            Theme::File => format!(r#" width="{width}" height="{height}""#),
            Theme::Page => String::new(),
        };
        let mut out = format!(
            r#"<svg xmlns="http://www.w3.org/2000/svg"{look}{size} viewBox="0 0 {width} {height}" data-chart="{name}"{frame} role="img" aria-labelledby="{title} {desc}">"#
        );
        let (question, answer) = (escaped(&chart.question), escaped(&chart.answer));
        // Writing to a string cannot fail.
        let _ =
            write!(out, "\n<title id=\"{title}\">{question}</title>\n<desc id=\"{desc}\">{answer}</desc>\n");
        if self.theme == Theme::File {
            let look = attributes(self.theme, "paper");
            let _ = writeln!(out, r#"<rect{look} width="{width}" height="{height}"/>"#);
        }
        out.push_str(&self.out);
        out.push_str("</svg>\n");
        out
    }
}

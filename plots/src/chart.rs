//! A chart as data: what is shown, in the units in which it was measured, before anybody thinks of pixels.

use crate::Unit;

/// A chart. Each answers one question, which is its title.
#[derive(Debug, Clone, PartialEq)]
pub struct Chart {
    /// The stem of its file's name: `memory`, `latency`.
    pub name: String,
    /// The title.
    pub question: String,
    /// The answer in a line of figures, under the title; empty when there is none.
    pub answer: String,
    /// What is drawn.
    pub body: Body,
    /// Scenario, commit, machine, date: a line for each run.
    pub footer: Vec<String>,
    /// What is missing or should not be trusted, a sentence each; drawn above the footer.
    pub notes: Vec<String>,
}

/// What is drawn.
#[derive(Debug, Clone, PartialEq)]
pub enum Body {
    /// Panels one above the other, which share their x axis.
    Panels(Panels),
    /// Stacked bars.
    Bars(Bars),
}

/// Panels one above the other, which share their x axis.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Panels {
    /// What they share.
    pub x: Axis,
    /// From the top down.
    pub panels: Vec<Panel>,
    /// Shaded and named, in the order of time; never overlapping.
    pub phases: Vec<Phase>,
    /// Vertical lines.
    pub marks: Vec<Mark>,
}

/// An axis.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Axis {
    /// What it counts, without the unit: `server RSS`. The unit and its prefix are added when it is drawn: `server RSS
    /// (MiB)`, and `minutes elapsed` for an x axis in seconds that is labelled `elapsed`.
    pub label: String,
    /// In what its values are given.
    pub unit: Unit,
    /// How values become places.
    pub scale: Scale,
    /// From where to where; `None`: what the series take, from zero on linear y axes.
    pub range: Option<(f64, f64)>,
    /// Where ticks stand and what they say; empty: round numbers.
    pub ticks: Vec<(f64, String)>,
}

/// How values become places on an axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Scale {
    /// Evenly.
    #[default]
    Linear,
    /// By the logarithm. What is not above zero is not drawn.
    Log,
    /// By the logarithm of 1 / (1 − quantile): 0, 90 %, 99 %, 99.9 % … stand equally far apart. Values are quantiles.
    Percentile,
}

/// One of several panels.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Panel {
    /// Its y axis.
    pub y: Axis,
    /// How high it is, as a share relative to the other panels'.
    pub height: f64,
    /// What is drawn in it, later ones above earlier ones.
    pub series: Vec<Series>,
    /// Areas between two lines, under the series.
    pub bands: Vec<Band>,
    /// Dashed horizontal lines: thresholds.
    pub limits: Vec<Limit>,
}

/// A line, or points.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// Its name in the legend, with the run's label when there are several.
    pub name: String,
    /// How it looks.
    pub ink: Ink,
    /// Line, steps, points or area.
    pub shape: Shape,
    /// In the order of x; a y that is not a number is a gap.
    pub points: Vec<(f64, f64)>,
    /// What is said of each point when it is pointed at; empty: nothing.
    pub hints: Vec<String>,
}

/// How a series looks: told apart by colour, and, in grey, by lightness and dashes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Ink {
    /// Which colour of the palette of eight, counted from 0; beyond its end it begins again, paler in bars.
    pub hue: usize,
    /// How the line is broken.
    pub dash: Dash,
    /// Thin and pale: for what stands in the background, such as the raw beside the corrected.
    pub faint: bool,
}

/// How a line is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Dash {
    /// Not at all.
    #[default]
    Solid,
    /// Long dashes.
    Dashed,
    /// Dots.
    Dotted,
    /// Dash, dot.
    DashDot,
}

/// How points become a drawing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Shape {
    /// Joined by straight lines.
    #[default]
    Line,
    /// Held until the next.
    Steps,
    /// Dots.
    Points,
    /// Dots joined by a thin line.
    LinePoints,
}

/// An area between two lines.
#[derive(Debug, Clone, PartialEq)]
pub struct Band {
    /// Its name in the legend.
    pub name: String,
    /// Its colour.
    pub ink: Ink,
    /// x, low, high, in the order of x.
    pub points: Vec<(f64, f64, f64)>,
}

/// A dashed horizontal line.
#[derive(Debug, Clone, PartialEq)]
pub struct Limit {
    /// What stands beside it: the threshold as written.
    pub label: String,
    /// Where, in the axis's values.
    pub y: f64,
}

/// A stretch of the x axis with a name.
#[derive(Debug, Clone, PartialEq)]
pub struct Phase {
    /// `ramp`, `hold`, …
    pub name: String,
    /// Where it begins.
    pub from: f64,
    /// Where it ends.
    pub to: f64,
}

/// A vertical line.
#[derive(Debug, Clone, PartialEq)]
pub struct Mark {
    /// Where.
    pub at: f64,
    /// What happened.
    pub name: String,
    /// Something went wrong.
    pub bad: bool,
}

/// Stacked bars, side by side.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Bars {
    /// The y axis.
    pub y: Axis,
    /// From the left.
    pub bars: Vec<Bar>,
}

/// A stacked bar.
#[derive(Debug, Clone, PartialEq)]
pub struct Bar {
    /// Under it.
    pub title: String,
    /// What stands under it in bold: the sum as measured.
    pub total: f64,
    /// From the bottom up; none below zero.
    pub parts: Vec<Part>,
}

/// A part of a bar.
#[derive(Debug, Clone, PartialEq)]
pub struct Part {
    /// Beside it.
    pub label: String,
    /// How much, in the axis's values.
    pub value: f64,
    /// Its colour; `None` is hatched: what nothing explains.
    pub hue: Option<usize>,
}

//! What all charts over time share: an axis, phases, marks, and how quantities become series.

use super::{Parts, answers, has_series, left_out};
use crate::chart::{Axis, Body, Dash, Ink, Limit, Mark, Panel, Panels, Phase, Series, Shape};
use crate::{Run, Unit};

/// Phases of several runs are the same when they agree to within this share of the longest run.
const PHASES_APART: f64 = 0.02;

/// A quantity, of which a run has a line.
pub(super) struct Quantity<'a> {
    name: String,
    ink: Ink,
    shape: Shape,
    /// Not shown of several runs.
    aside: bool,
    /// Not shown where it is nothing throughout.
    something: bool,
    points: Box<Points<'a>>,
}

/// What a run shows of a quantity.
type Points<'a> = dyn Fn(&Run) -> Vec<(f64, f64)> + 'a;

impl<'a> Quantity<'a> {
    pub(super) fn new(name: &str, hue: usize, points: impl Fn(&Run) -> Vec<(f64, f64)> + 'a) -> Quantity<'a> {
        Quantity {
            name: name.to_owned(),
            ink: Ink { hue, ..Ink::default() },
            shape: Shape::Line,
            aside: false,
            something: false,
            points: Box::new(points),
        }
    }

    /// What was sampled under a name: a gauge's values, a counter's rates.
    pub(super) fn sampled(name: &str, hue: usize, series: &'a str) -> Quantity<'a> {
        Quantity::new(name, hue, move |run| {
            debug_assert!(run.keeps(series), "'{series}' is not kept when a recording is read");
            run.series(series).to_vec()
        })
    }

    pub(super) fn dashed(mut self, dash: Dash) -> Self {
        self.ink.dash = dash;
        self
    }

    pub(super) fn faint(mut self) -> Self {
        self.ink.faint = true;
        self
    }

    pub(super) fn dots(mut self) -> Self {
        self.shape = Shape::Points;
        self.ink.dash = Dash::Solid;
        self
    }

    pub(super) fn steps(mut self) -> Self {
        self.shape = Shape::Steps;
        self
    }

    /// Not shown of several runs, where only what matters most is.
    pub(super) fn aside(mut self) -> Self {
        self.aside = true;
        self
    }

    /// Not shown where it is nothing throughout.
    pub(super) fn unless_nothing(mut self) -> Self {
        self.something = true;
        self
    }

    /// Its points of a run, within the run's span; `None` when there is nothing to show.
    fn shown(&self, run: &Run) -> Option<Vec<(f64, f64)>> {
        let (from_s, to_s) = run.span_s();
        let mut points = (self.points)(run);
        points.retain(|(x, _)| (from_s..=to_s).contains(x));
        let seen = points.iter().any(|(_, y)| y.is_finite() && !(self.something && *y == 0.0));
        seen.then_some(points)
    }
}

/// A panel, when any run has something for it.
pub(super) fn panel(runs: &[Run], y: Axis, height: f64, quantities: &[Quantity<'_>]) -> Option<Panel> {
    let several = runs.len() > 1;
    let mut shown: Vec<(&Quantity<'_>, Vec<Option<_>>)> = quantities
        .iter()
        .filter(|quantity| !(several && quantity.aside))
        .map(|quantity| (quantity, runs.iter().map(|run| quantity.shown(run)).collect()))
        .collect();
    shown.retain(|(_, of_runs)| of_runs.iter().any(Option::is_some));
    let alone = shown.len() == 1;
    let mut series = Vec::new();
    for (place, run) in runs.iter().enumerate() {
        for (turn, (quantity, of_runs)) in shown.iter_mut().enumerate() {
            let Some(points) = of_runs[place].take() else { continue };
            let (name, ink) = match (several, alone) {
                (false, _) => (quantity.name.clone(), quantity.ink),
                // The axis says what it is.
                (true, true) => (run.label().to_owned(), Ink { hue: place, ..Ink::default() }),
                (true, false) => {
                    // A colour is a run here, and the quantity is told by the dash.
                    let dash = [Dash::Solid, Dash::Dashed, Dash::Dotted, Dash::DashDot][turn % 4];
                    (format!("{}: {}", run.label(), quantity.name), Ink { hue: place, dash, faint: false })
                }
            };
            series.push(Series { name, ink, shape: quantity.shape, points, hints: Vec::new() });
        }
    }
    (!series.is_empty()).then(|| Panel { y, height, series, bands: Vec::new(), limits: Vec::new() })
}

/// The same with thresholds.
pub(super) fn with_limits(panel: Option<Panel>, limits: Vec<Limit>) -> Option<Panel> {
    panel.map(|panel| Panel { limits, ..panel })
}

/// A chart over time, and the answer of each run in it. `nothing` says what is missing when there is no panel.
pub(super) fn over_time(
    runs: &[Run],
    panels: impl IntoIterator<Item = Option<Panel>>,
    answer: impl Fn(&Run, bool) -> Option<String>,
    nothing: &str,
) -> Result<Parts, String> {
    let panels: Vec<Panel> = panels.into_iter().flatten().collect();
    if panels.is_empty() {
        return Err(nothing.to_owned());
    }
    let spans = runs.iter().map(Run::span_s);
    let range = spans.reduce(|all, span| (all.0.min(span.0), all.1.max(span.1)));
    let x = Axis {
        label: if runs.iter().all(|run| run.phases().is_empty()) {
            "time"
        } else {
            "time since the ramp began"
        }
        .into(),
        unit: Unit::Seconds,
        range: range.filter(|(from, to)| from < to),
        ..Axis::default()
    };
    let is_shown = |place| has_series(&panels, runs, place);
    let (answer, mut notes) = (answers(runs, is_shown, answer), left_out(runs, is_shown));
    let (phases, note) = phases(runs);
    notes.extend(note);
    let body = Body::Panels(Panels { x, panels, phases, marks: marks(runs) });
    Ok(Parts { question: None, answer, body, notes })
}

/// The phases of the run; of several, those of the first that has any, and a note when others differ.
fn phases(runs: &[Run]) -> (Vec<Phase>, Option<String>) {
    let Some(first) = runs.iter().find(|run| !run.phases().is_empty()) else { return (Vec::new(), None) };
    let longest_s = runs.iter().map(Run::length_s).fold(0.0, f64::max);
    let near = |a: f64, b: f64| (a - b).abs() <= longest_s * PHASES_APART;
    let agrees = |run: &Run| {
        run.phases().len() == first.phases().len()
            && run
                .phases()
                .iter()
                .zip(first.phases())
                .all(|(a, b)| a.name == b.name && near(a.from_s, b.from_s) && near(a.to_s, b.to_s))
    };
    let note =
        (!runs.iter().all(agrees)).then(|| format!("the phases shown are those of '{}'", first.label()));
    let phase =
        |phase: &crate::run::Phase| Phase { name: phase.name.clone(), from: phase.from_s, to: phase.to_s };
    let shown = first.phases().iter().filter(|phase| phase.to_s > first.span_s().0);
    (shown.map(phase).collect(), note)
}

/// What happened; of several runs, only what went wrong.
fn marks(runs: &[Run]) -> Vec<Mark> {
    let several = runs.len() > 1;
    let mut out = Vec::new();
    for run in runs {
        let shown = run.events().iter().filter(|event| event.bad || !several);
        out.extend(shown.filter(|event| event.at_s >= run.span_s().0).map(|event| Mark {
            at: event.at_s,
            name: if several { format!("{}: {}", run.label(), event.text) } else { event.text.clone() },
            bad: event.bad,
        }));
    }
    out.sort_by(|a, b| a.at.total_cmp(&b.at));
    out
}

/// The value of a series at a time, between the points before and after; `None` outside of them, and in a gap.
pub(super) fn value_at(points: &[(f64, f64)], x: f64) -> Option<f64> {
    let after = points.partition_point(|point| point.0 < x);
    let later = *points.get(after)?;
    if later.0 <= x {
        return Some(later.1).filter(|y| y.is_finite());
    }
    let earlier = *points[..after].last()?;
    let y = earlier.1 + (later.1 - earlier.1) * (x - earlier.0) / (later.0 - earlier.0);
    y.is_finite().then_some(y)
}

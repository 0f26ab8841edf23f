//! A metric over its commits, with its changes, as a chart.

use plots::Chart;
use plots::chart::{Axis, Body, Dash, Ink, Mark, Panel, Panels, Phase, Scale, Series as Line, Shape};

use crate::check::{Judgement, Outcome, State};
use crate::series::Point;
use crate::show::words;

/// So many names of commits fit under a chart of 560 px.
const TICKS_MAX: usize = 7;

/// Room above and below the values, as a share of their spread.
const ROOM: f64 = 0.18;

/// Values that all lie in so small a share of their height are drawn from zero no longer, so that a change of a few
/// per cent is seen.
const ZOOM: f64 = 0.6;

/// The trend. Points are commits; the levels between changes are dashed; what is shaded has the commits to suspect.
pub fn trend(judgement: &Judgement) -> Chart {
    let series = &judgement.series;
    let (unit, factor) = series.unit();
    let points = &series.points;
    let medians =
        points.iter().enumerate().map(|(place, point)| (place as f64, point.value * factor)).collect();
    let hints = points.iter().map(|point| hint(judgement, point)).collect();
    let mut lines = Vec::new();
    if points.iter().any(|point| point.runs.len() > 1) {
        let runs = points.iter().enumerate();
        let runs =
            runs.flat_map(|(place, point)| point.runs.iter().map(move |run| (place as f64, run * factor)));
        lines.push(line("each run", Ink { hue: 5, ..Ink::default() }, Shape::Points, runs.collect(), vec![]));
    }
    if !judgement.findings.is_empty() {
        let ink = Ink { hue: 1, dash: Dash::Dashed, faint: false };
        lines.push(line("level between changes", ink, Shape::Line, levels(judgement, factor), vec![]));
    }
    let name = if lines.is_empty() { "each commit" } else { "each commit's median" };
    lines.push(line(name, Ink::default(), Shape::LinePoints, medians, hints));
    let y = Axis { label: series.rule.metric.clone(), unit, range: range(points, factor), ..Axis::default() };
    let panel = Panel { y, height: 1.0, series: lines, ..Panel::default() };
    let last = points.len().saturating_sub(1) as f64;
    let x = Axis {
        label: "commits, by their time".into(),
        scale: Scale::Linear,
        // Room for half of the newest commit's name, which stands under its point.
        range: Some((-0.5, last + (0.5 * step(points) as f64).max(0.5))),
        ticks: ticks(points),
        ..Axis::default()
    };
    let panels = Panels { x, panels: vec![panel], phases: suspects(judgement), marks: marks(judgement) };
    let mut footer = vec![words::footing(series)];
    if let (Some(first), Some(last)) = (points.first(), points.last()) {
        let (from, to) = (first.commit.committed_at.day(), last.commit.committed_at.day());
        let range = format!("{} of {from} to {} of {to}", first.commit.short(), last.commit.short());
        footer.push(if points.len() == 1 { format!("{} of {from}", first.commit.short()) } else { range });
    }
    Chart {
        name: format!("trend-{}-{}", slug(&series.scenario), slug(&series.rule.metric)),
        question: format!("Did {} change in {}?", series.rule.metric, series.scenario),
        answer: answer(judgement),
        body: Body::Panels(panels),
        footer,
        notes: Vec::new(),
    }
}

fn line(name: &str, ink: Ink, shape: Shape, points: Vec<(f64, f64)>, hints: Vec<String>) -> Line {
    Line { name: name.into(), ink, shape, points, hints }
}

/// The changes in a line of figures.
pub(crate) fn answer(judgement: &Judgement) -> String {
    if let Some(reason) = judgement.outcome.reason() {
        return format!("Not judged: {reason}.");
    }
    let series = &judgement.series;
    if judgement.outcome == Outcome::Pending
        && let Some(pending) = &judgement.pending
    {
        return format!("{}.", capital(&words::pending(series, pending)));
    }
    let Some(last) = judgement.findings.last() else {
        return format!("No change in {}.", words::count(series.points.len(), "commit"));
    };
    let finding = judgement.findings.iter().rfind(|finding| finding.state == State::Fails).unwrap_or(last);
    let more = judgement.findings.len() - 1;
    let more = if more == 0 { String::new() } else { format!("; {} besides", words::count(more, "change")) };
    let state = words::state(&finding.state).map_or(String::new(), |state| format!("; {state}"));
    let size = words::size(series, finding);
    format!("{size}, {}, {}{state}{more}.", words::range(finding), words::sure(finding.change.p))
}

fn capital(text: &str) -> String {
    text[..1].to_uppercase() + &text[1..]
}

fn hint(judgement: &Judgement, point: &Point) -> String {
    let series = &judgement.series;
    let commit = &point.commit;
    let branch = commit.branch.as_ref().map_or(String::new(), |branch| format!(" on {branch}"));
    let runs = if point.runs.len() > 1 {
        let low = point.runs.iter().copied().fold(f64::INFINITY, f64::min);
        let high = point.runs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        format!(", median of {} runs, {} to {}", point.runs.len(), series.write(low), series.write(high))
    } else {
        String::new()
    };
    format!("{}{branch}, {}: {}{runs}", commit.short(), commit.committed_at.day(), series.write(point.value))
}

/// A level for each stretch between changes, with gaps between them.
fn levels(judgement: &Judgement, factor: f64) -> Vec<(f64, f64)> {
    let findings = &judgement.findings;
    let end = judgement.series.points.len() as f64;
    let mut points = Vec::new();
    for (place, finding) in findings.iter().enumerate() {
        let from = if place == 0 { 0.0 } else { findings[place - 1].change.index as f64 };
        let at = finding.change.index as f64;
        let before = finding.change.before * factor;
        points.extend([(from - 0.5, before), (at - 0.5, before), (at - 0.5, f64::NAN)]);
        if place + 1 == findings.len() {
            let after = finding.change.after * factor;
            points.extend([(at - 0.5, after), (end - 0.5, after)]);
        }
    }
    points
}

/// The commits that may have brought each change, shaded.
fn suspects(judgement: &Judgement) -> Vec<Phase> {
    let mut phases: Vec<Phase> = Vec::new();
    for finding in &judgement.findings {
        let (first, last) = finding.change.range;
        let free = phases.last().map_or(f64::NEG_INFINITY, |phase| phase.to);
        let (from, to) = ((first as f64 - 1.0).max(free), last as f64);
        if from < to {
            let name = format!("{}, {}", words::size(&judgement.series, finding), words::range(finding));
            phases.push(Phase { name, from, to });
        }
    }
    phases
}

fn marks(judgement: &Judgement) -> Vec<Mark> {
    let mark = |finding: &crate::check::Finding| Mark {
        at: finding.change.index as f64 - 0.5,
        name: format!("{} {}", words::change(finding.ratio()), finding.likely.short()),
        bad: finding.state == State::Fails,
    };
    judgement.findings.iter().map(mark).collect()
}

/// From zero, unless the values are so much alike that nothing of them would be seen.
fn range(points: &[Point], factor: f64) -> Option<(f64, f64)> {
    let values = || points.iter().flat_map(|point| &point.runs).map(|run| run * factor);
    let (low, high) = (values().fold(f64::INFINITY, f64::min), values().fold(f64::NEG_INFINITY, f64::max));
    if !low.is_finite() {
        return None;
    }
    if low >= 0.0 && low < ZOOM * high {
        return Some((0.0, high * (1.0 + ROOM)));
    }
    let room = match (high - low, high.abs()) {
        (spread, _) if spread > 0.0 => spread * ROOM,
        (_, size) if size > 0.0 => size * 0.05,
        _ => factor,
    };
    Some((low - room, high + room))
}

/// Every how many commits one is named.
fn step(points: &[Point]) -> usize {
    points.len().div_ceil(TICKS_MAX).max(1)
}

fn ticks(points: &[Point]) -> Vec<(f64, String)> {
    let step = step(points);
    // From the newest back: that is the one that is looked for.
    let mut ticks: Vec<(f64, String)> = (0..points.len())
        .rev()
        .step_by(step)
        .map(|place| (place as f64, points[place].commit.short()))
        .collect();
    ticks.reverse();
    ticks
}

/// A name as part of a file's name: nothing in it leads elsewhere.
pub(crate) fn slug(name: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '-' };
    let slug: String = name.chars().take(100).map(plain).collect();
    if slug.starts_with('.') || slug.is_empty() { format!("_{slug}") } else { slug }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_files_lead_nowhere_else() {
        assert_eq!(slug("../../etc/passwd"), "_..-..-etc-passwd");
        assert_eq!(slug("memory.x_bytes"), "memory.x_bytes");
        assert_eq!(slug(""), "_");
    }
}

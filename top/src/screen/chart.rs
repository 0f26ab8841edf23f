//! Lines over time, drawn in dots of an eighth of a cell.
//!
//! Lines of one unit share a scale. Where units differ, each line has its own, from nothing to its largest, and the
//! legend says how much that is. Lines differ in colour and in what they are drawn with.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::symbols::Marker;
use ratatui::text::Span;
use ratatui::widgets::{Axis, Chart as Drawn, Dataset, GraphType, Widget};

use crate::grid::{Chart, ChartLine};
use crate::screen::table::put;
use crate::screen::theme::Theme;
use crate::words::span;

/// The fewest lines in which a chart says anything.
pub(crate) const HEIGHT_MIN: u16 = 5;

/// Draws a chart.
pub(crate) fn draw(buffer: &mut Buffer, area: Rect, chart: &Chart, theme: Theme) {
    if area.height < HEIGHT_MIN || area.width < 20 {
        return;
    }
    legend(buffer, Rect { height: 1, ..area }, chart, theme);
    let shared = chart.lines.windows(2).all(|pair| pair[0].unit == pair[1].unit);
    let all = || chart.lines.iter().flat_map(|line| &line.points);
    let largest = all().map(|&(_, value)| value).fold(0.0, f64::max);
    let smallest = all().map(|&(_, value)| value).filter(|value| *value > 0.0).fold(f64::INFINITY, f64::min);
    let logarithmic = chart.logarithmic && smallest < largest;
    let (low, high) = if logarithmic {
        (smallest.log10().floor(), largest.log10().ceil())
    } else {
        (0.0, if largest > 0.0 { largest } else { 1.0 })
    };
    let scaled: Vec<Vec<(f64, f64)>> = chart
        .lines
        .iter()
        .map(|line| {
            let own = most(line);
            let scale = |value: f64| match (logarithmic, shared) {
                (true, _) => value.max(smallest).log10(),
                (false, true) => value,
                (false, false) => value / own * high,
            };
            line.points.iter().map(|&(second, value)| (second, scale(value))).collect()
        })
        .collect();
    let datasets = scaled.iter().enumerate().map(|(index, points)| {
        Dataset::default()
            .marker(if index == 0 { Marker::Braille } else { Marker::Dot })
            .graph_type(GraphType::Line)
            .style(theme.one_of(index))
            .data(points)
    });
    let begin = all().map(|&(second, _)| second).fold(f64::INFINITY, f64::min);
    let end = all().map(|&(second, _)| second).fold(0.0, f64::max);
    let unit = chart.lines.first().map(|line| line.unit);
    let value = |at: f64| match (unit, shared) {
        (Some(unit), true) => unit.say(if logarithmic { 10_f64.powf(at) } else { at }),
        _ => format!("{:.0}%", at / high * 100.0),
    };
    let times = [begin, f64::midpoint(begin, end), end].map(|second| Span::raw(format!("+{}", span(second))));
    let decades = (high - low) as usize;
    let values: Vec<Span<'_>> = if logarithmic && decades <= usize::from(area.height) / 2 {
        (0..=decades).map(|decade| Span::raw(value(low + decade as f64))).collect()
    } else {
        [low, f64::midpoint(low, high), high].map(|at| Span::raw(value(at))).to_vec()
    };
    let axis = theme.tone(crate::screen::theme::Tone::Quiet);
    Drawn::new(datasets.collect())
        .x_axis(Axis::default().style(axis).bounds([begin, end.max(begin + 1.0)]).labels(times))
        .y_axis(Axis::default().style(axis).bounds([low, high]).labels(values))
        .legend_position(None)
        .render(Rect { y: area.y + 1, height: area.height - 1, ..area }, buffer);
}

/// A line's largest value, or one.
fn most(line: &ChartLine) -> f64 {
    let most = line.points.iter().map(|&(_, value)| value).fold(0.0, f64::max);
    if most > 0.0 { most } else { 1.0 }
}

/// What the lines are, and how far they go.
fn legend(buffer: &mut Buffer, area: Rect, chart: &Chart, theme: Theme) {
    let quiet = theme.tone(crate::screen::theme::Tone::Plain);
    let parts = |with_most: bool| -> Vec<(String, Style)> {
        let mut parts = vec![(chart.title.clone(), theme.strong())];
        for (index, line) in chart.lines.iter().enumerate() {
            let Some(&(_, last)) = line.points.last() else { continue };
            let sign = if index == 0 { "──" } else { "••" };
            parts.push((format!("{sign} {}", line.name), theme.one_of(index)));
            let most =
                if with_most { format!(" (most {})", line.unit.say(most(line))) } else { String::new() };
            parts.push((format!("{}{most}", line.unit.say(last)), quiet));
        }
        parts.retain(|(words, _)| !words.is_empty());
        parts
    };
    let width =
        |parts: &[(String, Style)]| parts.iter().map(|(words, _)| words.chars().count() + 1).sum::<usize>();
    let long = parts(true);
    let parts = if width(&long) <= usize::from(area.width) + 1 { long } else { parts(false) };
    let mut rest = area;
    for (words, style) in parts {
        put(buffer, rest, &words, false, style);
        let taken = (words.chars().count() as u16 + 1).min(rest.width);
        rest = Rect { x: rest.x + taken, width: rest.width - taken, ..rest };
    }
}

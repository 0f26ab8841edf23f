//! Lines, steps, points and bands as paths.

use std::fmt::Write;

use super::legend::{classes, hue};
use super::place::Place;
use super::sheet::Sheet;
use super::thin::thinned;
use crate::chart::{Band, Series, Shape};

/// More points than this get no hint each: an element per point would make the file large.
const HINTS_MAX: usize = 3000;
const RADIUS: f64 = 3.5;
/// More points than this are drawn smaller.
const MANY: usize = 150;

/// Draws a series; `place` says which one of its panel it is.
pub(super) fn draw(sheet: &mut Sheet, series: &Series, place: usize, x: Place, y: Place) {
    let ink = classes(series.ink);
    let points = seen(&series.points, x, y);
    let path = |sheet: &mut Sheet, shape: &str, more: &str, d: &str| {
        let what = format!(r#" data-series="{place}" data-shape="{shape}" d="{d}""#);
        sheet.element("path", &format!("series {ink}{more}"), format_args!("{what}"));
    };
    match series.shape {
        Shape::Line => path(sheet, "line", "", &line(&points)),
        Shape::Steps => path(sheet, "steps", "", &steps(&points)),
        Shape::Points | Shape::LinePoints => {
            if series.shape == Shape::LinePoints {
                path(sheet, "line", " join", &line(&points));
            }
            if series.hints.is_empty() || series.points.len() > HINTS_MAX {
                let many = if points.len() > MANY { " dots many" } else { " dots" };
                path(sheet, "points", many, &dots(&points));
            } else {
                hinted(sheet, series, x, y);
            }
        }
    }
}

/// A circle for each point, with its hint.
fn hinted(sheet: &mut Sheet, series: &Series, x: Place, y: Place) {
    let dot = format!("dot {}", hue(series.ink));
    for (place, point) in series.points.iter().enumerate() {
        let (Some(px), Some(py)) = (x.at(point.0), y.at(point.1)) else { continue };
        if !x.range.holds(point.0) {
            continue;
        }
        let place_of = format!(r#" cx="{px:.1}" cy="{py:.1}" r="{RADIUS}""#);
        sheet.open("circle", &dot, format_args!(r#" data-point="{place}"{place_of}"#));
        sheet.title(series.hints.get(place).map_or("", String::as_str));
        sheet.close("circle");
    }
}

/// Draws a band.
pub(super) fn band(sheet: &mut Sheet, band: &Band, place: usize, x: Place, y: Place) {
    let edge = |pick: fn(&(f64, f64, f64)) -> f64| {
        let points: Vec<(f64, f64)> = band.points.iter().map(|point| (point.0, pick(point))).collect();
        seen(&points, x, y)
    };
    let (low, high) = (edge(|point| point.1), edge(|point| point.2));
    // Down one edge and back on the other; where either is unknown, so is the area.
    let mut outline: Vec<(f64, f64)> = low.into_iter().filter(|(_, y)| !y.is_nan()).collect();
    outline.extend(high.into_iter().rev().filter(|(_, y)| !y.is_nan()));
    if outline.len() < 3 {
        return;
    }
    let d = line(&outline);
    sheet.element(
        "path",
        &format!("band {}", hue(band.ink)),
        format_args!(r#" data-band="{place}" d="{d}Z""#),
    );
}

/// The points that the panel shows, in px, thinned to its columns of pixels; those next to it on both sides as well, so
/// that lines run to its edge.
fn seen(points: &[(f64, f64)], x: Place, y: Place) -> Vec<(f64, f64)> {
    let side = |value: f64| match x.range.share(value) {
        Some(share) if share < 0.0 => -1,
        Some(share) if share > 1.0 => 1,
        _ => 0,
    };
    let shown = |place: usize| {
        let here = side(points[place].0);
        let near = |other: Option<usize>| {
            other.and_then(|other| points.get(other)).is_some_and(|point| side(point.0) != here)
        };
        here == 0 || near(place.checked_sub(1)) || near(Some(place + 1))
    };
    let places: Vec<(f64, f64)> = (0..points.len())
        .filter(|place| shown(*place))
        .filter_map(|place| Some((x.at(points[place].0)?, y.at(points[place].1).unwrap_or(f64::NAN))))
        .collect();
    thinned(&places, x.length().ceil() as usize)
}

fn line(points: &[(f64, f64)]) -> String {
    trace(points, Path::step)
}

fn steps(points: &[(f64, f64)]) -> String {
    trace(points, |path, dx, dy| {
        path.step(dx, 0);
        path.step(0, dy);
    })
}

/// A dot each: a line of no length, whose ends are round.
fn dots(points: &[(f64, f64)]) -> String {
    let mut path = Path::default();
    for point in points.iter().filter(|(_, y)| !y.is_nan()) {
        path.to(tenths(*point), |_, _, _| {});
        path.d.push_str("h0");
        path.at = None;
    }
    path.d
}

fn trace(points: &[(f64, f64)], step: impl Fn(&mut Path, i64, i64)) -> String {
    let mut path = Path::default();
    for point in points {
        if point.1.is_nan() {
            path.lift();
        } else {
            path.to(tenths(*point), &step);
        }
    }
    path.done()
}

fn tenths((x, y): (f64, f64)) -> (i64, i64) {
    ((x * 10.0).round() as i64, (y * 10.0).round() as i64)
}

/// A path in tenths of a px, relative so that it is short.
#[derive(Default)]
struct Path {
    d: String,
    at: Option<(i64, i64)>,
    /// Points since the pen was set down.
    points: usize,
    /// A level stretch not yet written: the next may continue it.
    level: i64,
}

impl Path {
    fn to(&mut self, (x, y): (i64, i64), step: impl Fn(&mut Path, i64, i64)) {
        match self.at {
            None => {
                self.d.push('M');
                self.number(x, true);
                self.number(y, false);
            }
            Some((last_x, last_y)) => step(self, x - last_x, y - last_y),
        }
        self.at = Some((x, y));
        self.points += 1;
    }

    fn step(&mut self, dx: i64, dy: i64) {
        if (dx, dy) == (0, 0) {
            return;
        }
        if dy == 0 && (self.level == 0 || (dx > 0) == (self.level > 0)) {
            self.level += dx;
            return;
        }
        self.flush();
        match (dx, dy) {
            (_, 0) => self.level = dx,
            (0, _) => {
                self.d.push('v');
                self.number(dy, true);
            }
            _ => {
                self.d.push('l');
                self.number(dx, true);
                self.number(dy, false);
            }
        }
    }

    fn flush(&mut self) {
        let level = std::mem::take(&mut self.level);
        if level != 0 {
            self.d.push('h');
            self.number(level, true);
        }
    }

    fn number(&mut self, tenths: i64, first: bool) {
        if !first && tenths >= 0 {
            self.d.push(' ');
        }
        let (whole, rest) = (tenths.abs() / 10, tenths.abs() % 10);
        let sign = if tenths < 0 { "-" } else { "" };
        // Writing to a string cannot fail.
        let _ =
            if rest == 0 { write!(self.d, "{sign}{whole}") } else { write!(self.d, "{sign}{whole}.{rest}") };
    }

    /// The end of a stretch; a lone point is a cross, since a line of no length could not be seen.
    fn lift(&mut self) {
        self.flush();
        if self.points == 1 {
            self.d.push_str("m-2 0h4m-2-2v4");
        }
        self.at = None;
        self.points = 0;
    }

    fn done(mut self) -> String {
        self.lift();
        self.d
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_short_and_broken_at_gaps() {
        let points = [(0.0, 10.0), (1.0, 10.0), (2.0, 10.0), (3.0, 9.5), (4.0, f64::NAN), (5.0, 1.0)];
        assert_eq!(line(&points), "M0 10h2l1-0.5M5 1m-2 0h4m-2-2v4");
        assert_eq!(steps(&points), "M0 10h3v-0.5M5 1m-2 0h4m-2-2v4");
        assert_eq!(dots(&points[2..]), "M2 10h0M3 9.5h0M5 1h0");
        assert_eq!(line(&[]), "");
    }
}

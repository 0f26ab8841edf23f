//! The charts' values as the page's script reads them: one JSON text, with few digits, and safe inside HTML.
//!
//! ```json
//! { "xs": [[0, 0.05, …], …],
//!   "charts": { "memory": { "question": "…", "panels": [{ "unit": "bytes", "series":
//!     [{ "name": "server RSS", "hue": 0, "dash": "solid", "steps": false, "x": 0, "y": [3.1e6, null, …] }],
//!     "bands": [{ "name": "…", "hue": 0, "x": 3, "low": […], "high": […] }] }] } } }
//! ```
//! `x` is an index into `xs`, because series of one source share their times.

use std::collections::HashMap;

use serde_json::{Map, Value, json};

use crate::chart::{Band, Body, Chart, Dash, Panel, Scale, Series, Shape};
use crate::draw::thinned;

/// How many stretches a series is divided into; the least and the most of each survive, so that it has twice as many
/// points at most.
const BUCKETS: usize = 600;

/// Digits that a value keeps. The crosshair shows three; a time in a run of an hour wants six. Quantiles keep all of
/// theirs: what tells 99.9999 % from 100 % is in the last ones.
const DIGITS: i32 = 6;

/// The whole text, to stand in a `<script type="application/json">`.
pub(super) fn json(charts: &[Chart]) -> String {
    let mut xs = Xs::default();
    let mut named = Map::new();
    for chart in charts {
        if let Body::Panels(panels) = &chart.body {
            xs.exact = panels.x.scale == Scale::Percentile;
            let panels: Vec<Value> = panels.panels.iter().map(|panel| xs.panel(panel)).collect();
            named.insert(chart.name.clone(), json!({ "question": chart.question, "panels": panels }));
        }
    }
    // `</script>` and `<!--` would end or bend the element that this stands in.
    json!({ "xs": xs.lists, "charts": named }).to_string().replace('<', "\\u003c")
}

/// The lists of x, each once.
#[derive(Default)]
struct Xs {
    /// Whether x keeps every digit.
    exact: bool,
    lists: Vec<Vec<Value>>,
    known: HashMap<Vec<u64>, usize>,
}

impl Xs {
    fn panel(&mut self, panel: &Panel) -> Value {
        let series: Vec<Value> = panel.series.iter().map(|series| self.series(panel, series)).collect();
        let bands: Vec<Value> = panel.bands.iter().map(|band| self.band(band)).collect();
        json!({ "unit": panel.y.unit.key(), "series": series, "bands": bands })
    }

    fn series(&mut self, panel: &Panel, series: &Series) -> Value {
        let name = if series.name.is_empty() { &panel.y.label } else { &series.name };
        let points = thinned(&series.points, BUCKETS);
        let x = self.index(points.iter().map(|(x, _)| *x));
        let y: Vec<Value> = points.iter().map(|(_, y)| number(*y)).collect();
        json!({
            "name": name, "hue": series.ink.hue, "dash": dash(series.ink.dash), "faint": series.ink.faint,
            "shape": shape(series.shape), "x": x, "y": y,
        })
    }

    fn band(&mut self, band: &Band) -> Value {
        // Every so manyth point: a band is smooth.
        let step = band.points.len().div_ceil(BUCKETS).max(1);
        let points: Vec<_> = band.points.iter().step_by(step).chain(band.points.last()).collect();
        let x = self.index(points.iter().map(|point| point.0));
        let low: Vec<Value> = points.iter().map(|point| number(point.1)).collect();
        let high: Vec<Value> = points.iter().map(|point| number(point.2)).collect();
        json!({ "name": band.name, "hue": band.ink.hue, "x": x, "low": low, "high": high })
    }

    fn index(&mut self, x: impl Iterator<Item = f64>) -> usize {
        let list: Vec<f64> = x.map(|x| if self.exact { x } else { rounded(x) }).collect();
        let key = list.iter().map(|x| x.to_bits()).collect();
        *self.known.entry(key).or_insert_with(|| {
            self.lists.push(list.into_iter().map(whole_or_not).collect());
            self.lists.len() - 1
        })
    }
}

fn dash(dash: Dash) -> &'static str {
    match dash {
        Dash::Solid => "solid",
        Dash::Dashed => "dashed",
        Dash::Dotted => "dotted",
        Dash::DashDot => "dashdot",
    }
}

fn shape(shape: Shape) -> &'static str {
    match shape {
        Shape::Line => "line",
        Shape::Steps => "steps",
        Shape::Points => "points",
        Shape::LinePoints => "linepoints",
    }
}

/// The value with [`DIGITS`] significant digits.
fn rounded(value: f64) -> f64 {
    if value == 0.0 || !value.is_finite() {
        return value;
    }
    let step = 10_f64.powi(DIGITS - 1 - value.abs().log10().floor() as i32);
    let rounded = (value * step).round() / step;
    if rounded.is_finite() { rounded } else { value }
}

/// As JSON writes it: a whole number without a point, what is not a number as null.
fn number(value: f64) -> Value {
    whole_or_not(rounded(value))
}

fn whole_or_not(value: f64) -> Value {
    if !value.is_finite() {
        Value::Null
    } else if value.fract() == 0.0 && value.abs() < 1e15 {
        json!(value as i64)
    } else {
        json!(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chart::{Ink, Panels};

    #[test]
    fn numbers_keep_six_digits() {
        for (value, text) in [
            (0.0, "0"),
            (1_000_000.0, "1000000"),
            (54_112_256.0, "54112300"),
            (0.000_122_345_678, "0.000122346"),
            (-1.0 / 3.0, "-0.333333"),
            (f64::NAN, "null"),
            (f64::INFINITY, "null"),
        ] {
            assert_eq!(number(value).to_string(), text);
        }
        assert_eq!(rounded(f64::MIN_POSITIVE), f64::MIN_POSITIVE);
    }

    #[test]
    fn series_share_their_times_and_nothing_ends_the_element() {
        let series = |name: &str, points: &[(f64, f64)]| Series {
            name: name.to_owned(),
            ink: Ink::default(),
            shape: Shape::Line,
            points: points.to_vec(),
            hints: Vec::new(),
        };
        let many: Vec<(f64, f64)> = (0..100_000).map(|i| (f64::from(i), f64::from(i % 100))).collect();
        let panel = Panel {
            series: vec![
                series("</script>", &[(0.0, 1.0), (0.5, f64::NAN), (1.0, 3.0)]),
                series("b", &[(0.0, 7.0), (0.5, 8.0), (1.0, 9.0)]),
                series("c", &many),
            ],
            ..Panel::default()
        };
        let body = Body::Panels(Panels { panels: vec![panel], ..Panels::default() });
        let (question, footer) = (String::new(), Vec::new());
        let chart = Chart {
            name: "a".into(),
            answer: question.clone(),
            question,
            body,
            notes: footer.clone(),
            footer,
        };
        let text = json(&[chart]);
        assert!(!text.contains('<'), "{text:.200}");
        let value: Value = serde_json::from_str(&text).unwrap();
        let read = &value["charts"]["a"]["panels"][0]["series"];
        assert_eq!(read[0]["name"], "</script>");
        assert_eq!(read[0]["y"], json!([1, null, 3]));
        assert_eq!((&read[0]["x"], &read[1]["x"]), (&json!(0), &json!(0)));
        assert_eq!(value["xs"][0], json!([0, 0.5, 1]));
        assert!(read[2]["y"].as_array().unwrap().len() <= 2 * BUCKETS + 2);
    }
}

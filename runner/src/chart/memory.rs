//! `memory.svg`: the server's memory and the connections over the minutes of a run, drawn from its bundle alone.

use std::path::Path;

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use serde_json::Value;
use telemetry::{BundleError, BundleReader, Frame};

/// The chart's name in the bundle.
pub const MEMORY_FILE: &str = "memory.svg";

const SIZE: (u32, u32) = (960, 480);
const MEMORY_COLOR: RGBColor = RGBColor(0, 90, 160);
const CONNECTIONS_COLOR: RGBColor = RGBColor(200, 95, 0);
const TEXT_COLOR: RGBColor = RGBColor(60, 60, 60);
const FONT: &str = "sans-serif";

/// A phase and when it began and ended, in minutes.
struct Phase {
    name: String,
    began: f64,
    ended: f64,
}

/// What the chart shows; times in minutes since the first frame.
#[derive(Default)]
struct Story {
    memory: Vec<(f64, f64)>,
    connections: Vec<(f64, f64)>,
    phases: Vec<Phase>,
    end: f64,
}

/// Draws the chart; `None` when the run has no sample of the server's memory.
///
/// # Errors
/// When the bundle cannot be read.
pub fn memory(bundle: &Path) -> Result<Option<String>, BundleError> {
    let reader = BundleReader::open(bundle)?;
    let mut story = Story::default();
    let mut start_us = None;
    for frame in reader.frames()?.flatten() {
        let start = *start_us.get_or_insert(frame.at().mono_us);
        story.take(&frame, frame.at().mono_us.saturating_sub(start) as f64 / 60e6);
    }
    if story.memory.len() < 2 {
        return Ok(None);
    }
    let mut svg = String::new();
    // Writing to a string cannot fail, and the ranges are never empty.
    draw(&story, &mut svg).expect("an SVG in memory");
    Ok(Some(svg))
}

impl Story {
    fn take(&mut self, frame: &Frame, minute: f64) {
        self.end = self.end.max(minute);
        match frame {
            Frame::Sample(sample) => {
                if let Some(rss) = sample.values.get("server.rss_bytes") {
                    self.memory.push((minute, rss / 1024.0 / 1024.0));
                }
                if let Some(open) = sample.values.get("connections.open") {
                    self.connections.push((minute, *open));
                }
            }
            Frame::Mark(mark) if mark.source == "runner" => {
                let Some(name) = mark.attributes.get("phase").and_then(Value::as_str) else { return };
                if !matches!(name, "ramp" | "hold" | "settle" | "drain") {
                    return;
                }
                if mark.name == "phase.began" {
                    self.phases.push(Phase { name: name.into(), began: minute, ended: f64::INFINITY });
                } else if let Some(phase) = self.phases.iter_mut().rev().find(|phase| phase.name == name) {
                    phase.ended = minute;
                }
            }
            _ => {}
        }
    }
}

fn draw(story: &Story, svg: &mut String) -> Result<(), Box<dyn std::error::Error>> {
    let most = |points: &[(f64, f64)]| points.iter().map(|(_, y)| *y).fold(0.0, f64::max);
    let (memory_max, connections_max) =
        (most(&story.memory).max(1.0) * 1.15, most(&story.connections).max(1.0) * 1.15);
    let end = story.end.max(0.01);
    let decimals = if end < 1.0 { 2 } else { 1 };
    let root = SVGBackend::with_string(svg, SIZE).into_drawing_area();
    root.fill(&WHITE)?;
    let caption = (FONT, 19).into_font().color(&TEXT_COLOR);
    let mut chart = ChartBuilder::on(&root)
        .caption("How much memory does the server take as connections come?", caption)
        .margin(14)
        .x_label_area_size(42)
        .y_label_area_size(52)
        .right_y_label_area_size(62)
        .build_cartesian_2d(0.0..end, 0.0..memory_max)?
        .set_secondary_coord(0.0..end, 0.0..connections_max);
    for (position, phase) in story.phases.iter().enumerate() {
        let shade = if position % 2 == 0 { BLACK.mix(0.05) } else { BLACK.mix(0.0) };
        let (left, right) = (phase.began, phase.ended.min(end));
        chart.draw_series([Rectangle::new([(left, 0.0), (right, memory_max)], shade.filled())])?;
        // A phase too short for its name goes without.
        if (right - left) / end > 0.06 {
            let style = (FONT, 13).into_font().color(&TEXT_COLOR).pos(Pos::new(HPos::Center, VPos::Top));
            let place = ((left + right) / 2.0, memory_max * 0.985);
            chart.draw_series([Text::new(phase.name.clone(), place, style)])?;
        }
    }
    let label = || (FONT, 13).into_font().color(&TEXT_COLOR);
    chart
        .configure_mesh()
        .disable_x_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(BLACK.mix(0.10))
        .axis_style(BLACK.mix(0.4))
        .x_desc("minutes elapsed")
        .y_desc("server RSS (MiB)")
        .label_style(label())
        .axis_desc_style(label())
        .x_label_formatter(&|minute| format!("{minute:.decimals$}"))
        .y_label_formatter(&|mib| format!("{mib:.0}"))
        .draw()?;
    chart
        .configure_secondary_axes()
        .axis_style(BLACK.mix(0.4))
        .y_desc("connections")
        .label_style(label())
        .axis_desc_style(label())
        .y_label_formatter(&|count| thousands(*count))
        .draw()?;
    chart
        .draw_secondary_series(LineSeries::new(
            story.connections.iter().copied(),
            CONNECTIONS_COLOR.stroke_width(2),
        ))?
        .label("connections")
        .legend(|(x, y)| PathElement::new([(x, y), (x + 18, y)], CONNECTIONS_COLOR.stroke_width(2)));
    chart
        .draw_series(LineSeries::new(story.memory.iter().copied(), MEMORY_COLOR.stroke_width(3)))?
        .label("server RSS")
        .legend(|(x, y)| PathElement::new([(x, y), (x + 18, y)], MEMORY_COLOR.stroke_width(3)));
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::LowerMiddle)
        .background_style(WHITE.mix(0.85))
        .border_style(BLACK.mix(0.2))
        .label_font(label())
        .draw()?;
    root.present()?;
    Ok(())
}

fn thousands(count: f64) -> String {
    match count {
        _ if count >= 1e6 => format!("{:.1}M", count / 1e6),
        _ if count >= 1e4 => format!("{:.0}k", count / 1e3),
        _ => format!("{count:.0}"),
    }
}

//! The charts on the page: each twice, for a narrow and for a wide window, with its figures in a table.

use std::fmt::Write as _;

use crate::chart::{Bars, Body, Chart, Panel, Panels, Series};
use crate::draw::{Theme, svg};

use super::text::{escaped, row};

/// How wide a chart is drawn, in CSS pixels, for windows below and above the style sheet's breakpoint.
const WIDTHS: [(&str, u32); 2] = [("narrow", 560), ("wide", 1120)];

/// Links to the charts, then the charts.
pub(super) fn drawings(charts: &[Chart]) -> String {
    let mut out = String::from("<nav aria-label=\"Charts\"><ul>");
    for chart in charts {
        let name = escaped(&chart.name);
        let _ = write!(out, "<li><a href=\"#{name}\">{name}</a></li>");
    }
    out += "</ul></nav>\n";
    out.extend(charts.iter().map(drawing));
    out
}

fn drawing(chart: &Chart) -> String {
    let name = escaped(&chart.name);
    let mut out = format!(
        "<section class=\"drawing\" id=\"{name}\" data-chart=\"{name}\">\n<h2>{}</h2>\n",
        escaped(&chart.question)
    );
    if !chart.answer.is_empty() {
        let _ = writeln!(out, "<p class=\"answer\">{}</p>", escaped(&chart.answer).replace(" %", "\u{a0}%"));
    }
    out += "<div class=\"canvas\">\n";
    // The page says the words, and larger than a drawing can.
    let wordless = Chart {
        question: String::new(),
        answer: String::new(),
        footer: Vec::new(),
        notes: Vec::new(),
        ..chart.clone()
    };
    for (class, width) in WIDTHS {
        // For whoever cannot see it, the drawing keeps its name and description: its first two elements.
        let drawn = svg(&wordless, width, Theme::Page)
            .replacen("</title>", &format!("{}</title>", escaped(&chart.question)), 1)
            .replacen("</desc>", &format!("{}</desc>", escaped(&chart.answer)), 1);
        let _ = writeln!(out, "<div class=\"{class}\">{drawn}</div>");
    }
    out += "</div>\n";
    if !chart.notes.is_empty() {
        let notes: String = chart.notes.iter().map(|note| format!("<li>{}</li>", escaped(note))).collect();
        let _ = writeln!(out, "<ul class=\"notes\">{notes}</ul>");
    }
    let table = match &chart.body {
        Body::Panels(panels) => of_panels(panels),
        Body::Bars(bars) => of_bars(bars),
    };
    if !table.is_empty() {
        let _ = writeln!(
            out,
            "<details class=\"numbers\"><summary>Numbers</summary><div class=\"scroll\">{table}</div></details>"
        );
    }
    out + "</section>\n"
}

/// For each line its least, most and last value.
fn of_panels(panels: &Panels) -> String {
    let mut body = String::new();
    for panel in &panels.panels {
        let rows: String = panel.series.iter().filter_map(|series| ends(panel, series)).collect();
        if !rows.is_empty() {
            let label = escaped(&panel.y.label);
            let heading = format!("<tr><th colspan=\"4\" scope=\"rowgroup\">{label}</th></tr>\n");
            // One line that is called what its panel is needs no heading.
            let alone =
                panel.series.iter().all(|series| series.name.is_empty() || series.name == panel.y.label);
            let _ = writeln!(body, "<tbody>{}{rows}</tbody>", if alone { "" } else { &heading });
        }
    }
    if body.is_empty() {
        return body;
    }
    format!(
        "<table><thead><tr><td></td><th scope=\"col\">least</th><th scope=\"col\">most</th>\
         <th scope=\"col\">last</th></tr></thead>{body}</table>"
    )
}

fn ends(panel: &Panel, series: &Series) -> Option<String> {
    let values = || series.points.iter().map(|(_, y)| *y).filter(|y| y.is_finite());
    let last = values().next_back()?;
    let (least, most) = values().fold((last, last), |(least, most), y| (least.min(y), most.max(y)));
    let name = if series.name.is_empty() { &panel.y.label } else { &series.name };
    Some(row("", &escaped(name), &[least, most, last].map(|value| panel.y.unit.write(value))))
}

fn of_bars(bars: &Bars) -> String {
    let unit = bars.y.unit;
    let mut out = String::from("<table>");
    for bar in &bars.bars {
        let _ = writeln!(
            out,
            "<tbody><tr><th colspan=\"2\" scope=\"rowgroup\">{}</th></tr>",
            escaped(&bar.title)
        );
        for part in &bar.parts {
            out += &row("", &escaped(&part.label), &[unit.write(part.value)]);
        }
        out += &row("sum", "together", &[unit.write(bar.total)]);
        out += "</tbody>";
    }
    out + "</table>"
}

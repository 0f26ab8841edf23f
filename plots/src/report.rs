//! The report: one page that holds everything a run, or several, has to show, and needs nothing else.
//!
//! ```text
//!   Run… ─┬─ head, outcome, figures ──► words and tables ─┐
//!         └─ chart(kind) ─┬─ svg(), narrow and wide ──────┼──► one HTML text: style, drawings, data, script
//!                         └─ data: thinned, few digits ───┘
//! ```
//!
//! The page opens from disk and asks nobody for anything: its policy forbids every request, and allows one script, by
//! its digest. Whatever comes from a bundle is escaped in [`text`]; the digest stands behind that, so that a name that
//! got through all the same would be shown and not run. Without scripts the page is whole, but for crosshair and zoom.
//! A finger has the crosshair and no zoom: its drag follows the lines, or scrolls the page.
//!
//! [`outcome`] says what happened in words and tables; [`drawings`] holds the charts; [`data`] is what the script in
//! `report/script/` reads values from; [`colour`] has both themes.

mod colour;
mod data;
mod drawings;
mod figures;
mod head;
mod outcome;
mod text;
mod words;

use std::fmt::Write as _;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use sha2::{Digest as _, Sha256};

use crate::{Chart, Kind, Run, chart, draw};

use text::{escaped, theirs};

/// The style, but for the colours.
const STYLE: &str = include_str!("report/page.css");

/// The script, by subject; it becomes one function that leaves nothing behind.
const SCRIPT: &[&str] = &[
    include_str!("report/script/unit.js"),
    include_str!("report/script/scale.js"),
    include_str!("report/script/drawing.js"),
    include_str!("report/script/redraw.js"),
    include_str!("report/script/chart.js"),
    include_str!("report/script/zoom.js"),
    include_str!("report/script/page.js"),
];

/// The page, with charts of these kinds. Charts that cannot be drawn are named, with the reason; no run at all is a page that says so.
pub fn report(runs: &[Run], kinds: &[Kind]) -> String {
    let (charts, undrawn) = charts(runs, kinds);
    let script = format!("(() => {{\n\"use strict\";\n{}}})();\n", SCRIPT.concat());
    let title = head::title(runs);
    let mut out = String::with_capacity(1 << 20);
    let _ = write!(
        out,
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; \
         script-src '{}'; img-src data:; base-uri 'none'; form-action 'none'\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<title>{title} · floodmark</title>\n\
         <style>\n{}{}{STYLE}</style>\n</head>\n<body>\n",
        policy_source(&script),
        colour::css(),
        draw::page_css(),
        title = escaped(&title),
    );
    let _ = write!(
        out,
        "<header>\n<p class=\"maker\">floodmark</p>\n<h1>{}</h1>\n{}</header>\n<main>\n",
        theirs(&title),
        head::head(runs)
    );
    out += &outcomes(runs);
    out += &drawings::drawings(&charts);
    out += &not_drawn(&undrawn);
    out += &folded(runs);
    let _ = write!(
        out,
        "</main>\n<script type=\"application/json\" id=\"data\">{}</script>\n<script>{script}</script>\n</body>\n</html>\n",
        data::json(&charts)
    );
    out
}

/// A script as a policy names it: `sha256-` and the digest in base64. A wrong one shows at once: then no script runs.
fn policy_source(script: &str) -> String {
    format!("sha256-{}", BASE64_STANDARD.encode(Sha256::digest(script)))
}

/// Every chart that there is something for, and why the others are not there.
fn charts(runs: &[Run], kinds: &[Kind]) -> (Vec<Chart>, Vec<(Kind, String)>) {
    let (mut charts, mut undrawn) = (Vec::new(), Vec::new());
    for &kind in kinds {
        match chart(kind, runs) {
            Ok(mut chart) => {
                // What holds for a whole run is said once, at the top, and not under every chart.
                let of_run = |note: &str| {
                    runs.iter().flat_map(Run::missing).any(|missing| note.ends_with(missing.as_str()))
                };
                chart.notes.retain(|note| !of_run(note));
                charts.push(chart);
            }
            Err(reason) => undrawn.push((kind, reason)),
        }
    }
    (charts, undrawn)
}

fn outcomes(runs: &[Run]) -> String {
    let mut out = String::new();
    let tables = figures::tables(runs);
    if let [run] = runs {
        out += &outcome::outcome(run);
        if !tables.is_empty() {
            let _ = writeln!(out, "<details class=\"all\"><summary>Every figure</summary>{tables}</details>");
        }
        return out;
    }
    if !tables.is_empty() {
        let _ =
            writeln!(out, "<section><h2>Figures, and how many times the first run’s</h2>{tables}</section>");
    }
    for run in runs {
        let outcome = outcome::outcome(run);
        if !outcome.is_empty() {
            let _ =
                writeln!(out, "<section class=\"run\"><h2>{}</h2>\n{outcome}</section>", theirs(run.label()));
        }
    }
    out
}

fn not_drawn(undrawn: &[(Kind, String)]) -> String {
    let reasons: String = undrawn
        .iter()
        .map(|(kind, reason)| format!("<li><b>{}</b>: {}</li>\n", kind.name(), escaped(reason)))
        .collect();
    if reasons.is_empty() {
        return reasons;
    }
    format!("<section class=\"notes\"><h2>Not drawn</h2>\n<ul>{reasons}</ul></section>\n")
}

/// The plan and the host, as the bundle holds them.
fn folded(runs: &[Run]) -> String {
    let mut out = String::new();
    let mut fold = |what: &str, run: &Run, text: &str| {
        let whose = if runs.len() > 1 { format!(" of {}", theirs(run.label())) } else { String::new() };
        let _ = writeln!(
            out,
            "<details class=\"source\"><summary>The {what}{whose}</summary><pre tabindex=\"0\">{}</pre></details>",
            escaped(text)
        );
    };
    for run in runs {
        if let Some(plan) = run.plan_text() {
            fold("plan", run, plan);
        }
        if let Some(host) = run.host() {
            fold("host", run, &format!("{host:#}"));
        }
    }
    out
}

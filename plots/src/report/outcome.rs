//! What a run has shown: thresholds, failures by cause, what hit the wall, and what is missing.

use std::fmt::Write as _;

use serde_json::Value;

use crate::{Run, Unit};

use super::figures::written;
use super::text::{escaped, grouped, row};
use super::words::sentences;

/// All of it, for one run; empty when there is nothing to say.
pub(super) fn outcome(run: &Run) -> String {
    let mut out = String::new();
    if let Some(summary) = run.summary() {
        let (words, thresholds, failures) = (words(summary), thresholds(summary), failures(summary));
        // The sentences and the tables stand beside each other where there is room.
        let _ = write!(out, "<div class=\"beside\">\n{words}<div>{thresholds}{failures}</div>\n</div>\n");
        out += &wall(summary);
    }
    out + &notes(run)
}

fn words(summary: &Value) -> String {
    let sentences = sentences(summary);
    let Some((first, rest)) = sentences.split_first() else { return String::new() };
    let rest: String = rest.iter().map(|sentence| format!("<li>{sentence}</li>\n")).collect();
    let rest = if rest.is_empty() { rest } else { format!("<ul class=\"words\">{rest}</ul>\n") };
    format!("<div class=\"summary\"><p class=\"lead\">{first}</p>\n{rest}</div>\n")
}

fn thresholds(summary: &Value) -> String {
    let rows: String = array(summary, "thresholds").iter().map(threshold).collect();
    if rows.is_empty() {
        return rows;
    }
    format!(
        "<table class=\"thresholds\"><caption>Thresholds</caption><thead><tr><th scope=\"col\">asked</th>\
         <th scope=\"col\">measured</th><th scope=\"col\">holds</th></tr></thead><tbody>\n{rows}</tbody></table>\n"
    )
}

fn threshold(outcome: &Value) -> String {
    let expr = text(outcome, "expr");
    let key = expr.split([' ', '<', '>', '=', '!']).next().unwrap_or_default();
    let value = outcome.get("value").and_then(Value::as_f64);
    let value =
        value.map_or("<span class=\"absent\">not measured</span>".to_owned(), |value| written(key, value));
    let (class, holds) = match outcome.get("ok").and_then(Value::as_bool) {
        Some(true) => ("", "<span class=\"good\">✓ yes</span>"),
        _ => ("broken", "<span class=\"bad\">✗ no</span>"),
    };
    row(class, &format!("<code>{}</code>", escaped(expr)), &[value, holds.to_owned()])
}

fn failures(summary: &Value) -> String {
    let causes = summary.pointer("/connections/failures_by_cause").and_then(Value::as_object);
    let mut causes: Vec<(&String, f64)> =
        causes.into_iter().flatten().filter_map(|(cause, count)| Some((cause, count.as_f64()?))).collect();
    causes.sort_by(|(one, few), (other, many)| many.total_cmp(few).then(one.cmp(other)));
    let rows: String = causes
        .iter()
        .map(|(cause, count)| row("", &format!("<code>{}</code>", escaped(cause)), &[grouped(*count)]))
        .collect();
    if rows.is_empty() {
        return rows;
    }
    format!(
        "<table class=\"failures\"><caption>Failures by cause</caption><thead><tr><th scope=\"col\">cause</th>\
         <th scope=\"col\">connections</th></tr></thead><tbody>\n{rows}</tbody></table>\n"
    )
}

/// What kept the run from its plan, as the runner has found it.
fn wall(summary: &Value) -> String {
    let Some(wall) = summary.get("wall").filter(|wall| wall.is_object()) else { return String::new() };
    let mut out = String::from("<section class=\"wall\"><h3>What hit the wall</h3>\n");
    let shortfall: Vec<&str> = array(wall, "shortfall").iter().filter_map(Value::as_str).collect();
    if !shortfall.is_empty() {
        let _ = writeln!(out, "<p>Reached: {}.</p>", escaped(&shortfall.join("; ")));
    }
    let causes: String = array(wall, "causes").iter().map(cause).collect();
    if causes.is_empty() {
        out += "<p>Nothing that was measured was at its limit.</p>\n";
    } else {
        let _ = writeln!(out, "<ol class=\"causes\">{causes}</ol>");
    }
    if let Some(nearest) = wall.get("nearest").filter(|nearest| nearest.is_object()) {
        let ratio = nearest.get("ratio").and_then(Value::as_f64);
        let full = ratio.map_or(String::new(), |ratio| format!(", at {} of it", Unit::Ratio.write(ratio)));
        let cores = nearest.get("run_cores").and_then(Value::as_f64);
        let cores = cores
            .map_or(String::new(), |cores| format!("; the run itself used {}", Unit::Cores.write(cores)));
        let _ = writeln!(
            out,
            "<p>Nearest to its limit: <code>{}</code>{full}{cores}.</p>",
            escaped(text(nearest, "cause"))
        );
    }
    let unknown: Vec<&str> = array(wall, "unknown").iter().filter_map(Value::as_str).collect();
    if !unknown.is_empty() {
        let _ = writeln!(out, "<p>Could not be seen from here: {}.</p>", escaped(&unknown.join("; ")));
    }
    out + "</section>\n"
}

fn cause(cause: &Value) -> String {
    let weight = cause.get("weight").and_then(Value::as_f64);
    let weight = weight.map_or(String::new(), |weight| {
        format!(" <span class=\"quiet\">{}</span>", Unit::Ratio.write(weight))
    });
    format!(
        "<li><strong><code>{}</code></strong>{weight}<br>{}<br><span class=\"advice\"><b>To try:</b> {}</span></li>\n",
        escaped(text(cause, "cause")),
        escaped(text(cause, "evidence")),
        escaped(text(cause, "advice")),
    )
}

/// What is missing, or should not be trusted.
fn notes(run: &Run) -> String {
    let mut notes: Vec<String> = run.missing().iter().map(|note| escaped(note)).collect();
    if let Some(summary) = run.summary() {
        let said = ["/memory/ledger/note", "/limit/note"]
            .map(|place| summary.pointer(place).and_then(Value::as_str));
        notes.extend(said.into_iter().flatten().map(escaped));
        if summary.pointer("/audit/saturated").and_then(Value::as_bool) == Some(true) {
            notes.push("The audit’s memory was overrun: its figures are lower bounds.".to_owned());
        }
    }
    let notes: String = notes.iter().map(|note| format!("<li>{note}</li>\n")).collect();
    if notes.is_empty() {
        notes
    } else {
        format!("<section class=\"notes\"><h3>To bear in mind</h3>\n<ul>{notes}</ul></section>\n")
    }
}

fn array<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value.get(key).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn thresholds_say_what_was_measured() {
        let table = thresholds(&json!({ "thresholds": [
            { "expr": "memory.server_bytes_per_connection < 128B", "value": 39.6, "ok": true },
            { "expr": "delivery.latency_ms.p99<50ms", "value": 51.577, "ok": false },
            { "expr": "audit.lost == 0", "value": null, "ok": false },
            { "expr": "<img src=x>" },
        ]}));
        for part in ["128B</code>", "39.6 B", "51.6 ms", "not measured", "&lt;img src=x&gt;", "✓ yes"] {
            assert!(table.contains(part), "no '{part}' in {table}");
        }
        assert_eq!(table.matches("✗ no").count(), 3, "what is not known to hold does not: {table}");
        assert_eq!(thresholds(&json!({ "thresholds": [] })), "");
    }

    #[test]
    fn the_wall_has_evidence_and_advice() {
        let wall = wall(&json!({ "wall": {
            "first": "generator.ports",
            "causes": [{ "cause": "generator.ports", "side": "generator", "weight": 1.0,
                "evidence": "2,312 of 30,000 connects found no free port", "advice": "add <addresses>" }],
            "shortfall": ["27,688 of 30,000 connections"],
            "nearest": { "cause": "machine.cpu", "ratio": 0.83, "run_cores": 1.41 },
            "unknown": ["the server's CPU"],
        }}));
        for part in [
            "generator.ports",
            "no free port",
            "add &lt;addresses&gt;",
            "27,688 of",
            "machine.cpu",
            "83 %",
            "1.41 cores",
            "the server&#39;s CPU",
        ] {
            assert!(wall.contains(part), "no '{part}' in {wall}");
        }
        assert_eq!(super::wall(&json!({ "wall": null })), "");
        assert!(super::wall(&json!({ "wall": { "causes": [] } })).contains("Nothing that was measured"));
    }

    #[test]
    fn failures_come_most_frequent_first() {
        let table =
            failures(&json!({ "connections": { "failures_by_cause": { "a": 1, "<b>": 2000, "c": "x" } } }));
        let places = ["&lt;b&gt;", "2,000", "<code>a</code>"].map(|part| table.find(part).unwrap());
        assert!(places.is_sorted(), "{table}");
        assert!(!table.contains("<b>") && !table.contains("<code>c"), "{table}");
    }
}

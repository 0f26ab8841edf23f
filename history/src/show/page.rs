//! A static site of all scenarios and metrics: an index of small trends, and a page for each metric.
//!
//! Each page is one file that needs no other and no network; links are relative. Pages of the same file are the same,
//! byte for byte: no clock is read.

use std::collections::{BTreeMap, BTreeSet};

use crate::check::{Finding, Judgement, Outcome, State, effect, judge};
use crate::rules::{DEFAULTS_SERIES, Rule};
use crate::series::{Choice, Runs};
use crate::show::escape::markup;
use crate::show::trend::{answer, slug};
use crate::show::{trend, words};
use crate::{Base, History};

/// Every page names its maker, so that nothing else is overwritten.
pub const GENERATOR: &str = "<meta name=\"generator\" content=\"floodmark history\">";

/// The widths that a trend is drawn in, in px: for narrow windows and for wide ones.
const WIDTHS: [(&str, u32); 2] = [("narrow", 560), ("wide", 1120)];

/// The size of a small trend's picture.
const SPARK: (f64, f64) = (240.0, 44.0);

/// Its line has the least and the most of so many stretches.
const SPARK_BUCKETS: usize = 60;

const CSS: &str = include_str!("page/page.css");
const JS: &str = include_str!("page/page.js");

/// What `light_css` has no values for, and all values of a dark page.
const LIGHT_MORE: &str = "--good:#1A6B3C;--warn:#8A5A00;--link:#0550AE;--shade:#E4E8EE";
const DARK: &str = "--ink:#E6EAF0;--muted:#9BA5B1;--grid:#2B323B;--axis:#66707C;--paper:#12161B;--phase:#1B2129;\
    --mark:#7A8490;--bad:#FF7B8E;--good:#5FCF8B;--warn:#E3B341;--link:#79B8FF;--shade:#262E38;\
    --h0:#58A9F0;--h1:#FF9A3D;--h2:#35C2A0;--h3:#EBA0CC;--h4:#D6BC6E;--h5:#A5D8FF;--h6:#C3CAD3;--h7:#E0D060";

/// A file of the site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// Its name; no folder.
    pub name: String,
    /// Its bytes.
    pub html: String,
}

/// The site: `index.html` first. `title` is what the file is called.
pub fn pages(
    history: &History,
    title: &str,
    rules: &[Rule],
    choice: &Choice,
    base: Option<&Base>,
) -> Vec<Page> {
    let mut taken: BTreeSet<String> = ["index.html".to_owned()].into();
    let mut pages = Vec::new();
    let (mut body, mut worse) = (String::new(), Vec::new());
    for scenario in history.scenarios() {
        let runs = Runs::of(history, scenario);
        let judged = |rule: &Rule| {
            let series = runs.series(rule, choice).filter(|series| !series.points.is_empty())?;
            Some(judge(series, &history.accepted, base))
        };
        let judgements: Vec<Judgement> = rules.iter().filter_map(judged).collect();
        let named: Vec<(String, &Judgement)> = judgements
            .iter()
            .map(|judgement| (file_name(judgement, "html", &mut taken), judgement))
            .collect();
        let fails = named.iter().filter(|(_, judgement)| judgement.outcome == Outcome::Worse);
        worse.extend(fails.map(|(file, judgement)| {
            let (file, metric) = (markup(file), markup(&judgement.series.rule.metric));
            format!(
                "<li><a href=\"{file}\">{metric}</a> in {}: {}</li>",
                markup(scenario),
                markup(&answer(judgement))
            )
        }));
        body.push_str(&scenario_section(scenario, &named));
        pages.extend(named.into_iter().map(|(name, judgement)| metric_page(title, name, judgement)));
    }
    if pages.is_empty() {
        body.push_str("<p>There is nothing to show yet.</p>");
    }
    let range = match (history.runs.first(), history.runs.last()) {
        (Some(first), Some(last)) => {
            format!(", {} to {}", first.commit.committed_at.day(), last.commit.committed_at.day())
        }
        _ => String::new(),
    };
    let worse = match worse.len() {
        0 => String::new(),
        number => {
            let number = words::count(number, "metric");
            format!(
                "<p class=\"verdict worse\">{number} changed for the worse</p><ul>{}</ul>",
                worse.concat()
            )
        }
    };
    let head = format!(
        "<h1>{}</h1><p class=\"about\">{}{range}</p>{worse}<input type=\"search\" hidden placeholder=\"Search metrics\" \
         aria-label=\"Search metrics\">",
        markup(title),
        words::count(history.runs.len(), "run")
    );
    pages.insert(0, Page { name: "index.html".into(), html: html(title, &format!("{head}{body}")) });
    pages
}

/// All metrics that any run has measured: the defaults first, as they are shown; the others by name.
pub fn rules_of(history: &History) -> Vec<Rule> {
    let names = history.metrics();
    let others = names.iter().map(String::as_str).filter(|name| !DEFAULTS_SERIES.contains(name));
    DEFAULTS_SERIES.into_iter().chain(others).map(|name| Rule::of(name, false)).collect()
}

/// A name for the metric's file, which none of those `taken` has and which leads to no other folder.
pub fn file_name(judgement: &Judgement, ending: &str, taken: &mut BTreeSet<String>) -> String {
    let series = &judgement.series;
    let stem = format!("{}--{}", slug(&series.scenario), slug(&series.rule.metric));
    let names = std::iter::once(format!("{stem}.{ending}"))
        .chain((2..).map(|number| format!("{stem}-{number}.{ending}")));
    let mut free = names.skip_while(|name| taken.contains(name));
    let name = free.next().expect("numbers do not end");
    taken.insert(name.clone());
    name
}

fn scenario_section(scenario: &str, named: &[(String, &Judgement)]) -> String {
    let mut groups: Vec<(&str, Vec<&(String, &Judgement)>)> = vec![("judged by default", Vec::new())];
    let mut rest: BTreeMap<&str, Vec<&(String, &Judgement)>> = BTreeMap::new();
    for one in named {
        let metric = one.1.series.rule.metric.as_str();
        if DEFAULTS_SERIES.contains(&metric) {
            groups[0].1.push(one);
        } else {
            rest.entry(metric.split('.').next().unwrap_or(metric)).or_default().push(one);
        }
    }
    groups.extend(rest);
    let mut out = format!("<h2>{}</h2>", markup(scenario));
    let machine = named
        .iter()
        .map(|(_, judgement)| judgement)
        .find(|judgement| !matches!(judgement.series.footing, crate::Footing::Ceiling(_)));
    if let Some(judgement) = machine {
        out.push_str(&format!("<p class=\"about\">{}</p>", markup(&words::footing(&judgement.series))));
    }
    for (group, cards) in groups.into_iter().filter(|(_, cards)| !cards.is_empty()) {
        let cards: String = cards.into_iter().map(|(name, judgement)| card(name, judgement)).collect();
        out.push_str(&format!(
            "<section class=\"group\"><h3>{}</h3><div class=\"cards\">{cards}</div></section>",
            markup(group)
        ));
    }
    out
}

fn card(file: &str, judgement: &Judgement) -> String {
    let series = &judgement.series;
    let value = series.points.last().map_or("–".to_owned(), |point| series.write(point.value));
    let metric = markup(&series.rule.metric);
    let what = match (&judgement.outcome, judgement.findings.last()) {
        (Outcome::NotEnough(_) | Outcome::NotJudged(_), _) => "too few".to_owned(),
        (Outcome::Pending, _) => {
            let ratio = judgement.pending.and_then(|pending| pending.ratio());
            format!("{}, pending", words::change(ratio))
        }
        (_, Some(finding)) => words::change(finding.ratio()),
        (_, None) => "steady".into(),
    };
    let class = if series.rule.direction == crate::Direction::Neither {
        "not_judged"
    } else {
        judgement.outcome.name()
    };
    let edge = if judgement.outcome == Outcome::Worse { " worse" } else { "" };
    let hint = markup(&answer(judgement));
    format!(
        "<a class=\"card{edge}\" href=\"{}\" data-name=\"{} {metric}\" title=\"{hint}\"><span class=\"name\">{metric}</span>\
         <span class=\"row\"><span class=\"value\">{}</span><span class=\"what {class}\">{}</span></span>{}</a>",
        markup(file),
        markup(&series.scenario),
        markup(&value),
        markup(&what),
        spark(judgement)
    )
}

/// A small trend: a line, and what is suspect behind it.
fn spark(judgement: &Judgement) -> String {
    let values = judgement.series.values();
    let (width, height) = SPARK;
    let (low, high) =
        values.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(*v), high.max(*v)));
    let step = width / (values.len().max(2) - 1) as f64;
    let y = |value: f64| {
        // What never moves is a line in the middle.
        let share = if high > low { (value - low) / (high - low) } else { 0.5 };
        4.0 + (1.0 - share) * (height - 8.0)
    };
    let ranges: String =
        judgement.findings.iter().map(|finding| spark_range(finding, step, height)).collect();
    let places =
        values.iter().enumerate().map(|(place, value)| (place as f64 * step, *value)).collect::<Vec<_>>();
    let mut line: Vec<String> = plots::thinned(&places, SPARK_BUCKETS)
        .iter()
        .map(|(x, value)| format!("{x:.1} {:.1}", y(*value)))
        .collect();
    if let [only] = &line[..] {
        line = vec![only.clone(), format!("{width} {:.1}", y(values[0]))];
    }
    format!(
        "<svg viewBox=\"0 0 {width} {height}\" preserveAspectRatio=\"none\" aria-hidden=\"true\">{ranges}\
         <path class=\"spark\" d=\"M{}\"/></svg>",
        line.join("L")
    )
}

fn spark_range(finding: &Finding, step: f64, height: f64) -> String {
    let (first, last) = finding.change.range;
    let from = (first as f64 - 1.0) * step;
    let width = (last as f64 * step - from).max(2.0);
    let fails = if finding.state == State::Fails { " fails" } else { "" };
    format!(
        "<rect class=\"spark-range{fails}\" x=\"{from:.1}\" y=\"0\" width=\"{width:.1}\" height=\"{height}\"/>"
    )
}

fn metric_page(title: &str, name: String, judgement: &Judgement) -> Page {
    let series = &judgement.series;
    let chart = trend(judgement);
    let charts: String = WIDTHS
        .iter()
        .map(|(class, width)| {
            format!("<div class=\"{class}\">{}</div>", plots::svg(&chart, *width, plots::Theme::Page))
        })
        .collect();
    let outcome = &judgement.outcome;
    let word = match outcome {
        Outcome::Worse => "changed for the worse",
        Outcome::Better => "changed for the better",
        Outcome::Steady if judgement.findings.is_empty() => "steady",
        Outcome::Steady => "no change that fails",
        Outcome::Pending => "pending: the newest commits are worse, and too few to tell",
        Outcome::NotEnough(_) => "too little data",
        Outcome::NotJudged(_) => "not judged",
    };
    let rule = &series.rule;
    let direction = match rule.direction {
        crate::Direction::Lower => "Lower is better",
        crate::Direction::Higher => "Higher is better",
        crate::Direction::Neither => "Neither higher nor lower is better, so that it never fails",
    };
    let least = words::least(&effect(series), rule);
    let body = format!(
        "<p><a href=\"index.html\">{}</a> › {}</p><h1 class=\"unseen\">{}</h1><p class=\"verdict {}\">{word}</p>\
         <figure>{charts}</figure>{}<p class=\"about\">{direction}. Changes of {} are told.</p>",
        markup(title),
        markup(&series.scenario),
        markup(&rule.metric),
        outcome.name(),
        changes_table(judgement),
        markup(&least),
    );
    Page { name, html: html(&format!("{} in {}", rule.metric, series.scenario), &body) }
}

fn changes_table(judgement: &Judgement) -> String {
    if judgement.findings.is_empty() {
        return String::new();
    }
    let series = &judgement.series;
    let row = |finding: &Finding| {
        let (good, bad) = (&finding.last_good, &finding.first_bad);
        let state = words::state(&finding.state).unwrap_or_else(|| "worse, fails".into());
        let class = if finding.state == State::Fails { "worse" } else { "" };
        format!(
            "<tr><td class=\"{class}\">{}</td><td class=\"whole\">{}</td><td class=\"number\">{}</td><td class=\"number\">{}</td>\
             <td class=\"number\">{}</td><td class=\"whole\"><code>{}..{}</code></td><td class=\"whole\">{}</td></tr>",
            markup(&state),
            finding.likely.committed_at.day(),
            markup(&series.write(finding.change.before)),
            markup(&series.write(finding.change.after)),
            markup(&words::change(finding.ratio())),
            markup(&crate::short(&good.id)),
            markup(&crate::short(&bad.id)),
            markup(&words::sure(finding.change.p))
        )
    };
    let rows: String = judgement.findings.iter().rev().map(row).collect();
    format!(
        "<h3>Changes</h3><div class=\"scroll\"><table><thead><tr><th>state</th><th>date</th><th class=\"number\">before</th>\
         <th class=\"number\">after</th><th class=\"number\">change</th><th>commits to suspect</th><th>confidence</th>\
         </tr></thead><tbody>{rows}</tbody></table></div>"
    )
}

fn html(title: &str, body: &str) -> String {
    let (light, charts, title) = (plots::draw::light_css(), plots::page_css(), markup(title));
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">{GENERATOR}<title>{title}</title>\n\
         <style>:root{{color-scheme:light dark;{light}{LIGHT_MORE}}}\n\
         @media screen and (prefers-color-scheme:dark){{:root{{{DARK}}}}}\n{charts}{CSS}</style></head>\n\
         <body><main>{body}</main>\n<script>{JS}</script></body></html>\n"
    )
}

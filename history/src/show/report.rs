//! What a check or a comparison says, in words, before anybody thinks of columns.

use crate::check::{Checked, Finding, Judgement, Outcome, State, Verdict};
use crate::compare::{Compared, Pair, Side};
use crate::median;
use crate::rules::Direction;
use crate::series::Footing;
use crate::show::words;

/// So many metrics are named in the sentence; of more, only the number is told.
const NAMED_MAX: usize = 3;

/// Everything that is said.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// `check` or `compare`: what the columns are of.
    pub of: &'static str,
    /// A scenario each.
    pub groups: Vec<Group>,
    /// What is said of everything together.
    pub verdict: Verdict,
    /// The same in a sentence.
    pub sentence: String,
}

/// A scenario.
#[derive(Debug, Clone, PartialEq)]
pub struct Group {
    /// Its name.
    pub scenario: String,
    /// Which runs were compared, and which left out; a line each.
    pub about: Vec<String>,
    /// Its metrics.
    pub rows: Vec<Row>,
}

/// How a metric stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// It fails.
    Worse,
    /// It became better.
    Better,
    /// Perhaps worse: the newest commits are far off, and too few to say.
    Pending,
    /// Nothing to say.
    Ok,
    /// There is too little data.
    Little,
    /// Not judged.
    Absent,
}

impl Mark {
    /// In a column.
    pub fn word(self) -> &'static str {
        match self {
            Mark::Worse => "WORSE",
            Mark::Better => "better",
            Mark::Pending => "pending",
            Mark::Ok => "ok",
            Mark::Little => "too few",
            Mark::Absent => "–",
        }
    }

    fn of(outcome: &Outcome) -> Mark {
        match outcome {
            Outcome::Worse => Mark::Worse,
            Outcome::Better => Mark::Better,
            Outcome::Pending => Mark::Pending,
            Outcome::Steady => Mark::Ok,
            Outcome::NotEnough(_) => Mark::Little,
            Outcome::NotJudged(_) => Mark::Absent,
        }
    }
}

/// A metric.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// Its name.
    pub metric: String,
    /// How it stands.
    pub mark: Mark,
    /// Its latest value, or both.
    pub value: String,
    /// What happened to it.
    pub text: String,
    /// More of it, a line each.
    pub more: Vec<String>,
}

impl From<&Checked> for Report {
    fn from(checked: &Checked) -> Report {
        let mut groups: Vec<Group> = Vec::new();
        for judgement in &checked.judgements {
            let series = &judgement.series;
            if groups.last().is_none_or(|group| group.scenario != series.scenario) {
                groups.push(Group { scenario: series.scenario.clone(), about: Vec::new(), rows: Vec::new() });
            }
            let group = groups.last_mut().expect("just made");
            // Shares of ceilings are said beside the metric that is one.
            if !matches!(series.footing, Footing::Ceiling(_)) {
                let about = words::footing(series);
                // Metrics differ in whether some of their commits are too old; it is said once.
                if !group.about.iter().any(|said| said.starts_with(&about)) {
                    group.about.retain(|said| !about.starts_with(said.as_str()));
                    group.about.push(about);
                }
            }
            group.rows.push(checked_row(judgement));
        }
        let since = checked.base.as_ref().map_or(String::new(), |base| {
            let id = crate::short(&base.id);
            let name = if base.id.starts_with(&base.name) { id } else { format!("{} ({id})", base.name) };
            format!(" at or after {name}")
        });
        let verdict = checked.verdict();
        let names =
            |judgement: &Judgement| (judgement.series.rule.metric.clone(), judgement.series.scenario.clone());
        let worse =
            checked.judgements.iter().filter(|judgement| judgement.outcome == Outcome::Worse).map(names);
        let sentence =
            sentence(verdict, &checked.outcomes(), "change", &since) + &named(&worse.collect::<Vec<_>>());
        Report { of: "check", groups, verdict, sentence }
    }
}

fn checked_row(judgement: &Judgement) -> Row {
    let Judgement { series, outcome, findings, pending } = judgement;
    let pending = pending.as_ref().map(|pending| words::pending(series, pending));
    let value = series.points.last().map_or("–".to_owned(), |point| series.write(point.value));
    // The newest that fails, or the newest; the others under it.
    let first = findings.iter().rposition(|finding| finding.state == State::Fails);
    let first = first.or(findings.len().checked_sub(1));
    let mut more = Vec::new();
    let mut text = match (outcome.reason(), first.map(|index| &findings[index])) {
        (Some(reason), _) => reason.to_owned(),
        (None, _) if *outcome == Outcome::Pending => pending.clone().unwrap_or_default(),
        (None, None) => format!("no change in {}", words::count(series.points.len(), "commit")),
        (None, Some(finding)) => {
            more.push(words::range(finding));
            more.extend(words::state(&finding.state).filter(|_| finding.state != State::Better));
            format!("{}, {}", words::size(series, finding), words::sure(finding.change.p))
        }
    };
    if series.rule.direction == Direction::Neither && outcome.reason().is_none() {
        text.push_str(if findings.is_empty() { "" } else { " (never fails)" });
    }
    more.extend(pending.filter(|pending| *pending != text));
    let told = if outcome.reason().is_none() && *outcome != Outcome::Pending { first } else { None };
    let others = findings.iter().enumerate().rev().filter(|(index, _)| Some(*index) != told);
    more.extend(others.map(|(_, finding)| other(judgement, finding)));
    if let Footing::Ceiling(_) = series.footing {
        more.push(words::footing(series));
    }
    Row { metric: series.rule.metric.clone(), mark: Mark::of(outcome), value, text, more }
}

fn other(judgement: &Judgement, finding: &Finding) -> String {
    let state = words::state(&finding.state).map_or(String::new(), |state| format!("; {state}"));
    let size = words::size(&judgement.series, finding);
    format!("{size} {}{state}", words::range(finding))
}

impl From<&Compared> for Report {
    fn from(compared: &Compared) -> Report {
        let side = |name: &str, side: &Side| {
            let commits: Vec<String> = side.commits.iter().map(crate::Commit::short).collect();
            let commits =
                if commits.is_empty() { String::new() } else { format!(" of {}", commits.join(", ")) };
            format!("{name}: {}{commits}", words::count(side.runs, "run"))
        };
        let machine = compared.machine.as_ref().map_or_else(
            || "on unlike machines: only what has a ceiling is compared, as a share of it".into(),
            |machine| format!("on {}", machine.words()),
        );
        let group = Group {
            scenario: compared.scenario.clone(),
            about: vec![format!("{}; {}", side("A", &compared.a), side("B", &compared.b)), machine],
            rows: compared.pairs.iter().map(compared_row).collect(),
        };
        let verdict = compared.verdict();
        let worse = compared.pairs.iter().filter(|pair| pair.outcome == Outcome::Worse);
        let worse: Vec<_> = worse.map(|pair| (pair.rule.metric.clone(), compared.scenario.clone())).collect();
        let sentence =
            sentence(verdict, &compared.outcomes(), "difference", " of B against A") + &named(&worse);
        Report { of: "compare", groups: vec![group], verdict, sentence }
    }
}

fn compared_row(pair: &Pair) -> Row {
    let (unit, factor) = match pair.footing {
        Footing::Ceiling(_) => (plots::Unit::Ratio, 1.0),
        _ => pair.rule.unit(),
    };
    let write = |values: &[f64]| median(values).map_or("–".into(), |value| unit.write(value * factor));
    let value = if pair.a.is_empty() && pair.b.is_empty() {
        "–".into()
    } else {
        format!("{} → {}", write(&pair.a), write(&pair.b))
    };
    let mut more = Vec::new();
    let figures = pair.comparison.as_ref().map(|comparison| {
        let (low, high) = comparison.ci95;
        let interval = format!("{} to {}", words::change(Some(low)), words::change(Some(high)));
        let seen = words::share(comparison.detectable);
        format!("{} ({interval}), {seen} would be seen", words::change(Some(comparison.ratio)))
    });
    let text = match (pair.outcome.reason(), figures) {
        (Some(reason), figures) => {
            more.extend(figures);
            reason.to_owned()
        }
        (None, Some(figures)) => figures,
        (None, None) if pair.a == pair.b => "the same in all runs".into(),
        (None, None) => "from zero, in so many runs that chance is ruled out".into(),
    };
    if pair.missing != (0, 0) && !(pair.a.is_empty() && pair.b.is_empty()) {
        let (a, b) = (pair.a.len(), pair.b.len());
        let (a_all, b_all) = (a + pair.missing.0, b + pair.missing.1);
        more.push(format!(
            "measured in {a} of {} and {b} of {}",
            words::count(a_all, "run"),
            words::count(b_all, "run")
        ));
    }
    if let Footing::Ceiling(figure) = pair.footing {
        more.push(format!("as a share of each machine's own ceiling ({figure})"));
    }
    Row { metric: pair.rule.metric.clone(), mark: Mark::of(&pair.outcome), value, text, more }
}

/// Which metrics, of which scenarios, while they are few.
fn named(worse: &[(String, String)]) -> String {
    let names: Vec<String> =
        worse.iter().map(|(metric, scenario)| format!("{metric} in {scenario}")).collect();
    if names.is_empty() || names.len() > NAMED_MAX {
        String::new()
    } else {
        format!(": {}", names.join(", "))
    }
}

fn sentence(verdict: Verdict, outcomes: &[&Outcome], thing: &str, since: &str) -> String {
    let number = |wanted: fn(&Outcome) -> bool| outcomes.iter().filter(|outcome| wanted(outcome)).count();
    let worse = number(|outcome| matches!(outcome, Outcome::Worse));
    let little = number(|outcome| matches!(outcome, Outcome::NotEnough(_)));
    let judged = number(|outcome| outcome.reason().is_none());
    let metrics = |number| words::count(number, "metric");
    let pending = match number(|outcome| matches!(outcome, Outcome::Pending)) {
        0 => String::new(),
        pending => format!("; the newest commits of {} are far worse, and too few to tell", metrics(pending)),
    };
    match verdict {
        Verdict::Worse => format!("{} with a {thing} for the worse{since}", metrics(worse)),
        Verdict::Fine => format!("no {thing} for the worse{since} in {}{pending}", metrics(judged)),
        Verdict::NotEnough if little > 0 => format!("too little data to judge {}", metrics(little)),
        Verdict::NotEnough => "nothing could be judged".into(),
    }
}

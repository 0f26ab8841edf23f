//! A series: a metric's value for each commit of a scenario, from runs that may be compared with each other.
//!
//! Runs of one kind of machine may. Where the machine's own ceiling was measured, a metric that has one becomes a share of
//! it, and runs of unlike machines may be compared as well. Of the two the series is taken that has more commits; the
//! ceiling's when they have as many.
//!
//! Several runs of one commit are one value, their median: a commit that was run ten times says no more than others
//! of what changed between commits, only more exactly.

use crate::detect::POINTS_MAX;
use crate::line::RunLine;
use crate::median;
use crate::rules::{Ceiling, Rule};
use crate::{Commit, History, Machine, Moment};

/// Whose runs are compared.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Choice {
    /// Those of the machine that the scenario's newest run was on.
    #[default]
    Newest,
    /// Those of the machine with that fingerprint.
    Fingerprint(String),
    /// All, as they are. Whoever asks for it knows that the metric does not depend on the machine.
    Any,
}

/// What makes the runs of a series comparable.
#[derive(Debug, Clone, PartialEq)]
pub enum Footing {
    /// They were on one kind of machine.
    Machine(Machine),
    /// Each is a share of its machine's own ceiling: this figure.
    Ceiling(&'static str),
    /// Nothing: all were asked for.
    Any,
}

/// A commit's value.
#[derive(Debug, Clone, PartialEq)]
pub struct Point {
    /// Which commit.
    pub commit: Commit,
    /// When its newest run was.
    pub date: Moment,
    /// The median of its runs.
    pub value: f64,
    /// What each run measured.
    pub runs: Vec<f64>,
}

/// A metric's value for each commit.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// The scenario.
    pub scenario: String,
    /// The metric, and how it is judged.
    pub rule: Rule,
    /// What makes its runs comparable.
    pub footing: Footing,
    /// In the order of the commits' time.
    pub points: Vec<Point>,
    /// Commits that have comparable runs, whether or not this figure was measured in them.
    pub commits: usize,
    /// Comparable runs.
    pub runs: usize,
    /// Runs that are not comparable, and were left out.
    pub runs_left_out: usize,
    /// The kinds of machines that those were on.
    pub machines_left_out: usize,
    /// Commits that are older than the newest [`POINTS_MAX`] with a value: no change is looked for among them.
    pub older_left_out: usize,
    /// The newest of the comparable runs' commits has no value.
    pub newest_lacks: bool,
}

impl Series {
    /// The values, one for each commit.
    pub fn values(&self) -> Vec<f64> {
        self.points.iter().map(|point| point.value).collect()
    }

    /// A value as it is written: `61.2 B`, or, as a share of the ceiling, `82.1 %`.
    pub fn write(&self, value: f64) -> String {
        let (unit, factor) = self.unit();
        unit.write(value * factor)
    }

    /// What values are written in, and the factor to that.
    pub fn unit(&self) -> (plots::Unit, f64) {
        match self.footing {
            Footing::Ceiling(_) => (plots::Unit::Ratio, 1.0),
            _ => self.rule.unit(),
        }
    }
}

/// The series of a metric in a scenario; `None` when the scenario has no run, or none on the machine that was chosen.
pub fn series(history: &History, scenario: &str, rule: &Rule, choice: &Choice) -> Option<Series> {
    let all: Vec<&RunLine> = history.runs.iter().filter(|run| run.scenario == scenario).collect();
    let raw = |run: &RunLine| run.figure(&rule.metric);
    if *choice == Choice::Any {
        return Some(collect(scenario, rule, Footing::Any, &all, |_| true, raw)).filter(|_| !all.is_empty());
    }
    let fingerprint = match choice {
        Choice::Fingerprint(fingerprint) => fingerprint.as_str(),
        _ => all.iter().max_by_key(|run| run.date)?.machine.fingerprint.as_str(),
    };
    let machine = all.iter().find(|run| run.machine.fingerprint == fingerprint)?.machine.clone();
    let same = |run: &RunLine| run.machine.fingerprint == fingerprint;
    let own = collect(scenario, rule, Footing::Machine(machine), &all, same, raw);
    // A machine that was chosen by name is not to be mixed with others.
    let Some(ceiling) = rule.ceiling.filter(|_| *choice == Choice::Newest) else { return Some(own) };
    let footing = Footing::Ceiling(ceiling.figure());
    let measured = |run: &RunLine| run.limit.is_some();
    let shares = collect(scenario, rule, footing, &all, measured, |run| {
        share(&|name| run.figure(name), rule, ceiling)
    });
    Some(if shares.points.is_empty() || shares.points.len() < own.points.len() { own } else { shares })
}

/// The metric as a share of the machine's own ceiling.
pub(crate) fn share(figure: &dyn Fn(&str) -> Option<f64>, rule: &Rule, ceiling: Ceiling) -> Option<f64> {
    match ceiling {
        Ceiling::Given(ratio) => figure(ratio),
        Ceiling::Over(name, parts) => {
            let ceiling = figure(name).filter(|ceiling| *ceiling > 0.0)?;
            Some(figure(&rule.metric)? * f64::from(parts) / ceiling)
        }
    }
}

fn collect(
    scenario: &str,
    rule: &Rule,
    footing: Footing,
    all: &[&RunLine],
    comparable: impl Fn(&RunLine) -> bool,
    value: impl Fn(&RunLine) -> Option<f64>,
) -> Series {
    let (within, without): (Vec<&RunLine>, Vec<&RunLine>) = all.iter().partition(|run| comparable(run));
    let mut machines: Vec<&str> = without.iter().map(|run| run.machine.fingerprint.as_str()).collect();
    machines.sort_unstable();
    machines.dedup();
    // Runs of one commit stand together only if they agree on its time; those of a file edited by hand may not.
    let mut commits: Vec<(&Commit, Vec<&RunLine>)> = Vec::new();
    for &run in &within {
        match commits.iter_mut().rev().find(|(commit, _)| commit.id == run.commit.id) {
            Some((_, runs)) => runs.push(run),
            None => commits.push((&run.commit, vec![run])),
        }
    }
    let point = |(commit, runs): &(&Commit, Vec<&RunLine>)| {
        let values: Vec<f64> =
            runs.iter().filter_map(|run| value(run)).filter(|value| value.is_finite()).collect();
        let dirty = runs.iter().any(|run| run.commit.dirty);
        Some(Point {
            commit: Commit { dirty, ..(*commit).clone() },
            date: runs.iter().map(|run| run.date).max()?,
            value: median(&values)?,
            runs: values,
        })
    };
    let mut points: Vec<Point> = commits.iter().filter_map(point).collect();
    let older_left_out = points.len().saturating_sub(POINTS_MAX);
    points.drain(..older_left_out);
    let newest = commits.last().map(|(commit, _)| commit.id.as_str());
    Series {
        scenario: scenario.to_owned(),
        rule: rule.clone(),
        footing,
        newest_lacks: points.last().map(|point| point.commit.id.as_str()) != newest,
        points,
        older_left_out,
        commits: commits.len(),
        runs: within.len(),
        runs_left_out: without.len(),
        machines_left_out: machines.len(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::line::Figures;
    use crate::samples::{run, run_on};

    const BYTES: &str = "memory.server_bytes_per_connection";
    const CONNECTS: &str = "connections.connect_rate_per_s";

    fn at(hour: u32) -> String {
        format!("2026-11-21T{hour:02}:00:00Z")
    }

    fn history(runs: Vec<RunLine>) -> History {
        History { runs, ..History::default() }
    }

    fn of(history: &History, metric: &str, choice: &Choice) -> Option<Series> {
        series(history, "smoke", &Rule::of(metric, false), choice)
    }

    #[test]
    fn runs_of_one_commit_are_their_median() {
        let mut runs: Vec<RunLine> =
            [61.0, 90.0, 62.0].iter().map(|value| run("a", &at(1), &[(BYTES, *value)])).collect();
        runs.push(run("b", &at(2), &[(BYTES, 63.0)]));
        runs.push(run("b", &at(2), &[(BYTES, 64.0)]));
        runs.push(run("c", &at(3), &[]));
        let series = of(&history(runs), BYTES, &Choice::Newest).expect("runs");
        assert_eq!(series.values(), [62.0, 63.5]);
        assert_eq!((series.commits, series.runs, series.runs_left_out), (3, 6, 0));
        assert!(series.newest_lacks && series.points[0].runs == [61.0, 90.0, 62.0]);
    }

    #[test]
    fn other_machines_are_left_out_and_counted() {
        let history = history(vec![
            run_on("A", "a", &at(1), &[(BYTES, 61.0)]),
            run_on("B", "b", &at(2), &[(BYTES, 70.0)]),
            run_on("C", "b", &at(3), &[(BYTES, 71.0)]),
            run_on("A", "c", &at(4), &[(BYTES, 62.0)]),
        ]);
        let newest = of(&history, BYTES, &Choice::Newest).expect("runs");
        assert_eq!(newest.values(), [61.0, 62.0]);
        assert_eq!((newest.runs_left_out, newest.machines_left_out), (2, 2));
        let b = Choice::Fingerprint(history.runs[1].machine.fingerprint.clone());
        assert_eq!(of(&history, BYTES, &b).expect("runs").values(), [70.0]);
        assert_eq!(of(&history, BYTES, &Choice::Any).expect("runs").values(), [61.0, 70.5, 62.0]);
        assert_eq!(of(&history, BYTES, &Choice::Fingerprint("beef".into())), None);
        assert_eq!(series(&history, "other", &Rule::of(BYTES, false), &Choice::Any), None);
    }

    #[test]
    fn a_ceiling_makes_unlike_machines_comparable() {
        let limited = |cpu: &str, commit: &str, hour: u32, rate: f64, ratio: f64| {
            let mut run = run_on(
                cpu,
                commit,
                &at(hour),
                &[(CONNECTS, rate), ("memory.kernel_bytes_per_connection", 80.0)],
            );
            run.limit = Some(Figures(
                [("ratio.connects".to_owned(), ratio), ("pair_bytes".to_owned(), 100.0)].into(),
            ));
            run
        };
        let mut history =
            history(vec![limited("A", "a", 1, 8000.0, 0.8), limited("B", "b", 2, 16_000.0, 0.81)]);
        let series = of(&history, CONNECTS, &Choice::Newest).expect("runs");
        assert_eq!(series.footing, Footing::Ceiling("limit.ratio.connects"));
        assert_eq!((series.values(), series.runs_left_out), (vec![0.8, 0.81], 0));
        let kernel = of(&history, "memory.kernel_bytes_per_connection", &Choice::Newest).expect("runs");
        assert_eq!(kernel.values(), [0.8, 0.8]);
        // Chosen by name, a machine is by itself.
        let b = Choice::Fingerprint(history.runs[1].machine.fingerprint.clone());
        assert_eq!(of(&history, CONNECTS, &b).expect("runs").values(), [16_000.0]);
        // More commits without a ceiling than with: then as measured, on the newest run's machine.
        for hour in 3..6 {
            history.runs.push(run_on("B", &format!("c{hour}"), &at(hour), &[(CONNECTS, 16_000.0)]));
        }
        let series = of(&history, CONNECTS, &Choice::Newest).expect("runs");
        assert_eq!((series.points.len(), series.runs_left_out), (4, 1));
        assert!(matches!(series.footing, Footing::Machine(_)));
    }
}

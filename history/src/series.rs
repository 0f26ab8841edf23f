//! A series: a metric's value for each commit of a scenario, from runs that may be compared with each other.
//!
//! Runs of one kind of machine may. Where the machine's own ceiling was measured, a metric that has one becomes a share of
//! it, and runs of unlike machines may be compared as well. Of the two the series is taken that has the newest commit, and
//! then the one that has more; the ceiling's when they have as many.
//!
//! Several runs of one commit are one value, their median: a commit that was run ten times says no more than others
//! of what changed between commits, only more exactly.

use std::collections::{BTreeSet, HashMap};

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
    /// The newest commit has no value: the scenario's, or, on a machine that was chosen by name, that machine's.
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

/// The runs of a scenario, those of each commit together: looked through once, for all of its metrics.
#[derive(Debug)]
pub struct Runs<'a> {
    scenario: &'a str,
    /// In the order of the commits' time.
    commits: Vec<(&'a Commit, Vec<&'a RunLine>)>,
    /// On this machine the newest run was.
    newest_on: Option<&'a str>,
}

impl<'a> Runs<'a> {
    /// The runs of that scenario.
    pub fn of(history: &'a History, scenario: &'a str) -> Runs<'a> {
        // Runs of one commit stand together only if they agree on its time; those of a file edited by hand may not.
        let mut commits: Vec<(&Commit, Vec<&RunLine>)> = Vec::new();
        let mut places: HashMap<&str, usize> = HashMap::new();
        let mut newest: Option<(Moment, &str)> = None;
        for run in history.runs.iter().filter(|run| run.scenario == scenario) {
            let place = *places.entry(&run.commit.id).or_insert(commits.len());
            match commits.get_mut(place) {
                Some((_, runs)) => runs.push(run),
                None => commits.push((&run.commit, vec![run])),
            }
            newest = newest.max(Some((run.date, &run.machine.fingerprint)));
        }
        Runs { scenario, commits, newest_on: newest.map(|(_, machine)| machine) }
    }

    /// The series of a metric; `None` when there is no run, or none on the machine that was chosen.
    pub fn series(&self, rule: &Rule, choice: &Choice) -> Option<Series> {
        let raw = |run: &RunLine| run.figure(&rule.metric);
        let fingerprint = match choice {
            Choice::Any => {
                return self.newest_on.map(|_| self.collect(rule, Footing::Any, |_| true, raw));
            }
            Choice::Fingerprint(fingerprint) => fingerprint.as_str(),
            Choice::Newest => self.newest_on?,
        };
        let same = |run: &RunLine| run.machine.fingerprint == fingerprint;
        let mut all = self.commits.iter().flat_map(|(_, runs)| runs);
        let machine = all.find(|run| same(run))?.machine.clone();
        let mut own = self.collect(rule, Footing::Machine(machine), same, raw);
        // A machine that was chosen by name is not to be mixed with others, and its own newest commit is the newest.
        if *choice != Choice::Newest {
            return Some(own);
        }
        own.newest_lacks = !self.reaches(&own);
        let Some(ceiling) = rule.ceiling else { return Some(own) };
        let footing = Footing::Ceiling(ceiling.figure());
        let measured = |run: &RunLine| run.limit.is_some();
        let share = |run: &RunLine| share(&|name| run.figure(name), rule, ceiling);
        let mut shares = self.collect(rule, footing, measured, share);
        shares.newest_lacks = !self.reaches(&shares);
        // What is to be judged is the newest commit: however long a series is that ends before, it says nothing of it.
        let ends = |series: &Series| (!series.points.is_empty() && !series.newest_lacks, series.points.len());
        Some(if shares.points.is_empty() || ends(&shares) < ends(&own) { own } else { shares })
    }

    /// Whether the series has a value of the scenario's newest commit.
    fn reaches(&self, series: &Series) -> bool {
        let newest = self.commits.last().map(|(commit, _)| &commit.id);
        series.points.iter().rev().any(|point| Some(&point.commit.id) == newest)
    }

    fn collect(
        &self,
        rule: &Rule,
        footing: Footing,
        comparable: impl Fn(&RunLine) -> bool,
        value: impl Fn(&RunLine) -> Option<f64>,
    ) -> Series {
        let (mut commits, mut count, mut left_out) = (0, 0, 0);
        let mut machines: BTreeSet<&str> = BTreeSet::new();
        let mut points: Vec<Point> = Vec::new();
        let mut newest_lacks = false;
        for (commit, all) in &self.commits {
            let (within, without): (Vec<&RunLine>, Vec<&RunLine>) =
                all.iter().partition(|run| comparable(run));
            machines.extend(without.iter().map(|run| run.machine.fingerprint.as_str()));
            left_out += without.len();
            count += within.len();
            let Some(date) = within.iter().map(|run| run.date).max() else { continue };
            commits += 1;
            let runs: Vec<f64> =
                within.iter().filter_map(|run| value(run)).filter(|value| value.is_finite()).collect();
            let value = median(&runs);
            newest_lacks = value.is_none();
            let Some(value) = value else { continue };
            let dirty = within.iter().any(|run| run.commit.dirty);
            points.push(Point { commit: Commit { dirty, ..(*commit).clone() }, date, value, runs });
        }
        let older_left_out = points.len().saturating_sub(POINTS_MAX);
        points.drain(..older_left_out);
        Series {
            scenario: self.scenario.to_owned(),
            rule: rule.clone(),
            footing,
            newest_lacks,
            points,
            older_left_out,
            commits,
            runs: count,
            runs_left_out: left_out,
            machines_left_out: machines.len(),
        }
    }
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
        Runs::of(history, "smoke").series(&Rule::of(metric, false), choice)
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
        assert_eq!(Runs::of(&history, "other").series(&Rule::of(BYTES, false), &Choice::Any), None);
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
    /// A long series that ended when another machine took over went on being judged.
    #[test]
    fn the_newest_commit_is_in_the_series_or_is_missed() {
        let on = |cpu: &str, hour: u32, limited: bool| {
            let mut run = run_on(cpu, &format!("c{hour}"), &at(hour), &[(CONNECTS, 8000.0)]);
            run.limit = limited.then(|| Figures([("ratio.connects".to_owned(), 0.8)].into()));
            run
        };
        let mut history = history((0..10).map(|hour| on("A", hour, true)).collect());
        history.runs.extend((10..15).map(|hour| on("B", hour, false)));
        let series = of(&history, CONNECTS, &Choice::Newest).expect("runs");
        assert_eq!((series.values().len(), series.newest_lacks), (5, false));
        assert!(matches!(series.footing, Footing::Machine(_)));
        // The newest run is of an old commit, and of the newest commit there is none on its machine.
        history.runs[3].date = at(20).parse().expect("a time");
        let series = of(&history, CONNECTS, &Choice::Newest).expect("runs");
        assert!(series.newest_lacks, "{:?}", series.footing);
        // On a machine that was asked for, its own newest commit is.
        let a = Choice::Fingerprint(history.runs[0].machine.fingerprint.clone());
        assert!(!of(&history, CONNECTS, &a).expect("runs").newest_lacks);
    }
}

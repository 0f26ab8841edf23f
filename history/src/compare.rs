//! Pair mode: is B worse than A, by how much, how sure is that, and how small a change would have been seen?
//!
//! B is worse when the interval of the ratio leaves 1 out on the bad side and the change is at least the rule's
//! effect. On one kind of machine, values are compared as they are; on unlike ones, those that have a ceiling as shares
//! of it, and others not at all.
//!
//! Not enough: fewer than [`RUNS_MIN`](crate::pair::RUNS_MIN) runs of either; noise in which a change of half as much
//! again ([`DETECTABLE_MAX`]) would have been missed.

use crate::bundle::BundleRun;
use crate::check::{Outcome, Verdict, verdict};
use crate::median;
use crate::pair::{self, Comparison, RUNS_MIN};
use crate::rules::{Direction, Rule};
use crate::series::{Footing, share};
use crate::{Commit, Machine};

/// A comparison that would have missed a larger change than this says nothing.
pub const DETECTABLE_MAX: f64 = 0.5;

/// How A's runs and B's belong together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pairing {
    /// Two groups, in no order.
    Groups,
    /// Made in turn, A B A B: each B shares what drifts with its A.
    Interleaved,
}

/// One of the two sides.
#[derive(Debug, Clone, PartialEq)]
pub struct Side {
    /// How many runs.
    pub runs: usize,
    /// The commits that they are of, each once.
    pub commits: Vec<Commit>,
}

/// What came of a comparison.
#[derive(Debug, Clone, PartialEq)]
pub struct Compared {
    /// Of which scenario.
    pub scenario: String,
    /// The machine; `None`: they were on unlike ones.
    pub machine: Option<Machine>,
    /// What is compared with.
    pub a: Side,
    /// What is compared.
    pub b: Side,
    /// For each metric.
    pub pairs: Vec<Pair>,
}

/// A metric of A and of B.
#[derive(Debug, Clone, PartialEq)]
pub struct Pair {
    /// How it is judged.
    pub rule: Rule,
    /// What makes the values comparable.
    pub footing: Footing,
    /// A's values.
    pub a: Vec<f64>,
    /// B's values.
    pub b: Vec<f64>,
    /// The ratio; `None` where there is none.
    pub comparison: Option<Comparison>,
    /// What is said of it.
    pub outcome: Outcome,
}

/// Why runs cannot be compared.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CompareError {
    /// They are of several scenarios.
    #[error("these runs are of several scenarios ({}): compare runs of one", scenarios.join(", "))]
    Scenarios {
        /// Their names.
        scenarios: Vec<String>,
    },
    /// There is nothing on one side.
    #[error("no runs to compare (write: floodmark history compare A… -- B…)")]
    Nothing,
    /// The same run on both sides.
    #[error("run '{run}' is on both sides")]
    BothSides {
        /// Its directory.
        run: String,
    },
}

impl Compared {
    /// What is said of everything together.
    pub fn verdict(&self) -> Verdict {
        verdict(&self.outcomes())
    }

    /// What is said of each metric.
    pub(crate) fn outcomes(&self) -> Vec<&Outcome> {
        self.pairs.iter().map(|pair| &pair.outcome).collect()
    }
}

/// Compares the runs of B with those of A, metric by metric.
///
/// # Errors
/// [`CompareError`]: the runs have nothing in common.
pub fn compare(
    a: &[BundleRun],
    b: &[BundleRun],
    rules: &[Rule],
    pairing: Pairing,
) -> Result<Compared, CompareError> {
    let first = a.first().filter(|_| !b.is_empty()).ok_or(CompareError::Nothing)?;
    let mut scenarios: Vec<String> = a.iter().chain(b).map(|run| run.scenario.clone()).collect();
    scenarios.sort();
    scenarios.dedup();
    if scenarios.len() > 1 {
        return Err(CompareError::Scenarios { scenarios });
    }
    if let Some(both) = a.iter().find(|run| b.iter().any(|other| other.path == run.path)) {
        return Err(CompareError::BothSides { run: both.path.display().to_string() });
    }
    let alike = a.iter().chain(b).all(|run| run.machine.fingerprint == first.machine.fingerprint);
    let machine = alike.then(|| first.machine.clone());
    let pairs = rules.iter().map(|rule| pair(a, b, rule, machine.as_ref(), pairing)).collect();
    Ok(Compared { scenario: first.scenario.clone(), machine, a: side(a), b: side(b), pairs })
}

fn side(runs: &[BundleRun]) -> Side {
    let mut commits: Vec<Commit> = Vec::new();
    for commit in runs.iter().filter_map(|run| run.commit.as_ref()) {
        if !commits.iter().any(|other| other.id == commit.id) {
            commits.push(commit.clone());
        }
    }
    Side { runs: runs.len(), commits }
}

fn pair(a: &[BundleRun], b: &[BundleRun], rule: &Rule, machine: Option<&Machine>, pairing: Pairing) -> Pair {
    let footing = match (machine, rule.ceiling) {
        (Some(machine), _) => Footing::Machine(machine.clone()),
        (None, Some(ceiling)) => Footing::Ceiling(ceiling.figure()),
        (None, None) => Footing::Any,
    };
    let value = |run: &BundleRun| match (machine, rule.ceiling) {
        (Some(_), _) => run.figure(&rule.metric),
        (None, Some(ceiling)) => share(&|name| run.figure(name), rule, ceiling),
        (None, None) => None,
    };
    let (left, right): (Vec<_>, Vec<_>) = (a.iter().map(value).collect(), b.iter().map(value).collect());
    let interleaved = pairing == Pairing::Interleaved && left.len() == right.len();
    let (left, right): (Vec<f64>, Vec<f64>) = if interleaved {
        // A run that lacks the figure takes its partner with it.
        left.into_iter().zip(right).filter_map(|(a, b)| a.zip(b)).unzip()
    } else {
        (left.into_iter().flatten().collect(), right.into_iter().flatten().collect())
    };
    let comparison =
        if interleaved { pair::compare_pairs(&left, &right) } else { pair::compare(&left, &right) };
    let outcome = outcome(rule, &footing, &left, &right, comparison.as_ref());
    Pair { rule: rule.clone(), footing, a: left, b: right, comparison, outcome }
}

fn outcome(rule: &Rule, footing: &Footing, a: &[f64], b: &[f64], comparison: Option<&Comparison>) -> Outcome {
    let lacking = |reason: String| {
        if rule.asked { Outcome::NotEnough(reason) } else { Outcome::NotJudged(reason) }
    };
    if *footing == Footing::Any {
        return lacking("unlike machines, and it has no ceiling to be measured by".into());
    }
    let (Some(before), Some(after)) = (median(a), median(b)) else {
        let by = if matches!(footing, Footing::Ceiling(_)) {
            " (unlike machines: 'floodmark run --limit')"
        } else {
            ""
        };
        return lacking(format!("not measured in all runs{by}"));
    };
    if a.len().min(b.len()) < RUNS_MIN {
        return Outcome::NotEnough(format!("{} and {} runs, {RUNS_MIN} of each needed", a.len(), b.len()));
    }
    if a.iter().chain(b).all(|value| *value == before) {
        return Outcome::Steady;
    }
    let absolute_min = if matches!(footing, Footing::Ceiling(_)) { 0.0 } else { rule.effect.absolute_min };
    let Some(comparison) = comparison else {
        // Of zero there is no ratio: counts are told apart only if all of one side are beyond all of the other.
        let above = |low: &[f64], high: &[f64]| {
            low.iter().copied().fold(f64::MIN, f64::max) < high.iter().copied().fold(f64::MAX, f64::min)
        };
        let apart = (above(a, b) || above(b, a)) && (after - before).abs() >= absolute_min;
        return match rule.worse(before, after) {
            Some(true) if apart => Outcome::Worse,
            Some(false) if apart => Outcome::Better,
            _ => lacking("no ratio, because it was zero".into()),
        };
    };
    let (low, high) = comparison.ci95;
    let enough =
        (comparison.ratio - 1.0).abs() >= rule.effect.ratio_min && (after - before).abs() >= absolute_min;
    let (up, down) = (low > 1.0 && enough, high < 1.0 && enough);
    match rule.direction {
        Direction::Lower if up => Outcome::Worse,
        Direction::Lower if down => Outcome::Better,
        Direction::Higher if down => Outcome::Worse,
        Direction::Higher if up => Outcome::Better,
        // What is certain and small is seen well enough, however small.
        _ if comparison.detectable > DETECTABLE_MAX => {
            lacking("too noisy: a change of half as much again would be missed".into())
        }
        _ => Outcome::Steady,
    }
}

#[cfg(test)]
#[path = "compare_tests.rs"]
mod tests;

//! Pair mode: is B worse than A, by how much, how sure is that, and how small a change would have been seen?
//!
//! B is worse when the interval of the ratio leaves 1 out on the bad side and the change is at least the rule's
//! effect. On one kind of machine, values are compared as they are; on unlike ones, those that have a ceiling as shares
//! of it, and others not at all.
//!
//! Where there is no ratio, because some were zero (lost messages should be), the differences are compared in the same
//! way, and besides B is worse when so many of its runs are beyond all of A's that chance would not do it. If neither is
//! so and B still has more, that is not enough data.
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

/// B is worse when chance makes as many of its runs worse than all of A's less often than this, ...
const CHANCE_MAX: f64 = 0.025;

/// ... and of three runs, whose most telling order chance makes once in twenty times, when it is that one.
const CHANCE_OF_THREE: f64 = 0.0501;

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
    /// How many runs of A and of B are not among the values: they, or their partners, lack the figure.
    pub missing: (usize, usize),
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
    /// A run that counts twice, on one side or on both.
    #[error("run '{run}' is given twice{} (name each run once)", if run == again { String::new() } else { format!(", as '{again}' as well") })]
    Twice {
        /// Its directory.
        run: String,
        /// The same, or a copy of it.
        again: String,
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
    let mut seen: Vec<&BundleRun> = Vec::new();
    for run in a.iter().chain(b) {
        if let Some(first) = seen.iter().find(|other| other.is(run)) {
            let [run, again] = [first.path.display(), run.path.display()].map(|path| path.to_string());
            return Err(CompareError::Twice { run, again });
        }
        seen.push(run);
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
    let compare = if interleaved { pair::compare_pairs } else { pair::compare };
    let comparison = compare(&left, &right);
    let difference = if comparison.is_some() { None } else { difference(&left, &right, compare) };
    let missing = (a.len() - left.len(), b.len() - right.len());
    let outcome = outcome(rule, &footing, (&left, &right), comparison.as_ref(), difference);
    Pair { rule: rule.clone(), footing, a: left, b: right, missing, comparison, outcome }
}

/// B minus A, and the interval of that. The logarithm of a ratio of exponentials is a difference: so these are the same
/// ranks that a ratio is judged by.
fn difference(
    a: &[f64],
    b: &[f64],
    compare: fn(&[f64], &[f64]) -> Option<Comparison>,
) -> Option<(f64, (f64, f64))> {
    let largest = a.iter().chain(b).map(|value| value.abs()).fold(0.0, f64::max);
    let raised = |values: &[f64]| values.iter().map(|value| (value / largest).exp()).collect::<Vec<f64>>();
    let Comparison { ratio, ci95: (low, high), .. } = compare(&raised(a), &raised(b))?;
    let [middle, low, high] = [ratio, low, high].map(|ratio| ratio.ln() * largest);
    Some((middle, (low, high)))
}

/// The chance that so many of the values are above all `others` when nothing differs: in every order of all of them, the
/// topmost are as often these as those.
fn chance_above(values: &[f64], others: &[f64], distance: f64) -> f64 {
    let top = others.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let above = values.iter().filter(|value| **value > top && **value - top >= distance).count();
    let all = values.len() + others.len();
    (0..above).map(|taken| (values.len() - taken) as f64 / (all - taken) as f64).product()
}

fn outcome(
    rule: &Rule,
    footing: &Footing,
    (a, b): (&[f64], &[f64]),
    comparison: Option<&Comparison>,
    difference: Option<(f64, (f64, f64))>,
) -> Outcome {
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
        let sides = match (a.is_empty(), b.is_empty()) {
            (true, true) => "any run",
            (true, false) => "any run of A",
            _ => "any run of B",
        };
        return lacking(format!("not measured in {sides}{by}"));
    };
    if a.len().min(b.len()) < RUNS_MIN {
        return Outcome::NotEnough(format!("{} and {} runs, {RUNS_MIN} of each needed", a.len(), b.len()));
    }
    if a.iter().chain(b).all(|value| *value == before) {
        return Outcome::Steady;
    }
    let absolute_min = if matches!(footing, Footing::Ceiling(_)) { 0.0 } else { rule.effect.absolute_min };
    let Some(comparison) = comparison else {
        return of_zeros(rule, a, b, difference, absolute_min);
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

/// Where zeros have no ratio: lost messages, failed connections.
fn of_zeros(
    rule: &Rule,
    a: &[f64],
    b: &[f64],
    difference: Option<(f64, (f64, f64))>,
    absolute_min: f64,
) -> Outcome {
    let (middle, (low, high)) = difference.unwrap_or((0.0, (f64::NEG_INFINITY, f64::INFINITY)));
    let enough = middle.abs() >= absolute_min;
    // Of three runs each, all of one side beyond the other are one order in twenty: there is none that says more.
    let chance = if a.len().min(b.len()) == RUNS_MIN { CHANCE_OF_THREE } else { CHANCE_MAX };
    let up = (low > 0.0 && enough) || chance_above(b, a, absolute_min) <= chance;
    let down = (high < 0.0 && enough) || chance_above(a, b, absolute_min) <= chance;
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    match rule.direction {
        Direction::Lower if up => Outcome::Worse,
        Direction::Lower if down => Outcome::Better,
        Direction::Higher if down => Outcome::Worse,
        Direction::Higher if up => Outcome::Better,
        // Also one that nobody asked for: a pass would say that B is no worse.
        _ if rule.worse(mean(a), mean(b)) == Some(true) => {
            Outcome::NotEnough("worse in B, but not in so many runs that chance is ruled out".into())
        }
        Direction::Neither => Outcome::Steady,
        _ if rule.asked => {
            Outcome::NotEnough("no ratio, because some were zero, and no clear difference".into())
        }
        _ => Outcome::NotJudged("no ratio, because some were zero, and no clear difference".into()),
    }
}

#[cfg(test)]
#[path = "compare_tests.rs"]
mod tests;

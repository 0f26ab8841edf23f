//! Series mode: has a metric changed for the worse, in which commits, by how much, and how sure is that?
//!
//! A change fails when all of this is so: it is for the worse; it is at or after the base; nobody has accepted it; and
//! it is still there, which is to say that no later change has brought the metric back to where it was before.
//!
//! **At or after the base.** A change lies between the last commit that was surely good and the first that was surely
//! bad. It counts when that first bad commit was committed at the base's time or later: the base itself counts. Time
//! and not ancestry orders commits, so that a file is judged alike with and without its repository.
//!
//! **Pending.** The newest few commits may lie far from those before and yet be outliers. That is said, as a warning; it
//! fails as soon as there are so many that it is a change.
//!
//! **Not enough data** is neither a pass nor a fail. A series needs [`POINTS_MIN`] commits, after the base as many as
//! [`needed_after`] says, because fewer cannot be told from outliers, and a value of the newest commit: a change that
//! breaks the measurement is no pass.

use crate::detect::{Change, Effect, POINTS_MIN, SIDE_MIN, changes, needed_after};
use crate::line::{Acceptance, AcceptedRange};
use crate::pending::{Pending, pending};
use crate::rules::Rule;
use crate::series::{Choice, Footing, Point, Runs, Series};
use crate::{Commit, History, Moment};

/// From where on changes count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Base {
    /// As it was given.
    pub name: String,
    /// The commit's name.
    pub id: String,
    /// Its time.
    pub committed_at: Moment,
}

/// What is to be checked.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// The metrics, and how they are judged.
    pub rules: &'a [Rule],
    /// Only this scenario.
    pub scenario: Option<&'a str>,
    /// Whose runs.
    pub choice: &'a Choice,
    /// From where on changes count; `None`: all do.
    pub base: Option<&'a Base>,
}

/// What came of a check.
#[derive(Debug, Clone, PartialEq)]
pub struct Checked {
    /// From where on changes count.
    pub base: Option<Base>,
    /// For each scenario, for each metric.
    pub judgements: Vec<Judgement>,
}

/// What is said of everything together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing changed for the worse.
    Fine,
    /// Something did.
    Worse,
    /// There is too little data to say.
    NotEnough,
}

impl Verdict {
    /// As JSON has it.
    pub fn name(self) -> &'static str {
        match self {
            Verdict::Fine => "fine",
            Verdict::Worse => "worse",
            Verdict::NotEnough => "not_enough_data",
        }
    }
}

/// What is said of a metric.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It changed for the worse, and that counts.
    Worse,
    /// Its latest change was for the better, and counts.
    Better,
    /// No change that counts.
    Steady,
    /// No change that counts, but the newest commits are far worse than those before: one more, and it may be one.
    Pending,
    /// It was not measured, and nobody asked for it by name; why it is not judged.
    NotJudged(String),
    /// There is too little data; what is missing.
    NotEnough(String),
}

impl Outcome {
    /// As JSON has it.
    pub fn name(&self) -> &'static str {
        match self {
            Outcome::Worse => "worse",
            Outcome::Better => "better",
            Outcome::Steady => "steady",
            Outcome::Pending => "pending",
            Outcome::NotJudged(_) => "not_judged",
            Outcome::NotEnough(_) => "not_enough_data",
        }
    }

    /// Why there is no judgement.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Outcome::NotJudged(reason) | Outcome::NotEnough(reason) => Some(reason),
            _ => None,
        }
    }
}

/// Worse before not enough before fine; nothing judged is not enough.
pub(crate) fn verdict(outcomes: &[&Outcome]) -> Verdict {
    let any = |wanted: fn(&Outcome) -> bool| outcomes.iter().any(|outcome| wanted(outcome));
    if any(|outcome| matches!(outcome, Outcome::Worse)) {
        Verdict::Worse
    } else if any(|outcome| matches!(outcome, Outcome::NotEnough(_)))
        || !any(|outcome| matches!(outcome, Outcome::Better | Outcome::Steady | Outcome::Pending))
    {
        Verdict::NotEnough
    } else {
        Verdict::Fine
    }
}

/// A metric of a scenario, judged.
#[derive(Debug, Clone, PartialEq)]
pub struct Judgement {
    /// What was judged.
    pub series: Series,
    /// What is said of it.
    pub outcome: Outcome,
    /// Its changes, in the order of time.
    pub findings: Vec<Finding>,
    /// The newest commits, where they lie far from those before and are no change yet.
    pub pending: Option<Pending>,
}

/// What a change is worth.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// For the worse, and it counts.
    Fails,
    /// For the worse; a later change made it good.
    Mended,
    /// For the worse; somebody wants it so, and why.
    Accepted(String),
    /// For the worse, and before the base.
    BeforeBase,
    /// For the better.
    Better,
    /// The metric has no better and worse.
    Neutral,
}

impl State {
    /// As JSON has it.
    pub fn name(&self) -> &'static str {
        match self {
            State::Fails => "fails",
            State::Mended => "mended",
            State::Accepted(_) => "accepted",
            State::BeforeBase => "before_base",
            State::Better => "better",
            State::Neutral => "neutral",
        }
    }
}

/// A change, and the commits that may have brought it.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// In places of the series.
    pub change: Change,
    /// The last commit that is surely before it.
    pub last_good: Commit,
    /// The first that is surely after it.
    pub first_bad: Commit,
    /// The one that most likely brought it.
    pub likely: Commit,
    /// How many measured commits may have brought it.
    pub suspects: usize,
    /// What it is worth.
    pub state: State,
}

impl Finding {
    /// After over before; `None` when that was zero.
    pub fn ratio(&self) -> Option<f64> {
        Some(self.change.after / self.change.before).filter(|ratio| ratio.is_finite())
    }

    /// How sure it is that chance did not do it.
    pub fn confidence(&self) -> f64 {
        1.0 - self.change.p
    }

    /// Whether the accepted commit is among those that may have brought the change.
    pub fn may_be_of(&self, accepted: &Acceptance) -> bool {
        let at = accepted.committed_at;
        let named = [&self.first_bad, &self.likely].iter().any(|commit| commit.id == accepted.commit);
        // A commit that was never measured may have brought a change as well.
        named || (self.last_good.committed_at < at && at <= self.first_bad.committed_at)
    }

    /// Whether the change may be the one that was accepted, when its range has become another since.
    fn was_in(&self, range: &AcceptedRange) -> bool {
        self.last_good.committed_at < range.first_bad_at && range.last_good_at < self.first_bad.committed_at
    }
}

impl Checked {
    /// What is said of everything together.
    pub fn verdict(&self) -> Verdict {
        verdict(&self.outcomes())
    }

    /// What is said of each metric.
    pub(crate) fn outcomes(&self) -> Vec<&Outcome> {
        self.judgements.iter().map(|judgement| &judgement.outcome).collect()
    }
}

/// Looks for changes in each metric of each scenario. A scenario without a run on the chosen machine is left out.
pub fn check(history: &History, wanted: &Wanted<'_>) -> Checked {
    let scenarios =
        history.scenarios().into_iter().filter(|name| wanted.scenario.is_none_or(|only| only == *name));
    let judgements = scenarios
        .flat_map(|scenario| {
            let runs = Runs::of(history, scenario);
            wanted.rules.iter().filter_map(move |rule| runs.series(rule, wanted.choice))
        })
        .map(|series| judge(series, &history.accepted, wanted.base))
        .collect();
    Checked { base: wanted.base.cloned(), judgements }
}

/// Judges a series.
pub fn judge(series: Series, accepted: &[Acceptance], base: Option<&Base>) -> Judgement {
    let effect = effect(&series);
    let found = changes(&series.values(), &effect);
    let now = found.last().map(|change| change.after);
    let commit = |index: usize| series.points[index.min(series.points.len() - 1)].commit.clone();
    let finding = |change: &Change| Finding {
        change: *change,
        last_good: commit(change.range.0.saturating_sub(1)),
        first_bad: commit(change.range.1),
        likely: commit(change.index),
        suspects: change.range.1 - change.range.0 + 1,
        state: State::Neutral,
    };
    let mut findings: Vec<Finding> = found.iter().map(finding).collect();
    let states: Vec<State> = findings
        .iter()
        .map(|finding| {
            let accepted = acceptance(&series, finding, &findings, accepted);
            state(&series, &effect, finding, now, accepted, base)
        })
        .collect();
    for (finding, state) in findings.iter_mut().zip(states) {
        finding.state = state;
    }
    let last = found.last().map_or(0, |change| change.index);
    let pending = pending(&series.values()[last..], &effect);
    let worse = pending.is_some_and(|it| series.rule.worse(it.before, it.after) == Some(true));
    let outcome = if findings.iter().any(|finding| finding.state == State::Fails) {
        Outcome::Worse
    } else if let Some(lack) = lack(&series, base) {
        lack
    } else if worse {
        Outcome::Pending
    } else {
        let latest = findings.last().filter(|finding| since(&finding.first_bad, base));
        if latest.is_some_and(|finding| finding.state == State::Better) {
            Outcome::Better
        } else {
            Outcome::Steady
        }
    };
    Judgement { series, outcome, findings, pending }
}

/// What counts as a change of this series. A share of the ceiling is in no unit that an absolute effect could be in; where
/// nothing else was asked for, the metric's usual share counts.
pub(crate) fn effect(series: &Series) -> Effect {
    match series.footing {
        Footing::Ceiling(_) => {
            let Effect { ratio_min, absolute_min } = series.rule.effect;
            let usual = || Rule::of(&series.rule.metric, false).effect.ratio_min;
            let ratio_min = if ratio_min == 0.0 && absolute_min > 0.0 { usual() } else { ratio_min };
            Effect { ratio_min, absolute_min: 0.0 }
        }
        _ => series.rule.effect,
    }
}

fn since(commit: &Commit, base: Option<&Base>) -> bool {
    base.is_none_or(|base| commit.id == base.id || commit.committed_at >= base.committed_at)
}

/// By what the change was accepted: an acceptance of one of its commits, or of a range that meets its own. The latter only
/// if no other change has the accepted commit now: that one it is, then.
fn acceptance<'a>(
    series: &Series,
    finding: &Finding,
    all: &[Finding],
    accepted: &'a [Acceptance],
) -> Option<&'a Acceptance> {
    let ours = |accepted: &&Acceptance| {
        accepted.metric == series.rule.metric
            && accepted.scenario.as_ref().is_none_or(|scenario| *scenario == series.scenario)
    };
    accepted.iter().filter(ours).find(|accepted| {
        let met = || accepted.range.as_ref().is_some_and(|range| finding.was_in(range));
        finding.may_be_of(accepted) || (met() && !all.iter().any(|other| other.may_be_of(accepted)))
    })
}

fn state(
    series: &Series,
    effect: &Effect,
    finding: &Finding,
    now: Option<f64>,
    accepted: Option<&Acceptance>,
    base: Option<&Base>,
) -> State {
    let Change { before, after, .. } = finding.change;
    match series.rule.worse(before, after) {
        None => return State::Neutral,
        Some(false) => return State::Better,
        Some(true) => {}
    }
    if !since(&finding.first_bad, base) {
        return State::BeforeBase;
    }
    if let Some(accepted) = accepted {
        return State::Accepted(accepted.reason.clone());
    }
    let still = |now: f64| {
        series.rule.worse(before, now) == Some(true) && (now - before).abs() >= effect.distance(before)
    };
    if now.is_some_and(still) { State::Fails } else { State::Mended }
}

/// What is missing for a judgement.
fn lack(series: &Series, base: Option<&Base>) -> Option<Outcome> {
    let have = series.points.len();
    let lacking = |reason: String| {
        if series.rule.asked { Outcome::NotEnough(reason) } else { Outcome::NotJudged(reason) }
    };
    let commits = |count: usize| if count == 1 { "1 commit".into() } else { format!("{count} commits") };
    if have == 0 {
        return Some(lacking(format!("not measured in any of {}", commits(series.commits))));
    }
    if series.commits < POINTS_MIN {
        let have = commits(series.commits);
        return Some(Outcome::NotEnough(format!("{have} with comparable runs, {POINTS_MIN} needed")));
    }
    if series.newest_lacks {
        // Also one that nobody asked for: what stopped being measured may have been broken by what is to be judged.
        let others = if series.runs_left_out > 0 { ", or not in a run that is comparable" } else { "" };
        let have = commits(have);
        return Some(Outcome::NotEnough(format!(
            "not measured in the newest commit{others}; {have} before it have it"
        )));
    }
    if have < POINTS_MIN {
        let all = series.commits;
        return Some(lacking(format!("measured in {have} of {all} commits, {POINTS_MIN} needed")));
    }
    let base = base?;
    let after = series.points.iter().filter(|point: &&Point| since(&point.commit, Some(base))).count();
    // Among the very first no change is seen; from a base there, as many are needed as from where one could be.
    let needed = needed_after((have - after).max(SIDE_MIN)).unwrap_or(POINTS_MIN);
    (after < needed).then(|| {
        let after = commits(after);
        Outcome::NotEnough(format!(
            "{after} since base {}, {needed} needed to tell a change from an outlier",
            base.name
        ))
    })
}

#[cfg(test)]
#[path = "check_tests.rs"]
mod tests;

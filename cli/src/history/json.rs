//! `--json`: one object, as `docs/schema/history.schema.json` says.

use history::{Checked, Commit, Compared, Finding, Footing, Judgement, Machine, Pair, State};
use schemars::JsonSchema;
use serde::Serialize;

/// The version of the object. Within it, members are added and never taken away.
const VERSION: u64 = 1;

/// What `floodmark history check --json` and `floodmark history compare --json` print.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(title = "floodmark history check --json, compare --json", deny_unknown_fields)]
pub(crate) struct Document {
    /// The version of this object.
    version: u64,
    /// `check` or `compare`.
    of: &'static str,
    /// `fine`, `worse` or `not_enough_data`: exit codes 0, 1 and 5.
    verdict: &'static str,
    /// check: from where on changes count; absent when all do.
    #[serde(skip_serializing_if = "Option::is_none")]
    base: Option<BaseObject>,
    /// compare: the runs that are compared with.
    #[serde(skip_serializing_if = "Option::is_none")]
    a: Option<SideObject>,
    /// compare: the runs that may be worse.
    #[serde(skip_serializing_if = "Option::is_none")]
    b: Option<SideObject>,
    /// Each metric of each scenario.
    metrics: Vec<MetricObject>,
}

/// From where on changes count.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
struct BaseObject {
    /// As it was given.
    name: String,
    /// The commit's name.
    id: String,
    /// Its time, in RFC 3339.
    committed_at: String,
}

/// One side of a comparison.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
struct SideObject {
    /// How many runs.
    runs: usize,
    /// The commits that they are of.
    commits: Vec<CommitObject>,
}

/// A commit.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
struct CommitObject {
    /// Its name.
    id: String,
    /// The branch it was measured on.
    branch: Option<String>,
    /// Its time, in RFC 3339.
    committed_at: String,
    /// The tree had changes that the commit does not have.
    dirty: bool,
}

/// A metric of a scenario, judged.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
struct MetricObject {
    /// The scenario.
    scenario: String,
    /// The figure's name in `summary.json`, dotted.
    metric: String,
    /// Which way is better: `lower`, `higher` or `neither`, which never fails.
    direction: &'static str,
    /// `worse`, `better`, `steady`, `pending` (no change yet, but the newest commits are far worse), `not_judged` or
    /// `not_enough_data`.
    outcome: &'static str,
    /// Why it was not judged.
    reason: Option<String>,
    /// The least change that counts.
    effect: EffectObject,
    /// What makes the values comparable.
    compared: ComparedObject,
    /// check: the newest commit's value, in the figure's own unit, or as a share of the ceiling.
    #[serde(skip_serializing_if = "Option::is_none")]
    latest: Option<f64>,
    /// check: changes, in the order of commits.
    #[serde(skip_serializing_if = "Option::is_none")]
    changes: Option<Vec<ChangeObject>>,
    /// check: the newest commits, where they are far from those before and too few to be told from outliers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pending: Option<PendingObject>,
    /// compare: the two sides.
    #[serde(skip_serializing_if = "Option::is_none")]
    pair: Option<PairObject>,
}

/// The newest commits, far from those before.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
struct PendingObject {
    /// How many.
    commits: usize,
    /// The level before them.
    before: f64,
    /// Theirs.
    after: f64,
    /// After over before; null when that was zero.
    ratio: Option<f64>,
}

/// The least change that counts. Both bounds must be reached.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
struct EffectObject {
    /// As a share: 0.03 is 3 %.
    ratio_min: f64,
    /// In the figure's own unit; not used on shares of a ceiling.
    absolute_min: f64,
}

/// What makes values comparable.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
struct ComparedObject {
    /// `machine`: runs on one kind of machine; `ceiling`: shares of each machine's own ceiling; `any`: all runs.
    by: &'static str,
    /// The machine.
    machine: Option<MachineObject>,
    /// The figure of the ceiling.
    ceiling: Option<String>,
    /// check: comparable runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    runs: Option<usize>,
    /// check: the commits that they are of.
    #[serde(skip_serializing_if = "Option::is_none")]
    commits: Option<usize>,
    /// check: the oldest commits with a value, which are too many to be judged and were left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    commits_older_left_out: Option<usize>,
    /// check: runs that are not comparable.
    #[serde(skip_serializing_if = "Option::is_none")]
    runs_left_out: Option<usize>,
    /// check: the machines that those were on.
    #[serde(skip_serializing_if = "Option::is_none")]
    machines_left_out: Option<usize>,
}

/// A kind of machine.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
struct MachineObject {
    /// A hash of the rest.
    fingerprint: String,
    /// The processor.
    cpu_model: Option<String>,
    /// How many cores.
    cores: Option<u64>,
    /// Memory, rounded up.
    memory_gib: Option<u64>,
    /// The kernel's major and minor version.
    kernel: Option<String>,
}

/// A change of a metric's level.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
struct ChangeObject {
    /// `fails`, `mended`, `accepted`, `before_base`, `better` or `neutral`.
    state: &'static str,
    /// Why it was accepted.
    reason: Option<String>,
    /// The level before.
    before: f64,
    /// The level after.
    after: f64,
    /// After over before; null when that was zero.
    ratio: Option<f64>,
    /// How sure it is that chance did not do it, 0 to 1.
    confidence: f64,
    /// The last commit that is surely before it.
    last_good: CommitObject,
    /// The first that is surely after it: `git log last_good..first_bad` are those to suspect.
    first_bad: CommitObject,
    /// The one that most likely brought it.
    likely: CommitObject,
    /// How many measured commits may have brought it.
    suspects: usize,
}

/// The two sides of a metric.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
struct PairObject {
    /// A's values.
    a: Vec<f64>,
    /// B's values.
    b: Vec<f64>,
    /// How many runs of A and of B are not among the values.
    missing: [usize; 2],
    /// B over A.
    ratio: Option<f64>,
    /// The bounds that hold the true ratio in 95 of 100 comparisons.
    ratio_ci95: Option<[f64; 2]>,
    /// The smallest change, as a share, that would have been seen four times in five.
    detectable: Option<f64>,
}

impl Document {
    /// A check.
    pub(crate) fn of_check(checked: &Checked) -> Document {
        let base = checked.base.as_ref().map(|base| BaseObject {
            name: base.name.clone(),
            id: base.id.clone(),
            committed_at: base.committed_at.to_string(),
        });
        let metrics = checked.judgements.iter().map(judged).collect();
        let verdict = checked.verdict().name();
        Document { version: VERSION, of: "check", verdict, base, a: None, b: None, metrics }
    }

    /// A comparison.
    pub(crate) fn of_compare(compared: &Compared) -> Document {
        let side = |side: &history::compare::Side| {
            Some(SideObject { runs: side.runs, commits: side.commits.iter().map(commit).collect() })
        };
        let metrics = compared.pairs.iter().map(|of| pair(&compared.scenario, of)).collect();
        Document {
            version: VERSION,
            of: "compare",
            verdict: compared.verdict().name(),
            base: None,
            a: side(&compared.a),
            b: side(&compared.b),
            metrics,
        }
    }
}

fn judged(judgement: &Judgement) -> MetricObject {
    let series = &judgement.series;
    let rule = &series.rule;
    MetricObject {
        scenario: series.scenario.clone(),
        metric: rule.metric.clone(),
        direction: rule.direction.name(),
        outcome: judgement.outcome.name(),
        reason: judgement.outcome.reason().map(str::to_owned),
        effect: EffectObject { ratio_min: rule.effect.ratio_min, absolute_min: rule.effect.absolute_min },
        compared: ComparedObject {
            runs: Some(series.runs),
            commits: Some(series.commits),
            commits_older_left_out: Some(series.older_left_out),
            runs_left_out: Some(series.runs_left_out),
            machines_left_out: Some(series.machines_left_out),
            ..footing(&series.footing)
        },
        latest: series.points.last().map(|point| point.value),
        changes: Some(judgement.findings.iter().map(change).collect()),
        pending: judgement.pending.map(|pending| PendingObject {
            commits: pending.commits,
            before: pending.before,
            after: pending.after,
            ratio: pending.ratio(),
        }),
        pair: None,
    }
}

fn pair(scenario: &str, pair: &Pair) -> MetricObject {
    let rule = &pair.rule;
    let comparison = pair.comparison.as_ref();
    MetricObject {
        scenario: scenario.to_owned(),
        metric: rule.metric.clone(),
        direction: rule.direction.name(),
        outcome: pair.outcome.name(),
        reason: pair.outcome.reason().map(str::to_owned),
        effect: EffectObject { ratio_min: rule.effect.ratio_min, absolute_min: rule.effect.absolute_min },
        compared: footing(&pair.footing),
        latest: None,
        changes: None,
        pending: None,
        pair: Some(PairObject {
            a: pair.a.clone(),
            b: pair.b.clone(),
            missing: pair.missing.into(),
            ratio: comparison.map(|comparison| comparison.ratio),
            ratio_ci95: comparison.map(|comparison| [comparison.ci95.0, comparison.ci95.1]),
            detectable: comparison.map(|comparison| comparison.detectable),
        }),
    }
}

fn footing(footing: &Footing) -> ComparedObject {
    let (by, of, ceiling) = match footing {
        Footing::Machine(of) => ("machine", Some(machine(of)), None),
        Footing::Ceiling(figure) => ("ceiling", None, Some((*figure).to_owned())),
        Footing::Any => ("any", None, None),
    };
    ComparedObject {
        by,
        machine: of,
        ceiling,
        runs: None,
        commits: None,
        commits_older_left_out: None,
        runs_left_out: None,
        machines_left_out: None,
    }
}

fn machine(machine: &Machine) -> MachineObject {
    MachineObject {
        fingerprint: machine.fingerprint.clone(),
        cpu_model: machine.cpu_model.clone(),
        cores: machine.cores,
        memory_gib: machine.memory_gib,
        kernel: machine.kernel.clone(),
    }
}

fn change(finding: &Finding) -> ChangeObject {
    let reason = match &finding.state {
        State::Accepted(reason) => Some(reason.clone()),
        _ => None,
    };
    ChangeObject {
        state: finding.state.name(),
        reason,
        before: finding.change.before,
        after: finding.change.after,
        ratio: finding.ratio(),
        confidence: finding.confidence(),
        last_good: commit(&finding.last_good),
        first_bad: commit(&finding.first_bad),
        likely: commit(&finding.likely),
        suspects: finding.suspects,
    }
}

fn commit(commit: &Commit) -> CommitObject {
    CommitObject {
        id: commit.id.clone(),
        branch: commit.branch.clone(),
        committed_at: commit.committed_at.to_string(),
        dirty: commit.dirty,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_schema_is_current() {
        crate::committed_schema::is_current::<Document>("history.schema.json");
    }
}

//! `floodmark history accept`: a change that is wanted no longer fails.

use history::metrics::rules;
use history::show::words;
use history::{Acceptance, AcceptedRange, Choice, Finding, Line, Moment, Wanted, append, check};
use runner::summary_keys::SUMMARY_KEYS;

use crate::exit::{Code, Ended, Exit};
use crate::history::flags::AcceptFlags;
use crate::history::outputs::{print, say};
use crate::history::refs;

pub(crate) fn main(flags: &AcceptFlags) -> Ended {
    let path = &flags.whence.file;
    let history = refs::read(path)?;
    let mut known = history.metrics();
    known.extend(SUMMARY_KEYS.iter().map(|key| key.name.to_owned()));
    if flags.metric.contains('*') {
        return Err(Exit::wrong_input("one metric is accepted at a time, by its name"));
    }
    let rules = rules(std::slice::from_ref(&flags.metric), &known, &[]).map_err(Exit::wrong_input)?;
    refs::scenario(&history, flags.scenario.as_deref())?;
    if flags.reason.trim().is_empty() {
        return Err(Exit::wrong_input("an acceptance needs a reason (--reason TEXT)"));
    }
    let commit = refs::commit(&history, path, &flags.commit)?;
    let mut accepted = Acceptance {
        commit: commit.id.clone(),
        committed_at: commit.committed_at,
        metric: flags.metric.clone(),
        scenario: flags.scenario.clone(),
        range: None,
        reason: flags.reason.trim().to_owned(),
        date: Moment::now(),
    };
    let scenario = flags.scenario.as_deref();
    let wanted = Wanted { rules: &rules, scenario, choice: &Choice::Newest, base: None };
    let checked = check(&history, &wanted);
    let findings =
        checked.judgements.iter().flat_map(|of| of.findings.iter().map(move |finding| (of, finding)));
    let covered: Vec<_> = findings.filter(|(_, finding)| finding.may_be_of(&accepted)).collect();
    accepted.range = range(covered.iter().map(|(_, finding)| *finding));
    append(path, &Line::Accepted(accepted)).map_err(Exit::broke)?;
    print(&format!("accepted {} at {} in {}", flags.metric, commit.short(), path.display()))?;
    for (judgement, finding) in &covered {
        let series = &judgement.series;
        print(&format!("  {}: {} {}", series.scenario, words::size(series, finding), words::range(finding)))?;
    }
    if covered.is_empty() {
        say(&format!(
            "warning: no change of {} has {} among its commits at present ('floodmark history check' names them)",
            flags.metric,
            commit.short()
        ));
    }
    Ok(Code::Fine)
}

/// The range of the change as it is known now; of several scenarios' changes, all of theirs.
fn range<'a>(covered: impl Iterator<Item = &'a Finding> + Clone) -> Option<AcceptedRange> {
    let last_good =
        covered.clone().map(|finding| &finding.last_good).min_by_key(|commit| commit.committed_at)?;
    let first_bad = covered.map(|finding| &finding.first_bad).max_by_key(|commit| commit.committed_at)?;
    Some(AcceptedRange {
        last_good: last_good.id.clone(),
        last_good_at: last_good.committed_at,
        first_bad: first_bad.id.clone(),
        first_bad_at: first_bad.committed_at,
    })
}

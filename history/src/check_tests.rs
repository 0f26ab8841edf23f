//! Series with a step in them, and what is said of it.

use super::*;
use crate::line::RunLine;
use crate::samples::{run, run_on};

const BYTES: &str = "memory.server_bytes_per_connection";
const RATE: &str = "delivery.rate_per_s";

/// An hour for each commit.
fn at(index: usize) -> String {
    format!("2026-11-{:02}T{:02}:00:00Z", 1 + index / 24, index % 24)
}

fn id(index: usize) -> String {
    format!("c{index:03}")
}

/// A commit for each value, with a little noise that is the same each time.
fn history(metric: &str, values: &[f64]) -> History {
    let mut random = 1_u64;
    let mut noise = || {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (random >> 40) as f64 / f64::from(1 << 24) - 0.5
    };
    let noisy = |(index, value): (usize, &f64)| {
        run(&id(index), &at(index), &[(metric, value * (1.0 + 0.006 * noise()))])
    };
    History { runs: values.iter().enumerate().map(noisy).collect(), ..History::default() }
}

fn steps(levels: &[(usize, f64)]) -> Vec<f64> {
    levels.iter().flat_map(|(count, value)| std::iter::repeat_n(*value, *count)).collect()
}

fn checked(history: &History, metric: &str, asked: bool, base: Option<&Base>) -> Checked {
    let rules = [Rule::of(metric, asked)];
    check(history, &Wanted { rules: &rules, scenario: None, choice: &Choice::Newest, base })
}

fn base(index: usize) -> Base {
    Base { name: "base".into(), id: id(index), committed_at: at(index).parse().expect("a time") }
}

fn states(checked: &Checked) -> Vec<&'static str> {
    checked.judgements[0].findings.iter().map(|finding| finding.state.name()).collect()
}

#[test]
fn a_step_for_the_worse_fails_and_names_its_commits() {
    let checked = checked(&history(BYTES, &steps(&[(15, 60.0), (10, 90.0)])), BYTES, false, None);
    assert_eq!((checked.verdict(), states(&checked)), (Verdict::Worse, vec!["fails"]));
    let finding = &checked.judgements[0].findings[0];
    assert_eq!((finding.likely.id.as_str(), finding.last_good.id.as_str()), ("c015", "c014"));
    assert_eq!((finding.first_bad.id.as_str(), finding.suspects), ("c015", 1));
    assert!(finding.ratio().is_some_and(|ratio| (1.49..1.51).contains(&ratio)), "{:?}", finding.ratio());
    assert!(finding.confidence() >= 0.999);
}

#[test]
fn which_way_is_worse_depends_on_the_metric() {
    for (metric, levels, verdict, state) in [
        (BYTES, [(15, 90.0), (10, 60.0)], Verdict::Fine, "better"),
        (RATE, [(15, 900.0), (10, 600.0)], Verdict::Worse, "fails"),
        (RATE, [(15, 600.0), (10, 900.0)], Verdict::Fine, "better"),
        ("messages.asked_rate_per_s", [(15, 600.0), (10, 900.0)], Verdict::Fine, "neutral"),
    ] {
        let checked = checked(&history(metric, &steps(&levels)), metric, false, None);
        assert_eq!((checked.verdict(), states(&checked)), (verdict, vec![state]), "{metric} {levels:?}");
    }
}

#[test]
fn only_what_is_at_or_after_the_base_fails() {
    let history = history(BYTES, &steps(&[(15, 60.0), (15, 90.0)]));
    for (index, verdict, state) in
        [(0, Verdict::Worse, "fails"), (15, Verdict::Worse, "fails"), (16, Verdict::Fine, "before_base")]
    {
        let checked = checked(&history, BYTES, false, Some(&base(index)));
        assert_eq!((checked.verdict(), states(&checked)), (verdict, vec![state]), "base c{index:03}");
    }
    // A base that was never measured stands between two that were.
    let between = Base {
        id: "never-measured".into(),
        committed_at: "2026-11-01T15:30:00Z".parse().expect("a time"),
        ..base(0)
    };
    assert_eq!(checked(&history, BYTES, false, Some(&between)).verdict(), Verdict::Fine);
    let between = Base {
        id: "never-measured".into(),
        committed_at: "2026-11-01T14:30:00Z".parse().expect("a time"),
        ..base(0)
    };
    assert_eq!(checked(&history, BYTES, false, Some(&between)).verdict(), Verdict::Worse);
}

#[test]
fn too_few_since_the_base_is_no_pass() {
    let history = history(BYTES, &steps(&[(30, 60.0)]));
    let of = |index| checked(&history, BYTES, false, Some(&base(index)));
    // As many as a change right at the base takes to be seen, and that depends on how many are before it.
    for (commits, before) in [(30, 26), (15, 10), (17, 13), (20, 6), (14, 0)] {
        let history = self::history(BYTES, &steps(&[(commits, 60.0)]));
        let judged = checked(&history, BYTES, false, Some(&base(before)));
        let needed = needed_after(before.max(SIDE_MIN)).expect("enough before");
        let expected = if commits - before < needed { Verdict::NotEnough } else { Verdict::Fine };
        assert_eq!(judged.verdict(), expected, "{before} before the base of {commits}: {needed} needed");
    }
    let few = of(28);
    assert_eq!(few.verdict(), Verdict::NotEnough);
    let reason = few.judgements[0].outcome.reason().expect("a reason").to_owned();
    assert!(reason.starts_with("2 commits since base base, 3 needed"), "{reason}");
    let ten = self::history(BYTES, &steps(&[(14, 60.0)]));
    let few = checked(&ten, BYTES, false, Some(&base(10)));
    assert_eq!(few.verdict(), Verdict::NotEnough, "after ten commits, four are too few");
    let later = Base {
        id: "never-measured".into(),
        committed_at: "2027-01-01T00:00:00Z".parse().expect("a time"),
        ..base(0)
    };
    assert_eq!(checked(&history, BYTES, false, Some(&later)).verdict(), Verdict::NotEnough);
}

#[test]
fn what_was_accepted_fails_no_more() {
    let mut history = history(BYTES, &steps(&[(30, 60.0), (30, 90.0), (30, 120.0)]));
    assert_eq!(states(&checked(&history, BYTES, false, None)), ["fails", "fails"]);
    let accept = |index: usize, metric: &str, scenario: Option<&str>| Acceptance {
        commit: id(index),
        committed_at: at(index).parse().expect("a time"),
        metric: metric.into(),
        scenario: scenario.map(str::to_owned),
        range: None,
        reason: "a cache".into(),
        date: Moment::now(),
    };
    history.accepted =
        vec![accept(30, RATE, None), accept(30, BYTES, Some("other")), accept(29, BYTES, None)];
    assert_eq!(
        states(&checked(&history, BYTES, false, None)),
        ["fails", "fails"],
        "none of them is of that change"
    );
    history.accepted.push(accept(30, BYTES, Some("smoke")));
    assert_eq!(states(&checked(&history, BYTES, false, None)), ["accepted", "fails"]);
    // A commit between two that were measured.
    let between = Acceptance {
        commit: "never-measured".into(),
        committed_at: "2026-11-03T11:30:00Z".parse().expect("a time"),
        ..accept(30, BYTES, None)
    };
    history.accepted.push(between);
    let checked = checked(&history, BYTES, false, None);
    assert_eq!((states(&checked), checked.verdict()), (vec!["accepted", "accepted"], Verdict::Fine));
}

/// With more commits the range became narrower, the accepted one was no longer in it, and the build red again.
#[test]
fn what_was_accepted_stays_so_when_its_range_changes() {
    let mut history = history(BYTES, &steps(&[(30, 60.0), (30, 90.0), (30, 120.0)]));
    let moment = |index| at(index).parse().expect("a time");
    let accepted = |commit: usize, range: Option<(usize, usize)>| Acceptance {
        commit: id(commit),
        committed_at: moment(commit),
        metric: BYTES.into(),
        scenario: None,
        range: range.map(|(good, bad)| AcceptedRange {
            last_good: id(good),
            last_good_at: moment(good),
            first_bad: id(bad),
            first_bad_at: moment(bad),
        }),
        reason: "a cache".into(),
        date: Moment::now(),
    };
    for (acceptance, expected) in [
        (accepted(27, None), ["fails", "fails"]),
        (accepted(27, Some((26, 33))), ["accepted", "fails"]),
        (accepted(33, Some((29, 33))), ["accepted", "fails"]),
        (accepted(27, Some((26, 29))), ["fails", "fails"]),
        // One of them has the commit: the other is another.
        (accepted(60, Some((20, 70))), ["fails", "accepted"]),
    ] {
        history.accepted = vec![acceptance];
        assert_eq!(states(&checked(&history, BYTES, false, None)), expected, "{:?}", history.accepted);
    }
}

#[test]
fn what_was_made_good_fails_no_more() {
    let history = history(BYTES, &steps(&[(30, 60.0), (30, 90.0), (30, 60.0)]));
    let mended = checked(&history, BYTES, false, None);
    assert_eq!((mended.verdict(), states(&mended)), (Verdict::Fine, vec!["mended", "better"]));
    assert_eq!(mended.judgements[0].outcome, Outcome::Better);
    // Half of it made good is not.
    let history = self::history(BYTES, &steps(&[(30, 60.0), (30, 90.0), (30, 75.0)]));
    assert_eq!(checked(&history, BYTES, false, None).verdict(), Verdict::Worse);
}

#[test]
fn too_little_is_neither_a_pass_nor_a_fail() {
    let few = history(BYTES, &steps(&[(POINTS_MIN - 1, 60.0)]));
    assert_eq!(checked(&few, BYTES, false, None).verdict(), Verdict::NotEnough);
    let enough = history(BYTES, &steps(&[(POINTS_MIN, 60.0)]));
    assert_eq!(checked(&enough, BYTES, false, None).verdict(), Verdict::Fine);
    let one = history(BYTES, &[60.0]);
    let reason = checked(&one, BYTES, false, None).judgements[0].outcome.reason().map(str::to_owned);
    assert_eq!(reason.as_deref(), Some("1 commit with comparable runs, 14 needed"));
    assert_eq!(checked(&History::default(), BYTES, false, None).verdict(), Verdict::NotEnough);
}

#[test]
fn a_default_that_was_not_measured_matters_only_if_nothing_was() {
    let history = history(BYTES, &steps(&[(20, 60.0)]));
    let of = |rules: &[Rule]| {
        check(&history, &Wanted { rules, scenario: None, choice: &Choice::Newest, base: None })
    };
    assert_eq!(of(&[Rule::of(BYTES, false), Rule::of(RATE, false)]).verdict(), Verdict::Fine);
    assert_eq!(of(&[Rule::of(RATE, false)]).verdict(), Verdict::NotEnough);
    let asked = of(&[Rule::of(BYTES, false), Rule::of(RATE, true)]);
    assert_eq!(asked.verdict(), Verdict::NotEnough);
    assert_eq!(asked.judgements[1].outcome.reason(), Some("not measured in any of 20 commits"));
}

#[test]
fn what_is_missing_in_the_newest_commit_is_not_passed() {
    let mut history = history(BYTES, &steps(&[(20, 60.0)]));
    history.runs.push(run("newest", &at(30), &[(RATE, 1.0)]));
    for asked in [true, false] {
        assert_eq!(checked(&history, BYTES, asked, None).verdict(), Verdict::NotEnough, "asked: {asked}");
    }
}

#[test]
fn equal_values_are_steady_and_zeros_can_rise() {
    let equal: Vec<RunLine> =
        (0..20).map(|index| run(&id(index), &at(index), &[("audit.lost", 0.0)])).collect();
    let mut history = History { runs: equal, ..History::default() };
    assert_eq!(checked(&history, "audit.lost", false, None).verdict(), Verdict::Fine);
    history.runs.extend((20..30).map(|index| run(&id(index), &at(index), &[("audit.lost", 3.0)])));
    let lost = checked(&history, "audit.lost", false, None);
    assert_eq!((lost.verdict(), lost.judgements[0].findings[0].ratio()), (Verdict::Worse, None));
}

#[test]
fn each_scenario_is_by_itself() {
    let mut history = history(BYTES, &steps(&[(20, 60.0)]));
    let mut other = self::history(BYTES, &steps(&[(10, 60.0), (10, 90.0)]));
    other.runs.iter_mut().for_each(|run| run.scenario = "other".into());
    history.runs.extend(other.runs);
    let both = checked(&history, BYTES, false, None);
    let outcomes: Vec<_> =
        both.judgements.iter().map(|j| (j.series.scenario.as_str(), j.outcome.name())).collect();
    assert_eq!(outcomes, [("other", "worse"), ("smoke", "steady")]);
    let rules = [Rule::of(BYTES, false)];
    let wanted = Wanted { rules: &rules, scenario: Some("smoke"), choice: &Choice::Newest, base: None };
    assert_eq!(check(&history, &wanted).verdict(), Verdict::Fine);
}

#[test]
fn a_new_machine_is_not_enough_data_and_no_change() {
    let mut history = history(BYTES, &steps(&[(20, 60.0)]));
    history.runs.push(run_on("another", &id(20), &at(20), &[(BYTES, 90.0)]));
    let checked = checked(&history, BYTES, false, None);
    assert_eq!((checked.verdict(), checked.judgements[0].series.runs_left_out), (Verdict::NotEnough, 20));
}

#[test]
fn of_a_long_history_the_newest_commits_are_judged() {
    let value = |index: usize| if index < 100 { 60.0 } else { 90.0 };
    let at = |index: usize| format!("{}-01-01T00:00:00Z", 1000 + index);
    let runs = (0..1200).map(|index| run(&id(index), &at(index), &[(BYTES, value(index))])).collect();
    let history = History { runs, ..History::default() };
    let checked = checked(&history, BYTES, false, None);
    let series = &checked.judgements[0].series;
    assert_eq!((series.points.len(), series.older_left_out, series.commits), (1000, 200, 1200));
    assert_eq!(checked.verdict(), Verdict::Fine, "the step is older than what is judged");
    // Metrics that are measured in fewer commits share the line that says so.
    let mut history = history;
    history.runs[0].metrics.0.insert(RATE.into(), 1.0);
    let rules = [Rule::of(RATE, false), Rule::of(BYTES, false), Rule::of(RATE, false)];
    let wanted = Wanted { rules: &rules, scenario: None, choice: &Choice::Newest, base: None };
    let report = crate::show::Report::from(&check(&history, &wanted));
    assert_eq!(report.groups[0].about.len(), 1, "{:?}", report.groups[0].about);
    assert!(report.groups[0].about[0].ends_with("of more than 1000 commits the newest are judged"));
}

/// "ok, no change" was said of two commits that took 67 times as much.
#[test]
fn newest_commits_that_are_far_off_are_pending() {
    let pending = checked(&history(BYTES, &steps(&[(40, 60.0), (2, 4096.0)])), BYTES, false, None);
    assert_eq!((pending.verdict(), &pending.judgements[0].outcome), (Verdict::Fine, &Outcome::Pending));
    let report = crate::show::Report::from(&pending);
    let row = &report.groups[0].rows[0];
    assert!(row.text.starts_with("the last 2 commits are ×68 what was before (60"), "{}", row.text);
    assert!(row.text.ends_with(": not yet told from an outlier") && row.more.is_empty(), "{row:?}");
    assert!(report.sentence.contains("the newest commits of 1 metric are far worse"), "{}", report.sentence);
    assert!(crate::show::junit(&report).contains("<system-err>warning: the last 2 commits"));
    // For the better it is said, and is no warning.
    let better = checked(&history(BYTES, &steps(&[(40, 4096.0), (2, 60.0)])), BYTES, false, None);
    assert_eq!(better.judgements[0].outcome, Outcome::Steady);
    assert!(crate::show::Report::from(&better).groups[0].rows[0].more[0].contains("−99 % off"));
    let third = checked(&history(BYTES, &steps(&[(40, 60.0), (5, 4096.0)])), BYTES, false, None);
    assert_eq!((third.verdict(), third.judgements[0].pending), (Verdict::Worse, None));
}

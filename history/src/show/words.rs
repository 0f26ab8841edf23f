//! Figures in words.

use crate::Pending;
use crate::check::{Finding, State};
use crate::detect::{Effect, POINTS_MAX};
use crate::rules::Rule;
use crate::series::{Footing, Series};

/// From next to nothing, how many times it is says no more.
const RATIO_MAX: f64 = 1e6;

/// A ratio as a change: `+6.7 %`, `−12 %`, `×67`; from zero there is none.
pub fn change(ratio: Option<f64>) -> String {
    let Some(ratio) = ratio else { return "from zero".into() };
    let percent = (ratio - 1.0) * 100.0;
    let size = percent.abs();
    let sign = if percent < 0.0 { '−' } else { '+' };
    match size {
        _ if ratio >= RATIO_MAX => "× more than a million".into(),
        _ if ratio >= 10.0 => format!("×{ratio:.0}"),
        0.0..0.05 => "0 %".into(),
        0.05..9.95 => format!("{sign}{size:.1} %"),
        _ => format!("{sign}{size:.0} %"),
    }
}

/// A share without a sign: `2.1 %`.
pub fn share(share: f64) -> String {
    let percent = share * 100.0;
    if percent < 9.95 { format!("{percent:.1} %") } else { format!("{percent:.0} %") }
}

/// How sure a change is, never rounded up to certainty: `99.9 % sure`.
pub fn sure(p: f64) -> String {
    let percent = ((1.0 - p) * 1000.0 + 1e-6).floor() / 10.0;
    if percent >= 100.0 || p < 0.001 { "> 99.9 % sure".into() } else { format!("{percent:.1} % sure") }
}

/// `1 run`, `3 runs`.
pub fn count(number: usize, thing: &str) -> String {
    let s = if number == 1 { "" } else { "s" };
    format!("{number} {thing}{s}")
}

/// `61.2 B → 4.07 KiB, ×67`.
pub fn size(series: &Series, finding: &Finding) -> String {
    let (before, after) = (series.write(finding.change.before), series.write(finding.change.after));
    format!("{before} → {after}, {}", change(finding.ratio()))
}

/// `the last 2 commits are ×67 what was before (61.2 B → 4.07 KiB): not yet told from an outlier`.
pub fn pending(series: &Series, pending: &Pending) -> String {
    let which = match pending.commits {
        1 => "the last commit is".to_owned(),
        commits => format!("the last {commits} commits are"),
    };
    let change = change(pending.ratio());
    let size = match pending.ratio() {
        None => "above the zero that was before".into(),
        Some(_) if change.starts_with('×') => format!("{change} what was before"),
        Some(_) => format!("{change} off what was before"),
    };
    let (before, after) = (series.write(pending.before), series.write(pending.after));
    format!("{which} {size} ({before} → {after}): not yet told from an outlier")
}

/// Which commits may have brought the change, as git's ranges are written: after the first, up to and with the last.
pub fn range(finding: &Finding) -> String {
    let (good, bad) = (finding.last_good.short(), finding.first_bad.short());
    let likely = &finding.likely;
    let day = likely.committed_at.day();
    let branch = likely.branch.as_ref().map_or(String::new(), |branch| format!(" on {branch}"));
    if finding.suspects == 1 {
        return format!("in {good}..{bad} ({day}{branch})");
    }
    format!("in {good}..{bad}, most likely {} ({day}{branch})", likely.short())
}

/// What a change is worth, where that is not plain.
pub fn state(state: &State) -> Option<String> {
    Some(match state {
        State::Fails => return None,
        State::Mended => "worse, and made good since".into(),
        State::Accepted(reason) => format!("accepted: {reason}"),
        State::BeforeBase => "worse, before the base".into(),
        State::Better => "for the better".into(),
        State::Neutral => "neither better nor worse".into(),
    })
}

/// The least change that is told: `at least 3.0 % and 4 B`.
pub fn least(effect: &Effect, rule: &Rule) -> String {
    let (unit, factor) = rule.unit();
    let share = (effect.ratio_min > 0.0).then(|| share(effect.ratio_min));
    let absolute = (effect.absolute_min > 0.0).then(|| unit.write(effect.absolute_min * factor));
    let bounds: Vec<String> = [share, absolute].into_iter().flatten().collect();
    if bounds.is_empty() { "any size".into() } else { format!("at least {}", bounds.join(" and ")) }
}

/// What makes the series' runs comparable, and how many were left out.
pub fn footing(series: &Series) -> String {
    let runs = format!("{} of {}", count(series.runs, "run"), count(series.commits, "commit"));
    let left_out = match series.runs_left_out {
        0 => String::new(),
        left_out if matches!(series.footing, Footing::Ceiling(_)) => {
            format!("; {} without a ceiling left out", count(left_out, "run"))
        }
        left_out => {
            let machines = count(series.machines_left_out, "other machine");
            format!("; {} on {machines} left out", count(left_out, "run"))
        }
    };
    // The same words for all metrics: how many are older than that depends on where each was measured.
    let older = match series.older_left_out {
        0 => String::new(),
        _ => format!("; of more than {POINTS_MAX} commits the newest are judged"),
    };
    let left_out = left_out + &older;
    match &series.footing {
        Footing::Machine(machine) => format!("{runs} on {}{left_out}", machine.words()),
        Footing::Ceiling(figure) => {
            format!("as a share of each machine's own ceiling ({figure}), {runs}{left_out}")
        }
        Footing::Any => format!("{runs}, whatever machine they were on{left_out}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_written_as_one_would_say_them() {
        for (ratio, words) in [
            (1.0, "0 %"),
            (1.0004, "0 %"),
            (1.067, "+6.7 %"),
            (0.995, "−0.5 %"),
            (0.5, "−50 %"),
            (1.5, "+50 %"),
            (67.2, "×67"),
            (999_999.0, "×999999"),
            (1e300, "× more than a million"),
            (0.0, "−100 %"),
        ] {
            assert_eq!(change(Some(ratio)), words, "{ratio}");
        }
        assert_eq!(change(None), "from zero");
    }

    #[test]
    fn the_least_change_is_in_the_units_that_are_shown() {
        let least = |metric| {
            let rule = Rule::of(metric, false);
            least(&rule.effect, &rule)
        };
        assert_eq!(least("memory.server_bytes_per_connection"), "at least 3.0 % and 4 B");
        assert_eq!(least("delivery.latency_ms.p99"), "at least 25 % and 500 µs");
        assert_eq!(least("audit.lost"), "at least 1");
        assert_eq!(least("something.new"), "at least 10 %");
    }

    #[test]
    fn nothing_is_certain() {
        assert_eq!(sure(0.00025), "> 99.9 % sure");
        assert_eq!(sure(0.0), "> 99.9 % sure");
        assert_eq!(sure(0.001), "99.9 % sure");
        assert_eq!(sure(0.0016), "99.8 % sure");
        assert_eq!(sure(0.01), "99.0 % sure");
    }
}

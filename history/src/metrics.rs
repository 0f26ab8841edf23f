//! Which metrics are judged: those asked for, by name or by pattern, or the defaults; with the effects asked for.

use plots::Unit;

use crate::detect::Effect;
use crate::rules::{Rule, fits};

/// How many names are suggested in place of an unknown one.
const NEAREST_MAX: usize = 3;

/// How alike a name must be to be suggested: 1 is the same.
const LIKENESS_MIN: f64 = 0.5;

/// A metric that there is not.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MetricError {
    /// No figure has that name.
    #[error("no metric '{name}'{}", suggestion(nearest))]
    Unknown {
        /// As it was given.
        name: String,
        /// Those that are most like it, the nearest first.
        nearest: Vec<String>,
    },
    /// An effect for a metric that is not judged.
    #[error("an effect for '{name}', which is not judged (add --metric '{name}')")]
    NotJudged {
        /// As it was given.
        name: String,
    },
    /// An effect in bytes of a time, or the like.
    #[error(
        "an effect in another unit than '{name}' has (write it without one: it is then in the metric's own)"
    )]
    Unit {
        /// The metric.
        name: String,
    },
}

fn suggestion(nearest: &[String]) -> String {
    match nearest {
        [] => "; 'floodmark history list --metrics' names them".into(),
        names => format!("; did you mean {}?", names.join(" or ")),
    }
}

/// The rules of the metrics asked for, each once; of `defaults`, when none is.
///
/// # Errors
/// [`MetricError::Unknown`]: one is not among `known`, or a pattern fits none.
pub fn rules(asked: &[String], known: &[String], defaults: &[&str]) -> Result<Vec<Rule>, MetricError> {
    if asked.is_empty() {
        return Ok(defaults.iter().map(|metric| Rule::of(metric, false)).collect());
    }
    let mut rules: Vec<Rule> = Vec::new();
    for name in asked {
        let found: Vec<Rule> = if name.contains('*') {
            known.iter().filter(|known| fits(name, known)).map(|name| Rule::of(name, false)).collect()
        } else {
            known.iter().find(|known| *known == name).map(|name| Rule::of(name, true)).into_iter().collect()
        };
        if found.is_empty() {
            return Err(MetricError::Unknown { name: name.clone(), nearest: nearest(name, known) });
        }
        for rule in found {
            if !rules.iter().any(|other| other.metric == rule.metric) {
                rules.push(rule);
            }
        }
    }
    Ok(rules)
}

/// The least change that is told, asked for of one metric or of all that fit a pattern.
#[derive(Debug, Clone, PartialEq)]
pub struct Least {
    /// The metric's name, or a pattern.
    pub metric: String,
    /// How much.
    pub bound: Bound,
}

/// One of the two bounds of an effect.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Bound {
    /// A share: 0.05 is 5 %.
    Share(f64),
    /// So much in the metric's own unit.
    Own(f64),
    /// So many bytes.
    Bytes(f64),
    /// So many seconds.
    Seconds(f64),
}

/// Sets the least changes. What is asked for of a metric takes the place of both of its bounds; asked for as a share and
/// as an amount, it has both again, and both must be reached.
///
/// # Errors
/// [`MetricError::NotJudged`]: there is no rule for one; [`MetricError::Unit`]: it is in another unit.
pub fn set_effects(rules: &mut [Rule], asked: &[Least]) -> Result<(), MetricError> {
    let is_of = |least: &Least, rule: &Rule| least.metric == rule.metric || fits(&least.metric, &rule.metric);
    if let Some(least) = asked.iter().find(|least| !rules.iter().any(|rule| is_of(least, rule))) {
        return Err(MetricError::NotJudged { name: least.metric.clone() });
    }
    for rule in rules {
        let ours: Vec<&Least> = asked.iter().filter(|least| is_of(least, rule)).collect();
        if ours.is_empty() {
            continue;
        }
        let (unit, factor) = rule.unit();
        rule.effect = Effect { ratio_min: 0.0, absolute_min: 0.0 };
        for least in ours {
            match (least.bound, unit) {
                (Bound::Share(share), _) => rule.effect.ratio_min = share,
                (Bound::Own(amount), _) => rule.effect.absolute_min = amount,
                (Bound::Bytes(amount), Unit::Bytes) | (Bound::Seconds(amount), Unit::Seconds) => {
                    rule.effect.absolute_min = amount / factor;
                }
                _ => return Err(MetricError::Unit { name: rule.metric.clone() }),
            }
        }
    }
    Ok(())
}

/// The names most like `name`, the nearest first.
pub fn nearest(name: &str, known: &[String]) -> Vec<String> {
    // What is typed is often the end of a name: `server_bytes_per_connection`.
    let contains = |known: &str| !name.is_empty() && known.contains(name);
    let likeness = |known: &String| {
        let alike = strsim::normalized_damerau_levenshtein(name, known);
        if contains(known) { alike + 1.0 } else { alike }
    };
    let mut alike: Vec<(f64, &String)> = known.iter().map(|known| (likeness(known), known)).collect();
    alike.retain(|(likeness, _)| *likeness >= LIKENESS_MIN);
    alike.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(b.1)));
    alike.into_iter().take(NEAREST_MAX).map(|(_, name)| name.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::DEFAULTS;

    fn known() -> Vec<String> {
        ["audit.lost", "memory.server_bytes_per_connection", "memory.points"].map(str::to_owned).into()
    }

    fn names(asked: &[&str]) -> Result<Vec<String>, String> {
        let asked: Vec<String> = asked.iter().map(|name| (*name).to_owned()).collect();
        let rules = rules(&asked, &known(), &DEFAULTS).map_err(|error| error.to_string())?;
        Ok(rules.into_iter().map(|rule| rule.metric).collect())
    }

    #[test]
    fn an_unknown_name_is_answered_with_the_nearest() {
        let error = names(&["server_bytes_per_conection"]).expect_err("unknown");
        assert_eq!(
            error,
            "no metric 'server_bytes_per_conection'; did you mean memory.server_bytes_per_connection?"
        );
        let error = names(&["lost"]).expect_err("unknown");
        assert_eq!(error, "no metric 'lost'; did you mean audit.lost?");
        assert!(names(&["zzz"]).expect_err("unknown").contains("history list --metrics"));
        assert!(names(&["x*"]).expect_err("fits none").contains("no metric 'x*'"));
        assert!(names(&[""]).is_err());
    }

    #[test]
    fn asked_by_name_by_pattern_or_not_at_all() {
        assert_eq!(names(&[]).expect("defaults").len(), DEFAULTS.len());
        assert_eq!(
            names(&["memory.*", "memory.points", "audit.lost"]).expect("known"),
            ["memory.server_bytes_per_connection", "memory.points", "audit.lost"]
        );
        let mut rules = rules(&["audit.lost".into()], &known(), &DEFAULTS).expect("known");
        assert!(rules[0].asked);
        set_effects(&mut rules, &[least("audit.lost", Bound::Share(0.5))]).expect("judged");
        assert_eq!(rules[0].effect.ratio_min, 0.5);
        let wrong = set_effects(&mut rules, &[least("memory.points", Bound::Share(0.5))]);
        assert!(wrong.is_err_and(|e| e.to_string().contains("--metric")));
    }

    fn least(metric: &str, bound: Bound) -> Least {
        Least { metric: metric.into(), bound }
    }

    /// 1 % of 60 bytes was asked for, and 4 bytes went on being the least.
    #[test]
    fn what_is_asked_for_takes_the_place_of_both_bounds() {
        let of = |asked: &[Least]| {
            let mut rules = ["memory.server_bytes_per_connection", "delivery.latency_ms.p99"]
                .map(|it| Rule::of(it, true));
            set_effects(&mut rules, asked).map_err(|error| error.to_string())?;
            Ok::<_, String>(rules.map(|rule| (rule.effect.ratio_min, rule.effect.absolute_min)))
        };
        let bytes = |bound| least("memory.*", bound);
        assert_eq!(of(&[]).expect("judged"), [(0.03, 4.0), (0.25, 0.5)]);
        assert_eq!(of(&[bytes(Bound::Share(0.01))]).expect("judged"), [(0.01, 0.0), (0.25, 0.5)]);
        assert_eq!(of(&[bytes(Bound::Bytes(2.0))]).expect("judged")[0], (0.0, 2.0));
        assert_eq!(of(&[bytes(Bound::Share(0.01)), bytes(Bound::Own(2.0))]).expect("judged")[0], (0.01, 2.0));
        let p99 = |bound| of(&[least("delivery.latency_ms.p99", bound)]);
        assert_eq!(p99(Bound::Seconds(0.002)).expect("judged")[1], (0.0, 2.0), "its own unit is ms");
        assert!(p99(Bound::Bytes(2.0)).is_err_and(|error| error.contains("another unit")));
        assert!(of(&[least("cpu.*", Bound::Own(2.0))]).is_err_and(|error| error.contains("not judged")));
    }
}

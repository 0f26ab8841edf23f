//! Which metrics are judged: those asked for, by name or by pattern, or the defaults; with the effects asked for.

use crate::rules::{DEFAULTS, Rule, fits};

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
    #[error("an effect for '{name}', which is not judged (add --metric {name})")]
    NotJudged {
        /// As it was given.
        name: String,
    },
}

fn suggestion(nearest: &[String]) -> String {
    match nearest {
        [] => "; 'floodmark history list --metrics' names them".into(),
        names => format!("; did you mean {}?", names.join(" or ")),
    }
}

/// The rules of the metrics asked for, each once; of the defaults, when none is.
///
/// # Errors
/// [`MetricError::Unknown`]: one is not among `known`, or a pattern fits none.
pub fn rules(asked: &[String], known: &[String]) -> Result<Vec<Rule>, MetricError> {
    if asked.is_empty() {
        return Ok(DEFAULTS.iter().map(|metric| Rule::of(metric, false)).collect());
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

/// Sets the least relative change of one of the rules.
///
/// # Errors
/// [`MetricError::NotJudged`]: there is no rule for it.
pub fn set_effect(rules: &mut [Rule], metric: &str, ratio_min: f64) -> Result<(), MetricError> {
    let rule = rules.iter_mut().find(|rule| rule.metric == metric);
    let rule = rule.ok_or_else(|| MetricError::NotJudged { name: metric.to_owned() })?;
    rule.effect.ratio_min = ratio_min;
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

    fn known() -> Vec<String> {
        ["audit.lost", "memory.server_bytes_per_connection", "memory.points"].map(str::to_owned).into()
    }

    fn names(asked: &[&str]) -> Result<Vec<String>, String> {
        let asked: Vec<String> = asked.iter().map(|name| (*name).to_owned()).collect();
        let rules = rules(&asked, &known()).map_err(|error| error.to_string())?;
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
        let mut rules = rules(&["audit.lost".into()], &known()).expect("known");
        assert!(rules[0].asked);
        set_effect(&mut rules, "audit.lost", 0.5).expect("judged");
        assert_eq!(rules[0].effect.ratio_min, 0.5);
        assert!(
            set_effect(&mut rules, "memory.points", 0.5).is_err_and(|e| e.to_string().contains("--metric"))
        );
    }
}

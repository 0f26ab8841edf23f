//! What is judged, and how: which way is worse, how much is worth a word, and what makes machines comparable.
//!
//! A figure's rule follows from its name, by the first pattern of [`RULES`] that it fits. A figure that fits none, or
//! that has no better and worse (`messages.asked_rate_per_s`), is shown and never fails.

use plots::Unit;

use crate::detect::Effect;

/// Which way is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Less is better.
    Lower,
    /// More is better.
    Higher,
    /// Neither is: it never fails.
    Neither,
}

impl Direction {
    /// As JSON and documents have it.
    pub fn name(self) -> &'static str {
        match self {
            Direction::Lower => "lower",
            Direction::Higher => "higher",
            Direction::Neither => "neither",
        }
    }
}

/// What a figure is divided by to become a share of the machine's own ceiling.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ceiling {
    /// The summary has the ratio itself, or null where the plan and not the machine decided the figure.
    Given(&'static str),
    /// This figure of `limit`, which is in so many parts of the metric's unit: 1000 when it is in µs and the metric in ms.
    Over(&'static str, u32),
}

impl Ceiling {
    /// The name of the figure.
    pub fn figure(self) -> &'static str {
        match self {
            Ceiling::Given(name) | Ceiling::Over(name, _) => name,
        }
    }
}

/// How a metric is judged.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// The figure's name in `summary.json`, dotted.
    pub metric: String,
    /// Which way is better.
    pub direction: Direction,
    /// What is worth a word, in the metric's own unit.
    pub effect: Effect,
    /// What makes it comparable across unlike machines.
    pub ceiling: Option<Ceiling>,
    /// Whether it was asked for by name. One of the defaults that was not measured is passed over; one that was asked
    /// for is missed.
    pub asked: bool,
}

/// Judged in a comparison when none is asked for, in the order in which they are shown.
pub const DEFAULTS: [&str; 7] = [
    "memory.server_bytes_per_connection",
    "memory.kernel_bytes_per_connection",
    "delivery.latency_ms.p99",
    "delivery.rate_per_s",
    "connections.connect_rate_per_s",
    "connections.failed",
    "audit.lost",
];

/// Judged in a series when none is asked for: without the latency. On a shared machine its noise stays for hours, which to
/// a series is a change; runs that take turns share the hour.
pub const DEFAULTS_SERIES: [&str; 6] = [
    "memory.server_bytes_per_connection",
    "memory.kernel_bytes_per_connection",
    "delivery.rate_per_s",
    "connections.connect_rate_per_s",
    "connections.failed",
    "audit.lost",
];

/// Pattern (`*` is anything), which way is better, and the least change that is worth a word: as a share, and in the
/// metric's own unit. Both must be passed.
#[rustfmt::skip]
pub const RULES: &[(&str, Direction, f64, f64)] = &[
    ("limit.ratio.pair_bytes",                  Direction::Lower,   0.05, 0.0),
    ("limit.ratio.*",                           Direction::Higher,  0.10, 0.0),
    ("limit.*",                                 Direction::Neither, 0.10, 0.0),
    ("*.asked*",                                Direction::Neither, 0.0,  1.0),
    ("memory.server_bytes_per_connection",      Direction::Lower,   0.03, 4.0),
    ("memory.generator_bytes_per_connection",   Direction::Lower,   0.03, 4.0),
    ("memory.kernel_bytes_per_connection",      Direction::Lower,   0.03, 64.0),
    ("memory.ledger.*.remainder_bytes",         Direction::Neither, 0.10, 64.0),
    ("memory.ledger.*.explained_bytes",         Direction::Neither, 0.10, 64.0),
    ("memory.ledger.*.total_bytes",             Direction::Lower,   0.03, 64.0),
    ("memory.ledger.*_user_bytes",              Direction::Lower,   0.03, 4.0),
    ("memory.ledger.*_bytes",                   Direction::Lower,   0.05, 32.0),
    ("memory.*_rss_peak_bytes",                 Direction::Lower,   0.05, 1_048_576.0),
    ("memory.*_rss_growth_bytes",               Direction::Lower,   0.25, 4_194_304.0),
    ("memory.*",                                Direction::Neither, 0.0,  1.0),
    ("*_lag_ms.*",                              Direction::Neither, 0.50, 1.0),
    ("publisher.lag_ms.*",                      Direction::Neither, 0.50, 1.0),
    ("*_ms.count",                              Direction::Neither, 0.0,  1.0),
    ("*_ms.p50",                                Direction::Lower,   0.10, 0.05),
    ("*_ms.mean",                               Direction::Lower,   0.15, 0.05),
    ("*_ms.p90",                                Direction::Lower,   0.20, 0.2),
    ("*_ms.p99",                                Direction::Lower,   0.25, 0.5),
    ("*_ms.p999",                               Direction::Lower,   0.50, 2.0),
    ("*_ms.max",                                Direction::Lower,   1.00, 5.0),
    ("*.connect_rate_per_s",                    Direction::Higher,  0.10, 1.0),
    ("*.rate_per_s",                            Direction::Higher,  0.05, 1.0),
    ("connections.peak",                        Direction::Higher,  0.02, 1.0),
    ("connections.*",                           Direction::Lower,   0.0,  1.0),
    ("audit.sent",                              Direction::Neither, 0.0,  1.0),
    ("audit.expected",                          Direction::Neither, 0.0,  1.0),
    ("audit.delivered",                         Direction::Neither, 0.0,  1.0),
    ("audit.nobody_there",                      Direction::Neither, 0.0,  1.0),
    ("audit.*",                                 Direction::Lower,   0.0,  1.0),
    ("cpu.*",                                   Direction::Lower,   0.10, 0.02),
    ("*",                                       Direction::Neither, 0.10, 0.0),
];

/// What the figures of the ceiling can stand under.
const CEILINGS: [(&str, Ceiling); 10] = [
    ("connections.connect_rate_per_s", Ceiling::Given("limit.ratio.connects")),
    ("delivery.rate_per_s", Ceiling::Given("limit.ratio.deliveries")),
    ("memory.ledger.pair.total_bytes", Ceiling::Given("limit.ratio.pair_bytes")),
    ("memory.kernel_bytes_per_connection", Ceiling::Over("limit.pair_bytes", 1)),
    ("delivery.latency_ms.p50", Ceiling::Over("limit.wakeup_p50_us", 1000)),
    ("delivery.latency_ms.p99", Ceiling::Over("limit.wakeup_p99_us", 1000)),
    // The summary's own ratios are comparable as they are.
    ("limit.ratio.connects", Ceiling::Given("limit.ratio.connects")),
    ("limit.ratio.deliveries", Ceiling::Given("limit.ratio.deliveries")),
    ("limit.ratio.connections", Ceiling::Given("limit.ratio.connections")),
    ("limit.ratio.pair_bytes", Ceiling::Given("limit.ratio.pair_bytes")),
];

impl Rule {
    /// The rule of that metric.
    pub fn of(metric: &str, asked: bool) -> Rule {
        let (_, direction, ratio_min, absolute_min) =
            RULES.iter().find(|(pattern, ..)| fits(pattern, metric)).expect("the last one fits all");
        let ceiling = CEILINGS.iter().find(|(name, _)| *name == metric).map(|(_, ceiling)| *ceiling);
        let effect = Effect { ratio_min: *ratio_min, absolute_min: *absolute_min };
        Rule { metric: metric.to_owned(), direction: *direction, effect, ceiling, asked }
    }

    /// What is written and drawn: the unit, and how many of the metric's own make one of it.
    pub fn unit(&self) -> (Unit, f64) {
        unit(&self.metric)
    }

    /// Which of two values is the worse one, or `None` when neither is.
    pub fn worse(&self, before: f64, after: f64) -> Option<bool> {
        match self.direction {
            Direction::Lower => Some(after > before),
            Direction::Higher => Some(after < before),
            Direction::Neither => None,
        }
    }
}

/// The unit of a figure, by its name, and the factor from its own unit to that: as on charts.
pub fn unit(metric: &str) -> (Unit, f64) {
    Unit::of_figure(metric)
}

/// Whether a name fits a pattern, in which `*` is anything, dots included.
pub fn fits(pattern: &str, name: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = name.strip_prefix(first) else { return false };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else { return rest.is_empty() };
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_follows_from_the_name() {
        use Direction::{Higher, Lower, Neither};
        for (metric, direction, unit) in [
            ("memory.server_bytes_per_connection", Lower, Unit::Bytes),
            ("memory.ledger.pair.kernel_tcp_bytes", Lower, Unit::Bytes),
            ("memory.ledger.pair.remainder_bytes", Neither, Unit::Bytes),
            ("memory.points", Neither, Unit::Count),
            ("delivery.latency_ms.p99", Lower, Unit::Seconds),
            ("delivery.latency_ms.count", Neither, Unit::Count),
            ("connect.schedule_lag_ms.p99", Neither, Unit::Seconds),
            ("connections.connect_rate_per_s", Higher, Unit::PerSecond),
            ("connections.asked_connect_rate_per_s", Neither, Unit::PerSecond),
            ("connections.asked", Neither, Unit::Count),
            ("connections.failures_by_cause.timeout", Lower, Unit::Count),
            ("messages.asked_rate_per_s", Neither, Unit::PerSecond),
            ("delivery.rate_per_s", Higher, Unit::PerSecond),
            ("connections.peak", Higher, Unit::Count),
            ("audit.lost", Lower, Unit::Count),
            ("audit.sent", Neither, Unit::Count),
            ("cpu.softirq_ratio", Lower, Unit::Ratio),
            ("cpu.server_cores", Lower, Unit::Cores),
            ("limit.ratio.connects", Higher, Unit::Ratio),
            ("limit.ratio.pair_bytes", Lower, Unit::Ratio),
            ("limit.wakeup_p99_us", Neither, Unit::Seconds),
            ("run.duration_s", Neither, Unit::Seconds),
            ("something.new", Neither, Unit::Count),
        ] {
            let rule = Rule::of(metric, false);
            assert_eq!((rule.direction, rule.unit().0), (direction, unit), "{metric}");
        }
        assert_eq!(Rule::of("publisher.lag_ms.p99", false).direction, Neither);
        assert!(DEFAULTS.iter().all(|metric| Rule::of(metric, false).direction != Neither));
        assert!(CEILINGS.iter().all(|(metric, _)| Rule::of(metric, false).ceiling.is_some()));
    }

    #[test]
    fn each_rule_is_reached() {
        // A pattern behind a broader one would never be used.
        for (index, (pattern, ..)) in RULES.iter().enumerate() {
            let name = pattern.replace('*', "q");
            let first =
                RULES.iter().position(|(earlier, ..)| fits(earlier, &name)).expect("the last fits all");
            assert_eq!(first, index, "{pattern} is behind {}", RULES[first].0);
        }
    }

    #[test]
    fn patterns_fit_whole_names() {
        assert!(fits("*", "") && fits("*", "a.b") && fits("a*", "a") && fits("*_ms.p99", "x_ms.p99"));
        assert!(fits("a*b*c", "a-b-b-c") && fits("abc", "abc"));
        assert!(
            !fits("a*b*c", "a-c")
                && !fits("abc", "abcd")
                && !fits("*_ms.p99", "x_ms.p999")
                && !fits("a*a", "a")
        );
    }
}

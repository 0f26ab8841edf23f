//! `/metrics`: the figures for a scraper, in the text format that it asks for.

use std::fmt::Write as _;

use telemetry::Kind;

use crate::figures::{Figures, OF_SHARD};

/// The two formats that differ in little: where a counter's `_total` belongs, and how the end is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// Prometheus's text format, which everything reads.
    Prometheus,
    /// OpenMetrics 1.0.
    OpenMetrics,
}

impl Format {
    /// What a request's `Accept` asks for: OpenMetrics if it is named at all and not with a quality of 0, since only who
    /// reads it names it.
    pub(crate) fn asked_for(accept: &str) -> Self {
        let refuses = |parameter: &str| {
            let quality = parameter.trim().strip_prefix("q=").and_then(|quality| quality.parse::<f64>().ok());
            quality.is_some_and(|quality| quality <= 0.0)
        };
        let asks = |range: &str| {
            let mut parts = range.split(';');
            let kind = parts.next().unwrap_or_default().trim();
            kind.eq_ignore_ascii_case("application/openmetrics-text") && !parts.any(refuses)
        };
        if accept.split(',').any(asks) { Self::OpenMetrics } else { Self::Prometheus }
    }

    pub(crate) fn content_type(self) -> &'static str {
        match self {
            Self::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

/// All figures: the server's, then each shard's under its number. Sums are for the scraper to draw.
pub(crate) fn text(figures: &Figures, format: Format) -> String {
    let mut out = String::with_capacity(32 << 10);
    for total in figures.own() {
        let name = Name::new(total.name, total.kind);
        name.begin(&mut out, format, total.help);
        name.sample(&mut out, None, total.value);
    }
    for figure in OF_SHARD {
        let name = Name::new(figure.name, figure.kind);
        name.begin(&mut out, format, figure.help);
        for (number, shard) in figures.shards().enumerate() {
            name.sample(&mut out, Some(number), (figure.value)(&shard));
        }
    }
    if format == Format::OpenMetrics {
        out.push_str("# EOF\n");
    }
    out
}

/// A figure's name as Prometheus has it: base units in full, and what counts ends in `_total`.
struct Name {
    stem: &'static str,
    unit: &'static str,
    kind: Kind,
}

// Writing to a string cannot fail, so the results below are dropped.
impl Name {
    fn new(name: &'static str, kind: Kind) -> Self {
        match name.strip_suffix("_s") {
            Some(stem) => Self { stem, unit: "_seconds", kind },
            None => Self { stem: name, unit: "", kind },
        }
    }

    fn total(&self) -> &'static str {
        if self.kind == Kind::Counter { "_total" } else { "" }
    }

    fn begin(&self, out: &mut String, format: Format, help: &str) {
        let Self { stem, unit, .. } = self;
        let kind = if self.kind == Kind::Counter { "counter" } else { "gauge" };
        let total = if format == Format::Prometheus { self.total() } else { "" };
        let _ = writeln!(out, "# HELP floodmark_{stem}{unit}{total} {help}");
        let _ = writeln!(out, "# TYPE floodmark_{stem}{unit}{total} {kind}");
    }

    fn sample(&self, out: &mut String, shard: Option<usize>, value: f64) {
        let Self { stem, unit, .. } = self;
        let _ = write!(out, "floodmark_{stem}{unit}{}", self.total());
        if let Some(shard) = shard {
            let _ = write!(out, "{{shard=\"{shard}\"}}");
        }
        let _ = writeln!(out, " {value}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_who_names_open_metrics_gets_it() {
        let cases = [
            ("", Format::Prometheus),
            ("*/*", Format::Prometheus),
            ("text/plain; version=0.0.4", Format::Prometheus),
            ("application/openmetrics-text", Format::OpenMetrics),
            ("Application/OpenMetrics-Text; version=1.0.0", Format::OpenMetrics),
            (
                "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.1",
                Format::OpenMetrics,
            ),
            ("text/plain, application/openmetrics-text; q=0", Format::Prometheus),
            ("application/openmetrics-textual", Format::Prometheus),
            (";;;,,q=1", Format::Prometheus),
        ];
        for (accept, format) in cases {
            assert_eq!(Format::asked_for(accept), format, "{accept:?}");
        }
    }

    #[test]
    fn names_are_in_base_units() {
        let name = |name, kind, format| {
            let mut out = String::new();
            Name::new(name, kind).begin(&mut out, format, "x");
            out
        };
        let prometheus = name("busy_s", Kind::Counter, Format::Prometheus);
        assert!(prometheus.contains("# TYPE floodmark_busy_seconds_total counter\n"), "{prometheus}");
        let open = name("busy_s", Kind::Counter, Format::OpenMetrics);
        assert!(open.contains("# TYPE floodmark_busy_seconds counter\n"), "{open}");
        assert!(name("timers", Kind::Gauge, Format::Prometheus).contains("# TYPE floodmark_timers gauge\n"));
    }
}

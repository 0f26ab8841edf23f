//! The picture as Prometheus and OpenMetrics read it.
//!
//! `host.net.eth0.received_bytes` becomes `floodmark_host_net_received_bytes_total{interface="eth0"}`: dots are underscores,
//! devices are labels, units are base units, counters end in `_total`. Beside each gauge X, and each counter's rate
//! X_per_second, stand `X_decayed` and `X_maximum` with the label `tau`. Queues have families of their own.
//!
//! Of two names that would be the same here, the first is told.

use std::collections::BTreeMap;
use std::fmt::Write;

use telemetry::{Drain, Kind, TAUS_S};

use crate::sar::picture::Picture;
use crate::sar::plain::plain;

/// The two texts, which differ in how a counter's family is named and in how they end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// Prometheus's text format 0.0.4.
    Prometheus,
    /// OpenMetrics 1.0.0.
    OpenMetrics,
}

impl Dialect {
    pub(crate) fn content_type(self) -> &'static str {
        match self {
            Dialect::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
            Dialect::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

/// Devices and ports, which are labels: what stands before them, the family's beginning, and the label.
const LABELLED: [(&str, &str, &str); 4] = [
    ("host.net.", "host_net", "interface"),
    ("host.disk.", "host_disk", "device"),
    ("host.listen.", "host_listen", "port"),
    ("host.cpu", "host_core", "core"),
];

/// Endings that only histograms and summaries may have.
const RESERVED: [&str; 3] = ["_bucket", "_count", "_sum"];

struct Family {
    kind: Kind,
    help: String,
    /// By labels.
    samples: BTreeMap<String, f64>,
}

#[derive(Default)]
struct Families(BTreeMap<String, Family>);

impl Families {
    fn add(&mut self, name: &str, kind: Kind, help: &str, labels: String, value: f64) {
        let family = self.0.entry(name.to_owned()).or_insert_with(|| Family {
            kind,
            help: help.to_owned(),
            samples: BTreeMap::new(),
        });
        if family.kind == kind {
            family.samples.entry(labels).or_insert(value);
        }
    }

    fn text(&self, dialect: Dialect) -> String {
        let mut text = String::new();
        for (name, family) in &self.0 {
            let (kind, suffix) = match family.kind {
                Kind::Counter => ("counter", "_total"),
                Kind::Gauge => ("gauge", ""),
            };
            let told = if dialect == Dialect::OpenMetrics { "" } else { suffix };
            let help = escaped(&family.help);
            let _ = writeln!(text, "# HELP {name}{told} {help}\n# TYPE {name}{told} {kind}");
            for (labels, value) in &family.samples {
                let _ = match value.is_infinite() {
                    true => writeln!(text, "{name}{suffix}{labels} +Inf"),
                    false => writeln!(text, "{name}{suffix}{labels} {value}"),
                };
            }
        }
        if dialect == Dialect::OpenMetrics {
            text.push_str("# EOF\n");
        }
        text
    }
}

/// The whole exposition of this moment.
pub(crate) fn text(picture: &Picture, dialect: Dialect) -> String {
    let mut families = Families::default();
    for (name, value) in picture.values() {
        let Place { family, label, factor } = place(name);
        let kind = if picture.is_counter(name) { Kind::Counter } else { Kind::Gauge };
        let help = help(picture, name);
        let labels = labels(&[label.as_ref().map(|(name, value)| (*name, value.as_str()))]);
        families.add(&named(&family, kind), kind, &help, labels, value * factor);
    }
    for (name, decayed) in picture.all_decayed() {
        let Place { family, label, factor } = place(name);
        let family = match decayed.kind {
            Kind::Counter => format!("{}_per_second", named(&family, Kind::Counter)),
            Kind::Gauge => named(&family, Kind::Gauge),
        };
        let help = help(picture, name);
        for (suffix, values, what) in [
            ("decayed", decayed.averages, "Decayed average"),
            ("maximum", decayed.maxima, "Maximum over tau"),
        ] {
            let help = format!("{what}. {help}");
            for (value, tau_s) in values.into_iter().zip(TAUS_S) {
                let tau = format!("{tau_s}s");
                let label = label.as_ref().map(|(name, value)| (*name, value.as_str()));
                let labels = labels(&[label, Some(("tau", &tau))]);
                families.add(&format!("{family}_{suffix}"), Kind::Gauge, &help, labels, value * factor);
            }
        }
    }
    queues(picture, &mut families);
    families.text(dialect)
}

fn queues(picture: &Picture, families: &mut Families) {
    for health in picture.queues() {
        let mut gauge = |name: &str, help: &str, value: Option<f64>| {
            if let Some(value) = value {
                let labels = labels(&[Some(("queue", &health.name))]);
                families.add(&format!("floodmark_queue_{name}"), Kind::Gauge, help, labels, value);
            }
        };
        gauge("length", "What waits in the queue.", Some(health.length));
        gauge("enqueue_per_second", "What comes into the queue.", health.enqueue_per_s);
        gauge("dequeue_per_second", "What leaves the queue.", health.dequeue_per_s);
        gauge(
            "delay_seconds",
            "Length by dequeue rate: how long what comes in now will wait.",
            health.delay_s,
        );
        let drain = health.drain.as_ref().map(|drain| match drain {
            Drain::After { seconds } => *seconds,
            Drain::Never => f64::INFINITY,
        });
        gauge("drain_seconds", "When the queue will be empty at these rates; +Inf is never.", drain);
        let alert = if health.alert.is_some() { 1.0 } else { 0.0 };
        gauge("alert", "Whether the queue is past its threshold.", Some(alert));
    }
}

/// Where a name belongs.
struct Place {
    family: String,
    label: Option<(&'static str, String)>,
    /// From the name's unit to the base unit.
    factor: f64,
}

fn place(name: &str) -> Place {
    let split = LABELLED.into_iter().find_map(|(before, family, label)| {
        let (device, what) = name.strip_prefix(before)?.rsplit_once('.')?;
        (!device.is_empty()).then(|| (format!("{family}_{what}"), Some((label, device.to_owned()))))
    });
    let (family, label) = split.unwrap_or_else(|| (name.to_owned(), None));
    let allowed = |letter: char| match letter {
        'a'..='z' | '0'..='9' => letter,
        'A'..='Z' => letter.to_ascii_lowercase(),
        _ => '_',
    };
    let family: String = family.chars().map(allowed).collect();
    let units = [("_ns", 1e-9), ("_us", 1e-6), ("_ms", 1e-3), ("_s", 1.0)];
    let unit = units
        .into_iter()
        .find_map(|(unit, factor)| Some((format!("{}_seconds", family.strip_suffix(unit)?), factor)));
    let (family, factor) = unit.unwrap_or((family, 1.0));
    Place { family: format!("floodmark_{family}"), label, factor }
}

/// The family as a kind of figure may be called.
fn named(family: &str, kind: Kind) -> String {
    let family = family.strip_suffix("_total").unwrap_or(family);
    if kind == Kind::Gauge && RESERVED.iter().any(|ending| family.ends_with(ending)) {
        return format!("{family}_value");
    }
    family.to_owned()
}

fn help(picture: &Picture, name: &str) -> String {
    let told = picture.meaning(name).map(|meaning| meaning.help.trim()).filter(|help| !help.is_empty());
    told.map_or_else(|| format!("The value {name} of floodmark's samples."), str::to_owned)
}

fn labels(labels: &[Option<(&str, &str)>]) -> String {
    let parts: Vec<String> =
        labels.iter().flatten().map(|(name, value)| format!("{name}=\"{}\"", escaped(value))).collect();
    if parts.is_empty() { String::new() } else { format!("{{{}}}", parts.join(",")) }
}

fn escaped(text: &str) -> String {
    plain(&text.replace('\\', "\\\\").replace('\n', "\\n").replace('"', "\\\"")).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_base_units_and_devices_are_labels() {
        let placed = |name: &str| {
            let Place { family, label, factor } = place(name);
            (family, label.map(|(name, value)| format!("{name}={value}")), factor)
        };
        let plain = |family: &str, factor| (family.to_owned(), None, factor);
        assert_eq!(placed("sar.collect_us"), plain("floodmark_sar_collect_seconds", 1e-6));
        assert_eq!(placed("server.cpu_user_s"), plain("floodmark_server_cpu_user_seconds", 1.0));
        assert_eq!(placed("host.load_1m"), plain("floodmark_host_load_1m", 1.0));
        assert_eq!(placed("host.cpu_user_ratio"), plain("floodmark_host_cpu_user_ratio", 1.0));
        assert_eq!(
            placed("host.net.eth0.100.received_bytes"),
            ("floodmark_host_net_received_bytes".into(), Some("interface=eth0.100".into()), 1.0)
        );
        assert_eq!(
            placed("host.cpu12.user_ratio"),
            ("floodmark_host_core_user_ratio".into(), Some("core=12".into()), 1.0)
        );
        assert_eq!(placed("go.Größe{a=\"b\"}").0, "floodmark_go_gr__e_a__b__");
    }

    #[test]
    fn endings_of_histograms_are_left_to_histograms() {
        assert_eq!(named("floodmark_go_gc_count", Kind::Gauge), "floodmark_go_gc_count_value");
        assert_eq!(named("floodmark_go_gc_count", Kind::Counter), "floodmark_go_gc_count");
        assert_eq!(named("floodmark_go_seen_total", Kind::Counter), "floodmark_go_seen");
    }

    #[test]
    fn a_label_cannot_break_out_of_its_quotes() {
        assert_eq!(labels(&[Some(("queue", "a\"b\\c\nd")), None]), "{queue=\"a\\\"b\\\\c\\nd\"}");
    }
}

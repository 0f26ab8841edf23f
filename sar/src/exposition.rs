//! The text that an endpoint made for Prometheus answers with, turned into named values (see [`crate::prometheus`]).
//!
//! A series is known by the letters it stands under, `metric{labels}`: its name is made at its first coming and found by
//! those letters after that, so that reading the same series again allocates nothing for each.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use regex_lite::Regex;
use telemetry::{Kind, Meaning};

use crate::values::NAME_BYTES_MAX;

/// The most series of one endpoint. Those that stand behind them in the answer are left out and counted.
pub const SERIES_MAX: usize = 1_000;

/// The longest series, as it is written. A longer one is left out and counted.
const SERIES_BYTES_MAX: usize = 1_024;

/// Series that come and go (a label with a request's id, say) are forgotten when there have been so many.
const KNOWN_MAX: usize = 16 * SERIES_MAX;

/// One answer.
#[derive(Debug, Default)]
pub(crate) struct Scraped {
    pub(crate) values: Vec<(Arc<str>, f64)>,
    /// What names mean that were made for this answer.
    pub(crate) new_meanings: BTreeMap<String, Meaning>,
    pub(crate) left_out: usize,
    /// Whether all names are made anew: what was told of earlier ones may be forgotten.
    pub(crate) is_anew: bool,
}

/// Reads the answers of one endpoint.
#[derive(Debug)]
pub(crate) struct Exposition {
    prefix: String,
    keep: Option<Regex>,
    /// By `metric{labels}`; `None` is not wanted, or has another's name.
    known: HashMap<String, Option<Arc<str>>>,
    names: HashSet<Arc<str>>,
}

/// What `# TYPE` and `# HELP` say of the metrics of one answer.
#[derive(Debug, Default)]
struct Families<'a> {
    types: HashMap<&'a str, &'a str>,
    helps: HashMap<&'a str, &'a str>,
}

impl Exposition {
    pub(crate) fn new(prefix: &str, keep: Option<Regex>) -> Exposition {
        Exposition { prefix: prefix.to_owned(), keep, known: HashMap::new(), names: HashSet::new() }
    }

    /// Reads an answer. Lines that make no sense are skipped, but if none makes sense it is no answer.
    pub(crate) fn read(&mut self, body: &[u8]) -> Result<Scraped, String> {
        let is_anew = self.known.len() > KNOWN_MAX;
        if is_anew {
            self.known.clear();
            self.names.clear();
        }
        let text = String::from_utf8_lossy(body);
        let mut families = Families::default();
        let mut scraped = Scraped { is_anew, ..Scraped::default() };
        let (mut lines, mut understood) = (0, 0);
        for line in text.lines().map(str::trim_ascii).filter(|line| !line.is_empty()) {
            lines += 1;
            if let Some(comment) = line.strip_prefix('#') {
                families.note(comment);
                understood += usize::from(comment.starts_with(' '));
            } else if let Some((series, value)) = split(line) {
                understood += 1;
                self.take(series, value, &families, &mut scraped);
            }
        }
        if lines > 0 && understood == 0 {
            return Err("its answer is not in Prometheus's text format".to_owned());
        }
        Ok(scraped)
    }

    fn take(&mut self, series: &str, value: f64, families: &Families<'_>, scraped: &mut Scraped) {
        if !value.is_finite() {
            return;
        }
        let name = match self.known.get(series) {
            Some(Some(name)) => Arc::clone(name),
            Some(None) => return,
            None if series.len() > SERIES_BYTES_MAX => {
                scraped.left_out += 1;
                return;
            }
            None => {
                let name = self.name(series, families, scraped);
                self.known.insert(series.to_owned(), name.clone());
                let Some(name) = name else { return };
                name
            }
        };
        if scraped.values.len() < SERIES_MAX {
            scraped.values.push((name, value));
        } else {
            scraped.left_out += 1;
        }
    }

    /// A new series' name, if it is wanted, and what it means.
    fn name(&mut self, series: &str, families: &Families<'_>, scraped: &mut Scraped) -> Option<Arc<str>> {
        let (metric, labels) = series.split_once('{').unwrap_or((series, "}"));
        let metric = metric.trim_ascii_end();
        let kind = families.kind(metric, self.keep.is_some())?;
        if self.keep.as_ref().is_some_and(|keep| !keep.is_match(metric)) {
            return None;
        }
        let name = format!("{}.{metric}{}", self.prefix, folded(labels)?);
        let name: Arc<str> = (name.len() <= NAME_BYTES_MAX).then_some(name)?.into();
        if !self.names.insert(Arc::clone(&name)) {
            return None;
        }
        let help = families.help(metric);
        scraped.new_meanings.insert(name.to_string(), Meaning { kind, help });
        Some(name)
    }
}

impl<'a> Families<'a> {
    /// ` TYPE name counter`, ` HELP name Some words.`
    fn note(&mut self, comment: &'a str) {
        let mut words = comment.trim_ascii_start().splitn(3, ' ');
        let (word, name, rest) = (words.next(), words.next(), words.next());
        let (Some(word), Some(name), Some(rest)) = (word, name, rest) else { return };
        match word {
            "TYPE" => self.types.insert(name, rest.trim_ascii()),
            "HELP" => self.helps.insert(name, rest.trim_ascii()),
            _ => None,
        };
    }

    /// The kind of a metric; `None` when it is not wanted, whatever its name.
    fn kind(&self, metric: &str, buckets: bool) -> Option<Kind> {
        let suffix = |suffix: &str| {
            let family = metric.strip_suffix(suffix)?;
            Some(*self.types.get(family)?)
        };
        match suffix("_bucket") {
            Some("histogram") => return buckets.then_some(Kind::Counter),
            Some("gaugehistogram") => return buckets.then_some(Kind::Gauge),
            _ => {}
        }
        if matches!(suffix("_created"), Some("counter" | "histogram" | "summary")) {
            return None;
        }
        if matches!(suffix("_sum").or(suffix("_count")), Some("histogram" | "summary"))
            || suffix("_total") == Some("counter")
        {
            return Some(Kind::Counter);
        }
        Some(match self.types.get(metric) {
            Some(&"counter") => Kind::Counter,
            None if metric.ends_with("_total") => Kind::Counter,
            _ => Kind::Gauge,
        })
    }

    /// What its server says of it; OpenMetrics says it of the name without its suffix.
    fn help(&self, metric: &str) -> String {
        let suffixes = ["", "_total", "_sum", "_count", "_bucket"];
        let help = suffixes.iter().find_map(|suffix| self.helps.get(metric.strip_suffix(suffix)?));
        match help {
            Some(help) => help.replace("\\n", " ").replace("\\\\", "\\"),
            None => format!("The metric {metric} of a scraped endpoint."),
        }
    }
}

/// `metric{labels} value [timestamp] [# exemplar]` as the series and its value.
fn split(line: &str) -> Option<(&str, f64)> {
    let end = match line.find(['{', ' ', '\t'])? {
        brace if line.as_bytes()[brace] == b'{' => brace + closing_brace(&line[brace..])? + 1,
        blank => blank,
    };
    let (series, rest) = line.split_at(end);
    let metric = series.split('{').next().unwrap_or_default();
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b':';
    if metric.is_empty()
        || metric.starts_with(|first: char| first.is_ascii_digit())
        || !metric.bytes().all(is_name)
    {
        return None;
    }
    Some((series, rest.split_ascii_whitespace().next()?.parse().ok()?))
}

/// Where the labels end; a brace inside quotes is part of a value.
fn closing_brace(labels: &str) -> Option<usize> {
    let (mut quoted, mut escaped) = (false, false);
    for (index, byte) in labels.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'}' if !quoted => return Some(index),
            _ => {}
        }
    }
    None
}

/// `code="200",method="GET"}` as `.code_200.method_GET`, sorted; `None` when it makes no sense.
fn folded(labels: &str) -> Option<String> {
    let mut parts = Vec::new();
    let mut rest = labels.trim_ascii_start();
    while !rest.starts_with('}') {
        let (label, behind) = rest.split_once('=')?;
        let quoted = behind.trim_ascii_start().strip_prefix('"')?;
        let end = closing_quote(quoted)?;
        let mut part = format!(".{}_", label.trim_ascii());
        part.extend(quoted[..end].chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }));
        parts.push(part);
        rest = quoted[end + 1..].trim_ascii_start();
        rest = rest.strip_prefix(',').unwrap_or(rest).trim_ascii_start();
    }
    parts.sort_unstable();
    Some(parts.concat())
}

fn closing_quote(text: &str) -> Option<usize> {
    let mut escaped = false;
    text.bytes().position(|byte| {
        let is_end = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        is_end
    })
}

#[cfg(test)]
#[path = "exposition_tests.rs"]
mod tests;

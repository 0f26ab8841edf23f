//! What any server says of itself at an endpoint made for Prometheus: text format 0.0.4 or OpenMetrics, over plain HTTP.
//!
//! **Names.** A series becomes one value, `NAME.metric`, and with labels `NAME.metric.label_value.label_value`, the
//! labels in the order of their own names: `http_requests_total{method="GET",code="200"}` of the endpoint `web` is
//! `web.http_requests_total.code_200.method_GET`. Of a label's value, whatever is not a letter, a digit or `_` becomes
//! `_`. Two series that would get the same name so are told apart by nothing: the second is left out.
//!
//! **Kinds** are those that `# TYPE` gives; a name without one is a counter if it ends in `_total`, and else a gauge.
//! `_sum` and `_count` of histograms and summaries are counters.
//!
//! **Left out**: buckets of histograms, unless `keep` is given and finds their name; `_created`; what is not finite; names
//! that `keep` does not find; all series beyond [`SERIES_MAX`], counted in `NAME.series_left_out`. Timestamps and
//! exemplars are not read.
//!
//! Asked in a thread of its own, like a chat (see [`runtime`](crate::sources::runtime)), with the same two values about the asking:
//! `NAME.scrape_us` and `NAME.scrapes_late`.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use regex_lite::Regex;
use telemetry::{Kind, Meaning};
use ureq::http::StatusCode;

use crate::exposition::{Exposition, Scraped};
use crate::scrape::Scrape;
use crate::{SCRAPE_PATIENCE, SarError, Source, Values};

pub use crate::exposition::SERIES_MAX;

/// What is asked for: the older format first, since all understand it.
const ACCEPT: &str = "text/plain;version=0.0.4, application/openmetrics-text;version=1.0.0;q=0.5, */*;q=0.1";

/// A scraped endpoint.
#[derive(Debug)]
pub struct Prometheus {
    name: String,
    left_out: Arc<str>,
    scrape: Scrape<Scraped>,
    meanings: BTreeMap<String, Meaning>,
}

impl Prometheus {
    /// Scrapes `url`; the names of its values begin with `name` and a dot. Metrics whose name `keep` finds, all if `None`.
    /// Whether anybody answers shows with the first sample.
    ///
    /// # Errors
    /// [`SarError::Argument`] for a name or a URL that cannot be used; [`SarError::Kernel`] when no thread can be started.
    pub fn open(name: &str, url: &str, keep: Option<Regex>) -> Result<Prometheus, SarError> {
        Prometheus::open_with(name, url, keep, SCRAPE_PATIENCE)
    }

    fn open_with(
        name: &str,
        url: &str,
        keep: Option<Regex>,
        patience: Duration,
    ) -> Result<Prometheus, SarError> {
        crate::meanings::check_prefix(name)?;
        check_url(url)?;
        let mut exposition = Exposition::new(name, keep);
        let asked = url.to_owned();
        let scrape = Scrape::start(name, url.to_owned(), patience, move |client| {
            match client.get(&asked, ACCEPT)? {
                (StatusCode::OK, body) => exposition.read(body),
                (status, _) => Err(format!("its answer is {status}")),
            }
        })?;
        let left_out = format!("{name}.series_left_out").into();
        Ok(Prometheus { name: name.to_owned(), left_out, scrape, meanings: BTreeMap::new() })
    }
}

impl Prometheus {
    fn learn(&mut self, scraped: Scraped) {
        if scraped.is_anew {
            self.meanings.clear();
        }
        self.meanings.extend(scraped.new_meanings);
    }
}

impl Source for Prometheus {
    fn begin(&mut self) {
        self.scrape.begin();
    }

    fn sample(&mut self, out: &mut Values) -> Result<(), SarError> {
        let (answer, result) = self.scrape.answer(out);
        if let Some(scraped) = self.scrape.superseded() {
            self.learn(scraped);
        }
        if let Some(scraped) = answer {
            for (name, value) in &scraped.values {
                out.push(name, *value);
            }
            if scraped.left_out > 0 {
                out.push(&self.left_out, scraped.left_out as f64);
            }
            self.learn(scraped);
        }
        result
    }

    fn meanings(&self, out: &mut BTreeMap<String, Meaning>) {
        self.scrape.meanings(out);
        let help = format!(
            "Series of '{}' that were left out, because there are more than {SERIES_MAX}.",
            self.name
        );
        out.insert(self.left_out.to_string(), Meaning { kind: Kind::Gauge, help });
        out.extend(self.meanings.iter().map(|(name, meaning)| (name.clone(), meaning.clone())));
    }
}

fn check_url(url: &str) -> Result<(), SarError> {
    let refuse = |reason: &str| Err(SarError::Argument(format!("cannot scrape '{url}': {reason}")));
    if url.starts_with("https:") {
        return refuse(
            "only plain http is spoken here (scrape it over loopback, or through a proxy that ends TLS)",
        );
    }
    match url.strip_prefix("http://") {
        None => refuse("it does not begin with 'http://'"),
        Some(rest) if rest.is_empty() || rest.starts_with(['/', ':']) => refuse("it names no host"),
        Some(_) if url.parse::<ureq::http::Uri>().is_err() => refuse("it is not a URL"),
        Some(_) => Ok(()),
    }
}

#[cfg(test)]
#[path = "prometheus_tests.rs"]
mod tests;

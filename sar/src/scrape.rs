//! Asking a server for its figures at each sample: the thread that asks, what its asking costs, and when a failure is news.
//!
//! | name, behind the server's prefix | what |
//! |---|---|
//! | `.scrape_us` | how long the last answer took, from asking to having read it all |
//! | `.scrapes_late` | answers that were not there within [`SCRAPE_PATIENCE`](crate::SCRAPE_PATIENCE) |

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use telemetry::{Kind, Meaning};

use crate::errand::Errand;
use crate::http::Client;
use crate::meanings::{Row, explain_behind};
use crate::{SarError, Values};

/// So many good answers in a row end an outage: the next failure is news again.
const GOOD_ANSWERS: u32 = 10;

const ROWS: [Row; 2] = [
    ("scrape_us", Kind::Gauge, "How long the last answer of this server took."),
    ("scrapes_late", Kind::Counter, "Answers of this server that came too late for their sample."),
];

/// One server that is asked.
#[derive(Debug)]
pub(crate) struct Scrape<T> {
    url: String,
    prefix: String,
    patience: Duration,
    errand: Errand<Result<(T, Duration), String>>,
    names: [Arc<str>; ROWS.len()],
    outage: Outage,
}

impl<T: Send + 'static> Scrape<T> {
    /// `url` is what problems name; `ask` does the asking.
    pub(crate) fn start(
        prefix: &str,
        url: String,
        patience: Duration,
        mut ask: impl FnMut(&mut Client) -> Result<T, String> + Send + 'static,
    ) -> Result<Scrape<T>, SarError> {
        let mut client = Client::new();
        let errand = Errand::start("sar-scrape", patience, move || {
            let began = Instant::now();
            Ok((ask(&mut client)?, began.elapsed()))
        });
        let errand = errand.map_err(|source| SarError::Kernel { what: "a thread", source })?;
        let names = ROWS.map(|(name, ..)| format!("{prefix}.{name}").into());
        let outage = Outage::default();
        Ok(Scrape { url, prefix: prefix.to_owned(), patience, errand, names, outage })
    }

    pub(crate) fn begin(&mut self) {
        self.errand.begin();
    }

    /// What the server says, with the cost of asking in `out`. A failure is an error when it is news, and nothing when it is
    /// not; a late answer of the time before may come with either.
    pub(crate) fn answer(&mut self, out: &mut Values) -> (Option<T>, Result<(), SarError>) {
        let lates = self.errand.lates();
        let answer = self.errand.answer();
        let is_late = self.errand.lates() > lates;
        out.push(&self.names[1], self.errand.lates() as f64);
        let (answer, trouble) = match answer {
            Some(Ok((answer, took))) => {
                out.push(&self.names[0], took.as_micros() as f64);
                (Some(answer), None)
            }
            Some(Err(reason)) => (None, Some(reason)),
            None => (None, None),
        };
        let too_late = || format!("no answer within {} ms", self.patience.as_millis());
        let trouble = trouble.or_else(|| is_late.then(too_late));
        let is_news = self.outage.is_news(trouble.as_deref());
        let problem = trouble.filter(|_| is_news);
        (answer, problem.map_or(Ok(()), |reason| Err(SarError::Scrape { url: self.url.clone(), reason })))
    }

    /// An answer that came late, and that the last one came after: its figures are old, its meanings are not.
    pub(crate) fn superseded(&mut self) -> Option<T> {
        self.errand.superseded()?.ok().map(|(answer, _)| answer)
    }

    pub(crate) fn meanings(&self, out: &mut BTreeMap<String, Meaning>) {
        explain_behind(out, &self.prefix, &ROWS);
    }
}

/// So many reasons of one outage are told; more is a server that fails in a new way each time.
const REASONS_MAX: usize = 4;

/// Which failures are news: the first of an outage, and one for another reason than those that were told.
#[derive(Debug, Default)]
pub(crate) struct Outage {
    told: Vec<String>,
    good: u32,
}

impl Outage {
    /// Takes note of how it went, `None` for well, and says whether that is worth telling.
    pub(crate) fn is_news(&mut self, reason: Option<&str>) -> bool {
        let Some(reason) = reason else {
            self.good += 1;
            if self.good >= GOOD_ANSWERS {
                self.told.clear();
            }
            return false;
        };
        self.good = 0;
        let is_news = self.told.len() < REASONS_MAX && !self.told.iter().any(|told| told == reason);
        if is_news {
            self.told.push(reason.to_owned());
        }
        is_news
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outage_is_told_once_until_it_is_well_over() {
        let mut outage = Outage::default();
        let lost = Some("nobody listens there");
        assert!(!outage.is_news(None) && outage.is_news(lost) && !outage.is_news(lost));
        assert!(!outage.is_news(None) && !outage.is_news(lost), "one good answer does not end it");
        assert!(
            outage.is_news(Some("it is no chat")) && !outage.is_news(lost),
            "another reason is news, once"
        );
        let news = (0..100).filter(|n| outage.is_news(Some(&format!("reason {n}")))).count();
        assert_eq!(news + 2, REASONS_MAX);
        (0..GOOD_ANSWERS).for_each(|_| assert!(!outage.is_news(None)));
        assert!(outage.is_news(lost));
    }
}

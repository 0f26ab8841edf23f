//! The connections that stand out, over all shards; and those of one id.
//!
//! What stands out is read from each shard's [`Busiest`](crate::busiest::Busiest), at the cost of its candidates. Only a
//! question for an id is sent to the shards that have it.

use std::sync::PoisonError;
use std::time::{Duration, Instant};

use shard::Key;
use telemetry::{By, Cell, Stamp, Table};
use thiserror::Error;
use tokio::time::{sleep, timeout};

use crate::busiest::{Busiest, step};
use crate::delivery::Letter;
use crate::directory::Place;
use crate::figures::Figures;
use crate::frames::SOURCE;
use crate::profile::{Bytes, COLUMNS, Profile};
use crate::ranking::{Ranking, TOLD_MAX};

/// Rows of a table unless asked otherwise.
const ROWS: usize = 20;

/// How long shards may take to say who is there under an id.
const LOOK_TIME: Duration = Duration::from_secs(1);

/// Which connections to tell of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Query {
    pub(crate) by: By,
    pub(crate) rows: usize,
}

impl Default for Query {
    fn default() -> Self {
        Self { by: By::Messages, rows: ROWS }
    }
}

/// What is wrong with a query.
#[derive(Debug, Error, PartialEq, Eq)]
pub(crate) enum QueryError {
    #[error("connections={0}: expected a whole number from 0 to {TOLD_MAX}")]
    Rows(String),
    #[error("by={0}: expected messages, bytes, outbox or age")]
    By(String),
    #[error("'{0}' is not understood: try /frames?connections=20&by=messages")]
    Parameter(String),
}

impl Query {
    /// Reads `connections=K&by=WHAT`, either of which may be missing.
    pub(crate) fn parse(text: &str) -> Result<Self, QueryError> {
        let mut query = Self::default();
        for parameter in text.split('&').filter(|parameter| !parameter.is_empty()) {
            match parameter.split_once('=') {
                Some(("connections", rows)) => {
                    let digits = rows.bytes().all(|byte| byte.is_ascii_digit());
                    let number = rows.parse().ok().filter(|&number| digits && number <= TOLD_MAX);
                    query.rows = number.ok_or_else(|| QueryError::Rows(shown(rows)))?;
                }
                Some(("by", by)) => {
                    query.by = By::named(by).ok_or_else(|| QueryError::By(shown(by)))?;
                }
                _ => return Err(QueryError::Parameter(shown(parameter))),
            }
        }
        Ok(query)
    }
}

/// The beginning of what somebody wrote, to show it back.
fn shown(text: &str) -> String {
    text.chars().take(40).collect()
}

/// The connections that a query is for, the first in rank first.
pub(crate) fn table(figures: &Figures, query: Query) -> Table {
    if query.by == By::Bytes {
        figures.common.asked.now(figures.started());
    }
    let now = step(figures.started(), Instant::now());
    let mut found: Vec<(u64, usize, u32)> = Vec::new();
    for shard in 0..figures.stats.len() {
        let has_outboxes = figures.stats[shard].outboxes.get() > 0;
        if query.rows == 0 || (query.by == By::Outbox && !has_outboxes) {
            continue;
        }
        let busiest = figures.busiest(shard);
        match query.by {
            By::Messages => gather(&mut found, shard, &busiest.messages),
            By::Age => gather(&mut found, shard, &busiest.age),
            By::Outbox => gather(&mut found, shard, &busiest.outbox),
            By::Bytes => {
                let counted = busiest.bytes.iter().flat_map(|bytes| bytes.candidates());
                found.extend(counted.map(|(count, index)| (count, shard, index)));
            }
        }
    }
    if found.len() > query.rows && query.rows > 0 {
        found.select_nth_unstable_by(query.rows - 1, |a, b| b.cmp(a));
        found.truncate(query.rows);
    }
    found.sort_unstable_by(|a, b| b.cmp(a));
    let row = |&(_, shard, index): &(u64, usize, u32)| {
        let busiest = figures.busiest(shard);
        // It may have been closed in between.
        let profile = match query.by {
            By::Messages => busiest.messages.get(index),
            By::Age => busiest.age.get(index),
            By::Outbox => busiest.outbox.get(index),
            By::Bytes => busiest.bytes.as_ref()?.get(index),
        }?;
        let has_outboxes = figures.stats[shard].outboxes.get() > 0;
        Some(profile.row(shard, now, busiest.bytes_of(index), has_outboxes))
    };
    table_of("connections", found.iter().filter_map(row).collect())
}

fn gather(found: &mut Vec<(u64, usize, u32)>, shard: usize, ranking: &Ranking) {
    found.extend(ranking.candidates().map(|(value, index)| (u64::from(value), shard, index)));
}

fn table_of(name: &str, rows: Vec<Vec<Cell>>) -> Table {
    Table {
        at: Stamp::now(),
        source: SOURCE.into(),
        name: name.into(),
        columns: COLUMNS.map(String::from).to_vec(),
        rows,
    }
}

/// What shards have said of the connections under an id.
#[derive(Debug, Default)]
pub(crate) struct Sighting {
    answers: usize,
    found: Vec<(usize, Profile, Option<Bytes>)>,
}

impl Sighting {
    /// One shard's answer.
    pub(crate) fn add(&mut self, shard: usize, profiles: Vec<(Profile, Option<Bytes>)>) {
        self.answers += 1;
        self.found.extend(profiles.into_iter().map(|(profile, bytes)| (shard, profile, bytes)));
    }
}

/// Why the connections of an id cannot be told.
#[derive(Debug, Error, PartialEq, Eq)]
pub(crate) enum LookError {
    #[error("nobody is logged in under {0}")]
    Nobody(u32),
    #[error("{missing} of {shards} shards that have {id} did not answer within a second; try again")]
    Busy { id: u32, missing: usize, shards: usize },
}

/// The connections logged in under `id`, at most [`TOLD_MAX`] of them.
pub(crate) async fn of_id(figures: &Figures, id: u32) -> Result<Table, LookError> {
    let mut places: Vec<Place> = Vec::new();
    figures.common.directory.places(id, |place| places.push(place));
    let ticket = figures.common.sightings.issue();
    let mut asked = 0;
    for place in &places {
        let letter = Letter::Look { id, ticket: ticket.number };
        asked += usize::from(figures.mailboxes.post(usize::from(place.shard), letter, b"").is_ok());
    }
    let _ = timeout(LOOK_TIME, async {
        while ticket.so_far(|sighting| sighting.answers) < asked {
            sleep(Duration::from_millis(1)).await;
        }
    })
    .await;
    let Sighting { answers, mut found } = ticket.so_far(std::mem::take);
    if answers < places.len() {
        return Err(LookError::Busy { id, missing: places.len() - answers, shards: places.len() });
    }
    if found.is_empty() {
        return Err(LookError::Nobody(id));
    }
    found.sort_unstable_by_key(|(shard, Profile { key: Key { index, .. }, .. }, _)| (*shard, *index));
    found.truncate(TOLD_MAX);
    let now = step(figures.started(), Instant::now());
    let rows = found.iter().map(|(shard, profile, bytes)| profile.row(*shard, now, *bytes, true));
    Ok(table_of("connection", rows.collect()))
}

impl Figures {
    fn busiest(&self, shard: usize) -> std::sync::MutexGuard<'_, Busiest> {
        self.common.busiest[shard].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_are_read_or_refused() {
        let query = |by, rows| Ok(Query { by, rows });
        let rows = |text: &str| Err(QueryError::Rows(text.into()));
        let cases = [
            ("", query(By::Messages, 20)),
            ("connections=5", query(By::Messages, 5)),
            ("by=age", query(By::Age, 20)),
            ("by=outbox&connections=64", query(By::Outbox, 64)),
            ("connections=0&&by=bytes&", query(By::Bytes, 0)),
            ("connections=65", rows("65")),
            ("connections=", rows("")),
            ("connections=-1", rows("-1")),
            ("connections=+1", rows("+1")),
            ("connections=99999999999999999999999", rows("99999999999999999999999")),
            ("by=", Err(QueryError::By(String::new()))),
            ("by=Messages", Err(QueryError::By("Messages".into()))),
            ("by", Err(QueryError::Parameter("by".into()))),
            ("limit=5", Err(QueryError::Parameter("limit=5".into()))),
        ];
        for (text, expected) in cases {
            assert_eq!(Query::parse(text), expected, "{text:?}");
        }
        let long = Query::parse(&format!("by={}", "é".repeat(5000))).unwrap_err().to_string();
        assert!(long.len() < 200, "{long}");
    }
}

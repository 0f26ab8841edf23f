//! Health of queues: how long what waits will wait, how long until nothing does, and whether someone should look.
//!
//! ```text
//!   delay = length ÷ dequeue rate                    what comes in now goes out after so long
//!   drain = length ÷ (dequeue rate − enqueue rate)   the queue is empty after so long, or never
//! ```
//!
//! `health.rs` says how rates are found, `alert.rs` when an alert is raised, and `described.rs` how a
//! recording says which queues were followed.

use std::collections::HashMap;
use std::fmt::Write;

use serde::{Deserialize, Serialize};

use crate::alert::Watch;
use crate::health::{Followed, Reading};
use crate::{Cell, Health, Mark, Table, Threshold};

/// The most queues that are followed. Later ones are not.
pub const QUEUES_MAX: usize = 4_096;

/// A queue that has not been told of for so long, and for three of its own intervals, has fallen silent. It is
/// forgotten, unless an alert of it stands.
const SILENCE_US: u64 = 10_000_000;

/// Where the figures of a queue are found among values.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueSpec {
    /// What the queue is called.
    pub name: String,
    /// The value that says how much waits, in the unit that its last word says.
    pub length: String,
    /// The counter of what came in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enqueued: Option<String>,
    /// The counter of what went out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dequeued: Option<String>,
}

/// Follows queues, and raises alerts.
///
/// Time goes forward here: a reading that is not later than the one before is left out, so that whoever goes back in a
/// recording begins with new queues.
#[derive(Debug, Default)]
pub struct Queues {
    specs: Vec<QueueSpec>,
    thresholds: Vec<Threshold>,
    followed: Vec<(Followed, Watch)>,
    /// In the order of `followed`.
    health: Vec<Health>,
    places: HashMap<String, usize>,
    marks: Vec<Mark>,
    /// A name being put together.
    name: String,
}

impl Queues {
    /// Follows the queues of `specs`, once there are values for them, and the shards of tables.
    pub fn new(specs: Vec<QueueSpec>, thresholds: Vec<Threshold>) -> Queues {
        Queues { specs, thresholds, ..Queues::default() }
    }

    /// The queues that any machine and any chat has.
    pub fn default_specs() -> Vec<QueueSpec> {
        let spec = |name: &str, length: &str, enqueued: Option<&str>, dequeued: Option<&str>| QueueSpec {
            name: name.to_owned(),
            length: length.to_owned(),
            enqueued: enqueued.map(str::to_owned),
            dequeued: dequeued.map(str::to_owned),
        };
        vec![
            spec("server.mail", "server.mail_waiting", None, Some("server.served")),
            spec("server.outboxes", "server.outbox_bytes", None, Some("server.outboxed_bytes")),
            spec("host.accept", "host.accept_queue", Some("host.tcp_passive_opens"), None),
        ]
    }

    /// Takes in values sampled at `at_us` (monotonic). Queues whose length is not among them stay as they were. Nothing
    /// is allocated once each queue has been there, but for alerts.
    pub fn update(&mut self, at_us: u64, value: &dyn Fn(&str) -> Option<f64>) {
        let specs = std::mem::take(&mut self.specs);
        for spec in &specs {
            let counter = |name: &Option<String>| value(name.as_deref()?);
            if let Some(length) = value(&spec.length) {
                let (enqueued, dequeued) = (counter(&spec.enqueued), counter(&spec.dequeued));
                self.take(&spec.name, at_us, Reading { length, enqueued, dequeued });
            }
        }
        self.specs = specs;
        self.forget_silent(at_us);
    }

    /// Takes in a table of shards: the mail and the outboxes of each are queues. Other tables say nothing of queues.
    pub fn update_table(&mut self, table: &Table) {
        if table.name != "shards" {
            return;
        }
        let column = |name: &str| table.columns.iter().position(|column| column == name);
        let Some(shard) = column("shard") else { return };
        let mut name = std::mem::take(&mut self.name);
        for (what, length, dequeued) in
            [("mail", "mail_queue", "served"), ("outboxes", "outbox_bytes", "outboxed_bytes")]
        {
            let (length, dequeued) = (column(length), column(dequeued));
            for row in &table.rows {
                let (Some(shard), Some(length)) = (number(row, Some(shard)), number(row, length)) else {
                    continue;
                };
                name.clear();
                // Another process's shards are not the server's.
                if table.source != "server" {
                    name.push_str(&table.source);
                    name.push_str(": ");
                }
                // Writing to a string does not fail.
                let _ = write!(name, "{what} of shard {shard}");
                let reading = Reading { length, enqueued: None, dequeued: number(row, dequeued) };
                self.take(&name, table.at.mono_us, reading);
            }
        }
        self.name = name;
        self.forget_silent(table.at.mono_us);
    }

    /// How all queues are that are known, in the order in which they came.
    pub fn health(&self) -> &[Health] {
        &self.health
    }

    /// What became of alerts since this was last asked. Wall times are by this machine's clocks as they are
    /// now, so that they are right only where samples come in as they are taken.
    pub fn take_marks(&mut self) -> Vec<Mark> {
        std::mem::take(&mut self.marks)
    }

    fn take(&mut self, name: &str, at_us: u64, reading: Reading) {
        let finite = |value: &f64| value.is_finite();
        if !finite(&reading.length) {
            return;
        }
        let place = match self.places.get(name) {
            Some(&place) => place,
            None if self.followed.len() < QUEUES_MAX => {
                self.places.insert(name.to_owned(), self.followed.len());
                self.followed.push(Default::default());
                self.health.push(Health::unknown(name));
                self.followed.len() - 1
            }
            None => return,
        };
        let ((followed, watch), health) = (&mut self.followed[place], &mut self.health[place]);
        let reading = Reading {
            enqueued: reading.enqueued.filter(finite),
            dequeued: reading.dequeued.filter(finite),
            ..reading
        };
        if !followed.take(at_us, reading) {
            return;
        }
        followed.tell(at_us, reading.length, health);
        let thresholds = self.thresholds.iter().filter(|threshold| threshold.is_for(name));
        if let Some(mark) = watch.judge(health, followed.waited_s(), thresholds) {
            self.marks.push(mark);
        }
    }

    fn forget_silent(&mut self, now_us: u64) {
        let (count, mut place) = (self.followed.len(), 0);
        while let Some((followed, watch)) = self.followed.get_mut(place) {
            let silent_us = followed.silent_us(now_us);
            let is_silent = silent_us > SILENCE_US.max(followed.interval_us().saturating_mul(3));
            let health = &mut self.health[place];
            if is_silent && health.alert.is_none() {
                self.followed.remove(place);
                self.health.remove(place);
                continue;
            }
            if is_silent {
                self.marks.extend(watch.fall_silent(health, now_us, silent_us as f64 / 1e6));
            }
            place += 1;
        }
        if self.followed.len() < count {
            let names = self.health.iter().map(|health| health.name.clone());
            self.places = names.enumerate().map(|(place, name)| (name, place)).collect();
        }
    }
}

/// The figure in a row's column, if there is one.
fn number(row: &[Cell], column: Option<usize>) -> Option<f64> {
    match row.get(column?)? {
        Cell::Number(number) => Some(*number),
        Cell::Text(_) | Cell::Absent => None,
    }
}

#[cfg(test)]
#[path = "queue_tests.rs"]
mod tests;

//! What is known at a moment: latest values, what they mean, decayed averages, the health of queues.
//!
//! Live samples and recorded ones are told to the same picture, and every way of showing them reads it: what a replay
//! prints is what the live command printed.

use std::collections::HashMap;

use sar::resources::Figures;
use telemetry::{
    Catalog, Cell, Decayed, Decays, Health, Kind, Mark, Meaning, QueueSpec, Queues, Stamp, Table, Threshold,
};

/// A source that has been silent for longer than this, next to the others, has nothing current to say.
const SILENCE_US: u64 = 15_000_000;

/// The most names that are remembered. Later ones are not: a picture has an end.
const NAMES_MAX: usize = telemetry::decay::SERIES_MAX;

/// Servers whose shards are followed.
const SERVERS_MAX: usize = 64;

/// The share of the time that the busiest shard is at work.
const BUSIEST: &str = "busiest_shard_ratio";

pub(crate) struct Picture {
    /// When the latest sample was taken.
    pub(crate) at: Stamp,
    meanings: HashMap<String, Meaning>,
    latest: Vec<Latest>,
    places: HashMap<String, usize>,
    decays: Decays,
    sources: Vec<(String, u64)>,
    queues: Queues,
    shards: HashMap<String, ShardsBusy>,
    means: Option<HashMap<String, Mean>>,
    /// What the user asked for.
    own: (Vec<QueueSpec>, Vec<Threshold>),
}

struct Latest {
    name: String,
    value: f64,
    at_us: u64,
}

/// A mean that weighs each value by the time it stands for.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Mean {
    sum: f64,
    seconds: f64,
}

impl Mean {
    pub(crate) fn add(&mut self, value: f64, seconds: f64) {
        self.sum += value * seconds;
        self.seconds += seconds;
    }

    pub(crate) fn value(self) -> Option<f64> {
        (self.seconds > 0.0).then(|| self.sum / self.seconds)
    }
}

/// How long each shard of a server had been at work, when it last said so.
#[derive(Debug, Default)]
struct ShardsBusy {
    at_us: u64,
    busy_s: Vec<f64>,
}

impl ShardsBusy {
    /// The largest share of the time since the last table; nothing the first time.
    fn busiest(&mut self, table: &Table) -> Option<f64> {
        let column = table.columns.iter().position(|column| column == "busy_s")?;
        let busy = |row: &Vec<Cell>| match row.get(column) {
            Some(Cell::Number(busy_s)) => *busy_s,
            _ => f64::NAN,
        };
        let now = ShardsBusy { at_us: table.at.mono_us, busy_s: table.rows.iter().map(busy).collect() };
        let before = std::mem::replace(self, now);
        let seconds = self.at_us.checked_sub(before.at_us).filter(|us| *us > 0)? as f64 / 1e6;
        let shares = self.busy_s.iter().zip(&before.busy_s).map(|(now_s, then_s)| (now_s - then_s) / seconds);
        shares.filter(|share| *share >= 0.0).reduce(f64::max)
    }
}

/// `specs`, and `own` in place of those that have the same name.
fn merged(mut specs: Vec<QueueSpec>, own: &[QueueSpec]) -> Vec<QueueSpec> {
    specs.retain(|known| own.iter().all(|own| own.name != known.name));
    specs.extend_from_slice(own);
    specs
}

impl Picture {
    /// Knows nothing yet. `specs` are queues besides those that every chat and host has.
    pub(crate) fn new(specs: Vec<QueueSpec>, thresholds: Vec<Threshold>) -> Picture {
        let mut picture = Picture {
            at: Stamp::default(),
            meanings: HashMap::new(),
            latest: Vec::new(),
            places: HashMap::new(),
            decays: Decays::new(),
            sources: Vec::new(),
            queues: Queues::default(),
            shards: HashMap::new(),
            means: None,
            own: (specs, thresholds),
        };
        picture.follow(Queues::default_specs(), Vec::new());
        picture
    }

    /// Follows queues that somebody else followed, and those that the user asked for, which go before.
    pub(crate) fn follow(&mut self, specs: Vec<QueueSpec>, thresholds: Vec<Threshold>) {
        let (own, own_thresholds) = &self.own;
        let thresholds = if own_thresholds.is_empty() { thresholds } else { own_thresholds.clone() };
        self.queues = Queues::new(merged(specs, own), thresholds);
    }

    /// The mark that says which queues are followed.
    pub(crate) fn described(&self) -> Mark {
        let (own, thresholds) = &self.own;
        Queues::describe(&merged(Queues::default_specs(), own), thresholds)
    }

    /// What the user asked for and nothing fits so far: probably names that were mistyped.
    pub(crate) fn unmatched(&self) -> Vec<String> {
        let (specs, thresholds) = &self.own;
        let mut all = Vec::new();
        for spec in specs {
            let names = [Some(&spec.length), spec.enqueued.as_ref(), spec.dequeued.as_ref()];
            let missing = names.into_iter().flatten().filter(|name| !self.places.contains_key(*name));
            all.extend(missing.map(|name| {
                format!("--queue {}: no value is called '{name}' so far (see the names: --json)", spec.name)
            }));
        }
        for Threshold { queue, .. } in thresholds {
            let fits = |health: &Health| match queue.strip_suffix('*') {
                Some(beginning) => health.name.starts_with(beginning),
                None => health.name == *queue,
            };
            if !self.queues().iter().any(fits) {
                all.push(format!("--alert {queue}: no queue is called so, so far (see the queues: --json)"));
            }
        }
        all
    }

    /// Keeps a mean of everything from now on.
    pub(crate) fn keep_means(&mut self) {
        self.means = Some(HashMap::new());
    }

    pub(crate) fn catalog(&mut self, catalog: &Catalog) {
        for (name, meaning) in &catalog.names {
            if self.meanings.len() < NAMES_MAX {
                self.meanings.insert(name.clone(), meaning.clone());
            }
        }
    }

    /// Takes in a sample, whose values `values` gives, in the same order each time that it is asked.
    pub(crate) fn sample<'a, I>(&mut self, at: Stamp, source: &str, values: impl Fn() -> I)
    where
        I: Iterator<Item = (&'a str, f64)>,
    {
        self.at = at;
        self.take(at.mono_us, source, &values);
        let (latest, places) = (&self.latest, &self.places);
        self.queues.update(at.mono_us, &|name| {
            let latest = latest.get(*places.get(name)?)?;
            (latest.at_us == at.mono_us).then_some(latest.value)
        });
    }

    fn take<'a, I>(&mut self, at_us: u64, source: &str, values: &impl Fn() -> I)
    where
        I: Iterator<Item = (&'a str, f64)>,
    {
        let before_us = match self.sources.iter_mut().find(|(known, _)| known == source) {
            Some((_, last_us)) => Some(std::mem::replace(last_us, at_us)),
            None => {
                self.sources.push((source.to_owned(), at_us));
                None
            }
        };
        self.sources.retain(|(_, last_us)| last_us + SILENCE_US >= at_us);
        let meanings = &self.meanings;
        let kind = |name: &str| meanings.get(name).map_or(Kind::Gauge, |meaning| meaning.kind);
        self.decays.update(at_us, values(), kind);
        self.remember(at_us, values());
        if let (Some(means), Some(before_us)) = (&mut self.means, before_us) {
            let seconds = at_us.saturating_sub(before_us) as f64 / 1e6;
            for (name, _) in values() {
                let Some(decayed) = self.decays.get(name).filter(|decayed| decayed.at_us == at_us) else {
                    continue;
                };
                means.entry(name.to_owned()).or_default().add(decayed.value, seconds);
            }
        }
    }

    fn remember<'a>(&mut self, at_us: u64, values: impl Iterator<Item = (&'a str, f64)>) {
        let mut next = 0;
        for (name, value) in values {
            // Values come in the same order each time: most are found without looking.
            let place = match self.latest.get(next) {
                Some(latest) if latest.name == name => next,
                _ => match self.places.get(name) {
                    Some(place) => *place,
                    None if self.latest.len() < NAMES_MAX => {
                        self.places.insert(name.to_owned(), self.latest.len());
                        self.latest.push(Latest { name: name.to_owned(), value, at_us });
                        self.latest.len() - 1
                    }
                    None => continue,
                },
            };
            let latest = &mut self.latest[place];
            (latest.value, latest.at_us) = (value, at_us);
            next = place + 1;
        }
    }

    /// Takes in a table. Of shards, what follows is their queues, and how busy the busiest is, unless the server says so.
    pub(crate) fn table(&mut self, table: &Table) {
        self.queues.update_table(table);
        let name = format!("{}.{BUSIEST}", table.source);
        let source = format!("shards of {}", table.source);
        let is_said = self.places.contains_key(&name) && !self.shards.contains_key(&table.source);
        if table.name != "shards" || is_said || self.shards.len() >= SERVERS_MAX {
            return;
        }
        let busy = self.shards.entry(table.source.clone()).or_default();
        if let Some(ratio) = busy.busiest(table) {
            self.take(table.at.mono_us, &source, &|| std::iter::once((name.as_str(), ratio)));
        }
    }

    /// Alerts that were raised or cleared since this was last asked.
    pub(crate) fn take_marks(&mut self) -> Vec<Mark> {
        self.queues.take_marks()
    }

    pub(crate) fn queues(&self) -> &[Health] {
        self.queues.health()
    }

    fn is_current(&self, at_us: u64) -> bool {
        self.sources.iter().any(|(_, latest_us)| *latest_us == at_us)
    }

    /// A name's rate, value and averages, unless it was absent from its source's latest sample.
    pub(crate) fn decayed(&self, name: &str) -> Option<Decayed> {
        self.decays.get(name).filter(|decayed| self.is_current(decayed.at_us))
    }

    /// The latest value as it was sampled.
    pub(crate) fn value(&self, name: &str) -> Option<f64> {
        let latest = &self.latest[*self.places.get(name)?];
        self.is_current(latest.at_us).then_some(latest.value)
    }

    /// All current values as they were sampled, in the order in which their names first came.
    pub(crate) fn values(&self) -> impl Iterator<Item = (&str, f64)> {
        let current = self.latest.iter().filter(|latest| self.is_current(latest.at_us));
        current.map(|latest| (latest.name.as_str(), latest.value))
    }

    /// All names that there ever were, in the order in which they came.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.latest.iter().map(|latest| latest.name.as_str())
    }

    /// All current decayed averages.
    pub(crate) fn all_decayed(&self) -> impl Iterator<Item = (&str, Decayed)> {
        self.decays.iter().filter(|(_, decayed)| self.is_current(decayed.at_us))
    }

    pub(crate) fn meaning(&self, name: &str) -> Option<&Meaning> {
        self.meanings.get(name)
    }

    pub(crate) fn is_counter(&self, name: &str) -> bool {
        self.meaning(name).is_some_and(|meaning| meaning.kind == Kind::Counter)
    }

    /// Means of gauges and rates of counters since [`Self::keep_means`].
    pub(crate) fn figures(&self) -> Figures {
        let means = self.means.iter().flatten();
        means.filter_map(|(name, mean)| Some((name.clone(), mean.value()?))).collect()
    }
}

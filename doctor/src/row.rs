//! One limit: what is needed of it, what there is, and what to do about it.

use std::path::PathBuf;

use serde::Serialize;

use crate::level::{Level, most};
use crate::words;

/// How one limit stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// There is room.
    Ok,
    /// It goes, with little room or at some cost.
    Tight,
    /// The plan cannot be carried out.
    Wall,
    /// What it takes to tell could not be read.
    Unknown,
}

/// What a row counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "each is the plural of what it counts")]
pub enum Unit {
    Bytes,
    Connections,
    Cores,
    Descriptors,
    Entries,
    Mappings,
    Pages,
    Ports,
    Threads,
    Watches,
}

impl Unit {
    /// `2,466,170 descriptors`, `29.6 GB`
    pub fn words(self, number: u64) -> String {
        let name = match self {
            Self::Bytes => return self.number(number),
            Self::Connections => "connections",
            Self::Cores => "cores",
            Self::Descriptors => "descriptors",
            Self::Entries => "entries",
            Self::Mappings => "mappings",
            Self::Pages => "pages",
            Self::Ports => "ports",
            Self::Threads => "threads",
            Self::Watches => "watches",
        };
        format!("{} {name}", self.number(number))
    }

    /// The number without the name: `2,466,170`, but `29.6 GB`.
    pub fn number(self, number: u64) -> String {
        if self == Self::Bytes { words::bytes(number) } else { words::grouped(number) }
    }
}

/// One limit: what is needed of it, and what there is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Row {
    /// Dotted: `descriptors.system`.
    pub name: &'static str,
    /// For people: `descriptors in the system`.
    pub title: &'static str,
    /// What the connections asked for take, with what others use where the limit counts that too.
    pub need: Option<u64>,
    /// What there is for them.
    pub have: Option<u64>,
    /// Of both.
    pub unit: Unit,
    /// How it stands.
    pub state: State,
    /// The most connections that this limit lets through; `None`: it does not bound them, or is not known.
    pub connections_max: Option<u64>,
    /// A sentence: how the numbers come about, and what happens at the limit.
    pub why: String,
    /// What to do, where something is to be done and a command can do it.
    pub mend: Option<Mend>,
}

/// A command that lifts a limit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Mend {
    /// For a shell, exactly.
    pub command: String,
    /// Whether it takes root.
    pub root: bool,
    /// What [`apply`](crate::apply()) writes; `None` where only the user's shell or container can do it.
    pub setting: Option<Setting>,
}

/// A kernel setting.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Setting {
    /// Its file: `/proc/sys/fs/file-max`.
    pub path: PathBuf,
    /// What is to stand in it.
    pub value: String,
}

impl Mend {
    /// Sets `name`, as `fs.file-max`.
    pub(crate) fn sysctl(name: &str, value: &str) -> Self {
        let path = PathBuf::from(format!("/proc/sys/{}", name.replace('.', "/")));
        Self {
            command: sysctl(name, value),
            root: true,
            setting: Some(Setting { path, value: value.into() }),
        }
    }
}

/// `sysctl -w net.ipv4.tcp_mem='1 2 3'`
pub(crate) fn sysctl(name: &str, value: &str) -> String {
    let quote = if value.is_empty() || value.contains(' ') { "'" } else { "" };
    format!("sysctl -w {name}={quote}{value}{quote}")
}

impl Row {
    /// A row whose level is a function of the number of connections, and gets no better with more of them.
    pub(crate) fn judged(
        (name, title, unit): (&'static str, &'static str, Unit),
        connections: u64,
        level: impl Fn(u64) -> Level,
        why: String,
    ) -> Self {
        let Level { need, have, state } = level(connections);
        let connections_max = most(connections, |connections| level(connections).state != State::Wall);
        let (need, have) = (Some(need), Some(have));
        Self { name, title, need, have, unit, state, connections_max, why, mend: None }
    }

    /// A row that cannot be judged, because `missing` could not be read.
    pub(crate) fn unknown((name, title, unit): (&'static str, &'static str, Unit), missing: &str) -> Self {
        let why = format!("could not read {missing}");
        let state = State::Unknown;
        Self { name, title, need: None, have: None, unit, state, connections_max: None, why, mend: None }
    }

    /// Adds what to do, if something is to be done.
    pub(crate) fn or_else(self, mend: impl FnOnce() -> Option<Mend>) -> Self {
        let mend = if matches!(self.state, State::Tight | State::Wall) { mend() } else { None };
        Self { mend, ..self }
    }

    /// `memory: 3,500,000 connections need 29.8 GB and 23.1 GB may be used; at most about 2,710,000 fit`
    pub fn sentence(&self, connections: u64) -> String {
        let (title, connections) = (self.title, words::grouped(connections));
        let (Some(need), Some(have)) = (self.need, self.have) else {
            return format!("{title}: {}", self.why);
        };
        let fit = match self.connections_max.map(words::about) {
            Some(0) => "; none fit".into(),
            Some(most) => format!("; at most about {} fit", words::grouped(most)),
            None => String::new(),
        };
        let room = if have == 0 { "none".into() } else { self.unit.number(have) };
        let need = self.unit.words(need);
        match self.unit {
            Unit::Connections => format!("{title}: {need}, and room for {room}{fit}"),
            _ => format!("{title}: {connections} connections need {need} and {room} may be used{fit}"),
        }
    }
}

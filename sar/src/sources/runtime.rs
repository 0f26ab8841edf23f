//! What runs inside a floodmark chat: its own frames, asked for at its admin address (`GET /frames`).
//!
//! The values of its samples join those of this machine under their own names (`server.…`); its tables (`shards`,
//! `connections`) wait for [`Source::tables`], its hello for [`Source::hellos`], and its catalog says what the names
//! mean. Two more values are measured here: `server.scrape_us`, how long the last answer took, and `server.scrapes_late`,
//! how many were not there within [`SCRAPE_PATIENCE`].
//!
//! A thread of its own asks, while the sampler reads other things, over one connection that is kept. An answer that comes
//! late is part of the next sample. A chat that is not there, or does not answer, is a problem once; it is asked again at
//! each sample, and found again when it is back.
//!
//! What a chat says is bounded: an answer by [`ANSWER_BYTES_MAX`], its names by [`NAMES_MAX`], its tables by [`TABLES_MAX`],
//! [`ROWS_MAX`] and [`COLUMNS_MAX`]. Only names of its own (`server.…`) are taken, so that whoever answers here cannot pass
//! for the machine.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use telemetry::{By, Cell, Frame, Hello, Meaning, Sample, Table};
use ureq::http::StatusCode;

use crate::http::Client;
use crate::scrape::Scrape;
use crate::values::NAME_BYTES_MAX;
use crate::{SCRAPE_PATIENCE, SarError, Source, Values};

pub use crate::http::ANSWER_BYTES_MAX;

/// The most names of values that are taken from a chat. Those that come later are left out.
pub const NAMES_MAX: usize = 4_096;

/// The most tables of one answer. Those behind them are left out.
pub const TABLES_MAX: usize = 8;

/// The most rows of a table: more shards, or more connections, than any chat shows. Those behind them are left out.
pub const ROWS_MAX: usize = 4_096;

/// The most columns of a table. One that has more is left out.
pub const COLUMNS_MAX: usize = 64;

/// The longest explanation of a name; a longer one is left out.
const HELP_BYTES_MAX: usize = 1_024;

/// The first part of the names in a chat's own frames.
const OWN_PREFIX: &str = "server";

/// What a chat is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuntimeOptions {
    /// How many connections to show; none at 0.
    pub connections: usize,
    /// By what they are chosen.
    pub by: By,
    /// What its values' names begin with instead of `server`.
    pub prefix: String,
}

impl Default for RuntimeOptions {
    fn default() -> RuntimeOptions {
        RuntimeOptions { connections: 20, by: By::Messages, prefix: OWN_PREFIX.to_owned() }
    }
}

/// Changes what a chat is asked for, from the next request on. Clones change the same.
#[derive(Debug, Clone)]
pub struct Asks(Arc<Mutex<(usize, By)>>);

impl Asks {
    /// How many connections, and by what.
    pub fn set(&self, connections: usize, by: By) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = (connections, by);
    }

    fn get(&self) -> (usize, By) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A floodmark chat.
#[derive(Debug)]
pub struct Runtime {
    asks: Asks,
    prefix: String,
    scrape: Scrape<Vec<Frame>>,
    /// The names in the chat's frames, and what they are called here.
    names: HashMap<String, Arc<str>>,
    meanings: BTreeMap<String, Meaning>,
    tables: Vec<Table>,
    hello: Option<Hello>,
    hello_is_news: bool,
}

impl Runtime {
    /// Asks the chat whose admin address this is. Whether there is one shows with the first sample.
    ///
    /// # Errors
    /// [`SarError::Kernel`] when no thread can be started.
    pub fn open(admin: SocketAddr, options: RuntimeOptions) -> Result<Runtime, SarError> {
        Runtime::open_with(admin, options, SCRAPE_PATIENCE)
    }

    fn open_with(
        admin: SocketAddr,
        options: RuntimeOptions,
        patience: Duration,
    ) -> Result<Runtime, SarError> {
        let RuntimeOptions { connections, by, prefix } = options;
        let asks = Asks(Arc::new(Mutex::new((connections, by))));
        let asked = asks.clone();
        let url = format!("http://{admin}/frames");
        let mut reader = Reader::default();
        let scrape = Scrape::start(&prefix, url.clone(), patience, move |client| {
            let (connections, by) = asked.get();
            let url = format!("{url}?connections={connections}&by={}", by.word());
            match ask(client, &url)? {
                (StatusCode::OK, body) => reader.frames(body),
                (status, _) => Err(format!("it is no floodmark chat (its answer is {status})")),
            }
        })?;
        Ok(Runtime {
            asks,
            prefix,
            scrape,
            names: HashMap::new(),
            meanings: BTreeMap::new(),
            tables: Vec::new(),
            hello: None,
            hello_is_news: false,
        })
    }

    /// Where to change what is asked.
    pub fn asks(&self) -> Asks {
        self.asks.clone()
    }

    /// The connections that hold this id at the chat with this admin address, as a table; `None` when nobody does. Waits for
    /// the answer.
    ///
    /// # Errors
    /// [`SarError::Scrape`].
    pub fn find(admin: SocketAddr, id: &str) -> Result<Option<Table>, SarError> {
        let unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        let id: String = id
            .bytes()
            .map(|byte| if unreserved(byte) { char::from(byte).into() } else { format!("%{byte:02X}") })
            .collect();
        let url = format!("http://{admin}/connections/{id}");
        let mut client = Client::new();
        let found = ask(&mut client, &url).and_then(|(status, body)| match status {
            StatusCode::OK => Ok(Reader::default().frames(body)?.into_iter().find_map(|frame| match frame {
                Frame::Table(table) => Some(table),
                _ => None,
            })),
            StatusCode::NOT_FOUND => Ok(None),
            _ => Err(format!("its answer is {status}: {}", String::from_utf8_lossy(body).trim())),
        });
        found.map_err(|reason| SarError::Scrape { url, reason })
    }

    fn take(&mut self, frames: Vec<Frame>, out: &mut Values) {
        for frame in frames {
            match frame {
                Frame::Sample(sample) => self.take_sample(&sample, out),
                Frame::Table(table) => {
                    self.tables.extend(bounded(table).filter(|_| self.tables.len() < TABLES_MAX));
                }
                Frame::Hello(hello) => {
                    let is_same = |known: &Hello| known.pid == hello.pid && known.version == hello.version;
                    if !self.hello.as_ref().is_some_and(is_same) {
                        self.hello = Some(hello);
                        self.hello_is_news = true;
                    }
                }
                Frame::Catalog(catalog) => {
                    for (name, meaning) in catalog.names {
                        let name = renamed(&name, &self.prefix);
                        if let Some(name) = name.filter(|_| {
                            self.meanings.len() < NAMES_MAX && meaning.help.len() <= HELP_BYTES_MAX
                        }) {
                            self.meanings.insert(name, meaning);
                        }
                    }
                }
                Frame::Mark(_) | Frame::Latency(_) | Frame::Audit(_) | Frame::Log(_) => {}
            }
        }
    }

    fn take_sample(&mut self, sample: &Sample, out: &mut Values) {
        for (name, &value) in &sample.values {
            if let Some(name) = self.names.get(name) {
                out.push(name, value);
            } else if self.names.len() < NAMES_MAX
                && let Some(here) = renamed(name, &self.prefix)
            {
                let here: Arc<str> = here.into();
                out.push(&here, value);
                self.names.insert(name.clone(), here);
            }
        }
    }
}

impl Source for Runtime {
    fn begin(&mut self) {
        self.scrape.begin();
    }

    fn sample(&mut self, out: &mut Values) -> Result<(), SarError> {
        self.tables.clear();
        let (answer, result) = self.scrape.answer(out);
        if let Some(frames) = self.scrape.superseded() {
            self.take(frames, &mut Values::new());
            self.tables.clear();
        }
        if let Some(frames) = answer {
            self.take(frames, out);
        }
        result
    }

    fn meanings(&self, out: &mut BTreeMap<String, Meaning>) {
        self.scrape.meanings(out);
        out.extend(self.meanings.iter().map(|(name, meaning)| (name.clone(), meaning.clone())));
    }

    fn tables(&mut self, out: &mut Vec<Table>) {
        out.append(&mut self.tables);
    }

    fn hellos(&mut self, out: &mut Vec<Hello>) {
        if std::mem::take(&mut self.hello_is_news) {
            out.extend(self.hello.clone());
        }
    }
}

fn ask<'a>(client: &'a mut Client, url: &str) -> Result<(StatusCode, &'a [u8]), String> {
    client.get(url, "application/x-ndjson, application/json")
}

/// Reads answers, and skips the catalog when it is the one that was read before: it is the longest line of all, and comes
/// with every answer.
#[derive(Debug, Default)]
struct Reader {
    catalog: Vec<u8>,
}

impl Reader {
    /// The frames of an answer. One line that is no frame means that it is no chat's.
    fn frames(&mut self, body: &[u8]) -> Result<Vec<Frame>, String> {
        let lines = body.split(|&byte| byte == b'\n').filter(|line| !line.trim_ascii().is_empty());
        let frames: Result<Vec<Option<Frame>>, _> =
            lines.filter(|line| !self.is_known_catalog(line)).map(Frame::parse).collect();
        match frames {
            Ok(frames) if !frames.is_empty() => Ok(frames.into_iter().flatten().collect()),
            Err(error @ telemetry::FrameError::LaterSchema { .. }) => Err(error.to_string()),
            _ => {
                self.catalog.clear();
                Err("it is no floodmark chat (its answer has no frames)".to_owned())
            }
        }
    }

    /// Whether a line is the catalog of the last time, its times left aside. If not, and it is one, it is kept for the next.
    fn is_known_catalog(&mut self, line: &[u8]) -> bool {
        if !line.starts_with(br#"{"frame":"catalog","#) {
            return false;
        }
        let word = br#""source":"#;
        let Some(start) = line.windows(word.len()).position(|window| window == word) else { return false };
        let is_known = self.catalog == line[start..];
        if !is_known {
            self.catalog.clear();
            self.catalog.extend_from_slice(&line[start..]);
        }
        is_known
    }
}

/// A name of the chat's, as it is called here; `None` for one that is not its own, or too long.
fn renamed(name: &str, prefix: &str) -> Option<String> {
    let rest = name.strip_prefix(OWN_PREFIX).filter(|rest| rest.starts_with('.'))?;
    (name.len() <= NAME_BYTES_MAX).then(|| format!("{prefix}{rest}"))
}

/// A table within its bounds; what its texts have too much is cut off.
fn bounded(mut table: Table) -> Option<Table> {
    let is_fit = |text: &String| text.len() <= NAME_BYTES_MAX;
    if table.columns.len() > COLUMNS_MAX || !is_fit(&table.name) || !table.columns.iter().all(is_fit) {
        return None;
    }
    table.rows.truncate(ROWS_MAX);
    for cell in table.rows.iter_mut().flat_map(|row| {
        row.truncate(COLUMNS_MAX);
        row
    }) {
        if let Cell::Text(text) = cell {
            let end = (0..=NAME_BYTES_MAX.min(text.len())).rev().find(|end| text.is_char_boundary(*end));
            text.truncate(end.unwrap_or(0));
        }
    }
    Some(table)
}

#[cfg(test)]
#[path = "runtime_tests.rs"]
mod tests;

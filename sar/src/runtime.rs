//! stub
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use telemetry::Table;

use crate::{SarError, Source, Values};

/// By what a chat's busiest connections are chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum By {
    /// Messages delivered.
    #[default]
    Messages,
    /// Bytes sent.
    Bytes,
    /// Bytes waiting in the outbox.
    Outbox,
    /// The oldest.
    Age,
}

impl By {
    /// All of them.
    pub const ALL: [By; 4] = [By::Messages, By::Bytes, By::Outbox, By::Age];

    /// The word for it in a request.
    pub fn name(self) -> &'static str {
        match self {
            By::Messages => "messages",
            By::Bytes => "bytes",
            By::Outbox => "outbox",
            By::Age => "age",
        }
    }
}

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
        RuntimeOptions { connections: 20, by: By::Messages, prefix: "server".to_owned() }
    }
}

/// Changes what a chat is asked for, from the next request on. Clones change the same.
#[derive(Debug, Clone)]
pub struct Asks(Arc<Mutex<(usize, By)>>);

impl Asks {
    /// How many connections, and by what.
    pub fn set(&self, connections: usize, by: By) {
        *self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = (connections, by);
    }
}

/// A floodmark chat.
#[derive(Debug)]
pub struct Runtime {
    admin: SocketAddr,
    asks: Asks,
}

impl Runtime {
    /// Asks the chat whose admin address this is. Whether there is one shows with the first sample.
    ///
    /// # Errors
    /// [`SarError::Kernel`] when no thread can be started.
    pub fn open(admin: SocketAddr, options: RuntimeOptions) -> Result<Runtime, SarError> {
        Ok(Runtime { admin, asks: Asks(Arc::new(Mutex::new((options.connections, options.by)))) })
    }

    /// Where to change what is asked.
    pub fn asks(&self) -> Asks {
        self.asks.clone()
    }

    /// The connections that hold this id, as a table; `None` when nobody does. Waits for the answer.
    ///
    /// # Errors
    /// [`SarError::Scrape`].
    pub fn find(admin: SocketAddr, id: &str) -> Result<Option<Table>, SarError> {
        let _ = (admin, id);
        Ok(None)
    }
}

impl Source for Runtime {
    fn sample(&mut self, _: &mut Values) -> Result<(), SarError> {
        let _ = self.admin;
        Ok(())
    }
}

//! Why there is no ceiling to show.

use std::io;

/// Why there is no ceiling to show.
#[derive(Debug, thiserror::Error)]
pub enum LimitError {
    /// The options make no sense.
    #[error("{0}")]
    Options(String),
    /// Not even the smallest step finds room on this machine.
    #[error("nothing can be measured on this machine: {0}")]
    Cannot(String),
    /// Something failed before anything was measured.
    #[error("could not measure the machine's ceiling: {0}")]
    Broke(String),
}

impl LimitError {
    pub(crate) fn broke(what: impl Into<String>) -> Self {
        Self::Broke(what.into())
    }
}

impl From<io::Error> for LimitError {
    fn from(error: io::Error) -> Self {
        Self::Broke(error.to_string())
    }
}

//! The charts of a run, drawn from its bundle alone.

mod ledger;
mod memory;

use std::path::Path;

use telemetry::BundleError;

pub use ledger::{LEDGER_FILE, ledger};
pub use memory::{MEMORY_FILE, memory};

/// Every chart that the bundle has something to show in, with its file's name.
///
/// # Errors
/// When the bundle cannot be read.
pub fn all(bundle: &Path) -> Result<Vec<(&'static str, String)>, BundleError> {
    let charts = [(MEMORY_FILE, memory(bundle)?), (LEDGER_FILE, ledger(bundle)?)];
    Ok(charts.into_iter().filter_map(|(name, svg)| Some((name, svg?))).collect())
}

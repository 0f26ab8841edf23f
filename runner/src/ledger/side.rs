//! One side of the ledger: what a pair costs, or an end of it.

use serde_json::{Value, json};
use telemetry::fit::Slope;

use super::{KEYS, KINDS, Kind};

/// What a connection costs, in bytes.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Side {
    pub(super) kinds: [Option<f64>; KINDS],
    pub(super) slab: Option<f64>,
    pub(super) total: Option<Slope>,
    pub(super) remainder: Option<Slope>,
}

impl Side {
    /// Its keys in the summary.
    pub(super) fn to_json(&self) -> Value {
        let kernel = Kind::Tcp as usize..=Kind::KernelOther as usize;
        let unsplit = if self.kinds[Kind::SlabOther as usize].is_none() { self.slab } else { None };
        let kernel = sum(self.kinds[kernel].iter().copied().chain([unsplit]));
        let explained = self.total.zip(self.remainder).map(|(total, rest)| total.slope - rest.slope);
        let interval = |slope: Option<Slope>| slope.map(|slope| [round(slope.ci95.0), round(slope.ci95.1)]);
        let mut json = json!({
            "total_bytes": self.total.map(|slope| round(slope.slope)),
            "total_bytes_ci95": interval(self.total),
            "kernel_bytes": kernel.map(round),
            "kernel_slab_bytes": self.slab.map(round),
            "explained_bytes": explained.map(round),
            "remainder_bytes": self.remainder.map(|slope| round(slope.slope)),
            "remainder_bytes_ci95": interval(self.remainder),
        });
        for (kind, key) in KEYS {
            json[key] = json!(self.kinds[kind as usize].map(round));
        }
        json
    }
}

/// The sum of what is there; `None` when nothing is.
fn sum(parts: impl Iterator<Item = Option<f64>>) -> Option<f64> {
    parts.flatten().reduce(|sum, part| sum + part)
}

/// To a tenth of a byte, which is finer than any of these figures is true.
fn round(bytes: f64) -> f64 {
    (bytes * 10.0).round() / 10.0
}

//! What watching costs: this process's own figures, among the others.
//!
//! | name | what |
//! |---|---|
//! | `sar.cpu_ratio` | processor time of this process since the last sample: 0.01 is a hundredth of one core |
//! | `sar.rss_bytes` | its resident memory |
//! | `sar.collect_us` | how long it took to ask all sources about this machine, the last time |
//! | `sar.lateness_us` | how much later than planned the last sample began |
//! | `sar.missed_ticks` | samples that were due and not taken |
//! | `sar.sample_bytes` | what one sample takes in the recording |
//!
//! The first two are measured here. The others only the loop around the sampler knows: it writes them into
//! [`CostNotes`]; what was never noted is absent.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;
use telemetry::{Kind, Meaning, monotonic_ns};

use crate::meanings::{Row, explain};
use crate::{ProcFile, SarError, Source, Values};

/// Stands for what was not noted.
const UNKNOWN: u64 = u64::MAX;

const MEANINGS: [Row; 6] = [
    ("sar.cpu_ratio", Kind::Gauge, "Processor time of the sampling process, as a share of one core."),
    ("sar.rss_bytes", Kind::Gauge, "Resident memory of the sampling process."),
    ("sar.collect_us", Kind::Gauge, "How long the last reading of this machine's sources took."),
    ("sar.lateness_us", Kind::Gauge, "How much later than planned the last sample began."),
    ("sar.missed_ticks", Kind::Counter, "Samples that were due and not taken."),
    ("sar.sample_bytes", Kind::Gauge, "What one sample takes in the recording."),
];

/// This process's own cost.
#[derive(Debug)]
pub struct Cost {
    statm: ProcFile,
    page_bytes: u64,
    /// Processor time and monotonic time of the last sample, in nanoseconds.
    last: Option<(u64, u64)>,
    notes: CostNotes,
}

/// Where the loop around the sampler writes what only it knows. Clones write to the same place.
#[derive(Debug, Clone)]
pub struct CostNotes(Arc<[AtomicU64; 4]>);

impl CostNotes {
    /// How long the last reading took.
    pub fn collected(&self, took: Duration) {
        self.note(0, took.as_micros());
    }

    /// How much later than planned it began.
    pub fn late(&self, late: Duration) {
        self.note(1, late.as_micros());
    }

    /// Ticks that were missed, all in all.
    pub fn missed(&self, ticks: u64) {
        self.note(2, ticks.into());
    }

    /// What a sample takes in the recording.
    pub fn sample_bytes(&self, bytes: u64) {
        self.note(3, bytes.into());
    }

    fn note(&self, index: usize, value: u128) {
        self.0[index].store(u64::try_from(value).unwrap_or(UNKNOWN), Ordering::Relaxed);
    }

    fn noted(&self, index: usize) -> Option<f64> {
        Some(self.0[index].load(Ordering::Relaxed))
            .filter(|&value| value != UNKNOWN)
            .map(|value| value as f64)
    }
}

impl Cost {
    /// Opens `/proc/self/statm`.
    ///
    /// # Errors
    /// [`SarError::Read`].
    pub fn open() -> Result<Cost, SarError> {
        Ok(Cost {
            statm: ProcFile::open("/proc/self/statm")?,
            page_bytes: crate::sources::process::page_bytes(),
            last: None,
            notes: CostNotes(Arc::new([const { AtomicU64::new(UNKNOWN) }; 4])),
        })
    }

    /// Where to write the rest.
    pub fn notes(&self) -> CostNotes {
        self.notes.clone()
    }
}

impl Source for Cost {
    fn sample(&mut self, out: &mut Values) -> Result<(), SarError> {
        let now = (cpu_ns()?, monotonic_ns());
        if let Some((last_cpu_ns, last_ns)) = self.last.replace(now) {
            let cpu_ns = now.0.saturating_sub(last_cpu_ns) as f64;
            out.push("sar.cpu_ratio", cpu_ns / now.1.saturating_sub(last_ns) as f64);
        }
        let pages: Option<u64> =
            self.statm.text()?.split_ascii_whitespace().nth(1).and_then(|n| n.parse().ok());
        out.push_some("sar.rss_bytes", pages.map(|pages| (pages * self.page_bytes) as f64));
        for (index, (name, ..)) in MEANINGS[2..].iter().enumerate() {
            out.push_some(*name, self.notes.noted(index));
        }
        Ok(())
    }

    fn meanings(&self, out: &mut BTreeMap<String, Meaning>) {
        explain(out, &MEANINGS);
    }
}

/// Processor time of this process so far, all its threads together.
fn cpu_ns() -> Result<u64, SarError> {
    let usage = getrusage(UsageWho::RUSAGE_SELF)
        .map_err(|errno| SarError::Kernel { what: "this process's time", source: errno.into() })?;
    let time_us = usage.user_time().num_microseconds() + usage.system_time().num_microseconds();
    Ok(u64::try_from(time_us).unwrap_or_default() * 1_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_is_seen_and_notes_are_told() {
        let mut cost = Cost::open().expect("statm");
        let mut values = Values::new();
        cost.sample(&mut values).expect("measured");
        assert_eq!(values.len(), 1, "nothing noted, nothing to compare with: {values:?}");
        let notes = cost.notes();
        notes.collected(Duration::from_micros(105));
        notes.late(Duration::from_nanos(900));
        notes.missed(2);
        let before = cpu_ns().expect("measured");
        while cpu_ns().expect("measured") < before + 10_000_000 {
            std::hint::black_box(cost.page_bytes);
        }
        values.clear();
        cost.sample(&mut values).expect("measured");
        assert!(values.get("sar.cpu_ratio").is_some_and(|ratio| ratio > 0.0), "{values:?}");
        assert!(values.get("sar.rss_bytes").is_some_and(|bytes| bytes > 1e5));
        assert_eq!(values.get("sar.collect_us"), Some(105.0));
        assert_eq!((values.get("sar.lateness_us"), values.get("sar.missed_ticks")), (Some(0.0), Some(2.0)));
        assert_eq!(values.get("sar.sample_bytes"), None);
    }
}

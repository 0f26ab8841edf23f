//! What waits for cpu, memory and disks (PSI), from `/proc/pressure`.
//!
//! | name | time since the first reading in which |
//! |---|---|
//! | `host.pressure_cpu_some_us` | some task waited for a core |
//! | `host.pressure_memory_some_us`, `host.pressure_memory_full_us` | some, or all, waited for memory |
//! | `host.pressure_io_some_us`, `host.pressure_io_full_us` | some, or all, waited for a disk |
//!
//! The kernel's own averages (`avg10` and so on) are left out: whoever reads these counters can have any average.
//! Absent where the kernel was built without, or started with `psi=0`.

use std::collections::BTreeMap;

use telemetry::{Kind, Meaning};

use crate::meanings::{Row, explain};
use crate::since::Since;
use crate::{ProcFile, SarError, Source, Values};

const COUNTER: Kind = Kind::Counter;

/// By file: the name of each line that is wanted.
const FILES: [(&str, &[(&str, Row)]); 3] = [
    (
        "/proc/pressure/cpu",
        &[("some", ("host.pressure_cpu_some_us", COUNTER, "Time in which some task waited for a core."))],
    ),
    (
        "/proc/pressure/memory",
        &[
            ("some", ("host.pressure_memory_some_us", COUNTER, "Time in which some task waited for memory.")),
            ("full", ("host.pressure_memory_full_us", COUNTER, "Time in which all tasks waited for memory.")),
        ],
    ),
    (
        "/proc/pressure/io",
        &[
            ("some", ("host.pressure_io_some_us", COUNTER, "Time in which some task waited for a disk.")),
            ("full", ("host.pressure_io_full_us", COUNTER, "Time in which all tasks waited for a disk.")),
        ],
    ),
];

/// The files that there are.
#[derive(Debug)]
pub struct Pressure {
    files: Vec<PressureFile>,
}

#[derive(Debug)]
struct PressureFile {
    file: ProcFile,
    rows: &'static [(&'static str, Row)],
    first: [Since; 2],
}

impl Pressure {
    /// Opens the files under `/proc/pressure`; `None` when there are none that can be read, which is no problem.
    pub fn open() -> Option<Pressure> {
        let files = FILES.iter().filter_map(|&(path, rows)| {
            let mut file = ProcFile::open(path).ok()?;
            // With `psi=0` the files are there, and reading them fails.
            file.text().is_ok().then_some(PressureFile { file, rows, first: Default::default() })
        });
        Some(Pressure { files: files.collect() }).filter(|pressure| !pressure.files.is_empty())
    }
}

impl Source for Pressure {
    fn sample(&mut self, out: &mut Values) -> Result<(), SarError> {
        for PressureFile { file, rows, first } in &mut self.files {
            let text = file.text()?;
            for ((label, (name, ..)), first) in rows.iter().zip(first) {
                out.push_some(*name, total_us(text, label).map(|now| first.count(now)));
            }
        }
        Ok(())
    }

    fn meanings(&self, out: &mut BTreeMap<String, Meaning>) {
        FILES.iter().flat_map(|(_, rows)| rows.iter()).for_each(|&(_, row)| explain(out, &[row]));
    }
}

/// The total of the line `some avg10=0.00 avg60=0.00 avg300=0.00 total=12345`.
fn total_us(text: &str, label: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(label)?.strip_prefix(' '))?;
    line.split_ascii_whitespace().find_map(|word| word.strip_prefix("total="))?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn totals_are_found_by_label() {
        let text = "some avg10=0.12 avg60=0.00 avg300=0.00 total=4711\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=12\n";
        assert_eq!((total_us(text, "some"), total_us(text, "full")), (Some(4_711), Some(12)));
        // The cpu's file had no line 'full' before Linux 5.13.
        for text in ["", "some", "somewhat total=1\n", "some avg10=0.12\n", "some total=x\n", "some total=\n"]
        {
            assert_eq!(total_us(text, "some"), None, "{text:?}");
        }
    }

    #[test]
    fn where_there_is_pressure_it_only_grows() {
        let Some(mut pressure) = Pressure::open() else { return };
        let mut values = Values::new();
        pressure.sample(&mut values).expect("readable");
        assert!(!values.is_empty() && values.iter().all(|(_, value)| value == 0.0), "{values:?}");
        pressure.sample(&mut values).expect("readable");
        assert!(values.iter().all(|(_, value)| value >= 0.0));
    }
}

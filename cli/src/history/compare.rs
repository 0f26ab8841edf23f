//! `floodmark history compare`: two groups of runs, and whether the second is worse.

use std::path::PathBuf;

use history::compare::{CompareError, Pairing, compare};
use history::rules::DEFAULTS;
use history::show::Report;
use history::{BundleRun, Compared};

use crate::exit::{Ended, Exit};
use crate::history::flags::{CompareFlags, Metrics, Telling};
use crate::history::json::Document;
use crate::history::{outputs, refs};

pub(crate) fn main(flags: &CompareFlags) -> Ended {
    if let Some(option) = flags.b.iter().find(|run| run.as_os_str().as_encoded_bytes().starts_with(b"--")) {
        return Err(Exit::wrong_input(format!(
            "'{}' stands behind '--', where runs are named (write options before the first run)",
            option.display()
        )));
    }
    let pairing = if flags.interleaved { Pairing::Interleaved } else { Pairing::Groups };
    tell(&flags.a, &flags.b, pairing, &flags.metrics, &flags.telling)
}

/// Compares the runs of B with those of A, tells it, and says what to end with.
pub(crate) fn tell(
    a: &[PathBuf],
    b: &[PathBuf],
    pairing: Pairing,
    metrics: &Metrics,
    telling: &Telling,
) -> Ended {
    let compared = compared(a, b, pairing, metrics)?;
    outputs::tell(telling, &Report::from(&compared), &Document::of_compare(&compared))?;
    Ok(outputs::code(compared.verdict()))
}

/// Compares the runs of B with those of A.
pub(crate) fn compared(
    a: &[PathBuf],
    b: &[PathBuf],
    pairing: Pairing,
    metrics: &Metrics,
) -> Result<Compared, Exit> {
    let open = |runs: &[PathBuf]| -> Result<Vec<BundleRun>, Exit> {
        runs.iter().map(|run| BundleRun::open(run).map_err(Exit::wrong_input)).collect()
    };
    let (a, b) = (open(a)?, open(b)?);
    if pairing == Pairing::Interleaved && a.len() != b.len() {
        let (a, b) = (a.len(), b.len());
        return Err(Exit::wrong_input(format!(
            "{a} runs and {b} were not made in turn (leave out --interleaved)"
        )));
    }
    let measured = a.iter().chain(&b).flat_map(BundleRun::names).collect();
    let rules = refs::rules(metrics, measured, &DEFAULTS)?;
    compare(&a, &b, &rules, pairing).map_err(|error: CompareError| Exit::wrong_input(error))
}

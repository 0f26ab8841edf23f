//! `host.load_1m`: tasks running or waiting to run, a decayed average over a minute, from `/proc/loadavg`.

use std::collections::BTreeMap;

use telemetry::{Kind, Meaning};

use crate::meanings::{Row, explain};
use crate::{ProcFile, SarError, Source, Values};

const MEANINGS: [Row; 1] = [(
    "host.load_1m",
    Kind::Gauge,
    "Tasks running, or waiting to run or for a disk: an average over a minute.",
)];

/// The load average.
#[derive(Debug)]
pub struct Load {
    loadavg: ProcFile,
}

impl Load {
    /// Opens `/proc/loadavg`.
    ///
    /// # Errors
    /// [`SarError::Read`].
    pub fn open() -> Result<Load, SarError> {
        Ok(Load { loadavg: ProcFile::open("/proc/loadavg")? })
    }
}

impl Source for Load {
    fn sample(&mut self, out: &mut Values) -> Result<(), SarError> {
        let Some(load) = parse(self.loadavg.text()?) else { return Err(self.loadavg.format_error("load")) };
        out.push("host.load_1m", load);
        Ok(())
    }

    fn meanings(&self, out: &mut BTreeMap<String, Meaning>) {
        explain(out, &MEANINGS);
    }
}

fn parse(text: &str) -> Option<f64> {
    text.split_ascii_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_number_is_the_minute() {
        assert_eq!(parse("0.52 0.58 0.59 1/389 12345\n"), Some(0.52));
        assert_eq!((parse(""), parse("high\n")), (None, None));
        let mut values = Values::new();
        Load::open().expect("/proc/loadavg").sample(&mut values).expect("readable");
        assert!(values.get("host.load_1m").is_some_and(|load| load >= 0.0));
    }
}

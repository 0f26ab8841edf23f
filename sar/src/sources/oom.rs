//! `host.oom_kills`: processes that the kernel has killed for want of memory since the first reading, from
//! `/proc/vmstat`; those killed for their cgroup's limit are among them.

use std::collections::BTreeMap;

use telemetry::{Kind, Meaning};

use crate::meanings::{Row, explain};
use crate::since::Since;
use crate::{ProcFile, SarError, Source, Values};

const MEANINGS: [Row; 1] = [(
    "host.oom_kills",
    Kind::Counter,
    "Processes that the kernel killed for want of memory, since the first reading.",
)];

/// The out-of-memory killer's count.
#[derive(Debug)]
pub struct Oom {
    vmstat: ProcFile,
    first: Since,
}

impl Oom {
    /// Opens `/proc/vmstat`.
    ///
    /// # Errors
    /// [`SarError::Read`].
    pub fn open() -> Result<Oom, SarError> {
        Ok(Oom { vmstat: ProcFile::open("/proc/vmstat")?, first: Since::default() })
    }
}

impl Source for Oom {
    fn sample(&mut self, out: &mut Values) -> Result<(), SarError> {
        // Before Linux 4.13 nobody counted.
        if let Some(now) = kills(self.vmstat.text()?) {
            out.push("host.oom_kills", self.first.count(now));
        }
        Ok(())
    }

    fn meanings(&self, out: &mut BTreeMap<String, Meaning>) {
        explain(out, &MEANINGS);
    }
}

fn kills(text: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix("oom_kill "))?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_count_is_found_and_starts_at_zero() {
        assert_eq!(kills("oom_kill_x 3\nnr_free_pages 9\noom_kill 2\n"), Some(2));
        assert_eq!(kills("nr_free_pages 9\n"), None);
        let mut values = Values::new();
        Oom::open().expect("/proc/vmstat").sample(&mut values).expect("readable");
        assert!(values.get("host.oom_kills").is_none_or(|kills| kills == 0.0));
    }
}

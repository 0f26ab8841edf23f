//! Connection tracking, where the kernel has it loaded: each connection takes an entry of a table of fixed size.
//!
//! | name | what |
//! |---|---|
//! | `host.conntrack_entries` | connections tracked now, TIME_WAIT included |
//! | `host.conntrack_entries_max` | how many there may be; then packets of new connections are dropped |
//! | `host.conntrack_drops` | packets dropped because no entry could be had, since the first reading |
//! | `host.conntrack_early_drops` | entries thrown out to make room for new ones, since the first reading |
//!
//! Loopback is tracked as well, once any rule of the firewall asks for it. The entries are those of this network
//! namespace; the maximum is the machine's. The counters are absent where the kernel was built without them.

use std::collections::BTreeMap;

use telemetry::{Kind, Meaning};

use crate::meanings::{Row, explain};
use crate::since::Since;
use crate::{ProcFile, SarError, Source, Values};

/// The counters: each value's name and its column's heading.
const COUNTERS: [(&str, &str); 2] =
    [("host.conntrack_drops", "drop"), ("host.conntrack_early_drops", "early_drop")];

const MEANINGS: [Row; 4] = [
    ("host.conntrack_entries", Kind::Gauge, "Connections tracked now, TIME_WAIT included."),
    ("host.conntrack_entries_max", Kind::Gauge, "How many connections may be tracked."),
    (
        "host.conntrack_drops",
        Kind::Counter,
        "Packets dropped because no entry could be had, since the first reading.",
    ),
    (
        "host.conntrack_early_drops",
        Kind::Counter,
        "Entries thrown out to make room, since the first reading.",
    ),
];

/// The table of tracked connections.
#[derive(Debug)]
pub struct Conntrack {
    count: ProcFile,
    max: ProcFile,
    stat: Option<ProcFile>,
    first: [Since; COUNTERS.len()],
}

impl Conntrack {
    /// Opens the files of `nf_conntrack`; `None` when it is not loaded, which is no problem.
    pub fn open() -> Option<Conntrack> {
        Some(Conntrack {
            count: ProcFile::open("/proc/sys/net/netfilter/nf_conntrack_count").ok()?,
            max: ProcFile::open("/proc/sys/net/netfilter/nf_conntrack_max").ok()?,
            stat: ProcFile::open("/proc/self/net/stat/nf_conntrack").ok(),
            first: Default::default(),
        })
    }
}

impl Source for Conntrack {
    fn sample(&mut self, out: &mut Values) -> Result<(), SarError> {
        out.push_some("host.conntrack_entries", self.count.text()?.trim().parse().ok());
        out.push_some("host.conntrack_entries_max", self.max.text()?.trim().parse().ok());
        let Some(stat) = &mut self.stat else { return Ok(()) };
        let text = stat.text()?;
        for ((name, heading), first) in COUNTERS.into_iter().zip(&mut self.first) {
            if let Some(now) = column(text, heading) {
                out.push(name, first.count(now));
            }
        }
        Ok(())
    }

    fn meanings(&self, out: &mut BTreeMap<String, Meaning>) {
        explain(out, &MEANINGS);
    }
}

/// A column's sum over all cores, each of which has a line of numbers in hexadecimal.
fn column(text: &str, heading: &str) -> Option<u64> {
    let mut lines = text.lines();
    let column = lines.next()?.split_ascii_whitespace().position(|word| word == heading)?;
    let numbers = lines.map(|line| u64::from_str_radix(line.split_ascii_whitespace().nth(column)?, 16).ok());
    numbers.reduce(|sum, number| Some(sum? + number?))?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_hexadecimal_and_summed_over_cores() {
        let text = "entries  found insert_failed drop early_drop\n00000005  00000000 00000000 0000000a 00000001\n\
                    00000005  00000000 00000000 00000010 00000000\n";
        assert_eq!(column(text, "drop"), Some(26));
        assert_eq!(column(text, "early_drop"), Some(1));
        assert_eq!(
            (column(text, "chainlength"), column("drop\n", "drop"), column("", "drop")),
            (None, None, None)
        );
        assert_eq!(column("a drop\n1\n", "drop"), None);
    }

    #[test]
    fn where_it_is_loaded_there_is_room() {
        let Some(mut conntrack) = Conntrack::open() else { return };
        let mut values = Values::new();
        conntrack.sample(&mut values).expect("readable");
        assert!(
            values.get("host.conntrack_entries") <= values.get("host.conntrack_entries_max"),
            "{values:?}"
        );
    }
}

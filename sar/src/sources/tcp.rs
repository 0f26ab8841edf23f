//! What TCP did since the first reading, and what went wrong, from `/proc/net/netstat` and `/proc/net/snmp`.
//!
//! | name | what |
//! |---|---|
//! | `host.listen_overflows` | connections refused a place because an accept queue was full |
//! | `host.listen_drops` | connection attempts dropped by a listener, for that or any other reason |
//! | `host.tcp_memory_pressures` | times that TCP entered memory pressure (`tcp_mem`) |
//! | `host.tcp_memory_aborts` | connections that the kernel ended because TCP was out of memory |
//! | `host.syn_cookies_sent`, `_received`, `_failed` | attempts answered by a cookie because too many were half open |
//! | `host.tcp_active_opens`, `host.tcp_passive_opens` | connections begun from here, and from there |
//! | `host.tcp_attempt_fails` | connections that were begun and never were established |
//! | `host.tcp_established` | established now, or closed by the other side only |
//! | `host.tcp_segments_in`, `host.tcp_segments_out` | segments, those sent again left out |
//! | `host.retransmitted_segments` | segments sent again |
//! | `host.tcp_resets_in` | established connections that ended with a reset, whoever sent it (EstabResets) |
//! | `host.tcp_resets_sent` | segments sent with RST |
//!
//! The kernel counts since boot; here each counter starts at zero with the first reading. Which column is which is learnt
//! when the files are opened, and stays so.

use std::collections::BTreeMap;

use telemetry::{Kind, Meaning};

use crate::meanings::{Row, explain};
use crate::since::Since;
use crate::{ProcFile, SarError, Source, Values};

const COUNTER: Kind = Kind::Counter;

/// Columns of the line `TcpExt:` of netstat.
const NETSTAT: [(&str, Row); 7] = [
    (
        "ListenOverflows",
        ("host.listen_overflows", COUNTER, "Connections refused a place because an accept queue was full."),
    ),
    (
        "ListenDrops",
        ("host.listen_drops", COUNTER, "Connection attempts dropped by a listener, for whatever reason."),
    ),
    ("TCPMemoryPressures", ("host.tcp_memory_pressures", COUNTER, "Times that TCP entered memory pressure.")),
    (
        "TCPAbortOnMemory",
        ("host.tcp_memory_aborts", COUNTER, "Connections ended because TCP was out of memory."),
    ),
    ("SyncookiesSent", ("host.syn_cookies_sent", COUNTER, "Connection attempts answered by a SYN cookie.")),
    ("SyncookiesRecv", ("host.syn_cookies_received", COUNTER, "SYN cookies that came back.")),
    ("SyncookiesFailed", ("host.syn_cookies_failed", COUNTER, "SYN cookies that came back wrong.")),
];

/// Columns of the line `Tcp:` of snmp.
const SNMP: [(&str, Row); 9] = [
    ("ActiveOpens", ("host.tcp_active_opens", COUNTER, "TCP connections begun from here.")),
    ("PassiveOpens", ("host.tcp_passive_opens", COUNTER, "TCP connections begun from elsewhere.")),
    ("AttemptFails", ("host.tcp_attempt_fails", COUNTER, "TCP connections begun and never established.")),
    ("EstabResets", ("host.tcp_resets_in", COUNTER, "Established TCP connections that ended with a reset.")),
    ("CurrEstab", ("host.tcp_established", Kind::Gauge, "TCP connections established now.")),
    ("InSegs", ("host.tcp_segments_in", COUNTER, "TCP segments received.")),
    ("OutSegs", ("host.tcp_segments_out", COUNTER, "TCP segments sent, those sent again left out.")),
    ("RetransSegs", ("host.retransmitted_segments", COUNTER, "TCP segments sent again.")),
    ("OutRsts", ("host.tcp_resets_sent", COUNTER, "TCP segments sent with RST.")),
];

/// The counters of TCP in this network namespace.
#[derive(Debug)]
pub struct Tcp {
    netstat: Columns,
    snmp: Columns,
}

impl Tcp {
    /// Opens `/proc/net/netstat` and `/proc/net/snmp`.
    ///
    /// # Errors
    /// [`SarError::Read`].
    pub fn open() -> Result<Tcp, SarError> {
        Ok(Tcp {
            netstat: Columns::open("/proc/self/net/netstat", "TcpExt:", &NETSTAT)?,
            snmp: Columns::open("/proc/self/net/snmp", "Tcp:", &SNMP)?,
        })
    }
}

impl Source for Tcp {
    fn sample(&mut self, out: &mut Values) -> Result<(), SarError> {
        self.netstat.sample(out)?;
        self.snmp.sample(out)
    }

    fn meanings(&self, out: &mut BTreeMap<String, Meaning>) {
        explain(out, &NETSTAT.map(|(_, row)| row));
        explain(out, &SNMP.map(|(_, row)| row));
    }
}

/// A file of pairs of lines with the same label, the first of headings, the second of numbers.
#[derive(Debug)]
struct Columns {
    file: ProcFile,
    label: &'static str,
    /// By column: which number of the line, what it is called, and where it began.
    wanted: Vec<(usize, Row, Since)>,
}

impl Columns {
    fn open(path: &str, label: &'static str, rows: &[(&str, Row)]) -> Result<Columns, SarError> {
        let mut file = ProcFile::open(path)?;
        let wanted = learn(file.text()?, label, rows);
        Ok(Columns { file, label, wanted })
    }

    fn sample(&mut self, out: &mut Values) -> Result<(), SarError> {
        put(self.file.text()?, self.label, &mut self.wanted, out);
        Ok(())
    }
}

/// Where the columns are, in the order of the line. A heading that this kernel lacks is left out.
fn learn(text: &str, label: &str, rows: &[(&str, Row)]) -> Vec<(usize, Row, Since)> {
    let headings = text.lines().find_map(|line| line.strip_prefix(label)).unwrap_or_default();
    let columns = headings.split_ascii_whitespace().enumerate();
    let wanted = columns.flat_map(|(column, heading)| {
        let rows = rows.iter().filter(move |&&(wanted, _)| wanted == heading);
        rows.map(move |&(_, row)| (column, row, Since::default()))
    });
    wanted.collect()
}

fn put(text: &str, label: &str, wanted: &mut [(usize, Row, Since)], out: &mut Values) {
    let Some(line) = text.lines().filter_map(|line| line.strip_prefix(label)).nth(1) else { return };
    let mut wanted = wanted.iter_mut().peekable();
    for (column, word) in line.split_ascii_whitespace().enumerate() {
        while let Some((_, (name, kind, _), since)) = wanted.next_if(|(wanted, ..)| *wanted == column) {
            let now: Option<u64> = word.parse().ok();
            let value = now.map(|now| if *kind == COUNTER { since.count(now) } else { now as f64 });
            out.push_some(*name, value);
        }
        if wanted.peek().is_none() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use super::*;

    fn two_readings(label: &str, rows: &[(&str, Row)], first: &str, second: &str) -> Values {
        let mut wanted = learn(first, label, rows);
        let mut values = Values::new();
        put(first, label, &mut wanted, &mut values);
        values.clear();
        put(second, label, &mut wanted, &mut values);
        values
    }

    #[test]
    fn columns_are_found_by_heading() {
        let text = "TcpExt: SyncookiesSent ListenOverflows ListenDrops\nTcpExt: 1 2 3\nIpExt: InNoRoutes\nIpExt: 9\n";
        let values = two_readings("TcpExt:", &NETSTAT, text, &text.replace("1 2 3", "1 4 8"));
        let expected =
            [("host.syn_cookies_sent", 0.0), ("host.listen_overflows", 2.0), ("host.listen_drops", 5.0)];
        assert_eq!(values.iter().collect::<Vec<_>>(), expected);
        let text = "Tcp: RtoAlgorithm MaxConn CurrEstab RetransSegs\nTcp: 1 -1 7 5\nTcpish: x\n";
        let values = two_readings("Tcp:", &SNMP, text, &text.replace("7 5", "9 6"));
        let expected = [("host.tcp_established", 9.0), ("host.retransmitted_segments", 1.0)];
        assert_eq!(values.iter().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn what_is_cut_off_or_junk_is_absent() {
        let text = "Tcp: CurrEstab OutRsts\nTcp: 7 5\n";
        for second in ["", "Tcp: CurrEstab OutRsts\n", "Tcp: CurrEstab OutRsts\nTcp:\n", "Tcp: a\nTcp: x y\n"]
        {
            assert!(two_readings("Tcp:", &SNMP, text, second).is_empty(), "{second:?}");
        }
        assert_eq!(two_readings("Tcp:", &SNMP, text, "Tcp: a b\nTcp: 7\n").len(), 1);
        assert!(learn("", "Tcp:", &SNMP).is_empty() && learn("Tcp: A B\n", "Tcp:", &SNMP).is_empty());
    }

    #[test]
    fn counters_start_at_zero_and_count_a_refusal() {
        let mut tcp = Tcp::open().expect("netstat and snmp");
        let mut values = Values::new();
        tcp.sample(&mut values).expect("readable");
        let counters = values.iter().filter(|&(name, _)| name != "host.tcp_established");
        assert!(
            values.len() >= 10 && counters.map(|(_, value)| value).all(|value| value == 0.0),
            "{values:?}"
        );
        // A closed port answers with a reset.
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("bound");
        drop(listener);
        TcpStream::connect(address).expect_err("nobody listens");
        values.clear();
        tcp.sample(&mut values).expect("readable");
        assert!(values.get("host.tcp_resets_sent").is_some_and(|resets| resets >= 1.0));
    }
}

//! What went wrong in TCP since the first reading, from `/proc/net/netstat` and `/proc/net/snmp`.
//!
//! | name | what |
//! |---|---|
//! | `host.listen_overflows` | connections refused a place because an accept queue was full |
//! | `host.listen_drops` | connection attempts dropped by a listener, for that or any other reason |
//! | `host.retransmitted_segments` | segments sent again |
//! | `host.tcp_resets_sent` | segments sent with RST |
//! | `host.tcp_memory_pressures` | times that TCP entered memory pressure (`tcp_mem`) |
//! | `host.tcp_memory_aborts` | connections that the kernel ended because TCP was out of memory |
//! | `host.syn_cookies_sent` | connection attempts answered by a cookie because too many were half open |
//!
//! The kernel counts since boot. Here each counter starts at zero with the first reading.

use crate::{ProcFile, SarError, Source, Values};

/// Each value's name, and where it is: the line's label and the column's heading.
const COUNTERS: [(&str, File, &str, &str); 7] = [
    ("host.listen_overflows", File::Netstat, "TcpExt:", "ListenOverflows"),
    ("host.listen_drops", File::Netstat, "TcpExt:", "ListenDrops"),
    ("host.tcp_memory_pressures", File::Netstat, "TcpExt:", "TCPMemoryPressures"),
    ("host.tcp_memory_aborts", File::Netstat, "TcpExt:", "TCPAbortOnMemory"),
    ("host.syn_cookies_sent", File::Netstat, "TcpExt:", "SyncookiesSent"),
    ("host.retransmitted_segments", File::Snmp, "Tcp:", "RetransSegs"),
    ("host.tcp_resets_sent", File::Snmp, "Tcp:", "OutRsts"),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum File {
    Netstat,
    Snmp,
}

/// The counters of TCP in this network namespace.
#[derive(Debug)]
pub struct Tcp {
    netstat: ProcFile,
    snmp: ProcFile,
    first: [Option<u64>; COUNTERS.len()],
}

impl Tcp {
    /// Opens `/proc/net/netstat` and `/proc/net/snmp`.
    ///
    /// # Errors
    /// [`SarError::Read`].
    pub fn open() -> Result<Tcp, SarError> {
        Ok(Tcp {
            netstat: ProcFile::open("/proc/self/net/netstat")?,
            snmp: ProcFile::open("/proc/self/net/snmp")?,
            first: [None; COUNTERS.len()],
        })
    }
}

impl Source for Tcp {
    fn sample(&mut self, out: &mut Values) -> Result<(), SarError> {
        let (netstat, snmp) = (self.netstat.text()?, self.snmp.text()?);
        for ((name, file, label, heading), first) in COUNTERS.into_iter().zip(&mut self.first) {
            let text = if file == File::Netstat { netstat } else { snmp };
            if let Some(now) = counter(text, label, heading) {
                out.push(name, now.saturating_sub(*first.get_or_insert(now)) as f64);
            }
        }
        Ok(())
    }
}

/// A column of a pair of lines with the same label, the first of headings, the second of numbers.
fn counter(text: &str, label: &str, heading: &str) -> Option<u64> {
    let mut lines = text.lines().filter_map(|line| line.strip_prefix(label));
    let column = lines.next()?.split_ascii_whitespace().position(|word| word == heading)?;
    lines.next()?.split_ascii_whitespace().nth(column)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use super::*;

    const NETSTAT: &str = "TcpExt: SyncookiesSent ListenOverflows ListenDrops\nTcpExt: 1 2 3\n\
                           IpExt: InNoRoutes\nIpExt: 9\n";

    #[test]
    fn columns_are_found_by_heading() {
        assert_eq!(counter(NETSTAT, "TcpExt:", "ListenDrops"), Some(3));
        assert_eq!(counter(NETSTAT, "IpExt:", "InNoRoutes"), Some(9));
        assert_eq!(counter(NETSTAT, "TcpExt:", "TCPMemoryPressures"), None);
        assert_eq!(counter("TcpExt: A B\nTcpExt: 1\n", "TcpExt:", "B"), None);
        assert_eq!(counter("TcpExt: A\n", "TcpExt:", "A"), None);
        let snmp = "Tcp: RtoAlgorithm MaxConn RetransSegs\nTcp: 1 -1 5\nTcpish: x\n";
        assert_eq!((counter(snmp, "Tcp:", "RetransSegs"), counter(snmp, "Tcp:", "MaxConn")), (Some(5), None));
    }

    #[test]
    fn counters_start_at_zero_and_count_a_refusal() {
        let mut tcp = Tcp::open().expect("netstat and snmp");
        let mut values = Values::new();
        tcp.sample(&mut values).expect("readable");
        assert!(values.len() >= 4 && values.iter().all(|(_, value)| value == 0.0));
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

//! How many TCP sockets there are, from `/proc/net/sockstat`: 7 µs however many there are.
//!
//! | name | what |
//! |---|---|
//! | `host.tcp_sockets` | in use: listening, connecting, connected, closing (TIME_WAIT not among them) |
//! | `host.tcp_time_wait` | in TIME_WAIT, each holding its port |
//! | `host.tcp_orphans` | closed by their process, not yet by the kernel |
//! | `host.tcp_memory_bytes` | buffers, against the limit `tcp_mem` |
//!
//! The figures are those of this process's network namespace, but for the memory, which is the machine's.

use std::collections::BTreeMap;

use telemetry::{Kind, Meaning};

use crate::meanings::{Row, explain};
use crate::{ProcFile, SarError, Source, Values};

const MEANINGS: [Row; 4] = [
    ("host.tcp_sockets", Kind::Gauge, "TCP sockets in use, TIME_WAIT not among them."),
    ("host.tcp_time_wait", Kind::Gauge, "TCP connections in TIME_WAIT, each holding its port."),
    ("host.tcp_orphans", Kind::Gauge, "TCP sockets closed by their process and not yet by the kernel."),
    ("host.tcp_memory_bytes", Kind::Gauge, "Buffers of all TCP sockets, against the limit tcp_mem."),
];

/// The TCP sockets of this network namespace.
#[derive(Debug)]
pub struct Sockets {
    sockstat: ProcFile,
    page_bytes: f64,
}

impl Sockets {
    /// Opens `/proc/net/sockstat`.
    ///
    /// # Errors
    /// [`SarError::Read`].
    pub fn open() -> Result<Sockets, SarError> {
        let page_bytes = crate::sources::process::page_bytes() as f64;
        Ok(Sockets { sockstat: ProcFile::open("/proc/self/net/sockstat")?, page_bytes })
    }
}

impl Source for Sockets {
    fn sample(&mut self, out: &mut Values) -> Result<(), SarError> {
        let page_bytes = self.page_bytes;
        let text = self.sockstat.text()?;
        out.push_some("host.tcp_sockets", tcp(text, "inuse"));
        out.push_some("host.tcp_time_wait", tcp(text, "tw"));
        out.push_some("host.tcp_orphans", tcp(text, "orphan"));
        out.push_some("host.tcp_memory_bytes", tcp(text, "mem").map(|pages| pages * page_bytes));
        Ok(())
    }

    fn meanings(&self, out: &mut BTreeMap<String, Meaning>) {
        explain(out, &MEANINGS);
    }
}

/// One figure of the line `TCP: inuse 1 orphan 0 tw 0 alloc 1 mem 173`.
fn tcp(text: &str, key: &str) -> Option<f64> {
    let line = text.lines().find_map(|line| line.strip_prefix("TCP:"))?;
    let mut words = line.split_ascii_whitespace();
    words.find(|&word| word == key)?;
    words.next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn figures_are_found_by_name() {
        let text = "sockets: used 12\nTCP: inuse 41 orphan 3 tw 7 alloc 50 mem 173\nUDP: inuse 9 mem 8\n";
        assert_eq!(
            ["inuse", "orphan", "tw", "mem"].map(|key| tcp(text, key)),
            [41.0, 3.0, 7.0, 173.0].map(Some)
        );
        assert_eq!(tcp("sockets: used 12\nUDP: inuse 9\n", "inuse"), None);
        assert_eq!(tcp("TCP: inuse 41 orphan\n", "orphan"), None);
    }

    #[test]
    fn a_listener_is_seen() {
        let _listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let mut values = Values::new();
        Sockets::open().expect("sockstat").sample(&mut values).expect("readable");
        assert!(values.get("host.tcp_sockets").is_some_and(|sockets| sockets >= 1.0));
        assert_eq!(values.len(), 4);
    }
}

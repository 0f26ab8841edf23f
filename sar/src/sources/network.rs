//! Packets and bytes for each network interface, from `/proc/net/dev`.
//!
//! | name, behind `host.net.INTERFACE` | since the first reading |
//! |---|---|
//! | `.received_bytes`, `.received_packets` | what came in |
//! | `.received_errors`, `.received_drops` | what came broken; what came and was thrown away |
//! | `.sent_bytes`, `.sent_packets`, `.sent_errors`, `.sent_drops` | the same of what went out |
//!
//! Those of this process's network namespace. An interface that never carried anything is left out until it does.

use std::collections::BTreeMap;

use telemetry::{Kind, Meaning};

use crate::meanings::Row;
use crate::sources::devices::Devices;
use crate::{ProcFile, SarError, Source, Values};

/// The most interfaces that are shown. A host of many containers has hundreds; those that come later are left out.
pub const INTERFACES_MAX: usize = 16;

static ROWS: [Row; 8] = [
    ("received_bytes", Kind::Counter, "Bytes that came in through this interface, since the first reading."),
    (
        "received_packets",
        Kind::Counter,
        "Packets that came in through this interface, since the first reading.",
    ),
    ("received_errors", Kind::Counter, "Packets that came broken, since the first reading."),
    ("received_drops", Kind::Counter, "Packets that came and were thrown away, since the first reading."),
    ("sent_bytes", Kind::Counter, "Bytes that went out through this interface, since the first reading."),
    ("sent_packets", Kind::Counter, "Packets that went out through this interface, since the first reading."),
    ("sent_errors", Kind::Counter, "Packets that could not be sent, since the first reading."),
    ("sent_drops", Kind::Counter, "Packets thrown away instead of being sent, since the first reading."),
];

/// The interfaces of this network namespace.
#[derive(Debug)]
pub struct Network {
    dev: ProcFile,
    devices: Devices<8>,
}

impl Network {
    /// Opens `/proc/net/dev`.
    ///
    /// # Errors
    /// [`SarError::Read`].
    pub fn open() -> Result<Network, SarError> {
        let devices = Devices::new("host.net", &ROWS, INTERFACES_MAX);
        Ok(Network { dev: ProcFile::open("/proc/self/net/dev")?, devices })
    }
}

impl Source for Network {
    fn sample(&mut self, out: &mut Values) -> Result<(), SarError> {
        for line in self.dev.text()?.lines() {
            if let Some((name, figures)) = parse(line) {
                self.devices.put(name, figures, out);
            }
        }
        Ok(())
    }

    fn meanings(&self, out: &mut BTreeMap<String, Meaning>) {
        self.devices.meanings(out);
    }
}

/// `  eth0: 1401 84 0 0 0 0 0 0 6841 58 0 0 0 0 0 0`: bytes, packets, errors, drops and four more; the same of sending. The
/// first number may follow the colon at once.
fn parse(line: &str) -> Option<(&str, [u64; 8])> {
    let (name, rest) = line.split_once(':')?;
    let mut words = rest.split_ascii_whitespace();
    let mut numbers = [0; 12];
    for number in &mut numbers {
        *number = words.next()?.parse().ok()?;
    }
    let [a, b, c, d, _, _, _, _, e, f, g, h] = numbers;
    Some((name.trim_ascii(), [a, b, c, d, e, f, g, h]))
}

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;

    use super::*;

    #[test]
    fn an_interface_is_a_line_with_a_colon() {
        let line = "  eth0.7:1401 84 1 2 0 0 0 3 6841 58 4 5 0 0 0 0";
        assert_eq!(parse(line), Some(("eth0.7", [1_401, 84, 1, 2, 6_841, 58, 4, 5])));
        for line in [
            "Inter-|   Receive                                                |  Transmit",
            " face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets",
            "",
            "eth0:",
            "eth0: 1 2 3 4 5 6 7 8 9 10 11",
            "eth0: No statistics available",
        ] {
            assert_eq!(parse(line), None, "{line:?}");
        }
    }

    #[test]
    fn a_packet_to_oneself_is_sent_and_received() {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a port");
        let send = || socket.send_to(b"x", socket.local_addr().expect("bound")).expect("sent");
        send();
        let mut network = Network::open().expect("dev");
        let mut values = Values::new();
        network.sample(&mut values).expect("readable");
        assert_eq!(values.get("host.net.lo.sent_packets"), Some(0.0));
        send();
        values.clear();
        network.sample(&mut values).expect("readable");
        for name in ["sent_packets", "received_packets"] {
            assert!(
                values.get(&format!("host.net.lo.{name}")).is_some_and(|n| n >= 1.0),
                "{name}: {values:?}"
            );
        }
    }
}

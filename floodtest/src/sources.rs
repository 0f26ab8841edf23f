//! Source addresses: where connections come from, so that there are ports enough for all of them.
//!
//! One source address has as many ports towards one target as `ip_local_port_range` is wide, 28,232 by default. On
//! loopback every address of 127/8 is ours, so as many as the flood needs are taken. Towards another machine the
//! addresses given are used, or all those of the interface that leads there.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::ops::RangeInclusive;

use shard::Source;
use thiserror::Error;

use crate::interfaces;

/// The most addresses one flood uses; a wider CIDR block is cut here.
pub const ADDRESSES_MAX: u64 = 65_536;

/// Addresses from one to another, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AddressRange {
    first: IpAddr,
    count: u64,
}

/// Why connections cannot come from where they should.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum SourceError {
    /// Not an address of this machine.
    #[error(
        "{0} is not an address of this machine (see 'ip address'; 'ip address add {0}/32 dev lo' adds one)"
    )]
    NotHere(IpAddr),
    /// Not an address that can reach the target.
    #[error("{source_address} cannot reach {target}: one is IPv4, the other IPv6")]
    Family {
        /// The source address.
        source_address: IpAddr,
        /// Where the connections go.
        target: IpAddr,
    },
    /// Too few addresses and ports for the connections wanted.
    #[error(
        "{connections} connections need more source ports than there are: {addresses} address(es) × {ports} ports = \
         {} (add addresses with --source, or widen net.ipv4.ip_local_port_range)",
        addresses * ports
    )]
    TooFew {
        /// Connections wanted.
        connections: u64,
        /// Addresses there are.
        addresses: u64,
        /// Ports each of them has.
        ports: u64,
    },
}

fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => u128::from(v4.to_bits()),
        IpAddr::V6(v6) => v6.to_bits(),
    }
}

impl AddressRange {
    /// The addresses from `first` to `last`; one family, and not falling. Cut after [`ADDRESSES_MAX`].
    pub fn between(first: IpAddr, last: IpAddr) -> Self {
        let count = (number(last) - number(first)).saturating_add(1);
        Self { first, count: u64::try_from(count).unwrap_or(u64::MAX).min(ADDRESSES_MAX) }
    }

    /// One address.
    pub fn one(address: IpAddr) -> Self {
        Self { first: address, count: 1 }
    }

    /// How many addresses it has.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The address at `index`, which must be below [`count`](Self::count).
    fn at(&self, index: u64) -> IpAddr {
        match self.first {
            IpAddr::V4(v4) => Ipv4Addr::from_bits(v4.to_bits() + index as u32).into(),
            IpAddr::V6(v6) => std::net::Ipv6Addr::from_bits(v6.to_bits() + u128::from(index)).into(),
        }
    }
}

impl fmt::Display for AddressRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.count {
            1 => write!(f, "{}", self.first),
            count => write!(f, "{}-{}", self.first, self.at(count - 1)),
        }
    }
}

/// Where a flood's connections come from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sources {
    /// In this order; empty: the kernel chooses the address, as for any program.
    ranges: Vec<AddressRange>,
    /// Ports of the user's choice; `None`: the kernel's.
    ports: Option<RangeInclusive<u16>>,
}

/// An address gets no more than this part of the kernel's ports, where there are addresses enough. The kernel looks for a
/// free port from a random one on, two apart, and each look costs a cache miss or two: with half of all ports taken, it
/// finds all of its own parity taken first, and the last connections cost several times what the first ones did.
const PORTS_SHARE: u64 = 8;

impl Sources {
    /// Decides where `connections` towards `target` come from.
    ///
    /// # Errors
    /// When a given address is not this machine's, or all of them have too few ports.
    pub fn resolve(
        given: &[AddressRange],
        ports: Option<RangeInclusive<u16>>,
        target: IpAddr,
        connections: u64,
    ) -> Result<Self, SourceError> {
        let width = ports.as_ref().map_or_else(ephemeral_ports, |ports| ports.len() as u64);
        let comfortable = if ports.is_some() { width } else { (width / PORTS_SHARE).max(1) };
        let ranges = if !given.is_empty() {
            given.to_vec()
        } else if connections <= comfortable && ports.is_none() {
            Vec::new()
        } else if let IpAddr::V4(v4) = target
            && v4.is_loopback()
        {
            let count = connections.div_ceil(comfortable).clamp(1, ADDRESSES_MAX);
            vec![AddressRange { first: Ipv4Addr::new(127, 0, 0, 2).into(), count }]
        } else {
            interfaces::addresses_towards(target).into_iter().map(AddressRange::one).collect()
        };
        for range in &ranges {
            if range.first.is_ipv4() != target.is_ipv4() {
                return Err(SourceError::Family { source_address: range.first, target });
            }
            for edge in [range.at(0), range.at(range.count - 1)] {
                interfaces::can_bind(edge).then_some(()).ok_or(SourceError::NotHere(edge))?;
            }
        }
        let sources = Self { ranges, ports };
        let addresses = sources.addresses().max(1);
        if connections > addresses.saturating_mul(width) {
            return Err(SourceError::TooFew { connections, addresses, ports: width });
        }
        Ok(sources)
    }

    /// How many addresses there are; 0: the kernel chooses.
    pub fn addresses(&self) -> u64 {
        self.ranges.iter().map(AddressRange::count).sum()
    }

    /// The source of connection `number`. A later `attempt` gives another one, for when the first has no port left.
    pub fn source(&self, number: u32, attempt: u32) -> Option<Source> {
        let addresses = self.addresses();
        let turn = u64::from(number) + u64::from(attempt);
        let address = if addresses == 0 { None } else { Some(self.address(turn % addresses)) };
        let port = self.ports.as_ref().map(|ports| {
            let round = (u64::from(number) / addresses.max(1) + u64::from(attempt)) % ports.len() as u64;
            ports.start() + round as u16
        });
        let address = address.or_else(|| port.map(|_| Ipv4Addr::UNSPECIFIED.into()))?;
        Some(Source { address, port })
    }

    fn address(&self, mut index: u64) -> IpAddr {
        for range in &self.ranges {
            if index < range.count {
                return range.at(index);
            }
            index -= range.count;
        }
        unreachable!("the index is below the number of addresses")
    }
}

/// How many ports the kernel may choose from.
fn ephemeral_ports() -> u64 {
    let text = std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap_or_default();
    let mut bounds = text.split_whitespace().filter_map(|bound| bound.parse::<u64>().ok());
    match (bounds.next(), bounds.next()) {
        (Some(first), Some(last)) if last >= first => last - first + 1,
        _ => 28_232,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

    #[test]
    fn a_quarter_million_on_loopback_needs_nothing_from_the_user() {
        let sources = Sources::resolve(&[], None, HERE, 250_000).unwrap();
        let share = 250_000 / sources.addresses();
        assert!(
            share <= ephemeral_ports() / PORTS_SHARE + 1,
            "{share} connections per address leave too few ports free"
        );
        assert!(sources.source(0, 0).unwrap().address.is_loopback());
        assert_eq!(Sources::resolve(&[], None, HERE, 100).unwrap().source(7, 0), None);
    }

    #[test]
    fn chosen_ports_are_each_used_once() {
        let address = |text: &str| text.parse::<IpAddr>().unwrap();
        let given = [AddressRange::between(address("127.0.0.2"), address("127.0.0.4"))];
        let sources = Sources::resolve(&given, Some(5000..=5009), HERE, 30).unwrap();
        let all: HashSet<_> =
            (0..30).map(|k| sources.source(k, 0).map(|s| (s.address, s.port)).unwrap()).collect();
        assert_eq!(all.len(), 30);
        let error = Sources::resolve(&given, Some(5000..=5009), HERE, 31).unwrap_err();
        assert_eq!(error, SourceError::TooFew { connections: 31, addresses: 3, ports: 10 });
        let elsewhere = [AddressRange::one(address("192.0.2.1"))];
        let error = Sources::resolve(&elsewhere, None, HERE, 1).unwrap_err();
        assert_eq!(error, SourceError::NotHere(address("192.0.2.1")));
    }
}

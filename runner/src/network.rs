//! Addresses and ports as a user writes them: `host:port`, source addresses by range or CIDR, a range of ports.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    str::FromStr,
};

use crate::text::{TextError, text_scalar};

/// A host, by name or address, and a port: `127.0.0.1:8000`, `chat.example:8000`, `[::1]:8000`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostPort {
    /// A host name or an address; an IPv6 address stands here without its brackets.
    pub host: String,
    /// Never 0.
    pub port: u16,
}

impl FromStr for HostPort {
    type Err = TextError;

    fn from_str(text: &str) -> Result<Self, TextError> {
        let wrong = |what: &str| {
            TextError::new(format!("'{text}' {what}"), "write host:port, e.g. 127.0.0.1:8000 or [::1]:8000")
        };
        if let Some((scheme, rest)) = text.split_once("://") {
            let rest = rest.split('/').next().unwrap_or_default();
            let rest = if rest.is_empty() { "127.0.0.1:8000" } else { rest };
            let what = format!("'{text}' has a scheme, '{scheme}://', which an address does not have");
            return Err(TextError::new(what, format!("write host:port, e.g. {rest}")));
        }
        let (host, port) = text.rsplit_once(':').ok_or_else(|| wrong("has no port"))?;
        let bracketed = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        let host_fits = match bracketed {
            Some(host) => host.parse::<Ipv6Addr>().is_ok(),
            None => {
                !host.is_empty()
                    && host.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_'))
            }
        };
        if !host_fits {
            return Err(wrong("is not an address"));
        }
        let port =
            port.parse().ok().filter(|port| *port > 0).ok_or_else(|| wrong("has no port from 1 to 65535"))?;
        Ok(Self { host: bracketed.unwrap_or(host).to_owned(), port })
    }
}

impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (host, port) = (&self.host, self.port);
        if host.contains(':') { write!(f, "[{host}]:{port}") } else { write!(f, "{host}:{port}") }
    }
}

text_scalar!(HostPort, "HostPort", expecting "host:port", pattern r"^(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+):[0-9]{1,5}$",
    examples ["127.0.0.1:8000", "chat.example:8000", "[::1]:8000"],
    "A host and a port, e.g. 127.0.0.1:8000.");

/// Source addresses, first to last: `10.0.0.1`, `10.0.0.1-10.0.0.20` or `10.0.0.0/24`.
///
/// A CIDR block of IPv4 leaves out its network and broadcast addresses, when it has them (prefixes up to 30).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SourceRange {
    /// The first address.
    pub first: IpAddr,
    /// The last address, of the same family and not before the first.
    pub last: IpAddr,
}

impl SourceRange {
    /// How many addresses; saturates at `u64::MAX`.
    pub fn count(&self) -> u64 {
        let (first, last) = (number(self.first), number(self.last));
        u64::try_from(last - first).unwrap_or(u64::MAX).saturating_add(1)
    }
}

/// An address as a number, for comparing and counting within one family.
fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u128::from(u32::from(address)),
        IpAddr::V6(address) => u128::from(address),
    }
}

impl FromStr for SourceRange {
    type Err = TextError;

    fn from_str(text: &str) -> Result<Self, TextError> {
        let wrong =
            |what: String| TextError::new(what, "write e.g. 10.0.0.1, 10.0.0.1-10.0.0.20 or 10.0.0.0/24");
        let address = |part: &str| {
            part.trim().parse::<IpAddr>().map_err(|_| wrong(format!("'{}' is not an address", part.trim())))
        };
        let (first, last) = if let Some((base, prefix)) = text.split_once('/') {
            let base = address(base)?;
            block(base, prefix).ok_or_else(|| wrong(format!("'/{prefix}' is not a prefix of '{base}'")))?
        } else if let Some((first, last)) = text.split_once('-') {
            (address(first)?, address(last)?)
        } else {
            (address(text)?, address(text)?)
        };
        if first.is_ipv4() != last.is_ipv4() {
            return Err(wrong(format!("'{text}' goes from one address family to the other")));
        }
        if number(first) > number(last) {
            let what = format!("'{text}' ends before it begins");
            return Err(TextError::new(what, format!("write {last}-{first}")));
        }
        Ok(Self { first, last })
    }
}

/// The first and last usable address of a CIDR block.
fn block(base: IpAddr, prefix: &str) -> Option<(IpAddr, IpAddr)> {
    let prefix: u32 = prefix.parse().ok()?;
    match base {
        IpAddr::V4(base) if prefix <= 32 => {
            let hosts = u32::MAX.checked_shr(prefix).unwrap_or(0);
            let (first, last) = (u32::from(base) & !hosts, u32::from(base) | hosts);
            let edge = u32::from(prefix <= 30);
            Some((Ipv4Addr::from(first + edge).into(), Ipv4Addr::from(last - edge).into()))
        }
        IpAddr::V6(base) if prefix <= 128 => {
            let hosts = u128::MAX.checked_shr(prefix).unwrap_or(0);
            let (first, last) = (u128::from(base) & !hosts, u128::from(base) | hosts);
            Some((Ipv6Addr::from(first).into(), Ipv6Addr::from(last).into()))
        }
        _ => None,
    }
}

impl fmt::Display for SourceRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.first == self.last { self.first.fmt(f) } else { write!(f, "{}-{}", self.first, self.last) }
    }
}

text_scalar!(SourceRange, "SourceRange", expecting "a source address",
    pattern r"^[0-9A-Fa-f:.]+(/[0-9]{1,3}| *- *[0-9A-Fa-f:.]+)?$",
    examples ["10.0.0.1", "10.0.0.1-10.0.0.20", "10.0.0.0/24"],
    "A source address, a range or a CIDR block, e.g. 10.0.0.1-10.0.0.20 or 10.0.0.0/24.");

/// Source ports, first to last: `1024-65535`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PortRange {
    /// The first port, never 0.
    pub first: u16,
    /// The last port, not before the first.
    pub last: u16,
}

impl PortRange {
    /// Every port that needs no privilege.
    pub const UNPRIVILEGED: Self = Self { first: 1024, last: 65_535 };

    /// How many ports.
    pub fn count(&self) -> u64 {
        u64::from(self.last - self.first) + 1
    }
}

impl FromStr for PortRange {
    type Err = TextError;

    fn from_str(text: &str) -> Result<Self, TextError> {
        let instead = "write first-last, e.g. 1024-65535";
        let port = |part: &str| part.trim().parse().ok().filter(|port: &u16| *port > 0);
        let parsed = text.split_once('-').and_then(|(first, last)| Some((port(first)?, port(last)?)));
        let (first, last) =
            parsed.ok_or_else(|| TextError::new(format!("'{text}' is not a range of ports"), instead))?;
        if first > last {
            let what = format!("'{text}' ends before it begins");
            return Err(TextError::new(what, format!("write {last}-{first}")));
        }
        Ok(Self { first, last })
    }
}

impl fmt::Display for PortRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.first, self.last)
    }
}

text_scalar!(PortRange, "PortRange", expecting "a range of ports such as 1024-65535",
    pattern "^[0-9]{1,5} *- *[0-9]{1,5}$", examples ["1024-65535"],
    "A range of ports, first to last, e.g. 1024-65535.");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_read_back_as_written() {
        for text in ["127.0.0.1:8000", "chat.example:1", "[::1]:65535"] {
            assert_eq!(text.parse::<HostPort>().unwrap().to_string(), text);
        }
        for text in
            ["", ":", ":80", "a", "a:0", "a:65536", "a b:1", "::1:80", "[a]:1", "a:1/x", "[::1]", "a:-1"]
        {
            assert!(text.parse::<HostPort>().is_err(), "{text}");
        }
        let error = "http://10.0.0.1:80/test/1".parse::<HostPort>().unwrap_err();
        assert_eq!(error.instead, "write host:port, e.g. 10.0.0.1:80");
    }

    #[test]
    fn sources_are_single_ranges_or_blocks() {
        let read = |text: &str| {
            let range = text.parse::<SourceRange>().unwrap();
            (range.to_string(), range.count())
        };
        assert_eq!(read("10.0.0.1"), ("10.0.0.1".into(), 1));
        assert_eq!(read("10.0.0.1-10.0.1.0"), ("10.0.0.1-10.0.1.0".into(), 256));
        assert_eq!(read("10.0.0.77/24"), ("10.0.0.1-10.0.0.254".into(), 254));
        assert_eq!(read("10.0.0.0/31"), ("10.0.0.0-10.0.0.1".into(), 2));
        assert_eq!(read("10.0.0.1/32"), ("10.0.0.1".into(), 1));
        assert_eq!(read("0.0.0.0/0"), ("0.0.0.1-255.255.255.254".into(), (1 << 32) - 2));
        assert_eq!(read("fd00::/112").1, 65_536);
        assert_eq!(read("::/0").1, u64::MAX);
        for text in
            ["", "/", "-", "10.0.0.1/33", "::/129", "10.0.0.2-10.0.0.1", "10.0.0.1-::1", "10.0.0.1/x", "a"]
        {
            assert!(text.parse::<SourceRange>().is_err(), "{text}");
        }
    }

    #[test]
    fn ports_are_a_range() {
        assert_eq!("1024-65535".parse(), Ok(PortRange::UNPRIVILEGED));
        assert_eq!(PortRange::UNPRIVILEGED.count(), 64_512);
        for text in ["", "-", "80", "0-9", "9-1", "1-65536", "a-b"] {
            assert!(text.parse::<PortRange>().is_err(), "{text}");
        }
    }
}

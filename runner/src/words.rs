//! Numbers in sentences: grouped, rounded, with their unit.

pub(crate) use doctor::words::grouped;

/// A share as `83 %`.
pub(crate) fn percent(ratio: f64) -> String {
    format!("{:.0} %", ratio * 100.0)
}

/// Bytes in the unit that reads best.
pub(crate) fn bytes(bytes: f64) -> String {
    const MIB: f64 = 1024.0 * 1024.0;
    if bytes >= 1024.0 * MIB {
        format!("{:.1} GiB", bytes / 1024.0 / MIB)
    } else if bytes >= MIB {
        format!("{:.0} MiB", bytes / MIB)
    } else {
        format!("{:.0} KiB", bytes / 1024.0)
    }
}

/// `1 address`, `3 addresses`.
pub(crate) fn counted(number: u64, one: &str, many: &str) -> String {
    format!("{} {}", grouped(number), if number == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!(
            ["1", "12", "123", "1,234", "12,345,678"],
            [1, 12, 123, 1234, 12_345_678].map(grouped)[..]
        );
        assert_eq!([2048.0, 3e6, 2.5e9].map(bytes), ["2 KiB", "3 MiB", "2.3 GiB"]);
        assert_eq!((percent(0.834), counted(1, "shard", "shards")), ("83 %".into(), "1 shard".into()));
        assert_eq!(counted(2000, "shard", "shards"), "2,000 shards");
    }
}

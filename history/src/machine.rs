//! Which machine a run was on: what must be alike for times and bytes to be comparable, and a hash of it.
//!
//! ```text
//!   host.json ──► AMD EPYC · 2 cores · 24 GiB · Linux 6.18 ──► FNV-1a 64 ──► 8f3a21c05be07d14
//! ```
//! Not in it: the host's name, its settings, how busy it was. A rebuilt machine of the same kind is the same machine.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// How much of a fingerprint stands in tables.
const SHORT_CHARS: usize = 8;

/// A kind of machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    /// As `/proc/cpuinfo` names it.
    pub cpu_model: Option<String>,
    /// Those that may be used.
    pub cores: Option<u64>,
    /// Rounded up to what was probably installed: the kernel keeps a little of it, and not always as much.
    pub memory_gib: Option<u64>,
    /// Major and minor: `6.18`.
    pub kernel: Option<String>,
    /// A hash of the above, in hex.
    pub fingerprint: String,
}

impl Machine {
    /// From a run's `host.json`; `None` when it tells nothing at all.
    pub fn from_host(host: &Value) -> Option<Machine> {
        let text = |name: &str| host.get(name)?.as_str().map(str::trim).filter(|text| !text.is_empty());
        let cores = ["cores_usable", "cores_online"].iter().find_map(|name| host.get(*name)?.as_u64());
        let memory_gib = host.get("memory_total_bytes").and_then(Value::as_u64).map(installed_gib);
        let cpu_model = text("cpu_model").map(str::to_owned);
        let kernel = text("kernel_release").map(minor);
        if cpu_model.is_none() && cores.is_none() && memory_gib.is_none() && kernel.is_none() {
            return None;
        }
        let number = |number: Option<u64>| number.map_or(String::new(), |number| number.to_string());
        let parts = [
            cpu_model.clone().unwrap_or_default(),
            number(cores),
            number(memory_gib),
            kernel.clone().unwrap_or_default(),
        ];
        let fingerprint = format!("{:016x}", fnv1a(parts.join("\n").as_bytes()));
        Some(Machine { cpu_model, cores, memory_gib, kernel, fingerprint })
    }

    /// The beginning of the fingerprint.
    pub fn short(&self) -> &str {
        self.fingerprint.get(..SHORT_CHARS).unwrap_or(&self.fingerprint)
    }

    /// `8f3a21c0 (AMD EPYC, 2 cores, 24 GiB, Linux 6.18)`.
    pub fn words(&self) -> String {
        let parts = [
            self.cpu_model.clone(),
            self.cores.map(|cores| if cores == 1 { "1 core".into() } else { format!("{cores} cores") }),
            self.memory_gib.map(|gib| format!("{gib} GiB")),
            self.kernel.as_ref().map(|kernel| format!("Linux {kernel}")),
        ];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        format!("{} ({})", self.short(), parts.join(", "))
    }
}

/// Rounded up in sixteenths of the next power of two: 23.5 is 24, 125.6 is 128. At least whole.
fn installed_gib(bytes: u64) -> u64 {
    let gib = bytes.div_ceil(1 << 30).max(1);
    let step = (gib.next_power_of_two() / 16).max(1);
    gib.div_ceil(step) * step
}

/// `6.18.44-fc-v669` as `6.18`.
fn minor(release: &str) -> String {
    let mut numbers = release.split(|c: char| !c.is_ascii_digit());
    match (numbers.next(), numbers.next()) {
        (Some(major), Some(minor)) if !major.is_empty() && !minor.is_empty() => format!("{major}.{minor}"),
        _ => release.to_owned(),
    }
}

/// Fowler, Noll and Vo's hash 1a of 64 bits: the same today, tomorrow and elsewhere.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_hash_is_the_published_one() {
        assert_eq!(fnv1a(b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fnv1a(b"foobar"), 0x8594_4171_f739_67e8);
    }

    #[test]
    fn what_does_not_matter_is_not_in_the_fingerprint() {
        let host = |kernel: &str, bytes: u64, cores: u64| {
            let host = json!({ "cpu_model": "AMD EPYC", "cores_usable": cores, "memory_total_bytes": bytes,
                               "kernel_release": kernel, "sysctls": { "fs.nr_open": kernel } });
            Machine::from_host(&host).expect("enough")
        };
        let machine = host("6.18.44-fc-v669", 25_276_502_016, 2);
        assert_eq!((machine.kernel.as_deref(), machine.memory_gib), (Some("6.18"), Some(24)));
        assert!(machine.words().ends_with(" (AMD EPYC, 2 cores, 24 GiB, Linux 6.18)"), "{}", machine.words());
        assert_eq!(machine, host("6.18.2", 25_100_000_000, 2), "a patch, and what its kernel keeps");
        for other in [
            host("6.19.0", 25_276_502_016, 2),
            host("6.18.44", 16_000_000_000, 2),
            host("6.18.44", 25_276_502_016, 4),
        ] {
            assert_ne!(machine.fingerprint, other.fingerprint);
        }
        assert_eq!(Machine::from_host(&json!({})), None);
        assert_eq!(Machine::from_host(&json!({ "cpu_model": 7, "cores_usable": -1 })), None);
    }

    #[test]
    fn memory_is_what_was_installed() {
        for (bytes, gib) in [
            (0, 1),
            (1, 1),
            (7_240_000_000, 7),
            (16_760_000_000, 16),
            (134_900_000_000, 128),
            (1_081_000_000_000, 1024),
        ] {
            assert_eq!(installed_gib(bytes), gib, "{bytes}");
        }
    }
}

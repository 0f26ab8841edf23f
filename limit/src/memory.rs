//! What memory the machine has to give, and what each pair takes of it.
//!
//! `MemAvailable` will not do: it takes half of the reclaimable slab for free, and at a million sockets that slab
//! (their inodes and dentries) is gigabytes that nothing can reclaim. `MemFree` alone will not do either: it misses
//! the free pages on the cores' own lists, gigabytes after a million closes.
//!
//! Two sums are made instead. To *spare* are `MemFree`, those lists, and half of the file cache that is clean: the
//! kernel gives it back on demand. To *measure* with, all of the file cache counts as free, so that a program that
//! reads a file meanwhile changes nothing.

use std::io;
use std::ops::RangeInclusive;

/// How the fall of free memory relates to the growth of the slab, in which nearly all of a pair lives. Outside of this
/// range, others took or gave back memory meanwhile.
const REAL_TO_SLAB: RangeInclusive<f64> = 0.95..=1.15;

/// The fewest pairs that tell a pair's memory from the machine's noise.
const PAIRS_MIN: usize = 10_000;

/// The fewest readings that make a line.
const READINGS_MIN: usize = 5;

/// Memory as it is now, in bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Memory {
    free: u64,
    per_cpu: u64,
    file_cache: u64,
    dirty: u64,
    slab: u64,
}

impl Memory {
    pub(crate) fn read() -> io::Result<Self> {
        let page_bytes = nix::unistd::sysconf(nix::unistd::SysconfVar::PAGE_SIZE)?.unwrap_or(4096);
        let zones = std::fs::read_to_string("/proc/zoneinfo").unwrap_or_default();
        Ok(Self::parse(&std::fs::read_to_string("/proc/meminfo")?, &zones, page_bytes as u64))
    }

    fn parse(meminfo: &str, zoneinfo: &str, page_bytes: u64) -> Self {
        let field = |name: &str| -> u64 {
            let rest = meminfo.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
            let kib = rest.and_then(|rest| rest.trim().trim_end_matches(" kB").parse::<u64>().ok());
            kib.unwrap_or(0) * 1024
        };
        let counts = zoneinfo.lines().filter_map(|line| line.trim_ascii_start().strip_prefix("count:"));
        let per_cpu_pages: u64 = counts.filter_map(|count| count.trim().parse::<u64>().ok()).sum();
        Self {
            free: field("MemFree"),
            per_cpu: per_cpu_pages * page_bytes,
            file_cache: field("Active(file)") + field("Inactive(file)"),
            dirty: field("Dirty") + field("Writeback"),
            slab: field("Slab"),
        }
    }

    /// What may be used before the machine has to work for it.
    pub(crate) fn spare_bytes(self) -> u64 {
        self.free + self.per_cpu + self.file_cache.saturating_sub(self.dirty) / 2
    }
}

/// Readings while pairs are opened.
#[derive(Debug, Default)]
pub(crate) struct Growth {
    /// Pairs open, memory taken, slab; the last two in bytes.
    readings: Vec<(f64, f64, f64)>,
}

/// Memory of a pair, in bytes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct PairMemory {
    pub(crate) real: f64,
    pub(crate) slab: f64,
}

impl Growth {
    /// Bounded by how often and how long opening is watched: a few thousand readings.
    pub(crate) fn add(&mut self, pairs: usize, memory: Memory) {
        let free = memory.free + memory.per_cpu + memory.file_cache;
        self.readings.push((pairs as f64, -(free as f64), memory.slab as f64));
    }

    /// The slopes over the last two thirds: in the first, pairs live in what earlier ones left half empty.
    /// `None` when there are too few pairs.
    pub(crate) fn per_pair(&self) -> Option<PairMemory> {
        let most = self.readings.last()?.0;
        let late: Vec<_> = self.readings.iter().filter(|reading| reading.0 >= most / 3.0).collect();
        if most < PAIRS_MIN as f64 || late.len() < READINGS_MIN {
            return None;
        }
        let real = slope(late.iter().map(|reading| (reading.0, reading.1)))?;
        let slab = slope(late.iter().map(|reading| (reading.0, reading.2)))?;
        (slab > 0.0).then_some(PairMemory { real, slab })
    }
}

impl PairMemory {
    /// The real memory, unless the slab tells another story.
    pub(crate) fn agreed(self) -> Option<f64> {
        REAL_TO_SLAB.contains(&(self.real / self.slab)).then_some(self.real)
    }
}

/// The slope of the line through the points, by least squares.
fn slope(points: impl Iterator<Item = (f64, f64)> + Clone) -> Option<f64> {
    let count = points.clone().count() as f64;
    let sum = points.clone().fold((0.0, 0.0), |sum, point| (sum.0 + point.0, sum.1 + point.1));
    let mean = (sum.0 / count, sum.1 / count);
    let (across, square) = points.fold((0.0, 0.0), |(across, square), (x, y)| {
        (across + (x - mean.0) * (y - mean.1), square + (x - mean.0).powi(2))
    });
    (square > 0.0).then(|| across / square)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MEMINFO: &str = "MemTotal: 9000 kB\nMemFree:   1000 kB\nActive(file): 60 kB\nInactive(file): 40 kB\n\
                           Dirty: 10 kB\nWriteback: 10 kB\nSlab: 500 kB\nMemAvailable: 7777 kB\n";

    #[test]
    fn free_pages_on_the_cores_own_lists_are_free() {
        let zones =
            "  pages free 99\n  pagesets\n    cpu: 0\n       count:  2\n    cpu: 1\n       count: 3\n";
        let memory = Memory::parse(MEMINFO, zones, 4096);
        assert_eq!(memory.spare_bytes(), 1000 * 1024 + 5 * 4096 + 40 * 1024);
        assert_eq!(memory.slab, 500 * 1024);
        assert!(Memory::read().expect("this machine has memory").spare_bytes() > 0);
    }

    fn growth(pairs: usize, real: f64, slab: f64) -> Growth {
        let mut growth = Growth::default();
        for open in (0..=pairs).step_by(pairs / 20) {
            let free = 1e9 - open as f64 * real;
            let slab = 1e6 + open as f64 * slab;
            growth.add(open, Memory { free: free as u64, slab: slab as u64, ..Memory::default() });
        }
        growth
    }

    #[test]
    fn a_pair_takes_what_free_memory_falls_by() {
        let pair = growth(20_000, 8200.0, 7700.0).per_pair().expect("enough pairs");
        assert!((pair.real - 8200.0).abs() < 1.0 && (pair.slab - 7700.0).abs() < 1.0, "{pair:?}");
        assert_eq!(pair.agreed(), Some(pair.real));
    }

    #[test]
    fn too_few_pairs_and_a_noisy_machine_say_nothing() {
        assert_eq!(growth(PAIRS_MIN / 2, 8200.0, 7700.0).per_pair(), None);
        assert_eq!(Growth::default().per_pair(), None);
        for (real, what) in [(12_000.0, "another program takes memory"), (3000.0, "another gives some back")]
        {
            let pair = growth(20_000, real, 7700.0).per_pair().expect("enough pairs");
            assert_eq!(pair.agreed(), None, "{what}");
        }
    }
}

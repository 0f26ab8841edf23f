//! Disks, from `/proc/diskstats`.
//!
//! | name, behind `host.disk.NAME` | since the first reading |
//! |---|---|
//! | `.read_bytes`, `.written_bytes` | bytes |
//! | `.reads`, `.writes` | requests that were served |
//! | `.busy_ms` | time in which at least one request was under way: all of it means utilisation 1 |
//!
//! Whole disks only: no partitions (what they do, their disk does), no loop devices, no memory that poses as a disk. A
//! disk that never did anything is left out until it does. Device mapper and RAID stand beside the disks they are
//! made of: their figures do not add up.

use std::collections::BTreeMap;

use telemetry::{Kind, Meaning};

use crate::meanings::Row;
use crate::sources::devices::Devices;
use crate::{ProcFile, SarError, Source, Values};

/// The most disks that are shown. Those that come later in the file are left out.
pub const DISKS_MAX: usize = 16;

/// Sectors are 512 bytes in this file, whatever the disk has.
const SECTOR_BYTES: u64 = 512;

/// What only looks like a disk.
const NO_DISKS: [&str; 5] = ["loop", "ram", "zram", "fd", "sr"];

static ROWS: [Row; 5] = [
    ("read_bytes", Kind::Counter, "Bytes read from this disk, since the first reading."),
    ("written_bytes", Kind::Counter, "Bytes written to this disk, since the first reading."),
    ("reads", Kind::Counter, "Requests to read that were served, since the first reading."),
    ("writes", Kind::Counter, "Requests to write that were served, since the first reading."),
    ("busy_ms", Kind::Counter, "Time in which a request was under way, since the first reading."),
];

/// The disks of this machine.
#[derive(Debug)]
pub struct Disk {
    diskstats: ProcFile,
    devices: Devices<5>,
}

impl Disk {
    /// Opens `/proc/diskstats`; `None` where it is hidden or the kernel has no disks at all, which is no problem.
    pub fn open() -> Option<Disk> {
        let diskstats = ProcFile::open("/proc/diskstats").ok()?;
        Some(Disk { diskstats, devices: Devices::new("host.disk", &ROWS, DISKS_MAX) })
    }
}

impl Source for Disk {
    fn sample(&mut self, out: &mut Values) -> Result<(), SarError> {
        put(self.diskstats.text()?, &mut self.devices, out);
        Ok(())
    }

    fn meanings(&self, out: &mut BTreeMap<String, Meaning>) {
        self.devices.meanings(out);
    }
}

fn put(text: &str, devices: &mut Devices<5>, out: &mut Values) {
    // A disk stands before its partitions.
    let mut disk = "";
    for line in text.lines() {
        let Some((name, figures)) = parse(line) else { continue };
        let fake = NO_DISKS.iter().any(|fake| is_numbered(name, fake));
        if !fake && (disk.is_empty() || !is_partition(name, disk)) {
            disk = name;
            devices.put(name, figures, out);
        }
    }
}

/// `254 0 vda 2152 150 22623 441 285 494 22075 1002 0 326 5469 …`: requests, merged, sectors, milliseconds of reading; the
/// same of writing; requests under way; milliseconds with any under way. Later kernels have more columns.
fn parse(line: &str) -> Option<(&str, [u64; 5])> {
    let mut words = line.split_ascii_whitespace();
    let name = words.nth(2)?;
    let mut numbers = [0; 10];
    for number in &mut numbers {
        *number = words.next()?.parse().ok()?;
    }
    let [reads, _, read_sectors, _, writes, _, written_sectors, _, _, busy_ms] = numbers;
    let bytes = |sectors: u64| sectors.saturating_mul(SECTOR_BYTES);
    Some((name, [bytes(read_sectors), bytes(written_sectors), reads, writes, busy_ms]))
}

/// Whether a name is this word and a number.
fn is_numbered(name: &str, word: &str) -> bool {
    name.strip_prefix(word).is_some_and(is_number)
}

/// `sda1` of `sda`; but behind a name that ends in a digit stands a `p`: `nvme0n1p2` of `nvme0n1`.
fn is_partition(name: &str, disk: &str) -> bool {
    let Some(rest) = name.strip_prefix(disk) else { return false };
    if disk.ends_with(|last: char| last.is_ascii_digit()) {
        return rest.strip_prefix('p').is_some_and(is_number);
    }
    is_number(rest)
}

fn is_number(word: &str) -> bool {
    !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> Vec<String> {
        let mut values = Values::new();
        put(text, &mut Devices::new("host.disk", &ROWS, DISKS_MAX), &mut values);
        let names = values.iter().filter_map(|(name, _)| Some(name.strip_suffix(".reads")?.to_owned()));
        names.collect()
    }

    #[test]
    fn whole_disks_are_told_from_the_rest() {
        let text: String = [
            "loop0",
            "ram0",
            "zram0",
            "sr0",
            "sda",
            "sda1",
            "sda10",
            "sdaa",
            "sdaa1",
            "nvme0n1",
            "nvme0n1p1",
            "nvme0n2",
            "dm-1",
            "dm-10",
            "md127",
            "md127p1",
            "mmcblk0",
            "mmcblk0p1",
            "mmcblk0boot0",
        ]
        .map(|name| format!(" 8 0 {name} 5 0 16 0 4 0 8 0 0 7 0\n"))
        .concat();
        let expected =
            ["sda", "sdaa", "nvme0n1", "nvme0n2", "dm-1", "dm-10", "md127", "mmcblk0", "mmcblk0boot0"];
        assert_eq!(names(&text), expected.map(|name| format!("host.disk.{name}")));
        let many: String = (0..99).map(|n| format!("8 0 dm-{n} 5 0 16 0 4 0 8 0 0 7 0\n")).collect();
        assert_eq!(names(&many).len(), DISKS_MAX);
    }

    #[test]
    fn figures_are_where_they_are_on_every_kernel() {
        let old = "   8       0 sda 5 1 16 2 4 1 8 3 0 7 9";
        assert_eq!(parse(old), Some(("sda", [8_192, 4_096, 5, 4, 7])));
        assert_eq!(parse(&format!("{old} 1 2 3 4 5 6")), parse(old));
        for line in ["", "8 0", "8 0 sda", "8 0 sda 5 1 16 2 4 1 8 3 0", "8 0 sda 5 x 16 2 4 1 8 3 0 7 9"] {
            assert_eq!(parse(line), None, "{line:?}");
        }
        assert!(names("8 0 sda 0 0 0 0 0 0 0 0 0 0 0\n").is_empty(), "never did anything");
    }

    #[test]
    fn this_machine_s_disks_count_from_zero() {
        let Some(mut disk) = Disk::open() else { return };
        let mut values = Values::new();
        disk.sample(&mut values).expect("readable");
        assert!(values.iter().all(|(_, value)| value == 0.0), "{values:?}");
    }
}

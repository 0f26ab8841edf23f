//! The machine's memory, from `/proc/meminfo`.
//!
//! | name | what |
//! |---|---|
//! | `host.memory_total_bytes` | what the kernel manages |
//! | `host.memory_available_bytes` | the kernel's estimate of what could be had without swapping |
//! | `host.memory_free_bytes` | pages in nobody's use; add `host.memory_free_per_cpu_bytes` (see [`crate::sources::zones`]) |
//! | `host.memory_reclaimable_bytes` | page cache that can be had at once: half of what is inactive and clean |
//! | `host.slab_bytes` | the kernel's small objects, sockets among them: SReclaimable + SUnreclaim |
//! | `host.kernel_stack_bytes`, `host.page_tables_bytes`, `host.percpu_bytes` | more of the kernel's own |
//! | `host.memory_kernel_bytes` | all that is neither free nor page cache nor a process's own: see below |
//!
//! `host.memory_kernel_bytes` is MemTotal − MemFree − Cached − Buffers − SwapCached − AnonPages. It counts every page
//! that the kernel has taken for itself, whether a line of this file names it or not, so that what the named lines
//! leave of it is what nobody explains. Free pages on per-CPU lists are in it too, since MemFree misses them: take
//! `host.memory_free_per_cpu_bytes` (see [`crate::sources::zones`]) away.
//!
//! `memory_available` counts the caches of inodes and directory entries as available, and every open socket sits in
//! both: with millions of sockets it is gigabytes too high. `memory_reclaimable` counts neither, and only half of the
//! file pages that nobody has touched for a while and no disk waits for: the other half is what programs run from.

use std::collections::BTreeMap;

use telemetry::{Kind, Meaning};

use crate::meanings::{Row, explain};
use crate::proc_file::field;
use crate::{ProcFile, SarError, Source, Values};

/// `kB` in this file means 1,024 bytes.
const KB: f64 = 1024.0;

const MEANINGS: [Row; 9] = [
    ("host.memory_total_bytes", Kind::Gauge, "Memory that the kernel manages."),
    (
        "host.memory_available_bytes",
        Kind::Gauge,
        "The kernel's estimate of what could be had without swapping.",
    ),
    ("host.memory_free_bytes", Kind::Gauge, "Pages in nobody's use, those on the cores' own lists left out."),
    ("host.memory_reclaimable_bytes", Kind::Gauge, "Page cache that can be had at once."),
    ("host.slab_bytes", Kind::Gauge, "The kernel's small objects, sockets among them."),
    ("host.kernel_stack_bytes", Kind::Gauge, "Stacks of all threads inside the kernel."),
    ("host.page_tables_bytes", Kind::Gauge, "What describes the memory of processes."),
    ("host.percpu_bytes", Kind::Gauge, "What the kernel keeps for each core."),
    ("host.memory_kernel_bytes", Kind::Gauge, "All that is neither free nor page cache nor a process's own."),
];

/// The machine's memory.
#[derive(Debug)]
pub struct Memory {
    meminfo: ProcFile,
}

impl Memory {
    /// Opens `/proc/meminfo`.
    ///
    /// # Errors
    /// [`SarError::Read`].
    pub fn open() -> Result<Memory, SarError> {
        Ok(Memory { meminfo: ProcFile::open("/proc/meminfo")? })
    }
}

impl Source for Memory {
    fn sample(&mut self, out: &mut Values) -> Result<(), SarError> {
        put(self.meminfo.text()?, out);
        Ok(())
    }

    fn meanings(&self, out: &mut BTreeMap<String, Meaning>) {
        explain(out, &MEANINGS);
    }
}

fn put(text: &str, out: &mut Values) {
    let bytes = |key| field(text, key).map(|kb| kb as f64 * KB);
    out.push_some("host.memory_total_bytes", bytes("MemTotal"));
    out.push_some("host.memory_available_bytes", bytes("MemAvailable"));
    out.push_some("host.memory_free_bytes", bytes("MemFree"));
    let waiting = bytes("Dirty").zip(bytes("Writeback")).map(|(dirty, writing)| dirty + writing);
    let clean = bytes("Inactive(file)").zip(waiting).map(|(inactive, waiting)| inactive - waiting);
    out.push_some("host.memory_reclaimable_bytes", clean.map(|clean| clean.max(0.0) / 2.0));
    let slab = bytes("SReclaimable").zip(bytes("SUnreclaim")).map(|(can, cannot)| can + cannot);
    out.push_some("host.slab_bytes", slab);
    out.push_some("host.kernel_stack_bytes", bytes("KernelStack"));
    out.push_some("host.page_tables_bytes", bytes("PageTables"));
    out.push_some("host.percpu_bytes", bytes("Percpu"));
    let others = ["MemFree", "Cached", "Buffers", "SwapCached", "AnonPages"];
    let others = others.into_iter().map(bytes).sum::<Option<f64>>();
    out.push_some(
        "host.memory_kernel_bytes",
        bytes("MemTotal").zip(others).map(|(all, others)| all - others),
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_old_kernel_does_not_tell_is_absent() {
        // Linux 3.10: no MemAvailable, no Percpu. A container that hides SUnreclaim: no slab.
        let old = "MemTotal:  100 kB\nMemFree:  10 kB\nSlab: 9 kB\nSReclaimable: 5 kB\nSUnreclaim: 4 kB\n\
                   KernelStack: 3 kB\nPageTables: 2 kB\n";
        let mut values = Values::new();
        put(old, &mut values);
        let expected = [
            ("host.memory_total_bytes", 102_400.0),
            ("host.memory_free_bytes", 10_240.0),
            ("host.slab_bytes", 9_216.0),
            ("host.kernel_stack_bytes", 3_072.0),
            ("host.page_tables_bytes", 2_048.0),
        ];
        assert_eq!(values.iter().collect::<Vec<_>>(), expected);
        values.clear();
        put("MemFree: 10 kB\nSReclaimable: 5 kB\n", &mut values);
        assert_eq!(values.len(), 1);
        values.clear();
        put("", &mut values);
        assert!(values.is_empty());
    }

    #[test]
    fn the_kernel_has_what_is_not_free_nor_cache_nor_a_process_s() {
        let text = "MemTotal: 100 kB\nMemFree: 40 kB\nBuffers: 1 kB\nCached: 20 kB\nSwapCached: 2 kB\nAnonPages: 30 kB\n";
        let mut values = Values::new();
        put(text, &mut values);
        assert_eq!(values.get("host.memory_kernel_bytes"), Some(7.0 * KB));
        values.clear();
        put(&text.replace("AnonPages", "Anonymous"), &mut values);
        assert_eq!(values.get("host.memory_kernel_bytes"), None, "a part that is not told leaves no rest");
    }

    #[test]
    fn this_machine_has_memory() {
        let mut values = Values::new();
        Memory::open().expect("/proc/meminfo").sample(&mut values).expect("readable");
        assert!(values.get("host.memory_available_bytes").is_some_and(|bytes| bytes > 1e6));
        assert!(values.get("host.slab_bytes").is_some_and(|bytes| bytes > 1e5));
    }
}

//! Free memory while connections are opened, in the ramp or by a step of the hold, and the reserve that ends it.
//!
//! Free is what a socket can have at once: `MemFree`, the free pages on the cores' own lists, which `MemFree` does not
//! count, and the half of the page cache that can be dropped without anybody noticing (see [`sar::memory`]).
//! `MemAvailable` would be gigabytes too high with millions of sockets. Swap is not counted: sockets are never swapped.
//!
//! Left out: the memory limit of a cgroup. Where there is one that is lower than what the machine has free, its own
//! killer is faster.

use std::time::{Duration, Instant};

use sar::{Group, Memory, Sampler, Zones};
use serde_json::{Value, json};

use crate::words::bytes;

/// The time between two readings: at 100,000 connections a second, some fifty megabytes.
const INTERVAL: Duration = Duration::from_millis(50);

/// Reads free memory, cheaply enough for twenty times a second: two files, some tens of microseconds.
#[derive(Debug)]
pub(crate) struct FreeMemory {
    next: Instant,
    sampler: Sampler,
}

impl FreeMemory {
    pub(crate) fn open() -> Self {
        let mut sampler = Sampler::new();
        // What cannot be opened is missing below: without MemFree there is no figure, and the ramp is not watched.
        if let Ok(memory) = Memory::open() {
            sampler.add(Group::Mem, memory);
        }
        if let Ok(zones) = Zones::open() {
            sampler.add(Group::Mem, zones);
        }
        Self { next: Instant::now(), sampler }
    }

    /// When the next reading is due.
    pub(crate) fn next(&self) -> Instant {
        self.next
    }

    /// Reads, if that is due.
    pub(crate) fn read_due(&mut self, now: Instant) -> Option<u64> {
        if now < self.next {
            return None;
        }
        self.next = (self.next + INTERVAL).max(now);
        self.read()
    }

    pub(crate) fn read(&mut self) -> Option<u64> {
        let values = self.sampler.read();
        free_bytes(|name| values.get(name)).map(|bytes| bytes as u64)
    }
}

/// Free memory by the values of a sample.
pub(crate) fn free_bytes(value: impl Fn(&str) -> Option<f64>) -> Option<f64> {
    let more = ["host.memory_free_per_cpu_bytes", "host.memory_reclaimable_bytes"];
    Some(value("host.memory_free_bytes")? + more.iter().filter_map(|name| value(name)).sum::<f64>())
}

/// A ramp that ended because memory ran low.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stopped {
    /// Connections there were then.
    pub(crate) at: u64,
    pub(crate) free_bytes: u64,
    pub(crate) reserve_bytes: u64,
}

impl Stopped {
    /// As the mark `ramp.stopped` tells it.
    pub(crate) fn attributes(self) -> Value {
        let Self { at, free_bytes, reserve_bytes } = self;
        json!({ "by": "memory", "at": at, "free_bytes": free_bytes, "reserve_bytes": reserve_bytes })
    }

    pub(crate) fn sentence(self) -> String {
        let (free, reserve) = (bytes(self.free_bytes as f64), bytes(self.reserve_bytes as f64));
        format!(
            "stopped at {} by memory: {free} free, the reserve is {reserve}",
            crate::words::grouped(self.at)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_cores_keep_is_free_and_what_is_only_called_available_is_not() {
        let value = |name: &str| match name {
            "host.memory_free_bytes" => Some(100.0),
            "host.memory_free_per_cpu_bytes" => Some(20.0),
            "host.memory_reclaimable_bytes" => Some(3.0),
            "host.memory_available_bytes" => Some(900.0),
            _ => None,
        };
        assert_eq!(free_bytes(value), Some(123.0));
        assert_eq!(free_bytes(|name| (name == "host.memory_free_bytes").then_some(7.0)), Some(7.0));
        assert_eq!(free_bytes(|_| None), None);
        assert!(FreeMemory::open().read().is_some_and(|free| free > 1 << 20));
    }

    #[test]
    fn the_sentence_has_all_three_numbers() {
        let stopped = Stopped { at: 1_204_332, free_bytes: 1023 << 20, reserve_bytes: 1 << 30 };
        let sentence = "stopped at 1,204,332 by memory: 1023 MiB free, the reserve is 1.0 GiB";
        assert_eq!(stopped.sentence(), sentence);
    }
}

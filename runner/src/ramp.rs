//! Memory while connections are opened: read twenty times a second, since the slope wants many points.
//!
//! The readings of the [`ledger`](crate::ledger) want slabinfo, which is dear: they come four to ten times a second.

use std::time::{Duration, Instant};

use sar::{Process, Sampler, Source as _, Values};
use telemetry::Stamp;

use crate::facts::MemoryPoint;
use crate::ledger::{KINDS, Kind, Reading};

/// The time between two readings.
pub(crate) const RAMP_INTERVAL: Duration = Duration::from_millis(50);

/// The least and the most time between two of the ledger's readings. In between, it is a hundred times what the
/// last one took, so that reading takes a hundredth of a core (two hundredths where it takes 5 ms). A ramp of two
/// seconds has readings enough for a slope whatever they cost.
const LEDGER_INTERVAL: [Duration; 2] = [Duration::from_millis(100), Duration::from_millis(250)];

/// Which of the sources' values are of which kind. Kinds that take more than a look are in [`reading`].
const NAMES: [(Kind, &str); 10] = [
    (Kind::Tcp, "host.slab_tcp_bytes"),
    (Kind::SockInode, "host.slab_sock_inode_bytes"),
    (Kind::File, "host.slab_file_bytes"),
    (Kind::Dentry, "host.slab_dentry_bytes"),
    (Kind::Epoll, "host.slab_epoll_bytes"),
    (Kind::Bind, "host.slab_bind_bytes"),
    (Kind::Security, "host.slab_security_bytes"),
    (Kind::Timewait, "host.slab_timewait_bytes"),
    (Kind::Skbuff, "host.slab_skbuff_bytes"),
    (Kind::SocketBuffers, "host.tcp_memory_bytes"),
];

/// What is read in the ramp: two processes and the kernel.
#[derive(Debug)]
pub(crate) struct RampSampler {
    next: Instant,
    next_ledger: Instant,
    server: Option<Process>,
    generator: Option<Process>,
    kernel: Sampler,
    zones: Option<sar::Zones>,
    slab: Result<sar::Slab, String>,
    values: Values,
}

/// What one reading found.
#[derive(Debug)]
pub(crate) struct Found<'a> {
    pub(crate) point: MemoryPoint,
    /// Now and then.
    pub(crate) ledger: Option<Reading>,
    /// What the kernel said, for the record.
    pub(crate) values: &'a Values,
}

impl RampSampler {
    /// Begins now. A process that is not on this machine is not read.
    pub(crate) fn begin(server: Option<u32>, generator: Option<u32>) -> Self {
        Self::begin_with(server, generator, sar::Slab::open())
    }

    fn begin_with(
        server: Option<u32>,
        generator: Option<u32>,
        slab: Result<sar::Slab, sar::SarError>,
    ) -> Self {
        let open = |pid: Option<u32>, prefix: &str| Process::open(pid?, prefix).ok();
        let mut kernel = Sampler::new();
        if let (Ok(memory), Ok(sockets)) = (sar::Memory::open(), sar::Sockets::open()) {
            kernel.add(sar::Group::Mem, memory);
            kernel.add(sar::Group::Tcp, sockets);
        }
        Self {
            next: Instant::now(),
            next_ledger: Instant::now(),
            server: open(server, "server"),
            generator: open(generator, "generator"),
            kernel,
            zones: sar::Zones::open().ok(),
            slab: slab.map_err(|error| unread(&error)),
            values: Values::new(),
        }
    }

    /// When the next reading is due.
    pub(crate) fn next(&self) -> Instant {
        self.next
    }

    /// Why the kernel's objects are not told apart, in a sentence.
    pub(crate) fn slab_unread(&self) -> Option<&str> {
        self.slab.as_ref().err().map(String::as_str)
    }

    /// Reads memory, if that is due.
    pub(crate) fn read(&mut self, now: Instant) -> Option<Found<'_>> {
        if now < self.next {
            return None;
        }
        self.next = (self.next + RAMP_INTERVAL).max(now);
        let memory = |process: &mut Option<Process>| Some(process.as_mut()?.memory().ok()? as f64);
        let (server, generator) = (memory(&mut self.server), memory(&mut self.generator));
        let mono_us = Stamp::now().mono_us;
        self.values.clone_from(self.kernel.read());
        let kernel = self.values.get("host.slab_bytes").zip(self.values.get("host.tcp_memory_bytes"));
        let kernel = kernel.map(|(slab, buffers)| slab + buffers);
        let ledger = (now >= self.next_ledger).then(|| {
            self.read_ledger(now);
            reading(mono_us, server, generator, &self.values)
        });
        let point = MemoryPoint { mono_us, server, generator, kernel };
        Some(Found { point, ledger, values: &self.values })
    }

    /// Adds what the ledger wants besides. Slabinfo that fails once is not read again.
    fn read_ledger(&mut self, now: Instant) {
        if let Some(zones) = &mut self.zones {
            // Without it there is no total, and no reading.
            let _ = zones.sample(&mut self.values);
        }
        if let Ok(slab) = &mut self.slab
            && let Err(error) = slab.sample(&mut self.values)
        {
            self.slab = Err(unread(&error));
        }
        let [least, most] = LEDGER_INTERVAL;
        self.next_ledger = now + (now.elapsed() * 100).clamp(least, most);
    }
}

fn unread(error: &sar::SarError) -> String {
    format!("the kernel's objects are not told apart: {error} (only root may; run as root to have them)")
}

fn reading(mono_us: u64, server: Option<f64>, generator: Option<f64>, values: &Values) -> Reading {
    let mut kinds = [None; KINDS];
    kinds[Kind::ServerUser as usize] = server;
    kinds[Kind::GeneratorUser as usize] = generator;
    for (kind, name) in NAMES {
        kinds[kind as usize] = values.get(name);
    }
    let slab = values.get("host.slab_bytes");
    // Blocks too large for a cache are in slab memory, and not in slabinfo.
    let named = &kinds[Kind::Tcp as usize..Kind::SlabOther as usize];
    let named = named.iter().flatten().copied().reduce(|sum, bytes| sum + bytes);
    kinds[Kind::SlabOther as usize] = slab.zip(named).map(|(slab, named)| slab - named);
    let others = ["host.page_tables_bytes", "host.kernel_stack_bytes", "host.percpu_bytes"];
    kinds[Kind::KernelOther as usize] = others.into_iter().map(|name| values.get(name)).sum();
    let kernel = values.get("host.memory_kernel_bytes").zip(values.get("host.memory_free_per_cpu_bytes"));
    let sockets = values.get("host.tcp_sockets");
    Reading { mono_us, sockets, kernel: kernel.map(|(kernel, free)| kernel - free), slab, kinds }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first(sampler: &mut RampSampler) -> Reading {
        sampler.read(Instant::now()).and_then(|found| found.ledger).expect("due at once")
    }

    #[test]
    fn without_slabinfo_it_says_so_and_reads_the_rest() {
        let dir = tempfile::tempdir().expect("a directory");
        let slab = sar::Slab::open_at(dir.path().join("slabinfo"), dir.path());
        let pid = std::process::id();
        let mut sampler = RampSampler::begin_with(Some(pid), None, slab);
        let said = sampler.slab_unread().expect("a reason").to_owned();
        assert!(said.contains("slabinfo'") && said.ends_with("run as root to have them)"), "{said}");
        let reading = first(&mut sampler);
        assert!(reading.kernel.is_some() && reading.slab.is_some(), "{reading:?}");
        assert!(reading.kind(Kind::ServerUser).is_some() && reading.kind(Kind::GeneratorUser).is_none());
        assert!(reading.kind(Kind::KernelOther).is_some() && reading.kind(Kind::SocketBuffers).is_some());
        assert_eq!((reading.kind(Kind::Tcp), reading.kind(Kind::SlabOther)), (None, None));
    }

    #[test]
    fn what_slabinfo_tells_adds_up_to_slab_memory() {
        let mut sampler = RampSampler::begin(None, None);
        if sampler.slab_unread().is_some() {
            return;
        }
        let reading = first(&mut sampler);
        let kinds = &reading.kinds[Kind::Tcp as usize..=Kind::SlabOther as usize];
        let sum: f64 = kinds.iter().flatten().sum();
        assert!((sum - reading.slab.expect("slab")).abs() < 1.0, "{reading:?}");
        assert!(kinds.iter().flatten().count() >= 5, "{reading:?}");
    }
}

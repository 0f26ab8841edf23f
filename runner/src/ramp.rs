//! Memory while connections are opened: read twenty times a second, since the slope wants many points.

use std::time::{Duration, Instant};

use sar::{Process, Sampler};
use telemetry::Stamp;

use crate::facts::MemoryPoint;

/// The time between two readings.
pub(crate) const RAMP_INTERVAL: Duration = Duration::from_millis(50);

/// What is read in the ramp: two processes and the kernel, a few microseconds each.
#[derive(Debug)]
pub(crate) struct RampSampler {
    next: Instant,
    server: Option<Process>,
    generator: Option<Process>,
    kernel: Sampler,
}

impl RampSampler {
    /// Begins now. A process that is not on this machine is not read.
    pub(crate) fn begin(server: Option<u32>, generator: Option<u32>) -> Self {
        let open = |pid: Option<u32>, prefix: &str| Process::open(pid?, prefix).ok();
        let mut kernel = Sampler::new();
        if let (Ok(memory), Ok(sockets)) = (sar::Memory::open(), sar::Sockets::open()) {
            kernel.add(memory);
            kernel.add(sockets);
        }
        Self {
            next: Instant::now(),
            server: open(server, "server"),
            generator: open(generator, "generator"),
            kernel,
        }
    }

    /// When the next reading is due.
    pub(crate) fn next(&self) -> Instant {
        self.next
    }

    /// Reads memory, if that is due.
    pub(crate) fn read(&mut self, now: Instant) -> Option<MemoryPoint> {
        if now < self.next {
            return None;
        }
        self.next = (self.next + RAMP_INTERVAL).max(now);
        let memory = |process: &mut Option<Process>| Some(process.as_mut()?.memory().ok()? as f64);
        let values = self.kernel.read();
        let kernel = values.get("host.slab_bytes").zip(values.get("host.tcp_memory_bytes"));
        Some(MemoryPoint {
            mono_us: Stamp::now().mono_us,
            server: memory(&mut self.server),
            generator: memory(&mut self.generator),
            kernel: kernel.map(|(slab, buffers)| slab + buffers),
        })
    }
}

//! Where the time of all cores went between two readings, from `/proc/stat`.
//!
//! | name | share of all cores' time |
//! |---|---|
//! | `host.cpu_user_ratio` | user code, nice included (guests are user code) |
//! | `host.cpu_system_ratio` | the kernel, interrupts not included |
//! | `host.irq_ratio`, `host.softirq_ratio` | hard interrupts; soft ones, where most of the network's work is |
//! | `host.steal_ratio` | taken by the hypervisor for someone else |
//! | `host.cpu_idle_ratio` | nothing to do, or waiting for a disk |
//! | `host.cpu_busy_ratio` | everything but idle: 1 means that no core had a moment to spare |
//!
//! The first reading has nothing to compare with, and gives nothing.

use crate::{ProcFile, SarError, Source, Values};

/// The time of all cores.
#[derive(Debug)]
pub struct Cpu {
    stat: ProcFile,
    last: Option<Times>,
}

impl Cpu {
    /// Opens `/proc/stat`.
    ///
    /// # Errors
    /// [`SarError::Read`].
    pub fn open() -> Result<Cpu, SarError> {
        Ok(Cpu { stat: ProcFile::open("/proc/stat")?, last: None })
    }
}

impl Source for Cpu {
    fn sample(&mut self, out: &mut Values) -> Result<(), SarError> {
        let Some(now) = Times::parse(self.stat.text()?) else {
            return Err(self.stat.format_error("line 'cpu'"));
        };
        if let Some(last) = self.last.replace(now) {
            now.since(&last).put(out);
        }
        Ok(())
    }
}

/// Ticks since boot: user, nice, system, idle, iowait, irq, softirq, steal. Older kernels have fewer columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Times([u64; 8]);

impl Times {
    fn parse(text: &str) -> Option<Times> {
        let line = text.lines().find_map(|line| line.strip_prefix("cpu "))?;
        let mut columns = line.split_ascii_whitespace().map_while(|column| column.parse().ok());
        let mut times = Times::default();
        for (index, slot) in times.0.iter_mut().enumerate() {
            // The first four are on every kernel; later ones are zero where they are not kept.
            *slot = if index < 4 { columns.next()? } else { columns.next().unwrap_or(0) };
        }
        Some(times)
    }

    /// Each column is taken by itself, since `idle` and `iowait` are known to step back a little.
    fn since(&self, last: &Times) -> Times {
        let mut since = *self;
        since.0.iter_mut().zip(last.0).for_each(|(now, last)| *now = now.saturating_sub(last));
        since
    }

    fn put(&self, out: &mut Values) {
        let [user, nice, system, idle, iowait, irq, softirq, steal] = self.0.map(|ticks| ticks as f64);
        let total: f64 = self.0.map(|ticks| ticks as f64).iter().sum();
        // Two readings within one tick: nothing was measured.
        if total > 0.0 {
            out.push("host.cpu_user_ratio", (user + nice) / total);
            out.push("host.cpu_system_ratio", system / total);
            out.push("host.irq_ratio", irq / total);
            out.push("host.softirq_ratio", softirq / total);
            out.push("host.steal_ratio", steal / total);
            out.push("host.cpu_idle_ratio", (idle + iowait) / total);
            out.push("host.cpu_busy_ratio", 1.0 - (idle + iowait) / total);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_of_the_time_between() {
        let first =
            Times::parse("cpu  100 10 50 1000 20 5 15 0 0 0\ncpu0 1 2 3 4\nintr 5\n").expect("a modern line");
        let second = Times::parse("cpu  140 10 70 1100 20 5 45 10 99 0\n").expect("a modern line");
        let mut values = Values::new();
        second.since(&first).put(&mut values);
        assert_eq!(values.get("host.cpu_user_ratio"), Some(0.2));
        assert_eq!(values.get("host.cpu_system_ratio"), Some(0.1));
        assert_eq!(values.get("host.softirq_ratio"), Some(0.15));
        assert_eq!(values.get("host.steal_ratio"), Some(0.05));
        assert_eq!(
            (values.get("host.cpu_idle_ratio"), values.get("host.cpu_busy_ratio")),
            (Some(0.5), Some(0.5))
        );
    }

    #[test]
    fn old_short_and_backward_lines_are_taken_as_they_are() {
        let old = Times::parse("cpu  100 10 50 1000\n").expect("Linux 2.4 had four columns");
        assert_eq!(old.0, [100, 10, 50, 1000, 0, 0, 0, 0]);
        let back = Times::parse("cpu  101 10 50 999\n").expect("a line").since(&old);
        assert_eq!(back.0, [1, 0, 0, 0, 0, 0, 0, 0]);
        let mut values = Values::new();
        old.since(&old).put(&mut values);
        assert!(values.is_empty());
        for text in ["", "cpu", "cpu  1 2 3\n", "cpu0 1 2 3 4\n", "cpu  a b c d\n"] {
            assert_eq!(Times::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn this_machine_is_somewhere_between_idle_and_busy() {
        let mut cpu = Cpu::open().expect("/proc/stat");
        let mut values = Values::new();
        cpu.sample(&mut values).expect("readable");
        assert!(values.is_empty());
        let began = std::time::Instant::now();
        while values.is_empty() {
            cpu.sample(&mut values).expect("readable");
            assert!(began.elapsed().as_secs() < 60, "no tick in a minute");
        }
        let busy = values.get("host.cpu_busy_ratio").expect("a tick passed");
        let parts =
            ["user", "system", "idle"].map(|part| values.get(&format!("host.cpu_{part}_ratio")).expect(part));
        assert!((0.0..=1.0).contains(&busy) && parts.iter().sum::<f64>() <= 1.000_001);
    }
}

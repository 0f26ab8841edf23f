//! Where the time of all cores went between two readings, and what the kernel did meanwhile, from `/proc/stat`.
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
//! | name | what |
//! |---|---|
//! | `host.context_switches`, `host.interrupts`, `host.softirqs`, `host.forks` | since the first reading |
//! | `host.procs_running`, `host.procs_blocked` | tasks that run or want to; tasks that wait for a disk |
//! | `host.cpu0.user_ratio`, `.system_ratio`, `.irq_ratio`, `.softirq_ratio`, `.steal_ratio`, `.idle_ratio`, `.busy_ratio` | each core by itself, on request |
//!
//! The first reading has nothing to compare with, and gives no shares. The file is read once for all of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use telemetry::{Kind, Meaning};

use crate::meanings::{Row, explain, explain_behind};
use crate::since::Since;
use crate::{Name, ProcFile, SarError, Source, Values};

/// At most this many cores are shown by themselves; all count in the shares of all.
pub const CORES_MAX: usize = 1_024;

/// The shares, in the order in which they are put.
const SHARES: [Row; 7] = [
    ("host.cpu_user_ratio", Kind::Gauge, "Share of all cores' time spent in user code."),
    (
        "host.cpu_system_ratio",
        Kind::Gauge,
        "Share of all cores' time spent in the kernel, interrupts not included.",
    ),
    ("host.irq_ratio", Kind::Gauge, "Share of all cores' time spent in hard interrupts."),
    (
        "host.softirq_ratio",
        Kind::Gauge,
        "Share of all cores' time spent in soft interrupts, the network's above all.",
    ),
    ("host.steal_ratio", Kind::Gauge, "Share of all cores' time that the hypervisor gave to others."),
    (
        "host.cpu_idle_ratio",
        Kind::Gauge,
        "Share of all cores' time with nothing to do, or waiting for a disk.",
    ),
    ("host.cpu_busy_ratio", Kind::Gauge, "Share of all cores' time that was not idle."),
];

/// The same for one core, behind its name.
const CORE_SHARES: [Row; 7] = [
    ("user_ratio", Kind::Gauge, "Share of this core's time spent in user code."),
    ("system_ratio", Kind::Gauge, "Share of this core's time spent in the kernel, interrupts not included."),
    ("irq_ratio", Kind::Gauge, "Share of this core's time spent in hard interrupts."),
    ("softirq_ratio", Kind::Gauge, "Share of this core's time spent in soft interrupts."),
    ("steal_ratio", Kind::Gauge, "Share of this core's time that the hypervisor gave to others."),
    ("idle_ratio", Kind::Gauge, "Share of this core's time with nothing to do, or waiting for a disk."),
    ("busy_ratio", Kind::Gauge, "Share of this core's time that was not idle."),
];

/// What is counted, and the word its line begins with. The first number of a line is the sum of all others.
const COUNTERS: [(&str, Row); 4] = [
    (
        "ctxt",
        (
            "host.context_switches",
            Kind::Counter,
            "Switches from one task to another, since the first reading.",
        ),
    ),
    ("intr", ("host.interrupts", Kind::Counter, "Hard interrupts served, since the first reading.")),
    ("softirq", ("host.softirqs", Kind::Counter, "Soft interrupts served, since the first reading.")),
    ("processes", ("host.forks", Kind::Counter, "Processes and threads begun, since the first reading.")),
];

const GAUGES: [(&str, Row); 2] = [
    ("procs_running", ("host.procs_running", Kind::Gauge, "Tasks that run or want to.")),
    ("procs_blocked", ("host.procs_blocked", Kind::Gauge, "Tasks that wait for a disk.")),
];

/// The time of all cores.
#[derive(Debug)]
pub struct Cpu {
    stat: ProcFile,
    all: Option<Times>,
    cores: Option<Vec<Core>>,
    first: [Since; COUNTERS.len()],
}

/// One core, in the order of the file. A core that was switched off and comes again has no time between.
#[derive(Debug)]
struct Core {
    /// `cpu0`
    label: String,
    names: [Arc<str>; SHARES.len()],
    last: Option<Times>,
}

impl Cpu {
    /// Opens `/proc/stat`.
    ///
    /// # Errors
    /// [`SarError::Read`].
    pub fn open() -> Result<Cpu, SarError> {
        Cpu::open_with(false)
    }

    /// The same, each core by itself too if so wanted.
    ///
    /// # Errors
    /// [`SarError::Read`].
    pub fn open_with(cores: bool) -> Result<Cpu, SarError> {
        let stat = ProcFile::open("/proc/stat")?;
        Ok(Cpu { stat, all: None, cores: cores.then(Vec::new), first: Default::default() })
    }
}

impl Source for Cpu {
    fn sample(&mut self, out: &mut Values) -> Result<(), SarError> {
        let text = self.stat.text()?;
        let Some(now) = Times::parse(text) else { return Err(self.stat.format_error("line 'cpu'")) };
        if let Some(last) = self.all.replace(now) {
            let names = SHARES.map(|(name, ..)| Name::Static(name));
            now.since(&last).put(names.iter(), out);
        }
        for line in text.lines() {
            let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
            if let Some(cores) = &mut self.cores
                && is_core(word)
            {
                put_core(cores, word, rest, out);
            } else if let Some(index) = COUNTERS.iter().position(|&(label, _)| label == word) {
                let count = first_number(rest).map(|now| self.first[index].count(now));
                out.push_some(COUNTERS[index].1.0, count);
            } else if let Some((_, (name, ..))) = GAUGES.iter().find(|&&(label, _)| label == word) {
                out.push_some(*name, first_number(rest).map(|now| now as f64));
            }
        }
        Ok(())
    }

    fn meanings(&self, out: &mut BTreeMap<String, Meaning>) {
        explain(out, &SHARES);
        explain(out, &COUNTERS.map(|(_, row)| row));
        explain(out, &GAUGES.map(|(_, row)| row));
        for core in self.cores.iter().flatten() {
            explain_behind(out, &format!("host.{}", core.label), &CORE_SHARES);
        }
    }
}

fn is_core(word: &str) -> bool {
    word.strip_prefix("cpu")
        .is_some_and(|number| number.bytes().next().is_some_and(|byte| byte.is_ascii_digit()))
}

fn first_number(rest: &str) -> Option<u64> {
    rest.split_ascii_whitespace().next()?.parse().ok()
}

fn put_core(cores: &mut Vec<Core>, label: &str, rest: &str, out: &mut Values) {
    let Some(now) = Times::parse_columns(rest) else { return };
    let core = match cores.iter().position(|core| core.label == label) {
        Some(index) => &mut cores[index],
        None if cores.len() >= CORES_MAX => return,
        None => {
            let names = CORE_SHARES.map(|(share, ..)| format!("host.{label}.{share}").into());
            cores.push(Core { label: label.to_owned(), names, last: None });
            return cores.last_mut().expect("just pushed").last = Some(now);
        }
    };
    if let Some(last) = core.last.replace(now) {
        now.since(&last).put(core.names.iter(), out);
    }
}

/// Ticks since boot: user, nice, system, idle, iowait, irq, softirq, steal. Older kernels have fewer columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Times([u64; 8]);

impl Times {
    fn parse(text: &str) -> Option<Times> {
        Times::parse_columns(text.lines().find_map(|line| line.strip_prefix("cpu "))?)
    }

    fn parse_columns(columns: &str) -> Option<Times> {
        let mut columns = columns.split_ascii_whitespace().map_while(|column| column.parse().ok());
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

    /// Under seven names, in the order of [`SHARES`].
    fn put<'a, N>(&self, names: impl Iterator<Item = &'a N>, out: &mut Values)
    where
        N: 'a,
        Name: From<&'a N>,
    {
        let [user, nice, system, idle, iowait, irq, softirq, steal] = self.0.map(|ticks| ticks as f64);
        let total: f64 = self.0.map(|ticks| ticks as f64).iter().sum();
        // Two readings within one tick: nothing was measured.
        if total > 0.0 {
            let idle = (idle + iowait) / total;
            let shares = [
                (user + nice) / total,
                system / total,
                irq / total,
                softirq / total,
                steal / total,
                idle,
                1.0 - idle,
            ];
            names.zip(shares).for_each(|(name, share)| out.push(name, share));
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
        second.since(&first).put(SHARES.map(|(name, ..)| Name::Static(name)).iter(), &mut values);
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
        old.since(&old).put(SHARES.map(|(name, ..)| Name::Static(name)).iter(), &mut values);
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
        assert!(values.get("host.cpu_busy_ratio").is_none());
        let began = std::time::Instant::now();
        while values.get("host.cpu_busy_ratio").is_none() {
            values.clear();
            cpu.sample(&mut values).expect("readable");
            assert!(began.elapsed().as_secs() < 60, "no tick in a minute");
        }
        let busy = values.get("host.cpu_busy_ratio").expect("a tick passed");
        let parts =
            ["user", "system", "idle"].map(|part| values.get(&format!("host.cpu_{part}_ratio")).expect(part));
        assert!((0.0..=1.0).contains(&busy) && parts.iter().sum::<f64>() <= 1.000_001);
    }

    #[test]
    fn counts_and_cores_are_read_from_the_same_text() {
        let first = "cpu  100 0 0 100\ncpu0 50 0 0 50\ncpu1 50 0 0 50\nintr 500 1 2\nctxt 9\nprocesses 4\n\
                     procs_running 3\nprocs_blocked x\nsoftirq 70 1\ncpufreq 1\n";
        let second = "cpu  150 0 0 150\ncpu0 100 0 0 50\ncpu2 9 9 9 9\nintr 512 1\nctxt\nprocesses 5\n";
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), first).expect("written");
        let stat = ProcFile::open(file.path()).expect("opened");
        let mut cpu = Cpu { stat, all: None, cores: Some(Vec::new()), first: Default::default() };
        let mut values = Values::new();
        cpu.sample(&mut values).expect("read");
        assert_eq!(values.get("host.procs_running"), Some(3.0));
        assert_eq!((values.get("host.interrupts"), values.get("host.procs_blocked")), (Some(0.0), None));
        std::fs::write(file.path(), second).expect("written");
        values.clear();
        cpu.sample(&mut values).expect("read");
        assert_eq!((values.get("host.interrupts"), values.get("host.forks")), (Some(12.0), Some(1.0)));
        assert_eq!(values.get("host.context_switches"), None);
        assert_eq!(values.get("host.cpu0.user_ratio"), Some(1.0));
        assert_eq!((values.get("host.cpu1.user_ratio"), values.get("host.cpu2.user_ratio")), (None, None));
        assert_eq!(values.get("host.cpu_user_ratio"), Some(0.5));
    }
}

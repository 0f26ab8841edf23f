//! One process: its memory, its time, its threads and its descriptors.
//!
//! | name, after the prefix | what |
//! |---|---|
//! | `.rss_bytes` | resident memory, exact wherever the kernel lets it be (see [`RssSource`]) |
//! | `.cpu_user_s`, `.cpu_system_s` | processor time since the process began, ended threads included |
//! | `.cpu_cores` | processor time a second since the last sample: 1.5 is one core and a half |
//! | `.threads` | threads now |
//! | `.minor_faults`, `.major_faults` | pages that were not there: found in memory, read from a disk |
//! | `.switches_voluntary`, `.switches_involuntary` | times its threads left the core, to wait or for another; up to 16 threads |
//! | `.pss_bytes` | its share of memory, what is shared divided by its users: on request, or every 100 seconds |
//! | `.descriptors`, `.descriptor_tables` | open descriptors over all tables (see [`crate::sources::descriptors`]) |
//!
//! **The same process to the end.** `/proc/PID/stat` is held open from the start, and the kernel ties that handle to the
//! process, not to its number. Whatever is read by path is read before that handle is asked again, so figures of
//! a stranger who was given the number are thrown away, and the start time is compared besides.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use nix::errno::Errno;
use nix::unistd::{SysconfVar, sysconf};
use telemetry::{Kind, Meaning};

use crate::meanings::{Row, explain_behind};
use crate::proc_file::field;
use crate::sources::switches::Switches;
use crate::{Descriptors, ProcFile, SarError, Source, Values};

/// From this kernel on, `statm` adds up the per-CPU counters, and is exact.
const STATM_EXACT_SINCE: (u32, u32) = (6, 17);

/// Where resident memory is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RssSource {
    /// `statm` on a kernel where it is exact (6.17 and later): 5 µs.
    Statm,
    /// `smaps_rollup`: exact, and about 6 ms for each GiB that is resident.
    SmapsRollup,
    /// `statm` on an older kernel, for a process whose `smaps_rollup` may not be read. Each thread's last few pages may
    /// be missing: up to 64 pages or more for each core.
    StatmApproximate,
}

/// How often the share of memory is read when nobody asked for it.
const PSS_INTERVAL: Duration = Duration::from_secs(100);

/// The values, behind the prefix, in the order in which they are put.
const ROWS: [Row; 12] = [
    ("rss_bytes", Kind::Gauge, "Resident memory of this process."),
    ("cpu_user_s", Kind::Counter, "Processor time in user code since the process began."),
    ("cpu_system_s", Kind::Counter, "Processor time in the kernel since the process began."),
    ("cpu_cores", Kind::Gauge, "Processor time a second since the last sample: 1.5 is one core and a half."),
    ("threads", Kind::Gauge, "Threads of this process."),
    ("descriptors", Kind::Gauge, "Open descriptors over all descriptor tables of this process."),
    ("descriptor_tables", Kind::Gauge, "Descriptor tables of this process that were told apart."),
    ("minor_faults", Kind::Counter, "Page faults served from memory since the process began."),
    ("major_faults", Kind::Counter, "Page faults that had to read a disk since the process began."),
    ("switches_voluntary", Kind::Counter, "Times that threads left the core to wait."),
    ("switches_involuntary", Kind::Counter, "Times that threads left the core for another."),
    ("pss_bytes", Kind::Gauge, "Memory of this process, what it shares divided by those that share it."),
];

/// How often the proportional share of memory is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum PssEvery {
    /// In each sample.
    Sample,
    /// Every [`PSS_INTERVAL`].
    Slow,
    #[default]
    Never,
}

/// A process being watched.
#[derive(Debug)]
pub struct Process {
    pid: u32,
    started_ticks: u64,
    stat: ProcFile,
    statm: ProcFile,
    smaps_rollup: Option<ProcFile>,
    rss_source: RssSource,
    pss_every: PssEvery,
    /// When the share of memory was read last, in monotonic nanoseconds.
    pss_ns: Option<u64>,
    pss_file: Option<ProcFile>,
    descriptors: Descriptors,
    switches: Switches,
    /// Whether it was told that the share of memory is hidden.
    pss_told: bool,
    /// Whether it was told that descriptors are hidden.
    descriptors_told: bool,
    prefix: String,
    names: [Arc<str>; ROWS.len()],
    /// The processor time and the monotonic time of the last sample.
    last: Option<(u64, u64)>,
}

impl Process {
    /// Begins to watch the process with this pid; its values' names begin with `prefix` and a dot.
    ///
    /// # Errors
    /// [`SarError::NoProcess`] when there is none; [`SarError::Read`] when it may not be looked at.
    pub fn open(pid: u32, prefix: &str) -> Result<Process, SarError> {
        Process::open_with(pid, prefix, PssEvery::Never)
    }

    pub(crate) fn open_with(pid: u32, prefix: &str, pss_every: PssEvery) -> Result<Process, SarError> {
        let absent = |error| match error {
            SarError::Read { ref source, .. } if is_gone(source) => SarError::NoProcess { pid },
            SarError::ProcessGone { pid } => SarError::NoProcess { pid },
            other => other,
        };
        let mut stat = ProcFile::open(format!("/proc/{pid}/stat")).map_err(absent)?;
        let statm = ProcFile::open(format!("/proc/{pid}/statm")).map_err(absent)?;
        let started_ticks = read_stat(&mut stat, pid).map_err(absent)?.started_ticks;
        let (rss_source, smaps_rollup) = choose_rss_source(pid);
        Ok(Process {
            pid,
            started_ticks,
            stat,
            statm,
            smaps_rollup,
            rss_source,
            pss_every,
            pss_ns: None,
            pss_file: None,
            descriptors: Descriptors::new(pid),
            switches: Switches::new(pid),
            pss_told: false,
            descriptors_told: false,
            prefix: prefix.to_owned(),
            names: ROWS.map(|(name, ..)| format!("{prefix}.{name}").into()),
            last: None,
        })
    }

    /// The process that is watched.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Where [`memory`](Self::memory) is read, and so whether it is exact.
    pub fn rss_source(&self) -> RssSource {
        self.rss_source
    }

    /// Resident memory in bytes, and nothing else: made to be asked 10 to 20 times a second. Where the source is
    /// [`RssSource::SmapsRollup`], that costs about 6 ms for each GiB, and holds up the process's own `mmap` calls
    /// meanwhile.
    ///
    /// # Errors
    /// [`SarError::ProcessGone`] when it has ended; [`SarError::Read`] or [`SarError::Format`] when it could not be read.
    pub fn memory(&mut self) -> Result<u64, SarError> {
        let rss_bytes = match self.rss_source {
            RssSource::SmapsRollup => self.rollup_bytes(),
            RssSource::Statm | RssSource::StatmApproximate => self.statm_bytes(),
        };
        match rss_bytes {
            // A process that has ended and was not waited for has no memory, but it does have files.
            Ok(0) | Err(_) => self.alive().and(rss_bytes),
            Ok(bytes) => Ok(bytes),
        }
    }

    /// The share of memory, when it is due; an error when it may not be read.
    fn pss_bytes(&mut self, now_ns: u64) -> Result<Option<u64>, SarError> {
        let elapsed = |then: u64| Duration::from_nanos(now_ns.saturating_sub(then));
        let is_due = match self.pss_every {
            PssEvery::Never => false,
            PssEvery::Sample => true,
            PssEvery::Slow => self.pss_ns.is_none_or(|then| elapsed(then) >= PSS_INTERVAL),
        };
        if !is_due {
            return Ok(None);
        }
        self.pss_ns = Some(now_ns);
        // Opened again where it was never open, or belongs to the memory from before an `exec`.
        if let Some(pss_kb) = self.pss_file.as_mut().and_then(|file| field(file.text().ok()?, "Pss")) {
            return Ok(Some(pss_kb * 1024));
        }
        let file = self.pss_file.insert(ProcFile::open(format!("/proc/{}/smaps_rollup", self.pid))?);
        Ok(field(file.text()?, "Pss").map(|pss_kb| pss_kb * 1024))
    }

    fn statm_bytes(&mut self) -> Result<u64, SarError> {
        let pages =
            self.statm.text()?.split_ascii_whitespace().nth(1).and_then(|pages| pages.parse::<u64>().ok());
        pages.map(|pages| pages * page_bytes()).ok_or_else(|| self.statm.format_error("resident pages"))
    }

    /// A handle on `smaps_rollup` is tied to a memory, not to a process: after an `exec` it is opened again.
    fn rollup_bytes(&mut self) -> Result<u64, SarError> {
        if let Some(rss_kb) = self.smaps_rollup.as_mut().and_then(|file| field(file.text().ok()?, "Rss")) {
            return Ok(rss_kb * 1024);
        }
        let file = self.smaps_rollup.insert(ProcFile::open(format!("/proc/{}/smaps_rollup", self.pid))?);
        let rss_kb = field(file.text()?, "Rss").ok_or_else(|| file.format_error("Rss"))?;
        Ok(rss_kb * 1024)
    }

    /// Whether its descriptors may not be looked at.
    fn is_hidden(&self) -> bool {
        fs::read_dir(format!("/proc/{}/fd", self.pid)).is_err_and(|error| is_denied(&error))
    }

    /// The process's figures now, or the news that it is gone.
    fn alive(&mut self) -> Result<Stat, SarError> {
        let stat = read_stat(&mut self.stat, self.pid)?;
        if stat.started_ticks != self.started_ticks {
            return Err(SarError::ProcessGone { pid: self.pid });
        }
        Ok(stat)
    }
}

impl Source for Process {
    fn sample(&mut self, out: &mut Values) -> Result<(), SarError> {
        let descriptors = self.descriptors.count();
        let rss_bytes = match self.memory() {
            Err(error @ SarError::ProcessGone { .. }) => return Err(error),
            measured => measured.ok(),
        };
        let switches = self.switches.count(self.descriptors.tids());
        let pss_bytes = self.pss_bytes(telemetry::monotonic_ns());
        // After everything that was read by path: it is still the same process.
        let stat = self.alive()?;
        let now_ns = telemetry::monotonic_ns();

        let seconds = |ticks: u64| ticks as f64 / ticks_per_second() as f64;
        let busy_ticks = stat.user_ticks + stat.system_ticks;
        let cores = self.last.replace((busy_ticks, now_ns)).map(|(last_ticks, last_ns)| {
            let elapsed_s = now_ns.saturating_sub(last_ns) as f64 / 1e9;
            seconds(busy_ticks.saturating_sub(last_ticks)) / elapsed_s
        });
        let whole = |count: u64| count as f64;
        // One at a sample, each once.
        let hidden = match &pss_bytes {
            Err(SarError::Read { source, .. }) if !self.pss_told && is_denied(source) => {
                self.pss_told = true;
                Some("share of memory")
            }
            _ if descriptors.is_none() && !self.descriptors_told && self.is_hidden() => {
                self.descriptors_told = true;
                Some("descriptors")
            }
            _ => None,
        };
        let values = [
            rss_bytes.map(whole),
            Some(seconds(stat.user_ticks)),
            Some(seconds(stat.system_ticks)),
            cores,
            Some(whole(stat.threads)),
            descriptors.map(whole),
            descriptors.map(|_| self.descriptors.tables() as f64),
            Some(whole(stat.minor_faults)),
            Some(whole(stat.major_faults)),
            switches.map(|count| whole(count.voluntary)),
            switches.map(|count| whole(count.involuntary)),
            pss_bytes.ok().flatten().map(whole),
        ];
        for (name, value) in self.names.iter().zip(values) {
            out.push_some(name, value);
        }
        match hidden {
            Some(what) => Err(SarError::Hidden { pid: self.pid, what }),
            None => Ok(()),
        }
    }

    fn meanings(&self, out: &mut BTreeMap<String, Meaning>) {
        explain_behind(out, &self.prefix, &ROWS);
    }
}

/// The figures of `/proc/PID/stat` that matter here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stat {
    state: char,
    user_ticks: u64,
    system_ticks: u64,
    minor_faults: u64,
    major_faults: u64,
    threads: u64,
    started_ticks: u64,
}

impl Stat {
    /// The second field is the program's name in parentheses, and may hold anything, parentheses and spaces included:
    /// counting begins behind the last one.
    fn parse(bytes: &[u8]) -> Option<Stat> {
        let name_end = bytes.iter().rposition(|&byte| byte == b')')?;
        let rest = std::str::from_utf8(&bytes[name_end + 1..]).ok()?;
        let mut fields = rest.split_ascii_whitespace();
        // The fields of proc(5) are numbered from 1, and field 3 comes first here.
        let mut next = 3;
        let mut field = |number: usize| {
            let field = fields.nth(number - next);
            next = number + 1;
            field
        };
        Some(Stat {
            state: field(3)?.chars().next()?,
            minor_faults: field(10)?.parse().ok()?,
            major_faults: field(12)?.parse().ok()?,
            user_ticks: field(14)?.parse().ok()?,
            system_ticks: field(15)?.parse().ok()?,
            threads: field(20)?.parse().ok()?,
            started_ticks: field(22)?.parse().ok()?,
        })
    }
}

/// Reads the figures, and takes a process that has ended but was not waited for as gone.
fn read_stat(stat: &mut ProcFile, pid: u32) -> Result<Stat, SarError> {
    let parsed = match stat.bytes() {
        Ok(bytes) => Stat::parse(bytes),
        Err(error) if is_gone(&error) => return Err(SarError::ProcessGone { pid }),
        Err(source) => return Err(SarError::Read { path: stat.path().to_owned(), source }),
    };
    match parsed {
        Some(Stat { state: 'Z' | 'X' | 'x', .. }) => Err(SarError::ProcessGone { pid }),
        Some(parsed) => Ok(parsed),
        None => Err(stat.format_error("the fields of stat")),
    }
}

fn is_denied(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::PermissionDenied
}

fn is_gone(error: &io::Error) -> bool {
    let code = error.raw_os_error();
    code == Some(Errno::ESRCH as i32) || code == Some(Errno::ENOENT as i32)
}

fn choose_rss_source(pid: u32) -> (RssSource, Option<ProcFile>) {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    if kernel_version(&release).is_some_and(|version| version >= STATM_EXACT_SINCE) {
        return (RssSource::Statm, None);
    }
    match rollup(pid) {
        Some(file) => (RssSource::SmapsRollup, Some(file)),
        None => (RssSource::StatmApproximate, None),
    }
}

/// `smaps_rollup`, if there is one and it may be read.
fn rollup(pid: u32) -> Option<ProcFile> {
    let mut file = ProcFile::open(PathBuf::from(format!("/proc/{pid}/smaps_rollup"))).ok()?;
    field(file.text().ok()?, "Rss")?;
    Some(file)
}

/// The first two numbers of a release such as `6.1.0-18-amd64`.
fn kernel_version(release: &str) -> Option<(u32, u32)> {
    let mut numbers = release.split(|c: char| !c.is_ascii_digit());
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

/// The size of a page.
pub(crate) fn page_bytes() -> u64 {
    system_value(SysconfVar::PAGE_SIZE, 4_096)
}

/// The unit of processor time in `stat`: 100 on every Linux that is around.
fn ticks_per_second() -> u64 {
    system_value(SysconfVar::CLK_TCK, 100)
}

fn system_value(name: SysconfVar, usual: u64) -> u64 {
    sysconf(name).ok().flatten().and_then(|value| u64::try_from(value).ok()).unwrap_or(usual)
}

#[cfg(test)]
#[path = "process_tests.rs"]
pub(crate) mod tests;

//! The control group of a process: what it uses and what it may use, in either version of cgroups.
//!
//! | name | what | v2 | v1 |
//! |---|---|---|---|
//! | `cgroup.memory_bytes` | memory, page cache and kernel included | `memory.current` | `memory.usage_in_bytes` |
//! | `cgroup.memory_limit_bytes` | absent without a limit | `memory.max` | `memory.limit_in_bytes` |
//! | `cgroup.memory_peak_bytes` | the most there was | `memory.peak` | `memory.max_usage_in_bytes` |
//! | `cgroup.oom_kills` | processes killed for its limit | `memory.events` | `memory.oom_control` |
//! | `cgroup.cpu_us` | processor time | `cpu.stat` | `cpuacct.usage` |
//! | `cgroup.throttled_us`, `cgroup.throttled_periods` | held back by its quota | `cpu.stat` | `cpu.stat` |
//! | `cgroup.pids`, `cgroup.pids_limit` | tasks; absent without a limit | `pids.current`, `.max` | the same |
//!
//! Counters are the group's own, since it was made. The group is the one that the process is in when the source is
//! opened. A file that this kernel or this container lacks is absent; where nothing is found, there is no source. Limits of
//! groups further up are not looked at (see [`HostInfo`](crate::HostInfo)).

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use telemetry::{Kind, Meaning};

use crate::meanings::{Row, explain};
use crate::{ProcFile, SarError, Source, Values};

/// In cgroups of the first version, a limit near 2^63 means none.
const V1_UNLIMITED: u64 = 1 << 62;

const MEMORY: Row = ("cgroup.memory_bytes", Kind::Gauge, "Memory of the control group, page cache included.");
const MEMORY_LIMIT: Row =
    ("cgroup.memory_limit_bytes", Kind::Gauge, "Memory that the control group may have.");
const MEMORY_PEAK: Row =
    ("cgroup.memory_peak_bytes", Kind::Gauge, "The most memory that the control group had.");
const OOM_KILLS: Row = ("cgroup.oom_kills", Kind::Counter, "Processes killed for the control group's limit.");
const CPU: Row = ("cgroup.cpu_us", Kind::Counter, "Processor time of the control group.");
const THROTTLED: Row =
    ("cgroup.throttled_us", Kind::Counter, "Time that the control group was held back by its quota.");
const PERIODS: Row =
    ("cgroup.throttled_periods", Kind::Counter, "Periods in which the control group used up its quota.");
const PIDS: Row = ("cgroup.pids", Kind::Gauge, "Tasks of the control group.");
const PIDS_LIMIT: Row = ("cgroup.pids_limit", Kind::Gauge, "Tasks that the control group may have.");

/// A file, and the rows that are read from it.
#[derive(Debug, Clone, Copy)]
struct Place {
    /// The controller of v1; in v2 there is one hierarchy.
    controller: &'static str,
    file: &'static str,
    reads: &'static [(Row, How)],
}

/// How a value is found in its file.
#[derive(Debug, Clone, Copy)]
enum How {
    /// The file is the number, divided by this; `max` or something enormous means no limit, and is absent.
    Whole(f64),
    /// The number behind a key on a line of its own, divided by this.
    Key(&'static str, f64),
}

const V2: &[Place] = &[
    Place { controller: "", file: "memory.current", reads: &[(MEMORY, How::Whole(1.0))] },
    Place { controller: "", file: "memory.max", reads: &[(MEMORY_LIMIT, How::Whole(1.0))] },
    Place { controller: "", file: "memory.peak", reads: &[(MEMORY_PEAK, How::Whole(1.0))] },
    Place { controller: "", file: "memory.events", reads: &[(OOM_KILLS, How::Key("oom_kill", 1.0))] },
    Place {
        controller: "",
        file: "cpu.stat",
        reads: &[
            (CPU, How::Key("usage_usec", 1.0)),
            (THROTTLED, How::Key("throttled_usec", 1.0)),
            (PERIODS, How::Key("nr_throttled", 1.0)),
        ],
    },
    Place { controller: "", file: "pids.current", reads: &[(PIDS, How::Whole(1.0))] },
    Place { controller: "", file: "pids.max", reads: &[(PIDS_LIMIT, How::Whole(1.0))] },
];

const V1: &[Place] = &[
    Place { controller: "memory", file: "memory.usage_in_bytes", reads: &[(MEMORY, How::Whole(1.0))] },
    Place { controller: "memory", file: "memory.limit_in_bytes", reads: &[(MEMORY_LIMIT, How::Whole(1.0))] },
    Place {
        controller: "memory",
        file: "memory.max_usage_in_bytes",
        reads: &[(MEMORY_PEAK, How::Whole(1.0))],
    },
    Place {
        controller: "memory",
        file: "memory.oom_control",
        reads: &[(OOM_KILLS, How::Key("oom_kill", 1.0))],
    },
    Place { controller: "cpuacct", file: "cpuacct.usage", reads: &[(CPU, How::Whole(1e3))] },
    Place {
        controller: "cpu",
        file: "cpu.stat",
        reads: &[(THROTTLED, How::Key("throttled_time", 1e3)), (PERIODS, How::Key("nr_throttled", 1.0))],
    },
    Place { controller: "pids", file: "pids.current", reads: &[(PIDS, How::Whole(1.0))] },
    Place { controller: "pids", file: "pids.max", reads: &[(PIDS_LIMIT, How::Whole(1.0))] },
];

/// The control group of one process.
#[derive(Debug)]
pub struct Cgroup {
    files: Vec<(ProcFile, &'static [(Row, How)])>,
}

impl Cgroup {
    /// The group of the process with this pid, or of this one; `None` when nothing is found, which is no problem.
    pub fn open(pid: Option<u32>) -> Option<Cgroup> {
        Cgroup::open_at(Path::new("/"), pid)
    }

    fn open_at(root: &Path, pid: Option<u32>) -> Option<Cgroup> {
        let process = pid.map_or("self".to_owned(), |pid| pid.to_string());
        let groups = fs::read_to_string(root.join(format!("proc/{process}/cgroup"))).ok()?;
        let mounts = fs::read_to_string(root.join("proc/self/mountinfo")).unwrap_or_default();
        let mut files: Vec<(ProcFile, &'static [(Row, How)])> = Vec::new();
        // Where both versions are mounted, what the second says comes first.
        for place in V2.iter().chain(V1) {
            let known =
                |row: &Row| files.iter().any(|(_, reads)| reads.iter().any(|(other, _)| other.0 == row.0));
            if place.reads.iter().all(|(row, _)| known(row)) {
                continue;
            }
            let Some(folder) = folder(&groups, &mounts, place.controller) else { continue };
            let folder = root.join(folder.strip_prefix("/").unwrap_or(&folder));
            // Some are there and cannot be read, such as the peak of a group that is the root.
            if let Ok(mut file) = ProcFile::open(folder.join(place.file))
                && file.text().is_ok()
            {
                files.push((file, place.reads));
            }
        }
        Some(Cgroup { files }).filter(|cgroup| !cgroup.files.is_empty())
    }
}

impl Source for Cgroup {
    fn sample(&mut self, out: &mut Values) -> Result<(), SarError> {
        for (file, reads) in &mut self.files {
            let text = file.text()?;
            for &((name, ..), how) in *reads {
                out.push_some(name, value(text, how));
            }
        }
        Ok(())
    }

    fn meanings(&self, out: &mut BTreeMap<String, Meaning>) {
        for (row, _) in self.files.iter().flat_map(|(_, reads)| *reads) {
            explain(out, &[*row]);
        }
    }
}

fn value(text: &str, how: How) -> Option<f64> {
    let (number, divisor) = match how {
        How::Whole(divisor) => {
            (text.trim_ascii().parse::<u64>().ok().filter(|&n| n < V1_UNLIMITED)?, divisor)
        }
        How::Key(key, divisor) => {
            let line = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(' '))?;
            (line.trim_ascii().parse().ok()?, divisor)
        }
    };
    Some(number as f64 / divisor)
}

/// The folder of a process's group in the hierarchy of a controller; that of v2 has none.
fn folder(groups: &str, mounts: &str, controller: &str) -> Option<PathBuf> {
    let has = |list: &str| list.split(',').any(|word| word == controller);
    let group = groups.lines().find_map(|line| {
        let (_, rest) = line.split_once(':')?;
        let (controllers, path) = rest.split_once(':')?;
        has(controllers).then_some(path)
    })?;
    // `31 23 0:28 ROOT POINT rw shared:1 - TYPE SOURCE OPTIONS`
    mounts.lines().find_map(|line| {
        let (mount, system) = line.split_once(" - ")?;
        let mut words = mount.split(' ').skip(3);
        let (root, point) = (words.next()?, words.next()?);
        let mut words = system.split(' ');
        let (kind, options) = (words.next()?, words.nth(1)?);
        let fits = if controller.is_empty() { kind == "cgroup2" } else { kind == "cgroup" && has(options) };
        // In a container, the mount may begin at the group itself.
        fits.then(|| Path::new(point).join(Path::new(group).strip_prefix(root).unwrap_or(Path::new(""))))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine(files: &[(&str, &str)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().expect("a directory");
        for (path, text) in files {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().expect("a parent")).expect("made");
            fs::write(path, text).expect("written");
        }
        root
    }

    fn values(root: &Path, pid: Option<u32>) -> Vec<(String, f64)> {
        let mut values = Values::new();
        Cgroup::open_at(root, pid).expect("a group").sample(&mut values).expect("readable");
        values
            .iter()
            .map(|(name, value)| (name.strip_prefix("cgroup.").expect(name).to_owned(), value))
            .collect()
    }

    fn pairs(pairs: &[(&str, f64)]) -> Vec<(String, f64)> {
        pairs.iter().map(|&(name, value)| (name.to_owned(), value)).collect()
    }

    #[test]
    fn the_second_version_is_one_hierarchy() {
        let root = machine(&[
            ("proc/77/cgroup", "0::/job/a\n"),
            (
                "proc/self/mountinfo",
                "29 23 0:26 / /sys/fs/cgroup rw shared:4 - cgroup2 cgroup2 rw,nsdelegate\n",
            ),
            ("sys/fs/cgroup/job/a/memory.current", "4096\n"),
            ("sys/fs/cgroup/job/a/memory.max", "max\n"),
            ("sys/fs/cgroup/job/a/memory.events", "low 0\noom 2\noom_kill 1\n"),
            (
                "sys/fs/cgroup/job/a/cpu.stat",
                "usage_usec 500\nuser_usec 1\nnr_throttled 3\nthrottled_usec 70\n",
            ),
            ("sys/fs/cgroup/job/a/pids.current", "9\n"),
            ("sys/fs/cgroup/job/a/pids.max", "100\n"),
        ]);
        let expected = [
            ("memory_bytes", 4_096.0),
            ("oom_kills", 1.0),
            ("cpu_us", 500.0),
            ("throttled_us", 70.0),
            ("throttled_periods", 3.0),
            ("pids", 9.0),
            ("pids_limit", 100.0),
        ];
        assert_eq!(values(root.path(), Some(77)), pairs(&expected));
        assert!(Cgroup::open_at(root.path(), Some(78)).is_none());
    }

    #[test]
    fn the_first_version_is_a_hierarchy_for_each_controller() {
        let root = machine(&[
            ("proc/self/cgroup", "9:name=systemd:/x\n4:memory:/docker/abc\n2:cpuacct,cpu:/job\n0::/\n"),
            (
                "proc/self/mountinfo",
                "35 31 0:32 /docker/abc /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n\
                 32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n\
                 41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n",
            ),
            ("sys/fs/cgroup/memory/memory.usage_in_bytes", "8192\n"),
            ("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n"),
            ("sys/fs/cgroup/memory/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 4\n"),
            ("sys/fs/cgroup/cpu,cpuacct/job/cpuacct.usage", "5000\n"),
            ("sys/fs/cgroup/cpu,cpuacct/job/cpu.stat", "nr_periods 9\nnr_throttled 2\nthrottled_time 7000\n"),
        ]);
        let expected = [
            ("memory_bytes", 8_192.0),
            ("oom_kills", 4.0),
            ("cpu_us", 5.0),
            ("throttled_us", 7.0),
            ("throttled_periods", 2.0),
        ];
        assert_eq!(values(root.path(), None), pairs(&expected));
    }

    #[test]
    fn without_groups_there_is_no_source() {
        let nothing =
            machine(&[("proc/self/cgroup", "junk\n0::/\n"), ("proc/self/mountinfo", "junk - \n1 2 3 - a\n")]);
        assert!(Cgroup::open_at(nothing.path(), None).is_none());
        assert!(Cgroup::open_at(machine(&[]).path(), None).is_none());
        for text in ["", "max", "x", "-1", "9223372036854771712"] {
            assert_eq!(value(text, How::Whole(1.0)), None, "{text:?}");
        }
        for text in ["", "oom_kill", "oom_kill x", "oom_kills 3"] {
            assert_eq!(value(text, How::Key("oom_kill", 1.0)), None, "{text:?}");
        }
        // Wherever this runs, whatever is found can be read.
        if let Some(mut own) = Cgroup::open(None) {
            own.sample(&mut Values::new()).expect("readable");
        }
    }
}

//! The limits of this process's cgroups, of both versions. Those above it limit it too: the tightest counts.
//!
//! `/proc/self/cgroup` says where the process is, `/proc/self/mountinfo` where that hierarchy is mounted. In a container
//! the two may disagree, since it sees its own cgroup as the root: what does not exist is passed over, and the mount
//! point itself is always looked at.

use std::path::{Component, Path, PathBuf};

use serde::Serialize;

use crate::files::{Files, field};

/// In cgroups of the first version, a limit near 2^63 means none.
const UNLIMITED: u64 = 1 << 60;

/// How deep cgroups are followed. Deeper ones are not looked at.
const LEVELS_MAX: usize = 64;

/// The tightest limit of each kind; absent when there is none.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Cgroup {
    /// Memory.
    pub memory: Option<CgroupMemory>,
    /// Processes and threads, which are counted together.
    pub pids: Option<CgroupPids>,
    /// Time on cores.
    pub cpu: Option<CgroupCpu>,
}

/// A limit on memory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CgroupMemory {
    /// The file that says so.
    pub file: PathBuf,
    /// The limit.
    pub limit_bytes: u64,
    /// What is used of it, the files that the kernel would drop not counted.
    pub used_bytes: u64,
}

/// A limit on threads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CgroupPids {
    /// The file that says so.
    pub file: PathBuf,
    /// The limit.
    pub limit: u64,
    /// Threads that count against it now.
    pub used: u64,
}

/// A limit on processor time.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CgroupCpu {
    /// The file that says so.
    pub file: PathBuf,
    /// Time that may be used, in cores.
    pub cores: f64,
}

impl Cgroup {
    pub(crate) fn read(files: Files) -> Self {
        let memory = levels(files, "memory").into_iter().flat_map(|level| memory(files, &level));
        let pids = levels(files, "pids").into_iter().filter_map(|level| pids(files, &level));
        let cpu = levels(files, "cpu").into_iter().filter_map(|level| cpu(files, &level));
        Self {
            memory: memory.min_by_key(|memory| memory.limit_bytes.saturating_sub(memory.used_bytes)),
            pids: pids.min_by_key(|pids| pids.limit.saturating_sub(pids.used)),
            cpu: cpu.min_by(|one, other| one.cores.total_cmp(&other.cores)),
        }
    }

    /// How many of the machine's cores may be used: at least one.
    pub(crate) fn cores(&self, cores: u64) -> u64 {
        self.cpu.as_ref().map_or(cores, |cpu| (cpu.cores as u64).clamp(1, cores))
    }
}

/// The folders of this process's cgroups that may limit `controller`, in both versions, innermost first.
fn levels(files: Files, controller: &str) -> Vec<PathBuf> {
    let (cgroups, mounts) = (files.text("/proc/self/cgroup"), files.text("/proc/self/mountinfo"));
    let (cgroups, mounts) = (cgroups.unwrap_or_default(), mounts.unwrap_or_default());
    let mut levels = Vec::new();
    for line in cgroups.lines() {
        let mut parts = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(path)) = (parts.next(), parts.next()) else { continue };
        let is_v2 = controllers.is_empty();
        if !is_v2 && !controllers.split(',').any(|name| name == controller) {
            continue;
        }
        for mount in mounts.lines().filter_map(|line| Mount::parse(line, is_v2, controller)) {
            levels.extend(mount.folders(Path::new(path)));
        }
    }
    levels
}

/// Where a hierarchy is mounted.
struct Mount<'a> {
    /// The cgroup that is seen at `point`.
    root: &'a Path,
    point: &'a Path,
}

impl<'a> Mount<'a> {
    /// `35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory`
    fn parse(line: &'a str, is_v2: bool, controller: &str) -> Option<Self> {
        let (left, right) = line.split_once(" - ")?;
        let mut left = left.split(' ').skip(3);
        let (root, point) = (left.next()?, left.next()?);
        let mut right = right.split(' ');
        let (kind, options) = (right.next()?, right.nth(1)?);
        let fits = match kind {
            "cgroup2" => is_v2,
            "cgroup" => !is_v2 && options.split(',').any(|option| option == controller),
            _ => false,
        };
        fits.then(|| Self { root: Path::new(root), point: Path::new(point) })
    }

    /// The folders from the cgroup at `path` up to the mount point.
    fn folders(&self, path: &Path) -> Vec<PathBuf> {
        let below = path.strip_prefix(self.root).or_else(|_| path.strip_prefix("/")).unwrap_or(Path::new(""));
        // Seen from inside a cgroup namespace, others lie at `/..`: they are not ours to read.
        let ours = below.components().all(|part| matches!(part, Component::Normal(_)));
        let below = if ours { below } else { Path::new("") };
        below.ancestors().take(LEVELS_MAX).map(|level| self.point.join(level)).collect()
    }
}

fn memory(files: Files, level: &Path) -> Vec<CgroupMemory> {
    let used = ["memory.current", "memory.usage_in_bytes"];
    let used = used.iter().find_map(|name| files.number(level.join(name))).unwrap_or(0);
    let stat = files.text(level.join("memory.stat")).unwrap_or_default();
    let part =
        |name: &str| field(&stat, &format!("total_{name}")).or_else(|| field(&stat, name)).unwrap_or(0);
    let droppable = part("inactive_file").saturating_add(part("active_file"));
    let names = ["memory.max", "memory.high", "memory.limit_in_bytes"];
    let limits = names.iter().filter_map(|name| {
        let file = level.join(name);
        let limit_bytes = files.number(&file).filter(|&bytes| bytes < UNLIMITED)?;
        Some(CgroupMemory { file, limit_bytes, used_bytes: used.saturating_sub(droppable) })
    });
    limits.collect()
}

fn pids(files: Files, level: &Path) -> Option<CgroupPids> {
    let file = level.join("pids.max");
    let limit = files.number(&file)?;
    Some(CgroupPids { file, limit, used: files.number(level.join("pids.current")).unwrap_or(0) })
}

fn cpu(files: Files, level: &Path) -> Option<CgroupCpu> {
    let v2 = || {
        let file = level.join("cpu.max");
        Some((files.numbers::<2>(&file)?, file))
    };
    let v1 = || {
        // No quota is written as -1, which is not a number here.
        let file = level.join("cpu.cfs_quota_us");
        Some(([files.number(&file)?, files.number(level.join("cpu.cfs_period_us"))?], file))
    };
    let ([quota, period], file) = v2().or_else(v1)?;
    (period > 0).then(|| CgroupCpu { file, cores: quota as f64 / period as f64 })
}

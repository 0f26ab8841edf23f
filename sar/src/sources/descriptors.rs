//! Open descriptors of a process, over all of its descriptor tables.
//!
//! A thread may leave the common table (`unshare(CLONE_FILES)`, as the threads of `shard` do), and `/proc/PID/fd` then
//! shows the table of the first thread only. `/proc/PID/task/TID/fd` shows each thread's, and since Linux 6.2 its size is
//! the number of open descriptors, however many: no listing. What the kernel does not say is *which* threads share a
//! table (`kcmp` would, and needs `unsafe`). So:
//!
//! **Two threads count as sharing until it is proven that they do not.** The proof is a descriptor number N which is
//! the socket or pipe X for one thread, something else for the other, and X again for the first. X's inode number is its
//! own, so N cannot have changed and changed back meanwhile, and with a common table both must have seen the same. Tables
//! only ever part and never join, so a proof holds for as long as both threads live (a thread id that is used again is
//! told by the inode of its directory).
//!
//! **What this guarantees**: no table is ever counted twice, whatever opens and closes meanwhile: the figure never
//! exceeds what is open. **What it does not**: a private table in which no socket or pipe of its own is found among its
//! highest numbers cannot be told from the one it was copied from, and its copies of inherited descriptors are left
//! out. A shard with a listener or one connection is told apart; one that has opened nothing but an epoll is not.
//!
//! Absent when it cannot be measured: links that may not be read while there are several threads, too many threads, or,
//! before Linux 6.2 where tables must be listed, too many descriptors.

use std::fmt::Write;
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

/// Processes with more threads than this have no figure: looking at each would cost milliseconds.
pub const THREADS_MAX: usize = 4_096;

/// Before Linux 6.2, a process with more descriptors than this has no figure: listing them would take too long.
pub const LISTED_MAX: u64 = 65_536;

/// How far below its size a table is searched for sockets and pipes.
const PROBED_NUMBERS: u64 = 16;

/// Threads that seemed to share and have equally many descriptors open are compared anew once in so many counts. A table
/// of its own with exactly as many as the common one may go unseen for as long.
const THOROUGH_EVERY: u64 = 8;

/// How many sockets and pipes of a table are compared.
const WITNESSES_MAX: usize = 3;

/// Counts the open descriptors of one process, and remembers which threads it has told apart.
#[derive(Debug)]
pub struct Descriptors {
    pid: u32,
    /// Whether the size of a descriptor directory is the number of open descriptors, as it is since Linux 6.2.
    sized: bool,
    /// Threads that are not known to have different tables. The first of each group speaks for it; the first ones are all
    /// proven to differ from each other.
    groups: Vec<Vec<Thread>>,
    tids: Vec<u32>,
    threads: Vec<Thread>,
    counts: u64,
    path: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Thread {
    tid: u32,
    /// The inode of its descriptor directory, which a later thread with the same id does not have.
    inode: u64,
    /// Descriptors open when it was last looked at; 0 when the kernel does not say.
    open: u64,
}

/// A socket or pipe by which a table may be told from others.
type Witness = (u64, PathBuf);

impl Descriptors {
    /// For the process with this pid, which need not exist.
    pub fn new(pid: u32) -> Descriptors {
        Descriptors {
            pid,
            sized: sizes_are_counts(),
            groups: Vec::new(),
            tids: Vec::new(),
            threads: Vec::new(),
            counts: 0,
            path: String::new(),
        }
    }

    /// Tables that were told apart in the last count.
    pub fn tables(&self) -> usize {
        self.groups.len()
    }

    /// The threads that were there at the last count.
    pub(crate) fn tids(&self) -> &[u32] {
        &self.tids
    }

    /// Open descriptors now, each table counted once; `None` when that cannot be measured.
    pub fn count(&mut self) -> Option<u64> {
        self.list_threads().ok()?;
        self.regroup().ok()?;
        if self.sized {
            return Some(self.groups.iter().map(|group| group[0].open).sum());
        }
        let mut sum = 0;
        for index in 0..self.groups.len() {
            let tid = self.groups[index][0].tid;
            let entries = fs::read_dir(self.directory(tid)).ok()?;
            sum += entries.take((LISTED_MAX - sum + 1) as usize).count() as u64;
            if sum > LISTED_MAX {
                return None;
            }
        }
        Some(sum)
    }

    fn list_threads(&mut self) -> io::Result<()> {
        self.tids.clear();
        // The listing is closed before any table is looked at, so that a process that counts its own does not count it.
        for entry in fs::read_dir(format!("/proc/{}/task", self.pid))? {
            let Some(tid) = entry?.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
            if self.tids.len() == THREADS_MAX {
                return Err(ErrorKind::QuotaExceeded.into());
            }
            self.tids.push(tid);
        }
        self.threads.clear();
        for index in 0..self.tids.len() {
            // A thread that ended meanwhile holds nothing any more.
            if let Some(thread) = self.look(self.tids[index]) {
                self.threads.push(thread);
            }
        }
        Ok(())
    }

    fn look(&mut self, tid: u32) -> Option<Thread> {
        let metadata = fs::metadata(self.directory(tid)).ok()?;
        Some(Thread { tid, inode: metadata.ino(), open: metadata.len() })
    }

    /// Brings the groups up to date with the threads there are now.
    fn regroup(&mut self) -> io::Result<()> {
        let mut groups = std::mem::take(&mut self.groups);
        let threads = std::mem::take(&mut self.threads);
        let mut placed = vec![false; threads.len()];
        let now = |member: &Thread| {
            threads.iter().position(|now| now.tid == member.tid && now.inode == member.inode)
        };
        // Groups whose first thread is still there stay. Without it nothing is proven of the others: they are new.
        groups.retain_mut(|group| match now(&group[0]) {
            Some(index) => {
                placed[index] = true;
                group[0] = threads[index];
                true
            }
            None => false,
        });
        let mut witnesses: Vec<Option<Vec<Witness>>> = vec![None; groups.len()];
        let thorough = self.counts.is_multiple_of(THOROUGH_EVERY);
        self.counts += 1;
        for (group, seen) in groups.iter_mut().zip(&mut witnesses) {
            let first = group[0];
            let mut stay = vec![first];
            for member in &group[1..] {
                let Some(index) = now(member) else { continue };
                let quick = self.sized && !thorough && threads[index].open == first.open;
                if quick || !self.differ(first, seen, threads[index])? {
                    placed[index] = true;
                    stay.push(threads[index]);
                }
            }
            *group = stay;
        }
        for (&thread, _) in threads.iter().zip(&placed).filter(|(_, placed)| !**placed) {
            let mut home = None;
            for (index, seen) in witnesses.iter_mut().enumerate() {
                if !self.differ(groups[index][0], seen, thread)? {
                    home = Some(index);
                    break;
                }
            }
            match home {
                Some(index) => groups[index].push(thread),
                None => {
                    witnesses.push(None);
                    groups.push(vec![thread]);
                }
            }
        }
        (self.groups, self.threads) = (groups, threads);
        Ok(())
    }

    /// Sockets and pipes among the highest numbers of a table. A table is filled from below, so its highest numbers are
    /// near its size, unless much was closed.
    fn witnesses(&mut self, thread: Thread) -> io::Result<Vec<Witness>> {
        let mut witnesses = Vec::new();
        let top = if self.sized { thread.open } else { self.bisect_top(thread)? };
        for number in (top.saturating_sub(PROBED_NUMBERS)..top).rev() {
            if let Some(link) = self.link(thread.tid, number)?
                && is_unique(&link)
            {
                witnesses.push((number, link));
                if witnesses.len() == WITNESSES_MAX {
                    break;
                }
            }
        }
        Ok(witnesses)
    }

    /// Whether it is proven that two threads have different tables. The first one's witnesses are looked for when they are
    /// first needed.
    fn differ(
        &mut self,
        first: Thread,
        firsts: &mut Option<Vec<Witness>>,
        other: Thread,
    ) -> io::Result<bool> {
        let firsts = match firsts {
            Some(known) => known,
            None => firsts.insert(self.witnesses(first)?),
        };
        if self.proven(first, firsts, other)? {
            return Ok(true);
        }
        let others = self.witnesses(other)?;
        self.proven(other, &others, first)
    }

    /// Whether one of the holder's sockets or pipes is something else for the other thread, and still the holder's.
    fn proven(&mut self, holder: Thread, witnesses: &[Witness], other: Thread) -> io::Result<bool> {
        for (number, link) in witnesses {
            let seen = self.link(other.tid, *number)?;
            if seen.as_ref() == Some(link) || self.link(holder.tid, *number)?.as_ref() != Some(link) {
                continue;
            }
            // Nothing there is proof only if the other thread still has a table: one that is just ending has none.
            let has_table = seen.is_some()
                || self.look(other.tid).is_some_and(|now| now.inode == other.inode && self.has_any(now));
            if has_table {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether a thread has any descriptor open, and so a table.
    fn has_any(&mut self, thread: Thread) -> bool {
        if self.sized {
            return thread.open > 0;
        }
        fs::read_dir(self.directory(thread.tid)).is_ok_and(|mut entries| entries.next().is_some())
    }

    /// Where a table ends that has no gaps, by halving: for kernels that do not say how full it is.
    fn bisect_top(&mut self, thread: Thread) -> io::Result<u64> {
        let (mut open, mut closed) = (0, 1);
        while closed < LISTED_MAX && self.link(thread.tid, closed)?.is_some() {
            (open, closed) = (closed, closed * 2);
        }
        while closed - open > 1 {
            let middle = open + (closed - open) / 2;
            if self.link(thread.tid, middle)?.is_some() {
                open = middle;
            } else {
                closed = middle;
            }
        }
        Ok(closed)
    }

    fn link(&mut self, tid: u32, number: u64) -> io::Result<Option<PathBuf>> {
        self.directory(tid);
        write!(self.path, "/{number}").expect("a String takes it all");
        match fs::read_link(&self.path) {
            Ok(link) => Ok(Some(link)),
            Err(error) if error.kind() == ErrorKind::PermissionDenied => Err(error),
            Err(_) => Ok(None),
        }
    }

    fn directory(&mut self, tid: u32) -> &str {
        self.path.clear();
        write!(self.path, "/proc/{}/task/{tid}/fd", self.pid).expect("a String takes it all");
        &self.path
    }
}

/// Links such as `socket:[4242]` name one thing and no other; `anon_inode:[eventfd]` or a path may name many.
fn is_unique(link: &std::path::Path) -> bool {
    link.to_str().is_some_and(|link| link.starts_with("socket:[") || link.starts_with("pipe:["))
}

/// Whether this kernel gives the number of open descriptors as the size of their directory.
fn sizes_are_counts() -> bool {
    // At least this one is open in this thread's table.
    let open = File::open("/proc/self/stat");
    let size = fs::metadata("/proc/thread-self/fd").map_or(0, |metadata| metadata.len());
    open.is_ok() && size > 0
}

#[cfg(test)]
#[path = "descriptors_tests.rs"]
mod tests;

//! How often the threads of a process left the core: by themselves, to wait, or because another's turn had come.
//!
//! The kernel counts for each thread (`/proc/PID/task/TID/status`); the file of the process shows its first thread's
//! alone. So each thread's is held open and read, and what ended threads had stays in the sum, as it was when they were last
//! seen. A process with more than [`THREADS_MAX`] threads has no figure: about 8 µs a thread is too much for many.

use crate::ProcFile;
use crate::proc_file::field;

/// Processes with more threads than this have no figure.
pub(crate) const THREADS_MAX: usize = 16;

/// By themselves, and not.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Count {
    pub(crate) voluntary: u64,
    pub(crate) involuntary: u64,
}

impl std::ops::AddAssign for Count {
    fn add_assign(&mut self, other: Count) {
        self.voluntary += other.voluntary;
        self.involuntary += other.involuntary;
    }
}

/// Counts for one process.
#[derive(Debug)]
pub(crate) struct Switches {
    pid: u32,
    threads: Vec<Thread>,
    /// What threads had that have ended.
    ended: Count,
}

#[derive(Debug)]
struct Thread {
    tid: u32,
    status: ProcFile,
    last: Count,
}

impl Switches {
    pub(crate) fn new(pid: u32) -> Switches {
        Switches { pid, threads: Vec::new(), ended: Count::default() }
    }

    /// The sum over the threads there are and those that were seen; `None` when there are too many, or none can be read.
    pub(crate) fn count(&mut self, tids: &[u32]) -> Option<Count> {
        if tids.len() > THREADS_MAX {
            self.threads.clear();
            return None;
        }
        for &tid in tids {
            if !self.threads.iter().any(|thread| thread.tid == tid)
                && let Ok(status) = ProcFile::open(format!("/proc/{}/task/{tid}/status", self.pid))
            {
                self.threads.push(Thread { tid, status, last: Count::default() });
            }
        }
        let (mut sum, ended) = (Count::default(), &mut self.ended);
        // A handle is tied to its thread: once that has ended, reading fails, whoever has its number.
        self.threads.retain_mut(|thread| {
            let now = tids.contains(&thread.tid).then(|| thread.status.text().ok().and_then(parse)).flatten();
            match now {
                Some(now) => {
                    thread.last = now;
                    sum += now;
                }
                None => *ended += thread.last,
            }
            now.is_some()
        });
        sum += self.ended;
        (!self.threads.is_empty()).then_some(sum)
    }
}

fn parse(status: &str) -> Option<Count> {
    Some(Count {
        voluntary: field(status, "voluntary_ctxt_switches")?,
        involuntary: field(status, "nonvoluntary_ctxt_switches")?,
    })
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;
    use std::thread;

    use nix::unistd::gettid;

    use super::*;

    #[test]
    fn the_two_lines_are_told_apart() {
        let text =
            "Name:\tchat\nThreads:\t3\nvoluntary_ctxt_switches:\t150\nnonvoluntary_ctxt_switches:\t545\n";
        assert_eq!(parse(text), Some(Count { voluntary: 150, involuntary: 545 }));
        assert_eq!((parse(""), parse("voluntary_ctxt_switches:\t1\n")), (None, None));
    }

    #[test]
    fn a_thread_that_ended_stays_in_the_sum() {
        let (tell, told) = channel();
        let (end, ending) = channel::<()>();
        let worker = thread::spawn(move || {
            // A sleep leaves the core, unless it is over before it has begun.
            (0..5).for_each(|_| thread::sleep(std::time::Duration::from_millis(1)));
            tell.send(gettid().as_raw().cast_unsigned()).expect("waited for");
            let _ = ending.recv();
        });
        let tid = told.recv().expect("it says");
        let own = gettid().as_raw().cast_unsigned();
        let mut switches = Switches::new(std::process::id());
        let with = switches.count(&[own, tid]).expect("own threads");
        assert!(with.voluntary > 0, "{with:?}");
        drop(end);
        worker.join().expect("it ends");
        let without = switches.count(&[own]).expect("own thread");
        assert!(
            without.voluntary >= with.voluntary && switches.ended.voluntary > 0,
            "{without:?} after {with:?}"
        );
        assert_eq!(switches.count(&[own; THREADS_MAX + 1]), None);
    }
}

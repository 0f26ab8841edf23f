//! The sources of a run, asked together.

use telemetry::{Sample, Stamp};

use crate::{
    Conntrack, Cpu, FileTable, Load, Memory, Oom, Process, SarError, Sockets, Source, Tcp, Values, Zones,
};

/// At most this many problems are kept until they are asked for; later ones are dropped, the first ones matter.
pub const PROBLEMS_MAX: usize = 64;

/// Asks all its sources at once. One that fails does not keep the others from answering.
#[derive(Default)]
pub struct Sampler {
    sources: Vec<Box<dyn Source>>,
    watched: Vec<Process>,
    values: Values,
    problems: Vec<SarError>,
}

impl Sampler {
    /// Without any source.
    pub fn new() -> Sampler {
        Sampler::default()
    }

    /// With every source about this machine. One that this kernel lacks is a problem, not an error.
    pub fn host() -> Sampler {
        let mut sampler = Sampler::new();
        sampler.add_opened(Cpu::open());
        sampler.add_opened(Load::open());
        sampler.add_opened(Memory::open());
        sampler.add_opened(Zones::open());
        sampler.add_opened(Sockets::open());
        sampler.add_opened(Tcp::open());
        sampler.add_opened(FileTable::open());
        sampler.add_opened(Oom::open());
        if let Some(conntrack) = Conntrack::open() {
            sampler.add(conntrack);
        }
        sampler
    }

    fn add_opened<S: Source + 'static>(&mut self, source: Result<S, SarError>) {
        match source {
            Ok(source) => self.add(source),
            Err(error) => self.problem(error),
        }
    }

    /// With one more source.
    pub fn add(&mut self, source: impl Source + 'static) {
        self.sources.push(Box::new(source));
    }

    /// With one more process; its values' names begin with `prefix` and a dot.
    ///
    /// # Errors
    /// [`SarError::NoProcess`] when there is none.
    pub fn watch(&mut self, pid: u32, prefix: &str) -> Result<(), SarError> {
        self.watched.push(Process::open(pid, prefix)?);
        Ok(())
    }

    /// Stops watching a process.
    pub fn unwatch(&mut self, pid: u32) {
        self.watched.retain(|process| process.pid() != pid);
    }

    /// Asks every source now. A process that is gone is watched no longer, and is a problem once.
    pub fn read(&mut self) -> &Values {
        self.values.clear();
        for index in 0..self.sources.len() {
            if let Err(error) = self.sources[index].sample(&mut self.values) {
                self.problem(error);
            }
        }
        let mut watched = std::mem::take(&mut self.watched);
        watched.retain_mut(|process| match process.sample(&mut self.values) {
            Ok(()) => true,
            Err(error) => {
                let gone = matches!(error, SarError::ProcessGone { .. });
                self.problem(error);
                !gone
            }
        });
        self.watched = watched;
        &self.values
    }

    /// Asks every source now, and makes a frame of it, said by `host`.
    pub fn sample(&mut self) -> Sample {
        let at = Stamp::now();
        let values = self.read().iter().map(|(name, value)| (name.to_owned(), value)).collect();
        Sample { at, source: "host".to_owned(), values }
    }

    /// What went wrong since this was last asked.
    pub fn problems(&mut self) -> Vec<SarError> {
        std::mem::take(&mut self.problems)
    }

    fn problem(&mut self, error: SarError) {
        if self.problems.len() < PROBLEMS_MAX {
            self.problems.push(error);
        }
    }
}

impl std::fmt::Debug for Sampler {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let sources = self.sources.len();
        f.debug_struct("Sampler")
            .field("sources", &sources)
            .field("watched", &self.watched)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    struct Broken;

    impl Source for Broken {
        fn sample(&mut self, _: &mut Values) -> Result<(), SarError> {
            Err(SarError::Format { path: "/proc/broken".into(), missing: "anything" })
        }
    }

    #[test]
    fn one_sample_holds_the_host_and_the_processes() {
        let mut sampler = Sampler::host();
        sampler.watch(std::process::id(), "server").expect("this process");
        sampler.sample();
        let sample = sampler.sample();
        for name in [
            "host.load_1m",
            "host.memory_available_bytes",
            "host.tcp_sockets",
            "host.listen_overflows",
            "host.file_handles",
            "host.memory_reclaimable_bytes",
            "server.rss_bytes",
            "server.cpu_user_s",
            "server.cpu_cores",
            "server.threads",
            "server.descriptors",
        ] {
            assert!(sample.values.contains_key(name), "{name} in {:?}", sample.values);
        }
        assert_eq!(sample.source, "host");
        assert!(sampler.problems().is_empty());
    }

    #[test]
    fn a_broken_source_is_a_problem_and_the_rest_goes_on() {
        let mut sampler = Sampler::new();
        sampler.add(Broken);
        sampler.add(Load::open().expect("/proc/loadavg"));
        assert_eq!(sampler.read().len(), 1);
        assert_eq!(sampler.problems().len(), 1);
        assert!(sampler.problems().is_empty());
        for _ in 0..PROBLEMS_MAX + 9 {
            sampler.read();
        }
        assert_eq!(sampler.problems().len(), PROBLEMS_MAX);
    }

    #[test]
    fn a_process_that_ends_is_told_once() {
        let mut child = Command::new("sleep").arg("600").spawn().expect("sleep");
        let mut sampler = Sampler::new();
        sampler.watch(child.id(), "server").expect("running");
        assert!(sampler.sample().values.contains_key("server.rss_bytes"));
        child.kill().expect("SIGKILL");
        child.wait().expect("dead");
        for _ in 0..3 {
            assert!(sampler.sample().values.is_empty());
        }
        let problems = sampler.problems();
        assert!(matches!(problems[..], [SarError::ProcessGone { pid }] if pid == child.id()), "{problems:?}");
    }
}

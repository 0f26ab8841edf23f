//! The sources of a run, asked together.

use std::collections::BTreeMap;
use std::time::Duration;

use telemetry::{Catalog, Hello, Meaning, Sample, Stamp, Table, monotonic_ns};

use crate::slow::Slow;
use crate::sources::process::PssEvery;
use crate::told::Told;
use crate::{
    AcceptQueues, Cgroup, Conntrack, Cpu, Disk, FileTable, Group, Load, Memory, Network, Oom, Pressure,
    Process, SarError, Sockets, Source, Tcp, Values, Zones,
};

/// At most this many problems are kept until they are asked for; later ones are dropped, the first ones matter.
pub const PROBLEMS_MAX: usize = 64;

/// What is measured beyond the usual.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SamplerOptions {
    /// Each core by itself, too.
    pub cores: bool,
    /// The proportional share of memory of watched processes in each sample, and not only every 100 seconds: about 6 ms
    /// for each GiB that is resident.
    pub pss: bool,
    /// The process whose control group is looked at; this one's if `None`.
    pub cgroup_of: Option<u32>,
}

/// Asks all its sources at once. One that fails does not keep the others from answering, and is a problem once: again
/// only after it has worked.
#[derive(Default)]
pub struct Sampler {
    slots: Vec<Slot>,
    watched: Vec<Watched>,
    pss_every: PssEvery,
    /// Whether dear figures that move slowly are read in every sample.
    exact: bool,
    values: Values,
    told: Told,
    problems: Vec<SarError>,
}

struct Slot {
    name: &'static str,
    group: Group,
    source: Box<dyn Source>,
    state: State,
}

struct Watched {
    process: Process,
    state: State,
}

/// How a source did the last time.
#[derive(Default)]
struct State {
    failing: bool,
    took: Duration,
}

impl State {
    /// Asks a source. Its error comes back if it is news.
    fn sample(&mut self, source: &mut dyn Source, out: &mut Values) -> Option<SarError> {
        let began_ns = monotonic_ns();
        let result = source.sample(out);
        self.took = Duration::from_nanos(monotonic_ns() - began_ns);
        let was_failing = std::mem::replace(&mut self.failing, result.is_err());
        result.err().filter(|error| !was_failing || matches!(error, SarError::ProcessGone { .. }))
    }
}

impl Sampler {
    /// Without any source.
    pub fn new() -> Sampler {
        Sampler::default()
    }

    /// With what a run needs to know of this machine: every group but the disks. A source that this kernel lacks is a
    /// problem, not an error.
    pub fn host() -> Sampler {
        let groups = Group::ALL.into_iter().filter(|&group| group != Group::Disk).collect::<Vec<_>>();
        // Its ledger and its verdict need every figure as it is. The share of memory would hold up the server's own memory
        // calls in the middle of a measurement.
        let mut sampler = Sampler { exact: true, ..Sampler::new() };
        sampler.add_groups(&groups, &SamplerOptions::default());
        sampler
    }

    /// With the sources of these groups about this machine. What is dear and moves slowly (free pages on the cores' own
    /// lists, kills for want of memory) is read every 10 seconds, and said again in between. A source that this kernel lacks is a problem if every
    /// kernel should have it, and otherwise simply absent.
    pub fn of(groups: &[Group], options: &SamplerOptions) -> Sampler {
        let mut sampler = Sampler::new();
        sampler.pss_every = if options.pss { PssEvery::Sample } else { PssEvery::Slow };
        sampler.add_groups(groups, options);
        sampler
    }

    fn add_groups(&mut self, groups: &[Group], options: &SamplerOptions) {
        for group in Group::ALL.into_iter().filter(|group| groups.contains(group)) {
            self.add_group(group, options);
        }
    }

    fn add_group(&mut self, group: Group, options: &SamplerOptions) {
        match group {
            Group::Cpu => {
                self.add_opened(group, Cpu::open_with(options.cores));
                self.add_opened(group, Load::open());
            }
            Group::Mem => {
                self.add_opened(group, Memory::open());
                if self.exact {
                    self.add_opened(group, Zones::open());
                    self.add_opened(group, Oom::open());
                } else {
                    self.add_opened(group, Zones::open().map(Slow::new));
                    self.add_opened(group, Oom::open().map(Slow::new));
                }
            }
            Group::Pressure => self.add_some(group, Pressure::open()),
            Group::Disk => self.add_some(group, Disk::open()),
            Group::Net => self.add_opened(group, Network::open()),
            Group::Tcp => {
                self.add_opened(group, Sockets::open());
                self.add_opened(group, Tcp::open());
            }
            Group::System => {
                self.add_opened(group, FileTable::open());
                self.add_some(group, Conntrack::open());
            }
            Group::Cgroup => self.add_some(group, Cgroup::open(options.cgroup_of)),
            Group::Queue => self.add_opened(group, AcceptQueues::open()),
            // These are about what the caller names.
            Group::Proc | Group::Runtime => {}
        }
    }

    fn add_opened<S: Source + 'static>(&mut self, group: Group, source: Result<S, SarError>) {
        match source {
            Ok(source) => self.add(group, source),
            Err(error) => self.problem(error),
        }
    }

    fn add_some<S: Source + 'static>(&mut self, group: Group, source: Option<S>) {
        if let Some(source) = source {
            self.add(group, source);
        }
    }

    /// With one more source.
    pub fn add<S: Source + 'static>(&mut self, group: Group, source: S) {
        let name = std::any::type_name::<S>().trim_end_matches('>').rsplit("::").next().unwrap_or_default();
        self.slots.push(Slot { name, group, source: Box::new(source), state: State::default() });
    }

    /// With one more process; its values' names begin with `prefix` and a dot.
    ///
    /// # Errors
    /// [`SarError::NoProcess`] when there is none.
    pub fn watch(&mut self, pid: u32, prefix: &str) -> Result<(), SarError> {
        let process = Process::open_with(pid, prefix, self.pss_every)?;
        self.watched.push(Watched { process, state: State::default() });
        Ok(())
    }

    /// Stops watching a process.
    pub fn unwatch(&mut self, pid: u32) {
        self.watched.retain(|watched| watched.process.pid() != pid);
    }

    /// The processes that are watched and not gone.
    pub fn watched(&self) -> impl Iterator<Item = u32> {
        self.watched.iter().map(|watched| watched.process.pid())
    }

    /// Asks every source now. A process that is gone is watched no longer, and is a problem once.
    pub fn read(&mut self) -> &Values {
        self.values.clear();
        for slot in &mut self.slots {
            slot.source.begin();
        }
        let (values, problems) = (&mut self.values, &mut self.problems);
        for slot in self.slots.iter_mut().filter(|slot| slot.group != Group::Runtime) {
            keep(problems, slot.state.sample(slot.source.as_mut(), values));
        }
        self.watched.retain_mut(|watched| {
            let error = watched.state.sample(&mut watched.process, values);
            let gone = matches!(error, Some(SarError::ProcessGone { .. }));
            keep(problems, error);
            !gone
        });
        // What had to be asked for over there comes last: it had the time of all the others to answer.
        for slot in self.slots.iter_mut().filter(|slot| slot.group == Group::Runtime) {
            keep(problems, slot.state.sample(slot.source.as_mut(), values));
        }
        &self.values
    }

    /// Asks every source now, and makes a frame of it, said by `host`.
    pub fn sample(&mut self) -> Sample {
        let at = Stamp::now();
        let values = self.read().iter().map(|(name, value)| (name.to_owned(), value)).collect();
        Sample { at, source: "host".to_owned(), values }
    }

    /// The values that were read last.
    pub fn values(&self) -> &Values {
        &self.values
    }

    /// What the names of the last reading mean, those left out that were told before; `None` when there are none, which
    /// is usual, and costs next to nothing. To be said before the sample.
    pub fn catalog(&mut self) -> Option<Catalog> {
        let new = self.told.take_new(&self.values);
        if new.is_empty() {
            return None;
        }
        let mut all = self.meanings();
        let names: BTreeMap<String, Meaning> =
            new.iter().filter_map(|name| all.remove_entry(name.as_str())).collect();
        (!names.is_empty()).then(|| Catalog { at: Stamp::now(), source: "host".to_owned(), names })
    }

    /// What all names mean that came so far, and more that may come.
    pub fn meanings(&self) -> BTreeMap<String, Meaning> {
        let mut all = BTreeMap::new();
        for slot in &self.slots {
            slot.source.meanings(&mut all);
        }
        for watched in &self.watched {
            watched.process.meanings(&mut all);
        }
        all
    }

    /// Tables that came with the last reading: a chat's shards and connections. They are taken away.
    pub fn tables(&mut self) -> Vec<Table> {
        let mut tables = Vec::new();
        for slot in &mut self.slots {
            slot.source.tables(&mut tables);
        }
        tables
    }

    /// Servers that were met since this was last asked: a chat at the first answer, and again when it began anew.
    pub fn hellos(&mut self) -> Vec<Hello> {
        let mut hellos = Vec::new();
        for slot in &mut self.slots {
            slot.source.hellos(&mut hellos);
        }
        hellos
    }

    /// How long the last reading took, waiting for answers from elsewhere (the group `runtime`) not included.
    pub fn took(&self) -> Duration {
        let own = self.slots.iter().filter(|slot| slot.group != Group::Runtime).map(|slot| slot.state.took);
        own.chain(self.watched.iter().map(|watched| watched.state.took)).sum()
    }

    /// How long each source took in the last reading.
    pub fn costs(&self) -> impl Iterator<Item = (&'static str, Group, Duration)> {
        let own = self.slots.iter().map(|slot| (slot.name, slot.group, slot.state.took));
        own.chain(self.watched.iter().map(|watched| ("Process", Group::Proc, watched.state.took)))
    }

    /// What went wrong since this was last asked.
    pub fn problems(&mut self) -> Vec<SarError> {
        std::mem::take(&mut self.problems)
    }

    fn problem(&mut self, error: SarError) {
        keep(&mut self.problems, Some(error));
    }
}

fn keep(problems: &mut Vec<SarError>, error: Option<SarError>) {
    if let Some(error) = error
        && problems.len() < PROBLEMS_MAX
    {
        problems.push(error);
    }
}

impl std::fmt::Debug for Sampler {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let sources: Vec<_> = self.slots.iter().map(|slot| slot.name).collect();
        let watched: Vec<_> = self.watched().collect();
        f.debug_struct("Sampler")
            .field("sources", &sources)
            .field("watched", &watched)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
#[path = "sampler_tests.rs"]
mod tests;

//! sources -> samples: what the machine and its processes are doing, cheaply enough to ask every second.
//!
//! A [`Source`] reads one thing and puts named values into [`Values`]. A [`Sampler`] holds the sources of a run and
//! turns them into one [`telemetry::Sample`]. Files under `/proc` are held open and read again in place, into buffers
//! that are kept: a steady state opens nothing and allocates next to nothing.
//!
//! **Absent, not zero**: what this kernel does not tell, or what needs two readings and has one, is left out.
//! `/proc/net/tcp` is never read: it costs 128 ms at 93,000 sockets, and stalls the very thing that is measured.
//!
//! - [`sources`]: what can be asked, a file for each thing; [`group`]: which of them are wanted
//! - [`sampler`]: all of them asked together; [`schedule`]: when to ask
//! - [`find`]: processes by their names
//! - what does not change during a run: [`host_info`]
//! - what follows from it all: [`resources`], each against its limit

mod errand;
mod exposition;
pub mod find;
pub mod group;
pub mod host_info;
mod http;
mod meanings;
pub mod proc_file;
pub mod resources;
pub mod sampler;
pub mod schedule;
mod scrape;
mod since;
mod slow;
pub mod sources;
#[cfg(test)]
mod test_server;
mod told;
pub mod values;

pub use find::FoundChat;
pub use group::Group;
pub use host_info::HostInfo;
pub use proc_file::ProcFile;
pub use sampler::{Sampler, SamplerOptions};
pub use schedule::{Schedule, Tick};
pub use sources::{
    accept_queues::AcceptQueues,
    cgroup::Cgroup,
    conntrack::Conntrack,
    cost::{Cost, CostNotes},
    cpu::Cpu,
    descriptors::Descriptors,
    disk::Disk,
    exec::Exec,
    file_table::FileTable,
    load::Load,
    memory::Memory,
    network::Network,
    oom::Oom,
    pressure::Pressure,
    process::{Process, RssSource},
    prometheus::Prometheus,
    runtime::{Asks, Runtime, RuntimeOptions},
    slab::Slab,
    sockets::Sockets,
    tcp::Tcp,
    zones::Zones,
};
pub use values::{Name, Values};

/// The regular expressions that choose among the names of a scraped server, so that callers need not name the crate.
pub use regex_lite::Regex;

/// How long a sample waits for answers from elsewhere, from the moment they were asked for. What comes later is part of the
/// next sample.
pub const SCRAPE_PATIENCE: Duration = Duration::from_millis(50);

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use telemetry::{Hello, Meaning, Table};

/// Something that can be asked, again and again, what it sees.
///
/// A source keeps whatever it needs between two askings: open files, buffers, the last reading. It puts in what it
/// could measure and leaves out what it could not; an error is told once, and what was put in before it stays.
pub trait Source: Send {
    /// Puts what is seen now into `out`, behind what is there already.
    ///
    /// # Errors
    /// [`SarError::ProcessGone`] when there is nothing left to watch; any other when this reading failed and the next
    /// may not.
    fn sample(&mut self, out: &mut Values) -> Result<(), SarError>;

    /// What its names mean: all those it has put in so far, and may put in. Asked when a name comes that nobody knows.
    fn meanings(&self, _out: &mut BTreeMap<String, Meaning>) {}

    /// Begins what takes longer, such as a request over the network: called for all sources before the first is
    /// sampled.
    fn begin(&mut self) {}

    /// Tables that came with the last sample. They are taken away.
    fn tables(&mut self, _out: &mut Vec<Table>) {}

    /// Servers that were met since this was last asked. They are taken away.
    fn hellos(&mut self, _out: &mut Vec<Hello>) {}
}

/// Why something could not be measured.
#[derive(Debug, thiserror::Error)]
pub enum SarError {
    /// There never was such a process, as far as this one can see.
    #[error("no process with pid {pid} (it may have ended already)")]
    NoProcess {
        /// The process id asked for.
        pid: u32,
    },
    /// The process that was watched has ended, even if another has its number now.
    #[error("the process with pid {pid} is gone")]
    ProcessGone {
        /// The process id it had.
        pid: u32,
    },
    /// Something of a process that only its owner may see. The rest is measured.
    #[error("could not see the {what} of the process with pid {pid} (it is another user's: root may)")]
    Hidden {
        /// The process.
        pid: u32,
        /// What is hidden.
        what: &'static str,
    },
    /// A file of the kernel could not be opened or read.
    #[error("could not read '{}': {source}", path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file of the kernel does not look as it does on any kernel known here.
    #[error("could not make sense of '{}': no {missing} in it", path.display())]
    Format {
        /// Which file.
        path: PathBuf,
        /// What was looked for.
        missing: &'static str,
    },
    /// A server's endpoint did not say what it should.
    #[error("could not ask '{url}': {reason}")]
    Scrape {
        /// What was asked.
        url: String,
        /// What came instead, or why nothing came.
        reason: String,
    },
    /// A command did not print what it should.
    #[error("could not use what '{command}' prints: {reason}")]
    Command {
        /// The command.
        command: String,
        /// What is wrong.
        reason: String,
    },
    /// The kernel did not answer a question that is no file.
    #[error("could not ask the kernel for {what}: {source}")]
    Kernel {
        /// What was asked for.
        what: &'static str,
        /// What the system said.
        source: std::io::Error,
    },
    /// An argument that cannot be used.
    #[error("{0}")]
    Argument(String),
}

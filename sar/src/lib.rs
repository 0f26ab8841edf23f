//! sources -> samples: what the machine and its processes are doing, cheaply enough to ask every second.
//!
//! A [`Source`] reads one thing and puts named values into [`Values`]. A [`Sampler`] holds the sources of a run and
//! turns them into one [`telemetry::Sample`]. Files under `/proc` are held open and read again in place, into buffers
//! that are kept: a steady state opens nothing and allocates next to nothing.
//!
//! **Absent, not zero**: what this kernel does not tell, or what needs two readings and has one, is left out.
//! `/proc/net/tcp` is never read: it costs 128 ms at 93,000 sockets, and stalls the very thing that is measured.
//!
//! - the machine: [`cpu`], [`load`], [`pressure`], [`memory`], [`zones`], [`slab`] (root only), [`oom`], [`disk`],
//!   [`network`], [`sockets`], [`tcp`], [`accept_queues`], [`file_table`], [`conntrack`], [`cgroup`]
//! - one process: [`process`], and [`descriptors`] over all its tables; [`find`] finds it by name
//! - what runs inside a server: [`runtime`] (a floodmark chat), [`prometheus`] (any endpoint), [`exec`] (any command)
//! - this program itself: [`cost`]; and when to ask: [`schedule`]
//! - what does not change during a run: [`host_info`]

pub mod accept_queues;
pub mod cgroup;
pub mod conntrack;
pub mod cost;
pub mod cpu;
pub mod descriptors;
mod devices;
pub mod disk;
mod errand;
pub mod exec;
mod exposition;
pub mod file_table;
pub mod find;
pub mod group;
pub mod host_info;
mod http;
pub mod load;
mod meanings;
pub mod memory;
pub mod network;
pub mod oom;
pub mod pressure;
pub mod proc_file;
pub mod process;
pub mod prometheus;
pub mod runtime;
pub mod sampler;
pub mod schedule;
mod scrape;
mod since;
pub mod slab;
mod slow;
pub mod sockets;
mod switches;
pub mod tcp;
#[cfg(test)]
mod test_server;
mod told;
pub mod values;
pub mod zones;

pub use accept_queues::AcceptQueues;
pub use cgroup::Cgroup;
pub use conntrack::Conntrack;
pub use cost::{Cost, CostNotes};
pub use cpu::Cpu;
pub use descriptors::Descriptors;
pub use disk::Disk;
pub use exec::Exec;
pub use file_table::FileTable;
pub use find::FoundChat;
pub use group::Group;
pub use host_info::HostInfo;
pub use load::Load;
pub use memory::Memory;
pub use network::Network;
pub use oom::Oom;
pub use pressure::Pressure;
pub use proc_file::ProcFile;
pub use process::{Process, RssSource};
pub use prometheus::Prometheus;
pub use runtime::{Asks, By, Runtime, RuntimeOptions};
pub use sampler::{Sampler, SamplerOptions};
pub use schedule::{Schedule, Tick};
pub use slab::Slab;
pub use sockets::Sockets;
pub use tcp::Tcp;
pub use values::{Name, Values};
pub use zones::Zones;

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

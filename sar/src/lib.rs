//! sources -> samples: what the machine and its processes are doing, cheaply enough to ask every second.
//!
//! A [`Source`] reads one thing and puts named values into [`Values`]. A [`Sampler`] holds the sources of a run and
//! turns them into one [`telemetry::Sample`]. Files under `/proc` are held open and read again in place, into buffers
//! that are kept: a steady state opens nothing and allocates next to nothing.
//!
//! **Absent, not zero**: what this kernel does not tell, or what needs two readings and has one, is left out.
//! `/proc/net/tcp` is never read: it costs 128 ms at 93,000 sockets, and stalls the very thing that is measured.
//!
//! - the machine: [`cpu`], [`load`], [`memory`], [`zones`], [`slab`] (root only), [`sockets`], [`tcp`],
//!   [`file_table`], [`conntrack`], [`oom`]
//! - one process: [`process`], and [`descriptors`] over all its tables
//! - what does not change during a run: [`host_info`]

pub mod conntrack;
pub mod cpu;
pub mod descriptors;
pub mod file_table;
pub mod group;
pub mod host_info;
pub mod load;
pub mod memory;
pub mod oom;
pub mod proc_file;
pub mod process;
pub mod resources;
pub mod sampler;
pub mod slab;
pub mod sockets;
pub mod tcp;
pub mod values;
pub mod zones;

pub use conntrack::Conntrack;
pub use cpu::Cpu;
pub use descriptors::Descriptors;
pub use file_table::FileTable;
pub use group::Group;
pub use host_info::HostInfo;
pub use load::Load;
pub use memory::Memory;
pub use oom::Oom;
pub use proc_file::ProcFile;
pub use process::{Process, RssSource};
pub use sampler::Sampler;
pub use slab::Slab;
pub use sockets::Sockets;
pub use tcp::Tcp;
pub use values::{Name, Values};
pub use zones::Zones;

use std::collections::BTreeMap;
use std::path::PathBuf;

use telemetry::{Meaning, Table};

/// Something that can be asked, again and again, what it sees.
///
/// A source keeps whatever it needs between two askings: open files, buffers, the last reading. It puts in what it
/// could measure and leaves out what it could not; an error means that it measured nothing at all.
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
}

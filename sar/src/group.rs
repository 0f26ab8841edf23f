//! Sources by what they are about, for whoever wants some and not all.

/// What a source is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Group {
    /// Processor time, load, context switches, interrupts.
    Cpu,
    /// Memory and slab.
    Mem,
    /// What waits for cpu, memory and disks (PSI).
    Pressure,
    /// Disks.
    Disk,
    /// Packets and bytes for each interface.
    Net,
    /// TCP: sockets, retransmits, resets, overflows.
    Tcp,
    /// Descriptors and connection tracking: what the whole system may have.
    System,
    /// The control group that this process is in.
    Cgroup,
    /// Watched processes.
    Proc,
    /// What runs inside servers: a chat's shards, a scraped endpoint, a command's answer.
    Runtime,
    /// Queues: those of listening sockets, and of the servers that are watched.
    Queue,
}

impl Group {
    /// All groups, in the order in which they are shown.
    pub const ALL: [Group; 11] = [
        Group::Cpu,
        Group::Mem,
        Group::Pressure,
        Group::Disk,
        Group::Net,
        Group::Tcp,
        Group::System,
        Group::Cgroup,
        Group::Proc,
        Group::Runtime,
        Group::Queue,
    ];

    /// The word for it, on the command line and in recordings.
    pub fn name(self) -> &'static str {
        match self {
            Group::Cpu => "cpu",
            Group::Mem => "mem",
            Group::Pressure => "pressure",
            Group::Disk => "disk",
            Group::Net => "net",
            Group::Tcp => "tcp",
            Group::System => "system",
            Group::Cgroup => "cgroup",
            Group::Proc => "proc",
            Group::Runtime => "runtime",
            Group::Queue => "queue",
        }
    }

    /// The group of that name.
    pub fn named(name: &str) -> Option<Group> {
        Group::ALL.into_iter().find(|group| group.name() == name)
    }
}

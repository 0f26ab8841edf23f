//! What is wanted of a machine: plain values, everything decided.

use serde::Serialize;

/// User-space bytes that the target server takes for an idle connection: 39 to 46 measured.
pub const SERVER_BYTES_PER_CONNECTION: u64 = 48;

/// User-space bytes that the generator takes for a connection, audit included: 32 to 36 measured.
pub const GENERATOR_BYTES_PER_CONNECTION: u64 = 36;

/// Kernel bytes that one end of an idle connection takes: 8,100 to 8,400 measured for a loopback pair.
pub const KERNEL_BYTES_PER_END: u64 = 4_150;

/// Free memory that a run never touches: below it the kernel reclaims, and every figure is about that instead.
const RESERVE_BYTES: u64 = 1 << 30;

/// A small machine keeps no more than this part of its memory free, or it could run nothing.
const RESERVE_SHARE: u64 = 8;

/// Free memory that is never touched on a machine with `total_bytes`: what was asked for, or else 1 GiB, or an eighth of
/// all there is if that is less.
pub fn reserve_bytes(asked_bytes: Option<u64>, total_bytes: u64) -> u64 {
    asked_bytes.unwrap_or_else(|| RESERVE_BYTES.min(total_bytes / RESERVE_SHARE))
}

/// Connections that a flood has begun and not finished, unless told otherwise.
const CONCURRENCY: u64 = 500;

/// What a plan needs of this machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Demand {
    /// Connections held at once.
    pub connections: u64,
    /// Whether the server runs on this machine.
    pub server_here: bool,
    /// Whether the server is floodmark's own, with a descriptor table for each shard. A stranger's table and memory
    /// are its own affair.
    pub server_ours: bool,
    /// Whether the generator runs on this machine.
    pub generator_here: bool,
    /// Whether both ends talk through 127/8, so that source addresses come free.
    pub loopback: bool,
    /// Source addresses given; `None`: 127/8 on loopback, elsewhere those of this machine.
    pub source_addresses: Option<u64>,
    /// Source ports given, first and last; `None`: those that the kernel chooses from.
    pub source_ports: Option<(u16, u16)>,
    /// The most connections that are begun and not finished.
    pub concurrency: u64,
    /// The server's shards; `None`: as many as it takes.
    pub server_shards: Option<u32>,
    /// The generator's shards; `None`: as many as it takes.
    pub generator_shards: Option<u32>,
    /// User-space bytes of the server for each connection.
    pub server_bytes_per_connection: u64,
    /// User-space bytes of the generator for each connection.
    pub generator_bytes_per_connection: u64,
    /// Kernel bytes for each end of a connection.
    pub kernel_bytes_per_end: u64,
    /// Free memory that is never touched; `None`: see [`reserve_bytes`].
    pub reserve_bytes: Option<u64>,
}

impl Demand {
    /// Both ends on this machine, through loopback, with floodmark's own server.
    pub fn here(connections: u64) -> Self {
        Self {
            connections,
            server_here: true,
            server_ours: true,
            generator_here: true,
            loopback: true,
            source_addresses: None,
            source_ports: None,
            concurrency: CONCURRENCY,
            server_shards: None,
            generator_shards: None,
            server_bytes_per_connection: SERVER_BYTES_PER_CONNECTION,
            generator_bytes_per_connection: GENERATOR_BYTES_PER_CONNECTION,
            kernel_bytes_per_end: KERNEL_BYTES_PER_END,
            reserve_bytes: None,
        }
    }

    /// How many ends of a connection are on this machine.
    pub(crate) fn ends(&self) -> u64 {
        u64::from(self.server_here) + u64::from(self.generator_here)
    }
}

//! The sources, a file for each: what can be asked.
//!
//! A new one implements [`Source`](crate::Source) in a file here, explains its names in `meanings`, and has a line in
//! `Sampler::of`.
//!
//! - the machine: [`cpu`], [`load`], [`pressure`], [`memory`], [`zones`], [`slab`] (root only), [`oom`], [`disk`],
//!   [`network`], [`sockets`], [`tcp`], [`accept_queues`], [`file_table`], [`conntrack`], [`cgroup`]
//! - one process: [`process`], and [`descriptors`] over all its tables
//! - what runs inside a server: [`runtime`] (a floodmark chat), [`prometheus`] (any endpoint), [`exec`] (any command)
//! - this program itself: [`cost`]

pub mod accept_queues;
pub mod cgroup;
pub mod conntrack;
pub mod cost;
pub mod cpu;
pub mod descriptors;
mod devices;
pub mod disk;
pub mod exec;
pub mod file_table;
pub mod load;
pub mod memory;
pub mod network;
pub mod oom;
pub mod pressure;
pub mod process;
pub mod prometheus;
pub mod runtime;
pub mod slab;
pub mod sockets;
mod switches;
pub mod tcp;
pub mod zones;

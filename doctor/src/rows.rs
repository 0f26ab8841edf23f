//! The rows, a file for each part of the machine. Each row is a function of a demand and a machine.

pub(crate) mod backlog;
pub(crate) mod conntrack;
pub(crate) mod cores;
pub(crate) mod descriptors;
pub(crate) mod memory;
pub(crate) mod ports;
pub(crate) mod tcp;
pub(crate) mod threads;

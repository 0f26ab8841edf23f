//! What is looked at when a run has ended: the server's process, and the wall.

use std::net::UdpSocket;

use super::{Run, watch};
use crate::plan::TargetPlan;
use crate::threshold::Outcome;
use crate::wall::{self, Context, Evidence, Wall};
use crate::worker::{Role, Worker};

/// The server's process, as far as it can be seen.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct ServerProcess {
    state: Option<char>,
    /// What one of its tables may hold.
    descriptors_max: Option<f64>,
}

impl Run<'_> {
    /// Looks at the server while it is still there.
    pub(super) fn look_at_server(&self) -> ServerProcess {
        let pid = match self.plan.target {
            TargetPlan::Spawn { .. } => self.workers.get(&Role::Server).map(Worker::pid),
            TargetPlan::Attach { pid, .. } => pid,
        };
        let Some(pid) = pid else { return ServerProcess::default() };
        let limits = std::fs::read_to_string(format!("/proc/{pid}/limits")).unwrap_or_default();
        ServerProcess { state: watch::state(pid), descriptors_max: descriptors_max(&limits) }
    }

    pub(super) fn wall(&self, outcomes: &[Outcome], server: ServerProcess) -> Option<Wall> {
        let ip = self.target.map(|target| target.ip());
        let evidence = Evidence::gather(Context {
            plan: self.plan,
            facts: &self.facts,
            times: &self.times,
            host: &self.host,
            outcomes,
            broke: self.broke.clone(),
            server_state: server.state,
            server_descriptors_max: server.descriptors_max,
            loopback: ip.is_some_and(|ip| ip.is_loopback()),
            // Only an address of this machine can be bound.
            here: ip.is_some_and(|ip| UdpSocket::bind((ip, 0)).is_ok()),
        });
        wall::verdict(&evidence, self.find_wall)
    }
}

/// The soft limit, which is the one that holds, of `Max open files`.
fn descriptors_max(limits: &str) -> Option<f64> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_ascii_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_the_soft_one() {
        let limits = "Limit                     Soft Limit           Hard Limit           Units\n\
                      Max open files            1024                 20000                files\n";
        assert_eq!(descriptors_max(limits), Some(1024.0));
        assert_eq!(descriptors_max("Max open files            unlimited unlimited files"), None);
        assert_eq!(descriptors_max(""), None);
    }
}

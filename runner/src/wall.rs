//! The wall: what kept a run from its plan, ranked, each cause with the numbers that speak for it.
//!
//! [`gather`] makes [`evidence`], plain numbers, of what the run has learnt; [`verdict`] is a pure function of them. [`ended`]
//! goes by what stopped or broke, [`failures`] by errors, [`silence`] by timeouts, [`load`] by what was slow, and
//! [`gauges`] by what was full.
//!
//! **How causes are ranked.** By what proves them, then by side, then by how much they explain:
//!
//! 1. *Counted*: an error that names its limit (no free port, 503, ENFILE, the reserve of memory). The generator's come
//!    first, because a generator at its limit has not tested the server's; the others by their share of the
//!    shortfall. One that explains less than a tenth of it comes after those that explain more.
//! 2. *Inferred*: an error or a shortfall whose cause shows elsewhere (a timeout, and a full accept queue).
//! 3. *Gauge*: nothing failed for it, but it was near its limit.
//!
//! In 2 and 3 the generator comes before the machine, the machine before the kernel, and the server last: a server that
//! shares a full machine, or answers a generator without a core to spare, is not known to be slow. When the generator
//! has used up its cores, timeouts and slow logins count against the generator, and the server is not named for them.
//!
//! **What cannot be known is said.** A server on another machine, or one without a `target.pid`, has no CPU, memory or
//! descriptors that can be seen from here; `unknown` lists them. `/proc/net/netstat` counts for a whole network
//! namespace, so another server's overflows are in it; it is only asked about connects that got no answer at all.
//!
//! Left out: limits of cgroups, which are neither the machine's nor a process's; disks; the network between machines.

mod ended;
mod evidence;
mod failures;
mod gather;
mod gauges;
mod load;
mod silence;
#[cfg(test)]
mod tests;

use std::cmp::Reverse;

use serde::Serialize;

pub(crate) use evidence::{Broke, Evidence};
pub(crate) use gather::Context;

/// Explains less of a shortfall than this: listed after what explains more.
const MINOR_SHARE: f64 = 0.1;

/// Whose limit it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Side {
    Generator,
    /// Both ends share it.
    Machine,
    Kernel,
    /// Between the machines.
    Network,
    Server,
}

/// What proves a cause; see the module's documentation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Proof {
    Counted,
    Inferred,
    Gauge,
}

/// Something that kept the run from its plan, or was about to.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Cause {
    /// `generator.ports`: whose, and what.
    #[serde(rename = "cause")]
    pub(crate) key: &'static str,
    pub(crate) side: Side,
    #[serde(skip)]
    pub(crate) proof: Proof,
    /// 0 to 1: the share of the shortfall that it explains; of a gauge, how full it was.
    pub(crate) weight: f64,
    /// One line, with the numbers.
    pub(crate) evidence: String,
    /// The one thing to try.
    pub(crate) advice: String,
}

impl Cause {
    fn new(
        key: &'static str,
        proof: Proof,
        weight: f64,
        evidence: String,
        advice: impl Into<String>,
    ) -> Self {
        let side = match key.split('.').next() {
            Some("generator") => Side::Generator,
            Some("machine") => Side::Machine,
            Some("kernel") => Side::Kernel,
            Some("network") => Side::Network,
            _ => Side::Server,
        };
        let weight = (weight.clamp(0.0, 1.0) * 1000.0).round() / 1000.0;
        Self { key, side, proof, weight, evidence, advice: advice.into() }
    }

    /// Smaller is ranked higher.
    fn rank(&self) -> impl Ord + use<> {
        let counted = self.proof == Proof::Counted;
        let minor = counted && self.weight < MINOR_SHARE;
        // Of what was counted, only the generator's comes first; the rest goes by weight.
        let side = if counted && self.side != Side::Generator { Side::Server } else { self.side };
        (self.proof, minor, side, Reverse((self.weight * 1000.0) as u64), self.key)
    }
}

/// Something that has a limit, and how near it was.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Nearest {
    pub(crate) cause: &'static str,
    /// Of its limit, 0 to 1.
    pub(crate) ratio: f64,
    /// Cores that the run itself used, where others may have used the rest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) run_cores: Option<f64>,
}

/// `wall` in the summary.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Wall {
    /// The key of the first cause.
    pub(crate) first: Option<&'static str>,
    /// In order.
    pub(crate) causes: Vec<Cause>,
    /// Where the run fell short of its plan, in words; empty when it met it.
    pub(crate) shortfall: Vec<String>,
    /// Of all that was measured, what was nearest to its limit.
    pub(crate) nearest: Option<Nearest>,
    /// What could not be seen from here.
    pub(crate) unknown: Vec<String>,
}

/// The causes, ranked.
pub(crate) fn causes(evidence: &Evidence) -> Vec<Cause> {
    let mut causes = ended::causes(evidence);
    causes.extend(failures::causes(evidence));
    causes.extend(silence::causes(evidence));
    causes.extend(load::causes(evidence));
    causes.extend(gauges::causes(evidence));
    causes.sort_by_cached_key(Cause::rank);
    // What is proven by its errors need not be said again because its gauge was full.
    let mut said: Vec<&str> = Vec::new();
    causes.retain(|cause| {
        let new = !said.contains(&cause.key);
        said.push(cause.key);
        new
    });
    causes
}

/// The verdict; `None` when the run met its plan and nobody asked.
pub(crate) fn verdict(evidence: &Evidence, asked: bool) -> Option<Wall> {
    let shortfall = evidence.shortfall();
    if shortfall.is_empty() && !asked {
        return None;
    }
    let causes = causes(evidence);
    let first = causes.first().map(|cause| cause.key);
    Some(Wall { first, causes, shortfall, nearest: gauges::nearest(evidence), unknown: evidence.unknown() })
}

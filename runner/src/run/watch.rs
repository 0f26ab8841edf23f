//! What the run keeps an eye on while it waits: memory that runs low, and workers that have fallen silent.

use std::collections::BTreeMap;
use std::time::Instant;

use serde_json::json;
use telemetry::{Command, Stamp};

use super::{Cut, Run};
use crate::progress::Phase;
use crate::reserve::Stopped;
use crate::seen::{COUNTERS, MEMORY_FREE, Stage};
use crate::wall::Broke;
use crate::worker::Role;

/// How many of the run's own samples, one a second, may go by without a word from a worker, which has one to say each
/// second; then it is stuck. Counted in samples, so that a runner that was stopped itself blames nobody.
pub(super) const WEDGED_SAMPLES: u32 = 15;

impl Run<'_> {
    /// Whether connections are being opened, or may be by a step of the hold.
    pub(super) fn is_opening(&self) -> bool {
        if self.facts.stopped.is_some() {
            return false;
        }
        match self.phase {
            Phase::Ramp => self.facts.ramp.is_none(),
            Phase::Hold | Phase::Settle => {
                let connections_max = self.plan.connections_max();
                connections_max > self.plan.connections.count
                    && self.facts.value("connections.logins") < connections_max as f64
            }
            _ => false,
        }
    }

    /// Opens no more connections when less memory is free than the plan keeps in reserve.
    pub(super) fn watch_memory(&mut self, now: Instant) {
        if !self.is_opening() {
            return;
        }
        let Some(free_bytes) = self.free_memory.read_due(now) else { return };
        self.facts.seen.see_one(Stamp::now().mono_us, MEMORY_FREE, free_bytes as f64);
        let reserve_bytes = self.reserve_bytes;
        if free_bytes >= reserve_bytes {
            return;
        }
        let at = self.facts.value("connections.open") + self.facts.value("connections.opening");
        let stopped = Stopped { at: at as u64, free_bytes, reserve_bytes };
        self.facts.stopped = Some(stopped);
        self.tell(Role::Generator, &Command::Settle);
        // A full disk is reported by the next ordinary sample.
        let _ = self.mark("ramp.stopped", stopped.attributes());
    }

    /// Once for each of the run's own samples: who has said nothing for too long is stuck.
    pub(super) fn watch_workers(&mut self) -> Result<(), Cut> {
        let sending = self.times.messages_began_us.is_some() && self.facts.published.is_none();
        for role in self.workers.keys() {
            // A worker speaks once it is ready; the publisher only while it sends, the ceiling only when it is measured.
            let speaks = match role {
                Role::Server | Role::Generator => self.facts.ready.contains_key(role),
                Role::Publisher => sending,
                Role::Limit => false,
            };
            let silent = self.silent.entry(*role).or_default();
            *silent = if speaks { *silent + 1 } else { 0 };
        }
        let stuck = self.silent.iter().find(|(_, samples)| **samples >= WEDGED_SAMPLES);
        match stuck {
            Some((role, _)) => Err(Cut::Wedged(*role)),
            None => Ok(()),
        }
    }

    /// The machine comes under load, or (`None`) the load ends. What is sampled next holds for the time from now on.
    pub(super) fn load(&mut self, stage: Option<Stage>) -> Result<(), Cut> {
        self.sample()?;
        if stage == Some(Stage::Ramp) {
            self.facts.seen.began = self.counters();
        }
        self.facts.seen.enter(stage, Stamp::now().mono_us);
        Ok(())
    }

    /// Nothing from now on is evidence of what kept the run from its plan.
    pub(super) fn close_evidence(&mut self) -> Result<(), Cut> {
        self.sample()?;
        self.facts.seen.ended = Some(self.counters());
        Ok(())
    }

    fn counters(&self) -> BTreeMap<&'static str, f64> {
        COUNTERS.into_iter().filter_map(|name| Some((name, *self.facts.values.get(name)?))).collect()
    }

    /// A worker that is stuck, in a sentence; from here on it is not waited for.
    pub(super) fn explain_wedged(&mut self, role: Role) -> String {
        let state = self.workers.get(&role).and_then(|worker| state(worker.pid()));
        let _ = self.mark("worker.stuck", json!({ "worker": role.name(), "state": state.map(state_word) }));
        let state = state.map_or(String::new(), |state| format!(" (it is {})", state_word(state)));
        let sentence =
            format!("the {} has said nothing for {WEDGED_SAMPLES} s: it is stuck{state}", role.name());
        self.broke = Some(Broke { role, stuck: true, killed: false, sentence: sentence.clone() });
        sentence
    }
}

/// A process's state, as `/proc/PID/stat` has it.
pub(crate) fn state(pid: u32) -> Option<char> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(") ")?.1.chars().next()
}

fn state_word(state: char) -> &'static str {
    match state {
        'R' => "running",
        'S' => "sleeping",
        'D' => "in an uninterruptible sleep: a disk or the kernel keeps it",
        'T' => "stopped by a signal",
        't' => "stopped by a debugger",
        'Z' => "dead",
        _ => "in a state of its own",
    }
}

//! The run's workers: started, told, ended, and their deaths explained.

use std::ffi::OsString;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::time::{Duration, Instant};

use telemetry::{BundleError, Command};

use super::{Cut, Run};
use crate::facts::Facts;
use crate::wall::Broke;
use crate::worker::{Event, Role, Worker};

/// How long a worker may take to say that it is ready.
const READY_PATIENCE: Duration = Duration::from_secs(20);

/// How long a worker may take to end when it is told to; then it is killed.
const END_PATIENCE: Duration = Duration::from_secs(10);

/// The signal that only the kernel and a person send.
const SIGKILL: i32 = 9;

/// How long to look, when a worker has ended, whether another one's end was the cause.
const BLAME_PATIENCE: Duration = Duration::from_millis(300);

impl Run<'_> {
    /// Starts a worker and waits until it is ready.
    pub(super) fn start(&mut self, role: Role, arguments: &[OsString]) -> Result<(), Cut> {
        let worker = Worker::start(role, &self.program, arguments, &self.tell_events)
            .map_err(|error| Cut::Stuck(format!("could not start the {}: {error}", role.name())))?;
        let pid = worker.pid();
        self.workers.insert(role, worker);
        let over = move |facts: &Facts| role == Role::Limit && facts.limit_over;
        let ready = self.pump(READY_PATIENCE, move |facts| facts.ready.contains_key(&role) || over(facts))?;
        if over(&self.facts) {
            return Ok(());
        }
        if !ready {
            return Err(Cut::Stuck(format!("the {} was not ready within {READY_PATIENCE:?}", role.name())));
        }
        // A worker that has ended since is reported when its output ends.
        let _ = self.sampler.watch(pid, role.name());
        self.sample()
    }

    /// A worker's output has ended. The publisher may end when it is done; anyone else's end is the run's.
    pub(super) fn ended(&mut self, role: Role) -> Result<(), Cut> {
        self.ended.insert(role);
        if role == Role::Limit {
            // A run without a ceiling is a run all the same.
            self.facts.limit_over = true;
            return Ok(());
        }
        if !self.workers.contains_key(&role) || (role == Role::Publisher && self.facts.published.is_some()) {
            return Ok(());
        }
        Err(Cut::Died(role))
    }

    pub(super) fn tell(&mut self, role: Role, command: &Command) {
        if let Some(worker) = self.workers.get_mut(&role) {
            worker.tell(command);
        }
    }

    /// Tells a worker to end, takes in its last words, and kills it when it does not end.
    pub(super) fn end(&mut self, role: Role) -> Result<(), BundleError> {
        let Some(mut worker) = self.workers.remove(&role) else { return Ok(()) };
        self.sampler.unwatch(worker.pid());
        if self.broke.as_ref().is_some_and(|broke| broke.stuck && broke.role == role) {
            worker.kill();
        } else {
            worker.tell(&Command::Stop);
        }
        let deadline = Instant::now() + END_PATIENCE;
        let mut said_all = self.ended.contains(&role);
        // Its output may end a moment before or after it does.
        while Instant::now() < deadline && !(said_all && worker.end().is_some()) {
            match self.events.recv_timeout(Duration::from_millis(5)) {
                Ok(Event::Frame(role, frame)) => self.take(role, &frame)?,
                Ok(Event::Ended(ended)) => said_all |= ended == role,
                Ok(Event::Interrupted) | Err(_) => {}
            }
        }
        Ok(())
    }

    /// Who died first, and how. A server's death is soon everyone's, so those behind it are looked at for a moment.
    pub(super) fn explain_death(&mut self, noticed: Role) -> String {
        let broke = self.find_death(noticed);
        let sentence = broke.sentence.clone();
        self.broke = Some(broke);
        sentence
    }

    fn find_death(&mut self, noticed: Role) -> Broke {
        let deadline = Instant::now() + BLAME_PATIENCE;
        loop {
            let suspects = [Role::Server, Role::Generator, Role::Publisher].into_iter();
            for role in suspects.take_while(|role| *role != noticed || Instant::now() >= deadline) {
                let Some(worker) = self.workers.get_mut(&role) else { continue };
                let Some(status) = worker.end() else { continue };
                let words = worker.last_words();
                let colon = if words.is_empty() { "" } else { ": " };
                let how = self.explain_end(status);
                let sentence = format!("the {} ended before the run did ({how}){colon}{words}", role.name());
                let killed = status.signal() == Some(SIGKILL);
                return Broke { role, stuck: false, killed, sentence };
            }
            if Instant::now() >= deadline + BLAME_PATIENCE {
                let sentence = format!("the {} has closed its output and is stuck", noticed.name());
                return Broke { role: noticed, stuck: true, killed: false, sentence };
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// How a process ended. Only the kernel and a person send SIGKILL, and the kernel counts when it does.
    fn explain_end(&mut self, status: ExitStatus) -> String {
        if status.signal() != Some(SIGKILL) {
            return status.to_string();
        }
        // Fresh figures; a full disk has been reported by then.
        let _ = self.sample();
        match self.facts.values.get("host.oom_kills") {
            Some(kills) if *kills > 0.0 => format!(
                "killed by signal 9: the kernel's out-of-memory killer, which has struck {} since the run began; \
                 see dmesg",
                crate::words::counted(*kills as u64, "time", "times")
            ),
            Some(_) => {
                "killed by signal 9: somebody's kill; the kernel has killed nobody for want of memory".into()
            }
            None => {
                "killed by signal 9: the kernel's out-of-memory killer, or somebody's kill; see dmesg".into()
            }
        }
    }
}

//! A worker as a child process: commands in, frames out, and an end that cannot be missed.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command as Process, ExitStatus, Stdio};
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use telemetry::{Command, Frame, FrameReader};

use crate::ceiling;

/// Events that wait for the run's loop; when it is behind, workers wait in their pipes.
pub(crate) const EVENTS_MAX: usize = 1024;

/// Lines of a worker's stderr that are kept for the message about its death; older ones are forgotten.
const STDERR_LINES_MAX: usize = 20;

/// Bytes of one such line; the rest is cut.
const STDERR_LINE_BYTES_MAX: u64 = 4096;

/// How long a killed worker may take to be gone. One that the kernel keeps in an uninterruptible sleep is left to the
/// system after that: it dies as soon as it wakes.
const KILL_PATIENCE: Duration = Duration::from_secs(5);

/// What part a worker plays in a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Role {
    /// The target server.
    Server,
    /// The flood.
    Generator,
    /// The sender of messages.
    Publisher,
    /// The measurement of the machine's own ceiling, before the others.
    Limit,
}

impl Role {
    /// As frames name it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Generator => "generator",
            Self::Publisher => "publisher",
            Self::Limit => ceiling::NAME,
        }
    }
}

/// What reaches the run from outside.
#[derive(Debug)]
pub(crate) enum Event {
    /// A worker has said something.
    Frame(Role, Box<Frame>),
    /// A worker's output has ended, so the worker has, or is about to.
    Ended(Role),
    /// The user wants the run to end.
    Interrupted,
}

/// A running worker. Dropped, it is killed: whatever happens to the run, no process stays behind.
#[derive(Debug)]
pub(crate) struct Worker {
    child: Child,
    stdin: Option<ChildStdin>,
    stderr: Arc<Mutex<VecDeque<String>>>,
}

impl Worker {
    /// Starts `program` with `arguments`; its frames, and its end, go to `events`.
    pub(crate) fn start(
        role: Role,
        program: &Path,
        arguments: &[OsString],
        events: &SyncSender<Event>,
    ) -> std::io::Result<Self> {
        let mut child = Process::new(program)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let stdin = child.stdin.take();
        if let Some(stdout) = child.stdout.take() {
            let events = events.clone();
            std::thread::spawn(move || {
                for frame in FrameReader::new(stdout) {
                    // Frames of later versions cannot come from our own child; a broken line is its last.
                    let Ok(frame) = frame else { break };
                    if events.send(Event::Frame(role, Box::new(frame))).is_err() {
                        return;
                    }
                }
                let _ = events.send(Event::Ended(role));
            });
        }
        let stderr = Arc::new(Mutex::new(VecDeque::new()));
        if let Some(pipe) = child.stderr.take() {
            let lines = Arc::clone(&stderr);
            std::thread::spawn(move || keep_last_lines(BufReader::new(pipe), &lines));
        }
        Ok(Self { child, stdin, stderr })
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Tells the worker something. A worker that is gone is noticed by its output's end.
    ///
    /// One that is stuck does not read, and still the write does not wait: a run says some twenty commands of less than
    /// a hundred bytes, and a pipe takes 64 KiB (4 KiB where the user has used up its share of pipes).
    pub(crate) fn tell(&mut self, command: &Command) {
        let mut line = Vec::new();
        command.to_line(&mut line);
        if let Some(stdin) = &mut self.stdin {
            let _ = stdin.write_all(&line);
        }
    }

    /// Ends it without asking.
    pub(crate) fn kill(&mut self) {
        drop(self.stdin.take());
        let _ = self.child.kill();
    }

    /// How the process has ended, if it has.
    pub(crate) fn end(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// The last lines of its stderr.
    pub(crate) fn last_words(&self) -> String {
        let lines = self.stderr.lock().unwrap_or_else(PoisonError::into_inner);
        lines.iter().cloned().collect::<Vec<_>>().join("\n")
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        drop(self.stdin.take());
        if let Ok(None) = self.child.try_wait() {
            let _ = self.child.kill();
        }
        let deadline = Instant::now() + KILL_PATIENCE;
        while let (Ok(None), true) = (self.child.try_wait(), Instant::now() < deadline) {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

fn keep_last_lines(mut pipe: impl BufRead, lines: &Mutex<VecDeque<String>>) {
    loop {
        let mut line = Vec::new();
        match pipe.by_ref().take(STDERR_LINE_BYTES_MAX).read_until(b'\n', &mut line) {
            Ok(0) | Err(_) => return,
            Ok(_) => {
                let mut lines = lines.lock().unwrap_or_else(PoisonError::into_inner);
                if lines.len() == STDERR_LINES_MAX {
                    lines.pop_front();
                }
                lines.push_back(String::from_utf8_lossy(&line).trim_end().to_owned());
            }
        }
    }
}

//! What any command prints: lines of a name and a value, `name value`.
//!
//! The command is run by `sh -c` at each sample, in a thread of its own, one at a time: while it runs, it is not
//! started again, and what it prints after [`SCRAPE_PATIENCE`] is part of the next sample. A value's name is `NAME.name`; it is
//! a counter if it ends in `_total`, and else a gauge.
//!
//! What goes wrong is told once, until it has gone well for a while: a command that fails, runs longer than
//! [`RUN_MAX`] (it is killed, and whatever it started in its process group with it), prints more than
//! [`OUTPUT_BYTES_MAX`], or prints lines that are no such pair. Good lines count all the same.

use std::collections::{BTreeMap, HashMap};
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use telemetry::{Kind, Meaning};

use crate::errand::Errand;
use crate::scrape::Outage;
use crate::values::NAME_BYTES_MAX;
use crate::{SCRAPE_PATIENCE, SarError, Source, Values};

/// How long a command may run; then it is killed, and what it has printed is not used.
pub const RUN_MAX: Duration = Duration::from_secs(10);

/// The most that is read of what a command prints. One that prints more is killed, and nothing of it is used.
pub const OUTPUT_BYTES_MAX: usize = 64 << 10;

/// The most values that are taken from a command. Further names are left out.
pub const VALUES_MAX: usize = 256;

/// How often a command that has closed its output and not ended is looked at.
const END_LOOK: Duration = Duration::from_millis(2);

/// A command that is run at each sample.
#[derive(Debug)]
pub struct Exec {
    name: String,
    command: String,
    errand: Errand<Result<Vec<u8>, String>>,
    running: Running,
    names: HashMap<String, Arc<str>>,
    outage: Outage,
}

/// What is under way, for whoever drops the source meanwhile.
type Running = Arc<Mutex<UnderWay>>;

#[derive(Debug, Default)]
struct UnderWay {
    group: Option<Pid>,
    /// Nobody waits for the answer any more.
    unwanted: bool,
}

impl Exec {
    /// Runs `command` by `sh -c` at each sample; the names of its values begin with `name` and a dot.
    ///
    /// # Errors
    /// [`SarError::Argument`] for a name or a command that cannot be used; [`SarError::Kernel`] when no thread can be
    /// started.
    pub fn open(name: &str, command: &str) -> Result<Exec, SarError> {
        Exec::open_with(name, command, SCRAPE_PATIENCE, RUN_MAX)
    }

    fn open_with(name: &str, command: &str, patience: Duration, run_max: Duration) -> Result<Exec, SarError> {
        crate::meanings::check_prefix(name)?;
        if command.trim().is_empty() || command.contains('\0') {
            return Err(SarError::Argument(format!("'{name}' has no command to run")));
        }
        let running = Running::default();
        let (now_running, line) = (Arc::clone(&running), command.to_owned());
        let errand = Errand::start("sar-exec", patience, move || run(&line, run_max, &now_running));
        Ok(Exec {
            name: name.to_owned(),
            command: command.to_owned(),
            errand: errand.map_err(|source| SarError::Kernel { what: "a thread", source })?,
            running,
            names: HashMap::new(),
            outage: Outage::default(),
        })
    }

    /// Puts the values of good lines, and says what is wrong with the others.
    fn take(&mut self, output: &[u8], out: &mut Values) -> Result<(), String> {
        let mut junk = None;
        for line in
            output.split(|&byte| byte == b'\n').map(<[u8]>::trim_ascii).filter(|line| !line.is_empty())
        {
            let Some((name, value)) = parse(line) else {
                junk =
                    junk.or_else(|| Some(String::from_utf8_lossy(line).chars().take(40).collect::<String>()));
                continue;
            };
            if let Some(name) = self.names.get(name) {
                out.push(name, value);
            } else if self.names.len() < VALUES_MAX && name.len() <= NAME_BYTES_MAX {
                let full: Arc<str> = format!("{}.{name}", self.name).into();
                out.push(&full, value);
                self.names.insert(name.to_owned(), full);
            }
        }
        junk.map_or(Ok(()), |line| Err(format!("the line '{line}' is not a name and a number")))
    }
}

impl Source for Exec {
    fn begin(&mut self) {
        self.errand.begin();
    }

    fn sample(&mut self, out: &mut Values) -> Result<(), SarError> {
        // A command that takes its time is no trouble: only what it says, late or not.
        let Some(answer) = self.errand.answer() else { return Ok(()) };
        let trouble = answer.and_then(|output| self.take(&output, out)).err();
        let is_news = self.outage.is_news(trouble.as_deref());
        match trouble.filter(|_| is_news) {
            Some(reason) => Err(SarError::Command { command: self.command.clone(), reason }),
            None => Ok(()),
        }
    }

    fn meanings(&self, out: &mut BTreeMap<String, Meaning>) {
        for (name, full) in &self.names {
            let kind = if name.ends_with("_total") { Kind::Counter } else { Kind::Gauge };
            let help = format!("What the command of '{}' prints as {name}.", self.name);
            out.insert(full.to_string(), Meaning { kind, help });
        }
    }
}

impl Drop for Exec {
    fn drop(&mut self) {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        running.unwanted = true;
        kill(running.group);
    }
}

/// `name value`: the name of letters, digits and `_ . : -`, the value finite.
fn parse(line: &[u8]) -> Option<(&str, f64)> {
    let mut words = std::str::from_utf8(line).ok()?.split_ascii_whitespace();
    let (name, value, more) = (words.next()?, words.next()?, words.next());
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"_.:-".contains(&byte);
    let value: f64 = value.parse().ok()?;
    (more.is_none() && name.len() <= 128 && name.bytes().all(fits) && value.is_finite())
        .then_some((name, value))
}

/// What the command prints, or what is wrong with it.
fn run(command: &str, run_max: Duration, running: &Running) -> Result<Vec<u8>, String> {
    let deadline = Instant::now() + run_max;
    let mut child = Command::new("sh")
        .args(["-c", command])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
        .map_err(|error| format!("'sh' cannot be run: {error}"))?;
    let group = i32::try_from(child.id()).ok().map(Pid::from_raw);
    if set(running, group) {
        kill(group);
    }
    let result = finish(&mut child, deadline);
    // Before it is waited for, so that its number cannot be another's yet.
    set(running, None);
    if result.is_err() {
        kill(group);
    }
    let status = child.wait().map_err(|error| error.to_string());
    let output = result.map_err(|trouble| match trouble {
        Trouble::Late => format!("it ran longer than {} s and was killed", run_max.as_secs_f64()),
        Trouble::Long => format!("it printed more than {OUTPUT_BYTES_MAX} bytes and was killed"),
        Trouble::Read(error) => error.to_string(),
    })?;
    ended_well(status?).map(|()| output)
}

/// Says what is under way, and is told whether it is unwanted.
fn set(running: &Running, group: Option<Pid>) -> bool {
    let mut running = running.lock().unwrap_or_else(PoisonError::into_inner);
    running.group = group;
    running.unwanted
}

fn kill(group: Option<Pid>) {
    if let Some(group) = group {
        // It may have ended just now.
        let _ = killpg(group, Signal::SIGKILL);
    }
}

fn ended_well(status: ExitStatus) -> Result<(), String> {
    match (status.code(), status.signal()) {
        (Some(0), _) => Ok(()),
        (Some(127), _) => Err("there is no such command".to_owned()),
        (Some(code), _) => Err(format!("it ended with the exit code {code}")),
        (None, signal) => Err(format!("it was ended by the signal {}", signal.unwrap_or_default())),
    }
}

enum Trouble {
    Late,
    Long,
    Read(io::Error),
}

/// Reads until the output is closed, and sees that the command ends: it is not waited for, which comes after.
fn finish(child: &mut Child, deadline: Instant) -> Result<Vec<u8>, Trouble> {
    let mut output = Vec::new();
    let mut stdout = child.stdout.take().ok_or_else(|| Trouble::Read(io::ErrorKind::BrokenPipe.into()))?;
    let mut part = [0; 4_096];
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let timeout = PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX);
        match poll(&mut [PollFd::new(stdout.as_fd(), PollFlags::POLLIN)], timeout) {
            Ok(0) => return Err(Trouble::Late),
            Ok(_) => {}
            Err(nix::errno::Errno::EINTR) => continue,
            Err(errno) => return Err(Trouble::Read(errno.into())),
        }
        match stdout.read(&mut part).map_err(Trouble::Read)? {
            0 => break,
            bytes if output.len() + bytes > OUTPUT_BYTES_MAX => return Err(Trouble::Long),
            bytes => output.extend_from_slice(&part[..bytes]),
        }
    }
    while child.try_wait().map_err(Trouble::Read)?.is_none() {
        if Instant::now() >= deadline {
            return Err(Trouble::Late);
        }
        thread::sleep(END_LOOK);
    }
    Ok(output)
}

#[cfg(test)]
#[path = "exec_tests.rs"]
mod tests;

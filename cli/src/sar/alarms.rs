//! What happens when a queue passes its threshold, or comes back: a line on stderr, and the user's command.

use std::ffi::{CString, OsString};
use std::io;
use std::os::unix::ffi::OsStringExt;

use nix::spawn::{PosixSpawnAttr, PosixSpawnFileActions, PosixSpawnFlags, posix_spawn};
use nix::sys::signal::SigSet;
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
use telemetry::Mark;

use crate::output::grouped;
use crate::sar::console::Console;
use crate::sar::json::number;
use crate::sar::units::seconds;

/// Commands under way at a time. An alert that comes while so many are is told and recorded, and its command is not
/// run.
const COMMANDS_MAX: usize = 8;

/// What the names of an alert's marks begin with; `raised`, `cleared` or `silent` follows.
pub(crate) const ALERT: &str = "alert.";

pub(crate) struct Alarms {
    console: Console,
    command: Option<String>,
    running: Vec<Pid>,
}

impl Alarms {
    pub(crate) fn new(command: Option<&str>, console: Console) -> Alarms {
        Alarms { console, command: command.map(str::to_owned), running: Vec::new() }
    }

    /// Tells it and runs the command.
    pub(crate) fn tell(&mut self, mark: &Mark) {
        self.console.say(&sentence(mark));
        let Some(command) = &self.command else { return };
        self.running.retain(|pid| is_running(*pid));
        if self.running.len() >= COMMANDS_MAX {
            self.console
                .say(&format!("note: {COMMANDS_MAX} alert commands are still running; this one was not run"));
            return;
        }
        match run(command, mark) {
            Ok(pid) => self.running.push(pid),
            Err(error) => self.console.say(&format!("note: could not run the alert command: {error}")),
        }
    }

    /// Takes note of commands that have ended, so that none stays behind as a zombie.
    pub(crate) fn look(&mut self) {
        if !self.running.is_empty() {
            self.running.retain(|pid| is_running(*pid));
        }
    }
}

fn is_running(pid: Pid) -> bool {
    matches!(waitpid(pid, Some(WaitPidFlag::WNOHANG)), Ok(WaitStatus::StillAlive))
}

/// Starts the command with the signals that this process keeps blocked open again.
fn run(command: &str, mark: &Mark) -> io::Result<Pid> {
    let mut attributes = PosixSpawnAttr::init()?;
    attributes.set_sigmask(&SigSet::empty())?;
    attributes.set_flags(PosixSpawnFlags::POSIX_SPAWN_SETSIGMASK)?;
    let files = PosixSpawnFileActions::init()?;
    // Standard output is the table's.
    let words =
        [c"sh".to_owned(), c"-c".to_owned(), CString::new(format!("exec </dev/null >&2\n{command}"))?];
    let environment = environment(mark)?;
    Ok(posix_spawn(c"/bin/sh", &files, &attributes, &words, &environment)?)
}

fn environment(mark: &Mark) -> io::Result<Vec<CString>> {
    let text = |name: &str| mark.attributes.get(name).and_then(|value| value.as_str()).map(str::to_owned);
    let figure = |name: &str| number(mark, name).map(|value| value.to_string()).or_else(|| text(name));
    let what = mark.name.strip_prefix(ALERT).unwrap_or(&mark.name);
    let own = [
        ("FLOODMARK_ALERT", Some(what.to_owned())),
        ("FLOODMARK_QUEUE", text("queue")),
        ("FLOODMARK_LENGTH", figure("length")),
        ("FLOODMARK_DELAY_S", figure("delay_s")),
        ("FLOODMARK_DRAIN_S", figure("drain_s")),
    ];
    let own =
        own.into_iter().filter_map(|(name, value)| Some((OsString::from(name), OsString::from(value?))));
    std::env::vars_os()
        .filter(|(name, _)| !name.to_string_lossy().starts_with("FLOODMARK_"))
        .chain(own)
        .map(|(mut name, value)| {
            name.push("=");
            name.push(value);
            CString::new(name.into_vec()).map_err(io::Error::from)
        })
        .collect()
}

fn sentence(mark: &Mark) -> String {
    let text = |name: &str| mark.attributes.get(name).and_then(|value| value.as_str());
    let queue = text("queue").unwrap_or("?");
    let mut parts = Vec::new();
    parts.extend(number(mark, "length").map(|length| format!("length {}", grouped(length.max(0.0) as u64))));
    parts.extend(number(mark, "delay_s").map(|delay_s| format!("delay {}", seconds(delay_s))));
    parts.extend(match number(mark, "drain_s") {
        Some(drain_s) => Some(format!("empty in {}", seconds(drain_s))),
        None => mark.attributes.contains_key("drain_s").then(|| "not draining".to_owned()),
    });
    let threshold = text("threshold").map_or_else(String::new, |threshold| format!(" ({threshold})"));
    let (what, more) = match mark.name.strip_prefix(ALERT) {
        Some("raised") => ("alert", threshold),
        Some("silent") => {
            ("alert stands, and nothing more is heard", format!(" when it was last heard of{threshold}"))
        }
        _ => ("alert cleared", String::new()),
    };
    format!("{what}: queue '{queue}': {}{more}", parts.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queue_that_falls_silent_is_told_in_its_own_words() {
        let attributes =
            [("queue", "jobs".into()), ("length", 7.into()), ("threshold", "length over 5".into())];
        let attributes = attributes.map(|(name, value): (&str, serde_json::Value)| (name.to_owned(), value));
        for (name, said, told) in [
            ("alert.raised", "alert: queue 'jobs': length 7 (length over 5)", "raised"),
            (
                "alert.silent",
                "alert stands, and nothing more is heard: queue 'jobs': length 7 when it was last heard of (length over 5)",
                "silent",
            ),
            ("alert.cleared", "alert cleared: queue 'jobs': length 7", "cleared"),
        ] {
            let mark = Mark { name: name.into(), attributes: attributes.clone().into(), ..Mark::default() };
            assert_eq!(sentence(&mark), said);
            let expected = CString::new(format!("FLOODMARK_ALERT={told}")).expect("no zero");
            assert!(environment(&mark).expect("variables").contains(&expected));
        }
    }
}

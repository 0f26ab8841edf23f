//! `run --repeat K` and `--against BINARY`: the same scenario several times, each run a process of its own.
//!
//! ```text
//!   --repeat 3                      1     2     3         OUT/1 OUT/2 OUT/3
//!   --repeat 3 --against BINARY     a-1 b-1 a-2 b-2 a-3 b-3      a: BINARY, b: this one
//! ```
//!
//! Two builds take turns, so that whatever else the machine does in these minutes falls on both. Each build is used as
//! a whole, with its own generator and publisher: builds that speak different dialects to their workers can be compared
//! all the same.

use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use history::compare::Pairing;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use runner::COMMIT_VARIABLES;
use telemetry::Command as Told;

use crate::args::RunFlags;
use crate::exit::{Code, Ended, Exit};
use crate::history::{Metrics, Telling, compare};
use crate::output::say;
use crate::run::spread;
use crate::worker::commands;

/// The most runs of one build: what one wants to know is known by then, and a typing error ends.
pub(crate) const REPEAT_MAX: u32 = 100;

/// Runs of each build when only `--against` is given: fewer tell little from noise.
const REPEAT_AGAINST: u32 = 5;

/// How often a run is asked whether it has ended.
const LOOK_INTERVAL: Duration = Duration::from_millis(50);

/// One of the two builds, or the only one.
struct Build {
    program: PathBuf,
    /// What its runs' directories begin with.
    prefix: &'static str,
    /// Where it runs: git is asked there which commit it is of. `None`: here.
    directory: Option<PathBuf>,
    /// The directories of its runs so far.
    bundles: Vec<PathBuf>,
    /// How many of them missed a threshold.
    failed: usize,
}

/// Runs the scenario as often as the flags say.
pub(crate) fn main(flags: &RunFlags, out: &Path) -> Ended {
    let this = runner::this_program().map_err(Exit::broke)?;
    // A run may begin elsewhere.
    let (file, out) = (absolute(&flags.file)?, absolute(out)?);
    let mut builds = match &flags.against {
        Some(other) => vec![Build::other(executable(other)?), Build::new(this, "b-")],
        None => vec![Build::new(this, "")],
    };
    std::fs::create_dir_all(&out)
        .map_err(|error| Exit::broke(format!("could not make '{}': {error}", out.display())))?;
    let stop = commands(false);
    let repeat = flags.repeat.unwrap_or(REPEAT_AGAINST);
    let runs = repeat as usize * builds.len();
    for turn in 1..=repeat {
        for place in 0..builds.len() {
            let number = (turn as usize - 1) * builds.len() + place + 1;
            let build = &mut builds[place];
            let bundle = out.join(format!("{}{turn}", build.prefix));
            say(&format!("run {number} of {runs}: {}", build.program.display()));
            match build.run(flags, &file, &bundle, &stop)? {
                Code::Fine => {}
                Code::Failed => build.failed += 1,
                // The run has said itself what is wrong.
                code => return Ok(code),
            }
            build.bundles.push(bundle);
        }
    }
    say(&format!("the runs are in {}", out.display()));
    let missed = |build: &Build| match build.failed {
        0 => {}
        failed => {
            say(&format!("{failed} of {repeat} runs of {} missed a threshold", build.program.display()));
        }
    };
    builds.iter().for_each(missed);
    let judged = match &builds[..] {
        [only] => spread::tell(&only.bundles, flags.json)?,
        [a, b] => {
            let telling = Telling { json: flags.json, ..Telling::default() };
            compare(&a.bundles, &b.bundles, Pairing::Interleaved, &Metrics::default(), &telling)?
        }
        _ => unreachable!("one build or two"),
    };
    // What is new must hold its thresholds; what it is compared with is as it is.
    let last = builds.last().map_or(0, |build| build.failed);
    Ok(if last > 0 { Code::Failed } else { judged })
}

impl Build {
    fn new(program: PathBuf, prefix: &'static str) -> Build {
        Build { program, prefix, directory: None, bundles: Vec::new(), failed: 0 }
    }

    /// The one to compare with, which is not of the commit that is checked out here, but of its own place's, if any.
    fn other(program: PathBuf) -> Build {
        let directory = program.parent().map(Path::to_owned);
        Build { directory, ..Build::new(program, "a-") }
    }

    /// One run, to its end; told to stop, it ends early and says so.
    fn run(&self, flags: &RunFlags, file: &Path, bundle: &Path, stop: &Receiver<Told>) -> Result<Code, Exit> {
        let mut command = Command::new(&self.program);
        command.arg("run").arg(file).arg("--out").arg(bundle);
        for set in &flags.set {
            command.arg("--set").arg(set);
        }
        if let Some(commit) = &flags.commit {
            command.arg("--commit").arg(commit);
        }
        if let Some(directory) = &self.directory {
            command.current_dir(directory);
            COMMIT_VARIABLES.iter().for_each(|name| {
                command.env_remove(name);
            });
        }
        for (wanted, flag) in
            [(flags.limit, "--limit"), (flags.force, "--force"), (flags.find_wall, "--find-wall")]
        {
            if wanted {
                command.arg(flag);
            }
        }
        // Its own group: Ctrl-C comes to this process alone, which passes it on once.
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).process_group(0).spawn();
        let mut child = child.map_err(|error| {
            Exit::wrong_input(format!("could not start '{}': {error}", self.program.display()))
        })?;
        let ended = wait(&mut child, stop).map_err(Exit::broke)?;
        Ok(match ended.code() {
            Some(0) => Code::Fine,
            Some(1) => Code::Failed,
            Some(2) => Code::WrongInput,
            Some(3) => Code::Cannot,
            Some(5) => Code::NotEnough,
            _ => Code::Broke,
        })
    }
}

/// Waits for the run's end, and passes on what this process is told.
fn wait(child: &mut Child, stop: &Receiver<Told>) -> std::io::Result<ExitStatus> {
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        match stop.recv_timeout(LOOK_INTERVAL) {
            Ok(_) => {
                // Not yet waited for, so the number is still the child's own.
                let _ = kill(Pid::from_raw(child.id().cast_signed()), Signal::SIGTERM);
                return child.wait();
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return child.wait(),
        }
    }
}

fn absolute(path: &Path) -> Result<PathBuf, Exit> {
    std::path::absolute(path).map_err(|error| Exit::wrong_input(format!("'{}': {error}", path.display())))
}

/// The binary to compare with, as something that can be started from here.
fn executable(path: &Path) -> Result<PathBuf, Exit> {
    path.canonicalize().ok().filter(|path| path.is_file()).ok_or_else(|| {
        Exit::wrong_input(format!(
            "could not find '{}' (--against takes the path of another floodmark binary)",
            path.display()
        ))
    })
}

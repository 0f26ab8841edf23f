//! `floodmark run`: a scenario from beginning to verdict.

mod repeat;
mod spread;

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::mpsc::channel;

use runner::plan::Plan;
use runner::{Commit, Conclusion, RunError, Settings, Verdict};
use telemetry::{BundleError, Command};

use crate::args::RunFlags;
use crate::exit::{Code, Ended, Exit};
use crate::output::{print, say};
use crate::progress::Display;
use crate::table;
use crate::worker::commands;

pub(crate) use repeat::REPEAT_MAX;

pub(crate) fn main(flags: &RunFlags) -> Ended {
    let mut sets = flags.set.clone();
    sets.extend(flags.limit.then(|| "limit=true".to_owned()));
    let (scenario_text, plan) = runner::load(&flags.file, &sets).map_err(Exit::wrong_input)?;
    if flags.dry_run {
        print(plan.to_yaml().trim_end())?;
        return Ok(Code::Fine);
    }
    consult(&plan, flags)?;
    let out = flags.out.clone().unwrap_or_else(|| free_directory(&plan.name));
    if flags.repeat.is_some() || flags.against.is_some() {
        return repeat::main(flags, &out);
    }
    let program = runner::this_program().map_err(Exit::broke)?;
    let (interrupt, interrupts) = channel();
    let signals = commands(false);
    std::thread::spawn(move || {
        while let Ok(Command::Stop) = signals.recv() {
            let _ = interrupt.send(());
        }
    });
    let mut display = Display::new(&plan.name);
    let settings =
        Settings { program, out, scenario_text, find_wall: flags.find_wall, commit: commit(flags)? };
    let conclusion =
        runner::run(&plan, &settings, interrupts, &mut display).map_err(|error| match error {
            RunError::Bundle(BundleError::Occupied { .. }) => Exit::wrong_input(error),
            RunError::Bundle(_) => Exit::broke(error),
            RunError::Process(_) | RunError::Memory { .. } => Exit::cannot(error),
        })?;
    display.finish();
    let printed = if flags.json {
        print(&format!("{:#}", conclusion.summary))
    } else {
        table::print_verdict(&conclusion)
    };
    let code = end(&conclusion)?;
    match printed {
        // A reader that has gone away does not change the verdict.
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(code),
    }
}

/// Which commit the run stands for.
fn commit(flags: &RunFlags) -> Result<Option<Commit>, Exit> {
    match flags.commit.as_deref() {
        None => Ok(Commit::here()),
        Some("none") => Ok(None),
        Some(name) => Commit::named(name).map(Some).ok_or_else(|| {
            Exit::wrong_input(format!(
                "git knows no commit '{name}' here (write a branch, a tag, a hash, or 'none')"
            ))
        }),
    }
}

/// Asks the doctor whether this machine can carry the plan, before the first socket.
fn consult(plan: &Plan, flags: &RunFlags) -> Result<(), Exit> {
    let report = doctor::examine(&runner::demand(plan), &doctor::Machine::read());
    let Some(wall) = report.first_wall() else { return Ok(()) };
    let sentence = report.sentence();
    if flags.force {
        say(&format!("going on as told, though {sentence}"));
        return Ok(());
    }
    let mend = wall.mend.as_ref().map_or(String::new(), |mend| format!("\n  {}", mend.command));
    let file = flags.file.display();
    let sets: String = flags.set.iter().map(|set| format!(" --set '{set}'")).collect();
    Err(Exit::cannot(format!(
        "{sentence}{mend}\n(all of it: 'floodmark doctor --plan {file}{sets}'; to try it all the same: --force)"
    )))
}

fn end(conclusion: &Conclusion) -> Ended {
    let bundle = conclusion.bundle.display();
    if let Some(error) = &conclusion.undrawn {
        say(&format!("warning: {error} (draw the rest with 'floodmark plots {bundle} -o DIR')"));
    }
    say(&format!("the run is in {bundle}"));
    match &conclusion.verdict {
        Verdict::Pass => Ok(Code::Fine),
        Verdict::Fail => Ok(Code::Failed),
        Verdict::Incomplete(reason) => Err(Exit::broke(format!("the run did not come to its end: {reason}"))),
    }
}

/// `runs/NAME-DATE-TIME`, with a number behind it when that is taken.
fn free_directory(name: &str) -> PathBuf {
    let now = jiff::Timestamp::now().strftime("%Y%m%d-%H%M%S").to_string();
    let base = Path::new("runs").join(format!("{name}-{now}"));
    let numbered = (2..).map(|n| base.with_file_name(format!("{name}-{now}-{n}")));
    std::iter::once(base.clone()).chain(numbered).find(|path| !path.exists()).unwrap_or(base)
}

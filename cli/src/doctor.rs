//! `floodmark doctor`: what a plan needs, what this machine gives, and the first wall.
//!
//! With `--json` one object on stdout: `demand`, `machine`, `applied` (null unless asked for), and the keys of
//! [`doctor::Report`].

use std::io::{self, BufRead, IsTerminal};
use std::path::Path;

use doctor::{Applied, CONNECTIONS_MAX, Demand, Machine, Report, apply, examine, to_apply};
use serde_json::json;

use crate::args::DoctorFlags;
use crate::exit::{Code, Ended, Exit};
use crate::output::{print, say};
use crate::rows::print_rows;

/// What is asked about when nobody says how many.
const CONNECTIONS: u64 = 1_000_000;

pub(crate) fn main(flags: &DoctorFlags) -> Ended {
    if flags.apply && !flags.yes && !(io::stdin().is_terminal() && io::stderr().is_terminal()) {
        return Err(Exit::wrong_input(
            "--apply asks before it changes anything, and nobody is there to answer (add --yes)",
        ));
    }
    let demand = demand(flags)?;
    let mut machine = look(flags.root.as_deref());
    let mut report = examine(&demand, &machine);
    let mut applied = None;
    if flags.apply && !to_apply(&report).is_empty() {
        if !flags.json {
            print_rows(&report)?;
            print("")?;
        }
        may_apply(flags, &report, &machine)?;
        let done = apply(&report, flags.root.as_deref().unwrap_or(Path::new("/")));
        tell(flags, &done)?;
        applied = Some(done);
        machine = look(flags.root.as_deref());
        report = examine(&demand, &machine);
    }
    if flags.apply && applied.is_none() {
        say("there is nothing to set");
    }
    if flags.json {
        let mut object = json!({ "demand": demand, "machine": machine, "applied": applied });
        let rest = serde_json::to_value(&report).map_err(Exit::broke)?;
        if let (Some(object), serde_json::Value::Object(rest)) = (object.as_object_mut(), rest) {
            object.extend(rest);
        }
        print(&format!("{object:#}"))?;
    } else {
        print_rows(&report)?;
    }
    match applied {
        Some(Applied { failures, .. }) if !failures.is_empty() => {
            let failures: Vec<_> = failures.iter().map(ToString::to_string).collect();
            Err(Exit::cannot(failures.join("\nerror: ")))
        }
        _ => Ok(if report.first_wall().is_some() { Code::Cannot } else { Code::Fine }),
    }
}

fn demand(flags: &DoctorFlags) -> Result<Demand, Exit> {
    if let Some(file) = &flags.plan {
        let (_, plan) = runner::load(file, &flags.set).map_err(Exit::wrong_input)?;
        return Ok(runner::demand(&plan));
    }
    match flags.connections.map_or(CONNECTIONS, |connections| connections.0) {
        0 => Err(Exit::wrong_input("--connections must be at least 1")),
        connections @ 1..=CONNECTIONS_MAX => Ok(Demand::here(connections)),
        _ => Err(Exit::wrong_input("--connections must be below 2^32")),
    }
}

fn look(root: Option<&Path>) -> Machine {
    root.map_or_else(Machine::read, Machine::read_under)
}

/// Whether the settings may be written: by privilege, and by the user's word.
fn may_apply(flags: &DoctorFlags, report: &Report, machine: &Machine) -> Result<(), Exit> {
    let commands: Vec<_> = to_apply(report).iter().map(|mend| format!("  {}", mend.command)).collect();
    let commands = commands.join("\n");
    if machine.is_root != Some(true) {
        return Err(Exit::cannot(format!("this takes root, and nothing was changed:\n{commands}")));
    }
    if flags.yes {
        return Ok(());
    }
    say(&format!("until the next restart, this sets\n{commands}\ngo on? [y/N]"));
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    if matches!(answer.trim(), "y" | "Y" | "yes") {
        return Ok(());
    }
    Err(Exit::cannot("nothing was changed"))
}

/// What was changed, and how to take it back: on stdout, unless that is for JSON.
fn tell(flags: &DoctorFlags, applied: &Applied) -> io::Result<()> {
    let mut lines = Vec::new();
    for change in &applied.changes {
        lines.push(format!("set {} from '{}' to '{}'", change.path.display(), change.before, change.after));
    }
    for change in applied.changes.iter().rev() {
        lines.push(format!("undo: {}", change.undo));
    }
    for line in &lines {
        if flags.json { say(line) } else { print(line)? }
    }
    if lines.is_empty() || flags.json { Ok(()) } else { print("") }
}

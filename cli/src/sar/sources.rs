//! What is to be sampled, from what was asked for.

use std::net::SocketAddr;

use sar::{Exec, Group, Prometheus, Runtime, RuntimeOptions, Sampler, SamplerOptions, SarError, find};

use crate::exit::Exit;
use crate::output::say;
use crate::sar::flags::SarFlags;
use crate::sar::names;
use crate::worker::resolve;

/// Processes that are watched at most; with a name that more have, the first ones are.
const WATCHED_MAX: usize = 64;

/// What a chat's names begin with, those of its process too.
const SERVER: &str = "server";

/// Everything that was asked for.
pub(crate) struct Sources {
    pub(crate) sampler: Sampler,
    /// The groups to show: none for all.
    pub(crate) groups: Vec<Group>,
    /// Names in samples, and process ids.
    pub(crate) watched: Vec<(String, u32)>,
    /// Nothing but processes.
    pub(crate) only_processes: bool,
    /// Where a chat is asked that runs on this machine, so that its process id means something here.
    pub(crate) chat_here: Option<SocketAddr>,
}

pub(crate) fn gather(flags: &SarFlags) -> Result<Sources, Exit> {
    check(flags)?;
    let (watched, admin) = processes(flags)?;
    let is_runtime = !(admin.is_none() && flags.scrape.is_empty() && flags.exec.is_empty());
    let mut groups = flags.group.clone();
    let only_processes = groups == [Group::Proc] && !is_runtime && !watched.is_empty();
    // Whoever names a process or a server wants to see it.
    if !groups.is_empty() {
        let more = [(Group::Proc, !watched.is_empty() || admin.is_some()), (Group::Runtime, is_runtime)];
        groups.extend(more.into_iter().filter_map(|(group, wanted)| wanted.then_some(group)));
    }
    let asked = if groups.is_empty() { &Group::ALL[..] } else { &groups };
    // A chat may be in another control group than this tool.
    let cgroup_of = match &watched[..] {
        [(_, pid)] => Some(*pid),
        _ => None,
    };
    let options = SamplerOptions { cores: flags.cores, pss: flags.pss, cgroup_of };
    let mut sampler = Sampler::of(asked, &options);
    for (name, pid) in &watched {
        sampler.watch(*pid, name).map_err(refused)?;
    }
    if let Some(admin) = admin {
        let options = RuntimeOptions { connections: 0, ..RuntimeOptions::default() };
        sampler.add(Group::Runtime, Runtime::open(admin, options).map_err(refused)?);
    }
    for scrape in &flags.scrape {
        let source = Prometheus::open(&scrape.name, &scrape.value, flags.keep.clone());
        sampler.add(Group::Runtime, source.map_err(refused)?);
    }
    for exec in &flags.exec {
        sampler.add(Group::Runtime, Exec::open(&exec.name, &exec.value).map_err(refused)?);
    }
    let chat_here = admin.filter(|admin| admin.ip().is_loopback());
    Ok(Sources { sampler, groups, watched, only_processes, chat_here })
}

/// What cannot be watched at all was asked for wrongly.
fn refused(error: SarError) -> Exit {
    Exit::wrong_input(error)
}

type Watched = (Vec<(String, u32)>, Option<SocketAddr>);

/// The processes with their names in samples, and the chat to ask.
fn processes(flags: &SarFlags) -> Result<Watched, Exit> {
    let mut watched: Vec<(String, u32)> = Vec::new();
    let mut admin = flags.admin.as_deref().map(resolve).transpose()?;
    for pid in &flags.pid {
        let name = std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
        add_program(flags, &mut watched, name.trim(), *pid);
    }
    let looks = admin.is_some() || !flags.name.is_empty();
    let chats = if looks { find::chats() } else { Vec::new() };
    // One whose command line does not say its address is met when it answers.
    for chat in chats.iter().filter(|chat| admin.is_some() && chat.admin == admin) {
        add(&mut watched, SERVER, chat.pid);
    }
    for name in &flags.name {
        let pids = find::processes(name);
        if pids.is_empty() {
            return Err(Exit::wrong_input(format!(
                "no process is called '{name}' (see what runs: ps -e -o pid,comm)"
            )));
        }
        for pid in pids {
            let asked = chats.iter().find(|chat| chat.pid == pid).and_then(|chat| chat.admin);
            match (asked, admin) {
                (Some(_), None) => {
                    admin = asked;
                    add(&mut watched, SERVER, pid);
                }
                (Some(asked), Some(admin)) if asked == admin => add(&mut watched, SERVER, pid),
                (Some(asked), Some(_)) => {
                    say(&format!(
                        "note: one chat is asked at a time, and not the one at {asked} (see --admin)"
                    ));
                    add_program(flags, &mut watched, name, pid);
                }
                (None, _) => add_program(flags, &mut watched, name, pid),
            }
        }
    }
    if watched.len() > WATCHED_MAX {
        say(&format!("note: {} processes, of which the first {WATCHED_MAX} are watched", watched.len()));
        watched.truncate(WATCHED_MAX);
    }
    Ok((watched, admin))
}

/// Watches a process once, under a name that no other has.
fn add(watched: &mut Vec<(String, u32)>, name: &str, pid: u32) {
    if watched.iter().any(|(_, known)| *known == pid) {
        return;
    }
    let is_taken = watched.iter().any(|(known, _)| known == name);
    watched.push((if is_taken { format!("{name}-{pid}") } else { name.to_owned() }, pid));
}

/// Watches a process that is no chat, under its program's name, or a longer one when that means something else.
fn add_program(flags: &SarFlags, watched: &mut Vec<(String, u32)>, name: &str, pid: u32) {
    let name = names::of_program(name);
    let is_source = flags.scrape.iter().chain(&flags.exec).any(|source| source.name == name);
    match name.as_str() {
        "" => add(watched, &format!("pid{pid}"), pid),
        name if names::is_reserved(name) || is_source => add(watched, &format!("{name}-{pid}"), pid),
        name => add(watched, name, pid),
    }
}

/// What could only come to nothing, or to two meanings of a name.
fn check(flags: &SarFlags) -> Result<(), Exit> {
    let sources = flags.scrape.iter().chain(&flags.exec).map(|source| source.name.as_str());
    if let Some(name) = names::twice(sources.chain(flags.name.iter().map(String::as_str))) {
        return Err(Exit::wrong_input(format!(
            "the name '{name}' is given twice: each of --name, --scrape and --exec needs one of its own"
        )));
    }
    let is_named = !flags.name.is_empty() || flags.admin.is_some();
    let needs = [
        (Group::Proc, is_named || !flags.pid.is_empty(), "a process: name one with --pid or --name"),
        (
            Group::Runtime,
            is_named || !flags.scrape.is_empty() || !flags.exec.is_empty(),
            "a server: name one with --admin, --name, --scrape or --exec",
        ),
    ];
    for (group, is_there, need) in needs {
        if flags.group.contains(&group) && !is_there {
            return Err(Exit::wrong_input(format!("the group {} is about {need}", group.name())));
        }
    }
    Ok(())
}

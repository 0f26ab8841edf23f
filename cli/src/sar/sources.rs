//! What is to be sampled, from what was asked for.

use std::net::SocketAddr;

use sar::{Exec, Group, Prometheus, Runtime, RuntimeOptions, Sampler, SamplerOptions, SarError, find};

use crate::exit::Exit;
use crate::output::say;
use crate::sar::flags::SarFlags;
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
    /// The chat that is asked runs on this machine, so that its process id means something here.
    pub(crate) chat_is_here: bool,
}

pub(crate) fn gather(flags: &SarFlags) -> Result<Sources, Exit> {
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
    let chat_is_here = admin.is_some_and(|admin| admin.ip().is_loopback());
    Ok(Sources { sampler, groups, watched, only_processes, chat_is_here })
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
        add(&mut watched, name.trim(), *pid);
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
                    add(&mut watched, name, pid);
                }
                (None, _) => add(&mut watched, name, pid),
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
    let plain = |letter: char| if letter.is_ascii_alphanumeric() || letter == '-' { letter } else { '_' };
    let mut name: String = name.chars().map(plain).collect();
    let taken = ["", "host", "sar", "cgroup"].contains(&name.as_str());
    if taken || watched.iter().any(|(known, _)| *known == name) {
        name = format!("{}{pid}", if name.is_empty() { "pid".to_owned() } else { format!("{name}-") });
    }
    watched.push((name, pid));
}

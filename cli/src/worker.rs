//! How a tool is told what to do: by commands on stdin when it is a worker, by signals when a person runs it.

use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::mpsc::{Receiver, channel};

use nix::sys::signal::{SigSet, SigmaskHow, Signal, sigprocmask};
use telemetry::{Command, CommandReader};

use crate::exit::{Code, Exit};

/// Where the tool's commands come from. Call it before any thread is started: they inherit the signal mask.
///
/// A worker ignores Ctrl-C, which the terminal sends to the runner as well: the runner decides. When the runner is
/// gone, stdin ends, and so does the worker.
pub(crate) fn commands(worker: bool) -> Receiver<Command> {
    let (tell, commands) = channel();
    let mut signals = SigSet::empty();
    signals.add(Signal::SIGINT);
    if worker {
        block(&signals);
        std::thread::spawn(move || {
            for command in CommandReader::new(io::stdin().lock()) {
                match command {
                    Ok(command) => {
                        if tell.send(command).is_err() {
                            return;
                        }
                    }
                    Err(error) => crate::output::say(&format!("ignored a command: {error}")),
                }
            }
        });
        return commands;
    }
    signals.add(Signal::SIGTERM);
    signals.add(Signal::SIGHUP);
    block(&signals);
    std::thread::spawn(move || {
        let mut told = false;
        while signals.wait().is_ok() {
            if told {
                // Asked twice: do not wait for a clean end.
                std::process::exit(Code::Broke as i32);
            }
            told = true;
            let _ = tell.send(Command::Stop);
        }
    });
    commands
}

/// Keeps signals from this thread and all that it starts, for one that waits for them.
pub(crate) fn block(signals: &SigSet) {
    let blocked = sigprocmask(SigmaskHow::SIG_BLOCK, Some(signals), None);
    blocked.expect("blocking a valid signal set cannot fail");
}

/// The first address behind `host:port`.
pub(crate) fn resolve(text: &str) -> Result<SocketAddr, Exit> {
    let hint = "write host:port, for example 127.0.0.1:8000";
    let mut addresses = text
        .to_socket_addrs()
        .map_err(|error| Exit::wrong_input(format!("'{text}' is no address: {error} ({hint})")))?;
    addresses.next().ok_or_else(|| Exit::wrong_input(format!("'{text}' has no address ({hint})")))
}

/// How many shards it takes: as many as were asked for, or as the connections need.
pub(crate) fn shards(
    asked: Option<usize>,
    connections: u64,
    descriptors: Option<usize>,
    spread: bool,
) -> Result<usize, Exit> {
    let limit = shard::descriptors::raise_limit().map_err(Exit::broke)?;
    let descriptors = descriptors.map_or(limit, |wanted| wanted.min(limit));
    asked.or_else(|| shard::shards_for(connections as usize, descriptors, spread)).ok_or_else(|| {
        let most = shard::SHARDS_MAX;
        Exit::cannot(format!(
            "{connections} connections do not fit into {most} shards of {descriptors} descriptors each (raise the hard \
             limit, 'ulimit -Hn', or ask for fewer connections)"
        ))
    })
}

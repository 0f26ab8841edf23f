//! Processes by name, from `/proc/PID/comm` and `/proc/PID/cmdline`, and chats with the address they can be asked at.
//!
//! A name fits a process that calls itself so, one whose program file is called so, and a `floodmark` process whose
//! tool is called so: `chat` finds `floodmark chat`.

use std::collections::BTreeSet;
use std::fs;
use std::net::SocketAddr;

use crate::sources::accept_queues;

/// The name that the kernel keeps has at most this many bytes; a longer one is compared by as many.
const COMM_BYTES: usize = 15;

/// The program that has our tools in it.
const PROGRAM: &str = "floodmark";

/// A chat that runs here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundChat {
    /// Its process.
    pub pid: u32,
    /// Where it can be asked; `None` when its command line does not say. A port that it leaves to the kernel is looked up
    /// among the sockets that it listens at.
    pub admin: Option<SocketAddr>,
}

/// The processes of that name that this one can see, itself left out, in the order of their numbers.
pub fn processes(name: &str) -> Vec<u32> {
    let fits = |&pid: &u32| {
        let comm = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
        fits(name, comm.trim_end_matches('\n'), &command_line(pid))
    };
    pids().into_iter().filter(fits).collect()
}

/// The chats that run here.
pub fn chats() -> Vec<FoundChat> {
    let chat = |pid| {
        let words = command_line(pid);
        (tool(&words) == Some("chat"))
            .then(|| FoundChat { pid, admin: admin(&words).and_then(|address| bound(pid, address)) })
    };
    pids().into_iter().filter_map(chat).collect()
}

fn pids() -> Vec<u32> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let own = std::process::id();
    let pid = |entry: fs::DirEntry| entry.file_name().to_str()?.parse().ok();
    let mut pids: Vec<u32> =
        entries.filter_map(Result::ok).filter_map(pid).filter(|&pid| pid != own).collect();
    pids.sort_unstable();
    pids
}

/// The words of a process's command line; none for one of the kernel's, or one that has just ended.
fn command_line(pid: u32) -> Vec<String> {
    let bytes = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let bytes = bytes.strip_suffix(b"\0").unwrap_or(&bytes);
    if bytes.is_empty() {
        return Vec::new();
    }
    bytes.split(|&byte| byte == 0).map(|word| String::from_utf8_lossy(word).into_owned()).collect()
}

fn fits(name: &str, comm: &str, words: &[String]) -> bool {
    let cut = name.as_bytes().get(..COMM_BYTES).unwrap_or(name.as_bytes());
    !name.is_empty() && (comm.as_bytes() == cut || program(words) == Some(name) || tool(words) == Some(name))
}

/// The last part of the program's path.
fn program(words: &[String]) -> Option<&str> {
    words.first()?.rsplit('/').next()
}

/// Which of our tools it is: the first word behind the program that is no flag.
fn tool(words: &[String]) -> Option<&str> {
    if program(words) != Some(PROGRAM) {
        return None;
    }
    words[1..].iter().map(String::as_str).find(|word| !word.starts_with('-'))
}

fn admin(words: &[String]) -> Option<SocketAddr> {
    let flag = words.iter().position(|word| word == "--admin" || word.starts_with("--admin="))?;
    let address = match words[flag].strip_prefix("--admin=") {
        Some(address) => address,
        None => words.get(flag + 1)?,
    };
    address.parse().ok()
}

/// Where a process listens that was told this address. Its main thread's table has the admin address's socket and none
/// of those that its shards listen at, so that there is only one to choose.
fn bound(pid: u32, address: SocketAddr) -> Option<SocketAddr> {
    if address.port() != 0 {
        return Some(address);
    }
    let links = fs::read_dir(format!("/proc/{pid}/fd"))
        .ok()?
        .filter_map(|entry| fs::read_link(entry.ok()?.path()).ok());
    let inode =
        |link: std::path::PathBuf| link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok();
    let inodes: BTreeSet<u32> = links.filter_map(inode).collect();
    let mut here = accept_queues::addresses(&inodes).into_iter().filter(|found| found.ip() == address.ip());
    here.next().filter(|_| here.next().is_none())
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    fn words(line: &str) -> Vec<String> {
        line.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn names_are_a_program_s_a_process_s_or_a_tool_s() {
        let chat = words("/usr/bin/floodmark --quiet chat --listen comet=127.0.0.1:0");
        for name in ["floodmark", "chat"] {
            assert!(fits(name, "floodmark", &chat), "{name}");
        }
        for name in ["", "flood", "--quiet", "/usr/bin/floodmark", "listen"] {
            assert!(!fits(name, "floodmark", &chat), "{name:?}");
        }
        assert!(fits("beam.smp", "1_scheduler", &words("/usr/lib/erlang/beam.smp -W w")));
        assert!(fits("a-very-long-program-name", "a-very-long-pro", &[]));
        assert!(!fits("chat", "vim", &words("vim chat")) && !fits("chat", "kthreadd", &[]));
    }

    #[test]
    fn a_chat_s_address_is_on_its_command_line() {
        let admin = |line| admin(&words(line));
        let expected: SocketAddr = "127.0.0.1:9000".parse().expect("an address");
        assert_eq!(admin("floodmark chat --admin 127.0.0.1:9000 --json"), Some(expected));
        assert_eq!(admin("floodmark chat --admin=127.0.0.1:9000"), Some(expected));
        for line in ["floodmark chat", "floodmark chat --admin", "floodmark chat --admin none"] {
            assert_eq!(admin(line), None, "{line}");
        }
    }

    #[test]
    fn a_port_that_was_left_to_the_kernel_is_looked_up() {
        let (pid, any) = (std::process::id(), SocketAddr::from(([127, 0, 55, 1], 0)));
        let listener = std::net::TcpListener::bind(any).expect("a port");
        let expected = listener.local_addr().expect("bound");
        assert_eq!(bound(pid, any), Some(expected));
        assert_eq!(bound(pid, SocketAddr::from(([127, 0, 55, 2], 0))), None);
        let _another = std::net::TcpListener::bind(any).expect("a port");
        assert_eq!(bound(pid, any), None, "which of two?");
        assert_eq!(bound(pid, expected), Some(expected));
    }

    #[test]
    fn a_process_of_this_machine_is_found_until_it_ends() {
        let mut child = Command::new("sleep").arg("600").spawn().expect("sleep");
        let found = processes("sleep");
        child.kill().expect("it runs");
        child.wait().expect("it ends");
        assert!(found.contains(&child.id()), "{found:?}");
        assert!(!processes("sleep").contains(&child.id()));
        assert!(!chats().iter().any(|chat| chat.pid == std::process::id()));
    }
}

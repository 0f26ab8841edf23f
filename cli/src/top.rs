//! `floodmark top`: a live server, a run in progress or a recording, a screen at a time.
//!
//! The live side is in [`live`]: a thread samples the machine and asks the server, and sends `top` the frames. Whatever
//! ends the program, signals included, the terminal is given back.

mod live;

use std::io::{self, IsTerminal, Write};
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use clap::Args;
use clap::builder::PossibleValuesParser;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, Signal, raise};
use runner::units::Span;
use top::{Feed, Options, Print, Signals, TopError, View};

use crate::exit::{Code, Ended, Exit};
use crate::worker::{block, resolve};

/// How long `--once` waits for a server's second sample, beyond two intervals.
const ONCE_PATIENCE: Duration = Duration::from_secs(5);

/// How long a session may take to end when it is told to.
const STOP_GRACE: Duration = Duration::from_secs(1);

/// The screen that `--once` prints when nobody says how large.
const ONCE_WIDTH: u16 = 100;
const ONCE_HEIGHT: u16 = 30;

/// The most columns, and the most lines; more is wrong input.
const ONCE_MAX: i64 = 1_000;

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  floodmark top
  floodmark top --admin 127.0.0.1:8002
  floodmark top --run runs/comet-1m-2026-11-21-165113
  floodmark top -f yesterday.jsonl --at 90s
  floodmark top --once --view memory
  floodmark top --once --json --view shards | jq '.rows[0]'

Keys: ? shows them all. Exit codes: 0 fine, 2 wrong input; with --once, 4 the server was lost, 5 nothing to show")]
pub(crate) struct TopFlags {
    /// The admin address of a floodmark chat [default: the one that runs here].
    #[arg(long, value_name = "ADDRESS", conflicts_with_all = ["run", "file"])]
    admin: Option<String>,
    /// A run's directory, while it goes on or afterwards.
    #[arg(long, value_name = "DIR", conflicts_with = "file")]
    run: Option<PathBuf>,
    /// A recording, packed or not, finished or not ('floodmark sar -o FILE').
    #[arg(short, long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// What to look at first.
    #[arg(long, value_name = "VIEW", default_value = "shards",
          value_parser = PossibleValuesParser::new(View::ALL.map(View::name)))]
    view: String,
    /// How often a live server is asked.
    #[arg(long, value_name = "TIME", default_value = "1s")]
    interval: Span,
    /// Where to begin in a recording, counted from its start [default: at its end, or before it was taken down].
    #[arg(long, value_name = "TIME")]
    at: Option<Span>,
    /// Print one screen and exit; no terminal is needed.
    #[arg(long)]
    once: bool,
    /// With --once: the view's data as JSON.
    #[arg(long, requires = "once")]
    json: bool,
    /// With --once: how many columns.
    #[arg(long, value_name = "COLUMNS", requires = "once", default_value_t = ONCE_WIDTH,
          value_parser = clap::value_parser!(u16).range(i64::from(top::WIDTH_MIN)..=ONCE_MAX))]
    width: u16,
    /// With --once: how many lines.
    #[arg(long, value_name = "LINES", requires = "once", default_value_t = ONCE_HEIGHT,
          value_parser = clap::value_parser!(u16).range(i64::from(top::HEIGHT_MIN)..=ONCE_MAX))]
    height: u16,
}

pub(crate) fn main(flags: &TopFlags) -> Ended {
    let terminal = io::stdin().is_terminal() && io::stdout().is_terminal();
    if !flags.once && !terminal {
        let why = "top needs a terminal, and there is none (--once prints one screen without)";
        return Err(Exit::wrong_input(why));
    }
    let interval = flags.interval.0;
    if interval.is_zero() || interval > live::INTERVAL_MAX {
        return Err(Exit::wrong_input(format!(
            "--interval is more than 0 and at most {} s",
            live::INTERVAL_MAX.as_secs()
        )));
    }
    let options = Options {
        view: View::named(&flags.view).unwrap_or_default(),
        interval,
        colours: std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()),
        at: flags.at.map(|at| at.0),
    };
    // Before any thread is started: they inherit the mask.
    let signals = if flags.once { None } else { Some(watch_signals()) };
    let feed = feed(flags, interval)?;
    if let Some(signals) = signals {
        return match top::run(feed, options, &signals, suspend) {
            // There is nobody left to tell.
            Err(TopError::Terminal(error)) if error.raw_os_error() == Some(Errno::EIO as i32) => {
                Ok(Code::Fine)
            }
            result => result.map(|()| Code::Fine).map_err(explain),
        };
    }
    let (width, height) = (flags.width, flags.height);
    let print = if flags.json { Print::Json } else { Print::Screen { width, height } };
    let text = top::once(feed, options, print, ONCE_PATIENCE + 2 * interval).map_err(explain)?;
    io::stdout().write_all(text.as_bytes())?;
    Ok(Code::Fine)
}

fn explain(error: TopError) -> Exit {
    match error {
        TopError::Recording(_) | TopError::Frame(_) => Exit::wrong_input(error),
        TopError::NoFrames { .. } => Exit::not_enough(error),
        _ => Exit::broke(error),
    }
}

fn feed(flags: &TopFlags, interval: Duration) -> Result<Feed, Exit> {
    if let Some(path) = flags.run.as_ref().or(flags.file.as_ref()) {
        return Ok(Feed::Recording(path.clone()));
    }
    let admin = match &flags.admin {
        Some(admin) => resolve(admin)?,
        None => only_chat()?,
    };
    live::attach(admin, interval).map_err(Exit::wrong_input)
}

/// The admin address of the only chat that runs here.
fn only_chat() -> Result<SocketAddr, Exit> {
    let chats = sar::find::chats();
    let addresses: Vec<SocketAddr> = chats.iter().filter_map(|chat| chat.admin).collect();
    match (addresses.as_slice(), chats.len()) {
        ([admin], _) => Ok(*admin),
        ([], 0) => Err(Exit::wrong_input(
            "there is nothing to look at: no floodmark chat runs here (say --admin ADDRESS, --run DIR or -f FILE)",
        )),
        ([], _) => Err(Exit::wrong_input(
            "the floodmark chat that runs here does not say its admin address (say --admin ADDRESS, or --run DIR for \
             a run's)",
        )),
        (several, _) => {
            let several: Vec<String> = several.iter().map(ToString::to_string).collect();
            Err(Exit::wrong_input(format!(
                "several floodmark chats run here, at {} (say --admin ADDRESS)",
                several.join(", ")
            )))
        }
    }
}

/// Waits for signals, and for the terminal's end, each in a thread of its own. Ctrl-C and Ctrl-Z in the terminal are keys;
/// these come from elsewhere.
fn watch_signals() -> Arc<Signals> {
    let mut set = SigSet::empty();
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP, Signal::SIGTSTP] {
        set.add(signal);
    }
    block(&set);
    let signals = Arc::new(Signals::default());
    let told = Arc::clone(&signals);
    std::thread::spawn(move || {
        while let Ok(signal) = set.wait() {
            if signal == Signal::SIGTSTP {
                told.suspend.store(true, Ordering::Relaxed);
            } else {
                stop(&told);
            }
        }
    });
    let told = Arc::clone(&signals);
    std::thread::spawn(move || {
        let stdin = io::stdin();
        // Nothing is asked for, so that only a hang-up or an error is told.
        let mut terminal = [PollFd::new(stdin.as_fd(), PollFlags::empty())];
        while !matches!(poll(&mut terminal, PollTimeout::NONE), Ok(1..)) {}
        stop(&told);
    });
    signals
}

/// Asks the session to end, and ends it if it does not: whoever reads keys from a terminal that is gone reads nothing, again
/// and again, and looks at nothing else.
fn stop(signals: &Signals) {
    signals.stop.store(true, Ordering::Relaxed);
    std::thread::sleep(STOP_GRACE);
    top::give_back();
    std::process::exit(Code::Fine as i32);
}

/// Stops this process until it is continued.
fn suspend() {
    // SIGSTOP cannot be refused.
    let _ = raise(Signal::SIGSTOP);
}

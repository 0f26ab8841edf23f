//! The raw flags, as the user writes them. Each subcommand's file resolves its own.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use runner::network::{PortRange, SourceRange};
use runner::scenario::Ids;
use runner::units::{Count, Rate, Size, Span};

use crate::history::HistoryFlags;
use crate::limit::LimitFlags;
use crate::plots::PlotsFlags;
use crate::run::REPEAT_MAX;
use crate::sar::SarFlags;
use crate::top::TopFlags;

/// Loads, watches and judges servers that hold many long-lived connections.
#[derive(Debug, Parser)]
#[command(
    name = "floodmark",
    version,
    after_help = "Start here:\n  floodmark run scenarios/comet-c10k.yaml\n\nExit codes: 0 fine, 1 the verdict is a fail, \
                  2 wrong input, 3 this machine cannot run it, 4 something broke, 5 not enough data"
)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) tool: Tool,
    /// Say more about what happens (on stderr); twice for more.
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Tool {
    /// Run a scenario: server, connections, messages, samples, verdict.
    Run(RunFlags),
    /// Serve: the target chat server.
    Chat(ChatFlags),
    /// Open and hold connections, and audit what arrives on them.
    Floodtest(FloodtestFlags),
    /// Send messages into a server's router port.
    Msggen(MsggenFlags),
    /// Compare what a plan needs with what this machine gives, and name the first wall.
    Doctor(DoctorFlags),
    /// Measure this machine's own ceiling, with bare loops that do only the kernel's share of the work.
    Limit(LimitFlags),
    /// Sample the machine, its processes and its servers: a line each second, recorded or served.
    Sar(Box<SarFlags>),
    /// Look at a live server, a run in progress or a recording, a screen at a time.
    Top(TopFlags),
    /// Keep results across commits, and fail when a figure has changed for the worse.
    History(HistoryFlags),
    /// Draw charts and the report of runs, from their bundles alone.
    Plots(PlotsFlags),
    /// Print a shell's completion script.
    Completions(CompletionsFlags),
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  floodmark run scenarios/comet-c10k.yaml
  floodmark run scenarios/comet-c10k.yaml --set connections.count=250000 --set connections.rate=unlimited
  floodmark run scenarios/comet-c10k.yaml --dry-run
  floodmark run scenarios/smoke.yaml --json | jq .memory
  floodmark run scenarios/comet-c10k.yaml --find-wall --set messages.rate=100000/s
  floodmark run scenarios/smoke.yaml --repeat 5 --against ../base/target/release/floodmark")]
pub(crate) struct RunFlags {
    /// The scenario (YAML).
    pub(crate) file: PathBuf,
    /// Print the plan that the scenario resolves to, and run nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// The run bundle's directory [default: runs/NAME-DATE-TIME].
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Override a value of the scenario; may be repeated.
    #[arg(long, value_name = "PATH=VALUE")]
    pub(crate) set: Vec<String>,
    /// Measure the machine's own ceiling first, and show each figure beside it.
    #[arg(long)]
    pub(crate) limit: bool,
    /// Run even if this machine cannot carry the plan ('floodmark doctor --plan FILE' says why). The memory reserve is
    /// kept all the same.
    #[arg(long)]
    pub(crate) force: bool,
    /// Print the summary as JSON on stdout.
    #[arg(long)]
    pub(crate) json: bool,
    /// Say which limit was nearest even when the run met its plan [always said when it fell short].
    #[arg(long)]
    pub(crate) find_wall: bool,
    /// The commit that the run stands for, for the report and for history: anything git understands, or 'none'
    /// [default: what is checked out in the current directory].
    #[arg(long, value_name = "REF", conflicts_with = "against")]
    pub(crate) commit: Option<String>,
    /// Run it so many times, and show how far the figures spread [with --against: 5 of each].
    #[arg(long, value_name = "K", value_parser = clap::value_parser!(u32).range(1..=i64::from(REPEAT_MAX)))]
    pub(crate) repeat: Option<u32>,
    /// Take turns with another floodmark binary, and say how this one differs from it.
    #[arg(long, value_name = "BINARY")]
    pub(crate) against: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  floodmark chat --listen 127.0.0.1:8000 --router 127.0.0.1:8001 --admin 127.0.0.1:8002
  curl -N http://127.0.0.1:8000/test/123 &
  curl -d 'Hello World' http://127.0.0.1:8002/send/123")]
pub(crate) struct ChatFlags {
    /// Where comet clients connect: GET /test/{id}.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8000")]
    pub(crate) listen: String,
    /// Where MatchStream's line protocol is spoken.
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) line: Option<String>,
    /// Where publishers connect ('floodmark msggen --router').
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) router: Option<String>,
    /// The admin address: what top, sar and Prometheus read (/frames, /metrics, /inspect), and POST /send/{id}. It has no authentication.
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) admin: Option<String>,
    /// Connections to make room for; decides the number of shards [default: 100000, or what the descriptors allow].
    #[arg(long, value_name = "N")]
    pub(crate) connections: Option<Count>,
    /// Threads, each with a descriptor table of its own [default: enough for --connections, at least one per core].
    #[arg(long, value_name = "N", value_parser = shards)]
    pub(crate) shards: Option<usize>,
    /// Connections that may wait to be accepted, on each address.
    #[arg(long, value_name = "N", default_value_t = 65_536)]
    pub(crate) backlog: u32,
    /// How long a client may take for its request head or login line.
    #[arg(long, value_name = "TIME", default_value = "10s")]
    pub(crate) head_timeout: Span,
    /// Descriptors per shard, if less than the process may have.
    #[arg(long, value_name = "N")]
    pub(crate) descriptors: Option<usize>,
    #[command(flatten)]
    pub(crate) speech: Speech,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum ProtocolFlag {
    /// GET /test/{id}, a chunked response that never ends.
    Comet,
    /// MatchStream's lines.
    Line,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  floodmark floodtest --target 127.0.0.1:8000 --connections 10000 --rate 2000/s --concurrency 500 --hold 60s
  floodmark floodtest --urls urls.txt --interval 10ms
  floodmark floodtest --target 10.0.0.9:8000 --connections 100000 --source 10.0.0.16/28")]
pub(crate) struct FloodtestFlags {
    /// The server, as host:port.
    #[arg(long, value_name = "ADDRESS", required_unless_present = "urls", conflicts_with = "urls")]
    pub(crate) target: Option<String>,
    /// A file of URLs, one a line: one connection each.
    #[arg(long, value_name = "FILE")]
    pub(crate) urls: Option<PathBuf>,
    /// The language to speak.
    #[arg(long, value_enum, default_value = "comet")]
    pub(crate) protocol: ProtocolFlag,
    /// How many connections to open [with --urls: one for each].
    #[arg(long, short = 'n', value_name = "N", default_value_t = Count(1000), conflicts_with = "urls")]
    pub(crate) connections: Count,
    /// Room for as many, when a worker is told to open more while they are held [default: --connections].
    #[arg(long, value_name = "N", conflicts_with = "urls")]
    pub(crate) connections_max: Option<Count>,
    /// Connections begun per second, like 2000/s [default: as fast as --concurrency allows].
    #[arg(long, value_name = "RATE", conflicts_with = "interval", value_parser = rate)]
    pub(crate) rate: Option<Rate>,
    /// Time between two connections, as another way to say --rate.
    #[arg(long, value_name = "TIME", value_parser = interval)]
    pub(crate) interval: Option<Span>,
    /// The most connections that are begun and not yet logged in.
    #[arg(long, value_name = "N", default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) concurrency: u32,
    /// How long to hold once all are open [default: until Ctrl-C].
    #[arg(long, value_name = "TIME")]
    pub(crate) hold: Option<Span>,
    /// How long a connection may take to connect and log in.
    #[arg(long, value_name = "TIME", default_value = "10s")]
    pub(crate) timeout: Span,
    /// Open a connection again, a second later, when it fails or the server ends it.
    #[arg(long)]
    pub(crate) reconnect: bool,
    /// The id of the first connection's user; the others follow.
    #[arg(long, value_name = "ID", default_value_t = 1)]
    pub(crate) first_id: u32,
    /// Line protocol: spread the connections over this many matches [default: a match for each].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) matches: Option<u32>,
    /// Source addresses: single ones, ranges (10.0.0.5-10.0.0.9), blocks (10.0.0.0/24); may be repeated
    /// [default: as many of 127/8 as it takes on loopback, elsewhere those of the interface].
    #[arg(long, value_name = "ADDRESSES", value_delimiter = ',')]
    pub(crate) source: Vec<SourceRange>,
    /// Source ports, like 1024-65535 [default: the kernel chooses].
    #[arg(long, value_name = "PORTS")]
    pub(crate) source_ports: Option<PortRange>,
    /// Threads, each with a descriptor table of its own [default: as many as the connections take].
    #[arg(long, value_name = "N", value_parser = shards)]
    pub(crate) shards: Option<usize>,
    /// Descriptors per shard, if less than the process may have.
    #[arg(long, value_name = "N")]
    pub(crate) descriptors: Option<usize>,
    #[command(flatten)]
    pub(crate) speech: Speech,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  floodmark msggen --router 127.0.0.1:8001 --rate 1000/s --max-id 10000
  floodmark msggen --router 127.0.0.1:8001 --count 1000000 --interval 100ms --generators 100 --max-id 10000
  floodmark msggen --router 127.0.0.1:8001 --max --count 1000000 --max-id 10000 --ids 'zipf(1.1)'")]
pub(crate) struct MsggenFlags {
    /// The server's router port, as host:port.
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) router: String,
    /// Messages per second over all generators, like 1000/s.
    #[arg(long, value_name = "RATE", value_parser = rate, conflicts_with_all = ["interval", "max"],
          required_unless_present_any = ["interval", "max"])]
    pub(crate) rate: Option<Rate>,
    /// Time between two messages of one generator.
    #[arg(long, value_name = "TIME", conflicts_with = "max", value_parser = interval)]
    pub(crate) interval: Option<Span>,
    /// Send as fast as the server takes them.
    #[arg(long)]
    pub(crate) max: bool,
    /// Stop after this many messages.
    #[arg(long, value_name = "N")]
    pub(crate) count: Option<Count>,
    /// Stop after this time [default, without --count: at Ctrl-C].
    #[arg(long, value_name = "TIME")]
    pub(crate) duration: Option<Span>,
    /// Independent senders, each with a phase and a random sequence of its own.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) generators: u16,
    /// Messages go to the ids from --min-id …
    #[arg(long, value_name = "ID", default_value_t = 1)]
    pub(crate) min_id: u32,
    /// … to --max-id.
    #[arg(long, value_name = "ID")]
    pub(crate) max_id: u32,
    /// How often each id is chosen: uniform, round_robin or zipf(1.1).
    #[arg(long, value_name = "DISTRIBUTION", default_value = "uniform")]
    pub(crate) ids: Ids,
    /// Bytes in a message, its mark of 40 included.
    #[arg(long, value_name = "SIZE", default_value = "64B")]
    pub(crate) payload: Size,
    /// The same seed chooses the same ids.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) seed: u64,
    /// A number that tells this publisher from others that send to the same ids [default: from the process id].
    #[arg(long, value_name = "N")]
    pub(crate) publisher: Option<u16>,
    /// Connections to the router port.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) links: usize,
    #[command(flatten)]
    pub(crate) speech: Speech,
}

/// How a tool speaks.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct Speech {
    /// Say frames on stdout, one JSON object a line, instead of words.
    #[arg(long)]
    pub(crate) json: bool,
    /// Be a worker: commands on stdin, frames on stdout, and wait for the start command.
    #[arg(long, hide = true)]
    pub(crate) worker: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  floodmark doctor
  floodmark doctor --connections 2800000
  floodmark doctor --plan scenarios/comet-c10k.yaml --set connections.count=250000
  floodmark doctor --connections 2800000 --json | jq .first_wall
  sudo floodmark doctor --connections 2800000 --apply

Exit codes: 0 nothing is in the way, 3 there is a wall, 2 wrong input")]
pub(crate) struct DoctorFlags {
    /// How many connections, both ends on this machine [default: 1000000].
    #[arg(long, short = 'n', value_name = "N", conflicts_with = "plan")]
    pub(crate) connections: Option<Count>,
    /// A scenario, for what it needs.
    #[arg(long, value_name = "FILE")]
    pub(crate) plan: Option<PathBuf>,
    /// Override a value of the scenario; may be repeated.
    #[arg(long, value_name = "PATH=VALUE", requires = "plan")]
    pub(crate) set: Vec<String>,
    /// Print demand, machine and rows as JSON on stdout.
    #[arg(long)]
    pub(crate) json: bool,
    /// Set the kernel settings that are in the way, until the next restart, and print how to undo it.
    #[arg(long)]
    pub(crate) apply: bool,
    /// Apply without asking.
    #[arg(long, requires = "apply")]
    pub(crate) yes: bool,
    /// Look at the `proc` and `sys` in this folder instead.
    #[arg(long, value_name = "DIR", hide = true)]
    pub(crate) root: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  floodmark completions bash > /etc/bash_completion.d/floodmark")]
pub(crate) struct CompletionsFlags {
    /// The shell.
    #[arg(value_enum)]
    pub(crate) shell: Shell,
}

/// A rate with its unit, or a bare number of events per second, as other load tools take it.
fn rate(text: &str) -> Result<Rate, String> {
    let bare_number = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') && !text.is_empty();
    let rate: Rate =
        if bare_number { format!("{text}/s").parse() } else { text.parse() }.map_err(|e| format!("{e}"))?;
    if rate.per_second() > 0.0 { Ok(rate) } else { Err("a rate of 0 never begins; write e.g. 1000/s".into()) }
}

/// A time between two events.
fn interval(text: &str) -> Result<Span, String> {
    let span: Span = text.parse().map_err(|error| format!("{error}"))?;
    if span.0.is_zero() { Err("an interval of 0 has no rate; write e.g. 10ms".into()) } else { Ok(span) }
}

fn shards(text: &str) -> Result<usize, String> {
    let most = shard::SHARDS_MAX;
    let number = text.parse().ok().filter(|number| (1..=most).contains(number));
    number.ok_or_else(|| format!("write a number of threads from 1 to {most}"))
}

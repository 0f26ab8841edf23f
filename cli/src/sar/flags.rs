//! The raw flags, and the small languages in them.

use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, ValueEnum};
use runner::units::{Count, Span};
use sar::{Group, Regex};
use telemetry::{QueueSpec, Threshold};

use crate::sar::names;
use crate::sar::times::When;

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  floodmark sar
  floodmark sar --name nginx --wide
  floodmark sar --admin 127.0.0.1:8002 --alert 'mail*=10s' --on-alert 'logger \"$FLOODMARK_QUEUE\"'
  floodmark sar -o today.sar --count 3600
  floodmark sar -f today.sar --from 14:05 --to 14:10 --group cpu,net
  floodmark sar -f runs/comet-c10k-20261121-165114 --csv > run.csv
  floodmark sar --use
  floodmark sar --listen 127.0.0.1:9102 --scrape erlang=http://127.0.0.1:9090/metrics --keep '^erlang_vm_'
  floodmark sar --exec 'jobs=jobctl stats' --queue jobs=jobs.waiting,dequeued=jobs.done --json

Ctrl-C ends it, finishes the recording and prints the averages. A process that ends is told once, and the rest goes
on; with --group proc and nothing else to look at, sar ends as well.")]
pub(crate) struct SarFlags {
    /// Watch this process; may be repeated.
    #[arg(long, value_name = "PID", value_parser = clap::value_parser!(u32).range(1..), conflicts_with = "file")]
    pub(crate) pid: Vec<u32>,
    /// Watch the processes of this name, and ask those that are chats how they are; may be repeated.
    #[arg(long, value_name = "NAME", value_parser = names::program, conflicts_with = "file")]
    pub(crate) name: Vec<String>,
    /// Ask the chat behind this admin address.
    #[arg(long, value_name = "ADDRESS", conflicts_with = "file")]
    pub(crate) admin: Option<String>,
    /// Time between two samples.
    #[arg(long, short, value_name = "TIME", default_value = "1s", value_parser = interval, conflicts_with = "file")]
    pub(crate) interval: Span,
    /// Samples to show [default: until Ctrl-C].
    #[arg(long, short, value_name = "N", value_parser = count)]
    pub(crate) count: Option<Count>,
    /// Record to this file.
    #[arg(short, long = "out", value_name = "FILE", conflicts_with = "file")]
    pub(crate) out: Option<PathBuf>,
    /// Read a recording, or a run's directory, instead of this machine.
    #[arg(short, long = "file", value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    /// With -f: begin here, as 16:51, 16:51:14, 2026-11-21T16:51:14Z, or +90s from the beginning.
    #[arg(long, value_name = "WHEN", requires = "file")]
    pub(crate) from: Option<When>,
    /// With -f: end here.
    #[arg(long, value_name = "WHEN", requires = "file")]
    pub(crate) to: Option<When>,
    /// Only these groups: cpu, mem, pressure, disk, net, tcp, system, cgroup, proc, runtime, queue.
    #[arg(long, value_name = "GROUP,…", value_delimiter = ',', value_parser = group)]
    pub(crate) group: Vec<Group>,
    /// All columns, however wide a line gets.
    #[arg(long)]
    pub(crate) wide: bool,
    /// A JSON object for each sample.
    #[arg(long, conflicts_with_all = ["csv", "openmetrics"])]
    pub(crate) json: bool,
    /// A row of comma-separated values for each sample. The columns are those of the first: what comes later has none.
    #[arg(long, conflicts_with = "openmetrics")]
    pub(crate) csv: bool,
    /// Print the figures once, in OpenMetrics' text, and end.
    #[arg(long, conflicts_with_all = ["count", "usage"])]
    pub(crate) openmetrics: bool,
    /// Show averages that decay over so many seconds, instead of each interval's own value.
    #[arg(long, value_enum, value_name = "SECONDS")]
    pub(crate) decay: Option<DecayFlag>,
    /// Say for each resource how much of it is used, what waits, what failed, and which is nearest its limit; over
    /// --count samples [default: 3], or over a recording.
    #[arg(long = "use", conflicts_with_all = ["csv", "decay", "wide", "listen"])]
    pub(crate) usage: bool,
    /// Each core by itself, too.
    #[arg(long, conflicts_with = "file")]
    pub(crate) cores: bool,
    /// The processes' proportional share of memory (PSS) in each sample, which is dear [default: every 100 s].
    #[arg(long, conflicts_with = "file")]
    pub(crate) pss: bool,
    /// Serve GET /metrics for Prometheus here; a port alone is one of 127.0.0.1. It has no authentication.
    #[arg(long, value_name = "ADDRESS", conflicts_with = "file")]
    pub(crate) listen: Option<String>,
    /// Read another server's Prometheus endpoint (http) as NAME.…; may be repeated.
    #[arg(long, value_name = "NAME=URL", value_parser = named, conflicts_with = "file")]
    pub(crate) scrape: Vec<Named>,
    /// Of what is scraped, keep the names in which this regular expression is found.
    #[arg(long, value_name = "REGEX", requires = "scrape")]
    pub(crate) keep: Option<Regex>,
    /// Run a command for each sample that prints lines of 'name value', as NAME.…; may be repeated.
    #[arg(long, value_name = "NAME=COMMAND", value_parser = named, conflicts_with = "file")]
    pub(crate) exec: Vec<Named>,
    /// Values that tell of a queue: its length, and what has come in and gone out; may be repeated.
    #[arg(long, value_name = "NAME=LENGTH[,enqueued=X][,dequeued=Y]", value_parser = queue)]
    pub(crate) queue: Vec<QueueSpec>,
    /// Say so when a queue is longer than this, or slower; NAME may end in '*'; may be repeated.
    #[arg(long, value_name = "NAME=LENGTH|TIME", value_parser = alert)]
    pub(crate) alert: Vec<Threshold>,
    /// Run this for each alert that is raised or cleared, or whose queue falls silent, with FLOODMARK_ALERT (raised,
    /// cleared, silent), FLOODMARK_QUEUE,
    /// FLOODMARK_LENGTH, FLOODMARK_DELAY_S and FLOODMARK_DRAIN_S. It is not waited for.
    #[arg(long, value_name = "COMMAND", requires = "alert", conflicts_with = "file")]
    pub(crate) on_alert: Option<String>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum DecayFlag {
    /// 1 second.
    #[value(name = "1")]
    One,
    /// 10 seconds.
    #[value(name = "10")]
    Ten,
    /// 100 seconds.
    #[value(name = "100")]
    Hundred,
}

/// `name=something`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Named {
    pub(crate) name: String,
    pub(crate) value: String,
}

/// The shortest interval: below it, the sampler measures itself.
const INTERVAL_MS_MIN: u128 = 10;

fn interval(text: &str) -> Result<Span, String> {
    let span: Span = text.parse().map_err(|error| format!("{error}"))?;
    if span.0.as_millis() < INTERVAL_MS_MIN {
        return Err(format!("the shortest interval is {INTERVAL_MS_MIN}ms"));
    }
    Ok(span)
}

fn count(text: &str) -> Result<Count, String> {
    let count: Count = text.parse().map_err(|error| format!("{error}"))?;
    if count.0 == 0 { Err("write at least 1".into()) } else { Ok(count) }
}

fn group(text: &str) -> Result<Group, String> {
    Group::named(text).ok_or_else(|| {
        let names: Vec<_> = Group::ALL.into_iter().map(Group::name).collect();
        format!("there are {}", names.join(", "))
    })
}

fn named(text: &str) -> Result<Named, String> {
    let (name, value) = text.split_once('=').ok_or("write NAME=…, for example jobs=…")?;
    if value.trim().is_empty() {
        return Err(format!("nothing stands behind '{name}='"));
    }
    Ok(Named { name: names::source(name)?, value: value.to_owned() })
}

fn queue(text: &str) -> Result<QueueSpec, String> {
    const HINT: &str = "write NAME=LENGTH,enqueued=X,dequeued=Y with names of values";
    let (name, rest) = text.split_once('=').ok_or(HINT)?;
    let mut parts = rest.split(',');
    let length = parts.next().filter(|length| !length.is_empty() && !length.contains('=')).ok_or(HINT)?;
    let (mut enqueued, mut dequeued) = (None, None);
    for part in parts {
        let (what, value) = part.split_once('=').filter(|(_, value)| !value.is_empty()).ok_or(HINT)?;
        match what {
            "enqueued" => enqueued = Some(value.to_owned()),
            "dequeued" => dequeued = Some(value.to_owned()),
            _ => return Err(format!("'{what}' is neither enqueued nor dequeued ({HINT})")),
        }
    }
    Ok(QueueSpec { name: names::queue(name)?, length: length.to_owned(), enqueued, dequeued })
}

fn alert(text: &str) -> Result<Threshold, String> {
    const HINT: &str = "write NAME=600000 for a length or NAME=10s for a delay";
    let (queue, limit) = text.rsplit_once('=').filter(|(queue, _)| !queue.is_empty()).ok_or(HINT)?;
    let queue = queue.to_owned();
    if let Ok(Count(length)) = Count::from_str(limit) {
        return Ok(Threshold { queue, length: Some(length as f64), delay_s: None });
    }
    let span: Span =
        limit.parse().map_err(|_| format!("'{limit}' is neither a length nor a time ({HINT})"))?;
    Ok(Threshold { queue, length: None, delay_s: Some(span.0.as_secs_f64()) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queues_and_alerts_are_read() {
        let spec = queue("jobs=jobs.waiting,dequeued=jobs.done").expect("a queue");
        assert_eq!((spec.name.as_str(), spec.length.as_str()), ("jobs", "jobs.waiting"));
        assert_eq!((spec.enqueued, spec.dequeued.as_deref()), (None, Some("jobs.done")));
        for text in ["", "jobs", "jobs=", "jobs=a,b", "jobs=a,done=b", "jobs=a,enqueued=", "host=a", "a b=c"]
        {
            assert!(queue(text).is_err(), "{text}");
        }
        let length = alert("shards.mail*=10000").expect("a length");
        assert_eq!(
            (length.queue.as_str(), length.length, length.delay_s),
            ("shards.mail*", Some(10_000.0), None)
        );
        assert_eq!(alert("jobs=1500ms").expect("a time").delay_s, Some(1.5));
        for text in ["", "jobs", "=5s", "jobs=", "jobs=soon"] {
            assert!(alert(text).is_err(), "{text}");
        }
    }

    #[test]
    fn names_that_mean_something_else_are_refused() {
        assert_eq!(named("go=http://x/?a=b").expect("named").value, "http://x/?a=b");
        for text in ["go", "go=", "go= ", "=x", "host=x", "server=x", "connections=x", "a.b=x", "a/b=x"] {
            assert!(named(text).is_err(), "{text}");
        }
    }
}

//! The raw flags.

use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, Subcommand};
use history::metrics::{Bound, Least};
use history::{FILE_DEFAULT, Moment};

#[derive(Debug, Args)]
#[command(after_help = "Begin with:
  floodmark run scenarios/smoke.yaml --out runs/a
  floodmark history add runs/a
  floodmark history check

Exit codes: 0 nothing changed for the worse, 1 something did, 2 wrong input, 5 not enough data to judge")]
pub(crate) struct HistoryFlags {
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Append a line for each run to the history.
    Add(AddFlags),
    /// Look for changes over commits; fail when one is for the worse.
    Check(CheckFlags),
    /// Compare two groups of runs; fail when the second is worse.
    Compare(CompareFlags),
    /// Accept a change, so that it no longer fails.
    Accept(AcceptFlags),
    /// Show what is in the history.
    List(ListFlags),
    /// Draw all scenarios and metrics as a static site.
    Page(PageFlags),
}

/// Which file.
#[derive(Debug, Args)]
pub(crate) struct Whence {
    /// The history.
    #[arg(long, value_name = "FILE", default_value = FILE_DEFAULT)]
    pub(crate) file: PathBuf,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  floodmark history add runs/smoke-20261121-165114
  floodmark history add runs/* --file bench/history.jsonl
  floodmark history add runs/a --commit HEAD --branch main
  floodmark history add runs/a --commit build-1042 --date 2026-11-21T16:51:14Z

A line a run: commit it, or keep it as a CI cache. The order of lines means nothing, and a line that is there twice counts
once; so that branches merge without conflicts, put this into .gitattributes:

  bench-history.jsonl merge=union

A run that is incomplete is refused. A run that is in the file already is not added again.")]
pub(crate) struct AddFlags {
    /// Runs, each a directory.
    #[arg(required = true, value_name = "RUN")]
    pub(crate) runs: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) whence: Whence,
    /// The commit that was measured; anything git understands, or any name with --date [default: what the run says].
    #[arg(long, value_name = "ID")]
    pub(crate) commit: Option<String>,
    /// The branch it is on [default: what the run says].
    #[arg(long, value_name = "NAME")]
    pub(crate) branch: Option<String>,
    /// When it was committed, in RFC 3339; this is what orders commits [default: what the run or git says].
    #[arg(long, value_name = "TIME")]
    pub(crate) date: Option<Moment>,
}

/// Which metrics, and what of them is worth a word.
#[derive(Debug, Default, Args)]
pub(crate) struct Metrics {
    /// Judge this figure of summary.json, or all that fit a pattern like 'memory.*'; may be repeated [default: bytes
    /// per connection in server and kernel, rates, failed connections, lost messages; for 'compare' the p99 latency, too].
    #[arg(long, short, value_name = "METRIC")]
    pub(crate) metric: Vec<String>,
    /// The least change worth a word: a share (memory.*=5%) or an amount (memory.server_bytes_per_connection=2B,
    /// delivery.latency_ms.p99=0.5ms, audit.lost=3, in the metric's own unit where none is written). It takes the place of
    /// both usual bounds; give a share and an amount, and a change must reach both. May be repeated.
    #[arg(long, value_name = "METRIC=LEAST")]
    pub(crate) min_effect: Vec<MinEffect>,
}

/// How it is told.
#[derive(Debug, Default, Args)]
pub(crate) struct Telling {
    /// Print Markdown, for a job's summary or a comment on a pull request.
    #[arg(long, conflicts_with = "json")]
    pub(crate) markdown: bool,
    /// Print one JSON object, as docs/schema/history.schema.json says.
    #[arg(long)]
    pub(crate) json: bool,
    /// Write JUnit's XML to this file as well; '-' prints it instead of the table.
    #[arg(long, value_name = "FILE")]
    pub(crate) junit: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  floodmark history check
  floodmark history check --base v1.4.0
  floodmark history check --metric memory.server_bytes_per_connection --scenario smoke
  floodmark history check --markdown >> \"$GITHUB_STEP_SUMMARY\"
  floodmark history check --junit report.xml --svg trends/

Runs of one kind of machine are compared with each other, those of the newest run's; metrics whose ceiling was measured
('floodmark run --limit') are compared across machines, as shares of it. What was left out is said.

A change counts when the first commit that is surely after it was committed at the time of --base or later, nobody has
accepted it ('floodmark history accept') and no later change made it good.

Exit codes: 0 nothing changed for the worse, 1 something did, 2 wrong input, 5 not enough data to judge")]
pub(crate) struct CheckFlags {
    #[command(flatten)]
    pub(crate) whence: Whence,
    #[command(flatten)]
    pub(crate) metrics: Metrics,
    /// Only this scenario [default: all].
    #[arg(long, value_name = "NAME")]
    pub(crate) scenario: Option<String>,
    /// Only changes at or after this commit fail: the beginning of a name in the file, or anything git understands
    /// [default: all changes].
    #[arg(long, value_name = "REF")]
    pub(crate) base: Option<String>,
    /// Runs on this machine, by the beginning of its fingerprint; 'any' takes all for alike [default: the newest run's].
    #[arg(long, value_name = "FINGERPRINT")]
    pub(crate) machine: Option<String>,
    #[command(flatten)]
    pub(crate) telling: Telling,
    /// Draw trends with their changes: a file that ends in .svg, for one metric of one scenario, or else a folder.
    #[arg(long, value_name = "PATH")]
    pub(crate) svg: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  floodmark history compare runs/main-* -- runs/mine-*
  floodmark history compare runs/main-* -- runs/mine-* --metric memory.server_bytes_per_connection
  floodmark run scenarios/smoke.yaml --repeat 5 --against ../main/target/release/floodmark

The second group is worse when the interval of the ratio leaves 1 out on the bad side, and the change is worth a word.

Exit codes: 0 not worse, 1 worse, 2 wrong input, 5 not enough data to judge")]
pub(crate) struct CompareFlags {
    /// The runs to compare with.
    #[arg(required = true, value_name = "A")]
    pub(crate) a: Vec<PathBuf>,
    /// The runs that may be worse, behind '--'.
    #[arg(required = true, value_name = "B", last = true)]
    pub(crate) b: Vec<PathBuf>,
    /// The runs were made in turn, A B A B: compare each B with its A.
    #[arg(long)]
    pub(crate) interleaved: bool,
    #[command(flatten)]
    pub(crate) metrics: Metrics,
    #[command(flatten)]
    pub(crate) telling: Telling,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:
  floodmark history accept 3f2a1b9 --metric memory.server_bytes_per_connection --reason 'a cache, see #12'

Every change of that metric whose commits to suspect include this one no longer fails.")]
pub(crate) struct AcceptFlags {
    /// The commit that brought the change, or any of those to suspect.
    #[arg(value_name = "COMMIT")]
    pub(crate) commit: String,
    /// The figure that changed.
    #[arg(long, short, value_name = "METRIC")]
    pub(crate) metric: String,
    /// Why; it stands beside the change from now on.
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: String,
    /// Only in this scenario [default: in all].
    #[arg(long, value_name = "NAME")]
    pub(crate) scenario: Option<String>,
    #[command(flatten)]
    pub(crate) whence: Whence,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  floodmark history list
  floodmark history list --metrics
  floodmark history list --json > sorted.jsonl   # each line once, in the order of commits")]
pub(crate) struct ListFlags {
    #[command(flatten)]
    pub(crate) whence: Whence,
    /// Name the metrics that were measured, and how they are judged.
    #[arg(long, conflicts_with = "json")]
    pub(crate) metrics: bool,
    /// Print the lines themselves.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  floodmark history page -o site && xdg-open site/index.html")]
pub(crate) struct PageFlags {
    #[command(flatten)]
    pub(crate) whence: Whence,
    /// The folder; made if it is not there.
    #[arg(short, long = "out", value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// Only changes at or after this commit fail, as for 'check'.
    #[arg(long, value_name = "REF")]
    pub(crate) base: Option<String>,
    /// Runs on this machine, as for 'check'.
    #[arg(long, value_name = "FINGERPRINT")]
    pub(crate) machine: Option<String>,
}

/// `METRIC=5%`, `METRIC=2B`, `METRIC=0.5ms`, `METRIC=3`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct MinEffect(pub(crate) Least);

/// What a number becomes.
type Make = fn(f64) -> Bound;

/// What may stand behind the number, and what it makes of it. Of two that end alike, the longer is first.
const SUFFIXES: [(&str, Make); 8] = [
    ("%", |percent| Bound::Share(percent / 100.0)),
    ("KiB", |number| Bound::Bytes(number * 1024.0)),
    ("MiB", |number| Bound::Bytes(number * 1_048_576.0)),
    ("B", Bound::Bytes),
    ("µs", |number| Bound::Seconds(number / 1e6)),
    ("us", |number| Bound::Seconds(number / 1e6)),
    ("ms", |number| Bound::Seconds(number / 1e3)),
    ("s", Bound::Seconds),
];

/// A larger effect than this is a slip of the hand.
const EFFECT_MAX: f64 = 1e15;

impl FromStr for MinEffect {
    type Err = String;

    fn from_str(text: &str) -> Result<MinEffect, String> {
        let wrong = || {
            format!(
                "'{text}' is no effect; write e.g. memory.server_bytes_per_connection=5%, or =2B, \
                 delivery.latency_ms.p99=0.5ms, audit.lost=3"
            )
        };
        let (metric, least) = text.split_once('=').ok_or_else(wrong)?;
        let suffix = SUFFIXES.iter().find(|(suffix, _)| least.ends_with(suffix));
        let (digits, bound) = match suffix {
            Some((suffix, bound)) => (&least[..least.len() - suffix.len()], *bound),
            None => (least, Bound::Own as Make),
        };
        let number: f64 = digits.trim().parse().map_err(|_| wrong())?;
        if metric.is_empty() || !(0.0..=EFFECT_MAX).contains(&number) {
            return Err(wrong());
        }
        Ok(MinEffect(Least { metric: metric.to_owned(), bound: bound(number) }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn effects_are_shares_or_amounts() {
        for (text, bound) in [
            ("2.5%", Bound::Share(0.025)),
            ("2B", Bound::Bytes(2.0)),
            ("4KiB", Bound::Bytes(4096.0)),
            ("0.5ms", Bound::Seconds(0.0005)),
            ("20µs", Bound::Seconds(0.00002)),
            ("2 s", Bound::Seconds(2.0)),
            ("3", Bound::Own(3.0)),
        ] {
            let effect: MinEffect = format!("audit.lost={text}").parse().expect("an effect");
            assert_eq!(effect, MinEffect(Least { metric: "audit.lost".into(), bound }));
        }
        for wrong in
            ["", "audit.lost", "audit.lost=", "audit.lost=%", "=5%", "a=-1%", "a=NaN%", "a=inf", "a=5x"]
        {
            assert!(wrong.parse::<MinEffect>().is_err_and(|e| e.contains("no effect")), "{wrong}");
        }
    }
}

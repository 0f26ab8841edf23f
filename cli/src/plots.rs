//! `floodmark plots`: charts and the report of runs, from their bundles alone.

mod names;

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use ::plots::{Chart, Kind, Run, Theme};
use clap::{Args, ValueEnum};
use serde_json::json;

use crate::exit::{Code, Ended, Exit};
use crate::output::{print, say};

/// Runs that one chart shows: beyond that, neither colours nor legends can be told apart.
const RUNS_MAX: usize = 8;

/// The widths that a chart may have, in pixels.
const WIDTH_PX: std::ops::RangeInclusive<i64> = 320..=4_096;

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  floodmark plots runs/comet-c10k-20261121-161210
  floodmark plots RUN --chart memory,latency --format svg,png -o charts
  floodmark plots BEFORE AFTER --label before --label after -o compared
  floodmark plots recording.jsonl.zst --chart cpu,tcp -o charts

Charts: memory, ledger, fit, connections, latency, percentiles, throughput, cpu, queues, tcp

Exit codes: 0 drawn, 2 wrong input, 4 something broke, 5 nothing, or not all that was asked for")]
pub(crate) struct PlotsFlags {
    /// The runs' directories, or recordings of 'floodmark sar'. Several are laid over one another.
    #[arg(required = true, value_name = "RUN")]
    pub(crate) runs: Vec<PathBuf>,
    /// Draw these charts only [default: all that the runs have something to show in].
    #[arg(long = "chart", value_name = "CHARTS", value_delimiter = ',', value_parser = kind)]
    pub(crate) charts: Vec<Kind>,
    /// What to write: svg and png are a file for each chart, html is the report [default: svg,html; with --chart: svg].
    #[arg(long = "format", value_enum, value_name = "FORMATS", value_delimiter = ',')]
    pub(crate) formats: Vec<Format>,
    /// Where to write [default: into the run itself; for several runs, or a recording, './plots'].
    #[arg(short = 'o', long = "out", value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// A run's name in the legend, in the order of the runs; may be repeated [default: its directory's].
    #[arg(long = "label", value_name = "LABEL")]
    pub(crate) labels: Vec<String>,
    /// How wide svg and png are, in pixels; text keeps its size.
    #[arg(long, value_name = "PX", default_value_t = 960, value_parser = clap::value_parser!(u32).range(WIDTH_PX))]
    pub(crate) width: u32,
    /// Pixels of a png for each of its width: 2 is sharp on a dense screen and in print.
    #[arg(long, value_name = "FACTOR", default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=4))]
    pub(crate) scale: u32,
    /// Say as JSON on stdout which files were written, and what is missing.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Vector graphics, a file for each chart.
    Svg,
    /// Pictures, a file for each chart.
    Png,
    /// report.html: everything in one page that opens from disk.
    Html,
}

fn kind(name: &str) -> Result<Kind, String> {
    name.parse().map_err(|_| {
        let all: Vec<_> = Kind::ALL.iter().map(|kind| kind.name()).collect();
        format!("write one or more of {}", all.join(", "))
    })
}

pub(crate) fn main(flags: &PlotsFlags) -> Ended {
    let runs = open(flags)?;
    let mut folder = Folder::make(flags.out.clone().unwrap_or_else(|| default_out(&flags.runs)))?;
    let mut missing: Vec<String> = runs.iter().flat_map(|run| in_run(run, runs.len())).collect();
    let mut asked_in_vain = false;
    let kinds = if flags.charts.is_empty() { Kind::ALL.to_vec() } else { flags.charts.clone() };
    let mut drawn = Vec::new();
    for &kind in &kinds {
        match ::plots::chart(kind, &runs) {
            Ok(chart) => {
                draw(&chart, flags, &mut folder)?;
                drawn.push(kind);
            }
            Err(why) => {
                asked_in_vain |= !flags.charts.is_empty();
                missing.push(format!("no chart '{kind}': {why}"));
            }
        }
    }
    if drawn.contains(&Kind::Percentiles) && flags.draws_files() {
        write_percentiles(&runs, &mut folder)?;
    }
    if flags.formats().contains(&Format::Html) && !drawn.is_empty() {
        folder.write("report.html", ::plots::report(&runs, &kinds).as_bytes())?;
    }
    if flags.json {
        print(&format!("{:#}", json!({ "files": folder.written, "missing": missing })))?;
    } else {
        for path in &folder.written {
            print(&path.display().to_string())?;
        }
        missing.iter().for_each(|sentence| say(sentence));
    }
    Ok(if folder.written.is_empty() || asked_in_vain { Code::NotEnough } else { Code::Fine })
}

impl PlotsFlags {
    /// What to write. A few charts are no report: unless it is asked for, the run keeps the one that shows all of it.
    fn formats(&self) -> &[Format] {
        match (&self.formats[..], &self.charts[..]) {
            ([], []) => &[Format::Svg, Format::Html],
            ([], _) => &[Format::Svg],
            (asked, _) => asked,
        }
    }

    /// Whether there is a file for each chart.
    fn draws_files(&self) -> bool {
        self.formats().iter().any(|format| *format != Format::Html)
    }
}

/// Where the files go, and those that are there.
struct Folder {
    path: PathBuf,
    written: Vec<PathBuf>,
}

impl Folder {
    fn make(path: PathBuf) -> Result<Folder, Exit> {
        fs::create_dir_all(&path).map_err(|error| unwritten(&path, &error))?;
        Ok(Folder { path, written: Vec::new() })
    }

    /// A name that no file has that was written here: `stem.ending`, or with a number, `stem-2.ending`.
    fn free(&self, stem: &str, ending: &str) -> String {
        let numbered = (2..).map(|number| format!("{stem}-{number}.{ending}"));
        let written = |name: &String| self.written.contains(&self.path.join(name));
        let free = std::iter::once(format!("{stem}.{ending}")).chain(numbered).find(|name| !written(name));
        free.expect("there is always a next number")
    }

    /// Writes a file as a whole: whoever looks on never sees half a chart.
    fn write(&mut self, name: &str, bytes: &[u8]) -> Result<(), Exit> {
        let path = self.path.join(name);
        let draft = self.path.join(format!(".{name}.part"));
        let written = fs::write(&draft, bytes).and_then(|()| fs::rename(&draft, &path));
        written.map_err(|error| unwritten(&path, &error))?;
        self.written.push(path);
        Ok(())
    }
}

fn open(flags: &PlotsFlags) -> Result<Vec<Run>, Exit> {
    if flags.runs.len() > RUNS_MAX {
        return Err(Exit::wrong_input(format!(
            "at most {RUNS_MAX} runs fit into one chart, not {}",
            flags.runs.len()
        )));
    }
    if flags.labels.len() > flags.runs.len() {
        return Err(Exit::wrong_input(format!(
            "{} labels for {} runs (one --label for each, in the same order)",
            flags.labels.len(),
            flags.runs.len()
        )));
    }
    let mut labels = HashSet::new();
    for label in &flags.labels {
        if label.trim().is_empty() {
            return Err(Exit::wrong_input(
                "a label is empty (leave --label out, or write what to call the run)",
            ));
        }
        if !labels.insert(label) {
            return Err(Exit::wrong_input(format!(
                "two runs are called '{label}' (give each its own --label)"
            )));
        }
    }
    let places: Vec<&Path> = flags.runs.iter().map(PathBuf::as_path).collect();
    let open = |(path, label): (&Path, String)| Run::open(path, Some(label)).map_err(Exit::wrong_input);
    places.iter().copied().zip(names::labels(&places, &flags.labels)).map(open).collect()
}

fn default_out(runs: &[PathBuf]) -> PathBuf {
    match runs {
        [run] if run.is_dir() => run.clone(),
        _ => PathBuf::from("plots"),
    }
}

/// What is missing in a run, with its label when there are several.
fn in_run(run: &Run, runs: usize) -> impl Iterator<Item = String> {
    let label = if runs > 1 { format!("{}: ", run.label()) } else { String::new() };
    run.missing().iter().map(move |sentence| format!("{label}{sentence}"))
}

fn draw(chart: &Chart, flags: &PlotsFlags, folder: &mut Folder) -> Result<(), Exit> {
    if !flags.draws_files() {
        return Ok(());
    }
    let svg = ::plots::svg(chart, flags.width, Theme::File);
    if flags.formats().contains(&Format::Svg) {
        folder.write(&format!("{}.svg", chart.name), svg.as_bytes())?;
    }
    if flags.formats().contains(&Format::Png) {
        let png = ::plots::png(&svg, flags.scale as f32).map_err(Exit::broke)?;
        folder.write(&format!("{}.png", chart.name), &png)?;
    }
    Ok(())
}

/// The histograms behind the percentiles' chart, as HdrHistogram's text: `delivery.latency.hgrm`, with the run's label
/// before it when there are several.
fn write_percentiles(runs: &[Run], folder: &mut Folder) -> Result<(), Exit> {
    for run in runs {
        let names: Vec<&str> = run.latency_names().collect();
        for name in names {
            let Some((_, histogram)) = run.latency(name).filter(|(_, histogram)| !histogram.is_empty())
            else {
                continue;
            };
            let of = if runs.len() > 1 { format!("{}.", names::stem(run.label())) } else { String::new() };
            let file = folder.free(&format!("{of}{}", names::stem(name.trim_end_matches("_ns"))), "hgrm");
            folder.write(&file, ::plots::hgrm(histogram).as_bytes())?;
        }
    }
    Ok(())
}

fn unwritten(path: &Path, error: &std::io::Error) -> Exit {
    Exit::broke(format!("could not write '{}': {error} (choose another place with -o DIR)", path.display()))
}

//! `floodmark limit`: this machine's own ceiling.

use std::io;
use std::io::IsTerminal;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::Args;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use limit::{Ceiling, LimitError, Options, Progress, Step};
use runner::units::{Count, Size, Span};
use telemetry::{Command, Reporter};

use crate::exit::{Code, Ended, Exit};
use crate::output::{FrameLines, grouped, print, say};
use crate::worker::commands;

/// Who speaks in the frames, and what kind of worker it is.
const NAME: &str = "limit";

/// Steps of the progress bar.
const BAR_STEPS: f64 = 1000.0;

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  floodmark limit
  floodmark limit --connections 10000 --time 20s
  floodmark limit --json | jq '.steps[] | {connections, deliveries_per_s}'

Each figure is the larger of two arrangements: both ends of a connection in one thread ('together'), or in different \
                        threads ('apart'). What was not measured is missing, and the reason is told.")]
pub(crate) struct LimitFlags {
    /// How many connections to measure with, one step for each: at most 4, each at most 1000000.
    #[arg(long, short = 'n', value_name = "N,…", value_delimiter = ',', default_value = "100,30000,250000")]
    connections: Vec<Count>,
    /// Connections that may be under way while a step opens.
    #[arg(long, value_name = "N", default_value = "500")]
    concurrency: Count,
    /// Free memory that is never touched.
    #[arg(long, value_name = "SIZE", default_value = "1GiB")]
    reserve: Size,
    /// How long everything may take.
    #[arg(long, value_name = "TIME", default_value = "60s")]
    time: Span,
    /// Print the result as JSON.
    #[arg(long)]
    json: bool,
    /// Be a worker: measure at once, commands on stdin, frames on stdout.
    #[arg(long, hide = true)]
    worker: bool,
}

pub(crate) fn main(flags: &LimitFlags) -> Ended {
    let count = |count: &Count| usize::try_from(count.0).unwrap_or(usize::MAX);
    let options = Options {
        connections: flags.connections.iter().map(count).collect(),
        concurrency: count(&flags.concurrency),
        reserve_bytes: flags.reserve.0,
        time_max: flags.time.0,
    };
    let stop = stop_flag(flags.worker);
    if flags.worker {
        return work(&options, &stop);
    }
    let bar = bar();
    let result = limit::measure(&options, &mut |progress| show(bar.as_ref(), progress), &stop);
    if let Some(bar) = bar {
        bar.finish_and_clear();
    }
    let ceiling = result.map_err(exit)?;
    if flags.json {
        print(&serde_json::to_string_pretty(&ceiling).map_err(Exit::broke)?)?;
    } else {
        print_table(&ceiling)?;
    }
    if let Some(why) = &ceiling.cut_short {
        let what = format!("cut short: {why}; what was measured until then stands");
        if stop.load(Ordering::Relaxed) {
            return Err(Exit::broke(what));
        }
        say(&format!("warning: {what}"));
    }
    Ok(Code::Fine)
}

/// Raised by Ctrl-C, by a stop command, or when the runner is gone.
fn stop_flag(worker: bool) -> Arc<AtomicBool> {
    let commands = commands(worker);
    let stop = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&stop);
    std::thread::spawn(move || {
        while commands.recv().is_ok_and(|command| command != Command::Stop) {}
        flag.store(true, Ordering::Relaxed);
    });
    stop
}

fn exit(error: LimitError) -> Exit {
    match error {
        LimitError::Options(_) => Exit::wrong_input(error),
        LimitError::Cannot(_) => Exit::cannot(error),
        LimitError::Broke(_) => Exit::broke(error),
    }
}

/// A worker's life: hello, ready, the measurement, one sample, the end.
fn work(options: &Options, stop: &AtomicBool) -> Ended {
    let mut lines = FrameLines::new(true);
    let mut emit = |frame| {
        lines.print(&frame);
    };
    let mut reporter = Reporter::new(NAME, NAME, &mut emit);
    reporter.mark("worker.ready", vec![]);
    let ceiling = limit::measure(options, &mut |_| (), stop).map_err(exit)?;
    reporter.sample(values(&ceiling));
    let mut attributes = vec![("phase", NAME.into())];
    attributes.extend(ceiling.cut_short.map(|why| ("cut_short", why.into())));
    reporter.mark("phase.ended", attributes);
    Ok(Code::Fine)
}

/// The sample's values. A step that did not open all of its connections has none of its own.
fn values(ceiling: &Ceiling) -> impl Iterator<Item = (String, f64)> {
    let mut values = Vec::new();
    let mut value = |name: String, value: Option<f64>| {
        values.extend(value.map(|value| (format!("{NAME}.{name}"), value)));
    };
    value("pair_bytes".into(), ceiling.pair_bytes);
    value("pairs_max".into(), ceiling.pairs_max.map(|pairs| pairs as f64));
    value("wakeup_p50_us".into(), ceiling.wakeup_us.map(|wakeup| wakeup.p50));
    value("wakeup_p99_us".into(), ceiling.wakeup_us.map(|wakeup| wakeup.p99));
    if let Some(step) = ceiling.largest() {
        value("connects_per_s".into(), step.connects_per_s);
        value("deliveries_per_s".into(), step.deliveries_per_s);
    }
    for step in ceiling.steps.iter().filter(|step| step.opened == step.connections) {
        value(format!("connects_at_{}_per_s", step.connections), step.connects_per_s);
        value(format!("deliveries_at_{}_per_s", step.connections), step.deliveries_per_s);
    }
    values.into_iter()
}

fn bar() -> Option<ProgressBar> {
    io::stderr().is_terminal().then(|| {
        let target = ProgressDrawTarget::stderr_with_hz(10);
        let bar = ProgressBar::with_draw_target(Some(BAR_STEPS as u64), target);
        let style = ProgressStyle::with_template("[{bar:20}] {wide_msg}").expect("a valid template");
        bar.set_style(style.progress_chars("=> "));
        bar
    })
}

fn show(bar: Option<&ProgressBar>, progress: Progress) {
    if let Some(bar) = bar {
        bar.set_position((progress.share * BAR_STEPS) as u64);
        bar.set_message(progress.sentence);
    }
}

fn print_table(ceiling: &Ceiling) -> io::Result<()> {
    let whole = |figure: Option<f64>| figure.map_or("-".into(), |figure| grouped(figure as u64));
    print(&format!("  {:>12} {:>14} {:>14}  ends", "connections", "connects/s", "deliveries/s"))?;
    for step in &ceiling.steps {
        let Step { opened, connects_per_s, deliveries_per_s, arrangement, .. } = step;
        let name = arrangement.map_or("", limit::Arrangement::name);
        let shown = if *opened == 0 { step.connections } else { *opened };
        print(&format!(
            "  {:>12} {:>14} {:>14}  {name}",
            grouped(shown as u64),
            whole(*connects_per_s),
            whole(*deliveries_per_s)
        ))?;
    }
    print("")?;
    if let Some(wakeup) = ceiling.wakeup_us {
        print(&format!(
            "  wake-up   p50 {:.0} µs, p99 {:.0} µs, max {:.0} µs ({})",
            wakeup.p50,
            wakeup.p99,
            wakeup.max,
            grouped(wakeup.samples as u64)
        ))?;
    }
    print(&format!("  memory    {}", memory(ceiling)))?;
    print(&format!("  took      {:.1} s", ceiling.took_s))?;
    for step in &ceiling.steps {
        if let Some(note) = &step.note {
            say(&format!("note: {note}"));
        }
    }
    Ok(())
}

fn memory(ceiling: &Ceiling) -> String {
    let gibibytes = |bytes: u64| format!("{:.1} GiB", bytes as f64 / f64::from(1 << 30));
    let (free, reserve) = (gibibytes(ceiling.memory_free_bytes), gibibytes(ceiling.reserve_bytes));
    match (ceiling.pair_bytes, ceiling.pairs_max) {
        (Some(bytes), Some(most)) => format!(
            "{} B a loopback pair, so at most {} pairs in {free}, of which {reserve} stay free",
            grouped(bytes as u64),
            grouped(most)
        ),
        _ => format!(
            "{free} free; a pair's is not known (it takes a step of 10,000 connections, and no other program that \
             takes or gives back much meanwhile)"
        ),
    }
}

//! The progress of a run: a bar and a status line on a terminal, plain lines otherwise.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use runner::{Phase, Progress, Status};

use crate::output::{grouped, say, time};

/// How often a plain line is written, besides at each new phase.
const PLAIN_INTERVAL: Duration = Duration::from_secs(5);

/// Steps of the bar.
const STEPS: u64 = 1000;

pub(crate) struct Display {
    bar: Option<ProgressBar>,
    phase: Option<Phase>,
    written: Instant,
    open: u64,
    delivered: u64,
    counted: Duration,
    rates: (f64, f64),
}

impl Display {
    pub(crate) fn new(name: &str) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::with_draw_target(Some(STEPS), ProgressDrawTarget::stderr_with_hz(10));
            let style =
                ProgressStyle::with_template("{prefix} [{bar:20}] {wide_msg}").expect("a valid template");
            bar.set_style(style.progress_chars("=> "));
            bar
        });
        if bar.is_none() {
            say(&format!("running {name}"));
        }
        let written = Instant::now();
        Self { bar, phase: None, written, open: 0, delivered: 0, counted: Duration::ZERO, rates: (0.0, 0.0) }
    }

    pub(crate) fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }

    /// Rates over the last second or so.
    fn count(&mut self, status: &Status<'_>) {
        let since = status.elapsed().saturating_sub(self.counted).as_secs_f64();
        if since < 0.9 {
            return;
        }
        let (open, delivered) = (status.connections_open(), status.received().delivered);
        self.rates = (
            open.saturating_sub(self.open) as f64 / since,
            delivered.saturating_sub(self.delivered) as f64 / since,
        );
        (self.open, self.delivered, self.counted) = (open, delivered, status.elapsed());
    }

    fn line(&self, status: &Status<'_>) -> String {
        let mut parts = vec![format!(
            "{} of {} connections",
            grouped(status.connections_open()),
            grouped(status.connections_asked())
        )];
        if status.connections_failed() > 0 {
            parts.push(format!("{} failed", grouped(status.connections_failed())));
        }
        if status.phase() == Phase::Ramp {
            parts.push(format!("{}/s", grouped(self.rates.0 as u64)));
        }
        if status.sent() > 0 {
            let delivered = status.received().delivered;
            parts.push(format!("{} delivered ({}/s)", grouped(delivered), grouped(self.rates.1 as u64)));
        }
        if let Some(histogram) = status.delivery() {
            let at = |quantile| time(histogram.value_at_quantile(quantile));
            parts.push(format!("p50 {} p99 {}", at(0.5), at(0.99)));
        }
        if let Some(rss) = status.server_rss_bytes() {
            parts.push(format!("server {:.1} MiB", rss as f64 / 1024.0 / 1024.0));
        }
        parts.join(", ")
    }
}

impl Progress for Display {
    fn status(&mut self, status: &Status<'_>) {
        self.count(status);
        let phase = status.phase();
        let seconds = status.elapsed().as_secs();
        let clock = format!("{:>2}:{:02} {:<6}", seconds / 60, seconds % 60, phase.name());
        let line = self.line(status);
        if let Some(bar) = &self.bar {
            bar.set_prefix(clock);
            bar.set_position((status.share().unwrap_or(1.0) * STEPS as f64) as u64);
            bar.set_message(line);
        } else if self.phase != Some(phase) || self.written.elapsed() >= PLAIN_INTERVAL {
            say(&format!("{clock} {line}"));
            self.written = Instant::now();
        }
        self.phase = Some(phase);
    }
}

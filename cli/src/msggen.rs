//! `floodmark msggen`: the publisher.

use std::time::Duration;

use msggen::{Distribution, LinkError, MsggenError, Options, Pace};
use runner::scenario::Ids;
use telemetry::{Audit, Frame, Histogram, latency_histogram};

use crate::args::MsggenFlags;
use crate::exit::{Code, Ended, Exit};
use crate::output::{FrameLines, grouped, percentiles, print, say};
use crate::worker::{commands, resolve};

/// How long the server may take at the end to account for everything.
const PATIENCE: Duration = Duration::from_secs(10);

pub(crate) fn main(flags: &MsggenFlags) -> Ended {
    let options = resolve_options(flags)?;
    let commands = commands(flags.speech.worker);
    let mut voice = Voice {
        frames: FrameLines::new(flags.speech.json || flags.speech.worker),
        sent: 0,
        lag: latency_histogram(),
    };
    let outcome =
        msggen::run(&options, &commands, &mut |frame| voice.hear(&frame)).map_err(|error| match error {
            MsggenError::Link(LinkError::Broke { .. }) => Exit::broke(error),
            MsggenError::Link(LinkError::Connect { .. } | LinkError::Protocol { .. }) => Exit::cannot(error),
        })?;
    if !voice.frames.are_wanted() {
        let totals = outcome.totals;
        print(&format!(
            "sent {}, delivered {} of {} copies, nobody there {}, gone {}, dropped {}",
            grouped(outcome.sent),
            grouped(totals.delivered),
            grouped(totals.copies),
            grouped(totals.nobody_there),
            grouped(totals.gone),
            grouped(totals.dropped)
        ))?;
        if options.pace != Pace::Max {
            print(&format!("behind schedule by {}", percentiles(&voice.lag)))?;
        }
        if !outcome.settled {
            say(
                "warning: the server did not account for all messages in time; the figures are what it had said until then",
            );
        }
    }
    Ok(if outcome.settled { Code::Fine } else { Code::Failed })
}

fn resolve_options(flags: &MsggenFlags) -> Result<Options, Exit> {
    let pace = match (flags.rate, flags.interval) {
        (Some(rate), _) => Pace::Rate(rate.per_second()),
        (None, Some(interval)) => Pace::Rate(f64::from(flags.generators) / interval.0.as_secs_f64()),
        (None, None) => Pace::Max,
    };
    if flags.min_id > flags.max_id {
        let (min, max) = (flags.min_id, flags.max_id);
        return Err(Exit::wrong_input(format!("--min-id {min} is above --max-id {max}: turn them round")));
    }
    let ids = u64::from(flags.max_id - flags.min_id) + 1;
    if ids > msggen::IDS_MAX {
        let most = grouped(msggen::IDS_MAX);
        return Err(Exit::wrong_input(format!(
            "--max-id makes {} ids, and one publisher has at most {most}",
            grouped(ids)
        )));
    }
    let payload_bytes = flags.payload.0 as usize;
    let (least, most) = (wire::mark::MARK_BYTES, wire::MESSAGE_BYTES_MAX);
    if !(least..=most).contains(&payload_bytes) {
        return Err(Exit::wrong_input(format!(
            "--payload {} must be from {least}B (the mark that the audit reads) to {most}B",
            flags.payload
        )));
    }
    Ok(Options {
        router: resolve(&flags.router)?,
        pace,
        count: flags.count.map(|count| count.0),
        duration: flags.duration.map(|duration| duration.0),
        generators: flags.generators,
        id_min: flags.min_id,
        id_max: flags.max_id,
        ids: match flags.ids {
            Ids::Uniform => Distribution::Uniform,
            Ids::RoundRobin => Distribution::RoundRobin,
            Ids::Zipf(exponent) => Distribution::Zipf { exponent },
        },
        payload_bytes,
        seed: flags.seed,
        publisher: flags.publisher.unwrap_or(std::process::id() as u16),
        links: flags.links.clamp(1, msggen::LINKS_MAX),
        patience: PATIENCE,
        wait_for_start: flags.speech.worker,
    })
}

struct Voice {
    frames: FrameLines,
    sent: u64,
    lag: Histogram<u64>,
}

impl Voice {
    fn hear(&mut self, frame: &Frame) {
        if self.frames.print(frame) {
            return;
        }
        match frame {
            Frame::Latency(latency) => {
                if let Ok(histogram) = latency.decode() {
                    let _ = self.lag.add(histogram);
                }
            }
            Frame::Audit(frame) => {
                let Audit { sent, expected, nobody_there, .. } = frame.audit;
                let rate = sent - self.sent;
                self.sent = sent;
                say(&format!(
                    "Stats: sent {} (+{}), copies {}, nobody there {}",
                    grouped(sent),
                    grouped(rate),
                    grouped(expected),
                    grouped(nobody_there)
                ));
            }
            _ => {}
        }
    }
}

//! `-f`: a recording, or a run, told to the same picture as a live sample and shown by the same code.
//!
//! A run has samples of several sources. The machine's (`host`) lead: each of theirs is a line, and what the others said
//! last stands in it. Where there are none, those of whoever spoke first do.

use std::path::Path;

use sar::{Group, Sampler, SamplerOptions};
use telemetry::{BundleError, Catalog, Frame, FrameError, Mark, Placed, Queues, Recording, Sample, Stamp};

use crate::exit::{Code, Ended, Exit};
use crate::sar::alarms::ALERT;
use crate::sar::console::Console;
use crate::sar::flags::SarFlags;
use crate::sar::machine::Machine;
use crate::sar::picture::Picture;
use crate::sar::show::Show;
use crate::sar::times::clock;

/// Whose samples are lines.
const LEADER: &str = "host";

pub(crate) fn main(flags: &SarFlags, path: &Path) -> Ended {
    let mut recording = Recording::open(path).map_err(unopened)?;
    let mut replay = Replay::new(flags, path);
    while let Some(placed) = recording.next() {
        match placed {
            Ok(Placed { frame, .. }) => replay.take(&frame)?,
            Err(error @ FrameError::LaterSchema { .. }) => {
                return Err(Exit::wrong_input(format!("could not read '{}': {error}", path.display())));
            }
            Err(error) => {
                Console::Waiting
                    .say(&format!("note: could not read the rest of '{}': {error}", path.display()));
                break;
            }
        }
        if replay.is_over {
            break;
        }
    }
    replay.end()?;
    if recording.torn() {
        Console::Waiting.say(
            "note: the recording ends in the middle of a frame (its writer was killed, or is still writing)",
        );
    }
    if recording.skipped() > 0 {
        Console::Waiting
            .say(&format!("note: {} unreadable lines of the recording were skipped", recording.skipped()));
    }
    replay.verdict(recording.torn())
}

/// What a recording that cannot be opened or made calls for: another name, unless it is the disk that fails.
pub(crate) fn unopened(error: BundleError) -> Exit {
    use std::io::ErrorKind;
    let hint = match &error {
        BundleError::ShortWrite { .. } => None,
        BundleError::Io { source, .. } => match source.kind() {
            ErrorKind::NotFound | ErrorKind::NotADirectory => {
                Some(" (is there such a folder? make it first)")
            }
            ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
                Some(" (choose a place that is yours, or change its permissions)")
            }
            ErrorKind::IsADirectory => Some(" (it is a folder: name a file in it)"),
            ErrorKind::InvalidInput | ErrorKind::InvalidFilename => Some(" (choose another name)"),
            _ => None,
        },
        _ => Some(""),
    };
    match hint {
        Some(hint) => Exit::wrong_input(format!("{error}{hint}")),
        None => Exit::broke(error),
    }
}

/// What a run's usual names mean, for recordings that do not say: those from before there were catalogs.
fn usual_meanings() -> Catalog {
    let mut sampler = Sampler::of(&Group::ALL, &SamplerOptions::default());
    for worker in ["server", "generator", "publisher"] {
        // Any process will do: it is the names that matter.
        let _ = sampler.watch(std::process::id(), worker);
    }
    Catalog { names: sampler.meanings(), ..Catalog::default() }
}

struct Replay<'a> {
    flags: &'a SarFlags,
    picture: Picture,
    show: Show,
    machine: Option<Machine>,
    told_machine: bool,
    begin: Option<Stamp>,
    /// Of the frame that was read last.
    end: Stamp,
    leader: Option<String>,
    samples: u64,
    in_range: u64,
    is_over: bool,
}

impl<'a> Replay<'a> {
    fn new(flags: &'a SarFlags, path: &Path) -> Replay<'a> {
        let mut picture = Picture::new(flags.queue.clone(), flags.alert.clone());
        picture.catalog(&usual_meanings());
        Replay {
            flags,
            picture,
            show: Show::new(flags, flags.group.clone(), Console::Waiting),
            machine: Machine::of_run(path),
            told_machine: false,
            begin: None,
            end: Stamp::default(),
            leader: None,
            samples: 0,
            in_range: 0,
            is_over: false,
        }
    }

    fn take(&mut self, frame: &Frame) -> Result<(), Exit> {
        let at = frame.at();
        let begin = *self.begin.get_or_insert(at);
        self.end = at;
        if self.flags.to.is_some_and(|to| to.moment(begin).is_before(at)) {
            self.is_over = true;
            return Ok(());
        }
        let early = self.flags.from.is_some_and(|from| from.moment(begin).is_after(at));
        match frame {
            Frame::Catalog(catalog) => self.picture.catalog(catalog),
            Frame::Table(table) => self.picture.table(table),
            Frame::Sample(sample) => return self.sample(sample, early),
            Frame::Mark(mark) => {
                if let Some(machine) = Machine::of(mark) {
                    self.machine = Some(machine);
                } else if let Some((specs, thresholds)) = Queues::described_by(mark) {
                    self.picture.follow(specs, thresholds);
                } else if !early {
                    self.mark(mark)?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn sample(&mut self, sample: &Sample, early: bool) -> Result<(), Exit> {
        let leads = match &self.leader {
            Some(leader) if *leader == sample.source => true,
            Some(_) if sample.source != LEADER => false,
            _ => {
                self.leader = Some(sample.source.clone());
                self.samples = 0;
                true
            }
        };
        if self.flags.usage && !early && self.in_range == 0 {
            self.picture.keep_means();
        }
        let values = || sample.values.iter().map(|(name, value)| (name.as_str(), *value));
        self.picture.sample(sample.at, &sample.source, values);
        for mark in self.picture.take_marks() {
            if !early && self.judges_anew() {
                // They are stamped with the time of this replay.
                self.show.mark(&Mark { at: sample.at, source: LEADER.into(), ..mark })?;
            }
        }
        if !leads {
            return Ok(());
        }
        self.samples += 1;
        // The first is where the first interval begins: it has no rates.
        if self.samples == 1 || early {
            self.show.base(sample.at);
            self.in_range += u64::from(!early);
            return Ok(());
        }
        self.in_range += 1;
        self.tell_machine()?;
        self.show.row(&self.picture)?;
        self.is_over = self.flags.count.is_some_and(|count| self.show.rows() >= count.0);
        Ok(())
    }

    fn tell_machine(&mut self) -> Result<(), Exit> {
        if !std::mem::replace(&mut self.told_machine, true) {
            let machine = self.machine.get_or_insert_default();
            self.show.host(machine, self.end)?;
        }
        Ok(())
    }

    /// Alerts are judged anew when thresholds are given, and otherwise shown as they were recorded.
    fn judges_anew(&self) -> bool {
        !self.flags.alert.is_empty()
    }

    fn mark(&mut self, mark: &Mark) -> Result<(), Exit> {
        if !(self.judges_anew() && mark.name.starts_with(ALERT)) {
            self.tell_machine()?;
            self.show.mark(mark)?;
        }
        Ok(())
    }

    fn end(&mut self) -> Result<(), Exit> {
        // A recording of a single sample: its gauges are better than nothing.
        if self.show.rows() == 0 && self.in_range == 1 && self.samples == 1 {
            self.tell_machine()?;
            self.show.row(&self.picture)?;
        }
        let machine = self.machine.get_or_insert_default();
        if self.in_range > 0 {
            self.show.end(&self.picture, machine)?;
            for text in self.picture.unmatched() {
                Console::Waiting.say(&format!("note: {text}"));
            }
        }
        Ok(())
    }

    fn verdict(&self, torn: bool) -> Ended {
        match (self.in_range, self.begin) {
            (1.., _) => Ok(Code::Fine),
            (0, Some(begin)) if self.flags.from.is_some() || self.flags.to.is_some() => {
                Err(Exit::wrong_input(format!(
                    "no sample between --from and --to: the recording begins at {} (and was read up to {})",
                    clock(begin.wall_us),
                    clock(self.end.wall_us)
                )))
            }
            _ if torn => Ok(Code::Fine),
            _ => {
                Console::Waiting.say("note: there is no sample in the recording");
                Ok(Code::Fine)
            }
        }
    }
}

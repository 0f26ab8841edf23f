//! The live command: a sample each interval, told to the recording, the picture and whoever looks.
//!
//! The first reading is not shown: it is where the first interval begins, as in sysstat's sar. It is recorded.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sar::CostNotes;
use sar::{Cost, Group, Sampler, SarError, Schedule};
use telemetry::{
    BundleError, Command, Finished, Frame, Hello, Mark, RecordingWriter, SCHEMA_VERSION, Stamp, monotonic_ns,
};

use crate::exit::{Code, Ended, Exit};
use crate::output::{grouped, say};
use crate::sar::alarms::Alarms;
use crate::sar::console::Console;
use crate::sar::flags::SarFlags;
use crate::sar::listen;
use crate::sar::listener;
use crate::sar::machine::Machine;
use crate::sar::picture::Picture;
use crate::sar::replay::unopened;
use crate::sar::show::Show;
use crate::sar::sources::{Sources, gather};
use crate::worker::{commands, resolve};

/// Samples behind a USE report, unless told otherwise.
const USE_SAMPLES: u64 = 3;

/// Different problems that are told. The first ones matter.
const PROBLEMS_MAX: usize = 256;

/// Samples after which names that fit nothing are told.
const SAMPLES_FEW: u64 = 5;

/// Whose samples they are.
const SOURCE: &str = "host";

pub(crate) fn main(flags: &SarFlags) -> Ended {
    // Before any thread: they inherit the signal mask.
    let commands = commands(false);
    let Sources { mut sampler, groups, watched, only_processes, chat_here } = gather(flags)?;
    let cost = Cost::open().map_err(Exit::broke)?;
    let notes = cost.notes();
    sampler.add(Group::Proc, cost);
    let machine = Machine::this(&watched);
    let mut picture = Picture::new(flags.queue.clone(), flags.alert.clone());
    if flags.usage {
        picture.keep_means();
    }
    let picture = Arc::new(Mutex::new(picture));
    if let Some(address) = &flags.listen {
        serve(address, &picture)?;
    }
    let recording = flags.out.as_deref().map(RecordingWriter::create).transpose().map_err(unopened)?;
    let console = Console::live().map_err(Exit::broke)?;
    let mut live = Live {
        flags,
        sampler,
        notes,
        picture,
        show: Show::new(flags, groups, console.clone()),
        recording,
        alarms: Alarms::new(flags.on_alert.as_deref(), console.clone()),
        console,
        told: HashSet::new(),
        machine,
        watched,
        only_processes,
        chat_here,
        checked: false,
    };
    let began = live.begin();
    let ended = began.and_then(|()| live.run(&commands));
    live.end(ended)
}

/// Serves the metrics, and says where.
fn serve(address: &str, picture: &Arc<Mutex<Picture>>) -> Result<(), Exit> {
    let is_port = !address.is_empty() && address.bytes().all(|byte| byte.is_ascii_digit());
    let address = if is_port { format!("127.0.0.1:{address}") } else { address.to_owned() };
    let bound = listen::start(resolve(&address)?, picture)
        .map_err(|error| Exit::cannot(format!("could not listen on '{address}': {error}")))?;
    say(&format!("metrics http://{bound}/metrics"));
    Ok(())
}

struct Live<'a> {
    flags: &'a SarFlags,
    sampler: Sampler,
    notes: CostNotes,
    picture: Arc<Mutex<Picture>>,
    show: Show,
    recording: Option<RecordingWriter>,
    alarms: Alarms,
    console: Console,
    told: HashSet<String>,
    machine: Machine,
    /// Watched processes: their names in samples, and their ids.
    watched: Vec<(String, u32)>,
    /// Nothing else was asked for.
    only_processes: bool,
    /// Where a chat of this machine is asked.
    chat_here: Option<SocketAddr>,
    /// Names that fit nothing were told.
    checked: bool,
}

impl Live<'_> {
    fn begin(&mut self) -> Result<(), Exit> {
        let at = Stamp::now();
        self.record(&Frame::Hello(Hello {
            at,
            source: SOURCE.into(),
            schema: SCHEMA_VERSION,
            worker: "sar".into(),
            pid: std::process::id(),
            version: env!("CARGO_PKG_VERSION").into(),
        }))?;
        self.record(&Frame::Mark(self.machine.mark(at)))?;
        let described = self.look().described();
        self.record(&Frame::Mark(Mark { at, ..described }))?;
        Ok(self.show.host(&self.machine, at)?)
    }

    fn run(&mut self, commands: &Receiver<Command>) -> Result<(), Exit> {
        let default = match (self.flags.usage, self.flags.openmetrics) {
            (true, _) => USE_SAMPLES,
            (_, true) => 1,
            _ => u64::MAX,
        };
        let count = self.flags.count.map_or(default, |count| count.0);
        let mut schedule = Schedule::new(monotonic_ns(), self.flags.interval.0);
        let mut is_base = true;
        while self.show.rows() < count {
            match commands.recv_timeout(schedule.wait(monotonic_ns())) {
                Ok(Command::Stop) | Err(RecvTimeoutError::Disconnected) => break,
                Ok(_) => continue,
                Err(RecvTimeoutError::Timeout) => {}
            }
            let tick = schedule.serve(monotonic_ns());
            self.notes.late(tick.late);
            self.notes.missed(schedule.missed());
            self.sample(is_base)?;
            is_base = false;
            if self.only_processes && self.sampler.watched().next().is_none() {
                self.console.say("all watched processes have ended, and nothing else was asked for");
                break;
            }
        }
        Ok(())
    }

    /// One sample, from the sources to everybody.
    fn sample(&mut self, is_base: bool) -> Result<(), Exit> {
        let at = Stamp::now();
        self.sampler.read();
        self.notes.collected(self.sampler.took());
        // Who has ended makes room for who comes.
        self.problems();
        // What explains a sample, and what came with it, is said before it: the sample is what a replay shows.
        for hello in self.sampler.hellos() {
            self.meet(&hello)?;
            self.record(&Frame::Hello(hello))?;
        }
        let catalog = self.sampler.catalog();
        let tables = self.sampler.tables();
        let picture = Arc::clone(&self.picture);
        let mut picture = picture.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(catalog) = catalog {
            picture.catalog(&catalog);
            self.record(&Frame::Catalog(catalog))?;
        }
        for table in tables {
            picture.table(&table);
            self.record(&Frame::Table(table))?;
        }
        let values = self.sampler.values();
        if let Some(recording) = &mut self.recording {
            let before = recording.bytes();
            recording.append_values(at, SOURCE, values.iter()).map_err(unwritten)?;
            self.notes.sample_bytes(recording.bytes() - before);
        }
        picture.sample(at, SOURCE, || values.iter());
        for mark in picture.take_marks() {
            self.alarms.tell(&mark);
            self.record(&Frame::Mark(Mark { source: SOURCE.into(), ..mark }))?;
        }
        self.alarms.look();
        if is_base {
            self.show.base(at);
        } else {
            // Nobody waits here: the console takes the lines, or drops them.
            self.show.row(&picture)?;
        }
        drop(picture);
        if self.show.rows() == SAMPLES_FEW {
            self.check();
        }
        Ok(())
    }

    /// Watches the process of a chat that has answered, if it can be seen from here, in place of the one before.
    fn meet(&mut self, hello: &Hello) -> Result<(), Exit> {
        // A chat behind a tunnel, or in a container, has a number that is somebody else's here.
        let is_chat = self.chat_here.is_some_and(|admin| listener::is(hello.pid, admin.port()));
        let is_watched = self.watched.iter().any(|(_, pid)| *pid == hello.pid);
        if !is_chat || is_watched || self.sampler.watch(hello.pid, &hello.source).is_err() {
            return Ok(());
        }
        let before = self.watched.iter().position(|(name, _)| *name == hello.source);
        if let Some(before) = before {
            let (_, pid) = self.watched.remove(before);
            self.sampler.unwatch(pid);
        }
        self.watched.push((hello.source.clone(), hello.pid));
        self.machine = Machine::this(&self.watched);
        self.record(&Frame::Mark(self.machine.mark(Stamp::now())))
    }

    fn look(&self) -> MutexGuard<'_, Picture> {
        self.picture.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells once which names fit nothing.
    fn check(&mut self) {
        if !std::mem::replace(&mut self.checked, true) {
            let unmatched = self.look().unmatched();
            for text in unmatched {
                self.console.say(&format!("note: {text}"));
            }
        }
    }

    fn record(&mut self, frame: &Frame) -> Result<(), Exit> {
        self.recording.as_mut().map_or(Ok(()), |recording| recording.append(frame)).map_err(unwritten)
    }

    /// Tells each problem once.
    fn problems(&mut self) {
        for problem in self.sampler.problems() {
            let text = match &problem {
                SarError::ProcessGone { pid } => {
                    let place = self.watched.iter().position(|(_, watched)| watched == pid);
                    let name = place.map(|place| self.watched.remove(place).0);
                    format!("{problem} ({})", name.as_deref().unwrap_or("?"))
                }
                problem => problem.to_string(),
            };
            if self.told.len() < PROBLEMS_MAX && self.told.insert(text.clone()) {
                self.console.say(&format!("note: {text}"));
            }
        }
    }

    /// Averages and the recording's end, however the rest ended.
    fn end(mut self, ended: Result<(), Exit>) -> Ended {
        if ended.is_ok() && self.show.rows() > 0 {
            self.check();
        }
        let shown = {
            let picture = self.picture.lock().unwrap_or_else(PoisonError::into_inner);
            // Whoever has gone need not be told.
            if ended.is_ok() { self.show.end(&picture, &self.machine) } else { Ok(()) }
        };
        let packed = match (self.recording.take(), &self.flags.out) {
            (Some(recording), Some(path)) => self.finish(recording, path),
            _ => Ok(()),
        };
        // What was recorded is safe; only now is there time for whoever reads.
        let printed = self.console.end();
        ended?;
        packed?;
        shown?;
        printed?;
        Ok(Code::Fine)
    }

    /// Packs the recording, and says what it holds.
    fn finish(&self, recording: RecordingWriter, path: &Path) -> Result<(), Exit> {
        let file = path.display();
        let Finished { samples, bytes_after, .. } = recording.finish().map_err(|error| {
            Exit::broke(format!("the recording '{file}' is there, but not packed: {error}"))
        })?;
        if let Some(each) = bytes_after.checked_div(samples) {
            self.console.say(&format!(
                "recorded {} samples in {file}: {} bytes, {each} a sample (show them: floodmark sar -f {file})",
                grouped(samples),
                grouped(bytes_after)
            ));
        }
        Ok(())
    }
}

fn unwritten(error: BundleError) -> Exit {
    Exit::broke(error)
}

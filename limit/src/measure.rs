//! The measurement: wake-ups first, then step after step from the smallest up, each arrangement in turn.

use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use crate::bare::Bare;
use crate::ceiling::{Arrangement, Ceiling, Rates, Step};
use crate::memory::{Growth, Memory, PairMemory};
use crate::options::Options;
use crate::watch::Watch;
use crate::{LimitError, wakeup};

/// How long deliveries are counted, for each step and arrangement.
const DELIVERING: Duration = Duration::from_millis(1500);

/// How long wake-ups may take; usually they are done before.
const WAKEUPS_MAX: Duration = Duration::from_secs(4);

/// What the kernel needs to give back what was closed.
const SETTLING: Duration = Duration::from_millis(100);

/// The most connections over which both arrangements are measured. Beyond, a second round of opening and closing
/// would take half of the time, for the smaller figures: at 250,000 connections a delivery between threads costs a
/// third more of the processors' time than one within a thread, and a connection as well.
const APART_CONNECTIONS_MAX: usize = 100_000;

/// How much of a step must find room for it to be worth opening.
const ROOM_SHARE_MIN: usize = 10;

/// What the time of anything but opening is worth in connections, for the share that is done.
const PAUSE_WEIGHT: usize = 30_000;

/// How far a measurement has come.
#[derive(Debug, Clone, PartialEq)]
pub struct Progress {
    /// What is being measured.
    pub sentence: String,
    /// How much of everything is done, from 0 to 1.
    pub share: f64,
}

/// Measures what this machine can do at most.
///
/// Memory, time or `stop` may end it early; then [`Ceiling::cut_short`] says so, and what was measured stands.
///
/// # Errors
/// [`LimitError::Options`] when they make no sense, [`LimitError::Cannot`] when no step finds room on this machine,
/// [`LimitError::Broke`] when something failed before anything was measured.
pub fn measure(
    options: &Options,
    hear: &mut dyn FnMut(Progress),
    stop: &AtomicBool,
) -> Result<Ceiling, LimitError> {
    let steps = options.steps()?;
    let began = Instant::now();
    let weights = steps.iter().map(|step| (step + PAUSE_WEIGHT) * arrangements(*step).len()).sum::<usize>();
    let mut round = Round {
        options,
        watch: Watch::new(options, stop),
        hear,
        done: 0,
        all: weights + PAUSE_WEIGHT,
        pairs: Vec::new(),
    };
    let mut ceiling = Ceiling {
        pair_bytes: None,
        pair_slab_bytes: None,
        pairs_max: None,
        memory_free_bytes: Memory::read()?.spare_bytes(),
        reserve_bytes: options.reserve_bytes,
        steps: Vec::new(),
        wakeup_us: None,
        took_s: 0.0,
        cut_short: None,
    };
    if round.watch.room(1)?.0 > 0 {
        round.say("wake-ups", 0);
        let patience = WAKEUPS_MAX.min(options.time_max / 4);
        let mut may_go_on = || began.elapsed() < patience && round.watch.may_go_on();
        ceiling.wakeup_us = wakeup::measure(&mut may_go_on)?;
    }
    round.done += PAUSE_WEIGHT;
    for connections in steps {
        let mut step = Step { connections, ..Step::default() };
        let result = round.step(&mut step);
        ceiling.steps.push(step);
        if let Err(error) = result {
            if ceiling.largest().is_none() {
                return Err(error);
            }
            // What was measured stands.
            round.watch.cut_short.get_or_insert(error.to_string());
        }
        if round.watch.cut_short.is_some() {
            break;
        }
    }
    ceiling.cut_short = round.watch.cut_short.take();
    if let (None, None, [step, ..]) = (ceiling.largest(), &ceiling.cut_short, &ceiling.steps[..]) {
        return Err(LimitError::Cannot(step.note.clone().unwrap_or_default()));
    }
    // The largest step tells a pair's memory best.
    let most = round.pairs.iter().map(|(pairs, _)| *pairs).max();
    let best = || round.pairs.iter().filter(|(pairs, _)| Some(*pairs) == most).map(|(_, pair)| *pair);
    let slab = best().map(|pair| pair.slab).reduce(f64::min);
    let pair_bytes = best().filter_map(PairMemory::agreed).reduce(f64::min);
    ceiling.pair_slab_bytes = slab;
    ceiling.pair_bytes = pair_bytes;
    let usable = ceiling.memory_free_bytes.saturating_sub(options.reserve_bytes);
    ceiling.pairs_max = pair_bytes.map(|bytes| (usable as f64 / bytes) as u64);
    ceiling.took_s = began.elapsed().as_secs_f64();
    Ok(ceiling)
}

/// The arrangements that are measured with so many connections.
fn arrangements(connections: usize) -> &'static [Arrangement] {
    if connections > APART_CONNECTIONS_MAX { &Arrangement::ALL[..1] } else { &Arrangement::ALL }
}

struct Round<'a> {
    options: &'a Options,
    watch: Watch<'a>,
    hear: &'a mut dyn FnMut(Progress),
    done: usize,
    all: usize,
    /// Pairs that were opened at once, and a pair's memory as that opening found it.
    pairs: Vec<(usize, PairMemory)>,
}

impl Round<'_> {
    fn say(&mut self, sentence: &str, opened: usize) {
        let share = (self.done + opened) as f64 / self.all as f64;
        (self.hear)(Progress { sentence: sentence.to_owned(), share: share.min(1.0) });
    }

    fn step(&mut self, step: &mut Step) -> Result<(), LimitError> {
        let wanted = step.connections;
        for arrangement in arrangements(wanted) {
            let (room, why) = self.watch.room(wanted)?;
            if let Some(why) = why {
                let left_out = room * ROOM_SHARE_MIN < wanted || room == 0;
                step.note = Some(match (left_out, step.connects_per_s) {
                    (true, None) => format!("{wanted} connections find no room: {why}"),
                    (true, Some(_)) => format!("not measured with its ends {}: {why}", arrangement.name()),
                    (false, _) => format!("only {room} of {wanted} connections find room: {why}"),
                });
                if left_out {
                    return Ok(());
                }
            }
            self.measure(step, *arrangement, room)?;
            self.done += wanted + PAUSE_WEIGHT;
            if self.watch.cut_short.is_some() {
                break;
            }
        }
        Ok(())
    }

    fn measure(&mut self, step: &mut Step, arrangement: Arrangement, count: usize) -> Result<(), LimitError> {
        let opening = format!("opening {count} connections, ends {}", arrangement.name());
        let mut growth = Growth::default();
        self.watch.begin_opening();
        let bare = Bare::open(arrangement, count, self.options.concurrency, &mut |opened| {
            let mut looked = false;
            let go_on = self.watch.may_open_more(&mut |memory| {
                growth.add(opened, memory);
                looked = true;
            });
            if looked {
                self.say(&opening, opened);
            }
            go_on
        })?;
        if bare.opened == 0 {
            return bare.close();
        }
        self.say(
            &format!("delivering over {} connections, ends {}", bare.opened, arrangement.name()),
            bare.opened,
        );
        let mut rates = Rates { connects_per_s: bare.connects_per_s, deliveries_per_s: None };
        let opened = bare.opened;
        rates.deliveries_per_s = bare.deliveries_per_s(DELIVERING, &mut || self.watch.may_go_on());
        step.add(arrangement, opened, rates);
        bare.close()?;
        self.pairs.extend(growth.per_pair().map(|pair| (opened, pair)));
        std::thread::sleep(SETTLING);
        Ok(())
    }
}

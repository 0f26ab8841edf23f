//! What keeps a measurement within its bounds: time, memory, descriptors, and whoever says stop.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use nix::unistd::Uid;

use crate::bare;
use crate::memory::Memory;
use crate::options::Options;

/// What a pair is taken to need before it is known; more than any has needed.
const PAIR_BYTES_PLANNED: u64 = 9 * 1024;

/// Pairs that are opened, measured and closed again in a second, at worst, before that is known.
const PAIRS_PER_S_PLANNED: f64 = 15_000.0;

/// What a step takes besides.
const STEP_TIME: Duration = Duration::from_millis(1500);

/// How often free memory is looked at while pairs are opened: ten thousand of them a second cost 1 MB between two.
const MEMORY_LOOK: Duration = Duration::from_millis(10);

/// What closing takes, as a share of what opening took: that much of the time is kept for it.
const CLOSING_SHARE: f64 = 0.5;

/// Descriptors left to everybody else on the machine.
const DESCRIPTORS_LEFT: usize = 10_000;

/// The bounds of a measurement, and whether it has met one.
pub(crate) struct Watch<'a> {
    stop: &'a AtomicBool,
    deadline: Instant,
    time_max: Duration,
    reserve_bytes: u64,
    opening_since: Instant,
    looked: Option<Instant>,
    /// The bound that was met.
    pub(crate) cut_short: Option<String>,
}

impl<'a> Watch<'a> {
    pub(crate) fn new(options: &Options, stop: &'a AtomicBool) -> Self {
        Self {
            stop,
            deadline: Instant::now() + options.time_max,
            time_max: options.time_max,
            reserve_bytes: options.reserve_bytes,
            opening_since: Instant::now(),
            looked: None,
            cut_short: None,
        }
    }

    /// Whether the measurement may go on, as far as time and people are concerned.
    pub(crate) fn may_go_on(&mut self) -> bool {
        if self.cut_short.is_none() {
            if self.stop.load(Ordering::Relaxed) {
                self.cut_short = Some("it was told to stop".into());
            } else if Instant::now() >= self.deadline {
                self.cut_short = Some(self.over());
            }
        }
        self.cut_short.is_none()
    }

    fn over(&self) -> String {
        format!("its time, {:?}, was over", self.time_max)
    }

    /// Opening begins now.
    pub(crate) fn begin_opening(&mut self) {
        self.opening_since = Instant::now();
    }

    /// As [`Self::may_go_on`], with time kept for closing, and a look at memory when it is time for one.
    pub(crate) fn may_open_more(&mut self, see: &mut dyn FnMut(Memory)) -> bool {
        if !self.may_go_on() {
            return false;
        }
        let closing = self.opening_since.elapsed().mul_f64(CLOSING_SHARE);
        if self.deadline.saturating_duration_since(Instant::now()) < closing {
            self.cut_short = Some(self.over());
        }
        if self.looked.is_none_or(|looked| looked.elapsed() >= MEMORY_LOOK) {
            self.looked = Some(Instant::now());
            // A machine that no longer lets files be read is in trouble already.
            let memory = Memory::read().unwrap_or_default();
            see(memory);
            if memory.spare_bytes() < self.reserve_bytes {
                let (spare, reserve) = (mebibytes(memory.spare_bytes()), mebibytes(self.reserve_bytes));
                self.cut_short =
                    Some(format!("only {spare} of memory were left, and {reserve} are reserved"));
            }
        }
        self.cut_short.is_none()
    }

    /// How many of `wanted` connections there is room for, and what there is too little of for the others.
    pub(crate) fn room(&self, wanted: usize) -> io::Result<(usize, Option<String>)> {
        let spare = Memory::read()?.spare_bytes();
        let by_memory = count(spare.saturating_sub(self.reserve_bytes) / PAIR_BYTES_PLANNED);
        let memory = || {
            let (spare, reserve) = (mebibytes(spare), mebibytes(self.reserve_bytes));
            format!("{spare} of memory are free and {reserve} of it reserved ('--reserve'), at 9 KiB a pair")
        };
        let left = self.deadline.saturating_duration_since(Instant::now());
        let by_time = left.saturating_sub(STEP_TIME).as_secs_f64() * PAIRS_PER_S_PLANNED;
        let time = || format!("{:.0} s are left ('--time')", left.as_secs_f64());
        let by_table = bare::connections_max()?;
        let table = || "a table of descriptors is too small ('ulimit -Hn')".to_owned();
        let by_machine = descriptors_left() / 2;
        let machine = || "the machine has too few descriptors left (fs.file-max)".to_owned();
        let by_watches = watches_max().saturating_sub(DESCRIPTORS_LEFT) / 2;
        let watches = || "a user may have too few epoll watches (fs.epoll.max_user_watches)".to_owned();
        let rooms: [(usize, &dyn Fn() -> String); 5] = [
            (by_memory, &memory),
            (by_time as usize, &time),
            (by_table, &table),
            (by_machine, &machine),
            (by_watches, &watches),
        ];
        let (room, why) = rooms.into_iter().min_by_key(|(room, _)| *room).expect("there are five");
        Ok(if room < wanted { (room, Some(why())) } else { (wanted, None) })
    }
}

/// Descriptors that the whole machine has left for us. Root is not held to it.
fn descriptors_left() -> usize {
    if Uid::effective().is_root() {
        return usize::MAX;
    }
    let numbers = std::fs::read_to_string("/proc/sys/fs/file-nr").unwrap_or_default();
    let numbers: Vec<u64> = numbers.split_whitespace().filter_map(|number| number.parse().ok()).collect();
    match numbers[..] {
        [used, _, most] => count(most.saturating_sub(used)).saturating_sub(DESCRIPTORS_LEFT),
        _ => usize::MAX,
    }
}

/// Sockets that event loops of one user may wait for; both ends of a pair are.
fn watches_max() -> usize {
    let text = std::fs::read_to_string("/proc/sys/fs/epoll/max_user_watches").unwrap_or_default();
    text.trim().parse().map_or(usize::MAX, count)
}

fn count(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

fn mebibytes(bytes: u64) -> String {
    format!("{} MiB", bytes >> 20)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn watch(options: &Options, stop: &AtomicBool, check: impl FnOnce(Watch<'_>)) {
        check(Watch::new(options, stop));
    }

    #[test]
    fn who_says_stop_is_heard_at_once() {
        let stop = AtomicBool::new(false);
        watch(&Options::default(), &stop, |mut watch| {
            assert!(watch.may_go_on());
            stop.store(true, Ordering::Relaxed);
            assert!(!watch.may_go_on() && !watch.may_open_more(&mut |_| ()));
            assert!(watch.cut_short.is_some_and(|why| why.contains("stop")));
        });
    }

    #[test]
    fn a_reserve_larger_than_memory_leaves_no_room() {
        let options = Options { reserve_bytes: 1 << 60, ..Options::default() };
        watch(&options, &AtomicBool::new(false), |mut watch| {
            let (room, why) = watch.room(100).expect("memory can be read");
            assert_eq!(room, 0);
            assert!(why.is_some_and(|why| why.contains("--reserve")));
            assert!(!watch.may_open_more(&mut |_| ()));
            assert!(watch.cut_short.is_some_and(|why| why.contains("reserved")));
        });
    }

    #[test]
    fn a_time_that_is_over_leaves_no_room() {
        let options = Options { time_max: Duration::ZERO, reserve_bytes: 0, ..Options::default() };
        watch(&options, &AtomicBool::new(false), |mut watch| {
            let (room, why) = watch.room(100).expect("memory can be read");
            assert_eq!(room, 0);
            assert!(why.is_some_and(|why| why.contains("--time")));
            assert!(!watch.may_go_on());
        });
    }
}

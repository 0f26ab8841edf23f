//! How long it takes until somebody who sleeps in epoll has read what was written to it.
//!
//! One thread writes a delivery about every millisecond; another, on another core where there is one, sleeps in
//! epoll, is woken, and reads. The time from before the write to after the read is what no server can undercut whose
//! reader is another process with nothing else to do. Both threads are pinned: otherwise the scheduler decides
//! between two quite different figures.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::unistd::Pid;
use socket2::Socket;

use crate::ceiling::Wakeup;
use crate::sockets::{self, Events, Sources};

/// Wake-ups that are measured.
const SAMPLES: usize = 2000;

/// The time between two, in which the reader falls asleep.
const INTERVAL: Duration = Duration::from_millis(1);

/// How long the reader sleeps before it looks whether all is over.
const WAIT_MS: u8 = 100;

/// Measures; `None` when `go_on` said no before there was a sample.
pub(crate) fn measure(go_on: &mut dyn FnMut() -> bool) -> io::Result<Option<Wakeup>> {
    let listener = sockets::listen(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
    let reader = sockets::connect(sockets::address_of(&listener)?, Sources::for_connections(1), 0)?;
    let writer = listener.accept()?.0;
    let (epoch, sent_ns, read, stop) =
        (Instant::now(), AtomicU64::new(0), AtomicU64::new(0), AtomicBool::new(false));
    let now_ns = || u64::try_from(epoch.elapsed().as_nanos()).unwrap_or(u64::MAX);
    let latencies = std::thread::scope(|scope| {
        let reading = scope.spawn(|| -> io::Result<Vec<u64>> {
            pin(-1);
            let mut events = Events::new()?;
            events.add(&reader, 0)?;
            let mut latencies = Vec::with_capacity(SAMPLES);
            while !stop.load(Ordering::Acquire) {
                for _ in events.wait(WAIT_MS)? {
                    if sockets::receive(&reader) > 0 {
                        latencies.push(now_ns() - sent_ns.load(Ordering::Acquire));
                        read.store(latencies.len() as u64, Ordering::Release);
                    }
                }
            }
            Ok(latencies)
        });
        let writing = scope.spawn(|| write_all(&writer, &now_ns, &sent_ns, &read, &stop));
        while !writing.is_finished() && !reading.is_finished() {
            if !go_on() {
                stop.store(true, Ordering::Release);
            }
            std::thread::sleep(INTERVAL * 10);
        }
        stop.store(true, Ordering::Release);
        reading.join().unwrap_or_else(|_| Err(io::Error::other("the reader panicked")))
    })?;
    sockets::reset(reader);
    Ok(summarise(latencies))
}

fn write_all(
    writer: &Socket,
    now_ns: &impl Fn() -> u64,
    sent_ns: &AtomicU64,
    read: &AtomicU64,
    stop: &AtomicBool,
) {
    pin(0);
    let mut sent = 0;
    while sent < SAMPLES as u64 && !stop.load(Ordering::Acquire) {
        std::thread::sleep(INTERVAL);
        // The last one may still be on its way: then this one waits, and its time with it.
        if read.load(Ordering::Acquire) == sent {
            sent_ns.store(now_ns(), Ordering::Release);
            sent += u64::from(sockets::deliver(writer));
        }
    }
    while read.load(Ordering::Acquire) < sent && !stop.load(Ordering::Acquire) {
        std::thread::sleep(INTERVAL);
    }
}

/// Keeps the calling thread on the first core it may use (0), or the last (-1). Where that is refused, it roams.
fn pin(place: isize) {
    let this = Pid::from_raw(0);
    let Ok(allowed) = sched_getaffinity(this) else { return };
    let mut cores = (0..CpuSet::count()).filter(|core| allowed.is_set(*core).unwrap_or(false));
    let Some(core) = (if place < 0 { cores.next_back() } else { cores.next() }) else { return };
    let mut only = CpuSet::new();
    if only.set(core).is_ok() {
        let _ = sched_setaffinity(this, &only);
    }
}

fn summarise(mut latencies_ns: Vec<u64>) -> Option<Wakeup> {
    latencies_ns.sort_unstable();
    let samples = latencies_ns.len();
    let at = |rank: usize| Some(*latencies_ns.get(rank)? as f64 / 1000.0);
    Some(Wakeup {
        p50: at(samples / 2)?,
        p99: at(samples * 99 / 100)?,
        max: at(samples.checked_sub(1)?)?,
        samples,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_quantiles_are_those_of_the_samples() {
        let wakeup = summarise((1..=200).rev().map(|us| us * 1000).collect()).expect("samples");
        assert_eq!((wakeup.p50, wakeup.p99, wakeup.max, wakeup.samples), (101.0, 199.0, 200.0, 200));
        assert_eq!(summarise(vec![]), None);
    }

    #[test]
    fn it_ends_when_told() {
        let mut looks = 0;
        let wakeup = measure(&mut || {
            looks += 1;
            looks < 20
        });
        let wakeup = wakeup.expect("loopback works").expect("some samples");
        assert!(wakeup.samples < SAMPLES && wakeup.p50 > 0.0 && wakeup.p50 <= wakeup.max, "{wakeup:?}");
    }
}

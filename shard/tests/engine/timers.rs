//! Timers and wake-ups by the clock.

use std::process::Command;
use std::time::{Duration, Instant};

use crate::stage::{Event, PATIENCE, Stage, in_child, isolated, options, swallow};

#[test]
fn timers_are_never_early_and_come_in_order() {
    isolated(|| {
        let stage = Stage::start(&options("timers", 1), swallow);
        let delays: Vec<u64> = (0..40).map(|n| n * 13 % 40 * 8).collect();
        let wanted = delays.clone();
        let set = stage.order(0, move |_, shard| {
            for &delay in &wanted {
                shard.after(Duration::from_millis(delay), delay);
            }
            assert_eq!(shard.stats().timers.get(), 40);
            shard.now()
        });
        let mut fired = Vec::new();
        while fired.len() < delays.len() {
            let Event::Timer { number, at, .. } = stage.next() else { panic!("only timers") };
            assert!(at >= set + Duration::from_millis(number), "{number} ms was early");
            fired.push(number);
        }
        assert!(fired.is_sorted(), "{fired:?}");
        assert_eq!(stage.pool.totals().timers, 0);
        stage.stop();
    });
}

#[test]
fn timers_that_are_due_together_come_in_order_too() {
    isolated(|| {
        let stage = Stage::start(&options("together", 1), swallow);
        stage.order(0, |_, shard| {
            for delay in [30, 10, 20] {
                shard.after(Duration::from_millis(delay), delay);
            }
            // A turn that takes longer than all of them.
            let end = Instant::now() + Duration::from_millis(60);
            while Instant::now() < end {
                std::hint::spin_loop();
            }
        });
        let fired = [stage.next(), stage.next(), stage.next()].map(|event| match event {
            Event::Timer { number, .. } => number,
            other => panic!("{other:?}"),
        });
        assert_eq!(fired, [10, 20, 30]);
        stage.stop();
    });
}

#[test]
fn a_cancelled_timer_stays_silent() {
    isolated(|| {
        let stage = Stage::start(&options("cancel", 1), swallow);
        stage.order(0, |_, shard| {
            let first = shard.after(Duration::from_millis(20), 1);
            let second = shard.after(Duration::from_millis(40), 2);
            assert!(shard.cancel(first));
            assert!(!shard.cancel(first), "once");
            let third = shard.after(Duration::from_millis(30), 3);
            assert!(!shard.cancel(first), "its place has a new tenant");
            assert_ne!(second, third);
            assert_eq!(shard.stats().timers.get(), 2);
        });
        for expected in [3, 2] {
            assert!(matches!(stage.next(), Event::Timer { number, .. } if number == expected));
        }
        assert_eq!(stage.pool.totals().timers, 0);
        assert_eq!(stage.pending(), []);
        stage.stop();
    });
}

#[test]
fn wake_at_takes_the_earliest_time() {
    isolated(|| {
        let stage = Stage::start(&options("wake", 1), swallow);
        let (asked, soon) = stage.order(0, |puppet, shard| {
            let soon = Instant::now() + Duration::from_millis(30);
            shard.wake_at(soon + Duration::from_secs(60));
            shard.wake_at(soon);
            shard.wake_at(soon + Duration::from_secs(60));
            puppet.watch_turns = true;
            (shard.stats().turns.get(), soon)
        });
        // The end of the turn that carried the order out, and then the one that was asked for.
        assert!(matches!(stage.next(), Event::Turn { .. }));
        let Event::Turn { at, .. } = stage.next() else { panic!("only turns") };
        assert!(at >= soon && at < soon + PATIENCE);
        assert_eq!(stage.pool.totals().turns, asked + 1, "and not before");
        stage.stop();
    });
}

/// What went wrong: a wait that a stop and continue of the process interrupted was begun again without the time that
/// `wake_at` had set, so that the turn never came.
#[test]
fn a_stopped_and_continued_process_still_wakes() {
    in_child("timers::a_stopped_and_continued_process_still_wakes", || {
        let stage = Stage::start(&options("sigcont", 1), swallow);
        let wake = stage.order(0, |puppet, shard| {
            puppet.watch_turns = true;
            let wake = Instant::now() + Duration::from_millis(1200);
            shard.wake_at(wake);
            wake
        });
        assert!(matches!(stage.next(), Event::Turn { .. }));
        let signals = format!("kill -STOP {0}; sleep 0.2; kill -CONT {0}", std::process::id());
        assert!(Command::new("sh").args(["-c", &signals]).status().unwrap().success());
        assert!(Instant::now() < wake, "the machine is too slow for this test");
        loop {
            match stage.next() {
                Event::Turn { at, .. } if at >= wake => break,
                // The interruption may count as a turn; the service then asks again, as after any other.
                Event::Turn { .. } => stage.tell(0, move |_, shard| shard.wake_at(wake)),
                other => panic!("{other:?}"),
            };
        }
        stage.stop();
    });
}

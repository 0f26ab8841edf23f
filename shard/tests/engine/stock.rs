//! What a shard says of itself: the stage it is at, and its memory.

use shard::Stage as At;

use crate::stage::{Stage, eventually, isolated, options, swallow, write_until_queued};

#[test]
fn a_shard_says_what_it_is_doing() {
    isolated(|| {
        let stage = Stage::start(&options("doing", 1), swallow);
        let doing = || stage.pool.stats()[0].stage.get();
        eventually("it waits", || doing() == At::Waiting);
        assert_eq!(stage.order(0, |_, shard| shard.stats().stage.get()), At::Mail);
        let release = stage.wedge(0);
        eventually("it is at its mail", || doing() == At::Mail);
        release.send(()).unwrap();
        eventually("it waits again", || doing() == At::Waiting);
        assert_eq!(stage.pool.totals().stopping, 0);
        let stats = std::sync::Arc::clone(stage.pool.stats());
        stage.stop();
        assert_eq!(stats[0].stopping.get(), 1);
    });
}

#[test]
fn memory_follows_what_is_held() {
    isolated(|| {
        let stage = Stage::start(&options("memory", 1), swallow);
        let memory = || stage.pool.totals().memory_bytes;
        let (client, key) = stage.pair();
        // At once, without waiting for the next second: the slab has got its first chunk.
        eventually("the slab is counted", || memory() >= 1024 * 16);
        let before = memory();
        stage.order(0, move |_, shard| write_until_queued(shard, key, 0, 0));
        let queued = stage.pool.totals().outbox_bytes;
        assert!(queued > 0);
        // Within a second of the last work, though nothing else happens.
        eventually("the outbox is counted", || memory() >= before + queued);
        drop(client);
        assert!(stage.pool.totals().memory_bytes > 0);
        stage.stop();
    });
}

#[test]
fn an_idle_shard_sleeps_on() {
    isolated(|| {
        let stage = Stage::start(&options("asleep", 1), swallow);
        let turns = || stage.pool.totals().turns;
        stage.order(0, |_, _| ());
        let before = turns();
        // The turn that takes stock, a second after the last that worked, and not one more.
        eventually("it takes stock", || turns() > before);
        std::thread::sleep(std::time::Duration::from_millis(2500));
        assert!(turns() <= before + 2, "{} turns", turns() - before);
        stage.stop();
    });
}

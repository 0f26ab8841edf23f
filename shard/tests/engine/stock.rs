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
        let mut stage = Stage::start(&options("memory", 1), swallow);
        let (client, key) = stage.pair();
        // At once, without waiting for the next second: the slab has got its first chunk.
        eventually("the slab is counted", || stage.pool.totals().memory_bytes >= 1024 * 16);
        let before = stage.pool.totals().memory_bytes;
        stage.order(0, move |_, shard| write_until_queued(shard, key, 0, 0));
        let queued = stage.pool.totals().outbox_bytes;
        assert!(queued > 0);
        // Though nothing else happens.
        eventually("the outbox is counted", || {
            stage.pool.look_after();
            stage.pool.totals().memory_bytes >= before + queued
        });
        drop(client);
        assert!(stage.pool.totals().memory_bytes > 0);
        stage.stop();
    });
}

#[test]
fn an_idle_shard_is_left_asleep() {
    isolated(|| {
        let mut stage = Stage::start(&options("asleep", 1), swallow);
        stage.order(0, |_, _| ());
        eventually("it has taken stock, and sleeps on", || {
            stage.pool.look_after();
            let totals = stage.pool.totals();
            if totals.turns != totals.stock_turn {
                return false;
            }
            (0..10).for_each(|_| stage.pool.look_after());
            // The order's own turn and no other.
            stage.order(0, |_, _| ());
            stage.pool.totals().turns == totals.turns + 1
        });
        stage.stop();
    });
}

//! How pools end.

use std::io::Read;
use std::sync::Arc;
use std::time::{Duration, Instant};

use shard::{PoolError, Why};

use crate::stage::{
    Event, PATIENCE, Stage, check_pattern, echo, eventually, isolated, options, pattern_bytes, read_to_end,
    swallow, threads, write_until_queued,
};

#[test]
fn stop_closes_everything_and_ends_the_threads() {
    isolated(|| {
        let stage = Stage::start(&options("endall", 4), echo);
        let mut clients: Vec<_> = (0..40).map(|_| stage.client()).collect();
        clients.iter().for_each(|_| {
            stage.opened();
        });
        assert_eq!(threads("endall"), 4);
        let stats = Arc::clone(stage.pool.stats());
        let start = Instant::now();
        stage.stop();
        assert!(start.elapsed() < PATIENCE);
        assert_eq!(threads("endall"), 0);
        clients.iter_mut().for_each(|client| assert_eq!(read_to_end(client), b""));
        assert_eq!(stats.iter().map(|s| s.connections.get()).sum::<u64>(), 0);
        assert_eq!(stats.iter().map(|s| s.closed.get()).sum::<u64>(), 40);
    });
}

#[test]
fn stop_offers_the_kernel_what_is_queued() {
    isolated(|| {
        let stage = Stage::start(&options("flushed", 1), swallow);
        let (mut client, key) = stage.pair();
        let sent = stage.order(0, move |_, shard| write_until_queued(shard, key, 4, 0));
        let queued = stage.pool.totals().outbox_bytes;
        assert!(queued > 0);
        // Room is made in the kernel while the shard is in the middle of a turn, which is then its last one.
        let release = stage.wedge(0);
        let mut bytes = vec![0; (sent - queued) as usize];
        client.read_exact(&mut bytes).unwrap();
        let (pool, events) = stage.into_parts();
        let stopping = std::thread::spawn(move || pool.stop(PATIENCE));
        // Gives stop() the time to say so; when it is slower, the turn after this one sends the bytes.
        std::thread::sleep(Duration::from_millis(50));
        release.send(()).unwrap();
        bytes.extend(read_to_end(&mut client));
        assert_eq!(bytes.len() as u64, sent);
        check_pattern(4, 0, &bytes);
        stopping.join().unwrap().unwrap();
        assert_eq!(events.recv().unwrap(), Event::Closed { shard: 0, key, why: Why::Stopping });
    });
}

#[test]
fn a_wedged_shard_is_reported_and_not_waited_for() {
    isolated(|| {
        let stage = Stage::start(&options("wedged", 3), swallow);
        let release = stage.wedge(1);
        let patience = Duration::from_millis(200);
        let (pool, _events) = stage.into_parts();
        match pool.stop(patience) {
            Err(PoolError::Stuck { shard: 1, waited }) => assert_eq!(waited, patience),
            other => panic!("{other:?}"),
        }
        assert_eq!(threads("wedged"), 1, "the others have ended");
        drop(release);
        eventually("the shard's end", || threads("wedged") == 0);
    });
}

#[test]
fn a_panic_in_a_service_is_reported_and_hurts_no_other_shard() {
    isolated(|| {
        let stage = Stage::start(&options("panics", 2), echo);
        assert!(!stage.pool.is_broken());
        let answered = stage.tell(1, |_, _| {
            assert!(pattern_bytes(0, 0, 1).is_empty(), "a bug in the service");
        });
        assert!(answered.recv_timeout(PATIENCE).is_err());
        eventually("the shard's end", || stage.pool.is_broken());
        stage.turns(0, 2);
        match stage.pool.stop(PATIENCE) {
            Err(PoolError::Broke { shard: 1, message }) => assert!(message.contains("a bug in the service")),
            other => panic!("{other:?}"),
        }
    });
}

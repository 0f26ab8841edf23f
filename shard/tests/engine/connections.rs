//! Keys, inboxes, pauses, ends.

use std::io::Write;
use std::net::Shutdown;
use std::sync::{Arc, Mutex};

use shard::{Key, Room, Shard, Why, Written};

use crate::stage::{
    Dice, Event, Puppet, Stage, check_pattern, echo, echoed, isolated, options, pattern_bytes, read_bytes,
    read_to_end, reset, swallow, write_until_queued,
};

#[test]
fn a_stale_key_never_reaches_the_next_connection() {
    isolated(|| {
        let stage = Stage::start(&options("stale", 1), swallow);
        let (first, stale) = stage.pair();
        drop(first);
        assert_eq!(stage.closed(stale), Why::PeerClosed);
        let (mut second, fresh) = stage.pair();
        assert_eq!(stale.index, fresh.index, "the slab uses the index again");
        assert_ne!(stale.generation, fresh.generation);
        stage.order(0, move |_, shard| {
            assert_eq!(shard.write(stale, b"for the first"), Written::Gone);
            assert!(shard.connection(stale).is_none());
            shard.pause(stale);
            shard.resume(stale);
            shard.finish(stale);
            shard.close(stale);
            assert_eq!(shard.connection_at(stale.index).map(|(key, _)| key), Some(fresh));
            assert_eq!(shard.write(fresh, b"for the second"), Written::Sent);
        });
        assert_eq!(read_bytes(&mut second, 14), b"for the second");
        second.write_all(b"still read").unwrap();
        assert_eq!(stage.received(fresh), b"still read");
        stage.order(0, move |_, shard| shard.finish(fresh));
        assert_eq!(read_to_end(&mut second), b"");
        stage.stop();
    });
}

#[test]
fn whole_records_come_out_of_any_pieces() {
    const RECORD: usize = 10;
    const RECORDS: usize = 30_000;
    isolated(|| {
        let mut dice = Dice::new();
        let collected = Arc::new(Mutex::new(Vec::new()));
        let stage = {
            let collected = Arc::clone(&collected);
            Stage::start(&options("records", 1), move |_, _, bytes| {
                let whole = bytes.len() / RECORD * RECORD;
                collected.lock().unwrap().extend_from_slice(&bytes[..whole]);
                whole
            })
        };
        stage.order(0, |puppet, _| puppet.watch_bytes = false);
        let (mut client, key) = stage.pair();
        let bytes = pattern_bytes(1, 0, RECORD * RECORDS);
        let mut sent = 0;
        while sent < bytes.len() {
            // Mostly a few bytes, now and then far more than a read takes.
            let most = if dice.below(20) == 0 { 100_000 } else { 35 };
            let piece = &bytes[sent..bytes.len().min(sent + 1 + dice.below(most))];
            client.write_all(piece).unwrap();
            sent += piece.len();
        }
        drop(client);
        assert_eq!(stage.closed(key), Why::PeerClosed);
        let collected = std::mem::take(&mut *collected.lock().unwrap());
        assert_eq!(collected.len(), bytes.len());
        check_pattern(1, 0, &collected);
        stage.stop();
    });
}

fn records_of_ten(_: &mut Shard<Puppet>, _: Key, bytes: &[u8]) -> usize {
    bytes.len() / 10 * 10
}

#[test]
fn a_resumed_connection_is_offered_what_it_left() {
    isolated(|| {
        let stage = Stage::start(&options("leftover", 1), records_of_ten);
        let (mut client, key) = stage.pair();
        client.write_all(b"1234567890abcdefg").unwrap();
        assert_eq!(stage.received(key), b"1234567890abcdefg");
        stage.order(0, move |_, shard| shard.pause(key));
        stage.turns(0, 3);
        assert_eq!(stage.pending(), [], "a paused connection is not offered anything");
        stage.order(0, move |_, shard| shard.resume(key));
        assert_eq!(stage.received(key), b"abcdefg", "nothing new, and yet offered again");

        stage.order(0, move |_, shard| shard.pause(key));
        client.write_all(b"hij").unwrap();
        stage.turns(0, 5);
        assert_eq!(stage.pending(), [], "new bytes change nothing while it is paused");
        stage.order(0, move |_, shard| shard.resume(key));
        assert_eq!(stage.received(key), b"abcdefg");
        assert_eq!(stage.received(key), b"abcdefghij");
        stage.turns(0, 3);
        assert_eq!(stage.pending(), []);
        drop(client);
        assert_eq!(stage.closed(key), Why::PeerClosed);
        stage.stop();
    });
}

/// What went wrong: the list of connections to come back to was worked through without a look at the pause.
#[test]
fn a_connection_paused_again_before_its_turn_is_left_alone() {
    isolated(|| {
        let stage = Stage::start(&options("repaused", 1), records_of_ten);
        let (mut client, key) = stage.pair();
        client.write_all(b"abcdefg").unwrap();
        assert_eq!(stage.received(key), b"abcdefg");
        stage.order(0, move |_, shard| {
            shard.pause(key);
            shard.resume(key);
            shard.pause(key);
        });
        stage.turns(0, 3);
        assert_eq!(stage.pending(), []);
        stage.order(0, move |_, shard| {
            shard.resume(key);
            shard.pause(key);
            shard.resume(key);
        });
        assert_eq!(stage.received(key), b"abcdefg");
        stage.turns(0, 3);
        assert_eq!(stage.pending(), [], "one offer, however often it was resumed");
        stage.stop();
    });
}

/// What went wrong: a busy connection was put on the list once for each event, and each entry got a read budget of
/// its own, so that one peer got ever larger a share of the turn.
#[test]
fn a_flooding_peer_gets_one_budget_a_turn() {
    const BUDGET: usize = 4 * (64 << 10);
    isolated(|| {
        let stage = Stage::start(&options("budget", 1), swallow);
        stage.order(0, |puppet, _| (puppet.watch_turns, puppet.watch_bytes) = (false, false));
        let (mut client, key) = stage.pair();
        let (turns, reads) = (stage.order(0, |_, s| s.stats().turns.get()), 64 << 20);
        let release = stage.wedge(0);
        let flood = std::thread::spawn(move || {
            let piece = vec![7; 1 << 20];
            (0..reads / piece.len()).for_each(|_| client.write_all(&piece).unwrap());
            client
        });
        drop(release);
        let client = flood.join().unwrap();
        let totals = stage.totals_until(|totals| totals.bytes_in == reads as u64);
        let mean = totals.bytes_in / (totals.turns - turns);
        assert!(mean <= BUDGET as u64, "{mean} bytes a turn");
        drop(client);
        assert_eq!(stage.closed(key), Why::PeerClosed);
        stage.stop();
    });
}

#[test]
fn the_end_comes_behind_everything_that_was_queued() {
    isolated(|| {
        let stage = Stage::start(&options("finish", 1), swallow);
        stage.order(0, |puppet, _| puppet.watch_bytes = false);
        let (mut client, key) = stage.pair();
        let (sent, after) = stage.order(0, move |_, shard| {
            let sent = write_until_queued(shard, key, 3, 0);
            shard.finish(key);
            shard.finish(key);
            (sent, shard.write(key, b"too late"))
        });
        assert_eq!(after, Written::Gone);
        // The peer talks all the time, and yet gets all of it and an end in good order.
        let mut talking = client.try_clone().unwrap();
        let (hush, hushed) = std::sync::mpsc::channel::<()>();
        let talker = std::thread::spawn(move || {
            let mut said = 0;
            while hushed.try_recv().is_err() {
                talking.write_all(&[b'x'; 5000]).expect("what it says is thrown away, not refused");
                said += 5000;
            }
            said
        });
        let bytes = read_to_end(&mut client);
        hush.send(()).unwrap();
        let said: u64 = talker.join().unwrap();
        assert_eq!(bytes.len() as u64, sent);
        check_pattern(3, 0, &bytes);
        drop(client);
        assert_eq!(stage.closed(key), Why::PeerClosed);
        let totals = stage.pool.totals();
        assert_eq!((totals.outboxes, totals.outbox_bytes, totals.bytes_in), (0, 0, said));
        stage.stop();
    });
}

/// What went wrong: a connection that was paused when it was finished was never read again, so that the peer's end
/// went unseen for good.
#[test]
fn a_paused_connection_can_be_finished() {
    isolated(|| {
        let stage = Stage::start(&options("pausedend", 1), records_of_ten);
        let (mut client, key) = stage.pair();
        client.write_all(b"abc").unwrap();
        assert_eq!(stage.received(key), b"abc");
        stage.order(0, move |_, shard| {
            shard.pause(key);
            shard.finish(key);
            shard.pause(key);
        });
        assert_eq!(read_to_end(&mut client), b"");
        client.write_all(b"more").unwrap();
        client.shutdown(Shutdown::Write).unwrap();
        assert_eq!(stage.closed(key), Why::PeerClosed, "and nothing is offered in between");
        stage.stop();
    });
}

#[test]
fn an_idle_connection_learns_of_its_end_at_once() {
    isolated(|| {
        let stage = Stage::start(&options("ends", 2), swallow);
        for _ in 0..20 {
            let (client, key) = stage.pair();
            drop(client);
            assert_eq!(stage.closed(key), Why::PeerClosed);
            let (client, key) = stage.pair();
            reset(client);
            assert_eq!(stage.closed(key), Why::Failed(std::io::ErrorKind::ConnectionReset));
            let (mut client, key) = stage.pair();
            client.write_all(b"last words").unwrap();
            drop(client);
            assert_eq!(stage.received(key), b"last words");
            assert_eq!(stage.closed(key), Why::PeerClosed);
        }
        let totals = stage.totals_until(|totals| totals.connections == 0);
        assert_eq!((totals.accepted, totals.closed), (60, 60));
        stage.stop();
    });
}

#[test]
fn closing_inside_any_call_is_safe_and_told_once() {
    isolated(|| {
        let stage = Stage::start(&options("inside", 1), |shard, key, bytes| {
            // A service that closes in the middle of what it reads, twice, and then tries to go on.
            shard.close(key);
            shard.close(key);
            assert_eq!(shard.write(key, b"gone"), Written::Gone);
            assert!(shard.connection(key).is_none());
            shard.resume(key);
            shard.finish(key);
            bytes.len() / 2
        });
        let (mut client, key) = stage.pair();
        client.write_all(&[1; 300_000]).unwrap_or(());
        stage.until(|event| {
            matches!(event, Event::Closed { key: k, why: Why::Local, .. } if *k == key).then_some(())
        });
        stage.turns(0, 3);
        assert_eq!(stage.pending(), []);
        assert_eq!(stage.pool.totals().connections, 0);
        stage.stop();
    });
}

#[test]
fn a_service_that_keeps_too_much_loses_the_connection() {
    isolated(|| {
        let stage = Stage::start(&options("hoarder", 1), |_, _, _| 0);
        stage.order(0, |puppet, _| puppet.watch_bytes = false);
        let (mut client, key) = stage.pair();
        let flood = std::thread::spawn(move || while client.write_all(&[0; 4096]).is_ok() {});
        assert_eq!(stage.closed(key), Why::Local);
        flood.join().unwrap();
        let (mut client, key) = stage.pair();
        client.write_all(&[0; 100]).unwrap();
        drop(client);
        assert_eq!(stage.closed(key), Why::PeerClosed);
        stage.stop();
    });
}

#[test]
fn connections_of_one_turn_do_not_mix() {
    isolated(|| {
        let stage = Stage::start(&options("mixing", 1), echo);
        let mut clients: Vec<_> = (0..50).map(|_| stage.client()).collect();
        let keys: Vec<_> = clients.iter().map(|_| stage.opened()).collect();
        assert!(keys.iter().all(|(_, _, room)| *room == Room::Free));
        stage.order(0, |puppet, _| puppet.watch_bytes = false);
        let release = stage.wedge(0);
        for (number, client) in clients.iter_mut().enumerate() {
            client.write_all(&pattern_bytes(number as u64, 0, 1000 + number)).unwrap();
        }
        release.send(()).unwrap();
        for (number, client) in clients.iter_mut().enumerate() {
            check_pattern(number as u64, 0, &read_bytes(client, 1000 + number));
            echoed(client, b"and again");
        }
        stage.stop();
    });
}

//! Readers that do not read, and those that read again.

use std::io::Read;
use std::net::TcpStream;

use shard::{OUTBOX_BYTES_MAX, Why, Written};

use crate::stage::{
    PATIENCE, Stage, check_pattern, isolated, options, pattern_bytes, read_bytes, swallow, write_until_queued,
};

#[test]
fn a_reader_that_does_not_read_is_closed_and_counted() {
    isolated(|| {
        let stage = Stage::start(&options("deaf", 1), swallow);
        let (client, key) = stage.pair();
        let (other, other_key) = stage.pair();
        let outbox = stage.order(0, move |_, shard| {
            write_until_queued(shard, key, 0, 0);
            (shard.stats().outboxes.get(), shard.stats().outbox_bytes.get())
        });
        assert_eq!(outbox.0, 1);
        assert!(outbox.1 > 0 && outbox.1 <= OUTBOX_BYTES_MAX as u64);
        stage.order(0, move |_, shard| {
            let room = OUTBOX_BYTES_MAX - shard.stats().outbox_bytes.get() as usize;
            if room > 0 {
                assert_eq!(shard.write(key, &vec![0; room]), Written::Queued, "up to the last byte");
            }
            assert_eq!(shard.write(key, b""), Written::Sent);
            assert_eq!(shard.write(key, b"!"), Written::TooSlow);
            assert_eq!(shard.write(key, b"?"), Written::Gone);
            assert_eq!(shard.write(other_key, b"meanwhile"), Written::Sent);
        });
        assert_eq!(stage.closed(key), Why::TooSlow);
        let totals = stage.pool.totals();
        assert_eq!((totals.outboxes, totals.outbox_bytes, totals.too_slow), (0, 0, 1));
        assert_eq!(totals.connections, 1);
        let mut other = other;
        assert_eq!(read_bytes(&mut other, 9), b"meanwhile");
        drop(client);
        stage.stop();
    });
}

#[test]
fn a_reader_that_goes_on_gets_every_byte_in_order() {
    isolated(|| {
        let stage = Stage::start(&options("slow", 1), swallow);
        let (mut client, key) = stage.pair();
        let (mut offset, mut outboxed) = (0, 0);
        for _ in 0..3 {
            let start = offset;
            let end = stage.order(0, move |_, shard| write_until_queued(shard, key, 5, start));
            // What comes behind the queue must not overtake it.
            let end = stage.order(0, move |_, shard| {
                let tail = pattern_bytes(5, end, 1000);
                assert!(matches!(shard.write(key, &tail), Written::Queued | Written::Sent));
                end + 1000
            });
            check_in_pieces(&mut client, offset, end);
            offset = end;
            let totals = stage.totals_until(|totals| totals.outboxes == 0);
            assert_eq!((totals.outbox_bytes, totals.bytes_out), (0, offset));
            assert!(totals.outboxed_bytes > outboxed && totals.outboxed_bytes <= offset, "{totals:?}");
            outboxed = totals.outboxed_bytes;
        }
        stage.order(0, move |_, shard| assert_eq!(shard.write(key, b"idle"), Written::Sent));
        assert_eq!(read_bytes(&mut client, 4), b"idle");
        stage.stop();
    });
}

#[test]
fn nothing_overtakes_the_outbox() {
    isolated(|| {
        let stage = Stage::start(&options("overtake", 1), swallow);
        let (mut client, key) = stage.pair();
        let (kernel_full, filled) = std::sync::mpsc::channel();
        let (drain, drained) = std::sync::mpsc::channel();
        let end = stage.tell(0, move |_, shard| {
            let end = write_until_queued(shard, key, 5, 0);
            kernel_full.send(end - shard.stats().outbox_bytes.get()).unwrap();
            drained.recv().unwrap();
            // In the same turn the kernel has room again, and the outbox has not been looked at.
            assert_eq!(shard.write(key, &pattern_bytes(5, end, 1000)), Written::Queued);
            end + 1000
        });
        let sent = filled.recv_timeout(PATIENCE).unwrap();
        check_in_pieces(&mut client, 0, sent);
        drain.send(()).unwrap();
        check_in_pieces(&mut client, sent, end.recv_timeout(PATIENCE).unwrap());
        stage.stop();
    });
}

fn check_in_pieces(client: &mut TcpStream, start: u64, end: u64) {
    let (mut offset, mut buffer) = (start, vec![0; 70_000]);
    while offset < end {
        let want = buffer.len().min((end - offset) as usize);
        let length = client.read(&mut buffer[..want]).unwrap();
        assert!(length > 0, "the stream ends {} bytes early", end - offset);
        check_pattern(5, offset, &buffer[..length]);
        offset += length as u64;
    }
}

#[test]
fn an_outbox_goes_with_its_connection() {
    isolated(|| {
        let stage = Stage::start(&options("outboxend", 1), swallow);
        // Closed by the service, and closed by the peer.
        let (client, key) = stage.pair();
        stage.order(0, move |_, shard| {
            write_until_queued(shard, key, 0, 0);
            shard.close(key);
            assert_eq!(shard.write(key, b"gone"), Written::Gone);
        });
        assert_eq!(stage.closed(key), Why::Local);
        drop(client);
        let (client, key) = stage.pair();
        stage.order(0, move |_, shard| write_until_queued(shard, key, 0, 0));
        assert_eq!(stage.pool.totals().outboxes, 1);
        let queued = stage.pool.totals().outbox_bytes;
        let before = stage.pool.totals().outboxed_bytes;
        drop(client);
        assert!(matches!(stage.closed(key), Why::Failed(_)), "the peer left bytes unread");
        let totals = stage.pool.totals();
        assert_eq!((totals.outboxes, totals.outbox_bytes), (0, 0));
        assert_eq!(totals.outboxed_bytes, before + queued, "what goes with its connection has left as well");
        stage.stop();
    });
}

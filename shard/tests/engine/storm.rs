//! The rule on descriptor numbers, under as many wake-ups and re-used numbers as a few seconds hold.
//!
//! A wake-up in the wrong table would write eight bytes into whatever has the eventfd's number there, most likely
//! an echo connection; so clients check every byte, while letters fly and connections come and go.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use shard::{Key, Letters, ListenerId, Pool, Room, Service, Shard, Why};

use crate::stage::{
    Dice, PATIENCE, check_pattern, client, descriptors, eventually, isolated, options, pattern_bytes, reset,
};

const SHARDS: usize = 8;
const CONNECTIONS: usize = 100;
const CLIENT_THREADS: usize = 4;
const CHURN_THREADS: usize = 2;

/// Letters that each sender posts in all.
const LETTERS: u64 = 6_000;

/// Chunks that each lasting client sends and reads back.
const ROUNDS: usize = 60;

/// Short connections that each churning thread makes.
const CHURNS: usize = 300;

/// Senders: the shards, and the test's thread.
const SENDERS: usize = SHARDS + 1;

#[derive(Debug, Clone, Copy)]
struct Note {
    sender: u32,
    sequence: u64,
}

/// Letters between each sender and each shard.
#[derive(Default)]
struct Tally {
    sent: [[AtomicU64; SHARDS]; SENDERS],
    seen: [[AtomicU64; SHARDS]; SENDERS],
}

impl Tally {
    /// The next letter to a shard, and what it encloses.
    fn next(&self, sender: usize, receiver: usize) -> (Note, Vec<u8>) {
        let sequence = self.sent[sender][receiver].fetch_add(1, Ordering::Relaxed);
        (Note { sender: sender as u32, sequence }, enclosed(sender, sequence))
    }

    fn settled(&self) -> bool {
        let pairs = self.sent.iter().flatten().zip(self.seen.iter().flatten());
        pairs.into_iter().all(|(sent, seen)| sent.load(Ordering::Relaxed) == seen.load(Ordering::Relaxed))
    }

    fn sent(&self) -> u64 {
        self.sent.iter().flatten().map(|count| count.load(Ordering::Relaxed)).sum()
    }
}

fn enclosed(sender: usize, sequence: u64) -> Vec<u8> {
    pattern_bytes(sender as u64, sequence * 7, (sequence % 41) as usize)
}

struct Storm {
    tally: Arc<Tally>,
    dice: Dice,
    left: u64,
}

impl Service for Storm {
    type Connection = ();
    type Letter = Note;
    type Timer = ();

    fn started(&mut self, shard: &mut Shard<Self>) {
        shard.wake_at(shard.now());
    }

    fn accepted(&mut self, _: ListenerId, room: Room) {
        assert_eq!(room, Room::Free);
    }

    fn received(&mut self, shard: &mut Shard<Self>, key: Key, bytes: &[u8]) -> usize {
        shard.write(key, bytes);
        bytes.len()
    }

    fn closed(&mut self, _: &mut Shard<Self>, _: Key, (): (), why: Why) {
        assert!(matches!(why, Why::PeerClosed | Why::Failed(_) | Why::Stopping), "closed by {why:?}");
    }

    fn mail(&mut self, shard: &mut Shard<Self>, letters: &mut Letters<Note>) {
        for (note, body) in letters.iter() {
            let seen = &self.tally.seen[note.sender as usize][shard.index()];
            let expected = seen.fetch_add(1, Ordering::Relaxed);
            assert_eq!(note.sequence, expected, "from {} to {}", note.sender, shard.index());
            assert_eq!(body, enclosed(note.sender as usize, note.sequence));
        }
    }

    fn turn_ended(&mut self, shard: &mut Shard<Self>) {
        for _ in 0..self.left.min(3) {
            let receiver = self.dice.below(shard.shards());
            let (note, body) = self.tally.next(shard.index(), receiver);
            shard.post(receiver, note, &body);
            self.left -= 1;
        }
        if self.left > 0 {
            // Mostly a letter comes first.
            shard.wake_at(shard.now() + Duration::from_millis(1));
        }
    }
}

#[test]
fn no_byte_and_no_letter_goes_astray() {
    isolated(|| {
        let dice = Dice::new();
        let tally = Arc::new(Tally::default());
        let before = descriptors();
        let pool = {
            let (tally, dice) = (Arc::clone(&tally), dice.clone());
            Pool::start(&options("storm", SHARDS), move |shard| Storm {
                tally: Arc::clone(&tally),
                dice: dice.fork(shard as u64),
                left: LETTERS,
            })
            .expect("the pool starts")
        };
        let address = pool.addresses()[0];

        std::thread::scope(|scope| {
            for thread in 0..CLIENT_THREADS {
                let dice = dice.fork(100 + thread as u64);
                scope.spawn(move || lasting_clients(address, thread, dice));
            }
            for thread in 0..CHURN_THREADS {
                let dice = dice.fork(200 + thread as u64);
                scope.spawn(move || passing_clients(address, thread, dice));
            }
            post_from_outside(&pool, &tally, dice.fork(300));
        });

        let all = LETTERS * SENDERS as u64;
        eventually("the letters", || pool.is_broken() || (tally.sent() == all && tally.settled()));
        let totals = pool.totals();
        pool.stop(PATIENCE).expect("no shard has found a stray letter");
        assert!(tally.settled(), "letters are missing");
        assert_eq!(totals.mail_in, all);
        assert_eq!(totals.mail_out, LETTERS * SHARDS as u64);
        assert_eq!(totals.accepted, (CONNECTIONS + CHURN_THREADS * CHURNS) as u64);
        assert_eq!((totals.refused, totals.too_slow), (0, 0));
        assert_eq!(descriptors(), before, "the main table is as it was");
    });
}

fn post_from_outside(pool: &Pool<Note>, tally: &Tally, mut dice: Dice) {
    let deadline = Instant::now() + 2 * PATIENCE;
    for _ in 0..LETTERS {
        let receiver = dice.below(SHARDS);
        let (note, body) = tally.next(SHARDS, receiver);
        while pool.mailboxes().post(receiver, note, &body).is_err() {
            assert!(Instant::now() < deadline && !pool.is_broken(), "a mailbox stays full");
            std::thread::yield_now();
        }
    }
}

/// One client's side of an echo conversation.
struct Talk {
    stream: TcpStream,
    id: u64,
    offset: u64,
}

impl Talk {
    fn new(address: SocketAddr, id: u64) -> Self {
        Self { stream: client(address), id, offset: 0 }
    }

    fn send(&mut self, length: usize) {
        let bytes = pattern_bytes(self.id, self.offset, length);
        self.stream.write_all(&bytes).expect("the server takes bytes");
    }

    /// Reads back what was sent last.
    fn check(&mut self, length: usize) {
        let mut bytes = vec![0; length];
        self.stream.read_exact(&mut bytes).expect("the server sends them back");
        check_pattern(self.id, self.offset, &bytes);
        self.offset += length as u64;
    }

    /// Nothing is left over: our end of stream is answered by the server's.
    fn end(mut self) {
        self.stream.shutdown(std::net::Shutdown::Write).expect("the connection lives");
        let mut bytes = Vec::new();
        self.stream.read_to_end(&mut bytes).expect("the server closes in good order");
        assert!(bytes.is_empty(), "stream {}: stray bytes at its end: {bytes:02x?}", self.id);
    }
}

fn lasting_clients(address: SocketAddr, thread: usize, mut dice: Dice) {
    let ids = (0..CONNECTIONS / CLIENT_THREADS).map(|i| (thread * CONNECTIONS + i) as u64 + 1);
    let mut talks: Vec<Talk> = ids.map(|id| Talk::new(address, id)).collect();
    for _ in 0..ROUNDS {
        let lengths: Vec<usize> = talks.iter().map(|_| 1 + dice.below(600)).collect();
        talks.iter_mut().zip(&lengths).for_each(|(talk, &length)| talk.send(length));
        talks.iter_mut().zip(&lengths).for_each(|(talk, &length)| talk.check(length));
    }
    talks.into_iter().for_each(Talk::end);
}

fn passing_clients(address: SocketAddr, thread: usize, mut dice: Dice) {
    for number in 0..CHURNS {
        let mut talk = Talk::new(address, (1000 * (1 + thread) + number) as u64);
        for _ in 0..dice.below(4) {
            let length = 1 + dice.below(3000);
            talk.send(length);
            talk.check(length);
        }
        match dice.below(3) {
            0 => talk.end(),
            1 => reset(talk.stream),
            _ => drop(talk),
        }
    }
}

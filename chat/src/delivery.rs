//! Delivery: a turn's letters sorted by connection, each connection written to once.

use std::ops::Range;

use shard::{Key, Letters, Shard, Written};

use crate::busiest::Lookout;
use crate::directory::Local;
use crate::publisher::{Origin, Receipt};
use crate::router::Router;
use crate::service::Chat;
use crate::session::{Front, Session};

/// What shards tell each other.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Letter {
    /// A message, in the letter's body, for whoever is here under `id`.
    Deliver { id: u32, local: Local, origin: Origin },
    /// What became of letters of a publisher of yours.
    Account { publisher: u32, receipt: Receipt },
    /// Who is here under `id`? The answer goes to the sighting of this ticket.
    Look { id: u32, ticket: u32 },
}

/// Copies that a turn writes. The rest of a large group's members, and the letters after it, wait in order for the
/// turns to come, so that arrivals and timers get theirs in between.
const COPIES_PER_TURN: usize = 4096;

/// One letter for one connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Copy {
    /// First, so that sorting brings the copies for one connection together, in the order of their letters.
    slot: u32,
    letter: u32,
}

/// The working memory of deliveries, empty between turns.
#[derive(Debug)]
pub(crate) struct Delivery {
    /// The turn's letters: from other shards first, then from this shard's own publishers.
    pub(crate) letters: Letters<Letter>,
    /// The first letter that has not been turned into copies.
    next: usize,
    /// The first slab index that has not had the next letter: a group may be larger than a turn.
    from: u32,
    copies: Vec<Copy>,
    /// What one connection is written.
    chunk: Vec<u8>,
    /// The letter in `event`, encoded for the line front, where all viewers get the same bytes.
    event_of: Option<u32>,
    event: Vec<u8>,
    receipts: Vec<(Origin, Receipt)>,
    /// What was written to whom.
    pub(crate) lookout: Lookout,
    #[cfg(feature = "faults")]
    pub(crate) faults: Option<crate::faults::Faults>,
}

impl Delivery {
    pub(crate) fn new(lookout: Lookout) -> Self {
        Self {
            letters: Letters::default(),
            next: 0,
            from: 0,
            copies: Vec::new(),
            chunk: Vec::new(),
            event_of: None,
            event: Vec::new(),
            receipts: Vec::new(),
            lookout,
            #[cfg(feature = "faults")]
            faults: crate::faults::Faults::from_environment(),
        }
    }

    /// Bytes of memory that it takes, by capacity.
    pub(crate) fn memory_bytes(&self) -> usize {
        self.letters.memory_bytes()
            + self.copies.capacity() * size_of::<Copy>()
            + self.chunk.capacity()
            + self.event.capacity()
            + self.receipts.capacity() * size_of::<(Origin, Receipt)>()
    }

    /// Writes letters to their connections and returns what became of them, by origin. Those that make too many
    /// copies for one turn stay in `letters` for the next.
    pub(crate) fn deliver(
        &mut self,
        shard: &mut Shard<Chat>,
        router: &Router,
        timestamp: &str,
    ) -> &[(Origin, Receipt)] {
        self.receipts.clear();
        self.event_of = None;
        let first = self.next;
        self.lookout.look_up(shard.now());
        self.find_copies(shard, router);
        self.copies.sort_unstable();
        let mut start = 0;
        while let Some(&Copy { slot, .. }) = self.copies.get(start) {
            let run = self.copies[start..].iter().take_while(|copy| copy.slot == slot).count();
            self.write(shard, start..start + run, timestamp);
            start += run;
        }
        self.copies.clear();
        self.lookout.enter(shard, router);
        shard.stats().served.add((self.next - first) as u64);
        // While publishers keep up with us the letters never come to an end; those that are served go all the same.
        if self.next * 2 >= self.letters.len() {
            self.letters.forget(self.next);
            self.next = 0;
        }
        self.tell_backlog(shard);
        &self.receipts
    }

    /// Counts what waits here, so that a letter is in some queue until it is served.
    pub(crate) fn tell_backlog(&self, shard: &Shard<Chat>) {
        shard.stats().backlog.set((self.letters.len() - self.next) as u64);
    }

    /// Turns letters into copies for the connections they are for, until there are enough for one turn.
    fn find_copies(&mut self, shard: &mut Shard<Chat>, router: &Router) {
        while self.next < self.letters.len() && self.copies.len() < COPIES_PER_TURN {
            let (Letter::Deliver { id, local, origin }, text) = self.letters.get(self.next) else {
                self.next += 1;
                continue;
            };
            let bytes = text.len() as u32;
            let (found, begun) = (self.copies.len(), self.from > 0);
            // The place was looked up when the letter was posted. If somebody came or went since, look again.
            if !self.find_at(shard, router, id, local)
                && let Some(local) = router.local(id)
            {
                self.find_at(shard, router, id, local);
            }
            if self.copies.len() == COPIES_PER_TURN {
                // There may be more members: the next turn goes on behind the last of these.
                self.from = self.copies.last().map_or(0, |copy| copy.slot + 1);
                return;
            }
            let gone = u32::from(self.copies.len() == found && !begun);
            self.account(origin, Receipt { letters: 1, bytes, gone, ..Receipt::default() });
            self.from = 0;
            self.next += 1;
        }
    }

    /// Makes copies of the next letter, as many as the turn has room for, for who is at this place from `from` on.
    fn find_at(&mut self, shard: &mut Shard<Chat>, router: &Router, id: u32, local: Local) -> bool {
        let letter = self.next as u32;
        match local {
            // Served by an earlier turn, as a member of a group that has shrunk since.
            Local::One(slot) if slot < self.from => true,
            Local::One(slot) => {
                let here = match shard.connection_at(slot) {
                    Some((key, Session::Member { id: first, .. })) => router.holds(key, *first, id),
                    _ => false,
                };
                if here {
                    self.copies.push(Copy { slot, letter });
                }
                here
            }
            Local::Group(number) => {
                let Some(members) = router.members(number, id, self.from) else { return false };
                let room = COPIES_PER_TURN - self.copies.len();
                self.copies.extend(members.take(room).map(|member| Copy { slot: member.index, letter }));
                true
            }
        }
    }

    /// Writes the copies in `range`, all for one connection, at once.
    fn write(&mut self, shard: &mut Shard<Chat>, range: Range<usize>, timestamp: &str) {
        let copies = &self.copies[range.clone()];
        let written = match shard.connection_at(copies[0].slot) {
            Some((key, Session::Member { front: Front::Comet, count, .. })) => {
                self.chunk.clear();
                #[cfg(feature = "faults")]
                if let Some(faults) = &mut self.faults {
                    let texts = copies.iter().map(|copy| self.letters.get(copy.letter as usize).1);
                    faults.encode(&mut self.chunk, key, count, texts);
                    let astray = faults.astray();
                    shard.write(key, &self.chunk);
                    astray.into_iter().for_each(|(slot, chunk)| {
                        let neighbour = match shard.connection_at(slot) {
                            Some((key, Session::Member { .. })) => Some(key),
                            _ => None,
                        };
                        neighbour.map(|key| shard.write(key, &chunk));
                    });
                    return self.account_all(range, Written::Sent);
                }
                for copy in copies {
                    *count = count.wrapping_add(1);
                    let (_, text) = self.letters.get(copy.letter as usize);
                    wire::comet::server::encode_message(&mut self.chunk, *count, text);
                }
                let messages = *count;
                let written = shard.write(key, &self.chunk);
                self.lookout.wrote(key, messages, self.chunk.len(), written);
                written
            }
            Some((key, Session::Member { count, .. })) => {
                *count = count.wrapping_add(copies.len() as u32);
                let messages = *count;
                let (written, bytes) = self.write_events(shard, key, range.clone(), timestamp);
                self.lookout.wrote(key, messages, bytes, written);
                written
            }
            _ => Written::Gone,
        };
        self.account_all(range, written);
    }

    fn account_all(&mut self, range: Range<usize>, written: Written) {
        for index in range {
            let (Letter::Deliver { origin, .. }, _) = self.letters.get(self.copies[index].letter as usize)
            else {
                unreachable!("copies are made of deliveries")
            };
            let (delivered, gone, dropped) = match written {
                Written::Sent | Written::Queued => (1, 0, 0),
                Written::Gone => (0, 1, 0),
                Written::TooSlow => (0, 0, 1),
            };
            self.account(origin, Receipt { delivered, gone, dropped, ..Receipt::default() });
        }
    }

    /// A line viewer's events, and how many bytes they were. The usual one, a single event that all viewers get, is
    /// encoded once for all.
    fn write_events(
        &mut self,
        shard: &mut Shard<Chat>,
        key: Key,
        range: Range<usize>,
        timestamp: &str,
    ) -> (Written, usize) {
        if range.len() == 1 {
            let letter = self.copies[range.start].letter;
            if self.event_of != Some(letter) {
                self.event.clear();
                let (_, text) = self.letters.get(letter as usize);
                wire::line::server::encode_event(&mut self.event, timestamp, text);
                self.event_of = Some(letter);
            }
            return (shard.write(key, &self.event), self.event.len());
        }
        self.chunk.clear();
        for copy in &self.copies[range] {
            let (_, text) = self.letters.get(copy.letter as usize);
            wire::line::server::encode_event(&mut self.chunk, timestamp, text);
        }
        (shard.write(key, &self.chunk), self.chunk.len())
    }

    /// Adds to the receipt of `origin`. Letters of one origin come in runs, so the last receipt is tried first.
    fn account(&mut self, origin: Origin, what: Receipt) {
        let position = self.receipts.iter().rposition(|(known, _)| *known == origin);
        let receipt = match position {
            Some(position) => &mut self.receipts[position].1,
            None => {
                self.receipts.push((origin, Receipt::default()));
                &mut self.receipts.last_mut().expect("pushed above").1
            }
        };
        receipt.letters += what.letters;
        receipt.bytes += what.bytes;
        receipt.delivered += what.delivered;
        receipt.gone += what.gone;
        receipt.dropped += what.dropped;
    }
}

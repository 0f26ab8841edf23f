//! The service that runs in each shard: what arrives at the fronts, and what the turn does about it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use shard::{Key, Letters, ListenerId, Room, Service, Shard, TimerKey, Why};
use wire::comet::server::{HeadError, Request, Status};
use wire::line::server::{BUSY, LoginError, Watch};
use wire::router::server as router_port;
use wire::{Decode, Step};

use crate::busiest::{Asked, Busiest, Lookout, step};
use crate::connections::Sighting;
use crate::counters::Counters;
use crate::delivery::{Delivery, Letter};
use crate::directory::{Directory, Local, Place};
use crate::profile::Profile;
use crate::publisher::{Origin, PUBLISHERS_MAX, Publisher, Receipt};
use crate::ranking::TOLD_MAX;
use crate::router::Router;
use crate::session::{Deadline, Front, Session, Since};
use crate::tickets::Tickets;

/// How long a connection that has had its answer may stay before it is closed for it.
const DEPARTURE_TIME: Duration = Duration::from_secs(2);

/// What a viewer is told who logs in to a match again, or to more than a connection may watch.
const WATCHED_ALREADY: &[u8] = b"ERROR: you watch this match already, or as many as one connection may\r\n";

/// What all shards of a server share.
#[derive(Debug)]
pub(crate) struct Common {
    pub(crate) directory: Arc<Directory>,
    pub(crate) counters: Vec<Counters>,
    /// Messages sent from the admin address whose fate is not known yet.
    pub(crate) tickets: Tickets<Receipt>,
    /// Ids that the admin address looks for.
    pub(crate) sightings: Tickets<Sighting>,
    /// Which connections stand out, shard by shard.
    pub(crate) busiest: Vec<Mutex<Busiest>>,
    pub(crate) asked: Asked,
    pub(crate) started: Instant,
    /// The front of each listener, in the pool's order.
    pub(crate) fronts: Vec<Front>,
    pub(crate) head_timeout: Duration,
    pub(crate) current_match: u32,
}

/// One shard's part of the server.
#[derive(Debug)]
pub(crate) struct Chat {
    index: usize,
    common: Arc<Common>,
    router: Router,
    delivery: Delivery,
    publishers: HashMap<u32, Publisher>,
    next_publisher: u32,
    paused: usize,
    clock: Clock,
    /// What is about to be written, besides deliveries.
    scratch: Vec<u8>,
}

impl Chat {
    pub(crate) fn new(index: usize, common: Arc<Common>) -> Self {
        let router = Router::new(index, Arc::clone(&common.directory));
        let lookout = Lookout::new(index, Arc::clone(&common));
        Self {
            index,
            common,
            router,
            delivery: Delivery::new(lookout),
            publishers: HashMap::new(),
            next_publisher: 0,
            paused: 0,
            clock: Clock::default(),
            scratch: Vec::new(),
        }
    }

    fn counters(&self) -> &Counters {
        &self.common.counters[self.index]
    }

    /// What a client that has not logged in says. Returns the bytes used.
    fn arriving(&mut self, shard: &mut Shard<Self>, key: Key, front: Front, bytes: &[u8]) -> usize {
        match front {
            Front::Comet => self.comet_request(shard, key, bytes),
            Front::Line => self.login_line(shard, key, bytes),
            Front::Router => self.publisher_hello(shard, key, bytes),
        }
    }

    fn comet_request(&mut self, shard: &mut Shard<Self>, key: Key, bytes: &[u8]) -> usize {
        let counters = self.counters();
        let status = match wire::comet::server::Head.decode(bytes) {
            Ok(Step::More) => return 0,
            Ok(Step::Event { event: Request::Login { id }, .. }) => {
                if self.login(shard, key, Front::Comet, id) {
                    shard.write(key, wire::comet::server::STREAM_HEAD);
                }
                // Whatever follows the head has no meaning here.
                return bytes.len();
            }
            Ok(Step::Event { event: Request::NotFound, .. }) => {
                counters.not_found.add(1);
                Status::NotFound
            }
            Ok(Step::Event { event: Request::MethodNotImplemented, .. }) => {
                counters.not_implemented.add(1);
                Status::NotImplemented
            }
            Ok(Step::Event { event: Request::VersionNotSupported, .. }) => {
                counters.malformed.add(1);
                Status::VersionNotSupported
            }
            Err(HeadError::TooLarge) => {
                counters.too_large.add(1);
                Status::HeadTooLarge
            }
            Err(HeadError::Malformed) => {
                counters.malformed.add(1);
                Status::BadRequest
            }
        };
        self.answer_and_leave(shard, key, status.response());
        bytes.len()
    }

    fn login_line(&mut self, shard: &mut Shard<Self>, key: Key, bytes: &[u8]) -> usize {
        match wire::line::server::Login.decode(bytes) {
            Ok(Step::More) => 0,
            Ok(Step::Event { event: Watch { user, match_id }, used }) => {
                let id = match_id.unwrap_or(self.common.current_match);
                if self.login(shard, key, Front::Line, id) {
                    self.scratch.clear();
                    let timestamp = self.clock.timestamp();
                    wire::line::server::encode_watching(&mut self.scratch, timestamp, user, id);
                    shard.write(key, &self.scratch);
                } else {
                    shard.write(key, WATCHED_ALREADY);
                }
                used
            }
            Err(error) => {
                match error {
                    LoginError::TooLong => self.counters().too_large.add(1),
                    _ => self.counters().malformed.add(1),
                }
                self.answer_and_leave(shard, key, error.reply());
                bytes.len()
            }
        }
    }

    fn publisher_hello(&mut self, shard: &mut Shard<Self>, key: Key, bytes: &[u8]) -> usize {
        let mut publisher = Publisher::new(key);
        let error = match publisher.decoder.decode(bytes) {
            Ok(Step::More) => return 0,
            Ok(Step::Event { event: router_port::Event::Hello, used })
                if self.publishers.len() < PUBLISHERS_MAX =>
            {
                let number = self.next_publisher;
                self.next_publisher = number.wrapping_add(1);
                self.publishers.insert(number, publisher);
                self.counters().publishers.add(1);
                let since = match shard.connection(key) {
                    Some(Session::Arriving { since, .. }) => *since,
                    _ => Since::default(),
                };
                self.become_(shard, key, Session::Publisher { since, number });
                self.delivery.lookout.opened(shard, &self.router, key);
                shard.write(key, router_port::HELLO);
                return used + self.published(shard, key, number, &bytes[used..]);
            }
            Ok(Step::Event { .. }) => {
                self.counters().turned_away.add(1);
                (wire::router::ErrorCode::Busy, "this shard has all the publishers it takes; try again")
            }
            Err(error) => {
                self.counters().malformed.add(1);
                (error.code(), "expected the router port's hello")
            }
        };
        self.scratch.clear();
        self.scratch.extend_from_slice(router_port::HELLO);
        router_port::encode_error(&mut self.scratch, error.0, error.1);
        let answer = std::mem::take(&mut self.scratch);
        self.answer_and_leave(shard, key, &answer);
        self.scratch = answer;
        bytes.len()
    }

    /// What a publisher sends. Returns the bytes used: not all of them when it has sent enough for now.
    fn published(&mut self, shard: &mut Shard<Self>, key: Key, number: u32, bytes: &[u8]) -> usize {
        let Some(publisher) = self.publishers.get_mut(&number) else { return bytes.len() };
        let counters = &self.common.counters[self.index];
        let origin = Origin::Publisher { shard: self.index as u16, number };
        let (mut used, mut messages, mut nobody_there) = (0, 0, 0);
        let stuck = shard.mail_waiting() > 0;
        while !(publisher.is_full() || stuck) {
            match publisher.decoder.decode(&bytes[used..]) {
                Ok(Step::More) => break,
                Ok(Step::Event { event, used: length }) => {
                    used += length;
                    match event {
                        router_port::Event::Send { id, payload } => {
                            let before = publisher.letters;
                            self.router.places(id, |Place { shard: there, local }| {
                                let letter = Letter::Deliver { id, local, origin };
                                publisher.letters += 1;
                                publisher.bytes += payload.len() as u64;
                                if usize::from(there) == self.index {
                                    self.delivery.letters.push(letter, payload);
                                } else {
                                    shard.post(usize::from(there), letter, payload);
                                }
                            });
                            messages += 1;
                            nobody_there += u64::from(publisher.letters == before);
                        }
                        router_port::Event::Sync { token } => {
                            publisher.sync = Some(token);
                            publisher.unacknowledged = true;
                        }
                        router_port::Event::Hello => {}
                    }
                }
                Err(error) => {
                    counters.malformed.add(1);
                    self.scratch.clear();
                    let text = error.to_string();
                    router_port::encode_error(&mut self.scratch, error.code(), &text);
                    shard.write(key, &self.scratch);
                    shard.finish(key);
                    shard.after(DEPARTURE_TIME, Deadline::Departure(key));
                    used = bytes.len();
                    break;
                }
            }
        }
        self.delivery.tell_backlog(shard);
        publisher.totals.accepted += messages;
        publisher.totals.nobody_there += nobody_there;
        publisher.unacknowledged |= messages > 0;
        counters.messages.add(messages);
        counters.nobody_there.add(nobody_there);
        if (publisher.is_full() || stuck) && !publisher.paused {
            publisher.paused = true;
            self.paused += 1;
            shard.pause(key);
        }
        used
    }

    /// Logs a connection in; a further login of a member gives it a further id.
    fn login(&mut self, shard: &mut Shard<Self>, key: Key, front: Front, id: u32) -> bool {
        let (first, since) = match shard.connection(key) {
            Some(Session::Member { id, since, .. }) => (Some(*id), *since),
            Some(Session::Arriving { since, .. }) => (None, *since),
            Some(_) => (None, Since::default()),
            // It is being closed: nobody would ever log it out.
            None => return false,
        };
        let key_at = |index| shard.connection_at(index).map(|(key, _)| key);
        if !self.router.login(id, key, first, key_at) {
            return false;
        }
        self.counters().logins.add(1);
        if first.is_none() {
            self.become_(shard, key, Session::Member { front, since, id, count: 0 });
            self.delivery.lookout.opened(shard, &self.router, key);
        }
        true
    }

    /// Changes what a connection is.
    fn become_(&mut self, shard: &mut Shard<Self>, key: Key, session: Session) {
        if let Some(session_now) = shard.connection(key) {
            let old = std::mem::replace(session_now, session);
            self.leave(shard, key, old);
        }
    }

    /// Undoes what a connection has entered into: its deadline, its logins, its place among the publishers.
    fn leave(&mut self, shard: &mut Shard<Self>, key: Key, session: Session) {
        match session {
            Session::Arriving { deadline, .. } => {
                shard.cancel(deadline);
            }
            Session::Member { id, .. } => {
                self.delivery.lookout.left(key);
                let ids = self.router.logout(key, id);
                self.counters().logouts.add(ids as u64);
            }
            Session::Publisher { number, .. } => {
                self.delivery.lookout.left(key);
                if self.publishers.remove(&number).is_some_and(|publisher| publisher.paused) {
                    self.paused -= 1;
                }
            }
            Session::Refused { .. } | Session::Leaving => {}
        }
    }

    /// Says a last word and ends the connection, in a way that lets the peer read it.
    fn answer_and_leave(&mut self, shard: &mut Shard<Self>, key: Key, answer: &[u8]) {
        shard.write(key, answer);
        self.become_(shard, key, Session::Leaving);
        shard.finish(key);
        shard.after(DEPARTURE_TIME, Deadline::Departure(key));
    }

    /// Tells a connection that there is no room, in its own language.
    fn turn_away(&mut self, shard: &mut Shard<Self>, key: Key, front: Front) {
        self.counters().turned_away.add(1);
        let busy: &[u8] = match front {
            Front::Comet => Status::Unavailable.response(),
            Front::Line => BUSY,
            Front::Router => b"",
        };
        self.answer_and_leave(shard, key, busy);
    }

    /// Lets publishers go on whose letters have arrived.
    fn resume_publishers(&mut self, shard: &mut Shard<Self>) {
        if self.paused == 0 || shard.mail_waiting() > 0 {
            return;
        }
        for publisher in self.publishers.values_mut().filter(|p| p.paused && p.has_room()) {
            publisher.paused = false;
            self.paused -= 1;
            shard.resume(publisher.key);
        }
    }

    /// Sends each publisher its totals if they have changed.
    fn acknowledge(&mut self, shard: &mut Shard<Self>) {
        for publisher in self.publishers.values_mut().filter(|p| p.unacknowledged) {
            publisher.unacknowledged = false;
            self.scratch.clear();
            let token = if publisher.letters == 0 { publisher.sync.take().unwrap_or(0) } else { 0 };
            router_port::encode_ack(&mut self.scratch, token, &publisher.totals);
            shard.write(publisher.key, &self.scratch);
        }
    }

    /// Answers who is here under `id`, with so many connections at most as anybody is told of.
    fn look(&mut self, shard: &mut Shard<Self>, id: u32, ticket: u32) {
        let keys: Vec<Key> = match self.router.local(id) {
            None => Vec::new(),
            Some(Local::One(index)) => shard.connection_at(index).map(|(key, _)| key).into_iter().collect(),
            Some(Local::Group(number)) => {
                self.router.members(number, id, 0).into_iter().flatten().take(TOLD_MAX).collect()
            }
        };
        let now = step(self.common.started, shard.now());
        let profiles = keys.into_iter().filter_map(|key| {
            let profile = Profile::of(shard, &self.router, key, now)?;
            Some((profile, self.delivery.lookout.bytes_of(key)))
        });
        let profiles = profiles.collect();
        self.common.sightings.answer(ticket, |sighting| sighting.add(self.index, profiles));
    }

    fn account(&mut self, number: u32, receipt: Receipt) {
        // A publisher that has left does not care any more.
        if let Some(publisher) = self.publishers.get_mut(&number) {
            publisher.account(receipt);
        }
    }
}

impl Service for Chat {
    type Connection = Session;
    type Letter = Letter;
    type Timer = Deadline;

    fn accepted(&mut self, listener: ListenerId, room: Room) -> Session {
        let front = self.common.fronts[listener.0];
        match room {
            Room::Free => Session::Arriving { front, since: Since::default(), deadline: TimerKey::NONE },
            Room::Refuse => Session::Refused { front },
        }
    }

    fn opened(&mut self, shard: &mut Shard<Self>, key: Key) {
        match shard.connection(key) {
            Some(Session::Arriving { front, .. }) => {
                let greet = *front == Front::Line;
                let deadline = shard.after(self.common.head_timeout, Deadline::Arrival(key));
                let now = Since::step(step(self.common.started, shard.now()));
                if let Some(Session::Arriving { deadline: slot, since, .. }) = shard.connection(key) {
                    (*slot, *since) = (deadline, now);
                }
                if greet {
                    shard.write(key, wire::line::server::GREETING);
                }
            }
            Some(Session::Refused { front }) => {
                let front = *front;
                self.turn_away(shard, key, front);
            }
            _ => {}
        }
    }

    fn received(&mut self, shard: &mut Shard<Self>, key: Key, bytes: &[u8]) -> usize {
        let mut used = 0;
        // Each step may turn the session into another one that understands the rest.
        while used < bytes.len() {
            let rest = &bytes[used..];
            let step = match shard.connection(key) {
                Some(&mut Session::Arriving { front, .. }) => self.arriving(shard, key, front, rest),
                Some(&mut Session::Publisher { number, .. }) => self.published(shard, key, number, rest),
                Some(Session::Member { front: Front::Line, .. }) => self.login_line(shard, key, rest),
                // Comet clients have said all they have to say; the others are on their way out.
                _ => rest.len(),
            };
            if step == 0 {
                break;
            }
            used += step;
        }
        used
    }

    fn closed(&mut self, shard: &mut Shard<Self>, key: Key, session: Session, _why: Why) {
        self.leave(shard, key, session);
    }

    fn mail(&mut self, shard: &mut Shard<Self>, letters: &mut Letters<Letter>) {
        for (letter, _) in letters.iter() {
            match letter {
                Letter::Account { publisher, receipt } => self.account(publisher, receipt),
                Letter::Look { id, ticket } => self.look(shard, id, ticket),
                Letter::Deliver { .. } => {}
            }
        }
        // Kept until the turn's end, so that a connection gets at most one write per turn.
        self.delivery.letters.append(letters);
        self.delivery.tell_backlog(shard);
    }

    fn timer(&mut self, shard: &mut Shard<Self>, timer: Deadline) {
        match timer {
            Deadline::Arrival(key) => {
                let Some(&mut Session::Arriving { front, .. }) = shard.connection(key) else { return };
                self.counters().timed_out.add(1);
                let answer: &[u8] = match front {
                    Front::Comet => Status::RequestTimeout.response(),
                    Front::Line => b"ERROR: no login in time\r\n",
                    Front::Router => b"",
                };
                self.answer_and_leave(shard, key, answer);
            }
            Deadline::Departure(key) => shard.close(key),
        }
    }

    fn turn_ended(&mut self, shard: &mut Shard<Self>) {
        if !self.delivery.letters.is_empty() {
            let timestamp = self.clock.timestamp();
            let receipts = self.delivery.deliver(shard, &self.router, timestamp);
            let counters = &self.common.counters[self.index];
            for &(origin, receipt) in receipts {
                counters.delivered.add(u64::from(receipt.delivered));
                counters.gone.add(u64::from(receipt.gone));
                counters.dropped.add(u64::from(receipt.dropped));
                match origin {
                    Origin::Publisher { shard: there, number } if usize::from(there) == self.index => {
                        if let Some(publisher) = self.publishers.get_mut(&number) {
                            publisher.account(receipt);
                        }
                    }
                    Origin::Publisher { shard: there, number } => {
                        shard.post(usize::from(there), Letter::Account { publisher: number, receipt }, b"");
                    }
                    Origin::Admin { ticket } => {
                        self.common.tickets.answer(ticket, |sum| sum.add(receipt));
                    }
                }
            }
        }
        if !self.delivery.letters.is_empty() {
            shard.wake_at(shard.now());
        }
        // An answered sync makes room, so the order matters.
        self.acknowledge(shard);
        self.resume_publishers(shard);
    }

    fn take_stock(&mut self, shard: &mut Shard<Self>) -> usize {
        self.delivery.lookout.take_stock(shard, &self.router)
            + self.delivery.memory_bytes()
            + self.router.memory_bytes()
            + self.publishers.capacity() * size_of::<(u32, Publisher)>()
            + self.scratch.capacity()
    }
}

/// The time of day as MatchStream writes it, formatted once a second.
#[derive(Debug, Default)]
struct Clock {
    second: u64,
    text: String,
}

impl Clock {
    fn timestamp(&mut self) -> &str {
        let second = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        if second != self.second || self.text.is_empty() {
            self.second = second;
            let time = jiff::Timestamp::from_second(second as i64).unwrap_or_default();
            self.text = time.strftime("%Y-%m-%d %H:%M:%S").to_string();
        }
        &self.text
    }
}

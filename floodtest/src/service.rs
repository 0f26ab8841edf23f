//! The service that runs in each shard of the flood.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use shard::{Connected, Key, Letters, ListenerId, Room, Service, Shard, Why};
use telemetry::monotonic_ns;

use crate::audit::{Auditor, Finding, Track};
use crate::client::{Client, Decoder, Said, State, Timer};
use crate::failure::Cause;
use crate::options::{Identity, Options, Protocol, RECONNECT_DELAY};
use crate::report::{Counters, Latencies, Latency, Noted};
use crate::schedule::Schedule;

/// Connections that a shard begins in one turn, before it looks at what arrives.
const OPENS_PER_TURN: usize = 64;

/// Connections that we have ended and the server has not, over all shards. The next ones wait, or the ends that the server
/// has not read yet would fill the memory that TCP may take: a page each.
const DEPARTING_MAX: usize = 2048;

/// How long the server may take to end its side. After the first that takes longer, connections are closed at once.
const DEPARTURE_TIME: Duration = Duration::from_secs(5);

/// While messages flow, opening rests this many times as long as it took: what arrives is being measured, and must not be
/// late by our own doing. On a busy machine opening takes longer, so that it rests longer too.
const REST_SHARE: u64 = 4;

/// Messages flow until none has come for so long.
const FLOW_NS: u64 = 5_000_000_000;

/// Source addresses tried for a connection when one has no free port.
const SOURCE_ATTEMPTS: u32 = 8;

/// How soon a shard that may not begin another connection now looks again.
const RETRY: Duration = Duration::from_millis(1);

/// What the control side tells the shards.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Order {
    /// Begin the schedule at this time (CLOCK_MONOTONIC).
    Start { at_ns: u64 },
    /// Go on to `count` connections, the further ones from this time on.
    More { count: u32, at_ns: u64 },
    /// Begin no more connections, and none again.
    Settle,
    /// Close all connections.
    Close,
}

/// What all shards of a flood share.
#[derive(Debug)]
pub(crate) struct Common {
    pub(crate) options: Options,
    pub(crate) counters: Vec<Counters>,
    pub(crate) latencies: Latencies,
    /// Connections begun and not logged in, over all shards: at most `options.concurrency`.
    pub(crate) opening: AtomicU32,
}

/// One shard's part of the flood.
#[derive(Debug)]
pub(crate) struct Flood {
    index: usize,
    common: Arc<Common>,
    schedule: Option<Schedule>,
    auditor: Auditor,
    noted: Noted,
    request: Vec<u8>,
    /// Reconnects that wait for room under the concurrency limit.
    waiting: Vec<u32>,
    settled: bool,
    /// Connections that are to be closed.
    leaving: Vec<Key>,
    departing: usize,
    server_lingers: bool,
    /// When the last message came; 0: none has.
    message_ns: u64,
    /// When opening has rested enough.
    rested_ns: u64,
}

impl Flood {
    pub(crate) fn new(index: usize, common: Arc<Common>) -> Self {
        Self {
            index,
            common,
            schedule: None,
            auditor: Auditor::default(),
            noted: Noted::new(),
            request: Vec::new(),
            waiting: Vec::new(),
            settled: false,
            leaving: Vec::new(),
            departing: 0,
            server_lingers: false,
            message_ns: 0,
            rested_ns: 0,
        }
    }

    fn counters(&self) -> &Counters {
        &self.common.counters[self.index]
    }

    /// Begins the connections that are due.
    fn open_due(&mut self, shard: &mut Shard<Self>) {
        if self.schedule.is_none() {
            return;
        }
        let now = monotonic_ns();
        if now < self.rested_ns {
            return shard.wake_at(shard.now() + Duration::from_nanos(self.rested_ns - now));
        }
        for _ in 0..OPENS_PER_TURN {
            let (number, due) = match (self.waiting.last(), self.schedule.as_ref().and_then(Schedule::peek)) {
                (Some(&number), _) => (number, None),
                (None, Some((number, due))) => (number, Some(due)),
                (None, None) => return,
            };
            if let Some(due) = due.filter(|due| *due > now) {
                shard.wake_at(shard.now() + Duration::from_nanos(due - now));
                return;
            }
            if !self.may_open() {
                shard.wake_at(shard.now() + RETRY);
                return;
            }
            match due {
                Some(due) => {
                    self.schedule.as_mut().expect("peeked above").advance();
                    // Unlimited rate: everything is due at the start, and lateness means nothing.
                    if self.common.options.rate.is_some() {
                        self.noted.push((Latency::ScheduleLag, monotonic_ns().saturating_sub(due)));
                    }
                }
                None => {
                    self.waiting.pop();
                }
            }
            self.open(shard, number);
        }
        let ended_ns = monotonic_ns();
        if self.message_ns > 0 && ended_ns - self.message_ns < FLOW_NS {
            self.rested_ns = ended_ns + (ended_ns - now) * REST_SHARE;
        }
        shard.wake_at(shard.now());
    }

    /// Takes a place under the concurrency limit, if there is one.
    fn may_open(&self) -> bool {
        let limit = self.common.options.concurrency;
        let taken = self
            .common
            .opening
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| (n < limit).then(|| n + 1));
        taken.is_ok()
    }

    fn open(&mut self, shard: &mut Shard<Self>, number: u32) {
        self.counters().begun.add(1);
        self.counters().opening.add(1);
        self.write_request(number);
        let common = Arc::clone(&self.common);
        let options = &common.options;
        let target = self.target(number);
        let mut attempt = 0;
        let begun = monotonic_ns();
        // The key is not known before the connection is made, so the deadline is set afterwards.
        let result = loop {
            let source = options.sources.source(number, attempt);
            let placeholder = Client { number, state: State::Over };
            match shard.connect(target, source, &self.request, placeholder) {
                Err(error)
                    if Cause::of_error(&error) == Cause::NoFreePort && attempt + 1 < SOURCE_ATTEMPTS =>
                {
                    attempt += 1;
                }
                result => break result,
            }
        };
        match result {
            Ok((key, connected)) => {
                let deadline = shard.after(options.timeout, Timer::Deadline(key));
                let decoder = Decoder::new(options.protocol);
                if let Some(client) = shard.connection(key) {
                    client.state = State::Opening { decoder, since_us: (begun / 1000) as u32, deadline };
                }
                if connected == Connected::Now {
                    self.noted.push((Latency::Connect, monotonic_ns() - begun));
                }
            }
            Err(error) => self.fail(shard, number, Cause::of_error(&error)),
        }
    }

    fn target(&self, number: u32) -> SocketAddr {
        match &self.common.options.identity {
            Identity::Paths(paths) => paths[number as usize].target,
            _ => self.common.options.target,
        }
    }

    /// Puts what the client says first into `request`: nothing, where the server speaks first.
    fn write_request(&mut self, number: u32) {
        self.request.clear();
        let options = &self.common.options;
        if options.protocol == Protocol::Comet {
            match &options.identity {
                Identity::Paths(paths) => {
                    let path = &paths[number as usize];
                    let host = path.target.to_string();
                    wire::comet::client::encode_request_path(&mut self.request, &path.path, &host);
                }
                identity => {
                    let id = identity.id(number).expect("users and viewers have ids");
                    wire::comet::client::encode_request(&mut self.request, id, &options.host);
                }
            }
        }
    }

    /// Counts a connection that did not come to its login.
    fn fail(&mut self, shard: &mut Shard<Self>, number: u32, cause: Cause) {
        self.common.opening.fetch_sub(1, Ordering::Relaxed);
        let counters = self.counters();
        counters.opening.subtract(1);
        counters.failures[cause as usize].add(1);
        if self.common.options.reconnect && !self.settled {
            shard.after(RECONNECT_DELAY, Timer::Reconnect(number));
        } else {
            counters.failed.add(1);
        }
    }

    fn logged_in(&mut self, shard: &mut Shard<Self>, key: Key) {
        let Some(client) = shard.connection(key) else { return };
        let State::Opening { decoder, since_us, deadline } = client.state else { return };
        client.state = State::Member { decoder, track: Track::default() };
        shard.cancel(deadline);
        let now_ns = monotonic_ns();
        let elapsed_us = ((now_ns / 1000) as u32).wrapping_sub(since_us);
        self.noted.push((Latency::Login, u64::from(elapsed_us) * 1000));
        self.common.opening.fetch_sub(1, Ordering::Relaxed);
        let counters = self.counters();
        counters.opening.subtract(1);
        counters.open.add(1);
        counters.logins.add(1);
        counters.last_login_ns.set(now_ns);
    }

    /// Audits a message. `arrived_ns`: when it was read.
    fn message(&mut self, shard: &mut Shard<Self>, key: Key, text: &[u8], arrived_ns: u64) {
        let Some(Client { number, state: State::Member { track, .. } }) = shard.connection(key) else {
            return;
        };
        self.message_ns = arrived_ns;
        let id = self.common.options.identity.id(*number);
        let finding = self.auditor.message(*number, id, track, text);
        if let Finding::Delivered { intended_ns, lag_us } = finding {
            let latency = arrived_ns.saturating_sub(intended_ns);
            self.noted.push((Latency::Delivery, latency));
            self.noted.push((Latency::RawDelivery, latency.saturating_sub(u64::from(lag_us) * 1000)));
        }
        self.counters().messages.add(1);
    }

    /// Ends a connection whose login has failed.
    fn give_up(&mut self, shard: &mut Shard<Self>, key: Key, cause: Cause) {
        let Some(client) = shard.connection(key) else { return };
        let number = client.number;
        match std::mem::replace(&mut client.state, State::Over) {
            State::Opening { deadline, .. } => {
                shard.cancel(deadline);
                self.fail(shard, number, cause);
            }
            State::Member { track, .. } => {
                self.lost(shard, number, &track);
            }
            State::Departing { .. } | State::Over => {}
        }
        shard.close(key);
    }

    /// Counts a logged-in connection that the server has ended.
    fn lost(&mut self, shard: &mut Shard<Self>, number: u32, track: &Track) {
        self.auditor.closed(number, track);
        self.counters().open.subtract(1);
        self.counters().closed_by_server.add(1);
        if self.common.options.reconnect && !self.settled {
            shard.after(RECONNECT_DELAY, Timer::Reconnect(number));
        }
    }

    /// Ends connections that are to be closed, as many as the server keeps up with.
    fn leave(&mut self, shard: &mut Shard<Self>) {
        let departing_max = (DEPARTING_MAX / shard.shards()).max(1);
        while self.departing < departing_max {
            let Some(key) = self.leaving.pop() else { return };
            let Some(client) = shard.connection(key) else { continue };
            let State::Member { track, .. } = client.state else {
                shard.close(key);
                continue;
            };
            let number = client.number;
            let deadline = shard.after(DEPARTURE_TIME, Timer::Departure(key));
            if let Some(client) = shard.connection(key) {
                client.state = State::Departing { deadline };
            }
            self.auditor.closed(number, &track);
            self.counters().open.subtract(1);
            self.departing += 1;
            if self.server_lingers { shard.close(key) } else { shard.finish(key) }
        }
        if self.server_lingers {
            // Nothing will arrive that makes the next turn.
            shard.wake_at(shard.now());
        }
    }

    fn publish_audit(&self) {
        let (counters, counts) = (self.counters(), self.auditor.counts());
        for (counter, value) in [
            (&counters.delivered, counts.delivered),
            (&counters.duplicated, counts.duplicated),
            (&counters.reordered, counts.reordered),
            (&counters.misrouted, counts.misrouted),
            (&counters.corrupt, counts.corrupt),
            (&counters.unmarked, counts.unmarked),
            (&counters.missing, counts.missing),
            (&counters.saturated, u64::from(counts.saturated)),
        ] {
            counter.set(value);
        }
    }
}

impl Service for Flood {
    type Connection = Client;
    type Letter = Order;
    type Timer = Timer;

    fn accepted(&mut self, _listener: ListenerId, _room: Room) -> Client {
        unreachable!("a flood listens nowhere")
    }

    fn connected(&mut self, shard: &mut Shard<Self>, key: Key) {
        let Some(Client { number, state: State::Opening { since_us, .. } }) = shard.connection(key) else {
            return;
        };
        let (number, since_us) = (*number, *since_us);
        let elapsed_us = ((monotonic_ns() / 1000) as u32).wrapping_sub(since_us);
        self.noted.push((Latency::Connect, u64::from(elapsed_us) * 1000));
        self.write_request(number);
        if !self.request.is_empty() {
            shard.write(key, &self.request);
        }
    }

    fn received(&mut self, shard: &mut Shard<Self>, key: Key, bytes: &[u8]) -> usize {
        let arrived_ns = monotonic_ns();
        let mut used = 0;
        while used < bytes.len() {
            let Some(Client {
                state: State::Opening { decoder, .. } | State::Member { decoder, .. }, ..
            }) = shard.connection(key)
            else {
                return bytes.len();
            };
            match decoder.next(&bytes[used..]) {
                Ok(None) => break,
                Ok(Some((said, length))) => {
                    used += length;
                    match said {
                        Said::Message(text) => self.message(shard, key, text, arrived_ns),
                        Said::LoggedIn => self.logged_in(shard, key),
                        Said::Greeted => {
                            let Some(client) = shard.connection(key) else { continue };
                            let number = client.number;
                            let id = self.common.options.identity.id(number).unwrap_or(1);
                            self.request.clear();
                            wire::line::client::encode_login(&mut self.request, number, id);
                            shard.write(key, &self.request);
                        }
                        Said::Refused => self.give_up(shard, key, Cause::TurnedAway),
                        Said::Ended => self.give_up(shard, key, Cause::ClosedEarly),
                        Said::Nothing => {}
                    }
                }
                Err(cause) => {
                    self.give_up(shard, key, cause);
                    return bytes.len();
                }
            }
        }
        used
    }

    fn closed(&mut self, shard: &mut Shard<Self>, _key: Key, client: Client, why: Why) {
        match client.state {
            State::Opening { deadline, .. } => {
                shard.cancel(deadline);
                match why {
                    Why::Failed(kind) => self.fail(shard, client.number, Cause::of(kind)),
                    Why::PeerClosed => self.fail(shard, client.number, Cause::ClosedEarly),
                    // Called off by us, which is no failure.
                    Why::TooSlow | Why::Local | Why::Stopping => {
                        self.common.opening.fetch_sub(1, Ordering::Relaxed);
                        self.counters().opening.subtract(1);
                    }
                }
            }
            State::Member { track, .. } if matches!(why, Why::Local | Why::Stopping) => {
                self.auditor.closed(client.number, &track);
                self.counters().open.subtract(1);
            }
            State::Member { track, .. } => self.lost(shard, client.number, &track),
            State::Departing { deadline } => {
                shard.cancel(deadline);
                self.departing -= 1;
            }
            State::Over => {}
        }
    }

    fn mail(&mut self, shard: &mut Shard<Self>, letters: &mut Letters<Order>) {
        for (order, _) in letters.iter() {
            match order {
                Order::Start { at_ns } => {
                    let options = &self.common.options;
                    let schedule =
                        Schedule::new(self.index, shard.shards(), options.connections, options.rate, at_ns);
                    self.schedule = Some(schedule);
                }
                Order::More { count, at_ns } => {
                    if let (Some(schedule), false) = (&mut self.schedule, self.settled) {
                        schedule.extend(count, at_ns);
                    }
                }
                Order::Settle => {
                    self.settled = true;
                    self.waiting.clear();
                    if let Some(schedule) = &mut self.schedule {
                        schedule.end();
                    }
                    self.counters().settled.set(1);
                }
                Order::Close => self.leaving = shard.keys(),
            }
        }
    }

    fn timer(&mut self, shard: &mut Shard<Self>, timer: Timer) {
        match timer {
            Timer::Deadline(key) => self.give_up(shard, key, Cause::TimedOut),
            Timer::Departure(key) => {
                self.server_lingers = true;
                shard.close(key);
            }
            Timer::Reconnect(number) if !self.settled => {
                self.counters().reconnects.add(1);
                self.waiting.push(number);
            }
            Timer::Reconnect(_) => {}
        }
    }

    fn turn_ended(&mut self, shard: &mut Shard<Self>) {
        self.open_due(shard);
        self.leave(shard);
        self.common.latencies.add(&mut self.noted);
        self.publish_audit();
    }
}

//! What the tests share: a puppet service whose shards do what a test tells them, clients, and dice.

use std::fmt::Debug;
use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::os::fd::AsRawFd;
use std::panic::resume_unwind;
use std::process::Command;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use nix::sched::{CloneFlags, unshare};
use shard::{
    Key, Letters, ListenerId, MailboxFull, Pool, PoolError, PoolOptions, Room, Service, Shard, Snapshot, Why,
    Written,
};
use socket2::SockRef;

/// How long anything may take before the test fails: far longer than it takes on a machine that is busy otherwise.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// Runs a test's body in a thread with a descriptor table of its own.
pub(crate) fn isolated(body: impl FnOnce() + Send + 'static) {
    let thread = std::thread::spawn(|| {
        unshare(CloneFlags::CLONE_FILES).expect("a table of its own needs no privilege");
        body();
    });
    if let Err(panic) = thread.join() {
        resume_unwind(panic);
    }
}

/// Runs a test's body in a process of its own, for what would disturb other tests: limits, stops.
pub(crate) fn in_child(test: &str, body: impl FnOnce() + Send + 'static) {
    const MARK: &str = "FLOODMARK_SHARD_TEST_CHILD";
    if std::env::var(MARK).is_ok_and(|child| child == test) {
        return isolated(body);
    }
    let output = Command::new(std::env::current_exe().expect("tests run from a file"))
        .args(["--exact", test, "--nocapture", "--test-threads=1"])
        .env(MARK, test)
        .output()
        .expect("the test's binary starts a second time");
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("1 passed"), "the child failed:\n{said}");
}

/// Options for a pool of `shards` that listens on a port of 127.0.0.1 that the kernel chooses.
pub(crate) fn options(name: &'static str, shards: usize) -> PoolOptions {
    let listen = vec![SocketAddr::from((Ipv4Addr::LOCALHOST, 0))];
    PoolOptions { name, shards, listen, backlog: 256, descriptors_max: None }
}

/// What the puppets tell the test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Event {
    Opened { shard: usize, key: Key, listener: ListenerId, room: Room },
    Connected { shard: usize, key: Key },
    Received { shard: usize, key: Key, bytes: Vec<u8> },
    Closed { shard: usize, key: Key, why: Why },
    Timer { shard: usize, number: u64, at: Instant },
    Mail { shard: usize, number: u64, body: Vec<u8> },
    Turn { shard: usize, at: Instant, mail_waiting: usize },
}

/// What the puppets' mail says.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Note {
    /// An order waits in the puppet's channel.
    Order,
    /// To be reported to the test.
    Number(u64),
}

type Order = Box<dyn FnOnce(&mut Puppet, &mut Shard<Puppet>) + Send>;
type Receive = Arc<dyn Fn(&mut Shard<Puppet>, Key, &[u8]) -> usize + Send + Sync>;

/// A service that carries out orders and reports everything.
pub(crate) struct Puppet {
    orders: Receiver<Order>,
    pub(crate) events: Sender<Event>,
    receive: Receive,
    /// Report the ends of turns too.
    pub(crate) watch_turns: bool,
    /// Report arriving bytes.
    pub(crate) watch_bytes: bool,
}

impl Puppet {
    fn report(&self, event: Event) {
        // The test may be over and no longer listening.
        let _ = self.events.send(event);
    }
}

impl Service for Puppet {
    type Connection = (ListenerId, Room);
    type Letter = Note;
    type Timer = u64;

    fn accepted(&mut self, listener: ListenerId, room: Room) -> Self::Connection {
        (listener, room)
    }

    fn opened(&mut self, shard: &mut Shard<Self>, key: Key) {
        let &mut (listener, room) = shard.connection(key).expect("it has just been opened");
        self.report(Event::Opened { shard: shard.index(), key, listener, room });
    }

    fn connected(&mut self, shard: &mut Shard<Self>, key: Key) {
        self.report(Event::Connected { shard: shard.index(), key });
    }

    fn received(&mut self, shard: &mut Shard<Self>, key: Key, bytes: &[u8]) -> usize {
        if self.watch_bytes {
            self.report(Event::Received { shard: shard.index(), key, bytes: bytes.to_vec() });
        }
        (Arc::clone(&self.receive))(shard, key, bytes)
    }

    fn closed(&mut self, shard: &mut Shard<Self>, key: Key, _: Self::Connection, why: Why) {
        self.report(Event::Closed { shard: shard.index(), key, why });
    }

    fn mail(&mut self, shard: &mut Shard<Self>, letters: &mut Letters<Note>) {
        for (note, body) in letters.iter() {
            match note {
                Note::Order => {
                    let order = self.orders.try_recv().expect("an order precedes its letter");
                    order(self, shard);
                }
                Note::Number(number) => {
                    self.report(Event::Mail { shard: shard.index(), number, body: body.to_vec() });
                }
            }
        }
    }

    fn timer(&mut self, shard: &mut Shard<Self>, number: u64) {
        self.report(Event::Timer { shard: shard.index(), number, at: Instant::now() });
    }

    fn turn_ended(&mut self, shard: &mut Shard<Self>) {
        if self.watch_turns {
            let mail_waiting = shard.mail_waiting();
            self.report(Event::Turn { shard: shard.index(), at: Instant::now(), mail_waiting });
        }
    }
}

/// Uses everything and answers nothing.
pub(crate) fn swallow(_: &mut Shard<Puppet>, _: Key, bytes: &[u8]) -> usize {
    bytes.len()
}

/// Sends everything back.
pub(crate) fn echo(shard: &mut Shard<Puppet>, key: Key, bytes: &[u8]) -> usize {
    shard.write(key, bytes);
    bytes.len()
}

/// A pool of puppets and the strings.
pub(crate) struct Stage {
    pub(crate) pool: Pool<Note>,
    orders: Vec<Sender<Order>>,
    events: Receiver<Event>,
}

impl Stage {
    pub(crate) fn start(
        options: &PoolOptions,
        receive: impl Fn(&mut Shard<Puppet>, Key, &[u8]) -> usize + Send + Sync + 'static,
    ) -> Self {
        Self::try_start(options, receive).expect("the pool starts")
    }

    pub(crate) fn try_start(
        options: &PoolOptions,
        receive: impl Fn(&mut Shard<Puppet>, Key, &[u8]) -> usize + Send + Sync + 'static,
    ) -> Result<Self, PoolError> {
        let (senders, receivers): (Vec<_>, Vec<_>) = (0..options.shards).map(|_| channel()).unzip();
        let receivers = Mutex::new(receivers.into_iter().map(Some).collect::<Vec<_>>());
        let (reports, events) = channel();
        let receive: Receive = Arc::new(receive);
        let pool = Pool::start(options, move |shard| Puppet {
            orders: receivers.lock().unwrap()[shard].take().expect("each shard is made once"),
            events: reports.clone(),
            receive: Arc::clone(&receive),
            watch_turns: false,
            watch_bytes: true,
        })?;
        Ok(Self { pool, orders: senders, events })
    }

    /// A blocking client with a time limit.
    pub(crate) fn client(&self) -> TcpStream {
        client(self.pool.addresses()[0])
    }

    /// A client, and the key of its connection, in whichever shard it is.
    pub(crate) fn pair(&self) -> (TcpStream, Key) {
        let client = self.client();
        (client, self.opened().1)
    }

    /// Has a shard do something, and returns at once.
    pub(crate) fn tell<R: Send + 'static>(
        &self,
        shard: usize,
        order: impl FnOnce(&mut Puppet, &mut Shard<Puppet>) -> R + Send + 'static,
    ) -> Receiver<R> {
        let (answer, answered) = channel();
        let order: Order = Box::new(move |puppet, shard| {
            let _ = answer.send(order(puppet, shard));
        });
        self.orders[shard].send(order).expect("the shard lives");
        let deadline = Instant::now() + PATIENCE;
        while self.pool.mailboxes().post(shard, Note::Order, b"") == Err(MailboxFull) {
            assert!(Instant::now() < deadline, "a mailbox stays full");
            std::thread::yield_now();
        }
        answered
    }

    /// Has a shard do something, and returns what came of it.
    pub(crate) fn order<R: Send + 'static>(
        &self,
        shard: usize,
        order: impl FnOnce(&mut Puppet, &mut Shard<Puppet>) -> R + Send + 'static,
    ) -> R {
        self.tell(shard, order).recv_timeout(PATIENCE).expect("the shard carries the order out")
    }

    /// Lets a shard take `count` whole turns.
    pub(crate) fn turns(&self, shard: usize, count: usize) {
        (0..count).for_each(|_| self.order(shard, |_, _| ()));
    }

    /// Stops a shard in the middle of a turn until the sender is dropped or says something.
    pub(crate) fn wedge(&self, shard: usize) -> Sender<()> {
        let (release, released) = channel();
        let (wedge, wedged) = channel();
        self.tell(shard, move |_, _| {
            let _ = wedge.send(());
            let _: Result<(), _> = released.recv();
        });
        wedged.recv_timeout(PATIENCE).expect("the shard takes a turn");
        release
    }

    /// The next thing that a puppet reports.
    #[track_caller]
    pub(crate) fn next(&self) -> Event {
        match self.events.recv_timeout(PATIENCE) {
            Ok(event) => event,
            Err(RecvTimeoutError::Timeout) => panic!("nothing has happened for {PATIENCE:?}"),
            Err(RecvTimeoutError::Disconnected) => panic!("no shard is left"),
        }
    }

    /// What has been reported and not been looked at.
    pub(crate) fn pending(&self) -> Vec<Event> {
        self.events.try_iter().collect()
    }

    /// The first of the next reports in which `wanted` finds something; the others are dropped.
    #[track_caller]
    pub(crate) fn until<R>(&self, mut wanted: impl FnMut(&Event) -> Option<R>) -> R {
        loop {
            if let Some(found) = wanted(&self.next()) {
                return found;
            }
        }
    }

    /// The next report must be of an accepted connection: shard, key, room.
    #[track_caller]
    pub(crate) fn opened(&self) -> (usize, Key, Room) {
        match self.next() {
            Event::Opened { shard, key, room, .. } => (shard, key, room),
            other => panic!("not an accepted connection: {other:?}"),
        }
    }

    /// The next report must be of the end of this connection.
    #[track_caller]
    pub(crate) fn closed(&self, expected: Key) -> Why {
        match self.next() {
            Event::Closed { key, why, .. } if key == expected => why,
            other => panic!("not the end of {expected:?}: {other:?}"),
        }
    }

    /// The next report must be of bytes from this connection.
    #[track_caller]
    pub(crate) fn received(&self, expected: Key) -> Vec<u8> {
        match self.next() {
            Event::Received { key, bytes, .. } if key == expected => bytes,
            other => panic!("no bytes from {expected:?}: {other:?}"),
        }
    }

    /// Reads the totals until they are as wanted.
    #[track_caller]
    pub(crate) fn totals_until(&self, wanted: impl Fn(&Snapshot) -> bool) -> Snapshot {
        let mut totals = self.pool.totals();
        eventually("the counters", || {
            totals = self.pool.totals();
            wanted(&totals)
        });
        totals
    }

    /// The pool itself and what its puppets report, for a test that stops it in its own way.
    pub(crate) fn into_parts(self) -> (Pool<Note>, Receiver<Event>) {
        (self.pool, self.events)
    }

    /// Stops the pool; nothing may have broken.
    #[track_caller]
    pub(crate) fn stop(self) {
        self.pool.stop(PATIENCE).expect("the pool ends well");
    }
}

/// Looks again and again until something is so.
#[track_caller]
pub(crate) fn eventually(what: &str, mut so: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !so() {
        assert!(Instant::now() < deadline, "{what}: still not as expected after {PATIENCE:?}");
        std::thread::sleep(Duration::from_micros(200));
    }
}

/// A blocking client with a time limit.
pub(crate) fn client(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect_timeout(&address, PATIENCE).expect("somebody listens");
    limit(&stream);
    stream
}

/// Makes a blocked read or write of a test fail rather than hang.
pub(crate) fn limit(stream: &TcpStream) {
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    stream.set_nodelay(true).unwrap();
}

/// Reads exactly as many bytes.
#[track_caller]
pub(crate) fn read_bytes(stream: &mut TcpStream, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    stream.read_exact(&mut bytes).expect("the bytes come");
    bytes
}

/// Reads to the end of the stream, which must be one in good order.
#[track_caller]
pub(crate) fn read_to_end(stream: &mut TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).expect("the stream ends in good order");
    bytes
}

/// Whether a peer has ended the connection, in whatever way, without a word.
#[track_caller]
pub(crate) fn ended(stream: &mut TcpStream) -> bool {
    match stream.read(&mut [0; 1]) {
        Ok(0) => true,
        Ok(_) => false,
        Err(error) if matches!(error.kind(), ErrorKind::ConnectionReset | ErrorKind::BrokenPipe) => true,
        Err(error) => panic!("neither a byte nor the end: {error}"),
    }
}

/// Sends bytes and reads them back.
#[track_caller]
pub(crate) fn echoed(stream: &mut TcpStream, bytes: &[u8]) {
    stream.write_all(bytes).expect("the peer takes bytes");
    assert_eq!(read_bytes(stream, bytes.len()), bytes);
}

/// Ends a connection with a reset.
pub(crate) fn reset(stream: TcpStream) {
    SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
    drop(stream);
}

/// Descriptors open in this thread's table.
pub(crate) fn descriptors() -> usize {
    std::fs::read_dir("/proc/thread-self/fd").unwrap().count() - 1
}

/// The lowest number that the next descriptor in this thread's table may have.
pub(crate) fn descriptor_next() -> u64 {
    let file = std::fs::File::open("/dev/null").unwrap();
    u64::try_from(file.as_raw_fd()).unwrap()
}

/// Threads of this process whose names begin with `name`.
pub(crate) fn threads(name: &str) -> usize {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    let names = tasks.filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("comm")).ok());
    names.filter(|task| task.starts_with(name)).count()
}

/// Byte number `offset` of stream `stream`: no shift of a stream looks like another, nor like an eventfd's eight bytes.
pub(crate) fn pattern(stream: u64, offset: u64) -> u8 {
    (mix((stream << 40) ^ (offset / 8)) >> (offset % 8 * 8)) as u8
}

/// The bytes of a stream in a range.
pub(crate) fn pattern_bytes(stream: u64, start: u64, length: usize) -> Vec<u8> {
    (start..start + length as u64).map(|offset| pattern(stream, offset)).collect()
}

/// Panics at the first byte that does not belong there.
#[track_caller]
pub(crate) fn check_pattern(stream: u64, start: u64, bytes: &[u8]) {
    if let Some(wrong) = (0..bytes.len()).find(|&i| bytes[i] != pattern(stream, start + i as u64)) {
        let around = &bytes[wrong..bytes.len().min(wrong + 16)];
        panic!("stream {stream}: stray bytes at {}: {around:02x?}", start + wrong as u64);
    }
}

fn mix(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Random numbers that can be had again (SplitMix64).
#[derive(Debug, Clone)]
pub(crate) struct Dice(u64);

impl Dice {
    /// With the seed in `SHARD_TEST_SEED`, or one from the clock; printed either way.
    pub(crate) fn new() -> Self {
        let clock = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as u64;
        let seed = std::env::var("SHARD_TEST_SEED").map_or_else(|_| clock(), |seed| seed.parse().unwrap());
        eprintln!("replay with SHARD_TEST_SEED={seed}");
        Self(seed)
    }

    /// Dice of their own for the `number`th thread.
    pub(crate) fn fork(&self, number: u64) -> Self {
        Self(mix(self.0 ^ mix(number)))
    }

    /// A number below `limit`.
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(1);
        (mix(self.0) % limit as u64) as usize
    }
}

/// Writes the pattern of a stream from `start` on, a piece at a time, until the outbox holds something; returns how
/// many bytes were handed over.
pub(crate) fn write_until_queued(shard: &mut Shard<Puppet>, key: Key, stream: u64, start: u64) -> u64 {
    let mut offset = start;
    loop {
        let piece = pattern_bytes(stream, offset, 16 << 10);
        match shard.write(key, &piece) {
            Written::Sent => offset += piece.len() as u64,
            Written::Queued => return offset + piece.len() as u64,
            other => panic!("writing ends in {other:?}"),
        }
    }
}

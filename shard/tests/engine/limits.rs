//! When descriptors run out: by the shard's own count, and for real.

use std::net::TcpStream;
use std::time::Duration;

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use shard::Room;
use socket2::{Domain, Socket, Type};

use crate::stage::{
    Event, Stage, descriptor_next, descriptors, echo, echoed, ended, in_child, isolated, limit, options,
};

/// What the engine documents as its room for polite refusals.
const REFUSALS: usize = 64;

#[test]
fn beyond_its_limit_a_shard_refuses_then_closes_then_recovers() {
    isolated(|| {
        let mut options = options("limited", 1);
        options.descriptors_max = Some(descriptors() + 100);
        let stage = Stage::start(&options, echo);
        let room = stage.order(0, |_, shard| shard.connections_max());
        assert!((5..100).contains(&room), "room for {room}");
        stage.order(0, |puppet, _| puppet.watch_bytes = false);

        let mut kept: Vec<TcpStream> = (0..room).map(|_| stage.client()).collect();
        kept.iter().for_each(|_| assert_eq!(stage.opened().2, Room::Free));
        let target = stage.pool.addresses()[0];
        let quota = stage.order(0, move |_, shard| {
            shard
                .connect(target, None, b"", (shard::ListenerId(0), Room::Free))
                .map(|_| ())
                .unwrap_err()
                .kind()
        });
        assert_eq!(quota, std::io::ErrorKind::QuotaExceeded);

        let mut refused: Vec<TcpStream> = (0..REFUSALS).map(|_| stage.client()).collect();
        refused.iter().for_each(|_| assert_eq!(stage.opened().2, Room::Refuse));
        refused.iter_mut().for_each(|client| echoed(client, b"no room"));
        for _ in 0..5 {
            assert!(ended(&mut stage.client()), "one too many to be told");
        }
        let totals = stage.pool.totals();
        assert_eq!(totals.connections as usize, room + REFUSALS);
        assert_eq!(totals.refused as usize, REFUSALS + 5);
        kept.iter_mut().for_each(|client| echoed(client, b"still served"));

        refused.clear();
        kept.truncate(room - 3);
        stage.totals_until(|totals| totals.connections as usize == room - 3);
        assert!(stage.pending().iter().all(|event| matches!(event, Event::Closed { .. })));
        let mut late: Vec<TcpStream> = (0..4).map(|_| stage.client()).collect();
        let rooms: Vec<Room> = late.iter().map(|_| stage.opened().2).collect();
        assert_eq!(rooms, [Room::Free, Room::Free, Room::Free, Room::Refuse]);
        late.iter_mut().chain(&mut kept).for_each(|client| echoed(client, b"served"));
        stage.stop();
    });
}

/// A socket that needs no further descriptor of ours to connect.
struct Prepared(Socket);

impl Prepared {
    fn new() -> Self {
        Self(Socket::new(Domain::IPV4, Type::STREAM, None).unwrap())
    }

    fn connect(self, stage: &Stage) -> TcpStream {
        self.0.connect(&stage.pool.addresses()[0].into()).expect("the backlog takes it");
        let stream = TcpStream::from(self.0);
        limit(&stream);
        stream
    }
}

/// What went wrong: with the table full, the kernel says so even when nobody waits to be accepted, and the listener
/// tried again every 50 ms, with a warning each time.
#[test]
fn a_full_table_turns_newcomers_away_and_serves_the_others() {
    in_child("limits::a_full_table_turns_newcomers_away_and_serves_the_others", || {
        const WINDOW: Duration = Duration::from_millis(400);
        let stage = Stage::start(&options("full", 1), echo);
        let mut kept: Vec<TcpStream> = (0..20).map(|_| stage.client()).collect();
        kept.iter().for_each(|_| assert_eq!(stage.opened().2, Room::Free));
        stage.order(0, |puppet, _| puppet.watch_bytes = false);
        let mut newcomers: Vec<Prepared> = (0..60).map(|_| Prepared::new()).collect();

        let full = stage.order(0, |_, _| descriptor_next());
        let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
        setrlimit(Resource::RLIMIT_NOFILE, full, hard).unwrap();
        for newcomer in newcomers.split_off(10) {
            assert!(ended(&mut newcomer.connect(&stage)), "turned away, not left waiting");
        }
        kept.iter_mut().for_each(|client| echoed(client, b"still served"));
        assert_eq!(stage.pool.totals().refused, 50);

        // A window to observe in, not one to wait for something in.
        let before = stage.pool.totals().turns;
        std::thread::sleep(WINDOW);
        let turns = stage.pool.totals().turns - before;
        assert!(turns <= 3, "{turns} turns in {WINDOW:?} though nothing happened");

        kept.truncate(15);
        stage.totals_until(|totals| totals.connections == 15);
        let mut late: Vec<TcpStream> = newcomers.drain(..5).map(|p| p.connect(&stage)).collect();
        late.iter_mut().for_each(|client| echoed(client, b"there is room again"));
        for newcomer in newcomers {
            assert!(ended(&mut newcomer.connect(&stage)));
        }
        late.iter_mut().chain(&mut kept).for_each(|client| echoed(client, b"served"));
        stage.stop();
    });
}

//! Connections that a shard opens.

use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use shard::{Connected, Key, ListenerId, Room, Source, Why, Written};
use socket2::{Domain, Socket, Type};

use crate::stage::{
    Event, Stage, client, echoed, isolated, limit, options, read_bytes, read_to_end, swallow,
};

const OURS: (ListenerId, Room) = (ListenerId(9), Room::Free);

/// A pool that listens nowhere.
fn caller(name: &'static str) -> Stage {
    let mut options = options(name, 1);
    options.listen.clear();
    Stage::start(&options, swallow)
}

fn connect(
    stage: &Stage,
    target: SocketAddr,
    source: Option<Source>,
    first: &'static [u8],
) -> Result<(Key, Connected), ErrorKind> {
    stage.order(0, move |_, shard| shard.connect(target, source, first, OURS).map_err(|error| error.kind()))
}

fn acceptor() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

fn accept(listener: &TcpListener) -> (TcpStream, SocketAddr) {
    let (stream, peer) = listener.accept().unwrap();
    limit(&stream);
    (stream, peer)
}

/// Waits until the connection stands, and sends the first bytes if they have not been sent.
fn establish(stage: &Stage, key: Key, connected: Connected, first: &'static [u8]) {
    if connected == Connected::Later {
        assert_eq!(stage.next(), Event::Connected { shard: 0, key });
        stage.order(0, move |_, shard| assert_eq!(shard.write(key, first), Written::Sent));
    }
}

#[test]
fn a_connection_on_loopback_stands_at_once_and_has_sent() {
    isolated(|| {
        let stage = caller("now");
        let (listener, target) = acceptor();
        let mut at_once = 0;
        for _ in 0..20 {
            let (key, connected) = connect(&stage, target, None, b"hello").unwrap();
            at_once += u32::from(connected == Connected::Now);
            establish(&stage, key, connected, b"hello");
            let (mut peer, _) = accept(&listener);
            assert_eq!(read_bytes(&mut peer, 5), b"hello", "once");
            peer.write_all(b"welcome").unwrap();
            assert_eq!(stage.received(key), b"welcome");
            drop(peer);
            assert_eq!(stage.closed(key), Why::PeerClosed);
        }
        assert!(at_once > 0, "on a very busy machine one may come later, but not all");
        assert_eq!(stage.pool.totals().bytes_out, 20 * 5);
        stage.stop();
    });
}

#[test]
fn without_first_bytes_the_event_tells() {
    isolated(|| {
        let stage = caller("later");
        let (listener, target) = acceptor();
        let written = stage.order(0, move |_, shard| {
            let (key, connected) = shard.connect(target, None, b"", OURS).unwrap();
            assert_eq!(connected, Connected::Later);
            (key, shard.write(key, b"written before it stands"))
        });
        assert_eq!(written.1, Written::Queued);
        assert_eq!(stage.next(), Event::Connected { shard: 0, key: written.0 });
        let (mut peer, _) = accept(&listener);
        assert_eq!(read_bytes(&mut peer, 24), b"written before it stands");
        let totals = stage.totals_until(|totals| totals.outboxes == 0);
        assert_eq!(totals.outbox_bytes, 0);
        stage.stop();
    });
}

/// A listener whose backlog is full: whoever comes now is not answered before one is accepted, and its SYN is sent
/// again after a second.
fn full_listener() -> (TcpListener, SocketAddr, Vec<TcpStream>) {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into()).unwrap();
    // Not 0: with so short a queue the kernel answers by SYN cookies, and may forget and reset whom it has answered.
    socket.listen(8).unwrap();
    let listener = TcpListener::from(socket);
    let address = listener.local_addr().unwrap();
    let mut waiting = Vec::new();
    while let Ok(stream) = TcpStream::connect_timeout(&address, Duration::from_millis(100)) {
        waiting.push(stream);
    }
    (listener, address, waiting)
}

/// What went wrong: `finish` on a connection that does not stand yet shut its socket down, which calls the attempt
/// off, so that it ended as one that was reset.
#[test]
fn a_slow_connection_can_be_written_to_and_finished_before_it_stands() {
    isolated(|| {
        let stage = caller("slowly");
        let (listener, target, waiting) = full_listener();
        let keys = stage.order(0, move |_, shard| {
            let (first, connected) = shard.connect(target, None, b"not sent", OURS).unwrap();
            assert_eq!(connected, Connected::Later);
            let (second, connected) = shard.connect(target, None, b"", OURS).unwrap();
            assert_eq!(connected, Connected::Later);
            shard.finish(second);
            let (third, _) = shard.connect(target, None, b"", OURS).unwrap();
            assert_eq!(shard.write(third, b"queued"), Written::Queued);
            shard.finish(third);
            [first, second, third]
        });
        stage.turns(0, 3);
        assert_eq!(stage.pending(), [], "nobody has answered yet");
        // All that waited are accepted, and each is told apart by what it sends: nothing at all, for the first ones.
        let peers = std::thread::spawn(move || {
            let mut said = Vec::new();
            drop(waiting);
            while said.iter().filter(|s: &&Vec<u8>| !s.is_empty()).count() < 2 {
                let (mut peer, _) = accept(&listener);
                said.push(read_to_end(&mut peer));
            }
            (said, listener)
        });
        let mut connected = Vec::new();
        let mut closed = Vec::new();
        while closed.len() < 3 {
            match stage.next() {
                Event::Connected { key, .. } => {
                    connected.push(key);
                    if key == keys[0] {
                        stage.order(0, move |_, shard| {
                            assert_eq!(shard.write(key, b"sent"), Written::Sent);
                            shard.finish(key);
                        });
                    }
                }
                Event::Closed { key, why, .. } => {
                    assert_eq!(why, Why::PeerClosed, "{key:?} of {keys:?}");
                    closed.push(key);
                }
                other => panic!("{other:?}"),
            }
            if closed.len() == 2 && connected.len() == 3 {
                // The last one may still be in the listener's queue.
                break;
            }
        }
        assert!(keys.iter().all(|key| connected.contains(key)), "{connected:?} of {keys:?}");
        let (said, _listener) = peers.join().unwrap();
        assert!(said.contains(&b"sent".to_vec()) && said.contains(&b"queued".to_vec()));
        stage.stop();
    });
}

/// What went wrong: when the kernel took a part of the first bytes, the connection was said to stand later with
/// nothing sent, and the service would have sent that part again.
#[test]
fn first_bytes_are_sent_whole_or_not_at_all() {
    static MUCH: [u8; 32 << 20] = [5; 32 << 20];
    isolated(|| {
        let stage = caller("much");
        let (listener, target) = acceptor();
        let (key, connected) = connect(&stage, target, None, &MUCH).unwrap();
        let (mut peer, _) = accept(&listener);
        match connected {
            Connected::Now => {
                // More than the kernel and the outbox together take.
                assert_eq!(stage.closed(key), Why::TooSlow);
                let mut bytes = Vec::new();
                let _ = peer.read_to_end(&mut bytes);
                assert!(bytes.len() as u64 <= stage.pool.totals().bytes_out && bytes.len() < MUCH.len());
            }
            Connected::Later => {
                let reader = std::thread::spawn(move || read_to_end(&mut peer));
                assert_eq!(stage.next(), Event::Connected { shard: 0, key });
                stage.order(0, move |_, shard| shard.finish(key));
                assert_eq!(reader.join().unwrap(), b"", "nothing was sent");
            }
        }
        stage.stop();
    });
}

#[test]
fn a_refusal_is_told_one_way_or_the_other() {
    isolated(|| {
        let stage = caller("refused");
        // Bound, so that nobody else takes it, but not listening.
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into()).unwrap();
        let target = socket.local_addr().unwrap().as_socket().unwrap();
        for first in [b"hello".as_slice(), b""] {
            for _ in 0..10 {
                match connect(&stage, target, None, first) {
                    Err(kind) => assert_eq!(kind, ErrorKind::ConnectionRefused),
                    Ok((key, connected)) => {
                        assert_eq!(connected, Connected::Later);
                        assert_eq!(stage.closed(key), Why::Failed(ErrorKind::ConnectionRefused));
                    }
                }
            }
        }
        let totals = stage.pool.totals();
        assert_eq!((totals.connections, totals.outboxes), (0, 0));
        stage.stop();
    });
}

#[test]
fn a_source_address_and_port_are_honoured() {
    isolated(|| {
        let stage = caller("sources");
        let (listener, target) = acceptor();
        let address = IpAddr::from(Ipv4Addr::new(127, 0, 0, 5));
        for _ in 0..3 {
            let source = Source { address, port: None };
            let (key, connected) = connect(&stage, target, Some(source), b"hello").unwrap();
            establish(&stage, key, connected, b"hello");
            let (_peer, from) = accept(&listener);
            assert_eq!(from.ip(), address);
            stage.order(0, move |_, shard| shard.close(key));
            assert_eq!(stage.closed(key), Why::Local);
        }
        let chosen = Ipv4Addr::new(127, 77, 3, 5);
        let port = TcpListener::bind((chosen, 0)).unwrap().local_addr().unwrap().port();
        let source = Source { address: chosen.into(), port: Some(port) };
        let (key, connected) = connect(&stage, target, Some(source), b"hello").unwrap();
        establish(&stage, key, connected, b"hello");
        let (_peer, from) = accept(&listener);
        assert_eq!(from, SocketAddr::from((chosen, port)));
        let again = connect(&stage, target, Some(source), b"hello").unwrap_err();
        assert!(matches!(again, ErrorKind::AddrInUse | ErrorKind::AddrNotAvailable), "{again:?}");
        // A port serves several targets.
        let (other, other_target) = acceptor();
        let (key, connected) = connect(&stage, other_target, Some(source), b"hello").unwrap();
        establish(&stage, key, connected, b"hello");
        assert_eq!(accept(&other).1, SocketAddr::from((chosen, port)));
        stage.stop();
    });
}

#[test]
fn an_address_that_is_not_here_is_an_error_and_leaves_nothing() {
    isolated(|| {
        let stage = caller("nothere");
        let (_listener, target) = acceptor();
        let elsewhere = Source { address: Ipv4Addr::new(203, 0, 113, 7).into(), port: None };
        let before = stage.order(0, |_, _| crate::stage::descriptors());
        assert_eq!(connect(&stage, target, Some(elsewhere), b"hello"), Err(ErrorKind::AddrNotAvailable));
        // The families do not match.
        let six = Source { address: Ipv6Addr::LOCALHOST.into(), port: None };
        assert!(connect(&stage, target, Some(six), b"hello").is_err());
        assert_eq!(stage.order(0, |_, _| crate::stage::descriptors()), before);
        assert_eq!(stage.pool.totals().connections, 0);
        stage.stop();
    });
}

#[test]
fn a_source_address_of_version_six_is_honoured() {
    isolated(|| {
        let Ok(listener) = TcpListener::bind("[::1]:0") else {
            eprintln!("no IPv6 on this machine's loopback: not tested");
            return;
        };
        let stage = caller("sixsource");
        let source = Source { address: Ipv6Addr::LOCALHOST.into(), port: None };
        let (key, connected) =
            connect(&stage, listener.local_addr().unwrap(), Some(source), b"hello").unwrap();
        establish(&stage, key, connected, b"hello");
        let (mut peer, from) = accept(&listener);
        assert_eq!(from.ip(), source.address);
        assert_eq!(read_bytes(&mut peer, 5), b"hello");
        stage.stop();
    });
}

#[test]
fn a_pool_can_call_itself() {
    isolated(|| {
        let stage = Stage::start(&options("itself", 1), |shard, key, bytes| {
            // Only the accepted side answers.
            if shard.connection(key).is_some_and(|c| *c != OURS) {
                shard.write(key, bytes);
            }
            bytes.len()
        });
        let target = stage.pool.addresses()[0];
        let (ours, connected) = connect(&stage, target, None, b"hello").unwrap();
        let mut theirs = None;
        let mut heard = 0;
        while heard < 2 {
            match stage.next() {
                Event::Opened { key, .. } => theirs = Some(key),
                Event::Connected { key, .. } => {
                    assert_eq!((key, connected), (ours, Connected::Later));
                    stage.order(0, move |_, shard| shard.write(ours, b"hello"));
                }
                Event::Received { key, bytes, .. } => {
                    assert_eq!(bytes, b"hello");
                    assert!(key == ours || Some(key) == theirs);
                    heard += 1;
                }
                other => panic!("{other:?}"),
            }
        }
        echoed(&mut client(target), b"and others too");
        stage.stop();
    });
}

/// What went wrong: connections that a shard opened waited with a second small message until the first was
/// acknowledged (Nagle's algorithm), up to 40 ms on loopback; accepted ones did not.
#[test]
fn a_second_message_does_not_wait_for_the_first_to_be_acknowledged() {
    isolated(|| {
        const PAIRS: usize = 40;
        let stage = caller("nagle");
        let (listener, target) = acceptor();
        let (key, connected) = connect(&stage, target, None, b"hello").unwrap();
        establish(&stage, key, connected, b"hello");
        let (mut peer, _) = accept(&listener);
        read_bytes(&mut peer, 5);
        let start = Instant::now();
        for _ in 0..PAIRS {
            stage.order(0, move |_, shard| (shard.write(key, b"a"), shard.write(key, b"b")));
            assert_eq!(read_bytes(&mut peer, 2), b"ab");
            // It is in a conversation, in which the kernel does not acknowledge at once.
            peer.write_all(b"c").unwrap();
            assert_eq!(stage.received(key), b"c");
        }
        let mean = start.elapsed() / PAIRS as u32;
        assert!(mean < Duration::from_millis(20), "{mean:?} a pair");
        stage.stop();
    });
}

//! Addresses to listen on.

use std::net::{SocketAddr, TcpListener, TcpStream};

use shard::{ListenerId, PoolError};

use crate::stage::{Event, Stage, client, echo, echoed, isolated, options};

fn start_on(name: &'static str, addresses: &[SocketAddr]) -> Result<Stage, PoolError> {
    let mut options = options(name, 2);
    options.listen = addresses.to_vec();
    Stage::try_start(&options, echo)
}

#[track_caller]
fn assert_listen_error(result: Result<Stage, PoolError>, wanted: SocketAddr, hint: &str) {
    match result.map(|_| ()) {
        Err(error @ PoolError::Listen { .. }) => {
            let text = error.to_string();
            assert!(text.starts_with(&format!("could not listen on {wanted}: ")), "{text}");
            assert!(text.contains(hint), "{text}");
        }
        other => panic!("listening on {wanted} ends in {other:?}"),
    }
}

#[test]
fn a_port_that_somebody_else_has_is_an_error_with_a_hint() {
    isolated(|| {
        let plain = TcpListener::bind("127.0.0.1:0").unwrap();
        let taken = plain.local_addr().unwrap();
        assert_listen_error(start_on("plain", &[taken]), taken, "another program has the port");
        let free: SocketAddr = "127.0.0.1:0".parse().unwrap();
        assert_listen_error(start_on("second", &[free, taken]), taken, "another program has the port");

        let pool = start_on("first", &[free]).unwrap();
        let taken = pool.pool.addresses()[0];
        assert_listen_error(start_on("twin", &[taken]), taken, "another program has the port");
        let everywhere = SocketAddr::from(([0, 0, 0, 0], taken.port()));
        assert_listen_error(start_on("wider", &[everywhere]), everywhere, "another program has the port");
        echoed(&mut client(taken), b"the first one is not disturbed");
        pool.stop();

        // And once it is gone the port is free, in spite of connections that linger.
        let pool = start_on("heir", &[taken]).unwrap();
        echoed(&mut client(taken), b"hello");
        pool.stop();
    });
}

#[test]
fn an_address_that_is_not_here_is_an_error_with_a_hint() {
    isolated(|| {
        let elsewhere: SocketAddr = "203.0.113.7:4000".parse().unwrap();
        assert_listen_error(start_on("elsewhere", &[elsewhere]), elsewhere, "no interface of this machine");
    });
}

#[test]
fn one_port_is_shared_by_all_shards() {
    isolated(|| {
        let stage = Stage::start(&options("spread", 4), echo);
        let [address] = stage.pool.addresses() else { panic!("one address was asked for") };
        assert_ne!(address.port(), 0);
        let clients: Vec<TcpStream> = (0..96).map(|_| client(*address)).collect();
        let mut counts = [0; 4];
        clients.iter().for_each(|_| counts[stage.opened().0] += 1);
        // A fair kernel leaves a shard without any once in 2.5e11 runs.
        assert!(counts.iter().all(|&count| count > 0), "{counts:?}");
        drop(clients);
        stage.totals_until(|totals| totals.connections == 0);
        stage.stop();
    });
}

#[test]
fn more_than_a_turn_accepts_may_wait() {
    isolated(|| {
        let stage = Stage::start(&options("waiting", 1), echo);
        let release = stage.wedge(0);
        let mut clients: Vec<TcpStream> = (0..250).map(|_| stage.client()).collect();
        assert_eq!(stage.pool.totals().accepted, 0);
        drop(release);
        clients.iter_mut().for_each(|client| echoed(client, b"at last"));
        stage.stop();
    });
}

#[test]
fn connections_know_by_which_address_they_came() {
    isolated(|| {
        let wanted: Vec<SocketAddr> =
            ["127.0.0.1:0", "127.0.0.2:0"].iter().map(|text| text.parse().unwrap()).collect();
        let stage = start_on("doors", &wanted).unwrap();
        for (number, address) in stage.pool.addresses().iter().enumerate() {
            assert_eq!(address.ip(), wanted[number].ip());
            let visitor = client(*address);
            assert!(
                matches!(stage.next(), Event::Opened { listener, .. } if listener == ListenerId(number)),
                "by {address}"
            );
            drop(visitor);
            assert!(matches!(stage.next(), Event::Closed { .. }));
        }
        stage.stop();
    });
}

#[test]
fn version_six_is_listened_on() {
    isolated(|| {
        if TcpListener::bind("[::1]:0").is_err() {
            eprintln!("no IPv6 on this machine's loopback: not tested");
            return;
        }
        let stage = start_on("six", &["[::1]:0".parse().unwrap()]).unwrap();
        echoed(&mut stage.client(), b"hello");
        stage.stop();
    });
}

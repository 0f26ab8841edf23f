//! Threads with tables of their own, threads that share, and tables that never stand still.

use std::net::UdpSocket;
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use nix::sched::{CloneFlags, unshare};

use super::*;
use crate::sources::process::tests::alone;

/// What this thread's own table holds, by listing it. The listing itself opens one.
fn listed() -> u64 {
    fs::read_dir("/proc/thread-self/fd").expect("one's own").count() as u64 - 1
}

/// Leaves the common table, and opens so many sockets.
fn leave_and_open(sockets: usize) -> Vec<UdpSocket> {
    unshare(CloneFlags::CLONE_FILES).expect("no privilege needed");
    (0..sockets).map(|_| UdpSocket::bind("127.0.0.1:0").expect("a port")).collect()
}

#[test]
fn private_tables_are_counted_each_and_shared_ones_once() {
    if !alone("sources::descriptors::tests::private_tables_are_counted_each_and_shared_ones_once") {
        return;
    }
    const PRIVATE: u64 = 6;
    let mut descriptors = Descriptors::new(std::process::id());
    let common = listed();
    assert_eq!(descriptors.count(), Some(common));
    // A private table may hold more than it should: whatever another thread had open at the moment of the copy, such as
    // the list of cores that malloc reads for a new arena.
    let private = AtomicU64::new(0);
    let (ready, counted, more, recounted) =
        (Barrier::new(13), Barrier::new(13), Barrier::new(13), Barrier::new(13));
    thread::scope(|scope| {
        for shard in 0..PRIVATE {
            let (ready, counted, more, recounted, private) = (&ready, &counted, &more, &recounted, &private);
            scope.spawn(move || {
                // Different counts and equal ones.
                let mut sockets = leave_and_open(1 + shard as usize / 2);
                private.fetch_add(listed(), Ordering::Relaxed);
                ready.wait();
                counted.wait();
                sockets.extend((0..100).map(|_| UdpSocket::bind("127.0.0.1:0").expect("a port")));
                more.wait();
                recounted.wait();
            });
        }
        for _ in PRIVATE..12 {
            scope.spawn(|| {
                ready.wait();
                counted.wait();
                more.wait();
                recounted.wait();
            });
        }
        // Nothing is judged before all threads were let go: a failure would leave them waiting forever.
        ready.wait();
        let few = [(); 3].map(|()| (descriptors.count(), descriptors.tables() as u64));
        counted.wait();
        more.wait();
        // One that only now begins to look sees the same.
        let many = [descriptors.count(), Descriptors::new(std::process::id()).count()];
        recounted.wait();
        let expected = common + private.load(Ordering::Relaxed);
        assert_eq!(few, [(Some(expected), PRIVATE + 1); 3]);
        assert_eq!(many, [Some(expected + PRIVATE * 100); 2]);
    });
    // Scoped threads may be seen for a moment after they have been waited for.
    while descriptors.count() != Some(common) {
        thread::yield_now();
    }
    assert_eq!(descriptors.tables(), 1);
}

#[test]
fn a_table_with_nothing_of_its_own_is_not_told_apart() {
    if !alone("sources::descriptors::tests::a_table_with_nothing_of_its_own_is_not_told_apart") {
        return;
    }
    let mut descriptors = Descriptors::new(std::process::id());
    let (common, left, counted) = (listed(), Barrier::new(2), Barrier::new(2));
    thread::scope(|scope| {
        scope.spawn(|| {
            let own = leave_and_open(0);
            left.wait();
            counted.wait();
            drop(own);
        });
        left.wait();
        let count = descriptors.count();
        counted.wait();
        // The documented limit: never too many, and the copies are not seen.
        assert_eq!((count, descriptors.tables()), (Some(common), 1));
    });
}

#[test]
fn a_table_that_never_stands_still_is_never_counted_twice() {
    if !alone("sources::descriptors::tests::a_table_that_never_stands_still_is_never_counted_twice") {
        return;
    }
    const OPEN: usize = 50;
    let mut descriptors = Descriptors::new(std::process::id());
    let common = listed();
    let (done, began) = (AtomicBool::new(false), Barrier::new(5));
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                began.wait();
                while !done.load(Ordering::Relaxed) {
                    let sockets: Vec<_> =
                        (0..OPEN).map(|_| UdpSocket::bind("127.0.0.1:0").expect("a port")).collect();
                    // Short-lived threads come and go too.
                    thread::spawn(|| UdpSocket::bind("127.0.0.1:0").expect("a port")).join().expect("bound");
                    drop(sockets);
                }
            });
        }
        began.wait();
        let counts: Vec<_> = (0..2_000).map(|_| (descriptors.count(), descriptors.tables())).collect();
        done.store(true, Ordering::Relaxed);
        // Each worker's sockets, its helper's, and one that is being opened.
        let most = common + 4 * (OPEN as u64 + 2);
        let wrong: Vec<_> = counts
            .iter()
            .filter(|(count, tables)| *tables != 1 || count.is_none_or(|count| count > most))
            .collect();
        assert!(wrong.is_empty(), "{} wrong of {}: {:?}", wrong.len(), counts.len(), wrong[0]);
    });
}

#[test]
fn without_sizes_tables_are_listed() {
    if !alone("sources::descriptors::tests::without_sizes_tables_are_listed") {
        return;
    }
    let mut descriptors = Descriptors::new(std::process::id());
    descriptors.sized = false;
    let (common, ready, counted) = (listed(), Barrier::new(2), Barrier::new(2));
    // The other table may or may not be copied after this thread has opened its socket.
    let then = AtomicU64::new(0);
    thread::scope(|scope| {
        scope.spawn(|| {
            let sockets = leave_and_open(70);
            then.store(listed() - 70, Ordering::Relaxed);
            ready.wait();
            counted.wait();
            drop(sockets);
        });
        let own = UdpSocket::bind("127.0.0.1:0").expect("a port");
        ready.wait();
        let open = descriptors.count();
        counted.wait();
        drop(own);
        // This thread's socket, and the directory that is open while this table is listed.
        assert_eq!((open, descriptors.tables()), (Some(common + 2 + then.load(Ordering::Relaxed) + 70), 2));
    });
}

#[test]
fn nobody_has_no_descriptors() {
    assert_eq!(Descriptors::new(u32::MAX).count(), None);
}

#[test]
fn only_sockets_and_pipes_are_their_own_names() {
    for (link, unique) in [
        ("socket:[4242]", true),
        ("pipe:[7]", true),
        ("anon_inode:[eventfd]", false),
        ("/dev/null", false),
        ("/tmp/socket:[1]", false),
    ] {
        assert_eq!(is_unique(link.as_ref()), unique, "{link}");
    }
}

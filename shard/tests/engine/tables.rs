//! One pool's threads cannot wake another's, and pools leave nothing behind in the main table.

use std::sync::Arc;

use shard::{Pool, PoolError};

use crate::stage::{
    Event, Note, PATIENCE, Puppet, Stage, descriptors, echo, echoed, eventually, in_child, isolated, options,
    threads,
};

#[test]
fn a_wake_up_from_a_foreign_table_breaks_the_waker_and_nobody_else() {
    isolated(|| {
        let victim = Stage::start(&options("victim", 2), echo);
        let (mut client, _) = victim.pair();
        for shard in 0..2 {
            let foreign = Arc::clone(victim.pool.mailboxes());
            let other = Stage::start(&options("other", 1), echo);
            other.tell(0, move |_, _| foreign.post(shard, Note::Number(7), b"stray"));
            eventually("the shard's end", || other.pool.is_broken());
            match other.pool.stop(PATIENCE) {
                Err(PoolError::Broke { shard: 0, message }) => {
                    assert!(
                        message.contains("descriptors of one table mean nothing in another"),
                        "{message}"
                    );
                    assert!(message.contains("tried to wake pool"), "{message}");
                }
                end => panic!("a foreign wake-up ends in {end:?}"),
            }
        }
        // The victim's mail still comes, each shard's.
        for shard in 0..2 {
            victim.pool.mailboxes().post(shard, Note::Number(8), b"").unwrap();
            let numbers = victim.until(|event| match event {
                Event::Mail { number, .. } => Some(*number),
                _ => None,
            });
            assert_eq!(numbers, 8, "the stray letter was not taken");
            victim.turns(shard, 1);
        }
        echoed(&mut client, b"unharmed");
        drop(client);
        victim.stop();
    });
}

#[test]
fn a_pool_leaves_no_descriptor_behind() {
    isolated(|| {
        let before = descriptors();
        for _ in 0..3 {
            let stage = Stage::start(&options("leaving", 3), echo);
            echoed(&mut stage.client(), b"hello");
            stage.stop();
            assert_eq!(descriptors(), before);
        }
        assert_eq!(threads("leaving"), 0);
    });
}

#[test]
fn a_pool_that_does_not_start_leaves_neither_threads_nor_descriptors() {
    isolated(|| {
        let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let before = descriptors();
        let mut options = options("stillborn", 3);
        options.listen = vec![taken.local_addr().unwrap()];
        assert!(Stage::try_start(&options, echo).is_err());
        assert_eq!(threads("stillborn"), 0);
        assert_eq!(descriptors(), before);
    });
}

/// What went wrong: the last owner of a pool's mailboxes closed its eventfds, by number, in whatever table it had.
#[test]
fn mailboxes_dropped_in_a_foreign_table_close_nothing_there() {
    // A process of its own, because the standard library aborts when it closes what is not open.
    in_child("tables::mailboxes_dropped_in_a_foreign_table_close_nothing_there", || {
        let stage = Stage::start(&options("keeper", 1), echo);
        // Begun after the keeper's table split off, so that its numbers mean something else there, or nothing.
        let other = Stage::start(&options("kept", 2), echo);
        let mailboxes = Arc::clone(other.pool.mailboxes());
        other.stop();
        let mut clients: Vec<_> = (0..20).map(|_| stage.client()).collect();
        stage.order(0, |puppet, _| puppet.watch_bytes = false);
        clients.iter_mut().for_each(|client| echoed(client, b"before"));
        stage.order(0, move |_, _| drop(mailboxes));
        clients.iter_mut().for_each(|client| echoed(client, b"after"));
        stage.stop();
    });
}

#[test]
fn a_service_that_panics_while_it_is_made_is_reported() {
    isolated(|| {
        let result = Pool::<Note>::start(&options("unmade", 3), |shard| -> Puppet {
            panic!("no service for shard {shard}");
        });
        match result {
            Err(PoolError::Broke { message, .. }) => {
                assert!(message.starts_with("no service for shard"), "{message}");
            }
            other => panic!("{other:?}"),
        }
        assert_eq!(threads("unmade"), 0);
    });
}

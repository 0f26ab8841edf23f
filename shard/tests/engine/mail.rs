//! Letters between shards, and what happens when a mailbox is full.

use shard::{MAILBOX_LETTERS_MAX, MailboxFull};

use crate::stage::{Event, Note, Stage, isolated, options, swallow};

/// The numbers of the letters that arrive next at a shard.
fn arrivals(stage: &Stage, shard: usize, count: usize) -> Vec<u64> {
    (0..count)
        .map(|_| match stage.next() {
            Event::Mail { shard: there, number, body } if there == shard => {
                assert_eq!(body, number.to_le_bytes()[..(number % 9) as usize]);
                number
            }
            other => panic!("{other:?}"),
        })
        .collect()
}

fn body(number: u64) -> Vec<u8> {
    number.to_le_bytes()[..(number % 9) as usize].to_vec()
}

#[test]
fn a_shard_can_write_to_itself() {
    isolated(|| {
        let stage = Stage::start(&options("self", 2), swallow);
        for shard in 0..2 {
            stage.order(shard, |_, shard| {
                assert_eq!(shard.shards(), 2);
                (0..5).for_each(|number| shard.post(shard.index(), Note::Number(number), &body(number)));
            });
            assert_eq!(arrivals(&stage, shard, 5), [0, 1, 2, 3, 4]);
        }
        stage.stop();
    });
}

/// What went wrong: letters of the present turn counted as letters that did not fit, so that a service which stops
/// taking in while mail waits stopped itself.
#[test]
fn letters_of_this_turn_do_not_count_as_waiting() {
    isolated(|| {
        let stage = Stage::start(&options("fresh", 2), swallow);
        let waiting = stage.order(0, |_, shard| {
            shard.post(1, Note::Number(0), b"");
            shard.mail_waiting()
        });
        assert_eq!(waiting, 0);
        assert_eq!(arrivals(&stage, 1, 1), [0]);
        stage.stop();
    });
}

#[test]
fn a_full_mailbox_holds_its_senders_back_and_loses_nothing() {
    isolated(|| {
        const LETTERS: u64 = MAILBOX_LETTERS_MAX as u64;
        let stage = Stage::start(&options("mailbox", 2), swallow);
        let release = stage.wedge(0);
        let mailboxes = stage.pool.mailboxes();
        for number in 0..LETTERS {
            mailboxes.post(0, Note::Number(number), &body(number)).expect("there is room");
        }
        assert_eq!(mailboxes.post(0, Note::Number(0), b""), Err(MailboxFull));
        assert_eq!(mailboxes.waiting(0), MAILBOX_LETTERS_MAX);

        stage.order(1, |_, shard| {
            (0..3).for_each(|n| shard.post(0, Note::Number(LETTERS + n), &body(LETTERS + n)));
        });
        let waiting = stage.order(1, |_, shard| {
            shard.post(0, Note::Number(LETTERS + 3), &body(LETTERS + 3));
            shard.mail_waiting()
        });
        assert_eq!(waiting, 3, "those of earlier turns");
        assert_eq!(stage.order(1, |_, shard| shard.mail_waiting()), 4);
        // Others are reached all the same.
        stage.order(1, |_, shard| shard.post(1, Note::Number(0), b""));
        assert_eq!(arrivals(&stage, 1, 1), [0]);
        assert!(stage.pool.totals().mail_full > 0);

        release.send(()).unwrap();
        let all = arrivals(&stage, 0, MAILBOX_LETTERS_MAX + 4);
        assert!(all.into_iter().eq(0..LETTERS + 4));
        assert_eq!(stage.order(1, |_, shard| shard.mail_waiting()), 0);
        stage.stop();
    });
}

/// What went wrong: letters that had waited left at the end of a turn, after the service's last look, and nothing
/// made it look again.
#[test]
fn a_sender_gets_a_turn_when_its_mail_no_longer_waits() {
    isolated(|| {
        let stage = Stage::start(&options("unstuck", 2), swallow);
        let release = stage.wedge(0);
        while stage.pool.mailboxes().post(0, Note::Number(0), b"").is_ok() {}
        stage.order(1, |puppet, shard| {
            shard.post(0, Note::Number(1), b"");
            puppet.watch_turns = true;
        });
        let waiting = |event: &Event| match event {
            Event::Turn { mail_waiting, .. } => Some(*mail_waiting),
            _ => None,
        };
        stage.until(|event| waiting(event).filter(|&n| n == 1));
        release.send(()).unwrap();
        stage.until(|event| waiting(event).filter(|&n| n == 0));
        stage.stop();
    });
}

#[test]
fn a_burst_that_is_larger_than_a_mailbox_still_goes() {
    isolated(|| {
        let stage = Stage::start(&options("burst", 2), swallow);
        let count = MAILBOX_LETTERS_MAX + 10;
        stage.order(1, move |_, shard| {
            (0..count as u64).for_each(|number| shard.post(0, Note::Number(number), &body(number)));
        });
        assert!(arrivals(&stage, 0, count).into_iter().eq(0..count as u64));
        stage.stop();
    });
}

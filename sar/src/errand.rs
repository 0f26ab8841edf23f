//! A thread that is sent for something and comes back with it, while its sender does other things.
//!
//! Sent for by [`Errand::begin`], waited for by [`Errand::answer`], but never longer than the patience it was made with,
//! counted from the sending. An answer that comes later is handed over the next time, unless a newer one is there. While
//! an errand is under way, the thread is not sent again: one request at a time, however slow the other side.

use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

/// The thread, and what it brings.
#[derive(Debug)]
pub(crate) struct Errand<A> {
    send: SyncSender<()>,
    answers: Receiver<A>,
    patience: Duration,
    /// Until when to wait: `None` when nobody was sent since the last waiting.
    until: Option<Instant>,
    under_way: bool,
    late: Option<A>,
    superseded: Option<A>,
    lates: u64,
}

impl<A: Send + 'static> Errand<A> {
    /// Starts the thread, which waits to be sent. It ends when the errand is dropped and it has come back.
    pub(crate) fn start(
        name: &str,
        patience: Duration,
        mut run: impl FnMut() -> A + Send + 'static,
    ) -> std::io::Result<Errand<A>> {
        let (send, sent) = sync_channel::<()>(1);
        let (answer, answers) = sync_channel(1);
        let errand = move || {
            while sent.recv().is_ok() {
                if answer.send(run()).is_err() {
                    return;
                }
            }
        };
        // 256 KB of stack is plenty for a request; what is not touched costs nothing.
        thread::Builder::new().name(name.to_owned()).stack_size(256 << 10).spawn(errand)?;
        Ok(Errand {
            send,
            answers,
            patience,
            until: None,
            under_way: false,
            late: None,
            superseded: None,
            lates: 0,
        })
    }

    /// Sends the thread, unless it is still away.
    pub(crate) fn begin(&mut self) {
        if self.under_way
            && let Ok(answer) = self.answers.try_recv()
        {
            self.late = Some(answer);
            self.under_way = false;
        }
        if !self.under_way && self.send.try_send(()).is_ok() {
            self.under_way = true;
            self.until = Some(Instant::now() + self.patience);
        }
    }

    /// What it brought: now, or late from the last time, or nothing.
    pub(crate) fn answer(&mut self) -> Option<A> {
        if self.until.is_none() {
            self.begin();
        }
        if self.under_way {
            let left = self.until.take().map_or(Duration::ZERO, |until| until - Instant::now().min(until));
            match self.answers.recv_timeout(left) {
                Ok(answer) => {
                    self.under_way = false;
                    self.superseded = self.late.take();
                    return Some(answer);
                }
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => self.lates += 1,
            }
        }
        self.until = None;
        self.late.take()
    }

    /// A late answer that the one just handed over came after, for what it may have said once and no more.
    pub(crate) fn superseded(&mut self) -> Option<A> {
        self.superseded.take()
    }

    /// How often it was not back in time.
    pub(crate) fn lates(&self) -> u64 {
        self.lates
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn it_is_sent_once_each_time_and_waited_for() {
        let mut count = 0;
        let run = move || {
            count += 1;
            count
        };
        let mut errand = Errand::start("test", LONG, run).expect("a thread");
        errand.begin();
        errand.begin();
        assert_eq!(errand.answer(), Some(1));
        assert_eq!(errand.answer(), Some(2), "nobody began it, so that answer does");
        assert_eq!(errand.lates(), 0);
    }

    #[test]
    fn what_comes_late_is_handed_over_the_next_time() {
        let (go, gate) = channel::<u32>();
        let (done, finished) = channel();
        let run = move || {
            let answer = gate.recv().unwrap_or(0);
            let _ = done.send(());
            answer
        };
        let mut errand = Errand::start("test", Duration::ZERO, run).expect("a thread");
        assert_eq!((errand.answer(), errand.answer()), (None, None));
        assert_eq!(errand.lates(), 2);
        go.send(7).expect("it waits");
        finished.recv().expect("it has run");
        // The answer follows at once; how soon is the scheduler's affair.
        let began = Instant::now();
        let late = loop {
            if let Some(late) = errand.answer() {
                break late;
            }
            assert!(began.elapsed() < LONG);
            thread::yield_now();
        };
        assert_eq!(late, 7);
        // Two more: one is late, and the other in time.
        errand.begin();
        go.send(8).expect("it waits");
        finished.recv().expect("it has run");
        errand.patience = LONG;
        while errand.late.is_none() {
            assert!(began.elapsed() < LONG);
            errand.begin();
            thread::yield_now();
        }
        go.send(9).expect("it waits");
        assert_eq!((errand.answer(), errand.superseded(), errand.superseded()), (Some(9), Some(8), None));
    }

    #[test]
    fn a_thread_that_died_is_nothing_to_wait_for() {
        let mut errand: Errand<u32> =
            Errand::start("test", LONG, || panic!("on purpose: this test wants a dead thread"))
                .expect("a thread");
        let began = Instant::now();
        assert_eq!((errand.answer(), errand.answer()), (None, None));
        assert!(began.elapsed() < LONG);
    }
}

//! Where lines and notes go: stdout and stderr.
//!
//! A replay writes them itself. A live sampler must not: whoever reads stdout may stop reading and go on living, as a
//! pager or a terminal after Ctrl-S does. So each of the two has a thread that writes, and what waits for it is bounded.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::output::{grouped, say};
use crate::sar::plain::plain;

/// Texts that wait to be written, a sample's lines each. When it is reached, what comes is dropped and counted.
const WAITING_MAX: usize = 256;

/// How long the end waits for a reader; what is not written then never is, and is counted.
const GRACE: Duration = Duration::from_secs(1);

/// What the stack of a writing thread may take. Untouched, it is only address space.
const STACK_BYTES: usize = 128 << 10;

#[derive(Clone)]
pub(crate) enum Console {
    /// Whoever has something to say waits until it is written.
    Waiting,
    /// Nobody waits.
    Live { lines: Printer, notes: Printer },
}

impl Console {
    /// One that nobody waits for.
    ///
    /// # Errors
    /// When there are no threads to be had.
    pub(crate) fn live() -> io::Result<Console> {
        Ok(Console::Live { lines: Printer::start(io::stdout())?, notes: Printer::start(io::stderr())? })
    }

    /// Lines of the result. An error may be that of lines before.
    pub(crate) fn print(&self, text: Vec<u8>) -> io::Result<()> {
        match self {
            Console::Waiting => io::stdout().lock().write_all(&text),
            Console::Live { lines, .. } => {
                if lines.print(text)? {
                    self.say("note: nobody reads stdout fast enough; lines are dropped and counted, sampling goes on");
                }
                Ok(())
            }
        }
    }

    /// A line for people.
    pub(crate) fn say(&self, line: &str) {
        let line = plain(line);
        match self {
            Console::Waiting => say(&line),
            Console::Live { notes, .. } => {
                // Nobody reading it is no reason to stop.
                let _ = notes.print(format!("{line}\n").into_bytes());
            }
        }
    }

    /// Gives what still waits a short time, and says what was not printed.
    pub(crate) fn end(&self) -> io::Result<()> {
        let Console::Live { lines, notes } = self else { return Ok(()) };
        let (lost_lines, result) = lines.end();
        // A reader that has gone away wanted no more.
        if lost_lines > 0 && result.is_ok() {
            let lost = grouped(lost_lines);
            self.say(&format!(
                "note: {lost} lines were not printed, for nobody read them in time (record with -o)"
            ));
        }
        let _ = notes.end();
        result
    }
}

/// A thread that writes.
#[derive(Clone)]
pub(crate) struct Printer(Arc<Shared>);

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Vec<u8>>,
    /// Of what is being written.
    writing_lines: u64,
    lost_lines: u64,
    /// Nothing can be written any more.
    failed: bool,
    /// Why, until it was told.
    error: Option<io::Error>,
}

impl State {
    fn verdict(&mut self) -> io::Result<()> {
        match self.error.take() {
            Some(error) => Err(error),
            None if self.failed => Err(io::ErrorKind::BrokenPipe.into()),
            None => Ok(()),
        }
    }
}

impl Printer {
    fn start(sink: impl Write + Send + 'static) -> io::Result<Printer> {
        let shared = Arc::new(Shared::default());
        let theirs = Arc::clone(&shared);
        let thread = std::thread::Builder::new().name("sar-print".into()).stack_size(STACK_BYTES);
        thread.spawn(move || theirs.write(sink))?;
        Ok(Printer(shared))
    }

    /// Takes a text without waiting. True when it is the first that was dropped.
    fn print(&self, text: Vec<u8>) -> io::Result<bool> {
        let mut state = self.0.lock();
        state.verdict()?;
        if state.waiting.len() < WAITING_MAX {
            state.waiting.push_back(text);
            self.0.changed.notify_all();
            return Ok(false);
        }
        let is_first = state.lost_lines == 0;
        state.lost_lines += lines(&text);
        Ok(is_first)
    }

    /// How many lines were not written when the time was up.
    fn end(&self) -> (u64, io::Result<()>) {
        let under_way = |state: &mut State| !state.waiting.is_empty() || state.writing_lines > 0;
        let waited = self.0.changed.wait_timeout_while(self.0.lock(), GRACE, under_way);
        let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        let waiting: u64 = state.waiting.iter().map(|text| lines(text)).sum();
        let lost = state.lost_lines + state.writing_lines + waiting;
        (lost, state.verdict())
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self, mut sink: impl Write) {
        loop {
            let waited = self.changed.wait_while(self.lock(), |state| state.waiting.is_empty());
            let mut state = waited.unwrap_or_else(PoisonError::into_inner);
            let text = state.waiting.pop_front().unwrap_or_default();
            state.writing_lines = lines(&text);
            drop(state);
            let written = sink.write_all(&text).and_then(|()| sink.flush());
            let mut state = self.lock();
            state.writing_lines = 0;
            if let Err(error) = written {
                (state.failed, state.error) = (true, Some(error));
                state.waiting.clear();
            }
            self.changed.notify_all();
            if state.failed {
                return;
            }
        }
    }
}

fn lines(text: &[u8]) -> u64 {
    text.iter().filter(|byte| **byte == b'\n').count() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_is_written_in_order_and_an_error_comes_back() {
        let (read, write) = io::pipe().expect("a pipe");
        let printer = Printer::start(write).expect("a thread");
        for number in 0..100 {
            assert!(!printer.print(format!("{number}\n").into_bytes()).expect("taken"));
        }
        let (lost, result) = printer.end();
        assert!(lost == 0 && result.is_ok());
        drop(read);
        printer.print(b"more\n".to_vec()).expect("taken");
        let (_, result) = printer.end();
        assert_eq!(result.expect_err("nobody reads").kind(), io::ErrorKind::BrokenPipe);
        assert!(printer.print(Vec::new()).is_err());
    }

    #[test]
    fn what_nobody_reads_is_dropped_and_counted() {
        let (_read, write) = io::pipe().expect("a pipe");
        let printer = Printer::start(write).expect("a thread");
        let text = || [b"x".repeat(99_999), b"\n".to_vec()].concat();
        let given = 2 * WAITING_MAX as u64;
        let first: Vec<bool> = (0..given).map(|_| printer.print(text()).expect("taken")).collect();
        assert_eq!(first.iter().filter(|first| **first).count(), 1);
        assert_eq!(printer.end().0, given, "a text is larger than the pipe");
    }
}

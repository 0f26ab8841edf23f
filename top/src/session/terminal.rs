//! The terminal: taken over for the screen, and given back whatever happens.
//!
//! It is given back when the [`Screen`] is dropped, when the process panics (before the panic is told, so that it can be
//! read), and around a suspension. Giving it back twice does nothing.

use std::io::{self, BufWriter, Stdout, Write};
use std::mem::ManuallyDrop;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, Once, PoisonError};
use std::thread::ThreadId;

use ratatui::backend::CrosstermBackend;
use ratatui::crossterm::cursor::{Hide, Show};
use ratatui::crossterm::event::{DisableMouseCapture, EnableMouseCapture};
use ratatui::crossterm::terminal::{
    BeginSynchronizedUpdate, EndSynchronizedUpdate, EnterAlternateScreen, LeaveAlternateScreen,
    disable_raw_mode, enable_raw_mode,
};
use ratatui::crossterm::{execute, queue};
use ratatui::{Frame, Terminal};

/// Whether the terminal is taken over.
static TAKEN: AtomicBool = AtomicBool::new(false);

/// What other threads had to say while it was.
static SAID: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Panics of other threads that are kept to be told later; more are counted by nobody.
const SAID_MAX: usize = 8;

static HOOK: Once = Once::new();

/// A terminal that was taken over.
#[derive(Debug)]
pub(crate) struct Screen {
    /// Never dropped: ratatui's own drop tells on stderr that the cursor could not be shown, and panics when stderr is the
    /// terminal that has gone. [`give_back`] shows the cursor.
    terminal: ManuallyDrop<Terminal<CrosstermBackend<BufWriter<Stdout>>>>,
}

impl Screen {
    /// Takes the terminal over: raw, on its alternate screen, with the mouse, without a cursor.
    pub(crate) fn take() -> io::Result<Screen> {
        give_back_on_panic();
        let backend = CrosstermBackend::new(BufWriter::with_capacity(64 << 10, io::stdout()));
        let terminal = ManuallyDrop::new(Terminal::new(backend)?);
        let mut screen = Screen { terminal };
        screen.take_again()?;
        Ok(screen)
    }

    /// Takes it over once more, after a suspension.
    pub(crate) fn take_again(&mut self) -> io::Result<()> {
        TAKEN.store(true, Ordering::SeqCst);
        enable_raw_mode()?;
        execute!(io::stdout(), EnterAlternateScreen, EnableMouseCapture, Hide)?;
        self.clear()
    }

    /// Draws what differs from what is there, in one piece.
    pub(crate) fn draw(&mut self, render: impl FnOnce(&mut Frame<'_>)) -> io::Result<()> {
        queue!(self.terminal.backend_mut(), BeginSynchronizedUpdate)?;
        self.terminal.draw(render)?;
        queue!(self.terminal.backend_mut(), EndSynchronizedUpdate)?;
        self.terminal.backend_mut().flush()
    }

    /// Forgets what is there, so that everything is drawn. `Terminal::clear` would ask the terminal where its cursor is, and
    /// wait for an answer that some never give.
    pub(crate) fn clear(&mut self) -> io::Result<()> {
        let size = self.terminal.size()?;
        self.terminal.resize(size.into())
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        give_back();
    }
}

/// Gives the terminal back, as it was, if it was taken over.
pub fn give_back() {
    if !TAKEN.swap(false, Ordering::SeqCst) {
        return;
    }
    // Nothing can be done about a terminal that is gone.
    let _ = execute!(io::stdout(), EndSynchronizedUpdate, DisableMouseCapture, LeaveAlternateScreen, Show);
    let _ = disable_raw_mode();
    for said in SAID.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
        let _ = writeln!(io::stderr(), "{said}");
    }
}

/// A panic of the thread that draws gives the terminal back first. One of another thread must not write over the screen:
/// it is told when the screen is gone.
fn give_back_on_panic() {
    let drawing: ThreadId = std::thread::current().id();
    HOOK.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if std::thread::current().id() == drawing || !TAKEN.load(Ordering::SeqCst) {
                give_back();
                before(panic);
                return;
            }
            let mut said = SAID.lock().unwrap_or_else(PoisonError::into_inner);
            if said.len() < SAID_MAX {
                said.push(panic.to_string());
            }
        }));
    });
}

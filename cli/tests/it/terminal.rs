//! A terminal of a test's own: a real pseudo-terminal with the real binary in it, and what a person would see on it.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::OpenOptionsExt;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use nix::fcntl::OFlag;
use nix::pty::{Winsize, grantpt, openpty, posix_openpt, ptsname_r, unlockpt};
use nix::sys::signal::{Signal, kill};
use nix::sys::termios::{LocalFlags, tcgetattr};
use nix::unistd::Pid;
use vt100::{MouseProtocolMode, Parser};

use crate::tool::{self, PATIENCE, eventually, within};

/// What is in the terminal.
pub(crate) struct Terminal {
    child: Child,
    keyboard: File,
    /// The terminal itself, held open so that its settings can be looked at when the program has ended.
    device: File,
    screen: Arc<Mutex<Parser>>,
}

impl Terminal {
    /// Runs the binary in a terminal of this size.
    pub(crate) fn run(arguments: &[&str], columns: u16, rows: u16) -> Terminal {
        Terminal::run_command(&mut tool::command(arguments), columns, rows)
    }

    /// Runs a command in a terminal of this size.
    pub(crate) fn run_command(command: &mut Command, columns: u16, rows: u16) -> Terminal {
        let size = Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        let pty = openpty(Some(&size), None).expect("a pseudo-terminal");
        let device = File::from(pty.slave);
        let end = || Stdio::from(device.try_clone().expect("another descriptor"));
        command.stdin(end()).stdout(end()).stderr(end()).env("TERM", "xterm-256color");
        let child = command.spawn().expect("the binary starts");
        let keyboard = File::from(pty.master);
        let mut output = keyboard.try_clone().expect("another descriptor");
        let screen = Arc::new(Mutex::new(Parser::new(rows, columns, 0)));
        let shown = Arc::clone(&screen);
        std::thread::spawn(move || {
            let mut buffer = [0; 16 << 10];
            // The other end reports an error when nobody has it open any more.
            while let Ok(length @ 1..) = output.read(&mut buffer) {
                shown.lock().unwrap_or_else(PoisonError::into_inner).process(&buffer[..length]);
            }
        });
        Terminal { child, keyboard, device, screen }
    }

    fn look<T>(&self, at: impl FnOnce(&vt100::Screen) -> T) -> T {
        at(self.screen.lock().unwrap_or_else(PoisonError::into_inner).screen())
    }

    /// What is on the screen.
    pub(crate) fn text(&self) -> String {
        self.look(vt100::Screen::contents)
    }

    /// Waits until the screen shows something.
    #[track_caller]
    pub(crate) fn wait_for(&self, words: &str) -> String {
        self.wait_until(words, |text| text.contains(words))
    }

    /// Waits until the screen does not show something any more.
    #[track_caller]
    pub(crate) fn wait_without(&self, words: &str) -> String {
        self.wait_until(&format!("no {words}"), |text| !text.contains(words))
    }

    /// Waits until the screen is as it should be.
    #[track_caller]
    pub(crate) fn wait_until(&self, what: &str, is_there: impl Fn(&str) -> bool) -> String {
        let seen = within(PATIENCE, || {
            let text = self.text();
            is_there(&text).then_some(text)
        });
        seen.unwrap_or_else(|| panic!("not on the screen: {what}\n{}", self.text()))
    }

    /// Presses keys, as the bytes that a terminal sends.
    pub(crate) fn press(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).expect("the terminal takes keys");
    }

    /// Presses and waits for what comes of it.
    #[track_caller]
    pub(crate) fn press_for(&mut self, keys: &str, words: &str) -> String {
        self.press(keys);
        self.wait_for(words)
    }

    /// Writes onto the screen behind the program's back, as another program's message would be.
    pub(crate) fn scribble(&self, words: &str) {
        let text = format!("\x1b7\x1b[10;20H{words}\x1b8");
        self.screen.lock().unwrap_or_else(PoisonError::into_inner).process(text.as_bytes());
    }

    /// Clicks, by a terminal's extended report; counted from one.
    pub(crate) fn click(&mut self, column: usize, row: usize) {
        self.press(&format!("\x1b[<0;{column};{row}M\x1b[<0;{column};{row}m"));
    }

    /// Makes the terminal another size.
    pub(crate) fn resize(&mut self, columns: u16, rows: u16) {
        self.screen.lock().unwrap_or_else(PoisonError::into_inner).screen_mut().set_size(rows, columns);
        let device = self.device.try_clone().expect("another descriptor");
        let arguments = ["rows".to_owned(), rows.to_string(), "cols".to_owned(), columns.to_string()];
        let status = Command::new("stty").args(arguments).stdin(device).status().expect("stty runs");
        assert!(status.success());
        // It is not the controlling terminal of anybody, so that nobody is told by the kernel.
        self.signal(Signal::SIGWINCH);
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.child.id() as i32), signal).expect("it is there to be signalled");
    }

    /// The letter for the program's state in `/proc`: `T` when it is stopped.
    pub(crate) fn state(&self) -> char {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).expect("it is there");
        let rest = stat.rsplit_once(')').expect("a name").1;
        rest.trim_start().chars().next().expect("a state")
    }

    /// Whether the program has the terminal: raw, with the mouse, on another screen than the shell's.
    pub(crate) fn is_taken(&self) -> bool {
        let mode = tcgetattr(&self.device).expect("a terminal");
        let raw = !mode.local_flags.intersects(LocalFlags::ICANON | LocalFlags::ECHO);
        raw && self.look(|screen| {
            screen.alternate_screen()
                && screen.hide_cursor()
                && screen.mouse_protocol_mode() != MouseProtocolMode::None
        })
    }

    /// Fails unless the terminal is as it was before: line by line, echoing, the shell's screen, a cursor, no mouse.
    #[track_caller]
    pub(crate) fn expect_sane(&self) {
        let sane = within(Duration::from_secs(10), || {
            let mode = tcgetattr(&self.device).expect("a terminal");
            let cooked = mode.local_flags.contains(LocalFlags::ICANON | LocalFlags::ECHO | LocalFlags::ISIG);
            let given_back = self.look(|screen| {
                !screen.alternate_screen()
                    && !screen.hide_cursor()
                    && screen.mouse_protocol_mode() == MouseProtocolMode::None
            });
            (cooked && given_back).then_some(())
        });
        let mode = self
            .look(|screen| (screen.alternate_screen(), screen.hide_cursor(), screen.mouse_protocol_mode()));
        assert!(sane.is_some(), "alternate screen, cursor hidden, mouse: {mode:?}\n{}", self.text());
    }

    /// Waits for the program's end, and gives its exit code.
    pub(crate) fn end(&mut self) -> Option<i32> {
        eventually("it ends", || self.child.try_wait().expect("a child can be waited for")).code()
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A terminal that can be taken away: nobody but this holds it.
pub(crate) struct Hung {
    child: Child,
    keyboard: File,
}

impl Hung {
    pub(crate) fn start(arguments: &[&str]) -> Hung {
        // openpty's descriptors would be inherited by the program, which then held its own terminal.
        let flags = OFlag::O_RDWR | OFlag::O_NOCTTY | OFlag::O_CLOEXEC;
        let master = posix_openpt(flags).expect("a pseudo-terminal");
        grantpt(&master).and_then(|()| unlockpt(&master)).expect("its other end");
        let name = ptsname_r(&master).expect("a name");
        let device = OpenOptions::new()
            .read(true)
            .write(true)
            .custom_flags(OFlag::O_NOCTTY.bits())
            .open(name)
            .expect("its other end");
        let same = device.try_clone().expect("another descriptor");
        let status = Command::new("stty").args(["rows", "30", "cols", "100"]).stdin(same).status();
        assert!(status.expect("stty runs").success());
        let end = || Stdio::from(device.try_clone().expect("another descriptor"));
        let mut command = tool::command(arguments);
        command.stdin(end()).stdout(end()).stderr(end()).env("TERM", "xterm-256color");
        let child = command.spawn().expect("the binary starts");
        Hung { child, keyboard: File::from(OwnedFd::from(master)) }
    }

    /// Reads until it has said something.
    pub(crate) fn wait_for(&mut self, words: &str) {
        let mut said = Vec::new();
        let mut buffer = [0; 4096];
        while !String::from_utf8_lossy(&said).contains(words) {
            let length = self.keyboard.read(&mut buffer).expect("it speaks");
            said.extend_from_slice(&buffer[..length]);
        }
    }

    /// Takes the terminal away, and leaves the program.
    pub(crate) fn hang_up(self) -> Child {
        self.child
    }
}

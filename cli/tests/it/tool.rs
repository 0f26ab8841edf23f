//! The binary, run as a user runs it: bounded in time, killed when its test is over.

use std::ffi::OsStr;
use std::io::Read;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;
use telemetry::Frame;

/// How long anything may take. Far more than it needs: a busy machine must not fail a test.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// How often [`eventually`] looks.
const LOOK: Duration = Duration::from_millis(5);

/// Output that is kept of one stream; what comes after it is read and dropped.
const OUTPUT_BYTES_MAX: usize = 16 << 20;

/// Looks until there is something to see, and returns it.
pub(crate) fn eventually<T>(what: &str, look: impl FnMut() -> Option<T>) -> T {
    within(PATIENCE, look).unwrap_or_else(|| panic!("not within {PATIENCE:?}: {what}"))
}

/// As [`eventually`], for a time of the caller's choice; `None` when it has passed.
pub(crate) fn within<T>(patience: Duration, mut look: impl FnMut() -> Option<T>) -> Option<T> {
    let deadline = Instant::now() + patience;
    loop {
        let seen = look();
        if seen.is_some() || Instant::now() >= deadline {
            return seen;
        }
        std::thread::sleep(LOOK);
    }
}

/// The library's scenario of that name.
pub(crate) fn scenario(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../scenarios").join(name)
}

/// `floodmark` with arguments, for tests that need more than [`floodmark`].
pub(crate) fn command<A: AsRef<OsStr>>(arguments: impl IntoIterator<Item = A>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_floodmark"));
    // Whatever the developer's shell has set must not reach the tools.
    command.args(arguments).env_remove("FLOODMARK_LOG").env_remove("FLOODMARK_FAULT");
    command
}

/// Starts `floodmark` with arguments.
pub(crate) fn start<A: AsRef<OsStr>>(arguments: impl IntoIterator<Item = A>) -> Running {
    Running::start(&mut command(arguments))
}

/// Runs `floodmark` to its end.
pub(crate) fn floodmark<A: AsRef<OsStr>>(arguments: impl IntoIterator<Item = A>) -> Finished {
    start(arguments).finish()
}

/// A running process. Dropped, it is killed.
#[derive(Debug)]
pub(crate) struct Running {
    child: Child,
    stdout: Output,
    stderr: Output,
    what: String,
}

impl Running {
    /// Starts a command with its output caught.
    pub(crate) fn start(command: &mut Command) -> Self {
        Self::start_with(command, Stdio::null())
    }

    /// As [`Self::start`], with something to read.
    pub(crate) fn start_with(command: &mut Command, stdin: Stdio) -> Self {
        let what = format!("{:?}", command.get_args().collect::<Vec<_>>());
        let mut child = command
            .stdin(stdin)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary starts");
        let stdout = Output::collect(child.stdout.take().expect("piped"));
        let stderr = Output::collect(child.stderr.take().expect("piped"));
        Self { child, stdout, stderr, what }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.pid() as i32), signal).expect("the process is there to be signalled");
    }

    /// Signals the process's whole group, as a terminal does; it must have been started in one of its own.
    pub(crate) fn signal_group(&self, signal: Signal) {
        killpg(Pid::from_raw(self.pid() as i32), signal).expect("the group is there to be signalled");
    }

    /// What it has said on stdout so far.
    pub(crate) fn stdout(&self) -> String {
        self.stdout.text()
    }

    /// What it has said on stderr so far.
    pub(crate) fn stderr(&self) -> String {
        self.stderr.text()
    }

    /// The frames that it has said so far.
    pub(crate) fn frames(&self) -> Vec<Frame> {
        frames(&self.stdout())
    }

    /// Whether it has ended.
    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.try_wait().expect("a child can be waited for").is_some()
    }

    /// Waits for its end.
    pub(crate) fn finish(mut self) -> Finished {
        let status = within(PATIENCE * 2, || self.child.try_wait().expect("a child can be waited for"))
            .unwrap_or_else(|| panic!("{} does not end\n{}\n{}", self.what, self.stdout(), self.stderr()));
        let (stdout, stderr) = (self.stdout.end(), self.stderr.end());
        Finished { code: status.code(), stdout, stderr, what: self.what.clone() }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if !self.has_ended() {
            let _ = self.child.kill();
        }
        let _ = self.child.wait();
    }
}

/// What a process that has ended leaves.
#[derive(Debug)]
pub(crate) struct Finished {
    /// `None`: a signal ended it.
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    what: String,
}

impl Finished {
    /// Fails unless the exit code is `code`.
    #[track_caller]
    pub(crate) fn expect_code(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self}");
        self
    }

    /// Fails unless stderr contains all of these.
    #[track_caller]
    pub(crate) fn expect_stderr(self, parts: &[&str]) -> Self {
        for part in parts {
            assert!(self.stderr.contains(part), "stderr lacks '{part}': {self}");
        }
        self
    }

    /// Fails unless stdout contains all of these.
    #[track_caller]
    pub(crate) fn expect_stdout(self, parts: &[&str]) -> Self {
        for part in parts {
            assert!(self.stdout.contains(part), "stdout lacks '{part}': {self}");
        }
        self
    }

    pub(crate) fn frames(&self) -> Vec<Frame> {
        frames(&self.stdout)
    }
}

impl std::fmt::Display for Finished {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { code, stdout, stderr, what } = self;
        write!(f, "floodmark {what} ended with {code:?}\n--- stdout\n{stdout}\n--- stderr\n{stderr}\n---")
    }
}

/// Parses frames; a last line that is not whole yet is left out.
fn frames(text: &str) -> Vec<Frame> {
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    let parse = |line: &str| Frame::parse(line.as_bytes()).unwrap_or_else(|error| panic!("{error}: {line}"));
    whole.lines().filter_map(parse).collect()
}

/// Reads a stream to its end, so that its writer never waits.
#[derive(Debug)]
struct Output {
    bytes: Arc<Mutex<Vec<u8>>>,
    reader: Option<JoinHandle<()>>,
}

impl Output {
    fn collect(mut stream: impl Read + Send + 'static) -> Self {
        let bytes = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&bytes);
        let reader = std::thread::spawn(move || {
            let mut buffer = [0; 16 << 10];
            while let Ok(length @ 1..) = stream.read(&mut buffer) {
                let mut sink = sink.lock().unwrap_or_else(PoisonError::into_inner);
                let room = OUTPUT_BYTES_MAX.saturating_sub(sink.len());
                sink.extend_from_slice(&buffer[..length.min(room)]);
            }
        });
        Self { bytes, reader: Some(reader) }
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
    }

    /// The whole of it, once its writer has ended. A grandchild that still holds the pipe is not waited for.
    fn end(&mut self) -> String {
        let reader = self.reader.take().expect("ended once");
        within(Duration::from_secs(5), || reader.is_finished().then_some(()));
        self.text()
    }
}

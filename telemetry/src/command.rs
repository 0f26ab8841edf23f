//! What a worker is told: commands, one JSON object a line on its standard input.
//!
//! ```json
//! {"command":"start"}
//! {"command":"set","name":"rate","value":2000.0}
//! ```
//!
//! The end of the stream means [`Command::Stop`]: a worker whose runner died ends too, and leaves no orphan behind.

use std::io::Read;

use serde::{Deserialize, Serialize};

use crate::lines::{Line, LineReader};

/// The longest line a command may have. A longer one is skipped and is [`CommandError::TooLong`].
pub const COMMAND_BYTES_MAX: usize = 64 * 1024;

const NAMES: &str = "start, stop, settle, close, set, interval";

/// What a worker is told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case")]
pub enum Command {
    /// Begin the schedule: open connections, send messages. A worker waits for it after its `worker.ready` mark.
    Start,
    /// End the process cleanly, after a last set of frames. Whatever is still open is dropped.
    Stop,
    /// Stop opening and sending, finish what is under way, then say so with a mark. Connections stay open.
    Settle,
    /// Close the connections, and keep running, to report on it.
    Close,
    /// Turn a knob while the run goes on. An unknown name is a `warning` mark, never an end.
    Set {
        /// The knob: `rate` (messages a second), `connections` (how many there are to be).
        name: String,
        /// Where to turn it, in the knob's own unit.
        value: f64,
    },
    /// Report at this interval from now on.
    Interval {
        /// The time between two samples; not zero.
        ms: u64,
    },
}

/// Why a line is not a command.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// There is no such command.
    #[error("unknown command '{name}' (one of: {NAMES})")]
    Unknown {
        /// What was asked for.
        name: String,
    },
    /// The line is not JSON, or lacks what the command needs.
    #[error("the line is not a command: {0}")]
    Line(#[from] serde_json::Error),
    /// An interval of zero would never end.
    #[error("the interval must be at least 1 ms")]
    IntervalZero,
    /// The line has more than [`COMMAND_BYTES_MAX`] bytes.
    #[error("a command of {bytes} bytes is longer than {COMMAND_BYTES_MAX}")]
    TooLong {
        /// How long it is.
        bytes: u64,
    },
    /// The stream itself failed.
    #[error("could not read commands: {0}")]
    Read(#[from] std::io::Error),
}

impl Command {
    /// Appends this command to `out` as one line, its newline included.
    pub fn to_line(&self, out: &mut Vec<u8>) {
        serde_json::to_writer(&mut *out, self)
            .expect("commands hold only what JSON can say, and a Vec takes it all");
        out.push(b'\n');
    }

    /// Reads one line, with or without its newline.
    ///
    /// # Errors
    /// See [`CommandError`].
    pub fn parse(line: &[u8]) -> Result<Command, CommandError> {
        match serde_json::from_slice::<Command>(line) {
            Ok(Command::Interval { ms: 0 }) => Err(CommandError::IntervalZero),
            Ok(command) => Ok(command),
            Err(error) => match serde_json::from_slice::<Head>(line) {
                Ok(head) if !NAMES.split(", ").any(|name| name == head.command) => {
                    Err(CommandError::Unknown { name: head.command })
                }
                _ => Err(error.into()),
            },
        }
    }
}

#[derive(Deserialize)]
struct Head {
    command: String,
}

/// The commands of a stream, in order. An error in one line is given out and the next line read; only
/// [`CommandError::Read`] ends the stream. A last line without a newline counts: whoever wrote it closed the stream.
#[derive(Debug)]
pub struct CommandReader<R> {
    lines: LineReader<R>,
    ended: bool,
}

impl<R: Read> CommandReader<R> {
    /// Reads commands from `input`.
    pub fn new(input: R) -> CommandReader<R> {
        CommandReader { lines: LineReader::new(input, COMMAND_BYTES_MAX), ended: false }
    }
}

impl<R: Read> Iterator for CommandReader<R> {
    type Item = Result<Command, CommandError>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.ended {
            match self.lines.next_line() {
                Ok(Some(Line::Whole(line) | Line::Torn(line))) if line.trim_ascii().is_empty() => {}
                Ok(Some(Line::Whole(line) | Line::Torn(line))) => return Some(Command::parse(line)),
                Ok(Some(Line::TooLong { bytes, .. })) => return Some(Err(CommandError::TooLong { bytes })),
                Ok(None) => self.ended = true,
                Err(error) => {
                    self.ended = true;
                    return Some(Err(error.into()));
                }
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_command_has_the_documented_form() {
        let forms: [(Command, &str); 6] = [
            (Command::Start, r#"{"command":"start"}"#),
            (Command::Stop, r#"{"command":"stop"}"#),
            (Command::Settle, r#"{"command":"settle"}"#),
            (Command::Close, r#"{"command":"close"}"#),
            (
                Command::Set { name: "rate".into(), value: 2000.0 },
                r#"{"command":"set","name":"rate","value":2000.0}"#,
            ),
            (Command::Interval { ms: 250 }, r#"{"command":"interval","ms":250}"#),
        ];
        for (command, form) in forms {
            let mut line = Vec::new();
            command.to_line(&mut line);
            assert_eq!(line, format!("{form}\n").into_bytes());
            assert_eq!(Command::parse(form.as_bytes()).expect(form), command);
        }
        // A whole number is a value too.
        let set = Command::parse(br#"{"command":"set","name":"rate","value":5}"#).expect("a whole number");
        assert_eq!(set, Command::Set { name: "rate".into(), value: 5.0 });
    }

    #[test]
    fn errors_say_what_is_wrong() {
        let message = |line: &[u8]| Command::parse(line).expect_err("not a command").to_string();
        assert_eq!(
            message(br#"{"command":"fly"}"#),
            "unknown command 'fly' (one of: start, stop, settle, close, set, interval)"
        );
        assert!(message(br#"{"command":"set","name":"rate"}"#).contains("value"));
        assert!(message(br#"{"command":"interval","ms":-1}"#).contains("not a command"));
        assert_eq!(message(br#"{"command":"interval","ms":0}"#), "the interval must be at least 1 ms");
        for line in [&b""[..], b"start", b"[]", b"{}", b"{\"command\":", b"\xff\xfe"] {
            assert!(message(line).starts_with("the line is not a command"));
        }
    }

    #[test]
    fn a_reader_gives_out_errors_and_goes_on() {
        let long = "x".repeat(COMMAND_BYTES_MAX + 1);
        let text = format!("{{\"command\":\"start\"}}\n\nrubbish\n{long}\n{{\"command\":\"stop\"}}");
        let all: Vec<_> = CommandReader::new(text.as_bytes()).collect();
        assert_eq!(all.len(), 4);
        assert!(matches!(all[0], Ok(Command::Start)));
        assert!(matches!(all[1], Err(CommandError::Line(_))));
        assert!(matches!(all[2], Err(CommandError::TooLong { .. })));
        assert!(matches!(all[3], Ok(Command::Stop)));
    }

    proptest! {
        #[test]
        fn no_line_panics(line in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Command::parse(&line);
        }
    }
}

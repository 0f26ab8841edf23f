//! What happened, in order: marks, alerts and log lines, and the phases that marks begin and end.

use std::collections::VecDeque;

use telemetry::{Log, Mark, Stamp};

/// Events that are remembered. Beyond, the oldest is forgotten, and the view says how many were.
pub(crate) const EVENTS_MAX: usize = 4_096;

/// Phases that are remembered. Later ones are not drawn.
const PHASES_MAX: usize = 256;

/// Bytes of an event's particulars that are kept; the rest is cut off, with an ellipsis.
const TEXT_BYTES_MAX: usize = 512;

/// What sort of event it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sort {
    /// Something happened.
    Mark,
    /// A queue is past its threshold, or back.
    Alert,
    /// A line for a human, at a level that calls for attention.
    Warning,
    /// Any other line for a human.
    Log,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Event {
    pub(crate) at: Stamp,
    pub(crate) source: String,
    pub(crate) sort: Sort,
    /// A mark's name, a log line's level.
    pub(crate) name: String,
    pub(crate) text: String,
}

/// A phase of a run.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Phase {
    pub(crate) name: String,
    pub(crate) source: String,
    pub(crate) began_us: u64,
    /// `None`: still going on.
    pub(crate) ended_us: Option<u64>,
}

/// All events and phases.
#[derive(Debug, Default)]
pub(crate) struct Events {
    events: VecDeque<Event>,
    forgotten: u64,
    phases: Vec<Phase>,
    /// Whether the feed itself tells alerts; then none are derived.
    tells_alerts: bool,
    /// When the run ended, if it did.
    run_ended_us: Option<u64>,
}

impl Events {
    /// Takes in a mark of the feed.
    pub(crate) fn take_mark(&mut self, mark: &Mark) {
        self.tells_alerts |= mark.name.starts_with("alert.");
        match mark.name.as_str() {
            "phase.began" => self.begin(mark),
            "phase.ended" => self.end(mark),
            "run.ended" => self.run_ended_us = Some(mark.at.mono_us),
            _ => {}
        }
        self.push(of_mark(mark));
    }

    /// Takes in an alert that follows from the feed, unless the feed tells its own.
    pub(crate) fn take_derived(&mut self, mark: &Mark) {
        if !self.tells_alerts {
            self.push(of_mark(mark));
        }
    }

    /// Takes in a line for a human.
    pub(crate) fn take_log(&mut self, log: &Log) {
        let sort = if matches!(log.level.as_str(), "error" | "warn") { Sort::Warning } else { Sort::Log };
        let mut text = log.message.clone();
        particulars(&mut text, &log.fields);
        cut(&mut text);
        let event = Event { at: log.at, source: log.source.clone(), sort, name: log.level.clone(), text };
        self.push(event);
    }

    /// Events up to a moment, oldest first.
    pub(crate) fn until(&self, until_us: u64) -> impl DoubleEndedIterator<Item = &Event> {
        self.events.iter().filter(move |event| event.at.mono_us <= until_us)
    }

    /// The last moment before `at_us` at which something was marked.
    pub(crate) fn mark_before(&self, at_us: u64) -> Option<u64> {
        self.marks().filter(|&mark_us| mark_us < at_us).max()
    }

    /// The first moment after `at_us` at which something was marked.
    pub(crate) fn mark_after(&self, at_us: u64) -> Option<u64> {
        self.marks().filter(|&mark_us| mark_us > at_us).min()
    }

    fn marks(&self) -> impl Iterator<Item = u64> {
        self.events.iter().filter(|event| event.sort != Sort::Log).map(|event| event.at.mono_us)
    }

    /// Alerts and warnings, for the time bar.
    pub(crate) fn alarms(&self) -> impl Iterator<Item = u64> {
        let alarms = |event: &&Event| matches!(event.sort, Sort::Alert | Sort::Warning);
        self.events.iter().filter(alarms).map(|event| event.at.mono_us)
    }

    /// How many events are not remembered any more.
    pub(crate) fn forgotten(&self) -> u64 {
        self.forgotten
    }

    /// When the run ended, if it did.
    pub(crate) fn run_ended_us(&self) -> Option<u64> {
        self.run_ended_us
    }

    /// The phases in the order in which they began: the runner's, or if it tells none, everybody's.
    pub(crate) fn phases(&self) -> impl Iterator<Item = &Phase> + Clone {
        let runner = self.phases.iter().any(|phase| phase.source == "runner");
        self.phases.iter().filter(move |phase| !runner || phase.source == "runner")
    }

    /// The innermost phase at a moment.
    pub(crate) fn phase_at(&self, at_us: u64) -> Option<&Phase> {
        let there = |phase: &&Phase| {
            phase.began_us <= at_us && phase.ended_us.is_none_or(|ended_us| at_us < ended_us)
        };
        self.phases().filter(there).last()
    }

    /// How long a phase has gone on up to a moment, from its first beginning to its last end.
    pub(crate) fn spent_s(&self, name: &str, at_us: u64) -> Option<f64> {
        let named = self.phases().filter(|phase| phase.name == name && phase.began_us <= at_us);
        let began_us = named.clone().map(|phase| phase.began_us).min()?;
        let ended_us = named.map(|phase| phase.ended_us.unwrap_or(at_us).min(at_us)).max()?;
        Some((ended_us - began_us) as f64 / 1e6)
    }

    fn begin(&mut self, mark: &Mark) {
        let Some(name) = mark.attributes.get("phase").and_then(serde_json::Value::as_str) else { return };
        if self.phases.len() < PHASES_MAX {
            let (name, source) = (name.to_owned(), mark.source.clone());
            self.phases.push(Phase { name, source, began_us: mark.at.mono_us, ended_us: None });
        }
    }

    fn end(&mut self, mark: &Mark) {
        let Some(name) = mark.attributes.get("phase").and_then(serde_json::Value::as_str) else { return };
        let open = |phase: &&mut Phase| {
            phase.name == name && phase.source == mark.source && phase.ended_us.is_none()
        };
        if let Some(phase) = self.phases.iter_mut().rev().find(open) {
            phase.ended_us = Some(mark.at.mono_us);
        }
    }

    fn push(&mut self, event: Event) {
        if self.events.len() == EVENTS_MAX {
            self.events.pop_front();
            self.forgotten += 1;
        }
        self.events.push_back(event);
    }
}

fn of_mark(mark: &Mark) -> Event {
    let mut text = String::new();
    particulars(&mut text, &mark.attributes);
    cut(&mut text);
    let sort = match mark.name.as_str() {
        name if name.starts_with("alert.") => Sort::Alert,
        "warning" => Sort::Warning,
        _ => Sort::Mark,
    };
    Event { at: mark.at, source: mark.source.clone(), sort, name: mark.name.clone(), text }
}

fn particulars<'a>(text: &mut String, fields: impl IntoIterator<Item = (&'a String, &'a serde_json::Value)>) {
    for (name, value) in fields {
        if !text.is_empty() {
            text.push_str("  ");
        }
        text.push_str(name);
        text.push('=');
        match value {
            serde_json::Value::String(word) => text.push_str(word),
            other => text.push_str(&other.to_string()),
        }
    }
}

fn cut(text: &mut String) {
    if text.len() > TEXT_BYTES_MAX {
        let end = (0..=TEXT_BYTES_MAX).rev().find(|&end| text.is_char_boundary(end)).unwrap_or(0);
        text.truncate(end);
        text.push('…');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(at_us: u64, name: &str, phase: &str) -> Mark {
        let attributes = [("phase".to_owned(), serde_json::Value::from(phase))].into();
        let at = Stamp { mono_us: at_us, wall_us: 0 };
        Mark { at, source: "runner".into(), name: name.into(), attributes }
    }

    #[test]
    fn phases_nest_and_end() {
        let mut events = Events::default();
        events.take_mark(&mark(10, "phase.began", "hold"));
        events.take_mark(&mark(12, "phase.began", "messages"));
        events.take_mark(&mark(15, "phase.ended", "messages"));
        let at = |at_us| events.phase_at(at_us).map(|phase| phase.name.as_str());
        assert_eq!([at(9), at(10), at(13), at(15)], [None, Some("hold"), Some("messages"), Some("hold")]);
        assert_eq!((events.mark_before(12), events.mark_after(12)), (Some(10), Some(15)));
        assert_eq!((events.mark_before(10), events.mark_after(15)), (None, None));
    }

    #[test]
    fn too_many_events_push_out_the_oldest() {
        let mut events = Events::default();
        for at_us in 0..EVENTS_MAX as u64 + 10 {
            events.take_mark(&mark(at_us, "knob", &"x".repeat(2_000)));
        }
        assert_eq!((events.forgotten(), events.until(u64::MAX).count()), (10, EVENTS_MAX));
        assert!(events.until(u64::MAX).all(|event| event.text.len() <= TEXT_BYTES_MAX + '…'.len_utf8()));
    }
}

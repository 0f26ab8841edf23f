//! What happened in a run, from its marks: phases that follow each other, and events.

use std::collections::BTreeMap;

use serde_json::Value;
use telemetry::Mark;

/// The phases that are shown. Starting workers is none.
const PHASES: [&str; 5] = ["limit", "ramp", "hold", "settle", "drain"];

/// Inside the hold, which it divides.
const MESSAGES: &str = "messages";

/// A phase shorter than this is not shown.
const PHASE_S_MIN: f64 = 0.01;

/// The most phases and the most events that are kept; later ones are counted.
const KEPT_MAX: usize = 500;

/// A longer text of a mark, and a longer name of anything, is cut, and ends in `…`.
pub(crate) const TEXT_CHARS_MAX: usize = 200;

/// Whose marks tell of phases when there are several who do.
const RUNNER: &str = "runner";

/// A stretch of time with a name.
#[derive(Debug, Clone, PartialEq)]
pub struct Phase {
    /// `limit`, `ramp`, `hold`, `messages`, `settle` or `drain`.
    pub name: String,
    /// When it began, in seconds since the ramp did.
    pub from_s: f64,
    /// When it ended, or what is told of the run does.
    pub to_s: f64,
}

/// Something happened.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// When, in seconds since the ramp began.
    pub at_s: f64,
    /// What, in a few words.
    pub text: String,
    /// Something went wrong.
    pub bad: bool,
    /// A knob was turned: its name, and to what.
    pub knob: Option<(String, f64)>,
}

/// What has been told so far; times in seconds since the first frame.
#[derive(Debug, Default)]
pub(super) struct Story {
    phases: Vec<Begun>,
    /// Whether the runner says so, and what.
    events: Vec<(bool, Event)>,
    /// Marks beyond what is kept.
    pub(super) dropped: u64,
    pub(super) plan: BTreeMap<String, Value>,
    /// Deliveries before this time are warm-up.
    pub(super) warm_until_us: Option<u64>,
}

#[derive(Debug)]
struct Begun {
    runner: bool,
    name: String,
    from_s: f64,
    to_s: Option<f64>,
}

impl Story {
    /// Takes in a mark. True when the ramp begins with it, as far as is known.
    pub(super) fn take(&mut self, mark: &Mark, at_s: f64) -> bool {
        let runner = mark.source == RUNNER;
        let phase = mark.attributes.get("phase").and_then(Value::as_str);
        match (mark.name.as_str(), phase) {
            ("plan", _) if runner => self.plan.clone_from(&mark.attributes),
            ("phase.began", Some(name)) => return self.begin(mark, runner, name, at_s),
            ("phase.ended", Some(name)) => {
                let begun = |phase: &&mut Begun| phase.runner == runner && phase.name == name;
                if let Some(phase) = self.phases.iter_mut().rev().find(begun) {
                    phase.to_s.get_or_insert(at_s);
                }
            }
            _ => self.remember(mark, runner, at_s),
        }
        false
    }

    fn begin(&mut self, mark: &Mark, runner: bool, name: &str, at_s: f64) -> bool {
        if name == MESSAGES && runner {
            let warm = mark.attributes.get("warm_up_ends_mono_us").and_then(Value::as_u64);
            self.warm_until_us = warm;
        }
        if !PHASES.contains(&name) && name != MESSAGES {
            return false;
        }
        if self.phases.len() >= KEPT_MAX {
            self.dropped += 1;
            return false;
        }
        let first = name == "ramp"
            && !self.phases.iter().any(|phase| phase.name == name && (phase.runner || !runner));
        self.phases.push(Begun { runner, name: name.to_owned(), from_s: at_s, to_s: None });
        first
    }

    fn remember(&mut self, mark: &Mark, runner: bool, at_s: f64) {
        let Some((text, bad)) = words(mark) else { return };
        let text = clipped(&text);
        if self.events.len() >= KEPT_MAX {
            self.dropped += 1;
            return;
        }
        let attribute = |name| mark.attributes.get(name);
        let knob = attribute("name").and_then(Value::as_str).zip(attribute("value").and_then(Value::as_f64));
        let knob = knob.filter(|_| mark.name == "knob").map(|(name, value)| (clipped(name), value));
        self.events.push((runner, Event { at_s, text, bad, knob }));
    }

    /// The phases one after the other, and the events, both in seconds since `zero_s`; what has not ended does at `end_s`.
    pub(super) fn finish(self, zero_s: f64, end_s: f64) -> (Vec<Phase>, Vec<Event>) {
        let by_runner = self.phases.iter().any(|phase| phase.runner);
        let told = self.phases.iter().filter(|phase| phase.runner == by_runner);
        let span = |phase: &Begun| Phase {
            name: phase.name.clone(),
            from_s: phase.from_s - zero_s,
            to_s: phase.to_s.unwrap_or(end_s) - zero_s,
        };
        let (inner, outer): (Vec<Phase>, Vec<Phase>) =
            told.map(span).partition(|phase| phase.name == MESSAGES);
        let mut phases = divided(outer, &inner);
        phases.retain(|phase| phase.to_s - phase.from_s >= PHASE_S_MIN);
        phases.sort_by(|a, b| a.from_s.total_cmp(&b.from_s));
        // Whatever marks say, what is drawn does not overlap.
        for place in 1..phases.len() {
            let from_s = phases[place].from_s;
            phases[place - 1].to_s = phases[place - 1].to_s.min(from_s);
        }
        // The publisher says, too, that the runner turned its knob.
        let by_runner = self.events.iter().any(|(runner, event)| *runner && event.knob.is_some());
        let echoes = |runner: bool, event: &Event| by_runner && !runner && event.knob.is_some();
        let events = self.events.into_iter().filter(|(runner, event)| !echoes(*runner, event));
        let mut events: Vec<Event> =
            events.map(|(_, event)| Event { at_s: event.at_s - zero_s, ..event }).collect();
        events.sort_by(|a, b| a.at_s.total_cmp(&b.at_s));
        (phases, events)
    }
}

/// The outer phases with the inner ones cut out of them.
fn divided(outer: Vec<Phase>, inner: &[Phase]) -> Vec<Phase> {
    let mut out = Vec::new();
    for mut phase in outer {
        for part in inner {
            let (from_s, to_s) = (part.from_s.max(phase.from_s), part.to_s.min(phase.to_s));
            if from_s < to_s {
                out.push(Phase { to_s: from_s, ..phase.clone() });
                out.push(Phase { name: part.name.clone(), from_s, to_s });
                phase.from_s = to_s;
            }
        }
        out.push(phase);
    }
    if out.is_empty() { inner.to_vec() } else { out }
}

/// An event in a few words, and whether it is bad. `None` for marks that tell of nothing in the run's course.
fn words(mark: &Mark) -> Option<(String, bool)> {
    let text = |name: &str| match mark.attributes.get(name) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Null) | None => String::new(),
        Some(value) => value.to_string(),
    };
    let said = |first: &str, then: String| match then.is_empty() {
        true => first.to_owned(),
        false => format!("{first}: {then}"),
    };
    Some(match mark.name.as_str() {
        "plan" | "worker.ready" | "queues.described" | "run.ended" => return None,
        "knob" => {
            let value = mark.attributes.get("value").and_then(Value::as_f64);
            (format!("{} = {}", text("name"), value.map_or_else(String::new, grouped)), false)
        }
        "connections.reached" => ("connections reached".to_owned(), false),
        "alert.raised" => (said(&text("queue"), text("threshold")), true),
        "alert.cleared" => (format!("{}: clear again", text("queue")), false),
        "alert.silent" => (format!("{}: silent", text("queue")), true),
        "ramp.stopped" => ("ramp stopped: memory runs low".to_owned(), true),
        "worker.stuck" => (format!("the {} is stuck", text("worker")), true),
        "run.cut" => (said("cut", text("reason")), true),
        "warning" => {
            let all = mark.attributes.keys().map(|name| format!("{} {}", name.replace('_', " "), text(name)));
            (said("warning", all.collect::<Vec<_>>().join(", ")), true)
        }
        other => (other.replace(['.', '_'], " "), false),
    })
}

/// `1234567` as `1,234,567`; a fraction keeps its digits.
pub(crate) fn grouped(value: f64) -> String {
    let text = value.to_string();
    let decimals = text.split_once('.').map_or(0, |(_, fraction)| fraction.len());
    crate::unit::grouped(value, decimals)
}

/// The text, or as much of it as anybody reads.
pub(crate) fn clipped(text: &str) -> String {
    match text.char_indices().nth(TEXT_CHARS_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn mark(source: &str, name: &str, attributes: Value) -> Mark {
        let Value::Object(attributes) = attributes else { panic!("an object") };
        Mark {
            source: source.into(),
            name: name.into(),
            attributes: attributes.into_iter().collect(),
            ..Mark::default()
        }
    }

    fn told(marks: &[(f64, Mark)], end_s: f64) -> (Vec<Phase>, Vec<Event>) {
        let mut story = Story::default();
        let mut zero_s = 0.0;
        for (at_s, mark) in marks {
            if story.take(mark, *at_s) {
                zero_s = *at_s;
            }
        }
        story.finish(zero_s, end_s)
    }

    #[test]
    fn messages_divide_the_hold_and_what_has_not_ended_ends_with_the_run() {
        let phase =
            |source, what: &str, name| mark(source, &format!("phase.{what}"), json!({ "phase": name }));
        let (phases, _) = told(
            &[
                (1.0, phase("runner", "began", "limit")),
                (4.0, phase("runner", "ended", "limit")),
                (4.0, phase("runner", "began", "start")),
                (5.0, phase("runner", "began", "ramp")),
                (5.1, phase("generator", "began", "ramp")),
                (9.0, phase("generator", "began", "hold")),
                (10.0, phase("runner", "ended", "ramp")),
                (10.0, phase("runner", "began", "hold")),
                (11.0, phase("runner", "began", "messages")),
                (11.0, phase("publisher", "began", "messages")),
                (13.0, phase("runner", "ended", "messages")),
                (15.0, phase("runner", "ended", "hold")),
                (15.0, phase("runner", "began", "hold")),
                (15.001, phase("runner", "ended", "hold")),
                (15.001, phase("runner", "began", "drain")),
            ],
            20.0,
        );
        let found: Vec<_> =
            phases.iter().map(|phase| (phase.name.as_str(), phase.from_s, phase.to_s)).collect();
        assert_eq!(
            found,
            [
                ("limit", -4.0, -1.0),
                ("ramp", 0.0, 5.0),
                ("hold", 5.0, 6.0),
                ("messages", 6.0, 8.0),
                ("hold", 8.0, 10.0),
                ("drain", 15.001 - 5.0, 15.0)
            ]
        );
    }

    #[test]
    fn marks_that_make_no_sense_never_overlap() {
        let phase = |what: &str, name| mark("runner", &format!("phase.{what}"), json!({ "phase": name }));
        let (phases, _) = told(
            &[
                (3.0, phase("began", "hold")),
                (1.0, phase("began", "ramp")),
                (2.0, phase("began", "messages")),
                (2.5, phase("ended", "drain")),
            ],
            4.0,
        );
        assert!(phases.windows(2).all(|pair| pair[0].to_s <= pair[1].from_s), "{phases:?}");
    }

    #[test]
    fn events_are_told_in_a_few_words_and_once() {
        let (_, events) = told(
            &[
                (0.0, mark("runner", "worker.ready", json!({}))),
                (2.0, mark("publisher", "knob", json!({ "name": "rate", "value": 20_000.0 }))),
                (
                    2.1,
                    mark(
                        "runner",
                        "knob",
                        json!({ "name": "rate", "value": 20_000.0, "worker": "publisher" }),
                    ),
                ),
                (
                    3.0,
                    mark(
                        "queues",
                        "alert.raised",
                        json!({ "queue": "server.mail", "threshold": "delay over 5 s" }),
                    ),
                ),
                (4.0, mark("generator", "warning", json!({ "unknown_knob": "depth" }))),
                (5.0, mark("runner", "run.cut", json!({ "reason": "interrupted" }))),
            ],
            9.0,
        );
        let found: Vec<_> = events.iter().map(|event| (event.text.as_str(), event.bad)).collect();
        assert_eq!(
            found,
            [
                ("rate = 20,000", false),
                ("server.mail: delay over 5 s", true),
                ("warning: unknown knob depth", true),
                ("cut: interrupted", true)
            ]
        );
    }

    #[test]
    fn numbers_are_grouped_and_long_texts_cut() {
        assert_eq!(
            (clipped("ä"), clipped(&"ä".repeat(300)).chars().count()),
            ("ä".into(), TEXT_CHARS_MAX + 1)
        );
        assert_eq!([0.0, 999.0, 1234567.5, -1000.0].map(grouped), ["0", "999", "1,234,567.5", "−1,000"]);
    }
}

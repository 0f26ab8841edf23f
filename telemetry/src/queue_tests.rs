//! Queues that fill and drain, and what is said of them.

use proptest::prelude::*;

use super::*;
use crate::{Alert, Drain, Stamp};

const SECOND_US: u64 = 1_000_000;

fn spec(enqueued: bool, dequeued: bool) -> Vec<QueueSpec> {
    let counter = |name: &str, is: bool| is.then(|| name.to_owned());
    vec![QueueSpec {
        name: "mail".into(),
        length: "length".into(),
        enqueued: counter("in", enqueued),
        dequeued: counter("out", dequeued),
    }]
}

/// A queue whose every letter is known.
#[derive(Debug, Clone, Copy, Default)]
struct Exact {
    at_us: u64,
    came: f64,
    went: f64,
}

impl Exact {
    fn pass(&mut self, elapsed_us: u64, came: f64, went: f64) {
        self.at_us += elapsed_us;
        self.came += came;
        self.went += went;
    }

    fn tell(&self, queues: &mut Queues) {
        queues.update(self.at_us, &|name| match name {
            "length" => Some(self.came - self.went),
            "in" => Some(self.came),
            "out" => Some(self.went),
            _ => None,
        });
    }
}

fn near(a: Option<f64>, b: Option<f64>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => (a - b).abs() <= 1e-6 * a.abs().max(b.abs()).max(1.0),
        (a, b) => a == b,
    }
}

/// SEEDS, section 6: 600,000 queued, dequeued at 40,000/s: a delay of 15 s, and drained in 41 s.
#[test]
fn the_queue_of_the_talk_drains_in_41_s() {
    let (out_per_s, in_per_s) = (40_000.0, 40_000.0 - 600_000.0 / 41.0);
    for (enqueued, dequeued) in [(true, true), (false, true), (true, false)] {
        let mut queues = Queues::new(spec(enqueued, dequeued), vec![]);
        // Half a minute of draining ends at 600,000.
        let began = 600_000.0 + 30.0 * (out_per_s - in_per_s);
        let mut queue = Exact { at_us: 5 * SECOND_US, came: began, went: 0.0 };
        for _ in 0..30 {
            queue.tell(&mut queues);
            queue.pass(SECOND_US, in_per_s, out_per_s);
        }
        queue.tell(&mut queues);
        let [health] = queues.health() else { panic!("one queue") };
        assert!(near(Some(health.length), Some(600_000.0)), "{health:?}");
        assert!(near(health.dequeue_per_s, Some(40_000.0)), "{health:?}");
        assert!(near(health.enqueue_per_s, Some(in_per_s)), "{health:?}");
        assert!(near(health.delay_s, Some(15.0)), "{health:?}");
        let Some(drain @ Drain::After { seconds }) = health.drain else { panic!("{health:?}") };
        assert!(near(Some(seconds), Some(41.0)), "{health:?}");
        assert_eq!(drain.to_string(), "41 s");
    }
}

#[test]
fn a_queue_that_grows_drains_never_and_an_empty_one_at_once() {
    let mut queues = Queues::new(spec(false, true), vec![]);
    let mut queue = Exact { at_us: SECOND_US, ..Exact::default() };
    queue.tell(&mut queues);
    let first = queues.health()[0].clone();
    assert_eq!((first.length, first.delay_s, first.drain), (0.0, None, None), "one reading says no rate");
    queue.pass(SECOND_US, 0.0, 0.0);
    queue.tell(&mut queues);
    assert_eq!(queues.health()[0].delay_s, Some(0.0));
    assert_eq!(queues.health()[0].drain, Some(Drain::After { seconds: 0.0 }));
    queue.pass(SECOND_US, 100.0, 50.0);
    queue.tell(&mut queues);
    let health = &queues.health()[0];
    assert!(health.delay_s.is_some_and(|delay_s| delay_s > 0.0), "{health:?}");
    assert_eq!(health.drain, Some(Drain::Never));
    assert_eq!(Drain::Never.to_string(), "never");
}

#[test]
fn a_length_alone_says_when_it_drains() {
    let mut queues = Queues::new(spec(false, false), vec![]);
    let mut queue = Exact { at_us: 0, came: 1_000.0, went: 0.0 };
    for _ in 0..20 {
        queue.tell(&mut queues);
        queue.pass(SECOND_US, 0.0, 10.0);
    }
    let health = &queues.health()[0];
    assert_eq!((health.length, health.dequeue_per_s, health.delay_s), (810.0, None, None));
    assert_eq!(health.drain, Some(Drain::After { seconds: 81.0 }));
}

#[test]
fn what_is_absent_gives_no_health() {
    let mut queues = Queues::new(Queues::default_specs(), vec![]);
    queues.update(1, &|name| (name != "server.mail_waiting").then_some(f64::NAN));
    assert_eq!(queues.health(), []);
    queues.update(2, &|name| (name == "server.mail_waiting").then_some(3.0));
    let [health] = queues.health() else { panic!("one") };
    assert_eq!((health.name.as_str(), health.length, health.delay_s), ("server.mail", 3.0, None));
}

#[test]
fn a_server_that_began_anew_has_no_rate_for_that_interval() {
    let mut queues = Queues::new(spec(false, true), vec![]);
    let mut queue = Exact { at_us: 0, came: 5_000.0, went: 4_000.0 };
    for _ in 0..10 {
        queue.tell(&mut queues);
        queue.pass(SECOND_US, 100.0, 100.0);
    }
    queue = Exact { at_us: queue.at_us, came: 20.0, went: 10.0 };
    for _ in 0..10 {
        queue.tell(&mut queues);
        queue.pass(SECOND_US, 100.0, 100.0);
    }
    let health = &queues.health()[0];
    assert!(near(health.enqueue_per_s, Some(100.0)) && near(health.dequeue_per_s, Some(100.0)), "{health:?}");
}

/// What followed used to stay as high as before the drop, and for the rest of the run nothing seemed to come in.
#[test]
fn letters_that_are_dropped_leave_no_trace_in_later_rates() {
    const PER_S: f64 = 977.0 * 1024.0;
    for steady in [0, 30] {
        let mut queues = Queues::new(spec(false, true), vec![]);
        let mut queue = Exact { at_us: SECOND_US, came: 100e6, went: 0.0 };
        for _ in 0..=steady {
            queue.tell(&mut queues);
            queue.pass(SECOND_US, PER_S, PER_S);
        }
        // 99 MB are gone, and none of them was dequeued.
        queue.came -= 99e6 + PER_S;
        queue.went -= PER_S;
        for second in 0..300 {
            queue.tell(&mut queues);
            queue.pass(SECOND_US, PER_S, PER_S);
            let health = &queues.health()[0];
            if second >= 2 {
                assert!(near(health.enqueue_per_s, Some(PER_S)), "after {second} s: {health:?}");
                assert_eq!(health.drain, Some(Drain::Never), "after {second} s: {health:?}");
            }
        }
        let health = &queues.health()[0];
        assert!(near(health.dequeue_per_s, Some(PER_S)), "{health:?}");
        assert!(near(health.delay_s, Some(1e6 / PER_S)), "{health:?}");
    }
}

/// A length that is read a moment after its counter is off by what came between.
#[test]
fn a_length_read_a_moment_off_makes_no_rate() {
    let mut queues = Queues::new(spec(true, false), vec![]);
    let mut queue = Exact { at_us: SECOND_US, came: 10.0, went: 0.0 };
    for second in 0..50 {
        let early = if second % 5 == 4 { 40.0 } else { 0.0 };
        queues.update(queue.at_us, &|name| match name {
            "length" => Some(queue.came - queue.went + early),
            "in" => Some(queue.came),
            _ => None,
        });
        queue.pass(SECOND_US, 0.0, 0.0);
        queue.came += early;
    }
    // Nothing ever went out.
    assert_eq!(queues.health()[0].dequeue_per_s, Some(0.0));
}

/// The names and attributes of the marks so far.
fn told(queues: &mut Queues) -> Vec<(String, String)> {
    let text =
        |mark: &Mark, name: &str| mark.attributes.get(name).map(|value| value.to_string().replace('"', ""));
    let tell = |mark: Mark| (mark.name.clone(), text(&mark, "threshold").expect("a threshold"));
    queues.take_marks().into_iter().map(tell).collect()
}

fn pairs(marks: &[(&str, &str)]) -> Vec<(String, String)> {
    marks.iter().map(|(name, threshold)| ((*name).to_owned(), (*threshold).to_owned())).collect()
}

#[test]
fn an_alert_is_raised_once_and_cleared_with_hysteresis() {
    let threshold = Threshold { queue: "ma*".into(), length: Some(100.0), delay_s: None };
    let mut queues = Queues::new(spec(false, true), vec![threshold]);
    let mut at_us = 0;
    let mut length = |length: f64, queues: &mut Queues| {
        at_us += SECOND_US;
        queues.update(at_us, &|name| if name == "length" { Some(length) } else { Some(at_us as f64) });
        told(queues)
    };
    assert_eq!(length(100.0, &mut queues), []);
    assert_eq!(length(101.0, &mut queues), pairs(&[("alert.raised", "length over 100")]));
    let alert = Alert { since_us: 2 * SECOND_US, threshold: "length over 100".into() };
    for calm in [101.0, 90.0, 51.0, 50.0, 50.0, 51.0, 0.0, 0.0] {
        assert_eq!(length(calm, &mut queues), []);
        assert_eq!(queues.health()[0].alert.as_ref(), Some(&alert), "at {calm}");
    }
    assert_eq!(length(50.0, &mut queues), pairs(&[("alert.cleared", "length over 100")]));
    assert_eq!(queues.health()[0].alert, None);
    assert_eq!(length(101.0, &mut queues), pairs(&[("alert.raised", "length over 100")]));
}

#[test]
fn a_dead_queue_is_past_any_delay_once_something_has_waited_that_long() {
    let threshold = Threshold { queue: "mail".into(), length: None, delay_s: Some(5.0) };
    let mut queues = Queues::new(spec(false, true), vec![threshold]);
    let mut queue = Exact::default();
    queue.tell(&mut queues);
    queue.pass(60 * SECOND_US, 0.0, 0.0);
    queue.tell(&mut queues);
    queue.pass(0, 7.0, 0.0);
    for waited in 1..=5 {
        queue.pass(SECOND_US, 0.0, 0.0);
        queue.tell(&mut queues);
        assert_eq!(told(&mut queues), [], "one letter after a quiet minute is no alarm: {waited} s");
    }
    queue.pass(SECOND_US, 0.0, 0.0);
    queue.tell(&mut queues);
    let health = queues.health()[0].clone();
    assert_eq!((health.dequeue_per_s, health.delay_s, health.drain), (Some(0.0), None, Some(Drain::Never)));
    let [mark] = &queues.take_marks()[..] else { panic!("one alert") };
    let attributes = serde_json::to_value(&mark.attributes).expect("JSON");
    let expected =
        serde_json::json!({"queue":"mail","length":7.0,"drain_s":"never","threshold":"delay over 5 s"});
    assert_eq!(attributes, expected);
    assert_eq!((mark.name.as_str(), mark.at.mono_us), ("alert.raised", 66 * SECOND_US));
    assert!(mark.at.wall_us > 0);
}

fn shards(source: &str, second: u64, mail: &[f64]) -> Table {
    let row = |(shard, mail): (usize, &f64)| {
        [shard as f64, *mail, 100.0 * second as f64, 8.0, 10.0 * second as f64].map(Cell::Number).to_vec()
    };
    Table {
        at: Stamp { mono_us: second * SECOND_US, wall_us: 0 },
        source: source.into(),
        name: "shards".into(),
        columns: ["shard", "mail_queue", "served", "outbox_bytes", "outboxed_bytes"]
            .map(str::to_owned)
            .to_vec(),
        rows: mail.iter().enumerate().map(row).collect(),
    }
}

#[test]
fn each_shard_has_two_queues() {
    let mut queues = Queues::new(vec![], vec![]);
    for second in 1..20 {
        queues.update_table(&shards("server", second, &[50.0, 200.0]));
    }
    let seen: Vec<_> = queues.health().iter().map(|health| (health.name.as_str(), health.delay_s)).collect();
    let expected = [
        ("mail of shard 0", Some(0.5)),
        ("mail of shard 1", Some(2.0)),
        ("outboxes of shard 0", Some(0.8)),
        ("outboxes of shard 1", Some(0.8)),
    ];
    assert_eq!(seen.len(), expected.len());
    for ((name, delay_s), expected) in seen.into_iter().zip(expected) {
        assert!(name == expected.0 && near(delay_s, expected.1), "{name} {delay_s:?}");
    }
    queues.update_table(&shards("generator", 20, &[1.0]));
    assert_eq!(queues.health()[4].name, "generator: mail of shard 0");
    // Tables of other things, and torn rows, say nothing.
    let before = queues.health().to_vec();
    queues.update_table(&Table { name: "connections".into(), ..shards("server", 21, &[9.0]) });
    let mut torn = shards("server", 21, &[9.0, 9.0]);
    torn.rows.iter_mut().for_each(|row| row.truncate(1));
    queues.update_table(&torn);
    assert_eq!(queues.health(), before);
}

#[test]
fn a_queue_that_falls_silent_is_forgotten_and_may_come_again() {
    let mut queues = Queues::new(spec(false, true), vec![]);
    for second in 1..4 {
        queues.update_table(&shards("server", second, &[1.0, 99.0]));
    }
    let alive = |at_us: u64, queues: &mut Queues| {
        queues.update(at_us, &|_| Some(0.0));
        queues.health().len()
    };
    assert_eq!(alive(13 * SECOND_US, &mut queues), 5);
    assert_eq!(alive(13 * SECOND_US + 1, &mut queues), 1);
    queues.update_table(&shards("server", 14, &[1.0]));
    assert_eq!(queues.health().len(), 3);
    assert_eq!(queues.health()[1].name, "mail of shard 0");
    assert_eq!(told(&mut queues), []);
}

/// The alert of a queue that fell silent used to be cleared, at the worst moment.
#[test]
fn an_alert_outlasts_the_silence_of_its_queue() {
    let threshold = Threshold { queue: "mail of *".into(), length: Some(100_000.0), delay_s: None };
    let mut queues = Queues::new(spec(false, true), vec![threshold]);
    for second in 1..4 {
        queues.update_table(&shards("server", second, &[1.0, 600_000.0]));
    }
    assert_eq!(told(&mut queues), pairs(&[("alert.raised", "length over 100000")]));
    let loud = queues.health()[1].clone();
    assert_eq!((loud.name.as_str(), loud.silent_s), ("mail of shard 1", None));

    let mut marks = vec![];
    for second in 4..=63 {
        queues.update(second * SECOND_US, &|_| None);
        marks.append(&mut queues.take_marks());
    }
    let [mark] = &marks[..] else { panic!("one mark: {marks:?}") };
    assert_eq!((mark.name.as_str(), mark.at.mono_us), ("alert.silent", 14 * SECOND_US));
    let expected = serde_json::json!({
        "queue": "mail of shard 1", "length": 600_000.0, "delay_s": 6_000.0, "drain_s": "never",
        "threshold": "length over 100000", "silent_s": 11.0,
    });
    assert_eq!(serde_json::to_value(&mark.attributes).expect("JSON"), expected);
    assert_eq!(queues.health(), [Health { silent_s: Some(60.0), ..loud.clone() }], "the last figures");

    // What comes again is judged as usual.
    for (second, mail) in [(64, 600_000.0), (65, 0.0), (66, 0.0)] {
        queues.update_table(&shards("server", second, &[1.0, mail]));
        assert_eq!(told(&mut queues), []);
        let health = queues.health().iter().find(|health| health.name == loud.name).expect("still there");
        assert_eq!((health.silent_s, &health.alert), (None, &loud.alert));
    }
    queues.update_table(&shards("server", 67, &[1.0, 0.0]));
    assert_eq!(told(&mut queues), pairs(&[("alert.cleared", "length over 100000")]));
}

#[test]
fn slow_samplers_keep_their_queues() {
    let mut queues = Queues::new(spec(false, true), vec![]);
    for minute in 1..5 {
        // Two sources, each once a minute, half a minute apart.
        queues.update(minute * 60 * SECOND_US, &|_| Some(1.0));
        queues.update_table(&shards("server", minute * 60 + 30, &[1.0]));
        assert_eq!(queues.health().len(), 3, "minute {minute}");
    }
    assert!(queues.health().iter().all(|health| health.dequeue_per_s.is_some()));
}

#[test]
fn there_are_so_many_queues_and_no_more() {
    let mut queues = Queues::new(vec![], vec![]);
    queues.update_table(&shards("server", 1, &vec![0.0; QUEUES_MAX]));
    assert_eq!(queues.health().len(), QUEUES_MAX);
}

#[test]
fn steady_queues_allocate_nothing() {
    let mut queues = Queues::new(spec(false, true), vec![]);
    let tables: Vec<_> = (1..30).map(|second| shards("server", second, &[1.0, 2.0])).collect();
    let mut update = |table: &Table| {
        queues.update_table(table);
        queues.update(table.at.mono_us, &|_| Some(table.at.mono_us as f64));
    };
    tables[..5].iter().for_each(&mut update);
    let allocated = allocation_counter::measure(|| tables[5..].iter().for_each(&mut update));
    assert_eq!(allocated.count_total, 0);
}

proptest! {
    /// Whichever two of the three are told, the third is the same.
    #[test]
    fn what_came_is_what_went_and_what_is_there(
        steps in prop::collection::vec((1_000u64..5_000_000, 0u32..100_000, 0.0..1.0f64), 2..60),
    ) {
        let mut told = [(true, true), (false, true), (true, false)].map(|(i, o)| Queues::new(spec(i, o), vec![]));
        let mut queue = Exact { at_us: 1, came: 500.0, went: 0.0 };
        for (elapsed_us, came, share) in steps {
            told.iter_mut().for_each(|queues| queue.tell(queues));
            let there = queue.came - queue.went + f64::from(came);
            queue.pass(elapsed_us, came.into(), (there * share).floor());
        }
        told.iter_mut().for_each(|queues| queue.tell(queues));
        let [all, without_in, without_out] = told.map(|queues| queues.health()[0].clone());
        for other in [without_in, without_out] {
            prop_assert!(near(all.enqueue_per_s, other.enqueue_per_s), "{all:?} {other:?}");
            prop_assert!(near(all.dequeue_per_s, other.dequeue_per_s), "{all:?} {other:?}");
            prop_assert_eq!(all.length, other.length);
        }
        let dequeue = all.dequeue_per_s.expect("two readings");
        prop_assert!(dequeue == 0.0 || near(all.delay_s.map(|delay_s| delay_s * dequeue), Some(all.length)));
        let shrinks = dequeue - all.enqueue_per_s.expect("two readings");
        match all.drain.expect("two readings") {
            Drain::After { seconds } => prop_assert!(near(Some(seconds * shrinks), Some(all.length)) || all.length == 0.0),
            Drain::Never => prop_assert!(shrinks <= 0.0 && all.length > 0.0),
        }
    }
}

//! Which queues are followed, and past which thresholds they alarm, as a mark: so that whoever reads a recording follows
//! the queues that its writer followed.
//!
//! ```json
//! {"frame":"mark",…,"source":"queues","name":"queues.described","attributes":{
//!   "queues":[{"name":"jobs","length":"jobs.waiting","dequeued":"jobs.done"}],
//!   "thresholds":[{"queue":"jobs","length":100000.0,"delay_s":5.0}]}}
//! ```
//!
//! What a later version adds to a queue or a threshold is not read, and one that cannot be read is left out.

use std::collections::BTreeMap;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::queue::QUEUES_MAX;
use crate::{Mark, QueueSpec, Queues, Stamp, Threshold};

/// What the mark is called.
const NAME: &str = "queues.described";

impl Queues {
    /// The mark that says, now, which queues are followed. At most [`QUEUES_MAX`] of either are told of.
    pub fn describe(specs: &[QueueSpec], thresholds: &[Threshold]) -> Mark {
        let attributes = [("queues", values(specs)), ("thresholds", values(thresholds))];
        Mark {
            at: Stamp::now(),
            source: "queues".to_owned(),
            name: NAME.to_owned(),
            attributes: attributes.map(|(name, value)| (name.to_owned(), value)).into(),
        }
    }

    /// Which queues `mark` says were followed. `None` for any other mark. At most [`QUEUES_MAX`] of either are read.
    pub fn described_by(mark: &Mark) -> Option<(Vec<QueueSpec>, Vec<Threshold>)> {
        (mark.name == NAME).then(|| (list(&mark.attributes, "queues"), list(&mark.attributes, "thresholds")))
    }
}

fn values(of: &[impl Serialize]) -> Value {
    let value = |one| serde_json::to_value(one).expect("names and figures are what JSON can say");
    of.iter().take(QUEUES_MAX).map(value).collect()
}

fn list<T: DeserializeOwned>(attributes: &BTreeMap<String, Value>, name: &str) -> Vec<T> {
    let values = attributes.get(name).and_then(Value::as_array);
    values.into_iter().flatten().take(QUEUES_MAX).filter_map(|value| T::deserialize(value).ok()).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::Frame;

    fn spec(name: &str, dequeued: Option<&str>) -> QueueSpec {
        QueueSpec {
            name: name.into(),
            length: "waiting".into(),
            enqueued: None,
            dequeued: dequeued.map(Into::into),
        }
    }

    #[test]
    fn what_is_described_is_read_back_from_its_line() {
        let specs = vec![spec("jobs", Some("done")), spec("mail", None)];
        let thresholds = vec![
            Threshold { queue: "jobs".into(), length: Some(1e5), delay_s: Some(0.1) },
            Threshold { queue: "m*".into(), length: None, delay_s: None },
        ];
        let mut line = Vec::new();
        Frame::Mark(Queues::describe(&specs, &thresholds)).to_line(&mut line);
        let Ok(Some(Frame::Mark(mark))) = Frame::parse(&line) else { panic!("a mark") };
        assert_eq!(mark.name, "queues.described");
        assert_eq!(Queues::described_by(&mark), Some((specs, thresholds)));
        assert_eq!(Queues::described_by(&Mark { name: "knob".into(), ..mark }), None);
    }

    #[test]
    fn what_is_strange_is_left_out_and_there_is_an_end() {
        let attributes = [
            (
                "queues".to_owned(),
                json!([3, {"name": "a"}, {"name": "b", "length": "waiting", "mood": 3}, null]),
            ),
            ("thresholds".to_owned(), json!("none")),
        ];
        let mark = Mark { name: NAME.into(), attributes: attributes.into(), ..Mark::default() };
        assert_eq!(Queues::described_by(&mark), Some((vec![spec("b", None)], vec![])));
        let empty = Mark { attributes: BTreeMap::new(), ..mark.clone() };
        assert_eq!(Queues::described_by(&empty), Some((vec![], vec![])));

        let many = vec![spec("a", None); QUEUES_MAX + 1];
        let told = Queues::describe(&many, &[]);
        assert_eq!(told.attributes["queues"].as_array().map(Vec::len), Some(QUEUES_MAX));
        let queues = ("queues".to_owned(), serde_json::to_value(&many).expect("JSON"));
        let mark = Mark { attributes: [queues].into(), ..mark };
        assert_eq!(Queues::described_by(&mark).map(|(specs, _)| specs.len()), Some(QUEUES_MAX));
    }
}

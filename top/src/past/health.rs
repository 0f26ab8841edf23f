//! Which queues are followed, and when somebody should look at one: what the recording says of it, and where it says
//! nothing, what any machine and any chat has.

use telemetry::{Mark, QueueSpec, Queues, Threshold};

/// A queue in which what comes in now will wait for longer is an alert.
const DELAY_MAX_S: f64 = 5.0;

/// What a recording says was followed, and past which thresholds it alarmed.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Described {
    specs: Vec<QueueSpec>,
    thresholds: Vec<Threshold>,
}

impl Default for Described {
    fn default() -> Described {
        let any = Threshold { queue: "*".into(), length: None, delay_s: Some(DELAY_MAX_S) };
        Described { specs: Queues::default_specs(), thresholds: vec![any] }
    }
}

impl Described {
    /// What a mark says, if it is one that says it. Of what it does not say, there is what there is anyway.
    pub(crate) fn by(mark: &Mark) -> Option<Described> {
        let (specs, thresholds) = Queues::described_by(mark)?;
        let mut described = Described::default();
        if !specs.is_empty() {
            described.specs = specs;
        }
        if !thresholds.is_empty() {
            described.thresholds = thresholds;
        }
        Some(described)
    }

    /// The queues, of which nothing has been told yet.
    pub(crate) fn queues(&self) -> Queues {
        Queues::new(self.specs.clone(), self.thresholds.clone())
    }
}

//! Which queues are followed, and when somebody should look at one.

use telemetry::{Queues, Threshold};

/// A queue in which what comes in now will wait for longer is an alert.
const DELAY_MAX_S: f64 = 5.0;

/// The queues of any machine and any chat.
pub(crate) fn queues() -> Queues {
    let any = Threshold { queue: "*".into(), length: None, delay_s: Some(DELAY_MAX_S) };
    Queues::new(Queues::default_specs(), vec![any])
}

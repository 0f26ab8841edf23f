//! Stand-in until telemetry's queues are merged.
use telemetry::{Mark, Table};

#[derive(Debug, Default)]
pub(crate) struct Queues {
    health: Vec<Health>,
}

#[derive(Debug, Clone)]
#[allow(dead_code)]
pub(crate) struct Health {
    pub name: String,
    pub at_us: u64,
    pub length: f64,
    pub enqueue_per_s: Option<f64>,
    pub dequeue_per_s: Option<f64>,
    pub delay_s: Option<f64>,
    pub drain: Option<Drain>,
    pub alert: Option<()>,
}
#[derive(Debug, Clone, Copy)]
#[allow(dead_code)]
pub(crate) enum Drain {
    After { seconds: f64 },
    Never,
}

pub(crate) fn queues() -> Queues {
    Queues::default()
}

impl Queues {
    pub(crate) fn update(&mut self, _at_us: u64, _value: &dyn Fn(&str) -> Option<f64>) {}
    pub(crate) fn update_table(&mut self, _table: &Table) {}
    pub(crate) fn health(&self) -> &[Health] {
        &self.health
    }
    pub(crate) fn take_marks(&mut self) -> Vec<Mark> {
        Vec::new()
    }
}

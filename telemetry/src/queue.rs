//! stub until A's lands
#![allow(missing_docs)]
use crate::{Mark, Table};
#[derive(Debug, Clone, PartialEq)]
pub struct QueueSpec {
    pub name: String,
    pub length: String,
    pub enqueued: Option<String>,
    pub dequeued: Option<String>,
}
#[derive(Debug, Clone, PartialEq)]
pub struct Alert;
#[derive(Debug, Clone, PartialEq)]
pub struct Health {
    pub name: String,
    pub at_us: u64,
    pub length: f64,
    pub enqueue_per_s: Option<f64>,
    pub dequeue_per_s: Option<f64>,
    pub delay_s: Option<f64>,
    pub drain: Option<Drain>,
    pub alert: Option<Alert>,
}
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Drain {
    After { seconds: f64 },
    Never,
}
#[derive(Debug, Clone, PartialEq)]
pub struct Threshold {
    pub queue: String,
    pub length: Option<f64>,
    pub delay_s: Option<f64>,
}
#[derive(Debug, Default)]
pub struct Queues;
impl Queues {
    pub fn new(_: Vec<QueueSpec>, _: Vec<Threshold>) -> Queues {
        Queues
    }
    pub fn update(&mut self, _: u64, _: &dyn Fn(&str) -> Option<f64>) {}
    pub fn update_table(&mut self, _: &Table) {}
    pub fn health(&self) -> &[Health] {
        &[]
    }
    pub fn take_marks(&mut self) -> Vec<Mark> {
        Vec::new()
    }
    pub fn default_specs() -> Vec<QueueSpec> {
        Vec::new()
    }
}

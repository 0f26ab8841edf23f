//! Devices by name: lines of a file that each belong to one, a bounded number of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use telemetry::{Kind, Meaning};

use crate::Values;
use crate::meanings::{Row, explain_behind};
use crate::since::Since;

/// The devices met so far, each with `N` figures. One that goes away keeps its place, for when it comes again.
#[derive(Debug)]
pub(crate) struct Devices<const N: usize> {
    /// What stands before a device's name.
    prefix: &'static str,
    /// What each figure is called behind it.
    rows: &'static [Row; N],
    max: usize,
    known: Vec<Device<N>>,
    /// Where the next line's device probably is: one behind the last.
    next: usize,
}

#[derive(Debug)]
struct Device<const N: usize> {
    name: String,
    names: [Arc<str>; N],
    first: [Since; N],
}

impl<const N: usize> Devices<N> {
    /// None yet, and never more than `max`: those that come later are left out.
    pub(crate) fn new(prefix: &'static str, rows: &'static [Row; N], max: usize) -> Devices<N> {
        Devices { prefix, rows, max, known: Vec::new(), next: 0 }
    }

    /// Puts a device's figures. One that has never done anything is not worth its names, and is left out.
    pub(crate) fn put(&mut self, name: &str, figures: [u64; N], out: &mut Values) {
        let Some(index) = self.find(name).or_else(|| self.add(name, &figures)) else { return };
        self.next = index + 1;
        let device = &mut self.known[index];
        for (((name, first), now), (_, kind, _)) in
            device.names.iter().zip(&mut device.first).zip(figures).zip(self.rows)
        {
            out.push(name, if *kind == Kind::Counter { first.count(now) } else { now as f64 });
        }
    }

    fn find(&self, name: &str) -> Option<usize> {
        let expected = self.known.get(self.next).filter(|device| device.name == name);
        if expected.is_some() {
            return Some(self.next);
        }
        self.known.iter().position(|device| device.name == name)
    }

    fn add(&mut self, name: &str, figures: &[u64; N]) -> Option<usize> {
        if self.known.len() >= self.max || figures.iter().all(|&figure| figure == 0) {
            return None;
        }
        let names =
            std::array::from_fn(|index| format!("{}.{name}.{}", self.prefix, self.rows[index].0).into());
        self.known.push(Device { name: name.to_owned(), names, first: [Since::default(); N] });
        Some(self.known.len() - 1)
    }

    pub(crate) fn meanings(&self, out: &mut BTreeMap<String, Meaning>) {
        for device in &self.known {
            explain_behind(out, &format!("{}.{}", self.prefix, device.name), self.rows);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    static ROWS: [Row; 2] = [("seen", Kind::Counter, "Seen."), ("now", Kind::Gauge, "Now.")];

    #[test]
    fn devices_come_and_go_within_their_bound() {
        let mut devices = Devices::new("host.test", &ROWS, 2);
        let mut values = Values::new();
        devices.put("idle", [0, 0], &mut values);
        devices.put("a", [10, 1], &mut values);
        devices.put("b", [20, 2], &mut values);
        devices.put("c", [30, 3], &mut values);
        assert_eq!(values.len(), 4, "{values:?}");
        values.clear();
        devices.put("b", [25, 2], &mut values);
        devices.put("a", [4, 0], &mut values);
        let expected = [
            ("host.test.b.seen", 5.0),
            ("host.test.b.now", 2.0),
            ("host.test.a.seen", 4.0),
            ("host.test.a.now", 0.0),
        ];
        assert_eq!(values.iter().collect::<Vec<_>>(), expected, "a was taken away, and began anew");
        let mut meanings = BTreeMap::new();
        devices.meanings(&mut meanings);
        assert_eq!(meanings.len(), 4);
    }
}

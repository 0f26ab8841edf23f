//! The views: what each shows of a moment, as a [`Page`]. One file each; none of them knows of a screen.

mod connections;
mod events;
mod flood;
mod memory;
mod os;
mod queues;
mod shards;

use std::time::Duration;

use telemetry::By;

use crate::grid::Page;
use crate::past::history::History;
use crate::past::moment::Moment;
use crate::screen::theme::Tone;

/// A way to look at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum View {
    /// The server's shards.
    #[default]
    Shards,
    /// Its top connections.
    Connections,
    /// What waits, and for how long.
    Queues,
    /// The machine and the processes.
    Os,
    /// The flood against its plan.
    Flood,
    /// What a connection costs.
    Memory,
    /// What happened.
    Events,
}

impl View {
    /// All of them, in the order of their tabs.
    pub const ALL: [View; 7] =
        [View::Shards, View::Connections, View::Queues, View::Os, View::Flood, View::Memory, View::Events];

    /// Its name in arguments and exports.
    pub fn name(self) -> &'static str {
        match self {
            View::Shards => "shards",
            View::Connections => "connections",
            View::Queues => "queues",
            View::Os => "os",
            View::Flood => "flood",
            View::Memory => "memory",
            View::Events => "events",
        }
    }

    /// The view of that name.
    pub fn named(name: &str) -> Option<View> {
        View::ALL.into_iter().find(|view| view.name() == name)
    }

    /// Its tab, and which letter of it is its key.
    pub(crate) fn tab(self) -> (&'static str, usize) {
        match self {
            View::Shards => ("Shards", 0),
            View::Connections => ("Connections", 0),
            View::Queues => ("Queues", 1),
            View::Os => ("OS", 0),
            View::Flood => ("Flood", 1),
            View::Memory => ("Memory", 0),
            View::Events => ("Events", 1),
        }
    }

    /// The key that shows it.
    pub(crate) fn key(self) -> char {
        let (tab, letter) = self.tab();
        tab.chars().nth(letter).unwrap_or(' ').to_ascii_lowercase()
    }

    /// Its place among the tabs.
    pub(crate) fn index(self) -> usize {
        View::ALL.iter().position(|&view| view == self).unwrap_or(0)
    }

    /// The view `steps` tabs further.
    pub(crate) fn next(self, steps: usize) -> View {
        View::ALL[(self.index() + steps) % View::ALL.len()]
    }

    /// The column that it is sorted by at first, largest first; `None`: the order of its rows.
    pub(crate) fn sort(self) -> Option<usize> {
        match self {
            View::Shards => Some(shards::DELTA),
            View::Queues => Some(queues::DELAY),
            View::Connections | View::Os | View::Flood | View::Memory | View::Events => None,
        }
    }
}

/// What views draw on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scene<'a> {
    /// All that was said.
    pub(crate) history: &'a History,
    /// The moment that is looked at.
    pub(crate) moment: &'a Moment,
    /// The time that is looked at, in monotonic microseconds.
    pub(crate) at_us: u64,
    /// Whether the feed is a live server.
    pub(crate) live: bool,
    /// Whether that is the end, wherever it goes: what is, not what was.
    pub(crate) latest: bool,
    /// What makes a connection a top one.
    pub(crate) by: By,
    /// How often a live server is asked.
    pub(crate) interval: Duration,
}

impl Scene<'_> {
    /// Connections open now.
    pub(crate) fn connections(&self) -> Option<f64> {
        self.moment.value(self.connections_name())
    }

    /// The name under which connections are counted: the server says it best.
    pub(crate) fn connections_name(&self) -> &'static str {
        if self.moment.reached("server.connections").is_some() {
            "server.connections"
        } else {
            "connections.open"
        }
    }
}

/// What is said instead of figures of a server that has fallen silent.
fn silent(silence: Duration) -> (Tone, String) {
    (Tone::Warning, format!("the server has said nothing for {} s", silence.as_secs()))
}

/// What a view shows.
pub(crate) fn page(view: View, scene: &Scene<'_>) -> Page {
    match view {
        View::Shards => shards::page(scene),
        View::Connections => connections::page(scene),
        View::Queues => queues::page(scene),
        View::Os => os::page(scene),
        View::Flood => flood::page(scene),
        View::Memory => memory::page(scene),
        View::Events => events::page(scene),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_view_has_a_key_and_a_name_of_its_own() {
        let keys: BTreeSet<char> = View::ALL.into_iter().map(View::key).collect();
        assert_eq!(keys.len(), View::ALL.len());
        assert!(keys.iter().all(|key| !"qrfbew".contains(*key)), "taken by actions: {keys:?}");
        for view in View::ALL {
            assert_eq!(View::named(view.name()), Some(view));
            assert_eq!(view.next(3).next(View::ALL.len() - 3), view);
        }
    }
}

//! The result: what this machine can do at most. What was not measured is `None`, never zero.

use serde::Serialize;

/// What this machine can do at most.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Ceiling {
    /// Real memory of one loopback pair, both ends: how free memory falls with each pair opened, by least squares.
    /// `None` when there were fewer than 10,000 pairs, or the slab's growth shows that other programs took or gave
    /// back memory meanwhile.
    pub pair_bytes: Option<f64>,
    /// The part of it that the kernel's slab allocator accounts for: the cross-check.
    pub pair_slab_bytes: Option<f64>,
    /// The most pairs that memory allows: (`memory_free_bytes` - `reserve_bytes`) / `pair_bytes`.
    pub pairs_max: Option<u64>,
    /// Memory that was free in the beginning: `MemFree`, free pages on the cores' own lists, half of the file cache.
    pub memory_free_bytes: u64,
    /// Free memory that was never touched.
    pub reserve_bytes: u64,
    /// One for each number of connections, from the smallest up.
    pub steps: Vec<Step>,
    /// From before a write to after the read of who slept in epoll, in µs.
    pub wakeup_us: Option<Wakeup>,
    /// How long it took.
    pub took_s: f64,
    /// Why it ended before everything was measured.
    pub cut_short: Option<String>,
}

impl Ceiling {
    /// The largest step that measured anything.
    pub fn largest(&self) -> Option<&Step> {
        self.steps.iter().rev().find(|step| step.connects_per_s.is_some())
    }
}

/// What goes over so many connections.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Step {
    /// Connections asked for.
    pub connections: usize,
    /// Connections that were open at the same time; 0 when the step was left out.
    pub opened: usize,
    /// Connections opened per second, the larger of the arrangements' figures.
    pub connects_per_s: Option<f64>,
    /// Deliveries per second, the larger of the arrangements' figures.
    pub deliveries_per_s: Option<f64>,
    /// The arrangement that delivers more.
    pub arrangement: Option<Arrangement>,
    /// Both ends of a connection in one thread.
    pub together: Option<Rates>,
    /// The ends of a connection in different threads.
    pub apart: Option<Rates>,
    /// Why fewer connections were opened than asked for, or an arrangement is missing.
    pub note: Option<String>,
}

/// How fast one arrangement goes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Rates {
    /// Connections opened per second, request and answer included.
    pub connects_per_s: f64,
    /// Deliveries per second.
    pub deliveries_per_s: Option<f64>,
}

/// Where the ends of a connection live.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Arrangement {
    /// Both ends of a connection in one thread: nothing moves between cores, nobody is woken.
    Together,
    /// The ends in different threads, as in any real server and client.
    Apart,
}

impl Arrangement {
    /// Both, in the order in which they are measured.
    pub const ALL: [Self; 2] = [Self::Together, Self::Apart];

    /// Its name in words and in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Together => "together",
            Self::Apart => "apart",
        }
    }
}

/// Wake-up latencies, in µs.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Wakeup {
    /// The median.
    pub p50: f64,
    /// 99 of 100 are at most this.
    pub p99: f64,
    /// The longest.
    pub max: f64,
    /// How many were measured.
    pub samples: usize,
}

impl Step {
    /// Adds what one arrangement did.
    pub(crate) fn add(&mut self, arrangement: Arrangement, opened: usize, rates: Rates) {
        self.opened = self.opened.max(opened);
        match arrangement {
            Arrangement::Together => self.together = Some(rates),
            Arrangement::Apart => self.apart = Some(rates),
        }
        if self.connects_per_s.is_none_or(|most| rates.connects_per_s > most) {
            self.connects_per_s = Some(rates.connects_per_s);
        }
        if rates.deliveries_per_s > self.deliveries_per_s {
            self.deliveries_per_s = rates.deliveries_per_s;
            self.arrangement = Some(arrangement);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_larger_figure_is_the_ceiling_and_what_is_missing_is_null() {
        let mut step = Step { connections: 50, ..Step::default() };
        let rates = |connects_per_s, deliveries_per_s| Rates { connects_per_s, deliveries_per_s };
        step.add(Arrangement::Together, 50, rates(10.0, Some(70.0)));
        step.add(Arrangement::Apart, 50, rates(20.0, Some(60.0)));
        assert_eq!((step.connects_per_s, step.deliveries_per_s), (Some(20.0), Some(70.0)));
        assert_eq!(step.arrangement, Some(Arrangement::Together));
        let mut shy = Step::default();
        shy.add(Arrangement::Apart, 5, rates(1.0, None));
        assert_eq!((shy.opened, shy.deliveries_per_s, shy.arrangement), (5, None, None));
    }
}

//! Rankings and counters against counting everything.

use std::collections::HashMap;

use proptest::prelude::*;
use shard::Key;

use super::*;
use crate::heavy::COUNTERS_MAX;
use crate::ranking::{CANDIDATES_MAX, TOLD_MAX};

fn key(index: u32) -> Key {
    Key { index, generation: 1 }
}

fn profile(index: u32) -> Profile {
    Profile::nobody(key(index))
}

/// The largest values, largest first.
fn largest(values: impl Iterator<Item = u32>) -> Vec<u32> {
    let mut values: Vec<u32> = values.collect();
    values.sort_unstable_by(|a, b| b.cmp(a));
    values.truncate(TOLD_MAX);
    values
}

/// What a ranking tells, as its owner keeps it: swept when it has lost sight.
fn told(ranking: &Ranking) -> Vec<u32> {
    largest(ranking.candidates().map(|(value, _)| value))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    /// Random traffic, some connections ten times as busy, with closes; checked at every hundredth step.
    #[test]
    fn the_largest_counts_are_exact(
        connections in 1u32..1500,
        steps in prop::collection::vec((any::<u32>(), 0u32..100), 1..4000),
        closes in 0u32..10,
    ) {
        let mut ranking = Ranking::default();
        let mut counts: HashMap<u32, u32> = HashMap::new();
        for (step, (random, kind)) in steps.into_iter().enumerate() {
            let busy = connections.div_ceil(10);
            let index = if random % 2 == 0 { random / 2 % connections } else { random / 2 % busy };
            if kind < closes {
                counts.remove(&index);
                ranking.remove(index);
            } else {
                let count = counts.entry(index).or_insert(0);
                *count += 1;
                ranking.offer(key(index), *count, || Some(profile(index)));
            }
            if ranking.has_lost_sight() {
                ranking.start_over();
                counts.iter().for_each(|(&index, &count)| ranking.offer(key(index), count, || Some(profile(index))));
            }
            if step % 100 == 0 {
                prop_assert_eq!(told(&ranking), largest(counts.values().copied()));
            }
        }
        prop_assert_eq!(told(&ranking), largest(counts.values().copied()));
        for (value, index) in ranking.candidates() {
            prop_assert_eq!(Some(&value), counts.get(&index), "a candidate that is not there");
        }
    }

    /// Between sweeps a few may leave and nothing is lost.
    #[test]
    fn a_few_may_leave_before_sight_is_lost(leaving in prop::collection::btree_set(0usize..CANDIDATES_MAX, 0..17)) {
        let mut ranking = Ranking::default();
        (0..1000).for_each(|index| ranking.offer(key(index), index + 1, || Some(profile(index))));
        let there: Vec<u32> = ranking.candidates().map(|(_, index)| index).collect();
        leaving.iter().for_each(|&place| ranking.remove(there[place]));
        prop_assert!(!ranking.has_lost_sight());
        let left = (0..1000).filter(|index| !leaving.iter().any(|&place| there[place] == *index));
        prop_assert_eq!(told(&ranking), largest(left.map(|index| index + 1)));
    }

    /// Metwally's promises, with connections that are closed.
    #[test]
    fn space_saving_keeps_its_bounds(
        steps in prop::collection::vec((any::<u32>(), 1u64..5000, 0u32..100), 1..4000),
        connections in 1u32..3000,
        closes in 0u32..4,
    ) {
        let mut heavy = Heavy::default();
        let mut truth: HashMap<u32, u64> = HashMap::new();
        let mut total = 0;
        for (random, bytes, kind) in steps {
            // Squared, so that few get most.
            let share = f64::from(random) / f64::from(u32::MAX);
            let index = (share * share * f64::from(connections - 1)) as u32;
            if kind < closes {
                heavy.remove(index);
                truth.remove(&index);
                prop_assert_eq!(heavy.bytes(index), None);
            } else {
                heavy.add(key(index), bytes, 1, || Some(profile(index)));
                *truth.entry(index).or_insert(0) += bytes;
                total += bytes;
            }
        }
        let bound = total / COUNTERS_MAX as u64;
        for (&index, &true_bytes) in &truth {
            match heavy.bytes(index) {
                Some(Bytes { count, error }) => {
                    prop_assert!(count >= true_bytes, "{count} < {true_bytes}");
                    prop_assert!(count - error <= true_bytes, "{count} - {error} > {true_bytes}");
                    prop_assert!(error <= bound || closes > 0, "{error} > {bound}");
                }
                None => prop_assert!(true_bytes <= bound || closes > 0, "{true_bytes} uncounted, {bound} is the bound"),
            }
        }
        prop_assert!(truth.len() > COUNTERS_MAX || closes > 0 || truth.keys().all(|&index| {
            heavy.bytes(index) == Some(Bytes { count: truth[&index], error: 0 })
        }), "few connections are counted exactly");
        for (count, index) in heavy.candidates() {
            prop_assert_eq!(heavy.bytes(index).map(|bytes| bytes.count), Some(count));
            prop_assert!(truth.contains_key(&index), "a closed connection has a counter");
        }
    }
}

#[test]
fn equal_values_fill_the_ranking_once() {
    let mut ranking = Ranking::default();
    let mut drawn_up = 0;
    for index in 0..100_000 {
        ranking.offer(key(index), 1, || {
            drawn_up += 1;
            Some(profile(index))
        });
    }
    assert_eq!((drawn_up, ranking.floor()), (CANDIDATES_MAX, 1), "who is not in front costs no system call");
    assert!(!ranking.has_lost_sight());
}

#[test]
fn the_oldest_rank_first_whatever_the_time() {
    assert!(by_age(0) > by_age(1) && by_age(65_535) > by_age(65_536));
    let asked = Asked::default();
    let started = Instant::now();
    assert!(!asked.is_recent(started, started), "nobody has asked");
    asked.now(started);
    assert!(asked.is_recent(started, started + ASKED_TIME / 2));
    assert!(!asked.is_recent(started, started + ASKED_TIME * 2));
}

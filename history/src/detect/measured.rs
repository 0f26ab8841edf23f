//! False alarms and detection, measured. The tables in docs/history.md come from more series of the same kinds.

use rand::RngExt as _;

use self::noise::{DEFAULTS, MIX, Noise, rng};
use super::*;
use crate::rules::Rule;

#[path = "../../examples/false_alarms/noise.rs"]
mod noise;

const SEED: u64 = 20_261_121;

fn least(ratio_min: f64) -> Effect {
    Effect { ratio_min, absolute_min: 0.0 }
}

#[test]
fn at_most_one_false_alarm_in_two_hundred_series() {
    let mut alarms = Vec::new();
    for (kind, noise) in MIX.iter().enumerate() {
        for number in 0..10 {
            let mut rng = rng(SEED, kind * 10 + number);
            let n = rng.random_range(20..=100);
            let found = changes(&noise.series(n, &mut rng), &least(noise.ratio_min()));
            if !found.is_empty() {
                alarms.push((kind, number, n, found));
            }
        }
    }
    assert!(alarms.len() <= 1, "seed {SEED}: {alarms:?}");
}

/// The same with the least effects that the gate has for the metrics of the recording. Not the latencies with 200 and
/// 10,000 connections: their hours differ tenfold, which is a change (docs/history.md has their figures).
#[test]
fn at_most_one_false_alarm_in_two_hundred_series_at_defaults() {
    let mut alarms = Vec::new();
    for number in 0..200 {
        let kinds: Vec<_> =
            DEFAULTS.iter().filter(|kind| kind.1.starts_with("memory.") || kind.0 == "2000").collect();
        let (connections, metric) = kinds[number % kinds.len()];
        let mut rng = rng(SEED, 4_000 + number);
        let n = rng.random_range(20..=100);
        let series = Noise::Recorded(connections, metric).series(n, &mut rng);
        let found = changes(&series, &Rule::of(metric, false).effect);
        if !found.is_empty() {
            alarms.push((connections, metric, number, n, found));
        }
    }
    assert!(alarms.len() <= 1, "seed {SEED}: {alarms:?}");
}

/// As a CI does it: every new value is a new chance for a false alarm.
#[test]
fn few_series_of_sixty_raise_an_alarm_at_any_commit() {
    let kinds = [MIX[0], MIX[1], MIX[2], Noise::Normal(0.03), Noise::Student(3.0), Noise::LogNormal(0.3)];
    let mut alarms = Vec::new();
    for (kind, noise) in kinds.iter().enumerate() {
        for number in 0..8 {
            let series = noise.series(60, &mut rng(SEED, 1_000 + kind * 10 + number));
            let alarm = (POINTS_MIN..=60)
                .find(|commits| !changes(&series[..*commits], &least(noise.ratio_min())).is_empty());
            alarms.extend(alarm.map(|commits| (kind, number, commits)));
        }
    }
    // About 1 in 40 are expected.
    assert!(alarms.len() <= 4, "seed {SEED}, 48 series: {alarms:?}");
}

/// For each of twelve series: how many values after a step at 40 it takes to see it, if 30 are enough, and whether the
/// range then holds the place.
fn seen(noise: Noise, step: f64) -> Vec<(usize, bool)> {
    const AT: usize = 40;
    let delays = [3, 4, 5, 6, 8, 10, 14, 20, 30];
    let one = |number: usize| {
        let mut series = noise.series(AT + 30, &mut rng(SEED, 2_000 + number));
        for value in &mut series[AT..] {
            *value *= 1.0 + step;
        }
        delays.into_iter().find_map(|delay| {
            let found = changes(&series[..AT + delay], &least(0.01));
            let change = found.into_iter().find(|change| change.range.1 >= AT - 5)?;
            assert!(change.after > change.before, "seed {SEED}: {change:?}");
            Some((delay, (change.range.0..=change.range.1).contains(&AT)))
        })
    };
    (0..12).filter_map(one).collect()
}

#[test]
fn steps_are_found_soon_and_in_their_place() {
    let quiet = Noise::Normal(0.01);
    // Noise, step, how many of twelve are to be found within how many values.
    let expected = [
        (quiet, 0.5, 12, 6),
        (quiet, 0.1, 12, 6),
        (quiet, 0.05, 12, 8),
        (quiet, 0.02, 10, 30),
        (Noise::Recorded("10000", "memory.server_bytes_per_connection"), 0.1, 11, 10),
        (Noise::Recorded("10000", "memory.server_bytes_per_connection"), 0.5, 12, 10),
        (Noise::Normal(0.03), 0.1, 11, 14),
        (Noise::Normal(0.1), 0.5, 12, 10),
    ];
    for (case, (noise, step, count, within)) in expected.into_iter().enumerate() {
        let seen = seen(noise, step);
        let soon = seen.iter().filter(|(delay, _)| *delay <= within).count();
        assert!(soon >= count, "seed {SEED}, case {case}, a step of {step}: {seen:?}");
        let held = seen.iter().filter(|(_, held)| *held).count();
        assert!(held * 10 >= seen.len() * 9, "seed {SEED}, case {case}, a step of {step}: {seen:?}");
    }
}

#[test]
fn ramps_are_found_on_their_way() {
    for (total, commits, within) in [(0.1, 10, 14), (0.1, 20, 20), (0.5, 20, 12)] {
        for number in 0..6 {
            let mut series = Noise::Normal(0.01).series(40 + within, &mut rng(SEED, 3_000 + number));
            for (index, value) in series[40..].iter_mut().enumerate() {
                *value *= 1.0 + total * ((index + 1) as f64 / commits as f64).min(1.0);
            }
            let found = changes(&series, &least(0.01));
            let change =
                found.first().unwrap_or_else(|| panic!("seed {SEED}: {total} in {commits}, {number}"));
            assert!(change.range.0 < 40 + commits && change.range.1 >= 39, "seed {SEED}: {change:?}");
        }
    }
}

//! Change points: false alarms, steps, ramps, time.

use std::time::Instant;

use history::detect::{Change, Effect, POINTS_MIN, changes};
use history::rules::Rule;
use rand::RngExt as _;

use crate::noise::{DEFAULTS, MIX, Noise, rng};

const SERIES: usize = 1_000;
const COMMITS: usize = 100;
const SERIES_OF_COMMITS: usize = 100;

/// Where a step or a ramp begins, and how many values are seen after that at most.
const AT: usize = 50;
const AFTER: usize = 40;

/// So many commits after it was found, a change that is still there has to be found still.
const STILL: usize = 20;
const TRIALS: usize = 100;

fn least(ratio_min: f64) -> Effect {
    Effect { ratio_min, absolute_min: 0.0 }
}

fn percent(count: usize, of: usize) -> f64 {
    count as f64 * 100.0 / of as f64
}

pub(crate) fn false_alarms(seed: u64) {
    println!(
        "| noise | least effect | series with an alarm | of {COMMITS} commits, one by one: an alarm at any |"
    );
    println!("|---|---|---|---|");
    let more = [Noise::Staying(0.85), Noise::Staying(0.9), Noise::Correlated(0.5), Noise::Correlated(0.7)];
    let mut sum = 0;
    for (kind, noise) in MIX.iter().chain(&more).enumerate() {
        let effect = least(noise.ratio_min());
        let (once, ever) = alarms(noise, &effect, kind, seed);
        if kind < MIX.len() {
            sum += once;
        }
        let effect = noise.ratio_min() * 100.0;
        let (once, ever) = (percent(once, SERIES), percent(ever, SERIES_OF_COMMITS));
        println!("| {} | {effect:.2} % | {once:.1} % | {ever:.1} % |", name(*noise));
    }
    let mix = percent(sum, SERIES * MIX.len());
    println!("| all but the last four | | {mix:.2} %, or {:.1} in 200 | |\n", mix * 2.0);
}

fn name(noise: Noise) -> String {
    let percent = |share: f64| share * 100.0;
    match noise {
        Noise::Recorded(connections, metric) => format!("recorded, {connections} connections, `{metric}`"),
        Noise::Normal(sd) => format!("normal, {:.0} %", percent(sd)),
        Noise::Student(freedom) => format!("Student's t, {freedom:.0} degrees of freedom"),
        Noise::LogNormal(sd) => format!("log-normal, {sd}"),
        Noise::Tenths => "few values, in tenths".to_owned(),
        Noise::Outliers => "normal, 1 %, and 5 % outliers up to ×10".to_owned(),
        Noise::Drift(share) => format!("normal, 1 %, drifting by {share} of the least effect"),
        Noise::Walk(share) => format!("normal, 1 %, walking {share} of the least effect"),
        Noise::Modes(fast) => {
            format!("two machines 10 % apart, {:.0} % of runs on the faster", percent(fast))
        }
        Noise::Staying(stay) => {
            format!("two machines 10 % apart, the next run on the same one: {:.0} %", percent(stay))
        }
        Noise::Correlated(rho) => format!("normal, 3 %, neighbours correlated by {rho}"),
    }
}

/// As a gate judges the recorded metrics: by the least effects of `history::rules`.
pub(crate) fn at_defaults(seed: u64) {
    println!(
        "| recorded noise | least change | series with an alarm | of {COMMITS} commits, one by one: an alarm at any |"
    );
    println!("|---|---|---|---|");
    for (kind, (connections, metric)) in DEFAULTS.iter().enumerate() {
        let effect = Rule::of(metric, false).effect;
        let (once, ever) = alarms(&Noise::Recorded(connections, metric), &effect, kind, seed + 4);
        let (ratio, amount) = (effect.ratio_min * 100.0, effect.absolute_min);
        let (once, ever) = (percent(once, SERIES), percent(ever, SERIES_OF_COMMITS));
        println!(
            "| {connections} connections, `{metric}` | {ratio:.0} % and {amount} | {once:.1} % | {ever:.1} % |"
        );
    }
    println!();
}

/// How many series have an alarm, looked at once, and at any commit.
fn alarms(noise: &Noise, effect: &Effect, kind: usize, seed: u64) -> (usize, usize) {
    let once = (0..SERIES)
        .filter(|number| {
            let mut rng = rng(seed, kind * SERIES + number);
            let n = rng.random_range(20..=100);
            !changes(&noise.series(n, &mut rng), effect).is_empty()
        })
        .count();
    let ever = (0..SERIES_OF_COMMITS)
        .filter(|number| {
            let series = noise.series(COMMITS, &mut rng(seed + 1, kind * SERIES + number));
            (POINTS_MIN..=COMMITS).any(|commits| !changes(&series[..commits], effect).is_empty())
        })
        .count();
    (once, ever)
}

/// A change, how many values after [`AT`] it takes until it shows, the series being looked at again after each, and
/// whether it still shows [`STILL`] values later.
struct Seen {
    delay: usize,
    change: Change,
    still: bool,
}

fn seen(noise: Noise, after: impl Fn(usize) -> f64, seed: u64) -> Vec<Seen> {
    let one = |number: usize| {
        let mut series = noise.series(AT + AFTER + STILL, &mut rng(seed, number));
        for (index, value) in series[AT..].iter_mut().enumerate() {
            *value *= 1.0 + after(index);
        }
        let risen = |commits: usize| {
            let found = changes(&series[..commits], &least(0.01));
            found.into_iter().find(|change| change.range.1 + 5 >= AT && change.after > change.before)
        };
        let (delay, change) =
            (1..=AFTER).find_map(|delay| risen(AT + delay).map(|change| (delay, change)))?;
        Some(Seen { delay, change, still: risen(AT + delay + STILL).is_some() })
    };
    (0..TRIALS).filter_map(one).collect()
}

fn delays(seen: &[Seen]) -> (String, String) {
    let mut delays: Vec<usize> = seen.iter().map(|seen| seen.delay).collect();
    delays.sort_unstable();
    let at = |share: f64| {
        let index = (share * delays.len() as f64) as usize;
        delays.get(index).map_or("–".to_owned(), ToString::to_string)
    };
    (at(0.5), at(0.9))
}

fn still(seen: &[Seen]) -> String {
    match seen.len() {
        0 => "–".to_owned(),
        count => format!("{:.0} %", percent(seen.iter().filter(|seen| seen.still).count(), count)),
    }
}

fn noises() -> [(&'static str, Noise); 6] {
    let bytes = "memory.server_bytes_per_connection";
    [
        ("recorded, 10,000 connections", Noise::Recorded("10000", bytes)),
        ("recorded, 2,000 connections", Noise::Recorded("2000", bytes)),
        ("recorded, 200 connections", Noise::Recorded("200", bytes)),
        ("normal, 1 %", Noise::Normal(0.01)),
        ("normal, 3 %", Noise::Normal(0.03)),
        ("normal, 10 %", Noise::Normal(0.1)),
    ]
}

pub(crate) fn steps(seed: u64) {
    println!(
        "| noise of bytes per connection | step | found within {AFTER} | after, median | after, nine in ten | still found {STILL} later | range holds the place | its width |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    for (name, noise) in noises() {
        for step in [0.02, 0.05, 0.1, 0.5] {
            let seen = seen(noise, |_| step, seed + 2);
            let ((half, most), still) = (delays(&seen), still(&seen));
            let held =
                seen.iter().filter(|seen| (seen.change.range.0..=seen.change.range.1).contains(&AT)).count();
            let width: usize = seen.iter().map(|seen| seen.change.range.1 - seen.change.range.0 + 1).sum();
            let count = seen.len();
            let (held, width) = match count {
                0 => ("–".to_owned(), "–".to_owned()),
                _ => {
                    (format!("{:.0} %", percent(held, count)), format!("{:.1}", width as f64 / count as f64))
                }
            };
            let found = percent(count, TRIALS);
            println!(
                "| {name} | {:.0} % | {found:.0} % | {half} | {most} | {still} | {held} | {width} |",
                step * 100.0
            );
        }
    }
    println!();
}

pub(crate) fn ramps(seed: u64) {
    println!(
        "| noise | ramp | found within {AFTER} | after, median | after, nine in ten | still found {STILL} later | range meets the ramp |"
    );
    println!("|---|---|---|---|---|---|---|");
    for (name, noise) in noises() {
        for (total, commits) in [(0.1, 10), (0.1, 20), (0.5, 10), (0.5, 20)] {
            let ramp = |index: usize| total * ((index + 1) as f64 / f64::from(commits)).min(1.0);
            let seen = seen(noise, ramp, seed + 3);
            let ((half, most), still) = (delays(&seen), still(&seen));
            let end = AT + commits as usize;
            let met =
                seen.iter().filter(|seen| seen.change.range.0 < end && seen.change.range.1 >= AT).count();
            let (found, met) = (percent(seen.len(), TRIALS), percent(met, seen.len().max(1)));
            let total = total * 100.0;
            println!(
                "| {name} | {total:.0} % in {commits} | {found:.0} % | {half} | {most} | {still} | {met:.0} % |"
            );
        }
    }
    println!();
}

pub(crate) fn time(seed: u64) {
    for (n, steps) in [(100, 0), (100, 1), (1_000, 0), (1_000, 3)] {
        let mut series = Noise::Normal(0.01).series(n, &mut rng(seed, 9));
        for (index, value) in series.iter_mut().enumerate() {
            *value *= 1.0 + 0.05 * (index * (steps + 1) / n) as f64;
        }
        let began = Instant::now();
        let found = changes(&series, &least(0.01)).len();
        println!("{n} values, {found} changes: {:.1} ms", began.elapsed().as_secs_f64() * 1e3);
    }
    println!();
}

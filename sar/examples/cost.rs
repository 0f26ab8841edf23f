//! What one reading of all groups about this machine costs, source by source: medians over many readings.
//!
//! `cargo run --release -p sar --example cost -- [READINGS] [PID]`

#![allow(clippy::print_stdout, reason = "an example that measures and says so")]

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use sar::{Group, Sampler, SamplerOptions};

fn main() {
    let mut arguments = std::env::args().skip(1).map(|word| word.parse::<u32>().expect("a number"));
    let readings = arguments.next().unwrap_or(1_000).max(1);
    let mut sampler = Sampler::of(&Group::ALL, &SamplerOptions::default());
    for pid in arguments {
        sampler.watch(pid, "server").expect("a process of that number");
    }
    sampler.read();
    let mut totals = Vec::new();
    let mut sources: BTreeMap<(usize, &str), Vec<Duration>> = BTreeMap::new();
    for _ in 0..readings {
        let began = Instant::now();
        sampler.read();
        totals.push(began.elapsed());
        for (index, (name, _, took)) in sampler.costs().enumerate() {
            sources.entry((index, name)).or_default().push(took);
        }
    }
    for ((_, name), costs) in &mut sources {
        println!("{name:>14} {:>7.1} µs", median_us(costs));
    }
    println!("{:>14} {:>7.1} µs, {} values", "all", median_us(&mut totals), sampler.values().len());
    for problem in sampler.problems() {
        println!("{problem}");
    }
}

fn median_us(costs: &mut [Duration]) -> f64 {
    costs.sort_unstable();
    costs[costs.len() / 2].as_secs_f64() * 1e6
}

//! What one reading of all groups about this machine costs, source by source: medians over many readings, the processor
//! time of all threads, and resident memory.
//!
//! `PAUSE_MS=1000` asks as seldom as a sampler does, which costs more each time: the caches are cold.
//!
//! `cargo run --release -p sar --example cost -- [READINGS] [PID | ADMIN-ADDRESS | URL]…`

#![allow(clippy::print_stdout, reason = "an example that measures and says so")]

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use sar::{Cost, Group, Prometheus, Runtime, RuntimeOptions, Sampler, SamplerOptions, Source, Values};

fn main() {
    let mut arguments = std::env::args().skip(1);
    let readings: u32 = arguments.next().map_or(1_000, |word| word.parse().expect("a number")).max(1);
    let mut sampler = Sampler::of(&Group::ALL, &SamplerOptions::default());
    for word in arguments {
        if let Ok(pid) = word.parse::<u32>() {
            sampler.watch(pid, "server").expect("a process of that number");
        } else if let Ok(admin) = word.parse::<SocketAddr>() {
            sampler.add(Group::Runtime, Runtime::open(admin, RuntimeOptions::default()).expect("a thread"));
        } else {
            sampler.add(Group::Runtime, Prometheus::open("scraped", &word, None).expect("a URL"));
        }
    }
    sampler.read();
    let mut cost = Cost::open().expect("statm");
    cost.sample(&mut Values::new()).expect("measured");
    let start = Instant::now();
    let pause = std::env::var("PAUSE_MS").map_or(0, |pause| pause.parse().expect("milliseconds"));
    let mut totals = Vec::new();
    let mut sources: BTreeMap<(usize, &str), Vec<Duration>> = BTreeMap::new();
    for _ in 0..readings {
        std::thread::sleep(Duration::from_millis(pause));
        let began = Instant::now();
        sampler.read();
        totals.push(began.elapsed());
        for (index, (name, _, took)) in sampler.costs().enumerate() {
            sources.entry((index, name)).or_default().push(took);
        }
    }
    let elapsed = start.elapsed();
    let mut own = Values::new();
    cost.sample(&mut own).expect("measured");
    for ((_, name), costs) in &mut sources {
        println!("{name:>14} {}", told(costs));
    }
    println!("{:>14} {}, {} values", "all", told(&mut totals), sampler.values().len());
    let cpu_us = own.get("sar.cpu_ratio").unwrap_or(f64::NAN) * elapsed.as_secs_f64() * 1e6;
    let rss_mib = own.get("sar.rss_bytes").unwrap_or(f64::NAN) / f64::from(1 << 20);
    println!("{:>14} {:>7.1} µs a reading, {rss_mib:.1} MiB", "processor", cpu_us / f64::from(readings));
    for problem in sampler.problems() {
        println!("{problem}");
    }
}

/// The median, and the best twentieth: what it costs on a machine that does nothing else.
fn told(costs: &mut [Duration]) -> String {
    costs.sort_unstable();
    let at = |part: usize| costs[costs.len() / part].as_secs_f64() * 1e6;
    format!("{:>7.1} µs, at best {:>6.1} µs", at(2), at(20))
}

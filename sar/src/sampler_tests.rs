//! All sources together: what they say, what it means, and that saying it again costs no memory.

use std::process::Command;

use super::*;
use crate::{Cost, Slab};

struct Broken;

impl Source for Broken {
    fn sample(&mut self, _: &mut Values) -> Result<(), SarError> {
        Err(SarError::Format { path: "/proc/broken".into(), missing: "anything" })
    }
}

#[test]
fn one_sample_holds_the_host_and_the_processes() {
    let mut sampler = Sampler::host();
    sampler.watch(std::process::id(), "server").expect("this process");
    sampler.sample();
    let sample = sampler.sample();
    for name in [
        "host.load_1m",
        "host.memory_available_bytes",
        "host.tcp_sockets",
        "host.listen_overflows",
        "host.file_handles",
        "host.memory_reclaimable_bytes",
        "server.rss_bytes",
        "server.cpu_user_s",
        "server.cpu_cores",
        "server.threads",
        "server.descriptors",
    ] {
        assert!(sample.values.contains_key(name), "{name} in {:?}", sample.values);
    }
    assert_eq!(sample.source, "host");
    assert!(sampler.problems().is_empty());
}

#[test]
fn a_broken_source_is_a_problem_and_the_rest_goes_on() {
    let mut sampler = Sampler::new();
    sampler.add(Group::Cpu, Broken);
    sampler.add(Group::Cpu, Load::open().expect("/proc/loadavg"));
    assert_eq!(sampler.read().len(), 1);
    assert_eq!(sampler.problems().len(), 1);
    assert!(sampler.problems().is_empty());
    sampler.read();
    assert!(sampler.problems().is_empty(), "told once");
    for _ in 0..PROBLEMS_MAX + 9 {
        sampler.add(Group::Cpu, Broken);
    }
    sampler.read();
    assert_eq!(sampler.problems().len(), PROBLEMS_MAX);
}

#[test]
fn a_process_that_ends_is_told_once() {
    let mut child = Command::new("sleep").arg("600").spawn().expect("sleep");
    let mut sampler = Sampler::new();
    sampler.watch(child.id(), "server").expect("running");
    assert!(sampler.sample().values.contains_key("server.rss_bytes"));
    child.kill().expect("SIGKILL");
    child.wait().expect("dead");
    for _ in 0..3 {
        assert!(sampler.sample().values.is_empty());
    }
    let problems = sampler.problems();
    assert!(matches!(problems[..], [SarError::ProcessGone { pid }] if pid == child.id()), "{problems:?}");
}

/// Every source about this machine and this process, after two readings.
fn everything() -> Sampler {
    let mut sampler = Sampler::of(&Group::ALL, &SamplerOptions { cores: true, pss: true, cgroup_of: None });
    sampler.watch(std::process::id(), "own").expect("this process");
    sampler.add(Group::Proc, Cost::open().expect("statm"));
    if let Ok(slab) = Slab::open() {
        sampler.add(Group::Mem, slab);
    }
    sampler.read();
    sampler.read();
    sampler
}

#[test]
fn every_name_that_is_said_is_explained() {
    let mut sampler = everything();
    let catalog = sampler.catalog().expect("all names are new");
    assert_eq!(catalog.source, "host");
    let unexplained: Vec<&str> = sampler
        .values()
        .iter()
        .map(|(name, _)| name)
        .filter(|&name| !catalog.names.contains_key(name))
        .collect();
    assert!(unexplained.is_empty(), "{unexplained:?}");
    for (name, meaning) in sampler.meanings() {
        let is_sentence = meaning.help.ends_with('.') && meaning.help.split(' ').count() > 1;
        assert!(is_sentence, "{name}: {:?}", meaning.help);
    }
    // Other tests open and close ports meanwhile: whatever is new is new once.
    sampler.read();
    let again = sampler.catalog().map(|catalog| catalog.names).unwrap_or_default();
    assert!(again.keys().all(|name| !catalog.names.contains_key(name)), "{again:?}");
}

#[test]
fn no_name_is_said_twice() {
    let sampler = everything();
    let mut names: Vec<&str> = sampler.values().iter().map(|(name, _)| name).collect();
    names.sort_unstable();
    let twice: Vec<_> = names.windows(2).filter(|pair| pair[0] == pair[1]).collect();
    assert!(twice.is_empty(), "{twice:?}");
}

#[test]
fn a_steady_state_allocates_nothing() {
    // Alone, because a port that another test begins to listen at is a new name.
    if !crate::sources::process::tests::alone("sampler::tests::a_steady_state_allocates_nothing") {
        return;
    }
    let mut sampler = Sampler::of(&Group::ALL, &SamplerOptions::default());
    sampler.add(Group::Proc, Cost::open().expect("statm"));
    for _ in 0..3 {
        sampler.read();
        sampler.catalog();
    }
    // Elsewhere on this machine ports and interfaces may come and go: one reading of several is enough.
    let counts: Vec<u64> = (0..10)
        .map(|_| {
            let of = |sampler: &mut Sampler| {
                sampler.read();
                sampler.catalog();
            };
            allocation_counter::measure(|| of(&mut sampler)).count_total
        })
        .collect();
    assert!(counts.contains(&0), "{counts:?}");
    assert!(sampler.values().len() > 40);
}

#[test]
fn groups_choose_what_is_read() {
    let mut sampler = Sampler::of(&[Group::Cpu], &SamplerOptions::default());
    let names: Vec<_> = sampler.costs().map(|(name, group, _)| (name, group)).collect();
    assert_eq!(names, [("Cpu", Group::Cpu), ("Load", Group::Cpu)]);
    sampler.read();
    assert!(sampler.values().get("host.load_1m").is_some() && sampler.took() > Duration::ZERO);
    assert!(sampler.values().get("host.memory_free_bytes").is_none());
    assert!(Sampler::of(&[], &SamplerOptions::default()).read().is_empty());
}

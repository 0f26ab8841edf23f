//! The workflow files in `docs/ci` are YAML, and what they tell floodmark to do is what floodmark understands.

use std::path::Path;

use clap::Parser;
use serde_json::Value;

use crate::args::Arguments;

fn read(name: &str) -> (String, Value) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/ci").join(name);
    let text = std::fs::read_to_string(&path).expect("a workflow file");
    let yaml = serde_saphyr::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
    (text, yaml)
}

/// The command lines that begin with floodmark, up to where the shell takes over; each as a list of words.
fn commands(text: &str) -> Vec<Vec<&str>> {
    let lines = text.lines().map(|line| line.trim().trim_start_matches("- ").trim_start_matches("run: "));
    let own = lines.filter_map(|line| {
        let line = line.strip_prefix("target/release/").unwrap_or(line);
        let ours = line.split(">>").next()?.split("||").next()?;
        ours.starts_with("floodmark ").then_some(ours)
    });
    own.map(|line| line.split_whitespace().map(|word| word.trim_matches('"')).collect()).collect()
}

#[test]
fn the_workflow_files_are_yaml_and_their_commands_are_ours() {
    for (name, jobs) in [("github-actions.yml", &["jobs"][..]), ("gitlab-ci.yml", &[])] {
        let (text, yaml) = read(name);
        let place = jobs.iter().fold(&yaml, |value, key| &value[*key]);
        assert!(place.as_object().is_some_and(|jobs| jobs.len() >= 2), "{name} has its jobs");
        let commands = commands(&text);
        assert!(commands.len() >= 6, "{name}: {commands:?}");
        for command in commands {
            let parsed = Arguments::try_parse_from(&command);
            assert!(
                parsed.is_ok(),
                "{name}: {command:?}\n{}",
                parsed.err().map(|e| e.to_string()).unwrap_or_default()
            );
        }
    }
}

#[test]
fn every_github_step_does_something_and_every_gitlab_job_has_a_script() {
    let (_, github) = read("github-actions.yml");
    for (name, job) in github["jobs"].as_object().expect("jobs") {
        assert!(job["runs-on"].is_string(), "{name}");
        for step in job["steps"].as_array().expect("steps") {
            assert!(step["uses"].is_string() ^ step["run"].is_string(), "{name}: {step}");
        }
    }
    let (_, gitlab) = read("gitlab-ci.yml");
    for (name, job) in gitlab.as_object().expect("jobs").iter().filter(|(name, _)| name.contains(':')) {
        assert!(job["script"].as_array().is_some_and(|lines| !lines.is_empty()), "{name}");
        assert!(gitlab[job["extends"].as_str().expect("extends")].is_object(), "{name}");
    }
}

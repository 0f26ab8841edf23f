//! `floodmark floodtest`: the flood.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use floodtest::sources::{AddressRange, Sources};
use floodtest::{Cause, FloodError, Identity, Options, Protocol, TargetPath};
use telemetry::{Frame, Histogram, latency_histogram};

use runner::units::Rate;
use shard::PoolError;

use crate::args::{FloodtestFlags, ProtocolFlag};
use crate::exit::{Code, Ended, Exit};
use crate::output::{FrameLines, grouped, percentiles, print, say};
use crate::worker::{commands, resolve, shards};

pub(crate) fn main(flags: &FloodtestFlags) -> Ended {
    let options = resolve_options(flags)?;
    let commands = commands(flags.speech.worker);
    let mut voice = Voice::new(FrameLines::new(flags.speech.json || flags.speech.worker));
    let outcome =
        floodtest::run(&options, &commands, &mut |frame| voice.hear(&frame)).map_err(
            |error| match error {
                FloodError::Pool(PoolError::Start { .. }) => Exit::cannot(error),
                FloodError::Pool(_) => Exit::broke(error),
            },
        )?;
    if !voice.frames.are_wanted() {
        voice.conclude(&options)?;
    }
    if outcome.logins == 0 && outcome.refused > 0 {
        return Err(Exit::cannot(format!("no connection could be opened: {}", Cause::Refused.words())));
    }
    Ok(if outcome.failed == 0 { Code::Fine } else { Code::Failed })
}

fn resolve_options(flags: &FloodtestFlags) -> Result<Options, Exit> {
    let protocol = match flags.protocol {
        ProtocolFlag::Comet => Protocol::Comet,
        ProtocolFlag::Line => Protocol::Line,
    };
    let (target, host, identity, connections) = match (&flags.urls, &flags.target) {
        (Some(file), _) => {
            let paths = read_urls(file)?;
            let connections = paths.len() as u32;
            (paths[0].target, paths[0].target.to_string(), Identity::Paths(Arc::new(paths)), connections)
        }
        (None, Some(target)) => {
            let connections = u32::try_from(flags.connections.0)
                .map_err(|_| Exit::wrong_input("--connections must be below 2^32"))?;
            if u64::from(flags.first_id) + u64::from(connections) > 1 << 32 {
                return Err(Exit::wrong_input("--first-id and --connections go past the last id, 2^32 - 1"));
            }
            let identity = match (protocol, flags.matches) {
                (Protocol::Line, Some(matches)) => Identity::Matches { matches },
                _ => Identity::Users { first: flags.first_id },
            };
            (resolve(target)?, target.clone(), identity, connections)
        }
        (None, None) => {
            return Err(Exit::wrong_input("say where to connect: --target ADDRESS or --urls FILE"));
        }
    };
    let connections_max = flags.connections_max.map_or(Ok(connections), |most| u32::try_from(most.0));
    let connections_max = connections_max
        .map_err(|_| Exit::wrong_input("--connections-max must be below 2^32"))?
        .max(connections);
    if connections == 0 {
        return Err(Exit::wrong_input("--connections 0 opens nothing: write at least 1"));
    }
    let given: Vec<_> =
        flags.source.iter().map(|range| AddressRange::between(range.first, range.last)).collect();
    let ports = flags.source_ports.map(|ports| ports.first..=ports.last);
    let sources =
        Sources::resolve(&given, ports, target.ip(), u64::from(connections_max)).map_err(Exit::cannot)?;
    let interval_rate = flags.interval.map(|interval| 1.0 / interval.0.as_secs_f64());
    Ok(Options {
        target,
        host,
        protocol,
        identity,
        connections,
        connections_max,
        rate: flags.rate.map(Rate::per_second).or(interval_rate).filter(|rate| rate.is_finite()),
        concurrency: flags.concurrency,
        hold: flags.hold.map(|hold| hold.0),
        timeout: flags.timeout.0,
        reconnect: flags.reconnect,
        sources,
        shards: shards(flags.shards, u64::from(connections_max), flags.descriptors, false)?,
        descriptors_max: flags.descriptors,
        wait_for_start: flags.speech.worker,
    })
}

/// Reads a file of URLs, the seed's own form.
fn read_urls(file: &Path) -> Result<Vec<TargetPath>, Exit> {
    let text = std::fs::read_to_string(file)
        .map_err(|error| Exit::wrong_input(format!("could not read '{}': {error}", file.display())))?;
    let mut resolved: BTreeMap<String, SocketAddr> = BTreeMap::new();
    let mut paths = Vec::new();
    for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let wrong = |what: &str| Exit::wrong_input(format!("{}:{}: {what}", file.display(), number + 1));
        let rest = line.trim().strip_prefix("http://").ok_or_else(|| wrong("not an http:// URL"))?;
        let (host, path) =
            rest.split_once('/').map_or((rest, "/".to_owned()), |(host, path)| (host, format!("/{path}")));
        if path.bytes().any(|byte| byte <= b' ' || byte == 0x7F) {
            return Err(wrong("the path has a space or a control character: write it percent-encoded"));
        }
        let target = match resolved.get(host) {
            Some(target) => *target,
            None => {
                let with_port = if host.contains(':') { host.to_owned() } else { format!("{host}:80") };
                let target = resolve(&with_port)?;
                resolved.insert(host.to_owned(), target);
                target
            }
        };
        let id = path.rsplit('/').next().and_then(|last| last.parse().ok());
        paths.push(TargetPath { target, path, id });
    }
    if paths.is_empty() {
        return Err(Exit::wrong_input(format!("'{}' holds no URL: write one a line", file.display())));
    }
    Ok(paths)
}

/// What a person is told, and what is remembered for the end.
struct Voice {
    frames: FrameLines,
    values: BTreeMap<String, f64>,
    messages: u64,
    reached: Option<f64>,
    histograms: BTreeMap<String, Histogram<u64>>,
}

impl Voice {
    fn new(frames: FrameLines) -> Self {
        Self { frames, values: BTreeMap::new(), messages: 0, reached: None, histograms: BTreeMap::new() }
    }

    fn hear(&mut self, frame: &Frame) {
        if self.frames.print(frame) {
            return;
        }
        match frame {
            Frame::Sample(sample) => {
                self.values.clone_from(&sample.values);
                self.status();
            }
            Frame::Latency(latency) => {
                if let Ok(histogram) = latency.decode() {
                    let all = self.histograms.entry(latency.name.clone()).or_insert_with(latency_histogram);
                    let _ = all.add(histogram);
                }
            }
            Frame::Mark(mark) => {
                if let Some(reached) =
                    mark.attributes.get("reached_rate_per_s").and_then(serde_json::Value::as_f64)
                {
                    self.reached = Some(reached);
                }
            }
            _ => {}
        }
    }

    fn value(&self, name: &str) -> u64 {
        self.values.get(&format!("connections.{name}")).copied().unwrap_or(0.0) as u64
    }

    /// The seed's line: connected, closed, messages.
    fn status(&mut self) {
        let messages = self.value("messages");
        let mut line = format!(
            "Stats: connected {}, closed {}, messages {} (+{})",
            grouped(self.value("open")),
            grouped(self.value("closed_by_server")),
            grouped(messages),
            grouped(messages - self.messages)
        );
        self.messages = messages;
        for (name, word) in [("opening", "opening"), ("failed", "failed"), ("reconnects", "reconnects")] {
            if self.value(name) > 0 {
                line.push_str(&format!(", {word} {}", grouped(self.value(name))));
            }
        }
        say(&line);
    }

    fn conclude(&self, options: &Options) -> io::Result<()> {
        print(&format!(
            "logged in {} of {} connections, failed {}, closed by the server {}",
            grouped(self.value("logins")),
            grouped(u64::from(options.connections)),
            grouped(self.value("failed")),
            grouped(self.value("closed_by_server"))
        ))?;
        if let Some(reached) = self.reached {
            let asked = options.rate.map_or("as fast as possible".into(), |rate| format!("{rate:.1}/s"));
            print(&format!("rate      asked {asked}, reached {reached:.1}/s"))?;
        }
        for (name, word) in [
            ("connect.latency_ns", "connect"),
            ("connect.login_ns", "login"),
            ("connect.schedule_lag_ns", "lateness"),
            ("delivery.latency_ns", "delivery"),
            ("delivery.raw_latency_ns", "  raw"),
        ] {
            if let Some(histogram) = self.histograms.get(name) {
                print(&format!("{word:<9} {}", percentiles(histogram)))?;
            }
        }
        for cause in Cause::ALL {
            let count = self.value(&format!("failures.{}", cause.key()));
            if count > 0 {
                print(&format!("failed    {} × {}: {}", grouped(count), cause.key(), cause.words()))?;
            }
        }
        Ok(())
    }
}

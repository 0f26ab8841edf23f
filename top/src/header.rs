//! The two lines on top, as entop's: what is looked at and how it is.

use std::time::Duration;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::table::put;
use crate::theme::{Theme, Tone};
use crate::views::Scene;
use crate::words::{Unit, short, span};

/// How `top` stands to a live server.
#[derive(Debug, Clone, Default)]
pub(crate) struct Link {
    /// The server's address, once it has answered.
    pub(crate) server: Option<String>,
    /// How long attaching took.
    pub(crate) latency: Option<Duration>,
    /// Why it does not answer, while it does not.
    pub(crate) lost: Option<String>,
    /// How long the last round of questions took, or reading the recording.
    pub(crate) retrieved: Option<Duration>,
}

/// What the header says, figure by figure; what was not measured is absent.
#[derive(Debug, Clone, Default)]
pub(crate) struct Facts {
    pub(crate) server: Option<String>,
    pub(crate) version: Option<String>,
    pub(crate) address: Option<String>,
    pub(crate) uptime_s: Option<f64>,
    pub(crate) attach_s: Option<f64>,
    pub(crate) retrieved_s: Option<f64>,
    pub(crate) lost: Option<String>,
    pub(crate) connections: Option<f64>,
    pub(crate) ids: Option<f64>,
    pub(crate) messages_in_per_s: Option<f64>,
    pub(crate) messages_out_per_s: Option<f64>,
    pub(crate) memory_bytes: Option<f64>,
    pub(crate) per_connection_bytes: Option<f64>,
    pub(crate) cpu_cores: Option<f64>,
    pub(crate) sampler_cpu_ratio: Option<f64>,
    pub(crate) sampler_rss_bytes: Option<f64>,
}

impl Facts {
    /// What is known at the scene's moment.
    pub(crate) fn of(scene: &Scene<'_>, link: &Link) -> Facts {
        let moment = scene.moment;
        let hello = scene.history.known.hellos.get("server");
        let connections = scene.connections();
        let ids = moment
            .value("server.directory_entries")
            .or_else(|| Some(moment.value("server.logins")? - moment.value("server.logouts")?));
        let memory = moment.value("server.rss_bytes");
        let said_hello = |began_us: u64| scene.at_us.checked_sub(began_us).map(|us| us as f64 / 1e6);
        let ready = scene.history.known.ready.as_ref().and_then(|mark| mark.attributes.get("admin"));
        let address = link.server.clone().or_else(|| Some(ready?.as_str()?.to_owned()));
        Facts {
            server: hello.map(|hello| hello.worker.clone()),
            version: hello.map(|hello| hello.version.clone()),
            address,
            uptime_s: moment.value("server.uptime_s").or_else(|| said_hello(hello?.at.mono_us)),
            attach_s: link.latency.map(|latency| latency.as_secs_f64()),
            retrieved_s: link.retrieved.map(|took| took.as_secs_f64()),
            lost: link.lost.clone(),
            connections,
            ids,
            messages_in_per_s: moment.rate("server.messages"),
            messages_out_per_s: moment.rate("server.delivered"),
            memory_bytes: memory,
            per_connection_bytes: match (memory, connections) {
                (Some(memory), Some(connections)) if connections >= 1.0 => Some(memory / connections),
                _ => None,
            },
            cpu_cores: moment.value("server.cpu_cores"),
            sampler_cpu_ratio: moment.value("sar.cpu_ratio"),
            sampler_rss_bytes: moment.value("sar.rss_bytes"),
        }
    }

    /// As an object for `--json`.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::json!({
            "server": self.server,
            "version": self.version,
            "address": self.address,
            "uptime_s": self.uptime_s,
            "attach_s": self.attach_s,
            "retrieved_s": self.retrieved_s,
            "lost": self.lost,
            "connections": self.connections,
            "ids": self.ids,
            "messages_in_per_s": self.messages_in_per_s,
            "messages_out_per_s": self.messages_out_per_s,
            "memory_bytes": self.memory_bytes,
            "per_connection_bytes": self.per_connection_bytes,
            "cpu_cores": self.cpu_cores,
            "sampler_cpu_ratio": self.sampler_cpu_ratio,
            "sampler_rss_bytes": self.sampler_rss_bytes,
        })
    }
}

/// A few words of a line: a label, what it says, and in fewer columns.
struct Part {
    label: &'static str,
    words: String,
    /// The smaller, the longer it stays when there is no room.
    rank: u8,
    tone: Tone,
}

fn part(label: &'static str, words: String, rank: u8) -> Part {
    Part { label, words, rank, tone: Tone::Plain }
}

/// Draws both lines into the first two of `area`.
pub(crate) fn draw(
    buffer: &mut Buffer,
    area: Rect,
    facts: &Facts,
    scene: &Scene<'_>,
    sort: &str,
    theme: Theme,
) {
    let [first, second] = [0, 1].map(|line| Rect { y: area.y + line, height: 1, ..area });
    line(buffer, first, identity(facts, scene, sort), theme);
    line(buffer, second, figures(facts), theme);
}

fn identity(facts: &Facts, scene: &Scene<'_>, sort: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    let name = facts.server.as_deref().unwrap_or(if scene.live { "server" } else { "recording" });
    let version = facts.version.as_deref().map(|version| format!(" {version}")).unwrap_or_default();
    parts.push(Part { label: "", words: format!("{name}{version}"), rank: 0, tone: Tone::Good });
    if let Some(lost) = &facts.lost {
        let words = format!("LOST: {lost}, trying again");
        parts.push(Part { label: "", words, rank: 0, tone: Tone::Alarm });
    }
    if let Some(address) = &facts.address {
        parts.push(part("at", address.clone(), 3));
    }
    if let Some(uptime_s) = facts.uptime_s {
        parts.push(part("up", span(uptime_s), 2));
    }
    if let Some(attach_s) = facts.attach_s {
        parts.push(part("attach", Unit::Seconds.say(attach_s), 6));
    }
    if scene.live {
        parts.push(part("every", Unit::Seconds.say(scene.interval.as_secs_f64()), 4));
    }
    parts.push(part("sort", sort.to_owned(), 1));
    if let Some(retrieved_s) = facts.retrieved_s {
        let verb = if scene.live { "retrieved in" } else { "read in" };
        parts.push(part(verb, Unit::Seconds.say(retrieved_s), 5));
    }
    parts
}

fn figures(facts: &Facts) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut figure = |label, value: Option<f64>, say: &dyn Fn(f64) -> String, rank| {
        parts.push(part(label, value.map_or("–".into(), say), rank));
    };
    figure("conns", facts.connections, &|value| Unit::Exact.say(value), 0);
    figure("ids", facts.ids, &|value| Unit::Exact.say(value), 5);
    figure("in", facts.messages_in_per_s, &|value| format!("{}/s", short(value.round())), 1);
    figure("out", facts.messages_out_per_s, &|value| format!("{}/s", short(value.round())), 1);
    figure("mem", facts.memory_bytes, &|value| Unit::Bytes.say(value), 2);
    figure("each", facts.per_connection_bytes, &|value| Unit::Bytes.say(value), 3);
    figure("cpu", facts.cpu_cores, &Unit::percent_of_core, 4);
    if facts.sampler_cpu_ratio.is_some() || facts.sampler_rss_bytes.is_some() {
        let cpu = facts.sampler_cpu_ratio.map(|ratio| format!("{:.2}%", ratio * 100.0));
        let rss = facts.sampler_rss_bytes.map(|bytes| Unit::Bytes.say(bytes));
        let words: Vec<String> = cpu.into_iter().chain(rss).collect();
        parts.push(part("sampler", words.join(" "), 6));
    }
    parts
}

/// One line of as many parts as fit, the least important left out first.
fn line(buffer: &mut Buffer, area: Rect, mut parts: Vec<Part>, theme: Theme) {
    let width_of =
        |part: &Part| part.words.chars().count() + part.label.len() + usize::from(!part.label.is_empty());
    let gap = 2;
    while parts.len() > 1 {
        let width = parts.iter().map(|part| width_of(part) + gap).sum::<usize>() - gap;
        if width <= usize::from(area.width) {
            break;
        }
        let least = parts.iter().enumerate().max_by_key(|(_, part)| part.rank).map(|(place, _)| place);
        match least {
            Some(place) if parts[place].rank > 0 => drop(parts.remove(place)),
            _ => break,
        }
    }
    let mut rest = area;
    let mut say = |text: &str, style: Style| {
        put(buffer, rest, text, false, style);
        let width = (text.chars().count() as u16).min(rest.width);
        rest = Rect { x: rest.x + width, width: rest.width - width, ..rest };
    };
    for (index, part) in parts.iter().enumerate() {
        if index > 0 {
            say("  ", Style::new());
        }
        if !part.label.is_empty() {
            say(part.label, theme.label());
            say(" ", Style::new());
        }
        let style = match part.tone {
            Tone::Plain => theme.strong(),
            tone => theme.tone(tone).patch(theme.strong()),
        };
        say(&part.words, style);
    }
}

//! The two lines on top, as entop's: what is looked at and how it is.

use std::time::Duration;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::screen::table::put;
use crate::screen::theme::{Theme, Tone};
use crate::views::Scene;
use crate::words::{Unit, compact_bytes, grouped, percent, short, span};

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
        let hello = scene.history.known.hellos.get("server");
        // What a server that is lost said last is not how it is now; how it was can be looked back at.
        let is_lost = link.lost.is_some() && scene.latest;
        let now = |name: &str| scene.moment.value(name).filter(|_| !is_lost);
        let rate = |name: &str| scene.moment.rate(name).filter(|_| !is_lost);
        let connections = scene.connections().filter(|_| !is_lost);
        let ids =
            now("server.directory_entries").or_else(|| Some(now("server.logins")? - now("server.logouts")?));
        let memory = now("server.rss_bytes");
        // Since it said hello, where it tells no better.
        let tells_uptime = scene.moment.reached("server.uptime_s").is_some();
        let said_hello = || {
            let began_us = hello.filter(|_| !tells_uptime && !is_lost)?.at.mono_us;
            scene.at_us.checked_sub(began_us).map(|us| us as f64 / 1e6)
        };
        let ready = scene.history.known.ready.as_ref().and_then(|mark| mark.attributes.get("admin"));
        let address = link.server.clone().or_else(|| Some(ready?.as_str()?.to_owned()));
        Facts {
            server: hello.map(|hello| hello.worker.clone()),
            version: hello.map(|hello| hello.version.clone()),
            address,
            uptime_s: now("server.uptime_s").or_else(said_hello),
            attach_s: link.latency.map(|latency| latency.as_secs_f64()),
            retrieved_s: link.retrieved.map(|took| took.as_secs_f64()),
            lost: link.lost.clone(),
            connections,
            ids,
            messages_in_per_s: rate("server.messages"),
            messages_out_per_s: rate("server.delivered"),
            memory_bytes: memory,
            per_connection_bytes: match (memory, connections) {
                (Some(memory), Some(connections)) if connections >= 1.0 => Some(memory / connections),
                _ => None,
            },
            cpu_cores: now("server.cpu_cores"),
            sampler_cpu_ratio: scene.moment.value("sar.cpu_ratio"),
            sampler_rss_bytes: scene.moment.value("sar.rss_bytes"),
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

/// A few words of a line, and the same in fewer columns.
struct Part {
    label: &'static str,
    words: String,
    brief_label: &'static str,
    brief: String,
    /// The smaller, the longer it stays when there is no room.
    rank: u8,
    tone: Tone,
}

impl Part {
    fn new(label: &'static str, words: String, rank: u8) -> Part {
        Part { label, brief_label: label, brief: words.clone(), words, rank, tone: Tone::Plain }
    }

    fn toned(words: String, tone: Tone) -> Part {
        Part { tone, ..Part::new("", words, 0) }
    }

    fn brief(self, brief_label: &'static str, brief: String) -> Part {
        Part { brief_label, brief, ..self }
    }

    fn width(&self) -> usize {
        self.words.chars().count() + self.label.len() + usize::from(!self.label.is_empty())
    }

    /// Briefly from now on.
    fn shorten(&mut self) {
        self.label = self.brief_label;
        self.words = std::mem::take(&mut self.brief);
    }
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
    parts.push(Part::toned(format!("{name}{version}"), Tone::Good));
    if let Some(lost) = &facts.lost {
        let words = format!("LOST: {lost}, trying again");
        parts.push(Part::toned(words, Tone::Alarm));
    }
    if let Some(address) = &facts.address {
        parts.push(Part::new("at", address.clone(), 7));
    }
    if let Some(uptime_s) = facts.uptime_s {
        parts.push(Part::new("up", span(uptime_s), 2));
    }
    if let Some(attach_s) = facts.attach_s {
        parts.push(Part::new("attach", Unit::Seconds.say(attach_s), 6));
    }
    if scene.live {
        let interval_s = scene.interval.as_secs_f64();
        let words =
            if interval_s < 1.0 { format!("{:.0} ms", interval_s * 1e3) } else { format!("{interval_s} s") };
        parts.push(Part::new("every", words, 3));
    }
    parts.push(Part::new("sort", sort.to_owned(), 1));
    if let Some(retrieved_s) = facts.retrieved_s {
        let words = Unit::Seconds.say(retrieved_s);
        let label = if scene.live { "retrieved in" } else { "read in" };
        parts.push(Part::new(label, words.clone(), 5).brief("took", words));
    }
    if facts.sampler_cpu_ratio.is_some() || facts.sampler_rss_bytes.is_some() {
        let cpu = facts.sampler_cpu_ratio.map(|ratio| format!("{:.2}%", ratio * 100.0));
        let rss = facts.sampler_rss_bytes;
        let words = |rss: Option<String>| cpu.clone().into_iter().chain(rss).collect::<Vec<_>>().join(" ");
        let part = Part::new("sampler", words(rss.map(|rss| Unit::Bytes.say(rss))), 4);
        parts.push(part.brief("self", words(rss.map(compact_bytes))));
    }
    parts
}

fn figures(facts: &Facts) -> Vec<Part> {
    let part =
        |label, value: Option<f64>, say: &dyn Fn(f64) -> String, brief: &dyn Fn(f64) -> String, rank| {
            let words = |say: &dyn Fn(f64) -> String| value.map_or("–".into(), say);
            Part::new(label, words(say), rank).brief(label, words(brief))
        };
    let exact = |value| Unit::Exact.say(value);
    let bytes = |value| Unit::Bytes.say(value);
    let rate = |value: f64| format!("{}/s", grouped(value));
    let brief_rate = |value: f64| format!("{}/s", short(value.round()));
    vec![
        part("conns", facts.connections, &exact, &exact, 0),
        part("ids", facts.ids, &exact, &short, 5),
        part("in", facts.messages_in_per_s, &rate, &brief_rate, 1),
        part("out", facts.messages_out_per_s, &rate, &brief_rate, 1),
        part("mem", facts.memory_bytes, &bytes, &compact_bytes, 2),
        part("each", facts.per_connection_bytes, &bytes, &compact_bytes, 3),
        part("cpu", facts.cpu_cores, &percent, &percent, 4),
    ]
}

/// From this width on, parts have their whole words. By the width alone, so that a line does not change its form with its
/// figures.
const WORDS_COLUMNS: u16 = 132;

/// One line of as many parts as fit: briefly on a narrow screen, and then the least important left out.
fn line(buffer: &mut Buffer, area: Rect, mut parts: Vec<Part>, theme: Theme) {
    let fits = |parts: &[Part], gap: usize| {
        parts.iter().map(|part| part.width() + gap).sum::<usize>() <= usize::from(area.width) + gap
    };
    let gap = if area.width < WORDS_COLUMNS {
        parts.iter_mut().for_each(Part::shorten);
        1 + usize::from(area.width >= 100)
    } else {
        2
    };
    while !fits(&parts, gap) {
        let least = parts.iter().enumerate().max_by_key(|(_, part)| part.rank);
        match least.map(|(place, part)| (place, part.rank)) {
            Some((place, 1..)) => drop(parts.remove(place)),
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
            say(&" ".repeat(gap), Style::new());
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

//! Where a connection's bytes go, as stacked bars, from the summary's ledger.

use serde_json::Value;

use super::{Parts, answers, axis, left_out};
use crate::chart::{Bar, Bars, Body, Part};
use crate::run::{clipped, grouped};
use crate::{Run, Unit};

/// Less than this is no part of a picture: a tenth of a byte is finer than any figure is true.
const PART_BYTES_MIN: f64 = 0.5;

/// Parts below zero that a note has room for; the summary has all.
const NEGATIVE_MAX: usize = 4;

/// The sides that a ledger has, in the order of the bars. The server's end is half of a pair.
const SIDES: [(&str, &str); 3] = [
    ("server", "the server's end"),
    ("pair", "a pair, both ends here"),
    ("generator", "the generator's end"),
];

/// The parts from the bottom up: label, keys whose sum it is, colour; `None` is what nothing explains. The colours of
/// neighbours differ, and the server and the generator have theirs of all charts.
const PARTS: [(&str, &[&str], Option<usize>); 12] = [
    ("TCP socket", &["kernel_tcp_bytes"], Some(2)),
    ("inode", &["kernel_sock_inode_bytes"], Some(5)),
    ("file", &["kernel_file_bytes"], Some(3)),
    ("dentry", &["kernel_dentry_bytes"], Some(6)),
    ("epoll", &["kernel_epoll_bytes"], Some(4)),
    ("bind bucket", &["kernel_bind_bytes"], Some(7)),
    ("security", &["kernel_security_bytes"], Some(10)),
    ("other kernel", &["kernel_timewait_bytes", "kernel_slab_other_bytes", "kernel_other_bytes"], Some(13)),
    ("packets held", &["kernel_skbuff_bytes"], Some(11)),
    ("server", &["server_user_bytes"], Some(0)),
    ("generator", &["generator_user_bytes"], Some(1)),
    ("unexplained", &["remainder_bytes"], None),
];

/// Instead of the kernel's parts when they could not be told apart.
const UNSPLIT: (&str, &str, Option<usize>) = ("kernel objects", "kernel_slab_bytes", Some(2));

pub(super) fn draw(runs: &[Run]) -> Result<Parts, String> {
    let sides = |run: &Run| SIDES.map(|(side, title)| Some((bar(&ledger(run)?[side], title)?, side)));
    let bars: Vec<Option<(Bar, Option<String>)>> = match runs {
        [run] => {
            let bars = sides(run).into_iter().flatten();
            bars.map(|(bar, side)| Some((bar, negative(&ledger(run), side)))).collect()
        }
        _ => {
            // One bar for each run: of the same side for all, if they have one.
            let has = |run: &Run, side: &str| sides(run).iter().flatten().any(|(_, known)| *known == side);
            let common = ["pair", "generator", "server"]
                .into_iter()
                .find(|side| runs.iter().all(|run| has(run, side)));
            let of = |run: &Run| {
                let mut found = sides(run).into_iter().flatten();
                let (bar, side) = match common {
                    Some(common) => found.find(|(_, side)| *side == common),
                    None => found.last(),
                }?;
                let title = format!("{}, {}", run.label(), bar.title);
                Some((
                    Bar { title, ..bar },
                    negative(&ledger(run), side).map(|note| format!("{}: {note}", run.label())),
                ))
            };
            runs.iter().map(of).collect()
        }
    };
    let is_shown = |place: usize| runs.len() == 1 || bars[place].is_some();
    let (answer, absent) = (answers(runs, is_shown, answer), left_out(runs, is_shown));
    let bars: Vec<(Bar, Option<String>)> = bars.into_iter().flatten().collect();
    if bars.is_empty() {
        return Err(
            "there is no ledger of memory: the run has no summary, or its ramp was too short".to_owned()
        );
    }
    let mut notes: Vec<String> = runs.iter().filter_map(remark).chain(absent).collect();
    // What is below zero is told of the last side, which is what was measured; the server's end is made of its halves.
    match runs {
        [_] => notes.extend(bars.last().and_then(|(_, note)| note.clone())),
        _ => notes.extend(bars.iter().filter_map(|(_, note)| note.clone())),
    }
    let bars = bars.into_iter().map(|(bar, _)| bar).collect();
    let body = Body::Bars(Bars { y: axis("bytes a connection", Unit::Bytes), bars });
    Ok(Parts { question: None, answer, body, notes })
}

fn ledger(run: &Run) -> Option<Value> {
    Some(run.summary()?.get("memory")?.get("ledger")?.clone())
}

/// The parts of a side, also those below zero.
fn parts(side: &Value) -> impl Iterator<Item = Part> {
    let number = |key: &str| side[key].as_f64().filter(|bytes| bytes.is_finite());
    let sum = |keys: &[&str]| keys.iter().filter_map(|key| number(key)).reduce(|sum, bytes| sum + bytes);
    let unsplit = number(UNSPLIT.1).filter(|_| number("kernel_slab_other_bytes").is_none());
    let unsplit = unsplit.map(|value| Part { label: UNSPLIT.0.to_owned(), value, hue: UNSPLIT.2 });
    let split = PARTS
        .into_iter()
        .map(move |(label, keys, hue)| Some(Part { label: label.to_owned(), value: sum(keys)?, hue }));
    let parts: Vec<Part> = unsplit.into_iter().chain(split.flatten()).collect();
    parts.into_iter().filter(|part| part.value.abs() >= PART_BYTES_MIN)
}

/// `None` when there is nothing to draw.
fn bar(side: &Value, title: &str) -> Option<Bar> {
    // A total below nothing is noise and no picture.
    let total = side["total_bytes"].as_f64().filter(|total| *total > 0.0)?;
    let parts: Vec<Part> = parts(side).filter(|part| part.value > 0.0).collect();
    (!parts.is_empty()).then(|| Bar { title: title.to_owned(), total, parts })
}

/// Noise may leave a part below nothing, which has no height.
fn negative(ledger: &Option<Value>, side: &str) -> Option<String> {
    let side = &ledger.as_ref()?[side];
    let below = parts(side).filter(|part| part.value < 0.0).take(NEGATIVE_MAX);
    let below: Vec<String> =
        below.map(|part| format!("{} {} B", part.label, grouped(part.value.round()))).collect();
    let said = format!("below zero by noise and not drawn: {}", below.join(", "));
    let drawn = bar(side, "").map(|bar| bar.parts.iter().map(|part| part.value).sum::<f64>() - bar.total);
    let higher = drawn.map(f64::round).filter(|bytes| *bytes >= 1.0 && bytes.is_finite());
    let higher =
        higher.map(|bytes| format!("; the bar is {} B higher than its total for that", grouped(bytes)));
    (!below.is_empty()).then(|| said + &higher.unwrap_or_default())
}

/// What keeps the picture from being the whole truth.
fn remark(run: &Run) -> Option<String> {
    let ledger = ledger(run)?;
    if ledger["slab_read"] == false {
        return Some("the kernel's objects are not told apart: only root may read slabinfo".to_owned());
    }
    ledger["note"].as_str().map(clipped)
}

fn answer(run: &Run, brief: bool) -> Option<String> {
    let ledger = ledger(run)?;
    let (side, title) = SIDES.iter().rev().find(|(side, title)| bar(&ledger[*side], title).is_some())?;
    let total = ledger[*side]["total_bytes"].as_f64()?.round();
    if brief {
        return Some(format!("{} B", grouped(total)));
    }
    let bound = |place: usize| Some(grouped(ledger[*side]["total_bytes_ci95"][place].as_f64()?.round()));
    let interval = bound(0).zip(bound(1)).map(|(low, high)| format!(" (95 %: {low} to {high} B)"));
    let readings = ledger["points"].as_u64().unwrap_or(0);
    let peak = run.figure("connections.peak").map(|peak| format!("; {} connections", grouped(peak)));
    Some(format!(
        "{} B for {title}{}{}; slopes over the ramp, {readings} readings",
        grouped(total),
        interval.unwrap_or_default(),
        peak.unwrap_or_default()
    ))
}

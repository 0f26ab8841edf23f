//! What an hour costs: memory that does not grow with it.

use std::path::Path;

use super::fixture;
use super::snapshots::{draw, open};
use crate::views::View;

/// The kernel's word on this process's resident memory.
fn rss_kb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

fn long(path: &Path, minutes: u64) {
    let mut writer = telemetry::RecordingWriter::create(path).expect("a new file");
    for minute in 0..minutes {
        for (frame, second) in
            (60..120).flat_map(|second| fixture::frames(second).into_iter().map(move |f| (f, second)))
        {
            // The same minute again and again, each a minute later.
            let later = minute * 60_000_000;
            if let telemetry::Frame::Sample(mut sample) = frame {
                sample.at = fixture::at(second);
                sample.at.mono_us += later;
                sample.at.wall_us += later;
                writer.append(&telemetry::Frame::Sample(sample)).expect("room");
            }
        }
    }
}

#[test]
fn an_hour_takes_little_memory() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("hour.jsonl");
    long(&path, 60);
    let before = rss_kb();
    let mut app = open(&path, View::Os, None);
    draw(&mut app, 140, 40);
    let grown = rss_kb().saturating_sub(before);
    // Tests beside this one allocate, too: this is a bound against keeping everything, which would be 40 MB.
    assert!(grown < 20_000, "{grown} KB");
}

#[test]
fn a_full_spool_forgets_the_beginning_and_nothing_else() {
    let mut history = crate::past::history::History::of_live_within(400_000).expect("a spool");
    for frame in (0..121).flat_map(fixture::frames) {
        history.append(&frame).expect("room");
    }
    assert!(history.first_us() > fixture::at(40).mono_us, "the first minute does not fit");
    assert_eq!(history.start_us(), fixture::at(0).mono_us, "times are still counted from the start");
    let mut player = crate::past::moment::Player::new(&history).expect("a reader");
    // Before what is kept there is what is kept first.
    player.seek(&history, fixture::at(1).mono_us).expect("it goes");
    assert_eq!(player.moment().at().mono_us, history.first_us());
    player.seek(&history, fixture::at(110).mono_us).expect("it goes");
    assert_eq!(player.moment().value("server.uptime_s"), Some(112.0));
    assert!(player.advance(&history, u64::MAX).expect("it goes on"));
    assert_eq!(player.moment().value("server.uptime_s"), Some(122.0));
}

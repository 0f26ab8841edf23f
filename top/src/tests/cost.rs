//! What an hour costs: memory that does not grow with it.

use std::io::Write;
use std::path::Path;

use super::fixture;
use super::snapshots::{draw, open};
use crate::views::View;

/// Says to this test, in a process of its own, which recording to open.
const OF_ITS_OWN: &str = "FLOODMARK_TEST_RECORDING";

/// The kernel's word on this process's resident memory.
fn rss_kb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux says it");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).expect("a figure")
}

/// What opening and drawing a recording takes, in kilobytes.
fn taken_kb(path: &Path) -> u64 {
    let before = rss_kb();
    let mut app = open(path, View::Os, None);
    draw(&mut app, 140, 40);
    rss_kb().saturating_sub(before)
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

/// Tests that run beside this one allocate, too: it measures in a process of its own.
#[test]
fn an_hour_takes_no_more_memory_than_a_quarter_of_it() {
    if let Some(path) = std::env::var_os(OF_ITS_OWN) {
        let said = writeln!(std::io::stdout(), "taken {} KB", taken_kb(Path::new(&path)));
        return said.expect("somebody reads");
    }
    let folder = tempfile::tempdir().expect("a folder");
    let taken = |minutes| {
        let path = folder.path().join(format!("{minutes}.jsonl"));
        long(&path, minutes);
        let this = std::env::current_exe().expect("this program");
        let name = "tests::cost::an_hour_takes_no_more_memory_than_a_quarter_of_it";
        let alone = ["--exact", name, "--nocapture"];
        let ended = std::process::Command::new(this).args(alone).env(OF_ITS_OWN, &path).output();
        let said = String::from_utf8(ended.expect("it runs").stdout).expect("words");
        let figure = said.split("taken ").nth(1).and_then(|rest| rest.split(' ').next());
        figure.and_then(|figure| figure.parse::<u64>().ok()).unwrap_or_else(|| panic!("no figure: {said}"))
    };
    let (quarter, hour) = (taken(15), taken(60));
    // Keeping every frame of the other three quarters would take more than 10 MB.
    assert!(hour < quarter + 2_000, "{quarter} KB for a quarter, {hour} KB for an hour");
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

//! Every view over the fixed recording, at two sizes, character by character.
//!
//! `FLOODMARK_BLESS=1 cargo test -p top` writes the snapshots anew: look at the difference before committing it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use ratatui::Terminal;
use ratatui::backend::TestBackend;

use super::fixture;
use crate::session::App;
use crate::{Feed, Options, View, screen};

/// A session over the fixed recording, read to its end.
pub(super) fn open(path: &Path, view: View, at: Option<u64>) -> App {
    let options =
        Options { view, interval: Duration::from_secs(1), colours: true, at: at.map(Duration::from_secs) };
    let mut app = App::new(Feed::Recording(path.to_owned()), options).expect("it opens");
    while !app.opened {
        app.look().expect("it reads");
    }
    app
}

/// What is on the screen.
pub(super) fn draw(app: &mut App, width: u16, height: u16) -> String {
    // How long this machine took is not the same each time.
    app.link.retrieved = Some(Duration::from_micros(4_200));
    let mut terminal = Terminal::new(TestBackend::new(width, height)).expect("a backend that cannot fail");
    let drawn = terminal.draw(|frame| screen::draw(app, frame.area(), frame.buffer_mut())).expect("likewise");
    let lines = (0..height).map(|y| {
        let line: String = (0..width).map(|x| drawn.buffer[(x, y)].symbol()).collect();
        format!("{}\n", line.trim_end())
    });
    lines.collect()
}

#[track_caller]
fn compare(name: &str, seen: &str) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/snapshots").join(format!("{name}.txt"));
    if std::env::var_os("FLOODMARK_BLESS").is_some() {
        std::fs::write(&path, seen).expect("the snapshot can be written");
        return;
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        seen == expected,
        "{name} differs (FLOODMARK_BLESS=1 accepts it)\n--- expected\n{expected}--- seen\n{seen}---"
    );
}

#[test]
fn every_view_at_two_sizes() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("run.jsonl");
    fixture::write(&path);
    for view in View::ALL {
        // While shard 2 is behind, so that there is something to see.
        let mut app = open(&path, view, Some(72));
        for (width, height) in [(80, 24), (140, 40)] {
            compare(&format!("{}-{width}x{height}", view.name()), &draw(&mut app, width, height));
        }
    }
}

#[test]
fn a_recording_with_little_in_it_says_what_is_missing() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("little.jsonl");
    let mut writer = telemetry::RecordingWriter::create(&path).expect("a new file");
    let values = [("host.load_1m", 0.5)];
    writer.append_values(fixture::at(0), "host", values.into_iter()).expect("room");
    drop(writer);
    for (view, words) in [
        (View::Shards, "no table of shards in this recording"),
        (View::Connections, "no top connections in this recording"),
        (View::Queues, "no queues in this feed"),
        (View::Flood, "no flood in this feed"),
        (View::Memory, "no server's RSS in this feed"),
        (View::Events, "nothing was marked up to here"),
    ] {
        let mut app = open(&path, view, None);
        let seen = draw(&mut app, 100, 24);
        assert!(seen.contains(words), "{view:?}: {seen}");
    }
    let mut app = open(&path, View::Os, None);
    assert!(draw(&mut app, 100, 24).contains("load 1m"), "what is there is shown");
}

/// It said that it was attaching, and that all was well.
#[test]
fn a_recording_with_nothing_in_it_is_no_screen() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("nothing.jsonl");
    drop(telemetry::RecordingWriter::create(&path).expect("a new file"));
    let mut app = open(&path, View::Shards, None);
    let seen = draw(&mut app, 100, 24);
    assert!(seen.contains("NO FRAMES") && !seen.contains("ATTACHING"), "{seen}");
    let options = Options { view: View::Shards, interval: Duration::from_secs(1), colours: true, at: None };
    let print = crate::Print::Screen { width: 100, height: 24 };
    let printed = crate::once(Feed::Recording(path), options, print, Duration::ZERO);
    let error = printed.expect_err("nothing to print").to_string();
    assert!(error.starts_with("no frames in '"), "{error}");
}

/// Queues that somebody had described when recording were not there when looking.
#[test]
fn queues_are_those_that_the_recording_describes() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("jobs.jsonl");
    let mut writer = telemetry::RecordingWriter::create(&path).expect("a new file");
    let spec = telemetry::QueueSpec {
        name: "jobs".into(),
        length: "app.jobs_waiting".into(),
        enqueued: None,
        dequeued: Some("app.jobs_done".into()),
    };
    let threshold = telemetry::Threshold { queue: "jobs".into(), length: Some(40.0), delay_s: None };
    let mut mark = telemetry::Queues::describe(&[spec], &[threshold]);
    mark.at = fixture::at(0);
    writer.append(&telemetry::Frame::Mark(mark)).expect("room");
    // Longer than what a moment follows from: the mark is not within it.
    for second in 0..500 {
        let values = [("app.jobs_waiting", 50.0), ("app.jobs_done", second as f64 * 10.0)];
        writer.append_values(fixture::at(second), "app", values.into_iter()).expect("room");
    }
    drop(writer);
    for at in [100, 450] {
        let seen = draw(&mut open(&path, View::Queues, Some(at)), 100, 24);
        let row = seen.lines().find(|line| line.contains("jobs")).unwrap_or_default();
        assert!(row.contains("50") && row.contains("5.00 s") && row.contains("ALERT"), "{at}: {seen}");
    }
}

#[test]
fn no_size_panics_and_a_tiny_one_says_what_it_takes() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("run.jsonl");
    fixture::write(&path);
    let mut app = open(&path, View::Shards, Some(72));
    for view in View::ALL {
        app.view = view;
        for mode in
            [crate::session::Mode::Table, crate::session::Mode::Help(3), crate::session::Mode::Detail(0)]
        {
            for (width, height) in [
                (1, 1),
                (20, 3),
                (59, 24),
                (80, 14),
                (60, 15),
                (61, 16),
                (80, 25),
                (129, 20),
                (131, 23),
                (300, 90),
            ] {
                app.mode = mode.clone();
                let seen = draw(&mut app, width, height);
                let small = width < screen::WIDTH_MIN || height < screen::HEIGHT_MIN;
                if small && width >= 24 && height > 0 {
                    assert!(seen.contains("too small: 60×15 needed"), "{width}×{height}: {seen}");
                }
            }
        }
    }
}

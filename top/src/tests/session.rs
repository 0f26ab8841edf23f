//! What keys and the mouse do, on the fixed recording.

use std::path::PathBuf;

use ratatui::crossterm::event::{
    Event, KeyCode, KeyEvent, KeyModifiers, MouseButton, MouseEvent, MouseEventKind,
};
use tempfile::TempDir;

use super::fixture;
use super::snapshots::{draw, open};
use crate::session::{App, Clock, Mode};
use crate::views::View;

/// A session, and the recording under it.
struct Session {
    app: App,
    _folder: TempDir,
    path: PathBuf,
}

impl Session {
    fn new(view: View, at: u64) -> Session {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("run.jsonl");
        fixture::write(&path);
        Session { app: open(&path, view, Some(at)), _folder: folder, path }
    }

    fn press(&mut self, code: KeyCode) -> String {
        self.press_with(code, KeyModifiers::NONE)
    }

    fn press_with(&mut self, code: KeyCode, modifiers: KeyModifiers) -> String {
        self.app.handle(&Event::Key(KeyEvent::new(code, modifiers))).expect("handled");
        self.app.look().expect("looked");
        draw(&mut self.app, 100, 30)
    }

    fn press_all(&mut self, keys: &str) -> String {
        let mut seen = String::new();
        for key in keys.chars() {
            seen = self.press(KeyCode::Char(key));
        }
        seen
    }

    fn mouse(&mut self, kind: MouseEventKind, column: u16, row: u16) -> String {
        let mouse = MouseEvent { kind, column, row, modifiers: KeyModifiers::NONE };
        self.app.handle(&Event::Mouse(mouse)).expect("handled");
        draw(&mut self.app, 100, 30)
    }

    /// Seconds since the start of the recording.
    fn second(&self) -> f64 {
        (self.app.at_us() - fixture::at(0).mono_us) as f64 / 1e6
    }

    /// The first cells of the rows, from the top.
    fn first_cells(&self) -> Vec<String> {
        let page = self.app.page();
        let order = self.app.tables[self.app.view.index()].order(&page.grid);
        order.into_iter().map(|row| page.grid.rows[row].cells[0].say(20)).collect()
    }
}

#[test]
fn digits_and_angles_sort_and_r_reverses() {
    let mut session = Session::new(View::Shards, 72);
    // By Δ, largest first, as entop does; shard 3 has the most to do, shard 2 falls behind.
    assert_eq!(session.first_cells(), ["3", "1", "0", "2"]);
    assert!(session.press_all("0").contains("#▼"));
    assert_eq!(session.first_cells(), ["3", "2", "1", "0"]);
    session.press_all("r");
    assert_eq!(session.first_cells(), ["0", "1", "2", "3"]);
    assert!(session.press_all("6").contains("mail▼"));
    assert_eq!(session.first_cells()[0], "2");
    assert!(session.press_all(">").contains("memory▼"));
    assert!(session.press_all("<<").contains("Δ▼"));
    // Again the same digit: the other way round.
    assert!(session.press_all("5").contains("Δ▲"));
    // Nine is the tenth column, the last that a digit can choose.
    assert!(session.press_all("9").contains("outbox▼"));
}

#[test]
fn letters_tab_and_clicks_choose_views() {
    let mut session = Session::new(View::Shards, 72);
    for view in View::ALL {
        session.press(KeyCode::Char(view.key()));
        assert_eq!(session.app.view, view);
    }
    session.press(KeyCode::Tab);
    assert_eq!(session.app.view, View::Shards);
    session.press_with(KeyCode::BackTab, KeyModifiers::SHIFT);
    assert_eq!(session.app.view, View::Events);
    let tabs = draw(&mut session.app, 100, 30);
    let tabs = tabs.lines().nth(2).expect("tabs");
    let column = tabs.find("Memory").expect("a tab") as u16;
    session.mouse(MouseEventKind::Down(MouseButton::Left), column, 2);
    assert_eq!(session.app.view, View::Memory);
}

#[test]
fn filters_keep_what_fits_and_escape_forgets_them() {
    let mut session = Session::new(View::Os, 72);
    let all = session.first_cells().len();
    let seen = session.press_all("/TCP");
    assert!(seen.contains("filter: TCP"), "{seen}");
    let seen = session.press(KeyCode::Enter);
    assert!(seen.contains(&format!("of {all}")), "{seen}");
    assert!(session.first_cells().iter().all(|group| group == "tcp" || group == "memory"));
    assert!(session.first_cells().len() < all);
    session.press(KeyCode::Esc);
    assert_eq!(session.first_cells().len(), all);
}

#[test]
fn rows_are_chosen_and_shown_in_detail() {
    let mut session = Session::new(View::Connections, 72);
    session.press(KeyCode::Down);
    session.press(KeyCode::Down);
    session.press(KeyCode::Down);
    let seen = session.press(KeyCode::Enter);
    assert!(seen.contains(" detail ") && seen.contains("103,7,11,19,23"), "{seen}");
    let seen = session.press(KeyCode::Esc);
    assert!(!seen.contains(" detail "), "{seen}");
    session.press(KeyCode::PageDown);
    let chosen = session.app.table().chosen.clone();
    session.press(KeyCode::PageUp);
    assert_ne!(session.app.table().chosen, chosen);
}

#[test]
fn heads_rows_and_the_wheel_are_for_the_mouse() {
    let mut session = Session::new(View::Shards, 72);
    let seen = draw(&mut session.app, 100, 30);
    let heads = seen.lines().nth(3).expect("heads");
    let column = heads.split("mail").next().expect("a head").chars().count() as u16;
    let seen = session.mouse(MouseEventKind::Down(MouseButton::Left), column, 3);
    assert!(seen.contains("mail▼"), "{seen}");
    session.mouse(MouseEventKind::Down(MouseButton::Left), 5, 5);
    assert!(session.app.table().chosen.is_some());
    let seen = session.mouse(MouseEventKind::Down(MouseButton::Left), 5, 5);
    assert!(seen.contains(" detail "), "a second click opens it: {seen}");
    session.press(KeyCode::Esc);
    session.press_all("o");
    let first = draw(&mut session.app, 60, 15);
    session
        .app
        .handle(&Event::Mouse(MouseEvent {
            kind: MouseEventKind::ScrollDown,
            column: 5,
            row: 8,
            modifiers: KeyModifiers::NONE,
        }))
        .expect("handled");
    assert_ne!(draw(&mut session.app, 60, 15), first, "the wheel scrolls");
}

#[test]
fn steps_minutes_marks_and_ends_are_where_they_should_be() {
    let mut session = Session::new(View::Shards, 72);
    session.press(KeyCode::Right);
    assert_eq!(session.second(), 73.0);
    session.press(KeyCode::Left);
    session.press(KeyCode::Left);
    assert_eq!(session.second(), 71.0);
    session.press_with(KeyCode::Left, KeyModifiers::SHIFT);
    assert_eq!(session.second(), 11.0);
    session.press_with(KeyCode::Right, KeyModifiers::SHIFT);
    assert_eq!(session.second(), 71.0);
    // alert.raised at 70, the log line at 75, alert.cleared at 80.
    session.press_all("[");
    assert_eq!(session.second(), 70.0);
    session.press_all("]]");
    assert_eq!(session.second(), 80.0);
    session.press(KeyCode::Home);
    assert_eq!(session.second(), 0.0);
    assert!(session.press_all("[").contains("no mark before this"));
    session.press(KeyCode::Left);
    assert_eq!(session.second(), 0.0);
    session.press(KeyCode::End);
    assert_eq!(session.second(), 120.0);
    assert!(session.press_all("]").contains("no mark after this"));
}

#[test]
fn a_moment_is_the_same_from_wherever_one_comes() {
    let mut session = Session::new(View::Shards, 72);
    let screens = |session: &mut Session| {
        View::ALL.map(|view| {
            session.app.view = view;
            draw(&mut session.app, 140, 40)
        })
    };
    let expected = screens(&mut session);
    session.press(KeyCode::Home);
    for _ in 0..72 {
        session.press(KeyCode::Right);
    }
    assert_eq!(screens(&mut session), expected, "step by step from the beginning");
    session.press(KeyCode::End);
    // The alert that was cleared at 80 s is two marks back from the drain's beginning.
    for _ in 0..5 {
        session.press_all("[");
    }
    assert_eq!(session.second(), 75.0);
    for _ in 0..3 {
        session.press(KeyCode::Left);
    }
    assert_eq!(screens(&mut session), expected, "step by step from later");
}

#[test]
fn a_packed_recording_is_looked_at_alike() {
    let mut plain = Session::new(View::Queues, 72);
    let packed = plain.path.with_extension("packed");
    telemetry::pack(&plain.path, &packed).expect("it packs");
    let mut app = open(&packed, View::Queues, Some(72));
    assert!(!app.history.may_grow(), "what is packed is complete");
    assert_eq!(draw(&mut app, 100, 30), draw(&mut plain.app, 100, 30));
    app.go(fixture::at(50).mono_us).expect("back");
    plain.app.go(fixture::at(50).mono_us).expect("back");
    assert_eq!(draw(&mut app, 100, 30), draw(&mut plain.app, 100, 30));
}

#[test]
fn a_recording_that_grows_is_followed() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("growing.jsonl");
    fixture::write_seconds(&path, 0..50);
    let mut app = open(&path, View::Shards, None);
    assert!(app.history.may_grow());
    assert_eq!(app.at_us(), fixture::at(49).mono_us + 500_000, "at its end, which is a latency's");
    let mut line = Vec::new();
    fixture::frames(50).iter().for_each(|frame| frame.to_line(&mut line));
    let mut file = std::fs::OpenOptions::new().append(true).open(&path).expect("there");
    let (half, rest) = line.split_at(line.len() / 2);
    std::io::Write::write_all(&mut file, half).expect("room");
    app.look().expect("half a line is no error");
    std::io::Write::write_all(&mut file, rest).expect("room");
    app.look().expect("looked");
    assert_eq!(app.at_us(), fixture::at(50).mono_us + 500_000);
    assert!(draw(&mut app, 140, 30).contains("in 3,000/s"));
}

#[test]
fn a_finished_run_opens_before_it_was_taken_down_and_space_plays() {
    let session = Session::new(View::Shards, 72);
    let mut app = open(&session.path, View::Shards, None);
    assert!(matches!(app.clock, Clock::Paused));
    assert_eq!(app.at_us(), fixture::at(100).mono_us - 1);
    assert!(draw(&mut app, 100, 30).contains("12,000"), "the connections are all there");
    app.pause().expect("it plays");
    assert!(draw(&mut app, 100, 30).contains("PLAYING ×1"));
    app.pause().expect("it pauses");
    assert!(draw(&mut app, 100, 30).contains("PAUSED"));
}

#[test]
fn a_replay_goes_faster_and_slower() {
    let mut session = Session::new(View::Shards, 72);
    session.press_all(" ");
    assert!(session.press_all("+").contains("PLAYING ×2"));
    assert!(session.press_all("+").contains("PLAYING ×5"));
    assert!(session.press_all("-").contains("PLAYING ×2"));
    assert!(session.press_all("--").contains("PLAYING ×1"));
}

#[test]
fn help_names_every_key_and_closes() {
    let mut session = Session::new(View::Shards, 72);
    session.press_all("?");
    let seen = draw(&mut session.app, 100, 50);
    for key in ["0 … 9", "< >", "Shift-←", "[ ]", "Home End", "Ctrl-Z", "PgUp"] {
        assert!(seen.contains(key), "no {key} in {seen}");
    }
    session.press(KeyCode::Esc);
    assert_eq!(session.app.mode, Mode::Table);
}

#[test]
fn q_and_control_c_quit() {
    for (code, modifiers) in
        [(KeyCode::Char('q'), KeyModifiers::NONE), (KeyCode::Char('c'), KeyModifiers::CONTROL)]
    {
        let mut session = Session::new(View::Shards, 72);
        session.press_with(code, modifiers);
        assert!(session.app.quit);
    }
}

#[test]
fn without_colours_nothing_is_coloured_and_nothing_is_lost() {
    let mut session = Session::new(View::Shards, 72);
    let coloured = draw(&mut session.app, 100, 30);
    session.app.theme = crate::screen::theme::Theme::new(false);
    assert_eq!(draw(&mut session.app, 100, 30), coloured);
    let area = ratatui::layout::Rect { x: 0, y: 0, width: 100, height: 30 };
    for view in View::ALL {
        session.app.view = view;
        let mut buffer = ratatui::buffer::Buffer::empty(area);
        crate::screen::draw(&mut session.app, area, &mut buffer);
        let reset = ratatui::style::Color::Reset;
        assert!(buffer.content.iter().all(|cell| cell.fg == reset && cell.bg == reset), "{view:?}");
    }
}

//! A live server that is a channel: pausing, looking back, losing it, asking it.

use std::sync::mpsc::{Receiver, SyncSender, channel, sync_channel};
use std::time::Duration;

use ratatui::crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers};
use telemetry::{By, Cell, Frame, Table};

use super::fixture;
use super::snapshots::draw;
use crate::session::App;
use crate::{Control, Feed, LiveEvent, Options, Print, TopError, View, once};

fn options(view: View) -> Options {
    Options { view, interval: Duration::from_secs(1), colours: true, at: None }
}

/// A session, its server, and what the server is asked.
fn attach() -> (App, SyncSender<LiveEvent>, Receiver<Control>) {
    let (server, events) = sync_channel(10_000);
    let (control, asked) = channel();
    let app = App::new(Feed::Live { events, control }, options(View::Shards)).expect("a session");
    let attached = LiveEvent::Attached { server: "127.0.0.1:8002".into(), latency: Duration::from_millis(2) };
    server.send(attached).expect("heard");
    (app, server, asked)
}

fn tell(server: &SyncSender<LiveEvent>, seconds: std::ops::Range<u64>) {
    for frame in seconds.flat_map(fixture::frames) {
        server.send(LiveEvent::Frame(frame)).expect("heard");
    }
}

fn hear(app: &mut App) -> String {
    for _ in 0..20 {
        app.look().expect("looked");
    }
    draw(app, 100, 30)
}

fn press(app: &mut App, keys: &str) -> String {
    for key in keys.chars() {
        let code = match key {
            '\n' => KeyCode::Enter,
            '←' => KeyCode::Left,
            '→' => KeyCode::Right,
            '$' => KeyCode::End,
            '^' => KeyCode::Home,
            key => KeyCode::Char(key),
        };
        app.handle(&Event::Key(KeyEvent::new(code, KeyModifiers::NONE))).expect("handled");
    }
    hear(app)
}

#[test]
fn a_live_run_is_paused_rewound_and_resumed_without_losing_a_frame() {
    let (mut app, server, _asked) = attach();
    tell(&server, 0..60);
    let seen = hear(&mut app);
    assert!(seen.contains("LIVE") && seen.contains("+0:59 of 0:59"), "{seen}");
    let seen = press(&mut app, " ");
    assert!(seen.contains("PAUSED"), "{seen}");
    // While it is paused, a minute passes.
    tell(&server, 60..90);
    let seen = hear(&mut app);
    assert!(seen.contains("+0:59 of 1:29"), "it stays where it is: {seen}");
    let seen = press(&mut app, "→");
    assert!(seen.contains("+1:00 of 1:29"), "what came meanwhile is there: {seen}");
    let seen = press(&mut app, "←←");
    assert!(seen.contains("+0:58 of 1:29"), "{seen}");
    let seen = press(&mut app, "^");
    assert!(seen.contains("+0:00 of 1:29"), "{seen}");
    for second in 1..90 {
        let seen = press(&mut app, "→");
        assert!(seen.contains(&format!("+{}:{:02} of 1:29", second / 60, second % 60)), "{second}: {seen}");
    }
    tell(&server, 90..91);
    let seen = press(&mut app, "$");
    assert!(seen.contains("LIVE") && seen.contains("+1:30 of 1:30"), "{seen}");
}

#[test]
fn a_lost_server_is_shown_as_lost_and_its_history_stays() {
    let (mut app, server, _asked) = attach();
    tell(&server, 0..60);
    server.send(LiveEvent::Lost { reason: "nobody listens there".into() }).expect("heard");
    let seen = hear(&mut app);
    assert!(seen.contains("LOST: nobody listens there, trying again"), "{seen}");
    assert!(seen.contains("chat-3"), "what was known is still shown: {seen}");
    let seen = press(&mut app, "←");
    assert!(seen.contains("+0:58 of 0:59"), "{seen}");
    let attached = LiveEvent::Attached { server: "127.0.0.1:8002".into(), latency: Duration::from_millis(3) };
    server.send(attached).expect("heard");
    tell(&server, 60..61);
    let seen = press(&mut app, "$");
    assert!(seen.contains("LIVE") && !seen.contains("LOST") && seen.contains("+1:00 of 1:00"), "{seen}");
    drop(server);
    let seen = hear(&mut app);
    assert!(seen.contains("LOST: the sampler has ended"), "{seen}");
}

/// What the machine still says when everybody else is silent.
fn host_alone(second: u64) -> Frame {
    let mut frames = fixture::frames(second).into_iter();
    let Some(Frame::Sample(mut sample)) = frames.find(|frame| matches!(frame, Frame::Sample(_))) else {
        panic!("a sample each second")
    };
    sample.values.retain(|name, _| name.starts_with("host.") || name.starts_with("sar."));
    Frame::Sample(sample)
}

/// 15 s after a chat was killed, the header still said how many connections and messages it had, and its shards were
/// "ok"; 3 minutes after a publisher fell silent, it still sent 40,000/s.
#[test]
fn what_was_said_too_long_ago_is_not_how_it_is() {
    let (mut app, server, _asked) = attach();
    tell(&server, 0..60);
    let seen = hear(&mut app);
    assert!(seen.contains("conns 12,000") && seen.contains("in 3000/s"), "{seen}");
    server.send(LiveEvent::Lost { reason: "gone".into() }).expect("heard");
    let seen = hear(&mut app);
    assert!(seen.contains("conns –") && seen.contains("in –") && !seen.contains(" up "), "{seen}");
    // Looked back at, it is what it was.
    let seen = press(&mut app, "←");
    assert!(seen.contains("conns 12,000"), "{seen}");
    press(&mut app, "$");
    for second in 60..75 {
        server.send(LiveEvent::Frame(host_alone(second))).expect("heard");
    }
    // Found again, but it has not said anything yet.
    let attached = LiveEvent::Attached { server: "127.0.0.1:8002".into(), latency: Duration::from_millis(3) };
    server.send(attached).expect("heard");
    let seen = hear(&mut app);
    assert!(seen.contains("LIVE") && seen.contains("+1:14 of 1:14"), "{seen}");
    for figure in ["conns –", "ids –", "in –", "out –", "mem –", "each –", "cpu –"] {
        assert!(seen.contains(figure), "{figure}: {seen}");
    }
    let silence = "the server has said nothing for 15 s";
    assert!(seen.contains(silence) && seen.contains("chat-3") && !seen.contains(" ok "), "{seen}");
    let seen = press(&mut app, "c");
    assert!(seen.contains(silence) && !seen.contains("127.0.0.1:40"), "{seen}");
    let seen = press(&mut app, "m");
    assert!(seen.contains(silence), "{seen}");
    // What was reached stays reached; nothing is sent any more.
    let seen = press(&mut app, "l");
    let row = |name: &str| {
        let line = seen.lines().find(|line| line.contains(name)).unwrap_or_else(|| panic!("{name}: {seen}"));
        line.split_whitespace().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(row("message rate")[3..5], ["1448/s", "–"], "{seen}");
    assert_eq!(row("messages arrived")[2..4], ["42,000", "–"], "{seen}");
    // Said again, it is there again.
    tell(&server, 75..77);
    let seen = press(&mut app, "s");
    assert!(
        seen.contains("conns 12,000") && seen.contains(" ok ") && !seen.contains("said nothing"),
        "{seen}"
    );
}

#[test]
fn the_server_is_asked_for_intervals_orders_and_ids() {
    let (mut app, server, asked) = attach();
    tell(&server, 0..3);
    hear(&mut app);
    press(&mut app, "+");
    assert_eq!(asked.try_recv(), Ok(Control::Interval(Duration::from_secs(2))));
    press(&mut app, "--");
    assert_eq!(asked.try_iter().last(), Some(Control::Interval(Duration::from_millis(500))));
    press(&mut app, "b");
    let count = crate::CONNECTIONS_COUNT;
    assert_eq!(asked.try_recv(), Ok(Control::Connections { by: By::Bytes, count }));
    let seen = press(&mut app, "f1x23");
    assert!(seen.contains("id: 123"), "{seen}");
    press(&mut app, "\n");
    assert_eq!(asked.try_recv(), Ok(Control::Find(123)));
    let found = |rows| {
        let columns = vec!["connection".into(), "peer".into()];
        let table =
            Table { at: fixture::at(3), source: "server".into(), name: "connection".into(), columns, rows };
        LiveEvent::Frame(Frame::Table(table))
    };
    let row = vec![Cell::Text("1:5.1".into()), Cell::Text("127.0.0.1:40404".into())];
    server.send(found(vec![row])).expect("heard");
    let seen = hear(&mut app);
    assert!(seen.contains("1 connections hold it") && seen.contains("127.0.0.1:40404"), "{seen}");
    press(&mut app, "qf7\n");
    server.send(found(Vec::new())).expect("heard");
    let seen = hear(&mut app);
    assert!(seen.contains("nobody there"), "{seen}");
    let seen = press(&mut app, "qf99999999999\n");
    assert!(seen.contains("an id is a number"), "{seen}");
    drop(app);
    assert_eq!(asked.try_iter().last(), Some(Control::Stop));
}

/// The sampling froze on a hung server, `finding` stayed set, and nobody was told.
#[test]
fn an_id_that_cannot_be_looked_for_is_told() {
    let (mut app, server, asked) = attach();
    tell(&server, 0..3);
    hear(&mut app);
    let seen = press(&mut app, "f5\n");
    assert!(seen.contains("looking for id 5"), "{seen}");
    let seen = press(&mut app, "f6\n");
    assert!(seen.contains("still looking for id 5"), "{seen}");
    assert_eq!(asked.try_iter().collect::<Vec<_>>(), [Control::Find(5)], "one at a time");
    server.send(LiveEvent::NotLooked { id: 5, reason: "no answer within 4 s".into() }).expect("heard");
    let seen = hear(&mut app);
    assert!(seen.contains("could not look for id 5: no answer within 4 s"), "{seen}");
    press(&mut app, "f6\n");
    assert_eq!(asked.try_recv(), Ok(Control::Find(6)), "and the next may be asked for");
}

/// On a full disk the clock stood still, and each frame said anew that it could not be kept.
#[test]
fn on_a_full_disk_it_goes_on_and_says_so_once() {
    let (mut app, server, _asked) = attach();
    tell(&server, 0..2);
    let seen = hear(&mut app);
    assert!(seen.contains("LIVE  +0:01 of 0:01"), "{seen}");
    app.history.fill_disk();
    // What was kept just before is not read after what could not be.
    tell(&server, 2..5);
    let seen = hear(&mut app);
    assert!(seen.contains("LIVE  +0:04 of 0:04") && seen.contains("could not keep"), "{seen}");
    assert_eq!(app.player.moment().value("server.uptime_s"), Some(6.0));
    app.say("something else");
    tell(&server, 5..60);
    let seen = hear(&mut app);
    assert!(seen.contains("LIVE  +0:59 of 0:59") && seen.contains("something else"), "{seen}");
    assert!(seen.contains("conns 12,000") && seen.contains("1590"), "{seen}");
    // What was kept can be looked back at, and the end is where it was.
    let seen = press(&mut app, "^");
    assert!(seen.contains("PAUSED  +0:00 of 0:59"), "{seen}");
    tell(&server, 60..61);
    press(&mut app, "$");
    tell(&server, 61..63);
    let seen = hear(&mut app);
    assert!(seen.contains("LIVE  +1:02 of 1:02") && seen.contains("conns 12,000"), "{seen}");
}

#[test]
fn one_screen_of_a_live_server_waits_until_there_is_something_to_compare() {
    let print = Print::Screen { width: 100, height: 30 };
    let feed = |seconds: std::ops::Range<u64>, lost: bool| {
        let (server, events) = sync_channel(10_000);
        tell(&server, seconds);
        if lost {
            server.send(LiveEvent::Lost { reason: "gone".into() }).expect("heard");
        }
        // Kept open: a server that says nothing is not one that has gone.
        std::mem::forget(server);
        Feed::Live { events, control: channel().0 }
    };
    let patience = Duration::from_millis(200);
    let screen = once(feed(45..60, false), options(View::Shards), print, patience).expect("a screen");
    assert!(screen.contains("Δ▼") && screen.contains("840"), "{screen}");
    let silent = once(feed(0..1, false), options(View::Shards), print, patience);
    assert!(matches!(silent, Err(TopError::Silent { .. })), "{silent:?}");
    let lost = once(feed(0..1, true), options(View::Shards), print, patience);
    assert!(matches!(lost, Err(TopError::Lost { .. })), "{lost:?}");
}

//! One screen as text, or a view's data as JSON, without a terminal: for scripts and bug reports.

use std::time::{Duration, Instant};

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use serde_json::json;

use crate::screen::header::Facts;
use crate::session::App;
use crate::session::export;
use crate::{Feed, Options, TopError, screen};

/// How often a live feed is looked at.
const LOOK: Duration = Duration::from_millis(10);

/// Samples of a live server that are waited for: figures since the last one need two, and only with the first answer is
/// it known which process to watch.
const SAMPLES: u64 = 3;

/// What one screen is printed as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Print {
    /// A screen of this many columns and lines, as text.
    Screen {
        /// Columns.
        width: u16,
        /// Lines.
        height: u16,
    },
    /// The view's data.
    Json,
}

/// One screen of a feed: of a recording where it ends (or before it was taken down), of a live server after its third
/// sample, for which it waits at most `patience`.
///
/// # Errors
/// [`TopError::Lost`] when the server was lost meanwhile, [`TopError::Silent`] when it said too little,
/// [`TopError::NoFrames`] when there is nothing in a recording; as for [`run`](crate::run).
pub fn once(feed: Feed, options: Options, print: Print, patience: Duration) -> Result<String, TopError> {
    let path = match &feed {
        Feed::Recording(path) => Some(path.clone()),
        Feed::Live { .. } => None,
    };
    let mut app = App::new(feed, options)?;
    let began = Instant::now();
    loop {
        app.look()?;
        if let Some(reason) = &app.link.lost {
            return Err(TopError::Lost { reason: reason.clone() });
        }
        let enough = !app.is_live() || app.player.moment().samples() >= SAMPLES;
        if app.opened && enough {
            break;
        }
        if app.is_live() {
            if began.elapsed() > patience {
                return Err(TopError::Silent { patience });
            }
            std::thread::sleep(LOOK);
        }
    }
    if let Some(path) = path.filter(|_| app.history.is_empty()) {
        return Err(TopError::NoFrames { path });
    }
    Ok(match print {
        Print::Screen { width, height } => text(&mut app, width, height),
        Print::Json => json(&app),
    })
}

/// The screen, without what is only blank at the ends of lines.
pub(crate) fn text(app: &mut App, width: u16, height: u16) -> String {
    let area = Rect { x: 0, y: 0, width, height };
    let mut buffer = Buffer::empty(area);
    screen::draw(app, area, &mut buffer);
    let mut out = String::new();
    for y in 0..height {
        let line: String = (0..width).map(|x| buffer[(x, y)].symbol()).collect();
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

fn json(app: &App) -> String {
    let page = app.page();
    let order = app.tables[app.view.index()].order(&page.grid);
    let at_us = app.at_us();
    let at = json!({
        "mono_us": at_us,
        "wall_us": app.history.wall_us(at_us),
        "since_start_s": at_us.saturating_sub(app.history.start_us()) as f64 / 1e6,
        "phase": app.history.events.phase_at(at_us).map(|phase| phase.name.as_str()),
    });
    let facts = Facts::of(&app.scene(), &app.link).json();
    format!("{:#}\n", export::page(app.view.name(), &facts, &at, &page, &order))
}

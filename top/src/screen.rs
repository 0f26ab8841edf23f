//! The screen, from top to bottom: header, tabs, the view, the time bar, the state.

pub(crate) mod chart;
pub(crate) mod header;
pub(crate) mod spark;
pub(crate) mod table;
pub(crate) mod theme;
pub(crate) mod time_bar;

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Modifier;
use ratatui::widgets::{Block, Clear, Widget};

use crate::grid::Page;
use crate::past::moment::text;
use crate::screen::header::Facts;
use crate::screen::table::{TableArea, put};
use crate::screen::theme::Tone;
use crate::session::keys;
use crate::session::{App, Clock, Mode};
use crate::views::View;
use crate::words::{span, time_of_day};

/// The fewest columns: with fewer there is only a sentence.
pub const WIDTH_MIN: u16 = 60;
/// The fewest lines, likewise.
pub const HEIGHT_MIN: u16 = 15;

/// From this width on, charts stand beside the table.
const WIDTH_BESIDE: u16 = 130;

/// How wide the table is then.
const TABLE_WIDTH: u16 = 84;

/// How high charts are under the table.
const CHART_HEIGHT: u16 = 7;

/// Where things were drawn: what a click means.
#[derive(Debug, Clone, Default)]
pub(crate) struct Areas {
    tabs: Vec<(View, Rect)>,
    pub(crate) table: TableArea,
    pub(crate) time_bar: Rect,
}

impl Areas {
    /// The view whose tab is at a place.
    pub(crate) fn tab_at(&self, place: Position) -> Option<View> {
        self.tabs.iter().find(|(_, area)| area.contains(place)).map(|&(view, _)| view)
    }
}

/// A line of `area`, counted from its top.
fn line(area: Rect, index: u16) -> Rect {
    Rect { y: area.y + index, height: 1, ..area }
}

/// Draws everything.
pub(crate) fn draw(app: &mut App, area: Rect, buffer: &mut Buffer) {
    app.areas = Areas::default();
    if area.width < WIDTH_MIN || area.height < HEIGHT_MIN {
        let sentence = format!("too small: {WIDTH_MIN}×{HEIGHT_MIN} needed");
        let middle = Rect { y: area.y + area.height / 2, height: 1.min(area.height), ..area };
        if middle.height > 0 {
            put(buffer, middle, &sentence, false, app.theme.strong());
        }
        return;
    }
    if !app.opened {
        let second = app.history.last_us().saturating_sub(app.history.start_us()) as f64 / 1e6;
        put(
            buffer,
            line(area, 0),
            &format!("reading the recording: {} so far", span(second)),
            false,
            app.theme.strong(),
        );
        return;
    }
    let page = app.page();
    draw_header(app, area, buffer, &page);
    draw_tabs(app, line(area, 2), buffer, &page);
    let body = Rect { y: area.y + 3, height: area.height - 5, ..area };
    draw_page(app, body, buffer, &page);
    let bar = line(area, area.height - 2);
    app.areas.time_bar = bar;
    time_bar::draw(buffer, bar, &app.history, app.at_us(), app.theme);
    draw_state(app, line(area, area.height - 1), buffer);
    draw_popup(app, body, buffer, &page);
}

fn draw_header(app: &App, area: Rect, buffer: &mut Buffer, page: &Page) {
    let scene = app.scene();
    let facts = Facts::of(&scene, &app.link);
    let sort = app.tables[app.view.index()].sort_words(&page.grid.columns);
    header::draw(buffer, area, &facts, &scene, &sort, app.theme);
}

fn draw_tabs(app: &mut App, area: Rect, buffer: &mut Buffer, page: &Page) {
    let mut x = area.x;
    for view in View::ALL {
        let (tab, letter) = view.tab();
        let place = Rect { x, width: tab.chars().count() as u16 + 2, ..area };
        let style = app.theme.tab(view == app.view);
        put(buffer, place, &format!(" {tab} "), false, style);
        let key = Rect { x: x + 1 + letter as u16, width: 1, ..area };
        buffer.set_style(key, style.add_modifier(Modifier::UNDERLINED));
        app.areas.tabs.push((view, place));
        x += place.width;
    }
    let table = &app.tables[app.view.index()];
    let rest = Rect { x, width: area.width.saturating_sub(x - area.x), ..area };
    let rows = page.grid.rows.len();
    let shown = table.order(&page.grid).len();
    let count = if table.filter.is_empty() {
        format!("{rows} rows")
    } else {
        format!("/{}  {shown} of {rows}", table.filter)
    };
    let tone = if table.filter.is_empty() { Tone::Quiet } else { Tone::Warning };
    put(buffer, rest, &count, true, app.theme.tone(tone));
}

fn draw_page(app: &mut App, area: Rect, buffer: &mut Buffer, page: &Page) {
    let mut area = area;
    for (tone, note) in &page.notes {
        put(buffer, line(area, 0), note, false, app.theme.tone(*tone));
        area = Rect { y: area.y + 1, height: area.height - 1, ..area };
    }
    let charts = page.charts.len() as u16;
    let theme = app.theme;
    if charts == 0 || area.height < CHART_HEIGHT + 7 {
        app.areas.table = app.table().draw(buffer, area, &page.grid, theme);
        return;
    }
    if area.width >= WIDTH_BESIDE {
        let table = Rect { width: TABLE_WIDTH, ..area };
        app.areas.table = app.table().draw(buffer, table, &page.grid, theme);
        let height = area.height / charts;
        for (index, chart) in (0..).zip(&page.charts) {
            let x = area.x + TABLE_WIDTH + 2;
            let place = Rect { x, y: area.y + index * height, width: area.right() - x, height };
            chart::draw(buffer, place, chart, theme);
        }
        return;
    }
    // Rows that fit anyway leave the charts more room.
    let rows = page.grid.rows.len() as u16 + 1;
    let height = CHART_HEIGHT.max(area.height.saturating_sub(rows));
    let table = Rect { height: area.height - height, ..area };
    app.areas.table = app.table().draw(buffer, table, &page.grid, theme);
    let width = area.width / charts;
    for (index, chart) in (0..).zip(&page.charts) {
        let (x, y) = (area.x + index * width, area.y + table.height);
        chart::draw(buffer, Rect { x, y, width: width - u16::from(charts > 1), height }, chart, theme);
    }
}

/// Whether one sees what is, and where in time one is.
fn draw_state(app: &App, area: Rect, buffer: &mut Buffer) {
    if let Some(prompt) = prompt(app) {
        put(buffer, area, &prompt, false, app.theme.strong());
        return;
    }
    let (word, tone) = state(app);
    let badge = format!(" {word} ");
    put(buffer, area, &badge, false, app.theme.badge(tone));
    let from = badge.chars().count() as u16 + 1;
    let rest = Rect { x: area.x + from, width: area.width.saturating_sub(from), ..area };
    let mut place = place(app);
    if let Some(notice) = app.notice() {
        place = format!("{place}  {notice}");
    }
    put(buffer, rest, &place, false, app.theme.strong());
    let hints = ["? help  / filter  space pause  q quit", "? help  q quit"];
    let left = usize::from(rest.width).saturating_sub(place.chars().count() + 2);
    if let Some(hints) = hints.into_iter().find(|hints| hints.len() <= left) {
        put(buffer, rest, hints, true, app.theme.tone(Tone::Quiet));
    }
}

/// What is being typed, if anything is.
fn prompt(app: &App) -> Option<String> {
    match &app.mode {
        Mode::Filter => {
            Some(format!("filter: {}▏   Enter keeps it, Esc forgets it", app.tables[app.view.index()].filter))
        }
        Mode::Find(typed) => Some(format!("id: {typed}▏   Enter looks for it, Esc does not")),
        Mode::Export => Some(format!("export {}:  c CSV  j JSON  any other key: nothing", app.view.name())),
        _ => None,
    }
}

/// The state in a word.
fn state(app: &App) -> (String, Tone) {
    let grows = app.grows();
    match app.clock {
        _ if app.history.is_empty() && !app.is_live() => ("NO FRAMES".into(), Tone::Warning),
        Clock::Follow if app.link.lost.is_some() => ("LOST".into(), Tone::Alarm),
        Clock::Follow if app.history.is_empty() && app.is_live() => ("ATTACHING".into(), Tone::Plain),
        Clock::Follow if grows => ("LIVE".into(), Tone::Good),
        Clock::Follow => ("END".into(), Tone::Plain),
        Clock::Paused => ("PAUSED".into(), Tone::Warning),
        Clock::Playing { .. } => (format!("PLAYING ×{}", app.speed), Tone::Good),
    }
}

/// Where in time one is.
fn place(app: &App) -> String {
    let history = &app.history;
    let since_s = |at_us: u64| at_us.saturating_sub(history.start_us()) as f64 / 1e6;
    let at_us = app.at_us();
    let mut place = format!("+{} of {}", span(since_s(at_us)), span(since_s(history.last_us())));
    if let Some(phase) = history.events.phase_at(at_us) {
        place.push_str(&format!("  {}", phase.name));
    }
    place.push_str(&format!("  {} UTC", time_of_day(history.wall_us(at_us))));
    place
}

/// What lies over the view: the help, a row's details, what was found.
fn draw_popup(app: &mut App, area: Rect, buffer: &mut Buffer, page: &Page) {
    let (title, lines, from) = match app.mode {
        Mode::Help(from) => (" keys ", keys::help(), from),
        Mode::Detail(from) => (" detail ", detail(app, page), from),
        Mode::Found(from) => (" found ", found(app), from),
        _ => return,
    };
    let label_width = lines.iter().map(|(label, _)| label.chars().count()).max().unwrap_or(0).min(28);
    let text_width = usize::from(area.width).saturating_sub(label_width + 8).max(10);
    let wrapped: Vec<(String, String)> = lines
        .into_iter()
        .flat_map(|(label, said)| {
            let mut labels = std::iter::once(label);
            let pieces = wrap(&said, text_width);
            pieces
                .into_iter()
                .map(move |piece| (labels.next().unwrap_or_default(), piece))
                .collect::<Vec<_>>()
        })
        .collect();
    let widest = wrapped.iter().map(|(_, said)| said.chars().count()).max().unwrap_or(0);
    let width = ((label_width + widest + 6) as u16).clamp(30, area.width);
    let height = (wrapped.len() as u16 + 2).clamp(3, area.height);
    let most = wrapped.len().saturating_sub(usize::from(height) - 2);
    let from = from.min(most);
    match &mut app.mode {
        Mode::Help(line) | Mode::Detail(line) | Mode::Found(line) => *line = from,
        _ => {}
    }
    let frame =
        Rect { x: area.x + (area.width - width) / 2, y: area.y + (area.height - height) / 2, width, height };
    Clear.render(frame, buffer);
    let more = if most > 0 { " ↑ ↓ " } else { "" };
    Block::bordered().title(title).title_bottom(more).border_style(app.theme.label()).render(frame, buffer);
    for (index, (label, said)) in (0..height - 2).zip(wrapped.iter().skip(from)) {
        let inner = Rect { x: frame.x + 2, y: frame.y + 1 + index, width: width - 4, height: 1 };
        put(buffer, Rect { width: label_width as u16, ..inner }, label, false, app.theme.label());
        let x = inner.x + label_width as u16 + 2;
        let rest = Rect { x, width: (inner.right()).saturating_sub(x), ..inner };
        put(buffer, rest, said, false, app.theme.tone(Tone::Plain));
    }
}

fn detail(app: &App, page: &Page) -> Vec<(String, String)> {
    let Some(row) = app.tables[app.view.index()].chosen_row(&page.grid) else {
        return vec![("gone".into(), "the row is not there any more".into())];
    };
    let cells = page.grid.columns.iter().zip(&page.grid.rows[row].cells);
    cells.map(|(column, cell)| (column.key.to_owned(), cell.say(40))).collect()
}

fn found(app: &App) -> Vec<(String, String)> {
    let Some((id, table)) = &app.found else { return Vec::new() };
    if table.rows.is_empty() {
        return vec![(format!("id {id}"), "nobody there: no connection holds it".into())];
    }
    let mut lines = vec![(format!("id {id}"), format!("{} connections hold it", table.rows.len()))];
    for row in &table.rows {
        let cells = table.columns.iter().zip(row);
        lines.extend(cells.filter_map(|(name, cell)| Some((name.clone(), text(Some(cell))?))));
    }
    lines
}

/// A text in lines of at most `width`.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut used = 0;
    for word in text.split_inclusive([' ', ',']) {
        let length = word.chars().count();
        if used > 0 && used + length > width {
            lines.push(String::new());
            used = 0;
        }
        for letter in word.chars() {
            if used == width {
                lines.push(String::new());
                used = 0;
            }
            if let Some(last) = lines.last_mut() {
                last.push(letter);
            }
            used += 1;
        }
    }
    lines
}

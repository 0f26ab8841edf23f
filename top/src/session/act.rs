//! What keys and the mouse do.

use std::path::Path;

use ratatui::crossterm::event::{
    Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers, MouseButton, MouseEvent, MouseEventKind,
};
use ratatui::layout::Position;

use crate::TopError;
use crate::feed::Control;
use crate::screen::time_bar;
use crate::session::export::{self, Form};
use crate::session::keys::{self, Action};
use crate::session::{App, Clock, INTERVALS_MS, Mode, SPEEDS};

/// A step and a leap, in microseconds.
const SECOND_US: u64 = 1_000_000;
const MINUTE_US: u64 = 60 * SECOND_US;

/// Rows that a turn of the wheel scrolls.
const WHEEL_ROWS: isize = 3;

/// Letters of a filter or an id that are taken; more are not.
const INPUT_MAX: usize = 64;

/// Top connections that are asked for.
pub const CONNECTIONS_COUNT: u16 = 50;

impl App {
    /// Does what a key, the mouse or a new size asks for.
    pub(crate) fn handle(&mut self, event: &Event) -> Result<(), TopError> {
        match event {
            Event::Key(key) if key.kind != KeyEventKind::Release => self.key(*key),
            Event::Mouse(mouse) => self.mouse(*mouse),
            Event::Resize(..) => {
                self.dirty = true;
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn key(&mut self, key: KeyEvent) -> Result<(), TopError> {
        self.dirty = true;
        if key.modifiers.contains(KeyModifiers::CONTROL) {
            return keys::action(key).map_or(Ok(()), |action| self.act(action));
        }
        match self.mode.clone() {
            Mode::Table => keys::action(key).map_or(Ok(()), |action| self.act(action)),
            Mode::Filter => {
                self.type_filter(key);
                Ok(())
            }
            Mode::Find(typed) => {
                self.type_id(key, typed);
                Ok(())
            }
            Mode::Export => {
                self.mode = Mode::Table;
                match key.code {
                    KeyCode::Char('c') => self.export(Form::Csv),
                    KeyCode::Char('j') => self.export(Form::Json),
                    _ => {}
                }
                Ok(())
            }
            Mode::Help(line) => {
                self.mode = read_on(key, line).map_or(Mode::Table, Mode::Help);
                Ok(())
            }
            Mode::Detail(line) => {
                self.mode = read_on(key, line).map_or(Mode::Table, Mode::Detail);
                Ok(())
            }
            Mode::Found(line) => {
                self.mode = read_on(key, line).map_or(Mode::Table, Mode::Found);
                Ok(())
            }
        }
    }

    fn act(&mut self, action: Action) -> Result<(), TopError> {
        match action {
            Action::Quit => self.quit = true,
            Action::Suspend => self.suspend = true,
            Action::Redraw => self.clear = true,
            Action::Help => self.mode = Mode::Help(0),
            Action::Export => self.mode = Mode::Export,
            Action::Filter => self.mode = Mode::Filter,
            Action::Find => self.begin_find(),
            Action::Show(view) => self.view = view,
            Action::NextView => self.view = self.view.next(1),
            Action::PreviousView => self.view = self.view.next(crate::View::ALL.len() - 1),
            Action::Order => self.next_order(),
            Action::Back => self.back(),
            Action::More => self.change_pace(true),
            Action::Less => self.change_pace(false),
            Action::Pause => return self.pause(),
            Action::Step(_) | Action::Minutes(_) | Action::PreviousMark | Action::NextMark => {
                return self.travel(action);
            }
            Action::Home => return self.go(self.history.beginning_us()),
            Action::End => return self.go_to_end(),
            #[cfg(debug_assertions)]
            Action::Panic => panic!("asked for, by a key that only builds for testing have"),
            Action::SortBy(_)
            | Action::SortLeft
            | Action::SortRight
            | Action::Reverse
            | Action::Rows(_)
            | Action::Pages(_)
            | Action::Detail => self.act_on_table(action),
        }
        Ok(())
    }

    fn act_on_table(&mut self, action: Action) {
        let grid = self.page().grid;
        let page = self.areas.table.height.max(1);
        let table = self.table();
        match action {
            Action::SortBy(column) => table.sort_by(column, &grid.columns),
            Action::SortLeft => table.move_sort(false, &grid.columns),
            Action::SortRight => table.move_sort(true, &grid.columns),
            Action::Reverse => table.descending = !table.descending,
            Action::Rows(rows) => table.choose(&grid, rows),
            Action::Pages(pages) => table.choose(&grid, pages.saturating_mul(page as isize)),
            Action::Detail => {
                if table.chosen_row(&grid).is_none() {
                    table.choose(&grid, 1);
                }
                if table.chosen_row(&grid).is_some() {
                    self.mode = Mode::Detail(0);
                }
            }
            _ => {}
        }
    }

    fn travel(&mut self, action: Action) -> Result<(), TopError> {
        let at_us = self.at_us();
        match action {
            Action::Step(steps) => self.travel_by(i64::from(steps) * SECOND_US as i64),
            Action::Minutes(minutes) => self.travel_by(i64::from(minutes) * MINUTE_US as i64),
            Action::PreviousMark => match self.history.events.mark_before(at_us) {
                Some(mark_us) => self.go(mark_us),
                None => {
                    self.say("no mark before this");
                    Ok(())
                }
            },
            _ => match self.history.events.mark_after(at_us) {
                Some(mark_us) => self.go(mark_us),
                None => {
                    self.say("no mark after this");
                    Ok(())
                }
            },
        }
    }

    fn travel_by(&mut self, by_us: i64) -> Result<(), TopError> {
        let to_us = self.at_us().saturating_add_signed(by_us);
        // What lies between is read either way; a minute ahead may be further than the window.
        if by_us > 0 { self.go_forward(to_us) } else { self.go(to_us) }
    }

    fn back(&mut self) {
        let table = self.table();
        if !table.filter.is_empty() {
            table.filter.clear();
        } else {
            table.chosen = None;
        }
    }

    fn next_order(&mut self) {
        if !self.is_live() {
            self.say("a recording has the top connections as they were asked for: 0 to 9 sort them");
            return;
        }
        self.by = self.by.next();
        self.ask(Control::Connections { by: self.by, count: CONNECTIONS_COUNT });
        self.say(&format!("asking for the top connections by {}", self.by.word()));
    }

    fn begin_find(&mut self) {
        if self.is_live() {
            self.mode = Mode::Find(String::new());
        } else {
            self.say("a recording has only the top connections: / filters them");
        }
    }

    fn change_pace(&mut self, more: bool) {
        if self.is_live() && !matches!(self.clock, Clock::Playing { .. }) {
            let now_ms = self.interval.as_millis() as u64;
            let next = if more {
                INTERVALS_MS.into_iter().find(|&ms| ms > now_ms)
            } else {
                INTERVALS_MS.into_iter().rev().find(|&ms| ms < now_ms)
            };
            if let Some(ms) = next {
                self.interval = std::time::Duration::from_millis(ms);
                self.ask(Control::Interval(self.interval));
            }
            return;
        }
        let now = self.speed;
        let next = if more {
            SPEEDS.into_iter().find(|&speed| speed > now)
        } else {
            SPEEDS.into_iter().rev().find(|&speed| speed < now)
        };
        self.speed = next.unwrap_or(now);
        if matches!(self.clock, Clock::Playing { .. }) {
            // What has passed until now passed at the old speed.
            self.play();
        }
    }

    fn type_filter(&mut self, key: KeyEvent) {
        match key.code {
            KeyCode::Enter => self.mode = Mode::Table,
            KeyCode::Esc => {
                self.table().filter.clear();
                self.mode = Mode::Table;
            }
            KeyCode::Backspace => {
                self.table().filter.pop();
            }
            KeyCode::Char(letter) if self.table().filter.len() < INPUT_MAX => {
                self.table().filter.push(letter);
            }
            _ => {}
        }
    }

    fn type_id(&mut self, key: KeyEvent, mut typed: String) {
        match key.code {
            KeyCode::Enter => {
                self.mode = Mode::Table;
                match (typed.parse(), self.finding) {
                    (Ok::<u32, _>(_), Some(before)) => self.say(&format!("still looking for id {before}")),
                    (Ok(id), None) => {
                        self.finding = Some(id);
                        self.ask(Control::Find(id));
                        self.say(&format!("looking for id {id}"));
                    }
                    (Err(_), _) => self.say("an id is a number from 0 to 4294967295"),
                }
                return;
            }
            KeyCode::Esc => {
                self.mode = Mode::Table;
                return;
            }
            KeyCode::Backspace => {
                typed.pop();
            }
            KeyCode::Char(digit) if digit.is_ascii_digit() && typed.len() < INPUT_MAX => typed.push(digit),
            _ => {}
        }
        self.mode = Mode::Find(typed);
    }

    fn export(&mut self, form: Form) {
        let page = self.page();
        let order = self.tables[self.view.index()].order(&page.grid);
        let stem = format!("top-{}", self.view.name());
        let said = match export::write(Path::new("."), &stem, form, &page.grid, &order) {
            Ok(name) => format!("wrote {} rows into {}", order.len(), name.display()),
            Err(error) => format!("could not write {stem}: {error}"),
        };
        self.say(&said);
    }

    fn mouse(&mut self, mouse: MouseEvent) -> Result<(), TopError> {
        let place = Position { x: mouse.column, y: mouse.row };
        match mouse.kind {
            MouseEventKind::ScrollDown => self.wheel(WHEEL_ROWS),
            MouseEventKind::ScrollUp => self.wheel(-WHEEL_ROWS),
            MouseEventKind::Down(MouseButton::Left) => return self.click(place),
            _ => {}
        }
        Ok(())
    }

    fn wheel(&mut self, rows: isize) {
        self.dirty = true;
        match &mut self.mode {
            Mode::Help(line) | Mode::Detail(line) | Mode::Found(line) => {
                *line = line.saturating_add_signed(rows);
            }
            _ => self.table().scroll(rows),
        }
    }

    fn click(&mut self, place: Position) -> Result<(), TopError> {
        self.dirty = true;
        if !matches!(self.mode, Mode::Table | Mode::Filter) {
            self.mode = Mode::Table;
            return Ok(());
        }
        if let Some(view) = self.areas.tab_at(place) {
            self.view = view;
        } else if let Some(column) = self.areas.table.head_at(place) {
            let columns = self.page().grid.columns;
            self.table().sort_by(column, &columns);
        } else if let Some(key) = self.areas.table.row_at(place).map(str::to_owned) {
            let again = self.table().chosen.as_ref() == Some(&key);
            self.table().choose_key(&key);
            if again {
                self.mode = Mode::Detail(0);
            }
        } else if self.areas.time_bar.contains(place) {
            let to_us = time_bar::time_at(self.areas.time_bar, place.x, &self.history);
            return self.go(to_us);
        }
        Ok(())
    }
}

/// The line to read from next; `None` closes.
fn read_on(key: KeyEvent, line: usize) -> Option<usize> {
    match key.code {
        KeyCode::Down => Some(line + 1),
        KeyCode::Up => Some(line.saturating_sub(1)),
        KeyCode::PageDown => Some(line + 10),
        KeyCode::PageUp => Some(line.saturating_sub(10)),
        _ => None,
    }
}

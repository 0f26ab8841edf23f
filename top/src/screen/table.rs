//! A table on the screen: sorted, filtered, scrolled, with a row chosen.

use std::cmp::Ordering;

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;

use crate::grid::{Column, Grid};
use crate::screen::theme::Theme;

/// How a person looks at a table. It outlives the rows, which are made anew for each moment.
#[derive(Debug, Clone, Default)]
pub(crate) struct TableState {
    /// The column that rows are sorted by; `None`: in the order that is theirs.
    pub(crate) sort: Option<usize>,
    /// Largest first. Without a column: their order, reversed.
    pub(crate) descending: bool,
    /// Only rows that have this in a cell are shown, whatever the case of its letters.
    pub(crate) filter: String,
    /// The key of the chosen row.
    pub(crate) chosen: Option<String>,
    /// The first row that is shown.
    offset: usize,
    /// Whether the chosen row must be in sight: it was chosen a moment ago, and not scrolled away from.
    follow: bool,
}

/// Where a table was drawn: what a click means.
#[derive(Debug, Clone, Default)]
pub(crate) struct TableArea {
    heads: Vec<(usize, Rect)>,
    rows: Vec<(String, Rect)>,
    /// Rows that there is room for.
    pub(crate) height: usize,
}

impl TableArea {
    /// The column whose head is at a place.
    pub(crate) fn head_at(&self, place: Position) -> Option<usize> {
        self.heads.iter().find(|(_, area)| area.contains(place)).map(|&(column, _)| column)
    }

    /// The row at a place.
    pub(crate) fn row_at(&self, place: Position) -> Option<&str> {
        self.rows.iter().find(|(_, area)| area.contains(place)).map(|(key, _)| key.as_str())
    }
}

impl TableState {
    /// Sorted as a view is at first.
    pub(crate) fn new(sort: Option<usize>) -> TableState {
        TableState { sort, descending: sort.is_some(), ..TableState::default() }
    }

    /// Sorts by a column: figures largest first, words by the alphabet. The one that it is sorted by: the other way.
    pub(crate) fn sort_by(&mut self, column: usize, columns: &[Column]) {
        let Some(chosen) = columns.get(column) else { return };
        if self.sort == Some(column) {
            self.descending = !self.descending;
        } else {
            self.sort = Some(column);
            self.descending = chosen.right;
        }
        self.offset = 0;
    }

    /// Sorts by the next column or the one before.
    pub(crate) fn move_sort(&mut self, forward: bool, columns: &[Column]) {
        let count = columns.len().max(1);
        let column = match (self.sort, forward) {
            (None, true) => 0,
            (None, false) => count - 1,
            (Some(column), true) => (column + 1) % count,
            (Some(column), false) => (column + count - 1) % count,
        };
        self.sort = None;
        self.sort_by(column, columns);
    }

    /// Says how it is sorted, in a word.
    pub(crate) fn sort_words(&self, columns: &[Column]) -> String {
        let title = self.sort.and_then(|column| columns.get(column)).map(|column| column.title);
        match (title, self.descending) {
            (Some(title), true) => format!("{title}▼"),
            (Some(title), false) => format!("{title}▲"),
            (None, true) => "reversed".into(),
            (None, false) => "–".into(),
        }
    }

    /// The rows that are shown, in order, as places in the grid.
    pub(crate) fn order(&self, grid: &Grid) -> Vec<usize> {
        let filter = self.filter.to_lowercase();
        let mut order: Vec<usize> = (0..grid.rows.len())
            .filter(|&row| {
                let cells = &grid.rows[row].cells;
                filter.is_empty() || cells.iter().any(|cell| cell.say(0).to_lowercase().contains(&filter))
            })
            .collect();
        match self.sort {
            None if self.descending => order.reverse(),
            None => {}
            Some(column) => order.sort_by(|&a, &b| {
                let cell = |row: usize| grid.rows[row].cells.get(column);
                let order = match (cell(a), cell(b)) {
                    (Some(a), Some(b)) => a.order(b),
                    _ => Ordering::Equal,
                };
                if self.descending { order.reverse() } else { order }
            }),
        }
        order
    }

    /// Chooses the row `steps` further down, or up if negative.
    pub(crate) fn choose(&mut self, grid: &Grid, steps: isize) {
        let order = self.order(grid);
        let Some(last) = order.len().checked_sub(1) else { return };
        let chosen = self.chosen.as_ref();
        let place = order.iter().position(|&row| Some(&grid.rows[row].key) == chosen);
        let next = match place {
            Some(place) => place.saturating_add_signed(steps).min(last),
            None if steps < 0 => self.offset.min(last),
            None => (self.offset + steps.unsigned_abs() - 1).min(last),
        };
        self.chosen = order.get(next).map(|&row| grid.rows[row].key.clone());
        self.follow = true;
    }

    /// Chooses a row by its key.
    pub(crate) fn choose_key(&mut self, key: &str) {
        self.chosen = Some(key.to_owned());
        self.follow = true;
    }

    /// Scrolls without choosing.
    pub(crate) fn scroll(&mut self, rows: isize) {
        self.offset = self.offset.saturating_add_signed(rows);
        self.follow = false;
    }

    /// The chosen row's place in the grid, if it is there.
    pub(crate) fn chosen_row(&self, grid: &Grid) -> Option<usize> {
        let chosen = self.chosen.as_ref()?;
        grid.rows.iter().position(|row| row.key == *chosen)
    }

    /// Draws the table and says where.
    pub(crate) fn draw(&mut self, buffer: &mut Buffer, area: Rect, grid: &Grid, theme: Theme) -> TableArea {
        let mut drawn = TableArea::default();
        if area.height == 0 || area.width == 0 {
            return drawn;
        }
        let columns = fit(&grid.columns, area.width);
        let order = self.order(grid);
        let height = usize::from(area.height) - 1;
        self.keep_in_sight(grid, &order, height);
        drawn.height = height;
        buffer.set_style(Rect { height: 1, ..area }, theme.head(false));
        for &(column, x, width) in &columns {
            let head = Rect { x: area.x + x, y: area.y, width, height: 1 };
            let sorted = self.sort == Some(column);
            let sign = match (sorted, self.descending) {
                (false, _) => "",
                (true, true) => "▼",
                (true, false) => "▲",
            };
            let of = &grid.columns[column];
            put(buffer, head, &format!("{}{sign}", of.title), of.right, theme.head(sorted));
            drawn.heads.push((column, head));
        }
        let shown = order.iter().skip(self.offset).take(height);
        for (line, &row) in (area.y + 1..).zip(shown) {
            let of = &grid.rows[row];
            let whole = Rect { y: line, height: 1, ..area };
            let chosen = self.chosen.as_ref() == Some(&of.key);
            let style = if chosen { theme.chosen() } else { Style::new() };
            buffer.set_style(whole, style);
            for &(column, x, width) in &columns {
                let cell = Rect { x: area.x + x, y: line, width, height: 1 };
                let said = of.cells.get(column).map_or(String::new(), |cell| cell.say(usize::from(width)));
                put(buffer, cell, &said, grid.columns[column].right, theme.tone(of.tone).patch(style));
            }
            drawn.rows.push((of.key.clone(), whole));
        }
        drawn
    }

    fn keep_in_sight(&mut self, grid: &Grid, order: &[usize], height: usize) {
        let most = order.len().saturating_sub(height);
        let chosen = self.chosen.as_ref().filter(|_| self.follow);
        let place = chosen.and_then(|key| order.iter().position(|&row| grid.rows[row].key == *key));
        if let Some(place) = place {
            self.offset = self.offset.clamp((place + 1).saturating_sub(height), place);
        }
        self.offset = self.offset.min(most);
    }
}

/// The columns that there is room for, each with its place and width: from the first on; a blank between two.
fn fit(columns: &[Column], width: u16) -> Vec<(usize, u16, u16)> {
    let mut count = 0;
    let mut used = 0;
    for column in columns {
        let more = column.width + u16::from(count > 0);
        if used + more > width && count > 0 {
            break;
        }
        used += more;
        count += 1;
    }
    let growing = columns[..count].iter().filter(|column| column.grows).count() as u16;
    let left = width.saturating_sub(used);
    let mut x = 0;
    let mut places = Vec::with_capacity(count);
    for (index, column) in columns[..count].iter().enumerate() {
        let more = if column.grows { left / growing } else { 0 };
        let own = (column.width + more).min(width.saturating_sub(x));
        places.push((index, x, own));
        x += own + 1;
    }
    places
}

/// Puts a text into one line, at its left or right end. What does not fit ends in an ellipsis.
pub(crate) fn put(buffer: &mut Buffer, area: Rect, text: &str, right: bool, style: Style) {
    let width = usize::from(area.width);
    let length = text.chars().count();
    if length > width {
        let cut: String = text.chars().take(width.saturating_sub(1)).chain(['…']).collect();
        buffer.set_stringn(area.x, area.y, cut, width, style);
        return;
    }
    let x = if right { area.x + (width - length) as u16 } else { area.x };
    buffer.set_stringn(x, area.y, text, width, style);
}

//! The two lines at the bottom: the run from its beginning to its end with its phases, and where one is in it.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::past::history::History;
use crate::screen::table::put;
use crate::screen::theme::{Theme, Tone};

/// Draws the phases and the place of `at_us` among them.
pub(crate) fn draw(buffer: &mut Buffer, area: Rect, history: &History, at_us: u64, theme: Theme) {
    let (first_us, last_us) = (history.first_us(), history.last_us().max(history.first_us() + 1));
    let column = |at_us: u64| -> u16 {
        let share = at_us.clamp(first_us, last_us) - first_us;
        let columns = u64::from(area.width.saturating_sub(1));
        // At most the width.
        (share * columns / (last_us - first_us)) as u16
    };
    put(buffer, area, &"─".repeat(usize::from(area.width)), false, theme.tone(Tone::Quiet));
    for (index, phase) in history.events.phases().enumerate() {
        let (from, to) = (column(phase.began_us), column(phase.ended_us.unwrap_or(last_us)));
        if phase.ended_us.is_some_and(|ended_us| ended_us < first_us) {
            continue;
        }
        let width = to - from + 1;
        let segment = Rect { x: area.x + from, width, ..area };
        let style = theme.one_of(index);
        put(buffer, segment, &"━".repeat(usize::from(width)), false, style);
        put(buffer, Rect { width: 1, ..segment }, "┣", false, style);
        // What begins within it is drawn over it.
        let next = history.events.phases().nth(index + 1).map_or(to + 1, |next| column(next.began_us));
        let seen = next.clamp(from, to + 1) - from;
        if usize::from(seen) > phase.name.chars().count() {
            let name = Rect { x: segment.x + 1, width: width - 1, ..segment };
            put(buffer, name, &phase.name, false, style);
        }
    }
    for alarm_us in history.events.alarms().filter(|&alarm_us| alarm_us >= first_us) {
        let place = Rect { x: area.x + column(alarm_us), width: 1, ..area };
        put(buffer, place, "!", false, theme.tone(Tone::Alarm));
    }
    let cursor = Rect { x: area.x + column(at_us), width: 1, ..area };
    put(buffer, cursor, "◆", false, theme.chosen());
}

/// The time that a place on the bar stands for.
pub(crate) fn time_at(area: Rect, x: u16, history: &History) -> u64 {
    let (first_us, last_us) = (history.first_us(), history.last_us());
    let share = u64::from(x.saturating_sub(area.x));
    let columns = u64::from(area.width.saturating_sub(1)).max(1);
    first_us + (last_us - first_us) * share.min(columns) / columns
}

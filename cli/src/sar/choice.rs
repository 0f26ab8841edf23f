//! Which columns are shown: those that were asked for and fit. When not all fit, the least important go first.

use sar::Group;

use crate::sar::columns::{Column, EXTRA};

/// How wide a table is allowed to be, and what it is about.
#[derive(Debug, Clone)]
pub(crate) struct Choice {
    /// Everything, however wide.
    pub(crate) wide: bool,
    /// Only these; all when empty.
    pub(crate) groups: Vec<Group>,
    /// Characters in a line.
    pub(crate) width: usize,
}

/// The columns that fit behind a first one of `before` characters, in their order.
pub(crate) fn choose(columns: Vec<Column>, choice: &Choice, before: usize) -> Vec<Column> {
    let asked = |column: &Column| choice.groups.contains(&column.group);
    let wanted = |column: &Column| match choice.groups.is_empty() {
        true => choice.wide || column.importance < EXTRA,
        false => asked(column),
    };
    let columns: Vec<Column> = columns.into_iter().filter(wanted).collect();
    if choice.wide {
        return columns;
    }
    let mut order: Vec<usize> = (0..columns.len()).collect();
    order.sort_by_key(|index| columns[*index].importance);
    let mut room = choice.width.saturating_sub(before);
    let mut kept = vec![false; columns.len()];
    for index in order {
        let width = columns[index].width + 1;
        // The first that does not fit ends it: a less important one must not take its place.
        if width > room {
            break;
        }
        room -= width;
        kept[index] = true;
    }
    columns.into_iter().zip(kept).filter_map(|(column, kept)| kept.then_some(column)).collect()
}

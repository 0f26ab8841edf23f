//! What happened and when: phases shaded behind the panels, marks as lines through them with names above.

use super::place::Place;
use super::sheet::Sheet;
use super::{LABEL, SMALL};
use crate::chart::{Mark, Phase};

/// Lanes for names above the first panel. A mark that finds no room in them goes without a name.
const LANES_MAX: usize = 3;
const LANE: f64 = 15.0;
/// A name is cut to the first of these widths, in px, that finds room.
const NAME_WIDTHS: [f64; 5] = [360.0, 250.0, 190.0, 140.0, 90.0];
/// How much wider a bad mark's bold name may be.
const BOLDER: f64 = 1.08;
/// Between a mark's line and its name.
const NAME_GAP: f64 = 4.0;

/// Shades and names, from the top of the first panel to the bottom of the last.
pub(super) fn phases(sheet: &mut Sheet, phases: &[Phase], x: Place, (top, bottom): (f64, f64)) {
    if phases.is_empty() {
        return;
    }
    let clip = sheet.id("all");
    sheet.open("g", "phases", format_args!(r#" clip-path="url(#{clip})""#));
    for (place, phase) in phases.iter().enumerate() {
        let (Some(from), Some(to)) = (x.at(phase.from), x.at(phase.to)) else { continue };
        let (from, to) = (from.clamp(x.from, x.to), to.clamp(x.from, x.to));
        if to < from {
            continue;
        }
        let (start, end) = (phase.from, phase.to);
        sheet.open("g", "phase", format_args!(r#" data-from="{start}" data-to="{end}""#));
        sheet.title(&phase.name);
        let look = if place % 2 == 0 { "shade" } else { "shade other" };
        let (width, height) = (to - from, bottom - top);
        sheet.element(
            "rect",
            look,
            format_args!(r#" x="{from:.1}" y="{top:.1}" width="{width:.1}" height="{height:.1}""#),
        );
        // Too narrow for its name, it goes without: cut short, a name says little.
        if LABEL.width(&phase.name) + 8.0 <= width {
            sheet.text("phase-name", ((from + to) / 2.0, top + 15.0), "middle", &phase.name);
        }
        sheet.close("g");
    }
    sheet.close("g");
}

/// Marks with their places.
pub(super) struct Lanes<'a> {
    placed: Vec<Placed<'a>>,
    count: usize,
}

struct Placed<'a> {
    mark: &'a Mark,
    at: f64,
    /// `None`: no room.
    name: Option<Name>,
}

struct Name {
    /// Counted from the panel up.
    lane: usize,
    /// Its ends, in px.
    left: f64,
    right: f64,
    text: String,
}

/// Gives each mark a place. From right to left, so that a name that would run into the next mark's goes a lane up and
/// over it, and no line crosses a name. Where that leaves a bad mark without its name, bad ones come first. Of those on
/// the same pixel one is drawn, a bad one if there is any.
pub(super) fn lanes(marks: &[Mark], x: Place, width: f64) -> Lanes<'_> {
    let inside = marks.iter().filter(|mark| x.range.holds(mark.at));
    let mut list: Vec<(f64, &Mark)> = inside.filter_map(|mark| Some((x.at(mark.at)?, mark))).collect();
    list.sort_by(|a, b| b.0.total_cmp(&a.0).then(b.1.bad.cmp(&a.1.bad)));
    list.dedup_by(|a, b| (a.0 - b.0).abs() < 1.0 && (b.1.bad || !a.1.bad));
    let lanes = placed(&list, (x.from, width));
    if lanes.placed.iter().any(|placed| placed.mark.bad && placed.name.is_none()) {
        list.sort_by_key(|(_, mark)| !mark.bad);
        return placed(&list, (x.from, width));
    }
    lanes
}

fn placed<'a>(list: &[(f64, &'a Mark)], ends: (f64, f64)) -> Lanes<'a> {
    let mut lanes = Lanes { placed: Vec::new(), count: 0 };
    for (at, mark) in list.iter().copied() {
        let name = NAME_WIDTHS.into_iter().find_map(|most| lanes.named(mark, at, most, ends));
        lanes.count = lanes.count.max(name.as_ref().map_or(0, |name| name.lane + 1));
        lanes.placed.push(Placed { mark, at, name });
    }
    lanes
}

impl Lanes<'_> {
    /// How much room they take above the first panel.
    pub(super) fn height(&self) -> f64 {
        if self.count == 0 { 0.0 } else { self.count as f64 * LANE + 2.0 }
    }

    /// A lane and a left end for a mark's name, cut to `most` px: right of its line, else left of it.
    fn named(&self, mark: &Mark, at: f64, most: f64, (start, end): (f64, f64)) -> Option<Name> {
        let text = SMALL.shortened(&mark.name, most.min((end - start) * 0.6));
        let length = SMALL.width(&text) * BOLDER;
        let right = (at + NAME_GAP + length <= end - 4.0).then_some(at + NAME_GAP);
        let left = (at - NAME_GAP - length >= start).then_some(at - NAME_GAP - length);
        let sides = [right, left].into_iter().flatten();
        let mut tries = sides.flat_map(|from| (0..LANES_MAX).map(move |lane| (lane, from)));
        let free = |&(lane, from): &(usize, f64)| self.free(at, lane, (from, from + length));
        let (lane, left) = tries.find(free).filter(|_| !text.trim().is_empty())?;
        Some(Name { lane, left, right: left + length, text })
    }

    /// Whether a name in a lane meets neither another one nor a line, and its own line no name below.
    fn free(&self, at: f64, lane: usize, (left, right): (f64, f64)) -> bool {
        let mut named = self.placed.iter().filter_map(|placed| Some((placed.at, placed.name.as_ref()?)));
        named.all(|(line, other)| {
            let (start, end) = (other.left - NAME_GAP, other.right + NAME_GAP);
            let meets = other.lane == lane && left < end && start < right;
            let crossed = other.lane >= lane && left < line && line < right;
            let crosses = other.lane < lane && start < at && at < end;
            !meets && !crossed && !crosses
        })
    }

    pub(super) fn draw(&self, sheet: &mut Sheet, (top, bottom): (f64, f64)) {
        if self.placed.is_empty() {
            return;
        }
        sheet.open("g", "marks", format_args!(""));
        for placed in self.placed.iter().rev() {
            let (at, value, bad) = (placed.at, placed.mark.at, placed.mark.bad);
            let class = if bad { "mark bad" } else { "mark" };
            sheet.open("g", class, format_args!(r#" data-at="{value}" transform="translate({at:.1} 0)""#));
            sheet.title(&placed.mark.name);
            let high = placed.name.as_ref().map_or(top, |name| top - name.lane as f64 * LANE - 12.0);
            let line = if bad { "mark-line bad-line" } else { "mark-line" };
            sheet.element("path", line, format_args!(r#" d="M0 {high:.1}V{bottom:.1}""#));
            if let Some(name) = &placed.name {
                let look = if bad { "mark-name bad-name" } else { "mark-name" };
                sheet.text(look, (name.left - at, top - name.lane as f64 * LANE - 4.0), "start", &name.text);
            }
            sheet.close("g");
        }
        sheet.close("g");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chart::Axis;
    use crate::draw::place::Range;

    #[test]
    fn names_meet_neither_each_other_nor_lines() {
        let axis = Axis { range: Some((0.0, 100.0)), ..Axis::default() };
        let x = Place { range: Range::of(&axis, [].into_iter(), false), from: 60.0, to: 540.0 };
        let at = [3.0, 4.0, 9.0, 20.0, 22.0, 23.0, 50.0, 51.0, 90.0, 97.0, 99.5, 100.0];
        let marks: Vec<Mark> = at
            .iter()
            .map(|at| Mark { at: *at, name: format!("knob turned at {at}"), bad: *at > 98.0 })
            .collect();
        let lanes = lanes(&marks, x, 560.0);
        let named = lanes.placed.iter().filter(|placed| placed.name.is_some()).count();
        assert!(named >= 6, "{named}");
        for (place, one) in lanes.placed.iter().enumerate() {
            let Some(name) = &one.name else { continue };
            assert!(name.left >= 50.0 && name.right <= 560.0);
            for (_, other) in lanes.placed.iter().enumerate().filter(|(at, _)| *at != place) {
                let Some(taken) = &other.name else { continue };
                let meets = taken.lane == name.lane && name.left < taken.right && taken.left < name.right;
                let crossed = taken.lane >= name.lane && name.left < other.at && other.at < name.right;
                assert!(!meets && !crossed, "{} and {}", one.mark.name, other.mark.name);
            }
        }
    }

    #[test]
    fn a_bad_mark_has_its_name_in_any_crowd() {
        let axis = Axis { range: Some((0.0, 100.0)), ..Axis::default() };
        let x = Place { range: Range::of(&axis, [].into_iter(), false), from: 60.0, to: 540.0 };
        let mut marks: Vec<Mark> = (0..100)
            .map(|at| Mark { at: f64::from(at), name: format!("knob turned {at}"), bad: false })
            .collect();
        marks[40].bad = true;
        let lanes = lanes(&marks, x, 560.0);
        assert!(lanes.placed.iter().any(|placed| placed.mark.bad && placed.name.is_some()));
        assert!(lanes.count <= LANES_MAX);
    }

    #[test]
    fn a_thousand_marks_on_a_pixel_are_one_line() {
        let axis = Axis { range: Some((0.0, 1.0)), ..Axis::default() };
        let x = Place { range: Range::of(&axis, [].into_iter(), false), from: 0.0, to: 500.0 };
        let mut marks = vec![Mark { at: 0.5, name: "fine".into(), bad: false }; 1000];
        marks.push(Mark { at: 0.5001, name: "lost".into(), bad: true });
        let lanes = lanes(&marks, x, 500.0);
        assert_eq!(lanes.placed.len(), 1);
        assert!(lanes.placed[0].mark.bad);
    }
}

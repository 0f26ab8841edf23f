//! Change points in a series: E-divisive means.
//!
//! ```text
//!   values ── clip outliers ──► best cut by energy ── shuffle: chance? ──► cut, and again on both sides,
//!                                                                          and on all with the levels taken out
//!                                                                              │
//!   changes ◄── place and range ◄── the smallest below the least effect goes ◄─┘
//! ```
//!
//! After Matteson & James, "A nonparametric approach for multiple change point analysis of multivariate data" (2014).
//! What is known to go wrong with it in practice, and what is done about it here:
//!
//! - Shuffles that differ each time give answers that differ: they are the same each time.
//! - An outlier outweighs a step: values far from the median are brought back to a few times the noise.
//! - A segment's ends are cut off for two or three odd values: a side has at least [`SIDE_MIN`] values.
//! - Shuffling supposes noise that does not last. Where neighbours are alike, a cut has to be that much better.
//! - A cut may be certain and mean nothing: medians on both sides have to differ by an [`Effect`].
//!
//! Left out: changes of spread without one of level.

#[cfg(test)]
mod behaviour;
mod chance;
mod energy;
#[cfg(test)]
mod lasting;
#[cfg(test)]
mod measured;
mod persistence;
mod range;
pub(crate) mod robust;

use robust::median;

/// Fewer values than this are not enough data: no arrangement of them would be unlikely enough.
pub const POINTS_MIN: usize = 14;

/// Of more values than this, the oldest are left out.
pub const POINTS_MAX: usize = 1_000;

/// The least number of values before and after a change.
pub const SIDE_MIN: usize = 4;

/// A cut that chance makes more often than this is none.
pub const LEVEL: f64 = 0.001;

/// A value farther than so many times the noise from the median says no more than one at that distance.
pub(crate) const CLIP: f64 = 6.0;

/// How often the levels found are taken out and the rest is looked at again.
const ROUNDS_MAX: usize = 3;

/// The share of a side's values that have to be beyond the middle of the two levels.
const BEYOND_MIN: f64 = 0.6;

/// What counts as a change.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Effect {
    /// The least relative change of the median worth a word: 0.03 is 3 %.
    pub ratio_min: f64,
    /// The least absolute change, in the metric's own unit (bytes per connection: 4).
    pub absolute_min: f64,
}

impl Effect {
    /// How far the level has to move from `before`.
    pub fn distance(&self, before: f64) -> f64 {
        self.absolute_min.max(self.ratio_min * before.abs())
    }

    /// How many times the least effect this is; infinite where the least is nothing.
    fn times(&self, before: f64, after: f64) -> f64 {
        let moved = (after - before).abs();
        if moved == 0.0 { 0.0 } else { moved / self.distance(before) }
    }
}

/// The level of a series changed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Change {
    /// The first value after it: it came between `index - 1` and `index`.
    pub index: usize,
    /// The earliest and latest `index` that the data allow.
    pub range: (usize, usize),
    /// The median from the change before until this one.
    pub before: f64,
    /// The median from this change until the next.
    pub after: f64,
    /// By the permutation test: how often chance alone does as much.
    pub p: f64,
}

/// Whether there are enough values to judge by. NaN and infinite ones do not count.
pub fn enough(values: &[f64]) -> bool {
    values.iter().filter(|value| value.is_finite()).count() >= POINTS_MIN
}

/// How many values after a change it takes at least, with so many before it: fewer could as well be outliers that came
/// last by accident, however large the change is. None: with so few before, no change can be seen.
pub fn needed_after(before: usize) -> Option<usize> {
    if before < SIDE_MIN {
        return None;
    }
    // So many orders of the same values, of which two look like that: the high ones first, or last. Shuffles are a
    // sample of them, so a little more than enough is asked for.
    let mut orders = 1.0;
    let mut after = 0;
    while after + 1 < SIDE_MIN || before + after < POINTS_MIN || 2.5 / orders > LEVEL {
        after += 1;
        orders *= (before + after) as f64 / after as f64;
    }
    Some(after)
}

/// Where the level of `values` changed by at least `effect`, in order. Values that are NaN or infinite are left out, and
/// indices are those of `values` nevertheless. The same values give the same answer.
pub fn changes(values: &[f64], effect: &Effect) -> Vec<Change> {
    let mut kept: Vec<(usize, f64)> =
        values.iter().copied().enumerate().filter(|(_, value)| value.is_finite()).collect();
    if kept.len() < POINTS_MIN {
        return Vec::new();
    }
    kept.drain(..kept.len().saturating_sub(POINTS_MAX));
    let series: Vec<f64> = kept.iter().map(|(_, value)| *value).collect();
    let reach = (CLIP * robust::noise(&series)).max(2.0 * effect.distance(median(&series)));
    let shrink = persistence::shrink(&series, reach);
    let mut cuts = cuts(&series, reach, shrink);
    drop_small(&series, effect, &mut cuts);
    described(&series, &cuts, shrink)
        .into_iter()
        .map(|change| Change {
            index: kept[change.index].0,
            range: (kept[change.range.0].0, kept[change.range.1].0),
            ..change
        })
        .collect()
}

/// A proven cut: its index, and its p.
type Proven = (usize, f64);

/// Bisection, and then once more over the whole with the levels found taken out: a segment of a few values cannot prove
/// by itself that its last ones are higher, but together with all the others it can.
fn cuts(series: &[f64], reach: f64, shrink: f64) -> Vec<Proven> {
    let mut cuts = bisected(series, reach, shrink);
    for _ in 0..ROUNDS_MAX {
        if cuts.is_empty() {
            break;
        }
        let rest = levelled(series, &cuts);
        let more: Vec<Proven> = bisected(&rest, reach, shrink)
            .into_iter()
            .filter(|(at, _)| cuts.iter().all(|(known, _)| known.abs_diff(*at) >= SIDE_MIN - 1))
            .collect();
        if more.is_empty() {
            break;
        }
        cuts.extend(more);
        cuts.sort_by_key(|(at, _)| *at);
    }
    cuts
}

/// The best cut of a segment, if it is unlikely enough, and then both of its sides.
fn bisected(series: &[f64], reach: f64, shrink: f64) -> Vec<Proven> {
    let mut found = Vec::new();
    let mut segments = vec![(0, series.len())];
    while let Some((from, to)) = segments.pop() {
        let segment = robust::clipped(&series[from..to], reach);
        if let Some((cut, p)) = chance::unlikely_cut(&segment, SIDE_MIN, shrink, LEVEL) {
            let at = from + cut.left;
            found.push((at, p));
            segments.push((from, at));
            segments.push((at, to));
        }
    }
    found.sort_by_key(|(at, _)| *at);
    found
}

/// The series with each segment's median taken out.
fn levelled(series: &[f64], cuts: &[Proven]) -> Vec<f64> {
    let mut rest = Vec::with_capacity(series.len());
    let mut from = 0;
    for to in cuts.iter().map(|(at, _)| *at).chain([series.len()]) {
        let level = median(&series[from..to]);
        rest.extend(series[from..to].iter().map(|value| value - level));
        from = to;
    }
    rest
}

/// Takes out the cut that changes the level least, as long as one changes it by less than the effect.
fn drop_small(series: &[f64], effect: &Effect, cuts: &mut Vec<Proven>) {
    loop {
        let smallest = (0..cuts.len())
            .map(|index| (index, weight(series, effect, cuts, index)))
            .min_by(|a, b| a.1.total_cmp(&b.1));
        match smallest {
            Some((index, weight)) if weight < 1.0 => {
                cuts.remove(index);
            }
            _ => return,
        }
    }
}

/// How many times the least effect the change at a cut is; less than one also where too few values show it.
fn weight(series: &[f64], effect: &Effect, cuts: &[Proven], index: usize) -> f64 {
    let (left, right) = sides(series, cuts, index);
    let (before, after) = (median(left), median(right));
    let middle = f64::midpoint(before, after);
    let beyond = |side: &[f64], level: f64| {
        let count = side.iter().filter(|value| (**value > middle) == (level > middle)).count();
        count as f64 / side.len() as f64
    };
    let shown = beyond(left, before).min(beyond(right, after));
    let times = effect.times(before, after);
    if shown < BEYOND_MIN { times.min(1.0) * shown * 0.999 } else { times }
}

/// The values from the cut before until this one, and from this one until the next.
fn sides<'a>(series: &'a [f64], cuts: &[Proven], index: usize) -> (&'a [f64], &'a [f64]) {
    let from = if index == 0 { 0 } else { cuts[index - 1].0 };
    let to = cuts.get(index + 1).map_or(series.len(), |next| next.0);
    (&series[from..cuts[index].0], &series[cuts[index].0..to])
}

fn described(series: &[f64], cuts: &[Proven], shrink: f64) -> Vec<Change> {
    (0..cuts.len())
        .map(|index| {
            let (left, right) = sides(series, cuts, index);
            let (before, after) = (median(left), median(right));
            let (at, p) = cuts[index];
            let from = at - left.len();
            let near = &series[from..at + right.len()];
            let place = range::place(near, before, after, left.len(), 1, shrink);
            Change {
                index: from + place.at,
                range: (from + place.first, from + place.last),
                before,
                after,
                p,
            }
        })
        .collect()
}

//! Change points in a series: E-divisive means.

/// What counts as a change.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Effect {
    /// The least relative change of the median worth a word: 0.03 is 3 %.
    pub ratio_min: f64,
    /// The least absolute change, in the metric's own unit (bytes per connection: 4).
    pub absolute_min: f64,
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

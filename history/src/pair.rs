//! Two groups of runs: the ratio of B to A, and how sure that is.

/// What is known of B against A.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Comparison {
    /// Median of B over median of A.
    pub ratio: f64,
    /// The bounds that hold the true ratio in 95 of 100 comparisons, by bootstrap.
    pub ci95: (f64, f64),
    /// The smallest change, as a share (0.03 is 3 %), that so many runs with so much noise would have shown four times in five.
    pub detectable: f64,
}

//! The levels and slopes that say most of a series: least squares over all ways to cut it.
//!
//! A level is one term, a slope two. Of so many terms the best choice is sought by dynamic programming, and as many are
//! taken as each leave no more than [`LEFT_MAX`] of the squares that were left: several at a time where only together
//! they do (a hump's two sides).

/// A term that is more than the given ones leaves at most this part of the squares.
const LEFT_MAX: f64 = 0.4;

/// No more terms than that, beside the given ones.
const MORE_MAX: usize = 8;

/// The least number of values of a level, and of a slope. At the ends fewer make a level: the last ones may be the first
/// of a new one.
const LEVEL_MIN: usize = 4;
const END_MIN: usize = 2;
const SLOPE_MIN: usize = 8;

/// How a stretch that ends somewhere begins: where, and whether it is a slope.
type Last = (u16, bool);

/// What is left of the values without their levels and slopes, and how many terms these have: `given` at least, if the
/// values allow it.
pub(super) fn taken_out(values: &[f64], given: usize) -> (Vec<f64>, usize) {
    let n = values.len();
    let sums = Sums::of(values);
    let terms_max = given + MORE_MAX;
    // For each number of values and of terms: the least squares left, and the last stretch.
    let mut best = vec![(f64::INFINITY, (0, false)); (n + 1) * (terms_max + 1)];
    let row = |end: usize| end * (terms_max + 1);
    best[0].0 = 0.0;
    for end in 1..=n {
        for from in 0..end {
            let least = if from == 0 || end == n { END_MIN } else { LEVEL_MIN };
            if end - from < least {
                break;
            }
            let (level, slope) = sums.left(from, end);
            for terms in 1..=terms_max {
                let by_level = best[row(from) + terms - 1].0 + level;
                if by_level < best[row(end) + terms].0 {
                    best[row(end) + terms] = (by_level, (from as u16, false));
                }
                if terms >= 2 && end - from >= SLOPE_MIN {
                    let by_slope = best[row(from) + terms - 2].0 + slope;
                    if by_slope < best[row(end) + terms].0 {
                        best[row(end) + terms] = (by_slope, (from as u16, true));
                    }
                }
            }
        }
    }
    let all = &best[row(n)..];
    let Some(start) = (1..=given).rev().find(|terms| all[*terms].0.is_finite()) else {
        return (vec![0.0; n], 0);
    };
    let enough = |terms: &usize| all[*terms].0 <= all[start].0 * LEFT_MAX.powi((*terms - start) as i32);
    let terms = (start + 1..=terms_max).rev().find(enough).unwrap_or(start);
    let mut rest = vec![0.0; n];
    let (mut end, mut left) = (n, terms);
    while end > 0 {
        let (from, slope): Last = best[row(end) + left].1;
        let from = usize::from(from);
        sums.take(values, from, end, slope, &mut rest);
        left -= if slope { 2 } else { 1 };
        end = from;
    }
    (rest, terms)
}

/// Sums from the first value on, so that any stretch's squares are a difference of them.
struct Sums {
    /// Of x, x², and x times its index.
    sums: Vec<(f64, f64, f64)>,
}

impl Sums {
    fn of(values: &[f64]) -> Sums {
        let mut sums = Vec::with_capacity(values.len() + 1);
        let mut sum = (0.0, 0.0, 0.0);
        sums.push(sum);
        for (index, value) in values.iter().enumerate() {
            let x = *value;
            sum = (sum.0 + x, sum.1 + x * x, sum.2 + x * index as f64);
            sums.push(sum);
        }
        Sums { sums }
    }

    /// Mean, slope per index, and the squares about the mean and about the slope, of the values from `from` to `end`.
    fn fit(&self, from: usize, end: usize) -> (f64, f64, f64, f64) {
        let (a, b) = (self.sums[from], self.sums[end]);
        let n = (end - from) as f64;
        let mean = (b.0 - a.0) / n;
        let squares = ((b.1 - a.1) - mean * (b.0 - a.0)).max(0.0);
        let middle = (from + end - 1) as f64 / 2.0;
        let with_index = (b.2 - a.2) - middle * (b.0 - a.0);
        let of_index = n * (n * n - 1.0) / 12.0;
        let slope = if of_index > 0.0 { with_index / of_index } else { 0.0 };
        (mean, slope, squares, (squares - slope * with_index).max(0.0))
    }

    /// The squares left by a level, and by a slope.
    fn left(&self, from: usize, end: usize) -> (f64, f64) {
        let (_, _, level, slope) = self.fit(from, end);
        (level, slope)
    }

    fn take(&self, values: &[f64], from: usize, end: usize, slope: bool, rest: &mut [f64]) {
        let (mean, per_index, ..) = self.fit(from, end);
        let middle = (from + end - 1) as f64 / 2.0;
        for index in from..end {
            let sloped = if slope { per_index * (index as f64 - middle) } else { 0.0 };
            rest[index] = values[index] - mean - sloped;
        }
    }
}

//! Fewer points that draw the same picture.

/// The points, thinned to about two in each of `buckets` equal stretches of x: a bucket's lowest and highest survive,
/// as do the first and the last point of all and the first gap (a y that is not a number) of each bucket. The order is
/// kept. Points whose x is not a number are left out. What is few enough comes back as it is.
pub fn thinned(points: &[(f64, f64)], buckets: usize) -> Vec<(f64, f64)> {
    let buckets = buckets.max(1);
    let mut known = points.iter().copied().filter(|(x, _)| x.is_finite());
    if points.len() <= 2 * buckets {
        return known.collect();
    }
    let (low, high) = known
        .clone()
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), (x, _)| (low.min(x), high.max(x)));
    // Halved so that the width of everything does not overflow.
    let (half_low, half_width) = (low / 2.0, high / 2.0 - low / 2.0);
    let bucket_of = |x: f64| {
        let share = if half_width > 0.0 { (x / 2.0 - half_low) / half_width } else { 0.0 };
        ((share * buckets as f64) as usize).min(buckets - 1)
    };
    let Some(first) = known.next() else { return Vec::new() };
    let mut out = vec![first];
    let mut bucket = Bucket::default();
    let mut at = bucket_of(first.0);
    let mut last = first;
    for point in known {
        if bucket_of(point.0) != at {
            bucket.empty_into(&mut out);
            at = bucket_of(point.0);
        }
        bucket.take(point);
        last = point;
    }
    bucket.empty_into(&mut out);
    if out.last().is_some_and(|kept| kept.0 != last.0 || (kept.1 != last.1 && !last.1.is_nan())) {
        out.push(last);
    }
    out
}

/// The extremes of a bucket before and after its first gap.
#[derive(Default)]
struct Bucket {
    before: Extremes,
    gap: Option<(f64, f64)>,
    after: Extremes,
}

impl Bucket {
    fn take(&mut self, point: (f64, f64)) {
        match (point.1.is_finite(), self.gap) {
            (true, None) => self.before.take(point),
            (true, Some(_)) => self.after.take(point),
            (false, None) => self.gap = Some((point.0, f64::NAN)),
            (false, Some(_)) => {}
        }
    }

    fn empty_into(&mut self, out: &mut Vec<(f64, f64)>) {
        let bucket = std::mem::take(self);
        bucket.before.push_into(out);
        out.extend(bucket.gap);
        bucket.after.push_into(out);
    }
}

/// The lowest and the highest, each with its place in the order of arrival.
#[derive(Default)]
struct Extremes {
    seen: usize,
    low: Option<(usize, (f64, f64))>,
    high: Option<(usize, (f64, f64))>,
}

impl Extremes {
    fn take(&mut self, point: (f64, f64)) {
        self.seen += 1;
        if self.low.is_none_or(|(_, low)| point.1 < low.1) {
            self.low = Some((self.seen, point));
        }
        if self.high.is_none_or(|(_, high)| point.1 > high.1) {
            self.high = Some((self.seen, point));
        }
    }

    fn push_into(self, out: &mut Vec<(f64, f64)>) {
        let (Some(low), Some(high)) = (self.low, self.high) else { return };
        let (first, second) = if low.0 <= high.0 { (low, high) } else { (high, low) };
        out.push(first.1);
        if second.0 != first.0 {
            out.push(second.1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extremes_of_each_bucket_survive_in_order() {
        let mut points: Vec<(f64, f64)> = (0..100_000).map(|i| (f64::from(i), f64::from(i % 7))).collect();
        points[54_321].1 = 1e9;
        points[77_777].1 = -1e9;
        let thin = thinned(&points, 500);
        assert!(thin.len() <= 1002, "{}", thin.len());
        assert!(thin.contains(&(54_321.0, 1e9)) && thin.contains(&(77_777.0, -1e9)));
        assert!(thin.windows(2).all(|pair| pair[0].0 <= pair[1].0));
        assert_eq!((thin[0], thin[thin.len() - 1]), (points[0], points[99_999]));
        for bucket in 0..500 {
            let inside = |&&(x, _): &&(f64, f64)| (x / 99_999.0 * 500.0) as usize == bucket;
            let most =
                |list: &[(f64, f64)]| list.iter().filter(inside).map(|(_, y)| *y).fold(f64::MIN, f64::max);
            assert_eq!(most(&thin), most(&points), "bucket {bucket}");
        }
    }

    #[test]
    fn gaps_survive_and_are_not_bridged() {
        let mut points: Vec<(f64, f64)> = (0..10_000).map(|i| (f64::from(i), 1.0)).collect();
        for point in &mut points[4_000..5_000] {
            point.1 = f64::NAN;
        }
        let thin = thinned(&points, 100);
        let gap = thin.iter().position(|(_, y)| y.is_nan()).expect("a gap");
        assert!((thin[gap - 1].0 - 3_999.0).abs() <= 100.0 && (thin[gap].0 - 4_000.0).abs() < 100.0);
        let back = thin[gap..].iter().find(|(_, y)| !y.is_nan()).expect("the other side");
        assert!((5_000.0..5_100.0).contains(&back.0), "{back:?}");
        // Holes everywhere still come out bounded.
        let holes: Vec<(f64, f64)> = (0..50_000)
            .map(|i| (f64::from(i), if i % 2 == 0 { f64::NAN } else { f64::from(i % 11) }))
            .collect();
        assert!(thinned(&holes, 100).len() <= 502);
    }

    #[test]
    fn odd_input() {
        assert_eq!(thinned(&[], 10), []);
        assert_eq!(thinned(&[(1.0, 2.0)], 0), [(1.0, 2.0)]);
        assert_eq!(thinned(&[(f64::NAN, 2.0), (1.0, 2.0)], 5), [(1.0, 2.0)]);
        let same = vec![(5.0, 1.0); 100];
        assert!(thinned(&same, 10).len() <= 3);
        let wide: Vec<(f64, f64)> =
            (0..100).map(|i| (if i < 50 { -f64::MAX } else { f64::MAX }, f64::from(i))).collect();
        assert!(thinned(&wide, 4).contains(&(f64::MAX, 99.0)));
        assert!(thinned(&vec![(f64::INFINITY, 1.0); 100], 3).is_empty());
    }
}

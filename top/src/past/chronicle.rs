//! The whole run in few points: every gauge, every counter's rate and every latency, in as many columns as a chart has.
//!
//! Columns are a second wide at first. When there are too many, each two become one, so that an hour and a day take the
//! same memory. A column holds the mean of a gauge or rate; of latencies the largest of each percentile, because
//! percentiles cannot be averaged: what is drawn is the worst interval in the column.

use std::collections::HashMap;

use telemetry::{Kind, Latency, Sample};

/// Columns before each two become one.
pub(crate) const COLUMNS_MAX: usize = 512;

/// Names that are followed; later ones are not drawn over time.
const NAMES_MAX: usize = 1_024;

/// How wide a column is at first.
const COLUMN_US: u64 = 1_000_000;

/// What is known of the latencies in one column, in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Percentiles {
    pub(crate) count: u64,
    pub(crate) p50: f32,
    pub(crate) p90: f32,
    pub(crate) p99: f32,
    pub(crate) max: f32,
}

impl Percentiles {
    /// Of one interval; `None` when nothing was recorded in it, or it cannot be decoded.
    pub(crate) fn of(latency: &Latency) -> Option<Percentiles> {
        let histogram = latency.decode().ok()?;
        let at = |quantile| (histogram.value_at_quantile(quantile) as f64 / 1e9) as f32;
        let max = (histogram.max() as f64 / 1e9) as f32;
        let some = !histogram.is_empty();
        some.then(|| Percentiles { count: histogram.len(), p50: at(0.5), p90: at(0.9), p99: at(0.99), max })
    }

    fn worse(self, other: Percentiles) -> Percentiles {
        Percentiles {
            count: self.count + other.count,
            p50: self.p50.max(other.p50),
            p90: self.p90.max(other.p90),
            p99: self.p99.max(other.p99),
            max: self.max.max(other.max),
        }
    }
}

/// The whole run in few points.
#[derive(Debug)]
pub(crate) struct Chronicle {
    start_us: Option<u64>,
    column_us: u64,
    gauges: HashMap<String, Line>,
    latencies: HashMap<String, Vec<Option<Percentiles>>>,
}

#[derive(Debug)]
struct Line {
    kind: Kind,
    /// The last reading, for a counter's rate.
    last: Option<(u64, f64)>,
    /// Means of the columns; NaN where nothing was measured.
    columns: Vec<f32>,
    /// How many values the last column's mean is of.
    count: u32,
}

impl Default for Chronicle {
    fn default() -> Chronicle {
        let column_us = COLUMN_US;
        Chronicle { start_us: None, column_us, gauges: HashMap::new(), latencies: HashMap::new() }
    }
}

impl Chronicle {
    /// Takes in a sample.
    pub(crate) fn take_sample(&mut self, sample: &Sample, kind: impl Fn(&str) -> Kind) {
        let at_us = sample.at.mono_us;
        let Some(column) = self.column(at_us) else { return };
        for (name, &value) in &sample.values {
            if !self.gauges.contains_key(name) {
                if self.gauges.len() >= NAMES_MAX {
                    continue;
                }
                let line = Line { kind: kind(name), last: None, columns: Vec::new(), count: 0 };
                self.gauges.insert(name.clone(), line);
            }
            if let Some(line) = self.gauges.get_mut(name) {
                line.take(at_us, value, column);
            }
        }
    }

    /// Takes in the latencies of an interval.
    pub(crate) fn take_latency(&mut self, latency: &Latency) {
        let Some(column) = self.column(latency.at.mono_us) else { return };
        let Some(percentiles) = Percentiles::of(latency) else { return };
        if !self.latencies.contains_key(&latency.name) && self.latencies.len() >= NAMES_MAX {
            return;
        }
        let columns = self.latencies.entry(latency.name.clone()).or_default();
        if columns.len() <= column {
            columns.resize(column + 1, None);
        }
        columns[column] = Some(columns[column].map_or(percentiles, |before| before.worse(percentiles)));
    }

    /// A name's means up to a moment: when (in seconds since the first sample) and what.
    pub(crate) fn line(&self, name: &str, until_us: u64) -> Vec<(f64, f64)> {
        let columns = self.gauges.get(name).map_or(&[][..], |line| &line.columns);
        let some = columns.iter().enumerate().take(self.columns_until(until_us));
        some.filter(|(_, value)| !value.is_nan())
            .map(|(column, &value)| (self.second_of(column), f64::from(value)))
            .collect()
    }

    /// A histogram's percentiles up to a moment.
    pub(crate) fn latencies(&self, name: &str, until_us: u64) -> Vec<(f64, Percentiles)> {
        let columns = self.latencies.get(name).map_or(&[][..], Vec::as_slice);
        let some = columns.iter().enumerate().take(self.columns_until(until_us));
        some.filter_map(|(column, percentiles)| Some((self.second_of(column), (*percentiles)?))).collect()
    }

    /// A name's last `cells` values up to a moment, a value for each `cell_s` seconds, NaN where nothing was measured;
    /// empty when columns are wider than that by now.
    pub(crate) fn cells(&self, name: &str, until_us: u64, cell_s: u64, cells: usize) -> Vec<f32> {
        let each = cell_s * 1_000_000 / self.column_us;
        let Some(line) = self.gauges.get(name).filter(|_| each > 0) else { return Vec::new() };
        let each = each as usize;
        let end = self.columns_until(until_us).min(line.columns.len());
        let mut out: Vec<f32> = Vec::with_capacity(cells);
        let mut until = end;
        while until > 0 && out.len() < cells {
            let from = until.saturating_sub(each);
            out.push(mean(&line.columns[from..until]));
            until = from;
        }
        out.reverse();
        out
    }

    fn second_of(&self, column: usize) -> f64 {
        (column as f64 + 0.5) * self.column_us as f64 / 1e6
    }

    fn columns_until(&self, until_us: u64) -> usize {
        let since = until_us.saturating_sub(self.start_us.unwrap_or(0));
        usize::try_from(since / self.column_us).unwrap_or(usize::MAX).saturating_add(1)
    }

    /// The column of a moment, once there is room for it; `None` for a moment before the first.
    fn column(&mut self, at_us: u64) -> Option<usize> {
        let start_us = *self.start_us.get_or_insert(at_us);
        let since = at_us.checked_sub(start_us)?;
        while since / self.column_us >= COLUMNS_MAX as u64 {
            self.widen();
        }
        usize::try_from(since / self.column_us).ok()
    }

    fn widen(&mut self) {
        self.column_us *= 2;
        for line in self.gauges.values_mut() {
            line.columns = line.columns.chunks(2).map(mean).collect();
            line.count = 1;
        }
        for columns in self.latencies.values_mut() {
            let worse =
                |pair: &[Option<Percentiles>]| pair.iter().flatten().copied().reduce(Percentiles::worse);
            *columns = columns.chunks(2).map(worse).collect();
        }
    }
}

impl Line {
    fn take(&mut self, at_us: u64, reading: f64, column: usize) {
        let before = self.last.replace((at_us, reading));
        let value = match (self.kind, before) {
            (Kind::Gauge, _) => reading,
            (Kind::Counter, Some((last_us, last))) if reading >= last && at_us > last_us => {
                (reading - last) / ((at_us - last_us) as f64 / 1e6)
            }
            (Kind::Counter, _) => return,
        };
        if self.columns.len() <= column {
            self.columns.resize(column + 1, f32::NAN);
            self.count = 0;
        }
        let mean = &mut self.columns[column];
        self.count += 1;
        *mean = if mean.is_nan() {
            value as f32
        } else {
            (f64::from(*mean) + (value - f64::from(*mean)) / f64::from(self.count)) as f32
        };
    }
}

/// The mean of what was measured; NaN if nothing was.
fn mean(values: &[f32]) -> f32 {
    let (mut sum, mut count) = (0.0, 0);
    for value in values.iter().filter(|value| !value.is_nan()) {
        sum += f64::from(*value);
        count += 1;
    }
    if count == 0 { f32::NAN } else { (sum / f64::from(count)) as f32 }
}

#[cfg(test)]
mod tests {
    use telemetry::Stamp;

    use super::*;

    fn sample(second: u64, value: f64) -> Sample {
        let at = Stamp { mono_us: 7_000_000 + second * 1_000_000, wall_us: 0 };
        Sample { at, source: "host".into(), values: [("x".to_owned(), value)].into() }
    }

    #[test]
    fn a_long_run_takes_no_more_room_than_a_short_one_and_keeps_its_shape() {
        let mut chronicle = Chronicle::default();
        for second in 0..10_000 {
            chronicle.take_sample(&sample(second, second as f64), |_| Kind::Gauge);
        }
        let line = chronicle.line("x", u64::MAX);
        assert!(line.len() <= COLUMNS_MAX && line.len() > COLUMNS_MAX / 4, "{}", line.len());
        for (second, value) in line {
            assert!((second - value).abs() <= 32.0, "{value} at {second}");
        }
    }

    #[test]
    fn counters_are_drawn_as_rates_and_beginnings_anew_are_not_drawn() {
        let mut chronicle = Chronicle::default();
        for (second, value) in [(0, 10.0), (1, 30.0), (2, 5.0), (3, 6.0)] {
            chronicle.take_sample(&sample(second, value), |_| Kind::Counter);
        }
        let values: Vec<f64> = chronicle.line("x", u64::MAX).into_iter().map(|(_, value)| value).collect();
        assert_eq!(values, [20.0, 1.0]);
        assert_eq!(chronicle.line("x", 8_000_000).len(), 1);
    }

    #[test]
    fn cells_are_of_the_width_asked_for() {
        let mut chronicle = Chronicle::default();
        for second in 0..100 {
            chronicle.take_sample(&sample(second, second as f64), |_| Kind::Gauge);
        }
        assert_eq!(chronicle.cells("x", u64::MAX, 1, 3), [97.0, 98.0, 99.0]);
        assert_eq!(chronicle.cells("x", u64::MAX, 10, 2), [84.5, 94.5]);
        assert_eq!(chronicle.cells("x", 7_000_000, 10, 5), [0.0]);
    }
}

//! Samples of one source with the same names, laid out by column: what makes a packed recording small.
//!
//! ```json
//! {"frame":"samples","source":"host","names":["host.forks","host.load_1m"],
//!  "mono_us":[81000000,1000013,999987],"wall_less_mono_us":[1763999919000000,1,0],
//!  "scales":[0,2],"columns":[[70412,3,0],[137,0,-1]]}
//! ```
//!
//! The first number of a column is a value and each further one the difference to the one before it. A column whose
//! values are all whole numbers ÷ 10^scale holds those whole numbers. Any other has `null` for a scale and holds the
//! values themselves. Either way every `f64` comes back bit for bit.
//!
//! A value that was absent needs no mark: samples with other names are other samples' columns.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::number::Number;
use crate::{Sample, Stamp};

/// The most decimals that are taken for exact. Values with more are written as they are.
const SCALE_MAX: u32 = 9;

/// Whole numbers up to here, and their differences, are `f64`s, so that no step of the arithmetic rounds.
const WHOLE_MAX: f64 = 4_503_599_627_370_496.0;

/// The line of a packed recording that stands for several samples.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "frame", rename = "samples")]
pub(crate) struct Columns {
    source: String,
    names: Vec<String>,
    mono_us: Vec<i64>,
    wall_less_mono_us: Vec<i64>,
    scales: Vec<Option<u32>>,
    #[serde(serialize_with = "numbers")]
    columns: Vec<Vec<f64>>,
}

impl Columns {
    /// The first of several samples.
    pub(crate) fn new(sample: &Sample) -> Columns {
        let mut columns = Columns {
            source: sample.source.clone(),
            names: sample.values.keys().cloned().collect(),
            mono_us: Vec::new(),
            wall_less_mono_us: Vec::new(),
            scales: Vec::new(),
            columns: vec![Vec::new(); sample.values.len()],
        };
        columns.push(sample);
        columns
    }

    /// Whether this sample belongs here.
    pub(crate) fn takes(&self, sample: &Sample) -> bool {
        self.source == sample.source
            && self.names.len() == sample.values.len()
            && self.names.iter().eq(sample.values.keys())
    }

    /// Adds a sample that belongs here.
    pub(crate) fn push(&mut self, sample: &Sample) {
        let Stamp { mono_us, wall_us } = sample.at;
        self.mono_us.push(mono_us.cast_signed());
        self.wall_less_mono_us.push(wall_us.wrapping_sub(mono_us).cast_signed());
        for (column, value) in self.columns.iter_mut().zip(sample.values.values()) {
            column.push(*value);
        }
    }

    /// Turns values into differences, before writing.
    pub(crate) fn shrunk(mut self) -> Columns {
        differences(&mut self.mono_us, i64::wrapping_sub);
        differences(&mut self.wall_less_mono_us, i64::wrapping_sub);
        self.scales = self.columns.iter_mut().map(|column| shrink(column)).collect();
        self
    }

    /// Turns differences back into values, after reading. `None` when the parts do not fit together.
    pub(crate) fn restored(mut self) -> Option<Columns> {
        let (names, samples) = (self.names.len(), self.mono_us.len());
        let fits = self.scales.len() == names
            && self.columns.len() == names
            && self.wall_less_mono_us.len() == samples
            && self.columns.iter().all(|column| column.len() == samples)
            && self.scales.iter().flatten().all(|scale| *scale <= SCALE_MAX);
        if !fits {
            return None;
        }
        sums(&mut self.mono_us, i64::wrapping_add);
        sums(&mut self.wall_less_mono_us, i64::wrapping_add);
        for (column, scale) in self.columns.iter_mut().zip(&self.scales) {
            if let Some(scale) = scale {
                sums(column, |sum, difference| sum + difference);
                column.iter_mut().for_each(|whole| *whole /= power(*scale));
            }
        }
        Some(self)
    }

    /// How many samples there are.
    pub(crate) fn len(&self) -> usize {
        self.mono_us.len()
    }

    /// One of the samples, once [`restored`](Self::restored).
    pub(crate) fn sample(&self, row: usize) -> Sample {
        let mono_us = self.mono_us[row].cast_unsigned();
        let wall_us = mono_us.wrapping_add(self.wall_less_mono_us[row].cast_unsigned());
        let values = self.names.iter().zip(&self.columns).map(|(name, column)| (name.clone(), column[row]));
        // Only a forged recording has a value that is not finite; it was not measured.
        let values: BTreeMap<_, _> = values.filter(|(_, value)| value.is_finite()).collect();
        Sample { at: Stamp { mono_us, wall_us }, source: self.source.clone(), values }
    }
}

/// Replaces a column's values by differences of whole numbers, if it can, and says by which scale.
fn shrink(column: &mut [f64]) -> Option<u32> {
    let scale = (0..=SCALE_MAX).find(|scale| column.iter().all(|value| whole(*value, *scale).is_some()))?;
    for value in column.iter_mut() {
        *value = whole(*value, scale)?;
    }
    differences(column, |value, before| value - before);
    Some(scale)
}

/// The whole number that gives exactly this value when it is divided by 10^scale.
fn whole(value: f64, scale: u32) -> Option<f64> {
    // Adding zero makes minus zero zero, which then gives the value only if that was zero.
    let whole = (value * power(scale)).round() + 0.0;
    (whole.abs() <= WHOLE_MAX && (whole / power(scale)).to_bits() == value.to_bits()).then_some(whole)
}

/// 10^scale, exactly.
fn power(scale: u32) -> f64 {
    f64::from(10_u32.pow(scale))
}

fn differences<T: Copy>(values: &mut [T], less: impl Fn(T, T) -> T) {
    for index in (1..values.len()).rev() {
        values[index] = less(values[index], values[index - 1]);
    }
}

fn sums<T: Copy>(values: &mut [T], plus: impl Fn(T, T) -> T) {
    for index in 1..values.len() {
        values[index] = plus(values[index - 1], values[index]);
    }
}

fn numbers<S: serde::Serializer>(columns: &[Vec<f64>], serializer: S) -> Result<S::Ok, S::Error> {
    struct Column<'a>(&'a [f64]);
    impl Serialize for Column<'_> {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.collect_seq(self.0.iter().copied().map(Number))
        }
    }
    serializer.collect_seq(columns.iter().map(|column| Column(column)))
}

#[cfg(test)]
#[path = "columns_tests.rs"]
mod tests;

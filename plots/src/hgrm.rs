//! HdrHistogram's percentile text, `.hgrm`, which its plotter page and scripts read.
//!
//! ```text
//!        Value     Percentile TotalCount 1/(1-Percentile)
//!
//!        0.020 0.000000000000          1           1.00
//!        0.061 0.100000000000     104217           1.11
//!      298.320 1.000000000000    1003068
//! #[Mean    =        1.659, StdDeviation   =       12.120]
//! #[Max     =      298.320, Total count    =      1003068]
//! #[Buckets =           23, SubBuckets     =         2048]
//! ```
//!
//! Column for column what `AbstractHistogram.outputPercentileDistribution(out, 5, 1e6)` of HdrHistogram (Java, 2.1) writes
//! for a histogram of nanoseconds with three digits: values in milliseconds, five steps to each halving of what is left,
//! and nothing in the fourth column of the last line, where it would be endless.

use std::fmt::Write;

use telemetry::{Histogram, LATENCY_SIGNIFICANT_DIGITS};

/// What the Java tools take by default, as do their plots.
const TICKS_PER_HALF: u32 = 5;

/// As the values are divided, so are mean, deviation and maximum.
const NS_PER_MS: f64 = 1e6;

/// The text of a histogram in nanoseconds, with values in milliseconds.
pub fn hgrm(histogram: &Histogram<u64>) -> String {
    let digits = usize::from(LATENCY_SIGNIFICANT_DIGITS);
    let mut out =
        format!("{:>12} {:>14} {:>10} {:>14}\n\n", "Value", "Percentile", "TotalCount", "1/(1-Percentile)");
    let mut count = 0;
    for step in histogram.iter_quantiles(TICKS_PER_HALF) {
        count += step.count_since_last_iteration();
        let value_ms = step.value_iterated_to() as f64 / NS_PER_MS;
        let quantile = step.quantile_iterated_to();
        // Writing to a string does not fail.
        let _ = write!(out, "{value_ms:12.digits$} {quantile:.12} {count:10}");
        let _ = match quantile < 1.0 {
            true => writeln!(out, " {:14.2}", 1.0 / (1.0 - quantile)),
            false => writeln!(out),
        };
    }
    let ms = |ns: f64| ns / NS_PER_MS;
    let (mean, deviation) =
        if histogram.is_empty() { (0.0, 0.0) } else { (histogram.mean(), histogram.stdev()) };
    let _ = write!(
        out,
        "#[Mean    = {:12.digits$}, StdDeviation   = {:12.digits$}]\n\
         #[Max     = {:12.digits$}, Total count    = {:12}]\n\
         #[Buckets = {:12}, SubBuckets     = {:12}]\n",
        ms(mean),
        ms(deviation),
        ms(histogram.max() as f64),
        histogram.len(),
        histogram.buckets(),
        sub_buckets(digits),
    );
    out
}

/// How many counts tell values of so many digits apart: a power of two, twice what the digits want.
fn sub_buckets(digits: usize) -> usize {
    (2 * 10_usize.pow(u32::try_from(digits).unwrap_or(1))).next_power_of_two()
}

#[cfg(test)]
mod tests {
    use telemetry::latency_histogram;

    use super::*;

    #[test]
    fn the_text_is_what_the_java_tools_write() {
        let mut histogram = latency_histogram();
        (1..=1_000_u64).for_each(|n| histogram.saturating_record(n * 1_000_000));
        let text = hgrm(&histogram);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "       Value     Percentile TotalCount 1/(1-Percentile)");
        assert_eq!(lines[1], "");
        assert_eq!(lines[2], "       1.000 0.000000000000          1           1.00");
        // The highest value that is counted with 100 ms.
        assert_eq!(lines[3], "     100.008 0.100000000000        100           1.11");
        let rows: Vec<Vec<f64>> = lines[2..lines.len() - 3]
            .iter()
            .map(|line| line.split_whitespace().map(|word| word.parse().expect("a number")).collect())
            .collect();
        assert!(rows.windows(2).all(|pair| pair[0][1] < pair[1][1] && pair[0][0] <= pair[1][0]));
        let (last, others) = rows.split_last().expect("rows");
        assert!(others.iter().all(|row| row.len() == 4));
        assert_eq!((last.len(), last[1], last[2]), (3, 1.0, 1000.0));
        assert!(lines[lines.len() - 3].starts_with("#[Mean    =      500."), "{text}");
        let max = lines[lines.len() - 2];
        assert!(
            max.starts_with("#[Max     =     100") && max.ends_with(", Total count    =         1000]"),
            "{max}"
        );
        assert_eq!(lines[lines.len() - 1], "#[Buckets =           23, SubBuckets     =         2048]");
    }

    #[test]
    fn a_histogram_of_nothing_has_a_head_and_a_foot() {
        let text = hgrm(&latency_histogram());
        assert!(text.contains("Total count    =            0]") && !text.contains("NaN"), "{text}");
    }
}

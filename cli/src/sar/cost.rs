//! What the tool itself costs, as it says in its own samples.

use schemars::JsonSchema;
use serde::Serialize;

use crate::sar::picture::Picture;
use crate::sar::units::{bytes, microseconds};

/// The tool's own cost. What is not known yet is absent.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub(crate) struct Cost {
    /// Processor time, as a share of one core; the average over about 10 seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cpu_ratio: Option<f64>,
    /// Resident memory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) rss_bytes: Option<f64>,
    /// How long it took to ask all sources for the sample before this one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) collect_us: Option<f64>,
    /// The bytes of a sample in the recording, before it is packed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) sample_bytes: Option<f64>,
    /// How long after its time the sample was taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) lateness_us: Option<f64>,
    /// Samples that were left out because their time had passed, since the beginning.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) missed_ticks: Option<f64>,
}

impl Cost {
    /// `None` when the samples do not say.
    pub(crate) fn of(picture: &Picture) -> Option<Cost> {
        let value = |name: &str| picture.value(name);
        let cost = Cost {
            cpu_ratio: picture.decayed("sar.cpu_ratio").map(|decayed| decayed.averages[1]),
            rss_bytes: value("sar.rss_bytes"),
            collect_us: value("sar.collect_us"),
            sample_bytes: value("sar.sample_bytes"),
            lateness_us: value("sar.lateness_us"),
            missed_ticks: value("sar.missed_ticks"),
        };
        (cost.rss_bytes.is_some() || cost.cpu_ratio.is_some()).then_some(cost)
    }

    /// In words: what it takes, and what the last sample took.
    pub(crate) fn line(&self) -> String {
        let parts = [
            self.cpu_ratio.map(|ratio| format!("cpu {:.2} %", ratio * 100.0)),
            self.rss_bytes.map(|rss| format!("rss {}", bytes(rss))),
            match (self.collect_us.map(microseconds), self.sample_bytes.map(bytes)) {
                (Some(time), Some(size)) => Some(format!("{time}, {size} unpacked")),
                (time, size) => time.or(size.map(|size| format!("{size} unpacked"))),
            },
            self.lateness_us.map(|us| format!("{} late", microseconds(us))),
            self.missed_ticks.map(|missed| format!("{missed:.0} missed")),
        ];
        format!("cost: {}", parts.into_iter().flatten().collect::<Vec<_>>().join(", "))
    }
}

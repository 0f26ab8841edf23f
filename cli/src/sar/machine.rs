//! The machine that is looked at: what a recording says of it once, so that a replay knows it on another.

use std::collections::BTreeMap;
use std::path::Path;

use sar::HostInfo;
use sar::resources::Limits;
use serde_json::Value;
use telemetry::{Mark, Stamp};

use crate::sar::plain::plain;
use crate::sar::times::date;
use crate::sar::units::bytes;

/// The mark that describes it.
const MARK: &str = "host.described";

/// The machine, and what its resources are compared with.
#[derive(Debug, Default)]
pub(crate) struct Machine {
    info: HostInfo,
    pub(crate) limits: Limits,
}

impl Machine {
    /// This one. `watched` are processes by their names in samples.
    pub(crate) fn this(watched: &[(String, u32)]) -> Machine {
        let info = HostInfo::read();
        let limits = Limits::read(&info, watched);
        Machine { info, limits }
    }

    /// The one that a run was made on; `None` where no run is.
    pub(crate) fn of_run(run: &Path) -> Option<Machine> {
        let text = std::fs::read_to_string(run.join("host.json")).ok()?;
        let info = serde_json::from_str(&text).ok()?;
        let limits = Limits::of(&info);
        Some(Machine { info, limits })
    }

    /// As a recording has it.
    pub(crate) fn mark(&self, at: Stamp) -> Mark {
        let value = |value: Result<Value, serde_json::Error>| value.unwrap_or(Value::Null);
        let attributes = BTreeMap::from([
            ("host".to_owned(), value(serde_json::to_value(&self.info))),
            ("limits".to_owned(), value(serde_json::to_value(&self.limits))),
        ]);
        Mark { at, source: "host".into(), name: MARK.into(), attributes }
    }

    /// From a recording; `None` for any other mark. What a later version says differently is not known.
    pub(crate) fn of(mark: &Mark) -> Option<Machine> {
        if mark.name != MARK {
            return None;
        }
        let part = |name: &str| mark.attributes.get(name).cloned().unwrap_or(Value::Null);
        Some(Machine {
            info: serde_json::from_value(part("host")).unwrap_or_default(),
            limits: serde_json::from_value(part("limits")).unwrap_or_default(),
        })
    }

    /// In a line, with the day.
    pub(crate) fn line(&self, at: Stamp) -> String {
        let release = self.info.kernel_release.as_deref().unwrap_or("");
        let cores = self.info.cores_online.map(|cores| match cores {
            1 => "1 core".to_owned(),
            cores => format!("{cores} cores"),
        });
        let memory = self.info.memory_total_bytes.map(|memory| bytes(memory as f64));
        let parts: Vec<String> = cores.into_iter().chain(memory).collect();
        let parts = if parts.is_empty() { String::new() } else { format!(" ({})", parts.join(", ")) };
        let line = format!("Linux {release}{parts}   {}", date(at.wall_us)).replace("  (", " (");
        plain(&line).into_owned()
    }
}

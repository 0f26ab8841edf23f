//! What kept the run from its plan, in the table.

use serde_json::Value;

/// Causes that are shown; `summary.json` has them all.
const CAUSES_MAX: usize = 5;

/// A line for each cause; none without a verdict on the wall.
pub(super) fn lines(wall: &Value) -> Vec<String> {
    let text = |value: &Value, name: &str| value[name].as_str().unwrap_or_default().to_owned();
    let list = |name: &str| wall[name].as_array().map_or(&[][..], Vec::as_slice);
    if wall.is_null() {
        return Vec::new();
    }
    let mut lines: Vec<String> = list("causes")
        .iter()
        .take(CAUSES_MAX)
        .enumerate()
        .map(|(index, cause)| {
            let [key, evidence, advice] = ["cause", "evidence", "advice"].map(|name| text(cause, name));
            format!("{}. {key}: {evidence}  → {advice}", index + 1)
        })
        .collect();
    if lines.is_empty() {
        let met = list("shortfall").is_empty();
        let nothing =
            if met { "nothing was in the way" } else { "nothing that was measured was at its limit" };
        let nearest = &wall["nearest"];
        let nearest = nearest["ratio"].as_f64().map_or(String::new(), |ratio| {
            let ours = nearest["run_cores"].as_f64();
            let ours = ours.map_or(String::new(), |cores| format!(" ({cores:.2} cores of it by the run)"));
            format!("; nearest: {} at {:.0} %{ours}", text(nearest, "cause"), ratio * 100.0)
        });
        lines.push(format!("{nothing}{nearest}"));
    }
    lines.extend(list("unknown").iter().filter_map(Value::as_str).map(|what| format!("not seen: {what}")));
    lines
}

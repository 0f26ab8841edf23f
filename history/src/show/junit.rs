//! The report as JUnit's XML: a suite for each scenario, a test for each metric. A metric for which there is too little
//! data is skipped, which is neither a pass nor a fail.

use crate::show::escape::markup;
use crate::show::report::{Mark, Report};

/// The report.
pub fn junit(report: &Report) -> String {
    let rows = || report.groups.iter().flat_map(|group| &group.rows);
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    out.push_str(&format!(
        "<testsuites name=\"floodmark history {}\" {}>\n",
        report.of,
        counts(rows().map(|row| row.mark))
    ));
    for group in &report.groups {
        let scenario = markup(&group.scenario);
        let counts = counts(group.rows.iter().map(|row| row.mark));
        out.push_str(&format!("  <testsuite name=\"{scenario}\" {counts}>\n"));
        for row in &group.rows {
            let (metric, text) = (markup(&row.metric), markup(&row.text));
            out.push_str(&format!("    <testcase classname=\"{scenario}\" name=\"{metric}\" time=\"0\""));
            let more: String = row.more.iter().map(|line| format!("\n{}", markup(line))).collect();
            out.push_str(&match row.mark {
                Mark::Worse => format!(
                    ">\n      <failure message=\"{text}\" type=\"worse\">{text}{more}</failure>\n    </testcase>\n"
                ),
                Mark::Little | Mark::Absent => {
                    format!(">\n      <skipped message=\"{text}\"/>\n    </testcase>\n")
                }
                // Shown beside a test that passed, by whoever shows what tests say.
                Mark::Pending => {
                    format!(">\n      <system-err>warning: {text}{more}</system-err>\n    </testcase>\n")
                }
                Mark::Better | Mark::Ok => {
                    format!(">\n      <system-out>{text}{more}</system-out>\n    </testcase>\n")
                }
            });
        }
        out.push_str("  </testsuite>\n");
    }
    out.push_str("</testsuites>\n");
    out
}

fn counts(marks: impl Iterator<Item = Mark> + Clone) -> String {
    let failures = marks.clone().filter(|mark| *mark == Mark::Worse).count();
    let skipped = marks.clone().filter(|mark| matches!(mark, Mark::Little | Mark::Absent)).count();
    let tests = marks.count();
    format!("tests=\"{tests}\" failures=\"{failures}\" errors=\"0\" skipped=\"{skipped}\" time=\"0\"")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Verdict;
    use crate::show::{Group, Row};

    #[test]
    fn each_metric_is_a_test() {
        let row = |mark, metric: &str| Row {
            metric: metric.into(),
            mark,
            value: "3".into(),
            text: "1 → 3 <&\">".into(),
            more: vec!["in a..b\u{1}".into()],
        };
        let rows =
            vec![row(Mark::Worse, "a"), row(Mark::Ok, "b"), row(Mark::Little, "c"), row(Mark::Absent, "d")];
        let group = Group { scenario: "s&x".into(), about: vec![], rows };
        let report =
            Report { of: "check", groups: vec![group], verdict: Verdict::Worse, sentence: String::new() };
        let text = junit(&report);
        assert!(
            text.contains(
                "<testsuite name=\"s&amp;x\" tests=\"4\" failures=\"1\" errors=\"0\" skipped=\"2\""
            ),
            "{text}"
        );
        assert!(text.contains("type=\"worse\">1 → 3 &lt;&amp;&quot;&gt;\nin a..b </failure>"), "{text}");
        assert_eq!(text.matches("<testcase").count(), 4);
        assert_eq!(text.matches("</testcase>").count(), 4);
    }
}

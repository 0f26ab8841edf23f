//! The report in Markdown, for a job's summary or a comment on a pull request.

use crate::check::Verdict;
use crate::show::escape::{code, markdown as escaped};
use crate::show::report::{Mark, Report};

/// The longest comment that GitHub takes is 65,536 characters; rows that would go beyond this are counted instead.
const BYTES_MAX: usize = 60_000;

/// The report, with a heading and a table for each scenario.
pub fn markdown(report: &Report) -> String {
    let word = match report.verdict {
        Verdict::Fine => "✅ pass",
        Verdict::Worse => "❌ fail",
        Verdict::NotEnough => "⚠️ not enough data",
    };
    let mut out = format!("### floodmark history: {word}\n\n{}.\n", escaped(&report.sentence));
    let value = if report.of == "check" { "latest" } else { "A → B" };
    let mut left_out = 0;
    for group in &report.groups {
        out.push_str(&format!("\n**{}**", escaped(&group.scenario)));
        for line in &group.about {
            out.push_str(&format!("  \n{}", escaped(line)));
        }
        out.push_str(&format!("\n\n| | metric | {value} | change |\n|---|---|---:|---|\n"));
        for row in &group.rows {
            let mark = match row.mark {
                Mark::Worse => "❌ worse",
                Mark::Better => "💚 better",
                Mark::Pending => "⚠️ pending",
                Mark::Ok => "✅ ok",
                Mark::Little => "⚠️ too few",
                Mark::Absent => "–",
            };
            let text: Vec<String> =
                std::iter::once(&row.text).chain(&row.more).map(|line| escaped(line)).collect();
            let (metric, value) = (code(&row.metric), escaped(&row.value));
            let line = format!("| {mark} | {metric} | {value} | {} |\n", text.join("<br>"));
            if out.len() + line.len() > BYTES_MAX {
                left_out += 1;
            } else {
                out.push_str(&line);
            }
        }
    }
    if left_out > 0 {
        out.push_str(&format!("\n{left_out} more metrics are left out here.\n"));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::show::{Group, Row};

    fn report(rows: usize) -> Report {
        let row = Row {
            metric: "audit.lost".into(),
            mark: Mark::Worse,
            value: "3".into(),
            text: "0 → 3, from zero".into(),
            more: vec!["accepted: a|b <script> @everyone\nnew".into()],
        };
        let group = Group { scenario: "s|x".into(), about: vec!["30 runs".into()], rows: vec![row; rows] };
        Report { of: "check", groups: vec![group], verdict: Verdict::Worse, sentence: "1 metric".into() }
    }

    #[test]
    fn each_row_is_one_line_of_four_cells() {
        let text = markdown(&report(1));
        assert!(
            text.starts_with("### floodmark history: ❌ fail\n\n1 metric.\n\n**s&#124;x**  \n30 runs\n\n| |"),
            "{text}"
        );
        let row = text.lines().find(|line| line.contains("audit.lost")).expect("the row");
        assert_eq!(row.matches('|').count(), 5, "{row}");
        assert!(row.contains("&#64;everyone new") && !row.contains("<script"), "{row}");
    }

    #[test]
    fn a_comment_has_an_end() {
        let text = markdown(&report(5_000));
        assert!(text.len() < 65_000 && text.contains(" more metrics are left out here."), "{}", text.len());
    }
}

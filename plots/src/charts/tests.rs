//! Every chart, of whole runs, of half ones, and of nothing.

use serde_json::json;

use super::*;
use crate::chart::{Panel, Scale, Shape};
use crate::made::Made;

fn whole(label: &str) -> Run {
    Run::open(&Made::run().path(), Some(label.into())).expect("opens")
}

fn of(made: &Made) -> Run {
    Run::open(&made.path(), None).expect("opens")
}

fn panels(chart: &Chart) -> &[Panel] {
    match &chart.body {
        Body::Panels(panels) => &panels.panels,
        Body::Bars(_) => panic!("{} has bars", chart.name),
    }
}

fn names(panel: &Panel) -> Vec<&str> {
    panel.series.iter().map(|series| series.name.as_str()).collect()
}

#[test]
fn every_kind_draws_a_whole_run_and_has_an_answer() {
    let run = [whole("made")];
    for kind in Kind::ALL {
        let chart = chart(kind, &run).unwrap_or_else(|error| panic!("{kind}: {error}"));
        assert_eq!((chart.name.as_str(), kind.name().parse()), (kind.name(), Ok(kind)));
        assert!(chart.question.ends_with('?') && !chart.answer.is_empty(), "{kind}: {chart:?}");
        assert!(!chart.answer.contains("NaN") && !chart.answer.contains("inf"), "{}", chart.answer);
        if let Body::Panels(panels) = &chart.body {
            let points =
                panels.panels.iter().flat_map(|panel| &panel.series).flat_map(|series| &series.points);
            let (from, to) = panels.x.range.unwrap_or((f64::NEG_INFINITY, f64::INFINITY));
            for (x, _) in points {
                assert!((from..=to).contains(x), "{kind}: {x} is not within {from} to {to}");
            }
        }
    }
    assert_eq!(
        "tables".parse::<Kind>().expect_err("no such chart").to_string(),
        "there is no chart 'tables' (there are memory, ledger, fit, connections, latency, percentiles, throughput, \
         cpu, queues, tcp)"
    );
}

#[test]
fn the_footer_says_what_is_known_and_no_more() {
    let chart = chart(Kind::Cpu, &[whole("made")]).expect("drawn");
    assert_eq!(
        chart.footer,
        [
            "made · commit 01234567 (main, with uncommitted changes) · AMD EPYC, 2 cores, 23.5 GiB, Linux 6.18 · \
          2026-11-21 18:17 UTC"
        ]
    );
    let mut made = Made::empty();
    made.sample(1.0, "host", &[("host.cpu_busy_ratio", 0.5)]);
    let chart = super::chart(Kind::Cpu, &[of(&made)]).expect("drawn");
    assert_eq!(chart.footer, ["2026-11-21 18:17 UTC"]);
}

#[test]
fn nothing_to_draw_is_told_in_a_sentence() {
    let nothing = [of(&Made::empty())];
    for kind in Kind::ALL {
        let error = chart(kind, &nothing).expect_err("nothing is there");
        assert!(
            error.len() > 20 && !error.ends_with('.') && error.starts_with(char::is_lowercase)
                || kind == Kind::Tcp,
            "{error}"
        );
        assert!(chart(kind, &[]).is_err());
    }
}

#[test]
fn a_run_without_some_streams_draws_the_others() {
    let mut made = Made::empty();
    made.mark(0.5, "runner", "phase.began", json!({ "phase": "ramp" }));
    made.sample(1.0, "generator", &[("connections.open", 5.0)]);
    made.latency(2.0, "connect.login_ns", &[1_000_000]);
    let run = [of(&made)];
    assert!(chart(Kind::Memory, &run).expect_err("no memory").contains("server's memory"));
    let connections = chart(Kind::Connections, &run).expect("one point is a chart");
    assert_eq!(panels(&connections)[0].series[0].points, [(0.5, 5.0)]);
    let latency = chart(Kind::Latency, &run).expect("drawn");
    assert_eq!(latency.question, "How long did connecting take, over time?");
    assert!(latency.notes.iter().any(|note| note.contains("no summary")));
    let percentiles = chart(Kind::Percentiles, &run).expect("drawn");
    assert!(panels(&percentiles)[0].series[0].points.iter().all(|(x, y)| *x < 1.0 && *y > 0.0));
}

#[test]
fn thresholds_stand_where_their_figures_are() {
    let run = [whole("made")];
    let limits = |kind, place: usize| {
        let chart = chart(kind, &run).expect("drawn");
        let limits = panels(&chart)[place].limits.iter().map(|limit| (limit.label.clone(), limit.y));
        limits.collect::<Vec<_>>()
    };
    assert_eq!(limits(Kind::Latency, 0), [("p99 < 5 ms".to_owned(), 0.005)]);
    assert_eq!(limits(Kind::Memory, 2), [("server_bytes_per_connection < 128B".to_owned(), 128.0)]);
    assert_eq!(limits(Kind::Memory, 0), []);
    let percentiles = chart(Kind::Percentiles, &run).expect("drawn");
    let bound = panels(&percentiles)[0].series.last().expect("a threshold");
    assert_eq!(bound.name, "delivered p99 < 5 ms");
    assert!(bound.points.iter().all(|(_, y)| *y == 0.005), "{bound:?}");
}

#[test]
fn the_fit_is_the_summary_s() {
    let run = whole("made");
    let drawn = chart(Kind::Fit, std::slice::from_ref(&run)).expect("drawn");
    assert!(drawn.answer.starts_with("100 B (95 %: 99.9 to 100.1 B); 100 readings"), "{}", drawn.answer);
    assert!(drawn.notes.is_empty(), "{:?}", drawn.notes);
    let fit = &panels(&drawn)[0];
    assert_eq!((fit.series[0].shape, fit.series[0].points.as_slice()), (Shape::Points, run.ramp_points()));
    let band = &fit.bands[0].points;
    assert!(band.iter().all(|(_, low, high)| low < high), "{band:?}");
    let mut made = Made::run();
    made.file("summary.json", &json!({ "memory": { "server_bytes_per_connection": 150.0 } }));
    let drawn = chart(Kind::Fit, &[of(&made)]).expect("drawn");
    assert!(drawn.notes[0].contains("says 150 B") && drawn.notes[0].contains("100 B"), "{:?}", drawn.notes);
}

#[test]
fn the_ledger_s_bars_leave_out_what_is_below_zero_and_say_so() {
    let drawn = chart(Kind::Ledger, &[whole("made")]).expect("drawn");
    let Body::Bars(bars) = &drawn.body else { panic!("bars") };
    let parts: Vec<_> = bars.bars[0].parts.iter().map(|part| (part.label.as_str(), part.value)).collect();
    assert_eq!(
        parts,
        [("TCP socket", 3900.0), ("other kernel", 90.0), ("server", 100.0), ("unexplained", 10.0)]
    );
    assert_eq!((bars.bars[0].total, bars.bars[0].parts[3].hue), (4100.0, None));
    let mut made = Made::run();
    let side = json!({ "total_bytes": 50.0, "kernel_slab_bytes": 60.0, "remainder_bytes": -10.0 });
    made.file("summary.json", &json!({ "memory": { "ledger": { "generator": side, "slab_read": false } } }));
    let drawn = chart(Kind::Ledger, &[of(&made)]).expect("drawn");
    assert_eq!(
        drawn.notes,
        [
            "the kernel's objects are not told apart: only root may read slabinfo",
            "below zero by noise and not drawn: unexplained −10 B; the bar is 10 B higher than its total for that"
        ]
    );
}

#[test]
fn several_runs_are_told_apart_by_colour_and_show_less() {
    let runs = [whole("before"), whole("after")];
    let latency = chart(Kind::Latency, &runs).expect("drawn");
    assert_eq!(names(&panels(&latency)[0]), ["before: p50", "before: p99", "after: p50", "after: p99"]);
    let inks: Vec<_> =
        panels(&latency)[0].series.iter().map(|series| (series.ink.hue, series.ink.dash)).collect();
    assert!(
        inks[0].0 == inks[1].0 && inks[0].0 != inks[2].0 && inks[0].1 == inks[2].1 && inks[0].1 != inks[1].1
    );
    assert_eq!(panels(&latency)[0].y.scale, Scale::Log);
    assert!(latency.answer.starts_with("before: p50 ") && latency.answer.contains("; after: p50 "));
    assert!(latency.footer[1].starts_with("after: made"));
    let memory = chart(Kind::Memory, &runs).expect("drawn");
    assert_eq!(names(&panels(&memory)[0]), ["before", "after"]);
    let Body::Panels(body) = &memory.body else { panic!("panels") };
    assert_eq!(body.phases.len(), 3, "both have the same phases");
    let Body::Bars(bars) = chart(Kind::Ledger, &runs).expect("drawn").body else { panic!("bars") };
    assert_eq!(
        bars.bars.iter().map(|bar| bar.title.as_str()).collect::<Vec<_>>(),
        ["before, a pair, both ends here", "after, a pair, both ends here"]
    );
    let half = [whole("whole"), of(&Made::empty())];
    let drawn = chart(Kind::Fit, &half).expect("one of two is drawn");
    assert!(
        drawn.notes.iter().any(|note| note == "made: too few readings in the ramp for a fit"),
        "{:?}",
        drawn.notes
    );
}

#[test]
fn without_a_summary_the_recording_itself_answers() {
    let mut made = Made::run();
    made.file("summary.json", &json!({}));
    let run = [of(&made)];
    let answer = |kind| chart(kind, &run).expect("drawn").answer;
    assert!(answer(Kind::Memory).starts_with("100 B a connection (95 %: "), "{}", answer(Kind::Memory));
    assert!(answer(Kind::Memory).ends_with("; at most 1,000 connections"), "{}", answer(Kind::Memory));
    assert_eq!(answer(Kind::Throughput), "500 messages delivered");
    assert!(answer(Kind::Latency).starts_with("p50 200 µs, "), "{}", answer(Kind::Latency));
}

/// It said 100 % above a curve that never passed 23 %.
#[test]
fn the_busiest_moment_is_one_that_the_chart_shows() {
    let mut made = Made::empty();
    made.sample(0.1, "host", &[("host.cpu_busy_ratio", 0.99)]);
    made.mark(1.0, "runner", "phase.began", json!({ "phase": "ramp" }));
    for second in 1..20 {
        made.sample(1.0 + f64::from(second), "host", &[("host.cpu_busy_ratio", 0.25)]);
    }
    made.sample(20.01, "host", &[("host.cpu_busy_ratio", 1.0)]);
    let answer = chart(Kind::Cpu, &[of(&made)]).expect("drawn").answer;
    assert_eq!(answer, "the machine at most 25 % busy");
}

#[test]
fn the_measurement_of_the_ceiling_is_not_of_the_run() {
    let mut made = Made::run();
    made.mark(0.1, "runner", "phase.began", json!({ "phase": "limit" }));
    made.mark(1.9, "runner", "phase.ended", json!({ "phase": "limit" }));
    let run = of(made.in_order());
    assert_eq!((run.phases()[0].name.as_str(), run.span_s().0), ("limit", 0.0));
    let Body::Panels(body) = chart(Kind::Cpu, &[run]).expect("drawn").body else { panic!("panels") };
    assert_eq!(body.phases[0].name, "ramp");
    assert!(body.panels.iter().flat_map(|panel| &panel.series).all(|series| series.points[0].0 >= 0.0));
}

#[test]
fn what_was_asked_for_goes_with_the_knobs() {
    let mut made = Made::run();
    made.mark(15.0, "runner", "knob", json!({ "worker": "publisher", "name": "rate", "value": 1200.0 }));
    made.mark(
        16.0,
        "queues",
        "alert.raised",
        json!({ "queue": "server.mail", "threshold": "delay over 5 s" }),
    );
    let run = [of(made.in_order())];
    let drawn = chart(Kind::Throughput, &run).expect("drawn");
    let asked = panels(&drawn)[0].series.iter().find(|series| series.name == "asked for").expect("asked");
    assert_eq!(asked.points, [(10.0, 50.0), (13.0, 1200.0), (20.0, 1200.0)]);
    let Body::Panels(body) = &drawn.body else { panic!("panels") };
    let marks: Vec<_> = body.marks.iter().map(|mark| (mark.at, mark.name.as_str(), mark.bad)).collect();
    assert_eq!(marks, [(13.0, "rate = 1,200", false), (14.0, "server.mail: delay over 5 s", true)]);
}

/// Runs were left out of overlays without a word, and so was the shading when phases differed.
#[test]
fn an_overlay_says_what_it_leaves_out_and_whose_phases_it_shows() {
    let mut bare = Made::empty();
    bare.mark(0.0, "runner", "phase.began", json!({ "phase": "ramp" }));
    bare.sample(40.0, "host", &[("host.cpu_busy_ratio", 0.5)]);
    let runs = [whole("whole"), Run::open(&bare.path(), Some("bare".into())).expect("opens")];
    for kind in [Kind::Memory, Kind::Latency, Kind::Percentiles, Kind::Ledger] {
        let drawn = chart(kind, &runs).expect("one of two is drawn");
        let note = "bare: has nothing to show in this chart";
        assert!(drawn.notes.iter().any(|known| known == note), "{kind}: {:?}", drawn.notes);
        assert!(!drawn.answer.contains("bare"), "{}", drawn.answer);
    }
    let cpu = chart(Kind::Cpu, &runs).expect("drawn");
    let Body::Panels(body) = &cpu.body else { panic!("panels") };
    assert_eq!(body.phases.len(), 3);
    assert!(cpu.notes.iter().any(|note| note == "the phases shown are those of 'whole'"), "{:?}", cpu.notes);
}

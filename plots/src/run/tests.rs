//! Bundles of every age and in every state.

use std::fs;
use std::io::Write;

use serde_json::json;
use telemetry::{FRAMES_FILE, fit, pack};

use super::*;
use crate::made::{Made, bytes};

fn open(path: &Path) -> Run {
    Run::open(path, None).expect("opens")
}

fn says(run: &Run, what: &str) -> bool {
    run.missing().iter().any(|sentence| sentence.contains(what))
}

#[test]
fn a_run_is_read_with_all_that_it_has_to_show() {
    let made = Made::run();
    let run = open(&made.path());
    assert_eq!((run.label(), run.missing()), ("made", &[][..]));
    assert_eq!((run.length_s(), run.span_s()), (25.0, (0.0, 23.0)));
    let phases: Vec<_> =
        run.phases().iter().map(|phase| (phase.name.as_str(), phase.from_s, phase.to_s)).collect();
    assert_eq!(phases, [("ramp", 0.0, 10.0), ("messages", 10.0, 20.0), ("drain", 20.0, 23.0)]);
    assert_eq!(run.warm_until_s(), Some(12.0));
    assert_eq!(
        run.total("host.retransmitted_segments"),
        Some(24.0),
        "counted from the last reading before the ramp on"
    );
    assert_eq!((run.total("host.listen_drops"), run.series("no.such_name")), (None, &[][..]));
    assert!(run.series("connections.logins").iter().any(|(_, rate)| (rate - 100.0).abs() < 1e-6));
    let commit = run.commit().expect("told");
    assert_eq!(
        (commit.id.as_str(), commit.branch.as_deref(), commit.dirty),
        ("0123456789abcdef", Some("main"), true)
    );
    assert_eq!(run.figure("connections.peak"), Some(1000.0));
    assert_eq!(run.queues()["server.mail"].length[1].1, 2.0);
    assert_eq!(open(&made.path().join(FRAMES_FILE)).summary(), run.summary(), "its frames stand for it");
    assert_eq!(Run::open(&made.path(), Some("mine".into())).expect("opens").label(), "mine");
}

#[test]
fn deliveries_of_the_warm_up_are_seen_over_time_and_not_in_the_whole() {
    let run = open(&Made::run().path());
    let (bins, whole) = run.latency("delivery.latency_ns").expect("measured");
    assert_eq!((bins.len(), whole.len()), (10, 27), "one of ten intervals ended before the warm-up did");
    assert!(bins[0].values_s[4] > 0.89 && whole.max() < 3_000_000);
    assert_eq!(run.latency("delivery.raw_latency_ns").expect("measured").1.len(), 27);
    assert_eq!(run.latency_names().collect::<Vec<_>>(), ["delivery.latency_ns", "delivery.raw_latency_ns"]);
}

#[test]
fn the_points_of_the_fit_are_those_of_the_ramp() {
    let run = open(&Made::run().path());
    let points = run.ramp_points();
    // The first reading of memory comes before the first report of connections.
    assert_eq!((points.len(), points[0].0, points[99].0), (100, 10.0, 1000.0));
    let slope = fit::slope(points).expect("enough");
    assert!((slope.slope - 100.0).abs() < 0.05, "{slope:?}");
}

#[test]
fn a_torn_run_shows_what_is_there() {
    let made = Made::run();
    let whole = bytes(&made.path());
    let half = made.dir.path().join("half");
    fs::create_dir(&half).expect("a directory");
    fs::write(half.join(FRAMES_FILE), &whole[..whole.len() * 2 / 3]).expect("written");
    let run = open(&half);
    assert!(says(&run, "torn") && says(&run, "no summary"), "{:?}", run.missing());
    assert!(!run.series("server.rss_bytes").is_empty());
    let last = run.phases().last().expect("begun");
    assert!((last.to_s - run.span_s().1).abs() < 1e-9, "what has not ended goes on to the end: {last:?}");
}

#[test]
fn plain_and_packed_recordings_show_the_same() {
    let made = Made::run();
    let (plain, packed) = (made.path().join(FRAMES_FILE), made.dir.path().join("packed"));
    pack(&plain, &packed).expect("packs");
    let (a, b) = (open(&made.path()), open(&packed));
    assert_eq!((b.label(), b.summary()), ("packed", None));
    assert_eq!(format!("{:?}", a.series), format!("{:?}", b.series));
    assert_eq!((a.phases(), a.ramp_points()), (b.phases(), b.ramp_points()));
    assert!(b.missing().is_empty(), "a file has no summary to miss: {:?}", b.missing());
    let bytes = fs::read(&packed).expect("there");
    fs::write(&packed, &bytes[..bytes.len() - 9]).expect("written");
    assert!(says(&open(&packed), "cut"));
}

#[test]
fn a_later_schema_is_refused_at_the_beginning_and_told_of_on_the_way() {
    let later = b"{\"frame\":\"hello\",\"mono_us\":5030000000,\"wall_us\":1,\"source\":\"server\",\"schema\":99,\"worker\":\"chat\",\"pid\":1,\"version\":\"9\"}\n";
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("later");
    fs::write(&path, later).expect("written");
    let error = Run::open(&path, None).expect_err("a later version made it").to_string();
    assert!(error.contains("recorded by a later version (schema 99"), "{error}");
    let made = Made::run();
    let mut file = fs::File::options().append(true).open(made.path().join(FRAMES_FILE)).expect("there");
    file.write_all(later).expect("written");
    let run = open(&made.path());
    assert!(
        says(&run, "nothing after 25.0 s could be read") && says(&run, "later version"),
        "{:?}",
        run.missing()
    );
    assert_eq!(run.span_s(), (0.0, 23.0));
}

#[test]
fn rubbish_is_counted_and_does_no_harm() {
    let made = Made::run();
    let mut file = fs::File::options().append(true).open(made.path().join(FRAMES_FILE)).expect("there");
    let at = "\"mono_us\":18446744073709551615,\"wall_us\":1,\"source\":\"host\"";
    let hostile = [
        "rubbish".to_owned(),
        format!("{{\"frame\":\"sample\",{at},\"values\":{{\"server.rss_bytes\":1e308}}}}"),
        format!("{{\"frame\":\"mark\",{at},\"name\":\"phase.began\",\"attributes\":{{\"phase\":\"ramp\"}}}}"),
        "{\"frame\":\"sample\",\"mono_us\":0,\"wall_us\":1,\"source\":\"host\",\"values\":{\"server.rss_bytes\":null}}".to_owned(),
        "{\"frame\":\"latency\",\"mono_us\":5025000000,\"wall_us\":1,\"source\":\"generator\",\"name\":\"delivery.latency_ns\",\"interval_us\":1,\"histogram\":\"AAAA\"}".to_owned(),
    ];
    file.write_all((hostile.join("\n") + "\n").as_bytes()).expect("written");
    let run = open(&made.path());
    assert_eq!((run.length_s(), run.span_s()), (25.0, (0.0, 23.0)), "no frame is ages away");
    assert!(
        says(&run, "one frame could not be read")
            && says(&run, "one latency histogram")
            && says(&run, "times are far"),
        "{:?}",
        run.missing()
    );
}

#[test]
fn what_stands_beside_the_frames_may_be_missing_or_damaged() {
    let mut made = Made::run();
    fs::write(made.path().join("host.json"), "{\"cpu").expect("written");
    fs::write(made.path().join("plan.yaml"), [0xff, 0xfe]).expect("written");
    for wrong in [json!("short"), json!([1, 2]), json!(null)] {
        made.file("summary.json", &wrong);
        let run = open(&made.path());
        assert!(says(&run, "summary.json could not be read: it holds no object"), "{:?}", run.missing());
        assert!(!says(&run, "come to its end"), "a damaged summary is not an absent one");
        assert!(says(&run, "host.json could not be read") && run.host().is_none());
        assert!(says(&run, "plan.yaml is not UTF-8"));
        assert_eq!((run.figure("connections.peak"), run.plan_text()), (None, None));
    }
    made.file("summary.json", &json!({ "connections": { "peak": "1000" } }));
    assert!(says(&open(&made.path()), "text where numbers belong, such as 'connections.peak'"));
    for name in ["summary.json", "host.json", "plan.yaml"] {
        fs::remove_file(made.path().join(name)).expect("there");
    }
    fs::create_dir(made.path().join("host.json")).expect("made");
    let run = open(&made.path());
    assert_eq!(
        run.missing(),
        [
            "there is no summary: the run did not come to its end, or has not yet",
            "host.json was not read: it is no file",
            "there is no plan.yaml"
        ]
    );
}

#[test]
fn a_recording_of_nothing_opens_and_says_so() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("nothing");
    fs::write(&path, "").expect("written");
    let run = open(&path);
    assert!(says(&run, "no frame") && run.phases().is_empty() && run.length_s() == 0.0);
    assert!(Run::open(&dir.path().join("nowhere"), None).is_err());
}

/// A host sample a month ahead made every axis a month long, and nothing was said.
#[test]
fn a_damaged_time_is_left_out_and_told() {
    let mut made = Made::run();
    made.sample(25.0 + 30.0 * 86_400.0, "host", &[("server.rss_bytes", 1.0)]);
    made.sample(23.5, "generator", &[("connections.open", 77.0)]);
    let run = open(&made.path());
    assert_eq!(run.span_s(), (0.0, 23.0));
    assert!(says(&run, "one frame is left out: its time"), "{:?}", run.missing());
    assert!(says(&run, "clock had gone back"), "{:?}", run.missing());
    assert!(run.series("connections.open").iter().all(|(_, open)| *open != 77.0));
}

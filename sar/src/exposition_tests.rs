//! Answers as servers give them, and as they should not.

use super::*;

fn read(keep: Option<&str>, text: &str) -> Scraped {
    let keep = keep.map(|keep| Regex::new(keep).expect("an expression"));
    Exposition::new("web", keep).read(text.as_bytes()).expect("an answer")
}

fn names(scraped: &Scraped) -> Vec<(&str, f64)> {
    scraped.values.iter().map(|(name, value)| (&**name, *value)).collect()
}

const TEXT: &str = r#"# HELP http_requests_total Requests
# TYPE http_requests_total counter
http_requests_total{method="GET",code="200"} 1027 1395066363000
http_requests_total{code="400", method="GET",} 3
# TYPE temperature gauge
temperature -3.5e1
untyped{path="C:\\DIR\\",error="Cannot find \"FILE}\""} 1.458255915e9
nothing NaN
infinite +Inf
# TYPE duration_seconds histogram
duration_seconds_bucket{le="0.05"} 24054
duration_seconds_bucket{le="+Inf"} 144320
duration_seconds_sum 53423
duration_seconds_count 144320
# TYPE rpc summary
rpc{quantile="0.5"} 4773
rpc_count 2693
"#;

#[test]
fn series_become_values() {
    let scraped = read(None, TEXT);
    let expected = [
        ("web.http_requests_total.code_200.method_GET", 1_027.0),
        ("web.http_requests_total.code_400.method_GET", 3.0),
        ("web.temperature", -35.0),
        ("web.untyped.error_Cannot_find___FILE___.path_C__DIR__", 1_458_255_915.0),
        ("web.duration_seconds_sum", 53_423.0),
        ("web.duration_seconds_count", 144_320.0),
        ("web.rpc.quantile_0_5", 4_773.0),
        ("web.rpc_count", 2_693.0),
    ];
    let seen: Vec<_> = names(&scraped);
    for (seen, expected) in seen.iter().zip(expected) {
        let same_start = seen.0.split(".error_").next() == expected.0.split(".error_").next();
        assert!(same_start && seen.1 == expected.1, "{seen:?} is not {expected:?}");
    }
    assert_eq!(seen.len(), expected.len());
    let kinds: Vec<bool> =
        scraped.values.iter().map(|(name, _)| scraped.new_meanings[&**name].kind == Kind::Counter).collect();
    assert_eq!(kinds, [true, true, false, false, true, true, false, true]);
    assert_eq!(scraped.new_meanings["web.http_requests_total.code_200.method_GET"].help, "Requests");
    assert!(!scraped.new_meanings["web.temperature"].help.is_empty());
}

#[test]
fn openmetrics_is_read_as_well() {
    let text = "# TYPE foo counter\n# UNIT foo seconds\n# HELP foo Of \\\\ two\\nlines.\nfoo_total 17.0 1520879607.789 # {id=\"a}\"} 1 2\n\
                foo_created 1520430000.123\n# TYPE h histogram\nh_bucket{le=\"1\"} 1 # {a=\"b\"} 0.5\nh_count 1\nh_created 9\n# EOF\n";
    let scraped = read(None, text);
    assert_eq!(names(&scraped), [("web.foo_total", 17.0), ("web.h_count", 1.0)]);
    let meaning = &scraped.new_meanings["web.foo_total"];
    assert_eq!((meaning.kind, meaning.help.as_str()), (Kind::Counter, "Of \\ two lines."));
}

#[test]
fn what_is_kept_is_chosen_by_the_metric_s_name() {
    assert_eq!(names(&read(Some("^temp"), TEXT)), [("web.temperature", -35.0)]);
    assert_eq!(read(Some("duration"), TEXT).values.len(), 4, "its buckets were asked for");
    assert_eq!(read(Some("_bucket$"), TEXT).values.len(), 2);
    assert!(read(Some("GET"), TEXT).values.is_empty(), "a label is no name");
}

#[test]
fn the_second_answer_uses_the_names_of_the_first() {
    let mut exposition = Exposition::new("web", None);
    let first = exposition.read(TEXT.as_bytes()).expect("an answer");
    let second = exposition.read(TEXT.as_bytes()).expect("an answer");
    assert!(second.new_meanings.is_empty() && first.values.len() == second.values.len());
    assert!(first.values.iter().zip(&second.values).all(|((a, _), (b, _))| Arc::ptr_eq(a, b)));
}

#[test]
fn too_many_are_counted_and_too_similar_left_out() {
    let text: String = (0..SERIES_MAX + 7).map(|n| format!("m{{n=\"{n}\"}} 1\n")).collect();
    let scraped = read(None, &text);
    assert_eq!((scraped.values.len(), scraped.left_out), (SERIES_MAX, 7));
    assert_eq!(names(&read(None, "m{p=\"/a\"} 1\nm{p=\"_a\"} 2\n")), [("web.m.p__a", 1.0)]);
    let long = format!("m{{n=\"{}\"}} 1\nshort 1\n", "x".repeat(NAME_BYTES_MAX));
    assert_eq!(names(&read(None, &long)), [("web.short", 1.0)]);
    let mut exposition = Exposition::new("web", None);
    for round in 0..40 {
        let text: String = (0..500).map(|n| format!("m{{id=\"{round}.{n}\"}} 1\n")).collect();
        exposition.read(text.as_bytes()).expect("an answer");
        assert!(exposition.known.len() <= KNOWN_MAX + 500, "series that come and go are forgotten");
    }
}

#[test]
fn junk_is_skipped_but_not_an_answer() {
    let text = "ok 1\nno_value\nno_value \n9lives 1\na-b 1\nbad{a=\"b\" 1\nbad{a=b} 1\nbad{a} 1\nbad{a=\"} 1\n{a=\"b\"} 1\n\
                x one\n\u{e4} 1\n # TYPE\n#\n# HELP\nlast 2";
    assert_eq!(names(&read(None, text)), [("web.ok", 1.0), ("web.last", 2.0)]);
    assert_eq!(names(&read(None, "")), []);
    for body in [&b"<html><body>Hello</body></html>"[..], b"\xff\xfe\x00", b"{\"a\":1}", b"404"] {
        let error = Exposition::new("web", None).read(body).expect_err("no answer");
        assert!(error.contains("not in Prometheus's text format"), "{error}");
    }
}

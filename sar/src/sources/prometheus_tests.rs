//! An endpoint that answers, and addresses that are none.

use super::*;
use crate::test_server::{Reply, TestServer};

const LONG: Duration = Duration::from_secs(60);

fn endpoint(url: &str) -> Prometheus {
    Prometheus::open_with("beam", url, None, LONG).expect("a thread")
}

#[test]
fn an_endpoint_is_scraped_again_and_again() {
    let server = TestServer::start(|path| match path {
        "/metrics?x=1" => Reply::Ok("200 OK", "# TYPE a counter\na 1\nb{c=\"d\"} 2\n".to_owned()),
        _ => Reply::Ok("503 Service Unavailable", String::new()),
    });
    let mut prometheus = endpoint(&format!("http://{}/metrics?x=1", server.address));
    let mut values = Values::new();
    for _ in 0..3 {
        values.clear();
        prometheus.begin();
        prometheus.sample(&mut values).expect("an answer");
        assert_eq!((values.get("beam.a"), values.get("beam.b.c_d")), (Some(1.0), Some(2.0)));
    }
    assert_eq!(server.connections(), 1);
    let mut meanings = BTreeMap::new();
    prometheus.meanings(&mut meanings);
    assert!(values.iter().all(|(name, _)| meanings.contains_key(name)), "{values:?}, {meanings:?}");
    assert_eq!(meanings["beam.a"].kind, Kind::Counter);

    let mut wrong = endpoint(&format!("http://{}/", server.address));
    let error = wrong.sample(&mut values).expect_err("503").to_string();
    assert!(error.ends_with("/': its answer is 503 Service Unavailable"), "{error}");
    wrong.sample(&mut values).expect("told already");
}

#[test]
fn too_many_series_are_told_of() {
    let text: String = (0..SERIES_MAX + 5).map(|n| format!("m{n} 1\n")).collect();
    let server = TestServer::start(move |_| Reply::Ok("200 OK", text.clone()));
    let mut values = Values::new();
    endpoint(&format!("http://{}/metrics", server.address)).sample(&mut values).expect("an answer");
    assert_eq!(values.get("beam.series_left_out"), Some(5.0));
}

#[test]
fn what_cannot_be_scraped_is_refused_at_once() {
    let refused = |name, url| Prometheus::open(name, url, None).expect_err(url).to_string();
    assert!(refused("a", "https://example.com/metrics").contains("only plain http"));
    for url in ["", "localhost:9090", "ftp://x/", "http://", "http:///metrics", "http://a b/"] {
        assert!(refused("a", url).starts_with(&format!("cannot scrape '{url}': ")));
    }
    for name in ["", "a.b", "a b", "ä"] {
        assert!(refused(name, "http://localhost/").starts_with(&format!("'{name}' is no name")));
    }
}

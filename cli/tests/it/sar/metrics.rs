//! Metrics for whoever scrapes the sampler.

use super::*;

/// A sampler that serves metrics, and where.
fn listening(more: &[&str]) -> (Running, SocketAddr) {
    let process = start([&FAST[..], &["--listen", "0"], more].concat());
    let address = eventually("the address", || {
        let said = process.stderr();
        let (_, rest) = said.split_once("metrics http://")?;
        rest.split_once("/metrics").and_then(|(address, _)| address.parse().ok())
    });
    eventually("a line", || process.stdout().contains("time ").then_some(()));
    (process, address)
}

#[test]
fn prometheus_accepts_the_metrics() {
    let me = std::process::id().to_string();
    let (_process, address) = listening(&["--pid", &me, "--cores", "--alert", "host.accept=5s"]);
    assert!(address.ip().is_loopback());
    let answer = http(address, "GET", "/metrics", b"");
    assert_eq!(answer.status, 200);
    assert!(answer.head.contains("Content-Type: text/plain; version=0.0.4"), "{}", answer.head);
    let names = samples(&answer.body);
    for name in [
        "floodmark_host_context_switches_total",
        "floodmark_host_memory_available_bytes",
        "floodmark_host_memory_available_bytes_decayed{tau=\"10s\"}",
        "floodmark_host_context_switches_per_second_maximum{tau=\"100s\"}",
        "floodmark_sar_rss_bytes",
        "floodmark_host_core_user_ratio{core=\"0\"}",
        "floodmark_queue_alert{queue=\"host.accept\"}",
    ] {
        assert!(names.contains_key(name), "no {name} in {}", answer.body);
    }
    let mut promtool = Command::new("promtool");
    promtool.args(["check", "metrics"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let Ok(mut promtool) = promtool.spawn() else {
        let _ = writeln!(std::io::stderr(), "skipped: promtool is not installed (Debian package prometheus)");
        return;
    };
    promtool.stdin.take().expect("piped").write_all(answer.body.as_bytes()).expect("it reads");
    let output = promtool.wait_with_output().expect("it ends");
    let said = [output.stdout, output.stderr].concat();
    assert!(output.status.success() && said.is_empty(), "{}", String::from_utf8_lossy(&said));
}

fn samples(body: &str) -> BTreeMap<&str, f64> {
    let samples = body.lines().filter(|line| !line.starts_with('#'));
    samples
        .map(|line| {
            let (name, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("{line}"));
            (name, value.parse().unwrap_or_else(|error| panic!("{error}: {line}")))
        })
        .collect()
}

#[test]
fn whoever_asks_for_open_metrics_gets_it() {
    let (_process, address) = listening(&[]);
    let mut stream = connect(address);
    stream
        .write_all(
            b"GET /metrics HTTP/1.1\r\nHost: x\r\nAccept: application/openmetrics-text;version=1.0.0\r\n\r\n",
        )
        .expect("sent");
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).expect("an answer");
    let answer = parse_answer(&bytes);
    assert!(
        answer.head.contains("Content-Type: application/openmetrics-text; version=1.0.0"),
        "{}",
        answer.head
    );
    assert!(answer.body.ends_with("\n# EOF\n") && answer.body.matches("# EOF").count() == 1);
    assert!(answer.body.contains("# TYPE floodmark_host_context_switches counter\n"), "{}", answer.body);
    let once = sar(&["--openmetrics"]).expect_code(0);
    assert!(once.stdout.ends_with("\n# EOF\n"), "{once}");
}

#[test]
fn strangers_cannot_hurt_the_metrics() {
    let (mut process, address) = listening(&[]);
    let long = format!("GET /{} HTTP/1.1\r\n\r\n", "x".repeat(100_000));
    let fields = format!("GET /metrics HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(200));
    let cases: [(&[u8], u16); 8] = [
        (b"GET / HTTP/1.1\r\n\r\n", 404),
        (b"POST /metrics HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc", 405),
        (b"nonsense\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
        (b"GET /metrics HTTP/1.1\r\nno colon\r\n\r\n", 400),
        (b"GET /metrics HTTP/1.1\r\nHost:", 400),
        (long.as_bytes(), 431),
        (fields.as_bytes(), 431),
    ];
    for (bytes, status) in cases {
        let mut stream = connect(address);
        // The server may answer and close before it has read all.
        let _ = stream.write_all(bytes);
        let _ = stream.shutdown(Shutdown::Write);
        let mut answer = Vec::new();
        let mut buffer = [0; 4096];
        while let Ok(length @ 1..) = stream.read(&mut buffer) {
            answer.extend_from_slice(&buffer[..length]);
        }
        let answer = parse_answer(&answer);
        assert_eq!(
            answer.status,
            status,
            "{:?}: {answer:?}",
            String::from_utf8_lossy(&bytes[..bytes.len().min(60)])
        );
    }
    // As many as there are who answer, all silent: whoever asks is answered after them.
    let _silent: Vec<_> = (0..3).map(|_| connect(address)).collect();
    assert_eq!(http(address, "GET", "/metrics", b"").status, 200);
    assert!(!process.has_ended());
    assert!(!process.stderr().contains("panicked"), "{}", process.stderr());
}

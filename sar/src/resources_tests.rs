use super::*;

fn figures(entries: &[(&str, f64)]) -> Figures {
    entries.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect()
}

fn limits() -> Limits {
    Limits {
        cores: Some(4),
        memory_total_bytes: Some(1000),
        tcp_memory_max_bytes: Some(500),
        ports: Some(28_232),
        link_bytes_per_s: [("eth0".into(), 125_000_000), ("eth1".into(), 1_000)].into(),
        descriptors: [("server".into(), 1024)].into(),
    }
}

fn row<'a>(rows: &'a [Resource], name: &str) -> &'a Resource {
    rows.iter().find(|row| row.name == name).unwrap_or_else(|| panic!("no {name} in {rows:?}"))
}

fn used(rows: &[Resource], name: &str) -> Option<f64> {
    row(rows, name).utilisation_ratio
}

#[test]
fn each_resource_is_compared_with_its_own_limit() {
    let figures = figures(&[
        ("host.cpu_busy_ratio", 0.25),
        ("host.pressure_cpu_some_us", 120_000.0),
        ("host.memory_available_bytes", 400.0),
        ("host.tcp_memory_bytes", 50.0),
        ("host.net.eth0.received_bytes", 12_500_000.0),
        ("host.net.eth0.sent_bytes", 25_000_000.0),
        ("host.net.eth1.sent_bytes", 100.0),
        ("host.net.eth0.received_drops", 2.0),
        ("host.net.eth1.sent_errors", 1.0),
        ("host.disk.sda.busy_ms", 310.0),
        ("host.disk.sdb.busy_ms", 20.0),
        ("host.file_handles", 10.0),
        ("host.file_handles_max", 100.0),
        ("server.descriptors", 1536.0),
        ("server.descriptor_tables", 3.0),
        ("host.tcp_sockets", 14_000.0),
        ("host.tcp_time_wait", 116.0),
        ("host.accept_queue_ratio", 0.9),
        ("host.accept_queue", 117.0),
        ("host.listen_overflows", 3.5),
        ("server.busiest_shard_ratio", 0.7),
        ("server.mail_waiting", 12.0),
    ]);
    let rows = resources(&figures, &limits());
    for (name, ratio) in [
        ("cpu", 0.25),
        ("memory", 0.6),
        ("tcp memory", 0.1),
        ("network", 0.2),
        ("disk", 0.31),
        ("descriptors", 0.1),
        ("descriptors (server)", 0.5),
        ("ports", 0.5),
        ("accept queues", 0.9),
        ("shards", 0.7),
    ] {
        assert!(used(&rows, name).is_some_and(|seen| (seen - ratio).abs() < 1e-9), "{:?}", row(&rows, name));
    }
    assert_eq!(row(&rows, "cpu").saturation, Some(Figure { value: 0.12, unit: "ratio" }));
    assert_eq!(row(&rows, "network").errors, Some(Figure { value: 3.0, unit: "per_s" }));
    assert_eq!(row(&rows, "shards").saturation, Some(Figure { value: 12.0, unit: "letters" }));
    assert_eq!(
        sentence(&rows),
        "Nearest its limit: accept queues, at 90 % (the fullest one of its backlog). Errors: network (3.0/s), \
         accept queues (3.5/s)."
    );
}

#[test]
fn what_was_not_measured_says_so_and_is_no_zero() {
    let rows = resources(&Figures::new(), &Limits::default());
    for row in &rows {
        assert_eq!((row.utilisation_ratio, row.saturation, row.errors), (None, None, None), "{row:?}");
        assert!(!row.note.is_empty(), "{row:?}");
    }
    for name in ["cpu", "memory", "network", "disk", "descriptors", "ports", "shards", "accept queues"] {
        row(&rows, name);
    }
    assert_eq!(nearest(&rows), None);
    assert_eq!(sentence(&rows), "No resource was measured against its limit.");
}

#[test]
fn ports_are_a_bound_and_never_the_nearest_limit() {
    let crowded = figures(&[("host.tcp_sockets", 28_000.0), ("host.cpu_busy_ratio", 0.1)]);
    let rows = resources(&crowded, &limits());
    assert!(row(&rows, "ports").is_bound && used(&rows, "ports").is_some_and(|ratio| ratio > 0.9));
    assert_eq!(nearest(&rows).map(|row| row.name.as_str()), Some("cpu"));
    let many = resources(&figures(&[("host.tcp_sockets", 1e6)]), &limits());
    assert_eq!(used(&many, "ports"), None);
}

#[test]
fn without_pressure_the_run_queue_tells_what_waits() {
    let busy = figures(&[("host.procs_running", 9.0)]);
    let rows = resources(&busy, &limits());
    assert_eq!(row(&rows, "cpu").saturation, Some(Figure { value: 5.0, unit: "tasks" }));
}

#[test]
fn limits_of_this_machine_are_read_and_survive_json() {
    let limits = Limits::read(&HostInfo::read(), &[("me".into(), std::process::id())]);
    assert!(limits.cores.is_some() && limits.memory_total_bytes.is_some(), "{limits:?}");
    assert!(limits.descriptors["me"] > 0 && limits.ports.is_some_and(|ports| ports > 0), "{limits:?}");
    let text = serde_json::to_string(&limits).expect("JSON");
    assert_eq!(serde_json::from_str::<Limits>(&text).expect("JSON"), limits);
}

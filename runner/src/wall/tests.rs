//! The verdict on evidence that is made up: which cause comes first, and what its line says.

use super::evidence::{Sight, Usage};
use super::*;
use crate::reserve::Stopped;
use crate::seen::Stage;
use crate::worker::Role;

/// A run that met its plan on a machine with everything to spare.
fn calm() -> Evidence {
    let usage = |stage| Usage {
        stage: Some(stage),
        busy: Some(0.3),
        steal: Some(0.0),
        server: Some(0.2),
        generator: Some(0.3),
        publisher: Some(0.1),
        server_shard: Some(0.1),
        generator_shard: Some(0.2),
    };
    Evidence {
        asked: 1000,
        begun: 1000,
        established: 1000,
        peak: 1000,
        connect_rate: Some((500.0, 499.0)),
        send_rate: Some((100.0, 100.0)),
        expected: 500,
        delivered: 500,
        addresses: 1,
        addresses_known: true,
        ports: 28_232,
        loopback: true,
        generator_shards: Some(2),
        descriptors_max: Some(20_000),
        concurrency: 500,
        login_p50_ms: Some(1.0),
        timeout_ms: 10_000,
        cores: 2.0,
        usage: vec![usage(Stage::Ramp), usage(Stage::Messages)],
        memory_total_bytes: Some(24e9),
        memory_reserve_bytes: 1e9,
        memory_free_min_bytes: Some(20e9),
        tcp_memory_max_bytes: Some(2e9),
        somaxconn: Some("4096".into()),
        ..Evidence::default()
    }
}

/// As many connections short, all with this failure.
fn failing(cause: &str, count: u64) -> Evidence {
    let mut evidence = calm();
    fail(&mut evidence, cause, count);
    evidence
}

fn fail(evidence: &mut Evidence, cause: &str, count: u64) {
    evidence.failures.insert(cause.into(), count);
    evidence.failed += count;
    evidence.peak -= count;
    // These are told before a connection stands.
    if !["timed_out", "turned_away", "closed_early", "reset", "protocol"].contains(&cause) {
        evidence.established -= count;
    }
}

fn value(evidence: &mut Evidence, name: &str, value: f64) {
    evidence.values.insert(name.into(), value);
}

/// The first cause is this one, and its line has these words.
#[track_caller]
fn first(evidence: &Evidence, key: &str, words: &[&str]) -> Vec<Cause> {
    let causes = causes(evidence);
    let keys: Vec<_> = causes.iter().map(|cause| cause.key).collect();
    let Some(cause) = causes.first().filter(|cause| cause.key == key) else {
        panic!("not {key} first: {causes:#?}");
    };
    assert_eq!(Some(cause.side == Side::Server), Some(key.starts_with("server.")));
    for word in words {
        assert!(cause.evidence.contains(word), "no '{word}' in '{}' ({keys:?})", cause.evidence);
    }
    assert!(!cause.advice.is_empty() && (0.0..=1.0).contains(&cause.weight), "{cause:?}");
    causes
}

#[test]
fn a_run_that_met_its_plan_has_no_wall_unless_asked_for() {
    assert_eq!(verdict(&calm(), false), None);
    let wall = verdict(&calm(), true).expect("asked for");
    assert_eq!((wall.first, wall.causes.len(), wall.shortfall.len()), (None, 0, 0));
    assert_eq!(wall.nearest, Some(Nearest { cause: "machine.cpu", ratio: 0.3, run_cores: Some(0.6) }));
    let mut full = calm();
    full.usage[1].server_shard = Some(0.97);
    let wall = verdict(&full, true).expect("asked for");
    assert_eq!(wall.first, Some("server.shard"), "at its limit, though the plan was met");
    assert_eq!(verdict(&full, false), None);
}

#[test]
fn the_generator_s_own_limits() {
    let ports = failing("no_free_port", 300);
    let causes = first(&ports, "generator.ports", &["300 of 1,000 connects", "1 address × 28,232 ports"]);
    assert_eq!((causes.len(), causes[0].weight), (1, 1.0));
    assert!(causes[0].advice.contains("connections.source: [127.0.0.2-127.0.0."), "{}", causes[0].advice);
    let mut crowded = failing("timed_out", 400);
    crowded.usage[0].generator_shard = Some(0.99);
    crowded.highest.insert("host.tcp_time_wait", 20_000.0);
    first(&crowded, "generator.cpu", &["20,000 ports of this machine were in TIME_WAIT"]);
    first(
        &failing("no_descriptor", 5),
        "generator.descriptors",
        &["5 of 1,000", "2 shards × 20,000 descriptors"],
    );
    let mut busy = failing("timed_out", 400);
    busy.usage[0].generator_shard = Some(0.99);
    let causes = first(&busy, "generator.cpu", &["400 of 1,000", "busiest shard was busy 99 %"]);
    assert_eq!(causes.len(), 1, "the server is not named: {causes:#?}");
    let mut publisher = calm();
    (publisher.send_rate, publisher.usage[1].publisher) = (Some((1e6, 4e5)), Some(0.99));
    first(&publisher, "generator.publisher_cpu", &["400000 of 1000000", "0.99 cores"]);
}

#[test]
fn the_server_s_limits() {
    first(&failing("refused", 20), "server.not_listening", &["20 of 1,000 connects", "any more"]);
    let mut away = failing("turned_away", 20);
    first(&away, "server.refused", &["a limit of its own"]);
    away.sight = Sight::Elsewhere;
    first(&away, "server.refused", &["cannot be seen from here"]);
    away.sight = Sight::Watched;
    away.server_descriptors_max = Some(256.0);
    away.highest.extend([("server.descriptors", 510.0), ("server.descriptor_tables", 2.0)]);
    first(&away, "server.descriptors", &["up to 510 descriptors in 2 tables of at most 256 each"]);
    let mut ours = failing("turned_away", 20);
    value(&mut ours, "server.refused", 20.0);
    first(&ours, "server.descriptors", &["no descriptor to spare"]);
    fail(&mut ours, "reset", 30);
    value(&mut ours, "server.refused", 50.0);
    let causes = first(&ours, "server.descriptors", &["50 of 1,000", "30 of them without a word"]);
    assert_eq!(causes.len(), 1, "{causes:#?}");
    first(&failing("timed_out", 20), "server.slow_logins", &["20 of 1,000", "10,000 ms", "0.20 of 2 cores"]);
    first(&failing("closed_early", 20), "server.closes", &["20 before the login"]);
    first(&failing("protocol", 20), "server.protocol", &[]);
    let mut closes = calm();
    closes.closed_by_server = 7;
    first(&closes, "server.closes", &["7 after it"]);
    let mut stopped = failing("timed_out", 20);
    stopped.server_state = Some('T');
    first(&stopped, "server.stuck", &["is stopped"]);
}

#[test]
fn a_full_accept_queue_is_known_by_connects_without_an_answer() {
    let mut evidence = failing("timed_out", 200);
    value(&mut evidence, "host.listen_overflows", 600.0);
    first(&evidence, "server.slow_logins", &[]);
    evidence.established -= 200;
    first(&evidence, "server.accept_queue", &["200 of 1,000", "600 times", "network namespace"]);
    evidence.sight = Sight::Elsewhere;
    first(&evidence, "network.unanswered", &["cannot be seen from here"]);
    let mut quiet = failing("timed_out", 200);
    quiet.established -= 200;
    first(&quiet, "network.unanswered", &["no accept queue of this machine overflowed"]);
    value(&mut quiet, "host.conntrack_drops", 9.0);
    first(&quiet, "kernel.conntrack", &["dropped 9 packets"]);
}

#[test]
fn slow_servers_and_full_queues() {
    let mut slow = calm();
    slow.connect_rate = Some((10_000.0, 2_000.0));
    slow.login_p50_ms = Some(250.0);
    slow.highest.insert("connections.opening", 500.0);
    first(&slow, "server.slow_logins", &["2000 of 10000", "250.0 ms", "2000 a second"]);
    slow.usage[0].server_shard = Some(0.99);
    first(&slow, "server.shard", &["2000 of 10000 connects a second", "99 %"]);
    slow.usage[0].generator_shard = Some(0.99);
    first(&slow, "generator.cpu", &["2000 of 10000 connects a second"]);
    assert!(!causes_of(&slow).contains(&"server.slow_logins"), "{:?}", causes_of(&slow));
    let mut mail = calm();
    mail.late = vec!["delivery.latency_ms.p99 < 50: 900".into()];
    mail.highest.insert("server.mail_waiting_max", 60_000.0);
    first(&mail, "server.mail", &["60,000 letters", "65,536"]);
    value(&mut mail, "server.mail_full", 3.0);
    mail.usage[1].server_shard = Some(1.0);
    first(&mail, "server.mail", &["3 times"]);
    let mut shard = calm();
    shard.late = vec!["delivery.latency_ms.p99 < 50: 900".into()];
    shard.usage[1].server_shard = Some(0.98);
    first(&shard, "server.shard", &["98 %", "during messages"]);
    shard.usage.swap(0, 1);
    (shard.usage[0].stage, shard.usage[1].stage) = (Some(Stage::Ramp), Some(Stage::Messages));
    assert_eq!(causes(&shard), [], "a busy ramp does not make late messages");
    let mut router = calm();
    router.send_rate = Some((1000.0, 500.0));
    first(&router, "server.router", &["500 of 1000"]);
    let mut lost = calm();
    (lost.lost, lost.delivered) = (10, 490);
    first(&lost, "server.lost_messages", &["10 of 500"]);
    let mut reader = calm();
    (reader.dropped, reader.closed_by_server) = (400, 4);
    value(&mut reader, "server.too_slow", 4.0);
    let causes = first(&reader, "generator.slow_reader", &["4 connections", "400 deliveries"]);
    assert_eq!(causes.len(), 1, "what the generator did not read is not the server's: {causes:#?}");
}

/// A full machine is put down to the side that has filled it, and only when the run itself did.
#[test]
fn a_full_machine() {
    let full = |server: Option<f64>, generator: f64| {
        let mut evidence = failing("timed_out", 100);
        let usage = &mut evidence.usage[0];
        (usage.busy, usage.server, usage.generator, usage.publisher) =
            (Some(0.97), server, Some(generator), None);
        (usage.server_shard, usage.generator_shard) = (Some(1.0), Some(1.0));
        evidence
    };
    let causes = first(
        &full(Some(0.2), 1.6),
        "generator.cpu",
        &["100 of 1,000", "97 % of 2 cores", "generator and publisher 1.60"],
    );
    assert_eq!(causes.len(), 1, "{causes:#?}");
    let keys = |evidence: &Evidence| causes_of(evidence);
    assert_eq!(keys(&full(Some(1.6), 0.2)), ["server.cpu", "server.slow_logins"]);
    assert_eq!(keys(&full(Some(0.9), 0.9)), ["machine.cpu", "server.slow_logins"]);
    let starved = full(Some(0.01), 0.02);
    assert_eq!(keys(&starved), ["machine.cpu", "server.slow_logins"], "others filled it, and ours waited");
    let mut content = starved;
    (content.usage[0].server_shard, content.usage[0].generator_shard) = (Some(0.02), Some(0.03));
    assert_eq!(keys(&content), ["server.slow_logins"], "others filled it, and ours had what they wanted");
    let mut foreign = full(None, 1.7);
    foreign.sight = Sight::Elsewhere;
    assert_eq!(keys(&foreign), ["generator.cpu"]);
    foreign.sight = Sight::Here;
    let causes = super::causes(&foreign);
    let machine = causes.iter().find(|cause| cause.key == "machine.cpu").expect("named");
    assert!(machine.evidence.contains("server unknown"), "{machine:?}");
    let mut stolen = full(Some(0.9), 0.9);
    stolen.usage[0].steal = Some(0.2);
    assert!(super::causes(&stolen).iter().any(|cause| cause.evidence.contains("20 % stolen")));
}

fn causes_of(evidence: &Evidence) -> Vec<&'static str> {
    causes(evidence).iter().map(|cause| cause.key).collect()
}

#[test]
fn the_kernel_s_tables() {
    let mut files = failing("system_table_full", 20);
    files.highest.extend([("host.file_handles", 999.0), ("host.file_handles_max", 1000.0)]);
    first(&files, "kernel.file_max", &["20 of 1,000 connects", "999 of 1,000"]);
    let mut accepting = failing("turned_away", 20);
    accepting.highest.extend([("host.file_handles", 999.0), ("host.file_handles_max", 1000.0)]);
    value(&mut accepting, "server.refused", 20.0);
    first(&accepting, "kernel.file_max", &["20 of 1,000 connects", "table of open files was full"]);
    first(&failing("no_watch", 3), "kernel.epoll_watches", &[]);
    first(&failing("no_memory", 3), "kernel.memory", &[]);
    let mut tcp = failing("no_memory", 3);
    value(&mut tcp, "host.tcp_memory_pressures", 2.0);
    tcp.highest.insert("host.tcp_memory_bytes", 1.9e9);
    first(&tcp, "kernel.tcp_memory", &["3 of 1,000", "2 times"]);
    let mut pressure = calm();
    pressure.late = vec!["delivery.latency_ms.p99 < 50: 900".into()];
    value(&mut pressure, "host.tcp_memory_pressures", 1.0);
    pressure.highest.insert("host.tcp_memory_bytes", 1.9e9);
    first(&pressure, "kernel.tcp_memory", &["1 time;", "1.8 GiB of 1.9 GiB"]);
    let mut tracked = failing("other", 30);
    value(&mut tracked, "host.conntrack_drops", 30.0);
    tracked
        .highest
        .extend([("host.conntrack_entries", 262_144.0), ("host.conntrack_entries_max", 262_144.0)]);
    first(&tracked, "kernel.conntrack", &["262,144 of 262,144 entries", "30 packets"]);
}

#[test]
fn memory_that_ran_low_and_workers_that_broke() {
    let mut evidence = calm();
    (evidence.begun, evidence.peak, evidence.established) = (400, 400, 400);
    evidence.memory_free_min_bytes = Some(0.9e9);
    evidence.stopped = Some(Stopped { at: 400, free_bytes: 900_000_000, reserve_bytes: 1_000_000_000 });
    let causes =
        first(&evidence, "kernel.memory", &["at 400 connections", "858 MiB of 22.4 GiB free", "954 MiB"]);
    assert_eq!((causes.len(), causes[0].weight), (1, 1.0), "{causes:#?}");
    for (role, stuck, key) in [
        (Role::Server, false, "server.ended"),
        (Role::Server, true, "server.stuck"),
        (Role::Generator, false, "generator.ended"),
        (Role::Publisher, false, "generator.publisher_ended"),
    ] {
        let mut broken = calm();
        broken.closed_by_server = if role == Role::Server { 1000 } else { 0 };
        broken.broke = Some(Broke { role, stuck, killed: !stuck, sentence: "it is gone\nlast words".into() });
        first(&broken, key, &["it is gone"]);
        value(&mut broken, "host.oom_kills", 1.0);
        first(&broken, if stuck { key } else { "kernel.memory" }, &["it is gone"]);
    }
}

#[test]
fn a_plan_that_is_too_large_to_begin_with() {
    let unbegun = |role, asked| {
        let mut evidence = calm();
        (evidence.asked, evidence.begun, evidence.peak, evidence.established) = (asked, 0, 0, 0);
        evidence.broke = Some(Broke { role, stuck: false, killed: false, sentence: "it ended".into() });
        evidence
    };
    let words = ["30,000 connections were not even begun", "1 address × 28,232 ports"];
    let causes = first(&unbegun(Role::Generator, 30_000), "generator.ports", &words);
    assert!(causes[0].advice.contains("[127.0.0.2-127.0.0.4]"), "{}", causes[0].advice);
    let mut few = unbegun(Role::Generator, 28_000);
    few.descriptors_max = Some(150);
    first(&few, "generator.descriptors", &["1,024 shards of 150 descriptors"]);
    few.broke.as_mut().expect("set above").role = Role::Server;
    first(&few, "server.descriptors", &["28,000 connections"]);
    first(&unbegun(Role::Generator, 28_000), "generator.ended", &["it ended"]);
}

/// The rule of the house: a generator at its limit has not tested the server's.
#[test]
fn the_server_is_never_blamed_for_the_generator_s_limit() {
    for other in ["timed_out", "turned_away", "refused", "closed_early", "reset"] {
        for own in ["no_free_port", "no_descriptor"] {
            let mut evidence = failing(other, 500);
            fail(&mut evidence, own, 100);
            evidence.usage[0].server_shard = Some(1.0);
            value(&mut evidence, "host.listen_overflows", 900.0);
            let causes = causes(&evidence);
            assert_eq!(causes[0].side, Side::Generator, "{own} beside {other}: {causes:#?}");
            assert!(causes.iter().any(|cause| cause.side == Side::Server), "{causes:#?}");
        }
    }
    // One stray failure does not hide a thousand.
    let mut evidence = failing("turned_away", 900);
    fail(&mut evidence, "no_free_port", 2);
    assert_eq!(causes_of(&evidence), ["server.refused", "generator.ports"]);
    // Nor does a stray counted one come after what is only inferred.
    let mut evidence = failing("timed_out", 900);
    fail(&mut evidence, "no_free_port", 2);
    assert_eq!(causes_of(&evidence), ["generator.ports", "server.slow_logins"]);
}

#[test]
fn what_cannot_be_seen_is_said() {
    let mut evidence = calm();
    assert_eq!(evidence.unknown(), Vec::<String>::new());
    evidence.sight = Sight::Here;
    assert!(evidence.unknown()[0].contains("target.pid"), "{:?}", evidence.unknown());
    evidence.sight = Sight::Elsewhere;
    assert!(evidence.unknown().len() == 2 && evidence.unknown()[0].contains("kernel of its machine"));
}

#[test]
fn a_shortfall_is_told_in_words() {
    let mut evidence = failing("timed_out", 200);
    (evidence.connect_rate, evidence.send_rate) = (Some((500.0, 449.0)), Some((100.0, 91.0)));
    (evidence.closed_by_server, evidence.lost) = (1, 2);
    evidence.late = vec!["connect.latency_ms.p99 < 1: 2".into()];
    let short = [
        "800 of 1,000 connections, 200 failed",
        "1 connections closed by the server",
        "449 of 500 connects a second",
        "2 deliveries lost",
        "connect.latency_ms.p99 < 1: 2",
    ];
    assert_eq!(evidence.shortfall(), short);
}

//! Runs against a server that is already there, or should be.

use std::path::{Path, PathBuf};

use crate::chat::Chat;
use crate::recording::{at, count, summary};
use crate::run::{bundle, run};
use crate::strangers::{Manner, Stranger, nobody};

/// Writes a scenario into the directory of a bundle.
fn written(bundle: &Path, text: &str) -> PathBuf {
    let file = bundle.with_file_name("scenario.yaml");
    std::fs::write(&file, text).expect("written");
    file
}

#[test]
fn attaches_to_a_server_that_is_there() {
    let mut chat = Chat::start(&["--shards", "2"]);
    let (_dir, bundle) = bundle();
    let text = format!(
        "version: 1\ntarget: {{ address: \"{}\", pid: {}, router: \"{}\" }}\nprotocol: comet\n\
         connections: {{ count: 100, rate: 400/s, hold: 500ms }}\nmessages: {{ rate: 200/s }}\nsettle: 300ms\n\
         thresholds: [ audit.lost == 0, connections.failed == 0, memory.server_rss_peak_bytes > 1MiB ]\n",
        chat.listen,
        chat.process.pid(),
        chat.router
    );
    let finished = run(&written(&bundle, &text), &bundle, &[]);
    assert_eq!(finished.code, Some(0), "{finished}");
    let summary = summary(&bundle);
    assert_eq!((count(&summary, "connections.peak"), count(&summary, "audit.sent")), (100, 100));
    assert!(at(&summary, "memory.server_bytes_per_connection").is_number(), "{summary:#}");
    assert!(!chat.process.has_ended(), "a server that was there before is there afterwards");
    chat.wait_for("connections", 0);
    assert_eq!((chat.metric("logins_total"), chat.metric("messages_total")), (100, 100));
}

#[test]
fn without_a_pid_the_server_s_memory_is_null_and_not_zero() {
    let chat = Chat::start(&["--shards", "2"]);
    let (_dir, bundle) = bundle();
    let text = format!(
        "version: 1\ntarget: {{ address: \"{}\" }}\nprotocol: comet\nconnections: {{ count: 50, hold: 200ms }}\n",
        chat.listen
    );
    run(&written(&bundle, &text), &bundle, &[]).expect_code(0).expect_stdout(&["50 of 50", "PASS"]);
    let summary = summary(&bundle);
    for path in [
        "memory.server_rss_peak_bytes",
        "memory.server_bytes_per_connection",
        "cpu.server_cores",
        "audit",
        "delivery.rate_per_s",
    ] {
        assert!(at(&summary, path).is_null(), "{path} is {}", at(&summary, path));
    }
}

/// What went wrong: an orderly end waits for the server's own, and once a server had been found to linger nothing woke the
/// flood up again for the rest of its connections.
#[test]
fn a_server_that_never_closes_does_not_hold_up_the_drain() {
    let stranger = Stranger::start(Manner::Comet);
    let (_dir, bundle) = bundle();
    // More for each shard than may be on their way out at a time.
    let text = format!(
        "version: 1\ntarget: {{ address: \"{}\" }}\nprotocol: comet\n\
         connections: {{ count: 300, shards: 2, hold: 100ms }}\n",
        stranger.address
    );
    run(&written(&bundle, &text), &bundle, &[]).expect_code(0).expect_stdout(&["300 of 300", "PASS"]);
}

/// Issue 2: no server at the target is a plain sentence, exit 3 or 4; never a pass.
#[test]
fn no_server_at_the_target_is_not_a_pass() {
    let (_dir, bundle) = bundle();
    let text = format!(
        "version: 1\ntarget: {{ address: \"{}\" }}\nprotocol: comet\nconnections: {{ count: 20, hold: 200ms }}\n",
        nobody()
    );
    let finished = run(&written(&bundle, &text), &bundle, &[]);
    assert!(matches!(finished.code, Some(3 | 4)), "{finished}");
    let told = format!("{}{}", finished.stdout, finished.stderr);
    assert!(told.contains("nothing listens there"), "{finished}");
}

#[test]
fn no_server_at_the_router_port_is_told_in_a_sentence() {
    let chat = Chat::start(&[]);
    let (_dir, bundle) = bundle();
    let text = format!(
        "version: 1\ntarget: {{ address: \"{}\", router: \"{}\" }}\nprotocol: comet\n\
         connections: {{ count: 5, hold: 200ms }}\nmessages: {{ rate: 10/s }}\n",
        chat.listen,
        nobody()
    );
    let finished = run(&written(&bundle, &text), &bundle, &[]);
    assert!(matches!(finished.code, Some(3 | 4)), "{finished}");
    finished.expect_stderr(&["router port", "floodmark chat --router"]);
    assert_eq!(summary(&bundle)["verdict"], "incomplete");
}

#[test]
fn a_pid_that_is_nobody_s_is_told_in_a_sentence() {
    let (_dir, bundle) = bundle();
    let text = "version: 1\ntarget: { address: \"127.0.0.1:9\", pid: 4194304 }\nprotocol: comet\nconnections: { count: 5 }\n";
    run(&written(&bundle, text), &bundle, &[]).expect_code(3).expect_stderr(&["4194304"]);
}

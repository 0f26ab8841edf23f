//! The command lines of the workers, from the plan.

use std::ffi::OsString;
use std::net::SocketAddr;

use crate::ceiling;
use crate::plan::{MessagesPlan, Plan, Until};
use crate::run::PUBLISHER_NUMBER;
use crate::scenario::{Pace, Protocol};

/// Room that the server gets beyond the connections asked for, for whoever wants to look.
const SPARE_CONNECTIONS: u64 = 100;

/// Connections to the router port at full speed: one has no more under way than the kernel's first receive window,
/// and a machine with all cores busy wakes its reader too seldom to fill the server's turns.
const LINKS_AT_FULL_SPEED: usize = 8;

/// The server's front for a protocol, as its ready mark names it.
pub(crate) fn front(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::Comet => "listen",
        Protocol::Line => "line",
    }
}

fn os(arguments: Vec<String>) -> Vec<OsString> {
    arguments.into_iter().map(OsString::from).collect()
}

/// `floodmark limit …`
pub(crate) fn limit(plan: &Plan, reserve_bytes: u64) -> Vec<OsString> {
    let connections = plan.connections_max().min(ceiling::CONNECTIONS_MAX);
    let mut arguments = vec!["limit".into(), "--worker".into(), "--time=3m".into()];
    arguments.push(format!("--connections={connections}"));
    arguments.push(format!("--reserve={reserve_bytes}B"));
    os(arguments)
}

/// `floodmark chat …`
pub(crate) fn server(plan: &Plan, shards: Option<u32>) -> Vec<OsString> {
    let any = "127.0.0.1:0".to_owned();
    let mut arguments = vec!["chat".into(), "--worker".into(), "--listen".into(), any.clone()];
    arguments.extend(["--router".into(), any.clone(), "--admin".into(), any.clone()]);
    if plan.protocol == Protocol::Line {
        arguments.extend(["--line".into(), any]);
    }
    arguments.extend(["--connections".into(), (plan.connections_max() + SPARE_CONNECTIONS).to_string()]);
    if let Some(shards) = shards {
        arguments.extend(["--shards".into(), shards.to_string()]);
    }
    os(arguments)
}

/// `floodmark floodtest …`
pub(crate) fn generator(plan: &Plan, target: SocketAddr) -> Vec<OsString> {
    let connections = &plan.connections;
    let mut arguments = vec!["floodtest".into(), "--worker".into(), "--target".into(), target.to_string()];
    match plan.protocol {
        Protocol::Comet => arguments.extend(["--protocol".into(), "comet".into()]),
        Protocol::Line => {
            arguments.extend([
                "--protocol".into(),
                "line".into(),
                "--matches".into(),
                connections.ids.to_string(),
            ]);
        }
    }
    arguments.extend(["--connections".into(), connections.count.to_string()]);
    if plan.connections_max() > connections.count {
        arguments.extend(["--connections-max".into(), plan.connections_max().to_string()]);
    }
    arguments.extend(["--concurrency".into(), connections.concurrency.to_string()]);
    arguments.push(format!("--timeout={}ms", connections.timeout.as_millis().max(1)));
    if let Pace::Rate(rate) = connections.pace {
        arguments.push(format!("--rate={}/s", rate.per_second()));
    }
    if connections.reconnect {
        arguments.push("--reconnect".into());
    }
    for source in &connections.sources {
        arguments.push(format!("--source={source}"));
    }
    if let Some(ports) = &connections.source_ports {
        arguments.push(format!("--source-ports={ports}"));
    }
    if let Some(shards) = connections.shards {
        arguments.push(format!("--shards={shards}"));
    }
    os(arguments)
}

/// `floodmark msggen …`
pub(crate) fn publisher(messages: &MessagesPlan, router: SocketAddr) -> Vec<OsString> {
    let mut arguments = vec!["msggen".into(), "--worker".into(), "--router".into(), router.to_string()];
    arguments.push(match messages.pace {
        Pace::Rate(rate) => format!("--rate={}/s", rate.per_second()),
        Pace::Unlimited => "--max".into(),
    });
    if messages.pace == Pace::Unlimited {
        arguments.push(format!("--links={LINKS_AT_FULL_SPEED}"));
    }
    match messages.until {
        Until::Elapsed(duration) => arguments.push(format!("--duration={}ms", duration.as_millis().max(1))),
        Until::Sent(count) => arguments.push(format!("--count={count}")),
    }
    arguments.push(format!("--max-id={}", messages.ids_max));
    arguments.push(format!("--ids={}", messages.ids));
    arguments.push(format!("--payload={}B", messages.payload_bytes));
    arguments.push(format!("--generators={}", messages.generators));
    arguments.push(format!("--seed={}", messages.seed));
    arguments.push(format!("--publisher={PUBLISHER_NUMBER}"));
    os(arguments)
}

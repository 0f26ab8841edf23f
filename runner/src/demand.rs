//! What a plan needs of this machine, as `doctor` asks it.

use std::net::IpAddr;

use doctor::Demand;

use crate::network::SourceRange;
use crate::plan::{Plan, TargetPlan};

/// The demand of a plan that is carried out here.
///
/// A server that is started is floodmark's own, on loopback. One that is there already is here when its address is
/// loopback or its process is given; its table and its memory are its own affair.
pub fn demand(plan: &Plan) -> Demand {
    let connections = &plan.connections;
    let ours = Demand {
        concurrency: connections.concurrency,
        source_addresses: (!connections.sources.is_empty())
            .then(|| connections.sources.iter().map(SourceRange::count).fold(0, u64::saturating_add)),
        generator_shards: connections.shards,
        reserve_bytes: connections.memory_reserve_bytes,
        source_ports: connections.source_ports.map(|ports| (ports.first, ports.last)),
        ..Demand::here(plan.connections_max())
    };
    match &plan.target {
        TargetPlan::Spawn { shards, .. } => Demand { server_shards: *shards, ..ours },
        TargetPlan::Attach { address, pid, .. } => {
            let ip = address.host.parse::<IpAddr>().ok();
            let loopback = address.host == "localhost" || ip.is_some_and(|ip| ip.is_loopback());
            Demand {
                server_here: loopback || pid.is_some(),
                server_ours: false,
                // Only IPv4 has a whole block of loopback addresses.
                loopback: loopback && !ip.is_some_and(|ip| ip.is_ipv6()),
                server_bytes_per_connection: 0,
                ..ours
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::load_text;

    fn of(target: &str, connections: &str) -> Demand {
        let text = format!(
            "version: 1\ntarget: {target}\nprotocol: comet\nconnections: {{ {connections}, hold: 5s }}\n"
        );
        let (_, plan) = load_text("x.yaml", "x", text, &[]).unwrap_or_else(|errors| panic!("{errors}"));
        demand(&plan)
    }

    #[test]
    fn a_server_that_is_started_is_ours_and_here() {
        let wanted = of("{ spawn: chat, shards: 7 }", "count: 12345, concurrency: 77");
        let expected = Demand { concurrency: 77, server_shards: Some(7), ..Demand::here(12_345) };
        assert_eq!(wanted, expected);
    }

    #[test]
    fn sources_and_ports_are_those_given() {
        let wanted = of(
            "{ spawn: chat }",
            "count: 9, source: [127.0.0.2-127.0.0.9, 127.0.1.1], source_ports: 5000-5009",
        );
        assert_eq!((wanted.source_addresses, wanted.source_ports), (Some(9), Some((5_000, 5_009))));
    }

    #[test]
    fn a_server_that_is_there_is_a_stranger() {
        let places = |target: &str| {
            let wanted = of(target, "count: 9");
            assert!(!wanted.server_ours && wanted.generator_here && wanted.server_bytes_per_connection == 0);
            (wanted.server_here, wanted.loopback)
        };
        assert_eq!(places("{ address: \"10.0.0.1:80\" }"), (false, false));
        assert_eq!(places("{ address: \"10.0.0.1:80\", pid: 5 }"), (true, false));
        assert_eq!(places("{ address: \"127.0.0.1:80\" }"), (true, true));
        assert_eq!(places("{ address: \"localhost:80\" }"), (true, true));
        assert_eq!(places("{ address: \"[::1]:80\" }"), (true, false));
    }
}

//! What addresses this machine has.

use std::net::{IpAddr, SocketAddr, UdpSocket};

use nix::ifaddrs::{InterfaceAddress, getifaddrs};

/// Whether a socket can be bound to `address` here.
pub(crate) fn can_bind(address: IpAddr) -> bool {
    UdpSocket::bind((address, 0)).is_ok()
}

/// All addresses of the interface that leads to `target`, of its family; empty when there is no telling.
pub(crate) fn addresses_towards(target: IpAddr) -> Vec<IpAddr> {
    let Some(local) = local_address_towards(target) else { return Vec::new() };
    let Ok(all) = getifaddrs() else { return vec![local] };
    let all: Vec<InterfaceAddress> = all.collect();
    let Some(name) = all.iter().find(|i| ip(i) == Some(local)).map(|i| i.interface_name.clone()) else {
        return vec![local];
    };
    all.iter()
        .filter(|i| i.interface_name == name)
        .filter_map(ip)
        .filter(|address| address.is_ipv4() == target.is_ipv4())
        .collect()
}

/// The address that the kernel would choose; a UDP "connect" asks for the route and sends nothing.
fn local_address_towards(target: IpAddr) -> Option<IpAddr> {
    let any: SocketAddr = if target.is_ipv4() { ([0, 0, 0, 0], 0).into() } else { ([0u16; 8], 0).into() };
    let socket = UdpSocket::bind(any).ok()?;
    socket.connect((target, 9)).ok()?;
    socket.local_addr().ok().map(|address| address.ip())
}

fn ip(interface: &InterfaceAddress) -> Option<IpAddr> {
    let address = interface.address.as_ref()?;
    address
        .as_sockaddr_in()
        .map(|v4| IpAddr::V4(v4.ip()))
        .or_else(|| address.as_sockaddr_in6().map(|v6| IpAddr::V6(v6.ip())))
}

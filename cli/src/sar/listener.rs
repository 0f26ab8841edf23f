//! Whether a process is the one that listens at a port: by its sockets, and not by what its program is called.

use std::fs;

/// Whether a process of this machine may be the chat that is asked at this port: it listens there, or, where its
/// descriptors are another user's, it was started as one.
pub(crate) fn is(pid: u32, port: u16) -> bool {
    let Ok(links) = fs::read_dir(format!("/proc/{pid}/fd")) else {
        let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        return line.split(|byte| *byte == 0).skip(1).any(|word| word == b"chat");
    };
    let listeners = listeners(pid, port);
    links.filter_map(|link| fs::read_link(link.ok()?.path()).ok()).any(|link| {
        let inode = link.to_str().and_then(|link| link.strip_prefix("socket:[")?.strip_suffix(']'));
        inode.is_some_and(|inode| listeners.iter().any(|known| known == inode))
    })
}

/// The inodes of the sockets that listen at a port where this process is.
fn listeners(pid: u32, port: u16) -> Vec<String> {
    // sl local_address rem_address st tx:rx tr:when retrnsmt uid timeout inode
    let inode = |line: &str| {
        let mut fields = line.split_whitespace().skip(1);
        let (_, local) = fields.next()?.rsplit_once(':')?;
        let state = fields.nth(1)?;
        let is_it = u16::from_str_radix(local, 16) == Ok(port) && state == "0A";
        fields.nth(5).filter(|_| is_it).map(str::to_owned)
    };
    let tables = ["tcp", "tcp6"].map(|table| fs::read_to_string(format!("/proc/{pid}/net/{table}")));
    tables.iter().flatten().flat_map(|table| table.lines().skip(1).filter_map(inode)).collect()
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn a_listener_is_told_from_others() {
        let (mine, any) = (std::process::id(), "127.0.0.1:0");
        let sockets = [
            TcpListener::bind(any).expect("a port"),
            TcpListener::bind("[::1]:0").unwrap_or_else(|_| TcpListener::bind(any).expect("a port")),
        ];
        for socket in sockets {
            let port = socket.local_addr().expect("bound").port();
            assert!(is(mine, port));
            drop(socket);
            assert!(!is(mine, port));
        }
        assert!(!is(u32::MAX, 80), "no such process");
    }
}

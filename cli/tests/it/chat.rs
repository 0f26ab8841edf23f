//! A server of a test's own, on ports that the kernel chose.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::Command;

use telemetry::{Frame, Mark};

use crate::tool::{self, PATIENCE, Running, eventually};

/// A running `floodmark chat --json`, with all its ports open.
#[derive(Debug)]
pub(crate) struct Chat {
    pub(crate) process: Running,
    pub(crate) listen: SocketAddr,
    pub(crate) line: SocketAddr,
    pub(crate) router: SocketAddr,
    pub(crate) admin: SocketAddr,
    pub(crate) shards: u64,
}

/// What an HTTP server answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Status line and fields.
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Chat {
    pub(crate) fn start(more: &[&str]) -> Self {
        Self::start_with(&mut tool::command(Self::arguments("127.0.0.1:0", more)))
    }

    /// The arguments of a server on all ports.
    pub(crate) fn arguments<'a>(listen: &'a str, more: &[&'a str]) -> Vec<&'a str> {
        let any = "127.0.0.1:0";
        let ports = ["--line", any, "--router", any, "--admin", any];
        [&["chat", "--json", "--listen", listen], &ports[..], more].concat()
    }

    pub(crate) fn start_with(command: &mut Command) -> Self {
        let process = Running::start(command);
        let ready = eventually("the server is ready", || {
            process.frames().into_iter().find_map(|frame| match frame {
                Frame::Mark(mark) if mark.name == "worker.ready" => Some(mark),
                _ => None,
            })
        });
        let address = |name| address(&ready, name);
        Self {
            listen: address("listen"),
            line: address("line"),
            router: address("router"),
            admin: address("admin"),
            shards: ready.attributes["shards"].as_u64().expect("a number of shards"),
            process,
        }
    }

    /// Sends as the seed's shell did: `curl -d TEXT http://ADMIN/send/ID`.
    pub(crate) fn send(&self, id: u32, text: &str) -> serde_json::Value {
        let answer = http(self.admin, "POST", &format!("/send/{id}"), text.as_bytes());
        assert_eq!(answer.status, 200, "{answer:?}");
        serde_json::from_str(&answer.body).unwrap_or_else(|error| panic!("{error}: {answer:?}"))
    }

    /// All samples of `/metrics` by name and labels.
    pub(crate) fn metrics(&self) -> BTreeMap<String, f64> {
        let answer = http(self.admin, "GET", "/metrics", b"");
        assert_eq!(answer.status, 200, "{answer:?}");
        let samples = answer.body.lines().filter(|line| !line.starts_with('#'));
        let parse = |line: &str| {
            let (name, value) = line.rsplit_once(' ').expect("a name and a value");
            (name.to_owned(), value.parse().expect("a number"))
        };
        samples.map(parse).collect()
    }

    /// A figure of `/metrics`, summed over shards: `logins_total`.
    pub(crate) fn metric(&self, name: &str) -> u64 {
        let full = format!("floodmark_{name}");
        let own = |sample: &str| {
            sample == full || sample.strip_prefix(&full).is_some_and(|rest| rest.starts_with('{'))
        };
        let metrics = self.metrics();
        let found: Vec<f64> =
            metrics.iter().filter(|(sample, _)| own(sample)).map(|(_, value)| *value).collect();
        assert!(!found.is_empty(), "no {full} in {metrics:?}");
        found.iter().sum::<f64>() as u64
    }

    /// Waits until a figure of `/metrics` has a value.
    #[track_caller]
    pub(crate) fn wait_for(&self, name: &str, value: u64) {
        let mut seen = 0;
        let came = tool::within(PATIENCE, || {
            seen = self.metric(name);
            (seen == value).then_some(())
        });
        assert!(came.is_some(), "{name} is {seen}, not {value}\n{}", self.process.stderr());
    }
}

fn address(ready: &Mark, name: &str) -> SocketAddr {
    let text = ready.attributes.get(name).and_then(|value| value.as_str());
    text.and_then(|text| text.parse().ok()).unwrap_or_else(|| panic!("no {name} in {ready:?}"))
}

/// A socket that never waits longer than a test may.
pub(crate) fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect_timeout(&address, PATIENCE).expect("the server accepts");
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    stream.set_write_timeout(Some(PATIENCE)).expect("a timeout");
    stream.set_nodelay(true).expect("no delay");
    stream
}

/// One request, one answer, on a connection of its own.
pub(crate) fn http(address: SocketAddr, method: &str, path: &str, body: &[u8]) -> Answer {
    let mut stream = connect(address);
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).expect("the head is sent");
    // A server that answers before it has read all may close on the rest.
    let _ = stream.write_all(body);
    let mut answer = Vec::new();
    let mut buffer = [0; 4096];
    while let Ok(length @ 1..) = stream.read(&mut buffer) {
        answer.extend_from_slice(&buffer[..length]);
    }
    parse_answer(&answer)
}

/// Splits an answer into its parts.
pub(crate) fn parse_answer(bytes: &[u8]) -> Answer {
    let text = String::from_utf8_lossy(bytes);
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no whole head in {text:?}"));
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    Answer { status: status.expect("a status"), head: head.into(), body: body.into() }
}

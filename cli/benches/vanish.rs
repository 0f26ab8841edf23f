//! What it takes to look into a server that holds many connections, and how soon it has logged out clients that
//! vanish all at once.
//!
//!     cargo bench -p cli --bench vanish -- 100000
//!
//! The clients' process is killed, so that their kernel has to close every connection: that is the larger part of the
//! time, and the last column says how long it took.

#![expect(clippy::print_stdout, reason = "a benchmark's result is what it prints")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

const PROGRAM: &str = env!("CARGO_BIN_EXE_floodmark");

/// How often the server is looked at while clients are on their way out.
const LOOK: Duration = Duration::from_millis(5);

/// Looks whose median is shown.
const LOOKS: usize = 101;

/// A tool that ends with the benchmark.
struct Tool(Child);

impl Drop for Tool {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn main() {
    // `cargo test --benches` only wants to know that it builds and starts.
    let arguments: Vec<String> = std::env::args().collect();
    if !arguments.iter().any(|argument| argument == "--bench") {
        return;
    }
    let connections = arguments.iter().find_map(|argument| argument.parse().ok()).unwrap_or(100_000_u64);
    for front in ["comet", "line"] {
        vanish(connections, front);
    }
}

fn vanish(connections: u64, front: &str) {
    let any = "127.0.0.1:0";
    let room = (connections + 100).to_string();
    let arguments =
        ["chat", "--json", "--listen", any, "--line", any, "--admin", any, "--connections", &room];
    let mut server = Tool(
        Command::new(PROGRAM)
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("it starts"),
    );
    let mut lines = BufReader::new(server.0.stdout.take().expect("piped")).lines();
    let ready: Value = lines
        .by_ref()
        .map_while(Result::ok)
        .filter_map(|line| serde_json::from_str::<Value>(&line).ok())
        .find(|frame| frame["name"] == "worker.ready")
        .expect("the server is ready");
    // Its pipe must not fill up.
    std::thread::spawn(move || lines.for_each(drop));
    let address = |name: &str| ready["attributes"][name].as_str().expect("an address").to_owned();
    let admin = address("admin");
    let target = address(if front == "line" { "line" } else { "listen" });
    let mut flood = Command::new(PROGRAM);
    flood.args(["floodtest", "--protocol", front, "--target", &target, "--hold", "1h", "--connections"]);
    flood.arg(connections.to_string());
    if front == "line" {
        // All of them in one match: the largest group there can be.
        flood.args(["--matches", "1"]);
    }
    let mut flood =
        Tool(flood.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the flood starts"));
    while present(&admin) < connections {
        std::thread::sleep(Duration::from_millis(100));
        assert!(flood.0.try_wait().expect("a child").is_none(), "the flood ended before all were in");
    }
    let inspect = median_ms(&admin, "/inspect");
    let metrics = median_ms(&admin, "/metrics");

    let began = Instant::now();
    flood.0.kill().expect("a running process");
    let mut ended = None;
    while present(&admin) > 0 {
        std::thread::sleep(LOOK);
        if ended.is_none() && flood.0.try_wait().expect("a child").is_some() {
            ended = Some(began.elapsed());
        }
    }
    let noticed = began.elapsed();
    let _ = flood.0.wait();
    let ended = ended.unwrap_or_else(|| began.elapsed());
    println!(
        "{connections} {front} clients: /inspect {inspect:.2} ms, /metrics {metrics:.2} ms; killed at once, the last one is \
         logged out after {:.2} s (their process is gone after {:.2} s)",
        noticed.as_secs_f64(),
        ended.as_secs_f64()
    );
}

fn get(address: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("the admin address");
    let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("it listens");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("it answers");
    answer.split_once("\r\n\r\n").expect("a head and a body").1.to_owned()
}

/// How many are logged in.
fn present(admin: &str) -> u64 {
    let inspection: Value = serde_json::from_str(&get(admin, "/inspect")).expect("JSON");
    let total = |name: &str| inspection["totals"][name].as_u64().expect("a counter");
    total("logins") - total("logouts")
}

fn median_ms(admin: &str, path: &str) -> f64 {
    let mut times: Vec<f64> = (0..LOOKS)
        .map(|_| {
            let began = Instant::now();
            get(admin, path);
            began.elapsed().as_secs_f64() * 1e3
        })
        .collect();
    times.sort_by(f64::total_cmp);
    times[LOOKS / 2]
}

//! How long an order takes: from the request that places it to the answer, and to its announcement through AppSync.
//!
//! `cargo bench -p local --bench latency --profile dev` measures what `cargo run` runs; `-- --orders 2000` places more
//! than the 500 that are placed by default. One order at a time, first with durable writes, then with `--memory`.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use serde_json::Value;

const WARM_UP: usize = 20;
const PATIENCE: Duration = Duration::from_secs(10);

fn main() {
    let arguments: Vec<_> = std::env::args().collect();
    let given = arguments.windows(2).find(|pair| pair[0] == "--orders").map(|pair| pair[1].parse().unwrap());
    let orders: usize = given.unwrap_or(500);
    println!("{orders} orders, one after the other; milliseconds from the request\n");
    println!("| writes | | median | p99 | slowest |");
    println!("| --- | --- | --- | --- | --- |");
    for (name, option) in [("durable", None), ("`--memory`", Some("--memory"))] {
        let mut server = Server::start(option);
        let mut answered = Vec::new();
        let mut announced = Vec::new();
        for at in 0..WARM_UP + orders {
            let (answer, announcement) = server.place();
            if at >= WARM_UP {
                answered.push(answer);
                announced.push(announcement);
            }
        }
        report(name, "answered", answered);
        report(name, "fulfilled and announced", announced);
    }
}

fn report(writes: &str, what: &str, mut times: Vec<Duration>) {
    times.sort();
    let at = |share: usize| times[(times.len() - 1) * share / 100].as_secs_f64() * 1e3;
    println!("| {writes} | {what} | {:.2} | {:.2} | {:.2} |", at(50), at(99), at(100));
}

/// A server of its own, which ends with this value.
struct Server {
    process: Child,
    connection: TcpStream,
    host: String,
    api_key: String,
    announced: Receiver<(Instant, String)>,
    _directory: tempfile::TempDir,
}

impl Server {
    fn start(option: Option<&str>) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let ready_file = directory.path().join("ready.json");
        let mut command = Command::new(env!("CARGO_BIN_EXE_local"));
        command.args(["--port", "0", "--ready-file"]).arg(&ready_file).env_remove("RUST_LOG");
        match option {
            Some(option) => command.arg(option),
            None => command.arg("--data-dir").arg(directory.path().join("data")),
        };
        let mut process = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let log = BufReader::new(process.stderr.take().unwrap());
        let (heard, announced) = channel();
        std::thread::spawn(move || {
            for line in log.lines().map_while(Result::ok) {
                if line.contains(" announced ") && heard.send((Instant::now(), line)).is_err() {
                    return;
                }
            }
        });
        let ready = ready(&ready_file);
        let url = ready["graphqlUrl"].as_str().unwrap();
        let host = url.trim_start_matches("http://").trim_end_matches("/graphql").to_owned();
        let connection = TcpStream::connect(&host).unwrap();
        connection.set_nodelay(true).unwrap();
        let api_key = ready["apiKey"].as_str().unwrap().to_owned();
        Self { process, connection, host, api_key, announced, _directory: directory }
    }

    /// Places an order and waits for its announcement: the time to the answer, and to the announcement.
    fn place(&mut self) -> (Duration, Duration) {
        let body = r#"{"query":"mutation { placeOrder(input: { order: { lines: [{ sku: \"TEA\", quantity: 2 }] } }) { id } }"}"#;
        let (host, key, length) = (&self.host, &self.api_key, body.len());
        let request = format!(
            "POST /graphql HTTP/1.1\r\nhost: {host}\r\nx-api-key: {key}\r\ncontent-length: {length}\r\n\r\n{body}"
        );
        let start = Instant::now();
        self.connection.write_all(request.as_bytes()).unwrap();
        let mut answer = Vec::new();
        while !answer.ends_with(b"}") {
            let mut piece = [0; 4096];
            let length = self.connection.read(&mut piece).unwrap();
            assert_ne!(length, 0, "the server closed the connection");
            answer.extend_from_slice(&piece[..length]);
        }
        let answered = start.elapsed();
        let answer = String::from_utf8(answer).unwrap();
        let body: Value = serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap();
        let id = body["data"]["placeOrder"]["id"].as_str().unwrap();
        loop {
            let (at, line) = self.announced.recv_timeout(PATIENCE).unwrap();
            if line.contains(id) {
                return (answered, at.duration_since(start));
            }
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

fn ready(file: &Path) -> Value {
    let start = Instant::now();
    loop {
        if let Ok(json) = std::fs::read(file) {
            return serde_json::from_slice(&json).unwrap();
        }
        assert!(start.elapsed() < PATIENCE, "the server does not start");
        std::thread::sleep(Duration::from_millis(2));
    }
}

//! What is measured: servers, each a process of its own that ends with its value.

use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

const PATIENCE: Duration = Duration::from_mins(1);
/// What Linux counts CPU time in, in `/proc`. Source: proc(5), `sysconf(_SC_CLK_TCK)`, 100 on every Linux.
const TICK: Duration = Duration::from_millis(10);

/// A server that can be started.
pub(crate) enum Kind {
    /// A build of this system.
    Local { name: &'static str, program: PathBuf, durable: bool },
    /// `@aws-amplify/amplify-appsync-simulator`, installed in this directory.
    Simulator(PathBuf),
}

impl Kind {
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::Local { name, .. } => name,
            Self::Simulator(_) => "Amplify's simulator",
        }
    }

    pub(crate) const fn is_simulator(&self) -> bool {
        matches!(self, Self::Simulator(_))
    }

    pub(crate) const fn keeps_data(&self) -> bool {
        matches!(self, Self::Local { durable: true, .. })
    }

    fn command(&self, directory: &Path, ready_file: &Path) -> Command {
        match self {
            Self::Local { program, durable, .. } => {
                let mut command = Command::new(program);
                command.args(["--port", "0", "--ready-file"]).arg(ready_file).env_remove("RUST_LOG");
                if *durable {
                    command.arg("--data-dir").arg(directory.join("data"));
                } else {
                    command.arg("--memory");
                }
                command
            }
            Self::Simulator(installed) => {
                let mut command = Command::new("node");
                let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../benches/system/peer/simulator.cjs");
                // Its own ports start at 8900; this one is free at this moment.
                let free = TcpListener::bind(("127.0.0.1", 0)).and_then(|listener| listener.local_addr());
                let port = free.expect("a free port").port().to_string();
                command.arg(script).args([&port, "schema.graphql"]).arg(ready_file);
                command.env("NODE_PATH", installed.join("node_modules"));
                command
            }
        }
    }
}

/// A running server.
pub(crate) struct Server {
    process: Child,
    /// As the tables call it.
    pub(crate) name: &'static str,
    /// `127.0.0.1:<port>`.
    pub(crate) host: String,
    pub(crate) api_key: String,
    /// What a subscriber shows to hear of every order: a token of staff, or an API key.
    pub(crate) authorization: (&'static str, String),
    /// Whether it is the simulator, which knows no subscription to every order but lets anybody hear of any.
    pub(crate) is_simulator: bool,
    announced: Receiver<()>,
    /// Of its own, if it has one: it outlives the process.
    directory: Option<TempDir>,
}

impl Server {
    pub(crate) fn start(kind: &Kind) -> Self {
        let directory = tempfile::tempdir().expect("a directory for temporary files");
        let mut server = Self::start_in(kind, directory.path());
        if let Kind::Local { program, .. } = kind {
            let ready_file = directory.path().join("ready.json");
            let mut command = Command::new(program);
            command.args(["token", "sam", "--group", "staff", "--ready-file"]).arg(ready_file);
            let token = command.output().expect("a token").stdout;
            server.authorization = ("Authorization", String::from_utf8(token).expect("text").trim().to_owned());
        }
        server.directory = Some(directory);
        server
    }

    /// Starts it and waits until it says that it is ready.
    pub(crate) fn start_in(kind: &Kind, directory: &Path) -> Self {
        let ready_file = directory.join("ready.json");
        let _ = std::fs::remove_file(&ready_file);
        let mut command = kind.command(directory, &ready_file);
        command.current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(".."));
        let mut process = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("the server starts");
        let log = BufReader::new(process.stderr.take().expect("its log"));
        let (heard, announced) = channel();
        std::thread::spawn(move || {
            for line in log.lines().map_while(Result::ok) {
                if line.contains(" announced ") && heard.send(()).is_err() {
                    return;
                }
            }
        });
        let ready = ready(&ready_file, &mut process);
        let text = |name: &str| ready[name].as_str().unwrap_or_else(|| panic!("no {name} in {ready}")).to_owned();
        let host = text("graphqlUrl").trim_start_matches("http://").trim_end_matches("/graphql").to_owned();
        let api_key = text("apiKey");
        let authorization = ("x-api-key", api_key.clone());
        let is_simulator = kind.is_simulator();
        Self { process, name: kind.name(), host, api_key, authorization, is_simulator, announced, directory: None }
    }

    /// Waits until so many more orders are announced.
    pub(crate) fn until_announced(&mut self, count: usize) {
        for index in 0..count {
            let heard = self.announced.recv_timeout(PATIENCE);
            heard.unwrap_or_else(|error| panic!("{index} of {count} orders were announced: {error}"));
        }
    }

    /// The CPU time of all its threads so far, those that have ended included.
    pub(crate) fn cpu(&self) -> Duration {
        let stat = self.proc("stat");
        // The second field is the name, in parentheses. Source: proc(5), utime and stime are fields 14 and 15.
        let fields: Vec<_> = stat.rsplit(')').next().expect("fields").split_whitespace().collect();
        let ticks = |at: usize| fields[at].parse::<u32>().expect("a number of ticks");
        TICK * (ticks(11) + ticks(12))
    }

    /// Its resident memory in bytes.
    pub(crate) fn resident(&self) -> usize {
        let status = self.proc("status");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("VmRSS");
        line.trim().trim_end_matches(" kB").parse::<usize>().expect("kilobytes") * 1024
    }

    fn proc(&self, file: &str) -> String {
        std::fs::read_to_string(format!("/proc/{}/{file}", self.process.id())).expect("Linux's /proc")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.process.kill().expect("the server is killed");
        self.process.wait().expect("the server ends");
        drop(self.directory.take());
    }
}

fn ready(file: &Path, process: &mut Child) -> Value {
    let start = Instant::now();
    loop {
        // It may be there and not yet whole.
        if let Some(ready) = std::fs::read(file).ok().and_then(|json| serde_json::from_slice(&json).ok()) {
            return ready;
        }
        let ended = process.try_wait().expect("the server's status");
        assert!(ended.is_none(), "the server ended with {ended:?}: run it by hand to see why");
        assert!(start.elapsed() < PATIENCE, "the server is not ready after {PATIENCE:?}");
        std::thread::sleep(Duration::from_micros(200));
    }
}

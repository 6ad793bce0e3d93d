//! The program under test, started as a user starts it: as a process of its own, on free ports, with a data directory
//! of its own.

use std::fs::{self, File, OpenOptions};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::Value;
use tempfile::TempDir;

use super::{Client, Dynamodb, PATIENCE, PAUSE};

/// Where a server keeps what it must not lose, its log and its banner. Outlives the server, so that another one can be
/// started there.
pub(crate) struct Home {
    directory: TempDir,
    data_dir: String,
}

impl Home {
    pub(crate) fn new() -> Arc<Self> {
        let directory = TempDir::with_prefix("order-system-").expect("a directory for temporary files");
        let data_dir = directory.path().join("data").to_str().expect("a path that is text").to_owned();
        Arc::new(Self { directory, data_dir })
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(crate) fn data_dir(&self) -> &str {
        &self.data_dir
    }

    pub(crate) fn log(&self) -> String {
        fs::read(self.path("log")).map(|log| String::from_utf8_lossy(&log).into_owned()).unwrap_or_default()
    }

    /// What was printed to stdout.
    pub(crate) fn banner(&self) -> String {
        fs::read_to_string(self.path("banner")).expect("a banner")
    }
}

/// What the server tells about itself once it answers.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Addresses {
    pub(crate) graphql_url: String,
    pub(crate) realtime_url: String,
    pub(crate) dynamodb_url: String,
    pub(crate) region: String,
    pub(crate) api_key: String,
    pub(crate) access_key_id: String,
    pub(crate) secret_access_key: String,
    pub(crate) issuer: String,
}

/// A running server. Dropping it kills it.
pub(crate) struct Server {
    child: Child,
    pub(crate) home: Arc<Home>,
    pub(crate) addresses: Addresses,
    http: reqwest::Client,
}

impl Server {
    /// A server as `cargo run` starts it.
    pub(crate) async fn start() -> Self {
        Self::with(&[]).await
    }

    /// A server with further options.
    pub(crate) async fn with(options: &[&str]) -> Self {
        Self::at(&Home::new(), options).await
    }

    /// A server on what an earlier one left behind.
    pub(crate) async fn at(home: &Arc<Home>, options: &[&str]) -> Self {
        let mut command = command(home, &["--port", "0", "--data-dir", home.data_dir()]);
        Self::run(home, command.args(options)).await
    }

    /// The server that this command runs.
    pub(crate) async fn run(home: &Arc<Home>, command: &mut Command) -> Self {
        let ready_file = home.path("ready.json");
        let _ = fs::remove_file(&ready_file);
        let mut child = command.arg("--ready-file").arg(&ready_file).spawn().expect("the program starts");
        let deadline = Instant::now() + PATIENCE;
        let addresses = loop {
            if let Some(addresses) = read_json(&ready_file) {
                break addresses;
            }
            if let Some(status) = child.try_wait().expect("the program's status") {
                panic!("the server ended with {status} before it was ready:\n{}", log_tail(&home.log()));
            }
            if Instant::now() > deadline {
                let _ = child.kill();
                panic!("the server is not ready after {PATIENCE:?}:\n{}", log_tail(&home.log()));
            }
            tokio::time::sleep(PAUSE / 4).await;
        };
        Self { child, home: Arc::clone(home), addresses, http: http_client() }
    }

    /// Somebody with nothing but the API key.
    pub(crate) fn guest(&self) -> Client {
        Client::guest(self.http.clone(), &self.addresses.graphql_url, &self.addresses.api_key)
    }

    /// A system with IAM credentials.
    pub(crate) fn backend(&self) -> Client {
        let Addresses { graphql_url, access_key_id, secret_access_key, region, .. } = &self.addresses;
        Client::backend(self.http.clone(), graphql_url, access_key_id, secret_access_key, region)
    }

    /// Somebody without credentials.
    pub(crate) fn stranger(&self) -> Client {
        Client::stranger(self.http.clone(), &self.addresses.graphql_url)
    }

    /// The tables, as an operator sees them with an AWS tool.
    pub(crate) fn dynamodb(&self) -> Dynamodb {
        Dynamodb::new(self.http.clone(), &self.addresses)
    }

    /// Looks again and again until there is something to see.
    pub(crate) async fn until<T>(&self, what: &str, look: impl AsyncFnMut() -> Option<T>) -> T {
        self.until_after(what, PATIENCE, look).await
    }

    /// Looks again and again until there is something to see, for something that takes long by design.
    pub(crate) async fn until_after<T>(
        &self,
        what: &str,
        patience: Duration,
        mut look: impl AsyncFnMut() -> Option<T>,
    ) -> T {
        let deadline = Instant::now() + patience;
        loop {
            if let Some(seen) = look().await {
                return seen;
            }
            assert!(Instant::now() < deadline, "waited for {patience:?} in vain: {what}");
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// The order, as soon as it has that status.
    pub(crate) async fn until_status(&self, id: &str, status: &str) -> Value {
        let backend = self.backend();
        let mut last = Value::Null;
        let what = format!("order {id} becomes {status}");
        let look = async || {
            last = backend.order(id).await;
            (last["status"] == status).then(|| last.clone())
        };
        self.until(&what, look).await
    }

    /// The order, as soon as it is fulfilled.
    pub(crate) async fn until_fulfilled(&self, id: &str) -> Value {
        self.until_status(id, "FULFILLED").await
    }

    /// Ends it as a power cut would: no goodbye.
    pub(crate) fn kill(mut self) {
        self.child.kill().expect("the server is killed");
        self.child.wait().expect("the server's end");
    }

    /// Ctrl+C.
    pub(crate) fn interrupt(&self) {
        let status = Command::new("kill").args(["-INT", &self.child.id().to_string()]).status();
        assert!(status.is_ok_and(|status| status.success()), "the server gets SIGINT");
    }

    /// How it ended, if it does so in time.
    pub(crate) async fn ended_within(&mut self, patience: Duration) -> ExitStatus {
        let deadline = Instant::now() + patience;
        loop {
            if let Some(status) = self.child.try_wait().expect("the server's status") {
                return status;
            }
            assert!(Instant::now() < deadline, "the server still runs after {patience:?}");
            tokio::time::sleep(PAUSE).await;
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("{}", log_tail(&self.home.log()));
        }
    }
}

/// The program with these options, its output and its working directory in `home`.
pub(crate) fn command(home: &Home, options: &[&str]) -> Command {
    let output = |name: &str| -> File {
        OpenOptions::new().create(true).append(true).open(home.path(name)).expect("a file for output")
    };
    let mut command = Command::new(env!("CARGO_BIN_EXE_local"));
    command.args(options).current_dir(home.directory.path()).env_remove("RUST_LOG");
    command.stdin(Stdio::null()).stdout(output("banner")).stderr(output("log"));
    command
}

/// The files of a directory and of those in it.
pub(crate) fn files_below(directory: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(directory) else { return Vec::new() };
    let below = |path: PathBuf| if path.is_dir() { files_below(&path) } else { vec![path] };
    entries.flat_map(|entry| below(entry.expect("an entry").path())).collect()
}

/// The end of a log, to be shown with what went wrong.
pub(crate) fn log_tail(log: &str) -> String {
    const LINES: usize = 60;
    let lines: Vec<_> = log.lines().collect();
    let tail = lines[lines.len().saturating_sub(LINES)..].join("\n");
    format!("--- the last of {} lines of the server's log ---\n{tail}\n---", lines.len())
}

fn read_json<T: serde::de::DeserializeOwned>(path: &Path) -> Option<T> {
    serde_json::from_slice(&fs::read(path).ok()?).ok()
}

fn http_client() -> reqwest::Client {
    let client = reqwest::Client::builder().timeout(PATIENCE).redirect(reqwest::redirect::Policy::none());
    client.no_proxy().build().expect("an HTTP client")
}

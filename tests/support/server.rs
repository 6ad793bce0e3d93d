//! The program under test, started as a user starts it: as a process of its own, on free ports, with a data directory
//! of its own.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use aws_credential_types::Credentials;
use tempfile::TempDir;

use super::privacy::given_away;
use super::stage::{STAGE_FILE, Stage, Temporary, file_of_stage};
use super::{Client, PATIENCE, PAUSE};

/// Where a server keeps what it must not lose, its log and its banner. Outlives the server, so that another one can be
/// started there.
///
/// When it goes, all that was said there is searched for what must never be said: see [`super::privacy`].
pub(crate) struct Home {
    directory: TempDir,
    data_dir: String,
    /// What nothing that runs here may say, besides what is found by its shape.
    secrets: Mutex<Vec<String>>,
}

impl Home {
    /// # Panics
    /// If the tests are to run against a stage: whoever needs a home needs a server of its own.
    pub(crate) fn new() -> Arc<Self> {
        assert!(
            file_of_stage().is_none(),
            "this test starts servers of its own, with options, to kill them or to look into what they keep, \
             and so cannot run against a deployed stage: run it without {STAGE_FILE}"
        );
        let directory = TempDir::with_prefix("order-system-").expect("a directory for temporary files");
        let data_dir = directory.path().join("data").to_str().expect("a path that is text").to_owned();
        Arc::new(Self { directory, data_dir, secrets: Mutex::default() })
    }

    /// From now on this is to be in nobody's output.
    pub(crate) fn conceals(&self, secret: &str) {
        self.secrets.lock().unwrap_or_else(PoisonError::into_inner).push(secret.to_owned());
    }

    /// What was said here and should not have been.
    pub(crate) fn given_away(&self) -> Vec<String> {
        let log = self.log();
        // The key for guests is printed on purpose, on standard output alone: it is how somebody at this machine gets it,
        // and the command to paste would be of no use without it.
        let is_for_guests = |line: &str| line.starts_with("  API key ") || line.starts_with("  curl -s http");
        let banner = fs::read(self.path("banner")).unwrap_or_default();
        let banner = String::from_utf8_lossy(&banner).into_owned();
        let banner: String = banner.lines().filter(|line| !is_for_guests(line)).flat_map(|line| [line, "\n"]).collect();
        let secrets = self.secrets.lock().unwrap_or_else(PoisonError::into_inner);
        let known = secrets.iter().filter(|secret| log.contains(*secret) || banner.contains(*secret));
        let known = known.map(|_| "a secret that was handed to the program".to_owned());
        given_away(&log).into_iter().chain(given_away(&banner)).chain(known).collect()
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

impl Drop for Home {
    fn drop(&mut self) {
        let given_away = self.given_away();
        if !std::thread::panicking() {
            assert!(given_away.is_empty(), "no output tells who ordered what, or a secret:\n{}", given_away.join("\n"));
        }
    }
}

/// A running server, and what clients see of it. Dropping it kills it.
pub(crate) struct Server {
    pub(super) process: Process,
    pub(crate) home: Arc<Home>,
    pub(super) stage: Stage,
}

/// The server's process. Dropping it kills it.
pub(crate) struct Process {
    child: Child,
    home: Arc<Home>,
}

impl Deref for Server {
    type Target = Stage;

    fn deref(&self) -> &Stage {
        &self.stage
    }
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

    /// The server that this command runs, with its Lambdas as programs of their own if these tests are to tell of that.
    pub(crate) async fn run(home: &Arc<Home>, command: &mut Command) -> Self {
        if let Some(bootstraps) = std::env::var_os("ORDERS_BOOTSTRAPS")
            && !command.get_args().any(|argument| argument == "--bootstraps")
        {
            command.arg("--bootstraps").arg(bootstraps);
        }
        Self::start_exactly(home, command).await
    }

    /// The server that this command runs, whatever these tests are to tell of.
    pub(crate) async fn start_exactly(home: &Arc<Home>, command: &mut Command) -> Self {
        let ready_file = home.path("ready.json");
        let _ = fs::remove_file(&ready_file);
        let words: Vec<_> = command.get_args().map(|word| word.to_string_lossy().into_owned()).collect();
        for pair in words.windows(2).filter(|pair| pair[0] == "--warehouse-authorization") {
            home.conceals(&pair[1]);
        }
        let child = command.args(options_of_every_server(&ready_file)).spawn().expect("the program starts");
        let mut process = Process { child, home: Arc::clone(home) };
        let deadline = Instant::now() + PATIENCE;
        let addresses = loop {
            if let Ok(addresses) = read_json(&ready_file) {
                break addresses;
            }
            if let Some(status) = process.child.try_wait().expect("the program's status") {
                panic!("the server ended with {status} before it was ready");
            }
            assert!(Instant::now() < deadline, "the server is not ready after {PATIENCE:?}");
            tokio::time::sleep(PAUSE / 4).await;
        };
        let stage = Stage::at(addresses, &ready_file);
        home.conceals(&stage.addresses.secret_access_key);
        Self { process, home: Arc::clone(home), stage }
    }

    /// Waits until an order could not even be put off, because its tables are away, and its record has failed, or counts as
    /// done where that cannot be told.
    pub(crate) async fn until_a_record_failed(&self) {
        let put_off = async || self.home.log().contains("put off until").then_some(());
        self.until("an order is put off", put_off).await;
        // That is tried for four seconds.
        let deadline = Instant::now() + Duration::from_secs(6);
        while Instant::now() < deadline && !self.home.log().contains("a batch was not delivered, trying again") {
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// How much memory it takes, in bytes.
    pub(crate) fn memory(&self) -> u64 {
        let pid = self.process.child.id().to_string();
        let output = Command::new("ps").args(["-o", "rss=", "-p", &pid]).output().expect("ps");
        let kilobytes = String::from_utf8_lossy(&output.stdout).trim().parse::<u64>();
        kilobytes.expect("the server runs, and ps tells its memory in kilobytes") * 1024
    }

    /// How many files and sockets it has open.
    pub(crate) fn open_files(&self) -> usize {
        let descriptors = format!("/proc/{}/fd", self.process.child.id());
        fs::read_dir(descriptors).expect("the server runs, on Linux").count()
    }

    /// Somebody to whom an identity pool has handed out credentials.
    pub(crate) fn visitor(&self) -> Client {
        let of_pool = self.addresses.identity_pool_credentials.clone().expect("a server has such a visitor");
        let Temporary { access_key_id, secret_access_key, session_token } = of_pool;
        let credentials = Credentials::new(access_key_id, secret_access_key, Some(session_token), None, "test");
        self.stranger().with_credentials(credentials, &self.addresses.region)
    }

    /// The id of its process.
    pub(crate) fn pid(&self) -> u32 {
        self.process.child.id()
    }

    /// Ends it as a power cut would: no goodbye.
    pub(crate) fn kill(mut self) {
        self.process.child.kill().expect("the server is killed");
        self.process.child.wait().expect("the server's end");
    }

    /// Ctrl+C.
    pub(crate) fn interrupt(&self) {
        self.signal("-INT");
    }

    /// What `kill` sends, such as `-TERM`.
    pub(crate) fn signal(&self, signal: &str) {
        let status = Command::new("kill").args([signal, &self.process.child.id().to_string()]).status();
        assert!(status.is_ok_and(|status| status.success()), "the server gets {signal}");
    }

    /// How it ended, if it does so in time.
    pub(crate) async fn ended_within(&mut self, patience: Duration) -> ExitStatus {
        let deadline = Instant::now() + patience;
        loop {
            if let Some(status) = self.process.child.try_wait().expect("the server's status") {
                return status;
            }
            assert!(Instant::now() < deadline, "the server still runs after {patience:?}");
            tokio::time::sleep(PAUSE).await;
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let log = self.home.log();
        if std::thread::panicking() {
            eprintln!("{}", log_tail(&log));
        } else {
            assert!(
                !log.contains("panicked at"),
                "whatever a client does, the server does not panic:\n{}",
                log_tail(&log)
            );
        }
    }
}

/// What every server is started with that the tests start, whatever else a test asks for.
fn options_of_every_server(ready_file: &Path) -> Vec<OsString> {
    vec!["--ready-file".into(), ready_file.into()]
}

/// The program with these options, its output and its working directory in `home`.
pub(crate) fn command(home: &Home, options: &[&str]) -> Command {
    let output = |name: &str| -> File {
        OpenOptions::new().create(true).append(true).open(home.path(name)).expect("a file for output")
    };
    let mut command = Command::new(env!("CARGO_BIN_EXE_local"));
    // In detail, so that what is searched for secrets is as much as there can be.
    command.args(options).current_dir(home.directory.path()).env("RUST_LOG", "debug");
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

/// What a JSON file says.
pub(super) fn read_json<T: serde::de::DeserializeOwned>(path: &Path) -> io::Result<T> {
    Ok(serde_json::from_slice(&fs::read(path)?)?)
}

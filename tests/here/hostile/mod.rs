//! Somebody who means harm: generated requests, requests that multiply, sockets that are opened and left, texts at the
//! edge of what fits. The server answers or hangs up, soon and with little memory, and goes on serving everybody else.
//!
//! What is generated is the same in every run. `HOSTILE_SEED` makes it another; `HOSTILE_CASES` says how much of it
//! there is.

mod boundaries;
mod http;
mod multiplying;
mod ports;
mod privacy;
mod schemathesis;
mod sockets;
mod texts;
mod websocket;

use std::env;
use std::fmt;
use std::time::Duration;

use proptest::strategy::Strategy;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseResult, TestRng, TestRunner};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::runtime::Handle;
use tokio::time::timeout;

use crate::support::{PATIENCE, Server, apples_and_a_pear};

/// How much memory the server may take, whatever it was sent, in bytes. It takes some 50 MB with nothing to do.
const MEMORY: u64 = 400 * 1024 * 1024;

/// How long to wait for an answer that need not come.
const QUIET: Duration = Duration::from_millis(50);

/// Everybody else is served, as if nothing had been, and the server is no larger for it than it may be.
async fn goes_on(server: &Server) {
    let id = server.guest().place_for_id(apples_and_a_pear()).await;
    server.until_fulfilled(&id).await;
    let log = server.home.log();
    assert!(!log.contains("panicked"), "{log}");
    let memory = server.memory();
    assert!(memory < MEMORY, "the server takes {memory} bytes");
}

async fn connect(server: &Server) -> TcpStream {
    TcpStream::connect(graphql(server)).await.expect("a connection")
}

/// Host and port of the API.
fn graphql(server: &Server) -> &str {
    server.addresses.graphql_url.trim_start_matches("http://").trim_end_matches("/graphql")
}

/// All that the server says to these bytes until it hangs up. Once it has been quiet for so long, it is told that nothing
/// more will come: what was half said is over then, and so are answers that are still to be given.
async fn says(server: &Server, bytes: &[u8], quiet: Duration) -> Vec<u8> {
    let mut stream = connect(server).await;
    let mut said = Vec::new();
    let (mut reader, mut writer) = stream.split();
    let talk = async {
        let write = async {
            // Whoever hangs up early, or resets the connection, has answered as well.
            let _ = writer.write_all(bytes).await;
        };
        let mut part = vec![0; 16 * 1024];
        let read = async {
            loop {
                match timeout(quiet, reader.read(&mut part)).await {
                    Ok(Ok(0) | Err(_)) => return true,
                    Ok(Ok(length)) => said.extend_from_slice(&part[..length]),
                    Err(_) => return false,
                }
            }
        };
        let ((), ended) = tokio::join!(write, read);
        if !ended {
            let _ = writer.shutdown().await;
            let _ = reader.read_to_end(&mut said).await;
        }
    };
    timeout(2 * PATIENCE, talk).await.unwrap_or_else(|_| panic!("no end of {}", bytes.escape_ascii()));
    said
}

/// Bytes that are shown as text.
#[derive(Clone, PartialEq)]
struct Bytes(Vec<u8>);

impl fmt::Debug for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "b\"{}\" ({} bytes)", self.0[..self.0.len().min(2_000)].escape_ascii(), self.0.len())
    }
}

/// A number from the environment.
fn number(variable: &str, default: u32) -> u32 {
    env::var(variable).map_or(default, |text| {
        text.parse().unwrap_or_else(|_| panic!("{variable} must be a number from 0 to {}, not {text}", u32::MAX))
    })
}

/// Tries generated cases one after the other; the first that fails is made as small as it can be.
fn try_all<S: Strategy>(strategy: &S, cases: u32, mut case: impl AsyncFnMut(S::Value) -> TestCaseResult) {
    let seed = number("HOSTILE_SEED", 1);
    let cases = number("HOSTILE_CASES", cases);
    println!("{cases} cases of HOSTILE_SEED={seed}");
    let mut bytes = [0; 32];
    bytes[..4].copy_from_slice(&seed.to_le_bytes());
    let config = Config { cases, failure_persistence: None, max_shrink_iters: 200, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &bytes));
    let case = std::cell::RefCell::new(&mut case);
    let tried = tokio::task::block_in_place(|| {
        runner.run(strategy, |value| Handle::current().block_on((case.borrow_mut())(value)))
    });
    tried.unwrap_or_else(|error| panic!("HOSTILE_SEED={seed}: {error}"));
}

//! The ports beside that of the API: DynamoDB's, and those where the processes of functions ask for events.

use std::fs;
use std::time::{Duration, Instant};

use futures::future::join_all;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::sockets::open;
use super::{goes_on, graphql};
use crate::support::{Bootstraps, PATIENCE, Server};

/// How long a head may take. See `docs/limits.md`.
const HEAD: Duration = Duration::from_mins(1);

/// How long a body may take.
const BODY: Duration = Duration::from_secs(30);

/// How long the function may run that takes orders in, as the template says: for so long its process may ask for nothing.
const PLACING: Duration = Duration::from_secs(25);

/// What can be asked for on each of the ports, to no effect.
const DYNAMODB: &str = "/";
const RUNTIME: &str = "/2018-06-01/runtime/invocation/none/response";

/// Host and port of DynamoDB.
fn dynamodb(server: &Server) -> String {
    server.addresses.dynamodb_url().trim_start_matches("http://").trim_end_matches('/').to_owned()
}

/// Host and port where this process asks for events.
fn runtime_api(process: u32) -> String {
    let environment = fs::read_to_string(format!("/proc/{process}/environ")).expect("a process, on Linux");
    let mut variables = environment.split('\0');
    let api = variables.find_map(|variable| variable.strip_prefix("AWS_LAMBDA_RUNTIME_API="));
    api.expect("it is told").to_owned()
}

/// The only process of a function.
fn process_of(bootstraps: &Bootstraps, function: &str) -> u32 {
    let processes = bootstraps.processes(function);
    let [process] = processes.as_slice() else { panic!("{function} has {processes:?}") };
    *process
}

/// How a connection is used by somebody who means to keep it.
#[derive(Clone, Copy, Debug)]
enum Use {
    /// Nothing is ever said.
    Silent,
    /// A byte of a head that never ends, each second.
    Slow,
    /// A byte of a body that never ends, each second.
    SlowBody,
    /// Something was asked for, and nothing ever again.
    Once,
}

/// How long a connection is kept.
async fn kept(address: &str, path: &str, how: Use) -> Duration {
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    let mut answer = vec![0; 4_096];
    if let Use::Once = how {
        let request = format!("POST {path} HTTP/1.1\r\nhost: {address}\r\ncontent-length: 0\r\n\r\n");
        stream.write_all(request.as_bytes()).await.expect("somebody who reads");
        let length = stream.read(&mut answer).await.expect("an answer");
        assert!(answer[..length].starts_with(b"HTTP/1.1 4"), "{}", answer[..length].escape_ascii());
    }
    if let Use::SlowBody = how {
        let request = format!("POST {path} HTTP/1.1\r\nhost: {address}\r\ncontent-length: 1000000\r\n\r\n");
        stream.write_all(request.as_bytes()).await.expect("somebody who reads");
    }
    let since = Instant::now();
    while since.elapsed() < HEAD + PLACING + PATIENCE {
        match timeout(Duration::from_secs(1), stream.read(&mut answer)).await {
            Ok(Ok(0) | Err(_)) => return since.elapsed(),
            // What it is told before it is hung up on.
            Ok(Ok(length)) => {
                let late = answer[..length].starts_with(b"HTTP/1.1 408 ");
                assert!(late || !matches!(how, Use::SlowBody), "{}", answer[..length].escape_ascii());
            }
            Err(_) => {
                if let Use::Slow | Use::SlowBody = how {
                    // If that fails, there is nothing to be read any more either.
                    let _ = stream.write_all(b"x").await;
                }
            }
        }
    }
    panic!("{address} keeps whoever is {how:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_keeps_a_connection_waiting_is_hung_up_on_at_every_port_and_a_process_is_not() {
    let bootstraps = Bootstraps::new();
    let server = Server::with(&["--bootstraps", bootstraps.path()]).await;
    goes_on(&server).await;
    // It asked for an event before, and has none to work on while all of this goes on.
    let process = process_of(&bootstraps, "place-order");
    let (graphql, dynamodb, runtime) = (graphql(&server).to_owned(), dynamodb(&server), runtime_api(process));
    let ports =
        [(graphql.as_str(), "/graphql", HEAD), (&dynamodb, DYNAMODB, HEAD), (&runtime, RUNTIME, HEAD + PLACING)];
    let uses = [Use::Silent, Use::Slow, Use::SlowBody, Use::Once];
    let all = ports.iter().flat_map(|port| uses.map(|how| (port, how)));
    join_all(all.map(async |((address, path, limit), how)| {
        let kept = kept(address, path, how).await;
        let limit = if let Use::SlowBody = how { &BODY } else { limit };
        let soonest = limit.saturating_sub(Duration::from_secs(5));
        assert!(kept > soonest && kept < *limit + PATIENCE, "{path}, {how:?}: {kept:?}");
    }))
    .await;
    goes_on(&server).await;
    assert_eq!(process_of(&bootstraps, "place-order"), process, "it waited for its event all the while");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_sockets_at_any_other_port_are_in_nobodys_way_either() {
    let bootstraps = Bootstraps::new();
    let server = Server::with(&["--bootstraps", bootstraps.path()]).await;
    goes_on(&server).await;
    let runtime = runtime_api(process_of(&bootstraps, "place-order"));
    for (address, path) in [(dynamodb(&server), DYNAMODB), (runtime, RUNTIME)] {
        let files = server.open_files();
        let sockets = open(&address, |number| match number % 4 {
            0 => String::new(),
            1 => "P".to_owned(),
            2 => format!("POST {path} HTTP/1.1\r\nhost: {address}\r\nx-slow: "),
            _ => format!("POST {path} HTTP/1.1\r\nhost: {address}\r\ncontent-length: 1000000\r\n\r\n{{"),
        });
        let sockets = sockets.await;
        goes_on(&server).await;
        drop(sockets);
        let look = async || (server.open_files() < files + 50).then_some(());
        server.until("the server has let go of every socket", look).await;
    }
    goes_on(&server).await;
}

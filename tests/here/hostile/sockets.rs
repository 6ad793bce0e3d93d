//! Sockets that are opened and left, by the thousand.

use futures::future::join_all;
use serde_json::json;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use super::{goes_on, graphql};
use crate::support::{Client, Server, Subscriber};

const SOCKETS: usize = 1_000;

/// What somebody says who never gets to the point.
fn beginning(number: usize, api_key: &str) -> String {
    let handshake = "GET /graphql/realtime HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
                     sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    match number % 6 {
        0 => String::new(),
        1 => "P".to_owned(),
        2 => "POST /graphql HTTP/1.1\r\nhost: x\r\nx-slow: ".to_owned(),
        3 => format!(
            "POST /graphql HTTP/1.1\r\nhost: x\r\nx-api-key: {api_key}\r\ncontent-length: 1000000\r\n\r\n{{\"query\""
        ),
        4 => handshake.to_owned(),
        // A WebSocket, on which nothing is asked for.
        _ => {
            let header = r#"{"host":"x","x-api-key":"KEY"}"#.replace("KEY", api_key);
            let header = base64::Engine::encode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, header);
            format!("{handshake}sec-websocket-protocol: graphql-ws, header-{header}\r\n\r\n")
        }
    }
}

/// That many sockets, each with a beginning of its own.
pub(super) async fn open(address: &str, beginning: impl Fn(usize) -> String) -> Vec<TcpStream> {
    let mut sockets = Vec::new();
    for number in 0..SOCKETS {
        let mut socket = TcpStream::connect(address).await.expect("a connection");
        socket.write_all(beginning(number).as_bytes()).await.expect("the server listens");
        sockets.push(socket);
    }
    sockets
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_sockets_that_are_left_open_are_in_nobodys_way_and_leave_nothing_behind() {
    let server = Server::start().await;
    goes_on(&server).await;
    let files = server.open_files();
    let mut memory = 0;
    for round in 0..3 {
        let mut sockets = open(graphql(&server), |number| beginning(number, &server.addresses.api_key)).await;
        // A byte now and then keeps nobody waiting but its sender.
        for socket in &mut sockets {
            let _ = socket.write_all(b"x").await;
        }
        goes_on(&server).await;
        drop(sockets);
        let look = async || (server.open_files() < files + 50).then_some(());
        server.until("the server has let go of every socket", look).await;
        // What the first round takes may be kept for the next one.
        if round == 0 {
            memory = server.memory();
        }
    }
    let after = server.memory();
    assert!(after < memory + memory / 2, "{memory} bytes after the first thousand, {after} after the third");
    goes_on(&server).await;
}

/// A hundred subscriptions each, on connections that break off without a word.
#[tokio::test(flavor = "multi_thread")]
async fn subscribers_that_vanish_leave_nothing_behind() {
    let server = Server::start().await;
    let guest = server.guest();
    let order = server.place_and_settle(&guest, crate::support::apples_and_a_pear()).await;
    let follow = async |guest: Client| {
        let mut subscriber = Subscriber::connect(&server, &guest).await;
        for _ in 0..20 {
            subscriber.follow(&guest, "orderChanged", &order).await;
        }
        subscriber
    };
    let told = |what: &str| server.home.log().lines().filter(|line| line.contains(what)).count();
    let mut files = 0;
    for round in 1..=3 {
        let ended = told("a connection ends");
        let subscribers = join_all((0..20).map(|_| follow(guest.clone()))).await;
        drop(subscribers);
        let look = async || (told("a connection ends") >= ended + 20).then_some(());
        server.until("every connection has ended", look).await;
        // Nobody is left to be told.
        server.announce(&order).await;
        let answer = guest.post(json!({ "query": "{ __typename }" }).to_string()).await;
        assert_eq!(answer.status, 200);
        // The functions keep connections to the database for the next time: those of the first round.
        if round == 1 {
            files = server.open_files();
        } else {
            let look = async || (server.open_files() < files + 20).then_some(());
            server.until("there are no more open files than after the first round", look).await;
        }
    }
    let ended = told("a subscription ends");
    assert!(ended >= 3 * 20 * 20, "{ended} subscriptions have ended");
    goes_on(&server).await;
}

//! A day of keep-alive in fast motion: connections stay, and memory does not grow. A test binary of its own, because it
//! looks at the memory of its process.

use std::time::{Duration, SystemTime};

use axum::serve::Listener;
use futures::{SinkExt as _, StreamExt as _};
use lambda_runtime::{Diagnostic, LambdaEvent};
use local::appsync::{Api, ApiKey, Mode, Resolver, Settings};
use local::lambda::{Function, Functions};
use local::machine::{ACCOUNT, REGION};
use serde_json::{Value, json};
use tokio::io::{DuplexStream, duplex};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;

const CONNECTIONS: usize = 100;
const API_KEY: &str = "da2-lastinglastinglastinglasti";

/// What a connection may leave behind in 22 hours, in bytes: about twelve for each keep-alive, less than any that is kept.
const GROWTH: usize = 16 * 1024;

/// Connections in memory: time passes only while nobody has anything to do.
struct InMemory(UnboundedReceiver<DuplexStream>);

impl Listener for InMemory {
    type Io = DuplexStream;
    type Addr = ();

    async fn accept(&mut self) -> (DuplexStream, ()) {
        match self.0.recv().await {
            Some(connection) => (connection, ()),
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> std::io::Result<()> {
        Ok(())
    }
}

fn api() -> Api {
    let allowed = |_: LambdaEvent<Value>| async { Ok::<_, Diagnostic>(Value::Null) };
    let settings = Settings {
        region: REGION.to_owned(),
        account_id: ACCOUNT.to_owned(),
        arn: String::new(),
        default_mode: Mode::UserPools,
        additional_modes: vec![Mode::ApiKey],
        api_keys: vec![ApiKey { key: API_KEY.to_owned(), expires: SystemTime::now() + Duration::from_hours(1) }],
        iam_credentials: Vec::new(),
        tokens: None,
        resolvers: [(("Subscription".to_owned(), "orderChanged".to_owned()), Resolver::of("order"))].into(),
        introspection: true,
        query_depth_limit: 0,
        resolver_count_limit: 10_000,
    };
    let functions = Functions::new([Function::new("order", Duration::from_secs(5), allowed)]);
    Api::load(include_str!("../schema.graphql"), settings, functions).unwrap()
}

/// Subscribes and counts keep-alives for as long as the connection lasts.
async fn subscriber(connection: DuplexStream) -> usize {
    let mut request = "ws://localhost/graphql/realtime".into_client_request().unwrap();
    request.headers_mut().insert("x-api-key", API_KEY.parse().unwrap());
    request.headers_mut().insert("sec-websocket-protocol", "graphql-ws".parse().unwrap());
    let (mut socket, _) = tokio_tungstenite::client_async(request, connection).await.unwrap();
    let data = json!({ "query": "subscription { orderChanged(id: 1) { id } }" }).to_string();
    let authorization = json!({ "x-api-key": API_KEY, "host": "localhost" });
    let payload = json!({ "data": data, "extensions": { "authorization": authorization } });
    for message in [json!({ "type": "connection_init" }), json!({ "type": "start", "id": "1", "payload": payload })] {
        socket.send(Message::text(message.to_string())).await.unwrap();
    }
    let (mut keep_alives, mut started) = (0, false);
    loop {
        match socket.next().await {
            Some(Ok(Message::Text(text))) if text == r#"{"type":"ka"}"# => keep_alives += 1,
            Some(Ok(Message::Text(text))) => started |= text.contains("start_ack"),
            Some(Ok(Message::Close(_))) | None => break,
            Some(Ok(_)) => {}
            Some(Err(error)) => panic!("{error}"),
        }
    }
    assert!(started, "the subscription never started");
    keep_alives
}

/// Bytes of memory that this process has.
#[cfg(target_os = "linux")]
fn resident() -> usize {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap();
    pages.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() * 4096
}

#[cfg(target_os = "linux")]
#[tokio::test(start_paused = true)]
async fn a_day_of_keep_alive_leaves_connections_and_memory_as_they_are() {
    let (connect, connections) = unbounded_channel();
    let router = api().router();
    tokio::spawn(async move { axum::serve(InMemory(connections), router).await });
    let subscribers: Vec<_> = (0..CONNECTIONS)
        .map(|_| {
            let (near, far) = duplex(4096);
            connect.send(far).unwrap();
            tokio::spawn(subscriber(near))
        })
        .collect();
    tokio::time::sleep(Duration::from_hours(1)).await;
    let before = resident();
    tokio::time::sleep(Duration::from_hours(22)).await;
    let after = resident();
    assert!(subscribers.iter().all(|subscriber| !subscriber.is_finished()), "a connection did not last");
    for subscriber in subscribers {
        let keep_alives = subscriber.await.unwrap();
        assert!((1439..=1441).contains(&keep_alives), "{keep_alives} keep-alives in a day");
    }
    println!("{before} bytes after an hour, {after} after 23");
    assert!(after.saturating_sub(before) < CONNECTIONS * GROWTH, "from {before} to {after} bytes");
}

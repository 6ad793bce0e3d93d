//! Somebody who waits to be told, over AppSync's real-time protocol.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use axum::http::{HeaderMap, HeaderValue};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use uuid::Uuid;

use crate::caller::{Caller, MOST, PAUSE};

/// What AppSync's clients sign beside the host.
const SIGNED: [(&str, &str); 3] = [
    ("accept", "application/json, text/javascript"),
    ("content-encoding", "amz-1.0"),
    ("content-type", "application/json; charset=UTF-8"),
];

/// A connection.
#[derive(Clone)]
pub(crate) struct Subscriber {
    caller: Caller,
    starts: mpsc::UnboundedSender<Start>,
    heard: Arc<Mutex<Vec<Value>>>,
}

struct Start {
    message: Value,
    /// Told whether it is acknowledged.
    started: oneshot::Sender<bool>,
}

impl Subscriber {
    /// Connects as this caller.
    pub(crate) async fn connect(api: SocketAddr, caller: Caller) -> Self {
        let proof = as_json(&caller.proof("/graphql/connect", "{}", &SIGNED)).to_string();
        let mut request = format!("ws://{api}/graphql/realtime").into_client_request().expect("an address");
        let protocols = format!("graphql-ws, header-{}", URL_SAFE_NO_PAD.encode(proof));
        let protocols = HeaderValue::from_str(&protocols).expect("a header");
        request.headers_mut().insert("sec-websocket-protocol", protocols);
        let connection = TcpStream::connect(api).await.expect("a connection");
        let (mut connected, _) = tokio_tungstenite::client_async(request, connection).await.expect("a WebSocket");
        connected.send(Message::text(r#"{"type":"connection_init"}"#)).await.expect("an open connection");
        let (starts, mut to_start) = mpsc::unbounded_channel::<Start>();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let ears = Arc::clone(&heard);
        tokio::spawn(async move {
            let mut starting = HashMap::new();
            loop {
                tokio::select! {
                    start = to_start.recv() => {
                        // Nobody listens any more.
                        let Some(Start { message, started }) = start else { return };
                        starting.insert(message["id"].as_str().expect("an id").to_owned(), started);
                        connected.send(Message::text(message.to_string())).await.expect("an open connection");
                    }
                    frame = connected.next() => {
                        let Some(Ok(frame)) = frame else { return };
                        let Message::Text(text) = frame else { continue };
                        let message: Value = serde_json::from_str(&text).expect("a message");
                        match message["type"].as_str() {
                            Some(kind @ ("start_ack" | "error")) => {
                                let started = starting.remove(message["id"].as_str().expect("an id"));
                                // Nobody waits any more if the run is over.
                                let _ = started.map(|started| started.send(kind == "start_ack"));
                            }
                            Some("data") => {
                                let data = message["payload"]["data"].as_object().expect("data");
                                let order = data.values().next().expect("an order").clone();
                                ears.lock().unwrap_or_else(PoisonError::into_inner).push(order);
                            }
                            Some("ka" | "connection_ack") => {}
                            _ => panic!("{message}"),
                        }
                    }
                }
            }
        });
        Self { caller, starts, heard }
    }

    /// Starts a subscription, with as many tries as a call has, and comes back once it is acknowledged. Whether it is.
    pub(crate) async fn start(&self, query: &str, variables: &Value) -> bool {
        for _ in 0..MOST {
            if self.try_to_start(query, variables).await {
                return true;
            }
            tokio::time::sleep(PAUSE).await;
        }
        false
    }

    /// Starts a subscription, and comes back once it is acknowledged or refused. Whether it is acknowledged.
    pub(crate) async fn try_to_start(&self, query: &str, variables: &Value) -> bool {
        let data = json!({ "query": query, "variables": variables }).to_string();
        let proof = as_json(&self.caller.proof("/graphql", &data, &SIGNED));
        let payload = json!({ "data": data, "extensions": { "authorization": proof } });
        let (started, starts) = oneshot::channel();
        let message = json!({ "id": Uuid::new_v4().to_string(), "type": "start", "payload": payload });
        self.starts.send(Start { message, started }).expect("an open connection");
        starts.await.expect("an answer")
    }

    /// The orders that it was told of.
    pub(crate) fn heard(&self) -> Vec<Value> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn as_json(headers: &HeaderMap) -> Value {
    let text = |value: &HeaderValue| value.to_str().expect("a header is text").to_owned();
    headers.iter().map(|(name, value)| (name.to_string(), Value::from(text(value)))).collect()
}

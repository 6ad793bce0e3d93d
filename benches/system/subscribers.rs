//! Subscribers, each with a WebSocket of its own, and the moment at which the last of them has its event.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures::SinkExt as _;
use futures::stream::{self, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio::sync::watch;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::http::HeaderValue;

use super::load;
use super::server::Server;

const PATIENCE: Duration = Duration::from_secs(10);
/// How many connect at a time.
const AT_A_TIME: usize = 16;

/// What a number of subscribers have heard.
pub(crate) struct Listener {
    runtime: Runtime,
    count: usize,
    heard: Arc<AtomicUsize>,
    last: watch::Receiver<Instant>,
    connection: Option<load::Connection>,
}

impl Listener {
    /// Connects that many, and waits until all are subscribed.
    pub(crate) fn start(server: &Server, count: usize) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.expect("a runtime");
        let heard = Arc::new(AtomicUsize::new(0));
        let (told, last) = watch::channel(Instant::now());
        let told = Arc::new(told);
        runtime.block_on(async {
            let mut connected = stream::iter(0..count).map(|_| subscribe(server)).buffer_unordered(AT_A_TIME);
            while let Some(socket) = connected.next().await {
                // The rest of the client would take more memory than what is measured.
                tokio::spawn(listen(socket.into_inner(), Arc::clone(&heard), Arc::clone(&told)));
            }
        });
        Self { runtime, count, heard, last, connection: None }
    }

    /// Places an order: the time to the answer, and until every subscriber has the event.
    ///
    /// # Errors
    /// How many have not been told in ten seconds.
    pub(crate) fn place(&mut self, server: &mut Server) -> Result<(Duration, Duration), usize> {
        let wanted = self.heard.load(Ordering::Acquire) + self.count;
        let connection = self.connection.get_or_insert_with(|| load::Connection::to(server));
        let start = Instant::now();
        connection.place();
        let answered = start.elapsed();
        let heard = Arc::clone(&self.heard);
        let told = self.last.wait_for(|_| heard.load(Ordering::Acquire) >= wanted);
        let told =
            self.runtime.block_on(async { tokio::time::timeout(PATIENCE, told).await.map(|told| told.map(|at| *at)) });
        let Ok(told) = told else { return Err(wanted - self.heard.load(Ordering::Acquire)) };
        let told = told.expect("subscribers that stay").duration_since(start);
        server.until_announced(1);
        Ok((answered, told))
    }
}

/// Counts the events that arrive, and tells the moment of each.
async fn listen(socket: TcpStream, heard: Arc<AtomicUsize>, told: Arc<watch::Sender<Instant>>) {
    let mut piece = [0; 4096];
    while socket.readable().await.is_ok() {
        match socket.try_read(&mut piece) {
            Ok(0) => return,
            Ok(length) if is_event(&piece[..length]) => {
                heard.fetch_add(1, Ordering::AcqRel);
                told.send_replace(Instant::now());
            }
            // A sign of life, or nothing after all.
            _ => {}
        }
    }
}

/// Events are small enough to arrive whole.
fn is_event(bytes: &[u8]) -> bool {
    bytes.windows(13).any(|window| window == br#""type":"data""#)
}

async fn subscribe(server: &Server) -> WebSocketStream<TcpStream> {
    let (name, value) = &server.authorization;
    let mut header = json!({ "host": server.host });
    header[*name] = json!(value);
    let credentials = STANDARD.encode(header.to_string());
    let url = format!("ws://{}/graphql/realtime?header={credentials}&payload=e30=", server.host);
    let mut request = url.into_client_request().expect("a request");
    request.headers_mut().insert("sec-websocket-protocol", HeaderValue::from_static("graphql-ws"));
    let stream = TcpStream::connect(&server.host).await.expect("a connection");
    let (mut socket, _) = tokio_tungstenite::client_async(request, stream).await.expect("a WebSocket");
    say(&mut socket, &json!({ "type": "connection_init" })).await;
    until(&mut socket, "connection_ack").await;
    let query = if server.is_simulator {
        r#"subscription { orderFulfilled(id: "any") { id status } }"#
    } else {
        "subscription { anyOrderChanged { id status } }"
    };
    let data = json!({ "query": query, "variables": {} }).to_string();
    let payload = json!({ "data": data, "extensions": { "authorization": header } });
    say(&mut socket, &json!({ "id": "1", "type": "start", "payload": payload })).await;
    until(&mut socket, "start_ack").await;
    socket
}

async fn say(socket: &mut WebSocketStream<TcpStream>, message: &Value) {
    socket.send(Message::text(message.to_string())).await.expect("a message is sent");
}

async fn until(socket: &mut WebSocketStream<TcpStream>, kind: &str) {
    loop {
        let message = socket.next().await.expect("an answer").expect("a message");
        let message: Value = serde_json::from_str(message.to_text().expect("text")).expect("JSON");
        match message["type"].as_str() {
            Some("ka") => {}
            Some(heard) if heard == kind => return,
            _ => panic!("{kind} was expected, not {message}"),
        }
    }
}

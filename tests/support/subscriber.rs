//! Somebody who waits to be told: a WebSocket to the real-time endpoint, used as AppSync's own clients use it.

use std::collections::{HashSet, VecDeque};
use std::net::SocketAddr;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use futures::{SinkExt as _, StreamExt as _};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Value, json};
use tokio::net::{TcpSocket, lookup_host};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

use super::settling::Settling;
use super::tls::Stream;
use super::{Client, ORDER, PATIENCE, Stage, id, text};

/// A sign of life.
const KEEP_ALIVE: &str = r#"{"type":"ka"}"#;

/// How credentials get to the server when a client connects.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Carrier {
    /// `?header=…&payload=…`
    Query,
    /// `Sec-WebSocket-Protocol: graphql-ws, header-…`
    SubProtocol,
    /// The headers themselves, on the request that becomes the WebSocket. No client is known to do so.
    Headers,
}

impl Carrier {
    pub(crate) const OF_CLIENTS: [Self; 2] = [Self::Query, Self::SubProtocol];
    pub(crate) const ALL: [Self; 3] = [Self::Query, Self::SubProtocol, Self::Headers];
}

/// A connection, and what has been heard on it.
pub(crate) struct Subscriber {
    socket: WebSocketStream<Box<dyn Stream>>,
    settling: Settling,
    /// Events that came while something else was waited for.
    early: VecDeque<Event>,
    /// The orders of which it wants to hear, if not of all.
    own: Option<HashSet<String>>,
    starts: usize,
}

/// What a subscription was sent.
#[derive(Debug)]
pub(crate) struct Event {
    pub(crate) subscription: String,
    /// `data`, and perhaps `errors`.
    pub(crate) payload: Value,
}

impl Event {
    fn is_about(&self, orders: &HashSet<String>) -> bool {
        let mut told = self.payload["data"].as_object().into_iter().flat_map(|data| data.values());
        told.any(|order| orders.contains(&id(order)))
    }

    /// The order, when nothing went wrong, under whatever name it was asked for.
    pub(crate) fn order(self) -> Value {
        assert!(self.payload.get("errors").is_none(), "{}", self.payload);
        let data = self.payload["data"].as_object().expect("data");
        assert_eq!(data.len(), 1, "{}", self.payload);
        data.values().next().cloned().expect("an order")
    }
}

impl Stage {
    /// Tells of an order as of one that has changed.
    pub(crate) async fn announce(&self, order_id: &str) {
        self.backend().try_to_publish("publishOrderChanged", order_id).await.value("publishOrderChanged");
    }

    /// The order as an event tells of it.
    pub(crate) async fn as_told(&self, order_id: &str) -> Value {
        let mut order = self.backend().order(order_id).await;
        assert!(order["document"].is_string());
        order["document"] = Value::Null;
        order
    }

    /// Places an order that ships at once, and waits until that was told: nothing more will be by itself.
    pub(crate) async fn place_and_settle(&self, caller: &Client, input: Value) -> String {
        let backend = self.backend();
        let mut watcher = Subscriber::connect(self, &backend).await;
        let all = watcher.follow(&backend, "anyOrderChanged", "").await;
        let order_id = caller.place_for_id(input).await;
        while id(&watcher.order(&all).await) != order_id {}
        order_id
    }
}

impl Subscriber {
    /// Somebody who is let in.
    pub(crate) async fn connect(stage: &Stage, caller: &Client) -> Self {
        Self::connect_by(stage, Carrier::SubProtocol, caller).await
    }

    /// Somebody who is let in, whose credentials travel in this way.
    pub(crate) async fn connect_by(stage: &Stage, carrier: Carrier, caller: &Client) -> Self {
        let proof = caller.proof("/graphql/connect", "{}");
        let connected = Self::try_to_connect(stage, carrier, &proof).await;
        connected.unwrap_or_else(|refusal| panic!("{carrier:?}: {refusal}"))
    }

    /// Connects with these credentials; if they are refused, with what words.
    pub(crate) async fn try_to_connect(stage: &Stage, carrier: Carrier, proof: &HeaderMap) -> Result<Self, Value> {
        Self::over(TcpSocket::new_v4().expect("a socket"), stage, carrier, proof).await
    }

    /// Somebody who is let in, and whose side of the connection takes but little before it is read.
    pub(crate) async fn connect_with_little_room(stage: &Stage, caller: &Client) -> Self {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.set_recv_buffer_size(4096).expect("a small buffer");
        let proof = caller.proof("/graphql/connect", "{}");
        Self::over(socket, stage, Carrier::SubProtocol, &proof).await.expect("a connection")
    }

    async fn over(socket: TcpSocket, stage: &Stage, carrier: Carrier, proof: &HeaderMap) -> Result<Self, Value> {
        let address = reqwest::Url::parse(&stage.addresses.realtime_url).expect("an address");
        let host = address.host_str().expect("a host").to_owned();
        let port = address.port_or_known_default().expect("a port");
        let mut peers = lookup_host((host.as_str(), port)).await.unwrap_or_else(|error| panic!("{host}: {error}"));
        let peer = peers.find(SocketAddr::is_ipv4).unwrap_or_else(|| panic!("{host} has no IPv4 address"));
        let stream = socket.connect(peer).await.unwrap_or_else(|error| panic!("{host}: {error}"));
        let stream: Box<dyn Stream> = match address.scheme() {
            "wss" => stage.tls.encrypt(&host, stream).await,
            _ => Box::new(stream),
        };
        let request = request(address, carrier, proof);
        let (socket, _) = client_async(request, stream).await.expect("a WebSocket, whoever it is that calls");
        let settling = stage.settling.clone();
        let mut subscriber = Self { socket, settling, early: VecDeque::new(), own: None, starts: 0 };
        subscriber.say(&json!({ "type": "connection_init" })).await;
        let answer = subscriber.hear().await;
        if answer["type"] == "connection_ack" {
            return Ok(subscriber);
        }
        assert!(subscriber.ended().await, "nothing follows {answer}");
        Err(answer)
    }

    /// Starts one of the four subscriptions to whole orders, with its argument if it takes one.
    pub(crate) async fn try_to_follow(&mut self, caller: &Client, field: &str, of: &str) -> Result<String, Value> {
        let query = match field {
            "orderFulfilled" | "orderChanged" => format!("subscription ($of: ID!) {{ {field}(id: $of) {ORDER} }}"),
            "ordersChanged" => format!("subscription ($of: ID!) {{ {field}(customerId: $of) {ORDER} }}"),
            _ => {
                return self.try_to_subscribe(caller, &format!("subscription {{ {field} {ORDER} }}"), &json!({})).await;
            }
        };
        self.try_to_subscribe(caller, &query, &json!({ "of": of })).await
    }

    /// Follows whole orders.
    pub(crate) async fn follow(&mut self, caller: &Client, field: &str, of: &str) -> String {
        let started = self.try_to_follow(caller, field, of).await;
        started.unwrap_or_else(|refusal| panic!("{field} of {of}: {refusal}"))
    }

    /// Starts a subscription and waits for the answer: its id, or with what words it is refused.
    pub(crate) async fn try_to_subscribe(
        &mut self,
        caller: &Client,
        query: &str,
        variables: &Value,
    ) -> Result<String, Value> {
        let data = json!({ "query": query, "variables": variables }).to_string();
        self.start(&data, &caller.proof("/graphql", &data)).await
    }

    /// Starts a subscription.
    pub(crate) async fn subscribe(&mut self, caller: &Client, query: &str, variables: &Value) -> String {
        let started = self.try_to_subscribe(caller, query, variables).await;
        started.unwrap_or_else(|refusal| panic!("{query}: {refusal}"))
    }

    /// Starts a subscription with these credentials, good for this `data` or not.
    pub(crate) async fn start(&mut self, data: &str, proof: &HeaderMap) -> Result<String, Value> {
        self.starts += 1;
        let id = self.starts.to_string();
        let payload = json!({ "data": data, "extensions": { "authorization": as_json(proof) } });
        self.say(&json!({ "id": id, "type": "start", "payload": payload })).await;
        let answer = self.answer_to(&id).await;
        match text(&answer["type"]).as_str() {
            "start_ack" => {
                self.settling.begins();
                Ok(id)
            }
            "error" => Err(answer),
            _ => panic!("no answer to a start: {answer}"),
        }
    }

    /// Ends a subscription and waits until that is confirmed.
    pub(crate) async fn stop(&mut self, id: &str) {
        self.say(&json!({ "id": id, "type": "stop" })).await;
        assert_eq!(self.answer_to(id).await, json!({ "type": "complete", "id": id }));
    }

    /// The next message that is not an event, which is about this subscription.
    async fn answer_to(&mut self, id: &str) -> Value {
        loop {
            let message = self.hear().await;
            if message["type"] == "data" {
                self.early.push_back(event(&message));
                continue;
            }
            assert_eq!(message["id"], id, "{message}");
            return message;
        }
    }

    /// From now on it hears of these orders only, as if there were no others: on a stage, there are.
    pub(crate) fn cares_only_about(&mut self, orders: impl IntoIterator<Item = impl Into<String>>) {
        self.own = Some(orders.into_iter().map(Into::into).collect());
    }

    /// The next event, whoever it is for.
    pub(crate) async fn next(&mut self) -> Event {
        loop {
            let event = match self.early.pop_front() {
                Some(event) => event,
                None => event(&self.hear().await),
            };
            if self.own.as_ref().is_none_or(|own| event.is_about(own)) {
                return event;
            }
        }
    }

    /// The order in the next event, which is for this subscription.
    pub(crate) async fn order(&mut self, subscription: &str) -> Value {
        let event = self.next().await;
        assert_eq!(event.subscription, subscription, "{}", event.payload);
        event.order()
    }

    /// As many events as are expected, in the order of their subscriptions: what each came for, and the order.
    pub(crate) async fn orders(&mut self, count: usize) -> Vec<(String, Value)> {
        let mut orders = Vec::with_capacity(count);
        for _ in 0..count {
            let event = self.next().await;
            orders.push((event.subscription.clone(), event.order()));
        }
        orders.sort_by(|(one, _), (other, _)| one.cmp(other));
        orders
    }

    /// Reads what was on its way until the connection breaks off in the middle, because too much was to be told.
    pub(crate) async fn until_given_up(mut self) {
        loop {
            match self.next_frame().await {
                None | Some(Err(_)) => return,
                Some(Ok(Message::Close(close))) => panic!("it was closed as if all had been told: {close:?}"),
                Some(Ok(_)) => {}
            }
        }
    }

    async fn say(&mut self, message: &Value) {
        // Whoever is refused may find the connection closed; what was said before that tells why.
        let _ = self.socket.send(Message::text(message.to_string())).await;
    }

    /// The next message.
    async fn hear(&mut self) -> Value {
        match self.next_frame().await {
            Some(Ok(Message::Text(text))) => serde_json::from_str(&text).expect("a message is JSON"),
            other => panic!("a message was expected: {other:?}"),
        }
    }

    /// Whether the server ends the connection without another word.
    async fn ended(&mut self) -> bool {
        matches!(self.next_frame().await, None | Some(Ok(Message::Close(_)) | Err(_)))
    }

    /// What comes next, signs of life aside; none if the connection is over.
    async fn next_frame(&mut self) -> Option<Result<Message, Error>> {
        let next = async {
            loop {
                match self.socket.next().await {
                    Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                    Some(Ok(Message::Text(text))) if text == KEEP_ALIVE => {}
                    frame => return frame,
                }
            }
        };
        timeout(PATIENCE, next).await.unwrap_or_else(|_| panic!("waited for {PATIENCE:?} in vain for a message"))
    }
}

fn event(message: &Value) -> Event {
    assert_eq!(message["type"], "data", "{message}");
    Event { subscription: text(&message["id"]), payload: message["payload"].clone() }
}

fn as_json(headers: &HeaderMap) -> Value {
    let text = |value: &HeaderValue| value.to_str().expect("a header is text").to_owned();
    headers.iter().map(|(name, value)| (name.to_string(), Value::from(text(value)))).collect()
}

/// The request that becomes a WebSocket.
fn request(mut address: reqwest::Url, carrier: Carrier, proof: &HeaderMap) -> http::Request<()> {
    let header = as_json(proof).to_string();
    let mut protocols = "graphql-ws".to_owned();
    match carrier {
        Carrier::Query => {
            address.query_pairs_mut().append_pair("header", &STANDARD.encode(header)).append_pair("payload", "e30=");
        }
        Carrier::SubProtocol => protocols = format!("graphql-ws, header-{}", URL_SAFE_NO_PAD.encode(header)),
        Carrier::Headers => {}
    }
    let mut request = address.as_str().into_client_request().expect("an address");
    if let Carrier::Headers = carrier {
        request.headers_mut().extend(proof.clone());
    }
    let protocols = HeaderValue::from_str(&protocols).expect("a header");
    request.headers_mut().insert(HeaderName::from_static("sec-websocket-protocol"), protocols);
    request
}

//! What a client sees of the real-time endpoint, through a socket.

mod connecting;
mod delivering;
mod filtering;
mod lasting;
mod load;
mod subscribing;

use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Request};
use axum::serve::ListenerExt as _;
use futures::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};
use tower::ServiceExt as _;

use super::super::tests::{API_KEY, Signing, TestApi, credentials};
use super::super::{Api, Mode};

/// How long a message may take that must come.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long is waited for a message that must not come.
const A_WHILE: Duration = Duration::from_millis(50);

const SCHEMA: &str = r#"
    type Query { item: Item }
    type Mutation {
        announce(item: AWSJSON): Item @aws_api_key @aws_iam @aws_cognito_user_pools
        announceMust(item: AWSJSON): Item!
        announceList(items: AWSJSON): [Item]
        quiet(item: AWSJSON): Item
        fails: Item
        later: Item
    }
    type Subscription {
        changed(id: ID, owner: ID, size: Int, flag: Boolean, price: Float, other: String, preset: Int = 5): Item
            @aws_subscribe(mutations: ["announce", "announceMust"])
        any: Item @aws_subscribe(mutations: ["announce"])
        required(id: ID!): Item @aws_subscribe(mutations: ["announce"])
        lists: [Item] @aws_subscribe(mutations: ["announceList"])
        staff: Item @aws_subscribe(mutations: ["announce"]) @aws_cognito_user_pools(cognito_groups: ["staff"])
        users: Item @aws_subscribe(mutations: ["announce"]) @aws_cognito_user_pools
        backends: Item @aws_subscribe(mutations: ["announce"]) @aws_iam
        both: Item @aws_subscribe(mutations: ["announce"]) @aws_api_key @aws_iam
        refused: Item @aws_subscribe(mutations: ["announce"])
        slow: Item @aws_subscribe(mutations: ["announce"])
        failing: Item @aws_subscribe(mutations: ["fails", "quiet"])
        late: Item @aws_subscribe(mutations: ["later"])
    }
    type Item @aws_api_key @aws_cognito_user_pools @aws_iam {
        id: ID!  name: String  owner: ID  size: Int  flag: Boolean  price: Float  need: String!
        document: AWSJSON  at: AWSDateTime  secret: String @aws_iam
        night: String @aws_cognito_user_pools(cognito_groups: ["staff"])  inner: Item  items: [Item!]
    }
"#;

/// An API whose mutations answer with the item that they are given.
fn echo() -> TestApi {
    let item = |event: &Value| event["arguments"]["item"].clone();
    TestApi::open(SCHEMA)
        .with(|settings| settings.additional_modes = vec![Mode::UserPools, Mode::Iam])
        .computes("Mutation.announce", item)
        .computes("Mutation.announceMust", item)
        .computes("Mutation.announceList", |event| event["arguments"]["items"].clone())
        .computes("Mutation.quiet", item)
        .fails("Mutation.fails", "Broken", "no")
        .fails("Subscription.refused", "Unauthorized", "Not Authorized to access refused on type Subscription")
        .answers_after("Mutation.later", Duration::from_millis(100), r#"{"id":"1"}"#)
        .answers_after("Subscription.slow", Duration::from_millis(200), "null")
        .answers("Subscription.users", "null")
}

/// An API behind a real listener.
struct Server {
    api: Api,
    address: SocketAddr,
}

impl Server {
    async fn start(api: &TestApi) -> Self {
        let api = api.api();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let listener = listener.tap_io(|connection| connection.set_nodelay(true).unwrap());
        let service = api.router().into_make_service_with_connect_info::<SocketAddr>();
        tokio::spawn(async move { axum::serve(listener, service).await });
        Self { api, address }
    }

    /// Offers `graphql-ws` and these headers.
    async fn handshake(&self, path: &str, headers: &[(&'static str, String)]) -> Client<TcpStream> {
        let mut request = format!("ws://{}{path}", self.address).into_client_request().unwrap();
        for (name, value) in headers {
            request.headers_mut().insert(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
        }
        let stream = TcpStream::connect(self.address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let config = WebSocketConfig::default().read_buffer_size(4096);
        let (socket, response) = client_async_with_config(request, stream, Some(config)).await.unwrap();
        if headers.iter().any(|(name, value)| *name == "sec-websocket-protocol" && value.contains("graphql-ws")) {
            assert_eq!(response.headers()["sec-websocket-protocol"], "graphql-ws");
        }
        Client { socket }
    }

    /// Connects with the API key, and is acknowledged.
    async fn connect(&self) -> Client<TcpStream> {
        let mut client = self.handshake("/graphql", &[protocol(), key()]).await;
        client.init().await;
        client
    }

    /// POSTs a mutation with the API key.
    async fn mutate(&self, query: &str, variables: &Value) -> Value {
        let body = json!({"query": query, "variables": variables}).to_string();
        let headers = json!({"x-api-key": API_KEY});
        self.post(body, &headers).await
    }

    async fn post(&self, body: String, headers: &Value) -> Value {
        let headers = headers.as_object().unwrap().iter();
        let request = headers
            .fold(Request::post("/graphql"), |request, (name, value)| request.header(name, value.as_str().unwrap()));
        let request = request.body(Body::from(body)).unwrap();
        let response = self.api.router().oneshot(request).await.unwrap();
        let body = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
        serde_json::from_slice(&body).unwrap()
    }

    /// Announces an item, selecting these fields of it.
    async fn announce(&self, selection: &str, item: &Value) -> Value {
        let query = format!("mutation($item: AWSJSON) {{ announce(item: $item) {{ {selection} }} }}");
        self.mutate(&query, &json!({"item": item.to_string()})).await
    }

    /// How many subscriptions there are.
    fn subscriptions(&self) -> usize {
        self.api.realtime.topics.count()
    }

    /// Waits until there are this many.
    async fn until_subscriptions(&self, count: usize) {
        let reached = async {
            while self.subscriptions() != count {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        timeout(PATIENCE, reached).await.unwrap_or_else(|_| panic!("{} instead of {count}", self.subscriptions()));
    }
}

fn protocol() -> (&'static str, String) {
    ("sec-websocket-protocol", "graphql-ws".to_owned())
}

fn key() -> (&'static str, String) {
    ("x-api-key", API_KEY.to_owned())
}

/// The headers of a signature, as a client of IAM puts them into its JSON.
fn signed(path: &str, body: &str) -> Value {
    let signing = Signing {
        method: "POST",
        url: &format!("http://localhost:4000{path}"),
        body: body.as_bytes(),
        region: "eu-central-1",
        service: "appsync",
        at: SystemTime::now(),
        credentials: credentials(),
    };
    as_json(&signing.headers())
}

fn as_json(headers: &HeaderMap) -> Value {
    headers.iter().map(|(name, value)| (name.to_string(), json!(value.to_str().unwrap()))).collect()
}

struct Client<S> {
    socket: WebSocketStream<S>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Client<S> {
    async fn say(&mut self, message: impl Into<Utf8Bytes>) {
        self.socket.send(Message::text(message)).await.unwrap();
    }

    async fn init(&mut self) {
        self.say(r#"{"type":"connection_init"}"#).await;
        let ack = json!({"type": "connection_ack", "payload": {"connectionTimeoutMs": 300_000}});
        assert_eq!(self.hear().await, ack);
        assert_eq!(self.hear().await, json!({"type": "ka"}));
    }

    /// Starts with the API key.
    async fn start(&mut self, id: &str, query: &str, variables: &Value) {
        let data = json!({"query": query, "variables": variables}).to_string();
        self.start_as(id, &data, &json!({"host": "localhost", "x-api-key": API_KEY})).await;
    }

    async fn start_as(&mut self, id: &str, data: &str, authorization: &Value) {
        let payload = json!({"data": data, "extensions": {"authorization": authorization}});
        self.say(json!({"id": id, "type": "start", "payload": payload}).to_string()).await;
    }

    /// Starts and is acknowledged.
    async fn subscribe(&mut self, id: &str, query: &str, variables: &Value) {
        self.start(id, query, variables).await;
        assert_eq!(self.hear().await, json!({"type": "start_ack", "id": id}));
    }

    /// The next message.
    async fn hear(&mut self) -> Value {
        loop {
            match timeout(PATIENCE, self.socket.next()).await.expect("no message comes") {
                Some(Ok(Message::Text(text))) => return serde_json::from_str(&text).unwrap(),
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                other => panic!("{other:?}"),
            }
        }
    }

    /// The payload of the next event.
    async fn event(&mut self, id: &str) -> Value {
        let mut message = self.hear().await;
        assert_eq!((&message["type"], &message["id"]), (&json!("data"), &json!(id)), "{message}");
        message["payload"].take()
    }

    /// The next message is an `error` of this id with one entry.
    async fn error(&mut self, id: Option<&str>) -> Value {
        let mut message = self.hear().await;
        assert_eq!(message["type"], "error", "{message}");
        assert_eq!(message.get("id").cloned(), id.map(|id| json!(id)), "{message}");
        assert_eq!(message["payload"]["errors"].as_array().map(Vec::len), Some(1), "{message}");
        message["payload"]["errors"][0].take()
    }

    async fn hears_nothing(&mut self) {
        let heard = timeout(A_WHILE, self.socket.next()).await;
        assert!(heard.is_err(), "{heard:?}");
    }

    /// The server closes; the code of its close frame, if it sends one.
    async fn closed(&mut self) -> Option<u16> {
        loop {
            match timeout(PATIENCE, self.socket.next()).await.expect("the connection is not closed") {
                Some(Ok(Message::Close(frame))) => return frame.map(|CloseFrame { code, .. }| code.into()),
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                None | Some(Err(_)) => return None,
                other => panic!("{other:?}"),
            }
        }
    }
}

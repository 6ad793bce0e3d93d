//! Handshakes, frames and messages that are nearly right, over a socket.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures::future::join_all;
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{Bytes, QUIET, goes_on, says, try_all};
use crate::support::{Server, Subscriber, apples_and_a_pear, id};

/// A frame as a client sends it, or should not.
#[derive(Clone, Debug)]
struct Frame {
    first: u8,
    masked: bool,
    /// How many bytes it says it has, if that is not the truth.
    claims: Option<u64>,
    payload: Bytes,
}

impl Frame {
    fn bytes(&self) -> Vec<u8> {
        let length = self.claims.unwrap_or(self.payload.0.len() as u64);
        let mask = if self.masked { 0x80 } else { 0 };
        let mut bytes = vec![self.first];
        match (u8::try_from(length), u16::try_from(length)) {
            (Ok(short @ 0..=125), _) => bytes.push(mask | short),
            (_, Ok(long)) => {
                bytes.push(mask | 0x7e);
                bytes.extend_from_slice(&long.to_be_bytes());
            }
            _ => {
                bytes.push(mask | 0x7f);
                bytes.extend_from_slice(&length.to_be_bytes());
            }
        }
        let key = if self.masked { [0x37, 0xfa, 0x21, 0x3d] } else { [0; 4] };
        if self.masked {
            bytes.extend_from_slice(&key);
        }
        bytes.extend(self.payload.0.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key));
        bytes
    }
}

/// A connection: how it asks to become a WebSocket, and what it says then.
#[derive(Clone, Debug)]
struct Connection {
    version: &'static str,
    key: &'static str,
    protocols: &'static str,
    is_admitted: bool,
    frames: Vec<Frame>,
}

impl Connection {
    fn bytes(&self, api_key: &str) -> Vec<u8> {
        let header = json!({ "host": "x", "x-api-key": if self.is_admitted { api_key } else { "\u{0}" } });
        let header = URL_SAFE_NO_PAD.encode(header.to_string());
        let Self { version, key, protocols, .. } = self;
        let protocols = protocols.replace("HEADER", &header);
        let mut bytes = format!(
            "GET /graphql/realtime HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
             sec-websocket-version: {version}\r\nsec-websocket-key: {key}\r\nsec-websocket-protocol: {protocols}\r\n\r\n"
        )
        .into_bytes();
        for frame in &self.frames {
            bytes.extend(frame.bytes());
        }
        bytes
    }
}

/// Messages as clients send them, and what is put in their place.
fn messages(api_key: &str) -> Vec<Vec<u8>> {
    let start = |id: Value, query: &str, authorization: Value| {
        let data = json!({ "query": query, "variables": { "id": "x" } }).to_string();
        let payload = json!({ "data": data, "extensions": { "authorization": authorization } });
        json!({ "id": id, "type": "start", "payload": payload }).to_string()
    };
    let good = || json!({ "host": "x", "x-api-key": api_key });
    let follow = "subscription ($id: ID!) { orderChanged(id: $id) { id } }";
    let mut messages: Vec<Vec<u8>> = [
        r#"{"type":"connection_init"}"#.to_owned(),
        r#"{"type":"connection_init"}"#.to_owned(),
        r#"{"type":"connection_terminate"}"#.to_owned(),
        r#"{"type":"stop","id":"1"}"#.to_owned(),
        r#"{"type":"ka"}"#.to_owned(),
        start(json!("1"), follow, good()),
        start(json!("2"), follow, good()),
        start(json!("\u{0}"), follow, json!({ "x-api-key": "da2-\u{0}" })),
        start(json!("3"), follow, json!({ "authorization": "e30.e30.e30" })),
        start(json!("4"), follow, json!([1])),
        start(json!("5"), "subscription { orderChanged(id: \"x\") { id } orderFulfilled(id: \"x\") { id } }", good()),
        start(json!("6"), "mutation { placeOrder(input: {}) { id } }", good()),
        start(json!("7"), &"{ a ".repeat(5_000), good()),
        start(json!("i".repeat(2_000)), follow, good()),
        start(json!(1e300), follow, good()),
        start(json!({ "a": [] }), follow, good()),
        r#"{"id":"8","type":"start","payload":{"data":"{\"query\":\"\\ud800\"}"}}"#.to_owned(),
        r#"{"id":"\ud800","type":"stop"}"#.to_owned(),
        r#"{"id":"9","type":"stop","id":"9","type":"start"}"#.to_owned(),
        "[".repeat(20_000),
        format!("{}{}", "{\"type\":".repeat(5_000), "}".repeat(5_000)),
        String::new(),
        "\0".to_owned(),
        "meow".to_owned(),
        "x".repeat(127 * 1024),
    ]
    .into_iter()
    .map(String::into_bytes)
    .collect();
    messages.extend([b"\xff\xfe".to_vec(), b"{\"type\":\"\xed\xa0\x80\"}".to_vec(), b"\x03\xe8bye".to_vec(), vec![3]]);
    messages
}

fn frame(api_key: &str) -> impl Strategy<Value = Frame> + use<> {
    let first = prop_oneof![
        // A whole text.
        10 => Just(0x81_u8),
        // Bytes, the beginning of a text, more of it, the end of it, a ping, a pong, a close.
        3 => prop::sample::select(vec![0x82_u8, 0x01, 0x00, 0x80, 0x89, 0x8a, 0x88]),
        1 => any::<u8>(),
    ];
    let claims = prop_oneof![
        20 => Just(None),
        1 => prop::sample::select(vec![0_u64, 126, 65_536, 129 * 1024, u64::from(u32::MAX), u64::MAX >> 1, u64::MAX]).prop_map(Some),
    ];
    let payload = prop::sample::select(messages(api_key)).prop_map(Bytes);
    (first, prop::bool::weighted(0.95), claims, payload).prop_map(|(first, masked, claims, payload)| Frame {
        first,
        masked,
        claims,
        payload,
    })
}

fn connection(api_key: &str) -> impl Strategy<Value = Connection> + use<> {
    let version = prop_oneof![15 => Just("13"), 1 => prop::sample::select(vec!["", "8", "99999999999999999999"])];
    let key = prop_oneof![15 => Just("dGhlIHNhbXBsZSBub25jZQ=="), 1 => prop::sample::select(vec!["", "x"])];
    let protocols = prop_oneof![
        12 => Just("graphql-ws, header-HEADER"),
        1 => prop::sample::select(vec!["", ",,,", "header-HEADER", "graphql-ws", "graphql-ws, header-", "graphql-ws, header-%%"]),
    ];
    (version, key, protocols, prop::bool::weighted(0.9), vec(frame(api_key), 0..12)).prop_map(
        |(version, key, protocols, is_admitted, frames)| Connection { version, key, protocols, is_admitted, frames },
    )
}

/// What the server says in whole text frames, after its handshake, as far as it goes.
fn told(said: &[u8]) -> Vec<String> {
    let Some(start) = said.windows(4).position(|end| end == b"\r\n\r\n") else { return Vec::new() };
    let (mut rest, mut told) = (&said[start + 4..], Vec::new());
    while let [first, length, after @ ..] = rest {
        let (length, after) = match (*length, after) {
            (126, [high, low, after @ ..]) => (usize::from(u16::from_be_bytes([*high, *low])), after),
            (length @ 0..=125, after) => (usize::from(length), after),
            _ => break,
        };
        let Some((payload, after)) = after.split_at_checked(length) else { break };
        if *first == 0x81 {
            told.push(String::from_utf8(payload.to_vec()).expect("a text is UTF-8"));
        }
        rest = after;
    }
    told
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_nearly_a_websocket_is_told_so_in_json_or_hung_up_on() {
    let server = Server::start().await;
    let api_key = server.addresses.api_key.clone();
    try_all(&vec(connection(&api_key), 1..24), 40, async |connections| {
        let bytes: Vec<_> = connections.iter().map(|connection| connection.bytes(&api_key)).collect();
        let answers = join_all(bytes.iter().map(|bytes| says(&server, bytes, QUIET))).await;
        for (connection, said) in connections.iter().zip(answers) {
            prop_assert!(!said.starts_with(b"HTTP/1.1 5"), "{connection:?}");
            for text in told(&said) {
                let message: Value = serde_json::from_str(&text).map_err(|_| TestCaseError::fail(text.clone()))?;
                prop_assert!(message["type"].is_string(), "{text}");
            }
        }
        Ok(())
    });
    // Whoever speaks well is told as ever.
    let guest = server.guest();
    let mut subscriber = Subscriber::connect(&server, &guest).await;
    let order = server.place_and_settle(&guest, apples_and_a_pear()).await;
    let subscription = subscriber.follow(&guest, "orderChanged", &order).await;
    server.announce(&order).await;
    assert_eq!(id(&subscriber.order(&subscription).await), order);
    goes_on(&server).await;
}

/// Pings are answered, however many there are, and cost nobody anything.
#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_pings_is_no_flood_of_memory() {
    let server = Server::start().await;
    let ping = Frame { first: 0x89, masked: true, claims: None, payload: Bytes(vec![7; 125]) };
    let connection = Connection {
        version: "13",
        key: "dGhlIHNhbXBsZSBub25jZQ==",
        protocols: "graphql-ws, header-HEADER",
        is_admitted: true,
        frames: vec![ping; 20_000],
    };
    let bytes = connection.bytes(&server.addresses.api_key);
    join_all((0..10).map(|_| says(&server, &bytes, QUIET))).await;
    goes_on(&server).await;
}

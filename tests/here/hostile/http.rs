//! Requests that are nearly right, over HTTP.

use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{Bytes, QUIET, goes_on, says, try_all};
use crate::support::Server;

/// Methods, and what takes their place.
const METHODS: [&str; 8] = ["POST", "POST", "POST", "GET", "OPTIONS", "PUT", "post", ""];

/// Every address that there is, and some that are none.
const TARGETS: [&str; 14] = [
    "/graphql",
    "/graphql",
    "/graphql",
    "/graphql?query=%7B__typename%7D",
    "/graphql?query=%7B&variables=%ff%00",
    "/graphql/realtime",
    "/",
    "/local/credentials",
    "/graphiql",
    "/../../etc/passwd",
    "/%2e%2e/%00",
    "http://elsewhere.example/graphql",
    "*",
    "graphql",
];

/// Lines of a head. `KEY` is the guests' key.
const HEADERS: [&str; 24] = [
    "x-api-key: KEY",
    "x-api-key: KEY",
    "x-api-key: KEY",
    "x-api-key: ",
    "x-api-key: da2-\u{e9}",
    "authorization: ",
    "authorization: Bearer",
    "authorization: e30.e30.e30",
    "authorization: eyJhbGciOiJub25lIn0.e30.",
    "authorization: AWS4-HMAC-SHA256 Credential=/////, SignedHeaders=;;;, Signature=",
    "authorization: AWS4-HMAC-SHA256 Credential=AKIA/20261122/us-east-1/appsync/aws4_request,SignedHeaders=host,Signature=0",
    "x-amz-date: 99999999T999999Z",
    "content-type: application/json; charset=utf-16",
    "content-encoding: gzip",
    "expect: 100-continue",
    "connection: close, keep-alive, upgrade",
    "upgrade: websocket",
    "sec-websocket-key: x",
    "sec-websocket-protocol: graphql-ws, header-e30",
    "x-forwarded-for: ,,,\u{1f4a9}",
    "host: a b",
    "origin: null",
    "cookie: a=b",
    "no colon",
];

/// How a body's length is told: rightly, or not.
#[derive(Clone, Copy, Debug)]
enum Length {
    Right,
    Off(i64),
    Text(&'static str),
    Twice,
    Chunked,
    BadlyChunked,
    None,
}

#[derive(Clone, Debug)]
struct Request {
    method: &'static str,
    target: &'static str,
    headers: Vec<&'static str>,
    length: Length,
    body: Bytes,
}

impl Request {
    fn bytes(&self, key: &str) -> Vec<u8> {
        let length = self.body.0.len();
        let told = match self.length {
            Length::Right => format!("content-length: {length}\r\n"),
            Length::Off(by) => format!("content-length: {}\r\n", i64::try_from(length).unwrap_or(0) + by),
            Length::Text(text) => format!("content-length: {text}\r\n"),
            Length::Twice => format!("content-length: {length}\r\ncontent-length: {}\r\n", length + 1),
            Length::Chunked | Length::BadlyChunked => "transfer-encoding: chunked\r\n".to_owned(),
            Length::None => String::new(),
        };
        let mut bytes = format!("{} {} HTTP/1.1\r\n", self.method, self.target).into_bytes();
        for header in &self.headers {
            bytes.extend_from_slice(header.replace("KEY", key).as_bytes());
            bytes.extend_from_slice(b"\r\n");
        }
        bytes.extend_from_slice(told.as_bytes());
        bytes.extend_from_slice(b"\r\n");
        match self.length {
            Length::Chunked => {
                bytes.extend_from_slice(format!("{length:x}\r\n").as_bytes());
                bytes.extend_from_slice(&self.body.0);
                bytes.extend_from_slice(b"\r\n0\r\n\r\n");
            }
            Length::BadlyChunked => {
                bytes.extend_from_slice(b"fffffffffffffffff\r\n");
                bytes.extend_from_slice(&self.body.0);
            }
            _ => bytes.extend_from_slice(&self.body.0),
        }
        bytes
    }
}

/// Bodies as clients send them.
fn bodies() -> Vec<String> {
    let place =
        "mutation P($input: PlaceOrderInput!) { placeOrder(input: $input) { id status lines { sku } document } }";
    let order =
        json!({ "order": { "reference": "R", "lines": [{ "sku": "TEA", "quantity": 1, "unitPrice": "1.10" }] } });
    let raw = json!({ "document": "{\"id\":\"r\",\"data\":[\"TEA\",{\"sku\":\"CUP\",\"quantity\":2}]}" });
    let read =
        "query R($id: ID!, $asOf: AWSDateTime) { order(id: $id, asOf: $asOf) { ...F } } fragment F on Order { id }";
    let body = |query: &str, variables: Value| json!({ "query": query, "variables": variables }).to_string();
    vec![
        body(place, json!({ "input": order })),
        body(place, json!({ "input": raw })),
        body(place, json!({ "input": { "order": { "lines": [] }, "idempotencyKey": "x" } })),
        body(read, json!({ "id": "x", "asOf": "2026-11-22T10:00:00Z" })),
        body("{ __schema { types { name } } }", json!({})),
        body("subscription { orderChanged(id: \"x\") { id } }", Value::Null),
        body("{ orders(limit: 3, nextToken: \"x\") { items { id } } ordersNeedingAttention { nextToken } }", json!({})),
        json!({ "query": "query A { __typename } query B { __typename }", "operationName": "A" }).to_string(),
    ]
}

/// What is put into a body in some place.
fn insertions() -> Vec<Vec<u8>> {
    let mut insertions: Vec<_> = [
        "\0",
        "\\u0000",
        "\\ud800",
        "\\udfff\\ud800",
        "\"",
        "\\",
        "{",
        "}",
        "[",
        "]",
        ":",
        ",",
        "$",
        "@",
        "...",
        "!",
        "#",
        "\"\"\"",
        "\n",
        "\u{feff}",
        "\u{202e}",
        "-",
        "1e999999",
        "1e-999999",
        "9".repeat(400).as_str(),
        "null",
        "true",
        "__proto__",
        "\"query\":\"{ a }\",",
        "\"variables\":null,",
        "@skip(if: $x)",
        "@defer",
        "...F",
        "fragment F on F{a}",
        "subscription",
        "{\"a\":{\"a\":".repeat(200).as_str(),
        "[".repeat(5_000).as_str(),
        "{a".repeat(5_000).as_str(),
        "x".repeat(200_000).as_str(),
    ]
    .map(|text| text.as_bytes().to_vec())
    .into();
    insertions.extend([
        b"\xff".to_vec(),
        b"\xed\xa0\x80".to_vec(),
        b"\xc0\x80".to_vec(),
        b"\xf8\x88\x80\x80\x80".to_vec(),
    ]);
    insertions
}

/// A body with something done to it, a few times over.
fn body() -> impl Strategy<Value = Bytes> {
    let change =
        (0..4_u8, any::<prop::sample::Index>(), any::<prop::sample::Index>(), prop::sample::select(insertions()));
    let nearly = (prop::sample::select(bodies()), vec(change, 0..4)).prop_map(|(body, changes)| {
        let mut body = body.into_bytes();
        for (kind, place, other, insertion) in changes {
            let (from, to) = (place.index(body.len() + 1), other.index(body.len() + 1));
            let (from, to) = (from.min(to), from.max(to));
            match kind {
                0 => drop(body.splice(from..from, insertion)),
                1 => drop(body.splice(from..to.min(from + 8), insertion)),
                2 => body.truncate(from),
                _ => {
                    let again = body[from..to].to_vec();
                    drop(body.splice(to..to, again));
                }
            }
        }
        Bytes(body)
    });
    prop_oneof![8 => nearly, 1 => vec(any::<u8>(), 0..300).prop_map(Bytes)]
}

fn request() -> impl Strategy<Value = Request> {
    let length = prop_oneof![
        8 => Just(Length::Right),
        1 => (-20_i64..2_000).prop_map(Length::Off),
        1 => prop::sample::select(vec!["", "-1", "+1", "0x10", "1e3", "99999999999999999999", "18446744073709551615"])
            .prop_map(Length::Text),
        1 => Just(Length::Twice),
        2 => Just(Length::Chunked),
        1 => Just(Length::BadlyChunked),
        1 => Just(Length::None),
    ];
    let headers = vec(prop::sample::select(HEADERS.to_vec()), 0..6);
    let (method, target) = (prop::sample::select(METHODS.to_vec()), prop::sample::select(TARGETS.to_vec()));
    (method, target, headers, length, body()).prop_map(|(method, target, headers, length, body)| Request {
        method,
        target,
        headers,
        length,
        body,
    })
}

/// The statuses of all answers in what the server said.
fn statuses(said: &[u8]) -> Vec<String> {
    let said = String::from_utf8_lossy(said).into_owned();
    said.match_indices("HTTP/1.1 ")
        .filter_map(|(start, _)| said.get(start + 9..start + 12))
        .map(str::to_owned)
        .collect()
}

/// Several at once on one connection, now and then followed by something that is no request at all.
#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_nearly_a_request_is_answered_and_never_the_servers_fault() {
    let server = Server::start().await;
    let key = server.addresses.api_key.clone();
    let rest = prop_oneof![6 => Just(Vec::new()), 1 => vec(any::<u8>(), 0..200)].prop_map(Bytes);
    try_all(&(vec(request(), 1..4), rest), 400, async |(requests, rest)| {
        let mut bytes: Vec<u8> = requests.iter().flat_map(|request| request.bytes(&key)).collect();
        bytes.extend_from_slice(&rest.0);
        let said = says(&server, &bytes, QUIET).await;
        let statuses = statuses(&said);
        prop_assert!(statuses.iter().all(|status| !status.starts_with('5')), "{statuses:?}");
        let good = server.guest().post(json!({ "query": "{ __typename }" }).to_string()).await;
        prop_assert_eq!(good.body, json!({ "data": { "__typename": "Query" } }));
        Ok(())
    });
    goes_on(&server).await;
}

/// What reaches GraphQL: a good head, and a body to which something was done. Every answer is JSON.
#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_nearly_graphql_is_answered_in_json() {
    let server = Server::start().await;
    let guest = server.guest();
    try_all(&body(), 400, async |body| {
        let answer = guest.post(body.0).await;
        prop_assert!([200, 400].contains(&answer.status), "{}", answer.status);
        let told = answer.body["errors"].as_array().map_or(0, Vec::len);
        prop_assert!(answer.body["data"].is_object() || told > 0, "{}", answer.body);
        Ok(())
    });
    goes_on(&server).await;
}

//! The handshake, and what is said before anything is subscribed to.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use futures::SinkExt as _;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::{Bytes, Message};

use super::super::super::tests::API_KEY;
use super::{Server, echo, key, protocol, signed};

const INIT: &str = r#"{"type":"connection_init"}"#;

fn unauthorized() -> Value {
    json!({"payload": {"errors": [{
        "errorType": "UnauthorizedException",
        "message": "You are not authorized to make this call.",
        "errorCode": 401,
    }]}, "type": "connection_error"})
}

fn api_key() -> Value {
    json!({"host": "localhost:4000", "X-Api-Key": API_KEY})
}

fn in_query(path: &str, header: &Value) -> String {
    format!("{path}?header={}&payload=e30=", STANDARD.encode(header.to_string()))
}

fn in_protocol(header: &Value) -> (&'static str, String) {
    ("sec-websocket-protocol", format!("graphql-ws, header-{}", URL_SAFE_NO_PAD.encode(header.to_string())))
}

#[tokio::test]
async fn three_carriers_bring_a_key_or_a_signature_to_either_address() {
    let server = Server::start(&echo()).await;
    for path in ["/graphql", "/graphql/realtime"] {
        for header in [api_key(), signed("/graphql/connect", "{}"), json!({"Authorization": "Bearer token:ada"})] {
            server.handshake(&in_query(path, &header), &[protocol()]).await.init().await;
            server.handshake(path, &[in_protocol(&header)]).await.init().await;
            let plain = header.as_object().unwrap().iter();
            let mut plain: Vec<(&'static str, String)> = plain
                .map(|(name, value)| (&*name.to_ascii_lowercase().leak(), value.as_str().unwrap().to_owned()))
                .collect();
            plain.push(protocol());
            server.handshake(path, &plain).await.init().await;
        }
    }
}

#[tokio::test]
async fn bad_credentials_are_told_after_the_handshake_and_then_it_is_closed() {
    let server = Server::start(&echo()).await;
    let wrong_key = json!({"host": "localhost", "x-api-key": "da2-wrong"});
    let other_path = signed("/graphql", "{}");
    let other_body = signed("/graphql/connect", "{ }");
    let expired = json!({"Authorization": "token:expired"});
    for header in [json!({}), wrong_key, other_path, other_body, expired] {
        for path in [in_query("/graphql", &header), "/graphql/realtime".to_owned()] {
            let protocol = if path.contains('?') { protocol() } else { in_protocol(&header) };
            let mut client = server.handshake(&path, &[protocol]).await;
            client.say(INIT).await;
            assert_eq!(client.hear().await, unauthorized(), "{header}");
            assert_eq!(client.closed().await, Some(1000));
        }
    }
    let mut client = server.handshake("/graphql", &[protocol()]).await;
    assert_eq!(client.hear().await, unauthorized());
    // Whoever says nothing is closed all the same.
    assert_eq!(client.closed().await, Some(1000));
}

/// Some clients listen only once the socket is open, and would miss what comes along with the handshake.
#[tokio::test]
async fn a_client_is_refused_once_it_has_asked() {
    let server = Server::start(&echo()).await;
    let mut client = server.handshake("/graphql", &[protocol()]).await;
    let early = tokio::time::timeout(std::time::Duration::from_millis(100), client.hear()).await;
    assert!(early.is_err(), "{early:?}");
    client.say(INIT).await;
    assert_eq!(client.hear().await, unauthorized());
}

/// Some clients ask before they read.
#[tokio::test]
async fn a_client_that_begins_with_an_init_reads_why_it_is_refused() {
    let server = Server::start(&echo()).await;
    let mut client = server.handshake("/graphql", &[protocol()]).await;
    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    client.say(INIT).await;
    assert_eq!(client.hear().await, unauthorized());
    assert_eq!(client.closed().await, Some(1000));
}

#[tokio::test]
async fn credentials_that_cannot_be_read_are_a_bad_request() {
    let server = Server::start(&echo()).await;
    for path in ["/graphql?header=%25%25", "/graphql?header=W10=", "/graphql/realtime?header=e30=&payload=!"] {
        let mut client = server.handshake(path, &[protocol()]).await;
        let mut message = client.hear().await;
        let error = message["payload"]["errors"][0].take();
        assert_eq!(message["type"], "connection_error");
        assert_eq!((&error["errorType"], &error["errorCode"]), (&json!("BadRequestException"), &json!(400)), "{path}");
        client.say(INIT).await;
        assert_eq!(client.closed().await, Some(1000));
    }
}

#[tokio::test]
async fn without_the_sub_protocol_nobody_is_let_in() {
    let server = Server::start(&echo()).await;
    let mut client = server.handshake("/graphql", &[key()]).await;
    let error = client.hear().await["payload"]["errors"][0].take();
    assert_eq!((&error["errorType"], &error["errorCode"]), (&json!("NoProtocolError"), &json!(400)));
    client.say(INIT).await;
    assert_eq!(client.closed().await, Some(1000));
}

#[tokio::test]
async fn what_is_no_websocket_is_told_so() {
    let server = Server::start(&echo()).await;
    for (request, expected) in [
        ("GET /graphql/realtime HTTP/1.1\r\nConnection: close", "takes WebSockets"),
        (
            "GET /graphql HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 8",
            "version 13",
        ),
    ] {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        stream.write_all(format!("{request}\r\nHost: h\r\nX: y\r\n\r\n").as_bytes()).await.unwrap();
        let mut answer = [0; 4096];
        let length = stream.read(&mut answer).await.unwrap();
        let answer = String::from_utf8_lossy(&answer[..length]).into_owned();
        assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
        assert!(answer.contains(expected) || answer.contains("cannot become"), "{answer}");
    }
}

#[tokio::test]
async fn nothing_is_said_before_the_client_has_asked_and_an_init_may_be_repeated() {
    let server = Server::start(&echo()).await;
    let mut client = server.handshake("/graphql", &[protocol(), key()]).await;
    client.hears_nothing().await;
    client.init().await;
    client.init().await;
}

#[tokio::test]
async fn a_start_needs_no_init() {
    let server = Server::start(&echo()).await;
    let mut client = server.handshake("/graphql", &[protocol(), key()]).await;
    client.subscribe("1", "subscription { any { id } }", &json!({})).await;
}

#[tokio::test]
async fn what_makes_no_sense_is_answered_and_the_connection_survives() {
    let server = Server::start(&echo()).await;
    let mut client = server.connect().await;
    for (text, error_type, id) in [
        ("{", "BadRequestException", None),
        ("[]", "BadRequestException", None),
        (r#"{"id":"7"}"#, "UnsupportedOperation", Some("7")),
        ("{}", "UnsupportedOperation", None),
        (r#"{"type":"start","payload":{}}"#, "BadRequestException", None),
        (r#"{"type":"stop"}"#, "BadRequestException", None),
    ] {
        client.say(text).await;
        assert_eq!(client.error(id).await["errorType"], error_type, "{text}");
    }
    client.socket.send(Message::Binary(Bytes::from_static(b"{\"type\":\"connection_init\"}"))).await.unwrap();
    assert_eq!(client.error(None).await["errorType"], "BadRequestException");
    for text in [r#"{"type":"pong"}"#, r#"{"type":"subscribe","id":"1","payload":{}}"#] {
        client.say(text).await;
    }
    client.hears_nothing().await;
    client.init().await;
}

#[tokio::test]
async fn a_ping_is_answered() {
    let server = Server::start(&echo()).await;
    let mut client = server.connect().await;
    client.socket.send(Message::Ping(Bytes::from_static(b"1"))).await.unwrap();
    let pong = futures::StreamExt::next(&mut client.socket).await;
    assert!(matches!(&pong, Some(Ok(Message::Pong(data))) if data.as_ref() == b"1"), "{pong:?}");
}

#[tokio::test]
async fn a_client_may_leave_in_two_ways_and_leaves_nothing_behind() {
    let server = Server::start(&echo()).await;
    let mut client = server.connect().await;
    client.subscribe("1", "subscription { any { id } }", &json!({})).await;
    assert_eq!(server.subscriptions(), 1);
    client.say(r#"{"id":"1","type":"stop"}"#).await;
    client.say(r#"{"type":"connection_terminate"}"#).await;
    assert_eq!(client.hear().await["type"], "complete");
    assert_eq!(client.closed().await, Some(1000));
    server.until_subscriptions(0).await;

    let mut client = server.connect().await;
    client.subscribe("1", "subscription { any { id } }", &json!({})).await;
    client.socket.close(None).await.unwrap();
    assert_eq!(client.closed().await, None);
    server.until_subscriptions(0).await;

    let mut client = server.connect().await;
    client.subscribe("1", "subscription { any { id } }", &json!({})).await;
    drop(client);
    server.until_subscriptions(0).await;
}

#[tokio::test]
async fn a_message_may_have_128_kib() {
    let server = Server::start(&echo()).await;
    let mut client = server.connect().await;
    client.say(format!(r#"{{"type":"pong","x":"{}"}}"#, "x".repeat(127 * 1024))).await;
    client.init().await;
    client.say("x".repeat(129 * 1024)).await;
    assert!(matches!(client.closed().await, Some(1009) | None));
}

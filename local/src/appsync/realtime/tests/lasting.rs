//! How long connections last, in fast motion.

use std::sync::Arc;
use std::time::Duration;

use futures::{SinkExt as _, StreamExt as _};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::Role;

use super::super::super::Api;
use super::super::connection::{config, serve};
use super::super::session::Session;
use super::{Client, echo};

const DAY: Duration = Duration::from_hours(24);

/// A connection in memory: time passes only while nobody has anything to do.
fn connection(api: &Api) -> (DuplexStream, JoinHandle<()>) {
    let (near, far) = duplex(4096);
    let session = Arc::new(Session::new(api.clone(), Vec::new()));
    let task = tokio::spawn(async move {
        serve(WebSocketStream::from_raw_socket(far, Role::Server, Some(config())).await, session).await;
    });
    (near, task)
}

async fn client(api: &Api) -> (Client<DuplexStream>, JoinHandle<()>) {
    let (near, task) = connection(api);
    (Client { socket: WebSocketStream::from_raw_socket(near, Role::Client, None).await }, task)
}

#[tokio::test(start_paused = true)]
async fn a_day_of_keep_alive_and_then_it_is_closed() {
    let api = echo().api();
    let (mut client, task) = client(&api).await;
    let connected = Instant::now();
    client.init().await;
    client.subscribe("1", "subscription { any { id } }", &json!({})).await;
    let (mut keep_alive, mut last) = (0, Instant::now());
    let code = loop {
        match client.socket.next().await {
            Some(Ok(Message::Text(text))) => {
                assert_eq!(text, r#"{"type":"ka"}"#);
                assert_eq!(last.elapsed().as_secs(), 60);
                last = Instant::now();
                keep_alive += 1;
            }
            Some(Ok(Message::Ping(_))) => {}
            Some(Ok(Message::Close(frame))) => break frame.unwrap().code,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(u16::from(code), 1000);
    assert_eq!(connected.elapsed().as_secs(), DAY.as_secs());
    assert!((24 * 60 - 1..=24 * 60).contains(&keep_alive), "{keep_alive}");
    while client.socket.next().await.is_some() {}
    task.await.unwrap();
    assert_eq!(api.realtime.topics.count(), 0);
    assert_eq!(Arc::strong_count(&api.realtime), 1);
}

#[tokio::test(start_paused = true)]
async fn whoever_asks_for_nothing_is_closed_after_five_minutes() {
    let api = echo().api();
    let (mut client, task) = client(&api).await;
    let connected = Instant::now();
    assert_eq!(timeout(DAY, client.socket.next()).await.unwrap().unwrap().unwrap(), Message::Ping("".into()));
    loop {
        match client.socket.next().await {
            Some(Ok(Message::Ping(_))) => {}
            Some(Ok(Message::Close(frame))) => break assert_eq!(u16::from(frame.unwrap().code), 1000),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(connected.elapsed().as_secs(), 300);
    while client.socket.next().await.is_some() {}
    task.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_answers_no_ping_is_dropped_after_five_minutes() {
    let api = echo().api();
    let (mut client, task) = client(&api).await;
    client.init().await;
    client.subscribe("1", "subscription { any { id } }", &json!({})).await;
    // From here on it takes what it is sent, and answers nothing.
    let silent = Instant::now();
    let mut stream = client.socket.into_inner();
    let mut received = Vec::new();
    stream.read_to_end(&mut received).await.unwrap();
    assert_eq!(silent.elapsed().as_secs(), 300);
    assert_eq!(received.windows(4).filter(|bytes| bytes == b"\"ka\"").count(), 4);
    task.await.unwrap();
    assert_eq!(api.realtime.topics.count(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_takes_nothing_is_dropped_after_half_a_minute() {
    let api = echo().api();
    let (mut client, task) = client(&api).await;
    client.init().await;
    let mut stream = client.socket.into_inner();
    // Masked frames of unknown sense, each answered, and no answer taken: 4 KB later there is no more room.
    let started = Instant::now();
    let frame = [0x81, 0x82, 0, 0, 0, 0, b'{', b'}'];
    while timeout(Duration::from_secs(1), stream.write_all(&frame)).await.is_ok_and(|written| written.is_ok()) {
        assert!(started.elapsed() < Duration::from_mins(5), "everything is taken");
    }
    task.await.unwrap();
    assert!((30..=92).contains(&started.elapsed().as_secs()), "{:?}", started.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_close_that_is_not_answered_takes_two_seconds() {
    let api = echo().api();
    let (mut client, task) = client(&api).await;
    client.init().await;
    client.socket.send(Message::text(r#"{"type":"connection_terminate"}"#)).await.unwrap();
    let asked = Instant::now();
    let _stream = client.socket.into_inner();
    task.await.unwrap();
    assert_eq!(asked.elapsed().as_secs(), 2);
}

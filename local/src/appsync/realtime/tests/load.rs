//! Many subscribers, and those that do not keep up.

use std::time::Instant;

use serde_json::json;
use tokio::time::timeout;

use super::super::Realtime;
use super::{PATIENCE, Server, echo};

const ANY: &str = "subscription { any { id name } }";

/// This process's resident memory in bytes.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/statm").unwrap();
    status.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4096
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_does_not_read_is_given_up_and_nobody_else_notices() {
    let server = Server::start(&echo()).await;
    let mut slow = server.connect().await;
    let mut good = server.connect().await;
    for id in 0..10 {
        slow.subscribe(&id.to_string(), ANY, &json!({})).await;
    }
    good.subscribe("1", ANY, &json!({})).await;
    let name = "x".repeat(200_000);
    for id in 0..60 {
        let started = Instant::now();
        server.announce("id name", &json!({"id": id, "name": name})).await;
        assert!(started.elapsed() < PATIENCE / 2);
        let received = good.event("1").await;
        assert_eq!(received["data"]["any"]["id"], id.to_string());
    }
    server.until_subscriptions(1).await;
    // What was under way arrives, and then the connection breaks off.
    let end = async { while let Some(Ok(_)) = futures::StreamExt::next(&mut slow.socket).await {} };
    timeout(PATIENCE, end).await.unwrap();
    good.hears_nothing().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_come_and_go_and_leave_nothing_behind() {
    let server = Server::start(&echo()).await;
    for index in 0..500 {
        let mut client = server.connect().await;
        let query = format!("subscription S{index} {{ any {{ id }} }}");
        client.subscribe("1", &query, &json!({})).await;
    }
    server.until_subscriptions(0).await;
    let Realtime { documents, audiences, .. } = &*server.api.realtime;
    assert!(documents.capacity() < 100, "{}", documents.capacity());
    assert!(audiences.capacity() < 100, "{}", audiences.capacity());
}

/// Prints the memory of an idle subscriber and the time that an event takes to all of them:
/// `cargo test -p local --lib appsync::realtime::tests::load -- --ignored --nocapture`. Of the client's side nothing but
/// the TCP socket is kept.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement; needs two file descriptors for each subscriber"]
async fn measure_many_subscribers() {
    for count in [100, 9_500] {
        for distinct in [false, true] {
            measure(count, distinct).await;
        }
    }
}

/// Subscribers of one document, or each of its own.
async fn measure(count: usize, distinct: bool) {
    let server = Server::start(&echo()).await;
    let before = resident();
    let mut clients = Vec::with_capacity(count);
    for index in 0..count {
        let mut client = server.connect().await;
        let name = if distinct { format!("S{index}") } else { String::new() };
        let query = format!("subscription {name}($owner: ID) {{ changed(owner: $owner) {{ id name }} }}");
        client.subscribe("1", &query, &json!({"owner": "ada"})).await;
        clients.push(client.socket.into_inner());
    }
    let each = resident().saturating_sub(before) / count;
    let started = Instant::now();
    server.announce("id name owner", &json!({"id": "1", "name": "x".repeat(2000), "owner": "ada"})).await;
    let answered = started.elapsed();
    for client in &mut clients {
        client.readable().await.unwrap();
    }
    let delivered = started.elapsed();
    let others = Instant::now();
    server.announce("id name owner", &json!({"id": "1", "owner": "bob"})).await;
    println!(
        "{count} subscribers, own documents: {distinct}: {each} bytes each, resident {} MB, mutation answered after \
         {answered:?}, all served after {delivered:?}, a mutation for none of them {:?}",
        resident() / 1_000_000,
        others.elapsed()
    );
}

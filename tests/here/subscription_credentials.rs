//! Credentials that are no good, in every way there is, on the way to a subscription: refused when connecting and again
//! at every start.

use reqwest::header::HeaderMap;
use serde_json::{Value, json};

use crate::support::{Carrier, Server, Subscriber, apples_and_a_pear, id, impostors};

/// What somebody is told who is not let in.
fn not_let_in() -> Value {
    let error = json!({ "errorType": "UnauthorizedException", "message": "You are not authorized to make this call.", "errorCode": 401 });
    json!({ "payload": { "errors": [error] }, "type": "connection_error" })
}

/// What somebody is told whose subscription does not start.
fn not_started(subscription: usize) -> Value {
    let error = json!({ "errorType": "UnauthorizedException", "message": "You are not authorized to make this call." });
    json!({ "type": "error", "id": subscription.to_string(), "payload": { "errors": [error] } })
}

async fn refused(server: &Server, carrier: Carrier, what: &str, proof: &HeaderMap) {
    let answer = Subscriber::try_to_connect(server, carrier, proof).await;
    assert_eq!(answer.err(), Some(not_let_in()), "{what}, by {carrier:?}");
}

#[tokio::test]
async fn bad_credentials_get_nobody_in_by_any_way() {
    let (server, other) = (Server::start().await, Server::start().await);
    for (what, impostor) in impostors(&server, &other) {
        for carrier in Carrier::ALL {
            refused(&server, carrier, what, &impostor.proof("/graphql/connect", "{}")).await;
        }
    }
    let log = server.home.log();
    assert!(!log.contains("panicked") && !log.contains(&server.addresses.secret_access_key), "{log}");
}

#[tokio::test]
async fn a_signature_gets_nobody_in_but_for_connecting() {
    let server = Server::start().await;
    let backend = server.backend();
    let good = backend.proof("/graphql/connect", "{}");
    for carrier in Carrier::ALL {
        for (path, body) in [
            ("/graphql", "{}"),
            ("/graphql/realtime", "{}"),
            ("/graphql/connect/", "{}"),
            ("/graphql/connect", ""),
            ("/graphql/connect", "{ }"),
        ] {
            refused(&server, carrier, &format!("signed for {path} with {body:?}"), &backend.proof(path, body)).await;
        }
        for (name, value) in [
            ("x-amz-date", "20200101T000000Z"),
            ("content-encoding", "amz-2.0"),
            ("x-amz-date", ""),
            ("authorization", "AWS4-HMAC-SHA256"),
        ] {
            let mut changed = good.clone();
            changed.insert(name, value.parse().expect("a header"));
            refused(&server, carrier, &format!("{name} changed to {value:?}"), &changed).await;
        }
        for name in ["authorization", "x-amz-date"] {
            let mut less = good.clone();
            less.remove(name);
            refused(&server, carrier, &format!("without {name}"), &less).await;
        }
        assert!(Subscriber::try_to_connect(&server, carrier, &good).await.is_ok());
    }
}

#[tokio::test]
async fn whoever_is_in_still_needs_credentials_for_every_start() {
    let (server, other) = (Server::start().await, Server::start().await);
    let (guest, backend) = (server.guest(), server.backend());
    let order_id = server.place_and_settle(&guest, apples_and_a_pear()).await;
    let data = json!({
        "query": "subscription ($id: ID!) { orderChanged(id: $id) { id } }", "variables": { "id": order_id },
    })
    .to_string();
    let mut subscriber = Subscriber::connect(&server, &backend).await;
    let good = subscriber.follow(&guest, "orderChanged", &order_id).await;
    let mut bad: Vec<_> = impostors(&server, &other)
        .into_iter()
        .map(|(what, impostor)| (what.to_owned(), impostor.proof("/graphql", &data)))
        .collect();
    let spaced = data.replacen(':', ": ", 1);
    for (path, body) in [
        ("/graphql/connect", &*data),
        ("/graphql/connect", "{}"),
        ("/graphql/realtime", &data),
        ("/graphql", "{}"),
        ("/graphql", ""),
        ("/graphql", &spaced),
        ("/graphql", &data.replace("orderChanged", "orderFulfilled")),
    ] {
        bad.push((format!("signed for {path} with {body:?}"), backend.proof(path, body)));
    }
    for (number, (what, proof)) in bad.iter().enumerate() {
        assert_eq!(subscriber.start(&data, proof).await, Err(not_started(number + 2)), "{what}");
    }
    server.announce(&order_id).await;
    assert_eq!(id(&subscriber.order(&good).await), order_id, "who had started before is not disturbed");

    let spaced_by_backend = subscriber.start(&spaced, &backend.proof("/graphql", &spaced)).await.expect("a good start");
    subscriber.stop(&good).await;
    server.announce(&order_id).await;
    assert_eq!(id(&subscriber.order(&spaced_by_backend).await), order_id, "and nobody else was told");
}

#[tokio::test]
async fn plain_headers_get_everybody_in_as_well() {
    let server = Server::start().await;
    for (_, caller) in server.one_of_each_kind().await {
        let order_id = server.place_and_settle(&caller, apples_and_a_pear()).await;
        let mut subscriber = Subscriber::connect_by(&server, Carrier::Headers, &caller).await;
        let changed = subscriber.follow(&caller, "orderChanged", &order_id).await;
        server.announce(&order_id).await;
        assert_eq!(id(&subscriber.order(&changed).await), order_id);
    }
}

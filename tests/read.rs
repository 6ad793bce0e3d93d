//! Somebody looks an order up.

use serde_json::{Value, json};
use uuid::Uuid;

use super::support::{Reply, Server, Warehouse, apples_and_a_pear, changes, id, quantities, text};

#[tokio::test]
async fn a_guest_reads_an_order_by_its_id_and_so_does_a_backend() {
    let server = Server::start().await;
    let order = server.guest().place(apples_and_a_pear()).await;
    let fulfilled = server.until_fulfilled(&id(&order)).await;
    assert_eq!(server.guest().order(&id(&order)).await, fulfilled);
    assert_eq!(server.backend().order(&id(&order)).await, fulfilled);
}

#[tokio::test]
async fn an_order_that_does_not_exist_reads_as_null_without_an_error() {
    let server = Server::start().await;
    for id in [&Uuid::new_v4().to_string(), "", "no such thing", "☃", &"x".repeat(5000)] {
        assert_eq!(server.guest().order(id).await, Value::Null, "{id:.40}");
        assert_eq!(server.backend().order(id).await, Value::Null, "{id:.40}");
    }
}

#[tokio::test]
async fn a_backends_order_does_not_exist_for_a_guest() {
    let server = Server::start().await;
    for customer in [Value::Null, json!("ada")] {
        let mut input = apples_and_a_pear();
        input["customerId"] = customer;
        let id = server.backend().place_for_id(input).await;
        assert_eq!(server.guest().order(&id).await, Value::Null);
        server.until_fulfilled(&id).await;
        assert_eq!(server.guest().order(&id).await, Value::Null);
        assert_eq!(server.guest().order_as_of(&id, "2100-01-01T00:00:00Z").await, Value::Null);
    }
}

#[tokio::test]
async fn an_order_reads_as_it_stood_at_any_moment() {
    let one_apple = Reply::json(200, &json!({ "lines": [{ "id": "/lines/0", "quantity": 1 }] }));
    let warehouse = Warehouse::that_says(one_apple).await;
    let server = Server::with(&["--warehouse-url", &warehouse.url]).await;
    let guest = server.guest();
    let placed = guest.place(apples_and_a_pear()).await;
    let order_id = id(&placed);
    let partial = server.until_status(&order_id, "PARTIALLY_FULFILLED").await;
    let then = text(&partial["changes"][0]["at"]);
    let later = |at: &Value| text(at).parse::<jiff::Timestamp>().is_ok_and(|at| jiff::Timestamp::now() > at);
    server.until("the clock has moved on", async || later(&partial["changes"][0]["at"]).then_some(())).await;
    let whole = server.backend().report(&order_id, "R-1", Value::Null).await;
    assert_eq!(whole["status"], "FULFILLED");

    let received_at = text(&placed["receivedAt"]);
    let received: jiff::Timestamp = received_at.parse().expect("a moment");
    let before = received - jiff::SignedDuration::from_millis(1);
    for before in [before.to_string().as_str(), "1970-01-01T00:00:00Z", "-0044-03-15T12:00:00Z"] {
        assert_eq!(guest.order_as_of(&order_id, before).await, Value::Null, "{before}");
    }
    let first = guest.order_as_of(&order_id, &received_at).await;
    assert_eq!((&first["status"], quantities(&first)), (&json!("RECEIVED"), vec![(2, 0), (1, 0)]));
    assert_eq!(changes(&first), []);
    let second = guest.order_as_of(&order_id, &then).await;
    assert_eq!(second, partial);
    assert_eq!(quantities(&second), [(2, 1), (1, 0)]);
    for now in ["2100-01-01T00:00:00Z", "2100-01-01T00:00:00.123456789+02:00", "2100-01-01T00:00Z"] {
        assert_eq!(guest.order_as_of(&order_id, now).await, whole, "{now}");
    }
}

#[tokio::test]
async fn a_moment_that_is_none_is_refused() {
    let server = Server::start().await;
    let id = server.guest().place_for_id(apples_and_a_pear()).await;
    for moment in ["yesterday", "", "2026-01-31", "2026-01-31T12:00:00", "2026-13-31T12:00:00Z"] {
        let answer = server.guest().try_to_read_as_of(&id, moment).await;
        assert_eq!((answer.data, answer.errors.len()), (Value::Null, 1), "{moment}");
        let message = text(&answer.errors[0]["message"]);
        assert!(message.contains("asOf") && message.contains("valid DateTime"), "{message}");
    }
}

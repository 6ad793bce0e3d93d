//! Somebody looks an order up.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{Stage, apples_and_a_pear, id, text};

#[tokio::test]
async fn a_guest_reads_an_order_by_its_id_and_so_does_a_backend() {
    let stage = Stage::reach().await;
    let order = stage.guest().place(apples_and_a_pear()).await;
    let fulfilled = stage.until_fulfilled(&id(&order)).await;
    assert_eq!(stage.guest().order(&id(&order)).await, fulfilled);
    assert_eq!(stage.backend().order(&id(&order)).await, fulfilled);
}

#[tokio::test]
async fn an_order_that_does_not_exist_reads_as_null_without_an_error() {
    let stage = Stage::reach().await;
    for id in [&Uuid::new_v4().to_string(), "", "no such thing", "☃", &"x".repeat(5000)] {
        assert_eq!(stage.guest().order(id).await, Value::Null, "{id:.40}");
        assert_eq!(stage.backend().order(id).await, Value::Null, "{id:.40}");
    }
}

#[tokio::test]
async fn a_backends_order_does_not_exist_for_a_guest() {
    let stage = Stage::reach().await;
    for customer in [Value::Null, json!(stage.own("ada"))] {
        let mut input = apples_and_a_pear();
        input["customerId"] = customer;
        let id = stage.backend().place_for_id(input).await;
        assert_eq!(stage.guest().order(&id).await, Value::Null);
        stage.until_fulfilled(&id).await;
        assert_eq!(stage.guest().order(&id).await, Value::Null);
        assert_eq!(stage.guest().order_as_of(&id, "2100-01-01T00:00:00Z").await, Value::Null);
    }
}

#[tokio::test]
async fn an_order_is_not_there_before_it_came_and_stays_as_it_became() {
    let stage = Stage::reach().await;
    let guest = stage.guest();
    let placed = guest.place(apples_and_a_pear()).await;
    let order = stage.until_fulfilled(&id(&placed)).await;
    let received: jiff::Timestamp = text(&placed["receivedAt"]).parse().expect("a moment");
    let before = (received - jiff::SignedDuration::from_millis(1)).to_string();
    for before in [&before, "1970-01-01T00:00:00Z"] {
        assert_eq!(guest.order_as_of(&id(&placed), before).await, Value::Null, "{before}");
    }
    for later in [&*text(&order["fulfilledAt"]), "2100-01-01T00:00:00Z", "2100-01-01T00:00:00.123+02:00"] {
        assert_eq!(guest.order_as_of(&id(&placed), later).await, order, "{later}");
    }
}

#[tokio::test]
async fn a_moment_that_is_none_is_refused() {
    let stage = Stage::reach().await;
    let id = stage.guest().place_for_id(apples_and_a_pear()).await;
    for moment in ["yesterday", "", "2026-01-31", "2026-01-31T12:00:00", "2026-13-31T12:00:00Z"] {
        let answer = stage.guest().try_to_read_as_of(&id, moment).await;
        assert_eq!((answer.data, answer.errors.len()), (Value::Null, 1), "{moment}");
        let message = text(&answer.errors[0]["message"]);
        assert!(message.contains("asOf") && message.contains("valid DateTime"), "{message}");
    }
}

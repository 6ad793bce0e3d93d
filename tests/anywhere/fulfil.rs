//! Without a warehouse, everything ships at once, and whoever waits is told.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{Stage, apples_and_a_pear, change, changes, document, id, list, quantities, text};

#[tokio::test]
async fn a_placed_order_is_fulfilled() {
    let stage = Stage::reach().await;
    let placed = stage.guest().place(apples_and_a_pear()).await;
    let order = stage.until_fulfilled(&id(&placed)).await;
    assert_eq!(quantities(&order), [(2, 2), (1, 1)]);
    assert_eq!(changes(&order), [change("warehouse/0", "FULFILLED")]);
    let shipped = json!([{ "line": "/lines/0", "quantity": 2 }, { "line": "/lines/1", "quantity": 1 }]);
    assert_eq!(order["changes"][0]["lines"], shipped);
    assert_eq!(order["fulfilledAt"], order["changes"][0]["at"]);
    assert!(text(&order["fulfilledAt"]) >= text(&order["receivedAt"]));
    assert_eq!(order["problems"], json!([]));
}

#[tokio::test]
async fn many_orders_are_all_fulfilled() {
    let stage = Stage::reach().await;
    let guest = stage.guest();
    let ids = futures::future::join_all((0..50).map(|_| guest.place_for_id(apples_and_a_pear()))).await;
    for id in &ids {
        assert_eq!(changes(&stage.until_fulfilled(id).await), [change("warehouse/0", "FULFILLED")]);
    }
    let attention = stage.backend().attention().await;
    assert!(attention.iter().all(|order| !ids.contains(&id(order))), "nobody has to look at them");
}

#[tokio::test]
async fn an_order_may_have_five_thousand_lines() {
    let stage = Stage::reach().await;
    let long = document(&json!({ "id": "long", "data": vec!["TEA"; 5_000] }));
    let order_id = stage.guest().place_for_id(long).await;
    let order = stage.until_fulfilled(&order_id).await;
    assert_eq!(list(&order["changes"][0]["lines"]).len(), 5_000);
}

#[tokio::test]
async fn an_event_carries_the_order_as_a_reader_would_see_it_without_its_document() {
    let stage = Stage::reach().await;
    let placed = stage.guest().place(apples_and_a_pear()).await;
    let mut order = stage.until_fulfilled(&id(&placed)).await;
    order["document"] = Value::Null;
    for mutation in ["publishOrderFulfilled", "publishOrderChanged"] {
        assert_eq!(stage.backend().try_to_publish(mutation, &id(&placed)).await.value(mutation), order);
        let nobody = stage.backend().try_to_publish(mutation, &Uuid::new_v4().to_string()).await;
        assert_eq!(nobody.value(mutation), Value::Null);
    }
}

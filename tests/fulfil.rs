//! Without a warehouse, everything ships at once, and whoever waits is told.

use serde_json::{Value, json};
use uuid::Uuid;

use super::support::{
    Proxy, Server, apples_and_a_pear, change, changes, document, gibberish, id, list, quantities, text,
};

#[tokio::test]
async fn a_placed_order_is_fulfilled_and_that_is_published() {
    let proxy = Proxy::start().await;
    let server = Server::with(&["--env", &proxy.instead_of_appsync()]).await;
    proxy.lead_to_appsync_of(&server);
    let placed = server.guest().place(apples_and_a_pear()).await;
    let order = server.until_fulfilled(&id(&placed)).await;

    assert_eq!(quantities(&order), [(2, 2), (1, 1)]);
    assert_eq!(changes(&order), [change("warehouse/0", "FULFILLED")]);
    let shipped = json!([{ "line": "/lines/0", "quantity": 2 }, { "line": "/lines/1", "quantity": 1 }]);
    assert_eq!(order["changes"][0]["lines"], shipped);
    assert_eq!(order["fulfilledAt"], order["changes"][0]["at"]);
    assert!(text(&order["fulfilledAt"]) >= text(&order["receivedAt"]));
    assert_eq!(order["problems"], json!([]));
    let published = async || (proxy.times("publishOrderFulfilled", &id(&order)) > 0).then_some(());
    server.until("the order is published", published).await;
    assert_eq!(proxy.times("publishOrderChanged", &id(&order)), 0, "nothing but its end is to be told");
}

#[tokio::test]
async fn many_orders_are_all_fulfilled() {
    let server = Server::start().await;
    let guest = server.guest();
    let ids = futures::future::join_all((0..50).map(|_| guest.place_for_id(apples_and_a_pear()))).await;
    for id in ids {
        assert_eq!(changes(&server.until_fulfilled(&id).await), [change("warehouse/0", "FULFILLED")]);
    }
    assert_eq!(server.backend().attention().await, Vec::<Value>::new());
}

#[tokio::test]
async fn an_order_may_have_five_thousand_lines_and_no_more() {
    let server = Server::start().await;
    let of_lines = |lines: usize| document(&json!({ "id": "long", "data": vec!["TEA"; lines] }));
    let order_id = server.guest().place_for_id(of_lines(5_000)).await;
    let order = server.until_fulfilled(&order_id).await;
    assert_eq!(list(&order["changes"][0]["lines"]).len(), 5_000);

    let order_id = server.guest().place_for_id(of_lines(5_001)).await;
    let order = server.until_status(&order_id, "NEEDS_ATTENTION").await;
    assert!(text(&order["problems"][0]).contains("5001 lines"), "{}", order["problems"]);
}

#[tokio::test]
async fn an_order_that_nobody_understands_is_published_as_changed() {
    let proxy = Proxy::start().await;
    let server = Server::with(&["--env", &proxy.instead_of_appsync()]).await;
    proxy.lead_to_appsync_of(&server);
    let id = server.guest().place_for_id(gibberish()).await;
    let published = async || (proxy.times("publishOrderChanged", &id) > 0).then_some(());
    server.until("the order is published", published).await;

    let order = server.guest().order(&id).await;
    assert_eq!(order["status"], "NEEDS_ATTENTION");
    let [(_, kind)] = &changes(&order)[..] else { panic!("one change: {order}") };
    assert_eq!(kind, "NOT_UNDERSTOOD");
    assert!(text(&order["changes"][0]["reason"]).contains("no format knows"));
    assert_eq!(proxy.times("publishOrderFulfilled", &id), 0);
}

#[tokio::test]
async fn an_event_carries_the_order_as_a_reader_would_see_it_without_its_document() {
    let server = Server::start().await;
    let placed = server.guest().place(apples_and_a_pear()).await;
    let mut order = server.until_fulfilled(&id(&placed)).await;
    order["document"] = Value::Null;
    for mutation in ["publishOrderFulfilled", "publishOrderChanged"] {
        assert_eq!(server.backend().try_to_publish(mutation, &id(&placed)).await.value(mutation), order);
        let nobody = server.backend().try_to_publish(mutation, &Uuid::new_v4().to_string()).await;
        assert_eq!(nobody.value(mutation), Value::Null);
    }
}

#[tokio::test]
async fn an_event_that_would_be_too_large_leaves_out_what_can_be_read() {
    let proxy = Proxy::start().await;
    let server = Server::with(&["--env", &proxy.instead_of_appsync()]).await;
    proxy.lead_to_appsync_of(&server);
    let skus: Vec<_> = (0..3000).map(|number| format!("{number:0100}")).collect();
    let mut input = document(&json!({ "id": "large", "data": skus }));
    input["customerId"] = json!("ada");
    let order_id = server.backend().place_for_id(input).await;
    let order = server.until_fulfilled(&order_id).await;
    assert_eq!(list(&order["lines"]).len(), 3000);
    let published = async || (proxy.times("publishOrderFulfilled", &order_id) > 0).then_some(());
    server.until("the order is published", published).await;

    let event = server.backend().try_to_publish("publishOrderFulfilled", &order_id).await;
    let event = event.value("publishOrderFulfilled");
    assert!(event.to_string().len() < 240 * 1024);
    assert_eq!((&event["lines"], &event["changes"], &event["document"]), (&Value::Null, &Value::Null, &Value::Null));
    assert_eq!((&event["status"], &event["customerId"]), (&json!("FULFILLED"), &json!("ada")));
    assert_eq!(event["reference"], "large");
}

//! What AppSync is asked to tell of an order, as somebody hears it who stands in between.

use serde_json::{Value, json};

use crate::support::{Proxy, Server, apples_and_a_pear, changes, document, gibberish, id, list, text};

#[tokio::test]
async fn that_an_order_is_fulfilled_is_published() {
    let proxy = Proxy::start().await;
    let server = Server::with(&["--env", &proxy.instead_of_appsync()]).await;
    proxy.lead_to_appsync_of(&server);
    let placed = server.guest().place(apples_and_a_pear()).await;
    let order = server.until_fulfilled(&id(&placed)).await;
    let published = async || (proxy.times("publishOrderFulfilled", &id(&order)) > 0).then_some(());
    server.until("the order is published", published).await;
    assert_eq!(proxy.times("publishOrderChanged", &id(&order)), 0, "nothing but its end is to be told");
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

#[tokio::test]
async fn an_order_of_more_than_five_thousand_lines_needs_attention() {
    let server = Server::start().await;
    let longer = document(&json!({ "id": "long", "data": vec!["TEA"; 5_001] }));
    let order_id = server.guest().place_for_id(longer).await;
    let order = server.until_status(&order_id, "NEEDS_ATTENTION").await;
    assert!(text(&order["problems"][0]).contains("5001 lines"), "{}", order["problems"]);
}

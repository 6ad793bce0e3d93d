//! Whoever subscribes is told of all that a warehouse draws out, and in time, because nothing is told before they listen.

use serde_json::{Value, json};

use crate::support::{
    ORDER, Proxy, Reply, Server, Subscriber, Warehouse, apples_and_a_pear, changes, everything, gibberish, id, list,
    order_of, text,
};

/// A server whose orders are told of only once the proxy leads to it.
async fn that_tells_later(warehouse: &Warehouse) -> (Server, Proxy) {
    let proxy = Proxy::start().await;
    let server = Server::with(&["--warehouse-url", &warehouse.url, "--env", &proxy.instead_of_appsync()]).await;
    (server, proxy)
}

fn accepted() -> Reply {
    Reply::json(202, &json!({ "lines": [] }))
}

fn kinds(order: &Value) -> Vec<String> {
    changes(order).into_iter().map(|(_, kind)| kind).collect()
}

#[tokio::test]
async fn every_change_of_an_order_is_told_and_its_end_once() {
    let (server, proxy) = that_tells_later(&Warehouse::that_says(accepted()).await).await;
    let (guest, backend) = (server.guest(), server.backend());
    let order_id = guest.place_for_id(everything()).await;
    let mut subscriber = Subscriber::connect(&server, &guest).await;
    let changed = subscriber.follow(&guest, "orderChanged", &order_id).await;
    let fulfilled = subscriber.follow(&guest, "orderFulfilled", &order_id).await;

    proxy.lead_to_appsync_of(&server);
    let told = subscriber.order(&changed).await;
    assert_eq!((&told["status"], kinds(&told)), (&json!("RECEIVED"), vec!["ACCEPTED".to_owned()]));
    assert_eq!(told, server.as_told(&order_id).await, "everything but the document");
    assert_eq!((&told["customer"]["name"], &told["total"]["amount"]), (&json!("Ada Lovelace"), &json!("15.50")));

    backend.report(&order_id, "R-1", json!([{ "line": "/lines/0", "quantity": 1 }])).await;
    let told = subscriber.order(&changed).await;
    assert_eq!(told["status"], "PARTIALLY_FULFILLED");
    assert_eq!(told, server.as_told(&order_id).await);

    backend.report(&order_id, "R-2", Value::Null).await;
    let told = server.as_told(&order_id).await;
    assert_eq!(told["status"], "FULFILLED");
    let expected = vec![(changed.clone(), told.clone()), (fulfilled, told)];
    assert_eq!(subscriber.orders(2).await, expected, "to each once");

    server.announce(&order_id).await;
    assert_eq!(id(&subscriber.order(&changed).await), order_id, "a later change is no second end");
}

#[tokio::test]
async fn a_refusal_is_a_change_and_not_an_end() {
    let refuses = Reply::json(422, &json!({ "refused": true, "reason": "sold out" }));
    let (server, proxy) = that_tells_later(&Warehouse::that_says(refuses).await).await;
    let guest = server.guest();
    let order_id = guest.place_for_id(apples_and_a_pear()).await;
    let mut subscriber = Subscriber::connect(&server, &guest).await;
    let fulfilled = subscriber.follow(&guest, "orderFulfilled", &order_id).await;
    let changed = subscriber.follow(&guest, "orderChanged", &order_id).await;

    proxy.lead_to_appsync_of(&server);
    let told = subscriber.order(&changed).await;
    assert_eq!((&told["status"], kinds(&told)), (&json!("NEEDS_ATTENTION"), vec!["REFUSED".to_owned()]));
    assert_eq!(told["changes"][0]["reason"], "sold out");

    server.backend().report(&order_id, "R-1", Value::Null).await;
    for (subscription, order) in subscriber.orders(2).await {
        assert_eq!((&order["status"], id(&order)), (&json!("FULFILLED"), order_id.clone()));
        assert!([&fulfilled, &changed].contains(&&subscription));
    }
}

#[tokio::test]
async fn an_order_that_nobody_understands_is_told_as_a_change() {
    let (server, proxy) = that_tells_later(&Warehouse::that_ships().await).await;
    let guest = server.guest();
    let order_id = guest.place_for_id(gibberish()).await;
    let mut subscriber = Subscriber::connect(&server, &guest).await;
    let fulfilled = subscriber.follow(&guest, "orderFulfilled", &order_id).await;
    let changed = subscriber.follow(&guest, "orderChanged", &order_id).await;

    proxy.lead_to_appsync_of(&server);
    let told = subscriber.order(&changed).await;
    assert_eq!((&told["status"], kinds(&told)), (&json!("NEEDS_ATTENTION"), vec!["NOT_UNDERSTOOD".to_owned()]));
    assert!(text(&told["changes"][0]["reason"]).contains("no format knows"), "{told}");
    assert!(!list(&told["problems"]).is_empty());
    assert_eq!(told, server.as_told(&order_id).await);
    subscriber.stop(&fulfilled).await;
    server.announce(&order_id).await;
    assert_eq!(id(&subscriber.order(&changed).await), order_id, "and of an end nothing was told");
}

#[tokio::test]
async fn whoever_reconnects_reads_what_they_missed_and_is_told_the_rest() {
    let (server, proxy) = that_tells_later(&Warehouse::that_says(accepted()).await).await;
    let (alice, backend) = (server.customer("alice").await, server.backend());
    let order_id = alice.place_for_id(json!({ "order": order_of(&[("TEA", 3)]) })).await;
    let mut before = Subscriber::connect(&server, &alice).await;
    let changed = before.follow(&alice, "orderChanged", &order_id).await;
    proxy.lead_to_appsync_of(&server);
    assert_eq!(kinds(&before.order(&changed).await), ["ACCEPTED"]);
    drop(before);

    backend.report(&order_id, "R-1", json!([{ "line": "/lines/0", "quantity": 1 }])).await;
    let mut after = Subscriber::connect(&server, &alice).await;
    let changed = after.follow(&alice, "orderChanged", &order_id).await;
    assert_eq!(alice.order(&order_id).await["status"], "PARTIALLY_FULFILLED");
    backend.report(&order_id, "R-2", Value::Null).await;
    let told = after.order(&changed).await;
    assert_eq!(told["status"], "FULFILLED", "what was missed is not told again");
    assert_eq!(list(&told["changes"]).len(), 3, "but is in what is told now");
}

#[tokio::test]
async fn each_is_told_under_the_names_they_gave() {
    let server = Server::start().await;
    let guest = server.guest();
    let order_id = server.place_and_settle(&guest, apples_and_a_pear()).await;
    let mut subscriber = Subscriber::connect(&server, &guest).await;
    let query = "subscription ($id: ID!) { mine: orderChanged(id: $id) { number: id state: status } }";
    let subscription = subscriber.subscribe(&guest, query, &json!({ "id": order_id })).await;
    server.announce(&order_id).await;
    let event = subscriber.next().await;
    let expected = json!({ "data": { "mine": { "number": order_id, "state": "FULFILLED" } } });
    assert_eq!((event.subscription, event.payload), (subscription, expected));
}

#[tokio::test]
async fn a_query_and_a_mutation_are_no_subscription() {
    let server = Server::start().await;
    let backend = server.backend();
    let order_id = server.place_and_settle(&backend, apples_and_a_pear()).await;
    let mut subscriber = Subscriber::connect(&server, &backend).await;
    let good = subscriber.follow(&backend, "anyOrderChanged", "").await;
    for (kind, query) in [
        ("query", format!("query ($id: ID!) {{ order(id: $id) {ORDER} }}")),
        ("mutation", "mutation ($id: ID!) { publishOrderChanged(id: $id) { id } }".to_owned()),
    ] {
        let refused = subscriber.try_to_subscribe(&backend, &query, &json!({ "id": order_id })).await;
        let refused = refused.expect_err(kind);
        assert_eq!(refused["payload"]["errors"][0]["errorType"], "UnsupportedOperation", "{refused}");
    }
    let other = backend.place_for_id(apples_and_a_pear()).await;
    assert_eq!(id(&subscriber.order(&good).await), other, "nothing was published");
}

//! Something is down for longer than an hour, in fast motion: nothing is lost, somebody is told, and all is made good.

use std::collections::HashSet;
use std::fs;
use std::path::PathBuf;

use futures::future::join_all;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{
    Client, FAST, Home, PATIENCE, Proxy, Reply, Server, Warehouse, apples_and_a_pear, change, changes, files_below, id,
    list, order_of, text,
};

const ORDERS: usize = 8;

async fn place_some(guest: &Client) -> Vec<String> {
    join_all((0..ORDERS).map(|_| guest.place_for_id(apples_and_a_pear()))).await
}

/// Waits until exactly these orders are shown to whoever must look, each with a reason that has this word in it.
async fn until_shown(server: &Server, ids: &[String], word: &str) -> Vec<Value> {
    let wanted: HashSet<_> = ids.iter().cloned().collect();
    let shown = async || {
        let orders = server.backend().attention().await;
        (orders.iter().map(id).collect::<HashSet<_>>() == wanted).then_some(orders)
    };
    let orders = server.until("the orders are shown to whoever must look", shown).await;
    for order in &orders {
        let problems = list(&order["problems"]);
        assert_eq!(problems.len(), 1, "{order}");
        let problem = text(&problems[0]);
        assert!(problem.contains("tried again") && problem.contains(word), "the reason: {problem}");
    }
    orders
}

async fn until_nothing_is_shown(server: &Server) {
    let gone = async || server.backend().attention().await.is_empty().then_some(());
    server.until("nobody has to look any more", gone).await;
}

async fn until_published(server: &Server, proxy: &Proxy, ids: &[String]) {
    for id in ids {
        let published = async || (proxy.times("publishOrderFulfilled", id) > 0).then_some(());
        server.until("the order is published", published).await;
    }
}

#[tokio::test]
async fn orders_outlive_an_outage_of_the_warehouse() {
    let (warehouse, proxy) = (Warehouse::that_ships().await, Proxy::start().await);
    warehouse.goes_down();
    let appsync = proxy.instead_of_appsync();
    let server = Server::with(&["--warehouse-url", &warehouse.url, "--env", &appsync, FAST[0], FAST[1]]).await;
    proxy.lead_to_appsync_of(&server);
    let ids = place_some(&server.guest()).await;
    for order in until_shown(&server, &ids, "warehouse").await {
        assert_eq!((&order["status"], &order["changes"]), (&json!("RECEIVED"), &json!([])));
    }
    // Somebody who only reads the order sees one that is simply not fulfilled yet.
    assert_eq!(server.guest().order(&ids[0]).await["problems"], json!([]));

    warehouse.comes_up();
    for id in &ids {
        assert_eq!(changes(&server.until_fulfilled(id).await), [change("warehouse/0", "FULFILLED")]);
        assert!(warehouse.asked_about(id).iter().all(|question| question.key() == format!("{id}/0")));
    }
    until_published(&server, &proxy, &ids).await;
    until_nothing_is_shown(&server).await;
}

#[tokio::test]
async fn a_warehouse_that_fails_for_an_hour_and_then_ships_is_as_good_as_any() {
    let warehouse = Warehouse::that_says(Reply::text(500, "out of order")).await;
    let server = Server::with(&["--warehouse-url", &warehouse.url, FAST[0], FAST[1]]).await;
    let ids = place_some(&server.guest()).await;
    until_shown(&server, &ids, "500").await;
    warehouse.changes_its_mind(|_| Reply::everything());
    for id in &ids {
        assert_eq!(changes(&server.until_fulfilled(id).await), [change("warehouse/0", "FULFILLED")]);
    }
    until_nothing_is_shown(&server).await;
}

#[tokio::test]
async fn orders_outlive_an_outage_of_appsync() {
    let (warehouse, proxy) = (Warehouse::that_ships().await, Proxy::start().await);
    let appsync = proxy.instead_of_appsync();
    let server = Server::with(&["--warehouse-url", &warehouse.url, "--env", &appsync, FAST[0], FAST[1]]).await;
    proxy.lead_to_appsync_of(&server);
    proxy.cut();
    let ids = place_some(&server.guest()).await;
    for order in until_shown(&server, &ids, "publishing").await {
        assert_eq!(order["status"], "FULFILLED", "it was shipped, but nobody was told");
    }
    assert_eq!(proxy.published(), []);

    proxy.mend();
    until_published(&server, &proxy, &ids).await;
    until_nothing_is_shown(&server).await;
    for id in &ids {
        assert_eq!(changes(&server.guest().order(id).await), [change("warehouse/0", "FULFILLED")]);
        assert_eq!(warehouse.asked_about(id).len(), 1, "what is shipped is merely published");
    }
}

#[tokio::test]
async fn whatever_appsync_says_an_order_is_told_of_until_it_has_been() {
    let proxy = Proxy::start().await;
    let server = Server::with(&["--env", &proxy.instead_of_appsync(), FAST[0], FAST[1]]).await;
    proxy.lead_to_appsync_of(&server);
    for (status, body) in [
        (500, ""),
        (403, r#"{"errors":[{"errorType":"UnrecognizedClientException","message":"no"}]}"#),
        (200, r#"{"data":{"publishOrderFulfilled":null},"errors":[{"errorType":"Unavailable","message":"no"}]}"#),
        (200, r#"{"data":{"publishOrderFulfilled":{"status":"FULFILLED"}},"errors":[{"message":"half of it"}]}"#),
        (200, r#"{"data":{"publishOrderFulfilled":null}}"#),
        (200, r#"{"data":null}"#),
        (200, "<html>Welcome</html>"),
        (200, ""),
        (301, ""),
    ] {
        proxy.says(status, body);
        let order_id = server.guest().place_for_id(apples_and_a_pear()).await;
        let tried_again = async || {
            let tried = proxy.arrived().iter().filter(|publish| publish.id == order_id).count();
            (tried > 2).then_some(())
        };
        server.until("it is told again and again", tried_again).await;
        assert_eq!(server.guest().order(&order_id).await["status"], "FULFILLED", "{status} {body}");
        proxy.says_nothing_of_its_own();
        until_published(&server, &proxy, &[order_id]).await;
    }
    until_nothing_is_shown(&server).await;
}

#[tokio::test]
async fn a_report_during_an_outage_of_appsync_is_kept_and_published_afterwards() {
    let accepts = Reply::json(202, &json!({ "lines": [] }));
    let (warehouse, proxy) = (Warehouse::that_says(accepts).await, Proxy::start().await);
    let appsync = proxy.instead_of_appsync();
    let server = Server::with(&["--warehouse-url", &warehouse.url, "--env", &appsync, FAST[0], FAST[1]]).await;
    proxy.lead_to_appsync_of(&server);
    let order_id = server.guest().place_for_id(apples_and_a_pear()).await;
    let accepted = async || (proxy.times("publishOrderChanged", &order_id) > 0).then_some(());
    server.until("the order is accepted and that is published", accepted).await;

    proxy.cut();
    let order = server.backend().report(&order_id, "R-1", Value::Null).await;
    assert_eq!(order["status"], "FULFILLED");
    assert_eq!(proxy.times("publishOrderFulfilled", &order_id), 0);
    until_shown(&server, std::slice::from_ref(&order_id), "publishing").await;
    proxy.mend();
    until_published(&server, &proxy, std::slice::from_ref(&order_id)).await;
    until_nothing_is_shown(&server).await;
}

#[tokio::test]
async fn an_order_that_could_not_be_stored_may_be_sent_again() {
    let proxy = Proxy::start().await;
    let server = Server::with(&["--env", &proxy.instead_of_dynamodb()]).await;
    proxy.lead_to_dynamodb_of(&server);
    let mut input = apples_and_a_pear();
    input["idempotencyKey"] = json!(Uuid::new_v4().to_string());
    proxy.cut();
    let guest = server.guest();
    assert_eq!(guest.try_to_place(input.clone()).await.error_type("placeOrder"), "Unavailable");

    proxy.mend();
    let first = guest.place(input.clone()).await;
    assert_eq!(guest.place(input).await["id"], first["id"]);
    assert_eq!(changes(&server.until_fulfilled(&id(&first)).await), [change("warehouse/0", "FULFILLED")]);
}

// An event source tries ten times, with growing pauses, before it gives up: this takes three quarters of a minute.
#[tokio::test]
async fn an_order_that_cannot_even_be_put_off_is_kept_whole_for_somebody_to_find() {
    let (warehouse, proxy) = (Warehouse::that_says(Reply::Silence).await, Proxy::start().await);
    let (home, dynamodb) = (Home::new(), proxy.instead_of_dynamodb());
    let server = Server::at(&home, &["--warehouse-url", &warehouse.url, "--env", &dynamodb]).await;
    proxy.lead_to_dynamodb_of(&server);
    let order_id = server.guest().place_for_id(json!({ "order": order_of(&[("KEPT-TEA", 1)]) })).await;
    let asked = async || (!warehouse.asked_about(&order_id).is_empty()).then_some(());
    server.until("the warehouse is asked", asked).await;
    proxy.cut();
    warehouse.changes_its_mind(|_| Reply::text(500, ""));

    let given_up = PathBuf::from(home.data_dir()).join("given-up");
    let kept = async || files_below(&given_up).pop();
    let file = server.until_after("the order is given up", PATIENCE * 3, kept).await;
    let batch = fs::read_to_string(&file).expect("a file");
    let _: Value = serde_json::from_str(&batch).expect("JSON");
    assert!(batch.contains(&order_id) && batch.contains("KEPT-TEA"), "{batch}");

    // The order itself is where it was, the next one gets on, and the next start tells what was given up.
    proxy.mend();
    assert_eq!(server.guest().order(&order_id).await["status"], "RECEIVED");
    warehouse.changes_its_mind(|_| Reply::everything());
    let next = server.guest().place_for_id(apples_and_a_pear()).await;
    server.until_fulfilled(&next).await;
    drop(server);
    let before = home.banner().len();
    let _server = Server::at(&home, &[]).await;
    let banner = &home.banner()[before..];
    assert!(banner.contains("given-up"), "{banner}");
}

#[tokio::test]
async fn orders_outlive_an_outage_of_the_tables() {
    let (warehouse, proxy) = (Warehouse::that_says(Reply::Silence).await, Proxy::start().await);
    let dynamodb = proxy.instead_of_dynamodb();
    // In slow motion, so that the tables are back before the stream tries again, which is after a second.
    let slow = ["--retry-minute-ms", "600000"];
    let server = Server::with(&["--warehouse-url", &warehouse.url, "--env", &dynamodb, slow[0], slow[1]]).await;
    proxy.lead_to_dynamodb_of(&server);
    let order_id = server.guest().place_for_id(apples_and_a_pear()).await;
    let asked = async || (!warehouse.asked_about(&order_id).is_empty()).then_some(());
    server.until("the warehouse is asked", asked).await;
    // From here on, not even that it has to be tried again can be written down: the stream itself has to.
    proxy.cut();
    warehouse.changes_its_mind(|_| Reply::everything());
    server.until_a_record_failed().await;
    proxy.mend();
    let again = async || (warehouse.asked_about(&order_id).len() > 1).then_some(());
    server.until("the warehouse is asked again", again).await;
    let order = server.until_fulfilled(&order_id).await;
    assert_eq!(changes(&order), [change("warehouse/0", "FULFILLED")]);
}

//! Somebody sends an order again, because no answer came or because a button was pressed twice.

use std::collections::HashSet;

use futures::future::join_all;
use serde_json::{Value, json};

use crate::support::{
    ORDER, Proxy, Reply, Server, Warehouse, apples_and_a_pear, change, changes, id, keyed, text, uuid,
};

/// How many connections are open at once.
const CONNECTIONS: usize = 40;

#[tokio::test]
async fn thirty_two_at_once_with_the_same_key_are_one_order_to_the_warehouse() {
    let warehouse = Warehouse::that_ships().await;
    let server = Server::with(&["--warehouse-url", &warehouse.url]).await;
    let input = keyed(apples_and_a_pear(), &uuid());
    let guest = server.guest();
    let orders = join_all((0..32).map(|_| guest.place(input.clone()))).await;
    let ids: HashSet<_> = orders.iter().map(id).collect();
    assert_eq!(ids.len(), 1, "{ids:?}");

    let order = server.until_fulfilled(&id(&orders[0])).await;
    assert_eq!(changes(&order), [change("warehouse/0", "FULFILLED")]);
    assert_eq!(warehouse.asked_about(&id(&orders[0])).len(), 1);
}

fn body(input: &Value) -> String {
    let query = format!("mutation Place($input: PlaceOrderInput!) {{ placeOrder(input: $input) {ORDER} }}");
    json!({ "query": query, "variables": { "input": input } }).to_string()
}

#[tokio::test]
async fn forty_connections_at_once_are_told_the_same_to_the_last_byte() {
    // Nothing changes while they ask: the warehouse has no time for any order.
    let warehouse = Warehouse::that_says(Reply::text(503, "later")).await;
    let server = Server::with(&["--warehouse-url", &warehouse.url]).await;
    for (name, caller) in server.one_of_each_kind().await {
        let (key, others) = (uuid(), [r#"{"id":"A","data":["TEA"]}"#, "{ \"data\" : [\"TEA\"],\n\"id\" : \"A\" }"]);
        let connections: Vec<_> = (0..CONNECTIONS).map(|_| caller.on_connections_of_its_own()).collect();
        let asked = connections.iter().enumerate().map(async |(number, connection)| {
            let answer = connection.post(body(&keyed(json!({ "document": others[number % 2] }), &key))).await;
            assert_eq!(answer.status, 200, "{name}: {}", answer.body);
            answer.text
        });
        let told: HashSet<_> = join_all(asked).await.into_iter().collect();
        assert_eq!(told.len(), 1, "{name}: {told:?}");
        let told = told.into_iter().next().expect("an answer");
        let again = caller.post(body(&keyed(json!({ "document": others[1] }), &key))).await;
        assert_eq!(again.text, told, "{name}: and whoever comes later");
        let order_id = id(&again.body["data"]["placeOrder"]);
        let stored = server.dynamodb().stored_document(&order_id).await;
        assert_eq!(text(&again.body["data"]["placeOrder"]["document"]), stored, "{name}: the first stays");
        if ["alice", "bob", "staff"].contains(&name) {
            server.until_listed(&caller, &[order_id]).await;
        }
    }
}

#[tokio::test]
async fn a_document_that_is_written_differently_is_another_one_and_the_first_stays() {
    let server = Server::start().await;
    for (first, other) in [
        (r#"{"id":1,"data":["TEA"]}"#, r#"{"id":1.0,"data":["TEA"]}"#),
        (r#"{"id":1,"data":["TEA"]}"#, r#"{"id":"1","data":["TEA"]}"#),
        (r#"{"id":100,"data":["TEA"]}"#, r#"{"id":1e2,"data":["TEA"]}"#),
        (r#"{"id":"é","data":["TEA"]}"#, r#"{"id":"\u00e9","data":["TEA"]}"#),
        (r#"{"id":"A","data":["TEA","CUP"]}"#, r#"{"id":"A","data":["CUP","TEA"]}"#),
        (r#"{"id":"A","data":["TEA"]}"#, r#"{"id":"A","data":["TEA"],"note":null}"#),
        (r#"{"id":"A","id":"B","data":["TEA"]}"#, r#"{"id":"B","id":"A","data":["TEA"]}"#),
    ] {
        for (name, caller) in server.one_of_each_kind().await {
            let key = uuid();
            let place = async |text: &str| caller.try_to_place(keyed(json!({ "document": text }), &key)).await;
            let order_id = id(&place(first).await.value("placeOrder"));
            assert_eq!(place(other).await.error_type("placeOrder"), "IdempotencyConflict", "{name}: {first}, {other}");
            assert_eq!(server.dynamodb().stored_document(&order_id).await, first, "{name}");
            assert_eq!(id(&place(first).await.value("placeOrder")), order_id, "{name}");
        }
    }
}

#[tokio::test]
async fn whoever_becomes_staff_keeps_their_keys() {
    let server = Server::start().await;
    let input = keyed(apples_and_a_pear(), &uuid());
    let (carol, as_staff) = (server.customer("carol").await, server.staff("carol").await);
    let first = id(&carol.place(input.clone()).await);
    assert_eq!(id(&as_staff.place(input).await), first);
}

#[tokio::test]
async fn an_order_whose_answer_got_lost_on_the_way_is_there_when_it_is_sent_again() {
    let (warehouse, proxy) = (Warehouse::that_ships().await, Proxy::start().await);
    let server = Server::with(&["--warehouse-url", &warehouse.url]).await;
    proxy.lead_to_appsync_of(&server);
    let through = format!("{}/graphql", proxy.url);
    for (name, caller) in server.one_of_each_kind().await {
        let caller = caller.on_connections_of_its_own().at(&through);
        let mut input = keyed(apples_and_a_pear(), &uuid());
        input["order"]["reference"] = json!(name);
        proxy.loses_the_answers_of(Some("placeOrder"));
        for _ in 0..3 {
            assert_eq!(caller.place_if_answered(input.clone()).await, None, "{name}");
        }
        proxy.loses_the_answers_of(None);
        let order_id = caller.place_if_answered(input.clone()).await.expect("an answer");
        assert_eq!(caller.place_if_answered(input).await.as_ref(), Some(&order_id), "{name}");
        let order = server.until_fulfilled(&order_id).await;
        assert_eq!((&order["reference"], changes(&order)), (&json!(name), vec![change("warehouse/0", "FULFILLED")]));
        assert_eq!(warehouse.asked_about(&order_id).len(), 1, "{name}");
    }
}

#[tokio::test]
async fn an_order_that_was_stored_while_the_table_seemed_silent_is_stored_once() {
    let (warehouse, proxy) = (Warehouse::that_ships().await, Proxy::start().await);
    let line = proxy.instead_of_dynamodb();
    let server = Server::with(&["--warehouse-url", &warehouse.url, "--env", &line]).await;
    proxy.lead_to_dynamodb_of(&server);
    for (name, caller) in server.one_of_each_kind().await {
        let input = keyed(apples_and_a_pear(), &uuid());
        // The SDK sends it again by itself, and finds what it has stored itself.
        proxy.loses_the_answers_of(Some("PutItem"));
        let first = caller.try_to_place(input.clone()).await;
        let other = caller.try_to_place(keyed(json!({ "document": "{}" }), &text(&input["idempotencyKey"]))).await;
        proxy.loses_the_answers_of(None);
        let first = first.value("placeOrder");
        assert_eq!(other.data["placeOrder"], Value::Null, "{name}: another document never takes its place");
        let again = caller.place(input).await;
        let same = |member: &str| assert_eq!(again[member], first[member], "{name}: {member}");
        ["id", "receivedAt", "document", "customerId"].into_iter().for_each(same);
        let order = server.until_fulfilled(&id(&first)).await;
        assert_eq!(changes(&order), [change("warehouse/0", "FULFILLED")], "{name}");
    }
}

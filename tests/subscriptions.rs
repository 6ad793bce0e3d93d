//! Whoever subscribes is told what happens to orders, when it happens: of one order, of a customer, of all.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::support::{
    Client, ORDER, Proxy, Reply, Server, Subscriber, Warehouse, apples_and_a_pear, changes, document, gibberish, id,
    list, order_of, text,
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

/// What `placeOrder` takes for an order that says everything an order can say.
fn everything() -> Value {
    json!({ "order": {
        "reference": "A-1",
        "customer": { "name": "Ada", "email": "ada@example.com" },
        "shippingAddress": { "name": "Ada", "lines": ["1 Main St"], "city": "London", "country": "GB" },
        "currency": "GBP",
        "lines": [
            { "sku": "TEA", "title": "Tea", "quantity": 3, "unitPrice": "2.50" },
            { "sku": "CUP", "title": "Cup", "quantity": 2, "unitPrice": "4.00" },
        ],
    } })
}

/// The order as an event tells of it.
async fn as_told(server: &Server, order_id: &str) -> Value {
    let mut order = server.backend().order(order_id).await;
    assert!(order["document"].is_string());
    order["document"] = Value::Null;
    order
}

async fn sub_of(server: &Server, customer: &Client) -> String {
    let order = server.place_and_settle(customer, apples_and_a_pear()).await;
    text(&server.backend().order(&order).await["customerId"])
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
    assert_eq!(told, as_told(&server, &order_id).await, "everything but the document");
    assert_eq!((&told["customer"]["name"], &told["total"]["amount"]), (&json!("Ada"), &json!("15.50")));

    backend.report(&order_id, "R-1", json!([{ "line": "/lines/0", "quantity": 1 }])).await;
    let told = subscriber.order(&changed).await;
    assert_eq!(told["status"], "PARTIALLY_FULFILLED");
    assert_eq!(told, as_told(&server, &order_id).await);

    backend.report(&order_id, "R-2", Value::Null).await;
    let told = as_told(&server, &order_id).await;
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
    assert_eq!(told, as_told(&server, &order_id).await);
    subscriber.stop(&fulfilled).await;
    server.announce(&order_id).await;
    assert_eq!(id(&subscriber.order(&changed).await), order_id, "and of an end nothing was told");
}

#[tokio::test]
async fn a_customer_is_told_of_all_their_orders_and_of_no_others() {
    let server = Server::start().await;
    let (alice, bob, backend) = (server.customer("alice"), server.customer("bob"), server.backend());
    let (of_alice, of_bob) = (sub_of(&server, &alice).await, sub_of(&server, &bob).await);
    let mut subscriber = Subscriber::connect(&server, &alice).await;
    let mine = subscriber.follow(&alice, "ordersChanged", &of_alice).await;
    let mut of_the_other = Subscriber::connect(&server, &bob).await;
    let theirs = of_the_other.follow(&bob, "ordersChanged", &of_bob).await;

    for other in [&server.guest(), &backend, &bob] {
        server.place_and_settle(other, apples_and_a_pear()).await;
    }
    let own = alice.place_for_id(apples_and_a_pear()).await;
    let told = subscriber.order(&mine).await;
    assert_eq!((id(&told), &told["customerId"], &told["status"]), (own, &json!(of_alice), &json!("FULFILLED")));

    let mut input = gibberish();
    input["customerId"] = json!(of_alice);
    let on_behalf = backend.place_for_id(input).await;
    let told = subscriber.order(&mine).await;
    assert_eq!((id(&told), &told["status"]), (on_behalf, &json!("NEEDS_ATTENTION")), "a backend placed it for her");

    assert_eq!(of_the_other.order(&theirs).await["customerId"], json!(of_bob));
    let last = bob.place_for_id(apples_and_a_pear()).await;
    assert_eq!(id(&of_the_other.order(&theirs).await), last, "nothing of alice's in between");
}

#[tokio::test]
async fn staff_and_backends_are_told_of_every_order() {
    let server = Server::start().await;
    let (alice, staff, backend) = (server.customer("alice"), server.staff("carol"), server.backend());
    let mut subscribers = Vec::new();
    for caller in [&staff, &backend] {
        let mut subscriber = Subscriber::connect(&server, caller).await;
        let all = subscriber.follow(caller, "anyOrderChanged", "").await;
        subscribers.push((subscriber, all));
    }
    let mut placed = Vec::new();
    let mut on_behalf = apples_and_a_pear();
    on_behalf["customerId"] = json!("ada");
    for (caller, input) in [
        (&server.guest(), apples_and_a_pear()),
        (&alice, apples_and_a_pear()),
        (&staff, gibberish()),
        (&backend, apples_and_a_pear()),
        (&backend, on_behalf),
    ] {
        placed.push(caller.place_for_id(input).await);
    }
    let expected: BTreeSet<_> = placed.into_iter().collect();
    for (mut subscriber, all) in subscribers {
        let told = subscriber.orders(expected.len()).await;
        assert!(told.iter().all(|(subscription, _)| *subscription == all));
        assert_eq!(told.iter().map(|(_, order)| id(order)).collect::<BTreeSet<_>>(), expected);
    }
}

#[tokio::test]
async fn an_order_too_large_to_be_told_whole_arrives_without_what_can_be_read() {
    let server = Server::start().await;
    let backend = server.backend();
    let mut subscriber = Subscriber::connect(&server, &backend).await;
    let of_ada = subscriber.follow(&backend, "ordersChanged", "ada").await;

    let skus: Vec<_> = (0..3000).map(|number| format!("{number:0100}")).collect();
    let mut input = document(&json!({ "id": "large", "data": skus }));
    input["customerId"] = json!("ada");
    let order_id = backend.place_for_id(input).await;
    let told = subscriber.order(&of_ada).await;
    let mut expected = as_told(&server, &order_id).await;
    (expected["lines"], expected["changes"]) = (Value::Null, Value::Null);
    assert_eq!((&told, &told["reference"], &told["status"]), (&expected, &json!("large"), &json!("FULFILLED")));

    let mut input = everything();
    input["customerId"] = json!("ada");
    input["order"]["shippingAddress"]["lines"] = json!(vec!["x".repeat(1000); 300]);
    let order_id = backend.place_for_id(input).await;
    let told = subscriber.order(&of_ada).await;
    let order = as_told(&server, &order_id).await;
    for (field, value) in told.as_object().expect("an order") {
        let stays = ["id", "customerId", "status", "receivedAt", "problems"].contains(&field.as_str());
        assert_eq!(value, if stays { &order[field] } else { &Value::Null }, "{field}");
    }
    assert_eq!(told["customerId"], "ada");
}

#[tokio::test]
async fn each_is_told_in_the_words_they_asked_in() {
    let server = Server::start().await;
    let guest = server.guest();
    let order_id = server.place_and_settle(&guest, apples_and_a_pear()).await;
    let mut subscriber = Subscriber::connect(&server, &guest).await;
    let one = json!({ "id": order_id });
    for (query, variables, expected) in [
        (
            "subscription ($id: ID!) { orderChanged(id: $id) { id } }",
            one.clone(),
            json!({ "orderChanged": { "id": order_id } }),
        ),
        (
            "subscription ($id: ID!) { mine: orderChanged(id: $id) { number: id state: status } }",
            one.clone(),
            json!({ "mine": { "number": order_id, "state": "FULFILLED" } }),
        ),
        (
            "subscription ($id: ID!) { ...Root } fragment Root on Subscription { orderChanged(id: $id) { ...One } } \
             fragment One on Order { id lines { ...Line } } fragment Line on OrderLine { sku }",
            one.clone(),
            json!({ "orderChanged": { "id": order_id, "lines": [{ "sku": "APPLE" }, { "sku": "PEAR" }] } }),
        ),
        (
            "subscription ($id: ID!) { orderChanged(id: $id) { __typename ... on Order { changes { __typename kind } } } }",
            one.clone(),
            json!({ "orderChanged": {
                "__typename": "Order",
                "changes": [{ "__typename": "OrderChange", "kind": "FULFILLED" }],
            } }),
        ),
        (
            "subscription ($id: ID!, $no: Boolean!) { orderChanged(id: $id) { id document status @include(if: $no) } }",
            json!({ "id": order_id, "no": false }),
            json!({ "orderChanged": { "id": order_id, "document": null } }),
        ),
        (
            &format!("subscription {{ orderChanged(id: \"{order_id}\") {{ id }} }}"),
            json!({}),
            json!({ "orderChanged": { "id": order_id } }),
        ),
    ] {
        let subscription = subscriber.subscribe(&guest, query, &variables).await;
        server.announce(&order_id).await;
        let event = subscriber.next().await;
        assert_eq!((event.subscription, event.payload), (subscription.clone(), json!({ "data": expected })), "{query}");
        subscriber.stop(&subscription).await;
    }
}

#[tokio::test]
async fn whoever_unsubscribes_is_told_no_more() {
    let server = Server::start().await;
    let guest = server.guest();
    let order_id = server.place_and_settle(&guest, apples_and_a_pear()).await;
    let mut subscriber = Subscriber::connect(&server, &guest).await;
    let first = subscriber.follow(&guest, "orderChanged", &order_id).await;
    let second = subscriber.follow(&guest, "orderChanged", &order_id).await;
    server.announce(&order_id).await;
    let told = subscriber.orders(2).await;
    assert_eq!((&told[0].0, &told[1].0), (&first, &second));

    subscriber.stop(&first).await;
    for _ in 0..3 {
        server.announce(&order_id).await;
        assert_eq!(id(&subscriber.order(&second).await), order_id);
    }
    let again = subscriber.follow(&guest, "orderChanged", &order_id).await;
    subscriber.stop(&second).await;
    server.announce(&order_id).await;
    assert_eq!(id(&subscriber.order(&again).await), order_id, "whoever comes back is told again");
}

#[tokio::test]
async fn each_is_told_of_the_order_they_asked_about() {
    let server = Server::start().await;
    let guest = server.guest();
    let one = server.place_and_settle(&guest, apples_and_a_pear()).await;
    let other = server.place_and_settle(&guest, apples_and_a_pear()).await;
    let mut both = Subscriber::connect(&server, &guest).await;
    let to_one = both.follow(&guest, "orderChanged", &one).await;
    let to_other = both.follow(&guest, "orderChanged", &other).await;
    let mut apart = Subscriber::connect(&server, &guest).await;
    let to_other_apart = apart.follow(&guest, "orderChanged", &other).await;

    for (order, subscription) in [(&one, &to_one), (&other, &to_other), (&one, &to_one)] {
        server.announce(order).await;
        assert_eq!(&id(&both.order(subscription).await), order);
    }
    assert_eq!(id(&apart.order(&to_other_apart).await), other);
    server.announce(&other).await;
    assert_eq!(id(&apart.order(&to_other_apart).await), other, "and nothing of the first in between");
}

#[tokio::test]
async fn whoever_connects_twice_is_told_twice_until_one_connection_breaks() {
    let server = Server::start().await;
    let alice = server.customer("alice");
    let order_id = server.place_and_settle(&alice, apples_and_a_pear()).await;
    let mut phone = Subscriber::connect(&server, &alice).await;
    let mut laptop = Subscriber::connect(&server, &alice).await;
    let on_phone = phone.follow(&alice, "orderChanged", &order_id).await;
    let on_laptop = laptop.follow(&alice, "orderChanged", &order_id).await;
    server.announce(&order_id).await;
    assert_eq!(phone.order(&on_phone).await, laptop.order(&on_laptop).await);
    drop(phone);
    for _ in 0..3 {
        server.announce(&order_id).await;
        assert_eq!(id(&laptop.order(&on_laptop).await), order_id, "the other one is told, once each time");
    }
}

#[tokio::test]
async fn whoever_reconnects_reads_what_they_missed_and_is_told_the_rest() {
    let (server, proxy) = that_tells_later(&Warehouse::that_says(accepted()).await).await;
    let (alice, backend) = (server.customer("alice"), server.backend());
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
async fn place_subscribe_and_read_leaves_no_gap() {
    let server = Server::start().await;
    let guest = server.guest();
    for round in 0..25 {
        let order_id = guest.place_for_id(apples_and_a_pear()).await;
        let mut subscriber = Subscriber::connect(&server, &guest).await;
        let subscription = subscriber.follow(&guest, "orderFulfilled", &order_id).await;
        if guest.order(&order_id).await["status"] != "FULFILLED" {
            let event = subscriber.order(&subscription).await;
            assert_eq!((id(&event), &event["status"]), (order_id, &json!("FULFILLED")), "round {round}");
        }
    }
}

#[tokio::test]
async fn what_must_be_said_and_is_not_is_an_error() {
    let server = Server::start().await;
    let backend = server.backend();
    let order_id = server.place_and_settle(&backend, apples_and_a_pear()).await;
    let mut subscriber = Subscriber::connect(&server, &backend).await;
    let good = subscriber.follow(&backend, "anyOrderChanged", "").await;
    let mut next = 1;
    for (field, argument) in [("orderFulfilled", "id"), ("orderChanged", "id"), ("ordersChanged", "customerId")] {
        let loose = format!("subscription ($of: ID) {{ {field}({argument}: $of) {{ id }} }}");
        let strict = format!("subscription ($of: ID!) {{ {field}({argument}: $of) {{ id }} }}");
        for (query, variables) in [
            (format!("subscription {{ {field} {{ id }} }}"), json!({})),
            (format!("subscription {{ {field}({argument}: null) {{ id }} }}"), json!({})),
            (format!("subscription {{ {field}({argument}: $of) {{ id }} }}"), json!({ "of": order_id })),
            (strict.clone(), json!({})),
            (strict, json!({ "of": null })),
            (loose.clone(), json!({})),
            (loose, json!({ "of": null })),
        ] {
            next += 1;
            let refused = subscriber.try_to_subscribe(&backend, &query, &variables).await;
            let refused = refused.expect_err(&format!("{query} with {variables}"));
            assert_eq!((&refused["type"], &refused["id"]), (&json!("error"), &json!(next.to_string())), "{query}");
            let errors = list(&refused["payload"]["errors"]);
            assert!(!errors.is_empty() && errors.iter().all(|error| !text(&error["message"]).is_empty()), "{refused}");
        }
    }
    for mutation in ["publishOrderChanged", "publishOrderFulfilled"] {
        server.backend().try_to_publish(mutation, &order_id).await.value(mutation);
        assert_eq!(id(&subscriber.order(&good).await), order_id, "the rest gets nothing");
    }
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

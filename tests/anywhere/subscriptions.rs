//! Whoever subscribes is told what happens to orders, when it happens: of one order, of a customer, of all.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::support::{Client, Stage, Subscriber, apples_and_a_pear, document, everything, gibberish, id, list, text};

async fn sub_of(stage: &Stage, customer: &Client) -> String {
    let order = stage.place_and_settle(customer, apples_and_a_pear()).await;
    text(&stage.backend().order(&order).await["customerId"])
}

#[tokio::test]
async fn a_customer_is_told_of_all_their_orders_and_of_no_others() {
    let stage = Stage::reach().await;
    let (alice, bob, backend) = (stage.customer("alice").await, stage.customer("bob").await, stage.backend());
    let (of_alice, of_bob) = (sub_of(&stage, &alice).await, sub_of(&stage, &bob).await);
    let mut subscriber = Subscriber::connect(&stage, &alice).await;
    let mine = subscriber.follow(&alice, "ordersChanged", &of_alice).await;
    let mut of_the_other = Subscriber::connect(&stage, &bob).await;
    let theirs = of_the_other.follow(&bob, "ordersChanged", &of_bob).await;

    for other in [&stage.guest(), &backend, &bob] {
        stage.place_and_settle(other, apples_and_a_pear()).await;
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
    let stage = Stage::reach().await;
    let (alice, staff, backend) = (stage.customer("alice").await, stage.staff("carol").await, stage.backend());
    let mut subscribers = Vec::new();
    for caller in [&staff, &backend] {
        let mut subscriber = Subscriber::connect(&stage, caller).await;
        let all = subscriber.follow(caller, "anyOrderChanged", "").await;
        subscribers.push((subscriber, all));
    }
    let mut placed = Vec::new();
    let mut on_behalf = apples_and_a_pear();
    on_behalf["customerId"] = json!(stage.own("ada"));
    for (caller, input) in [
        (&stage.guest(), apples_and_a_pear()),
        (&alice, apples_and_a_pear()),
        (&staff, gibberish()),
        (&backend, apples_and_a_pear()),
        (&backend, on_behalf),
    ] {
        placed.push(caller.place_for_id(input).await);
    }
    let expected: BTreeSet<_> = placed.into_iter().collect();
    for (mut subscriber, all) in subscribers {
        subscriber.cares_only_about(&expected);
        let told = subscriber.orders(expected.len()).await;
        assert!(told.iter().all(|(subscription, _)| *subscription == all));
        assert_eq!(told.iter().map(|(_, order)| id(order)).collect::<BTreeSet<_>>(), expected);
    }
}

#[tokio::test]
async fn an_order_too_large_to_be_told_whole_arrives_without_what_can_be_read() {
    let stage = Stage::reach().await;
    let backend = stage.backend();
    let mut subscriber = Subscriber::connect(&stage, &backend).await;
    let ada = stage.own("ada");
    let of_ada = subscriber.follow(&backend, "ordersChanged", &ada).await;

    let skus: Vec<_> = (0..3000).map(|number| format!("{number:0100}")).collect();
    let mut input = document(&json!({ "id": "large", "data": skus }));
    input["customerId"] = json!(ada);
    let order_id = backend.place_for_id(input).await;
    let told = subscriber.order(&of_ada).await;
    let mut expected = stage.as_told(&order_id).await;
    (expected["lines"], expected["changes"]) = (Value::Null, Value::Null);
    assert_eq!((&told, &told["reference"], &told["status"]), (&expected, &json!("large"), &json!("FULFILLED")));

    let mut input = everything();
    input["customerId"] = json!(ada);
    input["order"]["shippingAddress"]["lines"] = json!(vec!["x".repeat(1000); 300]);
    let order_id = backend.place_for_id(input).await;
    let told = subscriber.order(&of_ada).await;
    let order = stage.as_told(&order_id).await;
    for (field, value) in told.as_object().expect("an order") {
        let stays = ["id", "customerId", "status", "receivedAt", "problems"].contains(&field.as_str());
        assert_eq!(value, if stays { &order[field] } else { &Value::Null }, "{field}");
    }
    assert_eq!(told["customerId"], json!(ada));
}

#[tokio::test]
async fn each_is_told_in_the_words_they_asked_in() {
    let stage = Stage::reach().await;
    let guest = stage.guest();
    let order_id = stage.place_and_settle(&guest, apples_and_a_pear()).await;
    let mut subscriber = Subscriber::connect(&stage, &guest).await;
    let one = json!({ "id": order_id });
    for (query, variables, expected) in [
        (
            "subscription ($id: ID!) { orderChanged(id: $id) { id } }",
            one.clone(),
            json!({ "orderChanged": { "id": order_id } }),
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
        stage.announce(&order_id).await;
        let event = subscriber.next().await;
        assert_eq!((event.subscription, event.payload), (subscription.clone(), json!({ "data": expected })), "{query}");
        subscriber.stop(&subscription).await;
    }
}

#[tokio::test]
async fn whoever_unsubscribes_is_told_no_more() {
    let stage = Stage::reach().await;
    let guest = stage.guest();
    let order_id = stage.place_and_settle(&guest, apples_and_a_pear()).await;
    let mut subscriber = Subscriber::connect(&stage, &guest).await;
    let first = subscriber.follow(&guest, "orderChanged", &order_id).await;
    let second = subscriber.follow(&guest, "orderChanged", &order_id).await;
    stage.announce(&order_id).await;
    let told = subscriber.orders(2).await;
    assert_eq!((&told[0].0, &told[1].0), (&first, &second));

    subscriber.stop(&first).await;
    for _ in 0..3 {
        stage.announce(&order_id).await;
        assert_eq!(id(&subscriber.order(&second).await), order_id);
    }
    let again = subscriber.follow(&guest, "orderChanged", &order_id).await;
    subscriber.stop(&second).await;
    stage.announce(&order_id).await;
    assert_eq!(id(&subscriber.order(&again).await), order_id, "whoever comes back is told again");
}

#[tokio::test]
async fn each_is_told_of_the_order_they_asked_about() {
    let stage = Stage::reach().await;
    let guest = stage.guest();
    let one = stage.place_and_settle(&guest, apples_and_a_pear()).await;
    let other = stage.place_and_settle(&guest, apples_and_a_pear()).await;
    let mut both = Subscriber::connect(&stage, &guest).await;
    let to_one = both.follow(&guest, "orderChanged", &one).await;
    let to_other = both.follow(&guest, "orderChanged", &other).await;
    let mut apart = Subscriber::connect(&stage, &guest).await;
    let to_other_apart = apart.follow(&guest, "orderChanged", &other).await;

    for (order, subscription) in [(&one, &to_one), (&other, &to_other), (&one, &to_one)] {
        stage.announce(order).await;
        assert_eq!(&id(&both.order(subscription).await), order);
    }
    assert_eq!(id(&apart.order(&to_other_apart).await), other);
    stage.announce(&other).await;
    assert_eq!(id(&apart.order(&to_other_apart).await), other, "and nothing of the first in between");
}

#[tokio::test]
async fn whoever_connects_twice_is_told_twice_until_one_connection_breaks() {
    let stage = Stage::reach().await;
    let alice = stage.customer("alice").await;
    let order_id = stage.place_and_settle(&alice, apples_and_a_pear()).await;
    let mut phone = Subscriber::connect(&stage, &alice).await;
    let mut laptop = Subscriber::connect(&stage, &alice).await;
    let on_phone = phone.follow(&alice, "orderChanged", &order_id).await;
    let on_laptop = laptop.follow(&alice, "orderChanged", &order_id).await;
    stage.announce(&order_id).await;
    assert_eq!(phone.order(&on_phone).await, laptop.order(&on_laptop).await);
    drop(phone);
    for _ in 0..3 {
        stage.announce(&order_id).await;
        assert_eq!(id(&laptop.order(&on_laptop).await), order_id, "the other one is told, once each time");
    }
}

#[tokio::test]
async fn place_subscribe_and_read_leaves_no_gap() {
    let stage = Stage::reach().await;
    let guest = stage.guest();
    for round in 0..25 {
        let order_id = guest.place_for_id(apples_and_a_pear()).await;
        let mut subscriber = Subscriber::connect(&stage, &guest).await;
        let subscription = subscriber.follow(&guest, "orderFulfilled", &order_id).await;
        if guest.order(&order_id).await["status"] != "FULFILLED" {
            let event = subscriber.order(&subscription).await;
            assert_eq!((id(&event), &event["status"]), (order_id, &json!("FULFILLED")), "round {round}");
        }
    }
}

#[tokio::test]
async fn what_must_be_said_and_is_not_is_an_error() {
    let stage = Stage::reach().await;
    let backend = stage.backend();
    let order_id = stage.place_and_settle(&backend, apples_and_a_pear()).await;
    let mut subscriber = Subscriber::connect(&stage, &backend).await;
    let good = subscriber.follow(&backend, "anyOrderChanged", "").await;
    subscriber.cares_only_about([&order_id]);
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
        stage.backend().try_to_publish(mutation, &order_id).await.value(mutation);
        assert_eq!(id(&subscriber.order(&good).await), order_id, "the rest gets nothing");
    }
}

//! Somebody sends an order again, because no answer came or because a button was pressed twice.

use std::collections::HashSet;

use futures::future::join_all;
use serde_json::{Value, json};

use crate::support::{Stage, apples_and_a_pear, change, changes, document, id, keyed, order_of, uuid};

#[tokio::test]
async fn the_same_order_with_the_same_key_is_placed_once() {
    let stage = Stage::reach().await;
    let input = keyed(apples_and_a_pear(), &uuid());
    let first = stage.guest().place(input.clone()).await;
    let again = stage.guest().place(input.clone()).await;
    assert_eq!((&again["id"], &again["receivedAt"]), (&first["id"], &first["receivedAt"]));

    let fulfilled = stage.until_fulfilled(&id(&first)).await;
    assert_eq!(changes(&fulfilled), [change("warehouse/0", "FULFILLED")]);
    // Whoever asks again is told how the order stands now.
    assert_eq!(stage.guest().place(input).await, fulfilled);
}

#[tokio::test]
async fn without_a_key_every_order_is_a_new_one() {
    let stage = Stage::reach().await;
    let first = stage.guest().place(apples_and_a_pear()).await;
    let second = stage.guest().place(apples_and_a_pear()).await;
    assert_ne!(first["id"], second["id"]);
}

#[tokio::test]
async fn white_space_and_the_order_of_keys_make_no_other_order() {
    let stage = Stage::reach().await;
    let key = uuid();
    let send = async |text: &str| stage.guest().place(keyed(json!({ "document": text }), &key)).await;
    let first = send(r#"{"id":"A","data":[{"sku":"TEA","quantity":2}]}"#).await;
    let again = send("{ \"data\" : [ { \"quantity\":2,\n\"sku\":\"TEA\"} ], \"id\":\"A\" }").await;
    assert_eq!(again["id"], first["id"]);
}

#[tokio::test]
async fn another_order_under_the_same_key_is_a_conflict() {
    let stage = Stage::reach().await;
    let key = uuid();
    let first = stage.guest().place(keyed(json!({ "order": order_of(&[("SECRET-TEA", 2)]) }), &key)).await;
    for other in [json!({ "order": order_of(&[("TEA", 3)]) }), document(&json!({ "id": 1, "data": ["TEA"] }))] {
        let (error_type, message) = stage.guest().try_to_place(keyed(other, &key)).await.refusal("placeOrder");
        assert_eq!(error_type, "IdempotencyConflict");
        assert!(message.contains("idempotencyKey"), "{message}");
        assert!(!message.contains("SECRET") && !message.contains(&id(&first)), "nothing of the first: {message}");
    }
    assert_eq!(stage.guest().order(&id(&first)).await["lines"][0]["quantity"], 2);
}

#[tokio::test]
async fn sixteen_at_once_with_the_same_key_place_one_order() {
    let stage = Stage::reach().await;
    let input = keyed(apples_and_a_pear(), &uuid());
    let guest = stage.guest();
    let orders = join_all((0..16).map(|_| guest.place(input.clone()))).await;
    let ids: HashSet<_> = orders.iter().map(id).collect();
    assert_eq!(ids.len(), 1, "{ids:?}");
    let order = stage.until_fulfilled(&id(&orders[0])).await;
    assert_eq!(changes(&order), [change("warehouse/0", "FULFILLED")]);
}

#[tokio::test]
async fn of_two_orders_that_race_for_a_key_one_is_placed_and_the_other_is_told() {
    let stage = Stage::reach().await;
    let key = uuid();
    let input = |quantity: i32| keyed(json!({ "order": order_of(&[("TEA", quantity)]) }), &key);
    let guest = stage.guest();
    let answers = join_all((0..32).map(|number| guest.try_to_place(input(number % 2 + 1)))).await;
    let (placed, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| answer.errors.is_empty());
    assert_eq!((placed.len(), refused.len()), (16, 16));
    let placed: Vec<_> = placed.into_iter().map(|answer| answer.value("placeOrder")).collect();
    let first = (&placed[0]["id"], &placed[0]["document"]);
    assert!(placed.iter().all(|order| (&order["id"], &order["document"]) == first), "{placed:?}");
    for answer in refused {
        assert_eq!(answer.error_type("placeOrder"), "IdempotencyConflict");
    }
}

#[tokio::test]
async fn a_guests_key_must_be_as_hard_to_guess_as_a_uuid() {
    let stage = Stage::reach().await;
    for key in ["", "order-1", "8c7f3f0a94d54f0e9f530c8e6f2c9f5e", "{8c7f3f0a-94d5-4f0e-9f53-0c8e6f2c9f5e}"] {
        let (error_type, message) =
            stage.guest().try_to_place(keyed(apples_and_a_pear(), key)).await.refusal("placeOrder");
        assert_eq!(error_type, "InvalidArgument", "{key}");
        assert!(message.contains("UUID"), "{message}");
    }
}

#[tokio::test]
async fn a_backends_key_may_be_anything_and_is_its_own() {
    let stage = Stage::reach().await;
    let key = uuid();
    let of_guest = stage.guest().place(keyed(apples_and_a_pear(), &key)).await;
    let of_backend = stage.backend().place(keyed(apples_and_a_pear(), &key)).await;
    assert_ne!(of_guest["id"], of_backend["id"]);

    for key in ["1", "order 4711 / ü ☃", &"x".repeat(1000)].map(|key| stage.own(key)) {
        let first = stage.backend().place(keyed(apples_and_a_pear(), &key)).await;
        let again = stage.backend().place(keyed(apples_and_a_pear(), &key)).await;
        assert_eq!(first["id"], again["id"], "{key}");
    }
}

#[tokio::test]
async fn the_keys_of_different_callers_never_meet() {
    let stage = Stage::reach().await;
    let input = keyed(apples_and_a_pear(), &uuid());
    let callers = stage.one_of_each_kind().await;
    let mut placed = HashSet::new();
    for _ in 0..2 {
        for (_, caller) in &callers {
            placed.insert(id(&caller.place(input.clone()).await));
        }
    }
    assert_eq!(placed.len(), callers.len(), "to each their own, and the same again: {placed:?}");

    // What a backend places for a customer under a key that the customer has used is another order, and stays so.
    let (_, alice) = callers.iter().find(|(name, _)| *name == "alice").expect("alice");
    let (key, own) = (uuid(), alice.place(keyed(apples_and_a_pear(), &uuid())).await);
    let mut for_alice = keyed(apples_and_a_pear(), &key);
    for_alice["customerId"] = own["customerId"].clone();
    let of_backend = id(&stage.backend().place(for_alice.clone()).await);
    let of_alice = id(&alice.place(keyed(apples_and_a_pear(), &key)).await);
    assert_ne!(of_alice, of_backend);
    assert_eq!(id(&stage.backend().place(for_alice).await), of_backend);
}

#[tokio::test]
async fn the_same_order_for_another_customer_is_a_conflict() {
    let stage = Stage::reach().await;
    let (key, ada, eve) = (stage.own("4711"), json!(stage.own("ada")), json!(stage.own("eve")));
    let place = async |customer: Value| {
        let mut input = keyed(apples_and_a_pear(), &key);
        input["customerId"] = customer;
        stage.backend().try_to_place(input).await
    };
    let first = place(ada.clone()).await.value("placeOrder");
    assert_eq!(place(ada).await.value("placeOrder")["id"], first["id"]);
    assert_eq!(place(eve).await.error_type("placeOrder"), "IdempotencyConflict");
    assert_eq!(place(Value::Null).await.error_type("placeOrder"), "IdempotencyConflict");
}

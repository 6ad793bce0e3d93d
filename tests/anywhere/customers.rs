//! Customers: they place orders, find their own again, and see nothing of anybody else's.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{Client, Stage, apples_and_a_pear, document, id, text};

/// An order that takes this many bytes and more.
fn large(bytes: usize) -> Value {
    document(&json!({ "id": "large", "data": ["TEA"], "note": "x".repeat(bytes) }))
}

async fn sub_of(customer: &Client) -> String {
    text(&customer.place(apples_and_a_pear()).await["customerId"])
}

#[tokio::test]
async fn a_customer_places_an_order_and_finds_it_again() {
    let stage = Stage::reach().await;
    let alice = stage.customer("alice").await;
    let placed = alice.place(apples_and_a_pear()).await;
    let order = stage.until_fulfilled(&id(&placed)).await;
    assert_eq!(alice.order(&id(&placed)).await, order);
    assert_eq!(order["customerId"], placed["customerId"]);
    stage.until_listed(&alice, &[id(&placed)]).await;
}

#[tokio::test]
async fn the_order_of_somebody_else_is_just_not_there() {
    let stage = Stage::reach().await;
    let (alice, bob) = (stage.customer("alice").await, stage.customer("bob").await);
    let of_alice = alice.place_for_id(apples_and_a_pear()).await;
    let of_guest = stage.guest().place_for_id(apples_and_a_pear()).await;
    let of_backend = stage.backend().place_for_id(apples_and_a_pear()).await;
    let read = async |id: &str| {
        let query = "query ($id: ID!) { order(id: $id) { id document } }";
        bob.post(json!({ "query": query, "variables": { "id": id } }).to_string()).await.body
    };
    let missing = read(&Uuid::new_v4().to_string()).await;
    assert_eq!(missing, json!({ "data": { "order": null } }));
    for order in [&of_alice, &of_guest, &of_backend] {
        assert_eq!(read(order).await, missing);
    }
    assert_eq!(bob.pages(Value::Null).await, [Vec::<String>::new()]);
}

#[tokio::test]
async fn orders_come_newest_first_page_by_page_while_new_ones_arrive() {
    let stage = Stage::reach().await;
    let alice = stage.customer("alice").await;
    let mut expected = Vec::new();
    for order in 0..24 {
        // Sixteen of these do not fit in one answer of a Lambda.
        let input = if order % 3 == 0 { apples_and_a_pear() } else { large(350_000) };
        expected.push(alice.place_for_id(input).await);
    }
    expected.reverse();
    stage.until_listed(&alice, &expected).await;
    let (first, mut next) = alice.page(Value::Null, Value::Null).await;
    assert!((1..=20).contains(&first.len()), "20 at most, if it is not said how many: {}", first.len());
    let (mut seen, mut new) = (first, Vec::new());
    while !next.is_null() {
        new.push(alice.place_for_id(apples_and_a_pear()).await);
        let (page, more) = alice.page(json!(100), next).await;
        assert!(!page.is_empty());
        seen.extend(page);
        next = more;
    }
    assert_eq!(seen, expected, "each once, and none that came later");
    new.reverse();
    stage.until_listed(&alice, &[new, expected].concat()).await;
    assert!(alice.pages(json!(100)).await.len() > 1, "an answer ends before it is too large");
}

#[tokio::test]
async fn orders_of_the_same_moment_are_neither_lost_nor_told_twice() {
    let stage = Stage::reach().await;
    let alice = stage.customer("alice").await;
    let mut placed = tokio::task::JoinSet::new();
    for _ in 0..25 {
        let alice = alice.clone();
        placed.spawn(async move { alice.place_for_id(apples_and_a_pear()).await });
    }
    let mut expected = placed.join_all().await;
    expected.sort();
    let all = async || (alice.pages(json!(100)).await.concat().len() == expected.len()).then_some(());
    stage.until("all are listed", all).await;
    for limit in [1, 3, 100] {
        let pages = alice.pages(json!(limit)).await;
        assert_eq!(pages.len(), 25_usize.div_ceil(limit), "full pages, and none that is empty");
        let mut seen = pages.concat();
        seen.sort();
        assert_eq!(seen, expected, "{limit} at a time");
    }
}

#[tokio::test]
async fn where_a_page_ended_tells_nobody_else_anything() {
    let stage = Stage::reach().await;
    let (alice, bob) = (stage.customer("alice").await, stage.customer("bob").await);
    let of_bob = bob.place_for_id(apples_and_a_pear()).await;
    let mut of_alice = Vec::new();
    for _ in 0..3 {
        of_alice.insert(0, alice.place_for_id(apples_and_a_pear()).await);
    }
    stage.until_listed(&alice, &of_alice).await;
    stage.until_listed(&bob, &[&of_bob]).await;
    let (_, next) = alice.page(json!(1), Value::Null).await;
    assert!(next.is_string());
    let (page, more) = bob.page(json!(100), next).await;
    assert_eq!((page, more), (vec![of_bob], Value::Null), "bob's own, from there on");
}

#[tokio::test]
async fn what_makes_no_sense_is_refused() {
    let stage = Stage::reach().await;
    let alice = stage.customer("alice").await;
    for limit in [0, -1, 101, i32::MAX] {
        let refused = alice.try_to_list(json!(limit), Value::Null).await;
        assert_eq!(refused.errors[0]["errorType"], "InvalidArgument", "{limit}: {refused:?}");
    }
    for limit in [1, 100] {
        assert!(alice.page(json!(limit), Value::Null).await.0.is_empty());
    }
    // {"receivedAt":"","id":"o"} and {"shard":1,"after":null}
    for made_up in ["", "x", "bnVsbA==", "eyJyZWNlaXZlZEF0IjoiIiwiaWQiOiJvIn0=", "eyJzaGFyZCI6MSwiYWZ0ZXIiOm51bGx9"] {
        let refused = alice.try_to_list(Value::Null, json!(made_up)).await;
        assert_eq!(refused.errors[0]["errorType"], "InvalidArgument", "{made_up}: {refused:?}");
    }
}

#[tokio::test]
async fn a_customer_orders_for_nobody_but_themselves() {
    let stage = Stage::reach().await;
    let (alice, bob) = (stage.customer("alice").await, stage.customer("bob").await);
    let sub_of_alice = sub_of(&alice).await;
    let of_bob = bob.place(apples_and_a_pear()).await;
    let sub_of_bob = text(&of_bob["customerId"]);
    for customer in [&sub_of_alice, &sub_of_bob] {
        let mut input = apples_and_a_pear();
        input["customerId"] = json!(customer);
        assert_eq!(alice.try_to_place(input).await.error_type("placeOrder"), "Unauthorized");
    }
    let mut input = apples_and_a_pear();
    input["customerId"] = Value::Null;
    assert_eq!(alice.place(input).await["customerId"], json!(sub_of_alice));
    stage.until_listed(&bob, &[id(&of_bob)]).await;
}

#[tokio::test]
async fn what_a_backend_orders_for_a_customer_is_theirs() {
    let stage = Stage::reach().await;
    let (alice, bob) = (stage.customer("alice").await, stage.customer("bob").await);
    let own = alice.place(apples_and_a_pear()).await;
    let mut input = apples_and_a_pear();
    input["customerId"] = own["customerId"].clone();
    let on_behalf = stage.backend().place_for_id(input).await;
    stage.until_listed(&alice, &[&on_behalf, &id(&own)]).await;
    assert_eq!(id(&alice.order(&on_behalf).await), on_behalf);
    assert_eq!(bob.order(&on_behalf).await, Value::Null);
}

#[tokio::test]
async fn the_same_key_of_another_customer_is_another_order() {
    let stage = Stage::reach().await;
    let (alice, bob) = (stage.customer("alice").await, stage.customer("bob").await);
    let mut input = apples_and_a_pear();
    input["idempotencyKey"] = json!("cart-1");
    let order = alice.place_for_id(input.clone()).await;
    assert_eq!(alice.place_for_id(input.clone()).await, order);
    assert_ne!(bob.place_for_id(input).await, order);
    stage.until_listed(&alice, &[order]).await;
}

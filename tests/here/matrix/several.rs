//! More than one operation in a request: what is refused takes nothing else with it that could be `null`.

use serde_json::{Value, json};

use super::world::World;
use crate::support::{Answer, Subscriber, apples_and_a_pear, id, list, text};

/// The path and the type of each error, in their order.
fn errors(answer: &Answer) -> Vec<(Value, String)> {
    answer.errors.iter().map(|error| (error["path"].clone(), text(&error["errorType"]))).collect()
}

fn refused(keys: &[&str]) -> Vec<(Value, String)> {
    keys.iter().map(|key| (json!([key]), "Unauthorized".to_owned())).collect()
}

#[tokio::test]
async fn each_part_of_a_request_is_judged_by_itself() {
    let world = World::new(&[]).await;
    let ids = json!({
        "guest": world.order("guest"), "alice": world.order("alice"), "bob": world.order("bob"),
        "nobody": world.order("nobody"), "input": apples_and_a_pear(), "no": false,
    });
    for (name, seen) in [("guest", "guest"), ("alice", "alice"), ("bob", "bob")] {
        let query = "query ($guest: ID!, $alice: ID!, $bob: ID!, $nobody: ID!) { guest: order(id: $guest) { id } \
                     alice: order(id: $alice) { id } bob: order(id: $bob) { id } nobody: order(id: $nobody) { id } }";
        let answer = world.caller(name).run(query, ids.clone()).await;
        let mut expected = json!({ "guest": null, "alice": null, "bob": null, "nobody": null });
        expected[seen] = json!({ "id": world.order(seen) });
        assert_eq!((answer.data, answer.errors), (expected, vec![]), "{name}");
    }

    // What may not be null takes all of the data with it, and says no less.
    let query = "query ($guest: ID!) { mine: order(id: $guest) { id } list: orders { items { id } } }";
    let answer = world.caller("guest").run(query, ids.clone()).await;
    assert_eq!((errors(&answer), &answer.data), (refused(&["list"]), &Value::Null));
    let query =
        "{ orders { items { id } } ...More } fragment More on Query { all: ordersNeedingAttention { nextToken } }";
    let answer = world.caller("alice").run(query, json!({})).await;
    assert_eq!((errors(&answer), &answer.data), (refused(&["all"]), &Value::Null));

    let query = "query ($no: Boolean!) { orders { items { id } } \
                 ordersNeedingAttention @include(if: $no) { items { id } } }";
    let answer = world.caller("alice").run(query, ids.clone()).await;
    assert_eq!(
        (list(&answer.data["orders"]["items"]).len(), answer.errors),
        (2, vec![]),
        "what is left out is not asked"
    );

    let twice = "query ($guest: ID!, $alice: ID!) { it: order(id: $guest) { id } it: order(id: $alice) { id } }";
    let answer = world.caller("guest").run(twice, ids).await;
    assert_eq!((&answer.data, answer.errors.len()), (&Value::Null, 1), "one name for two orders: {answer:?}");
}

#[tokio::test]
async fn mutations_that_are_refused_stand_between_those_that_are_not() {
    let world = World::new(&[]).await;
    let before = world.as_it_stands().await;
    let query = "mutation ($input: PlaceOrderInput!, $for: PlaceOrderInput!, $id: ID!) { \
                 first: placeOrder(input: $input) { id } told: publishOrderChanged(id: $id) { id } \
                 ... on Mutation { reported: recordFulfilment(input: { orderId: $id, reference: \"R\" }) { id } } \
                 other: placeOrder(input: $for) { id } last: placeOrder(input: $input) { id } }";
    let mut on_behalf = apples_and_a_pear();
    on_behalf["customerId"] = world.customer("bob");
    for (name, keys) in [
        ("guest", &["told", "reported", "other"][..]),
        ("alice", &["told", "reported", "other"]),
        ("staff", &["told", "reported", "other"]),
        ("visitor", &["first", "told", "reported", "other", "last"]),
    ] {
        let variables = json!({ "input": apples_and_a_pear(), "for": on_behalf, "id": world.order("bob") });
        let answer = world.caller(name).run(query, variables).await;
        assert_eq!(errors(&answer), refused(keys), "{name}");
        for key in ["first", "told", "reported", "other", "last"] {
            assert_eq!(answer.data[key].is_null(), keys.contains(&key), "{name}, {key}: {}", answer.data);
        }
        if name != "visitor" {
            assert_ne!(id(&answer.data["first"]), id(&answer.data["last"]));
        }
    }
    assert_eq!(world.as_it_stands().await, before);
    assert_eq!(world.server.customer("bob").await.pages(Value::Null).await.concat(), world.ids_of("bob"));
}

#[tokio::test]
async fn a_subscription_to_two_things_starts_neither() {
    let world = World::new(&[]).await;
    let caller = world.caller("alice");
    let mut subscriber = Subscriber::connect(&world.server, caller).await;
    let own = subscriber.follow(caller, "orderChanged", world.order("alice")).await;
    let variables = json!({ "mine": world.order("alice"), "other": world.order("bob"), "no": false, "yes": true });
    for query in [
        "subscription ($mine: ID!, $other: ID!) { orderChanged(id: $mine) { id } other: orderChanged(id: $other) { id } }",
        "subscription ($mine: ID!) { orderChanged(id: $mine) { id } ...F } fragment F on Subscription { anyOrderChanged { id } }",
        "subscription ($mine: ID!) { orderChanged(id: $mine) { id } __typename }",
        "subscription ($mine: ID!, $no: Boolean!) { orderChanged(id: $mine) @include(if: $no) { id } }",
        "subscription ($mine: ID!, $yes: Boolean!) { orderChanged(id: $mine) @skip(if: $yes) { id } }",
    ] {
        let refused = subscriber.try_to_subscribe(caller, query, &variables).await.expect_err(query);
        assert!(!list(&refused["payload"]["errors"]).is_empty(), "{refused}");
    }
    for order in ["bob", "alice"] {
        world.server.announce(world.order(order)).await;
    }
    assert_eq!(id(&subscriber.order(&own).await), world.order("alice"), "nothing else was told");
}

//! The contract's table of who may do what, over HTTP: every caller, every query and mutation, whoever owns the order,
//! however the query is written.

use serde_json::{Value, json};

use crate::support::{Answer, Client, SEES, Stage, apples_and_a_pear, id, list};

/// A system, its callers, and an order of each kind.
struct World {
    stage: Stage,
    /// Name and client.
    callers: Vec<(&'static str, Client)>,
    /// Whose it is, and its id.
    orders: Vec<(&'static str, String)>,
}

impl World {
    async fn new() -> Self {
        let stage = Stage::reach().await;
        let callers = stage.one_of_each_kind().await;
        let (mut orders, mut for_alice) = (Vec::new(), apples_and_a_pear());
        for (name, caller) in &callers {
            let order = caller.place(apples_and_a_pear()).await;
            if *name == "alice" {
                for_alice["customerId"] = order["customerId"].clone();
            }
            orders.push((*name, id(&order)));
        }
        orders.push(("for alice", stage.backend().place_for_id(for_alice).await));
        for (_, order) in &orders {
            stage.until_fulfilled(order).await;
        }
        let of = |owner| orders.iter().find(|(of, _)| *of == owner).map_or("", |(_, order)| order.as_str());
        for (name, caller) in &callers {
            match *name {
                "alice" => stage.until_listed(caller, &[of("for alice"), of("alice")]).await,
                "bob" | "staff" => stage.until_listed(caller, &[of(name)]).await,
                _ => {}
            }
        }
        Self { stage, callers, orders }
    }

    /// Every caller with every order, and whether they may see it.
    fn pairs(&self) -> impl Iterator<Item = (String, &Client, &str, bool)> {
        self.callers.iter().flat_map(|(caller, client)| {
            let (_, sees) = SEES.iter().find(|(name, _)| name == caller).expect("every caller");
            self.orders.iter().map(move |(owner, order)| {
                (format!("{caller} and the order of {owner}"), client, order.as_str(), sees.contains(owner))
            })
        })
    }
}

fn assert_refused(answer: &Answer, what: &str) {
    assert_eq!(answer.errors.len(), 1, "{what}: {answer:?}");
    assert_eq!(answer.errors[0]["errorType"], "Unauthorized", "{what}");
    assert!(answer.data.is_null() || answer.data.as_object().is_some_and(|data| data.values().all(Value::is_null)));
}

#[tokio::test]
async fn each_sees_the_orders_that_are_theirs_to_see_however_they_ask() {
    let world = World::new().await;
    for (what, caller, order, sees) in world.pairs() {
        let expected = if sees { json!({ "id": order }) } else { Value::Null };
        for query in [
            "query ($id: ID!) { it: order(id: $id) { id } }",
            "query ($id: ID!, $asOf: AWSDateTime) { it: order(id: $id, asOf: $asOf) { id } }",
            "query ($id: ID!) { it: order(id: $id, asOf: null) { id } }",
            "query ($id: ID!) { ...Root } fragment Root on Query { it: order(id: $id) { ...One } } \
             fragment One on Order { id }",
            "query ($id: ID!) { ... on Query { it: order(id: $id) { ... on Order { id } } } }",
        ] {
            let answer = caller.run(query, json!({ "id": order })).await;
            assert_eq!((&answer.data["it"], answer.errors.len()), (&expected, 0), "{what}: {query}");
        }
    }
}

#[tokio::test]
async fn asking_for_all_at_once_shows_no_more() {
    let world = World::new().await;
    for (name, caller) in &world.callers {
        let (_, sees) = SEES.iter().find(|(caller, _)| caller == name).expect("every caller");
        let fields = world.orders.iter().enumerate();
        let fields: Vec<_> = fields.map(|(at, (_, id))| format!("o{at}: order(id: \"{id}\") {{ id }}")).collect();
        let answer = caller.run(&format!("{{ {} }}", fields.join(" ")), json!({})).await;
        assert!(answer.errors.is_empty(), "{name}: {answer:?}");
        for (at, (owner, order)) in world.orders.iter().enumerate() {
            let expected = if sees.contains(owner) { json!({ "id": order }) } else { Value::Null };
            assert_eq!(answer.data[format!("o{at}")], expected, "{name} and the order of {owner}");
        }
    }
}

#[tokio::test]
async fn lists_are_for_those_who_have_one() {
    let world = World::new().await;
    for (name, caller) in &world.callers {
        for arguments in ["", "(limit: null, nextToken: null)", "(limit: 5)"] {
            let own = caller.run(&format!("{{ mine: orders{arguments} {{ items {{ id }} }} }}"), json!({})).await;
            let expected = match *name {
                "alice" => vec!["for alice", "alice"],
                "bob" | "staff" => vec![*name],
                _ => {
                    assert_refused(&own, &format!("{name}: orders"));
                    continue;
                }
            };
            let find = |owner| world.orders.iter().find(|(of, _)| *of == owner).map(|(_, id)| json!({ "id": id }));
            let expected: Vec<_> = expected.into_iter().filter_map(find).collect();
            assert_eq!(own.value("mine")["items"], json!(expected), "{name}");
        }
        let attention = caller.run("{ ordersNeedingAttention { items { id } } }", json!({})).await;
        if ["staff", "backend"].contains(name) {
            let items = attention.value("ordersNeedingAttention")["items"].clone();
            let fulfilled = |item: &Value| world.orders.iter().any(|(_, order)| item["id"] == *order);
            assert!(!list(&items).iter().any(fulfilled), "{name}: {items}");
        } else {
            assert_refused(&attention, &format!("{name}: ordersNeedingAttention"));
        }
    }
}

#[tokio::test]
async fn everybody_places_orders_but_only_backends_for_others() {
    let world = World::new().await;
    for (name, caller) in &world.callers {
        let mut input = apples_and_a_pear();
        for nothing in ["document", "idempotencyKey", "customerId"] {
            input[nothing] = Value::Null;
        }
        let owner = caller.place(input.clone()).await["customerId"].clone();
        assert_eq!(owner.is_null(), ["guest", "backend"].contains(name), "{name}");
        let somebody = json!(world.stage.own("somebody"));
        input["customerId"] = somebody.clone();
        let on_behalf = caller.try_to_place(input).await;
        if *name == "backend" {
            assert_eq!(on_behalf.value("placeOrder")["customerId"], somebody);
        } else {
            assert_refused(&on_behalf, &format!("{name}: customerId"));
        }
    }
}

#[tokio::test]
async fn only_backends_report_and_announce() {
    let world = World::new().await;
    for (what, caller, order, _) in world.pairs() {
        let before = world.stage.backend().order(order).await;
        for mutation in ["publishOrderFulfilled", "publishOrderChanged"] {
            let answer = caller.try_to_publish(mutation, order).await;
            if what.starts_with("backend ") {
                assert_eq!(id(&answer.value(mutation)), order, "{what}");
            } else {
                assert_refused(&answer, &format!("{what}: {mutation}"));
            }
        }
        if !what.starts_with("backend ") {
            assert_refused(
                &caller.try_to_report(order, "R-1", Value::Null).await,
                &format!("{what}: recordFulfilment"),
            );
            let query = "mutation ($id: ID!) { a: publishOrderChanged(id: $id) { id } ...More } fragment More on \
                         Mutation { b: recordFulfilment(input: { orderId: $id, reference: \"R\" }) { id } }";
            let answer = caller.run(query, json!({ "id": order })).await;
            assert_eq!(answer.data, json!({ "a": null, "b": null }), "{what}");
            assert!(answer.errors.iter().all(|error| error["errorType"] == "Unauthorized"), "{what}: {answer:?}");
        }
        assert_eq!(world.stage.backend().order(order).await, before, "{what}: nothing has happened");
    }
}
